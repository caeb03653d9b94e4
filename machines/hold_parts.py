"""Pieces that the hold machine's effects share."""

from attrs import evolve

from hookflash.machines.effects import EndCommand, make_end_command
from hookflash.machines.events import (
    HoldRequested,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    UnholdRequested,
)
from hookflash.machines.hold_data import EARLIER_MAX, Earlier, HoldData, make_earlier
from hookflash.machines.hold_guards import RATE_LIMITED
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action, Facts, Pending, Refusal
from hookflash.machines.machine import Draft
from hookflash.machines.policy import HoldPolicy

HoldDraft = Draft[HoldData, HoldPolicy]
Request = HoldRequested | UnholdRequested
Observation = ObservedHeld | ObservedActive | ObservedClosed

_MESSAGE_LENGTH_MAX = 200


def pending_of(draft: HoldDraft) -> Pending:
    """Return the pending command of a state that always has one."""
    pending = draft.pending
    assert pending is not None, "the rows of pending states have a pending command"  # noqa: S101
    return pending


def lookup_owner(draft: HoldDraft) -> str:
    """Return whom a lookup's pause belongs to: the command, else the hold, else nobody's."""
    if draft.pending is not None:
        return draft.pending.correlation_id
    return draft.data.hold.id if draft.data.hold is not None else draft.interaction.id


def foreign_start(event: ObservedHeld) -> Instant:
    """Return the start of somebody else's hold: as the gateway names it, else its receipt.

    A start that lies after its receipt is a clock that runs ahead; it must not lengthen the limit.
    """
    if event.held_since is None:
        return event.as_of
    return min(event.held_since, event.as_of)


def learn_group(draft: HoldDraft, facts: Facts) -> None:
    """Take over the skill group that came with a command."""
    if facts.skill_group_id != draft.data.skill_group_id:
        draft.data = evolve(draft.data, skill_group_id=facts.skill_group_id)


def earlier_with(draft: HoldDraft, *, answered: bool) -> tuple[Earlier, ...]:
    """Return the ended frames with the pending one added; it is done with."""
    pending, earlier = draft.pending, draft.data.earlier
    if pending is None:
        return earlier
    kept = earlier if len(earlier) < EARLIER_MAX else earlier[1:]
    return (*kept, make_earlier(pending.correlation_id, pending.action, answered))


def remember_frame(draft: HoldDraft, *, answered: bool) -> None:
    """Put the pending frame among the earlier ones; the failed lookups about it are forgotten."""
    earlier = earlier_with(draft, answered=answered)
    draft.data = evolve(draft.data, earlier=earlier, failed_lookups=0)


def forget_frame(draft: HoldDraft, *, answered: bool) -> None:
    """Put the ended command's frame among the earlier ones and stop what waited for it."""
    ended = draft.interaction.pending
    assert ended is not None, "only a pending command ends"  # noqa: S101
    draft.stop_timer("ack")
    draft.stop_timer("lookup")
    others = [old for old in draft.data.earlier if old.correlation_id != ended.correlation_id]
    added = (*others, make_earlier(ended.correlation_id, ended.action, answered))
    draft.data = evolve(draft.data, earlier=added[-EARLIER_MAX:], failed_lookups=0)


def end(  # noqa: PLR0917 - by position, because keywords cost time on the hot path
    draft: HoldDraft,
    outcome: str,
    at: Instant,
    error: str | None = None,
    message: str | None = None,
    retry_after_s: float | None = None,
) -> None:
    """End the pending command: its requester, audit log, monitors and metrics are told."""
    pending = draft.pending
    assert pending is not None, "only a pending command ends"  # noqa: S101
    draft.pending = None
    draft.effects.append(
        make_end_command(
            pending.command_id,
            pending.correlation_id,
            pending.action,
            outcome,
            draft.state,
            pending.requested_at,
            at,
            pending.actor,
            error,
            message,
            pending.priority,
            pending.reason,
            retry_after_s,
        )
    )


def end_by_refusal(draft: HoldDraft, at: Instant, refusal: Refusal) -> None:
    """End the pending command with what the gateway said when it refused it."""
    error = "RateLimited" if refusal.code in RATE_LIMITED else "HoldRefused"
    code = f" with code {refusal.code}" if refusal.code is not None else ""
    words = f": {refusal.message}" if refusal.message else ""
    end(draft, "refused", at, error, f"the gateway refused{code}{words}", refusal.retry_after_s)


def unsent_end(
    draft: HoldDraft,
    event: Request,
    outcome: str,
    error: str | None = None,
    message: str | None = None,
) -> EndCommand:
    """Return the end of a command for which nothing was sent."""
    action: Action = "hold" if isinstance(event, HoldRequested) else "unhold"
    return EndCommand(
        event.correlation_id,
        event.correlation_id,
        action,
        outcome,
        draft.state,
        event.requested_at,
        event.at,
        event.actor,
        error,
        message,
        event.priority,
        event.reason if isinstance(event, HoldRequested) else None,
    )


def shortened(message: str | None) -> str | None:
    """Return *message*, cut to a length that fits a log line."""
    if message is None or len(message) <= _MESSAGE_LENGTH_MAX:
        return message
    return message[: _MESSAGE_LENGTH_MAX - 1] + "…"
