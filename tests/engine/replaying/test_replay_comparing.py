"""Effects beside recorded ones: the same without writing them, and where they differ."""

import copy
from typing import Any

import attrs
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from tests.machines.recorded import instances_of

from hookflash.adapters.specifications import load_machine
from hookflash.engine.replaying.comparing import (
    as_json,
    comparers_of,
    differences,
    effect_differences,
    same_effects,
)
from hookflash.machines.codec import RecordCodec
from hookflash.machines.conversion import encode_instant
from hookflash.machines.effects import EFFECTS, StartTimer, StopTimer
from hookflash.machines.hold import IMPLEMENTATION
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Timer
from hookflash.machines.machine import Machine

MACHINE = load_machine("hold")
CODEC = RecordCodec(MACHINE)
COMPARERS = comparers_of(CODEC)


def same(recorded: list[dict[str, Any]], made: list[Any], at: int = 0) -> bool:
    return same_effects(COMPARERS, recorded, made, Instant(at), encode_instant(Instant(at)))


@pytest.mark.parametrize("cls", EFFECTS, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_what_is_written_is_the_same(cls: type, data: st.DataObject) -> None:
    """Every effect compares with what a recording has of it, and not with anything else."""
    effect = data.draw(instances_of(cls))
    recorded = as_json(CODEC.written([effect]))
    at = data.draw(st.sampled_from([0, getattr(effect, "at", 0)]))
    assert same(recorded, [effect], at)
    changed = copy.deepcopy(recorded)
    key = data.draw(st.sampled_from(sorted(changed[0])))
    kind = data.draw(st.sampled_from(["other", "gone", "more"]))
    if kind == "gone":
        del changed[0][key]
    elif kind == "more":
        changed[0]["further"] = 1
    else:
        changed[0][key] = {"something": "else"}
    assert not same(changed, [effect], at)


def test_more_or_fewer_effects_are_not_the_same() -> None:
    """The number of effects counts, and their order."""
    stop = StopTimer("ack")
    recorded = as_json(CODEC.written([stop]))
    assert not same(recorded, [])
    assert not same(recorded, [stop, stop])
    start = StartTimer(Timer("ack", "a", Instant(5)))
    assert not same(as_json(CODEC.written([stop, start])), [start, stop])


def test_an_effect_of_unusual_fields_is_compared_as_json() -> None:
    """Classes with fields that no comparer is written for are written out and compared."""

    @frozen
    class Tell:
        names: tuple[str, ...]
        more: dict[str, int] = attrs.field(factory=dict[str, int])

    produces = (*IMPLEMENTATION.produces, Tell)
    changed = attrs.evolve(IMPLEMENTATION, produces=produces)
    machine: Machine[Any, Any] = Machine(MACHINE.spec, changed)
    codec = RecordCodec(machine)
    comparers = comparers_of(codec)
    effect = Tell(("a", "b"), {"c": 1})
    (recorded,) = as_json(codec.written([effect]))
    assert comparers[Tell](recorded, effect, Instant(0), "")
    assert not comparers[Tell](recorded | {"names": ["a"]}, effect, Instant(0), "")


def test_differences_are_named_by_their_paths() -> None:
    """Each leaf that differs is named with both sides, what is missing as nothing."""
    recorded = {"a": 1, "b": [1, {"c": 2}], "d": None, "e": "x"}
    now = {"a": 1, "b": [1, {"c": 3}, 4], "f": 5, "e": None}
    assert differences(recorded, now, "x") == [
        ("x.b[1].c", 2, 3),
        ("x.b[2]", None, 4),
        ("x.e", "x", None),
        ("x.f", None, 5),
    ]


def test_an_effect_that_was_added_is_found_as_such() -> None:
    """One more or one fewer does not make all those after it differ."""
    stop, send = {"type": "stop_timer", "name": "ack"}, {"type": "send_unhold", "priority": 5}
    start = {"type": "start_timer", "timer": {"name": "limit", "owner": "a", "due_at": "x"}}
    other = {"type": "start_timer", "timer": {"name": "warning", "owner": "a", "due_at": "x"}}
    assert effect_differences([stop, start], [stop, other, start]) == [("effects[1]", None, other)]
    assert effect_differences([stop, other, start], [stop, start]) == [("effects[1]", other, None)]
    assert effect_differences([send], [send | {"priority": 6}]) == [("effects[0].priority", 5, 6)]
    assert effect_differences([start, stop], [stop]) == [("effects[0]", start, None)]
    alarm = {"type": "raise_alarm", "count": 1}
    assert effect_differences([send], [alarm, start]) == [
        ("effects[0]", send, alarm),
        ("effects[1]", None, start),
    ]
    misspelt = send | {"type": "SEND_unhold"}
    assert effect_differences([misspelt], [send]) == [
        ("effects[0].type", "SEND_unhold", "send_unhold")
    ]
    assert effect_differences([], [stop]) == [("effects[0]", None, stop)]
