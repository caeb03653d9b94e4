"""Where an import keeps what it has read, until all files are read: bounded in memory.

What is said of a conversation may be spread over files, and records are written in the order of
time: so all of it is gathered before the first is written. The conversations that are being read
of are in memory, the others in a database of SQLite's that has no name and goes with the process;
it lies in the folder for temporary files.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, final

import orjson
from cattrs.preconf.orjson import make_converter

from hookflash.adapters.genesys.cloud.recorded.findings import Finding
from hookflash.adapters.genesys.cloud.recorded.legs import Conversation, Leg
from hookflash.adapters.genesys.cloud.recorded.oracle import Counted
from hookflash.adapters.genesys.cloud.recorded.stories import Figures
from hookflash.engine.ledger import LedgerHold
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.instants import Instant

KEPT_MAX: Final = 20_000
"""Conversations in memory; some 5 kB each."""

_FETCHED: Final = 500
_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE conversations (id TEXT, first_at INTEGER, body BLOB);
CREATE UNIQUE INDEX by_id ON conversations (id);
CREATE TABLE figures (interaction TEXT, body BLOB);
CREATE TABLE holds (interaction TEXT, held_us INTEGER);
"""
"""Bodies lie in the order in which they came, apart from the index of ids, which come at random:
400,000 of them in one tree with their bodies took six times as long to write and read."""

_CONVERTER: Final = make_converter(detailed_validation=False)


@contextmanager
def gathering(kept_max: int = KEPT_MAX) -> "Generator[Gathering, None, None]":
    """Gather while the context lasts; what was gathered is gone after it.

    Args:
        kept_max: Conversations in memory.

    Raises:
        ConfigurationError: There is no room for temporary files.
    """
    try:
        connection = sqlite3.connect("", isolation_level=None)
        try:
            connection.executescript(
                f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}"
            )
            connection.execute("BEGIN")
            yield Gathering(connection, kept_max)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"what was read cannot be kept: {error}",
            advice="make room in the folder for temporary files, or name another one in TMPDIR",
            source="TMPDIR",
        ) from error


@final
class Gathering:
    """What was gathered. Use `gathering` to make one.

    Args:
        connection: An empty database with the tables.
        kept_max: Conversations in memory.
    """

    def __init__(self, connection: sqlite3.Connection, kept_max: int) -> None:
        self._connection = connection
        self._kept_max = kept_max
        self._kept: OrderedDict[str, Conversation] = OrderedDict()

    # --- conversations ----------------------------------------------------------------------------

    def add(self, conversation: str, legs: Iterable[Leg], findings: list[Finding]) -> None:
        """Add what a document says of the legs of a conversation.

        Args:
            conversation: The conversation's id.
            legs: What it says of them.
            findings: Takes what is to be said of that.
        """
        known = self._kept.get(conversation)
        if known is None:
            if len(self._kept) >= self._kept_max:
                self._put(*self._kept.popitem(last=False))
            known = self._found(conversation) or Conversation(conversation)
            self._kept[conversation] = known
        else:
            self._kept.move_to_end(conversation)
        for leg in legs:
            known.add(leg, findings)

    def conversations(self) -> Iterator[tuple[Instant, Conversation]]:
        """Yield all conversations by the earliest times known of them; those without one first."""
        while self._kept:
            self._put(*self._kept.popitem())
        self._connection.execute("CREATE INDEX by_time ON conversations (first_at, id)")
        sql = "SELECT coalesce(first_at, 0), body FROM conversations ORDER BY first_at, id"
        for first_at, body in self._rows(sql):
            yield Instant(first_at), _CONVERTER.loads(body, Conversation)

    def _found(self, conversation: str) -> Conversation | None:
        sql = "SELECT body FROM conversations WHERE id = ?"
        row = self._connection.execute(sql, (conversation,)).fetchone()
        return None if row is None else _CONVERTER.loads(row[0], Conversation)

    def _put(self, key: str, conversation: Conversation) -> None:
        body = orjson.dumps(_CONVERTER.unstructure(conversation))
        sql = (
            "INSERT INTO conversations VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET first_at = excluded.first_at, body = excluded.body"
        )
        self._connection.execute(sql, (key, conversation.first_at, body))

    # --- the comparison ---------------------------------------------------------------------------

    def put_figures(self, interaction: str, figures: Figures) -> None:
        """Keep what Genesys says of a leg's holds until the ledger has counted them."""
        body = orjson.dumps(_CONVERTER.unstructure(figures))
        self._connection.execute("INSERT INTO figures VALUES (?, ?)", (interaction, body))

    def put_hold(self, hold: LedgerHold) -> None:
        """Keep what the ledger says of a hold."""
        row = (hold.interaction_id, hold.held_us)
        self._connection.execute("INSERT INTO holds VALUES (?, ?)", row)

    def compared(self) -> Iterator[tuple[str, Figures, Counted]]:
        """Yield each leg with what Genesys and what the ledger says of its holds."""
        self._connection.execute("CREATE INDEX by_interaction ON holds (interaction, held_us)")
        sql = (
            "SELECT interaction, body, (SELECT json_group_array(held_us) FROM holds"
            " WHERE holds.interaction = figures.interaction) FROM figures ORDER BY rowid"
        )
        for interaction, body, lengths in self._rows(sql):
            held_us = orjson.loads(lengths)
            ended = tuple(length for length in held_us if length is not None)
            counted = Counted(ended, len(held_us) - len(ended))
            yield interaction, _CONVERTER.loads(body, Figures), counted

    def _rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.execute(sql)
        while rows := cursor.fetchmany(_FETCHED):
            yield from rows
