"""What a replay costs, beside the least that could be done with the same lines.

    python tests/benchmarks/bench_replay.py [--events N] [--rounds N] [--memory N ...]

Each contestant reads the same recording:

- the floor: lines are parsed, and the state after each is looked up in a dict;
- `transitions`: lines are parsed, and the recorded states are walked by that library's machine, one
  model for each interaction, without effects and without comparing them;
- ours: lines are read, their checksums and numbers looked at, events made, stepped by the machine,
  and states, timers and all effects compared.

The rounds are interleaved and the best of each counts, in time of the processor for one process; in
time of the clock for two processes beside one. Only ratios of one run mean anything. Memory is that
of a process of its own for each size, at its highest.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import orjson
import transitions

from hookflash.adapters.replaying.blocks import blocks_of
from hookflash.adapters.replaying.choices import Request
from hookflash.adapters.replaying.verifying import verify
from hookflash.adapters.replaying.workers import verify_with
from hookflash.adapters.specifications import load_machine
from hookflash.machines import events as ev
from hookflash.machines.codec import RecordCodec
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Facts, Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import Record

MACHINE: Machine[Any, Any] = load_machine("hold")
AT = from_text("2026-11-22T18:22:01.123456Z")
OPEN = 200
"""Interactions that go on at the same time."""

GOAL_PER_SECOND = 150_000
GOAL_WORKERS = 1.8
FACTS = Facts("active", "org-1", "sg-1")


class Caller:
    """One interaction: held and released some times, with what goes wrong on the way; then over."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.holds = chance.choice((1, 1, 2, 3, 5))
        self.interaction: Interaction[Any] = MACHINE.start(self.new_id())
        self.begun = False

    def new_id(self) -> str:
        """Draw an id."""
        text = f"{self.chance.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def next(self, at: Instant) -> Any | None:  # noqa: PLR0911 - one return for each event
        """Return what happens next; None where it is over."""
        one, pending, lucky = self.interaction, self.interaction.pending, self.chance.random()
        if not self.begun:
            return ev.ObservedActive(at, Instant(at - 900), "lookup", self.new_id(), FACTS)
        if one.state == "closed":
            return None
        if pending is None and one.state == "active":
            if not self.holds:
                return ev.ObservedClosed(at, Instant(at - 1), "frame")
            self.holds -= 1
            return ev.HoldRequested(at, self.new_id(), at, "consultation", 5, facts=FACTS)
        if pending is None:
            return ev.UnholdRequested(at, self.new_id(), at, 5, facts=FACTS)
        if pending.sent_at is None:
            return ev.Sent(at, pending.correlation_id)
        if pending.doubt_since is not None:
            held = pending.action == "hold"
            seen = ev.ObservedHeld if held else ev.ObservedActive
            return seen(at, at, "lookup", self.new_id(), facts=FACTS)
        if lucky < 0.03:
            return ev.LinkLost(at)
        return ev.Acknowledged(at, pending.correlation_id)


def write_recording(path: Path, events: int) -> None:
    """Write a recording of so many events."""
    chance, codec = Random(5), RecordCodec(MACHINE)
    callers = [Caller(chance) for _ in range(OPEN)]
    with path.open("wb") as file:
        file.write(encode_header(codec.new_header("localhost:8443", AT)))
        for seq in range(1, events + 1):
            at = Instant(AT + seq * 250)
            index = chance.randrange(OPEN)
            caller = callers[index]
            event = caller.next(at)
            if event is None:
                caller = callers[index] = Caller(chance)
                event = caller.next(at)
            before = caller.interaction
            step = MACHINE.step(before, event)
            caller.interaction = step.interaction
            target = step.interaction.state
            record = Record(
                seq, before.id, event, before.state, target, step.effects, not caller.begun
            )
            caller.begun = True
            file.write(codec.encode(record))


# --- the contestants ------------------------------------------------------------------------------


def records_of(path: Path) -> Iterator[dict[str, Any]]:
    """Parse the records of a recording."""
    for block in blocks_of(path):
        yield from (raw for raw in map(orjson.loads, block.lines) if "seq" in raw)


