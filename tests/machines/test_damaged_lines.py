"""Damage to a line is noticed: never is another value read than the one that was written."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.recorded import INSTANTS, TEXTS, instances_of, values_of
from tests.machines.ruled import (
    ASKED,
    CHANGE,
    DONE,
    KEPT,
    RULINGS,
    SMALL_RULING,
    STATES,
    TOLD_EVENT,
    redacted,
)

from hookflash.adapters.specifications import load_machine
from hookflash.machines import effects, events
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import (
    decode_header,
    encode_definition_change,
    encode_header,
    encode_policy_change,
    encode_told,
)
from hookflash.machines.hold_data import HoldData
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Facts, Interaction, Pending, Timer
from hookflash.machines.records import (
    DefinitionChange,
    Header,
    InteractionState,
    PolicyChange,
    Record,
    Told,
)
from hookflash.machines.rule_lines import encode_aside
from hookflash.machines.rules.ruling import Ruling

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
MACHINE = load_machine("hold")
CODEC = RecordCodec(MACHINE)
DIGEST = MACHINE.spec.digest
TEXT = "[machine]\nname = 'door'"  # a short one: the line's reader does not look at it

REQUESTED = Record(
    7,
    ID,
    events.HoldRequested(AT, CORRELATION, Instant(AT - 900), "x", 5, facts=Facts("active")),
    "active",
    "hold_pending",
    (effects.SendHold(CORRELATION, "x", 5), effects.StartTimer(Timer("ack", ID, AT))),
)
STATE = InteractionState(
    7,
    Interaction(
        ID,
        "hold_pending",
        HoldData(AT, failed_lookups=1),
        Pending(CORRELATION, CORRELATION, "hold", "caller", AT, 5),
        (Timer("ack", CORRELATION, AT),),
    ),
)
RULED = Record(7, ID, events.LinkLost(AT), "held", "held", (), rules=SMALL_RULING)
RULED_STATE = InteractionState(7, Interaction(ID, "active", HoldData(AT), rules=KEPT))
HEADER = Header("door", DIGEST, {"limit_s": 5.0}, "h:1", AT, definition=TEXT, first_seq=3)
Read = Callable[[bytes, str], Any]
LINES: list[tuple[Any, bytes, Read]] = [
    (HEADER, encode_header(HEADER), decode_header),
    (REQUESTED, CODEC.encode(REQUESTED), CODEC.decode_entry),
    *(
        (record, CODEC.encode(record), CODEC.decode_entry)
        for record in (
            Record(7, ID, events.LinkLost(AT), "held", "held", (), begins=True),
            Record(7, ID, events.LinkLost(AT), "held", "held", (), spec_hash=DIGEST),
        )
    ),
    (STATE, CODEC.encode_state(STATE), CODEC.decode_entry),
    *(
        (change, encode_policy_change(change), CODEC.decode_entry)
        for change in [PolicyChange(AT, {"limit_s": 5.0})]
    ),
    *(
        (change, encode_definition_change(change), CODEC.decode_entry)
        for change in [DefinitionChange(AT, DIGEST, TEXT, {"limit_s": 5.0})]
    ),
    (Told(12), encode_told(Told(12)), CODEC.decode_entry),
    (RULED, CODEC.encode(RULED), CODEC.decode_entry),
    (RULED_STATE, CODEC.encode_state(RULED_STATE), CODEC.decode_entry),
    *(
        (aside, encode_aside(aside), CODEC.decode_entry)
        for aside in (CHANGE, ASKED, TOLD_EVENT, DONE)
    ),
]
NAMES = [
    *("header", "record", "begins", "spec", "state", "policy", "definition", "told"),
    *("ruling", "ruled state", "rules_change", "rules", "own event", "actions_done"),
]


def refused_or_alike(line: bytes, value: Any, read: Read) -> bool:
    """Tell whether *line* is refused; it must not be another value that it is read as."""
    try:
        found = read(line, "line")
    except MalformedRecord:
        return True
    assert found == value, line
    return False


@pytest.mark.parametrize(("value", "line", "read"), LINES, ids=NAMES)
def test_every_flipped_bit_is_noticed(value: Any, line: bytes, read: Read) -> None:
    """Each bit of each line, one at a time; only what stands behind the line does not matter."""
    for at in range(len(line)):
        for bit in range(8):
            damaged = bytearray(line)
            damaged[at] ^= 1 << bit
            refused = refused_or_alike(bytes(damaged), value, read)
            assert refused or at == len(line) - 1, (at, bit)


@pytest.mark.parametrize(("value", "line", "read"), LINES, ids=NAMES)
def test_every_lost_or_doubled_byte_is_noticed(value: Any, line: bytes, read: Read) -> None:
    """Each byte of each line taken away, or written twice."""
    for at in range(len(line) - 1):
        assert refused_or_alike(line[:at] + line[at + 1 :], value, read)
        assert refused_or_alike(line[: at + 1] + line[at:], value, read)


@given(st.sampled_from(LINES), st.integers(0, 2000), st.binary(min_size=1, max_size=4))
@settings(max_examples=500, deadline=None)
def test_overwritten_bytes_are_noticed(
    case: tuple[Any, bytes, Read], where: int, garbage: bytes
) -> None:
    """Up to four bytes in a row, which a CRC-32 always notices."""
    value, line, read = case
    at = where % (len(line) - len(garbage))
    damaged = line[:at] + garbage + line[at + len(garbage) :]

    assert refused_or_alike(damaged, value, read) or damaged == line


@pytest.mark.parametrize(("value", "line", "read"), LINES, ids=NAMES)
def test_every_torn_line_is_noticed(value: Any, line: bytes, read: Read) -> None:
    """A line that ends too early is none, unless only its newline is missing."""
    for end in range(len(line) - 1):
        assert refused_or_alike(line[:end], value, read)
    assert not refused_or_alike(line[:-1], value, read)


# --- states ---------------------------------------------------------------------------------------

TIMERS = st.lists(
    instances_of(Timer, name=st.sampled_from(sorted(MACHINE.spec.timers))), max_size=3
).map(tuple)


@given(
    st.builds(
        Interaction,
        TEXTS,
        st.sampled_from(sorted(MACHINE.spec.states)),
        instances_of(HoldData),
        values_of(Pending | None),
        TIMERS,
        st.none() | STATES.map(redacted),
    ),
    st.integers(0, 2**63 - 1),
    st.none() | st.just(DIGEST),
)
@settings(max_examples=100, deadline=None)
def test_every_state_comes_back_as_it_was(
    interaction: Interaction[HoldData], seq: int, spec_hash: str | None
) -> None:
    """A state of any interaction is equal to the one read from its line."""
    state = InteractionState(seq, interaction, spec_hash)

    assert CODEC.decode_state(CODEC.encode_state(state), "line") == state


PLACES = [
    *("rules", "memory", "trace", "actions", "open", "org", "alarm", "rare", "about"),
    *("serial", "history", "at", "interaction", "id", "action", "rule", "type"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["kind", "seq", "interaction", "spec", "id", "state", "data", "pending", "x"]),
    JSON,
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_any_json_in_a_state_is_read_or_refused(key: str, value: Any, inside: bool) -> None:  # noqa: FBT001 - a drawn value
    """Whatever stands in a field, nothing but a MalformedRecord is raised, by no reader."""
    import orjson  # noqa: PLC0415

    raw = orjson.loads(CODEC.encode_state(STATE))
    del raw["sum"]
    (raw["interaction"] if inside else raw)[key] = value
    try:
        line = orjson.dumps(raw)
    except TypeError:
        return
    for read in (CODEC.decode_entry, CODEC.decode, CODEC.decode_state, decode_header):
        try:
            read(line, "line")
        except MalformedRecord as error:
            assert error.message.startswith("line: ")  # noqa: PT017


@given(st.none() | RULINGS, st.booleans())
@settings(max_examples=100, deadline=None)
def test_every_ruling_comes_back_as_it_was(ruling: Ruling | None, begins: bool) -> None:  # noqa: FBT001 - a drawn value
    """A record with any ruling is equal to the one read from its line, but for secrets."""
    record = attrs.evolve(RULED, rules=ruling, begins=begins)
    expected = attrs.evolve(record, rules=None if ruling is None else redacted(ruling))

    assert CODEC.decode(CODEC.encode(record), "line") == expected


def put_into(document: dict[str, Any], path: list[str], value: Any) -> None:
    """Put *value* at *path*, or as deep as it leads; of a list it leads to the first."""
    name, *rest = path
    inner: Any = document.get(name)
    if inner.__class__ is list and inner:
        inner = inner[0]
    if rest and inner.__class__ is dict:
        put_into(inner, rest, value)
    else:
        document[name] = value


@given(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4), JSON)
@settings(max_examples=500, deadline=None)
def test_any_json_in_a_ruling_is_read_or_refused(path: list[str], value: Any) -> None:
    """Whatever stands anywhere in what rules decided, nothing but a MalformedRecord is raised."""
    import orjson  # noqa: PLC0415

    for line in (CODEC.encode(RULED), CODEC.encode_state(RULED_STATE), encode_aside(ASKED)):
        raw = orjson.loads(line)
        del raw["sum"]
        put_into(raw["interaction"] if raw.get("kind") == "interaction" else raw, path, value)
        try:
            changed = orjson.dumps(raw)
        except TypeError:
            return
        try:
            CODEC.decode_entry(changed, "line")
        except MalformedRecord as error:
            assert error.message.startswith("line: ")  # noqa: PT017


@given(INSTANTS, st.text(max_size=20))
@settings(max_examples=50, deadline=None)
def test_changes_come_back_as_they_were(at: Instant, text: str) -> None:
    """A change of definition is equal to the one read from its line, whatever text it has."""
    change = DefinitionChange(at, DIGEST, text, {"reasons": [text]})

    assert CODEC.decode_entry(encode_definition_change(change), "line") == change
    header = attrs.evolve(HEADER, definition=text, created=at)
    assert decode_header(encode_header(header), "line") == header
