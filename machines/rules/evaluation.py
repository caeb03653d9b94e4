"""What follows from one event: which rules are concerned, what holds, what is done.

The order is fixed: what the event ends comes first, then the rules that it triggers in the order
of the file, then triggers that waited for their turn.
"""

from hookflash.machines.instants import Instant
from hookflash.machines.rules.acting import act
from hookflash.machines.rules.conditions import Answer
from hookflash.machines.rules.decision import Decision, make_decision
from hookflash.machines.rules.draft import QUEUE_MAX, Draft
from hookflash.machines.rules.durations import about_text
from hookflash.machines.rules.facts import RULE_ACTOR, RuleEvent, RuleFacts, RuleTimerFired
from hookflash.machines.rules.index import Index
from hookflash.machines.rules.memory import History, RuleMemory, Wait
from hookflash.machines.rules.rule import Rule, Window, event_keys
from hookflash.machines.rules.trace import (
    TemporalTrace,
    TimerTrace,
    Verdict,
    make_rule_trace,
    make_trace,
)
from hookflash.machines.rules.variables import Scene

_HOLDING = frozenset({"held", "unhold_pending", "expired"})
"""The states in which a caller is, or counts as, on hold."""

_TRUE = Answer(True, ())  # noqa: FBT003 - it holds


def _index_in_file(rule: Rule) -> int:
    return rule.index


