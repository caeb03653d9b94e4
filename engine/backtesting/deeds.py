"""What rules did: a deed, and whether two sets of rules did the same."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.rules.actions import COUNTED_ACTIONS, Action

SAME_TIME_US: Final = 1_000_000
"""Two instants count as one where a timer's event may have waited in a mailbox."""

WORLD: Final = COUNTED_ACTIONS
"""Actions after which the world is another: what was recorded then is no evidence any more. What a
function does that is called nobody knows."""

Fate = Literal["same", "moved", "removed", "added", "beyond"]


@frozen
class Deed:
    """What a rule did.

    Attributes:
        rule: The rule.
        kind: The action's name.
        text: The action in words.
        at: When.
        seq: The record that it followed.
        limit_us: For `extend_limit` the new limit, counted from the hold's start; else 0.
    """

    rule: str
    kind: str
    text: str
    at: Instant
    seq: int
    limit_us: int = 0

    @property
    def changes_the_world(self) -> bool:
        """Whether what was recorded after it is no evidence for whoever did it alone."""
        return self.kind in WORLD


@frozen
class Compared:
    """Deeds of two sides that belong together.

    Attributes:
        fate: What became of it: the same in both, at another time, only in the first, only in the
            second; or it cannot be said, because the other side had left what was recorded.
        deed: The deed: of the second side where it has one.
        later_us: By how much later the second side did it; negative for earlier.
    """

    fate: Fate
    deed: Deed
    later_us: int = 0


def deeds_of(actions: Iterable[Action], at: Instant, seq: int) -> list[Deed]:
    """Return *actions* as deeds."""
    return [
        Deed(
            action.rule,
            action.name,
            action.text(),
            at,
            seq,
            round(getattr(action, "limit_s", 0.0) * 1_000_000),
        )
        for action in actions
    ]


def compared(first: list[Deed], second: list[Deed], horizon: Instant | None) -> Iterator[Compared]:
    """Compare what two sides did in one stretch of an interaction.

    Deeds of one rule and kind belong together in their order.

    Args:
        first: What the one side did, in order.
        second: What the other did.
        horizon: When the first of the two left what was recorded; None for never. What only one did
            after that is no difference: the other was not asked any more.
    """
    waiting: dict[tuple[str, str], list[Deed]] = {}
    for deed in first:
        waiting.setdefault((deed.rule, deed.kind), []).append(deed)
    for deed in second:
        others = waiting.get((deed.rule, deed.kind))
        if not others:
            yield Compared(_alone("added", deed, horizon), deed)
            continue
        later_us = deed.at - others.pop(0).at
        fate: Fate = "same" if abs(later_us) <= SAME_TIME_US else "moved"
        yield Compared(fate, deed, later_us if fate == "moved" else 0)
    for left in waiting.values():
        for deed in left:
            yield Compared(_alone("removed", deed, horizon), deed)


def _alone(fate: Fate, deed: Deed, horizon: Instant | None) -> Fate:
    return fate if horizon is None or deed.at <= horizon else "beyond"
