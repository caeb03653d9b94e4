"""Points in time: whole microseconds, written and read back without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.machines.instants import (
    Instant,
    after,
    from_text,
    microseconds,
    seconds_between,
    to_text,
    to_text_ms,
)

YEAR_10000_US = 253_402_300_800_000_000


@given(st.integers(0, YEAR_10000_US - 1))
def test_text_and_back(us: int) -> None:
    """Every instant of the four-digit years survives its text."""
    assert from_text(to_text(Instant(us))) == us


def test_as_written() -> None:
    """Recordings have microseconds, the audit log milliseconds, both UTC."""
    instant = from_text("2026-03-01T10:00:00.123456+01:00")
    assert to_text(instant) == "2026-03-01T09:00:00.123456Z"
    assert to_text_ms(instant) == "2026-03-01T09:00:00.123Z"


def test_a_time_without_a_zone_names_no_instant() -> None:
    """It is refused, with what to write instead."""
    with pytest.raises(ValueError, match="has no zone; end it with Z"):
        from_text("2026-03-01T10:00:00")


def test_arithmetic() -> None:
    """Durations are rounded to the nearest microsecond."""
    assert microseconds(0.0000015) == 2
    assert after(Instant(10), 1.5) == 1_500_010
    assert seconds_between(Instant(3_000_000), Instant(500_000)) == -2.5
