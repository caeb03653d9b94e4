"""`bench`: how fast commands go through, against the configured gateway."""

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hookflash.adapters.command_line.options import (
    NO_GATEWAY_OPTIONS,
    NO_RECORD_OPTIONS,
    GatewayOptions,
    Json,
    RecordOptions,
    settings_of,
)
from hookflash.adapters.command_line.output import print_json, print_line, tell
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from hookflash.adapters.command_line.pairs import Tally
    from hookflash.adapters.composition import JournalChoice
    from hookflash.adapters.settings import Settings
    from hookflash.engine.controller import Controller

PAIRS_MAX: Final = 10_000_000
CONCURRENCY_MAX: Final = 10_000
PRIORITY: Final = 5

_TERMINAL_EVERY_S = 0.25
_LINE_EVERY_S = 2.0
_NOTHING_ENFORCES = (
    "note: nothing enforces a hold limit after this command; what a failed unhold left stays held"
)


async def bench(
    *,
    pairs: int,
    concurrency: int,
    interactions: int | None = None,
    gateway: GatewayOptions = NO_GATEWAY_OPTIONS,
    records: RecordOptions = NO_RECORD_OPTIONS,
    json: Json = False,
) -> int:
    """Hold and unhold fresh interactions and measure; exit code 1 if any command failed.

    Args:
        pairs: How many hold and unhold pairs.
        concurrency: How many at a time.
        interactions: Over how many interactions they are spread; each has one pair unless given.
        gateway: Where the gateway is.
        records: Where is recorded what happens.
        json: Print one line of JSON.
    """
    from hookflash.adapters.command_line.logs import configure_logging  # noqa: PLC0415 - see package
    from hookflash.adapters.command_line.signals import until_stopped  # noqa: PLC0415 - see package

    for name, value, most in (
        ("--pairs", pairs, PAIRS_MAX),
        ("--concurrency", concurrency, CONCURRENCY_MAX),
        ("--interactions", interactions or pairs if interactions != 0 else 0, PAIRS_MAX),
    ):
        if not 1 <= value <= most:
            raise ConfigurationError(
                f"option {name}: must be from 1 to {most}, is {value}", source=f"option {name}"
            )
    settings = settings_of(gateway, records)
    configure_logging(settings.log.level, default="critical")
    job = partial(
        _bench,
        settings,
        pairs=pairs,
        concurrency=concurrency,
        interactions=interactions or pairs,
        temporary=records.journal is None,
    )
    result, tally = await until_stopped(job)
    if json:
        print_json(result)
    else:
        _print_for_people(result)
    for kind, message in tally.failures.items():
        tell(f"failed: {kind}: {message}")
    tell(_NOTHING_ENFORCES)
    return 1 if tally.failed else 0


async def _bench(
    settings: "Settings", *, pairs: int, concurrency: int, interactions: int, temporary: bool
) -> "tuple[dict[str, Any], Tally]":
    import uuid  # noqa: PLC0415 - see package

    from hookflash.adapters.command_line.connecting import (  # noqa: PLC0415 - see package
        wait_connected,
    )
    from hookflash.adapters.command_line.pairs import Tally, figures  # noqa: PLC0415 - see package
    from hookflash.adapters.composition import open_controller  # noqa: PLC0415 - see package

    ids = [str(uuid.uuid4()) for _ in range(interactions)]
    tally = Tally(2 * pairs)
    journal: JournalChoice = "temporary" if temporary else "durable"
    async with open_controller(settings, journal=journal, only=()) as controller:
        await wait_connected(controller, settings)
        started, cpu = time.perf_counter(), time.process_time()
        await _run_watched(controller, ids, pairs, concurrency, tally)
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    return figures(tally, seconds, cpu_s), tally


async def _run_watched(
    controller: "Controller", ids: list[str], pairs: int, concurrency: int, tally: "Tally"
) -> None:
    import trio  # noqa: PLC0415 - see package

    from hookflash.adapters.command_line.pairs import run_pairs  # noqa: PLC0415 - see package

    reason = controller.policy.reasons[0]

    async def hold(interaction_id: str) -> None:
        await controller.hold(interaction_id, reason=reason, priority=PRIORITY, deadline_s=None)

    async def unhold(interaction_id: str) -> None:
        await controller.unhold(interaction_id, priority=PRIORITY, deadline_s=None)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(show_bar if sys.stderr.isatty() else show_lines, tally)
        await run_pairs((hold, unhold), ids, pairs=pairs, concurrency=concurrency, tally=tally)
        nursery.cancel_scope.cancel()


async def show_bar(tally: "Tally") -> None:
    """Show a progress bar on the terminal until cancelled."""
    import trio  # noqa: PLC0415 - see package
    from rich.console import Console  # noqa: PLC0415 - see package
    from rich.progress import (  # noqa: PLC0415 - see package
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn("commands"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TextColumn("{task.fields[failed]:,} failed"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        # No thread of its own: it would take the interpreter from what is measured.
        auto_refresh=False,
    )
    with progress:
        task = progress.add_task("commands", total=tally.commands, rate=0.0, failed=0)
        started = time.perf_counter()
        try:
            while True:
                await trio.sleep(_TERMINAL_EVERY_S)
                rate = tally.ended / (time.perf_counter() - started)
                progress.update(task, completed=tally.ended, rate=rate, failed=tally.failed)
                progress.refresh()
        finally:
            rate = tally.ended / (time.perf_counter() - started)
            progress.update(task, completed=tally.ended, rate=rate, failed=tally.failed)


async def show_lines(tally: "Tally") -> None:
    """Tell the progress in plain lines until cancelled."""
    import trio  # noqa: PLC0415 - see package

    before = 0
    while True:
        await trio.sleep(_LINE_EVERY_S)
        ended = tally.ended
        rate = (ended - before) / _LINE_EVERY_S
        before = ended
        tell(f"{ended} of {tally.commands} commands, {tally.failed} failed, {rate:,.0f}/s")


def _print_for_people(result: dict[str, Any]) -> None:
    def shown(value: float | None) -> str:
        return "none" if value is None else f"{value:,.2f} ms"

    print_line(
        f"{result['commands']:,} commands in {result['seconds']:,.2f} s:"
        f" {result['per_second']:,.1f} per second, {result['failed']:,} failed"
    )
    print_line(f"latency: median {shown(result['p50_ms'])}, p99 {shown(result['p99_ms'])}")
    print_line(f"cost: {result['cpu_s']:,.2f} s of CPU, {result['rss_mb']:,.1f} MB of memory")
