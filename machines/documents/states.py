"""The sections of a document about a machine's states and its timers."""

from collections.abc import Iterator
from typing import Any

from hookflash.machines.conditions import choice_of
from hookflash.machines.diagrams.describing import duration_of
from hookflash.machines.documents.markdown import (
    bullets,
    code,
    codes,
    link,
    listed,
    prose,
    sentence,
    table,
)
from hookflash.machines.documents.rows import moves, moves_table, states_text
from hookflash.machines.machine import Machine
from hookflash.machines.spec import Row


def states_section(machine: Machine[Any, Any]) -> Iterator[str]:
    """Return the lines of the section about the states."""
    yield "## States"
    yield ""
    yield (
        "What must be so, for an event to lead into a state or out of it, is told in words. Under"
        f" {link('Events', 'Events')} each event has its rows in full, with the names of their"
        " guards, and with what is late or ignored because it is about something that is over."
    )
    yield ""
    for name in machine.spec.states:
        yield from _state(machine, name)


def _state(machine: Machine[Any, Any], name: str) -> Iterator[str]:
    spec = machine.spec
    yield f"### State {code(name)}"
    yield ""
    yield prose(sentence(spec.states[name].doc))
    yield ""
    facts = list(_facts(machine, name))
    if facts:
        yield from bullets(facts)
        yield ""
    entered, left = tuple(moves(spec, to=name)), tuple(moves(spec, out_of=name))
    if entered:
        yield "Entered:"
        yield ""
        yield from moves_table(machine, entered, "from")
    if left:
        yield "Left:"
        yield ""
        yield from moves_table(machine, left, "to")


def _facts(machine: Machine[Any, Any], name: str) -> Iterator[str]:
    spec = machine.spec
    state = spec.states[name]
    if name == spec.initial:
        yield "It begins here."
    if state.final:
        yield "It ends here."
    if state.lasts:
        yield f"It may last for ever: {prose(state.lasts)}"
    if state.watched_by:
        unless = f", unless {codes(state.unless)}" if state.unless else ""
        watched = " or ".join(code(one) for one in state.watched_by)
        yield f"What must be under way here, so that nobody is forgotten: {watched}{unless}."
    for timer, said in spec.timers.items():
        for row in spec.rows_of(name, said.event):
            if _acts(row):
                where = f"goes to {code(row.target)}" if row.target else "stays"
                fires = f"When {link(code(timer), 'Timers')} fires ({duration_of(machine, timer)})"
                choice = prose(listed(choice_of(machine, row)))
                chosen = f", where {choice}" if choice else ""
                yield f"{fires}{chosen}, it {where}: {prose(sentence(row.reason))}"


def timers_section(machine: Machine[Any, Any]) -> Iterator[str]:
    """Return the lines of the section about the timers; none where there are none."""
    spec = machine.spec
    if not spec.timers:
        return
    yield "## Timers"
    yield ""
    yield from table(
        ("timer", "takes", "setting", "its event", "does something in", "meaning"),
        (
            (
                code(name),
                duration_of(machine, name),
                code(timer.duration),
                link(code(timer.event), f"Event {timer.event}"),
                states_text(spec, _states_with(machine, timer.event)) or "no state",
                prose(sentence(timer.doc)),
            )
            for name, timer in spec.timers.items()
        ),
    )


def _states_with(machine: Machine[Any, Any], event: str) -> Iterator[str]:
    """Return the states in which the event of a timer does something."""
    for state in machine.spec.states:
        if any(_acts(row) for row in machine.spec.rows_of(state, event)):
            yield state


def _acts(row: Row) -> bool:
    """Tell whether a row for a timer's event does anything."""
    return row.target is not None or (row.decision == "stay" and bool(row.effects))
