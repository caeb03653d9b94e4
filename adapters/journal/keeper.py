"""The journal's keeper: puts tails into the database and old days into recordings, one by one."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, final

import trio
from attrs import define

from hookflash.adapters.journal.database import Database, States
from hookflash.adapters.journal.disk import Disk
from hookflash.adapters.journal.housekeeping import old_part, put_away, retire
from hookflash.adapters.journal.limits import Retention
from hookflash.adapters.journal.snapshots import Changes
from hookflash.adapters.journal.syncing import InThread
from hookflash.adapters.journal.tails import Tail, day_of
from hookflash.engine.logs import get_logger
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError, MalformedRecord
from hookflash.machines.instants import Instant

_log = get_logger("hookflash.journal")

_WARN_SHARE: Final = 0.9


@define
class _Waiting:
    """A tail that waits; without changes it leaves the snapshot where it is."""

    tail: Tail
    changes: Changes | None


@final
class Keeper:
    """Puts away what the journal hands over, in order. What fails stays and is tried again.

    Args:
        database: The journal's.
        codec: Writes how interactions stand.
        retention: What is kept, and for how long.
        now: Tells what day it is.
        is_away: Called with the path of each tail that was put away.
        in_thread: Calls what blocks.
        disk: Where the files are.

    Attributes:
        bytes: The size of the database, and of the tails that wait.
    """

    def __init__(
        self,
        database: Database,
        codec: RecordCodec[Any],
        retention: Retention,
        *,
        now: Callable[[], Instant],
        is_away: Callable[[Path], None],
        in_thread: InThread,
        disk: Disk,
    ) -> None:
        self._database = database
        self._codec = codec
        self._retention = retention
        self._now = now
        self._is_away = is_away
        self._in_thread = in_thread
        self._disk = disk
        self._snapshot_failed = False
        self._before: Callable[[], None] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._bell = trio.Event()
        self._bell.set()
        self._warned = False
        self.bytes = database.bytes_used

    def hand_over(self, tail: Tail, changes: Changes | None) -> None:
        """Take a tail up that is to be put away.

        Args:
            tail: The tail.
            changes: What has changed in it; None where that is not known.
        """
        self._waiting.append(_Waiting(tail, changes))
        self.bytes += tail.size
        self._warn()
        self._bell.set()

    def before_putting_away(self, call: Callable[[], None]) -> None:
        """Have *call* called before each tail is put away, in the thread; see `SqliteJournal`."""
        self._before = call

    def adopt(self, changes: Changes) -> bool:
        """Take up what has changed in all tails that wait, which nobody knew before.

        Returns:
            False where none waits.
        """
        if not self._waiting:
            return False
        self._waiting[-1].changes = changes
        return True

    async def run(self) -> None:
        """Keep house until cancelled: whenever something was handed over, and at the beginning."""
        while True:
            await self._bell.wait()
            self._bell = trio.Event()
            try:
                await self._put_away()
                await self._retire()
            except JournalError as error:
                # Tried again with the next tail.
                _log.warning("journal.housekeeping_failed", reason=str(error))

    async def _put_away(self) -> None:
        while self._waiting:
            one = self._waiting[0]
            states: States | None = None
            for written in self._written(one.changes):
                states = written
                await trio.lowlevel.checkpoint()
            if not await self._in_thread(partial(self._put_one_away, one.tail, states)):
                _log.warning("journal.reader_in_the_way", path=str(self._database.path))
                return
            self._done()

    def finish(self, changes: Changes | None) -> None:
        """Put away all that waits, here and now: for the end.

        Args:
            changes: What has changed since, without a line that tells of it; None for nothing.
        """
        try:
            while self._waiting:
                one = self._waiting[0]
                *_, states = self._written(one.changes)
                self._put_one_away(one.tail, states)
                self._done()
            if changes:
                *_, states = self._written(changes)
                self._bring_forward(states)
        except JournalError as error:
            _log.warning("journal.housekeeping_failed", reason=str(error))

    def _bring_forward(self, states: States | None) -> None:
        if states is not None:
            if self._before is not None:
                self._before()
            with self._database.transaction():
                self._database.put_states(states)
            self._database.settle()

    def _put_one_away(self, tail: Tail, states: States | None) -> bool:
        if self._before is not None:
            self._before()
        return put_away(self._database, tail, states, self._disk)

    def _written(self, changes: Changes | None) -> Iterator[States | None]:
        if changes is None or self._snapshot_failed:
            yield None
            return
        try:
            yield from changes.written(self._codec)
        except MalformedRecord as error:
            # A bug of the machine. Its records can be written, so the next recovery has all. The
            # snapshot stays where it is from now on: what is missing in it would be wrong.
            _log.error("journal.snapshot_failed", reason=str(error))
            self._snapshot_failed = True
            yield None

    def _done(self) -> None:
        one = self._waiting.popleft()
        self._is_away(one.tail.path)
        self._weigh()

    def _weigh(self) -> None:
        self.bytes = self._database.bytes_used + sum(one.tail.size for one in self._waiting)
        self._warn()

    def _warn(self) -> None:
        bytes_max = self._retention.bytes_max
        if self.bytes < bytes_max * _WARN_SHARE:
            self._warned = False
        elif not self._warned:
            self._warned = True
            _log.warning(
                "journal.nearly_full",
                path=str(self._database.path),
                bytes=self.bytes,
                bytes_max=bytes_max,
            )

    async def _retire(self) -> None:
        retention = self._retention
        if retention.keep_days is None:
            return
        while True:
            now = self._now()
            found = old_part(self._database, day_of(now), retention.keep_days)
            if found is None:
                return
            await self._in_thread(
                partial(retire, self._database, *found, retention, now, self._disk)
            )
            self._weigh()
