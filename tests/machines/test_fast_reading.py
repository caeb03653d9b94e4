"""The readers made for speed take what the strict converter takes, and make the same of it."""

import copy
from typing import Any, Literal

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.recorded import TEXTS, instances_of

from hookflash.adapters.specifications import load_machine
from hookflash.machines.conversion import make_converter
from hookflash.machines.effects import EFFECTS
from hookflash.machines.hold_data import HoldData
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Facts, Pending, Timer
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.reading import event_reader_of, reader_of

STRICT = make_converter(detailed=False)


@attrs.frozen
class Odd:
    """Fields of every kind that a machine outside this package may have."""

    at: Instant
    share: float
    code: int | str | None
    level: Literal[1, 2]
    mode: Literal["on", "off"]
    names: list[str]
    guests: tuple[str, ...]
    facts: tuple[Facts, ...]
    later: Instant | None = None
    shares: tuple[float, ...] | None = None
    last: Facts | None = None
    times: int = 3
    sure: bool = False


@attrs.define
class Made:
    """One that does more than to hold its fields: cattrs reads it."""

    names: list[str] = attrs.field(factory=list[str])
    size: int = attrs.field(default=1, validator=attrs.validators.ge(1))


@attrs.frozen
class Around:
    """Has one of these inside."""

    made: Made
    more: tuple[Made, ...] = ()


ODD: dict[str, Any] = {
    "at": "2026-11-22T18:22:01.123456Z",
    "share": 1,
    "code": 5,
    "level": 1,
    "mode": "on",
    "names": ["x"],
    "guests": ["y"],
    "facts": [{"state": "held"}],
    "shares": [0.5, 1],
    "last": {"org_id": "o"},
    "later": "2026-11-22T18:22:02Z",
    "times": 4,
    "sure": True,
}
OTHERS: list[Any] = [
    *(None, True, False, 0, 1, 2, -1, 1.0, 0.5, 2**70, "", "on", "1", "2026-11-22T18:22:01Z"),
    *([], [1], ["x"], [None], [[]], [{}], {}, {"state": None}, {"state": 5}, {"x": 1}),
]


def agree(cls: type, raw: Any) -> None:
    """See that both readers make the same of *raw*, or both refuse it."""
    read = reader_of(cls)
    structure: Any = STRICT.structure
    before = copy.deepcopy(raw)
    try:
        expected = structure(raw, cls)
    except Exception:  # noqa: BLE001 - whatever it refuses with
        with pytest.raises(Exception):  # noqa: B017, PT011 - any will do: the line is read again
            read(raw)
    else:
        found = read(raw)
        assert type(found) is cls
        assert found == expected
        assert repr(found) == repr(expected)  # 1 and True and 1.0 are equal, but not alike
    assert raw == before


@pytest.mark.parametrize("other", OTHERS, ids=repr)
@pytest.mark.parametrize("key", [*ODD, "unknown"])
def test_any_value_in_any_field_is_read_alike(key: str, other: Any) -> None:
    """What is refused is refused by both, also where it is only a little wrong."""
    agree(Odd, ODD | {key: other})
    agree(Odd, {name: value for name, value in ODD.items() if name != key})


@pytest.mark.parametrize("other", [*OTHERS, {"names": ["x"], "size": 1}, {"size": 0}], ids=repr)
def test_what_is_no_object_of_the_class_is_refused_alike(other: Any) -> None:
    """Also by classes whose fields all have defaults, and inside other classes."""
    for cls in (Facts, Made, HoldData, HoldPolicy):
        if other.__class__ in {dict, int, float, bool, type(None)}:
            agree(cls, other)
        else:
            with pytest.raises(Exception):  # noqa: B017, PT011 - the converter takes "" for {}
                reader_of(Facts)(other)
    if isinstance(other, dict):
        agree(Around, {"made": other})
        agree(Around, {"made": {}, "more": [other]})


CLASSES = [
    *load_machine("hold").implementation.events.values(),
    *load_machine("connection").implementation.events.values(),
    *EFFECTS,
    HoldData,
    Pending,
    Timer,
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_is_read_alike(cls: type) -> None:
    """Events, effects and states, with a field changed or gone, too."""

    @settings(max_examples=15, deadline=None)
    @given(instances_of(cls), st.sampled_from(OTHERS), st.randoms(use_true_random=False), TEXTS)
    def alike(value: Any, other: Any, random: Any, unknown: str) -> None:
        raw: dict[str, Any] = orjson.loads(orjson.dumps(STRICT.unstructure(value)))
        agree(cls, raw)
        agree(cls, raw | {unknown: other})
        if raw:
            name = random.choice(sorted(raw))
            agree(cls, raw | {name: other})
            agree(cls, {key: part for key, part in raw.items() if key != name})

    alike()


def test_an_event_whose_class_cattrs_reads_has_its_instant_from_the_record() -> None:
    """Not from among its own fields."""

    @attrs.define
    class Rung:
        at: Instant
        size: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    read = event_reader_of(Rung)
    at = "2026-01-10T13:00:00.000000Z"
    assert read({"type": "rung", "size": 2}, at) == Rung(from_text(at), 2)
    with pytest.raises(ValueError, match=r"^$"):
        read({"type": "rung", "size": 2, "at": at}, at)
