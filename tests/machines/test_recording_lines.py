"""The lines of a recording that are no records: headers, changes, states, and their checksums."""

import json
import re
from pathlib import Path
from typing import Any
from zlib import crc32

import attrs
import pytest
from tests.machines.ruled import ASKED, CHANGE, DONE, KEPT, RULING, TOLD_EVENT

from hookflash.adapters.specifications import load_machine
from hookflash.machines import events
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import (
    decode_between,
    decode_definition_change,
    decode_header,
    decode_policy_change,
    decode_told,
    encode_definition_change,
    encode_header,
    encode_policy_change,
    encode_told,
)
from hookflash.machines.hold_data import Earlier, Hold, HoldData
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Interaction, Pending, Refusal, Timer
from hookflash.machines.lines import RECORD, dump_line, kind_of, parse_line, sum_fits
from hookflash.machines.policy import GroupPolicy, HoldPolicy
from hookflash.machines.records import (
    DefinitionChange,
    Entry,
    InteractionState,
    PolicyChange,
    Record,
    Told,
)
from hookflash.machines.rule_lines import encode_aside

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
MACHINE = load_machine("hold")
CODEC = RecordCodec(MACHINE)
OLD = Path(__file__).parent / "recordings" / "format-1.jsonl"

RECORD_HERE = Record(
    7, ID, events.LinkLost(AT), "held", "held", (), begins=True, spec_hash=MACHINE.spec.digest
)
STATE = InteractionState(
    7,
    Interaction(
        ID,
        "unhold_pending",
        HoldData(
            AT,
            Hold(CORRELATION, AT, Instant(AT + 900_000_000), "release", reason="consultation"),
            (Earlier(CORRELATION, "hold", answered=True),),
            "sg-1",
        ),
        Pending(CORRELATION, CORRELATION, "unhold", "caller", AT, 5, refusal=Refusal(429, "wait")),
        (Timer("ack", CORRELATION, Instant(AT + 5_000_000)), Timer("limit", CORRELATION, AT)),
    ),
    MACHINE.spec.digest,
)
POLICY = PolicyChange(AT, CODEC.policy_fields())
DEFINITION = DefinitionChange(AT, MACHINE.spec.digest, MACHINE.spec.text, CODEC.policy_fields())
RULED = attrs.evolve(RECORD_HERE, rules=RULING)
RULED_STATE = attrs.evolve(STATE, interaction=attrs.evolve(STATE.interaction, rules=KEPT))
ENTRIES: list[tuple[Entry, bytes]] = [
    (RECORD_HERE, CODEC.encode(RECORD_HERE)),
    (attrs.evolve(RECORD_HERE, begins=False, spec_hash=None), b""),
    (STATE, CODEC.encode_state(STATE)),
    (POLICY, encode_policy_change(POLICY)),
    (DEFINITION, encode_definition_change(DEFINITION)),
    (Told(12), encode_told(Told(12))),
    (RULED, CODEC.encode(RULED)),
    (RULED_STATE, CODEC.encode_state(RULED_STATE)),
    *((aside, encode_aside(aside)) for aside in (CHANGE, ASKED, TOLD_EVENT, DONE)),
]
ENTRIES[1] = (ENTRIES[1][0], CODEC.encode(attrs.evolve(RECORD_HERE, begins=False, spec_hash=None)))


def without_sum(line: bytes, **changes: Any) -> bytes:
    """Return *line* as somebody else may write it, with changes; `"gone"` takes a key away."""
    raw = json.loads(line) | {"sum": "gone"} | changes
    return json.dumps({key: value for key, value in raw.items() if value != "gone"}).encode()


# --- checksums ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("_", "line"), ENTRIES)
def test_every_line_ends_in_its_checksum(_: Entry, line: bytes) -> None:
    """The CRC-32 of all that stands before it, the last key of each line."""
    document, found, end = line.rpartition(b',"sum":"')

    assert found
    assert end == b'%08x"}\n' % crc32(document)
    assert sum_fits(line)
    assert sum_fits(line.decode())
    assert "sum" not in parse_line(line)


@pytest.mark.parametrize(("entry", "line"), ENTRIES)
def test_every_line_comes_back(entry: Entry, line: bytes) -> None:
    """As it was written, without its newline, with another one, and without its checksum."""
    for text in (line, line.rstrip(), line.rstrip() + b"\r\n", without_sum(line)):
        assert CODEC.decode_entry(text, "line") == entry


