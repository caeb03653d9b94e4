"""Traces that outlive their day: when a part of a journal is removed, what rules did in it is kept.

A day has many rulings that say nothing: a condition that did not hold, a wait that began. Those
that somebody asks for months later are few: a rule acted, or was kept from acting. Their lines are
copied into a table of their own, in the transaction that removes the part, so that neither a crash
nor a lost recording loses them.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final

from hookflash.adapters.journal.limits import Traces
from hookflash.adapters.journal.reading import JournalReader, Line
from hookflash.adapters.journal.tails import DAY
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.lines import malformed, parse_line
from hookflash.machines.rules.facts import RULE_ACTOR

_RARE: Final = b'"rare":true'
_ENDED: Final = b'"type":"end_command"'
_BY_RULE: Final = b'"actor":"' + RULE_ACTOR.encode()
_PUT: Final = "INSERT INTO traces (at, interaction, line) VALUES (?, ?, ?)"
_DROP_OLD: Final = "DELETE FROM traces WHERE at < ?"
_DROP_MANY: Final = "DELETE FROM traces WHERE id <= (SELECT max(id) - ? FROM traces)"

_HAS_TRACES: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'traces'"
_NEXT: Final = "SELECT id, line FROM traces WHERE id > ? ORDER BY id LIMIT 1"
_NEXT_OF: Final = "SELECT id, line FROM traces WHERE id > ? AND interaction = ? ORDER BY id LIMIT 1"

Row = tuple[int, str, bytes]
"""When it was, the interaction in lower case, and the line."""


def keep_traces(
    connection: sqlite3.Connection, pieces: Iterable[bytes], traces: Traces, now: Instant
) -> None:
    """Copy what rules did out of a part that is removed; inside of that transaction.

    Args:
        connection: The journal's database.
        pieces: The part, in pieces of whole lines.
        traces: How much is kept.
        now: What is old is reckoned from here.

    Raises:
        MalformedRecord: The part was damaged.
        sqlite3.Error: It cannot be written.
    """
    for piece in pieces:
        rows = list(_worth_keeping(piece))
        if rows:
            connection.executemany(_PUT, rows)
    if traces.days is not None:
        connection.execute(_DROP_OLD, (now - traces.days * DAY,))
    connection.execute(_DROP_MANY, (traces.rows_max,))


def kept_lines(
    reader: JournalReader, interaction_id: str | None = None, after: int = 0
) -> Iterator[tuple[int, Line]]:
    """Yield what is kept, oldest first, each line with its number.

    Args:
        reader: The journal.
        interaction_id: Only this interaction, in any case; None for all.
        after: Only those with a higher number.

    Raises:
        MalformedRecord: The journal was damaged.
    """
    if reader.row(_HAS_TRACES) is None:
        return  # a journal of an earlier version, which nobody has opened to write since
    while True:
        if interaction_id is None:
            row = reader.row(_NEXT, after)
        else:
            row = reader.row(_NEXT_OF, after, interaction_id.lower())
        if row is None:
            return
        after, line = row
        place = f"{reader.path}: table traces: {after}"
        if not isinstance(line, bytes):
            raise malformed(place, "is no line at all")
        yield after, (place, line)


def _worth_keeping(piece: bytes) -> Iterator[Row]:
    """Yield the lines with rare rulings, and those in which a rule's command came to its end."""
    if _RARE not in piece and _BY_RULE not in piece:
        return
    for line in piece.split(b"\n"):
        if _RARE in line or (_ENDED in line and _BY_RULE in line):
            row = _row_of(line)
            if row is not None:
                yield row


def _row_of(line: bytes) -> Row | None:
    """Return the row of a line; None where it only looks like one."""
    try:
        raw = parse_line(line)
        is_rare = raw.get("rules", {}).get("rare") is True
        if not (is_rare or any(map(_is_end_of_a_rule, raw.get("effects", ())))):
            return None
        return from_text(raw["at"]), raw["interaction"].lower(), line + b"\n"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # of somebody else's making: the recording has it as it is


def _is_end_of_a_rule(effect: dict[str, Any]) -> bool:
    return effect["type"] == "end_command" and str(effect["actor"]).startswith(RULE_ACTOR)
