"""A backtest, record by record: two sides of rules, other limits, another definition."""

from typing import Any, Final, final

import attrs
from attrs import field, frozen

from hookflash.engine.backtesting.courses import Course, Span, span_of
from hookflash.engine.backtesting.deeds import Deed, compared, deeds_of
from hookflash.engine.backtesting.sides import (
    Hand,
    RecordedSide,
    RulesSide,
    Side,
    at_once,
    departure,
)
from hookflash.engine.backtesting.tally import Example, Tally
from hookflash.engine.ledger import HoldLedger
from hookflash.engine.ledger_holds import LedgerHold
from hookflash.engine.rulings import LOADED
from hookflash.machines.codec import tag_of
from hookflash.machines.conversion import encode_instant
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine, Step
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import (
    ActionsDone,
    InteractionState,
    Record,
    RecordedStep,
    RulesAsked,
)
from hookflash.machines.rules.facts import RuleEvent, event_of
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.ruling import Ruling

COURSES_MAX: Final = 200_000
"""Interactions that are followed at a time: some 400 MB. Beyond it those that have waited longest
without a hold are forgotten, and what their rules remembered is counted as forgotten."""

NO_GROUP: Final = "(no skill group)"
NO_REASON: Final = "(no reason)"


@frozen(kw_only=True)
class Question:
    """What is asked of the recordings.

    Attributes:
        rules: The rules that are tried; None for none: then what rules did is not compared.
        against: The rules that they are compared with; None for what rules did when it was
            recorded.
        policy: The policy that is tried; None for the recorded one.
        machine: The machine that is tried; None for the recorded one.
    """

    rules: Rules | None = None
    against: Rules | None = None
    policy: HoldPolicy | None = None
    machine: Machine[Any, HoldPolicy] | None = None

    @property
    def tries_steps(self) -> bool:
        """Whether records are stepped a second time."""
        return self.policy is not None or self.machine is not None


