"""What the rows of a definition prove by themselves, whatever its guards and effects do.

Guards count as open: a row may be taken or not. So a state that is found unreachable here is so
for certain, and one that is not may still be. The definition must load: its names exist, its pairs
are decided.
"""

from collections.abc import Iterable, Iterator

from hookflash.machines.findings import Finding
from hookflash.machines.spec import Row, Spec


def reachable_states(spec: Spec) -> set[str]:
    """Return the states that some sequence of rows leads to."""
    return _closure({spec.initial}, _moves(spec))


def structural_findings(spec: Spec) -> Iterator[Finding]:
    """Find what is wrong with the graph of states, and with the timers in it."""
    reachable = reachable_states(spec)
    for name in spec.states:
        if name not in reachable:
            yield Finding(
                "unreachable_state",
                spec.where(f"states.{name}"),
                f"no sequence of rows leads from {spec.initial!r} to {name!r}",
                "add the row that leads there, or remove the state",
                line=spec.lines.get(f"states.{name}"),
                state=name,
            )
    yield from _ways_out(spec, reachable)
    for name in spec.states:
        if name in reachable:
            yield from _watchers_of_state(spec, name)
    for name, timer in spec.timers.items():
        if not any(_reacts(row) for row in spec.rows if row.event == timer.event):
            yield Finding(
                "idle_timer",
                spec.where(f"timers.{name}"),
                f"no row does anything when {name!r} fires: {timer.event!r} neither moves nor has"
                " an effect in any state",
                "add the row that the timer was meant for, or remove the timer",
                line=spec.lines.get(f"timers.{name}"),
                event=timer.event,
            )


def waits(spec: Spec, state: str) -> bool:
    """Tell whether somebody waits in *state*, so that something must be under way that ends it.

    So it is in every state that is neither initial nor final and does not say why it may last; in
    the initial one too where it says what watches it.
    """
    said = spec.states[state]
    if said.watched_by:
        return True
    return not said.final and said.lasts is None and state != spec.initial


def watchers_of(spec: Spec, state: str) -> tuple[str, ...]:
    """Return the timers and owed answers of which one must be under way in *state*.

    Those that the definition names; where it names none, all that do something there.
    """
    named = spec.states[state].watched_by
    if named:
        return named
    return tuple(name for name in (*spec.timers, *spec.check.answers) if _acts(spec, state, name))


# --- the parts ----------------------------------------------------------------------------------


def _ways_out(spec: Spec, reachable: set[str]) -> Iterator[Finding]:
    final = {name for name, state in spec.states.items() if state.final}
    moves = _moves(spec)
    ending = _closure(final, [(target, source) for source, target in moves])
    for name in spec.states:
        if name not in reachable:
            continue
        out = next((row for row in _rows_out(spec, name)), None)
        place, line = spec.where(f"states.{name}"), spec.lines.get(f"states.{name}")
        if name in final:
            if out is not None:
                yield Finding(
                    "final_left",
                    f"{spec.place}: line {out.line}",
                    f"a row leads out of {name!r}, which is final",
                    "remove the row, or `final` from the state",
                    line=out.line,
                    state=name,
                    event=out.event,
                )
        elif out is None:
            yield Finding(
                "dead_end",
                place,
                f"no row leads out of {name!r}, and it is not final",
                "add a row that leads out, or say `final = true` where an interaction ends there",
                line=line,
                state=name,
            )
        elif final and name not in ending and _is_first(spec, name, moves, ending):
            yield Finding(
                "dead_end",
                place,
                f"no sequence of rows leads from {name!r} to a final state"
                f" ({', '.join(sorted(final))})",
                "add the row by which an interaction ends",
                line=line,
                state=name,
            )


def _is_first(spec: Spec, name: str, moves: list[tuple[str, str]], ending: set[str]) -> bool:
    """Tell whether *name* is where the states begin from which nothing ends."""
    return name == spec.initial or any(
        target == name and source in ending for source, target in moves
    )


def _watchers_of_state(spec: Spec, name: str) -> Iterator[Finding]:
    if not waits(spec, name):
        return
    place, line = spec.where(f"states.{name}"), spec.lines.get(f"states.{name}")
    watchers = watchers_of(spec, name)
    acting = [watcher for watcher in watchers if _acts(spec, name, watcher)]
    if not acting:
        those = f"none of its watchers ({', '.join(watchers)})" if watchers else "no timer"
        yield Finding(
            "no_timer_out",
            place,
            f"somebody waits in {name!r}, and {those} leads out of it or does anything there",
            "add a row for a timer's event; or say with `lasts` why the state may last for ever",
            line=line,
            state=name,
        )
        return
    for watcher in watchers:
        if watcher not in acting:
            yield Finding(
                "idle_watcher",
                place,
                f"{name!r} is watched by {watcher!r}, which does nothing there",
                "add the row that acts on it, or take it out of `watched_by`",
                line=line,
                state=name,
            )


def _acts(spec: Spec, state: str, watcher: str) -> bool:
    """Tell whether a timer that fires, or an answer that comes, does something in *state*."""
    timer = spec.timers.get(watcher)
    events = spec.check.answers.get(watcher, ()) if timer is None else (timer.event,)
    return any(_reacts(row) for event in events for row in spec.rows_of(state, event))


def _reacts(row: Row) -> bool:
    return row.target is not None or bool(row.effects)


def _rows_out(spec: Spec, state: str) -> Iterator[Row]:
    return (row for row in spec.rows if row.source == state and row.target not in {None, state})


def _moves(spec: Spec) -> list[tuple[str, str]]:
    return [(row.source, row.target) for row in spec.rows if row.target is not None]


def _closure(start: Iterable[str], moves: list[tuple[str, str]]) -> set[str]:
    """Return all that *moves* lead to from *start*."""
    found = set(start)
    growing = True
    while growing:
        more = {target for source, target in moves if source in found} - found
        found |= more
        growing = bool(more)
    return found
