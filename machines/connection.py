"""The connection machine's Python side: what the names in `specs/connection.toml` mean.

The control socket as a machine: when a token is asked for, when a socket is opened, how long the
pauses are, and when requesters who wait are told that it is no use. The supervisor in the adapter
runs it; here is neither clock nor chance: each event brings its moment, and the share of chance
that a pause is lengthened by.
"""

from typing import Any

from attrs import evolve, field, frozen, validators

from hookflash.machines.effects import StartTimer, StopTimer
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Draft, Implementation, named

# --- policy and data ----------------------------------------------------------------------------


@frozen(kw_only=True)
class ConnectionPolicy:
    """The settings that the connection machine reads; durations in seconds.

    Attributes:
        backoff_s: Pause before the first attempt to reconnect; 2 s is the protocol's. It doubles.
        backoff_max_s: The longest pause; 32 s is the protocol's.
        attempts_max: Attempts to reconnect in a row; 5 is the protocol's. 0 reconnects only after
            a rest.
        rest_s: Pause before a new round when the attempts are used up or we were turned away.
        jitter: Up to this share is added to each pause by chance, 0 to 1; 0 switches it off.
    """

    backoff_s: float = field(default=2.0, validator=[validators.ge(0.01), validators.le(3600)])
    backoff_max_s: float = field(default=32.0, validator=[validators.ge(0.01), validators.le(3600)])
    attempts_max: int = field(default=5, validator=[validators.ge(0), validators.le(1000)])
    rest_s: float = field(default=60.0, validator=[validators.ge(0.01), validators.le(86_400)])
    jitter: float = field(default=0.2, validator=[validators.ge(0), validators.le(1)])


@frozen
class ConnectionData:
    """What the machine remembers.

    Attributes:
        attempts: Attempts to reconnect that were scheduled in a row; 0 after a success.
        renewed: Whether the token was renewed because of a 401 since the last success.
        pauses: Pauses so far: each owns its timer.
    """

    attempts: int = 0
    renewed: bool = False
    pauses: int = 0


# --- events -------------------------------------------------------------------------------------


@frozen
class StartRequested:
    """The connection is wanted."""

    at: Instant


@frozen
class CloseRequested:
    """The connection is not wanted any more."""

    at: Instant


@frozen
class TokenReady:
    """A token that lasts is at hand."""

    at: Instant


@frozen
class SocketOpened:
    """The upgrade was accepted."""

    at: Instant


@frozen
class Failed:
    """An attempt failed, or the socket was lost: the part common to these.

    Attributes:
        at: When.
        reason: Why, without secrets.
        chance: From 0 up to 1, drawn by the supervisor: lengthens the pause by its share of the
            policy's jitter.
        retry_after_s: The pause that the gateway asked for; None where it asked for none.
    """

    at: Instant
    reason: str
    chance: float = 0.0
    retry_after_s: float | None = None


@frozen
class TokenFailed(Failed):
    """The token endpoint could not be reached."""


@frozen
class SocketFailed(Failed):
    """The socket could not be opened."""


@frozen
class SocketLost(Failed):
    """The open socket is lost."""


@frozen
class Refused:
    """We were turned away for good: the part common to these.

    Attributes:
        at: When.
        error: The name of the error that requesters who wait get.
        reason: Why, without secrets.
        advice: What to do about it.
    """

    at: Instant
    error: str
    reason: str
    advice: str = ""


@frozen
class TokenRefused(Refused):
    """The token endpoint does not accept our credentials or scopes."""


@frozen
class UpgradeRefused(Refused):
    """The gateway does not let us in (403), or we do not trust it."""


@frozen
class UpgradeUnauthorized:
    """The upgrade was answered with 401."""

    at: Instant


@frozen
class PauseOver:
    """A timer is due: the part common to both; fields as in `TimerFired`."""

    at: Instant
    owner: str
    unused_id: str = ""


@frozen
class RetryTimerFired(PauseOver):
    """The pause before the next attempt is over."""


@frozen
class RestTimerFired(PauseOver):
    """The rest after a given-up round is over."""


# --- effects ------------------------------------------------------------------------------------


@frozen
class FetchToken:
    """Have a token that lasts at hand.

    Attributes:
        renew: The one at hand was not accepted: drop it first.
    """

    renew: bool = False


@frozen
class OpenSocket:
    """Open the control socket; none is open."""


@frozen
class CloseSocket:
    """Close the control socket, or stop opening it."""


@frozen
class TellUp:
    """Tell the engine that the socket is open."""


@frozen
class TellDown:
    """Tell the engine that the socket was lost.

    Attributes:
        reason: Why, without secrets.
    """

    reason: str


@frozen
class GiveUp:
    """Tell the engine that it is no use for now.

    Attributes:
        error: The name of the error that requesters who wait get.
        reason: Why, without secrets.
        advice: What to do about it.
        rest_s: How long it takes until a new round begins by itself.
    """

    error: str
    reason: str
    advice: str
    rest_s: float


ConnectionDraft = Draft[ConnectionData, ConnectionPolicy]

# --- guards -------------------------------------------------------------------------------------


def attempts_left(
    connection: Interaction[ConnectionData],
    event: Failed,  # noqa: ARG001 - every guard has the same shape
    policy: ConnectionPolicy,
) -> bool:
    """Whether another attempt in this row is allowed.

    If so: attempts are left
    If not: the attempts are used up
    """
    return connection.data.attempts < policy.attempts_max


def token_not_renewed(
    connection: Interaction[ConnectionData],
    event: UpgradeUnauthorized,  # noqa: ARG001 - every guard has the same shape
    policy: ConnectionPolicy,  # noqa: ARG001 - every guard has the same shape
) -> bool:
    """Whether the token was not yet renewed because of a 401.

    If so: the token was not renewed yet
    If not: the token was renewed already
    """
    return not connection.data.renewed


