"""Which frames are commands, and what is said about those that are not."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.adapters.simulator.commands import InvalidFrame, parse_command
from hookflash.adapters.simulator.faults import DEFAULT_HOLD_REASONS

REASONS = frozenset(DEFAULT_HOLD_REASONS)
ONE = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a001"
CORRELATION = "6a0c5f9e-2a53-4cb8-8a37-1a70f2b9c002"


def frame(**changes: Any) -> str:
    """A valid hold but for the changes."""
    body: dict[str, Any] = {
        "type": "hold",
        "interactionId": ONE,
        "holdReason": "queueing",
        "priority": 5,
    }
    body.update(changes)
    left = {key: value for key, value in body.items() if value != "left out"}
    message = {"command": "send", "correlationId": CORRELATION, "body": left}
    return orjson.dumps(message).decode()


async def test_a_full_hold_is_read() -> None:
    """With music and prompt."""
    command = parse_command(frame(holdMusic="jazz", holdPrompt="One moment"), REASONS)
    assert command.type == "hold"
    assert (command.interaction_id, command.correlation_id) == (ONE, CORRELATION)
    assert (command.hold_reason, command.priority) == ("queueing", 5)
    assert (command.hold_music, command.hold_prompt) == ("jazz", "One moment")


async def test_an_unhold_needs_no_reason() -> None:
    """Its body is type, interaction and priority."""
    command = parse_command(frame(type="unhold", holdReason="left out"), REASONS)
    assert (command.type, command.hold_reason) == ("unhold", None)


@pytest.mark.parametrize("priority", [0, 9, 4.5, 0.0])
async def test_any_json_number_from_0_to_9_is_a_priority(priority: float) -> None:
    """Not only integers."""
    assert parse_command(frame(priority=priority), REASONS).priority == priority


@pytest.mark.parametrize("reason", DEFAULT_HOLD_REASONS)
async def test_the_default_reasons_are_accepted(reason: str) -> None:
    """All four of the protocol."""
    assert parse_command(frame(holdReason=reason), REASONS).hold_reason == reason


async def test_an_empty_list_of_reasons_accepts_any() -> None:
    """But a reason is still required."""
    assert parse_command(frame(holdReason="lunch"), frozenset()).hold_reason == "lunch"
    with pytest.raises(InvalidFrame, match="holdReason: required text"):
        parse_command(frame(holdReason=""), frozenset())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"type": "park"}, "type"),
        ({"type": "left out"}, "type"),
        ({"interactionId": "one"}, "interactionId"),
        ({"interactionId": ONE + "\n"}, "interactionId"),
        ({"priority": 10}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": "5"}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": None}, "priority"),
        ({"priority": "left out"}, "priority"),
        ({"holdReason": "lunch"}, "holdReason"),
        ({"holdReason": "left out"}, "holdReason"),
        ({"holdMusic": None}, "holdMusic"),
        ({"holdPrompt": 7}, "holdPrompt"),
        ({"holdPrompt": "x" * 5_000}, "holdPrompt"),
    ],
)
async def test_a_bad_field_is_named(changes: dict[str, Any], named: str) -> None:
    """And only it, with the correlation id of the frame."""
    with pytest.raises(InvalidFrame) as caught:
        parse_command(frame(**changes), REASONS)
    assert caught.value.correlation_id == CORRELATION
    assert caught.value.message.startswith(f"{named}:")
    assert ";" not in caught.value.message


async def test_all_bad_fields_are_named_at_once() -> None:
    """Nobody has to fix them one by one."""
    with pytest.raises(InvalidFrame) as caught:
        parse_command(frame(interactionId=1, priority=11, holdReason=0, holdMusic=0), REASONS)
    names = [part.partition(":")[0] for part in caught.value.message.split("; ")]
    assert names == ["interactionId", "priority", "holdReason", "holdMusic"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "frame: no JSON"),
        ("[]", "frame: no object"),
        (b"{}", "frame: commands are text frames"),
        ("{}", 'command: must be "send"; correlationId: required UUID; body: required object'),
    ],
)
async def test_what_is_no_command_at_all(text: str | bytes, message: str) -> None:
    """Is refused without a correlation id."""
    with pytest.raises(InvalidFrame) as caught:
        parse_command(text, REASONS)
    assert (caught.value.correlation_id, caught.value.message) == (None, message)


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(str))
def test_any_text_is_a_command_or_an_invalid_frame(text: str) -> None:
    """Nothing else can come out of reading it."""
    with pytest.raises(InvalidFrame):
        parse_command(text, REASONS)