class Evaluation:
    """One evaluation.

    Args:
        index: The rules.
        facts: What is known of the interaction after the event.
        memory: What the rules remember of it.
        at: When.
    """

    def __init__(self, index: Index, facts: RuleFacts, memory: RuleMemory, at: Instant) -> None:
        self.index = index
        self.facts = facts
        self.before = memory
        self.draft = Draft(memory, at)
        self.at = at
        self._known_scene: Scene | None = None

    # --- events -----------------------------------------------------------------------------

    def decide_event(self, event: RuleEvent) -> Decision:
        """Say what follows from a step of the machine."""
        is_new = self._remember(event)
        if event.outcome and event.actor.startswith(RULE_ACTOR):
            self.draft.end_command(event.actor.removeprefix(RULE_ACTOR))
        if self.before.waits:
            self._end_waits(event)
        if self.index.schedules and (is_new or event.state_from != event.state_to):
            self.start_schedules(event)
        for rule in self._triggered(event):
            self._trigger(rule, event)
        return self._finish(event.name)

    def _remember(self, event: RuleEvent) -> bool:
        """Bring history and times up to date; say whether the interaction is new."""
        draft, history = self.draft, self.before.history
        if history is None:
            draft.remember_history(History.begin(self.facts, self.at, event.state_from))
        else:
            draft.remember_history(history.after(self.facts, self.at))
        watched = self.index.watched
        if watched:
            for key in event_keys(event):
                for one in watched.get(key, ()):
                    if one.pattern.matches(event):
                        draft.remember_seen(one)
        return history is None

    def _triggered(self, event: RuleEvent) -> list[Rule]:
        """Return the rules that the event triggers, in the order of the file."""
        triggers = self.index.triggers
        found: list[Rule] = []
        for key in event_keys(event):
            for rule in triggers.get(key, ()):
                pattern = rule.trigger.pattern
                if pattern is not None and pattern.matches(event):
                    found.append(rule)
        if len(found) > 1:
            found.sort(key=_index_in_file)
        return found

    def _end_waits(self, event: RuleEvent) -> None:
        """End the waits that the event makes pointless, and set anew those that it moves."""
        for wait in self.before.waits:
            rule = self.index.by_name.get(wait.rule)
            if rule is None:
                self.draft.stop_wait(wait, "there is no such rule any more")
                continue
            why = self._why_ended(rule, wait, event)
            if why:
                timer = self.draft.stop_wait(wait, why)
                if wait.kind != "schedule":
                    self._tell(rule, "cancelled", why, timers=(timer,))
            elif wait.kind == "for" and rule.stay is not None and rule.stay.share is not None:
                due_at = rule.stay.due_at(self.facts, wait.event.at)
                if due_at != wait.due_at:
                    timer = self.draft.start_wait(rule, "for", due_at, wait.event)
                    self._tell(rule, "waiting", "the limit changed", timers=(timer,))

    def _why_ended(self, rule: Rule, wait: Wait, event: RuleEvent) -> str:
        """Say why a wait ends; empty where it goes on."""
        state = self.facts.state
        if state in self.index.final:
            return f"the interaction is {state}"
        if wait.kind == "absence":
            absence = rule.absence
            if absence is None:
                return "the rule looks ahead no more"
            return f"{absence.pattern.text}" if absence.pattern.matches(event) else ""
        if wait.kind == "schedule":
            return "" if state in rule.trigger.states else f"state {state}"
        pattern = rule.trigger.pattern
        stays = pattern is not None and pattern.state_to is not None and state in pattern.state_to
        return "" if stays else f"the state is {state} now"

    def start_schedules(self, event: RuleEvent) -> None:
        """Start the timers of schedules that count in the present state."""
        for rule in self.index.schedules:
            schedule = rule.trigger.schedule
            if (
                schedule is not None
                and self.facts.state in rule.trigger.states
                and self.draft.memory.wait_of(rule.name) is None
            ):
                due_at = schedule.next_after(self.at)
                self.draft.start_wait(rule, "schedule", due_at, event)

    # --- timers -----------------------------------------------------------------------------

    def decide_timer(self, fired: RuleTimerFired) -> Decision:
        """Say what follows from a timer."""
        history = self.before.history
        begun = History.begin(self.facts, self.at) if history is None else history
        self.draft.remember_history(begun.after(self.facts, self.at))
        name = fired.name.removeprefix("rule:")
        wait, rule = self.before.wait_of(name), self.index.by_name.get(name)
        if wait is None or wait.owner != fired.owner:
            trigger = "" if rule is None else rule.trigger.text
            why = "the timer was stopped or set anew before it fired"
            self.draft.traces.append(make_rule_trace(name, trigger, "late", why))
            return self._finish(fired.name)
        self.draft.end_wait(wait)
        if rule is None or not rule.enabled:
            why = "there is no such rule any more" if rule is None else "it is disabled"
            self.draft.traces.append(make_rule_trace(name, "", "late", why))
            return self._finish(fired.name)
        timer = TimerTrace("fired", fired.name, wait.due_at)
        if wait.kind == "schedule":
            self._scheduled(rule, timer)
        elif self.draft.is_acting(name) and rule.mode != "restart":
            self._busy_at_its_time(rule, wait.event, (timer,))
        elif wait.kind == "absence":
            self._act(rule, wait.event, _TRUE, (), (timer,))
        else:
            self._consider(rule, wait.event, (timer,))
        return self._finish(fired.name)

    def _scheduled(self, rule: Rule, timer: TimerTrace) -> None:
        state = self.facts.state
        event = RuleEvent(self.at, "schedule", state, state)
        schedule = rule.trigger.schedule
        if schedule is None or state not in rule.trigger.states:
            self._tell(rule, "late", f"the state is {state} now", timers=(timer,))
            return
        due_at = schedule.next_after(timer.due_at)
        if due_at <= self.at:  # it comes late, after a suspension or a restart: none is made up for
            due_at = schedule.next_after(self.at)
        timers = (timer, self.draft.start_wait(rule, "schedule", due_at, event))
        if self.draft.is_acting(rule.name) and rule.mode != "restart":
            self._busy_at_its_time(rule, event, timers)
        else:
            self._consider(rule, event, timers)

    def _busy_at_its_time(
        self, rule: Rule, event: RuleEvent, timers: tuple[TimerTrace, ...]
    ) -> None:
        """A timer fired while commands of its rule are under way."""
        if rule.mode == "queued" and self.draft.enqueue(rule, event):
            self._tell(rule, "queued", "mode queued: its commands are under way", timers=timers)
        else:
            why = f"mode {rule.mode}: its commands are under way"
            self._tell(rule, "suppressed", why, timers=timers)

    # --- one rule ---------------------------------------------------------------------------

    def _trigger(self, rule: Rule, event: RuleEvent) -> None:
        """Do what a rule does when it is triggered."""
        if not rule.enabled:
            self._tell(rule, "disabled", "enabled = false")
            return
        wait = self.draft.memory.wait_of(rule.name)
        if (wait is not None or self.draft.is_acting(rule.name)) and rule.mode != "restart":
            self._busy(rule, event, wait)
        elif rule.stay is not None:
            self._wait(rule, event)
        else:
            self._consider(rule, event, ())

    def _busy(self, rule: Rule, event: RuleEvent, wait: Wait | None) -> None:
        doing = "its commands are under way" if wait is None else "it waits already"
        if rule.mode == "single":
            self._tell(rule, "suppressed", f"mode single: {doing}")
        elif self.draft.enqueue(rule, event):
            self._tell(rule, "queued", f"mode queued: {doing}")
        else:
            self._tell(rule, "suppressed", f"mode queued: {QUEUE_MAX} triggers wait already")

    def _wait(self, rule: Rule, event: RuleEvent) -> None:
        """Begin to wait for the state to last."""
        stay, pattern = rule.stay, rule.trigger.pattern
        if stay is None or pattern is None:  # pragma: no cover - whoever calls has asked
            return
        if self.facts.state not in (pattern.state_to or ()):
            self._tell(rule, "late", f"the state is {self.facts.state} now")
            return
        due_at = stay.due_at(self.facts, event.at)
        if due_at <= self.at:
            self._consider(rule, event, ())
            return
        timer = self.draft.start_wait(rule, "for", due_at, event)
        self._tell(rule, "waiting", f"for {stay.text()}", timers=(timer,))

    def _consider(self, rule: Rule, event: RuleEvent, timers: tuple[TimerTrace, ...]) -> None:
        """Ask the rule's conditions, and let it act or look ahead."""
        temporal = tuple(self._ask_window(window) for window in rule.windows)
        answer = _TRUE
        if rule.condition is not None:
            answer = rule.condition.ask(self._scene(event).value)
        if not all(one.holds for one in temporal):
            self._tell(rule, "temporal", "", answer, temporal, timers)
        elif not answer.holds:
            self._tell(rule, "condition", "", answer, temporal, timers)
        elif rule.absence is not None:
            due_at = Instant(self.at + rule.absence.next_us)
            started = self.draft.start_wait(rule, "absence", due_at, event)
            said = rule.absence.text()
            self._tell(rule, "waiting", said, answer, temporal, (*timers, started))
        else:
            self._act(rule, event, answer, temporal, timers)

    def _act(
        self,
        rule: Rule,
        event: RuleEvent,
        answer: Answer,
        temporal: tuple[TemporalTrace, ...],
        timers: tuple[TimerTrace, ...],
    ) -> None:
        acted = act(self.draft, rule, self._scene(event))
        self.draft.traces.append(
            make_rule_trace(
                rule.name,
                rule.trigger.text,
                acted.verdict,
                "",
                answer.clauses,
                temporal,
                timers,
                acted.actions,
            )
        )

    def _ask_window(self, window: Window) -> TemporalTrace:
        counts = window.kind == "count"
        memory = self.draft.memory if counts else self.before
        since = self.at - window.last_us
        times = [at for at in memory.seen_at(window.pattern.text) if at >= since]
        if counts:
            found = f"{len(times)} times" if len(times) != 1 else "once"
            return TemporalTrace(window.text(), len(times) >= window.at_least, found)
        holds = bool(times) == (window.kind == "within")
        found = f"{about_text(self.at - times[-1])} ago" if times else "never in that time"
        return TemporalTrace(window.text(), holds, found)

    # --- parts ------------------------------------------------------------------------------

    def _scene(self, event: RuleEvent) -> Scene:
        scene = self._known_scene
        if scene is None or scene.event is not event:
            history = self.draft.memory.history
            assert history is not None, "every evaluation begins with it"  # noqa: S101
            scene = Scene(self.facts, event, history, self.at, self.index.calendar)
            self._known_scene = scene
        return scene

    def _tell(  # noqa: PLR0917 - the parts of a trace
        self,
        rule: Rule,
        verdict: Verdict,
        why: str,
        answer: Answer = _TRUE,
        temporal: tuple[TemporalTrace, ...] = (),
        timers: tuple[TimerTrace, ...] = (),
    ) -> None:
        self.draft.traces.append(
            make_rule_trace(
                rule.name, rule.trigger.text, verdict, why, answer.clauses, temporal, timers
            )
        )

    def _finish(self, said: str) -> Decision:
        if self.facts.state in self.index.final:
            self.draft.forget_all()
        elif self.before.queue:
            self._dequeue()
        return self.draft.decision(self.facts.id, said)

    def _dequeue(self) -> None:
        """Let the next trigger of each rule have its turn that is not busy any more."""
        for name in dict.fromkeys(self.draft.freed):
            rule = self.index.by_name.get(name)
            while rule is not None and not (
                self.draft.is_acting(name) or self.draft.memory.wait_of(name)
            ):
                event = self.draft.dequeue(name)
                if event is None:
                    break
                self._trigger(rule, event)


