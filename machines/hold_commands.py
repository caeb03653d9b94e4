"""The hold machine's effects around commands: sending, answering, doubting, ending."""

from attrs import evolve

from hookflash.machines.effects import (
    EndCommand,
    LookUp,
    NoteForeign,
    Withdraw,
    make_send_hold,
    make_send_unhold,
)
from hookflash.machines.events import (
    Acknowledged,
    CommandAbandoned,
    HoldRequested,
    LinkLost,
    LookupFailed,
    NotSent,
    ObservedActive,
    ObservedHeld,
    Refused,
    Sent,
    TimerFired,
    UnholdRequested,
)
from hookflash.machines.hold_data import Earlier
from hookflash.machines.hold_parts import (
    HoldDraft,
    Observation,
    Request,
    end,
    end_by_refusal,
    foreign_start,
    forget_frame,
    learn_group,
    lookup_owner,
    pending_of,
    remember_frame,
    shortened,
    unsent_end,
)
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Refusal, make_pending

# --- sending ------------------------------------------------------------------------------------


def send_hold(draft: HoldDraft, event: HoldRequested) -> None:
    """Make the hold command pending and send its frame."""
    correlation_id = event.correlation_id
    draft.pending = make_pending(
        correlation_id,
        correlation_id,
        "hold",
        event.actor,
        event.requested_at,
        event.priority,
        event.reason,
    )
    if event.facts is not None:
        learn_group(draft, event.facts)
    draft.effects.append(
        make_send_hold(correlation_id, event.reason, event.priority, event.music, event.prompt)
    )


def send_unhold(draft: HoldDraft, event: UnholdRequested) -> None:
    """Make the unhold command pending and send its frame."""
    correlation_id = event.correlation_id
    draft.pending = make_pending(
        correlation_id, correlation_id, "unhold", event.actor, event.requested_at, event.priority
    )
    if event.facts is not None:
        learn_group(draft, event.facts)
    draft.stop_timer("release")
    draft.effects.append(make_send_unhold(correlation_id, event.priority))


def resend_unhold(draft: HoldDraft, event: ObservedHeld) -> None:
    """Send the unhold once more: a lookup begun after the doubt proved it was not carried out."""
    pending = pending_of(draft)
    remember_frame(draft, answered=False)
    draft.pending = evolve(
        pending, correlation_id=event.unused_id, sent_at=None, doubt_since=None, resent=True
    )
    draft.stop_timer("ack")
    draft.stop_timer("lookup")
    draft.effects.append(make_send_unhold(event.unused_id, pending.priority))


def start_ack_timer(draft: HoldDraft, event: Sent) -> None:
    """Note when the frame was written; the acknowledgement's time runs from there."""
    pending = draft.pending
    assert pending is not None, "only a pending command is current"  # noqa: S101
    draft.pending = make_pending(
        pending.command_id,
        pending.correlation_id,
        pending.action,
        pending.actor,
        pending.requested_at,
        pending.priority,
        pending.reason,
        event.at,
        pending.doubt_since,
        pending.resent,
        pending.refusal,
    )
    due_at = Instant(event.at + draft.policy.ack_timeout_us)
    draft.start_timer("ack", pending.correlation_id, due_at)


# --- doubt --------------------------------------------------------------------------------------


def enter_doubt(draft: HoldDraft, event: TimerFired | LinkLost) -> None:
    """The outcome is unknown until the answer comes after all, or a lookup begun later tells it.

    After a lost link the acknowledgement's timer runs on: should the link stay away, its end asks
    the gateway without it.
    """
    pending = pending_of(draft)
    if pending.doubt_since is None:
        draft.pending = evolve(pending, doubt_since=event.at)


def remember_refusal(draft: HoldDraft, event: Refused) -> None:
    """Keep the refusal until a lookup tells the state that it did not name."""
    draft.stop_timer("ack")
    draft.pending = evolve(
        pending_of(draft),
        doubt_since=event.at,
        refusal=Refusal(event.code, shortened(event.message), event.retry_after_s),
    )


def mark_answered(draft: HoldDraft, event: Acknowledged | Refused) -> None:
    """Note that an ended frame was answered after all, so that the next answer is a duplicate."""
    data = draft.data
    earlier = tuple(
        Earlier(frame.correlation_id, frame.action, answered=True)
        if frame.correlation_id == event.correlation_id
        else frame
        for frame in data.earlier
    )
    if earlier != data.earlier:
        draft.data = evolve(data, earlier=earlier)


def look_up(draft: HoldDraft, _event: object) -> None:
    """Ask the gateway for the state now."""
    draft.stop_timer("lookup")
    draft.effects.append(LookUp(urgent=True))


