"""What a backtest counts. All of it is whole numbers, so that tallies add up in any order."""

from collections.abc import Iterable
from typing import Any, Final, cast, final

from attrs import define, field, frozen

EXAMPLES_MAX: Final = 5
"""Examples that are kept of each kind of difference: those that were recorded first."""


@frozen(order=True)
class Example:
    """Where a difference can be looked at.

    Attributes:
        part: Which of the recordings, from 0.
        seq: The record.
        interaction_id: The interaction.
        at: When, in text.
        text: What it is.
    """

    part: int
    seq: int
    interaction_id: str
    at: str
    text: str


Key = tuple[str, ...]


@final
@define
class Tally:
    """Counts and examples by keys.

    Attributes:
        counts: Numbers by what they count: `("rule", NAME, ACTION, FATE)` and so on.
        examples: The first examples, by the same keys.
    """

    counts: dict[Key, int] = field(factory=dict[Key, int])
    examples: dict[Key, list[Example]] = field(factory=dict[Key, list[Example]])

    def add(self, *key: str, by: int = 1) -> None:
        """Count."""
        self.counts[key] = self.counts.get(key, 0) + by

    def show(self, key: Key, example: Example) -> None:
        """Keep an example, if it is among the first."""
        kept = self.examples.setdefault(key, [])
        if len(kept) < EXAMPLES_MAX or example < kept[-1]:
            self.examples[key] = sorted([*kept, example])[:EXAMPLES_MAX]

    def of(self, *key: str) -> int:
        """Return a count; 0 for what was not counted."""
        return self.counts.get(key, 0)

    def under(self, *prefix: str) -> dict[Key, int]:
        """Return the counts whose keys begin so, sorted by the rest of their keys."""
        size = len(prefix)
        return {
            key[size:]: count for key, count in sorted(self.counts.items()) if key[:size] == prefix
        }

    def merge(self, other: "Tally") -> None:
        """Add what another one has counted."""
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        for key, examples in other.examples.items():
            for example in examples:
                self.show(key, example)

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold, the same for the same counts."""
        return {
            "counts": [[list(key), count] for key, count in sorted(self.counts.items())],
            "examples": [
                [list(key), [[e.part, e.seq, e.interaction_id, e.at, e.text] for e in examples]]
                for key, examples in sorted(self.examples.items())
            ],
        }

    @classmethod
    def from_json(cls, written: Any) -> "Tally":  # noqa: ANN401 - what `to_json` gave
        """Return the tally that `to_json` wrote; it is our own, and not looked at further."""
        counts = cast("Iterable[Any]", written["counts"])
        examples = cast("Iterable[Any]", written["examples"])
        return cls(
            {tuple(key): count for key, count in counts},
            {tuple(key): [Example(*one) for one in kept] for key, kept in examples},
        )


def merged(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of *tallies*."""
    total = Tally()
    for one in tallies:
        total.merge(one)
    return total
