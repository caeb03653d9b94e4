"""Random ways through a machine, with all that another engine needs to go the same way by itself.

Guards depend on data that no export holds. So for each event the values of the guards of *all* rows
that are tried for it are worked out beforehand; which row is taken, and where it leads, the other
engine has to find out.
"""

from collections.abc import Hashable
from random import Random
from typing import Any

from attrs import frozen

from hookflash.adapters.specifications import load_machine, samples_of
from hookflash.machines.machine import Machine, Step
from hookflash.machines.proof_world import Sample, Samples, World, alphabet, take, whole_view

RECENT = 12
"""Beginnings that count as the latest."""


@frozen
class Stride:
    """One event of a walk.

    Attributes:
        event: Its name.
        guards: The values of the guards of all rows that are tried for it.
        source: The state before it.
        target: The state after it, as our `step` has it.
        effects: What the row does.
        row: The row, by its place among all rows.
    """

    event: str
    guards: dict[str, bool]
    source: str
    target: str
    effects: tuple[str, ...]
    row: int


@frozen
class Beginning:
    """How a walk began that took a row which none had taken before."""

    world: World
    strides: tuple[Stride, ...]


class Walker:
    """Walks through one machine at random, under the policies of its samples.

    Where a row is taken for the first time the way there is kept, and later walks begin so too: by
    chance alone some rows would never be taken.
    """

    def __init__(self, name: str, seed: int) -> None:
        self.machine: Machine[Any, Any] = load_machine(name)
        samples = samples_of(self.machine.spec, name)
        assert samples is not None
        self.samples: Samples = samples
        self.random = Random(seed)
        self.taken: set[int] = set()
        self.seen: set[Hashable] = set()
        self.machines = [
            self.machine.with_policy(policy) if policy is not None else self.machine
            for policy in samples.policies.values()
        ]
        self.letters: list[tuple[str, Sample]] = list(alphabet(self.machine, samples).values())
        self.beginnings = [
            Beginning(World(machine.start("walk"), machine.policy), ()) for machine in self.machines
        ]

    def walk(self, length: int) -> list[Stride]:
        """Return a walk of *length* strides from the initial state."""
        # The latest were the hardest to find, and what comes after them is found last.
        latest = self.beginnings[-RECENT:] if self.random.random() < 0.5 else self.beginnings
        begun = self.random.choice(latest)
        machine = next(one for one in self.machines if one.policy is begun.world.policy)
        world, strides = begun.world, list(begun.strides)
        while len(strides) < length:
            name, sample = self.random.choice(self.letters)
            event = sample(world)
            if event is None:
                continue
            after, step = take(machine, self.samples, world, name, event)
            if self._ends(step) and len(strides) < length // 2 and self.random.random() < 0.9:
                continue  # what ends a walk comes late rather than early
            strides.append(self._stride(machine, world, name, event, step))
            world = after
            self.taken.add(step.transition.index)
            view = (self.samples.view or whole_view)(world)
            if view not in self.seen and not self._ends(step) and len(strides) < length // 2:
                self.seen.add(view)
                self.beginnings.append(Beginning(world, tuple(strides)))
        return strides

    def _ends(self, step: Step[Any]) -> bool:
        return self.machine.spec.states[step.interaction.state].final

    @staticmethod
    def _stride(
        machine: Machine[Any, Any], world: World, name: str, event: Any, step: Step[Any]
    ) -> Stride:
        before = world.interaction
        rows = machine.spec.rows_of(before.state, name)
        guards = {
            guard: machine.implementation.guards[guard](before, event, machine.policy)
            for guard in sorted({guard for row in rows for guard in row.guards})
        }
        row = step.transition
        return Stride(name, guards, before.state, step.interaction.state, row.effects, row.index)
