"""The codec of recordings: what it writes, what it reads back, and what it refuses."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any, cast

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.recorded import INSTANTS, TEXTS, instances_of

from hookflash.adapters.specifications import load_machine
from hookflash.machines import effects, events
from hookflash.machines.codec import RecordCodec, tag_of
from hookflash.machines.conversion import decode_instant, encode_instant
from hookflash.machines.errors import MalformedRecord, SpecError
from hookflash.machines.instants import Instant, from_text, to_text
from hookflash.machines.interaction import Facts, Timer
from hookflash.machines.lines import LINE_BYTES_MAX
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.records import Record
from hookflash.machines.redaction import redact
from hookflash.machines.spec import parse_spec

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
MACHINE = load_machine("hold")
CODEC = RecordCodec(MACHINE)
HOLD = Record(
    7,
    ID,
    events.HoldRequested(
        AT,
        CORRELATION,
        Instant(AT - 900),
        "consultation",
        5,
        facts=Facts("active", "org-1", "sg-1"),
    ),
    "active",
    "hold_pending",
    (
        effects.SendHold(CORRELATION, "consultation", 5),
        effects.StartTimer(Timer("ack", CORRELATION, Instant(AT + 5_000_000))),
    ),
)

EVENTS = tuple(MACHINE.implementation.events.values())


@pytest.mark.parametrize("cls", EVENTS, ids=tag_of)
def test_every_event_comes_back_as_it_was(cls: type) -> None:
    """A record of any event is equal to the one read from its line."""

    @settings(max_examples=25, deadline=None)
    @given(instances_of(cls), TEXTS, st.integers(0, 2**63 - 1))
    def comes_back(event: Any, state: str, seq: int) -> None:
        record = Record(seq, ID, event, state, "held", ())

        assert CODEC.decode(CODEC.encode(record), "line") == record

    comes_back()


@pytest.mark.parametrize("cls", effects.EFFECTS, ids=tag_of)
def test_every_effect_comes_back_as_it_was(cls: type) -> None:
    """Effects of any class are equal to those read from their line, in the same order."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(instances_of(cls), min_size=1, max_size=3))
    def come_back(asked: list[Any]) -> None:
        record = Record(1, ID, events.LinkLost(AT), "held", "held", tuple(asked))

        assert CODEC.decode(CODEC.encode(record), "line") == record

    come_back()


def test_a_line_is_what_the_format_says() -> None:
    """Keys, tags, ISO instants and left-out Nones are as the format has them."""
    line = CODEC.encode(HOLD)

    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    raw = json.loads(line)
    assert list(raw)[-1] == "sum"
    del raw["sum"]
    assert raw == {
        "seq": 7,
        "at": "2026-11-22T18:22:01.123456Z",
        "interaction": ID,
        "event": {
            "type": "hold_requested",
            "correlation_id": CORRELATION,
            "requested_at": "2026-11-22T18:22:01.122556Z",
            "reason": "consultation",
            "priority": 5,
            "actor": "caller",
            "facts": {"state": "active", "org_id": "org-1", "skill_group_id": "sg-1"},
        },
        "from": "active",
        "to": "hold_pending",
        "effects": [
            {
                "type": "send_hold",
                "correlation_id": CORRELATION,
                "reason": "consultation",
                "priority": 5,
            },
            {
                "type": "start_timer",
                "timer": {
                    "name": "ack",
                    "owner": CORRELATION,
                    "due_at": "2026-11-22T18:22:06.123456Z",
                },
            },
        ],
    }


def test_a_step_is_read_with_its_effects_as_written() -> None:
    """What a step asks for again is compared as it would be written."""
    step = CODEC.decode_step(CODEC.encode(HOLD), "line")

    assert (step.seq, step.interaction_id, step.event) == (7, ID, HOLD.event)
    assert (step.source, step.target) == ("active", "hold_pending")
    assert step.effects == CODEC.written(HOLD.effects)
    assert step.effects != CODEC.written(HOLD.effects[:1])
    for damaged in (_changed(effects={}), _changed(seq=-1), b"{"):
        with pytest.raises(MalformedRecord):
            CODEC.decode_step(damaged, "line")


