"""Walks through every world of a machine, nearest first, and finds what goes wrong on the way.

The steps are those of the machine itself, with its guards and effects. What is found is certain,
with the shortest path of events that shows it. What is not found is proved for all sequences of
the samples, however long, as far as worlds with the same view behave alike.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from attrs import define, field, frozen

from hookflash.machines.effects import StartTimer, StopTimer
from hookflash.machines.errors import SpecError
from hookflash.machines.findings import Finding, PathStep
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.machine import Machine, Step
from hookflash.machines.proof_structure import waits, watchers_of
from hookflash.machines.proof_world import (
    Sample,
    Samples,
    World,
    alphabet,
    samples_failed,
    take,
    whole_view,
)
from hookflash.machines.spec import Row

WORLDS_MAX = 50_000
"""Bound on the worlds of one policy: more than ten times what the shipped machines have."""


@frozen
class Node:
    """A world that was reached.

    Attributes:
        world: The world.
        parent: The number of the node that it was reached from first; None for the start.
        step: The step from there; None for the start.
        watched: Whether something is under way in it that ends the waiting, where somebody waits.
    """

    world: World
    parent: int | None
    step: PathStep | None
    watched: bool


@define
class Exploration:
    """What was seen under one policy.

    Attributes:
        machine: The machine.
        samples: Its samples.
        policy: The policy's name.
        nodes: The worlds, in the order in which they were reached.
        steps: How many events were stepped.
        taken: The indices of the rows that were taken.
        found: What was found, each thing once.
        excepted: The names of the exceptions that excused a world.
    """

    machine: Machine[Any, Any]
    samples: Samples
    policy: str
    nodes: list[Node] = field(factory=list[Node])
    steps: int = 0
    taken: set[int] = field(factory=set[int])
    found: dict[tuple[Hashable, ...], Finding] = field(factory=dict[tuple[Hashable, ...], Finding])
    excepted: set[str] = field(factory=set[str])
    _numbers: dict[Hashable, int] = field(factory=dict[Hashable, int], init=False)
    _watchers: dict[str, tuple[str, ...]] = field(factory=dict[str, tuple[str, ...]], init=False)

    def run(self, worlds_max: int = WORLDS_MAX) -> None:
        """Walk through all worlds, or until there are more than *worlds_max*.

        Raises:
            SpecError: A sample or the view failed: a mistake in the module of the samples.
        """
        spec = self.machine.spec
        self._watchers = {
            state: watchers_of(spec, state) for state in spec.states if waits(spec, state)
        }
        letters = [
            (label, name, sample)
            for label, (name, sample) in alphabet(self.machine, self.samples).items()
        ]
        start = World(self.machine.start("proof"), self.machine.policy)
        self._reach(start, None, None)
        for number, node in enumerate(self.nodes):
            for label, name, sample in letters:
                event = self._call(label, sample, node.world)
                if event is not None:
                    self._step(number, label, name, event)
            if len(self.nodes) > worlds_max:
                self._give_up(worlds_max)
                return

    # --- one step -------------------------------------------------------------------------------

    def _step(self, number: int, label: str, name: str, event: Any) -> None:  # noqa: ANN401 - any event
        before = self.nodes[number].world
        self.steps += 1
        try:
            after, step = take(self.machine, self.samples, before, name, event)
        except SpecError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever guards and effects raise
            self._failed(number, label, name, event, error)
            return
        row = step.transition
        self.taken.add(row.index)
        if after is not before:
            state = after.interaction.state
            self._reach(after, number, PathStep(label, row.source, state, row.line))

    def _reach(self, world: World, parent: int | None, step: PathStep | None) -> None:
        view = self._call("view", self.samples.view or whole_view, world)
        known = self._numbers.get(view)
        if known is None:
            known = self._numbers[view] = len(self.nodes)
            self.nodes.append(Node(world, parent, step, self._is_watched(world)))
        if not self.nodes[known].watched and (parent is None or self.nodes[parent].watched):
            self._unwatched(parent, step, self.nodes[known].world)

    def _call(self, name: str, function: Callable[..., Any], world: World, *arguments: Any) -> Any:  # noqa: ANN401 - a sample, a view or an exception
        """Call a function of the samples, with *world* where it takes no other arguments."""
        try:
            return function(*(arguments or (world,)))
        except Exception as error:
            raise samples_failed(self.machine.spec, name, world, error) from error

    # --- is anybody forgotten? ------------------------------------------------------------------

    def _is_watched(self, world: World) -> bool:
        """Tell whether, where somebody waits, something is under way that ends the waiting."""
        interaction = world.interaction
        watchers = self._watchers.get(interaction.state)
        if watchers is None or any(name in watchers for name in world.asked):
            return True
        if any(
            timer.name in watchers and self._would_act(world, timer) for timer in interaction.timers
        ):
            return True
        for name in self.machine.spec.states[interaction.state].unless:
            exception = self.samples.exceptions[name]
            if self._call(name, exception, world, interaction, world.policy):
                self.excepted.add(name)
                return True
        return False

    def _would_act(self, world: World, timer: Timer) -> bool:
        """Tell whether *timer* would do something when it fires: one that would not is no watcher.

        To set a timer anew is nothing: who only sets timers anew lets somebody wait for ever.
        """
        try:
            step = self._fire(world, timer)
        except Exception:  # noqa: BLE001 - told where the walk comes to it
            return False
        return step.interaction.state != world.interaction.state or any(
            not isinstance(effect, StartTimer | StopTimer) for effect in step.effects
        )

    def _fire(self, world: World, timer: Timer) -> Step[Any]:
        at = Instant(max(world.next_at, timer.due_at))
        event = self.machine.timer_event(timer, at, world.unused_id)
        return self.machine.step(world.interaction, event)

    # --- findings -------------------------------------------------------------------------------

    def _unwatched(self, parent: int | None, step: PathStep | None, world: World) -> None:
        """Note that somebody may be forgotten; the place is the row that somebody has to correct.

        That is the row by which a watcher that runs does nothing, else the one that led here.
        """
        spec, state = self.machine.spec, world.interaction.state
        known = self.found.get(("unwatched", state))
        if known is not None:
            self.found["unwatched", state] = known.also([step.line] if step else [])
            return
        watchers = self._watchers[state]
        line = spec.lines.get(f"states.{state}") if step is None else step.line
        idle: list[str] = []
        for timer in world.interaction.timers:
            row = self._row_when_fired(world, timer) if timer.name in watchers else None
            if row is not None:
                line = row.line
                idle.append(f"{timer.name} runs, and does nothing by the row of line {line}")
        why = "; ".join(idle) or f"none of {', '.join(watchers) or 'the timers'} is under way"
        self.found["unwatched", state] = Finding(
            "unwatched",
            f"{spec.place}: line {line}",
            f"somebody waits in {state!r} and may be forgotten: {why}",
            "let the row release, alarm or ask when the timer fires"
            if idle
            else "let the row, or one before it, start the timer or ask for what ends the waiting",
            line=line,
            state=state,
            event=None if step is None else step.event.partition(":")[0],
            policy=self.policy,
            path=(*self.path_to(parent), *([] if step is None else [step])),
        )

    def _row_when_fired(self, world: World, timer: Timer) -> Row | None:
        """Return the row that is taken when *timer* fires; None where the step fails."""
        try:
            return self._fire(world, timer).transition
        except Exception:  # noqa: BLE001 - told where the walk comes to it
            return None

    def _failed(self, number: int, label: str, name: str, event: Any, error: Exception) -> None:  # noqa: ANN401 - any event
        spec, interaction = self.machine.spec, self.nodes[number].world.interaction
        row = self._row_that_failed(name, event, interaction)
        last = PathStep(label, row.source, row.target or row.source, row.line)
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        finding = Finding(
            "step_fails",
            f"{spec.place}: line {row.line}",
            f"the row for {name!r} in {row.source!r} fails: {what}",
            "a guard or an effect of it takes for granted what is not so here",
            line=row.line,
            state=row.source,
            event=name,
            policy=self.policy,
            path=(*self.path_to(number), last),
        )
        self.found.setdefault(("step_fails", row.index), finding)

    def _row_that_failed(self, name: str, event: Any, interaction: Interaction[Any]) -> Row:  # noqa: ANN401 - any event
        """Return the row that was being tried: the last of a pair has no guards."""
        rows = self.machine.spec.rows_of(interaction.state, name)
        return next(row for row in rows if self.may_take(row, event, interaction) is not False)

    def _give_up(self, worlds_max: int) -> None:
        spec = self.machine.spec
        self.found["too_many_worlds",] = Finding(
            "too_many_worlds",
            spec.where("check"),
            f"there are more than {worlds_max} worlds: nothing is proved by exploring a part",
            "leave counters that grow for ever out of the samples' `view`",
            line=spec.lines.get("check"),
            policy=self.policy,
        )

    # --- for those who look afterwards ----------------------------------------------------------

    def path_to(self, number: int | None) -> tuple[PathStep, ...]:
        """Return the shortest path to the node *number*."""
        steps: list[PathStep] = []
        while number is not None:
            node = self.nodes[number]
            if node.step is not None:
                steps.append(node.step)
            number = node.parent
        return tuple(reversed(steps))

    def may_take(self, row: Row, event: Any, interaction: Interaction[Any]) -> bool | None:  # noqa: ANN401 - any event
        """Tell whether all guards of *row* hold; None where one of them fails."""
        guards = self.machine.implementation.guards
        try:
            return all(guards[name](interaction, event, self.machine.policy) for name in row.guards)
        except Exception:  # noqa: BLE001 - whatever guards raise
            return None

    def events_in(self, state: str, name: str) -> Iterator[tuple[World, Any]]:
        """Walk the sample events called *name* in the worlds of *state*."""
        letters: list[Sample] = [
            sample
            for event, sample in alphabet(self.machine, self.samples).values()
            if event == name
        ]
        for node in self.nodes:
            if node.world.interaction.state == state:
                for sample in letters:
                    event = sample(node.world)
                    if event is not None:
                        yield node.world, event
