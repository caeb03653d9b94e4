"""The events: what happened to an interaction, as the engine tells its machine.

All are frozen. Each carries `at`, the moment the engine took it up; each that may make a command
leave carries `unused_id`, a correlation id nobody has used. The engine draws both and journals
them, so that a step needs neither clock nor chance and comes out the same when it is replayed.
"""

from typing import Literal

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action, Facts

Source = Literal["lookup", "frame"]
"""Where an observation comes from: our own question, or a frame that the gateway sent unasked."""


# --- commands -----------------------------------------------------------------------------------


@frozen
class HoldRequested:
    """Somebody wants the interaction held.

    Attributes:
        at: When the engine took it up.
        correlation_id: The id of its frame and the command's name.
        requested_at: When the requester asked; latency counts from here.
        reason: The hold reason.
        priority: Resume priority, 0 to 9.
        music: Hold music; None leaves it to the gateway.
        prompt: Hold prompt; None leaves it to the gateway.
        actor: Who asks: the name that the requester gave, `caller` where it gave none, or a rule.
        facts: What the gateway said about the interaction; None where the requester vouches for it.
    """

    at: Instant
    correlation_id: str
    requested_at: Instant
    reason: str
    priority: int
    music: str | None = None
    prompt: str | None = None
    actor: str = "caller"
    facts: Facts | None = None


@frozen
class UnholdRequested:
    """Somebody wants the interaction off hold.

    Attributes:
        at: When the engine took it up.
        correlation_id: The id of its frame and the command's name.
        requested_at: When the requester asked; latency counts from here.
        priority: Resume priority, 0 to 9.
        force: Release an expired hold although the policy asks for a decision: this is it.
        actor: Who asks, as for a hold.
        facts: What the gateway said about the interaction; None where the requester vouches for it.
    """

    at: Instant
    correlation_id: str
    requested_at: Instant
    priority: int
    force: bool = False
    actor: str = "caller"
    facts: Facts | None = None


@frozen
class ExpireRequested:
    """Somebody wants the hold to count as past its limit now.

    Attributes:
        at: When the engine took it up.
        actor: Who asks, as for a hold.
    """

    at: Instant
    actor: str = "caller"


@frozen
class LimitChanged:
    """The running hold gets another limit.

    Attributes:
        at: When the engine took it up.
        limit_s: The new limit, in seconds from the start of the hold.
        actor: Who asks, as for a hold.
    """

    at: Instant
    limit_s: float
    actor: str = "caller"


@frozen
class CommandAbandoned:
    """A command ended before the machine saw it: invalid, or its deadline passed while it waited.

    Attributes:
        at: When it was given up.
        correlation_id: The command's name.
        action: What it asked for.
        requested_at: When the requester asked.
        outcome: Its outcome, as the audit log has it.
        error: The name of the error that the requester gets.
        message: The error's text.
        priority: Resume priority as given; None where it was no such number.
        reason: The hold reason as given; None where there was none.
        actor: Who asked, as for a hold.
    """

    at: Instant
    correlation_id: str
    action: Action
    requested_at: Instant
    outcome: str
    error: str
    message: str
    priority: int | None = None
    reason: str | None = None
    actor: str = "caller"


# --- what became of a frame ---------------------------------------------------------------------


@frozen
class Sent:
    """The command's frame was written to the socket; the acknowledgement's time runs from here.

    Attributes:
        at: When the engine took it up.
        correlation_id: The frame's id.
    """

    at: Instant
    correlation_id: str


@frozen
class NotSent:
    """The command's frame was withdrawn unsent; *error* and *message* are what the requester gets.

    Attributes:
        at: When the engine took it up.
        correlation_id: The frame's id.
        error: The name of the error.
        message: Its text.
    """

    at: Instant
    correlation_id: str
    error: str = "GatewayUnavailable"
    message: str = "the command could not be sent in time"


@frozen
class Acknowledged:
    """The gateway carried the command out.

    Attributes:
        at: When the engine took it up.
        correlation_id: The id of the frame that it answers.
    """

    at: Instant
    correlation_id: str


@frozen
class Refused:
    """The gateway refused the command.

    Attributes:
        at: When the refusal came.
        correlation_id: The refused frame's id.
        unused_id: For a frame that this may cause.
        state: The state that the refusal names; None where it names none.
        code: The gateway's code; 429 is its rate limit.
        message: The gateway's words.
        retry_after_s: Seconds to wait; None where it gave none.
    """

    at: Instant
    correlation_id: str
    unused_id: str
    state: str | None = None
    code: int | str | None = None
    message: str | None = None
    retry_after_s: float | None = None


# --- what the gateway says about an interaction -------------------------------------------------


@frozen
class ObservedHeld:
    """The gateway says that the caller is on hold.

    Attributes:
        at: When the engine took it up.
        as_of: For a lookup the start of its request, for a frame its receipt.
        source: Which of the two.
        unused_id: For a frame that this may cause, and the name of a hold found this way.
        held_since: The start of the hold as the gateway names it; None where it does not.
        facts: What the lookup said beside the state; None for a frame that says no more.
    """

    at: Instant
    as_of: Instant
    source: Source
    unused_id: str
    held_since: Instant | None = None
    facts: Facts | None = None


@frozen
class ObservedActive:
    """The gateway says that the caller is not on hold.

    Attributes:
        at: When the engine took it up.
        as_of: For a lookup the start of its request, for a frame its receipt.
        source: Which of the two.
        unused_id: For a frame that this may cause.
        facts: What the lookup said beside the state; None for a frame that says no more.
    """

    at: Instant
    as_of: Instant
    source: Source
    unused_id: str
    facts: Facts | None = None


@frozen
class ObservedClosed:
    """The gateway says that the interaction is over.

    Attributes:
        at: When the engine took it up.
        as_of: For a lookup the start of its request, for a frame its receipt.
        source: Which of the two.
        reason: The gateway's word for it (`closed`, `abandoned`), or `not_found` for an interaction
            that a lookup did not find.
        facts: What the lookup said beside the state; None for a frame that says no more.
    """

    at: Instant
    as_of: Instant
    source: Source
    reason: str = "closed"
    facts: Facts | None = None


@frozen
class LookupFailed:
    """A lookup that the machine asked for brought no answer.

    Attributes:
        at: When the engine took it up.
        reason: Why, without secrets.
    """

    at: Instant
    reason: str


@frozen
class LinkLost:
    """The control socket was lost; an answer to what was sent may never come."""

    at: Instant


@frozen
class LinkRestored:
    """The control socket is open again; what happened meanwhile is not known."""

    at: Instant


# --- timers -------------------------------------------------------------------------------------


@frozen
class TimerFired:
    """A timer is due: the part common to all of them.

    Attributes:
        at: When the engine took it up.
        owner: The hold or command that it was started for.
        unused_id: For a frame that this may cause.
    """

    at: Instant
    owner: str
    unused_id: str


@frozen
class AckTimerFired(TimerFired):
    """No acknowledgement came in time: the outcome is unknown, not failed."""


@frozen
class LookupTimerFired(TimerFired):
    """The pause after a failed lookup is over."""


@frozen
class WarningTimerFired(TimerFired):
    """The hold reached its warning share of the limit."""


@frozen
class LimitTimerFired(TimerFired):
    """The hold reached its limit."""


@frozen
class ReleaseTimerFired(TimerFired):
    """An expired hold is due for another attempt to release it, or for another alarm."""
