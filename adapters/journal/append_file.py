"""A file of lines that one process appends to and that is whole whatever happens.

The ground under the journal and the audit log: one writer (locked), one write per batch, handed to
the operating system before `append` returns, so that it survives the end of the process; a write
that the disk refuses is taken back; a last line that a crash tore is cut aside when the file is
opened again.
"""

import fcntl
import os
import stat
from pathlib import Path
from typing import final

from hookflash.engine.logs import get_logger
from hookflash.machines.errors import JournalError
from hookflash.machines.lines import LINE_BYTES_MAX

_log = get_logger("hookflash.journal")

BYTES_MAX = 8 * 1024**3
"""Default bound on a file, 8 GiB: some ten million commands, and what a small disk can hold."""

_BLOCK_BYTES = 65_536
_PID_BYTES_MAX = 32


@final
class AppendFile:
    """An open, locked file; close it with `close`.

    Everything is synchronous: a write to the page cache takes microseconds, less than handing it
    to a thread. Not for several threads at once.

    Attributes:
        path: Where it is, for messages.
    """

    def __init__(self, path: Path, fd: int, lock_fd: int, size: int, bytes_max: int) -> None:
        self.path = path
        self._fd = fd
        self._lock_fd = lock_fd
        self._size = size
        self._bytes_max = bytes_max
        self._broken: str | None = None

    @classmethod
    def open(cls, path: str | Path, *, bytes_max: int = BYTES_MAX) -> "AppendFile":
        """Open or make the file at *path*, lock it and cut a torn last line aside.

        A new file is readable by its owner only. The lock is on `PATH.lock`, which holds the
        process id and stays behind; the torn part goes to the end of `PATH.torn`.

        Args:
            path: The file. Its folder must exist.
            bytes_max: Size beyond which nothing is appended.

        Raises:
            JournalError: Another process has it open (the message names its id), or it cannot be
                opened or written.
        """
        path = Path(path)
        lock_fd = _lock(path)
        fd = -1
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise _error(path, "is no regular file")
            size = _repair(path, fd)
        except OSError as error:
            _close(fd, lock_fd)
            raise _error(path, f"cannot be opened: {error.strerror}") from error
        except JournalError:
            _close(fd, lock_fd)
            raise
        return cls(path, fd, lock_fd, size, bytes_max)

    def append(self, lines: bytes) -> None:
        """Append *lines*; when this returns they survive the end of the process.

        Args:
            lines: Whole lines, each with its newline.

        Raises:
            JournalError: They could not be written, and the file is as it was before. Make room on
                the disk, or move the file away and begin another one.
        """
        if self._fd < 0:
            raise _error(self.path, "is closed")
        if self._broken is not None:
            raise _error(self.path, self._broken)
        if self._size + len(lines) > self._bytes_max:
            raise _error(
                self.path,
                f"has {self._size} bytes and may have {self._bytes_max} at most",
                advice="move it away and begin another one, or raise the limit",
            )
        done = 0
        try:
            while done < len(lines):
                # One write as a rule; the kernel cuts one short only where the disk is full.
                done += os.write(self._fd, lines[done:] if done else lines)
        except OSError as error:
            self._take_back(error)
            raise _error(
                self.path,
                f"cannot be written: {error.strerror}",
                advice="make room on the disk; what is in the file is whole",
            ) from error
        self._size += done

    def _take_back(self, cause: OSError) -> None:
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._broken = f"could not be written ({cause.strerror}) nor cut back; open it again"
            _log.error("file.broken", path=str(self.path), reason=self._broken)

    def sync(self) -> None:
        """Wait until all that was appended is on the disk; survives a loss of power then.

        Blocks for milliseconds: call it in a thread. It may run beside `append`.

        Raises:
            JournalError: The disk reports an error; what was appended may be lost.
        """
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise _error(self.path, f"cannot be synced to disk: {error.strerror}") from error

    def first_line(self) -> bytes:
        """Return the first line with its newline; empty for an empty file.

        Raises:
            JournalError: It has no end within `LINE_BYTES_MAX`, or cannot be read.
        """
        try:
            block = os.pread(self._fd, LINE_BYTES_MAX, 0)
        except OSError as error:
            raise _error(self.path, f"cannot be read: {error.strerror}") from error
        end = block.find(b"\n") + 1
        if end == 0 and block:
            raise _error(self.path, f"its first line has more than {LINE_BYTES_MAX} bytes")
        return block[:end]

    def last_line(self) -> bytes:
        """Return the last line with its newline; empty for an empty file.

        Raises:
            JournalError: It has no beginning within `LINE_BYTES_MAX`, or cannot be read.
        """
        start = max(0, self._size - LINE_BYTES_MAX)
        try:
            block = os.pread(self._fd, LINE_BYTES_MAX, start)
        except OSError as error:
            raise _error(self.path, f"cannot be read: {error.strerror}") from error
        begin = block.rfind(b"\n", 0, -1) + 1
        if begin == 0 and start > 0:
            raise _error(self.path, f"its last line has more than {LINE_BYTES_MAX} bytes")
        return block[begin:]

    def close(self) -> None:
        """Close the file and give the lock back; a second call does nothing."""
        if self._fd >= 0:
            _close(self._fd, self._lock_fd)
            self._fd = self._lock_fd = -1


def _close(*fds: int) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)


def _error(path: Path, problem: str, *, advice: str = "") -> JournalError:
    return JournalError(f"{path}: {problem}", advice=advice, path=str(path))


def _lock(path: Path) -> int:
    """Lock `PATH.lock` for this process and write its id into it.

    A file of its own, because `flock` tells no id, and because POSIX locks, which do, are lost as
    soon as the process closes any other descriptor of the file: reading the journal would do that.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        fd = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as error:
        raise _error(
            path, "its folder does not exist", advice="make the folder, or name another file"
        ) from error
    except OSError as error:
        raise _error(path, f"cannot be locked: {error.strerror}") from error
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
        raise _error(path, f"cannot be locked: {error.strerror}") from error
    return fd


def _repair(path: Path, fd: int) -> int:
    """Cut what follows the last newline aside; return the size that is left."""
    size = os.fstat(fd).st_size
    end = size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end == size:
        return size
    torn_path = path.with_name(path.name + ".torn")
    torn = os.open(torn_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for start in range(end, size, _BLOCK_BYTES):
            part = os.pread(fd, min(_BLOCK_BYTES, size - start), start)
            while part:
                part = part[os.write(torn, part) :]
        os.write(torn, b"\n")
        os.fsync(torn)
    finally:
        os.close(torn)
    os.ftruncate(fd, end)
    _log.warning(
        "file.torn_line_cut", path=str(path), torn_bytes=size - end, torn_path=str(torn_path)
    )
    return end
