"""Rows in words: what they decide, where several states have the same, in tables for documents."""

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from hookflash.machines.conditions import conditions_of
from hookflash.machines.documents.markdown import code, codes, link, prose, sentence, table
from hookflash.machines.machine import Machine
from hookflash.machines.spec import Row, Spec


@frozen
class Entry:
    """Rows of one entry of the definition and one event: they differ only in their states.

    Attributes:
        rows: The rows.
        is_else: Whether it has no guards and comes after one that has, in one state at least.
    """

    rows: tuple[Row, ...]
    is_else: bool

    @property
    def row(self) -> Row:
        """One of them."""
        return self.rows[0]

    @property
    def sources(self) -> tuple[str, ...]:
        """Their states."""
        return tuple(row.source for row in self.rows)


def entries_of(spec: Spec, event: str) -> Iterator[Entry]:
    """Walk the entries for an event, in the order in which they are tried in each state."""
    by_entry: dict[tuple[object, ...], list[Row]] = {}
    for row in spec.rows:
        if row.event == event:
            key = (row.line, row.guards, row.effects, row.decision, row.target, row.error)
            by_entry.setdefault((*key, row.reason), []).append(row)
    for rows in by_entry.values():
        yield Entry(tuple(rows), any(is_else(spec, row) for row in rows))


def decision_text(row: Row) -> str:
    """Say what a row decides, as Markdown, without its reason."""
    match row.decision:
        case "move":
            return f"→\u00a0{code(str(row.target))}"
        case "stay":
            return "stays"
        case "late":
            return "late"
        case "ignore":
            return "ignored"
        case _:  # reject
            return f"rejected: {code(str(row.error))}"


def guards_text(guards: tuple[str, ...], *, is_else: bool = False) -> str:
    """Say under which guards a row is taken, as Markdown."""
    if not guards:
        return "otherwise" if is_else else ""
    return " and ".join(code(guard) for guard in guards)


def states_text(spec: Spec, states: Iterable[str]) -> str:
    """Return names of states as Markdown; all of them together as such."""
    names = tuple(states)
    return "any state" if set(names) == set(spec.states) else codes(names)


def rows_table(spec: Spec, event: str) -> Iterator[str]:
    """Return the lines of the table of all rows for an event."""
    yield from table(
        ("in", "if", "decision", "does", "because"),
        (
            (
                states_text(spec, entry.sources),
                guards_text(entry.row.guards, is_else=entry.is_else),
                decision_text(entry.row) + _counted(entry.row),
                codes(entry.row.effects),
                prose(sentence(entry.row.reason)),
            )
            for entry in entries_of(spec, event)
        ),
    )


def _counted(row: Row) -> str:
    return f", counts {code(row.counts)}" if row.counts else ""


def decision_table(spec: Spec) -> Iterator[str]:
    """Return the lines of the table of what is decided: a row per event, a column per state."""
    states = list(spec.states)
    yield from table(
        ("event", *(link(code(state), f"State {state}") for state in states)),
        (
            (link(code(event), f"Event {event}"), *(_cell(spec, state, event) for state in states))
            for event in spec.events
        ),
    )


def _cell(spec: Spec, state: str, event: str) -> str:
    said = [decision_text(row) for row in spec.rows_of(state, event)]
    return ", ".join(dict.fromkeys(said))


def is_else(spec: Spec, row: Row) -> bool:
    """Tell whether *row* has no guards and is tried after one that has."""
    return not row.guards and spec.rows_of(row.source, row.event)[0] != row


def moves(spec: Spec, *, to: str | None = None, out_of: str | None = None) -> Iterator[Row]:
    """Walk the rows that lead into a state, or out of it; one that leads back to it is neither."""
    for row in spec.rows:
        if row.target is None or row.target == row.source:
            continue
        if row.target == to or row.source == out_of:
            yield row


def moves_table(machine: Machine[Any, Any], rows: Iterable[Row], column: str) -> Iterator[str]:
    """Return the lines of a table of rows that lead from one state to another.

    The rows stand apart from those that are tried before them, so their conditions are told whole.

    Args:
        machine: The machine.
        rows: The rows.
        column: `from` or `to`: which of their states is told.
    """
    yield from table(
        (column, "on", "if", "because"),
        (
            (
                code(row.source if column == "from" else str(row.target)),
                link(code(row.event), f"Event {row.event}"),
                prose("; ".join(conditions_of(machine, row))),
                prose(sentence(row.reason)),
            )
            for row in rows
        ),
    )
