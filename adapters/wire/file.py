"""The file of a wire recording while it is written: nobody ever waits for its disk.

Lines go into a queue, and a thread of its own writes them. A disk that is slow lets the queue fill
up, and then lines are dropped, which the recorder counts and says in the file. A disk that takes no
more ends the recording: the file is cut back to its last whole line.
"""

import os
import stat
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from hookflash.adapters.journal.disk import REAL_DISK, Disk, write_all
from hookflash.machines.errors import ConfigurationError

QUEUE_BYTES_MAX: Final = 8_388_608
"""What may wait for the disk: some 30,000 lines, which is seconds of the busiest gateway."""

GATHER_S: Final = 0.02
"""How long lines are gathered before they are written: many for one system call."""

CLOSE_S: Final = 2.0
"""How long closing waits for the disk; what is not written then is lost."""

EARLIER: Final = ".1"
"""What the name of an earlier recording ends in that was in the way."""


@final
class WireFile:
    """An open file; `put` and `close` belong to one thread.

    Args:
        path: Where it is; a regular file that is there gets the name `PATH.1`.
        last_words: Returns the line that says that the disk took no more; gets the number of lines
            that are in the file. Called in the file's own thread.
        queue_bytes_max: What may wait.
        disk: Where it is.

    Raises:
        ConfigurationError: It cannot be made there.
    """

    def __init__(
        self,
        path: Path,
        last_words: Callable[[int], bytes],
        *,
        queue_bytes_max: int = QUEUE_BYTES_MAX,
        disk: Disk = REAL_DISK,
    ) -> None:
        self.path = path
        self._last_words = last_words
        self._queue_bytes_max = queue_bytes_max
        self._disk = disk
        self._fd = _make(path, disk)
        self._queue: deque[bytes] = deque()
        self._put_bytes = 0
        self._written_bytes = 0
        self._size = 0
        self._lines = 0
        self._work = threading.Event()
        self._closing = threading.Event()
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="wire-recording", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why the disk takes no more; None while it does."""
        return self._problem

    def put(self, line: bytes) -> bool:
        """Queue *line*. Never waits.

        Returns:
            False where there is no room: the line is not in the file.
        """
        # Both only rise, each in one thread: their difference is what waits, or more.
        if self._put_bytes + len(line) - self._written_bytes > self._queue_bytes_max:
            return False
        self._put_bytes += len(line)
        self._queue.append(line)
        if not self._work.is_set():
            self._work.set()
        return True

    def close(self, timeout_s: float = CLOSE_S) -> bool:
        """Write what is queued and close the file; waits for so many seconds at most.

        Returns:
            Whether all was written.
        """
        self._closing.set()
        self._work.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and self._problem is None

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._work.wait()
                # Some more may come at once; and the engine's thread has the interpreter meanwhile.
                self._closing.wait(GATHER_S)
                self._work.clear()
                self._write_queued()
            self._write_queued()
        finally:
            self._close()

    def _write_queued(self) -> None:
        queue = self._queue
        while queue:
            batch: list[bytes] = []
            size = 0
            while queue and size < 1 << 20:
                line = queue.popleft()
                batch.append(line)
                size += len(line)
            if self._problem is None:
                self._write(b"".join(batch), len(batch))
            self._written_bytes += size

    def _write(self, data: bytes, lines: int) -> None:
        done = 0
        try:
            while done < len(data):
                taken = self._disk.write(self._fd, data[done:])
                done += taken
                self._size += taken
        except OSError as error:
            self._problem = error.strerror or type(error).__name__
            whole = data.rfind(b"\n", 0, done) + 1
            self._lines += data.count(b"\n", 0, whole)
            self._size += whole - done
            self._say_last_words()
            return
        self._lines += lines

    def _say_last_words(self) -> None:
        """Cut the file back to whole lines, and say in it that it ends here if that still fits."""
        try:
            self._disk.truncate(self._fd, self._size)
            write_all(self._disk, self._fd, self._last_words(self._lines))
        except OSError:
            with suppress(OSError):  # a torn last line is what a reader reckons with
                self._disk.truncate(self._fd, self._size)

    def _close(self) -> None:
        try:
            self._disk.close(self._fd)
        except OSError as error:
            self._problem = self._problem or error.strerror or type(error).__name__


def _make(path: Path, disk: Disk) -> int:
    """Make the file, readable by its owner only, and put an earlier one aside."""
    try:
        found = os.lstat(path) if os.path.lexists(path) else None
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(
                f"the wire recording cannot be at {path}: there is something that is no file",
                advice="name another place",
                source="wire.path",
            )
        if found is not None:
            disk.replace(path, path.with_name(path.name + EARLIER))
        return disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
    except OSError as error:
        raise ConfigurationError(
            f"the wire recording {path} cannot be made: {error.strerror or error}",
            advice="name a folder that exists and can be written (setting `[wire] path`)",
            source="wire.path",
        ) from error
