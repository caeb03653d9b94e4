"""The hold ledger: one row for each hold that a recording tells of, made in one pass.

It is the one place where a recording's steps are added up into holds; reports, exports and
importers read it and count nothing of their own. Only entries are read, their states, events and
effects; nothing is stepped. So a recording that an earlier definition made is read like one of
today.

    for hold in holds_of(entries):                 # each when it has ended; then those going on
        hold.interaction_id, hold.since, hold.until, hold.held_us
        hold.reason, hold.actor, hold.skill_group_id, hold.foreign
        hold.limit_us, hold.over_limit_us, hold.ack_us
        hold.began, hold.ended, hold.ended_by

or one entry at a time, where more than holds is wanted of them::

    ledger = HoldLedger()
    turn = ledger.take(entry)                      # None for most entries
    turn.began, turn.ended                         # the hold that began, those that ended
    ledger.hold_of(interaction_id)                 # the hold that goes on now; None for none
    ledger.going_on()                              # all that go on, at the end

Memory grows with what goes on at a time, not with the recording: `REMEMBERED_MAX` bounds what is
kept of interactions that are not on hold. Times are instants, durations whole microseconds.
"""

from collections.abc import Iterable, Iterator
from typing import Final, final

from attrs import define, field

from hookflash.engine.ledger_holds import Began, Confirmed, Ended, LedgerHold, Turn
from hookflash.machines.effects import (
    EndCommand,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    SendUnhold,
    StartTimer,
    Warn,
)
from hookflash.machines.events import (
    Acknowledged,
    HoldRequested,
    LimitTimerFired,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    Sent,
    UnholdRequested,
)
from hookflash.machines.hold_data import HoldData
from hookflash.machines.instants import Instant
from hookflash.machines.records import Entry, InteractionState, Record

__all__ = [
    "HOLDING",
    "PENDING",
    "REMEMBERED_MAX",
    "Began",
    "Confirmed",
    "Ended",
    "HoldLedger",
    "LedgerHold",
    "Turn",
    "holds_of",
]

HOLDING: Final = frozenset({"held", "unhold_pending", "expired"})
"""States in which the caller is, or counts as, on hold."""

PENDING: Final = frozenset({"hold_pending", "unhold_pending"})
"""States in which a command is under way."""

REMEMBERED_MAX: Final = 100_000
"""Interactions without a hold or a command under way whose skill group is remembered: some 20 MB.
An interaction that comes back after so many others brings its skill group with its next lookup."""


@define
class _Track:
    """What is followed of an interaction while a command is under way or a hold goes on."""

    skill_group_id: str | None = None
    hold: LedgerHold | None = None
    frame: str = ""
    sent_at: Instant | None = None


@define
class _Said:
    """What the effects of one record say about its command and its hold."""

    end: EndCommand | None = None
    note: NoteForeign | None = None
    limit: StartTimer | None = None


