"""The moving parts of terminal views, in virtual time, drawn where nothing moves."""

import sys
from types import ModuleType
from typing import Any, cast

import pytest
import trio
import trio.testing

from hookflash.adapters.command_line import bench, service
from hookflash.adapters.command_line.main import execute
from hookflash.adapters.command_line.pairs import Tally
from hookflash.engine.controller import Controller
from hookflash.engine.metrics import Metrics, MetricsSnapshot
from hookflash.engine.snapshots import InteractionSnapshot
from hookflash.machines.instants import Instant


class QuietController:
    """What the view asks of a controller, with nobody on hold."""

    link_state = "connecting"

    def metrics(self) -> MetricsSnapshot:
        return Metrics().snapshot()

    def interactions(self) -> list[InteractionSnapshot]:
        return []

    def now(self) -> Instant:
        return Instant(0)


async def test_the_bar_shows_where_it_ended(
    autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what came after the last refresh."""
    tally = Tally(10)
    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.show_bar, tally)
            await trio.sleep(0.9)
            tally.latencies_s.extend([0.1] * 9)
            tally.failed = 1

    err = capsys.readouterr().err
    assert "10/10" in err
    assert "1 failed" in err


async def test_progress_is_told_in_lines_elsewhere(
    autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """One every two seconds, with the rate since the one before."""
    tally = Tally(10, [0.1] * 6)
    with trio.move_on_after(4.5):
        await bench.show_lines(tally)

    assert capsys.readouterr().err.splitlines() == [
        "6 of 10 commands, 0 failed, 3/s",
        "6 of 10 commands, 0 failed, 0/s",
    ]


async def test_the_table_is_drawn_until_cancelled(
    autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last picture stays."""
    with trio.move_on_after(1.2):
        await service.show_table(cast("Controller", QuietController()))

    out = capsys.readouterr().out
    assert "link connecting" in out
    assert "nobody is on hold" in out


def test_the_demo_gets_its_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And its exit code is the command's; a speed that is none is refused."""
    given: list[dict[str, Any]] = []

    async def run_demo(**options: Any) -> int:
        await trio.lowlevel.checkpoint()
        given.append(options)
        return 1

    module = ModuleType("hookflash.adapters.demo")
    module.run_demo = run_demo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hookflash.adapters.demo", module)

    assert execute(["demo", "--seed", "7", "--speed", "2.5", "--out", "here"]) == 1
    assert given[0]["seed"] == 7
    assert given[0]["speed"] == 2.5
    assert str(given[0]["out"]) == "here"
    assert execute(["demo", "--speed", "0"]) == 2
    assert "option --speed" in capsys.readouterr().err
