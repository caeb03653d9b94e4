"""What a recording says about holds: read once, record by record, in bounded memory.

Only the records count, their states, events and effects; no machine is stepped. A recording that
an earlier definition made is therefore read as well as one of today.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, final

from attrs import define, field

from hookflash.adapters.report.stories import PLACES_MAX, Mark, Story
from hookflash.engine.ledger import HOLDING, PENDING, HoldLedger, LedgerHold
from hookflash.engine.metrics import CONSISTENT_WITHIN_S, NOT_ATTEMPTED, SUCCESSES
from hookflash.machines.effects import (
    EndCommand,
    LookUp,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    SendUnhold,
    Warn,
)
from hookflash.machines.events import (
    Acknowledged,
    AckTimerFired,
    LinkLost,
    LinkRestored,
    ObservedClosed,
    ObservedHeld,
    Refused,
    Sent,
    UnholdRequested,
)
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts
from hookflash.machines.records import InteractionState, Record

HOLDS_TOLD_MAX: Final = 200_000
"""Holds, and acknowledgements, that are kept one by one: some 60 MB."""

FOLLOWED_MAX: Final = 100_000
"""Interactions that are followed at all: some 400 MB. Records of further ones are only counted."""

_FRAMES_REMEMBERED: Final = 8
"""Answered frames remembered for each interaction, to tell a late answer from a duplicate."""

AckTime = tuple[int, int, bool, bool]
"""The number of the interaction, microseconds from the leaving of the frame to its
acknowledgement, whether it was a hold, and whether it came late."""

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
        holds: The first `HOLDS_TOLD_MAX` holds of the ledger, in the order of their confirmation.
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
        acks: Times from the leaving of a frame to its acknowledgement, the first `HOLDS_TOLD_MAX`,
            late ones too.
        acks_count: How many there were in all.
        marks: What happened, and how often, over all interactions.
        reconnects: How often the control socket was opened again while something was under way.
        ends: The correlation id of each command that ended, and of each foreign hold and unhold,
            in order; what the audit log must have. Empty unless asked for.
    """

    with_ends: bool = False
    stories: dict[str, Story] = field(factory=dict[str, Story])
    holds: list[LedgerHold] = field(factory=list[LedgerHold])
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
    acks: list[AckTime] = field(factory=list[AckTime])
    acks_count: int = 0
    marks: Counter[Mark] = field(factory=Counter[Mark])
    reconnects: int = 0
    ends: list[str] = field(factory=list[str])
    _reconnected_at: Instant | None = None
    _ledger: HoldLedger = field(factory=HoldLedger)

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

    def take(self, record: Record) -> Story | None:
        """Take the next record; return the story that it is part of, None where none is kept."""
        self.records += 1
        at: Instant = record.event.at
        if self.first_at is None:
            self.first_at = at
        self.last_at = at
        story = self._story(record.interaction_id, record.source)
        if story is None:
            self.records_not_followed += 1
            return None
        self._take_event(story, record)
        for effect in record.effects:
            self._take_effect(story, record, effect)
        if record.target == "expired" and record.source != "expired":
            self._mark(story, "expired")
        self._take_holds(story, record)
        story.state = record.target
        story.records += 1
        return story

    def take_state(self, state: InteractionState) -> Story | None:
        """Take up how an interaction stands, at the beginning of a part of a journal, for instance.

        Returns:
            Its story; None where none is kept, or the interaction is of no interest yet.
        """
        known = state.interaction
        of_interest = known.state in HOLDING or known.state in PENDING
        if not of_interest and known.id.lower() not in self.stories:
            return None
        story = self._story(known.id, known.state)
        if story is not None:
            story.state = known.state
            self._take_holds(story, state)
        return story

    def finish(self) -> None:
        """Draw what only the end of the recording tells; to be called once, after the last."""
        for story in self.stories.values():
            for place in story.unacknowledged.values():
                self._mark(story, "unacknowledged", place)

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

    def _story(self, interaction_id: str, state: str) -> Story | None:
        key = interaction_id.lower()
        story = self.stories.get(key)
        if story is None and len(self.stories) < FOLLOWED_MAX:
            story = self.stories[key] = Story(interaction_id, state, len(self.stories))
        return story

    def _mark(self, story: Story, mark: Mark, place: int | None = None) -> None:
        story.marks[mark] += 1
        self.marks[mark] += 1
        if len(story.places) < PLACES_MAX:
            story.places.append((mark, story.records if place is None else place))

    def _take_event(self, story: Story, record: Record) -> None:
        event, pending = record.event, record.source in PENDING
        facts: Facts | None = getattr(event, "facts", None)
        if facts is not None and facts.skill_group_id:
            story.skill_group = facts.skill_group_id
        match event:
            case Sent() if pending and event.correlation_id == story.frame:
                story.sent_at = event.at
                _, is_hold = story.left.get(story.frame, (None, True))
                story.left[story.frame] = event.at, is_hold
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
        story.unacknowledged.pop(frame, None)
        if frame in story.answered:
            self._mark(story, "duplicate")
            return
        story.answered = [*story.answered, frame][-_FRAMES_REMEMBERED:]
        # What a pending command waits for moves the state, or, for a refusal that does not name
        # the state, asks the gateway; every other answer is that of a command which has ended.
        is_question = record.source in PENDING and any(
            isinstance(effect, LookUp) for effect in record.effects
        )
        is_late = record.source == record.target and not is_question
        if is_late:
            self._mark(story, "late")
        left = story.left.pop(frame, None)
        if left is not None and isinstance(event, Acknowledged):
            self.acks_count += 1
            if len(self.acks) < HOLDS_TOLD_MAX:
                left_at, is_hold = left
                self.acks.append((story.number, event.at - left_at, is_hold, is_late))

    def _take_effect(self, story: Story, record: Record, effect: object) -> None:
        match effect:
            case SendHold() | SendUnhold():
                story.frame, story.sent_at = effect.correlation_id, None
                if len(story.left) >= _FRAMES_REMEMBERED:
                    del story.left[next(iter(story.left))]
                story.left[story.frame] = record.event.at, isinstance(effect, SendHold)
            case EndCommand():
                self._take_end(story, effect)
            case NoteForeign():
                self._mark(story, "foreign_hold" if effect.action == "hold" else "foreign_unhold")
                self._note_end(effect.correlation_id)
            case Warn():
                self._mark(story, "warning")
            case RaiseAlarm():
                self._mark(story, "alarm")
            case _:
                pass

    def _take_end(self, story: Story, end: EndCommand) -> None:
        self.outcomes[end.action, end.outcome] += 1
        self._note_end(end.correlation_id)
        mark = _OUTCOME_MARKS.get(end.outcome)
        if mark is not None:
            self._mark(story, mark)
        if end.outcome in _CONFIRMED and end.correlation_id not in story.answered:
            story.unacknowledged[end.correlation_id] = story.records
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

    def _take_holds(self, story: Story, entry: Record | InteractionState) -> None:
        turn = self._ledger.take(entry)
        if turn is None:
            return
        for hold in turn.ended:
            self._end_hold(story, hold)
        if turn.began is not None:
            story.holds += 1
            self.holds_count += 1
            if len(self.holds) < HOLDS_TOLD_MAX:
                self.holds.append(turn.began)
        story.hold = self._ledger.hold_of(story.id)

    def _end_hold(self, story: Story, hold: LedgerHold) -> None:
        if hold.foreign and hold.ended == "limit":
            self._mark(story, "foreign_released")
        held_us = hold.held_us
        if held_us is not None:
            self.holds_ended += 1
            self.held_us += held_us
            self.held_longest_us = max(self.held_longest_us, held_us)