@final
@define
class HoldLedger:
    """Adds a recording's entries up into holds. `take` them in order; not for several threads.

    Attributes:
        remembered_max: As `REMEMBERED_MAX`.
    """

    remembered_max: int = REMEMBERED_MAX
    _tracks: dict[str, _Track] = field(factory=dict[str, _Track])
    _groups: dict[str, str | None] = field(factory=dict[str, str | None])

    def take(self, entry: Entry) -> Turn | None:
        """Take the next entry of a recording of the hold machine.

        Returns:
            What it did to the holds; None for nothing. The holds in it are the ledger's own: one
            that began is filled in as the reading goes on.
        """
        if isinstance(entry, Record):
            return self._take_record(entry)
        if isinstance(entry, InteractionState):
            return self._take_state(entry)
        return None

    def hold_of(self, interaction_id: str) -> LedgerHold | None:
        """Return the hold of an interaction that goes on now; None where it is not on hold."""
        track = self._tracks.get(interaction_id.lower())
        return None if track is None else track.hold

    def going_on(self) -> Iterator[LedgerHold]:
        """Yield the holds that have not ended, in the order of their beginning."""
        holds = [track.hold for track in self._tracks.values() if track.hold is not None]
        yield from sorted(holds, key=lambda hold: hold.first_seq or 0)

    # --- records ----------------------------------------------------------------------------------

    def _take_record(self, record: Record) -> Turn | None:
        key = record.interaction_id.lower()
        track = self._tracks.get(key) or _Track(self._groups.pop(key, None))
        before, after = record.source in HOLDING, record.target in HOLDING
        lost = self._lost(track, record, on_hold=before)
        began: LedgerHold | None = None
        if before and track.hold is None:
            began = track.hold = LedgerHold(
                record.interaction_id, "before", skill_group_id=track.skill_group_id
            )
        self._take_event(track, record)
        said = self._take_effects(track, record)
        ended = lost
        if after and not before:
            began = track.hold = _begun(track, record, said)
        elif track.hold is not None and not after:
            _end(track, track.hold, record, said)
            ended, track.hold = (*lost, track.hold), None
        if record.target not in PENDING:
            track.frame, track.sent_at = "", None
        self._keep(key, track, closed=record.target == "closed")
        return Turn(began, ended) if began is not None or ended else None

    def _lost(self, track: _Track, record: Record, *, on_hold: bool) -> tuple[LedgerHold, ...]:
        """End what cannot be going on any more, where the engine forgot the interaction."""
        hold = track.hold
        forgotten = record.begins is True or (hold is not None and not on_hold)
        if not forgotten:
            return ()
        track.hold, track.frame, track.sent_at = None, "", None
        if record.begins is True:
            track.skill_group_id = None
        return () if hold is None else (_lost_sight_of(hold),)

    def _take_event(self, track: _Track, record: Record) -> None:
        """Take up what the event says: the skill group, the sending of a frame, the limit."""
        event, hold = record.event, track.hold
        match event:
            case Sent():
                if event.correlation_id == track.frame:
                    track.sent_at = event.at
                return
            case HoldRequested() | UnholdRequested():
                facts = event.facts
            case ObservedHeld() | ObservedActive() | ObservedClosed():
                facts = event.facts if event.source == "lookup" else None
            case LimitTimerFired():
                if hold is not None and event.owner == hold.name:
                    # One that was set anew while its event waited is not due yet.
                    hold.limit_passed |= hold.limit_at is not None and event.at >= hold.limit_at
                return
            case _:
                return
        if facts is not None:
            track.skill_group_id = facts.skill_group_id
            if hold is not None:
                hold.skill_group_id = track.skill_group_id

    def _take_effects(self, track: _Track, record: Record) -> _Said:
        said, hold = _Said(), track.hold
        for effect in record.effects:
            match effect:
                case SendHold() | SendUnhold():
                    track.frame, track.sent_at = effect.correlation_id, None
                case EndCommand():
                    said.end = effect
                case NoteForeign():
                    said.note = effect
                case StartTimer() if effect.timer.name == "limit":
                    said.limit = effect
                case _:
                    pass
        if hold is not None:
            _add_notices(hold, record)
            if record.target == "expired":
                hold.expired = hold.limit_passed = True
            if said.limit is not None and record.source in HOLDING:
                _move_limit(hold, record, said.limit)
        return said

    def _keep(self, key: str, track: _Track, *, closed: bool) -> None:
        """Remember what is needed further; nothing of an interaction that is over."""
        if track.hold is not None or track.frame:
            self._tracks[key] = track
            return
        self._tracks.pop(key, None)
        if not closed and track.skill_group_id is not None:
            groups = self._groups
            groups[key] = track.skill_group_id
            if len(groups) > self.remembered_max:
                del groups[next(iter(groups))]

    # --- states -----------------------------------------------------------------------------------

    def _take_state(self, entry: InteractionState) -> Turn | None:
        """Take up how an interaction stands: what was said of it before counts no longer."""
        known = entry.interaction
        key = known.id.lower()
        track = self._tracks.get(key) or _Track()
        self._groups.pop(key, None)
        data = known.data if isinstance(known.data, HoldData) else HoldData()
        track.skill_group_id = data.skill_group_id
        track.frame, track.sent_at = "", None
        if known.pending is not None:
            track.frame, track.sent_at = known.pending.correlation_id, known.pending.sent_at
        old, hold = track.hold, None
        if known.state in HOLDING:
            name = "" if data.hold is None else data.hold.id
            hold = old if old is not None and name in {old.name, ""} else None
            hold = hold or LedgerHold(known.id, "before", name=name)
            hold.skill_group_id = data.skill_group_id
            hold.expired |= known.state == "expired"
            if data.hold is not None:
                given = data.hold
                hold.since, hold.limit_at = given.since, given.limit_at
                hold.limit_passed, hold.alarms = given.limit_passed, given.alarms
                hold.reason = given.reason
                hold.actor = "foreign" if given.foreign else hold.actor
        track.hold = hold
        lost = () if old is None or old is hold else (_lost_sight_of(old),)
        self._keep(key, track, closed=known.state == "closed")
        began = hold if hold is not None and hold is not old else None
        return Turn(began, lost) if began is not None or lost else None