def test_a_checksum_elsewhere_does_not_count() -> None:
    """It stands at the end, in small letters, once and nothing after it."""
    line = encode_told(Told(12)).rstrip()
    key = line[-18:-1]
    for changed in (
        line.replace(key, b"") + b"",
        b"{" + key[1:] + b"," + line.replace(key, b"")[1:],
        line.replace(key[-9:], key[-9:].upper()),
        line[:-1] + b',"through":12}',
        line.replace(b',"sum"', b', "sum"'),
    ):
        assert sum_fits(changed) is False


# --- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (CODEC.encode(RECORD_HERE), RECORD),
        (encode_told(Told(1)), "told"),
        (b'{ "kind": "policy"}', "policy"),
        (b'{"through":1,"kind":"told"}', "told"),
        (b'{"kind":5}', RECORD),
        (b'{"kind" : 5}', RECORD),
        (b'{"at":"","seq":1}', RECORD),
        (b'{"kind":"to', "to"),
        (b'{"kin', RECORD),
        (b"[]", RECORD),
        (b"", RECORD),
    ],
)
def test_a_line_tells_its_kind(line: bytes, kind: str) -> None:
    """By its first bytes where we wrote it, by its key `kind` where somebody else did."""
    assert kind_of(line) == kind


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"kind":"party"}', "$.kind: unknown kind 'party'"),
        (b'{"kind":"told","through":-1}', "$.through: expected a whole number from 0"),
        (b'{"kind":"told","through":true}', "$.through: expected a whole number"),
        (b'{"kind":"told"}', "`through` is missing"),
        (b'{"kind":"told","through":1,"sum":"00000000"}', "$.sum: the checksum does not fit"),
        (encode_header(CODEC.new_header("localhost:8443", AT)), "$.kind: a second header"),
        (without_sum(encode_policy_change(POLICY), at=5), "$.at"),
        (without_sum(encode_definition_change(DEFINITION), definition=5), "$.definition"),
        (b'{"kind":"to', "unknown kind 'to'"),
        (b'{"kind":5}', "$: `at` is missing"),
    ],
)
def test_what_may_not_follow_a_header_is_named(line: bytes, problem: str) -> None:
    """An entry of no known kind, or one that is not as it should be, says so."""
    with pytest.raises(MalformedRecord, match=re.escape(problem)) as caught:
        CODEC.decode_entry(line, "day.jsonl: line 3")
    assert caught.value.place == "day.jsonl: line 3"


def test_a_reader_takes_its_own_kind_only() -> None:
    """A line of one kind is no line of another."""
    with pytest.raises(MalformedRecord, match=re.escape("$.kind: expected 'policy'")):
        decode_policy_change(encode_told(Told(1)), "line")
    with pytest.raises(MalformedRecord, match=re.escape("$.kind: expected 'told'")):
        decode_told(encode_policy_change(POLICY), "line")
    with pytest.raises(MalformedRecord, match=re.escape("$.kind: expected 'definition'")):
        decode_definition_change(encode_policy_change(POLICY), "line")
    assert decode_between(encode_told(Told(1)).decode(), "told", "line") == Told(1)


# --- headers --------------------------------------------------------------------------------------


def test_the_header_comes_back_with_policy_and_definition() -> None:
    """Machine, its whole definition, gateway and policy stand in the first line."""
    policy = HoldPolicy(
        limit_s=60,
        on_limit="expire",
        policy=(GroupPolicy(skill_group="sg-1", reasons=("queueing",)),),
    )
    codec = RecordCodec(MACHINE.with_policy(policy))
    header = codec.new_header("localhost:8443", AT, 7)

    line = encode_header(header)
    found = decode_header(line, "line 1")
    assert found == header
    assert codec.policy_of(found, "line 1") == policy
    raw = json.loads(line)
    assert raw["format"] == 2
    assert (raw["kind"], raw["machine"], raw["first_seq"]) == ("recording", "hold", 7)
    assert (raw["spec_hash"], raw["definition"]) == (MACHINE.spec.digest, MACHINE.spec.text)
    assert raw["policy"]["policy"] == [
        {"skill_group": "sg-1", "deny": False, "reasons": ["queueing"]}
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "audit"}, "$.kind: expected 'recording'"),
        ({"format": 3}, "$.format: expected 2 or earlier: the recording was made by a later"),
        ({"format": 0}, "$.format: expected 2"),
        ({"format": True}, "$.format: expected 2"),
        ({"format": "2"}, "$.format: expected 2"),
        ({"format": [2]}, "$.format: expected 2"),
        ({"format": 1}, "$: unknown keys 'definition', 'first_seq'"),
        ({"created": "yesterday"}, "$.created"),
        ({"gateway": None}, "$.gateway: expected text, got null"),
        ({"policy": []}, "$.policy"),
        ({"definition": "gone"}, "$.definition: `definition` is missing"),
        ({"first_seq": -1}, "$.first_seq: expected a whole number from 0"),
        ({"first_seq": 2**63}, "$.first_seq: expected a whole number from 0"),
        ({"sum": "00000000"}, "$.sum: the checksum does not fit"),
    ],
)
def test_a_damaged_header_is_named(change: dict[str, Any], problem: str) -> None:
    """The error says which key of the header is not as it should be."""
    line = without_sum(encode_header(CODEC.new_header("localhost:8443", AT)), **change)

    with pytest.raises(MalformedRecord, match=re.escape(problem)):
        decode_header(line, "line 1")


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"limit_s": 0}, "$.policy"),
        ({"limits": 5}, "unknown keys 'limits'"),
        ({"reasons": "queueing"}, "$.policy.reasons: expected a list, got text"),
        ({"on_limit": "wait"}, "$.policy.on_limit: expected 'release' or 'expire'"),
    ],
)
def test_a_policy_of_no_use_is_named(policy: dict[str, Any], problem: str) -> None:
    """A policy that its class does not take is a MalformedRecord with the path."""
    header = attrs.evolve(CODEC.new_header("localhost:8443", AT), policy=policy)

    with pytest.raises(MalformedRecord, match=re.escape(problem)):
        CODEC.policy_of(header, "line 1")