def _concerns_nobody(index: Index, facts: RuleFacts, event: RuleEvent, memory: RuleMemory) -> bool:
    """Say whether nothing can come of an event: as good as all events of a quiet rule set.

    In doubt it says no; then all is looked at, and nothing comes of it either.
    """
    history = memory.history
    hold = facts.hold
    if (
        history is None
        or memory.waits
        or memory.queue
        or event.outcome
        or event.notice
        or event.alarm
        or event.state_from != event.state_to
        or facts.state != history.state
        or (None if hold is None else hold.id) != history.hold_id
        or facts.state in index.final
    ):
        return False
    key = ("event", event.name)
    return key not in index.triggers and key not in index.watched


def evaluate(
    index: Index, facts: RuleFacts, event: RuleEvent | RuleTimerFired, memory: RuleMemory
) -> Decision:
    """Say what follows from an event or a timer."""
    if isinstance(event, RuleEvent) and _concerns_nobody(index, facts, event, memory):
        trace = make_trace(event.at, facts.id, event.name, (), ())
        return make_decision((), (), trace, memory, "")
    evaluation = Evaluation(index, facts, memory, event.at)
    if isinstance(event, RuleTimerFired):
        return evaluation.decide_timer(event)
    return evaluation.decide_event(event)


def adopt(
    index: Index, facts: RuleFacts, at: Instant, memory: RuleMemory, same: frozenset[str]
) -> Decision:
    """Carry an interaction over to other rules; *same* are those that say what they said."""
    evaluation = Evaluation(index, facts, memory, at)
    draft, state = evaluation.draft, facts.state
    history = memory.history or History.begin(facts, at)
    draft.remember_history(history.after(facts, at))
    for wait in memory.waits:
        rule = index.by_name.get(wait.rule)
        if rule is None or not rule.enabled or rule.name not in same:
            draft.stop_wait(wait, "the rules were loaded anew")
    draft.keep_only(same)
    if state in index.final:
        draft.forget_all()
        return draft.decision(facts.id, "rules loaded")
    event = RuleEvent(at, "rules_loaded", state, state)
    evaluation.start_schedules(event)
    for rule in index.by_name.values():
        pattern = rule.trigger.pattern
        if rule.stay is None or rule.name in same or not rule.enabled or pattern is None:
            continue
        if state in (pattern.state_to or ()) and pattern.state_from is None:
            since = draft.memory.history.state_since if draft.memory.history else at
            if facts.hold is not None and set(pattern.state_to or ()) >= _HOLDING:
                since = facts.hold.since  # the states of being on hold, all of them
            entered = RuleEvent(since, "rules_loaded", "", state)
            due_at = max(rule.stay.due_at(facts, since), at)
            draft.start_wait(rule, "for", due_at, entered)
    return draft.decision(facts.id, "rules loaded")
