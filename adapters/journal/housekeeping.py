"""Keeping a journal's house: tails are put into the database, and old days into recordings.

All of this runs in a thread beside the engine, a bounded piece at a time; what fails is tried
again, and nothing is removed before it stands elsewhere, synced and read back.
"""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from hookflash.adapters.journal.blocks import BLOCK_BYTES, unpack
from hookflash.adapters.journal.contents import Cut, read_cut
from hookflash.adapters.journal.database import Database, States
from hookflash.adapters.journal.disk import Disk, write_all
from hookflash.adapters.journal.kept import keep_traces
from hookflash.adapters.journal.limits import Retention
from hookflash.adapters.journal.locking import place_error
from hookflash.adapters.journal.schema import error_of_damage, explained
from hookflash.adapters.journal.tails import DAY, Tail
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.instants import Instant, to_text

_log = get_logger("hookflash.journal")

_READ_BYTES: Final = 1_048_576


def put_away(database: Database, tail: Tail, states: States | None, disk: Disk) -> bool:
    """Put a tail into the database and remove its file. A second call for the same one is fine.

    Args:
        database: The journal's.
        tail: The oldest one that is not put away yet.
        states: How the interactions stand after it that have changed since the snapshot; None
            leaves the snapshot where it is.
        disk: Where the tail is.

    Returns:
        False where a reader was in the way: the tail stays, and is removed by the next call.

    Raises:
        JournalError: The database could not be written, or the tail not be read; all stays.
    """
    try:
        with explained(tail.path, "put away"):
            if tail.through > database.contents.through:
                with database.transaction():
                    if tail.day is not None:
                        _begin_day(database, tail.day)
                    database.put_lines(
                        tail.chunks(BLOCK_BYTES, disk),
                        next_seq=tail.next_seq,
                        header=tail.prologue.text(tail.next_seq),
                        told=tail.told,
                    )
                    if states is not None:
                        database.put_states(states)
            if not database.settle():
                return False
            disk.remove(tail.path)
    except MalformedRecord as error:
        raise error_of_damage(tail.path, error) from error
    return True


def _begin_day(database: Database, day: int) -> None:
    """Cut the journal where a day begins, so that the days before it can be put elsewhere."""
    last = database.last_cut()
    if last.day is None:
        database.name_day(attrs.evolve(last, day=day))
    elif day > last.day and database.contents.snapshot.through == database.contents.through:
        # After a crash the snapshot may lie behind; the next day is cut again.
        database.cut(day)


def first_cuts(database: Database) -> list[Cut]:
    """Return the first two places at which the journal can be cut: its beginning, and the next.

    Raises:
        MalformedRecord: One was damaged.
        sqlite3.Error: They cannot be read.
    """
    rows = database.connection.execute("SELECT line FROM cuts ORDER BY position LIMIT 2").fetchall()
    cuts = [read_cut(row[0], f"{database.path}: table cuts") for row in rows]
    if not cuts or cuts[0].position != database.contents.first:
        raise MalformedRecord(
            f"{database.path}: the beginning of the journal is missing", place=str(database.path)
        )
    return cuts


def old_part(database: Database, today: int, keep_days: int) -> tuple[Cut, Cut] | None:
    """Return the oldest part of the journal, should all of it be older than what is kept.

    Args:
        database: The journal's.
        today: The present UTC day, in days since 1970-01-01.
        keep_days: How many whole days before it are kept.

    Returns:
        Where the part begins, and where the next one does; None where nothing is to be done.

    Raises:
        JournalError: The database cannot be read, or was damaged.
    """
    try:
        with explained(database.path, "read"):
            cuts = first_cuts(database)
    except MalformedRecord as error:
        raise error_of_damage(database.path, error) from error
    if len(cuts) < 2:
        return None
    first, second = cuts
    if second.day is None or second.day > today - keep_days:
        return None
    if database.contents.snapshot.through < second.position - 1:
        return None  # recovery would miss it
    return first, second


