"""Recordings of whole days for tests: many interactions, faults, rules; and changes to them."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, final

import orjson
import trio
import trio.testing
from attrs import evolve, frozen
from tests.support.world import World, open_world, written

from hookflash.adapters.simulator import Faults, parse_faults
from hookflash.machines.errors import HookflashError
from hookflash.machines.lines import dump_line
from hookflash.machines.policy import HoldPolicy

FAULTS = """
[acks]
lost = 0.05
late = 0.05
late_ms = 8000
duplicate = 0.05
unexecuted = 0.04
[[acks.refusals]]
share = 0.04
code = 429
[[acks.refusals]]
share = 0.04
code = 409
with_state = true
[foreign]
hold = 0.04
unhold = 0.04
close = 0.03
[sockets]
close_every = 40
"""

RULES = """
[[rule]]
name = "long-queueing"
trigger = { to = ["held", "unhold_pending", "expired"] }
for = "60s"
condition = 'hold.reason == "queueing"'
actions = [{ action = "notify", to = "supervisor", message = "{interaction.id} waits" }]

[[rule]]
name = "many-holds"
trigger = { to = "held" }
condition = 'interaction.holds >= 2'
actions = [{ action = "annotate", text = "held {interaction.holds} times" }]
"""


@frozen
class Day:
    """A recording of many interactions.

    Attributes:
        path: The file.
        lines: Its lines.
    """

    path: Path
    lines: tuple[bytes, ...]

    def raw(self, index: int) -> dict[str, Any]:
        """Return the JSON of a line, without its checksum."""
        found: dict[str, Any] = orjson.loads(self.lines[index])
        found.pop("sum", None)
        return found

    def find(self, wanted: Callable[[dict[str, Any]], bool]) -> int:
        """Return the index of the first record that is *wanted*."""
        for index, line in enumerate(self.lines[1:], start=1):
            found = orjson.loads(line)
            if "kind" not in found and wanted(found):
                return index
        raise AssertionError("there is no such record")


@final
class Edited:
    """A day with lines that were changed, moved or left out.

    Args:
        day: The day.
        folder: Where the result is put.
    """

    def __init__(self, day: Day, folder: Path) -> None:
        self.day = day
        self.lines = list(day.lines)
        self._folder = folder

    def change(self, index: int, change: Callable[[dict[str, Any]], object]) -> "Edited":
        """Change a record, and count its checksum anew."""
        raw = self.day.raw(index)
        change(raw)
        self.lines[index] = dump_line(raw, "a changed record")
        return self

    def write(self) -> Path:
        """Write it, and return the file."""
        handle, name = tempfile.mkstemp(suffix=".jsonl", dir=self._folder)
        Path(name).write_bytes(b"".join(self.lines))
        del handle
        return Path(name)


async def _caller(world: World, number: int, chance: Random) -> None:
    call = f"{number:08x}-0000-4000-8000-{chance.getrandbits(48):012x}"
    await trio.sleep(chance.uniform(0, 400))
    for _ in range(chance.choice((1, 1, 2, 3))):
        reason = chance.choice(("queueing", "consultation"))
        with suppress(HookflashError):
            await world.controller.hold(call, reason=reason, priority=chance.randrange(10))
        await trio.sleep(chance.choice((5, 30, 90, 200, 1200)))
        with suppress(HookflashError):
            await world.controller.unhold(call, priority=chance.randrange(10))
        await trio.sleep(chance.uniform(1, 60))
    if chance.random() < 0.5:
        world.simulator.close(call)


def record_day(
    path: Path,
    *,
    callers: int = 40,
    seed: int = 1,
    faults: Faults | None = None,
    rules: str | None = None,
    policy: HoldPolicy | None = None,
) -> Day:
    """Record the engine with the real adapter over the simulator, on virtual time."""

    async def run() -> None:
        async with open_world(policy, faults=faults, seed=seed, rules=rules) as world:
            chance = Random(seed)
            async with trio.open_nursery() as nursery:
                for number in range(callers):
                    nursery.start_soon(_caller, world, number, Random(chance.random()))
            written(world, path)

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    return Day(path, tuple(path.read_bytes().splitlines(keepends=True)))


def faults_of_a_day() -> Faults:
    """Return what goes wrong on it."""
    return evolve(parse_faults(FAULTS))
