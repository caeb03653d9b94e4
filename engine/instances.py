"""The interactions that the engine knows, each with its mailbox."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from attrs import define

from hookflash.machines.errors import CommandBusy
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts, Interaction, Timer
from hookflash.machines.machine import Machine

if TYPE_CHECKING:
    from hookflash.engine.commands import Command

NEVER = Instant(0)

RULE_TIMER = "rule:"
"""What the name of a rule's timer begins with."""

LookupState = Literal["none", "queued", "asking"]

_EVICTION_LOOK_MAX = 256
"""How many of the oldest interactions are looked at when room is needed: a bound on the work."""


@define(eq=False)
class Instance:
    """One interaction in the engine: its machine's instance, and what waits for it.

    The queues are made when they are first needed: most held interactions have none.

    Attributes:
        interaction: The machine's instance.
        machine: The machine that steps it: as a rule the engine's; that of an earlier definition
            where it began under that one and cannot be carried over.
        begins: Whether nothing of it is in the journal yet that counts.
        mailbox: Events that wait to be stepped, oldest first; None for none.
        waiting: Commands held back until their turn, oldest first; None for none.
        facts: What the last lookup said beside the state; None before the first.
        facts_until: Until when these facts are reused.
        lookup: Whether a lookup is queued or being asked.
        ask_again: Whether another lookup must begin after the one being asked.
        machine_asks: Whether the machine waits for the lookup, and must learn if it fails.
        ready: Whether it stands in the dispatcher's queue.
    """

    interaction: Interaction[Any]
    machine: Machine[Any, Any]
    begins: bool = True
    mailbox: deque[Any] | None = None
    waiting: "deque[Command] | None" = None
    facts: Facts | None = None
    facts_until: Instant = NEVER
    lookup: LookupState = "none"
    ask_again: bool = False
    machine_asks: bool = False
    ready: bool = False

    @property
    def id(self) -> str:
        """The gateway's id of the interaction."""
        return self.interaction.id

    @property
    def idle(self) -> bool:
        """Whether nothing is lost if the engine forgets it: the next lookup tells all again."""
        interaction = self.interaction
        return not (
            interaction.pending
            or interaction.timers
            or self.mailbox
            or self.waiting
            or self.ready
            or self.lookup != "none"
            or (interaction.rules is not None and interaction.rules.waits)
        )

    def runs(self, timer: Timer) -> bool:
        """Tell whether *timer* still runs: it was neither stopped nor replaced."""
        if timer.name.startswith(RULE_TIMER):
            rules = self.interaction.rules
            return rules is not None and any(
                wait.owner == timer.owner for wait in rules.memory.waits
            )
        return any(running is timer for running in self.interaction.timers)

    def rule_timers(self) -> list[Timer]:
        """Return the running timers of its rules."""
        rules = self.interaction.rules
        waits = () if rules is None else rules.memory.waits
        return [Timer(RULE_TIMER + wait.rule, wait.owner, wait.due_at) for wait in waits]


class Instances:
    """All interactions that the engine knows, bounded.

    Args:
        machine: Makes new instances.
        instances_max: How many are kept. Beyond it idle ones are forgotten, oldest first.
        forgotten: Called with the id of each interaction that is forgotten.
    """

    def __init__(
        self,
        machine: Machine[Any, Any],
        instances_max: int,
        forgotten: Callable[[str], None],
    ) -> None:
        self._machine = machine
        self._max = instances_max
        self._forgotten = forgotten
        self._by_id: dict[str, Instance] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._by_id.values())

    def get(self, interaction_id: str) -> Instance | None:
        """Return the interaction's instance; None where the engine does not know it.

        UUIDs are compared without regard to case (RFC 9562, section 4), and sent as first given.
        """
        return self._by_id.get(interaction_id.lower())

    def get_or_start(self, interaction_id: str) -> Instance:
        """Return the interaction's instance, a new one where the engine does not know it.

        Raises:
            CommandBusy: The engine is full of interactions that something depends on.
        """
        key = interaction_id.lower()
        instance = self._by_id.get(key)
        if instance is None:
            if len(self._by_id) >= self._max:
                self._make_room(interaction_id)
            instance = self.transient(interaction_id)
            self._by_id[key] = instance
        return instance

    def adopt(
        self, interaction: Interaction[Any], machine: Machine[Any, Any] | None = None
    ) -> Instance:
        """Take up an interaction of an earlier run.

        Args:
            interaction: How it stands.
            machine: The machine of the definition that it began under; None for today's.
        """
        instance = Instance(interaction, machine or self._machine, begins=False)
        self._by_id[interaction.id.lower()] = instance
        return instance

    def transient(self, interaction_id: str) -> Instance:
        """Return an instance that is not kept: for what ends before anything is known of it."""
        return Instance(self._machine.start(interaction_id), self._machine)

    def settled(self, instance: Instance) -> None:
        """Forget an idle interaction of an earlier definition: it may begin under today's."""
        if instance.machine is not self._machine and instance.idle:
            self._forget(instance.id.lower())

    def forget_transient(self, instance: Instance) -> None:
        """Take up that *instance*, which was not kept, has served."""
        key = instance.id.lower()
        if self._by_id.get(key) is instance:
            return  # a rule has given it a command
        interaction = instance.interaction
        serves = interaction.pending or instance.waiting
        waits = interaction.rules is not None and interaction.rules.waits
        if not (serves or waits) or len(self._by_id) >= self._max or key in self._by_id:
            self._forgotten(instance.id)
        else:  # a rule waits because of what became of its command
            self._by_id[key] = instance

    def keep(self, instance: Instance) -> None:
        """Keep *instance*, which may be one that was not kept.

        Raises:
            CommandBusy: The engine is full of interactions that something depends on.
        """
        key = instance.id.lower()
        if key not in self._by_id:
            if len(self._by_id) >= self._max:
                self._make_room(instance.id)
            self._by_id[key] = instance

    def _forget(self, key: str) -> None:
        self._forgotten(self._by_id.pop(key).id)

    def _make_room(self, interaction_id: str) -> None:
        """Forget idle interactions among the oldest; those that are busy move to the end."""
        oldest = [kept for kept, _ in zip(self._by_id, range(_EVICTION_LOOK_MAX), strict=False)]
        for kept in oldest:
            if self._by_id[kept].idle:
                self._forget(kept)
            else:
                self._by_id[kept] = self._by_id.pop(kept)
        if len(self._by_id) >= self._max:
            raise CommandBusy(
                f"the engine keeps {self._max} interactions already and none of the oldest is idle",
                advice="wait until some have ended, or raise the limit",
                interaction_id=interaction_id,
            )
