"""The guards of the hold machine: questions about an interaction, an event and the policy.

Each reads and changes nothing. A guard that asks for a pending command is false without one.
"""

from hookflash.machines.events import (
    Acknowledged,
    HoldRequested,
    LimitTimerFired,
    NotSent,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    Refused,
    ReleaseTimerFired,
    Sent,
    TimerFired,
    UnholdRequested,
    WarningTimerFired,
)
from hookflash.machines.hold_data import HoldInteraction
from hookflash.machines.policy import HoldPolicy

Answer = Acknowledged | Refused
Observation = ObservedHeld | ObservedActive | ObservedClosed

RATE_LIMITED = (429, "429")
"""The gateway's code for its own rate limit; some write it as text."""

CLOSED_WORDS = frozenset({"closed", "abandoned"})
"""What the gateway calls an interaction that is over."""

NAMED_STATES = CLOSED_WORDS | {"active", "held"}
"""The states of the gateway that say something about a hold; any other is no news."""


# --- commands -----------------------------------------------------------------------------------


def not_eligible(
    _: HoldInteraction, event: HoldRequested | UnholdRequested, policy: HoldPolicy
) -> bool:
    """The facts that came with the command speak against it.

    If so: the facts speak against it
    If not: the facts allow it
    """
    if event.facts is None:
        return False
    reason = event.reason if isinstance(event, HoldRequested) else None
    return policy.objection(event.facts, reason) is not None


def may_release(interaction: HoldInteraction, event: UnholdRequested, _policy: HoldPolicy) -> bool:
    """An expired hold may be released: its policy says so, or the requester insists (`force`).

    If so: the policy is `release` or the requester insists (`force`)
    If not: the policy is `expire` and nobody insists
    """
    hold = interaction.data.hold
    return event.force or hold is None or hold.on_limit == "release"


# --- frames and their answers -------------------------------------------------------------------


def is_current(
    interaction: HoldInteraction, event: Sent | NotSent | Answer, _policy: HoldPolicy
) -> bool:
    """The event is about the frame that the pending command waits for.

    If so: it is about the pending frame
    """
    pending = interaction.pending
    return pending is not None and pending.correlation_id == event.correlation_id


def answered_before(interaction: HoldInteraction, event: Answer, _policy: HoldPolicy) -> bool:
    """The frame was answered before: this answer is a duplicate."""
    pending = interaction.pending
    if pending is not None and pending.correlation_id == event.correlation_id:
        return pending.refusal is not None
    for frame in interaction.data.earlier:
        if frame.answered and frame.correlation_id == event.correlation_id:
            return True
    return False


def contradicts(interaction: HoldInteraction, event: Answer, _policy: HoldPolicy) -> bool:
    """A late answer, come for the first time, does not fit the state.

    Where a refusal names the state, that counts; else a carried-out hold means held, a refused
    one not held, and an unhold the other way round.
    """
    held = interaction.state in {"held", "expired"}
    for frame in interaction.data.earlier:
        if frame.correlation_id == event.correlation_id:
            if isinstance(event, Refused) and event.state in NAMED_STATES:
                return (event.state == "held") != held or event.state in CLOSED_WORDS
            says_held = (frame.action == "hold") == isinstance(event, Acknowledged)
            return says_held != held
    return False


def refusal_says_held(interaction: HoldInteraction, event: Refused, policy: HoldPolicy) -> bool:
    """The refusal names the state held, and is no rate limit that says it of a hold.

    If so: the refusal says held
    """
    pending = interaction.pending
    hold_limited = event.code in RATE_LIMITED and pending is not None and pending.action == "hold"
    return event.state == "held" and not hold_limited and is_current(interaction, event, policy)


def refusal_says_active(interaction: HoldInteraction, event: Refused, policy: HoldPolicy) -> bool:
    """The refusal names the state active.

    If so: the refusal says active
    """
    return event.state == "active" and is_current(interaction, event, policy)


def refusal_says_closed(interaction: HoldInteraction, event: Refused, policy: HoldPolicy) -> bool:
    """The refusal says that the interaction is over.

    If so: the refusal says closed
    """
    return event.state in CLOSED_WORDS and is_current(interaction, event, policy)


def was_refused(interaction: HoldInteraction, _event: object, _policy: HoldPolicy) -> bool:
    """The pending command was refused without a word about the state.

    If so: our command was refused
    If not: our command was not refused
    """
    return interaction.pending is not None and interaction.pending.refusal is not None


