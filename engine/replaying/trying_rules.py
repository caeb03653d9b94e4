"""Other rules, tried on what was recorded: what they would have done, beside what rules did.

They remember by themselves, interaction by interaction, and their own timers fire: before what was
recorded next. What they would have caused does not happen; so this tells decisions apart, one by
one, each on the ground of what was recorded before it. Only what rules do is compared, in words.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, final

from attrs import frozen

from hookflash.engine.replaying.causes import stepped
from hookflash.engine.replaying.findings import Cause, Divergence
from hookflash.engine.replaying.following import Followed
from hookflash.engine.replaying.known import Known, KnownInteractions
from hookflash.engine.replaying.stepping_by import Steppers
from hookflash.engine.replaying.verdicts import LOADED, RecordedRules, rule_change
from hookflash.machines.conversion import encode_instant
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import RulesAsked
from hookflash.machines.rules.actions import Action
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired, event_of, facts_of
from hookflash.machines.rules.memory import NO_MEMORY
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.rules.trace import Trace

FIRED_MAX: Final = 64
"""Timers of one interaction that fire between two of its events: schedules go on for ever."""

_SAME_TIME_US: Final = 1_000_000
"""Two instants count as one where a timer's event may have waited in a mailbox."""

Texts = dict[str, list[str]]


@frozen
class _Deed:
    """What was asked, and what both sides answered."""

    at: Instant
    event: str
    source: str
    recorded: Texts
    now: Texts
    recorded_trace: Trace | None = None
    trace: Trace | None = None


