"""The measuring of `bench`: hold and unhold pairs, spread evenly, and their figures.

What is measured is the engine, so this does as little as it can for each command: two readings of
the clock and one entry in a list.
"""

import math
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import trio
from attrs import define, field

from hookflash.machines.errors import HookflashError

KINDS_SHOWN_MAX = 5
"""Kinds of failures that are told; the first message of each."""

Command = Callable[[str], Awaitable[object]]
"""Holds or unholds the interaction of that id; raises a `HookflashError` where it fails."""


@define
class Tally:
    """What happened so far.

    Attributes:
        commands: How many will be given in all.
        latencies_s: Seconds that each successful command took, in order of their ends.
        failed: How many failed.
        failures: The first message of each kind of failure, a few kinds.
    """

    commands: int
    latencies_s: list[float] = field(factory=list[float])
    failed: int = 0
    failures: dict[str, str] = field(factory=dict[str, str])

    @property
    def ended(self) -> int:
        """How many commands ended."""
        return len(self.latencies_s) + self.failed

    def note(self, error: HookflashError) -> None:
        """Count a failure."""
        self.failed += 1
        kind = type(error).__name__
        if kind not in self.failures and len(self.failures) < KINDS_SHOWN_MAX:
            self.failures[kind] = str(error)


async def run_pairs(
    commands: tuple[Command, Command],
    ids: Sequence[str],
    *,
    pairs: int,
    concurrency: int,
    tally: Tally,
) -> None:
    """Hold and unhold *pairs* times; pair k on interaction k mod M, of M ids.

    The unhold is attempted after a failed hold too. Never two pairs on one interaction at once:
    one whose interaction is taken waits.

    Args:
        commands: What holds one, and what unholds one.
        ids: The interactions.
        pairs: How many pairs.
        concurrency: How many pairs are under way at a time; more than there are ids have no use.
        tally: Gets what happens.
    """
    numbers = iter(range(pairs))
    running: set[int] = set()
    waiting: dict[int, trio.Event] = {}
    clock = time.perf_counter
    ended = tally.latencies_s.append

    async def work() -> None:
        for number in numbers:
            place = number % len(ids)
            while place in running:
                await waiting.setdefault(place, trio.Event()).wait()
            running.add(place)
            for command in commands:
                started = clock()
                try:
                    await command(ids[place])
                except HookflashError as error:
                    tally.note(error)
                else:
                    ended(clock() - started)
            running.remove(place)
            if waiting and (next_in_line := waiting.pop(place, None)) is not None:
                next_in_line.set()

    async with trio.open_nursery() as nursery:
        for _ in range(min(concurrency, len(ids), pairs)):
            nursery.start_soon(work)


def figures(tally: Tally, seconds: float, cpu_s: float) -> dict[str, Any]:
    """Return what `bench` prints.

    Args:
        tally: What happened.
        seconds: Wall time from the first call to the last answer.
        cpu_s: CPU time of the process in that time.

    Returns:
        The object of the contract. Percentiles are of the commands that succeeded, exact, by the
        nearest-rank method; None where none did.
    """
    ordered = sorted(tally.latencies_s)
    return {
        "commands": tally.ended,
        "ok": len(ordered),
        "failed": tally.failed,
        "seconds": round(seconds, 6),
        "per_second": round(tally.ended / seconds, 1) if seconds > 0 else 0.0,
        "p50_ms": percentile_ms(ordered, 0.50),
        "p99_ms": percentile_ms(ordered, 0.99),
        "cpu_s": round(cpu_s, 3),
        "rss_mb": round(peak_memory_mb(), 1),
    }


def percentile_ms(ordered_s: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least *share* of the values do not exceed, in ms."""
    if not ordered_s:
        return None
    rank = max(1, math.ceil(share * len(ordered_s)))
    return round(ordered_s[rank - 1] * 1000, 3)


def peak_memory_mb() -> float:
    """Return the most memory that the process had resident so far, in MiB."""
    try:
        # `ru_maxrss` also counts what the parent had before this program was started in its place.
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, others KiB.
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
