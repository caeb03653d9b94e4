"""What a fork consists of: what was recorded from there on, and the steps that followed."""

from typing import Any, Literal

from attrs import define, field, frozen

from hookflash.engine.replaying.stepping_by import Stepper
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Step
from hookflash.machines.records import RecordedStep, RulesAsked
from hookflash.machines.rules.ruling import Ruling

Kind = Literal["given", "recorded", "timer", "rule", "asked"]
"""Where a step comes from: the event that was given, a recorded one, a timer that was due here, a
rule's request; or rules were asked beside any step."""


@frozen
class Coming:
    """What was recorded of the interaction from the fork on.

    Attributes:
        entry: The entry.
        place: Where it stands.
        stepper: The machines that count there.
    """

    entry: RecordedStep | RulesAsked
    place: str
    stepper: Stepper


@frozen
class ForkedStep:
    """One step after the fork.

    Attributes:
        kind: Where it comes from.
        at: When.
        name: The event's name.
        event: The event, or what rules were asked about.
        before: The interaction before it.
        after: The interaction after it.
        step: What the machine did; None where only rules were asked.
        ruling: What rules decided; None for nothing.
        seq: The number of the recorded event; None for one that was not recorded.
        as_recorded: Whether a recorded event came out as it was recorded.
    """

    kind: Kind
    at: Instant
    name: str
    event: Any
    before: Interaction[Any]
    after: Interaction[Any]
    step: Step[Any] | None
    ruling: Ruling | None
    seq: int | None = None
    as_recorded: bool = True


@define
class Forked:
    """What came of a fork.

    Attributes:
        begun: The interaction before the fork.
        steps: What followed.
        ended: Why what was recorded is evidence no longer; empty where it is to its end.
        ended_at: The record that could not have happened; None for none.
    """

    begun: Interaction[Any]
    steps: list[ForkedStep] = field(factory=list[ForkedStep])
    ended: str = ""
    ended_at: Coming | None = None

    @property
    def interaction(self) -> Interaction[Any]:
        """How the interaction stands at the end."""
        return self.steps[-1].after if self.steps else self.begun
