"""The tables that a recording can be exported as: what their columns are, and what they mean.

The names are no reserved words of SQL. Every column may be empty where its sentence says so, and
only there. `specs/tables.json` is made of this.
"""

import json
from typing import Final, Literal

from attrs import field, frozen

ColumnType = Literal["text", "instant", "seconds", "whole", "flag"]
"""`instant` is a point in time in UTC with microseconds, `seconds` a number with a fraction,
`whole` a whole number of 64 bits, `flag` true or false."""

TableName = Literal["holds", "steps"]


@frozen
class Column:
    """A column.

    Attributes:
        name: Its name.
        type: What stands in it.
        doc: What it means, in a sentence; when it is empty.
        free: Whether it holds what somebody typed: redacted, and in CSV kept from being a formula.
        empty: Whether it may be empty.
    """

    name: str
    type: ColumnType
    doc: str
    free: bool = field(default=False, kw_only=True)
    empty: bool = field(default=False, kw_only=True)


@frozen
class Table:
    """A table.

    Attributes:
        name: Its name.
        doc: What a row is.
        columns: Its columns, in order.
    """

    name: TableName
    doc: str
    columns: tuple[Column, ...]


def _text(name: str, doc: str, *, free: bool = False, empty: bool = False) -> Column:
    return Column(name, "text", doc, free=free, empty=empty)


def _maybe(name: str, type: ColumnType, doc: str) -> Column:  # noqa: A002 - the column's word for it
    return Column(name, type, doc, empty=True)


HOLDS: Final = Table(
    "holds",
    "One row for each hold, from its confirmation to its end: first those that ended, by their"
    " ends, then those that go on.",
    (
        _text("interaction", "The interaction's id.", free=True),
        _text("hold", "The hold's id; empty where the recording begins later.", empty=True),
        _text(
            "skill_group", "The skill group; empty where it is not known.", free=True, empty=True
        ),
        _maybe("since", "instant", "Its start; empty where the recording begins later."),
        _maybe("until", "instant", "Its end; empty while it goes on, or where nobody saw it."),
        _maybe("held_s", "seconds", "How long it was; empty where start or end is."),
        _text(
            "began",
            "How it became known: `acknowledged`; `seen` in a frame; `looked_up`; `foreign`;"
            " `before` the recording.",
        ),
        _text(
            "reason",
            "Its hold reason; empty for foreign holds, and where it is not recorded.",
            free=True,
            empty=True,
        ),
        _text(
            "actor",
            "Who asked for it: `caller`, a rule's name, or `foreign`; empty where it is not"
            " recorded.",
            free=True,
            empty=True,
        ),
        Column("foreign_hold", "flag", "Whether somebody else made it."),
        _maybe("requested_at", "instant", "When it was asked for; empty for foreign holds."),
        _maybe(
            "latency_s",
            "seconds",
            "From the request to the known outcome; empty where nobody asked.",
        ),
        _maybe(
            "ack_s",
            "seconds",
            "From the sending of the frame to its acknowledgement; empty where there was none.",
        ),
        _maybe("limit_at", "instant", "When its limit passes; empty where it is not recorded."),
        _maybe("limit_s", "seconds", "How long it might be; empty where it is not recorded."),
        Column("over_limit", "flag", "Whether its limit passed while it went on."),
        _maybe(
            "over_limit_s",
            "seconds",
            "By how much it outlived its limit, 0 for not at all; empty while it goes on.",
        ),
        Column("warnings", "whole", "How often monitors were warned about it."),
        Column("alarms", "whole", "How many alarms it raised."),
        Column("expired", "flag", "Whether it waited for somebody's decision past its limit."),
        _text(
            "ended",
            "How it ended: `unhold` by a command; at the `limit`; `foreign`, by somebody else;"
            " `closed` with its interaction; `lost` from sight; empty while it goes on.",
            empty=True,
        ),
        _text(
            "ended_by",
            "Who ended it, as in `actor`, or `limit`; empty where nobody in particular did.",
            free=True,
            empty=True,
        ),
        _text(
            "ended_confirmed",
            "How the end of the command became known: `acknowledged` or `looked_up`; empty where no"
            " command ended it.",
            empty=True,
        ),
        _maybe(
            "unhold_latency_s",
            "seconds",
            "From the request of the unhold to its known outcome; empty where no command ended it.",
        ),
        _maybe(
            "unhold_ack_s",
            "seconds",
            "From the sending of the unhold to its acknowledgement; empty where there was none.",
        ),
        _maybe("first_seq", "whole", "The record that began it; empty where it was there before."),
        _maybe("last_seq", "whole", "The record that ended it; empty while it goes on."),
    ),
)

STEPS: Final = Table(
    "steps",
    "One row for each record: an event, the states before and after it, and what it caused.",
    (
        Column("seq", "whole", "The record's number."),
        Column("happened_at", "instant", "The event's time."),
        _text("interaction", "The interaction's id.", free=True),
        _text("event", "The definition's name of the event."),
        _text("state_before", "The state before it."),
        _text("state_after", "The state after it."),
        Column("begins", "flag", "Whether the engine knew nothing of the interaction before."),
        _text(
            "skill_group",
            "The skill group that came with the event; empty where none did.",
            free=True,
            empty=True,
        ),
        _text("observed_by", "For observations: `lookup` or `frame`; else empty.", empty=True),
        _maybe("as_of", "instant", "For observations: as of when it was so; else empty."),
        _text("actor", "For requests: who asks; else empty.", free=True, empty=True),
        _text(
            "reason", "For requests of holds: the hold reason; else empty.", free=True, empty=True
        ),
        _maybe("priority", "whole", "For requests: the resume priority; else empty."),
        _text(
            "correlation_id",
            "The frame that the event is about; empty where it is about none.",
            free=True,
            empty=True,
        ),
        _text("effects", "The names of what it caused, in order, with spaces between."),
        _text("command", "`hold` or `unhold` where it ended a command; else empty.", empty=True),
        _text("outcome", "The outcome of that command; else empty.", empty=True),
        _text("error", "The name of the error that its caller got; empty for none.", empty=True),
        _maybe("latency_s", "seconds", "From the request to that outcome; else empty."),
    ),
)

TABLES: Final[dict[TableName, Table]] = {"holds": HOLDS, "steps": STEPS}
"""The tables by their names."""


_IN_FILES: Final[dict[ColumnType, dict[str, str]]] = {
    "text": {"parquet": "VARCHAR", "csv": "text", "jsonl": "text"},
    "instant": {
        "parquet": "TIMESTAMP WITH TIME ZONE",
        "csv": "ISO 8601 in UTC with microseconds",
        "jsonl": "text, ISO 8601 in UTC with microseconds",
    },
    "seconds": {"parquet": "DOUBLE", "csv": "number", "jsonl": "number"},
    "whole": {"parquet": "BIGINT", "csv": "number", "jsonl": "number"},
    "flag": {"parquet": "BOOLEAN", "csv": "true or false", "jsonl": "true or false"},
}


def tables_text() -> str:
    """Return the text of `specs/tables.json`: each table with its columns."""
    tables = {
        table.name: {
            "doc": table.doc,
            "columns": [
                {"name": one.name, "type": one.type, "empty": one.empty, "doc": one.doc}
                for one in table.columns
            ],
        }
        for table in TABLES.values()
    }
    return json.dumps({"types": _IN_FILES, "tables": tables}, indent=2) + "\n"
