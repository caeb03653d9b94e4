"""What `run` shows: a live table on a terminal, plain lines elsewhere, JSON lines on request."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hookflash.engine.controller import InteractionSnapshot
from hookflash.machines.instants import Instant, seconds_between, to_text_ms

if TYPE_CHECKING:
    from hookflash.engine.metrics import MetricsSnapshot

ROWS_MAX: Final = 30
"""Interactions in the table; the others are counted below it."""

RESTING: Final = frozenset({"active", "closed"})
"""States in which nobody is on hold and nothing is under way."""

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
    metrics: "MetricsSnapshot",
    link_state: str,
    now: Instant,
) -> Group:
    """Return what the terminal shows now.

    Args:
        interactions: Those on hold or on their way, longest first.
        metrics: The figures so far.
        link_state: The state of the control socket.
        now: The engine's time.
    """
    table = Table(expand=True, box=None, pad_edge=False, header_style="dim")
    for name, justify in (("interaction", "left"), ("state", "left"), ("for", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("limit in", justify="right", no_wrap=True)
    table.add_column("reason", no_wrap=True, ratio=1)
    for one in interactions[:ROWS_MAX]:
        table.add_row(*_row(one, now))
    parts: list[Any] = [_heading(metrics, link_state, len(interactions)), table]
    if len(interactions) > ROWS_MAX:
        parts.append(Text(f"and {len(interactions) - ROWS_MAX:,} more", style="dim"))
    if not interactions:
        parts.append(Text("nobody is on hold", style="dim"))
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


def _heading(metrics: "MetricsSnapshot", link_state: str, held: int) -> Text:
    style = {"connected": "green", "given_up": "bold red"}.get(link_state, "yellow")
    return Text.assemble(
        ("link ", "dim"),
        (link_state.replace("_", " "), style),
        ("   on hold ", "dim"),
        f"{held:,}",
        *_figures(metrics),
    )


def _figures(metrics: "MetricsSnapshot") -> list[str | tuple[str, str]]:
    parts: list[str | tuple[str, str]] = [("   commands ", "dim"), f"{metrics.attempts:,}"]
    return parts


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
