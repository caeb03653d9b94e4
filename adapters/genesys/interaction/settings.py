"""The settings of the interaction gateway, and the counts it keeps."""

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen, validators

from hookflash.machines.connection import ConnectionPolicy

DEFAULT_SCOPE = "interaction:control interaction:read"
"""The protocol's."""


def _more_than_zero() -> Callable[[Any, Any, Any], Any]:
    return validators.and_(validators.gt(0), validators.le(86_400))


@frozen(kw_only=True)
class InteractionGatewaySettings:
    """What the interaction gateway needs to know. Durations in seconds.

    Attributes:
        host: `HOST[:PORT]`; the port is 443 unless given.
        client_id: The OAuth client.
        client_secret: Its secret; never shown.
        ca_file: PEM file of a private authority; None trusts the system's.
        scope: What the token is asked for.
        reconnect: When a lost socket is opened again, and when that is given up for a while.
        connect_timeout_s: For name resolution, TCP and TLS together.
        token_timeout_s: For one token request.
        lookup_timeout_s: For one lookup request.
        upgrade_timeout_s: For the opening of the socket after TLS.
        close_timeout_s: For saying goodbye on the socket.
        ping_every_s: Pause between two pings; the protocol's is 30 s.
        pong_timeout_s: A pong later than this means that the connection is lost.
        ack_timeout_s: A frame unanswered for so long no longer counts as in flight.
        request_attempts_max: Attempts of one token request or lookup, the first included.
        retry_backoff_s: First pause after a failed attempt; it doubles.
        retry_after_max_s: The longest pause that the gateway's `Retry-After` can ask for.
        max_commands_per_s: Frames a second, evenly spaced; 0 sets no rate.
        max_in_flight: Frames written and not answered.
        frames_queued_max: Frames that wait for the socket or the throttle.
        answers_remembered_max: Written frames whose late answers are still recognised.
        message_bytes_max: A longer message is counted as malformed and not read.
        message_bytes_fatal: A still longer one is not even received: the connection is given up.
        http_connections_max: Connections for tokens and lookups.
    """

    host: str
    client_id: str
    client_secret: str = field(repr=False)
    ca_file: str | None = None
    scope: str = DEFAULT_SCOPE
    reconnect: ConnectionPolicy = field(factory=ConnectionPolicy)
    connect_timeout_s: float = field(default=5.0, validator=_more_than_zero())
    token_timeout_s: float = field(default=5.0, validator=_more_than_zero())
    lookup_timeout_s: float = field(default=5.0, validator=_more_than_zero())
    upgrade_timeout_s: float = field(default=5.0, validator=_more_than_zero())
    close_timeout_s: float = field(default=1.0, validator=_more_than_zero())
    ping_every_s: float = field(default=30.0, validator=_more_than_zero())
    pong_timeout_s: float = field(default=10.0, validator=_more_than_zero())
    ack_timeout_s: float = field(default=5.0, validator=_more_than_zero())
    request_attempts_max: int = field(default=3, validator=[validators.ge(1), validators.le(10)])
    retry_backoff_s: float = field(default=0.5, validator=_more_than_zero())
    retry_after_max_s: float = field(default=60.0, validator=_more_than_zero())
    max_commands_per_s: float = field(default=0.0, validator=validators.ge(0))
    max_in_flight: int = field(default=256, validator=[validators.ge(1), validators.le(100_000)])
    frames_queued_max: int = field(default=100_000, validator=validators.ge(1))
    answers_remembered_max: int = field(default=10_000, validator=validators.ge(1))
    message_bytes_max: int = field(default=65_536, validator=validators.ge(1024))
    message_bytes_fatal: int = field(default=16_777_216, validator=validators.ge(65_536))
    http_connections_max: int = field(default=4, validator=[validators.ge(1), validators.le(64)])


@define
class Counters:
    """The counts while they are being kept; `Statistics` is what others see."""

    frames_sent: int = 0
    frames_withdrawn: int = 0
    answers: int = 0
    refusals: int = 0
    unknown_answers: int = 0
    states_seen: int = 0
    malformed_messages: int = 0
    connections: int = 0
    losses: int = 0
    give_ups: int = 0
    pings_missed: int = 0
    token_requests: int = 0
    lookups: int = 0
    lookups_failed: int = 0


@frozen
class Statistics:
    """A snapshot of what happened since the start.

    Attributes:
        connected: Whether the control socket is open.
        state: The state of the connection machine.
        frames_queued: Frames that wait now.
        frames_in_flight: Frames written and unanswered now; those past their time may still count.
        frames_sent: Frames written, or begun to be.
        frames_withdrawn: Frames taken back before they were written.
        answers: Acknowledgements of frames that the engine knew.
        refusals: Refusals of frames that the engine knew.
        unknown_answers: Answers to frames that nobody knows (any more).
        states_seen: State updates.
        malformed_messages: Messages that are no JSON, no object, too large or of unknown shape.
        connections: How often the socket was opened.
        reconnects: How often again.
        losses: How often it was lost.
        give_ups: How often the attempts were used up or we were turned away.
        pings_missed: Pings without a pong in time.
        token_requests: Requests for a token, repeated ones included.
        lookups: Lookups asked for.
        lookups_failed: Of these, those that brought an error.
    """

    connected: bool
    state: str
    frames_queued: int
    frames_in_flight: int
    frames_sent: int
    frames_withdrawn: int
    answers: int
    refusals: int
    unknown_answers: int
    states_seen: int
    malformed_messages: int
    connections: int
    reconnects: int
    losses: int
    give_ups: int
    pings_missed: int
    token_requests: int
    lookups: int
    lookups_failed: int
