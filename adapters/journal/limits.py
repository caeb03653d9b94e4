"""What a journal is opened with: how much it holds, and what becomes of the rest."""

from pathlib import Path
from typing import Final

from attrs import frozen

TRACES_MAX: Final = 100_000
"""Kept lines of what rules did: some 150 MB. The oldest go first."""


@frozen
class Traces:
    """How much is kept of what rules did in days that are in recordings.

    Attributes:
        days: For how many days; None for ever.
        rows_max: How many lines.
    """

    days: int | None = 400
    rows_max: int = TRACES_MAX


@frozen
class Retention:
    """What is kept, and for how long.

    Attributes:
        bytes_max: Size of all of the journal beyond which nothing is appended.
        keep_days: Whole UTC days before today that are kept in the database; None keeps all.
        recordings: The folder for older ones.
        traces: What is kept of these in the database all the same.
    """

    bytes_max: int
    keep_days: int | None
    recordings: Path
    traces: Traces = Traces()


@frozen
class Limits:
    """What a journal is opened with.

    Attributes:
        retention: What is kept, and for how long.
        segment_records: Records in a tail file before the next one is begun.
        synced: Whether effects have to wait for `SqliteJournal.sync`.
        lasting: Whether the journal is to be the database alone when it is closed.
    """

    retention: Retention
    segment_records: int
    synced: bool
    lasting: bool
