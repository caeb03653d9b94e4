"""The normal path of a machine: declared in its definition, or derived from its rows."""

from collections.abc import Iterable

from attrs import frozen

from hookflash.machines.spec import Row, Spec


@frozen
class Story:
    """The way that an interaction usually takes.

    Attributes:
        states: Its states in order; the first once more at the end where it is a circle.
        hops: State, event and state of each step.
        declared: Whether the definition says so; else it was derived, and is a guess.
    """

    states: tuple[str, ...]
    hops: tuple[tuple[str, str, str], ...]
    declared: bool

    def has(self, row: Row) -> bool:
        """Tell whether *row* is part of it."""
        return (row.source, row.event, row.target) in self.hops

    def number(self, rows: Iterable[Row]) -> int | None:
        """Return which step of it *rows* take, from 1; None for none."""
        keys = {(row.source, row.event, row.target) for row in rows}
        found = (number for number, hop in enumerate(self.hops, start=1) if hop in keys)
        return next(found, None)


def story_of(spec: Spec) -> Story:
    """Return the normal path of a machine.

    Where the definition declares none it is derived: from the initial state on, the first row that
    leads to a state not seen yet, sooner by an event than by a timer, sooner to one that is not
    final; at the end back to the beginning, if the last state has a row that leads there.
    """
    path = spec.diagram.path
    if path is not None:
        hops = tuple(zip(path[::2], path[1::2], path[2::2], strict=False))
        return Story(path[::2], hops, declared=True)
    hops = tuple(_derived(spec))
    states = (spec.initial, *(target for _, _, target in hops)) if hops else ()
    return Story(states, hops, declared=False)


def _derived(spec: Spec) -> list[tuple[str, str, str]]:
    timers = {timer.event for timer in spec.timers.values()}
    hops: list[tuple[str, str, str]] = []
    state, seen = spec.initial, {spec.initial}
    while True:
        moves = [row for row in spec.rows if row.source == state and row.target is not None]
        fresh = [row for row in moves if row.target not in seen]
        if not fresh:
            fresh = [row for row in moves if row.target == spec.initial != state]
        if not fresh:
            return hops
        row = min(fresh, key=lambda row: _rank(row, spec, timers))
        state = str(row.target)
        hops.append((row.source, row.event, state))
        if state in seen:
            return hops
        seen.add(state)


def _rank(row: Row, spec: Spec, timers: set[str]) -> tuple[bool, bool, int]:
    return spec.states[str(row.target)].final, row.event in timers, row.index
