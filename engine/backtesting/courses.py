"""How one interaction went, and what its holds would have been on either side."""

from attrs import define, field, frozen

from hookflash.engine.backtesting.sides import Hand
from hookflash.engine.ledger_holds import LedgerHold
from hookflash.machines.hold_data import HoldInteraction
from hookflash.machines.instants import Instant
from hookflash.machines.policy import Terms


@define(eq=False)
class Course:
    """An interaction that is followed.

    Attributes:
        interaction: How it stands, by the machine that recorded it.
        seq: Its last record.
        org: Its organisation; None while it is not known.
        first: What the first side did.
        second: What the other did.
        over: Whether what is recorded is evidence no longer: one of the two has left it, and the
            hold in which it did has ended.
        tried: How it stands by another definition or policy; None where none is tried, or it
            stands as recorded.
    """

    interaction: HoldInteraction
    seq: int = 0
    org: str | None = None
    first: Hand = field(factory=Hand)
    second: Hand = field(factory=Hand)
    over: bool = False
    tried: HoldInteraction | None = None

    def horizon(self) -> Instant | None:
        """Return when the first of the two sides left what was recorded; None for never."""
        left = [hand.left_at for hand in (self.first, self.second) if hand.left_at is not None]
        return min(left, default=None)


@frozen
class Span:
    """How long a hold would have been on one side.

    Attributes:
        least: Its end, at the earliest.
        most: At the latest.
        passes_limit: Whether its limit would have passed.
    """

    least: Instant
    most: Instant
    passes_limit: bool


def span_of(hold: LedgerHold, hand: Hand, terms: Terms | None = None) -> Span | None:
    """Return how long a hold would have been.

    A release that a side alone decided on counts as carried out at once. Where a side did not
    decide on what had ended the hold, it would have gone on: until its limit at the latest, as far
    as that releases, and at least as long as it was.

    Args:
        hold: The hold, as it was recorded; it has ended.
        hand: What the side did.
        terms: Other terms of its skill group; None for those that counted.

    Returns:
        None where its beginning or its end was not seen.
    """
    if hold.since is None or hold.until is None:
        return None
    since, until = hold.since, hold.until
    limit_at = hold.limit_at
    least = most = until
    passes = hold.limit_passed
    if hand.lacks_release and limit_at is not None:
        most = max(until, limit_at)
    if hand.limit_us:
        moved = Instant(since + hand.limit_us)
        if hold.ended == "limit":
            most = max(until, moved)
        passes = least >= moved
        limit_at = moved
    if terms is not None:
        least, most, passes, limit_at = _under(hold, terms, since, least, most)
    if hand.ends_at is not None:
        least = most = min(hand.ends_at, most)
        passes = limit_at is not None and most >= limit_at
    return Span(least, most, passes)


def _under(
    hold: LedgerHold, terms: Terms, since: Instant, least: Instant, most: Instant
) -> tuple[Instant, Instant, bool, Instant]:
    """Return the ends of a hold, and whether its limit passes, under other terms."""
    limit_at = Instant(since + terms.limit_us)
    by_limit = hold.ended == "limit"
    releases = terms.on_limit == "release" and not (hold.foreign and terms.watches_foreign)
    if by_limit:
        # It would have gone on, and who knows for how long.
        most = max(most, limit_at)
    if releases:
        least, most = min(least, limit_at), min(most, limit_at)
    elif by_limit and hold.limit_at is not None:
        least = min(least, limit_at) if limit_at < hold.limit_at else least
    return least, most, least >= limit_at, limit_at
