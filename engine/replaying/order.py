"""The numbers of records: which are missing, stand twice, or stand at the wrong place.

While they rise by one there is nothing to do. Where one leaves a gap, what follows is held back for
some hundred records: if those that were missed come after all, they are put where they belong, and
the replay goes on as if nothing had been; only the finding remains.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any, Final, Generic, TypeVar, final

from attrs import field, frozen

from hookflash.engine.replaying.findings import Damage

HELD_BACK_MAX: Final = 256
"""Lines that are held back until a missing record is given up."""

T = TypeVar("T")


@frozen
class Held(Generic[T]):
    """A line that is held back.

    Attributes:
        seq: The number of the record; None for a line that is none.
        place: Where it stands.
        line: The line, whatever that is to whoever asked.
    """

    seq: int | None
    place: str
    line: T


@frozen
class _Range:
    """Numbers that were missed: from *first* to *last*, and the place of the record after them."""

    first: int
    last: int
    place: str


@final
class Order(Generic[T]):
    """Follows the numbers of a recording.

    Args:
        following: The number of the first record; None takes any.
        part: Which of several recordings it is.

    Attributes:
        following: The number that the next record is to have; None for any.
        damages: What was found since somebody looked last; take them out.
    """

    def __init__(self, following: int | None, part: int = 0) -> None:
        self.following = following
        self.damages: list[Damage] = []
        self._part = part
        self._held: list[Held[T]] = []
        self._missed: list[_Range] = []

    @property
    def settled(self) -> bool:
        """Whether nothing is held back."""
        return not self._held

    def put(self, seq: int | None, place: str, line: T) -> Iterable[Held[T]]:
        """Take up the next line.

        Args:
            seq: The number of the record; None for a line that is none.
            place: Where it stands.
            line: The line.

        Returns:
            The lines that can be gone on with, in the right order.
        """
        held = Held(seq, place, line)
        if self.settled:
            if seq is None or self.following is None or seq == self.following:
                self.following = self.following if seq is None else seq + 1
                return (held,)
            if seq < self.following:
                return self._repeated(held)
            self._miss(self.following, seq, place)
        elif seq is not None and self.following is not None:
            if seq > self.following:
                self._miss(self.following, seq, place)
            elif seq < self.following and not self._was_missed(seq):
                return self._repeated(held)
        if seq is not None and (self.following is None or seq >= self.following):
            self.following = seq + 1
        self._held.append(held)
        if not self._missed or len(self._held) >= HELD_BACK_MAX:
            return self.release()
        return ()

    def release(self) -> Iterable[Held[T]]:
        """Give up what is missing, and return what was held back, in the right order."""
        held, missed = self._held, self._missed
        self._held, self._missed = [], []
        for one in missed:
            self.damages.append(_missing(one, self._part))
        self.damages += _misplaced(held, self._part)
        return _in_order(held)

    def _repeated(self, held: Held[T]) -> Iterable[Held[T]]:
        self.damages.append(
            Damage(
                kind="repeated",
                place=held.place,
                seq=held.seq,
                text=f"record {held.seq} comes once more; it is left out",
                part=self._part,
            )
        )
        return ()

    def _miss(self, first: int, seq: int, place: str) -> None:
        self._missed.append(_Range(first, seq - 1, place))

    def _was_missed(self, seq: int) -> bool:
        """Say whether *seq* was missed, and take it off the list."""
        for index, one in enumerate(self._missed):
            if one.first <= seq <= one.last:
                rest = [_Range(one.first, seq - 1, one.place), _Range(seq + 1, one.last, one.place)]
                self._missed[index : index + 1] = [part for part in rest if part.first <= part.last]
                return True
        return False


def _missing(missed: _Range, part: int) -> Damage:
    several = missed.last > missed.first
    said = (
        f"records {missed.first} to {missed.last} are" if several else f"record {missed.first} is"
    )
    return Damage(
        kind="missing",
        place=missed.place,
        seq=missed.first,
        last=missed.last if several else None,
        text=f"{said} missing before this line",
        part=part,
    )


def _in_order(held: list[Held[Any]]) -> list[Held[Any]]:
    """Return lines with their records in order; other lines stay behind the record before them."""
    records: list[list[Held[Any]]] = []
    leading: list[Held[Any]] = []
    for one in held:
        if one.seq is not None:
            records.append([one])
        elif records:
            records[-1].append(one)
        else:
            leading.append(one)
    records.sort(key=lambda group: group[0].seq or 0)
    return leading + [one for group in records for one in group]


def _misplaced(held: list[Held[Any]], part: int) -> Iterator[Damage]:
    """Say which records stand at the wrong place: as few as explain the order of all."""
    records = [one for one in held if one.seq is not None]
    seqs = [one.seq or 0 for one in records]
    rising = set(_longest_rising(seqs))
    moved = [one for one, seq in zip(records, seqs, strict=True) if seq not in rising]
    if not moved:
        return
    swap = _swapped(seqs, records)
    if swap is not None:
        yield Damage(
            kind="misplaced",
            place=swap[0].place,
            seq=swap[1].seq,
            last=swap[0].seq,
            text=f"records {swap[1].seq} and {swap[0].seq} stand in each other's place"
            f" ({swap[1].place})",
            part=part,
        )
        return
    for one in moved:
        index = records.index(one)
        after = f"after record {seqs[index - 1]}" if index else "before its turn"
        yield Damage(
            kind="misplaced",
            place=one.place,
            seq=one.seq,
            text=f"record {one.seq} stands {after}",
            part=part,
        )


def _swapped(seqs: list[int], records: list[Held[T]]) -> tuple[Held[T], Held[T]] | None:
    """Return two records that have each other's place, if that is all that is wrong."""
    wrong = [i for i, (a, b) in enumerate(zip(seqs, sorted(seqs), strict=True)) if a != b]
    return (records[wrong[0]], records[wrong[1]]) if len(wrong) == 2 else None


@frozen
class _Pile:
    """A pile of the patience game: the numbers that rise furthest, with the ones before them."""

    tops: list[int] = field(factory=list[int])
    before: dict[int, int | None] = field(factory=dict[int, int | None])


def _longest_rising(seqs: list[int]) -> list[int]:
    """Return the longest rising part of *seqs*, not necessarily neighbours."""
    pile = _Pile()
    for seq in seqs:
        index = bisect_left(pile.tops, seq)
        pile.before[seq] = pile.tops[index - 1] if index else None
        pile.tops[index : index + 1] = [seq]
    found: list[int] = []
    last = pile.tops[-1] if pile.tops else None
    while last is not None:
        found.append(last)
        last = pile.before[last]
    return found