def test_text_and_bytes_are_read_alike() -> None:
    """A line may come as bytes or text, with or without its newline."""
    line = CODEC.encode(HOLD)

    assert CODEC.decode(line.decode().rstrip(), "line") == CODEC.decode(line, "line") == HOLD


def _changed(**changes: Any) -> bytes:
    raw = json.loads(CODEC.encode(HOLD)) | {"sum": "gone"} | changes
    return orjson.dumps({key: value for key, value in raw.items() if value != "gone"})


def _event(**changes: Any) -> bytes:
    event = json.loads(CODEC.encode(HOLD))["event"] | changes
    return _changed(event={key: value for key, value in event.items() if value != "gone"})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "the line is empty"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "$: expected an object"),
        (_changed(seq="gone"), "$: `seq` is missing"),
        (_changed(seq="7"), "$.seq: expected a whole number"),
        (_changed(seq=True), "$.seq: expected a whole number"),
        (_changed(seq=2**63), "$.seq: expected a whole number"),
        (_changed(extra=1), "$: unknown key 'extra'"),
        (_changed(begins=False), "$.begins: expected true"),
        (_changed(begins=1), "$.begins: expected true"),
        (_changed(spec=5), "$.spec: expected text"),
        (_changed(spec="0" * 64), "$.spec: is of another definition, '000000000000'"),
        (_changed(sum="00000000"), "$.sum: the checksum does not fit"),
        (_changed(sum=None), "$.sum: the checksum does not fit"),
        (b'{"sum":"00000000"}', "$.sum: the checksum does not fit"),
        (_changed(interaction=5), "$.interaction: expected text"),
        (_changed(at="2026-11-22T18:22:01.123456"), "$.event.at"),
        (_changed(at=5), "$.at: expected text"),
        (_changed(event=[]), "$.event: expected an object"),
        (_event(type="gone"), "$.event: `type` is missing"),
        (_event(type="hold_wished"), "$.event.type: unknown type 'hold_wished'"),
        (_event(type=["sent"]), "$.event: `type` is missing or no text"),
        (_event(at="2026-11-22T18:22:01Z"), "$.event: unknown key 'at'"),
        (_event(priority="5"), "$.event.priority: expected a whole number, got text"),
        (_event(priority=True), "$.event.priority: expected a whole number, got true or false"),
        (_event(reason=5), "$.event.reason: expected text"),
        (_event(reason="gone"), "$.event.reason: `reason` is missing"),
        (_event(facts={"stat": "x"}), "$.event.facts: unknown keys 'stat'"),
        (_event(facts="active"), "$.event.facts"),
        (_event(wish=1), "$.event: unknown keys 'wish'"),
        (_changed(effects={}), "$.effects: expected a list"),
        (_changed(effects=[{"type": "look_up", "urgent": 1}]), "$.effects[0].urgent"),
        (_changed(effects=[{"type": "send"}]), "$.effects[0].type: unknown type 'send'"),
        (_changed(effects=[{"type": "start_timer", "timer": {"name": "x"}}]), "$.effects[0].timer"),
    ],
)
def test_a_damaged_line_is_named(line: bytes, problem: str) -> None:
    """The error says the place in the file, the path in the line, and what is wrong."""
    with pytest.raises(MalformedRecord) as caught:
        CODEC.decode(line, "day.jsonl: line 3")

    assert str(caught.value).startswith("day.jsonl: line 3: ")
    assert problem in str(caught.value)
    assert caught.value.place == "day.jsonl: line 3"


@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_nothing_but_malformed_record_comes_from_garbage(line: bytes | str) -> None:
    """Whatever a line holds, reading it gives a record or a MalformedRecord."""
    with pytest.raises(MalformedRecord):
        CODEC.decode(line, "line")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["seq", "at", "interaction", "event", "from", "to", "effects", "other"]),
    st.sampled_from(["type", "correlation_id", "requested_at", "facts", "music", "priority"]),
    JSON,
    st.sampled_from(["line", "event"]),
)
@settings(max_examples=300, deadline=None)
def test_no_damage_to_a_field_gets_another_error(
    key: str, field: str, value: Any, where: str
) -> None:
    """Any JSON in the place of any field gives a record or a MalformedRecord."""
    raw = json.loads(CODEC.encode(HOLD))
    if where == "event":
        raw["event"][field] = value
    else:
        raw[key] = value
    with contextlib.suppress(MalformedRecord):
        CODEC.decode(json.dumps(raw), "line")