@final
@attrs.define
class Backtest:
    """Follows recordings; not for several threads.

    Attributes:
        question: What is asked.
        tally: What was counted.
    """

    question: Question
    tally: Tally = field(factory=Tally)
    _ledger: HoldLedger = field(factory=HoldLedger)
    _courses: dict[str, Course] = field(factory=dict[str, Course])
    _part: int = 0
    _first: Side = field(init=False)
    _second: Side = field(init=False)
    _asks_rules: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        question = self.question
        recorded: Side = RecordedSide()
        self._first = recorded if question.against is None else RulesSide(question.against)
        self._second = recorded if question.rules is None else RulesSide(question.rules)
        self._asks_rules = question.rules is not None

    def begin_part(self, part: int, *, follows: bool) -> None:
        """Take up that another recording begins.

        Args:
            part: Which one it is, from 0.
            follows: Whether it goes on where the one before ended.
        """
        self._part = part
        if not follows:
            self._courses.clear()
            self._ledger = HoldLedger()

    # --- entries ----------------------------------------------------------------------------------

    def take_record(
        self,
        recorded: RecordedStep,
        machine: Machine[Any, Any],
        tried: Machine[Any, Any] | None,
    ) -> None:
        """Take up a record.

        Args:
            recorded: The record.
            machine: The machine that recorded it, under the policy that counted.
            tried: The one that is tried in its place; None for none.
        """
        tally = self.tally
        tally.add("records")
        course = self._course(recorded, machine)
        event, at = recorded.event, recorded.event.at
        before = course.interaction
        self._fire(course, at, recorded.seq)
        step = _step(machine, before, event)
        if step is None or step.interaction.state != recorded.target:
            tally.add("unlike")  # whoever wants to know more replays it
            after = attrs.evolve(before, state=recorded.target)
            step = None
        else:
            after = step.interaction
        if tried is not None:
            self._try(course, recorded, tried, step)
        course.interaction, course.seq = after, recorded.seq
        if step is not None:
            self._ask(course, recorded, step)
            self._account(course, recorded, step)
            self._see_whether_over(course)
        if machine.spec.states[after.state].final:
            self._settle(course)
            self._courses.pop(after.id.lower(), None)

    def take_asked(self, entry: RulesAsked) -> None:
        """Take up what rules decided beside any step."""
        course = self._courses.get(entry.interaction_id.lower())
        if course is None or not self._asks_rules:
            return
        course.org = entry.ruling.org
        planned = [one.action for one in entry.ruling.actions]
        recorded = deeds_of(planned, entry.at, course.seq)
        about = entry.about
        if isinstance(about, RuleEvent):
            if about.name != LOADED:
                self._fire(course, entry.at, course.seq)
                self._tell(course, about, recorded)
                self._see_whether_over(course)
            return
        for hand, side in self._hands(course):
            if side is None:
                hand.deeds += recorded
                continue
            interaction, until = course.interaction, Instant(entry.at + 1)
            deeds = side.fire(hand, interaction, course.org, until, course.seq)
            early, now = at_once(deeds, entry.at)
            self._depart(hand, early, [], entry.at)
            self._depart(hand, now, recorded, entry.at)
            hand.deeds += deeds
        self._see_whether_over(course)

    def take_state(self, entry: InteractionState) -> None:
        """Take up how an interaction stands: a part of a journal begins with that."""
        self._ledger.take(entry)
        key = entry.interaction.id.lower()
        known = self._courses.get(key)
        if known is None:
            self._courses[key] = Course(entry.interaction, entry.seq)

    def take_done(self, entry: ActionsDone) -> None:
        """Take up that actions were carried out: nothing follows from that here."""

    def finish(self) -> Tally:
        """Count what goes on at the end; returns the tally."""
        for course in self._courses.values():
            self._settle(course)
        return self.tally

    # --- courses ----------------------------------------------------------------------------------

    def _course(self, recorded: RecordedStep, machine: Machine[Any, Any]) -> Course:
        key = recorded.interaction_id.lower()
        course = self._courses.get(key)
        if course is not None and recorded.begins:
            self._settle(course)
            course = None
        if course is None:
            if len(self._courses) >= COURSES_MAX:
                self._make_room()
            self.tally.add("interactions")
            begun = machine.start(recorded.interaction_id)
            if recorded.source != begun.state:
                begun = attrs.evolve(begun, state=recorded.source)
            course = self._courses[key] = Course(begun)
        elif course.interaction.state != recorded.source:
            course.interaction = attrs.evolve(course.interaction, state=recorded.source)
        return course

    def _make_room(self) -> None:
        for key, course in list(self._courses.items()):
            if course.interaction.data.hold is None and course.interaction.pending is None:
                self._settle(course)
                self.tally.add("forgotten")
                del self._courses[key]
                if len(self._courses) < COURSES_MAX * 3 // 4:
                    return
        oldest = next(iter(self._courses))
        self._settle(self._courses.pop(oldest))
        self.tally.add("forgotten")

    # --- rules ------------------------------------------------------------------------------------

    def _hands(self, course: Course) -> list[tuple[Hand, Side | None]]:
        """Return both hands with the side that is asked; None for what was recorded."""
        first = None if self.question.against is None else self._first
        return [(course.first, first), (course.second, self._second)]

    def _fire(self, course: Course, until: Instant, seq: int) -> None:
        """Let the timers of both sides fire that are due before the next entry."""
        if not self._asks_rules or course.over:
            return
        for hand, side in self._hands(course):
            while side is not None and hand.left_at is None:
                deeds = side.fire(hand, course.interaction, course.org, until, seq)
                if not deeds:
                    break
                hand.deeds += deeds
                self._depart(hand, deeds, [], deeds[-1].at)

    def _ask(self, course: Course, recorded: RecordedStep, step: Step[Any]) -> None:
        if not self._asks_rules:
            return
        if course.over:
            self.tally.add("evidence", "records_beyond")
            return
        facts = getattr(recorded.event, "facts", None)
        if facts is not None and facts.org_id is not None:
            course.org = facts.org_id
        deeds: list[Deed] = []
        if recorded.rules is not None:
            ruling = Ruling.from_json(recorded.rules)
            course.org = ruling.org
            planned = [one.action for one in ruling.actions]
            deeds = deeds_of(planned, recorded.event.at, recorded.seq)
        self._tell(course, event_of(recorded.source, recorded.event, step), deeds)

    def _tell(self, course: Course, told: RuleEvent, recorded: list[Deed]) -> None:
        for hand, side in self._hands(course):
            if side is None:
                hand.deeds += recorded
            elif hand.left_at is None:
                deeds = side.tell(hand, course.interaction, course.org, told, course.seq)
                hand.deeds += deeds
                self._depart(hand, deeds, recorded, told.at)

    @staticmethod
    def _depart(hand: Hand, deeds: list[Deed], recorded: list[Deed], at: Instant) -> None:
        own, lacking = departure(deeds, recorded)
        if own or lacking:
            hand.leave(own[0].at if own else at, own, lacking)

    # --- holds ------------------------------------------------------------------------------------

    def _account(self, course: Course, recorded: RecordedStep, step: Step[Any]) -> None:
        turn = self._ledger.take(
            Record(
                recorded.seq,
                recorded.interaction_id,
                recorded.event,
                recorded.source,
                recorded.target,
                step.effects,
                recorded.begins,
                recorded.spec_hash,
            )
        )
        for hold in () if turn is None else turn.ended:
            self._hold(course, hold)
            self._settle(course)

    def _see_whether_over(self, course: Course) -> None:
        """Take up that what comes next is evidence no longer: a side left, and no hold goes on."""
        if (
            not course.over
            and course.horizon() is not None
            and course.interaction.data.hold is None
        ):
            self._settle(course)
            course.over = True
            self.tally.add("evidence", "interactions_left")

    def _hold(self, course: Course, hold: LedgerHold) -> None:
        """Compare a hold as it would have been on both sides."""
        tally = self.tally
        group = hold.skill_group_id or NO_GROUP
        reason = hold.reason or NO_REASON
        place = ("group", group, reason)
        tally.add("holds")
        tally.add(*place, "holds")
        if course.over:
            tally.add("evidence", "holds_beyond")
            return
        terms = None if self.question.policy is None else self.question.policy.terms_of(group)
        first, second = span_of(hold, course.first), span_of(hold, course.second, terms)
        if first is None or second is None:
            tally.add("evidence", "holds_unmeasured")
            return
        for name, value in _figures(first, second).items():
            if value:
                tally.add("total", name, by=value)
                tally.add(*place, name, by=value)
        if first != second:
            text = f"{_span_text(hold, first)} against {_span_text(hold, second)}"
            self._show(course, ("hold",), hold.last_seq or course.seq, hold.until, text)

    def _settle(self, course: Course) -> None:
        """Compare what both sides did since the last time, and begin anew."""
        if self._asks_rules and (course.first.deeds or course.second.deeds):
            horizon = course.horizon()
            for one in compared(course.first.deeds, course.second.deeds, horizon):
                deed = one.deed
                key = ("rule", deed.rule, deed.kind, one.fate)
                self.tally.add(*key)
                if one.fate == "moved":
                    self.tally.add("rule", deed.rule, deed.kind, "later_us", by=one.later_us)
                if one.fate not in {"same", "beyond"}:
                    self._show(course, key, deed.seq, deed.at, deed.text)
        for hand in (course.first, course.second):
            hand.deeds = []
            hand.ends_at, hand.limit_us, hand.lacks_release = None, 0, False

    # --- another machine --------------------------------------------------------------------------

    def _try(
        self,
        course: Course,
        recorded: RecordedStep,
        machine: Machine[Any, Any],
        step: Step[Any] | None,
    ) -> None:
        """Step by the machine that is tried, and compare where it leads and what it asks for."""
        before = course.tried or course.interaction
        other = _step(machine, before, recorded.event)
        if other is None or step is None:
            course.tried = None
            return
        kinds = [_kind(effect) for effect in step.effects]
        others = [_kind(effect) for effect in other.effects]
        if other.interaction.state == step.interaction.state and kinds == others:
            course.tried = other.interaction if other.interaction != step.interaction else None
            return
        event = step.transition.event
        now = f"{other.interaction.state} ({', '.join(others) or 'nothing'})"
        then = f"{step.interaction.state} ({', '.join(kinds) or 'nothing'})"
        key = ("step", recorded.source, event, then, now)
        self.tally.add(*key)
        text = f"{event} in {recorded.source}: {then} became {now}"
        self._show(course, key, recorded.seq, recorded.event.at, text)
        course.tried = None  # what was recorded after it followed from what was recorded

    def _show(
        self, course: Course, key: tuple[str, ...], seq: int, at: Instant | None, text: str
    ) -> None:
        moment = "" if at is None else encode_instant(at)
        example = Example(self._part, seq, course.interaction.id, moment, text)
        self.tally.show(key, example)


