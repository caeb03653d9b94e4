"""The crash test: kill the service hundreds of times at random moments, and look at its files.

`python -m tests.crash.run --kills 500` runs it. A campaign consists of rounds, each with
files and interactions of its own; a round ends with two lives that are not killed: in the first
all that was under way comes to its end, in the second all callers are released.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import final

import attrs
import trio
from attrs import define, field, frozen
from tests.crash.invariants import (
    MONITORS,
    Evidence,
    Monitor,
    at_gateway,
    at_rest,
    same_state,
    untold,
)
from tests.crash.listener import listening
from tests.crash.plan import Mode
from tests.crash.processes import CrashTestError, VictimProcess, gateway_process
from tests.crash.round import Calls, Pace, Round, phase_of

from hookflash.adapters.settings.groups import Durability

ACK_MS = 4.0
REST_S = 60.0
TOLD_MAX = 10

SEGMENT_RECORDS = (100, 1000, 10)
"""Rounds take turns with these: parts of the journal are put away often, so that kills meet it."""

FAULTS = """
[acks]
lost = 0.02
late = 0.03
late_ms = 700
duplicate = 0.03
unexecuted = 0.02

[[acks.refusals]]
share = 0.01
code = 429
retry_after_s = 0.05

[[acks.refusals]]
share = 0.01
code = 500

[[acks.refusals]]
share = 0.01
code = 409
with_state = true

[frames]
garbage = 0.02
kinds = ["not_json", "not_object", "unknown_shape"]

[sockets]
close_every = 150