def recording_path(folder: Path, journal: Path, day: int | None) -> Path:
    """Return the name of the recording into which a part of *journal* goes."""
    return folder / f"{journal.stem}-{to_text(Instant((day or 0) * DAY))[:10]}.jsonl"


def retire(  # noqa: PLR0917 - what is retired, where to, and what is kept
    database: Database, first: Cut, second: Cut, retention: Retention, now: Instant, disk: Disk
) -> Path:
    """Put the part from *first* to *second* into a recording, and remove it from the database.

    The recording is written under another name, synced, and read back before it gets its own and
    anything is removed. One of the same content that is there already is as good. What rules did
    in it is kept.

    Returns:
        The recording.

    Raises:
        JournalError: It cannot be written, another file has its name, or the database was damaged.
    """
    folder = retention.recordings
    path = recording_path(folder, database.path, first.day)
    unfinished = path.with_name(path.name + ".new")
    try:
        with explained(path, "written"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            written = _write(unfinished, part_of(database, first, second), disk)
            if _sum_of_file(unfinished) != written:
                raise place_error(path, "cannot be written: it reads otherwise than it was written")
            if path.exists():
                if _sum_of_file(path) != written:
                    raise place_error(
                        path, "is another recording", advice="move it to another folder"
                    )
                disk.remove(unfinished)
            else:
                disk.replace(unfinished, path)
                disk.sync_folder(folder)
        with database.transaction():
            lines = blocks_of(database, first.position, second.position)
            keep_traces(database.connection, lines, retention.traces, now)
            database.drop_before(second.position)
    except MalformedRecord as error:
        raise error_of_damage(database.path, error) from error
    if database.settle():
        database.give_back()
        database.settle()
    _log.info("journal.day_retired", recording=str(path), bytes=written[0])
    return path


def part_of(database: Database, first: Cut, second: Cut) -> Iterator[bytes]:
    """Yield the lines of a part of the journal, in pieces, as a recording has them.

    Raises:
        MalformedRecord: They were damaged.
        sqlite3.Error: They cannot be read.
    """
    yield first.header.encode()
    execute = database.connection.execute
    place = f"{database.path}: table cut_states: part"
    count = 0
    for part in range(first.parts):
        row = execute(
            "SELECT lines, sum, data FROM cut_states WHERE position = ? AND part = ?",
            (first.position, part),
        ).fetchone()
        if row is None:
            raise MalformedRecord(f"{place} {part} is missing", place=place)
        yield unpack(row, f"{place} {part}")
        count += row[0]
    if count != first.states:
        raise MalformedRecord(f"{place}: {count} lines, not {first.states}", place=place)
    yield from blocks_of(database, first.position, second.position)


def blocks_of(database: Database, position: int, end: int) -> Iterator[bytes]:
    """Yield the lines from *position* to before *end*, in pieces.

    Raises:
        MalformedRecord: They were damaged.
        sqlite3.Error: They cannot be read.
    """
    while position < end:
        row = database.connection.execute(
            "SELECT lines, sum, data FROM blocks WHERE position = ?", (position,)
        ).fetchone()
        where = f"{database.path}: table blocks: line {position}"
        if row is None:
            raise MalformedRecord(f"{where} is missing", place=where)
        yield unpack(row, where)
        position += row[0]


def _write(path: Path, pieces: Iterator[bytes], disk: Disk) -> tuple[int, int]:
    """Write a new file, synced; return its size and its CRC-32."""
    disk.remove(path)
    fd = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    size = checksum = 0
    try:
        for piece in pieces:
            write_all(disk, fd, piece)
            size += len(piece)
            checksum = zlib.crc32(piece, checksum)
        disk.sync(fd)
    finally:
        disk.close(fd)
    return size, checksum


def _sum_of_file(path: Path) -> tuple[int, int]:
    size = checksum = 0
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            size += len(piece)
            checksum = zlib.crc32(piece, checksum)
    return size, checksum
