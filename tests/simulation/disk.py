"""A disk that fills up, tears writes, is slow, and on which processes die."""

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import TypeVar, final

import trio
from attrs import frozen

from hookflash.adapters.journal.disk import Disk

T = TypeVar("T")

ZERO_FILLED = 0.3
"""Share of power cuts after which what was not synced is there, but zero: ext4 and XFS do that
when a file's size reached the disk before its data."""


class Killed(BaseException):
    """The simulated process is dead. No `Exception`: nothing that it runs may carry on."""


@frozen
class DiskFaults:
    """What the disk does wrong in one life of the process.

    Attributes:
        kill_at: The operation at which the process dies; None for none. Half of the writes at
            which it dies are torn.
        full_from: The operation from which the disk is full; None for none.
        full_for: For how many operations.
        sync_s: The longest time that a sync takes.
        sync_fails_at: The operation at which a sync reports that the disk failed; None for none.
    """

    kill_at: int | None = None
    full_from: int | None = None
    full_for: int = 0
    sync_s: float = 0.0
    sync_fails_at: int | None = None


@final
class SimulatedDisk(Disk):
    """The real disk with faults; one for each life of the process.

    Attributes:
        dead: Whether the process is dead: every call raises `Killed`.
        operations: How many calls that change something there were.
        counts: What went wrong, by kind.
    """

    def __init__(self, chance: Random, faults: DiskFaults) -> None:
        self._chance = chance
        self._faults = faults
        self._paths: dict[int, Path] = {}
        self._synced: dict[Path, int] = {}
        self.dead = False
        self.operations = 0
        self.counts: dict[str, int] = {}

    def count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def die(self) -> None:
        """Kill the process here and now."""
        self.dead = True

    def _alive(self) -> None:
        if self.dead:
            raise Killed

    def _changes(self) -> None:
        """Count a change; at the planned one the process dies."""
        self._alive()
        self.operations += 1
        if self.operations == self._faults.kill_at:
            self.dead = True
            self.count("killed_in_operation")
            raise Killed

    @property
    def _full(self) -> bool:
        start = self._faults.full_from
        return start is not None and start <= self.operations < start + self._faults.full_for

    def open(self, path: Path, flags: int) -> int:
        self._alive()
        fd = super().open(path, flags)
        self._paths[fd] = path
        self._synced.setdefault(path, os.fstat(fd).st_size)
        return fd

    def write(self, fd: int, data: bytes) -> int:
        self._alive()
        try:
            self._changes()
        except Killed:
            if self._chance.random() < 0.5:
                self.count("torn_write")
                super().write(fd, data[: self._chance.randrange(len(data) + 1)])
            raise
        if self._full:
            self.count("disk_full")
            if self._chance.random() < 0.5 and len(data) > 1:
                return super().write(fd, data[: self._chance.randrange(1, len(data))])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data)

    def truncate(self, fd: int, size: int) -> None:
        self._changes()
        super().truncate(fd, size)

    def sync(self, fd: int) -> None:
        self._changes()
        fails_at = self._faults.sync_fails_at
        if fails_at is not None and self.operations >= fails_at:
            self.count("sync_failed")
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        path = self._paths[fd]
        self._synced[path] = os.fstat(fd).st_size

    def sync_folder(self, path: Path) -> None:
        self._changes()

    def close(self, fd: int) -> None:
        # A process that dies closes its files as well.
        self._paths.pop(fd, None)
        super().close(fd)

    def replace(self, source: Path, target: Path) -> None:
        self._changes()
        super().replace(source, target)
        self._synced[target] = self._synced.pop(source, target.stat().st_size)

    def remove(self, path: Path) -> None:
        self._changes()
        super().remove(path)
        self._synced.pop(path, None)

    def cut_power(self) -> None:
        """Lose what was not synced, or some of it; the process must be dead."""
        self.count("power_cut")
        for path, synced in self._synced.items():
            # SQLite's files do not pass here; it syncs what it says it has written.
            if path.suffix == ".db" or not path.exists() or (size := path.stat().st_size) <= synced:
                continue
            with path.open("r+b") as file:
                kept = synced + self._chance.randrange(size - synced + 1)
                if self._chance.random() < ZERO_FILLED:
                    file.seek(kept)
                    file.write(bytes(size - kept))
                else:
                    file.truncate(kept)

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Stand for the journal's thread: slow, and a process may die meanwhile."""
        self._alive()
        await trio.sleep(self._chance.random() * self._faults.sync_s)
        self._alive()
        return function()

    def in_thread_like(self) -> Callable[[Callable[[], T]], Awaitable[T]]:
        return self.in_thread
