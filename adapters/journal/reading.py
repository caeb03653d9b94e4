"""Reading a journal: its database, and after that its tail; an engine may be writing meanwhile.

Nothing is held up: each look into the database is short, and what is put away between two of them
is found in its new place. What was damaged ends the reading with an error, never with other lines
than were written.
"""

import sqlite3
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, final

from hookflash.adapters.journal.blocks import unpack
from hookflash.adapters.journal.contents import Contents, Cut, read_cut
from hookflash.adapters.journal.prologue import lines_of
from hookflash.adapters.journal.schema import BUSY_S, check_schema, contents_of
from hookflash.adapters.journal.tails import tail_paths
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import JournalError, MalformedRecord
from hookflash.machines.lines import LINE_BYTES_MAX, malformed, sum_fits

_log = get_logger("hookflash.journal")

Line = tuple[str, bytes]
"""A line with its newline, and before it its place, for messages."""

_MAGIC: Final = b"SQLite format 3\0"
_FETCHED: Final = 256

_SeenT = TypeVar("_SeenT")


def is_journal(path: Path) -> bool:
    """Tell whether the file at *path* is a database: a recording is none.

    SQLite itself is asked, and not the file's first bytes: whoever opens and closes a database
    otherwise takes the locks away that its own process may have on it.

    Raises:
        OSError: It cannot be looked at.
    """
    if not path.is_file() or path.stat().st_size < len(_MAGIC):
        return False
    try:
        connection = _connect(path)
    except sqlite3.Error:
        return False
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        # What cannot be read for another reason is one all the same, and reading says why.
        return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    finally:
        connection.close()
    return True


def _connect(path: Path) -> sqlite3.Connection:
    # Without a log beside it nobody has the database open, and nobody's files are left there by us.
    quiet = not path.with_name(path.name + "-wal").exists()
    mode = "immutable=1" if quiet else "mode=ro"
    uri = f"{path.absolute().as_uri()}?{mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)


def journal_lines(path: Path) -> Iterator[Line]:
    """Yield all that is in the journal at *path*, as one recording; it may be written to meanwhile.

    Raises:
        MalformedRecord: It cannot be read, or was damaged.
    """
    reader = JournalReader(path)
    try:
        yield from reader.from_beginning()
    finally:
        reader.close()


