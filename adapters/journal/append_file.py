"""A file of lines that one process appends to and that is whole whatever happens.

The ground under the journal and the audit log: one write per batch, handed to the operating system
before `append` returns, so that it survives the end of the process; a write that the disk refuses
is taken back; a last line that a crash tore is cut aside when the file is opened again.
"""

import os
import stat
from pathlib import Path
from typing import final

from hookflash.adapters.journal.disk import REAL_DISK, Disk, write_all
from hookflash.adapters.journal.locking import FileLock, followed, place_error
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import JournalError
from hookflash.machines.lines import LINE_BYTES_MAX

_log = get_logger("hookflash.journal")

BYTES_MAX = 8 * 1024**3
"""Default bound on a file, 8 GiB: some ten million commands, and what a small disk can hold."""

_BLOCK_BYTES = 65_536


@final
class AppendFile:
    """An open file; close it with `close`.

    Everything is synchronous: a write to the page cache takes microseconds, less than handing it
    to a thread. Not for several threads at once.

    Attributes:
        path: Where it is, for messages.
        size: Its size in bytes.
    """

    def __init__(
        self,
        path: Path,
        fd: int,
        *,
        size: int = 0,
        bytes_max: int = BYTES_MAX,
        lock: FileLock | None = None,
        disk: Disk = REAL_DISK,
    ) -> None:
        self.path = path
        self.size = size
        self._fd = fd
        self._lock = lock
        self._room = bytes_max
        self._disk = disk
        self._write = disk.write
        self._broken: str | None = None

    @classmethod
    def open(
        cls, path: str | Path, *, bytes_max: int = BYTES_MAX, disk: Disk = REAL_DISK
    ) -> "AppendFile":
        """Open or make the file at *path*, lock it and cut a torn last line aside.

        A new file is readable by its owner only. The lock is on `PATH.lock`, which holds the
        process id and stays behind; the torn part goes to the end of `PATH.torn`.

        Args:
            path: The file. Its folder must exist.
            bytes_max: Size beyond which nothing is appended.
            disk: Where it is.

        Raises:
            JournalError: Another process has it open (the message names its id), or it cannot be
                opened or written.
        """
        path = followed(path)
        lock = FileLock.take(path)
        fd = -1
        try:
            fd = disk.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            _check_regular(path, fd)
            size = _repair(path, fd, disk)
        except OSError as error:
            _give_back(fd, lock, disk)
            raise place_error(path, f"cannot be opened: {error.strerror}") from error
        except BaseException:
            _give_back(fd, lock, disk)
            raise
        return cls(path, fd, size=size, bytes_max=bytes_max, lock=lock, disk=disk)

    @classmethod
    def begin(cls, path: Path, *, disk: Disk = REAL_DISK) -> "AppendFile":
        """Make the file at *path* anew, for a caller who holds a lock on what it is a part of.

        Raises:
            JournalError: There is one already, or it cannot be made.
        """
        try:
            return cls(
                path, disk.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL), disk=disk
            )
        except OSError as error:
            raise place_error(path, f"cannot be made: {error.strerror}") from error

    def append(self, lines: bytes) -> None:
        """Append *lines*; when this returns they survive the end of the process.

        Args:
            lines: Whole lines, each with its newline.

        Raises:
            JournalError: They could not be written, and the file is as it was before. Make room on
                the disk, or move the file away and begin another one.
        """
        size = self.size + len(lines)
        if size > self._room:
            raise self._refusal()
        try:
            # One write as a rule; the kernel cuts one short only where the disk is full.
            done = self._write(self._fd, lines)
            while done < len(lines):
                done += self._write(self._fd, lines[done:])
        except OSError as error:
            self._take_back(error)
            raise place_error(
                self.path,
                f"cannot be written: {error.strerror}",
                advice="make room on the disk; what is in the file is whole",
            ) from error
        self.size = size

    def _refusal(self) -> JournalError:
        if self._fd < 0:
            return place_error(self.path, "is closed")
        if self._broken is not None:
            return place_error(self.path, self._broken)
        return place_error(
            self.path,
            f"has {self.size} bytes and may have {self._room} at most",
            advice="move it away and begin another one, or raise the limit",
        )

    def _break(self, problem: str) -> None:
        self._broken = problem
        self._room = -1

    def _take_back(self, cause: OSError) -> None:
        try:
            self._disk.truncate(self._fd, self.size)
        except OSError:
            problem = f"could not be written ({cause.strerror}) nor cut back; open it again"
            self._break(problem)
            _log.error("file.broken", path=str(self.path), reason=problem)

    def sync(self) -> None:
        """Wait until all that was appended is on the disk; survives a loss of power then.

        Blocks for milliseconds: call it in a thread. It may run beside `append`. After `close` it
        opens the file once more; one that is not there any more needs no syncing.

        Raises:
            JournalError: The disk reports an error; what was appended may be lost. Nothing more is
                appended then: the system reports such an error once, and the next sync would
                succeed without what was lost.
        """
        if self._broken is not None:
            raise place_error(self.path, self._broken)
        try:
            if self._fd >= 0:
                self._disk.sync(self._fd)
            else:
                self._sync_closed()
        except OSError as error:
            problem = f"cannot be synced to disk: {error.strerror}"
            self._break(problem)
            raise place_error(self.path, problem) from error

    def _sync_closed(self) -> None:
        try:
            fd = self._disk.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            self._disk.sync(fd)
        finally:
            self._disk.close(fd)

    def first_line(self) -> bytes:
        """Return the first line with its newline; empty for an empty file.

        Raises:
            JournalError: It has no end within `LINE_BYTES_MAX`, or cannot be read.
        """
        try:
            block = self._disk.read_at(self._fd, LINE_BYTES_MAX, 0)
        except OSError as error:
            raise place_error(self.path, f"cannot be read: {error.strerror}") from error
        end = block.find(b"\n") + 1
        if end == 0 and block:
            raise place_error(self.path, f"its first line has more than {LINE_BYTES_MAX} bytes")
        return block[:end]

    def last_line(self) -> bytes:
        """Return the last line with its newline; empty for an empty file.

        Raises:
            JournalError: It has no beginning within `LINE_BYTES_MAX`, or cannot be read.
        """
        start = max(0, self.size - LINE_BYTES_MAX)
        try:
            block = self._disk.read_at(self._fd, LINE_BYTES_MAX, start)
        except OSError as error:
            raise place_error(self.path, f"cannot be read: {error.strerror}") from error
        begin = block.rfind(b"\n", 0, -1) + 1
        if begin == 0 and start > 0:
            raise place_error(self.path, f"its last line has more than {LINE_BYTES_MAX} bytes")
        return block[begin:]

    def end(self, size: int) -> bytes:
        """Return the last *size* bytes, or all; the first line may be cut.

        Raises:
            JournalError: They cannot be read.
        """
        parts: list[bytes] = []
        start = max(0, self.size - size)
        try:
            while start < self.size and (part := self._disk.read_at(self._fd, size, start)):
                parts.append(part)
                start += len(part)
        except OSError as error:
            raise place_error(self.path, f"cannot be read: {error.strerror}") from error
        return b"".join(parts)

    def close(self) -> None:
        """Close the file and give the lock back; a second call does nothing."""
        if self._fd >= 0:
            self._disk.close(self._fd)
            self._fd = self._room = -1
            if self._lock is not None:
                self._lock.close()


