"""The database of a journal: SQLite, written by one process, a part of the journal at a time.

Lines are kept in compressed blocks of some hundred, not in rows of their own: what is put away is
put away beside the running engine, in a thread, and a row for each record would cost the engine
twenty times as much, because each row is a change between threads (`docs/decisions.md` has the
figures). Everything here is synchronous.
"""

import os
import sqlite3
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import Final, final

import attrs
import orjson
from attrs import frozen

from hookflash.adapters.journal.blocks import pack
from hookflash.adapters.journal.contents import Contents, Cut, Snapshot, read_cut
from hookflash.adapters.journal.disk import REAL_DISK, Disk
from hookflash.adapters.journal.locking import place_error
from hookflash.adapters.journal.schema import (
    APPLICATION_ID,
    BUSY_S,
    SCHEMA,
    STORE_FORMAT,
    bring_up,
    check_schema,
    contents_of,
    explained,
)
from hookflash.machines.errors import MalformedRecord

_MAKE = (
    # No crash can hurt a file that has not got its name yet, so nothing is waited for.
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {STORE_FORMAT}",
    "BEGIN",
    *SCHEMA,
)

# Many rows in one statement: see the module's text. `?1` are the lines in one piece, `?2` a list
# of id, sum, and where in the piece the line is.
_PUT_STATES = """
INSERT INTO interactions (id, sum, line)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
       substr(?1, json_extract(value, '$[2]'), json_extract(value, '$[3]'))
FROM json_each(?2) WHERE true
ON CONFLICT (id) DO UPDATE SET sum = excluded.sum, line = excluded.line
"""
_SUM_OF_STATES = (
    "SELECT count(*), coalesce(sum(sum), 0) FROM interactions"
    " WHERE id IN (SELECT value FROM json_each(?))"
)
_STATES_IN_ORDER = """
SELECT count(*), max(id), CAST(group_concat(line, '') AS BLOB)
FROM (SELECT id, line FROM interactions WHERE id > ? ORDER BY id LIMIT 512)
"""

_VACUUM_PAGES: Final = 4_096


@frozen
class States:
    """What is to be written into the snapshot.

    Attributes:
        put: Lines by the id of their interaction.
        forgotten: Ids of interactions that are known no longer.
        anew: Whether what the snapshot held before counts no longer.
    """

    put: dict[str, bytes]
    forgotten: Sequence[str] = ()
    anew: bool = False