@final
class JournalReader:
    """Reads the journal at *path*; `close` it.

    Raises:
        MalformedRecord: It is none, of a later version, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal = path.with_name(path.name + "-wal")
        self._open()

    def _open(self) -> None:
        self._quiet = not self._wal.exists()
        try:
            self._connection = _connect(self.path)
        except sqlite3.Error as error:
            raise self._damaged(f"cannot be read: {error}") from error
        try:
            check_schema(self._connection, self.path)
        except sqlite3.Error as error:
            self._connection.close()
            raise self._damaged(f"cannot be read: {error}") from error
        except JournalError as error:
            self._connection.close()
            raise MalformedRecord(
                error.message, advice=error.advice, place=str(self.path)
            ) from error

    def close(self) -> None:
        """Close it; a second call does nothing."""
        self._connection.close()

    def contents(self) -> Contents:
        """Return what the database holds at this moment.

        Raises:
            MalformedRecord: It was damaged.
        """
        try:
            return self._seen(lambda: contents_of(self._connection, self.path))
        except JournalError as error:
            raise MalformedRecord(
                error.message, advice=error.advice, place=str(self.path)
            ) from error

    @contextmanager
    def at_one_moment(self) -> Generator[None, None, None]:
        """Read the database as it is now while the context lasts; what is put away waits."""
        self.row("SELECT 1")
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    # --- from the beginning -----------------------------------------------------------------------

    def from_beginning(self) -> Iterator[Line]:
        """Yield all that is in the journal, as one recording: header, states, and what follows.

        Raises:
            MalformedRecord: Something was damaged, is missing, or was put elsewhere meanwhile.
        """
        cut = self.first_cut()
        yield from self._prologue(cut.header)
        yield from self.states_at(cut)
        yield from self.lines_from(cut.position)

    def first_cut(self) -> Cut:
        """Return where the journal begins."""
        return self.cut_at(self.contents().first)

    def cut_at(self, position: int) -> Cut:
        """Return the cut at *position*."""
        row = self.row("SELECT line FROM cuts WHERE position = ?", position)
        if row is None:
            raise self._damaged(f"nothing says how line {position} begins")
        return read_cut(row[0], f"{self.path}: table cuts")

    def cuts(self) -> Iterator[Cut]:
        """Yield all places at which the journal can be cut."""
        position: int | None = self.contents().first
        while position is not None:
            yield self.cut_at(position)
            row = self.row("SELECT min(position) FROM cuts WHERE position > ?", position)
            position = None if row is None else row[0]

    def page_problems(self) -> list[str]:
        """Return what SQLite itself finds wrong with the database; empty for nothing."""
        try:
            rows = self._seen(lambda: self._connection.execute("PRAGMA quick_check(20)").fetchall())
        except MalformedRecord as error:
            return [error.message]
        return [row[0] for row in rows if row[0] != "ok"]

    def states_at(self, cut: Cut) -> Iterator[Line]:
        """Yield the lines that tell how the interactions stood at *cut*."""
        place = f"{self.path}: before line {cut.position}"
        count = 0
        for part in range(cut.parts):
            row = self.row(
                "SELECT lines, sum, data FROM cut_states WHERE position = ? AND part = ?",
                cut.position,
                part,
            )
            if row is None:
                raise self._missing(cut.position)
            for line in unpack(row, place).split(b"\n")[:-1]:
                yield place, line + b"\n"
            count += row[0]
        if count != cut.states:
            raise malformed(place, f"{count} interactions, not {cut.states}")

    # --- from the snapshot ------------------------------------------------------------------------

    def from_snapshot(self) -> Iterator[Line]:
        """Yield what recovery needs, as a recording; nobody may write meanwhile.

        Raises:
            MalformedRecord: As `from_beginning`. Damage of the snapshot itself is raised before
                anything is yielded.
        """
        for _ in self.snapshot_lines():
            pass
        snapshot = self.contents().snapshot
        yield from self._prologue(snapshot.header)
        place = f"{self.path}: snapshot"
        for _, line in self._snapshot_rows():
            yield place, line
        yield from self.lines_from(snapshot.through + 1)

    def snapshot_lines(self) -> Iterator[Line]:
        """Yield the lines that tell how the interactions stood at the snapshot.

        Raises:
            MalformedRecord: They are not those that were written. Some may have been yielded.
        """
        place = f"{self.path}: snapshot"
        snapshot = self.contents().snapshot
        rows = total = 0
        for checksum, line in self._snapshot_rows():
            if not isinstance(line, bytes) or zlib.crc32(line) != checksum:
                raise self._damaged("an interaction of its snapshot was changed")
            rows += 1
            total += checksum
            yield place, line
        if (rows, total) != (snapshot.rows, snapshot.total):
            raise self._damaged(
                f"its snapshot has {rows} interactions and not the {snapshot.rows} that it had"
            )

    def _snapshot_rows(self) -> Iterator[tuple[int, Any]]:
        try:
            cursor = self._connection.execute("SELECT sum, line FROM interactions")
            while rows := cursor.fetchmany(_FETCHED):
                yield from rows
        except sqlite3.Error as error:
            raise self._damaged(f"its snapshot cannot be read: {error}") from error

    def _prologue(self, header: str) -> Iterator[Line]:
        for line in lines_of(header):
            yield f"{self.path}: header", line

    def backwards_from(self, position: int) -> Iterator[list[bytes]]:
        """Yield the blocks of lines that end at or before *position*, the last one first."""
        while True:
            row = self.row(
                "SELECT lines, sum, data, position FROM blocks WHERE position <= ?"
                " ORDER BY position DESC LIMIT 1",
                position,
            )
            if row is None:
                return
            position = row[3] - 1
            yield unpack(row[:3], f"{self.path}: line {row[3]}").split(b"\n")[:-1]

    # --- lines ------------------------------------------------------------------------------------

    def lines_from(self, position: int) -> Iterator[Line]:
        """Yield the lines from *position* on, to the last one that is there when it is reached.

        Raises:
            MalformedRecord: As `from_beginning`.
        """
        while True:
            block = self._block(position)
            if block is not None:
                for line in block:
                    yield f"{self.path}: line {position}", line + b"\n"
                    position += 1
                continue
            if position <= self.contents().through:
                raise self._missing(position)
            position, ended = yield from self._tail_lines(position)
            if ended:
                return

    def _block(self, position: int) -> list[bytes] | None:
        row = self.row("SELECT lines, sum, data FROM blocks WHERE position = ?", position)
        if row is None:
            return None
        return unpack(row, f"{self.path}: line {position}").split(b"\n")[:-1]

    def _tail_lines(self, position: int) -> Generator[Line, None, tuple[int, bool]]:
        """Yield the lines of the tail file that has *position*.

        Returns:
            The position after them, and whether that is the journal's end: it is not where a file
            follows, or where this one was put away meanwhile.
        """
        before = position
        try:
            found = tail_paths(self.path)
            holding = [one for one in found if one[0] <= position]
            if holding:
                start, path = holding[-1]
                newest = path == found[-1][1]
                with path.open("rb") as file:
                    # The header is looked at as any line is, and skipped as those before are.
                    for place, line in whole_lines(file, path, start - 1, newest=newest):
                        if start > position:
                            yield place, line
                            position += 1
                        start += 1
                    if file.tell() == 0:
                        _log.warning("recording.torn_line_left_out", place=str(path))
                if newest:
                    return position, True
            if position == before and self.contents().through < position:
                if found:
                    raise self._missing(position)
                return position, True
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._damaged(f"its tail cannot be read: {error.strerror}") from error
        return position, False

    # --- the parts --------------------------------------------------------------------------------

    def row(self, sql: str, *arguments: int | str) -> tuple[Any, ...] | None:
        """Return the first row of a question to the database; None where there is none."""

        def look() -> tuple[Any, ...] | None:
            found: tuple[Any, ...] | None = self._connection.execute(sql, arguments).fetchone()
            return found

        return self._seen(look)

    def _seen(self, look: Callable[[], _SeenT]) -> _SeenT:
        """Look into the database; once more where somebody has begun to write meanwhile."""
        try:
            found = look()
        except (sqlite3.Error, JournalError) as error:
            if not (self._quiet and self._wal.exists()):
                if isinstance(error, JournalError):
                    raise
                raise self._damaged(f"cannot be read: {error}") from error
            self._reopen()
            return self._seen(look)
        if self._quiet and self._wal.exists():
            self._reopen()
            return self._seen(look)
        return found

    def _reopen(self) -> None:
        self._connection.close()
        self._open()

    def _missing(self, position: int) -> MalformedRecord:
        first = self.contents().first
        if position < first:
            return MalformedRecord(
                f"{self.path}: line {position} was put into a recording meanwhile",
                advice="read again, and the recording for what came before",
                place=str(self.path),
            )
        return self._damaged(f"line {position} is missing")

    def _damaged(self, problem: str) -> MalformedRecord:
        return MalformedRecord(
            f"{self.path}: {problem}",
            advice="`hookflash journal verify` says more",
            place=str(self.path),
        )


def whole_lines(file: BinaryIO, path: Path, position: int, *, newest: bool) -> Iterator[Line]:
    """Yield the lines of a tail file from where it is read, up to an end that a crash tore.

    Args:
        file: The file, open at the beginning of a line.
        path: Its path, for messages.
        position: The position of the next line.
        newest: Whether it is the journal's newest: only that one may be torn, or be written to.

    Raises:
        MalformedRecord: A line was damaged, and it is no mere torn end.
    """
    while line := file.readline(LINE_BYTES_MAX + 1):
        place = f"{path}: line {position}"
        if not (line.endswith(b"\n") and sum_fits(line)):
            if not newest or any(one.endswith(b"\n") and sum_fits(one) for one in file):
                raise MalformedRecord(
                    f"{place}: was damaged: the checksum does not fit",
                    advice="`hookflash journal repair` cuts off what follows",
                    place=place,
                )
            _log.warning("recording.torn_line_left_out", place=place)
            return
        yield place, line
        position += 1