# --- the parts ------------------------------------------------------------------------------------


def _step(machine: Machine[Any, Any], interaction: Any, event: Any) -> Step[Any] | None:  # noqa: ANN401 - any machine's
    """Return what comes of an event; None where the machine knows no such event."""
    try:
        return machine.step(interaction, event)
    except (TypeError, KeyError, AttributeError, AssertionError):
        return None


def _kind(effect: Any) -> str:  # noqa: ANN401 - any effect
    name = getattr(getattr(effect, "timer", effect), "name", "")
    outcome = getattr(effect, "outcome", "")
    said = name or outcome
    return f"{tag_of(effect.__class__)} {said}" if said else tag_of(effect.__class__)


def _figures(first: Span, second: Span) -> dict[str, int]:
    return {
        "holds_changed": int(first != second),
        "saved_us": max(0, first.least - second.most),
        "longer_us": max(0, second.least - first.most),
        "longer_at_most_us": max(0, second.most - first.least),
        "limits_passed_avoided": int(first.passes_limit and not second.passes_limit),
        "limits_passed_caused": int(second.passes_limit and not first.passes_limit),
    }


def _span_text(hold: LedgerHold, span: Span) -> str:
    since = hold.since or span.least
    least, most = (span.least - since) / 1e6, (span.most - since) / 1e6
    return f"{least:.0f} s" if least == most else f"{least:.0f} to {most:.0f} s"