def was_sent(interaction: HoldInteraction, _event: object, _policy: HoldPolicy) -> bool:
    """The pending command's frame was written to the socket: we heard so, or heard its refusal.

    If so: our frame was written
    If not: our frame was not written yet
    """
    pending = interaction.pending
    return pending is not None and (pending.sent_at is not None or pending.refusal is not None)


def unsent(interaction: HoldInteraction, event: object, policy: HoldPolicy) -> bool:
    """The pending command's frame still waits for the socket.

    If so: our frame was not written yet
    If not: our frame was written
    """
    return interaction.pending is not None and not was_sent(interaction, event, policy)


def was_resent(interaction: HoldInteraction, _event: object, _policy: HoldPolicy) -> bool:
    """The pending command's frame was repeated already.

    If so: our frame is the repeated one
    If not: our frame is the first one
    """
    return interaction.pending is not None and interaction.pending.resent


# --- observations -------------------------------------------------------------------------------


def stale(interaction: HoldInteraction, event: Observation, _policy: HoldPolicy) -> bool:
    """The observation is older than the last confirmed change or the pending frame's sending."""
    if event.as_of < interaction.data.changed_at:
        return True
    pending = interaction.pending
    return pending is not None and pending.sent_at is not None and event.as_of < pending.sent_at


def from_frame(_: HoldInteraction, event: Observation, _policy: HoldPolicy) -> bool:
    """A lone frame says it, not a lookup.

    If so: a frame says so
    If not: a lookup says so
    """
    return event.source == "frame"


def no_proof(interaction: HoldInteraction, event: Observation, _policy: HoldPolicy) -> bool:
    """Nothing follows for the pending command: a frame, or a lookup from before the doubt.

    If so: no lookup after the doubt says so
    If not: a lookup after the doubt says so
    """
    pending = interaction.pending
    return (
        event.source == "frame"
        or pending is None
        or pending.doubt_since is None
        or event.as_of < pending.doubt_since
    )


# --- timers and limits --------------------------------------------------------------------------

_TIMER_NAMES: dict[type[TimerFired], str] = {
    WarningTimerFired: "warning",
    LimitTimerFired: "limit",
    ReleaseTimerFired: "release",
}


def for_this_command(interaction: HoldInteraction, event: TimerFired, _policy: HoldPolicy) -> bool:
    """The timer was started for the pending command's latest frame.

    If so: it is the pending frame's timer
    """
    pending = interaction.pending
    return pending is not None and pending.correlation_id == event.owner


def for_this_hold(interaction: HoldInteraction, event: TimerFired, _policy: HoldPolicy) -> bool:
    """The timer was started for the hold that is going on.

    If so: it is this hold's timer
    """
    hold = interaction.data.hold
    return hold is not None and hold.id == event.owner


def set_anew(interaction: HoldInteraction, event: TimerFired, _policy: HoldPolicy) -> bool:
    """The timer runs again, for a later instant: the event is that of its earlier setting."""
    name = _TIMER_NAMES[event.__class__]
    for timer in interaction.timers:
        if timer.name == name:
            return timer.owner == event.owner and timer.due_at > event.at
    return False


def lookup_runs(interaction: HoldInteraction, event: TimerFired, _policy: HoldPolicy) -> bool:
    """The pause that ends is the one that the machine is waiting for."""
    timer = interaction.timer("lookup")
    return timer is not None and timer.owner == event.owner


def watched_hold(interaction: HoldInteraction, event: TimerFired, policy: HoldPolicy) -> bool:
    """The hold is somebody else's and only watched.

    If so: the hold is only watched
    If not: the limit is enforced
    """
    hold = interaction.data.hold
    return hold is not None and hold.watched and for_this_hold(interaction, event, policy)


def releases(interaction: HoldInteraction, event: TimerFired, policy: HoldPolicy) -> bool:
    """The policy of the hold releases the caller at the limit.

    If so: the policy is `release`
    If not: the policy is `expire`
    """
    hold = interaction.data.hold
    return (
        hold is not None
        and hold.on_limit == "release"
        and for_this_hold(interaction, event, policy)
    )


def past_limit(interaction: HoldInteraction, _event: object, _policy: HoldPolicy) -> bool:
    """The limit of the hold that is going on has passed, and it is more than watched.

    If so: an enforced limit has passed
    If not: no enforced limit has passed
    """
    hold = interaction.data.hold
    return hold is not None and hold.limit_passed and not hold.watched
