"""A journal in memory: for programs that embed the engine and keep no file, and for tests."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import trio

from hookflash.machines.errors import JournalError
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import Aside, Entry, InteractionState, Record

RECORDS_MAX = 100_000
"""How many records are kept: some 60 MB; the oldest are forgotten beyond."""


class MemoryJournal:
    """Keeps the newest records; nothing survives the end of the process.

    Args:
        records_max: How many are kept.

    Attributes:
        told_through: Monitors were told for all records up to this number.
    """

    def __init__(self, *, records_max: int = RECORDS_MAX) -> None:
        self._entries: deque[Record | Aside] = deque(maxlen=records_max)
        self._next_seq = 1
        self._closed = False
        self.told_through = 0

    @property
    def synced(self) -> bool:
        """False: effects never wait, because there is no disk."""
        return False

    @property
    def next_seq(self) -> int:
        """The number that the next record gets."""
        return self._next_seq

    @property
    def records(self) -> tuple[Record, ...]:
        """The newest records, oldest first."""
        return tuple([entry for entry in self._entries if isinstance(entry, Record)])

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The newest records and what stands between them, oldest first."""
        return tuple(self._entries)

    def append(
        self,
        records: Sequence[Record],
        after: Sequence[Interaction[Any]],  # noqa: ARG002 - of the port
        told_through: int | None = None,
        asides: Sequence[tuple[Aside, InteractionState | None]] = (),
    ) -> None:
        """Append *asides* and *records* in order.

        Raises:
            JournalError: It is closed, or they do not follow on the last one.
        """
        if self._closed:
            raise JournalError("the journal in memory is closed", path="memory")
        if told_through is not None:
            self.told_through = told_through
        if not records:
            self._entries.extend(aside for aside, _ in asides)
            return
        first, last = records[0].seq, records[-1].seq
        if first != self._next_seq or last != first + len(records) - 1:
            raise JournalError(
                f"records {first} to {last} do not follow {self._next_seq - 1}", path="memory"
            )
        self._entries.extend(aside for aside, _ in asides)
        self._entries.extend(records)
        self._next_seq = last + 1

    def forget(self, interaction_id: str) -> None:
        """Do nothing: the next record of the interaction says that it begins it."""

    async def sync(self) -> None:
        """Return at once, after a checkpoint."""
        await trio.lowlevel.checkpoint()

    def sync_now(self) -> None:
        """Return at once."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait until cancelled: there is no house to keep."""
        task_status.started()
        await trio.sleep_forever()

    def close(self) -> None:
        """Take no more records; a second call does nothing."""
        self._closed = True