@final
class Database:
    """The open database; `close` it. Not for several threads at once.

    Attributes:
        path: Where it is.
        contents: What it holds, as its sealed line says.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, contents: Contents) -> None:
        self.path = path
        self.contents = contents
        self._connection = connection

    @classmethod
    def create(
        cls,
        path: Path,
        header: str,
        next_seq: int,
        states: Sequence[tuple[str, bytes]] = (),
        *,
        sync: bool = False,
        disk: Disk = REAL_DISK,
    ) -> "Database":
        """Make the database at *path*, which does not exist: whole, or not at all.

        Args:
            path: The file.
            header: The lines of its `Prologue`.
            next_seq: The number of its first record.
            states: Lines that tell how interactions stand that are known before it, each with its
                interaction's id.
            sync: Whether it is to survive a loss of power when this returns.
            disk: Where it is.

        Raises:
            JournalError: It cannot be made.
        """
        unfinished = path.with_name(path.name + ".new")
        snapshot = Snapshot(0, next_seq, 0, 0, 0, header)
        with explained(path, "made"):
            disk.remove(unfinished)
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(unfinished, isolation_level=None)
            try:
                for statement in _MAKE:
                    connection.execute(statement)
                made = cls(path, connection, Contents(1, 0, next_seq, 0, header, snapshot))
                made._begin_with(header, states)
                connection.execute("COMMIT")
                connection.execute("PRAGMA journal_mode = WAL")
            finally:
                connection.close()
            if sync:
                _sync_file(unfinished)
            disk.replace(unfinished, path)
            if sync:
                disk.sync_folder(path.parent)
        return cls.open(path)

    def _begin_with(self, header: str, states: Sequence[tuple[str, bytes]]) -> None:
        parts = list(pack(line for _, line in states))
        self._put_cut(Cut(1, None, header, sum(lines for lines, _ in parts), len(parts)), parts)
        self.put_states(States(dict(states)))
        self._connection.execute("INSERT INTO contents VALUES (1, ?)", (self.contents.sealed(),))

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open the database at *path* for writing.

        Raises:
            JournalError: It cannot be opened, is no journal, of a later version, or damaged; the
                message says which.
        """
        with explained(path, "opened"):
            connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=BUSY_S
            )
            try:
                check_schema(connection, path)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                bring_up(connection)
                # Blocks are large, and there is one writer: what is put away goes into the file
                # at once, and not when a page too many is in the log.
                connection.execute("PRAGMA wal_autocheckpoint = 0")
                return cls(path, connection, contents_of(connection, path))
            except BaseException:
                connection.close()
                raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for reading."""
        return self._connection

    @property
    def bytes_used(self) -> int:
        """Its size in bytes without what is free in it."""
        with explained(self.path, "read"):
            return int(
                self._connection.execute(
                    "SELECT (p.page_count - f.freelist_count) * s.page_size"
                    " FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s"
                ).fetchone()[0]
            )

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """Write as a whole or not at all; when it is left, it survives a loss of power.

        Raises:
            JournalError: It could not be written; nothing of it was.
        """
        before = self.contents
        with explained(self.path, "written"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute(
                    "UPDATE contents SET line = ? WHERE id = 1", (self.contents.sealed(),)
                )
                self._connection.execute("COMMIT")
            except BaseException:
                self.contents = before
                with suppress(sqlite3.Error):  # SQLite ends it by itself where the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    def put_lines(
        self, chunks: Iterable[bytes], *, next_seq: int, header: str, told: int | None
    ) -> None:
        """Append lines; inside a `transaction`.

        Args:
            chunks: Whole lines, in pieces of any size.
            next_seq: The number of the next record after them.
            header: What counts after them, as the lines of a `Prologue`.
            told: Up to which record monitors were told, as they say; None where they say nothing.
        """
        position = self.contents.through + 1
        for lines, data in pack(chunks):
            self._connection.execute(
                "INSERT INTO blocks VALUES (?, ?, ?, ?)", (position, lines, zlib.crc32(data), data)
            )
            position += lines
        self.contents = attrs.evolve(
            self.contents,
            through=position - 1,
            next_seq=next_seq,
            told=self.contents.told if told is None else told,
            header=header,
        )

    def put_states(self, states: States) -> None:
        """Bring the snapshot forward to the last line; inside a `transaction`."""
        snapshot = self.contents.snapshot
        rows, total = snapshot.rows, snapshot.total
        if states.anew:
            self._connection.execute("DELETE FROM interactions")
            rows = total = 0
        ids = orjson.dumps([*states.put, *states.forgotten]).decode()
        old_rows, old_total = self._connection.execute(_SUM_OF_STATES, (ids,)).fetchone()
        if states.forgotten:
            self._connection.execute(
                "DELETE FROM interactions WHERE id IN (SELECT value FROM json_each(?))",
                (orjson.dumps(list(states.forgotten)).decode(),),
            )
        lines = list(states.put.values())
        sums = [zlib.crc32(line) for line in lines]
        sizes = [len(line) for line in lines]
        starts = accumulate(sizes, initial=1)
        index = orjson.dumps(list(zip(states.put, sums, starts, sizes, strict=False))).decode()
        self._connection.execute(_PUT_STATES, (b"".join(lines), index))
        contents = self.contents
        self.contents = attrs.evolve(
            contents,
            snapshot=Snapshot(
                contents.through,
                contents.next_seq,
                rows - old_rows + len(lines),
                total - old_total + sum(sums),
                contents.told,
                contents.header,
            ),
        )

    def last_cut(self) -> Cut:
        """Return the newest cut.

        Raises:
            MalformedRecord: It was damaged, or there is none.
            sqlite3.Error: It cannot be read.
        """
        row = self._connection.execute(
            "SELECT line FROM cuts ORDER BY position DESC LIMIT 1"
        ).fetchone()
        place = f"{self.path}: table cuts"
        if row is None:
            raise MalformedRecord(f"{place} is empty", place=place)
        return read_cut(row[0], place)

    def cut(self, day: int | None) -> Cut:
        """Make a cut after the last line, up to which the snapshot goes; inside a `transaction`."""
        contents = self.contents
        if contents.snapshot.through != contents.through:
            raise place_error(self.path, "cannot be cut where there is no snapshot")
        parts = list(pack(self._states_in_order()))
        position, states = contents.through + 1, sum(lines for lines, _ in parts)
        if states != contents.snapshot.rows:
            raise MalformedRecord(
                f"{self.path}: the snapshot has {states} lines, not {contents.snapshot.rows}",
                place=str(self.path),
            )
        cut = Cut(position, day, contents.header, states, len(parts))
        self._put_cut(cut, parts)
        return cut

    def name_day(self, cut: Cut) -> None:
        """Write down of which day *cut* is, which was made before; inside a `transaction`."""
        self._connection.execute(
            "UPDATE cuts SET line = ? WHERE position = ?", (cut.sealed(), cut.position)
        )

    def _put_cut(self, cut: Cut, parts: Sequence[tuple[int, bytes]]) -> None:
        self._connection.execute("INSERT INTO cuts VALUES (?, ?)", (cut.position, cut.sealed()))
        for number, (lines, data) in enumerate(parts):
            self._connection.execute(
                "INSERT INTO cut_states VALUES (?, ?, ?, ?, ?)",
                (cut.position, number, lines, zlib.crc32(data), data),
            )

    def _states_in_order(self) -> Iterator[bytes]:
        last = ""
        while True:
            count, found, lines = self._connection.execute(_STATES_IN_ORDER, (last,)).fetchone()
            if not count:
                return
            last = found
            yield lines

    def drop_before(self, position: int) -> None:
        """Remove all before the cut at *position*; inside a `transaction`."""
        for table in ("blocks", "cuts", "cut_states"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE position < ?",  # noqa: S608 - names of ours
                (position,),
            )
        self.contents = attrs.evolve(self.contents, first=position)

    def settle(self) -> bool:
        """Move what was written from the log into the database itself, synced.

        Returns:
            False where a reader was in the way; what was written stays in the log then.

        Raises:
            JournalError: It could not be written; the log has it.
        """
        with explained(self.path, "written"):
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def give_back(self) -> None:
        """Give free space back to the file system.

        Raises:
            JournalError: It could not be written.
        """
        with explained(self.path, "written"):
            # One statement, but many steps, of which `execute` would take the first.
            self._connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")

    def close(self) -> None:
        """Close it; a second call does nothing."""
        with suppress(sqlite3.Error):  # what was to be written is; a log stays for the next one
            self._connection.close()


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
