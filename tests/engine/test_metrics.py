"""The metrics: what counts as an attempt, and how latencies come out."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.engine.metrics import Metrics, MetricsSnapshot, percent_text

OUTCOMES = [
    "confirmed",
    "confirmed_by_lookup",
    "already",
    "refused",
    "not_applied",
    "ineligible",
    "invalid",
    "expired",
    "unavailable",
    "unknown",
]


def test_before_the_first_attempt_all_is_consistent() -> None:
    """Without attempts the rate is 1, and there is no latency to speak of."""
    metrics = Metrics()
    snapshot = metrics.snapshot()

    assert metrics.consistency_rate() == 1.0
    assert metrics.consistency_text() == snapshot.consistency_text() == "100.00%"
    assert snapshot.attempts == snapshot.succeeded == 0
    assert snapshot.confirmed_share == 1.0
    assert snapshot.latency_average_s is snapshot.latency_p50_s is snapshot.latency_p99_s is None


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_counted_under_its_name(outcome: str) -> None:
    """An attempt shows under its outcome, and among all."""
    metrics = Metrics()
    metrics.command_ended("hold", outcome, 0.1)
    snapshot = metrics.snapshot()

    assert snapshot.attempts == snapshot.holds == 1
    assert getattr(snapshot, outcome) == 1
    assert dict(snapshot.outcomes) == {outcome: 1}
    assert snapshot.succeeded == (outcome in {"confirmed", "confirmed_by_lookup", "already"})


@pytest.mark.parametrize(
    ("ends", "rate", "share"),
    [
        ([("confirmed", 0.1), ("refused", 0.1)], "50.00%", 0.5),
        ([("confirmed", 2.0), ("confirmed", 2.001)], "50.00%", 1.0),
        ([("confirmed_by_lookup", 1.0), ("already", 0.0)], "100.00%", 1.0),
        ([("confirmed", 0.1), ("unknown", 30.0), ("unavailable", 30.0)], "33.33%", 1 / 3),
        ([("confirmed", 0.1), ("expired", 0.0), ("not_applied", 1.0)], "33.33%", 1 / 3),
        ([("invalid", 0.0), ("ineligible", 0.1)], "100.00%", 1.0),
        ([("refused", 0.0)], "0.00%", 0.0),
    ],
)
def test_the_state_consistency_rate(ends: list[tuple[str, float]], rate: str, share: float) -> None:
    """Confirmed within 2,000 ms, of all attempts but invalid and ineligible ones."""
    metrics = Metrics()
    for outcome, latency_s in ends:
        metrics.command_ended("hold", outcome, latency_s)

    assert metrics.snapshot().consistency_text() == metrics.consistency_text() == rate
    assert metrics.snapshot().confirmed_share == pytest.approx(share)


@given(st.lists(st.floats(0.0, 3600.0), min_size=1, max_size=200))
@settings(max_examples=50, deadline=None)
def test_quantiles_are_exact_to_a_thousandth(latencies_s: list[float]) -> None:
    """Median and p99 are those of the sorted latencies, within 0.1 % and a microsecond."""
    metrics = Metrics()
    for latency_s in latencies_s:
        metrics.command_ended("unhold", "confirmed", latency_s)
    snapshot = metrics.snapshot()
    ordered = sorted(latencies_s)

    for found, percent in ((snapshot.latency_p50_s, 50), (snapshot.latency_p99_s, 99)):
        rank = max(1, -(-percent * len(ordered) // 100))
        near = ordered[rank - 1 : rank + 1]
        assert any(found == pytest.approx(one, rel=1.1e-3, abs=2e-6) for one in near)
    assert snapshot.latency_average_s == pytest.approx(sum(ordered) / len(ordered))


@pytest.mark.parametrize(("latency_s", "counted_s"), [(-1.0, 0.0), (90_000.0, 3600.0)])
def test_latencies_out_of_range_are_taken_to_its_ends(latency_s: float, counted_s: float) -> None:
    """Neither a clock's slip nor a command that waited for days breaks the histogram."""
    metrics = Metrics()
    metrics.command_ended("hold", "confirmed", latency_s)

    assert metrics.snapshot().latency_p99_s == pytest.approx(counted_s, rel=1e-3)


def test_everything_else_is_counted() -> None:
    """Each call counts under its own name."""
    metrics = Metrics()
    metrics.foreign("hold")
    metrics.foreign("unhold")
    metrics.late()
    metrics.duplicate()
    metrics.unknown_answer()
    metrics.timed_out()
    metrics.lookup(ok=True)
    metrics.lookup(ok=False)
    metrics.warning()
    metrics.alarm()
    metrics.clock_jump()
    metrics.command_ended("unhold", "confirmed", 0.1)
    snapshot = metrics.snapshot()

    ones = [
        "foreign_holds",
        "foreign_unholds",
        "late",
        "duplicates",
        "unknown_answers",
        "clock_jumps",
        "timed_out",
        "lookups",
        "lookups_failed",
        "warnings",
        "alarms",
        "unholds",
    ]
    assert {name: getattr(snapshot, name) for name in ones} == dict.fromkeys(ones, 1)


def test_a_snapshot_does_not_change() -> None:
    """What is counted later is not in a snapshot taken before; it can be copied and compared."""
    metrics = Metrics()
    metrics.command_ended("hold", "confirmed", 0.1)
    before = metrics.snapshot()
    metrics.command_ended("hold", "refused", 0.1)

    assert isinstance(before, MetricsSnapshot)
    assert before.attempts == 1
    assert dict(before.outcomes) == {"confirmed": 1}
    assert copy.copy(before) == before
    with pytest.raises(AttributeError):
        before.attempts = 2  # type: ignore[misc]


@pytest.mark.parametrize(("share", "text"), [(1.0, "100.00%"), (2 / 3, "66.67%"), (0.0, "0.00%")])
def test_shares_as_text(share: float, text: str) -> None:
    """Two digits after the point, always."""
    assert percent_text(share) == text