def _give_back(fd: int, lock: FileLock, disk: Disk) -> None:
    if fd >= 0:
        disk.close(fd)
    lock.close()


def _check_regular(path: Path, fd: int) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise place_error(path, "is no regular file")


def _repair(path: Path, fd: int, disk: Disk) -> int:
    """Cut what follows the last newline aside; return the size that is left."""
    size = disk.size(fd)
    end = size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        newline = disk.read_at(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        torn_path = set_aside(path, fd, end, disk)
        _log.warning(
            "file.torn_line_cut", path=str(path), torn_bytes=size - end, torn_path=str(torn_path)
        )
    return end


def set_aside(path: Path, fd: int, start: int, disk: Disk, *, beside: Path | None = None) -> Path:
    """Move what follows byte *start* to the end of `PATH.torn`, with a newline after it.

    Args:
        path: The file.
        fd: The same, open for reading and writing.
        start: Where to cut it.
        disk: Where it is.
        beside: The file whose name the torn part gets, ending in `.torn`; None for *path*.

    Returns:
        Where the torn part is.

    Raises:
        OSError: It could not be moved; the file is as it was then.
    """
    beside = path if beside is None else beside
    torn_path = beside.with_name(beside.name + ".torn")
    size = disk.size(fd)
    torn = disk.open(torn_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        for offset in range(start, size, _BLOCK_BYTES):
            write_all(disk, torn, disk.read_at(fd, min(_BLOCK_BYTES, size - offset), offset))
        write_all(disk, torn, b"\n")
        disk.sync(torn)
    finally:
        disk.close(torn)
    disk.truncate(fd, start)
    return torn_path