[metadata]
slow = 0.02
slow_ms = 200
"""


@frozen(kw_only=True)
class Settings:
    """What a campaign does.

    Attributes:
        kills: How many.
        seed: Decides all that is random.
        kills_per_round: After how many the service may come to rest.
    """

    kills: int
    seed: int
    kills_per_round: int = 20


@define
class Figures:
    """What a campaign did."""

    kills: int = 0
    rounds: int = 0
    commands: int = 0
    commands_ended: int = 0
    cut_short: int = 0
    records: int = 0
    audit_lines: int = 0
    notices: int = 0
    torn_writes: int = 0
    longest_start_s: float = 0.0
    seconds: float = 0.0
    kills_by_phase: Counter[str] = field(factory=Counter[str])
    untold: Counter[Monitor] = field(factory=Counter[Monitor])
    broken: list[str] = field(factory=list[str])

    def text(self) -> str:
        """Return the figures, a line each."""
        lines = [
            f"{name.replace('_', ' ')}: {value:.2f}"
            if isinstance(value, float)
            else f"{name.replace('_', ' ')}: {value}"
            for name, value in attrs.asdict(self, recurse=False).items()
            if not isinstance(value, Counter | list)
        ]
        lines += [f"  killed {phase}: {n}" for phase, n in sorted(self.kills_by_phase.items())]
        lines += [f"  untold to the {name}: {n}" for name, n in sorted(self.untold.items())]
        return "\n".join([*lines, f"invariants broken: {len(self.broken)}"])


@final
class Campaign:
    """All rounds, over one gateway."""

    def __init__(self, settings: Settings, folder: Path, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._folder = folder
        self._tell = tell
        self._chance = Random(settings.seed)
        self._pace = Pace(self._chance)
        self._frames: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._victim: VictimProcess | None = None
        self.figures = Figures()

    async def run(self) -> Figures:
        """Run all rounds; what is broken stands in the figures, and its files are kept."""
        began = time.monotonic()
        settings = self._settings
        count = -(-settings.kills // settings.kills_per_round)
        rounds = [Calls.draw(self._chance) for _ in range(count)]
        faults = FAULTS + "".join(calls.faults() for calls in rounds)
        async with (
            listening(self._folder) as listener,
            gateway_process(
                self._folder, seed=settings.seed, faults=faults, ack_ms=ACK_MS
            ) as gateway,
        ):
            try:
                for number, calls in enumerate(rounds):
                    folder = self._folder / f"round-{number:03d}"
                    folder.mkdir()
                    # Some rounds wait for the disk before anything leaves.
                    durability: Durability = "power" if number % 4 == 3 else "process"
                    round_ = Round(
                        folder,
                        gateway,
                        calls,
                        self._chance,
                        webhook=listener + folder.name,
                        durability=durability,
                        segment_records=SEGMENT_RECORDS[number % len(SEGMENT_RECORDS)],
                    )
                    left = settings.kills - self.figures.kills
                    await self._round(round_, min(left, settings.kills_per_round))
            finally:
                if self._victim is not None:
                    await self._victim.end()
        self.figures.seconds = time.monotonic() - began
        return self.figures

    async def _round(self, round_: Round, kills: int) -> None:
        unchecked: Evidence | None = None
        for _ in range(kills):
            # The next life goes on with the files at once; what the last one left is looked at
            # in a copy meanwhile.
            async with trio.open_nursery() as nursery:
                if unchecked is not None:
                    nursery.start_soon(self._check, round_, unchecked)
                await self._one_kill(round_)
            unchecked = round_.read(await self._copy(round_))
            start_s = self._pace.learn(unchecked.diaries[-1])
            self.figures.longest_start_s = max(self.figures.longest_start_s, start_s)
            self.figures.kills += 1
            self.figures.kills_by_phase[phase_of(unchecked.diaries[-1])] += 1
        if unchecked is not None:
            await self._check(round_, unchecked)
        await self._rest(round_, "settle")
        await self._rest(round_, "drain")
        figures = self.figures
        figures.rounds += 1
        self._tell(
            f"round {figures.rounds}: {figures.kills} kills, {figures.commands} commands,"
            f" {figures.records} records, {len(figures.broken)} broken"
        )

    async def _one_kill(self, round_: Round) -> None:
        victim = await self._next_victim()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(round_.meddle)
            await victim.begin(round_.plan("storm"))
            try:
                await victim.kill_after(self._pace.kill_after_s())
            except CrashTestError as error:
                self._found(round_, [str(error)])
            round_.ended()
            nursery.cancel_scope.cancel()
        await victim.end()

    async def _next_victim(self) -> VictimProcess:
        log_path = self._folder / "victims.log"
        victim = self._victim or await VictimProcess.start(log_path)
        await victim.ready()
        self._victim = await VictimProcess.start(log_path)
        return victim

    async def _copy(self, round_: Round) -> Path:
        copy = round_.folder.with_name(f"{round_.folder.name}-life-{round_.life:04d}")
        await trio.to_thread.run_sync(shutil.copytree, round_.folder, copy)
        return copy

    async def _check(self, round_: Round, evidence: Evidence) -> None:
        """Check what a kill left."""
        self._found(round_, await self._look(round_, evidence), evidence)

    async def _look(self, round_: Round, evidence: Evidence) -> list[str]:
        broken = await trio.to_thread.run_sync(round_.check, evidence)
        self._frames.update(evidence.story.frames)
        return broken

    async def _rest(self, round_: Round, mode: Mode) -> None:
        """Let the service come to rest, and compare it with the gateway."""
        victim = await self._next_victim()
        await victim.begin(round_.plan(mode))
        try:
            await victim.wait_for_end(REST_S)
        except CrashTestError as error:
            self._found(round_, [str(error)])
        await victim.end()
        round_.ended()
        evidence = round_.read(await self._copy(round_))
        broken = await self._look(round_, evidence)
        truth = await round_.gateway.truth((*round_.calls.ours, *round_.calls.touched))
        broken += at_rest(evidence) + at_gateway(truth, len(self._frames))
        broken += same_state(evidence.story, truth)
        if mode == "drain":
            held = [call for call, state in truth.states.items() if state == "held"]
            broken += [f"state: {call} is still held" for call in held]
            self._count(evidence)
        self._found(round_, broken, evidence)

    def _found(self, round_: Round, broken: list[str], evidence: Evidence | None = None) -> None:
        """Tell what is broken, and keep the evidence of it; other evidence is removed."""
        for number, text in enumerate(broken):
            # What is broken in the journal stays so, and would be found again after each kill.
            if (round_.folder.name, text) in self._told:
                continue
            self._told.add((round_.folder.name, text))
            where = f"{round_.folder.name}, before life {round_.life}: {text}"
            self.figures.broken.append(where)
            if number < TOLD_MAX:
                self._tell(f"BROKEN {where}")
        if evidence is not None and not broken:
            shutil.rmtree(evidence.folder)

    def _count(self, evidence: Evidence) -> None:
        figures = self.figures
        what = Counter(line["what"] for diary in evidence.diaries for line in diary)
        figures.commands += what["start"]
        figures.commands_ended += what["end"]
        figures.cut_short += what["start"] - what["end"]
        figures.records += len(evidence.story.records)
        figures.audit_lines += len(evidence.audit_lines())
        figures.notices += len(evidence.story.notices)
        # What a kill tore from the end of journal and audit log was set aside, a line each time.
        figures.torn_writes += sum(
            path.read_bytes().count(b"\n") for path in evidence.folder.glob("*.torn")
        )
        for monitor in MONITORS:
            figures.untold[monitor] += len(untold(evidence, monitor))
