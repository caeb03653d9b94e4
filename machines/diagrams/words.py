"""Words and figures as drawings have them."""

from hookflash.machines.instants import Instant, to_text

_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def duration_text(seconds: float) -> str:
    """Return a duration with its unit, to three digits: `80 ms`, `5 s`, `15 min`, `2.5 h`."""
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.3g} ms"
    for unit_s, unit in _UNITS:
        if seconds >= 2 * unit_s:
            return f"{_three_digits(seconds / unit_s)} {unit}"
    return f"{_three_digits(seconds)} s"


def _three_digits(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


def moment_text(at: Instant, day: str = "") -> str:
    """Return a moment in UTC, `2026-01-10 13:00:05`; without its day where that is *day*."""
    text = to_text(at)
    date, time = text[:10], text[11:19]
    return time if date == day else f"{date} {time}"


def count_text(count: int) -> str:
    """Return a count with its thousands set apart."""
    return f"{count:,}"


def share_text(part: int, whole: int) -> str:
    """Return how much of *whole* a part is, in percent: `98.7 %`."""
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1 %"
    return f"{percent:.3g} %" if percent < 99.95 or part == whole else ">99.9 %"


def numbers_text(numbers: tuple[int, ...], limit: int) -> str:
    """Return numbers with ranges, `1, 4 to 6`; beyond *limit* pieces only how many there are."""
    pieces: list[str] = []
    start = end = 0
    for number in (*numbers, 0):
        if start and number == end + 1:
            end = number
            continue
        if start:
            pieces.append(f"{start}" if start == end else f"{start} to {end}")
        start = end = number
    if len(pieces) <= limit:
        return ", ".join(pieces)
    return f"{', '.join(pieces[:limit])} \u2026 ({len(numbers)} in all)"


def guards_text(guards: tuple[str, ...]) -> str:
    """Return guards as drawings have them: `[is_current & past_limit]`; empty for none."""
    return f"[{' & '.join(guards)}]" if guards else ""


def wrapped(text: str, width: int) -> list[str]:
    """Break *text* at blanks into lines of at most *width* characters, where its words allow."""
    lines: list[str] = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