def holds_of(entries: Iterable[Entry]) -> Iterator[LedgerHold]:
    """Yield all holds that *entries* tell of: each when it has ended, then those going on.

    Args:
        entries: What follows the header of a recording of the hold machine, in order.
    """
    ledger = HoldLedger()
    for entry in entries:
        turn = ledger.take(entry)
        if turn is not None:
            yield from turn.ended
    yield from ledger.going_on()


# --- the parts ------------------------------------------------------------------------------------


def _begun(track: _Track, record: Record, said: _Said) -> LedgerHold:
    """Return the hold that *record* begins."""
    event, note, end = record.event, said.note, said.end
    hold = LedgerHold(
        record.interaction_id,
        "looked_up",
        first_seq=record.seq,
        skill_group_id=track.skill_group_id,
    )
    if said.limit is not None:
        hold.name, hold.limit_at = said.limit.timer.owner, said.limit.timer.due_at
    if note is not None:
        hold.began, hold.actor, hold.since = "foreign", "foreign", note.since
        return hold
    if isinstance(event, Acknowledged):
        hold.began, hold.since = "acknowledged", event.at
        hold.ack_us = _since_sending(track, event)
    elif isinstance(event, ObservedHeld):
        hold.began = "seen" if event.source == "frame" else "looked_up"
        hold.since = track.sent_at or event.as_of
    else:
        hold.since = track.sent_at or event.at
    if end is not None:
        hold.actor, hold.reason = end.actor, end.reason
        hold.requested_at, hold.latency_us = end.requested_at, end.at - end.requested_at
    return hold


def _end(track: _Track, hold: LedgerHold, record: Record, said: _Said) -> None:
    """Fill in the end of the hold that *record* ends."""
    event, end = record.event, said.end
    observed = isinstance(event, ObservedActive | ObservedClosed)
    hold.until = event.as_of if observed else event.at
    hold.last_seq = record.seq
    if hold.limit_at is not None and hold.until is not None:
        hold.limit_passed |= hold.until > hold.limit_at
    if record.target == "closed":
        hold.ended = "closed"
        return
    if said.note is not None or end is None:
        hold.ended = "foreign" if said.note is not None else "unhold"
        hold.ended_by = "foreign" if said.note is not None else ""
        return
    hold.ended = "limit" if end.actor == "limit" else "unhold"
    hold.ended_by = end.actor
    hold.ended_confirmed = "acknowledged" if end.outcome == "confirmed" else "looked_up"
    hold.unhold_latency_us = end.at - end.requested_at
    if isinstance(event, Acknowledged):
        hold.unhold_ack_us = _since_sending(track, event)


def _add_notices(hold: LedgerHold, record: Record) -> None:
    """Count what monitors and somebody were told about a hold."""
    for effect in record.effects:
        if isinstance(effect, Warn):
            hold.warnings += 1
            hold.limit_passed |= effect.notice == "limit_passed"
        elif isinstance(effect, RaiseAlarm):
            hold.alarms += 1


def _since_sending(track: _Track, event: Acknowledged) -> int | None:
    if track.sent_at is None or event.correlation_id != track.frame:
        return None
    return event.at - track.sent_at


def _move_limit(hold: LedgerHold, record: Record, limit: StartTimer) -> None:
    """A hold's limit was set anew: it changed, or its start became known."""
    hold.limit_at, hold.limit_passed = limit.timer.due_at, False
    event = record.event
    if isinstance(event, ObservedHeld) and event.held_since is not None:
        hold.since = min(event.held_since, event.as_of)


def _lost_sight_of(hold: LedgerHold) -> LedgerHold:
    hold.ended = "lost"
    return hold
