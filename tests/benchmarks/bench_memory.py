"""Memory per held interaction with its timers, tasks and threads, and start-up time.

Interactions are held through the public `Controller`, so that each has all that a real one has: its
instance, hold data, two timers in the heap, and the facts of its own lookup. Behind the ports are
fakes that answer at once and keep nothing. Each figure comes from a process of its own.

    python tests/benchmarks/bench_memory.py [--held 100000] [--json]
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import trio
from attrs import define, field

from hookflash.adapters.journal import MemoryJournal
from hookflash.adapters.specifications import load_machine
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.engine.core import Engine
from hookflash.engine.metrics import Metrics
from hookflash.engine.ports import (
    AuditEntry,
    Frame,
    FrameAcknowledged,
    FrameWritten,
    Inbox,
    LinkUp,
    LookupAnswer,
    Monitor,
    Notice,
)
from hookflash.engine.rule_messages import RuleCall, RuleNotice
from hookflash.machines.interaction import Facts
from hookflash.machines.policy import HoldPolicy

HELD: Final = 100_000
HELD_TRACED_MAX: Final = 20_000
"""tracemalloc slows everything down; the figure per interaction does not depend on their number."""

HELD_BEFORE: Final = 1_000
"""Held before the first reading: what the first ones cost is the program's, not theirs."""

CONCURRENCY: Final = 64
GOAL_BYTES: Final = 2048
STARTS: Final = 5
ANSWER: Final = b'{"orgId":"org-1","skillGroup":{"id":"sg-1","name":"Support"}}'


