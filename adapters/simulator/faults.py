"""What the simulator is told to do wrong: the shape of `faults.toml`.

A share is the probability of each single occasion, from 0 (never) to 1 (always). Times in the file
are milliseconds where the key ends in `_ms` and seconds where it ends in `_s`.
"""

from typing import Literal, get_args

import attrs
from attrs.validators import ge, gt, in_, le, min_len

from hookflash.adapters.simulator.commands import UUID_PATTERN

GarbageKind = Literal["not_json", "not_object", "too_large", "unknown_shape", "binary"]
GARBAGE_KINDS: tuple[GarbageKind, ...] = get_args(GarbageKind)
DEFAULT_HOLD_REASONS = ("queueing", "consultation", "system_issue", "agent_break")
DEFAULT_SCOPES = ("interaction:control", "interaction:read")


def _is_uuid(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if not UUID_PATTERN.match(value):
        raise ValueError(f"'{attribute.name}' must be a UUID: {value}")


def _share() -> float:
    return attrs.field(default=0.0, validator=[ge(0.0), le(1.0)])


def _count(default: int = 0, lowest: int = 0) -> int:
    return attrs.field(default=default, validator=ge(lowest))


def _duration(default: float = 0.0) -> float:
    return attrs.field(default=default, validator=ge(0.0))


@attrs.frozen(kw_only=True)
class EndpointRefusal:
    """One way in which an endpoint refuses: `[[token.refusals]]`, and so on.

    Attributes:
        status: The HTTP status of the refusal, 400 to 599.
        share: The share of requests that are refused so.
        first: The first so many requests are refused so, whatever the share.
        retry_after_s: The `Retry-After` header in seconds; None leaves it out.
        connection_lost: Cut the connection without an answer instead of sending `status`.
    """

    status: int = attrs.field(default=503, validator=[ge(400), le(599)])
    share: float = _share()
    first: int = _count()
    retry_after_s: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(ge(0.0))
    )
    connection_lost: bool = False


@attrs.frozen(kw_only=True)
class EndpointFaults:
    """How an HTTP endpoint misbehaves: `[metadata]` and `[upgrade]`.

    Attributes:
        slow: The share of requests answered late.
        slow_ms: How late, in milliseconds.
        refusals: Tried in order; the first that applies decides.
    """

    slow: float = _share()
    slow_ms: float = _duration(1000.0)
    refusals: tuple[EndpointRefusal, ...] = ()


@attrs.frozen(kw_only=True)
class TokenFaults(EndpointFaults):
    """How the token endpoint behaves: `[token]`.

    Attributes:
        lifetime_s: How long a token is good, in seconds; also the `expires_in` of the answer.
        scopes: What may be granted at most; a token gets what was asked for and stands here.
        omit_expires_in: Leave `expires_in` out of the answer.
        omit_scope: Leave `scope` out of the answer.
    """

    lifetime_s: float = attrs.field(default=3600.0, validator=gt(0.0))
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    omit_expires_in: bool = False
    omit_scope: bool = False


@attrs.frozen(kw_only=True)
class AckRefusal:
    """One way in which a command is refused instead of carried out: `[[acks.refusals]]`.

    Attributes:
        share: The share of commands that are refused so.
        code: The `code` of the refusal.
        message: The `message` of the refusal; empty says something fitting.
        retry_after_s: The `retryAfter` of the refusal in seconds; None leaves it out.
        with_state: Whether the refusal tells the interaction's state.
    """

    share: float = _share()
    code: int = 429
    message: str = ""
    retry_after_s: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(ge(0.0))
    )
    with_state: bool = False


@attrs.frozen(kw_only=True)
class AckFaults:
    """What happens to commands and their acknowledgements: `[acks]`.

    Attributes:
        lost: Share of commands that are carried out and never acknowledged.
        late: Share whose answer, whatever it is, comes `late_ms` later than it should.
        late_ms: In milliseconds; the command is carried out on receipt all the same.
        duplicate: Share whose answer comes more than once.
        duplicate_count: How often it comes then, in all.
        unexecuted: Share of commands lost before they are carried out: no effect and no answer.
        wrong_type: Share carried out, but answered with a `type` that is not the command's.
        refusals: Commands refused and not carried out.
    """

    lost: float = _share()
    late: float = _share()
    late_ms: float = _duration(6000.0)
    duplicate: float = _share()
    duplicate_count: int = _count(2, lowest=2)
    unexecuted: float = _share()
    wrong_type: float = _share()
    refusals: tuple[AckRefusal, ...] = ()


