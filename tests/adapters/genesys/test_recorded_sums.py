"""What our ledger makes of imported data adds up with the figures that the platform gives."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.adapters.genesys.recorded_data import (
    BASE_MS,
    Json,
    agent,
    at,
    conversation,
    envelope,
    frame,
    iso,
    metric_frame,
    participant,
    session,
    take_in,
    talk,
    user_event,
)

from hookflash.adapters.genesys.cloud.recorded.oracle import Counted, compare
from hookflash.adapters.genesys.cloud.recorded.stories import Figures

LENGTHS = st.integers(0, 2_000_000)
KINDS = st.sampled_from(["interact", "hold", "hold", "coaching"])
TURNS = st.lists(st.tuples(KINDS, LENGTHS), min_size=1, max_size=7)
SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _metrics(turns: list[tuple[str, int]], segments: list[Json]) -> list[Json]:
    """The metrics by the rules that were measured, counted from the turns and nothing else."""
    sums = {"interact": 0, "hold": 0, "coaching": 0}
    made: list[Json] = []
    for (kind, length), one in zip(turns, segments[1:], strict=False):
        sums[kind] += length
        if kind == "hold":
            made.append({"name": "tHeld", "value": length, "emitDate": one["segmentEnd"]})
    wrapup = 1_000
    made += [
        {"name": "tTalkComplete", "value": sums["interact"] + sums["coaching"], "emitDate": iso(0)},
        {"name": "tHeldComplete", "value": sums["hold"], "emitDate": iso(0)},
        {"name": "tAcw", "value": wrapup, "emitDate": iso(0)},
        {"name": "tHandle", "value": sum(sums.values()) + wrapup, "emitDate": iso(0)},
    ]
    return made


@st.composite
def legs(draw: st.DrawFn) -> tuple[list[tuple[str, int]], Json, str]:
    """A conversation with one leg: its turns, itself, and the name of its interaction."""
    turns = draw(TURNS)
    number = draw(st.integers(0, 99_999))
    segments = talk(*turns, start=draw(st.integers(0, 5_000_000)))
    metrics = _metrics(turns, segments)
    data = conversation(
        agent(session(draw(st.permutations(segments)), name=f"s-{number}", metrics=metrics)),
        name=f"c-{number}",
        end=90_000_000,
    )
    return turns, data, f"c-{number}/s-{number}"


@given(st.lists(legs(), min_size=1, max_size=5, unique_by=lambda leg: leg[2]), st.data())
@SETTINGS
def test_imported_segments_add_up(tmp_path: Path, found: list[Any], data: st.DataObject) -> None:
    """Each hold segment is a hold of its length, whatever the files; nothing contradicts."""
    documents = [document for _, document, _ in found]
    files: list[Any] = [[one] for one in data.draw(st.permutations(documents))]
    if data.draw(st.booleans()):
        files = [json.dumps({"conversations": documents}).encode()]
    outcome = take_in(tmp_path, *files)
    assert outcome.counts == {}
    for turns, _, name in found:
        lengths = [hold.held_us for hold in outcome.holds if hold.interaction_id == name]
        assert sorted(lengths, key=lambda length: length or 0) == sorted(
            length * 1000 for kind, length in turns if kind == "hold"
        )
    assert outcome.imported.holds == sum(
        kind == "hold" for turns, _, _ in found for kind, _ in turns
    )
    limited = [hold for hold in outcome.holds if (hold.held_us or 0) > 900_000_000]
    assert [hold for hold in outcome.holds if hold.limit_passed] == limited


@given(
    legs(),
    st.sampled_from(["tHeld", "tHeldComplete", "tHandle", "tTalkComplete", "tAcw"]),
    st.integers(1, 5_000),
)
@SETTINGS
def test_a_figure_that_was_changed_is_noticed(
    tmp_path: Path, leg: tuple[list[tuple[str, int]], Json, str], name: str, by_ms: int
) -> None:
    """Whichever of the figures it is, the import says that something contradicts."""
    turns, document, _ = leg
    metrics = document["participants"][1]["sessions"][0]["metrics"]
    changed = [one for one in metrics if one["name"] == name]
    for one in changed[:1]:
        one["value"] += by_ms
    outcome = take_in(tmp_path, document)
    lengths = [length for kind, length in turns if kind == "hold"]
    still_fits = not changed or (name == "tHeld" and lengths[0] + by_ms in lengths[1:])
    assert outcome.imported.flawless is still_fits or name == "tHeld"
    if changed and not still_fits:
        assert not outcome.imported.flawless


@given(TURNS, st.booleans())
@SETTINGS
def test_events_tell_the_same_as_segments(
    tmp_path: Path,
    turns: list[tuple[str, int]],
    enveloped: bool,  # noqa: FBT001 - drawn
) -> None:
    """An archive of metrics and leg events gives the holds that analytics give."""
    now, events = 1_000, [user_event("start", 1_000)]
    holds: list[tuple[int, int]] = []
    for kind, length in turns:
        now += length
        if kind == "hold":
            holds.append((now - length, length))
            events.append(metric_frame("tHeld", length, now, recordId=f"r-{len(holds)}"))
    total = sum(length for _, length in holds)
    events.append(user_event("end", now, heldDurationMs=total))
    outcome = take_in(tmp_path, [envelope(one, 0) for one in events] if enveloped else events)
    found = [(hold.since, hold.held_us) for hold in outcome.holds]
    assert sorted(found) == sorted((at(start), length * 1000) for start, length in holds)
    assert outcome.imported.flawless


@given(st.lists(st.tuples(st.integers(1, 500_000), st.integers(1, 500_000)), max_size=6))
@SETTINGS
def test_dated_snapshots_tell_the_same(tmp_path: Path, pairs: list[tuple[int, int]]) -> None:
    """Snapshots with times of receipt give holds from their starts to these times."""
    now, frames = 2_000, [{**frame(participant()), "receivedAt": iso(1_500)}]
    wanted: list[tuple[int, int]] = []
    for talked, held in pairs:
        now += talked
        holding = participant(held=True, startHoldTime=iso(now))
        frames.append({**frame(holding), "receivedAt": iso(now)})
        wanted.append((now, held))
        now += held
        frames.append({**frame(participant()), "receivedAt": iso(now)})
    outcome = take_in(tmp_path, frames)
    assert [(hold.since, hold.held_us) for hold in outcome.holds] == [
        (at(start), length * 1000) for start, length in wanted
    ]


def test_tolerance_is_that_of_each_hold() -> None:
    """A tolerance covers each length once, and a sum as often as it has holds."""
    ours = Counted((1_000_000, 2_000_000))
    near = Figures((1_001_000, 1_999_000), (1_001, 2_001), 3_002, None, None, 3_002)
    assert compare(near, ours, "i", 1_000) == (True, [])
    assert len(compare(near, ours, "i", 0)[1]) == 4
    assert len(compare(near, ours, "i", 500)[1]) == 4
    one = Figures(None, (1_000, 1_000))
    assert [found.reason for found in compare(one, ours, "i", 1_000)[1]] == ["held_differs"]


def test_what_goes_on_is_no_sum_yet() -> None:
    """Sums are compared when all holds of the leg have ended."""
    figures = Figures(None, (1_000,), 5_000, 9_000, 1_000, 5_000)
    assert compare(figures, Counted((1_000_000,), 1), "i", 0) == (True, [])
    assert len(compare(figures, Counted((1_000_000,)), "i", 0)[1]) == 3


def test_many_lengths_are_cut_short() -> None:
    """A finding shows some of them, with fractions where there are some."""
    figures = Figures((1_500,) * 11)
    (found,) = compare(figures, Counted(()), "i", 0)[1]
    assert found.words == f"segments {', '.join(['1.500 ms'] * 8)} and 3 more; ledger none"
    assert BASE_MS % 1_000 == 0