@given(st.binary(min_size=1, max_size=3), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_flipped_bytes_give_no_other_error(garbage: bytes, at: int) -> None:
    """A line with bytes overwritten gives a record or a MalformedRecord."""
    line = CODEC.encode(HOLD)
    with contextlib.suppress(MalformedRecord):
        CODEC.decode(line[:at] + garbage + line[at + len(garbage) :], "line")


def test_free_text_is_redacted_and_replays_alike() -> None:
    """Telephone numbers in prompts and messages do not reach the file; the rest is as it was."""
    event = attrs.evolve(HOLD.event, prompt="call +49 (0)30 1234567", music="sip:alice@example.org")
    line = CODEC.encode(attrs.evolve(HOLD, event=event))

    assert b"1234567" not in line
    assert b"alice" not in line
    again = CODEC.encode(CODEC.decode(line, "line"))
    assert again == line


def test_what_json_cannot_carry_is_replaced() -> None:
    """Half a surrogate pair and a number beyond 64 bits from a gateway do not stop the engine."""
    event = events.Refused(AT, CORRELATION, CORRELATION, code=10**30, message="a\ud800b")

    found = CODEC.decode(CODEC.encode(attrs.evolve(HOLD, event=event)), "line").event
    assert (found.code, found.message) == (str(10**30), "a?b")


def test_a_record_of_another_machine_cannot_be_written() -> None:
    """An event or effect of no known class is an error that names the class."""
    with pytest.raises(MalformedRecord, match="Timer is no class of this machine"):
        CODEC.encode(attrs.evolve(HOLD, event=Timer("ack", ID, AT)))
    with pytest.raises(MalformedRecord, match="Timer is no class of this machine"):
        CODEC.encode(attrs.evolve(HOLD, effects=(Timer("ack", ID, AT),)))
    with pytest.raises(MalformedRecord, match="cannot be written as JSON"):
        CODEC.encode(attrs.evolve(HOLD, source=cast("str", object())))


def test_a_line_has_a_bound() -> None:
    """A record longer than a reader would take is not written."""
    with pytest.raises(MalformedRecord, match=f"the most is {LINE_BYTES_MAX}"):
        CODEC.encode(attrs.evolve(HOLD, source="x" * LINE_BYTES_MAX))


@given(INSTANTS)
def test_instants_come_back(instant: Instant) -> None:
    """The fast forms of instants are those of the instants module."""
    text = encode_instant(instant)

    assert decode_instant(text) == from_text(text) == instant
    if instant >= 0:
        assert text == to_text(instant)


@pytest.mark.parametrize("text", ["2026-11-22T18:22:01Z", "2026-11-22T19:22:01.000+01:00"])
def test_other_iso_forms_are_read(text: str) -> None:
    """Files written by others may have another precision or offset."""
    assert decode_instant(text) == from_text("2026-11-22T18:22:01Z")


DOOR = """
[machine]
name = "door"
initial = "shut"
implementation = "door"
doc = "A door."
[states.shut]
doc = "Shut."
[events]
knocked = { class = "Knocked", doc = "Somebody knocked." }
[[transitions]]
source = "shut"
event = "knocked"
stay = "Nobody is in."
"""


@attrs.frozen
class Knocked:
    """An event of a machine outside this package."""

    at: Instant
    times: int | None = None
    guests: tuple[str, ...] = ()
    note: str = attrs.field(default="", metadata={"free_text": True})


@attrs.frozen
class RingHTTPBell:
    """An effect of a machine outside this package."""

    loud: bool


@attrs.frozen
class DoorPolicy:
    """Its settings."""

    open_s: float = 1.0


def _door(**changes: Any) -> Machine[Any, Any]:
    parts: dict[str, Any] = {
        "events": {"knocked": Knocked},
        "guards": {},
        "effects": {},
        "data": DoorPolicy,
        "policy": DoorPolicy,
        "produces": (RingHTTPBell,),
    }
    return Machine(parse_spec(DOOR, "door.toml"), Implementation(**(parts | changes)))


def test_any_machine_can_be_recorded() -> None:
    """Nothing in the codec is about holds."""
    codec = RecordCodec(_door())
    event = Knocked(AT, guests=("Ann", "Bob"), note="ring 030 1234567")
    record = Record(1, "front", event, "shut", "shut", (RingHTTPBell(loud=True),))

    line = codec.encode(record)
    assert json.loads(line)["effects"] == [{"type": "ring_http_bell", "loud": True}]
    assert codec.decode(line, "x") == attrs.evolve(
        record, event=attrs.evolve(event, note="ring [number]")
    )
    line = line[:-19] + b"}"
    with pytest.raises(MalformedRecord, match=re.escape("$.event.guests: expected a list")):
        codec.decode(line.replace(b'["Ann","Bob"]', b'"Ann"'), "x")


def test_classes_that_cannot_be_recorded_are_refused() -> None:
    """The error names the class and what is missing."""
    twin = attrs.make_class("RingHttpBell", ["loud"], frozen=True)
    timeless = attrs.make_class("Knocked", ["times"], frozen=True)
    plain = type("Knocked", (), {"at": AT})

    with pytest.raises(SpecError, match="has the tag 'ring_http_bell' of another effect"):
        RecordCodec(_door(produces=(RingHTTPBell, twin)))
    with pytest.raises(SpecError, match="has no field `at`"):
        RecordCodec(_door(events={"knocked": timeless}))
    with pytest.raises(SpecError, match="is no attrs class"):
        RecordCodec(_door(events={"knocked": plain}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("call +49 (0)30 / 1234-567 now", "call [number] now"),
        ("0301234567", "[number]"),
        ("030.123.45.67", "[number]"),
        ("tel:+4930123 or SIP:bob@pbx", "tel:[address] or SIP:[address]"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [secret]"),
        ("wss://h/x?access_token=s3cr3t&a=1", "wss://h/x?access_token=[secret]&a=1"),
        (f"access_token={ID}", "access_token=[secret]"),
        ('{"client_secret": "s3cr3t"}', '{"client_secret": "[secret]"}'),
        (f"unknown interaction {ID}", f"unknown interaction {ID}"),
        (f"030 1234567 {ID}", f"[number] {ID}"),
        (
            "12345678-1234-4123-8123-123456789012 is gone",
            "12345678-1234-4123-8123-123456789012 is gone",
        ),
        ("since 2026-11-22T18:22:01.123456Z", "since 2026-11-22T18:22:01.123456Z"),
        ("192.168.100.20:8443 hung up", "192.168.100.20:8443 hung up"),
        ("error 503 after 12.5 s", "error 503 after 12.5 s"),
        ("x" * 200 + " 0301234567", "x" * 200 + " [number]"),
    ],
)
def test_numbers_addresses_and_tokens_are_redacted(text: str, found: str) -> None:
    """What could name a caller or open a door is replaced; ids, times and figures stay."""
    assert redact(text) == found


@given(
    st.text(alphabet="0123456789+-. ()/aBbear=[]tel:sipwordTZ", max_size=60) | st.text(max_size=60)
)
@settings(max_examples=300)
def test_redacting_twice_changes_nothing(text: str) -> None:
    """A replayed recording comes out as it was recorded."""
    assert redact(redact(text)) == redact(text)


def test_the_codec_is_for_files_of_any_size(tmp_path: Path) -> None:
    """Lines of one file may be put together without anything between them."""
    path = tmp_path / "two.jsonl"
    path.write_bytes(CODEC.encode(HOLD) + CODEC.encode(attrs.evolve(HOLD, seq=8)))

    assert [CODEC.decode(line, "x").seq for line in path.read_bytes().splitlines()] == [7, 8]
