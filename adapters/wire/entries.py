"""What the lines of a wire recording say; docs/wire.md describes them."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action

Side = Literal["client", "gateway"]
"""Who wrote it down: hookflash, which knows its commands as well, or the simulator."""

To = Literal["token", "lookup"]
GarbageKind = Literal["long", "binary", "not_json", "not_object"]


@frozen
class WireHeader:
    """The first line.

    Attributes:
        side: Who wrote it down.
        gateway: Host and port of the gateway.
        created: When it was begun.
        frame_bytes_max: Longer messages were not looked into.
        reasons: The hold reasons that were known words.
        policy: The policy that holds were under, as recordings have it; None from a gateway.
        settings: The settings that decide what goes over the wire, by table; None from a gateway.
        spec_hash: The definition of the machine; None from a gateway.
    """

    side: Side
    gateway: str
    created: Instant
    frame_bytes_max: int
    reasons: tuple[str, ...] = ()
    policy: dict[str, Any] | None = None
    settings: dict[str, dict[str, Any]] | None = None
    spec_hash: str | None = None


@frozen
class Garbage:
    """A message that is no object of JSON, or too long to be looked into.

    Attributes:
        kind: In which way; `is` in files.
        length: Its length: characters of a text, bytes of a binary message.
    """

    kind: GarbageKind
    length: int


# --- the control socket ---------------------------------------------------------------------------


@frozen
class Opening:
    """A control socket was asked for; `conn` is its number in this file."""

    at: Instant
    conn: int


@frozen
class Opened:
    """It is open."""

    at: Instant
    conn: int


@frozen
class OpeningRefused:
    """The gateway answered with something else than a socket.

    Attributes:
        at: When.
        conn: Which.
        status: The HTTP status.
        retry_after: The header of that name; None where there is none.
    """

    at: Instant
    conn: int
    status: int
    retry_after: str | None = None


@frozen
class OpeningFailed:
    """There was no answer; `problem` is one of `Network.open_stream`'s words, or `cancelled`."""

    at: Instant
    conn: int
    problem: str


@frozen
class Closed:
    """An open socket ended.

    Attributes:
        at: When.
        conn: Which.
        by: Who ended it; `lost` where it ended without a goodbye.
        code: The code of the goodbye (RFC 6455, 7.4); None where there was none.
    """

    at: Instant
    conn: int
    by: Literal["client", "gateway", "lost"]
    code: int | None = None


@frozen
class Sent:
    """The client sent a message; either `frame` is what is kept of it, or it was `garbage`."""

    at: Instant
    conn: int
    frame: dict[str, Any] | None = None
    garbage: Garbage | None = None


@frozen
class Received:
    """The gateway sent a message; either `frame` is what is kept of it, or it was `garbage`."""

    at: Instant
    conn: int
    frame: dict[str, Any] | None = None
    garbage: Garbage | None = None


# --- HTTP -----------------------------------------------------------------------------------------


@frozen
class Asked:
    """A request was made.

    Attributes:
        at: When.
        exchange: Its number in this file.
        to: What for.
        interaction: Whom a lookup asks about; None otherwise.
    """

    at: Instant
    exchange: int
    to: To
    interaction: str | None = None


@frozen
class Answered:
    """It was answered.

    Attributes:
        at: When.
        exchange: Which.
        status: The HTTP status.
        retry_after: The header of that name; None where there is none.
        body: What is kept of the body; None where there is none.
        garbage: What the body is, where it is no object of JSON.
    """

    at: Instant
    exchange: int
    status: int
    retry_after: str | None = None
    body: dict[str, Any] | None = None
    garbage: Garbage | None = None


@frozen
class Unanswered:
    """It was not; `problem` is one of `HttpClient.request`'s words, or `cancelled`."""

    at: Instant
    exchange: int
    problem: str


# --- what the engine made of it -------------------------------------------------------------------


@frozen
class Known:
    """The engine knew this interaction when the file was begun, from an earlier run.

    `interaction` is as in the line of that kind in a recording.
    """

    at: Instant
    interaction: dict[str, Any]


@frozen
class CommandGiven:
    """Somebody gave a command; its place among the other lines is where the machine saw it.

    Attributes:
        at: When it was written down.
        command: Its name: the correlation id of its first frame.
        action: What it asks for.
        interaction: The interaction.
        requested_at: When it was given.
        actor: Who gave it: `caller`, `rule` or `other`. The names are not kept.
        priority: Resume priority; None where none was valid.
        reason: The hold reason; None where there is none.
        music: A placeholder; None where none was given.
        prompt: The same.
        force: Whether it is to release a hold past its limit.
    """

    at: Instant
    command: str
    action: Action
    interaction: str
    requested_at: Instant
    actor: str
    priority: int | None = None
    reason: str | None = None
    music: str | None = None
    prompt: str | None = None
    force: bool = False


@frozen
class CommandEnded:
    """The outcome of a command became known.

    Attributes:
        at: When it was written down.
        command: Its name.
        action: What it asked for.
        interaction: The interaction.
        outcome: As the audit log has it.
        actor: As in `CommandGiven`, or `limit` for a release at the limit.
        state: The interaction's state after it; None where nothing was known.
    """

    at: Instant
    command: str
    action: Action
    interaction: str
    outcome: str
    actor: str
    state: str | None = None


@frozen
class ForeignChange:
    """Somebody else held or unheld an interaction, and the engine noticed."""

    at: Instant
    action: Action
    interaction: str
    state: str


# --- the file itself ------------------------------------------------------------------------------


@frozen
class Dropped:
    """The disk was too slow: so many lines are missing here."""

    at: Instant
    lines: int


@frozen
class Stopped:
    """Nothing was recorded from here on: the file has its `size`, or the `disk` took no more."""

    at: Instant
    reason: Literal["size", "disk"]


@frozen
class End:
    """The last line of a file that is whole; `dropped` lines are missing in it."""

    at: Instant
    dropped: int = 0


WireEntry = (
    Opening
    | Opened
    | OpeningRefused
    | OpeningFailed
    | Closed
    | Sent
    | Received
    | Asked
    | Answered
    | Unanswered
    | Known
    | CommandGiven
    | CommandEnded
    | ForeignChange
    | Dropped
    | Stopped
    | End
)

CLASSES: Final[Mapping[str, type[Any]]] = {
    "opening": Opening,
    "opened": Opened,
    "refused": OpeningRefused,
    "failed": OpeningFailed,
    "closed": Closed,
    "sent": Sent,
    "received": Received,
    "asked": Asked,
    "answered": Answered,
    "unanswered": Unanswered,
    "known": Known,
    "command": CommandGiven,
    "ended": CommandEnded,
    "foreign": ForeignChange,
    "dropped": Dropped,
    "stopped": Stopped,
    "end": End,
}
"""By `kind`."""

KINDS: Final[Mapping[type[Any], str]] = {cls: kind for kind, cls in CLASSES.items()}
"""By class."""