@define
class InstantGateway:
    """Answers everything at once, with strings of its own for each interaction, as JSON gives."""

    clock: SteadyClock
    name: str = "gateway.test:443"
    inbox: Inbox | None = None

    async def run(
        self, inbox: Inbox, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Be connected until cancelled."""
        self.inbox = inbox
        task_status.started()
        inbox.tell(LinkUp())
        await trio.sleep_forever()

    def send(self, frame: Frame) -> None:
        """Write and acknowledge *frame*."""
        assert self.inbox is not None
        self.inbox.tell(FrameWritten(frame.command.correlation_id))
        self.inbox.tell(FrameAcknowledged(frame.command.correlation_id))

    def withdraw(self, correlation_id: str) -> bool:
        """Nothing ever waits."""
        del correlation_id
        return False

    async def look_up(self, interaction_id: str) -> LookupAnswer:
        """Find an active interaction."""
        del interaction_id
        as_of = self.clock.now()
        await trio.lowlevel.checkpoint()
        said = orjson.loads(ANSWER)
        return LookupAnswer(
            "active", as_of, Facts(org_id=said["orgId"], skill_group_id=said["skillGroup"]["id"])
        )


@define
class NoAuditLog:
    """Keeps no lines."""

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Forget them."""

    def miss(self) -> None:
        """Miss none."""

    def close(self) -> None:
        """Close nothing."""


@define
class NoMonitors:
    """Tells nobody."""

    told_through = 0

    def tell(self, notice: Notice, interaction_id: str, seq: int, index: int) -> None:
        """Tell nobody."""

    def add(self, monitor: Monitor, *, name: str | None = None, rules_only: bool = False) -> None:
        """Add nobody."""

    def notify(self, notice: RuleNotice, interaction_id: str, done: Callable[[], None]) -> None:
        """Tell nobody."""
        done()

    def call(self, call: RuleCall, arguments: Mapping[str, Any], done: Callable[[], None]) -> None:
        """Call nothing."""
        done()


@define
class Held:
    """An engine whose interactions are all held.

    Attributes:
        controller: In front of it.
        count: How many are held.
    """

    controller: Controller
    count: int = field(default=0)

    async def hold_until(self, count: int) -> None:
        """Hold fresh interactions until *count* are held."""
        numbers = iter(range(count - self.count))

        async def work() -> None:
            for _ in numbers:
                await self.controller.hold(str(uuid4()), reason="consultation", priority=5)

        async with trio.open_nursery() as nursery:
            for _ in range(CONCURRENCY):
                nursery.start_soon(work)
        self.count = count


Measure = Callable[[Held, int], Awaitable[dict[str, Any]]]


async def with_engine(measure: Measure, count: int) -> dict[str, Any]:
    """Run an engine over fakes and *measure* it with *count* held interactions."""
    policy = HoldPolicy()
    clock = SteadyClock()
    gateway, monitors = InstantGateway(clock), NoMonitors()
    engine = Engine(
        machine=load_machine("hold", policy),
        gateway=gateway,
        journal=MemoryJournal(records_max=1),
        audit=NoAuditLog(),
        monitors=monitors,
        clock=clock,
        metrics=Metrics(),
    )
    controller = Controller(engine, gateway, monitors, policy)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        result = await measure(Held(controller), count)
        nursery.cancel_scope.cancel()
    return result


def resident_bytes() -> int:
    """Return the memory that this process has resident now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _counts() -> dict[str, int]:
    statistics_now = trio.lowlevel.current_statistics()
    return {"tasks": statistics_now.tasks_living, "threads": threading.active_count()}


async def measure_resident(held: Held, count: int) -> dict[str, Any]:
    """Resident memory per held interaction, tasks and threads, speed and garbage collection."""
    await held.hold_until(HELD_BEFORE)
    gc.collect()
    before, counts_before = resident_bytes(), _counts()
    started = time.perf_counter()
    await held.hold_until(count)
    seconds = time.perf_counter() - started
    collecting = time.perf_counter()
    gc.collect()
    collected_s = time.perf_counter() - collecting
    states = {one.state for one in held.controller.interactions()}
    assert states == {"held"}, states
    grown = resident_bytes() - before
    counts = _counts()
    return {
        "held": count,
        "rss_mb": round(resident_bytes() / 2**20, 1),
        "rss_bytes_each": round(grown / (count - HELD_BEFORE)),
        "hold_us": round(seconds / (count - HELD_BEFORE) * 1e6, 1),
        "full_gc_ms": round(collected_s * 1000, 1),
        "tasks": [counts_before["tasks"], counts["tasks"]],
        "threads": [counts_before["threads"], counts["threads"]],
    }


async def measure_traced(held: Held, count: int) -> dict[str, Any]:
    """Memory that Python allocated per held interaction, and the places that allocated most."""
    await held.hold_until(HELD_BEFORE)
    gc.collect()
    tracemalloc.start()
    first = tracemalloc.take_snapshot()
    before = tracemalloc.get_traced_memory()[0]
    await held.hold_until(HELD_BEFORE + count)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    differences = tracemalloc.take_snapshot().compare_to(first, "lineno")
    places = [
        f"{row.size_diff / count:6.0f} B {_place(row.traceback[0])}" for row in differences[:12]
    ]
    return {"traced_bytes_each": round(grown / count), "places": places}


def _place(frame: tracemalloc.Frame) -> str:
    path = Path(frame.filename)
    return f"{path.parent.name}/{path.name}:{frame.lineno}"


def _child(what: str, count: int) -> dict[str, Any]:
    """Measure in a fresh process."""
    command = [sys.executable, str(Path(__file__).absolute()), f"--held={count}", f"--only={what}"]
    ended = subprocess.run(command, check=True, capture_output=True)
    result: dict[str, Any] = orjson.loads(ended.stdout)
    return result


def start_up_s(*arguments: str) -> float:
    """Return the median of how long a fresh interpreter takes for *arguments*, in seconds."""
    taken: list[float] = []
    for _ in range(STARTS):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held", type=int, default=HELD)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--only", choices=("resident", "traced"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    held = max(int(options.held), 2 * HELD_BEFORE)
    if options.only is not None:
        measure: Measure = measure_resident if options.only == "resident" else measure_traced
        result = trio.run(with_engine, measure, held)
        sys.stdout.write(orjson.dumps(result).decode() + "\n")
        return 0
    result = _child("resident", held)
    result.update(_child("traced", min(held, HELD_TRACED_MAX)))
    bare_s = start_up_s("-c", "")
    result["import_s"] = round(start_up_s("-c", "import hookflash") - bare_s, 3)
    help_code = "from hookflash.adapters.command_line.main import execute; execute(['--help'])"
    result["help_s"] = round(start_up_s("-c", help_code), 3)
    if options.json:
        sys.stdout.write(orjson.dumps(result).decode() + "\n")
        return 0
    state = "reached" if result["rss_bytes_each"] <= GOAL_BYTES else "MISSED"
    rows = (
        ("held in one process", f"{result['held']:,}", f"of {result['rss_mb']:.0f} MB"),
        ("memory of each", f"{result['rss_bytes_each']:,} B", f"goal <= {GOAL_BYTES:,} B {state}"),
        ("allocated by Python", f"{result['traced_bytes_each']:,} B", "each"),
        *(
            (name, f"{result[name][1]:,}", f"{result[name][0]:,} with {HELD_BEFORE:,} held")
            for name in ("tasks", "threads")
        ),
        ("a hold in the engine", f"{result['hold_us']:,.1f} us", "without wire and journal"),
        ("garbage collection", f"{result['full_gc_ms']:,.1f} ms", "full, with all held"),
        ("import hookflash", f"{result['import_s']:.3f} s", "beyond a bare interpreter"),
        ("hookflash --help", f"{result['help_s']:.3f} s", ""),
    )
    lines = [f"{what:<22} {figure:>12}  {note}".rstrip() for what, figure, note in rows]
    lines += ["allocated for each, by place:", *(f"  {place}" for place in result["places"])]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
