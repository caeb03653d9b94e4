"""The parts of a backtest: deeds that belong together, spans of holds, sums of tallies."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.engine.backtesting.courses import Span, span_of
from hookflash.engine.backtesting.deeds import Deed, compared
from hookflash.engine.backtesting.sides import Hand, departure
from hookflash.engine.backtesting.tally import EXAMPLES_MAX, Example, Tally, merged
from hookflash.engine.ledger_holds import LedgerHold
from hookflash.machines.instants import Instant
from hookflash.machines.policy import HoldPolicy, Terms

S = 1_000_000


def deed(at_s: float, rule: str = "r", kind: str = "notify") -> Deed:
    return Deed(rule, kind, kind, Instant(round(at_s * S)), 1)


def fates(first: list[Deed], second: list[Deed], horizon_s: float | None = None) -> list[str]:
    horizon = None if horizon_s is None else Instant(round(horizon_s * S))
    return [f"{one.fate} {one.later_us / S:g}" for one in compared(first, second, horizon)]


@pytest.mark.parametrize(
    ("first", "second", "horizon_s", "found"),
    [
        ([deed(5)], [deed(5)], None, ["same 0"]),
        ([deed(5)], [deed(5.9)], None, ["same 0"]),
        ([deed(5)], [deed(9)], None, ["moved 4"]),
        ([deed(5)], [deed(1)], None, ["moved -4"]),
        ([], [deed(1)], None, ["added 0"]),
        ([deed(1)], [], None, ["removed 0"]),
        ([deed(9)], [], 5, ["beyond 0"]),
        ([deed(5)], [], 5, ["removed 0"]),
        ([deed(5, "a")], [deed(5, "b")], None, ["added 0", "removed 0"]),
        ([deed(5, kind="hold")], [deed(5)], None, ["added 0", "removed 0"]),
        ([deed(1), deed(2)], [deed(1), deed(2), deed(3)], None, ["same 0", "same 0", "added 0"]),
    ],
)
def test_deeds_of_two_sides(
    first: list[Deed], second: list[Deed], horizon_s: float | None, found: list[str]
) -> None:
    """Those of one rule and kind belong together in their order."""
    assert found == fates(first, second, horizon_s)


def test_what_changes_the_world_is_a_departure() -> None:
    """Messages are none; what both did is none either."""
    own, lacking = departure([deed(1), deed(1, kind="unhold")], [deed(1, kind="unhold")])
    assert ([], []) == (own, lacking)
    own, lacking = departure([deed(1, kind="call")], [deed(1, kind="hold"), deed(1)])
    assert (["call"], ["hold"]) == ([one.kind for one in own], [one.kind for one in lacking])
    assert ([], []) == departure([], [])


def hold(
    ended: str = "unhold", since_s: int = 0, until_s: int = 100, limit_s: int = 900
) -> LedgerHold:
    found = LedgerHold("i", "acknowledged")
    found.since, found.until = Instant(since_s * S), Instant(until_s * S)
    found.limit_at = Instant((since_s + limit_s) * S)
    found.ended = ended  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue] - one of them
    found.limit_passed = ended == "limit"
    return found


def seconds(span: Span | None) -> tuple[float, float, bool]:
    assert span is not None
    return span.least / S, span.most / S, span.passes_limit


def terms(limit_s: float, on_limit: str = "release") -> Terms:
    return HoldPolicy(limit_s=limit_s, on_limit=on_limit).terms_of(None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - one of them


@pytest.mark.parametrize(
    ("held", "hand", "under", "found"),
    [
        (hold(), Hand(), None, (100, 100, False)),
        (hold(), Hand(ends_at=Instant(40 * S)), None, (40, 40, False)),
        (hold(), Hand(lacks_release=True), None, (100, 900, False)),
        (hold("limit", until_s=900), Hand(), None, (900, 900, True)),
        (hold("limit", until_s=900), Hand(limit_us=1200 * S), None, (900, 1200, False)),
        (hold(), Hand(limit_us=1200 * S), None, (100, 100, False)),
        (hold("limit", until_s=900), Hand(ends_at=Instant(300 * S)), None, (300, 300, False)),
        (hold(), Hand(), terms(60), (60, 60, True)),
        (hold(), Hand(), terms(600), (100, 100, False)),
        (hold("limit", until_s=900), Hand(), terms(1200), (900, 1200, False)),
        (hold("limit", until_s=900), Hand(), terms(600), (600, 600, True)),
        (hold(), Hand(), terms(60, "expire"), (100, 100, True)),
        (hold(), Hand(ends_at=Instant(30 * S)), terms(60), (30, 30, False)),
    ],
)
def test_how_long_a_hold_would_have_been(
    held: LedgerHold, hand: Hand, under: Terms | None, found: tuple[float, float, bool]
) -> None:
    """Between the least and the most: where a release is missing nobody knows."""
    assert found == seconds(span_of(held, hand, under))


def test_a_hold_without_beginning_or_end_has_no_span() -> None:
    """It is counted as unmeasured."""
    open_ended = hold()
    open_ended.until = None
    assert span_of(open_ended, Hand()) is None


keys = st.tuples(st.sampled_from(["rule", "group"]), st.sampled_from("abc"))
examples = st.builds(
    Example,
    st.integers(0, 3),
    st.integers(1, 50),
    st.sampled_from("xyz"),
    st.just(""),
    st.just("t"),
)


@given(st.lists(st.tuples(keys, st.integers(-5, 5), examples), max_size=60), st.integers(1, 4))
def test_sums_do_not_depend_on_who_counted(
    counted: list[tuple[tuple[str, str], int, Example]], workers: int
) -> None:
    """However the work is shared, and in whatever order the shares come: the same document."""
    whole, shares = Tally(), [Tally() for _ in range(workers)]
    for key, count, example in counted:
        for tally in (whole, shares[hash(example) % workers]):
            tally.add(*key, by=count)
            tally.show(key, example)
    Random(7).shuffle(shares)
    summed = merged(Tally.from_json(one.to_json()) for one in shares)
    assert whole.to_json()["examples"] == summed.to_json()["examples"]
    assert whole.counts == summed.counts
    assert all(len(kept) <= EXAMPLES_MAX for kept in summed.examples.values())
