"""The doctor's look at the clock: how far ours is from the gateway's."""

import email.utils

import pytest

from hookflash.adapters.doctor import clock_skew_s

ASKED_AT = 1_800_000_000.5


@pytest.mark.parametrize(
    ("theirs_s", "skew_s"), [(-61, 60.5), (-1, 0.5), (0, 0.0), (0.5, 0.0), (60.5, -60.0)]
)
def test_the_difference_is_what_is_certain(theirs_s: float, skew_s: float) -> None:
    """Dates have whole seconds, and the answer took half a second."""
    date = email.utils.formatdate(ASKED_AT + theirs_s, usegmt=True)

    assert clock_skew_s(date, ASKED_AT, ASKED_AT + 0.5) == skew_s


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_gateway_without_a_clock_gives_none(date: str) -> None:
    """The header is optional."""
    assert clock_skew_s(date, ASKED_AT, ASKED_AT) is None
