"""Frames out and in, as the protocol page has them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.adapters.genesys.interaction.codec import (
    Decoded,
    Expected,
    Malformed,
    UnknownAnswer,
    decode,
    decode_state,
    encode,
)
from hookflash.adapters.genesys.interaction.words import harmless
from hookflash.engine.ports import FrameAcknowledged, FrameRefused, StateSeen
from hookflash.machines.effects import SendHold, SendUnhold
from hookflash.machines.instants import Instant

ID = "4d8f0c2e-6b5a-4d93-9c55-3f8f0d4e7a11"
HOLD = "0b7e6c1a-52f7-4c7a-8f07-0a3f6c0f4d01"
UNHOLD = "0b7e6c1a-52f7-4c7a-8f07-0a3f6c0f4d02"
SENT = {HOLD: Expected("hold", ID), UNHOLD: Expected("unhold", ID)}


def read(message: Any, length_max: int = 65_536) -> Decoded:
    """Decode *message*, as JSON unless it is text."""
    text = message if isinstance(message, str | bytes) else json.dumps(message)
    return decode(text, SENT, length_max)


def test_a_hold_as_the_protocol_has_it() -> None:
    """All fields by the protocol's names."""
    frame = json.loads(encode(ID, SendHold(HOLD, "consultation", 5, "jazz", "wait")))

    assert frame == {
        "command": "send",
        "correlationId": HOLD,
        "body": {
            "type": "hold",
            "interactionId": ID,
            "holdReason": "consultation",
            "priority": 5,
            "holdMusic": "jazz",
            "holdPrompt": "wait",
        },
    }


def test_what_is_not_given_is_left_out() -> None:
    """Optional fields that are not given are left out, never null."""
    body = json.loads(encode(ID, SendHold(HOLD, "queueing", 0)))["body"]

    assert set(body) == {"type", "interactionId", "holdReason", "priority"}


def test_an_unhold_as_the_protocol_has_it() -> None:
    """An unhold has no reason."""
    frame = json.loads(encode(ID, SendUnhold(UNHOLD, 9)))

    assert frame == {
        "command": "send",
        "correlationId": UNHOLD,
        "body": {"type": "unhold", "interactionId": ID, "priority": 9},
    }


@pytest.mark.parametrize(
    "body", [{"type": "hold"}, {"type": "hold", "interactionId": ID, "state": "held", "x": [1]}]
)
def test_the_commands_type_is_success(body: dict[str, Any]) -> None:
    """`body.type` equal to the command's type: success."""
    assert read({"correlationId": HOLD, "body": body}) == FrameAcknowledged(HOLD)
    assert read({"correlationId": HOLD.upper(), "body": body}) == FrameAcknowledged(HOLD)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, FrameRefused(HOLD, message="the answer has no body")),
        ({"body": None}, FrameRefused(HOLD, message="the answer has no body")),
        ({"body": []}, FrameRefused(HOLD, message="the answer is of type 'unknown'")),
        ({"body": {}}, FrameRefused(HOLD, message="the answer is of type 'unknown'")),
        (
            {"body": {"type": "unhold"}},
            FrameRefused(HOLD, message="the answer is of type 'unhold'"),
        ),
        ({"body": {"type": "error"}}, FrameRefused(HOLD)),
        (
            {"body": {"type": "error", "code": 429, "retryAfter": 2.5}},
            FrameRefused(HOLD, code=429, retry_after_s=2.5),
        ),
        ({"body": {"type": "error", "code": "429"}}, FrameRefused(HOLD, code=429)),
        ({"body": {"type": "error", "code": 409.0}}, FrameRefused(HOLD, code=409)),
        ({"body": {"type": "error", "code": "BUSY"}}, FrameRefused(HOLD, code="BUSY")),
        ({"body": {"type": "error", "code": True, "retryAfter": True}}, FrameRefused(HOLD)),
        (
            {"body": {"type": "error", "code": [1], "retryAfter": "soon"}},
            FrameRefused(HOLD),
        ),
        ({"body": {"type": "error", "retryAfter": -1}}, FrameRefused(HOLD, retry_after_s=0.0)),
        ({"body": {"type": "error", "retryAfter": 1e9}}, FrameRefused(HOLD, retry_after_s=3600.0)),
        ({"body": {"type": "error", "state": "active"}}, FrameRefused(HOLD, state="active")),
        ({"body": {"type": "error"}, "state": "held"}, FrameRefused(HOLD, state="held")),
        ({"body": {"type": "error", "state": 5}}, FrameRefused(HOLD)),
        (
            {"body": {"type": "error", "message": "call +1 (555) 010-9999\nnow"}},
            FrameRefused(HOLD, message="call [number] now"),
        ),
    ],
)
def test_anything_else_is_a_refusal(message: dict[str, Any], expected: FrameRefused) -> None:
    """Anything else, or no body: refused; details that make no sense are left out."""
    assert read({"correlationId": HOLD, **message}) == expected


