"""The hold machine's effects around holds: their start, their limit, their end."""

from attrs import evolve

from hookflash.machines.effects import LookUp, RaiseAlarm, SendUnhold, Warn
from hookflash.machines.events import (
    Acknowledged,
    ExpireRequested,
    LimitChanged,
    LimitTimerFired,
    NotSent,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    Refused,
    ReleaseTimerFired,
    TimerFired,
    UnholdRequested,
)
from hookflash.machines.hold_data import Hold, HoldData, make_hold, make_hold_data
from hookflash.machines.hold_parts import (
    HoldDraft,
    Observation,
    earlier_with,
    end,
    foreign_start,
    pending_of,
)
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Pending, make_timer

LIMIT_PRIORITY = 9
"""The resume priority of a release at the limit: the caller has waited longest of all."""


# --- a change of state --------------------------------------------------------------------------


def confirm_hold(draft: HoldDraft, event: Acknowledged) -> None:
    """The gateway acknowledged the hold: its limit counts from here."""
    pending = pending_of(draft)
    start_hold(draft, pending.correlation_id, since=event.at, changed_at=event.at, answered=True)
    _look_again(draft, pending)
    end(draft, "confirmed", event.at)


def confirm_hold_by_frame(draft: HoldDraft, event: ObservedHeld) -> None:
    """The gateway said unasked that the caller is held, before or without an acknowledgement."""
    _confirm_seen_hold(draft, event, "confirmed")


def confirm_hold_by_lookup(draft: HoldDraft, event: ObservedHeld) -> None:
    """A lookup says that the caller is held: the command was carried out."""
    _confirm_seen_hold(draft, event, "confirmed_by_lookup")


def confirm_hold_by_refusal(draft: HoldDraft, event: Refused) -> None:
    """The refusal says that the caller is held already; that decides as a lookup would."""
    pending = pending_of(draft)
    start_hold(
        draft,
        pending.correlation_id,
        since=pending.sent_at or event.at,
        changed_at=event.at,
        answered=True,
    )
    end(draft, "confirmed_by_lookup", event.at)


def start_hold(
    draft: HoldDraft,
    hold_id: str,
    *,
    since: Instant,
    changed_at: Instant,
    answered: bool,
    foreign: bool = False,
) -> None:
    """Begin a hold with its limit and warning timers; the pending frame, if any, is done with."""
    policy, data = draft.policy, draft.data
    group = data.skill_group_id
    terms = policy.terms_of(group)
    limit_at = Instant(since + terms.limit_us)
    pending = draft.pending
    draft.stop_timers()
    draft.data = make_hold_data(
        changed_at,
        make_hold(
            hold_id,
            since,
            limit_at,
            terms.on_limit,
            foreign,
            foreign and terms.watches_foreign,
            pending.reason if pending is not None and not foreign else None,
        ),
        earlier_with(draft, answered=answered),
        group,
    )
    draft.start_first_timers(
        make_timer("warning", hold_id, Instant(since + terms.warning_us)),
        make_timer("limit", hold_id, limit_at),
    )


def confirm_unhold(draft: HoldDraft, event: Acknowledged) -> None:
    """The gateway acknowledged the unhold: the hold is over."""
    pending = pending_of(draft)
    end_hold(draft, event.at, answered=True)
    _look_again(draft, pending)
    end(draft, "confirmed", event.at)


def confirm_unhold_by_lookup(draft: HoldDraft, event: ObservedActive) -> None:
    """A lookup says that the caller is not held: the unhold was carried out."""
    end_hold(draft, event.as_of, answered=False)
    end(draft, "confirmed_by_lookup", event.at)


def confirm_unhold_by_refusal(draft: HoldDraft, event: Refused) -> None:
    """The refusal says that the caller is not held; that decides as a lookup would."""
    end_hold(draft, event.at, answered=True)
    end(draft, "confirmed_by_lookup", event.at)


def end_hold(draft: HoldDraft, changed_at: Instant, *, answered: bool) -> None:
    """End the hold, if there is one, and all timers; the pending frame is done with."""
    draft.stop_timers()
    draft.data = make_hold_data(
        changed_at, None, earlier_with(draft, answered=answered), draft.data.skill_group_id
    )


