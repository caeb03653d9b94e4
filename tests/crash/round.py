"""One round of the crash test: a set of files, and the lives that go on with them."""

import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import final

import trio
from attrs import frozen
from tests.crash.invariants import Diary, Evidence, after_kill, read_diary
from tests.crash.plan import EXPIRE_GROUP, Mode, Plan
from tests.crash.processes import GatewayProcess
from tests.crash.story import Story, read_story

from hookflash.adapters.settings.groups import Durability
from hookflash.machines.instants import Instant

OURS = 40
TOUCHED = 6
EXPIRING = 8
"""Interactions of a round: those that are commanded, those that somebody else changes, and how many
of the first wait for a decision at their limit."""

LIMIT_S = 2.0


@frozen
class Calls:
    """The interactions of a round."""

    ours: tuple[str, ...]
    touched: tuple[str, ...]

    @classmethod
    def draw(cls, chance: Random) -> "Calls":
        """Draw them."""

        def some(count: int) -> tuple[str, ...]:
            return tuple(
                f"{chance.getrandbits(32):08x}-0000-4000-8000-{chance.getrandbits(48):012x}"
                for _ in range(count)
            )

        return cls(some(OURS), some(TOUCHED))

    def faults(self) -> str:
        """Return the part of the simulator's file that gives some of them their skill group."""
        return "".join(
            f'\n[[interactions]]\nid = "{call}"\nskill_group_id = "{EXPIRE_GROUP}"\n'
            for call in self.ours[:EXPIRING]
        )


@final
class Pace:
    """How long the service takes to open and to connect: kills are aimed by it."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._open_s = 0.05
        self._connected_s = 0.12

    def kill_after_s(self) -> float:
        """Draw the moment of a kill: in the recovery, while connecting, or in a burst."""
        aim = self._chance.random()
        if aim < 0.3:
            return self._chance.uniform(0.0, 1.2 * self._open_s)
        if aim < 0.45:
            return self._chance.uniform(self._open_s, 1.2 * self._connected_s)
        return self._connected_s + self._chance.uniform(0.0, 0.7)

    def learn(self, diary: Diary) -> float:
        """Take up how long it took this time.

        Returns:
            Seconds until the service was open, recovery included; 0 where it was killed before.
        """
        at = {line["what"]: line["at"] for line in diary}
        if "connected" in at:
            self._connected_s += 0.2 * ((at["connected"] - at["go"]) / 1e6 - self._connected_s)
        if "open" not in at:
            return 0.0
        open_s: float = (at["open"] - at["go"]) / 1e6
        self._open_s += 0.2 * (open_s - self._open_s)
        return open_s


def phase_of(diary: Diary) -> str:
    """Tell what a service did when it was killed, as its diary has it."""
    seen = Counter(line["what"] for line in diary)
    if not seen["go"]:
        return "before it began"
    if not seen["open"]:
        return "in recovery"
    if not seen["connected"]:
        return "while connecting"
    return "with commands under way" if seen["start"] > seen["end"] else "between commands"


@final
class Round:
    """One set of files, and the lives that went on with them."""

    def __init__(
        self,
        folder: Path,
        gateway: GatewayProcess,
        calls: Calls,
        chance: Random,
        *,
        webhook: str,
        durability: Durability,
        segment_records: int,
    ) -> None:
        self.folder = folder
        self.gateway = gateway
        self.calls = calls
        self._webhook = webhook
        self._chance = chance
        self._durability: Durability = durability
        self._segment_records = segment_records
        self.touched = list(calls.touched)
        self.life = 0
        self.story: Story | None = None
        self.diaries: list[Diary] = []
        self.ended_at: list[Instant] = []

    def plan(self, mode: Mode) -> Plan:
        """Return the plan of the next life."""
        return Plan(
            mode=mode,
            folder=str(self.folder),
            host=self.gateway.host,
            ca_file=str(self.gateway.ca_file),
            life=self.life,
            seed=self._chance.randrange(2**31),
            ours=self.calls.ours,
            touched=tuple(self.touched),
            limit_s=LIMIT_S,
            durability=self._durability,
            segment_records=self._segment_records,
            webhook=self._webhook,
        )

    def ended(self) -> None:
        """Take up that a life has ended now."""
        self.ended_at.append(Instant(time.time_ns() // 1000))

    def read(self, folder: Path) -> Evidence:
        """Read what the life that ended left in *folder*, which may be a copy."""
        self.diaries.append(read_diary(folder, self.life))
        self.life += 1
        return Evidence(folder, Story(), list(self.diaries), list(self.ended_at))

    def check(self, evidence: Evidence) -> list[str]:
        """Check what a life left; takes a while: call it in a thread."""
        evidence.story = read_story(evidence.folder, LIMIT_S)
        broken = after_kill(evidence, self.story)
        self.story = evidence.story
        return broken

    async def meddle(self) -> None:
        """Be the people at the gateway: hold, and now and then end, an interaction."""
        while True:
            await trio.sleep(self._chance.expovariate(1 / 0.4))
            if self._chance.random() < 0.9:
                await self.gateway.change(self._chance.choice(self.calls.touched), "held")
            elif len(self.touched) < TOUCHED + OURS // 8:
                ended = self._chance.choice(self.calls.ours)
                self.touched.append(ended)
                await self.gateway.change(ended, "closed")
