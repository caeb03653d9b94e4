"""Waiting for the disk, for many at once: one wait serves all that was appended before it began."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, final

import trio

from hookflash.adapters.journal.append_file import AppendFile
from hookflash.adapters.journal.disk import Disk
from hookflash.adapters.journal.locking import place_error

T = TypeVar("T")


class InThread(Protocol):
    """Calls a function where it may block, and waits for what it returns."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]:
        """Call *function*. It is never left alone: a cancellation waits until it has returned."""
        ...


@final
class OneThread:
    """Calls functions in a thread, one at a time."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(1)

    async def __call__(self, function: Callable[[], T], /) -> T:
        """Call *function* in the thread."""
        return await trio.to_thread.run_sync(function, limiter=self._limiter)


@final
class Syncing:
    """The files of which a part may not be on the disk yet.

    Args:
        file: The one that is appended to.
        appended: Tells how much was appended, as a number that rises.
        strict: Whether everything is waited for all the time: then a file stays open until it was
            synced, because only who had it open before is sure to learn of an error.
        in_thread: Calls what blocks.
        disk: Where the files are.
    """

    def __init__(
        self,
        file: AppendFile,
        appended: Callable[[], int],
        *,
        strict: bool,
        in_thread: InThread,
        disk: Disk,
    ) -> None:
        self._file = file
        self._appended = appended
        self._strict = strict
        self._in_thread = in_thread
        self._disk = disk
        self._earlier: list[AppendFile] = []
        self._folder_behind = True
        self._synced = 0
        self._under_way: trio.Event | None = None

    def begin(self, file: AppendFile) -> None:
        """Take up that what follows is appended to *file*; the file before it is closed by us."""
        self._earlier.append(self._file)
        if not self._strict:
            self._file.close()
        self._file = file
        self._folder_behind = True

    def replace(self, file: AppendFile) -> None:
        """Take up that *file* stands in the place of the newest one, which was empty."""
        self._file.close()
        self._file = file

    def put_away(self, path: Path) -> None:
        """Take up that what is in the file at *path* stands elsewhere, on the disk."""
        if self._under_way is None:
            self._drop([file for file in self._earlier if file.path == path])

    async def wait(self) -> None:
        """Wait until all that was appended is on the disk.

        Raises:
            JournalError: The disk reports an error.
        """
        wanted = self._appended()
        while self._synced < wanted:
            if self._under_way is not None:
                await self._under_way.wait()
                continue
            self._under_way = trio.Event()
            try:
                appended, earlier, file = self._appended(), list(self._earlier), self._file
                await self._in_thread(partial(self._sync, earlier, file))
            finally:
                self._under_way.set()
                self._under_way = None
            self._done(appended, earlier, file)

    def now(self) -> None:
        """As `wait`, but block."""
        if self._synced < self._appended():
            self._sync(self._earlier, self._file)
            # The thread may be in the middle of the same files: what it took up it closes.
            earlier = [] if self._under_way is not None else list(self._earlier)
            self._done(self._appended(), earlier, self._file)

    def _sync(self, earlier: Sequence[AppendFile], file: AppendFile) -> None:
        for one in (*earlier, file):
            one.sync()
        if self._folder_behind:
            folder = file.path.parent
            try:
                self._disk.sync_folder(folder)
            except OSError as error:
                raise place_error(folder, f"cannot be synced to disk: {error.strerror}") from error

    def _done(self, appended: int, earlier: list[AppendFile], file: AppendFile) -> None:
        self._synced = max(self._synced, appended)
        self._folder_behind = self._folder_behind and file is not self._file
        self._drop(earlier)

    def _drop(self, files: list[AppendFile]) -> None:
        for file in files:
            file.close()
            self._earlier.remove(file)

    def close(self) -> None:
        """Close all files."""
        self._drop(list(self._earlier))
        self._file.close()