def note_contradiction(draft: HoldDraft, event: Observation) -> None:
    """Remember that the opposite of what the command asks for was seen while it is under way."""
    pending = pending_of(draft)
    if pending.contradicted_at is None:
        draft.pending = evolve(pending, contradicted_at=event.as_of)


def _look_again(draft: HoldDraft, pending: Pending) -> None:
    """Look up a command that was acknowledged, where the opposite was seen before.

    What was seen may have been before the gateway carried it out, or after, by somebody else.
    """
    if pending.contradicted_at is not None:
        draft.effects.append(LookUp(urgent=True))


def mark_limit_passed(draft: HoldDraft, _event: object) -> None:
    """Remember that the limit passed, whatever becomes of the command under way."""
    hold = draft.data.hold
    if hold is not None and not hold.limit_passed:
        draft.data = evolve(draft.data, hold=evolve(hold, limit_passed=True))
    draft.stop_timer("warning")
    draft.stop_timer("limit")
    draft.stop_timer("release")


def send_release(draft: HoldDraft, event: LimitTimerFired | ReleaseTimerFired) -> None:
    """Release the caller because the limit passed: an unhold of the limit's own."""
    draft.pending = Pending(
        event.unused_id, event.unused_id, "unhold", "limit", event.at, LIMIT_PRIORITY
    )
    mark_limit_passed(draft, event)
    draft.effects.append(SendUnhold(event.unused_id, LIMIT_PRIORITY))


# --- observations without a command -------------------------------------------------------------


def adopt_foreign_hold(draft: HoldDraft, event: ObservedHeld) -> None:
    """Somebody else's hold: put it under its limit, from the start that the gateway names.

    A frame says neither the skill group nor, mostly, the start: a lookup is asked for, which also
    corrects a frame that was on its way for too long.
    """
    learn_facts(draft, event)
    since = foreign_start(event)
    start_hold(
        draft, event.unused_id, since=since, changed_at=event.as_of, answered=False, foreign=True
    )
    if event.source == "frame":
        draft.effects.append(LookUp(urgent=False))


def learn_facts(draft: HoldDraft, event: Observation) -> None:
    """Take over what the lookup said beside the state; failed lookups before it are forgotten."""
    data = draft.data
    if event.source != "lookup":
        return
    facts = event.facts
    group = data.skill_group_id if facts is None else facts.skill_group_id
    draft.stop_timer("lookup")
    if group != data.skill_group_id or data.failed_lookups or not data.changed_at:
        changed_at = data.changed_at or event.as_of
        draft.data = HoldData(changed_at, data.hold, data.earlier, group)


def learn_about_hold(draft: HoldDraft, event: ObservedHeld) -> None:
    """A foreign hold's start or skill group became known: its timers follow them."""
    group_before = draft.data.skill_group_id
    learn_facts(draft, event)
    hold = draft.data.hold
    if hold is None or not hold.foreign:
        return
    since = hold.since if event.held_since is None else foreign_start(event)
    if since == hold.since and draft.data.skill_group_id == group_before:
        return
    terms = draft.policy.terms_of(draft.data.skill_group_id)
    _restart_limit(
        draft,
        evolve(
            hold,
            since=since,
            limit_at=Instant(since + terms.limit_us),
            on_limit=terms.on_limit,
            watched=terms.watches_foreign,
        ),
    )


def release_seen(draft: HoldDraft, event: ObservedActive) -> None:
    """A lookup says that the caller is not held any more: the hold is over."""
    end_hold(draft, event.as_of, answered=False)
    learn_facts(draft, event)


def close(draft: HoldDraft, event: ObservedClosed | Refused) -> None:
    """The interaction is over, and with it every hold, timer and question."""
    changed_at = event.as_of if isinstance(event, ObservedClosed) else event.at
    end_hold(draft, changed_at, answered=isinstance(event, Refused))


# --- limits -------------------------------------------------------------------------------------


def warn(draft: HoldDraft, event: TimerFired) -> None:
    """Tell monitors and rules that the hold nears its limit."""
    _warn(draft, event, "warning")


def warn_past_limit(draft: HoldDraft, event: TimerFired) -> None:
    """Tell monitors and rules that a hold that is only watched has passed its limit."""
    _warn(draft, event, "limit_passed")
    mark_limit_passed(draft, event)


