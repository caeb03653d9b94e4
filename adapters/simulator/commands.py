"""The command frames of the interaction protocol: what is valid, and what an answer looks like."""

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

import attrs
import orjson

UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_is_uuid = UUID_PATTERN.match

MAX_TEXT_CHARACTERS = 4096
"""Longest accepted hold music or prompt: names and sentences, not recordings."""


@attrs.frozen
class Command:
    """A valid command as a client sent it.

    Attributes:
        type: `hold` or `unhold`.
        interaction_id: As sent; the world compares without regard to case.
        correlation_id: As sent.
        priority: The resume priority, 0 to 9.
        hold_reason: None for an unhold.
        hold_music: None where it was not given.
        hold_prompt: None where it was not given.
    """

    type: Literal["hold", "unhold"]
    interaction_id: str
    correlation_id: str
    priority: float
    hold_reason: str | None = None
    hold_music: str | None = None
    hold_prompt: str | None = None


class InvalidFrame(Exception):
    """A frame is no valid command.

    Attributes:
        correlation_id: What the frame names as correlation, whatever it is worth; None without one.
        message: Each bad field and why, all of them.
    """

    def __init__(self, correlation_id: str | None, message: str) -> None:
        super().__init__(correlation_id, message)
        self.correlation_id = correlation_id
        self.message = message


def parse_command(frame: str | bytes, hold_reasons: frozenset[str]) -> Command:
    """Read a frame.

    Args:
        frame: A text frame; a binary one is never valid.
        hold_reasons: The accepted reasons; empty accepts any text.

    Returns:
        The command.

    Raises:
        InvalidFrame: It is none; the message names all that is wrong.
    """
    if not isinstance(frame, str):
        raise InvalidFrame(None, "frame: commands are text frames")
    try:
        parsed: Any = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise InvalidFrame(None, "frame: no JSON") from error
    if not isinstance(parsed, dict):
        raise InvalidFrame(None, "frame: no object")
    message = cast("dict[str, Any]", parsed)
    body = message.get("body")
    correlation_id = message.get("correlationId")
    if isinstance(body, dict):
        fields = cast("dict[str, Any]", body)
        kind = fields.get("type")
        priority = fields.get("priority")
        interaction_id = fields.get("interactionId")
        if (
            message.get("command") == "send"
            and isinstance(correlation_id, str)
            and _is_uuid(correlation_id)
            and isinstance(interaction_id, str)
            and _is_uuid(interaction_id)
            and (type(priority) is int or type(priority) is float)
            and 0 <= priority <= 9
        ):
            if kind == "unhold":
                return Command("unhold", interaction_id, correlation_id, priority)
            if kind == "hold" and not _hold_problems(fields, hold_reasons):
                return Command(
                    "hold",
                    interaction_id,
                    correlation_id,
                    priority,
                    fields["holdReason"],
                    fields.get("holdMusic"),
                    fields.get("holdPrompt"),
                )
    problems = _problems(message, hold_reasons)
    named = correlation_id[:64] if isinstance(correlation_id, str) else None
    raise InvalidFrame(named, "; ".join(problems))


def _hold_problems(body: Mapping[str, Any], hold_reasons: frozenset[str]) -> list[str]:
    problems: list[str] = []
    reason = body.get("holdReason")
    if not isinstance(reason, str) or not reason:
        problems.append("holdReason: required text")
    elif hold_reasons and reason not in hold_reasons:
        problems.append(f"holdReason: not one of {', '.join(sorted(hold_reasons))}")
    for name in ("holdMusic", "holdPrompt"):
        if name in body:
            text = body[name]
            if not isinstance(text, str):
                problems.append(f"{name}: text, or left out")
            elif len(text) > MAX_TEXT_CHARACTERS:
                problems.append(f"{name}: longer than {MAX_TEXT_CHARACTERS} characters")
    return problems


def _problems(message: Mapping[str, Any], hold_reasons: frozenset[str]) -> list[str]:
    problems: list[str] = []
    if message.get("command") != "send":
        problems.append('command: must be "send"')
    correlation_id = message.get("correlationId")
    if not isinstance(correlation_id, str) or not _is_uuid(correlation_id):
        problems.append("correlationId: required UUID")
    body = message.get("body")
    if not isinstance(body, dict):
        problems.append("body: required object")
        return problems
    fields = cast("dict[str, Any]", body)
    kind = fields.get("type")
    if kind not in ("hold", "unhold"):
        problems.append("type: must be hold or unhold")
    interaction_id = fields.get("interactionId")
    if not isinstance(interaction_id, str) or not _is_uuid(interaction_id):
        problems.append("interactionId: required UUID")
    priority = fields.get("priority")
    if isinstance(priority, bool) or not isinstance(priority, (int, float)):
        problems.append("priority: required number")
    elif not 0 <= priority <= 9:
        problems.append("priority: not from 0 to 9")
    if kind == "hold":
        problems += _hold_problems(fields, hold_reasons)
    return problems


def success(command: Command, state: str, kind: str | None = None) -> str:
    """The acknowledgement of a command that was carried out.

    Args:
        command: The command.
        state: The interaction's state after it.
        kind: The `type` of the answer; None is the command's own.
    """
    body = {
        "type": kind or command.type,
        "interactionId": command.interaction_id,
        "state": state,
    }
    return orjson.dumps({"correlationId": command.correlation_id, "body": body}).decode()


def refusal(
    correlation_id: str | None,
    extra: Mapping[str, Any],
    *,
    interaction_id: str | None = None,
    state: str | None = None,
) -> str:
    """The answer to a command that was not carried out.

    Args:
        correlation_id: The command's; None where the frame had none (`null` in the answer).
        extra: Members of the body, such as `code`, `message` and `retryAfter`; they may replace
            `type`, which is `error` otherwise.
        interaction_id: Left out when None.
        state: Left out when None.
    """
    body: dict[str, Any] = {"type": "error"}
    if interaction_id is not None:
        body["interactionId"] = interaction_id
    if state is not None:
        body["state"] = state
    body.update(extra)
    return orjson.dumps({"correlationId": correlation_id, "body": body}).decode()


def state_update(
    interaction_id: str, state: str, held_since: str | None, *, in_body: bool = False
) -> str:
    """What all sockets are told when somebody else changed an interaction's state.

    Args:
        interaction_id: The interaction.
        state: Its new state.
        held_since: ISO 8601 start of the hold; left out when None.
        in_body: Put the members into a `body` instead of at the top.
    """
    change: dict[str, Any] = {"interactionId": interaction_id, "state": state}
    if held_since is not None:
        change["heldSince"] = held_since
    if in_body:
        return orjson.dumps({"body": {"type": "state_update", **change}}).decode()
    return orjson.dumps({"type": "state_update", **change}).decode()
