"""Traffic: counts, shares and durations out of records, in bounded memory."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.machines.diagrams.doors import after, door

from hookflash.engine import traffic
from hookflash.engine.traffic import TrafficCounter, traffic_of, walk_of
from hookflash.machines.diagrams.figures import Flow, Traffic
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import InteractionState, PolicyChange, Record, RecordedStep

MACHINE = door()
EVENTS = MACHINE.implementation.events


def record(
    seconds: float, name: str, source: str, event: str, target: str, *, begins: bool = False
) -> Record:
    """Return the record of one step; an event that the machine does not have is made up."""
    cls = EVENTS.get(event) or type(event, (), {})
    happened: Any = cls()
    happened.at = after(seconds)
    return Record(1, name, happened, source, target, (), begins)


def way(name: str, start: float = 0.0) -> list[Record]:
    """Return a door that is opened for 10 s, and taken away."""
    return [
        record(start, name, "shut", "pushed", "open", begins=True),
        record(start + 5, name, "open", "pushed", "open"),
        record(start + 10, name, "open", "time_over", "shut"),
        record(start + 40, name, "shut", "removed", "gone"),
    ]


def test_counts_and_moments() -> None:
    """Each kind of step has its count, and when it was seen last."""
    found = traffic_of([*way("a"), *way("b", 1)], MACHINE)
    assert found.flows["shut", "pushed", "open"] == Flow(2, after(1))
    assert found.flows["open", "pushed", "open"] == Flow(2, after(6))
    assert (found.records, found.interactions) == (8, 2)
    assert (found.first_at, found.last_at) == (after(0), after(41))
    assert found.left("open") == 2
    assert found.left("gone") == 0


def test_stays() -> None:
    """A stay counts from the step into a state to the step out of it; the first is not known."""
    stays = traffic_of([*way("a"), *way("b", 1)], MACHINE).stays
    assert (stays["open"].visits, stays["open"].measured) == (2, 2)
    assert stays["open"].p50_s == pytest.approx(10.0, rel=0.02)
    assert stays["open"].p95_s == pytest.approx(10.0, rel=0.02)
    assert (stays["shut"].visits, stays["shut"].measured) == (4, 2)
    assert stays["shut"].p50_s == pytest.approx(30.0, rel=0.02)
    assert (stays["gone"].visits, stays["gone"].measured) == (2, 0)
    assert stays["gone"].p50_s is None
    assert stays["gone"].last_at == after(41)
    assert "stuck" not in stays


def test_quantiles() -> None:
    """Of a hundred stays the fifth longest is p95."""
    records: list[Record] = []
    for number in range(1, 101):
        records += [
            record(0, f"d{number}", "shut", "pushed", "open", begins=True),
            record(number, f"d{number}", "open", "time_over", "shut"),
        ]
    stay = traffic_of(records, MACHINE).stays["open"]
    assert stay.p50_s == pytest.approx(50.0, rel=0.02)
    assert stay.p95_s == pytest.approx(95.0, rel=0.02)


def test_a_clock_that_was_set_back_breaks_nothing() -> None:
    """A stay that ends before it began counts as none, one of years as a month."""
    records = [
        record(10, "a", "shut", "pushed", "open", begins=True),
        record(5, "a", "open", "time_over", "shut"),
        record(4e8, "a", "shut", "pushed", "open"),
    ]
    stays = traffic_of(records, MACHINE).stays
    assert stays["open"].p50_s == pytest.approx(0.001)
    assert stays["shut"].p50_s == pytest.approx(31 * 86_400.0, rel=0.02)


def test_what_was_known_before() -> None:
    """A state that a part of a journal begins with is a visit whose beginning is not known."""
    known = InteractionState(0, Interaction("A", "open", {}))
    records = [known, record(7, "a", "open", "time_over", "shut")]
    found = traffic_of(records, MACHINE)
    assert found.interactions == 1
    assert (found.stays["open"].visits, found.stays["open"].measured) == (1, 0)
    assert found.stays["shut"].visits == 1


def test_what_a_migration_made_of_it() -> None:
    """An interaction that another definition carried over to another state came into that one."""
    carried = InteractionState(1, Interaction("a", "stuck", {}))
    same = InteractionState(1, Interaction("a", "stuck", {}))
    found = traffic_of([*way("a")[:1], carried, same], MACHINE)
    assert found.stays["stuck"].visits == 1
    assert found.interactions == 1


def test_an_interaction_that_begins_again() -> None:
    """Where the engine had forgotten it, it is a new one, and its earlier stay has no end."""
    found = traffic_of([*way("a")[:1], *way("a", 100)[:1]], MACHINE)
    assert found.interactions == 2
    assert (found.stays["open"].visits, found.stays["open"].measured) == (2, 0)


def test_a_record_that_does_not_follow() -> None:
    """Where a record begins in another state than the last one ended in, nothing is measured."""
    records = [*way("a")[:1], record(9, "a", "stuck", "removed", "gone")]
    found = traffic_of(records, MACHINE)
    assert (found.stays["stuck"].visits, found.stays["stuck"].measured) == (1, 0)


def test_recordings_of_format_1_do_not_say_what_begins() -> None:
    """There an interaction begins where it is first seen."""
    records = [
        RecordedStep(one.seq, one.interaction_id, one.event, one.source, one.target, [], None)
        for one in [*way("a"), *way("b")]
    ]
    assert traffic_of(records, MACHINE).interactions == 2


def test_other_lines_tell_nothing() -> None:
    """Changes of the policy and the like are passed over."""
    found = traffic_of([PolicyChange(after(0), {}), *way("a")], MACHINE)
    assert found.records == 4


def test_strays_are_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the definition does not have is counted by its class, of so many kinds at most."""
    monkeypatch.setattr(traffic, "STRAYS_MAX", 2)
    records = [
        record(1, "a", "open", "Flown", "air"),
        record(2, "a", "air", "Flown", "air"),
        record(3, "a", "air", "Landed", "shut"),
        record(4, "a", "open", "Flown", "air"),
    ]
    found = traffic_of(records, MACHINE)
    assert set(found.flows) == {("open", "Flown", "air"), ("air", "Flown", "air")}
    assert found.flows["open", "Flown", "air"].count == 2
    assert found.strays_left_out == 1


