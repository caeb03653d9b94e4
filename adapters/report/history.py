"""What a recording says about holds: read once, record by record, in bounded memory.

Only the records count, their states, events and effects; no machine is stepped. A recording that
an earlier definition made is therefore read as well as one of today.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, final

from attrs import define, field

from hookflash.adapters.report.stories import (
    HOLDING,
    PENDING,
    HoldEntry,
    Mark,
    Story,
    hold_begun,
    hold_end,
)
from hookflash.engine.metrics import CONSISTENT_WITHIN_S, NOT_ATTEMPTED, SUCCESSES
from hookflash.machines.effects import (
    EndCommand,
    LookUp,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    SendUnhold,
    StartTimer,
    Warn,
)
from hookflash.machines.events import (
    Acknowledged,
    AckTimerFired,
    LimitTimerFired,
    LinkLost,
    LinkRestored,
    ObservedClosed,
    ObservedHeld,
    Refused,
    Sent,
    UnholdRequested,
)
from hookflash.machines.instants import Instant
from hookflash.machines.records import Record

TOLD_MAX: Final = 2_000
"""Interactions whose records are kept for the page: what a browser still opens at once."""

RECORDS_TOLD_MAX: Final = 100
"""Records kept for each of them; an ordinary hold and unhold has eight."""

HOLDS_TOLD_MAX: Final = 5_000
"""Holds kept for the table."""

FOLLOWED_MAX: Final = 100_000
"""Interactions that are followed at all: some 200 MB. Records of further ones are only counted."""

_FRAMES_REMEMBERED: Final = 8
"""Answered frames remembered for each interaction, to tell a late answer from a duplicate."""

_CONFIRMED: Final = SUCCESSES - {"already"}

_OUTCOME_MARKS: Final[dict[str, Mark]] = {
    "confirmed_by_lookup": "confirmed_by_lookup",
    "expired": "past_limit",
    "ineligible": "ineligible",
    "invalid": "invalid",
    "not_applied": "not_applied",
    "refused": "refused",
    "unavailable": "unavailable",
    "unknown": "unknown",
}


@final
@define
class History:
    """All that a recording says; `take` each record, then `finish`.

    Attributes:
        stories: Interactions in the order of their first record, at most `FOLLOWED_MAX`.
        holds: The first `HOLDS_TOLD_MAX` holds, in the order of their confirmation.
        holds_count: How many there were in all.
        held_us: Their lengths together, in microseconds, of those whose ends are recorded.
        held_longest_us: The longest of these; 0 before the first.
        holds_ended: How many these are.
        records: How many records there are.
        records_not_followed: Those of interactions beyond `FOLLOWED_MAX`.
        first_at: When the first happened; None before it.
        last_at: When the last happened; None before the first.
        outcomes: Ended commands by action and outcome.
        latency_us: Latencies of those that ended as asked, together, in microseconds.
        succeeded: How many these are.
        consistent: How many of these within 2 s.
        marks: What happened, and how often, over all interactions.
        reconnects: How often the control socket was opened again while something was under way.
        ends: The correlation id of each command that ended, and of each foreign hold and unhold,
            in order; what the audit log must have. Empty unless asked for.
    """

    with_ends: bool = False
    stories: dict[str, Story] = field(factory=dict[str, Story])
    holds: list[HoldEntry] = field(factory=list[HoldEntry])
    holds_count: int = 0
    held_us: int = 0
    held_longest_us: int = 0
    holds_ended: int = 0
    records: int = 0
    records_not_followed: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None
    outcomes: Counter[tuple[str, str]] = field(factory=Counter[tuple[str, str]])
    latency_us: int = 0
    succeeded: int = 0
    consistent: int = 0
    marks: Counter[Mark] = field(factory=Counter[Mark])
    reconnects: int = 0
    ends: list[str] = field(factory=list[str])
    _reconnected_at: Instant | None = None

    @classmethod
    def of(cls, records: Iterable[Record], *, with_ends: bool = False) -> "History":
        """Return what *records* say.

        Args:
            records: In order, of the hold machine.
            with_ends: Whether to keep `ends`, 100 bytes a command.
        """
        history = cls(with_ends)
        for record in records:
            history.take(record)
        history.finish()
        return history

    def take(self, record: Record) -> None:
        """Take the next record."""
        self.records += 1
        at: Instant = record.event.at
        if self.first_at is None:
            self.first_at = at
        self.last_at = at
        story = self._story(record)
        if story is None:
            self.records_not_followed += 1
            return
        story.records += 1
        if len(story.told) < RECORDS_TOLD_MAX and len(self.stories) <= TOLD_MAX:
            story.told.append(record)
        self._take_event(story, record)
        for effect in record.effects:
            self._take_effect(story, record, effect)
        if record.target == "expired" and record.source != "expired":
            self._mark(story, "expired")
        self._take_hold(story, record)
        story.state = record.target

    def finish(self) -> None:
        """Draw what only the end of the recording tells; to be called once, after the last."""
        for story in self.stories.values():
            for _ in story.unacknowledged:
                self._mark(story, "unacknowledged")

    @property
    def commands(self) -> int:
        """How many commands ended, with whatever outcome."""
        return sum(self.outcomes.values())

    @property
    def attempts(self) -> int:
        """How many of them count for the state consistency rate; see `hookflash.engine.metrics`."""
        return sum(
            count for (_, outcome), count in self.outcomes.items() if outcome not in NOT_ATTEMPTED
        )

    # --- the parts --------------------------------------------------------------------------------

    def _story(self, record: Record) -> Story | None:
        key = record.interaction_id.lower()
        story = self.stories.get(key)
        if story is None and len(self.stories) < FOLLOWED_MAX:
            story = self.stories[key] = Story(record.interaction_id, record.source)
            if record.source in HOLDING:
                self._begin_hold(
                    story, HoldEntry(record.interaction_id, None, "before the recording")
                )
        return story

    def _mark(self, story: Story, mark: Mark) -> None:
        story.marks[mark] += 1
        self.marks[mark] += 1

    def _take_event(self, story: Story, record: Record) -> None:
        event, pending = record.event, record.source in PENDING
        match event:
            case Sent() if pending and event.correlation_id == story.frame:
                story.sent_at = event.at
            case Acknowledged() | Refused():
                self._take_answer(story, record, event)
            case AckTimerFired() if pending and record.effects:
                self._mark(story, "doubt")
            case LinkLost() if pending and story.sent_at is not None:
                self._mark(story, "cut_off")
            case LinkRestored():
                self._take_reconnect(story, event, pending=pending)
            case _:
                self._take_turn(story, record)

    def _take_turn(self, story: Story, record: Record) -> None:
        """Take an event that says something about a hold, rather than about a frame."""
        event, source, target = record.event, record.source, record.target
        match event:
            case UnholdRequested() if source == "expired" and target == "unhold_pending":
                story.forced = event.correlation_id if event.force else ""
            case LimitTimerFired() if story.hold is not None and event.owner == story.hold.name:
                # One that was set anew while its event waited is not due yet.
                limit_at = story.hold.limit_at
                story.hold.limit_passed |= limit_at is not None and event.at >= limit_at
            case ObservedClosed() if source in HOLDING and target == "closed":
                self._mark(story, "ended_on_hold")
            case ObservedHeld() if any(isinstance(one, SendUnhold) for one in record.effects):
                self._mark(story, "resent")
            case _:
                pass

    def _take_reconnect(self, story: Story, event: LinkRestored, *, pending: bool) -> None:
        # The engine tells every interaction at one and the same instant.
        if event.at != self._reconnected_at:
            self._reconnected_at = event.at
            self.reconnects += 1
        if pending and story.sent_at is None:
            self._mark(story, "waited_for_link")

    def _take_answer(self, story: Story, record: Record, event: Acknowledged | Refused) -> None:
        frame = event.correlation_id
        story.unacknowledged.discard(frame)
        if frame in story.answered:
            self._mark(story, "duplicate")
            return
        story.answered = [*story.answered, frame][-_FRAMES_REMEMBERED:]
        # What a pending command waits for moves the state, or, for a refusal that does not name
        # the state, asks the gateway; every other answer is that of a command which has ended.
        is_question = record.source in PENDING and any(
            isinstance(effect, LookUp) for effect in record.effects
        )
        if record.source == record.target and not is_question:
            self._mark(story, "late")

    def _take_effect(self, story: Story, record: Record, effect: object) -> None:
        match effect:
            case SendHold() | SendUnhold():
                story.frame, story.sent_at = effect.correlation_id, None
            case EndCommand():
                self._take_end(story, effect)
            case NoteForeign():
                self._mark(story, "foreign_hold" if effect.action == "hold" else "foreign_unhold")
                self._note_end(effect.correlation_id)
            case Warn():
                self._mark(story, "warning")
            case RaiseAlarm():
                self._mark(story, "alarm")
            case StartTimer() if effect.timer.name == "limit" and record.source in HOLDING:
                self._move_limit(story, record, effect)
            case _:
                pass

    def _take_end(self, story: Story, end: EndCommand) -> None:
        self.outcomes[end.action, end.outcome] += 1
        self._note_end(end.correlation_id)
        mark = _OUTCOME_MARKS.get(end.outcome)
        if mark is not None:
            self._mark(story, mark)
        if end.outcome in _CONFIRMED and end.correlation_id not in story.answered:
            story.unacknowledged.add(end.correlation_id)
        if end.outcome not in SUCCESSES:
            return
        latency_us = end.at - end.requested_at
        self.latency_us += latency_us
        self.succeeded += 1
        if latency_us <= CONSISTENT_WITHIN_S * 1_000_000:
            self.consistent += 1
        if end.actor == "limit":
            self._mark(story, "released_at_limit")
        if end.command_id == story.forced:
            self._mark(story, "forced")

    def _note_end(self, correlation_id: str) -> None:
        if self.with_ends:
            self.ends.append(correlation_id)

    def _move_limit(self, story: Story, record: Record, effect: StartTimer) -> None:
        """A hold's limit was set anew: it changed, or its start became known."""
        hold = story.hold
        if hold is None or record.target not in HOLDING:
            return
        hold.limit_at, hold.limit_passed = effect.timer.due_at, False
        event = record.event
        if isinstance(event, ObservedHeld) and event.held_since is not None:
            hold.since = min(event.held_since, event.as_of)

    def _take_hold(self, story: Story, record: Record) -> None:
        before, after = record.source in HOLDING, record.target in HOLDING
        if after and not before:
            self._begin_hold(story, hold_begun(story, record))
        elif before and not after and story.hold is not None:
            self._end_hold(story, story.hold, record)

    def _begin_hold(self, story: Story, hold: HoldEntry) -> None:
        story.hold = hold
        story.holds += 1
        self.holds_count += 1
        if len(self.holds) < HOLDS_TOLD_MAX:
            self.holds.append(hold)

    def _end_hold(self, story: Story, hold: HoldEntry, record: Record) -> None:
        story.hold = None
        hold.until = record.event.at
        hold.ended, hold.ended_by = hold_end(record)
        if hold.began == "somebody else" and hold.ended_by == "limit":
            self._mark(story, "foreign_released")
        held_us = hold.held_us
        if held_us is not None:
            self.holds_ended += 1
            self.held_us += held_us
            self.held_longest_us = max(self.held_longest_us, held_us)
