"""The numbers of records: what is missing, stands twice or at the wrong place."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from hookflash.engine.replaying.findings import Damage
from hookflash.engine.replaying.order import HELD_BACK_MAX, Order


def ordered(seqs: Iterable[int | None], first: int | None = 1) -> tuple[list[int], list[Damage]]:
    """Put lines with these numbers in order; return the numbers, and what was found."""
    order: Order[int | None] = Order(first)
    found: list[int] = []
    for index, seq in enumerate(seqs):
        found += [one.line for one in order.put(seq, f"line {index}", seq) if one.line is not None]
    found += [one.line for one in order.release() if one.line is not None]
    return found, order.damages


def test_what_rises_by_one_is_in_order() -> None:
    """Nothing is held back and nothing found; lines without a number change nothing."""
    order: Order[str] = Order(1)
    for index, seq in enumerate((1, None, 2, 3, None)):
        (held,) = order.put(seq, f"line {index}", "x")
        assert held.seq == seq
    assert (order.damages, order.settled, order.following) == ([], True, 4)


def test_a_gap_is_named_with_its_ends() -> None:
    """What is missing is named by its first and last number, and what follows goes on."""
    seqs, damages = ordered([1, 2, 6, 7, 8])
    assert seqs == [1, 2, 6, 7, 8]
    assert [(one.kind, one.seq, one.last, one.place) for one in damages] == [
        ("missing", 3, 5, "line 2")
    ]


def test_the_beginning_may_be_missing() -> None:
    """A part that begins with a later record than its header says lacks those before."""
    seqs, damages = ordered([5, 6], first=4)
    assert seqs == [5, 6]
    assert [(one.kind, one.seq, one.last) for one in damages] == [("missing", 4, None)]
    assert ordered([5, 6], first=None) == ([5, 6], [])


def test_a_gap_is_given_up_after_a_while() -> None:
    """Lines are held back for a bounded time only."""
    order: Order[int] = Order(1)
    released = 0
    for seq in range(2, HELD_BACK_MAX + 2):
        released += len(list(order.put(seq, "", seq)))
    assert released == HELD_BACK_MAX
    assert order.settled


def test_neighbours_that_were_swapped() -> None:
    """Two records in each other's place are one finding, and come in the right order."""
    seqs, damages = ordered([1, 3, 2, 4])
    assert seqs == [1, 2, 3, 4]
    (damage,) = damages
    assert (damage.kind, damage.seq, damage.last) == ("misplaced", 2, 3)


def test_one_that_was_moved() -> None:
    """One record that stands elsewhere is named, not those that it was moved past."""
    for moved in ([1, 3, 4, 5, 2, 6], [1, 5, 2, 3, 4, 6]):
        seqs, damages = ordered(moved)
        assert seqs == [1, 2, 3, 4, 5, 6]
        assert [one.seq for one in damages] == [2 if moved[1] == 3 else 5]


def test_one_that_comes_twice_is_left_out() -> None:
    """A record that was there already is named and not stepped again."""
    seqs, damages = ordered([1, 2, 2, 3])
    assert seqs == [1, 2, 3]
    assert [(one.kind, one.seq) for one in damages] == [("repeated", 2)]
    seqs, damages = ordered([1, 2, 4, 4, 5])
    assert seqs == [1, 2, 4, 5]
    assert [(one.kind, one.seq) for one in damages] == [("repeated", 4), ("missing", 3)]


def test_other_lines_stay_behind_their_record() -> None:
    """A line without a number comes after the record that it stood behind."""
    order: Order[str] = Order(1)
    found: list[str] = []
    for seq, name in ((1, "1"), (3, "3"), (None, "behind 3"), (2, "2"), (4, "4")):
        found += [one.line for one in order.put(seq, "", name)]
    assert found == ["1", "2", "3", "behind 3", "4"]


@given(st.permutations(range(1, 13)))
def test_whatever_the_order_it_comes_right(seqs: list[int]) -> None:
    """All records come in order, and something is found unless they were so before."""
    found, damages = ordered(seqs)
    assert found == sorted(seqs)
    assert bool(damages) == (seqs != sorted(seqs))
    assert {one.kind for one in damages} <= {"misplaced"}


@given(st.lists(st.integers(1, 15), max_size=30))
def test_nothing_is_stepped_twice_and_nothing_is_lost(seqs: list[int]) -> None:
    """Of any numbers each comes once at most, and each number that came is stepped or named."""
    found, damages = ordered(seqs)
    assert len(found) == len(set(found))
    assert set(seqs) == set(found) | {one.seq for one in damages if one.kind == "repeated"}