def test_changes_hold_a_policy_too() -> None:
    """What a change names is read as a header's policy is."""
    assert CODEC.policy_of(POLICY, "x") == CODEC.policy_of(DEFINITION, "x") == MACHINE.policy


# --- format 1 -------------------------------------------------------------------------------------


def test_recordings_of_format_1_are_read_for_ever() -> None:
    """One that an earlier version made: every event and effect, and a change of the policy."""
    header_line, *lines = OLD.read_bytes().splitlines(keepends=True)
    header = decode_header(header_line, "line 1")
    codec = RecordCodec(MACHINE, format=header.format)
    entries = [codec.decode_entry(line, "line") for line in lines]
    records = [entry for entry in entries if isinstance(entry, Record)]

    assert (header.format, header.machine, header.definition) == (1, "hold", None)
    assert (header.gateway, header.first_seq) == ("localhost:8443", 1)
    assert codec.policy_of(header, "line 1").policy[2] == GroupPolicy(
        skill_group="sg-legal", deny=True
    )
    assert [record.seq for record in records] == list(range(1, 54))
    assert {record.begins for record in records} == {None}
    assert {type(record.event) for record in records} == set(MACHINE.implementation.events.values())
    assert {type(effect) for record in records for effect in record.effects} == set(
        MACHINE.implementation.produces
    )
    change = entries[13]
    assert isinstance(change, PolicyChange)
    assert codec.policy_of(change, "line 15").limit_s == 60.0
    for entry, line in zip(entries, lines, strict=True):
        if isinstance(entry, Record):
            assert parse_line(codec.encode(entry)) == parse_line(line)
            step = codec.decode_step(line, "line")
            assert (step.begins, step.spec_hash, step.event) == (None, None, entry.event)


@pytest.mark.parametrize("key", ["begins", "spec"])
def test_format_1_has_no_keys_of_format_2(key: str) -> None:
    """What it did not have is an unknown key; nobody wrote it."""
    line = without_sum(CODEC.encode(RECORD_HERE), begins="gone", spec="gone")
    value: Any = True if key == "begins" else MACHINE.spec.digest
    codec = RecordCodec(MACHINE, format=1)

    assert codec.decode(line, "x") == attrs.evolve(RECORD_HERE, begins=None, spec_hash=None)
    with pytest.raises(MalformedRecord, match=re.escape(f"$: unknown key {key!r}")):
        codec.decode(without_sum(line, **{key: value}), "x")


def test_a_header_of_format_1_is_not_written() -> None:
    """Only the present format is."""
    header = decode_header(OLD.read_bytes().splitlines()[0], "line 1")

    with pytest.raises(MalformedRecord, match="the header: has no definition"):
        encode_header(header)


# --- states ---------------------------------------------------------------------------------------


def test_a_state_is_what_the_format_says() -> None:
    """Keys, tags, ISO instants and left-out Nones are as the format has them."""
    line = CODEC.encode_state(attrs.evolve(STATE, spec_hash=None))

    assert line.startswith(b'{"kind":"interaction","seq":7,"interaction":{"id":"7c9e6679-')
    raw = parse_line(line)
    assert raw.keys() == {"kind", "seq", "interaction"}
    found = raw["interaction"]
    assert (found["state"], found["data"]["earlier"][0]["answered"]) == ("unhold_pending", True)
    assert found["data"]["hold"]["since"] == "2026-11-22T18:22:01.123456Z"
    assert found["pending"]["refusal"] == {"code": 429, "message": "wait"}
    assert found["timers"][1]["name"] == "limit"
    fresh = InteractionState(0, MACHINE.start(ID))
    assert parse_line(CODEC.encode_state(fresh))["interaction"].keys() == {
        "id",
        "state",
        "data",
        "timers",
    }
    assert CODEC.decode_state(CODEC.encode_state(fresh), "x") == fresh


