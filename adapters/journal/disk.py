"""The calls of the operating system under journal and audit log, in one place.

Faults are injected here: a subclass that writes in part, reports a full disk, or ends the process
in the middle of a write stands for the real one. SQLite's own calls do not pass here.
"""

import os
from pathlib import Path


class Disk:
    """The real disk. Every method raises `OSError` as the system does; none is retried."""

    def open(self, path: Path, flags: int) -> int:
        """Open *path*, not inherited by children; a new file is its owner's only."""
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes) -> int:
        """Write *data*, or a part of it; return how many bytes were taken."""
        return os.write(fd, data)

    def read_at(self, fd: int, size: int, offset: int) -> bytes:
        """Return *size* bytes from *offset*, fewer where the file ends."""
        return os.pread(fd, size, offset)

    def size(self, fd: int) -> int:
        """Return the file's size in bytes."""
        return os.fstat(fd).st_size

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to *size* bytes."""
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        """Wait until what was written is on the disk. Blocks, for milliseconds as a rule."""
        os.fdatasync(fd)

    def close(self, fd: int) -> None:
        """Close the file."""
        os.close(fd)

    def replace(self, source: Path, target: Path) -> None:
        """Give *source* the name *target*, in one step; what had that name is gone."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove the file; one that is not there is fine."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names of the files in the folder *path* are on the disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


REAL_DISK = Disk()
"""The disk that is used unless another is given."""


def write_all(disk: Disk, fd: int, data: bytes) -> None:
    """Write all of *data*: the kernel cuts a write short only where the disk is full, as a rule.

    Raises:
        OSError: It could not be written; a part of it may have been.
    """
    done = disk.write(fd, data)
    while done < len(data):
        done += disk.write(fd, data[done:])
