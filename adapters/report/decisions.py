"""Which row decided each step: told by stepping the machine anew, where that comes out the same.

A record says what happened, not why. Its row does, with a sentence of the definition. Where a
recording cannot be followed, because it begins in the middle or today's code decides otherwise, the
row is told only where just one fits.
"""

from typing import Any, final

from hookflash.adapters.journal.definitions import Definitions
from hookflash.machines.errors import HookflashError
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import (
    DefinitionChange,
    Header,
    InteractionState,
    PolicyChange,
    Record,
)
from hookflash.machines.spec import Row


@final
class Decisions:
    """Follows a recording from entry to entry.

    Args:
        header: Its header.
        definitions: Its definitions; whoever reads the entries sees to it that they are known.
        followed_max: Interactions that are followed at once; of further ones fewer rows are told.
    """

    def __init__(self, header: Header, definitions: Definitions, followed_max: int) -> None:
        self._definitions = definitions
        self._spec_hash = header.spec_hash
        self._policy: Header | PolicyChange | DefinitionChange = header
        self._followed_max = followed_max
        self._machines: dict[str, Machine[Any, Any]] = {}
        self._interactions: dict[str, Interaction[Any]] = {}
        self._fitting: dict[tuple[str, str, str, str], Row | None] = {}

    @property
    def machine(self) -> Machine[Any, Any]:
        """The machine of the definition that counts now."""
        return self._machine(self._spec_hash)

    def take_change(self, change: PolicyChange | DefinitionChange) -> None:
        """Take up that another policy or definition counts from here on."""
        self._policy = change
        self._machines.clear()
        if isinstance(change, DefinitionChange):
            self._spec_hash = change.spec_hash

    def take_state(self, state: InteractionState) -> None:
        """Take up how an interaction stands, whatever was known of it."""
        self._follow(state.interaction.id.lower(), state.interaction)

    def take(self, record: Record) -> tuple[Machine[Any, Any], Row | None]:
        """Take the next record.

        Returns:
            The machine by whose definition it was stepped, and the row that decided; None where
            that is not known.
        """
        machine = self._machine(record.spec_hash or self._spec_hash)
        key = record.interaction_id.lower()
        before = None if record.begins else self._interactions.get(key)
        if before is None and record.source == machine.spec.initial:
            before = machine.start(record.interaction_id)
        if before is not None and before.state == record.source:
            step = machine.step(before, record.event)
            if step.interaction.state == record.target and step.effects == record.effects:
                self._follow(key, step.interaction)
                return machine, step.transition
        self._interactions.pop(key, None)
        return machine, self._only_one(machine, record)

    # --- the parts --------------------------------------------------------------------------------

    def _follow(self, key: str, interaction: Interaction[Any]) -> None:
        if key in self._interactions or len(self._interactions) < self._followed_max:
            self._interactions[key] = interaction

    def _machine(self, spec_hash: str) -> Machine[Any, Any]:
        machine = self._machines.get(spec_hash)
        if machine is None:
            try:
                machine = self._definitions.machine(spec_hash, self._policy)
            except HookflashError:
                # Of format 1, or with a policy of another time: its records are read all the same.
                machine = self._definitions.codec(spec_hash).machine
            self._machines[spec_hash] = machine
        return machine

    def _only_one(self, machine: Machine[Any, Any], record: Record) -> Row | None:
        """Return the row that fits what *record* says; None where several do."""
        event = machine.event_name(record.event)
        key = machine.spec.digest, event, record.source, record.target
        if key not in self._fitting:
            fitting = [
                row
                for row in machine.spec.rows_of(record.source, event)
                if (row.target or row.source) == record.target
            ]
            self._fitting[key] = fitting[0] if len(fitting) == 1 else None
        return self._fitting[key]