@attrs.frozen(kw_only=True)
class FrameFaults:
    """Frames that no protocol knows: `[frames]`.

    Attributes:
        garbage: Share of commands that are preceded by a garbage frame on their socket.
        kinds: The kinds to choose from: `not_json`, `not_object`, `too_large`, `unknown_shape` and
            `binary`.
        too_large_bytes: Size of a `too_large` frame; apart from its size it is well-formed JSON.
        updates_in_body: Put `interactionId` and `state` of state updates into a `body`, as
            acknowledgements have them, instead of at the top.
    """

    garbage: float = _share()
    kinds: tuple[GarbageKind, ...] = attrs.field(default=GARBAGE_KINDS, validator=min_len(1))
    too_large_bytes: int = attrs.field(default=1_100_000, validator=[ge(64), le(16_000_000)])
    updates_in_body: bool = False


@attrs.frozen(kw_only=True)
class SocketFaults:
    """How control sockets end or hang: `[sockets]`.

    Attributes:
        close_every: A socket is closed with each so-many-th command that it carries; 0 never.
        abrupt: Whether it is cut without a closing handshake; answers not yet written are lost.
        half_open_every: A socket hangs with each so-many-th command that it carries; 0 never.
        half_open_s: For how long it neither reads nor writes, in seconds: no pong either.
        ping_every_s: How often the server pings, in seconds; 0 never.
        pong_within_s: How long it waits for the pong before it cuts the socket, in seconds.
    """

    close_every: int = _count()
    abrupt: bool = True
    half_open_every: int = _count()
    half_open_s: float = _duration(60.0)
    ping_every_s: float = _duration()
    pong_within_s: float = attrs.field(default=10.0, validator=gt(0.0))


@attrs.frozen(kw_only=True)
class ForeignFaults:
    """Somebody else acts right after a command, on the same interaction: `[foreign]`.

    Attributes:
        hold: Share of commands after which somebody else holds the interaction.
        unhold: Share after which somebody else takes it off hold.
        close: Share after which it ends.
        close_state: Its state then, `closed` or `abandoned`.
    """

    hold: float = _share()
    unhold: float = _share()
    close: float = _share()
    close_state: str = attrs.field(default="closed", validator=in_(("closed", "abandoned")))


@attrs.frozen(kw_only=True)
class CommandSettings:
    """What counts as a valid command: `[commands]`.

    Attributes:
        hold_reasons: The accepted hold reasons; an empty list accepts any text.
    """

    hold_reasons: tuple[str, ...] = DEFAULT_HOLD_REASONS


@attrs.frozen(kw_only=True)
class ClientSettings:
    """Who gets a token: `[clients]`.

    Attributes:
        ids: The accepted client ids; an empty list accepts any.
        secrets: The accepted secrets; an empty list accepts any.
        refused_secrets: Secrets that are never accepted.
    """

    ids: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    refused_secrets: tuple[str, ...] = ("wrong",)


@attrs.frozen(kw_only=True)
class InteractionSetting:
    """An interaction that is there from the start: `[[interactions]]`.

    Attributes:
        id: Its UUID.
        state: `active`, `held`, `closed`, `abandoned` or any other word.
        org_id: Its organisation; empty leaves it out of the metadata.
        skill_group_id: Its skill group; empty leaves it out of the metadata.
        skill_group_name: Empty makes a name from the id.
        held_for_s: For how long it has been held when the simulator starts, in seconds.
        unknown: The gateway does not know it: 404.
    """

    id: str = attrs.field(validator=_is_uuid)
    state: str = attrs.field(default="active", validator=min_len(1))
    org_id: str = "org-1"
    skill_group_id: str = "sg-1"
    skill_group_name: str = ""
    held_for_s: float = _duration()
    unknown: bool = False


@attrs.frozen(kw_only=True)
class Faults:
    """All that `faults.toml` can say; what it leaves out is well-behaved."""

    acks: AckFaults = AckFaults()
    frames: FrameFaults = FrameFaults()
    sockets: SocketFaults = SocketFaults()
    foreign: ForeignFaults = ForeignFaults()
    token: TokenFaults = TokenFaults()
    upgrade: EndpointFaults = EndpointFaults()
    metadata: EndpointFaults = EndpointFaults()
    commands: CommandSettings = CommandSettings()
    clients: ClientSettings = ClientSettings()
    interactions: tuple[InteractionSetting, ...] = ()