def for_this_pause(
    connection: Interaction[ConnectionData],
    event: PauseOver,
    policy: ConnectionPolicy,  # noqa: ARG001 - every guard has the same shape
) -> bool:
    """Whether the timer belongs to the pause that runs, and that pause is over.

    If so: it is this pause's timer
    """
    return any(
        timer.owner == event.owner and timer.due_at <= event.at for timer in connection.timers
    )


# --- what rows do -------------------------------------------------------------------------------


def fetch_token(draft: ConnectionDraft, event: Any) -> None:  # noqa: ANN401, ARG001 - several events
    """Ask for a token that lasts."""
    draft.effects.append(FetchToken())


def renew_token(draft: ConnectionDraft, event: UpgradeUnauthorized) -> None:  # noqa: ARG001 - see above
    """Ask for a new token in place of the one that was not accepted."""
    draft.data = evolve(draft.data, renewed=True)
    draft.effects.append(FetchToken(renew=True))


def open_socket(draft: ConnectionDraft, event: TokenReady) -> None:  # noqa: ARG001 - see above
    """Open the socket."""
    draft.effects.append(OpenSocket())


def close_socket(draft: ConnectionDraft, event: CloseRequested) -> None:  # noqa: ARG001 - see above
    """Close the socket."""
    draft.effects.append(CloseSocket())


def stop_timers(draft: ConnectionDraft, event: CloseRequested) -> None:  # noqa: ARG001 - see above
    """Stop whatever pause runs."""
    for timer in draft.timers:
        draft.stop_timer(timer.name)


def begin_afresh(draft: ConnectionDraft, event: Any) -> None:  # noqa: ANN401, ARG001 - several events
    """Count attempts and renewals from the start again."""
    draft.data = evolve(draft.data, attempts=0, renewed=False)


def tell_up(draft: ConnectionDraft, event: SocketOpened) -> None:  # noqa: ARG001 - see above
    """Tell the engine that the socket is open."""
    draft.effects.append(TellUp())


def tell_down(draft: ConnectionDraft, event: SocketLost) -> None:
    """Tell the engine that the socket was lost."""
    draft.effects.append(TellDown(event.reason))


def back_off(draft: ConnectionDraft, event: Failed) -> None:
    """Start the pause before the next attempt: 2, 4, 8, 16, 32 s by default, and some chance."""
    policy, data = draft.policy, draft.data
    # Bounded before it is computed: 2.0 ** 1100 is no number any more.
    doubled = policy.backoff_s * 2.0 ** min(data.attempts, 32)
    pause_s = min(doubled, policy.backoff_max_s) * (1 + policy.jitter * event.chance)
    if event.retry_after_s is not None:
        pause_s = max(pause_s, event.retry_after_s)
    draft.data = evolve(data, attempts=data.attempts + 1)
    _pause(draft, "retry", event.at, pause_s)


def give_up_exhausted(draft: ConnectionDraft, event: Failed) -> None:
    """Tell that the attempts are used up, and rest."""
    attempts = draft.data.attempts
    tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    reason = f"the control socket is not open after {tried} to reconnect: {event.reason}"
    _give_up(draft, event.at, "GatewayUnavailable", reason, "see whether the gateway is well")


def give_up_unauthorized(draft: ConnectionDraft, event: UpgradeUnauthorized) -> None:
    """Tell that even a fresh token is not accepted, and rest."""
    _give_up(
        draft,
        event.at,
        "NotAuthorized",
        "the gateway does not accept a fresh token on the control socket (401)",
        "see whether token endpoint and gateway belong together and the clocks agree",
    )


def give_up_refused(draft: ConnectionDraft, event: Refused) -> None:
    """Tell that we were turned away, and rest."""
    _give_up(draft, event.at, event.error, event.reason, event.advice)


def _give_up(draft: ConnectionDraft, at: Instant, error: str, reason: str, advice: str) -> None:
    rest_s = draft.policy.rest_s
    draft.effects.append(GiveUp(error, reason, advice, rest_s))
    _pause(draft, "rest", at, rest_s)


def _pause(draft: ConnectionDraft, name: str, at: Instant, pause_s: float) -> None:
    number = draft.data.pauses + 1
    draft.data = evolve(draft.data, pauses=number)
    draft.start_timer(name, f"pause-{number}", after(at, pause_s))


IMPLEMENTATION = Implementation(
    events={
        "start_requested": StartRequested,
        "token_ready": TokenReady,
        "token_refused": TokenRefused,
        "token_failed": TokenFailed,
        "socket_opened": SocketOpened,
        "socket_failed": SocketFailed,
        "upgrade_unauthorized": UpgradeUnauthorized,
        "upgrade_refused": UpgradeRefused,
        "socket_lost": SocketLost,
        "retry_timer_fired": RetryTimerFired,
        "rest_timer_fired": RestTimerFired,
        "close_requested": CloseRequested,
    },
    guards=named(attempts_left, token_not_renewed, for_this_pause),
    effects=named(
        fetch_token,
        renew_token,
        open_socket,
        close_socket,
        stop_timers,
        begin_afresh,
        tell_up,
        tell_down,
        back_off,
        give_up_exhausted,
        give_up_unauthorized,
        give_up_refused,
    ),
    data=ConnectionData,
    policy=ConnectionPolicy,
    produces=(
        FetchToken,
        OpenSocket,
        CloseSocket,
        TellUp,
        TellDown,
        GiveUp,
        StartTimer,
        StopTimer,
    ),
)