def test_free_text_of_a_state_is_redacted() -> None:
    """What a caller or a gateway wrote is written as it is in records."""
    refusal = Refusal(message="call 030 1234567")
    pending = Pending(CORRELATION, CORRELATION, "hold", "a", AT, 5, "tel:123", refusal=refusal)
    line = CODEC.encode_state(
        attrs.evolve(STATE, interaction=attrs.evolve(STATE.interaction, pending=pending))
    )

    found = CODEC.decode_state(line, "x").interaction.pending
    assert found is not None
    assert (found.reason, found.refusal) == ("tel:[address]", Refusal(message="call [number]"))


def _state(**changes: Any) -> bytes:
    line = CODEC.encode_state(STATE)
    fields = json.loads(line)["interaction"] | changes
    return without_sum(
        line, interaction={key: value for key, value in fields.items() if value != "gone"}
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "the line is empty"),
        (b"[]", "$: expected an object"),
        (without_sum(CODEC.encode_state(STATE), kind="told"), "$.kind: expected 'interaction'"),
        (without_sum(CODEC.encode_state(STATE), kind="gone"), "$: `kind` is missing"),
        (without_sum(CODEC.encode_state(STATE), more=1), "$: unknown key 'more'"),
        (without_sum(CODEC.encode_state(STATE), seq=-1), "$.seq: expected a whole number"),
        (without_sum(CODEC.encode_state(STATE), seq=True), "$.seq: expected a whole number"),
        (without_sum(CODEC.encode_state(STATE), spec="0" * 64), "$.spec: is of another definition"),
        (without_sum(CODEC.encode_state(STATE), spec=None), "$.spec: expected text"),
        (without_sum(CODEC.encode_state(STATE), sum="0"), "$.sum: the checksum does not fit"),
        (without_sum(CODEC.encode_state(STATE), interaction=[]), "$.interaction: expected an obj"),
        (_state(id=5), "$.interaction.id: expected text"),
        (_state(id="gone"), "$.interaction: `id` is missing"),
        (_state(more=5), "$.interaction: unknown key 'more'"),
        (_state(state="asleep"), "$.interaction.state: no state of the machine 'hold'"),
        (_state(state=["held"]), "$.interaction.state: no state of the machine 'hold'"),
        (_state(data=[]), "$.interaction.data: expected an object"),
        (_state(data={"holds": 1}), "$.interaction.data: unknown keys 'holds'"),
        (_state(pending="x"), "$.interaction.pending: expected an object"),
        (_state(timers=5, pending=None), "$.interaction.timers: expected a list"),
        (_state(timers={}), "$.interaction.timers: expected a list"),
        (_state(timers=["ack"]), "$.interaction.timers[0]: expected an object"),
        (
            _state(timers=[{"name": "tea", "owner": "x", "due_at": "2026-11-22T18:22:01Z"}]),
            "$.interaction.timers[0].name: no timer of the machine 'hold'",
        ),
        (
            _state(timers=[{"name": "ack", "owner": "x"}]),
            "$.interaction.timers[0].due_at: ",
        ),
    ],
)
def test_a_damaged_state_is_named(line: bytes, problem: str) -> None:
    """The error says the place in the file, the path in the line, and what is wrong."""
    with pytest.raises(MalformedRecord, match=re.escape(f"line 3: {problem}")) as caught:
        CODEC.decode_state(line, "line 3")
    assert caught.value.place == "line 3"


def test_no_command_may_be_null() -> None:
    """Somebody else may write it out that nothing is pending."""
    found = CODEC.decode_state(_state(pending=None), "x")

    assert found == attrs.evolve(STATE, interaction=attrs.evolve(STATE.interaction, pending=None))


def test_a_state_of_another_machine_cannot_be_written() -> None:
    """Data of another class is an error that says which state."""
    broken: Any = attrs.evolve(STATE.interaction, data=Timer("ack", ID, AT))

    with pytest.raises(MalformedRecord, match="the state of an interaction at 7: cannot be"):
        CODEC.encode_state(attrs.evolve(STATE, interaction=broken))


def test_a_line_has_to_be_json() -> None:
    """A document that JSON has no words for is not written."""
    with pytest.raises(MalformedRecord, match="the header: cannot be written as JSON"):
        dump_line({"policy": object()}, "the header")
