"""A fork: a recording is followed to some record, and goes on otherwise from there.

Another event takes the record's place, or another definition, policy or other rules take over.
What follows is stepped as it would have been; then the recorded events of the interaction come
again, as long as they could have happened (`evidence`). Timers fire when they are due here, rules
are asked, and what they want is done.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, final

import attrs

from hookflash.engine.replaying.causes import stepped
from hookflash.engine.replaying.differing import timers_of
from hookflash.engine.replaying.evidence import ANSWERS, REQUESTS, SAID, Evidence
from hookflash.engine.replaying.forked import Coming, Forked, ForkedStep, Kind
from hookflash.engine.replaying.resuming import comes_out
from hookflash.engine.replaying.stepping_by import Stepper
from hookflash.engine.replaying.verdicts import LOADED
from hookflash.machines.events import (
    ExpireRequested,
    HoldRequested,
    LimitChanged,
    UnholdRequested,
)
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts, Interaction, Timer
from hookflash.machines.records import RecordedStep, RulesAsked
from hookflash.machines.rules.actions import (
    ExpireAction,
    ExtendLimitAction,
    HoldAction,
    UnholdAction,
)
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired, event_of, facts_of
from hookflash.machines.rules.memory import NO_MEMORY, Wait
from hookflash.machines.rules.planning import planned
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.ruling import PlannedAction, Ruling, ruled

STEPS_MAX: Final = 2_000
"""Steps of a fork: rules that cause each other, and schedules, could go on for ever."""

_SAME_TIME_US: Final = 1_000_000
"""Two instants count as one where a timer's event may have waited in a mailbox."""