def floor(path: Path) -> int:
    """Parse, and look each state up in a dict."""
    table: dict[tuple[str, str], set[str]] = {}
    for row in MACHINE.spec.rows:
        table.setdefault((row.source, row.event), set()).add(row.target or row.source)
    states: dict[str, str] = {}
    count = 0
    for raw in records_of(path):
        interaction = raw["interaction"]
        source = states.get(interaction, "active")
        target = raw["to"]
        assert target in table[source, raw["event"]["type"]]
        states[interaction] = target
        count += 1
    return count


class Model:
    """What `transitions` moves."""

    state = "active"


def with_transitions(path: Path) -> int:
    """Parse, and walk the recorded states by the library's machine."""
    machine: Any = transitions.Machine(
        model=None, states=list(MACHINE.spec.states), initial="active", auto_transitions=False
    )
    moves = {(row.event, row.source, row.target or row.source) for row in MACHINE.spec.rows}
    for event, source, target in sorted(moves):
        condition = _leads_to(target)
        dest = None if target == source else target
        machine.add_transition(event, source, dest, conditions=condition)
    triggers = {name: machine.events[name].trigger for name in MACHINE.spec.events}
    models: dict[str, Model] = {}
    count = 0
    for raw in records_of(path):
        model = models.setdefault(raw["interaction"], Model())
        triggers[raw["event"]["type"]](model, raw["to"])
        assert model.state == raw["to"]
        count += 1
    return count


def _leads_to(target: str) -> Callable[[str], bool]:
    return lambda recorded: recorded == target


def ours(path: Path) -> int:
    """Replay."""
    verdict = verify([path])
    assert verdict.same, verdict
    return verdict.findings.records


def best(
    contestants: Mapping[str, Callable[[Path], int]], path: Path, rounds: int
) -> dict[str, float]:
    """Return the events a second of each, in time of the processor."""
    found = dict.fromkeys(contestants, 0.0)
    for _ in range(rounds):
        for name, replay in contestants.items():
            begun = time.process_time()
            count = replay(path)
            found[name] = max(found[name], count / (time.process_time() - begun))
    return found


def memory(events: int, folder: Path) -> tuple[float, float]:
    """Return the memory of a replay of so many events, in MB, and its events a second."""
    path = folder / f"{events}.jsonl"
    write_recording(path, events)
    done = subprocess.run(
        [sys.executable, __file__, "--one", str(path)], capture_output=True, text=True, check=True
    )
    path.unlink()
    size, speed = done.stdout.split()
    return float(size), float(speed)


def two_workers(path: Path, rounds: int) -> tuple[float, float]:
    """Return the events a second of one process and of two, in time of the clock."""
    request = Request(recordings=(path,))
    found = [0.0, 0.0]
    for _ in range(rounds):
        for index, workers in enumerate((1, 2)):
            verdict = verify_with(request, workers)
            assert verdict.same
            found[index] = max(found[index], verdict.per_second)
    return found[0], found[1]


def tell(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - a program


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--one", type=Path, help="replay one recording and print its memory")
    options = parser.parse_args()
    if options.one is not None:
        verdict = verify([options.one])
        assert verdict.same
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        tell(f"{peak:.0f} {verdict.per_second:.0f}")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "recording.jsonl"
        write_recording(path, options.events)
        tell(f"{options.events:,} events, {path.stat().st_size / options.events:.0f} bytes each")
        contestants = {"floor": floor, "transitions": with_transitions, "ours": ours}
        speeds = best(contestants, path, options.rounds)
        for contestant, speed in speeds.items():
            beside = speed / speeds["floor"]
            tell(
                f"{contestant:12} {speed:>10,.0f} events/s of one core   {beside:.2f} of the floor"
            )
        reached = "reached" if speeds["ours"] >= GOAL_PER_SECOND else "not reached"
        tell(f"goal: {GOAL_PER_SECOND:,} events/s, {reached}")
        one, two = two_workers(path, options.rounds)
        reached = "reached" if two / one >= GOAL_WORKERS else "not reached"
        tell(
            f"two processes: {two:,.0f} events/s beside {one:,.0f} of one: {two / one:.2f} times;"
            f" goal {GOAL_WORKERS}, {reached}"
        )
        path.unlink()
        for events in options.memory:
            size, speed = memory(events, folder)
            tell(f"memory at {events:>10,} events: {size:.0f} MB   ({speed:,.0f} events/s)")


if __name__ == "__main__":
    main()
