"""Points in time, as the machines know them.

An instant is a whole number of microseconds since 1970-01-01T00:00:00Z. Whole numbers, because a
deadline that is computed again on replay must be equal to the recorded one, not almost equal.
"""

from datetime import UTC, datetime, timedelta
from typing import NewType

Instant = NewType("Instant", int)
"""Microseconds since the epoch, UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(seconds: float) -> int:
    """Return the duration *seconds* as whole microseconds, rounded to the nearest."""
    return round(seconds * 1_000_000)


def after(instant: Instant, seconds: float) -> Instant:
    """Return the instant that lies *seconds* after *instant*."""
    return Instant(instant + round(seconds * 1_000_000))


def seconds_between(earlier: Instant, later: Instant) -> float:
    """Return how many seconds lie between the two; negative where *later* comes first."""
    return (later - earlier) / 1_000_000


def to_text(instant: Instant) -> str:
    """Return *instant* as ISO 8601 in UTC with microseconds, as recordings have it."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1_000_000:06d}Z"


def to_text_ms(instant: Instant) -> str:
    """Return *instant* as ISO 8601 in UTC with milliseconds, as the audit log has it."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1_000_000 // 1000:03d}Z"


def from_text(text: str) -> Instant:
    """Return the instant that *text* names.

    Args:
        text: ISO 8601 with a zone (`Z` or an offset); digits beyond microseconds are cut off.

    Raises:
        ValueError: *text* is no such time, or has no zone: a time without one names no instant.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text!r} has no zone; end it with Z for UTC")
    return Instant((moment - _EPOCH) // _MICROSECOND)
