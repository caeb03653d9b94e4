"""Durations and times of day, as rules files write them: `5m`, `1h30m`, `08:00`."""

import re

_DURATION = re.compile(
    r"(?:(?P<d>\d{1,10}(?:\.\d{1,10})?)d)?(?:(?P<h>\d{1,10}(?:\.\d{1,10})?)h)?"
    r"(?:(?P<m>\d{1,10}(?:\.\d{1,10})?)m)?"
    r"(?:(?P<s>\d{1,10}(?:\.\d{1,10})?)s)?(?:(?P<ms>\d{1,12})ms)?"
)
_UNITS_US = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1000,
}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?%")

DURATION_MAX_US = 31 * _UNITS_US["d"]
"""The longest duration that a rule may name: a month, far beyond any interaction."""


def parse_duration(text: str) -> int:
    """Return the duration that *text* names, in whole microseconds.

    Args:
        text: Numbers with units, from the largest to the smallest: `90s`, `5m`, `1h30m`, `2d`,
            `500ms`.

    Raises:
        ValueError: *text* is no duration, is zero, or is longer than 31 days; the text says what
            to write.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not text.strip():
        raise ValueError(f"{text!r} is no duration; write a number with a unit, such as '90s'"
                         " or '1h30m'")  # fmt: skip
    parts = ((unit, value) for unit, value in match.groupdict().items() if value is not None)
    total = sum(round(float(value) * _UNITS_US[unit]) for unit, value in parts)
    if not 0 < total <= DURATION_MAX_US:
        raise ValueError(f"the duration {text!r} is out of range; from 1ms to 31d")
    return total


def parse_share(text: str) -> float | None:
    """Return the share that *text* names, `0.8` for `80%`; None where it names none.

    Raises:
        ValueError: The share is zero or more than 100 %.
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        return None
    share = float(match.group(1)) / 100
    if not 0 < share <= 1:
        raise ValueError(f"the share {text!r} is out of range; from 1% to 100%")
    return share


def parse_time(text: str) -> int:
    """Return the time of day that *text* names, in minutes since midnight.

    Raises:
        ValueError: *text* is no `HH:MM` from 00:00 to 23:59.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time of day; write HH:MM, such as '08:00'")
    return int(match.group(1)) * 60 + int(match.group(2))


def duration_text(duration_us: int) -> str:
    """Write a duration as rules do: `5m`, `1h 30m`, `4m 59s`, `0.5s`; `-` before negative ones."""
    if duration_us < 0:
        return f"-{duration_text(-duration_us)}"
    parts: list[str] = []
    left = duration_us
    for unit in ("d", "h", "m"):
        count, left = divmod(left, _UNITS_US[unit])
        if count:
            parts.append(f"{count}{unit}")
    if left or not parts:
        parts.append(f"{left / _UNITS_US['s']:.6f}".rstrip("0").rstrip(".") + "s")
    return " ".join(parts)


def about_text(duration_us: int) -> str:
    """Write how long ago something was: to a thousandth of a second, to a second beyond a minute.

    More digits would say nothing to anybody, and would look like a number to dial in a file.
    """
    digit_us = 1_000 if abs(duration_us) < _UNITS_US["m"] else _UNITS_US["s"]
    return duration_text(duration_us // digit_us * digit_us)