def look_up_throttled(draft: HoldDraft, _event: object) -> None:
    """Ask the gateway for the state when more urgent questions are answered."""
    draft.stop_timer("lookup")
    draft.effects.append(LookUp(urgent=False))


def start_lookup_timer(draft: HoldDraft, event: LookupFailed) -> None:
    """Ask again after a pause that doubles with each failure."""
    failed = draft.data.failed_lookups + 1
    draft.data = evolve(draft.data, failed_lookups=failed)
    policy = draft.policy
    pause_s = min(policy.lookup_backoff_s * 2 ** min(failed - 1, 30), policy.lookup_backoff_max_s)
    draft.start_timer("lookup", lookup_owner(draft), after(event.at, pause_s))


# --- ends ---------------------------------------------------------------------------------------


def end_already(draft: HoldDraft, event: Request) -> None:
    """Nothing is to do: what the command asks for is so already."""
    draft.effects.append(unsent_end(draft, event, "already"))


def end_ineligible(draft: HoldDraft, event: Request) -> None:
    """Refuse the command for the reason that the policy gives."""
    reason = event.reason if isinstance(event, HoldRequested) else None
    message = draft.policy.objection(event.facts, reason)
    draft.effects.append(unsent_end(draft, event, "ineligible", "NotEligible", message))


def end_rejected(draft: HoldDraft, event: Request) -> None:
    """Refuse the command with the error that the row names."""
    error = draft.row.error or "HoldRefused"
    outcome = {"NotEligible": "ineligible", "MaximumHoldExceeded": "expired"}.get(error, "refused")
    draft.effects.append(unsent_end(draft, event, outcome, error, draft.row.reason))


def end_abandoned(draft: HoldDraft, event: CommandAbandoned) -> None:
    """Write the end of a command that never reached the machine."""
    draft.effects.append(
        EndCommand(
            event.correlation_id,
            event.correlation_id,
            event.action,
            event.outcome,
            draft.state if draft.data.changed_at or draft.pending else None,  # nothing is assumed
            event.requested_at,
            event.at,
            event.actor,
            event.error,
            event.message,
            event.priority,
            event.reason,
        )
    )


def end_unsent(draft: HoldDraft, event: NotSent) -> None:
    """The frame was withdrawn: nothing happened, and the requester learns why."""
    outcome = "unknown" if event.error == "OutcomeUnknown" else "unavailable"
    end(draft, outcome, event.at, event.error, event.message)
    forget_frame(draft, answered=False)


def withdraw_frame(draft: HoldDraft, _event: object) -> None:
    """Take the waiting frame back."""
    draft.effects.append(Withdraw(pending_of(draft).correlation_id))


def end_already_unsent(draft: HoldDraft, event: Observation) -> None:
    """What the waiting frame asks for is so already: take it back."""
    withdraw_frame(draft, event)
    end(draft, "already", event.at)


def end_refused(draft: HoldDraft, event: Refused) -> None:
    """The gateway refused the command, and the state is as it was."""
    refusal = Refusal(event.code, shortened(event.message), event.retry_after_s)
    end_by_refusal(draft, event.at, refusal)
    forget_frame(draft, answered=True)


def end_not_applied(draft: HoldDraft, event: Observation) -> None:
    """A lookup proved that the command was not carried out, or found what a refusal left open."""
    pending = pending_of(draft)
    if pending.refusal is not None:
        end_by_refusal(draft, event.at, pending.refusal)
    else:
        message = f"the gateway did not carry the {pending.action} out"
        end(draft, "not_applied", event.at, "HoldRefused", message)
    forget_frame(draft, answered=pending.refusal is not None)


def end_closed(draft: HoldDraft, event: Observation | Refused) -> None:
    """The interaction ended while the command was under way."""
    pending = pending_of(draft)
    if pending.sent_at is None and pending.refusal is None and not isinstance(event, Refused):
        withdraw_frame(draft, event)
    message = "the interaction ended while the command was under way"
    end(draft, "ineligible", event.at, "NotEligible", message)


def note_foreign_hold(draft: HoldDraft, event: ObservedHeld) -> None:
    """Write down that somebody else held the interaction."""
    since = foreign_start(event)
    draft.effects.append(NoteForeign(event.unused_id, "hold", draft.state, event.at, since))


def note_foreign_unhold(draft: HoldDraft, event: ObservedActive) -> None:
    """Write down that somebody else took the caller off hold."""
    draft.effects.append(NoteForeign(event.unused_id, "unhold", draft.state, event.at, event.as_of))