@final
class Fork:
    """Goes on from a point of a recording.

    Args:
        interaction: How the interaction stands there.
        stepper: The machines that count there; the tried one steps.
        rules: The rules that are asked; None for none.
        org: The interaction's organisation; None while not known.
        new_id: Draws ids.
        tries_rules: Whether the rules are others than those that were recorded.
    """

    def __init__(
        self,
        interaction: Interaction[Any],
        stepper: Stepper,
        rules: Rules | None,
        org: str | None,
        new_id: Callable[[], str],
        *,
        tries_rules: bool = False,
    ) -> None:
        self.forked = Forked(interaction)
        self._now = interaction
        self._stepper = stepper
        self._rules = rules
        self._tries_rules = tries_rules
        self._org = org
        self._new_id = new_id
        self._facts: Facts | None = None
        self._coming: deque[Coming] = deque()
        self._waiting: deque[Any] = deque()
        self._evidence = Evidence()
        if interaction.pending is not None:
            self._evidence.frames.add(interaction.pending.correlation_id)
        self._evidence.frames |= _earlier_frames(interaction)
        self._evidence.recorded_frames |= self._evidence.frames
        self._evidence.recorded_due = {
            (timer.name, timer.owner): timer.due_at for timer in interaction.timers
        }

    def run(self, given: Any, coming: Sequence[Coming]) -> Forked:  # noqa: ANN401 - an event, or None
        """Go on.

        Args:
            given: The event that takes the place of the first that is coming; None for none.
            coming: What was recorded of the interaction from here on.
        """
        self._coming.extend(coming)
        if given is not None:
            replaced = self._coming.popleft() if self._coming else None
            self._take_place(given, replaced)
        while self._coming and len(self.forked.steps) < STEPS_MAX:
            one = self._coming.popleft()
            self._let_timers_fire(_at(one), one)
            reason = self._objection(one)
            if reason:
                self.forked.ended, self.forked.ended_at = reason, one
                break
            self._recorded(one)
        if len(self.forked.steps) >= STEPS_MAX:
            self.forked.ended = f"{STEPS_MAX} steps have been taken"
        return self.forked

    # --- events -----------------------------------------------------------------------------------

    def _take_place(self, given: Any, replaced: Coming | None) -> None:  # noqa: ANN401 - an event
        entry = None if replaced is None else replaced.entry
        then = entry.event if isinstance(entry, RecordedStep) else None
        if isinstance(entry, RecordedStep):
            self._evidence.recorded(entry.effects)
        if given != then:
            names = self._stepper.codec.machine.event_name
            told = [isinstance(one, (*ANSWERS, *SAID)) for one in (then, given)]
            if any(told):
                was = "nothing" if then is None else names(then)
                self._evidence.gateway_differs = f"{was} became {names(given)}"
        self._step("given", given)

    def _recorded(self, one: Coming) -> None:
        entry = one.entry
        if isinstance(entry, RecordedStep):
            self._stepper = one.stepper
            if entry.begins:
                self._now = one.stepper.tried.start(entry.interaction_id)
            self._evidence.recorded(entry.effects)
            self._step("recorded", entry.event, entry)
        else:
            self._ask("asked", entry.about)

    def _objection(self, one: Coming) -> str:
        entry = one.entry
        if isinstance(entry, RulesAsked):
            return ""
        if entry.begins and not self._idle():
            return "the engine had forgotten the interaction by then; here something depends on it"
        machine = one.stepper.codec.machine
        timer = timers_of(machine).get(entry.event.__class__, "")
        return self._evidence.objection(entry.event, self._now, timer)

    def _idle(self) -> bool:
        return self._now.pending is None and not self._now.timers

    def _step(self, kind: Kind, event: Any, recorded: RecordedStep | None = None) -> None:  # noqa: ANN401 - an event
        before, machine = self._now, self._stepper.tried
        facts = getattr(event, "facts", None)
        if facts is not None:
            self._facts, self._org = facts, facts.org_id
        step = stepped(machine, before, event)
        name = self._stepper.codec.machine.event_name(event)
        if step is None:
            self._coming.clear()
            self.forked.ended = f"the machine fails on {name} in {before.state}"
            return
        if before.timers:
            self._evidence.gone = [*self._evidence.gone[-7:], before.timers]
        self._evidence.sent(step.effects)
        decision = None
        if self._rules is not None:
            told = event_of(before.state, event, step)
            decision = self._rules.evaluate(
                facts_of(step.interaction, self._org), told, self._memory(before)
            )
        ruling, after = self._remember(step.interaction, event, decision, before)
        alike = recorded is None or comes_out(step, recorded, self._stepper)
        self._add(
            ForkedStep(
                kind,
                event.at,
                name,
                event,
                before,
                after,
                step,
                ruling,
                None if recorded is None else recorded.seq,
                alike,
            )
        )
        self._carry_out(ruling, event.at)

    def _add(self, step: ForkedStep) -> None:
        self.forked.steps.append(step)
        self._now = step.after

    # --- timers -----------------------------------------------------------------------------------

    def _let_timers_fire(self, until: Instant, coming: Coming) -> None:
        """Let timers fire that are due before *until*, but for those whose events are recorded."""
        while len(self.forked.steps) < STEPS_MAX:
            due = [
                (timer.due_at, timer)
                for timer in self._now.timers
                if timer.due_at < until and not self._timer_is_coming(timer, coming)
            ]
            waits = self._memory(self._now).waits if self._rules is not None else ()
            rule_due = [
                wait
                for wait in waits
                if wait.due_at < until and not self._wait_is_coming(wait, coming)
            ]
            if not due and not rule_due:
                return
            first = min(due, key=lambda one: one[0], default=None)
            wait = min(rule_due, key=lambda one: one.due_at, default=None)
            if wait is not None and (first is None or wait.due_at < first[0]):
                fired = RuleTimerFired(wait.due_at, f"rule:{wait.rule}", wait.owner)
                if not self._ask("asked", fired):
                    return
            elif first is not None:
                machine = self._stepper.tried
                self._step("timer", machine.timer_event(first[1], first[0], self._new_id()))

    def _timer_is_coming(self, timer: Timer, coming: Coming) -> bool:
        """Say whether the event of a timer, due then as here, is among what was recorded."""
        if self._evidence.recorded_due.get((timer.name, timer.owner)) != timer.due_at:
            return False
        for one in (coming, *self._coming):
            event: Any = one.entry.event if isinstance(one.entry, RecordedStep) else None
            timers = timers_of(one.stepper.codec.machine)
            if timers.get(event.__class__) == timer.name and event.owner == timer.owner:
                return True
        return False

    def _wait_is_coming(self, wait: Wait, coming: Coming) -> bool:
        """Say whether it was recorded that rules were asked when a wait was over."""
        return any(
            isinstance(one.entry, RulesAsked)
            and getattr(one.entry.about, "owner", None) == wait.owner
            and (not self._tries_rules or abs(one.entry.at - wait.due_at) <= _SAME_TIME_US)
            for one in (coming, *self._coming)
        )

    # --- rules ------------------------------------------------------------------------------------

    @staticmethod
    def _memory(interaction: Interaction[Any]) -> Any:  # noqa: ANN401 - a RuleMemory
        kept = interaction.rules
        return NO_MEMORY if kept is None else kept.memory

    def _ask(self, kind: Kind, about: RuleEvent | RuleTimerFired) -> bool:
        """Ask rules beside any step; return whether anything came of it."""
        rules, before = self._rules, self._now
        if rules is None or (isinstance(about, RuleEvent) and about.name == LOADED):
            return False
        memory = self._memory(before)
        decision = rules.evaluate(facts_of(before, self._org), about, memory)
        ruling, after = self._remember(before, about, decision, before)
        if ruling is None:
            return False
        self._add(ForkedStep(kind, about.at, about.name, about, before, after, None, ruling))
        self._carry_out(ruling, about.at)
        return decision.memory is not memory

    def _remember(
        self,
        after: Interaction[Any],
        event: Any,  # noqa: ANN401 - an event, or what rules were asked about
        decision: Decision | None,
        before: Interaction[Any],
    ) -> tuple[Ruling | None, Interaction[Any]]:
        """Return what rules decided, with ids, and the interaction that remembers it."""
        ruling = None
        if decision is not None:
            ruling = planned(decision, before.rules, self._org, self._new_id).ruling
        states = self._stepper.tried.spec.states
        final = after.state in states and states[after.state].final
        rules = ruled(before.rules, event, ruling, final=final)
        return ruling, attrs.evolve(after, rules=rules)

    def _carry_out(self, ruling: Ruling | None, at: Instant) -> None:
        """Do what rules want; what was recorded as well comes when its turn comes."""
        for action in () if ruling is None else ruling.actions:
            event = self._request(action, at)
            if event is None:
                continue
            if self._will_be_recorded(event):
                self._evidence.promised.append(event.actor)
            elif self._now.pending is None or not isinstance(
                event, HoldRequested | UnholdRequested
            ):
                self._step("rule", event)

    def _will_be_recorded(self, event: Any) -> bool:  # noqa: ANN401 - a request
        return any(
            isinstance(one.entry, RecordedStep)
            and isinstance(one.entry.event, REQUESTS)
            and type(one.entry.event) is type(event)
            and one.entry.event.actor == event.actor
            for one in self._coming
        )

    def _request(self, planned: PlannedAction, at: Instant) -> Any:  # noqa: ANN401 - a request, or None
        action = planned.action
        match action:
            case HoldAction():
                return HoldRequested(
                    at,
                    planned.id,
                    at,
                    action.reason,
                    action.priority,
                    action.music,
                    action.prompt,
                    action.actor,
                    self._facts,
                )
            case UnholdAction():
                return UnholdRequested(
                    at, planned.id, at, action.priority, action.force, action.actor, self._facts
                )
            case ExpireAction():
                return ExpireRequested(at, action.actor)
            case ExtendLimitAction():
                return LimitChanged(at, action.limit_s, action.actor)
            case _:
                return None


def _at(one: Coming) -> Instant:
    entry = one.entry
    at: Instant = entry.event.at if isinstance(entry, RecordedStep) else entry.at
    return at


def _earlier_frames(interaction: Interaction[Any]) -> set[str]:
    """Return the frames that ended before the fork: late answers to them may come all the same."""
    earlier = getattr(interaction.data, "earlier", ())
    return {frame.correlation_id for frame in earlier}
