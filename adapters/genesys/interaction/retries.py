"""When a failed request is made again: the numbers, without doing it."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from random import Random
from typing import Final

from attrs import frozen

from hookflash.machines.instants import Instant

BACKOFF_MAX_S: Final = 30.0
"""The longest pause between two attempts that we choose ourselves."""


@frozen
class Retries:
    """How often and when.

    Attributes:
        attempts_max: Attempts in all.
        backoff_s: First pause; it doubles. Up to a quarter more is added by chance, so that many
            clients do not come back at the same moment.
        retry_after_max_s: The longest pause that the other side can ask for.
    """

    attempts_max: int = 3
    backoff_s: float = 0.5
    retry_after_max_s: float = 60.0

    def backoff(self, attempt: int, chance: Random) -> float:
        """Return the pause in seconds after the failed *attempt*, counted from 1."""
        pause = min(self.backoff_s * (1 << (attempt - 1)), BACKOFF_MAX_S)
        return pause * (1 + 0.25 * chance.random())

    def after(self, header: str | None, default_s: float, now: Instant) -> float:
        """Return the pause in seconds that a `Retry-After` asks for, within our bound.

        Args:
            header: The header: seconds or an HTTP date; None where there is none.
            default_s: For a header that is missing or makes no sense.
            now: The current instant, for dates.
        """
        asked = _seconds(header.strip(), now) if header else None
        return min(max(default_s if asked is None else asked, 0.0), self.retry_after_max_s)


def _seconds(header: str, now: Instant) -> float | None:
    # RFC 9110, 10.2.3: whole seconds or a date. Fractions are not in it, but they are sent.
    whole, _, fraction = header.partition(".")
    if header.isascii() and whole.isdigit() and (fraction.isdigit() or not fraction):
        return float(header[:12])
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    try:
        return date.timestamp() - now / 1_000_000
    except OverflowError:
        return None
