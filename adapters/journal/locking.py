"""The lock of a file that one process writes to."""

import fcntl
import os
from pathlib import Path
from typing import final

from hookflash.machines.errors import JournalError

_PID_BYTES_MAX = 32


def place_error(path: Path, problem: str, *, advice: str = "") -> JournalError:
    """Return the error that says *problem* of the file at *path*."""
    return JournalError(f"{path}: {problem}", advice=advice, path=str(path))


def followed(path: str | Path) -> Path:
    """Return where *path* leads: a link and the file itself are locked under one name."""
    path = Path(path)
    return path.resolve() if path.is_symlink() else path


@final
class FileLock:
    """The lock on `PATH.lock`, held by this process until `close`.

    A file of its own, because `flock` tells no id, and because POSIX locks, which do, are lost as
    soon as the process closes any other descriptor of the file: reading the journal would do that.
    It stays behind: removing it would let two processes lock two files of one name.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, path: Path) -> "FileLock":
        """Lock `PATH.lock` for this process and write its id into it.

        Args:
            path: The file that is to be locked; it need not exist, its folder must.

        Raises:
            JournalError: Another process has it, named by its id, or it cannot be locked.
        """
        lock_path = path.with_name(path.name + ".lock")
        try:
            fd = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError as error:
            raise place_error(
                path, "its folder does not exist", advice="make the folder, or name another file"
            ) from error
        except OSError as error:
            raise place_error(path, f"cannot be locked: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        except BlockingIOError:
            owner = os.pread(fd, _PID_BYTES_MAX, 0).strip().decode("ascii", "replace")
            os.close(fd)
            raise JournalError(
                f"{path}: is in use by process {owner or 'of unknown id'}",
                advice="stop that process, or give this one a file of its own",
                path=str(path),
                pid=int(owner) if owner.isdecimal() else None,
            ) from None
        except OSError as error:
            os.close(fd)
            raise place_error(path, f"cannot be locked: {error.strerror}") from error
        return cls(fd)

    def close(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
