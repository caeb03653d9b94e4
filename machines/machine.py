"""A machine that runs: built from a definition, stepped one event at a time.

`transitions.Machine` is built from the definition: it is the declaration that users of that
library know, and the oracle in our tests. For the hot path it is flattened once, from that object,
into a dispatch table: event class, then state, gives the rows to try. `Machine.step` is the one
place where a decision is made, live, in replay, in recovery and in documentation.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

import attrs
import transitions
from attrs import field, frozen
from transitions.core import Condition, EventData

from hookflash.machines.effects import make_start_timer, stop_timer
from hookflash.machines.errors import SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import (
    Interaction,
    Pending,
    Timer,
    make_interaction,
    make_timer,
)
from hookflash.machines.making import maker
from hookflash.machines.spec import Migration, Row, Spec
from hookflash.machines.spec_checks import unresolved

DataT = TypeVar("DataT")
PolicyT = TypeVar("PolicyT")


class Draft(Generic[DataT, PolicyT]):
    """What a row's effects work on: the next interaction while it is being made.

    Effects set `data` and `pending`, start and stop timers, and append what is to be done. They
    never change the objects they find, only replace them.
    """

    __slots__ = ("data", "effects", "interaction", "pending", "policy", "row", "state", "timers")

    def __init__(
        self, interaction: Interaction[DataT], policy: PolicyT, row: Row, state: str
    ) -> None:
        self.interaction = interaction
        self.policy = policy
        self.row = row
        self.state = state
        self.data = interaction.data
        self.pending: Pending | None = interaction.pending
        self.timers = interaction.timers
        self.effects: list[Any] = []

    def start_timer(self, name: str, owner: str, due_at: Instant) -> None:
        """Start the timer *name*, in place of a running one of that name."""
        timer = make_timer(name, owner, due_at)
        running = self.timers
        if running:
            self.timers = (*[other for other in running if other.name != name], timer)
        else:
            self.timers = (timer,)
        self.effects.append(make_start_timer(timer))

    def stop_timer(self, name: str) -> None:
        """Stop the timer *name*; nothing happens where it does not run."""
        for timer in self.timers:
            if timer.name == name:
                self.timers = tuple([kept for kept in self.timers if kept is not timer])
                self.effects.append(stop_timer(name))
                return

    def stop_timers(self) -> None:
        """Stop all timers."""
        for timer in self.timers:
            self.effects.append(stop_timer(timer.name))
        self.timers = ()

    def start_first_timers(self, *timers: Timer) -> None:
        """Start *timers* where none runs: cheaper than one by one."""
        self.timers = timers
        self.effects += map(make_start_timer, timers)


Guard = Callable[[Interaction[Any], Any, Any], bool]
"""`guard(interaction, event, policy)`: may the row be taken? Reads, never changes."""

EffectMaker = Callable[[Draft[Any, Any], Any], None]
"""`effect(draft, event)`: what the row does."""


@frozen
class Implementation:
    """The Python side of a definition: what its names mean.

    Attributes:
        events: Event classes by name.
        guards: Guards by name.
        effects: Effect makers by name.
        data: The class of an instance's data; called without arguments for a new instance.
        policy: The class of the machine's policy; called without arguments for the default.
        produces: The classes of the effects that it may ask for, for reading recordings.
        migrations: Functions that carry an interaction over from an earlier definition, by name.
    """

    events: Mapping[str, type]
    guards: Mapping[str, Guard]
    effects: Mapping[str, EffectMaker]
    data: Callable[[], Any]
    policy: Callable[[], Any]
    produces: tuple[type, ...] = ()
    migrations: Mapping[str, Callable[[Interaction[Any]], Interaction[Any]]] = field(
        factory=dict[str, Callable[[Interaction[Any]], Interaction[Any]]]
    )


def named(*functions: Callable[..., Any]) -> dict[str, Any]:
    """Return *functions* by their names."""
    return {function.__name__: function for function in functions}


@frozen(weakref_slot=False)
class Step(Generic[DataT]):
    """What one event did.

    Attributes:
        interaction: The interaction after it; the very same object where nothing changed.
        effects: What is to be done, in order.
        transition: The row that was taken.
    """

    interaction: Interaction[DataT]
    effects: tuple[Any, ...]
    transition: Row


_make_step = maker(Step)


class RowTransition(transitions.Transition):
    """A transition of the `transitions` library that remembers the row it was made of."""

    def __init__(self, source: str, dest: str | None, *args: Any, row: Row, **kwargs: Any) -> None:  # noqa: ANN401 - the library's
        super().__init__(source, dest, *args, **kwargs)  # type: ignore[arg-type]
        self.row = row

    def execute(self, event_data: EventData) -> bool:
        """Run the transition and leave its row on the model, where tests find it."""
        taken = super().execute(event_data)
        if taken:
            event_data.model.row = self.row  # type: ignore[attr-defined]
        return taken


class _SpecMachine(transitions.Machine):
    transition_cls = RowTransition


class _LibraryGuard:
    """A guard in the calling convention of the `transitions` library."""

    def __init__(self, name: str, guard: Guard) -> None:
        self.__name__ = name
        self.guard = guard

    def __call__(self, event_data: EventData) -> bool:
        return self.guard(*event_data.args)


Rows = tuple[tuple[tuple[Guard, ...], Row, tuple[EffectMaker, ...]], ...]
"""Rows as they are tried: guards, row, effects. The effects may begin with one of the engine's own,
which has no name in the row."""


class Machine(Generic[DataT, PolicyT]):
    """A definition bound to its implementation and a policy.

    Immutable after it is made, and safe to share between threads.

    Args:
        spec: The definition.
        implementation: What its names mean.
        policy: The settings that guards and effects read; None takes the implementation's default.

    Raises:
        SpecError: A name in the definition does not exist in the implementation.
    """

    def __init__(
        self, spec: Spec, implementation: Implementation, policy: PolicyT | None = None
    ) -> None:
        for finding in unresolved(spec, implementation):
            raise finding.error()
        self.spec = spec
        self.name = spec.name
        self.implementation = implementation
        self.policy: PolicyT = implementation.policy() if policy is None else policy
        self.declaration = _declare(spec, implementation)
        self._table = _flatten(self.declaration, spec, implementation)
        self._names = {implementation.events[name]: name for name in spec.events}

    def __repr__(self) -> str:
        return f"<Machine {self.name} {self.spec.digest[:12]} from {self.spec.place}>"

    def with_policy(self, policy: PolicyT) -> "Machine[DataT, PolicyT]":
        """Return the same machine under another policy."""
        return Machine(self.spec, self.implementation, policy)

    def start(self, interaction_id: str) -> Interaction[DataT]:
        """Return a new instance in the initial state, with fresh data and no timers."""
        return make_interaction(interaction_id, self.spec.initial, self.implementation.data())

    def step(self, interaction: Interaction[DataT], event: Any) -> Step[DataT]:  # noqa: ANN401 - any of the machine's events
        """Decide what *event* does to *interaction*.

        Pure: the same arguments give the same answer, and *interaction* is left as it is. An event
        that is late, ignored or rejected returns the interaction unchanged but for bookkeeping
        that the definition names; why is in `transition.reason`.

        Args:
            interaction: An instance of this machine.
            event: One of the machine's events.

        Returns:
            The interaction after the event, what is to be done, and the row that was taken.

        Raises:
            TypeError: *event* is of no class that the definition lists: a bug of the caller.
        """
        try:
            rows = self._table[event.__class__][interaction.state]
        except KeyError:
            raise TypeError(
                f"machine {self.name!r} in state {interaction.state!r} knows no event"
                f" {type(event).__name__}"
            ) from None
        policy = self.policy
        for guards, row, effects in rows:
            for guard in guards:
                if not guard(interaction, event, policy):
                    break
            else:
                state = row.target
                if state is None:
                    if not effects:
                        return _make_step(interaction, (), row)
                    state = interaction.state
                draft = Draft(interaction, policy, row, state)
                for effect in effects:
                    effect(draft, event)
                data, pending, timers = draft.data, draft.pending, draft.timers
                if (
                    pending is not interaction.pending
                    or timers is not interaction.timers
                    or data is not interaction.data
                    or row.target is not None
                ):
                    interaction = make_interaction(
                        interaction.id, state, data, pending, timers, interaction.rules
                    )
                return _make_step(interaction, tuple(draft.effects), row)
        raise AssertionError(
            "the last row of a pair has no guards"
        )  # pragma: no cover - checked at load

    def rows_for(self, state: str, event_class: type) -> Rows:
        """Return the rows that are tried for an event in a state; none for an unknown pair."""
        return self._table.get(event_class, {}).get(state, ())

    def migrate(self, interaction: Interaction[DataT], migration: Migration) -> Interaction[DataT]:
        """Carry an interaction of an earlier definition over to this one.

        Args:
            interaction: As it stood under the earlier definition.
            migration: One of this definition's.

        Raises:
            SpecError: What comes out is none of this machine: its state or a timer does not exist
                here. The declaration is incomplete.
        """
        state = migration.states.get(interaction.state, interaction.state)
        carried = attrs.evolve(interaction, state=state)
        if migration.carry is not None:
            carried = self.implementation.migrations[migration.carry](carried)
        unknown = [carried.state] if carried.state not in self.spec.states else []
        unknown += [timer.name for timer in carried.timers if timer.name not in self.spec.timers]
        if unknown:
            where = f"{self.spec.place}: migration from {migration.earlier[:12]}"
            raise SpecError(
                f"{where}: {', '.join(map(repr, unknown))} of the earlier definition has no"
                " counterpart in this one",
                advice="name it under `states`, or let a `carry` function see to it",
                place=where,
            )
        return carried

    def reacts(self, state: str, event_class: type) -> bool:
        """Tell whether some row for *event_class* in *state* moves or does anything.

        An event about the whole link goes to every interaction; those whose machine would only
        stay need not be woken for it.
        """
        return any(effects or row.target for _, row, effects in self._table[event_class][state])

    def timer_event(self, timer: Timer, at: Instant, unused_id: str) -> Any:  # noqa: ANN401 - the class is named in the definition
        """Return the event that *timer* gives when it fires at *at*."""
        cls = self.implementation.events[self.spec.timers[timer.name].event]
        return cls(at, timer.owner, unused_id)

    def event_name(self, event: Any) -> str:  # noqa: ANN401 - any event
        """Return the definition's name for *event*."""
        return self._names[type(event)]