def counted(records: Iterator[Record] | list[Record], followed_max: int) -> Traffic:
    """Count with room for so many interactions."""
    counter = TrafficCounter(MACHINE, followed_max=followed_max)
    for one in records:
        counter.take(one)
    return counter.traffic()


def test_beyond_the_limit_stays_are_not_measured() -> None:
    """Interactions beyond the limit are counted, and their stays are told as not measured."""
    records = [*way("a")[:1], *way("b")[:3], *way("a")[2:3]]
    found = counted(records, followed_max=1)
    assert (found.records, found.interactions) == (5, 2)
    assert found.flows["open", "time_over", "shut"].count == 2
    assert found.stays["open"].measured == 1
    assert found.unmeasured == 2  # b left `shut` and `open` unobserved


def test_room_is_made_by_those_that_ended() -> None:
    """Interactions in final states are forgotten when there is no more room."""
    found = counted([*way("a"), *way("b", 50), *way("c", 100)], followed_max=1)
    assert found.unmeasured == 0
    assert found.stays["open"].measured == 3


def test_memory_is_bounded() -> None:
    """However many interactions there are, no more are remembered than the limit allows."""
    counter = TrafficCounter(MACHINE, followed_max=10)
    for number in range(1000):
        counter.take(way(f"d{number}")[0])
    assert len(vars(counter)["_followed"]) == 10
    assert counter.traffic().interactions == 1000


def test_walk() -> None:
    """The way of one interaction has its steps in order, whatever the spelling of its id."""
    records: list[Any] = [PolicyChange(after(0), {})]
    for one, other in zip(way("Door-A"), way("b"), strict=True):
        records += [one, other]
    found = walk_of(records, MACHINE, "door-a")
    assert found is not None
    assert [(hop.number, hop.event, hop.target) for hop in found.hops] == [
        (1, "pushed", "open"),
        (2, "pushed", "open"),
        (3, "time_over", "shut"),
        (4, "removed", "gone"),
    ]
    assert found.hops[0].at == after(0)
    assert found.steps({("shut", "pushed", "open")}) == (1,)
    assert walk_of(records, MACHINE, "c") is None


def test_a_long_walk_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a way that is too long its beginning is kept, and the rest counted."""
    monkeypatch.setattr(traffic, "HOPS_MAX", 3)
    found = walk_of([*way("a"), record(50, "a", "gone", "Flown", "air")], MACHINE, "a")
    assert found is not None
    assert (len(found.hops), found.left_out) == (3, 2)