@final
class RulesTrial:
    """Tries rules while a recording is followed.

    Args:
        rules: The rules.
        recorded: Those that counted when it was recorded.
        steppers: The machines.
        part: Which of several recordings it is.
    """

    def __init__(
        self, rules: Rules, recorded: RecordedRules, steppers: Steppers, part: int = 0
    ) -> None:
        self._rules = rules
        self._recorded = recorded
        self._steppers = steppers
        self._part = part

    def before(self, known: Known, at: Instant, seq: int, place: str) -> list[Divergence]:
        """Let the timers fire that are due before *at*; the interaction stands as it did then."""
        self._fire(known, at)
        return self._unmatched(known, at, seq, place)

    def record(self, followed: Followed, known: Known) -> list[Divergence]:
        """Ask about a record that was just followed."""
        recorded = followed.recorded
        machine = self._steppers.of(recorded.spec_hash).codec.machine
        step = followed.step
        if step is None or step.interaction.state != recorded.target:
            step = stepped(machine, followed.before, recorded.event)
        if step is None:
            return []
        told = event_of(recorded.source, recorded.event, step)
        interaction = known.own or known.interaction
        decision = self._asked(known, interaction, told)
        ruling = None if recorded.rules is None else Ruling.from_json(recorded.rules)
        deed = _Deed(
            recorded.event.at,
            followed.event,
            recorded.source,
            {} if ruling is None else _texts(_actions(ruling)),
            _texts(decision.actions),
            None if ruling is None else ruling.trace,
            decision.trace,
        )
        return list(self._compared(known, deed, recorded.seq, followed.place, "rules"))

    def asked(self, entry: RulesAsked, known: Known, seq: int, place: str) -> list[Divergence]:
        """Take up what recorded rules were asked beside any step."""
        interaction = known.own or known.interaction
        about, recorded = entry.about, _texts(_actions(entry.ruling))
        if isinstance(about, RuleEvent):
            if about.name == LOADED:
                return []
            decision = self._asked(known, interaction, about)
            now = _texts(decision.actions)
            then = entry.ruling.trace
            state = interaction.state
            deed = _Deed(entry.at, about.name, state, recorded, now, then, decision.trace)
            return list(self._compared(known, deed, seq, place, "rules"))
        self._fire(known, Instant(entry.at + 1))
        rule = about.name.removeprefix("rule:")
        return list(self._match(entry, known, rule, recorded, seq, place))

    def finish(self, known: KnownInteractions, at: Instant, seq: int) -> Iterator[Divergence]:
        """Let the timers fire that are due before the end of the recording."""
        for one in known.all():
            self._fire(one, at)
            yield from self._unmatched(one, Instant(at + 1), seq, "the end of the recording")

    # --- asking -----------------------------------------------------------------------------------

    def _asked(self, known: Known, interaction: Interaction[Any], told: RuleEvent) -> Decision:
        memory = known.memory
        if memory is None:
            memory = NO_MEMORY
            if not known.whole:
                # As the live engine carries an interaction over to rules that are loaded anew.
                kept = interaction.rules
                before = NO_MEMORY if kept is None else kept.memory
                facts = facts_of(interaction, known.org)
                memory = self._rules.adopt(facts, told.at, before, self._recorded.rules).memory
        decision = self._rules.evaluate(facts_of(interaction, known.org), told, memory)
        known.memory = decision.memory
        return decision

    def _fire(self, known: Known, until: Instant) -> None:
        """Let timers fire that are due before *until*, and remember what they did."""
        interaction = known.own or known.interaction
        for _ in range(FIRED_MAX):
            memory = known.memory
            waits = () if memory is None else [one for one in memory.waits if one.due_at < until]
            if memory is None or not waits:
                return
            wait = min(waits, key=lambda one: one.due_at)
            event = RuleTimerFired(wait.due_at, f"rule:{wait.rule}", wait.owner)
            decision = self._rules.evaluate(facts_of(interaction, known.org), event, memory)
            if decision.memory is memory:
                return
            known.memory = decision.memory
            for rule, texts in _texts(decision.actions).items():
                known.fired = (*known.fired, (rule, tuple(texts), wait.due_at))[-FIRED_MAX:]

    # --- comparing --------------------------------------------------------------------------------

    def _match(  # noqa: PLR0917 - as `asked`
        self, entry: RulesAsked, known: Known, rule: str, recorded: Texts, seq: int, place: str
    ) -> Iterator[Divergence]:
        """Compare what a recorded timer did with what the same rule's timer did here."""
        found = next((one for one in known.fired if one[0] == rule), None)
        if found is not None:
            known.fired = tuple(one for one in known.fired if one is not found)
        now = {} if found is None else {rule: list(found[1])}
        state = (known.own or known.interaction).state
        deed = _Deed(entry.at, entry.about.name, state, recorded, now, entry.ruling.trace)
        different = list(self._compared(known, deed, seq, place, "rules"))
        yield from different
        if found is None or different or not recorded:
            return
        due_at = self._due_at(known, entry)
        if abs(due_at - found[2]) > _SAME_TIME_US:
            yield self._divergence(
                known,
                deed,
                seq,
                place,
                (f"rules.{rule}.at", encode_instant(due_at), encode_instant(Instant(found[2]))),
                self._cause(rule, deed),
            )

    @staticmethod
    def _due_at(known: Known, entry: RulesAsked) -> Instant:
        """Return when a recorded timer was due: its event may have come later."""
        rules = (known.own or known.interaction).rules
        owner = getattr(entry.about, "owner", "")
        for wait in () if rules is None else rules.memory.waits:
            if wait.owner == owner:
                return wait.due_at
        return entry.at

    def _unmatched(self, known: Known, at: Instant, seq: int, place: str) -> list[Divergence]:
        """Return what timers did here and not when it was recorded."""
        fired, known.fired = known.fired, ()
        state = (known.own or known.interaction).state
        found: list[Divergence] = []
        for rule, texts, due_at in fired:
            deed = _Deed(Instant(due_at), f"rule:{rule}", state, {}, {rule: list(texts)})
            found += self._compared(known, deed, seq, place, "rules")
        return found if at else []

    def _compared(
        self, known: Known, deed: _Deed, seq: int, place: str, path: str
    ) -> Iterator[Divergence]:
        for rule in dict.fromkeys([*deed.recorded, *deed.now]):
            before, after = deed.recorded.get(rule, []), deed.now.get(rule, [])
            if Counter(before) != Counter(after):
                difference = (f"{path}.{rule}", before or None, after or None)
                cause = self._cause(rule, deed)
                yield self._divergence(known, deed, seq, place, difference, cause)

    def _divergence(  # noqa: PLR0917 - as `_compared`
        self,
        known: Known,
        deed: _Deed,
        seq: int,
        place: str,
        difference: tuple[str, Any, Any],
        cause: Cause,
    ) -> Divergence:
        return Divergence(
            interaction_id=known.interaction.id,
            seq=seq,
            place=place,
            at=deed.at,
            event=deed.event,
            source=deed.source,
            differences=(difference,),
            cause=cause,
            part=self._part,
        )

    def _cause(self, rule: str, deed: _Deed) -> Cause:
        """Say how the rule differs, and what became of it then and now."""
        change = rule_change(rule, self._recorded.rules, self._rules)
        verdicts = [
            f"{word} {trace.verdict}"
            for word, trace in (
                ("then", _trace_of(deed.recorded_trace, rule)),
                ("now", _trace_of(deed.trace, rule)),
            )
            if trace is not None
        ]
        said = f" ({', '.join(verdicts)})" if verdicts else ""
        if change:
            return Cause("rules", f"{change}{said}")
        return Cause(
            "rules",
            f"rule {rule!r} is the same{said}: it follows from what it or another rule did before",
        )


def _trace_of(trace: Trace | None, rule: str) -> Any:  # noqa: ANN401 - a rule's trace, or None
    return None if trace is None else trace.of(rule)


def _actions(ruling: Ruling) -> list[Action]:
    return [one.action for one in ruling.actions]


def _texts(actions: Iterable[Action]) -> Texts:
    found: Texts = {}
    for action in actions:
        found.setdefault(action.rule, []).append(action.text())
    return found