def _declare(spec: Spec, implementation: Implementation) -> transitions.Machine:
    """Build the `transitions` machine: no automatic transitions, no behaviour in callbacks."""
    machine = _SpecMachine(
        model=None,
        states=list(spec.states),
        initial=spec.initial,
        auto_transitions=False,
        send_event=True,
    )
    for row in spec.rows:
        machine.add_transition(
            trigger=row.event,
            source=row.source,
            dest=row.target,
            conditions=[_LibraryGuard(name, implementation.guards[name]) for name in row.guards],
            row=row,
        )
    return machine


def _timer_taken(name: str) -> EffectMaker:
    """Return the effect that takes a timer that has fired off the interaction's list.

    One that was set anew while the event waited runs on.
    """

    def take(draft: Draft[Any, Any], event: Any) -> None:  # noqa: ANN401 - the timer's event
        for timer in draft.timers:
            if timer.name == name and timer.owner == event.owner and timer.due_at <= event.at:
                draft.timers = tuple([kept for kept in draft.timers if kept is not timer])
                return

    return take


def _flatten(
    machine: transitions.Machine, spec: Spec, implementation: Implementation
) -> dict[type, dict[str, Rows]]:
    table: dict[type, dict[str, Rows]] = {}
    timers = {timer.event: (_timer_taken(name),) for name, timer in spec.timers.items()}
    for name in spec.events:
        before: tuple[EffectMaker, ...] = timers.get(name, ())
        by_state: dict[str, Rows] = {}
        for state, candidates in machine.events[name].transitions.items():
            by_state[state] = tuple(
                (
                    tuple(_guard_of(condition) for condition in candidate.conditions),
                    candidate.row,
                    before
                    + tuple(implementation.effects[effect] for effect in candidate.row.effects),
                )
                for candidate in cast("list[RowTransition]", candidates)
            )
        table[implementation.events[name]] = by_state
    return table


def _guard_of(condition: Condition) -> Guard:
    return cast("_LibraryGuard", condition.func).guard
