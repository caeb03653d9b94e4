"""Frames of the control socket: commands to text, messages to news.

Field names and shapes are those of the interaction protocol. Reading never raises: whatever the
gateway sends becomes news or a `Malformed`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import cattrs
import orjson
from attrs import frozen

from hookflash.adapters.genesys.interaction.words import harmless
from hookflash.engine.ports import FrameAcknowledged, FrameRefused, StateSeen
from hookflash.machines import instants
from hookflash.machines.effects import SendHold, SendUnhold
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action

ID_LENGTH_MAX: Final = 128
"""Longest id or state name that is believed; a UUID has 36 characters."""

RETRY_AFTER_MAX_S: Final = 3600.0
"""A refusal that asks for more is taken to ask for this."""


@frozen
class Expected:
    """What we know about a frame that we sent.

    Attributes:
        action: Its `type`.
        interaction_id: Its interaction.
    """

    action: Action
    interaction_id: str


@frozen
class UnknownAnswer:
    """An answer to a frame that nobody knows; *seen* is the state that it tells, None for none."""

    correlation_id: str
    seen: StateSeen | None = None


@frozen
class Malformed:
    """A message that cannot be read.

    Attributes:
        reason: What is wrong, with its place; nothing of the content.
    """

    reason: str


@frozen
class _Change:
    """A state update: the part of a message that names an interaction and its state."""

    interaction_id: str
    state: str


def encode(interaction_id: str, command: SendHold | SendUnhold) -> str:
    """Return the text frame for *command*; optional fields that are not given are left out."""
    body: dict[str, Any]
    if isinstance(command, SendHold):
        body = {
            "type": "hold",
            "interactionId": interaction_id,
            "holdReason": command.reason,
            "priority": command.priority,
        }
        if command.music is not None:
            body["holdMusic"] = command.music
        if command.prompt is not None:
            body["holdPrompt"] = command.prompt
    else:
        body = {
            "type": "unhold",
            "interactionId": interaction_id,
            "priority": command.priority,
        }
    message = {"command": "send", "correlationId": command.correlation_id, "body": body}
    return orjson.dumps(message).decode()


Decoded = FrameAcknowledged | FrameRefused | StateSeen | UnknownAnswer | Malformed


def decode(  # noqa: PLR0911 - one for each thing that a message can be
    message: str | bytes, expected: Mapping[str, Expected], length_max: int
) -> Decoded:
    """Read one message of the control socket. Never raises.

    Args:
        message: As it was received.
        expected: The frames that may still be answered, by correlation id.
        length_max: A longer message is not read.

    Returns:
        An answer to one of *expected*, an answer to something else, a state update, or what is
        wrong with it.
    """
    if len(message) > length_max:
        return Malformed(f"{len(message)} long, more than {length_max}")
    try:
        document = orjson.loads(message)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return Malformed("no JSON")
    if type(document) is not dict:
        return Malformed("$: no object")
    document = cast("dict[str, Any]", document)
    correlation_id: Any = document.get("correlationId")
    if type(correlation_id) is not str:
        return _decode_update(document)
    sent = expected.get(correlation_id)
    if sent is None:
        # UUIDs are the same in either case (RFC 9562); ours are lower.
        correlation_id = correlation_id.lower()
        sent = expected.get(correlation_id)
    body: Any = document.get("body")
    if sent is not None:
        if type(body) is dict and cast("dict[str, Any]", body).get("type") == sent.action:
            return FrameAcknowledged(correlation_id)
        return _decode_refusal(correlation_id, body, document)
    update = _decode_update(document)
    seen = update if isinstance(update, StateSeen) else None
    return UnknownAnswer(correlation_id[:ID_LENGTH_MAX], seen)


def decode_state(message: str | bytes) -> StateSeen | None:
    """Read *message* as a state update only; None where it is none. Never raises."""
    try:
        document = orjson.loads(message)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    if type(document) is not dict:
        return None
    update = _decode_update(cast("dict[str, Any]", document))
    return update if isinstance(update, StateSeen) else None


def _decode_refusal(correlation_id: str, body: Any, document: dict[str, Any]) -> FrameRefused:  # noqa: ANN401 - any JSON
    """Read a refusal. It counts even where its details make no sense: those are then left out."""
    details = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    code = details.get("code")
    if isinstance(code, str):
        code = int(code) if code.isascii() and code.isdigit() and len(code) < 6 else harmless(code)
    elif isinstance(code, float) and code.is_integer():
        code = int(code)
    elif isinstance(code, bool) or not isinstance(code, int):
        code = None
    state = details.get("state", document.get("state"))
    retry_after_s = details.get("retryAfter")
    if isinstance(retry_after_s, bool) or not isinstance(retry_after_s, int | float):
        retry_after_s = None
    else:
        retry_after_s = min(max(float(retry_after_s), 0.0), RETRY_AFTER_MAX_S)
    kind = details.get("type")
    words = harmless(details.get("message"))
    if words is None and body is None:
        words = "the answer has no body"
    elif words is None and kind != "error":
        words = f"the answer is of type {harmless(kind) or 'unknown'!r}"
    return FrameRefused(
        correlation_id,
        state=state if isinstance(state, str) and 0 < len(state) <= ID_LENGTH_MAX else None,
        code=code,
        message=words,
        retry_after_s=retry_after_s,
    )


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()

    def _name(value: Any, _: type) -> str:  # noqa: ANN401 - any JSON
        if not isinstance(value, str):
            raise TypeError(f"expected text, got {type(value).__name__}")
        if not 0 < len(value) <= ID_LENGTH_MAX:
            raise ValueError(f"expected 1 to {ID_LENGTH_MAX} characters, got {len(value)}")
        return value

    converter.register_structure_hook(str, _name)
    converter.register_structure_hook(
        _Change,
        cattrs.gen.make_dict_structure_fn(
            _Change, converter, interaction_id=cattrs.gen.override(rename="interactionId")
        ),
    )
    return converter


_CONVERTER: Final = _make_converter()


def _decode_update(document: dict[str, Any]) -> StateSeen | Malformed:
    """Read a state update; its members stand at the top or in the body."""
    members, path = document, "$"
    body: Any = document.get("body")
    if "interactionId" not in document and isinstance(body, dict):
        members, path = cast("dict[str, Any]", body), "$.body"
    if "interactionId" not in members or "state" not in members:
        return Malformed(f"{path}: neither an answer nor a state update")
    try:
        change = _CONVERTER.structure(members, _Change)
    except Exception as error:  # noqa: BLE001 - cattrs gives groups of whatever went wrong inside
        return Malformed(cattrs.transform_error(error, path=path)[0])
    return StateSeen(change.interaction_id, change.state, instant_of(members.get("heldSince")))


def instant_of(value: Any) -> Instant | None:  # noqa: ANN401 - any JSON
    """Read the start of a hold; None where there is none that makes sense.

    A time that cannot be read must not cost the news that a caller is held.
    """
    if not isinstance(value, str):
        return None
    try:
        return instants.from_text(value)
    except (ValueError, OverflowError):
        return None
