"""A journal in memory: for programs that embed the engine and keep no file, and for tests."""

from collections import deque
from collections.abc import Sequence
from typing import final

from hookflash.machines.errors import JournalError
from hookflash.machines.records import Record

RECORDS_MAX = 100_000
"""How many records are kept: some 60 MB; the oldest are forgotten beyond."""


@final
class MemoryJournal:
    """Keeps the newest records; nothing survives the end of the process.

    Args:
        records_max: How many are kept.
    """

    def __init__(self, *, records_max: int = RECORDS_MAX) -> None:
        self._records: deque[Record] = deque(maxlen=records_max)
        self._next_seq = 1
        self._closed = False

    @property
    def next_seq(self) -> int:
        """The number that the next record gets."""
        return self._next_seq

    @property
    def records(self) -> tuple[Record, ...]:
        """The newest records, oldest first."""
        return tuple(self._records)

    def append(self, records: Sequence[Record]) -> None:
        """Append *records* in order.

        Raises:
            JournalError: It is closed, or they do not follow on the last one.
        """
        if self._closed:
            raise JournalError("the journal in memory is closed", path="memory")
        if not records:
            return
        first, last = records[0].seq, records[-1].seq
        if first != self._next_seq or last != first + len(records) - 1:
            raise JournalError(
                f"records {first} to {last} do not follow {self._next_seq - 1}", path="memory"
            )
        self._records.extend(records)
        self._next_seq = last + 1

    def close(self) -> None:
        """Take no more records; a second call does nothing."""
        self._closed = True