@pytest.mark.parametrize(
    "message",
    [
        {"interactionId": ID, "state": "held"},
        {"type": "state_update", "interactionId": ID, "state": "held", "more": {}},
        {"body": {"type": "state_update", "interactionId": ID, "state": "held"}},
        {"correlationId": None, "interactionId": ID, "state": "held"},
        {"interactionId": ID, "state": "held", "heldSince": "yesterday"},
        {"interactionId": ID, "state": "held", "heldSince": 7},
    ],
)
def test_a_state_update_is_seen(message: dict[str, Any]) -> None:
    """Interaction and state, at the top or in the body; a bad time costs only the time."""
    assert read(message) == StateSeen(ID, "held")


def test_a_state_update_may_name_the_start() -> None:
    """The start of a hold is read with its zone."""
    message = {"interactionId": ID, "state": "held", "heldSince": "2027-01-15T09:00:00.5+01:00"}

    assert read(message) == StateSeen(ID, "held", Instant(1_800_000_000_500_000))


def test_an_answer_that_nobody_expects() -> None:
    """It is named; if it tells a state, that is seen with it."""
    other = "0b7e6c1a-52f7-4c7a-8f07-0a3f6c0f4d99"
    body = {"type": "hold", "interactionId": ID, "state": "held"}

    assert read({"correlationId": other, "body": {"type": "hold"}}) == UnknownAnswer(other)
    assert read({"correlationId": other, "body": body}) == UnknownAnswer(
        other, StateSeen(ID, "held")
    )
    assert decode_state(json.dumps({"correlationId": other, "body": body})) == StateSeen(ID, "held")
    assert decode_state("{") is None
    assert decode_state("[]") is None
    assert decode_state("{}") is None


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        (b"\xff\x00", "no JSON"),
        ("\ud800", "no JSON"),
        ("[" * 5000, "no JSON"),
        ("[]", "$: no object"),
        ("null", "$: no object"),
        ({}, "$: neither"),
        ({"body": {"interactionId": ID}}, "$.body: neither"),
        ({"interactionId": 5, "state": "held"}, "$.interactionId"),
        ({"interactionId": ID, "state": None}, "$.state"),
        ({"interactionId": "", "state": "held"}, "$.interactionId"),
        ({"interactionId": ID, "state": "s" * 200}, "$.state"),
        ({"body": {"interactionId": ID, "state": []}}, "$.body.state"),
    ],
)
def test_malformed_messages_are_named_with_their_place(message: Any, place: str) -> None:
    """What is no JSON, no object or of unknown shape says where, and shows no content."""
    found = read(message)

    assert isinstance(found, Malformed)
    assert place.replace("interactionId", "interaction") in found.reason.replace(
        "interactionId", "interaction"
    )
    assert ID not in found.reason


def test_too_large_messages_are_not_read() -> None:
    """Size is judged before content."""
    message = json.dumps({"correlationId": HOLD, "body": {"type": "hold"}})

    assert read(message, len(message)) == FrameAcknowledged(HOLD)
    assert isinstance(read(message, len(message) - 1), Malformed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = ("type", "code", "retryAfter", "state", "message", "interactionId", "heldSince")
BODIES = JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON))
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "correlationId": st.sampled_from([HOLD, UNHOLD, "other"]) | JSON,
        "body": BODIES,
        **dict.fromkeys(KEYS, JSON),
    },
)


@given(st.text() | st.binary() | MESSAGES.map(json.dumps) | JSON.map(json.dumps))
def test_reading_never_raises(message: str | bytes) -> None:
    """Whatever comes, it becomes something that can be counted and logged."""
    found = read(message)
    decode_state(message)

    repr(found).encode()


@given(st.text(max_size=400))
def test_words_are_short_and_on_one_line(words: str) -> None:
    """The gateway's words can neither flood a log nor forge lines in it."""
    kept = harmless(words)

    assert kept is None or (0 < len(kept) <= 200 and kept.splitlines() == [kept])


def test_words_hide_secrets() -> None:
    """Tokens do not come through in the gateway's words."""
    kept = harmless("bad url /x?access_token=abc.def&y, Bearer abc.def")

    assert kept is not None
    assert "abc.def" not in kept
    assert harmless(5) is None
