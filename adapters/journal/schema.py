"""The tables of a journal's database, and how it is told from other ones."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hookflash.adapters.journal.contents import Contents, read_contents
from hookflash.adapters.journal.locking import place_error
from hookflash.machines.errors import JournalError, MalformedRecord

APPLICATION_ID: Final = 0x686F6F6B
"""`hook`, where SQLite keeps what program a database is of (PRAGMA application_id)."""

STORE_FORMAT: Final = 2
"""Version of the tables below (PRAGMA user_version). In version 1 there were no traces."""

BUSY_S: Final = 1.0
"""How long is waited for a reader that is in the way of what is put away."""

SCHEMA: Final = (
    "CREATE TABLE contents (id INTEGER PRIMARY KEY, line BLOB NOT NULL)",
    (
        "CREATE TABLE blocks (position INTEGER PRIMARY KEY, lines INTEGER NOT NULL,"
        " sum INTEGER NOT NULL, data BLOB NOT NULL)"
    ),
    "CREATE TABLE cuts (position INTEGER PRIMARY KEY, line BLOB NOT NULL)",
    (
        "CREATE TABLE cut_states (position INTEGER NOT NULL, part INTEGER NOT NULL,"
        " lines INTEGER NOT NULL, sum INTEGER NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY (position, part))"
    ),
    "CREATE TABLE interactions (id TEXT PRIMARY KEY, sum INTEGER NOT NULL, line BLOB NOT NULL)",
    (
        "CREATE TABLE traces (id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
        " interaction TEXT NOT NULL, line BLOB NOT NULL)"
    ),
    "CREATE INDEX traces_of ON traces (interaction)",
)
"""`sum` is a CRC-32: of `data` as it is kept, or of `line`. `contents` has one row, whose line says
what the other tables hold; `traces` is beside that, what `kept` has left of removed parts."""

_SINCE: Final = {1: SCHEMA[:5], STORE_FORMAT: SCHEMA}


@contextmanager
def explained(path: Path, doing: str) -> Generator[None, None, None]:
    """Turn what SQLite and the system complain about into a `JournalError` that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        advice = "`hookflash journal verify` says more"
        if isinstance(error, sqlite3.OperationalError):
            advice = ""  # full disks, locks, read errors: SQLite's words say it
        raise place_error(path, f"cannot be {doing}: {error}", advice=advice) from error
    except OSError as error:
        raise place_error(path, f"cannot be {doing}: {error.strerror}") from error


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Look whether the database is a journal that this version can read.

    Raises:
        JournalError: It is none, of a later version, or its schema was damaged.
        sqlite3.Error: It cannot be read.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise place_error(
            path, "is no journal of hookflash", advice="name another file in [journal] path"
        )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > STORE_FORMAT:
        raise place_error(
            path,
            f"was made by a later version (format {version}, this one knows {STORE_FORMAT})",
            advice="go on with the version that made it",
        )
    rows = connection.execute("SELECT sql FROM sqlite_schema ORDER BY rowid").fetchall()
    if tuple(row[0] for row in rows if row[0] is not None) != _SINCE.get(version):
        raise place_error(path, "was damaged: its tables are not those of a journal")


def bring_up(connection: sqlite3.Connection) -> None:
    """Give a journal of an earlier version what it lacks: all of it, or nothing.

    Raises:
        sqlite3.Error: It cannot be written.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == STORE_FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in SCHEMA[len(_SINCE[version]) :]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {STORE_FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def contents_of(connection: sqlite3.Connection, path: Path) -> Contents:
    """Return what the database holds.

    Raises:
        JournalError: The line that says it was damaged.
        sqlite3.Error: It cannot be read.
    """
    row = connection.execute("SELECT line FROM contents WHERE id = 1").fetchone()
    if row is None:
        raise place_error(path, "was damaged: nothing says what it holds")
    try:
        return read_contents(row[0], "table contents")
    except MalformedRecord as error:
        raise place_error(path, f"was damaged: {error.message}") from error


def error_of_damage(path: Path, error: MalformedRecord) -> JournalError:
    """Return what opening says of damage that reading found."""
    return place_error(
        path, error.message.removeprefix(f"{path}: "), advice="`hookflash journal verify` says more"
    )
