"""What `run` shows, as text."""

import io

import pytest
from rich.console import Console

from hookflash.adapters.command_line.service_view import (
    ROWS_MAX,
    duration,
    left_json,
    left_lines,
    on_hold,
    outcome_line,
    picture,
)
from hookflash.engine.metrics import Metrics
from hookflash.engine.snapshots import InteractionSnapshot
from hookflash.machines.instants import Instant, after, from_text

NOW = from_text("2026-01-10T13:00:00Z")


def snapshot(
    name: str = "i-1",
    state: str = "held",
    *,
    held_for_s: float | None = 90.0,
    limit_s: float = 900.0,
    limit_passed: bool = False,
    foreign: bool = False,
) -> InteractionSnapshot:
    """An interaction, held for 90 s unless said otherwise."""
    since: Instant | None = None if held_for_s is None else after(NOW, -held_for_s)
    return InteractionSnapshot(
        id=name,
        state=state,
        held_since=since,
        limit_at=None if since is None else after(since, limit_s),
        limit_passed=limit_passed,
        reason="consultation",
        foreign=foreign,
        pending=None,
        skill_group_id="sg-1",
    )


def drawn(*interactions: InteractionSnapshot, link_state: str = "connected") -> str:
    """The picture as a terminal of 110 columns shows it."""
    console = Console(file=io.StringIO(), width=110, force_terminal=False)
    view = picture(interactions, Metrics().snapshot(), link_state=link_state, per_s=12.34, now=NOW)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_tells_state_since_limit_and_reason() -> None:
    """One row for each, with what matters to whoever looks."""
    text = drawn(
        snapshot(),
        snapshot("i-2", "expired", held_for_s=1000, limit_passed=True),
        snapshot("i-3", foreign=True),
        snapshot("i-4", "hold_pending", held_for_s=None),
        link_state="given_up",
    )
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith("i-")}

    assert rows["i-1"].split() == ["i-1", "held", "1:30", "13:30", "consultation"]
    assert "passed" in rows["i-2"]
    assert "made by somebody else" in rows["i-3"]
    assert rows["i-4"].split() == ["i-4", "hold_pending", "consultation"]
    assert "link given up" in text
    assert "on hold 4" in text
    assert "per second 12.3" in text


def test_a_quiet_service_says_so() -> None:
    """No empty table without a word."""
    assert "nobody is on hold" in drawn()


def test_the_table_is_bounded() -> None:
    """A screen has so many lines; the others are counted."""
    text = drawn(*(snapshot(f"i-{number}") for number in range(ROWS_MAX + 1234)))

    assert "and 1,234 more" in text
    assert len(text.splitlines()) < ROWS_MAX + 10


def test_those_at_rest_are_left_out() -> None:
    """Active and closed interactions are nobody's concern."""
    held, pending = snapshot(), snapshot(state="unhold_pending")
    rest = [snapshot(state="active"), snapshot(state="closed")]

    assert on_hold([held, *rest, pending]) == [held, pending]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (3.4, "3 s"), (59.6, "1:00"), (123, "2:03"), (3723, "1:02:03")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    """Rounded to whole seconds."""
    assert duration(seconds) == text


def test_what_is_left_at_the_end_is_named() -> None:
    """Which, and since when; bounded for people, complete for programs."""
    many = [snapshot(f"i-{number}") for number in range(ROWS_MAX + 1)]

    assert left_lines([]) == ["stopped; nobody is on hold"]
    lines = left_lines(many)
    assert lines[1] == "  i-0 held since 2026-01-10T12:58:30.000Z"
    assert lines[-1] == "  and 1 more"
    assert left_json(many)["held"] == ROWS_MAX + 1
    assert left_json(many[:1])["left"] == [
        {
            "interactionId": "i-0",
            "state": "held",
            "heldSince": "2026-01-10T12:58:30.000Z",
            "limitAt": "2026-01-10T13:13:30.000Z",
        }
    ]
    assert left_json([snapshot(held_for_s=None)])["left"][0]["heldSince"] is None


def test_outcomes_are_lines() -> None:
    """As monitors get them; what has no latency does not show one."""
    payload = {
        "event": "hold",
        "interactionId": "i-1",
        "status": "success",
        "latencyMs": 12.5,
        "timestamp": "T",
        "outcome": "confirmed",
        "actor": "caller",
    }

    assert outcome_line(payload) == "T hold i-1: success, confirmed in 12.5 ms (caller)"
    assert " in " not in outcome_line({**payload, "latencyMs": None})