def expire(draft: HoldDraft, event: LimitTimerFired | ExpireRequested) -> None:
    """The hold is past its limit and waits for a decision: raise the alarm `hold_expired`."""
    mark_limit_passed(draft, event)
    _alarm(draft, "hold_expired", event.at)


def await_release(draft: HoldDraft, event: NotSent | Refused | ObservedHeld) -> None:
    """The caller could not be released past the limit: raise the alarm `release_failed`.

    When the pause is over the policy `release` releases again; the policy `expire` raises an alarm
    again, and that is `hold_expired`.
    """
    mark_limit_passed(draft, event)
    _alarm(draft, "release_failed", event.at)


def alarm_again(draft: HoldDraft, event: ReleaseTimerFired) -> None:
    """Nobody has decided about the expired hold yet: raise the alarm `hold_expired` again."""
    _alarm(draft, "hold_expired", event.at)


def watch_release(
    draft: HoldDraft, event: LimitTimerFired | ReleaseTimerFired | UnholdRequested
) -> None:
    """A caller past the limit is being released: see that somebody hears of it if that takes long.

    The frame may wait for the socket, and the gateway may answer no lookup, for as long as it
    takes: a caller who is still on hold then must not be forgotten. The pause is the longest one
    between alarms: a release that is confirmed late is the rule, not a reason for an alarm. Of a
    hold that is only watched whoever made it has to take care.
    """
    hold = _hold_of(draft)
    if not hold.watched:
        pause_s = draft.policy.release_backoff_max_s
        draft.start_timer("release", hold.id, after(event.at, pause_s))


def alarm_unconfirmed(draft: HoldDraft, event: ReleaseTimerFired) -> None:
    """Nothing is known yet of a release past the limit: raise an alarm, and go on watching."""
    _raise_alarm(draft, "release_unconfirmed", event.at)
    watch_release(draft, event)


def set_limit(draft: HoldDraft, event: LimitChanged) -> None:
    """Give the running hold another limit, counted from its start."""
    hold = _hold_of(draft)
    _restart_limit(draft, evolve(hold, limit_at=after(hold.since, event.limit_s)))


# --- the parts ----------------------------------------------------------------------------------


def _confirm_seen_hold(draft: HoldDraft, event: ObservedHeld, outcome: str) -> None:
    """End the pending hold as carried out; when is not known: its limit counts from its sending."""
    pending = pending_of(draft)
    since = pending.sent_at or event.as_of
    start_hold(draft, pending.correlation_id, since=since, changed_at=event.as_of, answered=False)
    end(draft, outcome, event.at)


def _restart_limit(draft: HoldDraft, hold: Hold) -> None:
    hold = evolve(hold, limit_passed=False)
    draft.data = evolve(draft.data, hold=hold)
    warn_at = draft.policy.terms_of(draft.data.skill_group_id).warn_at
    warning_at = Instant(hold.since + round((hold.limit_at - hold.since) * warn_at))
    draft.start_timer("warning", hold.id, warning_at)
    draft.start_timer("limit", hold.id, hold.limit_at)
    draft.stop_timer("release")


def _warn(draft: HoldDraft, event: TimerFired, notice: str) -> None:
    hold = _hold_of(draft)
    draft.effects.append(Warn(hold.id, notice, hold.since, hold.limit_at, event.at))


def _alarm(draft: HoldDraft, alarm: str, at: Instant) -> None:
    """Raise an alarm and start the pause before the next, which doubles each time."""
    hold = _raise_alarm(draft, alarm, at)
    policy, doublings = draft.policy, min(hold.alarms - 1, 30)
    pause_s = min(policy.release_backoff_s * 2**doublings, policy.release_backoff_max_s)
    draft.start_timer("release", hold.id, after(at, pause_s))


def _raise_alarm(draft: HoldDraft, alarm: str, at: Instant) -> Hold:
    before = _hold_of(draft)
    hold = evolve(before, alarms=before.alarms + 1)
    draft.data = evolve(draft.data, hold=hold)
    draft.effects.append(RaiseAlarm(hold.id, alarm, hold.since, at, hold.alarms))
    return hold


def _hold_of(draft: HoldDraft) -> Hold:
    hold = draft.data.hold
    assert hold is not None, "only a row of a state with a hold has this effect"  # noqa: S101
    return hold
