"""The corners of the conversion: other spellings of times, full caches, values of no kind."""

import json
import re
from typing import Any

import attrs
import pytest

from hookflash.adapters.specifications import load_machine
from hookflash.machines import conversion, reading
from hookflash.machines.codec import RecordCodec
from hookflash.machines.conversion import decode_instant, encode_instant, explain, make_converter
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.events import LinkRestored
from hookflash.machines.instants import Instant, from_text, to_text
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.records import InteractionState, Record
from hookflash.machines.spec import parse_spec

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CODEC = RecordCodec(load_machine("hold"))
SOON: Any = "soon"
LINE = CODEC.encode(Record(1, ID, LinkRestored(AT), "held", "held", ()))


def _line(**changes: Any) -> bytes:
    raw = json.loads(LINE) | changes
    del raw["sum"]
    return json.dumps(raw).encode()


def test_a_decimal_comma_is_read() -> None:
    """ISO 8601 allows it, and the fast way does not take it for something else."""
    assert decode_instant("2031-11-22T18:22:01,123456Z") == from_text("2031-11-22T18:22:01.123456Z")
    assert decode_instant("2031-11-22T18:22:01.654321Z") == from_text("2031-11-22T18:22:01.654321Z")


@pytest.mark.parametrize("text", ["2031-11-22T182201,9.123456Z", "2031-11-22T18:22:01.12345Z"])
def test_the_fast_way_takes_no_other_text(text: str) -> None:
    """A text is read alike the first time and afterwards, when its beginning may be known."""
    for _ in range(2):
        try:
            expected: object = from_text(text)
        except ValueError:
            with pytest.raises(ValueError, match="Invalid isoformat"):
                decode_instant(text)
        else:
            assert decode_instant(text) == expected


def test_the_kept_texts_are_bounded_and_stay_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """More seconds than are kept: both caches begin anew, and no instant changes."""
    monkeypatch.setattr(conversion, "_SECONDS_KEPT_MAX", 3)
    texts: dict[int, str] = {}
    values: dict[str, int] = {}
    monkeypatch.setattr(conversion, "_second_texts", texts)
    monkeypatch.setattr(conversion, "_second_values", values)
    for second in (*range(10), *range(10)):
        instant = Instant(AT + second * 1_000_000)
        assert encode_instant(instant) == to_text(instant)
        assert decode_instant(to_text(instant)) == instant
        assert len(texts) <= 3
        assert len(values) <= 3


@pytest.mark.parametrize("effects", [{}, None, "send_hold", 3])
def test_effects_that_are_no_list_are_named(effects: object) -> None:
    """Whatever stands in their place."""
    with pytest.raises(MalformedRecord, match=re.escape("x:1: $.effects: expected a list")):
        CODEC.decode(_line(effects=effects), "x:1")


@pytest.mark.parametrize(
    ("event", "effect", "problem"),
    [
        (LinkRestored(SOON), (), "record 4: cannot be written: TypeError"),
        (None, (), "record 4: NoneType is no class of this machine"),
        (LinkRestored(AT), ("wait",), "record 4: str is no class of this machine"),
    ],
)
def test_what_cannot_be_written_is_named(event: Any, effect: tuple[Any, ...], problem: str) -> None:
    """A mistake of a machine or adapter says which record and what in it."""
    with pytest.raises(MalformedRecord, match=re.escape(problem)):
        CODEC.encode(Record(4, ID, event, "held", "held", effect))


@attrs.frozen
class Measured:
    """A class with a plain number."""

    share: float


@pytest.mark.parametrize("share", ["0.5", None, True, [0.5]])
def test_a_number_is_a_number(share: object) -> None:
    """A text, true or a list is none; whole numbers are."""
    for detailed in (True, False):
        converter = make_converter(detailed=detailed)
        assert converter.structure({"share": 1}, Measured) == Measured(1)
        assert converter.structure({"share": 0.5}, Measured) == Measured(0.5)
    with pytest.raises(ValueError, match=r"^\$\.share: expected a number, got "):
        explain(make_converter(detailed=True), {"share": share}, Measured, "$")


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_what_is_no_object_is_named_with_its_path(value: object) -> None:
    """An attrs class is made of an object."""
    with pytest.raises(ValueError, match=re.escape("$.event: expected an object")):
        explain(make_converter(detailed=True), value, Measured, "$.event")


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


ANSWERS: list[bool] = []


def _is_fine(*_: Any) -> None:
    if not ANSWERS.pop(0):
        raise ValueError("not now")


@attrs.frozen
class Knocked:
    """An event that refuses now and then."""

    at: Instant
    times: int = attrs.field(validator=_is_fine)


@attrs.frozen
class Memory:
    """Data that refuses now and then."""

    size: int = attrs.field(validator=_is_fine)


@attrs.frozen
class DoorPolicy:
    """Data and policy of a machine that has none."""


def test_a_class_that_changes_its_mind_is_still_one_error() -> None:
    """What is wrong may be gone when it is looked for: it is no record all the same."""
    ANSWERS[:] = [False, True]
    implementation = Implementation(
        events={"knocked": Knocked},
        guards={},
        effects={},
        data=DoorPolicy,
        policy=DoorPolicy,
        produces=(),
    )
    machine: Machine[Any, Any] = Machine(parse_spec(DOOR, "door.toml"), implementation)
    codec = RecordCodec(machine)

    with pytest.raises(MalformedRecord, match="x:1: not a record of this machine"):
        codec.decode(_line(event={"type": "knocked", "times": 1}), "x:1")
    assert ANSWERS == []


def test_a_state_that_changes_its_mind_is_still_one_error() -> None:
    """The same for the data of an interaction."""
    ANSWERS[:] = [True]
    memory = Memory(0)
    implementation = Implementation(
        events={"knocked": Knocked},
        guards={},
        effects={},
        data=lambda: memory,
        policy=DoorPolicy,
        produces=(),
    )
    machine: Machine[Any, Any] = Machine(parse_spec(DOOR, "door.toml"), implementation)
    ANSWERS[:] = [True, False, True]
    codec = RecordCodec(machine)
    line = codec.encode_state(InteractionState(1, machine.start("front")))

    assert codec.decode_state(line, "x:1").interaction == machine.start("front")
    with pytest.raises(MalformedRecord, match="x:1: not an interaction of this machine"):
        codec.decode_state(line, "x:1")
    assert ANSWERS == []


def test_the_kept_readers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each class has one reader; more classes than are kept begin anew."""
    kept: dict[type, Any] = {}
    monkeypatch.setattr(reading, "_kept_readers", kept)
    monkeypatch.setattr(reading, "_KEPT_MAX", 2)
    first = reading.reader_of(Measured)

    assert reading.reader_of(Measured) is first
    for cls in (Knocked, DoorPolicy, Memory):
        reading.reader_of(cls)
        assert len(kept) <= 2
    assert reading.reader_of(Measured)({"share": 1}) == Measured(1)
