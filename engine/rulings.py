"""Rules in the live engine: they are asked after each step, and what they decide is journaled.

Nothing is decided here: the evaluation is the pure one that everybody has. A rule set that fails,
which is a bug of ours, is logged and counted, and the interaction goes on without its decision.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from hookflash.engine.instances import Instance
from hookflash.engine.logs import get_logger
from hookflash.engine.metrics import Metrics
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Step
from hookflash.machines.records import ActionsDone
from hookflash.machines.rules.decision import Decision, TimerChange
from hookflash.machines.rules.facts import (
    RULES_LOADED,
    RuleEvent,
    RuleFacts,
    RuleTimerFired,
    event_of,
    facts_of,
)
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.planning import planned
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.ruling import Ruling

_log = get_logger("hookflash.rules")

LOADED: Final = RULES_LOADED
"""The event that carries an interaction over to other rules."""

SETS_MAX: Final = 8
"""Earlier rule sets that are remembered: a file that changes again before all interactions were
carried over."""

BESIDE: Final = frozenset({RuleEvent, RuleTimerFired, ActionsDone})
"""What waits in mailboxes beside the machine's events: no machine is stepped for it."""


@frozen
class Ruled:
    """What rules decided, and the timers that this starts and stops.

    Attributes:
        ruling: What the journal keeps of it.
        timers: In order.
    """

    ruling: Ruling
    timers: tuple[TimerChange, ...]


class Rulings:
    """Asks the rules that count.

    Args:
        new_id: Draws the ids of actions.
        metrics: Where failures are counted.

    Attributes:
        rules: The rules that count; None for none.
    """

    def __init__(self, new_id: Callable[[], str], metrics: Metrics) -> None:
        self._new_id = new_id
        self._metrics = metrics
        self.rules: Rules | None = None
        self._sets: dict[str, Rules] = {}

    def put(self, rules: Rules | None, previous: Rules | None) -> None:
        """Let other rules count from here on.

        Args:
            rules: The rules; None for none.
            previous: Those that counted before, from which interactions are carried over; None
                where there were none, or nobody knows them any more.
        """
        self.rules = rules
        for one in (previous, rules):
            if one is not None:
                self._sets.pop(one.digest, None)
                self._sets[one.digest] = one
        while len(self._sets) > SETS_MAX:
            del self._sets[next(iter(self._sets))]

    @property
    def digest(self) -> str:
        """The digest of the rules that count; empty for none."""
        return "" if self.rules is None else self.rules.digest

    def after(
        self, instance: Instance, source: str, event: object, step: Step[Any]
    ) -> Ruled | None:
        """Ask about a step of the machine.

        Args:
            instance: The interaction, still as it was before.
            source: Its state before.
            event: What was stepped.
            step: What it did.

        Returns:
            What was decided; None where nothing came of it.
        """
        rules = self.rules
        if rules is None:
            return None
        told = event_of(source, event, step)
        return self._ask(instance, step.interaction, told, rules.evaluate)

    def about(self, instance: Instance, event: RuleEvent | RuleTimerFired) -> Ruled | None:
        """Ask about something that is no step: a timer, an event of the file's own, other rules."""
        rules = self.rules
        if rules is None or instance.begins:
            return None
        if isinstance(event, RuleEvent) and event.name == LOADED:
            kept = instance.interaction.rules
            previous = None if kept is None else self._sets.get(kept.under)

            def adopt(facts: RuleFacts, told: Any, memory: RuleMemory) -> Decision:  # noqa: ANN401 - the event from above
                return rules.adopt(facts, told.at, memory, previous)

            return self._ask(instance, instance.interaction, event, adopt)
        return self._ask(instance, instance.interaction, event, rules.evaluate)

    def _ask(
        self,
        instance: Instance,
        interaction: Interaction[Any],
        told: RuleEvent | RuleTimerFired,
        evaluate: Callable[[RuleFacts, Any, RuleMemory], Decision],
    ) -> Ruled | None:
        kept = interaction.rules
        memory = NO_MEMORY if kept is None else kept.memory
        org = None if kept is None else kept.org
        if instance.facts is not None:
            org = instance.facts.org_id
        try:
            decision = evaluate(facts_of(interaction, org), told, memory)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not stop limits
            self._metrics.rule_failed()
            _log.error("rules.failed", interaction=instance.id, error=type(error).__name__)
            return None
        plan = planned(decision, instance.interaction.rules, org, self._new_id)
        for _ in range(plan.dropped):
            self._metrics.rule_failed()
            _log.error("rules.action_dropped", interaction=instance.id)
        if plan.ruling is None:
            return None
        return Ruled(plan.ruling, decision.timers if plan.fits else ())
