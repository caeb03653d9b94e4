"""What the demo shows while it runs: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, final

import trio
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hookflash.adapters.command_line.output import print_line
from hookflash.adapters.demo.cast import Part
from hookflash.adapters.demo.play import RESTING, Play, short
from hookflash.engine.controller import Controller
from hookflash.engine.metrics import MetricsSnapshot
from hookflash.engine.snapshots import InteractionSnapshot
from hookflash.machines.instants import seconds_between

LOOK_EVERY_S: Final = 0.02
"""How often the state of the link is looked at: at a high speed it is away for 50 ms."""

DRAW_EVERY_LOOKS: Final = 8
"""Six pictures a second: enough for a tenth of a second to be seen to pass."""

_LINES_BESIDE: Final = 9
"""Lines of the picture that are no row, and the prompt's."""

_ROWS_MIN: Final = 3

_STATE_STYLES: Final = {
    "held": "green",
    "hold_pending": "cyan",
    "unhold_pending": "cyan",
    "expired": "bold red",
    "closed": "dim",
}
_LINK_STYLES: Final = {"connected": "green", "given_up": "bold red"}
_WIDE: Final = 100
"""Columns from which the table says what is played as well."""

_NEAR_S: Final = 1.0
_NEWS_SHOWN: Final = 2


class View(Protocol):
    """What shows a demo."""

    def tell(self, what: str) -> None:
        """Show what somebody beside hookflash does."""
        ...

    async def heard(self, payload: Mapping[str, Any]) -> None:
        """Show an outcome, a warning or an alarm; a monitor."""
        ...

    async def run(self, controller: Controller, play: Play, cast: Sequence[Part]) -> None:
        """Show what changes meanwhile, until cancelled."""
        ...


@final
class Silence:
    """Shows nothing: for `--json`."""

    def tell(self, what: str) -> None:
        """Show nothing."""

    async def heard(self, payload: Mapping[str, Any]) -> None:
        """Show nothing."""

    async def run(self, controller: Controller, play: Play, cast: Sequence[Part]) -> None:
        """Show nothing."""


@final
class Lines:
    """A line for each notable thing, with the seconds since the beginning. Under trio."""

    def __init__(self) -> None:
        self._began_s = trio.current_time()

    def tell(self, what: str) -> None:
        """Print *what*."""
        print_line(f"{trio.current_time() - self._began_s:7.2f} s  {what}")

    async def heard(self, payload: Mapping[str, Any]) -> None:
        """Print an outcome, a warning or an alarm."""
        self.tell(f"{short(payload['interactionId'])}  {heard_words(payload)}")

    async def run(self, controller: Controller, play: Play, cast: Sequence[Part]) -> None:
        """Print each change of the link until cancelled."""
        del play, cast
        before = ""
        while True:
            if controller.link_state != before:
                before = controller.link_state
                self.tell(f"control socket {before.replace('_', ' ')}")
            await trio.sleep(LOOK_EVERY_S)


