"""What differs between two definitions of a machine, row by row."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, Literal

from attrs import frozen

from hookflash.machines.spec import Row, Spec

_SAID = ("guards", "target", "decision", "effects", "error", "counts")
"""What makes a difference of a row; its words and where it stands do not."""


@frozen
class RowChange:
    """A row that differs between two definitions.

    Attributes:
        kind: Whether it is new, gone, or says something else.
        before: The row of the first definition; None for a new one.
        after: The row of the second definition; None for one that is gone.
    """

    kind: Literal["added", "removed", "changed"]
    before: Row | None
    after: Row | None

    @property
    def pair(self) -> tuple[str, str]:
        """The state and the event that it is about."""
        row = self.before or self.after
        assert row is not None, "one of the two is there"  # noqa: S101
        return row.source, row.event

    def about(self, row: Row | None) -> bool:
        """Tell whether it is about *row*."""
        return row is not None and row in (self.before, self.after)

    def text(self, before: Spec, after: Spec) -> str:
        """Say it in a sentence.

        Args:
            before: The first definition.
            after: The second one.
        """
        source, event = self.pair
        what = f"{event} in {source}"
        if self.before is None:
            return f"{what}: {row_text(self.after, after)} is new"
        if self.after is None:
            return f"{what}: {row_text(self.before, before)} is gone"
        parts = [
            f"{key} {_said(self.before, key)} became {_said(self.after, key)}"
            for key in _SAID
            if getattr(self.before, key) != getattr(self.after, key)
            # Where a row goes says what it decides.
            and not (key == "decision" and self.before.target != self.after.target)
        ]
        return f"{what}: {row_text(self.after, after)}: {', '.join(parts)}"


_RECORDED = re.compile(r": definition [0-9a-f]{12}$")


def place_of(spec: Spec) -> str:
    """Return how a definition is named."""
    return "the recording's definition" if _RECORDED.search(spec.place) else spec.place


def row_text(row: Row | None, spec: Spec) -> str:
    """Return how a row of *spec* is named: by its place, and by its guards where it has some."""
    if row is None:
        return "no row"
    guards = f" [{', '.join(row.guards)}]" if row.guards else ""
    return f"the row at line {row.line} of {place_of(spec)}{guards}"


def row_changes(before: Spec, after: Spec) -> list[RowChange]:
    """Return the rows that differ between two definitions, in the order of the second one."""
    first, second = _by_pair(before), _by_pair(after)
    found: list[RowChange] = []
    for pair in dict.fromkeys([*second, *first]):
        found += _pair_changes(first.get(pair, []), second.get(pair, []))
    return found


def other_changes(before: Spec, after: Spec) -> list[str]:
    """Return what else differs and matters to a replay, in words."""
    found = [
        f"{what} {name!r} {word}"
        for what, first, second in (
            ("state", before.states, after.states),
            ("event", before.events, after.events),
            ("timer", before.timers, after.timers),
        )
        for name, word in _names_changed(first, second)
    ]
    found += [
        f"event {name!r} is a {after.events[name].cls}, not a {event.cls}"
        for name, event in before.events.items()
        if name in after.events and after.events[name].cls != event.cls
    ]
    found += [
        f"timer {name!r} gives {after.timers[name].event!r}, not {timer.event!r}"
        for name, timer in before.timers.items()
        if name in after.timers and after.timers[name].event != timer.event
    ]
    if before.initial != after.initial:
        found.append(f"the initial state is {after.initial!r}, not {before.initial!r}")
    if before.implementation != after.implementation:
        found.append(f"the implementation is {after.implementation}, not {before.implementation}")
    return found


def _names_changed(first: dict[str, Any], second: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((name, "is gone") for name in first if name not in second)
    yield from ((name, "is new") for name in second if name not in first)


def _by_pair(spec: Spec) -> dict[tuple[str, str], list[Row]]:
    rows: dict[tuple[str, str], list[Row]] = {}
    for row in spec.rows:
        rows.setdefault((row.source, row.event), []).append(row)
    return rows


def _pair_changes(before: list[Row], after: list[Row]) -> list[RowChange]:
    """Return what differs among the rows of one state and event, which are tried in order."""
    found: list[RowChange] = []
    matcher = SequenceMatcher(None, list(map(_key, before)), list(map(_key, after)), autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        gone, new = before[i1:i2], after[j1:j2]
        for index in range(max(len(gone), len(new))):
            old = gone[index] if index < len(gone) else None
            now = new[index] if index < len(new) else None
            kind: Literal["added", "removed", "changed"] = "changed"
            if old is None:
                kind = "added"
            elif now is None:
                kind = "removed"
            found.append(RowChange(kind, old, now))
    return found


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(getattr(row, key) for key in _SAID)


def _said(row: Row, key: str) -> str:
    value: Any = getattr(row, key)
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - names
    return "none" if value is None else repr(value)
