"""What the demo shows while it runs."""

import io
import re
from typing import Any

import pytest
import trio
import trio.testing
from rich.console import Console
from tests.support.command_line import quiet_logs
from tests.support.demo_run import run_in_memory

from hookflash.adapters.demo.view import Lines, Picture, heard_words

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def pictures(width: int, height: int) -> list[list[str]]:
    """Return the pictures of a run on a terminal, each as its lines."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, height=height, force_terminal=True, color_system="truecolor"
    )
    with quiet_logs():
        run_in_memory(3, view_of=lambda: Picture(console, "hookflash demo, seed 3"))
    plain = CONTROL.sub("", file.getvalue()).replace("\r", "")
    found = plain.split("hookflash demo, seed 3")[1:]
    return [("hookflash demo, seed 3" + one).splitlines() for one in found]


def test_the_table_fits_80_columns_and_24_rows() -> None:
    """Nothing is wrapped, nothing is cut off at the bottom, and what counts is there."""
    shown = pictures(80, 24)
    everything = "\n".join(line for picture in shown for line in picture)

    assert len(shown) > 50
    assert max(len(line) for picture in shown for line in picture) <= 80
    assert max(len(picture) for picture in shown) <= 23
    for what in (
        "id       state          held for limit in reason",
        "control socket down",
        "control socket connected",
        "unhold_pending",
        "passed",
        "by hand",
        "hold confirmed, ",
        "unhold by lookup, 1.0 s",
        "released at limit, ",
        "alarm: hold expired",
        "warning: near its limit",
        "hold by somebody else",
        "> the gateway cuts the control socket while commands are under way",
    ):
        assert what in everything, what
    assert "43 of 43 done" in "\n".join(shown[-1])
    assert "on hold 0 " in "\n".join(shown[-1])


def test_a_wide_terminal_says_what_is_played() -> None:
    """And has room for every interaction."""
    shown = pictures(140, 60)

    assert "what is played" in "\n".join(shown[-1])
    assert "released at limit" in "\n".join(shown[-1])
    assert max(len(line) for picture in shown for line in picture) <= 140
    assert len(shown[-1]) >= 43


def test_lines_are_for_whoever_reads_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    """One for each notable thing, with the time."""
    run = run_in_memory(3, view_of=Lines)
    out = [
        line for line in capsys.readouterr().out.splitlines() if re.match(r" +\d+\.\d\d s  ", line)
    ]

    assert len(out) >= len(run.audit) + len(run.told) + 2
    assert any(line.endswith("control socket down") for line in out)
    assert any(re.search(r"  [0-9a-f]{8}  hold confirmed, \d+ ms$", line) for line in out)
    assert all(re.match(r" +\d+\.\d\d s  ", line) and len(line) <= 80 for line in out)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"event": "hold", "outcome": "confirmed", "latencyMs": 41.4}, "hold confirmed, 41 ms"),
        (
            {"event": "hold", "outcome": "not_applied", "latencyMs": 1234.0},
            "hold not applied, 1.2 s",
        ),
        (
            {"event": "unhold", "outcome": "unknown", "actor": "limit", "status": "failed"},
            "unhold unknown, 0 ms",
        ),
        (
            {"event": "unhold", "outcome": "confirmed", "actor": "limit"},
            "released at limit, 0 ms",
        ),
        (
            {"event": "unhold", "outcome": "confirmed", "actor": "foreign"},
            "unhold by somebody else",
        ),
        ({"event": "alarm", "outcome": "release_failed"}, "alarm: release failed"),
        ({"event": "warning", "outcome": "warning"}, "warning: near its limit"),
    ],
)
def test_an_outcome_is_a_few_words(payload: dict[str, Any], words: str) -> None:
    """What monitors hear, short enough for the table."""
    given = {"actor": "demo", "status": "success", "latencyMs": 0} | payload

    assert heard_words(given) == words


async def test_the_last_picture_stays_when_it_is_cancelled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Ctrl-C leaves the terminal with a cursor."""
    file = io.StringIO()
    console = Console(file=file, width=80, height=24, force_terminal=True)

    class Nothing:
        link_state = "connecting"
        done: tuple[str, ...] = ()

        def interactions(self) -> list[Any]:
            return []

        def metrics(self) -> Any:
            from hookflash.engine.metrics import Metrics  # noqa: PLC0415 - this test only

            return Metrics().snapshot()

        def now(self) -> int:
            return 0

    nothing: Any = Nothing()
    with trio.move_on_after(1):
        await Picture(console, "title").run(nothing, nothing, ())

    assert "title" in file.getvalue()
    assert file.getvalue().rstrip().endswith("\x1b[?25h")
