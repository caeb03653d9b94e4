"""Walkthroughs, walked: each event is put to the very machine, so that no answer can be wrong."""

from collections.abc import Iterator
from typing import Any

from attrs import evolve, frozen

from hookflash.machines.errors import SpecError
from hookflash.machines.instants import Instant, microseconds
from hookflash.machines.machine import Machine, Step
from hookflash.machines.proof_world import (
    NOBODY,
    TICK,
    Samples,
    World,
    alphabet,
    samples_failed,
    take,
)
from hookflash.machines.walkthroughs import Happening, Walkthrough

_ID = "interaction-1"


@frozen
class Walked:
    """One event of a walkthrough, and what the machine made of it.

    Attributes:
        at: When, in microseconds since the first event of the walkthrough, those before included.
        name: The event's name.
        words: What happened, in a sentence.
        event: The event.
        source: The state before it.
        step: What the machine made of it.
    """

    at: int
    name: str
    words: str
    event: Any
    source: str
    step: Step[Any]

    @property
    def target(self) -> str:
        """The state after it."""
        return self.step.interaction.state


@frozen
class Walk:
    """A walkthrough, walked.

    Attributes:
        walkthrough: What was asked.
        machine: The machine, under the policy of the walkthrough.
        before: What came first.
        steps: What is told.
        ids: All ids that were drawn on the way, which say nothing to a reader.
    """

    walkthrough: Walkthrough
    machine: Machine[Any, Any]
    before: tuple[Walked, ...]
    steps: tuple[Walked, ...]
    ids: frozenset[str]


def walk(machine: Machine[Any, Any], samples: Samples) -> Iterator[Walk]:
    """Walk all walkthroughs of a machine.

    Args:
        machine: The machine.
        samples: Its samples, with the walkthroughs.

    Raises:
        SpecError: A walkthrough names an event or a policy that the samples do not have, or one
            that cannot come where it is told; correct it. The message says which and where.
    """
    for one in samples.walkthroughs:
        yield _Walking(machine, samples, one).walk()


class _Walking:
    def __init__(
        self, machine: Machine[Any, Any], samples: Samples, walkthrough: Walkthrough
    ) -> None:
        self.samples, self.walkthrough = samples, walkthrough
        self.place = f"{machine.spec.where('check')}: {machine.spec.check.samples}"
        self.machine = self._under_policy(machine)
        self.letters = alphabet(self.machine, samples)
        self.world = World(self.machine.start(_ID), self.machine.policy)
        self.began_at: Instant | None = None
        self.ids = {NOBODY, self.world.interaction.id}

    def _under_policy(self, machine: Machine[Any, Any]) -> Machine[Any, Any]:
        name = self.walkthrough.policy
        if not name:
            return machine
        if name not in self.samples.policies:
            raise self._wrong(f"the samples have no policy {name!r}")
        policy = self.samples.policies[name]
        return machine if policy is None else machine.with_policy(policy)

    def walk(self) -> Walk:
        told = self.walkthrough
        if not told.happenings:
            raise self._wrong("nothing happens")
        before = tuple(self._step(Happening(event)) for event in told.before)
        steps = tuple(self._step(happening) for happening in told.happenings)
        return Walk(told, self.machine, before, steps, frozenset(self.ids))

    def _step(self, happening: Happening) -> Walked:
        label, world = happening.event, self.world
        if label not in self.letters:
            raise self._wrong(f"the samples have no event {label!r}")
        if self.began_at is not None:
            pause_us = max(0, microseconds(happening.after_s) - TICK)
            world = evolve(world, now=Instant(world.now + pause_us))
        self.ids.add(world.unused_id)
        name, sample = self.letters[label]
        try:
            event = sample(world)
        except Exception as error:
            raise samples_failed(self.machine.spec, label, world, error) from error
        source = world.interaction.state
        if event is None:
            raise self._wrong(f"{label!r} cannot come in {source!r} as things are there")
        at: Instant = getattr(event, "at", world.next_at)
        if self.began_at is None:
            self.began_at = at
        self.ids.update(timer.owner for timer in world.interaction.timers)
        after, step = take(self.machine, self.samples, world, name, event)
        # Time passes and ids are used up, also where nothing else changes.
        self.world = evolve(after, now=at, drawn=world.drawn + 1)
        words = happening.words or self.machine.spec.events[name].doc
        return Walked(at - self.began_at, name, words, event, source, step)

    def _wrong(self, why: str) -> SpecError:
        return SpecError(
            f"{self.place}: the walkthrough {self.walkthrough.title!r}: {why}",
            advice="correct the walkthrough",
            place=self.place,
        )
