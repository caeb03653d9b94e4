"""Rules on made-up time: an interaction that is told what happens, and timers that fire when due.

It stands in for machine and engine where rules are tried out: in cases that their owner writes, in
the cookbook's tests. What its actions would cause is not played: a case says what happens.
"""

from typing import Any, Literal

from attrs import Factory, define, evolve, field, frozen

from hookflash.machines.effects import StartTimer
from hookflash.machines.hold_data import Hold
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Timer
from hookflash.machines.rules.actions import Action
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.facts import RuleEvent, RuleFacts, RuleTimerFired
from hookflash.machines.rules.loops import HOLDING
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.trace import Trace

TIMERS_MAX = 10_000
"""Timers that one scenario lets fire: a schedule that repeats must not make it endless."""

_FIRST_EVENTS: dict[str, str] = {
    "active": "observed_active",
    "hold_pending": "hold_requested",
    "held": "acknowledged",
    "unhold_pending": "unhold_requested",
    "expired": "limit_timer_fired",
    "closed": "observed_closed",
}
"""The event by which a state is entered, where a case does not say."""


@frozen
class Taken:
    """An action with its moment.

    Attributes:
        at: When.
        action: What.
    """

    at: Instant
    action: Action


@define
class Scenario:
    """One interaction and its rules.

    Attributes:
        rules: The rules.
        at: Now.
        interaction: Its id.
        state: Its state.
        skill_group: Its skill group; None for none known.
        org: Its organisation; None for none known.
        hold: Its hold; None while nobody is held.
        limit_us: The limit of holds, in microseconds.
        on_limit: What happens at it.
        memory: What the rules remember.
        taken: What they did.
        traces: Why, and why not.
    """

    rules: Rules
    at: Instant
    interaction: str = "interaction-1"
    state: str = "active"
    skill_group: str | None = None
    org: str | None = None
    hold: Hold | None = None
    limit_us: int = 900_000_000
    on_limit: Literal["release", "expire"] = "release"
    memory: RuleMemory = NO_MEMORY
    taken: list[Taken] = field(init=False, default=Factory(list[Taken]))
    traces: list[Trace] = field(init=False, default=Factory(list[Trace]))
    _timers: dict[str, Timer] = field(init=False, default=Factory(dict[str, Timer]))
    _holds: int = field(init=False, default=0)
    _fired: int = field(init=False, default=0)

    def facts(self) -> RuleFacts:
        """Return what is known of the interaction now."""
        return RuleFacts(self.interaction, self.state, self.hold, self.skill_group, self.org)

    def tell(self, to: str | None = None, hold: dict[str, Any] | None = None, **event: str) -> None:
        """Let something happen now.

        Args:
            to: The state that is entered; None for none.
            hold: What is known of the hold that begins: `reason`, `foreign`, `limit_us`.
            **event: The event's name and its other parts, as in `RuleEvent`.
        """
        before = self.state
        if to is not None:
            self.state = to
            self._hold(hold or {})
        default = "acknowledged" if self.state == "active" else _FIRST_EVENTS.get(self.state, "")
        name = event.pop("name", default if to is not None else "lookup_failed")
        made = RuleEvent(self.at, name, before, self.state, **event)
        self._follow(self.rules.evaluate(self.facts(), made, self.memory))

    def run_until(self, at: Instant) -> None:
        """Let time pass; timers that are due by then fire, in their order."""
        while self._fired < TIMERS_MAX:
            due = [timer for timer in self._timers.values() if timer.due_at <= at]
            if not due:
                break
            timer = min(due, key=lambda one: (one.due_at, one.name))
            del self._timers[timer.name]
            self._fired += 1
            self.at = max(self.at, timer.due_at)
            fired = RuleTimerFired(self.at, timer.name, timer.owner)
            self._follow(self.rules.evaluate(self.facts(), fired, self.memory))
        self.at = max(self.at, at)

    def restart(self) -> None:
        """Go through a restart: what is remembered is written and read, timers are set again."""
        self.memory = RuleMemory.from_json(self.memory.to_json())
        self._timers = {
            f"rule:{wait.rule}": Timer(f"rule:{wait.rule}", wait.owner, wait.due_at)
            for wait in self.memory.waits
        }

    def _hold(self, given: dict[str, Any]) -> None:
        if self.state not in HOLDING:
            self.hold = None
        elif self.hold is None:
            self._holds += 1
            limit_us: int = given.get("limit_us", self.limit_us)
            self.hold = Hold(
                f"{self.interaction}-hold-{self._holds}",
                self.at,
                Instant(self.at + limit_us),
                self.on_limit,
                given.get("foreign", False),
                reason=given.get("reason"),
            )
        if self.hold is not None and self.state == "expired":
            self.hold = evolve(self.hold, limit_passed=True)

    def _follow(self, decision: Decision) -> None:
        self.memory = decision.memory
        for change in decision.timers:
            if isinstance(change, StartTimer):
                self._timers[change.timer.name] = change.timer
            else:
                self._timers.pop(change.name, None)
        self.taken += (Taken(self.at, action) for action in decision.actions)
        self.traces.append(decision.trace)
