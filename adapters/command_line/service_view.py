"""What `run` shows: a live table on a terminal, plain lines elsewhere, JSON lines on request."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hookflash.engine.metrics import MetricsSnapshot
from hookflash.engine.snapshots import InteractionSnapshot
from hookflash.machines.instants import Instant, seconds_between, to_text_ms

ROWS_MAX: Final = 30
"""Interactions in the table; the others are counted below it."""

RESTING: Final = frozenset({"active", "closed"})
"""States in which nobody is on hold and nothing is under way."""

_COLUMNS: Final[tuple[tuple[str, Literal["left", "right"]], ...]] = (
    ("interaction", "left"),
    ("state", "left"),
    ("for", "right"),
    ("limit in", "right"),
)
_STYLES: Final = {
    "held": "green",
    "hold_pending": "cyan",
    "unhold_pending": "cyan",
    "expired": "bold red",
}
_NEAR_S: Final = 60.0


def on_hold(interactions: Sequence[InteractionSnapshot]) -> list[InteractionSnapshot]:
    """Return those of *interactions* that are on hold or on their way."""
    return [one for one in interactions if one.state not in RESTING]


def picture(
    interactions: Sequence[InteractionSnapshot],
    metrics: MetricsSnapshot,
    *,
    link_state: str,
    per_s: float,
    now: Instant,
) -> Group:
    """Return what the terminal shows now.

    Args:
        interactions: Those on hold or on their way, longest first.
        metrics: The figures so far.
        link_state: The state of the control socket.
        per_s: Commands per second of late.
        now: The engine's time.
    """
    table = Table(expand=True, box=None, pad_edge=False, header_style="dim")
    for name, justify in _COLUMNS:
        table.add_column(name, justify=justify, no_wrap=True)
    table.add_column("reason", no_wrap=True, ratio=1)
    for one in interactions[:ROWS_MAX]:
        table.add_row(*_row(one, now))
    parts: list[Any] = [
        _facts(("link", _link(link_state)), ("on hold", f"{len(interactions):,}")),
        _facts(*_figures(metrics, per_s)),
    ]
    if interactions:
        parts.append(table)
    if len(interactions) > ROWS_MAX:
        parts.append(Text(f"and {len(interactions) - ROWS_MAX:,} more", style="dim"))
    if not interactions:
        parts.append(Text("nobody is on hold", style="dim"))
    # The cursor rests on a line of its own: the terminal shows a typed ^C there and wraps nothing.
    parts.append(Text(""))
    return Group(*parts)


def duration(seconds: float) -> str:
    """Return a duration as people read it: `1:02:03`, `2:03`, `3 s`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"


def outcome_line(payload: Mapping[str, Any]) -> str:
    """Return an outcome, as monitors get it, as a line for a log that people read."""
    latency = payload.get("latencyMs")
    took = "" if latency is None else f" in {latency:g} ms"
    return (
        f"{payload.get('timestamp')} {payload.get('event')} {payload.get('interactionId')}:"
        f" {payload.get('status')}, {payload.get('outcome')}{took} ({payload.get('actor')})"
    )


def left_lines(interactions: Sequence[InteractionSnapshot]) -> list[str]:
    """Return, a line each, which holds are left as they are when the service stops."""
    if not interactions:
        return ["stopped; nobody is on hold"]
    lines = [
        f"stopped; {len(interactions):,} left as they are, without a limit until the next run:"
    ]
    for one in interactions[:ROWS_MAX]:
        since = "" if one.held_since is None else f" since {to_text_ms(one.held_since)}"
        lines.append(f"  {one.id} {one.state}{since}")
    if len(interactions) > ROWS_MAX:
        lines.append(f"  and {len(interactions) - ROWS_MAX:,} more")
    return lines


def left_json(interactions: Sequence[InteractionSnapshot]) -> dict[str, Any]:
    """Return the last line of `run --json`."""
    return {
        "event": "stopped",
        "held": len(interactions),
        "left": [
            {
                "interactionId": one.id,
                "state": one.state,
                "heldSince": None if one.held_since is None else to_text_ms(one.held_since),
                "limitAt": None if one.limit_at is None else to_text_ms(one.limit_at),
            }
            for one in interactions
        ],
    }


def _facts(*facts: tuple[str, str | Text]) -> Text:
    """Return one line of names and values."""
    line = Text()
    for name, value in facts:
        line.append(f"{name} ", style="dim")
        line.append_text(value if isinstance(value, Text) else Text(value))
        line.append("   ")
    return line


def _link(link_state: str) -> Text:
    style = {"connected": "green", "given_up": "bold red"}.get(link_state, "yellow")
    return Text(link_state.replace("_", " "), style=style)


def _figures(metrics: MetricsSnapshot, per_s: float) -> list[tuple[str, str | Text]]:
    failed = metrics.attempts - metrics.succeeded
    figures: list[tuple[str, str | Text]] = [
        ("commands", f"{metrics.attempts:,}"),
        ("per second", f"{per_s:,.1f}"),
        ("failed", Text(f"{failed:,}", style="yellow" if failed else "")),
        ("median", _ms(metrics.latency_p50_s)),
        ("p99", _ms(metrics.latency_p99_s)),
        ("consistency", metrics.consistency_text() if metrics.attempts else "none yet"),
        ("foreign holds", f"{metrics.foreign_holds:,}"),
    ]
    if metrics.alarms:
        figures.append(("alarms", Text(f"{metrics.alarms:,}", style="bold red")))
    return figures


def _ms(seconds: float | None) -> str:
    return "none yet" if seconds is None else f"{seconds * 1000:,.1f} ms"


def _row(one: InteractionSnapshot, now: Instant) -> tuple[str | Text, ...]:
    held = "" if one.held_since is None else duration(seconds_between(one.held_since, now))
    limit = Text("")
    if one.limit_passed:
        limit = Text("passed", style="bold red")
    elif one.limit_at is not None:
        left_s = seconds_between(now, one.limit_at)
        limit = Text(duration(left_s), style="yellow" if left_s < _NEAR_S else "")
    reason = "made by somebody else" if one.foreign else one.reason or ""
    return one.id, Text(one.state, style=_STYLES.get(one.state, "")), held, limit, reason
