"""Durations, counts and shares as drawings have them."""

import pytest
from tests.machines.diagrams.doors import AT

from hookflash.machines.diagrams.words import (
    count_text,
    duration_text,
    guards_text,
    moment_text,
    numbers_text,
    share_text,
    wrapped,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.0, "0 s"), (0.011, "11 ms"), (0.1, "0.1 s"), (5.0, "5 s"), (90.0, "90 s")),
        *((120.0, "2 min"), (900.0, "15 min"), (9000.0, "2.5 h"), (172_800.0, "2 d")),
        (172_800_000.0, "2,000 d"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """A duration has the largest unit of which there are two, and three digits."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        *((0, 5, "0 %"), (1, 5, "20 %"), (1, 3, "33.3 %"), (5, 5, "100 %")),
        *((1, 10_000, "<0.1 %"), (99_999, 100_000, ">99.9 %")),
    ],
)
def test_shares(part: int, whole: int, text: str) -> None:
    """A share that is not nothing is never told as nothing, one that is not all never as all."""
    assert share_text(part, whole) == text


def test_moments_and_counts() -> None:
    """A moment is told without its day where that is known; thousands are set apart."""
    assert moment_text(AT) == "2026-01-10 13:00:00"
    assert moment_text(AT, "2026-01-10") == "13:00:00"
    assert moment_text(AT, "2026-01-11") == "2026-01-10 13:00:00"
    assert count_text(1234567) == "1,234,567"


def test_numbers_of_steps() -> None:
    """Steps that follow each other are a range; many of them are only counted."""
    assert numbers_text((1,), 3) == "1"
    assert numbers_text((1, 4, 5, 6, 9), 3) == "1, 4 to 6, 9"
    assert numbers_text((1, 3, 5, 7), 2) == "1, 3 \u2026 (4 in all)"


def test_text_is_wrapped_at_blanks() -> None:
    """A word longer than a line stands alone; blanks that do not break keep words together."""
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("short unbreakable\u00a0words", 10) == ["short", "unbreakable\u00a0words"]
    assert wrapped("", 10) == [""]
    assert (guards_text(()), guards_text(("a", "b"))) == ("", "[a & b]")