@final
class Picture:
    """A live table.

    Args:
        console: Of the terminal.
        title: What runs.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._began_s = trio.current_time()
        self._last: dict[str, str] = {}
        self._news: list[str] = []

    def tell(self, what: str) -> None:
        """Show *what* below the table."""
        self._news = [*self._news, what][-_NEWS_SHOWN:]

    async def heard(self, payload: Mapping[str, Any]) -> None:
        """Show it as the last thing heard of its interaction."""
        key = payload["interactionId"]
        self._last.pop(key, None)  # so that the newest stand last
        self._last[key] = heard_words(payload)

    async def run(self, controller: Controller, play: Play, cast: Sequence[Part]) -> None:
        """Draw until cancelled; the last picture stays."""
        # No thread of its own: the table is drawn where the engine runs, between its turns.
        with Live(console=self._console, auto_refresh=False, redirect_stderr=False) as live:
            try:
                while True:
                    live.update(self._draw(controller, play, cast), refresh=True)
                    await trio.sleep(LOOK_EVERY_S * DRAW_EVERY_LOOKS)
            finally:
                live.update(self._draw(controller, play, cast), refresh=True)

    def _draw(self, controller: Controller, play: Play, cast: Sequence[Part]) -> RenderableType:
        known = {one.id: one for one in controller.interactions()}
        now_s = trio.current_time() - self._began_s
        link = controller.link_state
        head = Text.assemble(
            (self._title, "bold"),
            f"   {now_s:.1f} s   control socket ",
            (link.replace("_", " "), _LINK_STYLES.get(link, "bold yellow")),
        )
        progress = Table.grid(padding=(0, 1), expand=True)
        progress.add_column(ratio=1)
        progress.add_column(justify="right", no_wrap=True)
        progress.add_row(
            ProgressBar(len(cast), len(play.done)), f"{len(play.done)} of {len(cast)} done"
        )
        held = sum(one.held_since is not None for one in known.values())
        figures = [
            Text(line, style="dim", no_wrap=True, overflow="ellipsis")
            for line in figure_lines(controller.metrics(), held)
        ]
        news = [Text(f"> {line}", style="magenta", no_wrap=True) for line in self._news]
        return Group(head, progress, *figures, self._table(known, controller, cast), *news)

    def _table(
        self, known: Mapping[str, InteractionSnapshot], controller: Controller, cast: Sequence[Part]
    ) -> Table:
        wide = self._console.width >= _WIDE
        table = Table(
            box=None, pad_edge=False, expand=wide, header_style="dim", padding=(0, 1, 0, 0)
        )
        table.add_column("id", no_wrap=True)
        table.add_column("state", no_wrap=True, min_width=14)
        table.add_column("held for", justify="right", no_wrap=True)
        table.add_column("limit in", justify="right", no_wrap=True)
        table.add_column("reason", no_wrap=True, min_width=12)
        table.add_column("last outcome", no_wrap=True, min_width=24, ratio=3 if wide else None)
        if wide:
            table.add_column("what is played", no_wrap=True, ratio=2)
        now = controller.now()
        for part in self._shown(known, cast):
            one = known[part.id]
            held = left = Text("")
            if one.held_since is not None:
                held = Text(f"{max(0.0, seconds_between(one.held_since, now)):.1f} s")
            if one.limit_passed:
                left = Text("passed", style="bold red")
            elif one.limit_at is not None:
                left_s = max(0.0, seconds_between(now, one.limit_at))
                left = Text(f"{left_s:.1f} s", style="yellow" if left_s < _NEAR_S else "")
            cells: list[str | Text] = [
                short(part.id),
                Text(one.state, style=_STATE_STYLES.get(one.state, "")),
                held,
                left,
                "by hand" if one.foreign else (one.reason or ""),
                self._last.get(part.id, ""),
            ]
            table.add_row(*cells, *([Text(part.role, style="dim")] if wide else ()))
        return table

    def _shown(
        self, known: Mapping[str, InteractionSnapshot], cast: Sequence[Part]
    ) -> Sequence[Part]:
        """Return whom there is room for: those on hold, then those last heard of; as they began."""
        room = max(_ROWS_MIN, self._console.height - _LINES_BESIDE)
        newest = {key: place for place, key in enumerate(self._last)}

        def rank(part: Part) -> tuple[bool, int]:
            return known[part.id].state in RESTING, -newest.get(part.id, -1)

        begun = sorted((part for part in cast if part.id in known), key=rank)
        chosen = {part.id for part in begun[:room]}
        return [part for part in cast if part.id in chosen]


def heard_words(payload: Mapping[str, Any]) -> str:
    """Return what monitors hear as a few words, such as `hold confirmed, 41 ms`."""
    event, outcome = payload["event"], str(payload["outcome"])
    if event == "warning":
        return "warning: near its limit"
    if event == "alarm":
        return f"alarm: {outcome.replace('_', ' ')}"
    if payload["actor"] == "foreign":
        return f"{event} by somebody else"
    words = "by lookup" if outcome == "confirmed_by_lookup" else outcome.replace("_", " ")
    latency_ms = payload["latencyMs"]
    took = f"{latency_ms:.0f} ms" if latency_ms < 999.5 else f"{latency_ms / 1000:.1f} s"
    if payload["actor"] == "limit" and payload["status"] == "success":
        return f"released at limit, {took}"
    return f"{event} {words}, {took}"


def figure_lines(metrics: MetricsSnapshot, held: int) -> tuple[str, str]:
    """Return the counters as two lines.

    Args:
        metrics: The figures so far.
        held: How many callers are on hold now.
    """
    median = metrics.latency_p50_s
    first = [
        f"on hold {held}",
        f"commands {metrics.attempts}",
        f"confirmed {metrics.confirmed}",
        f"looked up {metrics.confirmed_by_lookup}",
        f"failed {metrics.attempts - metrics.succeeded}",
        "median none yet" if median is None else f"median {median * 1000:.0f} ms",
    ]
    second = [
        f"late events {metrics.late}",
        f"answered twice {metrics.duplicates}",
        f"warnings {metrics.warnings}",
        f"alarms {metrics.alarms}",
        f"by others {metrics.foreign_holds + metrics.foreign_unholds}",
    ]
    return "   ".join(first), "   ".join(second)
