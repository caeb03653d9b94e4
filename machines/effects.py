"""The effects: what a machine wants done. It does nothing itself; the engine's runner does.

All are frozen and carry all that their carrying-out needs, so that they can be journaled before
they leave and compared when they are replayed.
"""

from functools import cache

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action, Timer
from hookflash.machines.making import maker


@frozen(weakref_slot=False)
class SendHold:
    """Send a hold frame.

    Attributes:
        correlation_id: The frame's id; its answer names it.
        reason: The hold reason.
        priority: Resume priority, 0 to 9.
        music: Hold music; None leaves it to the gateway.
        prompt: Hold prompt; None leaves it to the gateway.
    """

    correlation_id: str
    reason: str
    priority: int
    music: str | None = None
    prompt: str | None = None


@frozen(weakref_slot=False)
class SendUnhold:
    """Send an unhold frame.

    Attributes:
        correlation_id: The frame's id; its answer names it.
        priority: Resume priority, 0 to 9; 9 for the release at the limit.
    """

    correlation_id: str
    priority: int


@frozen
class Withdraw:
    """Take a frame back if it was not written yet: what it asks for is so already, or is over.

    Attributes:
        correlation_id: The frame's id.
    """

    correlation_id: str


@frozen(weakref_slot=False)
class StartTimer:
    """Start a timer, in place of a running one of the same name.

    Attributes:
        timer: Its name, the hold or command that it is for, and when it is due.
    """

    timer: Timer


@frozen(weakref_slot=False)
class StopTimer:
    """Stop a running timer.

    Attributes:
        name: Its name.
    """

    name: str


@frozen
class LookUp:
    """Ask the gateway for the interaction's state.

    Attributes:
        urgent: A command or a waiting caller depends on the answer; False lets it queue behind
            those that are.
    """

    urgent: bool = True


@frozen(weakref_slot=False)
class EndCommand:
    """A command's outcome is known: tell the requester, the audit log, the monitors, the metrics.

    Attributes:
        command_id: The command's name for the requester: the correlation id of its first frame.
        correlation_id: The correlation id of its latest frame.
        action: What it asked for.
        outcome: One of the outcomes of the audit log.
        state: The interaction's state after it; None where nothing was known of it yet.
        requested_at: When the requester asked.
        at: When the outcome was known.
        actor: Who asked: the name that the requester gave, `caller` where it gave none, a rule, or
            `limit` for a release of the machine's own.
        error: The name of the error that the requester gets; None for a success.
        message: That error's text; None for a success.
        priority: Resume priority; None where none was valid.
        reason: The hold reason; None where there is none.
        retry_after_s: Seconds to wait after a rate limit; None where the gateway gave none.
    """

    command_id: str
    correlation_id: str
    action: Action
    outcome: str
    state: str | None
    requested_at: Instant
    at: Instant
    actor: str
    error: str | None = None
    message: str | None = None
    priority: int | None = None
    reason: str | None = None
    retry_after_s: float | None = None


@frozen
class NoteForeign:
    """Somebody else held or unheld the interaction: the audit log and the monitors are told.

    Attributes:
        correlation_id: An unused id, for the audit log; for a hold it is the hold's name too.
        action: What they did.
        state: The interaction's state after it.
        at: When this was noticed.
        since: When they did it, as well as it is known: for a hold the start that the gateway
            names; else, and for an unhold, when the lookup began or the frame came that told it.
    """

    correlation_id: str
    action: Action
    state: str
    at: Instant
    since: Instant


@frozen
class Warn:
    """Tell monitors and rules that a hold nears its limit, or that a watched one passed it.

    Attributes:
        hold_id: The name of the hold.
        notice: `warning` or `limit_passed`.
        since: Start of the hold.
        limit_at: When its limit passes or passed.
        at: When this was noticed.
    """

    hold_id: str
    notice: str
    since: Instant
    limit_at: Instant
    at: Instant


@frozen
class RaiseAlarm:
    """Somebody must look: a caller is past the limit and still on hold.

    Attributes:
        hold_id: The name of the hold.
        alarm: What is wrong, as a name: `release_failed`, `release_unconfirmed` or
            `hold_expired`.
        since: Start of the hold.
        at: When the alarm was raised.
        count: How many alarms this hold has raised, from 1.
    """

    hold_id: str
    alarm: str
    since: Instant
    at: Instant
    count: int


Effect = (
    SendHold
    | SendUnhold
    | Withdraw
    | StartTimer
    | StopTimer
    | LookUp
    | EndCommand
    | NoteForeign
    | Warn
    | RaiseAlarm
)
EFFECTS: tuple[type, ...] = (
    SendHold,
    SendUnhold,
    Withdraw,
    StartTimer,
    StopTimer,
    LookUp,
    EndCommand,
    NoteForeign,
    Warn,
    RaiseAlarm,
)
"""Every effect that the engine can carry out."""

make_send_hold = maker(SendHold)
make_send_unhold = maker(SendUnhold)
make_start_timer = maker(StartTimer)
make_end_command = maker(EndCommand)
"""These make the same as the classes, in less time; the hot path uses them."""


@cache
def stop_timer(name: str) -> StopTimer:
    """Return the one `StopTimer` of that name; there are as many as a definition has timers."""
    return StopTimer(name)
