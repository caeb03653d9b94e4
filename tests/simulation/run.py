"""One run of the simulation: some lives of the process with everything going wrong, then peace."""

import gc
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import trio
import trio.testing
from attrs import define, evolve, field
from tests.simulation.disk import DiskFaults, Killed, SimulatedDisk
from tests.simulation.invariants import check_files, check_gateway, check_limits, check_settled
from tests.simulation.network import NetworkFaults, SimulatedNetwork
from tests.simulation.plan import Life, Plan, PlannedTrouble
from tests.simulation.process import Witness, give, holds, open_process, settings_of
from tests.support.schedule import deterministic
from tests.support.world import STARTED_AT

from hookflash.adapters.settings import Settings
from hookflash.adapters.simulator import Faults, Simulator
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.machines.errors import JournalError
from hookflash.machines.instants import from_text

SETTLE_S = 480.0
"""When faults have ended: the longest chain is a rest after giving up (60 s), an unlooked doubt, a
resend, a second doubt and a release pause (60 s), with lookups that back off up to 30 s between."""

LIFE_MAX_S = 1_800.0
"""How long callers may wait who have set no deadline: a doubt ends when the gateway is heard."""

LOOK_EVERY_S = 20.0
"""How often is looked whether anybody is on hold past the limit with nothing under way."""

_FAULTS_OF_THE_GATEWAY = (
    "acks_lost",
    "acks_late",
    "acks_duplicated",
    "commands_refused",
    "commands_unexecuted",
    "garbage_frames",
    "sockets_closed_by_fault",
    "half_opens",
    "foreign_changes",
)

RAM = Path("/dev/shm")  # noqa: S108 - files of a run are made and removed by it


@define
class Report:
    """Figures of one run.

    Attributes:
        virtual_s: How long it took in the simulated world.
        deaths: How the lives of the process ended.
        faults: What went wrong, by kind.
        records: How many records the journal has.
        commands: How many commands callers gave.
    """

    virtual_s: float = 0.0
    deaths: Counter[str] = field(factory=Counter[str])
    faults: Counter[str] = field(factory=Counter[str])
    records: int = 0
    commands: int = 0


def run_plan(plan: Plan) -> Report:
    """Carry *plan* out, the same way each time.

    Raises:
        AssertionError: An invariant is broken.
    """
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=RAM if RAM.is_dir() else None))
    try:
        with deterministic(plan.seed):
            return trio.run(
                _Run(plan, folder).run, clock=trio.testing.MockClock(autojump_threshold=0)
            )
    finally:
        shutil.rmtree(folder)


class _Run:
    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.settings: Settings = settings_of(plan, folder)
        self.chance = Random(plan.seed)
        self.witness = Witness()
        self.report = Report()
        self.wall_ahead_us = round(plan.skew_s * 1_000_000)
        self.power_cut = False
        self.simulator = Simulator(faults=plan.gateway, seed=plan.seed, started_at=STARTED_AT)

    async def run(self) -> Report:
        async with trio.open_nursery() as nursery:
            self.network = SimulatedNetwork(self.simulator, nursery, self.chance, self.plan.network)
            for life in self.plan.lives:
                await self._live(life)
                self._after(life)
                await trio.sleep(life.down_s)
            await self._live_in_peace()
            nursery.cancel_scope.cancel()
        report = self.report
        report.virtual_s = trio.current_time()
        report.commands = self.witness.asked
        report.faults.update(self.network.counts)
        statistics = self.simulator.statistics()
        for name in _FAULTS_OF_THE_GATEWAY:
            report.faults[name] += getattr(statistics, name)
        report.faults["requests_refused"] += (
            statistics.metadata_requests
            - statistics.metadata_answers
            + statistics.token_requests
            - statistics.tokens_issued
        )
        report.faults["clock_set"] += sum(bool(life.clock_set_s) for life in self.plan.lives)
        return report

    def _clock(self) -> SteadyClock:
        begun = from_text(STARTED_AT.isoformat())

        def wall() -> int:
            return begun + round(trio.current_time() * 1_000_000) + self.wall_ahead_us

        return SteadyClock(chance=self.chance, wall=wall, suspended=lambda: 0)

    # --- lives ------------------------------------------------------------------------------------

    async def _live(self, life: Life) -> None:
        """Live until the planned death, or until the disk does not do any more."""
        disk = SimulatedDisk(self.chance, life.disk)
        death: str = life.death
        recoveries = self.witness.recoveries
        try:
            async with open_process(
                self.settings,
                disk=disk,
                network=self.network,
                clock=self._clock(),
                chance=self.chance,
                witness=self.witness,
                power_cut=self.power_cut,
                rules=self.plan.rules,
            ) as controller:
                await self._work(controller, life, disk)
        except BaseException as error:
            if holds(error, JournalError):
                death = "disk_full"
            elif not holds(error, Killed):
                raise
        finally:
            self.network.cut()
            self.network.heal()
        if death == "power_cut":
            disk.die()
            disk.cut_power()
            self.power_cut = True
        elif self.witness.recoveries > recoveries:
            # Nothing was compared with what a loss of power left before a life that did begin.
            self.power_cut = False
        self.report.deaths[death] += 1
        self.report.faults.update(disk.counts)
        gc.collect()

    async def _work(self, controller: Controller, life: Life, disk: SimulatedDisk) -> None:
        with trio.fail_after(LIFE_MAX_S):
            await self._live_on(controller, life, disk)

    async def _live_on(self, controller: Controller, life: Life, disk: SimulatedDisk) -> None:
        async with trio.open_nursery() as nursery:
            for trouble in life.troubles:
                nursery.start_soon(self._befall, trouble)
            async with trio.open_nursery() as callers:
                for command in life.commands:
                    callers.start_soon(give, controller, command, self.witness)
                    await trio.sleep(command.pause_s)
                callers.start_soon(trio.sleep, life.kill_after_s)
                if life.death in {"kill", "power_cut"}:
                    await trio.sleep(life.kill_after_s)
                    disk.die()
                    callers.cancel_scope.cancel()
            nursery.cancel_scope.cancel()

    async def _befall(self, trouble: PlannedTrouble) -> None:
        await trio.sleep(trouble.at_s)
        self.report.faults[trouble.kind] += 1
        match trouble.kind:
            case "cut":
                self.network.cut()
            case "partition":
                self.network.partition()
                await trio.sleep(trouble.for_s)
                self.network.heal()
            case "gateway_restart":
                self.simulator.cut_connections()
            case "foreign_hold":
                self.simulator.hold_by_agent(trouble.interaction_id)
            case "foreign_unhold":
                self.simulator.unhold_by_agent(trouble.interaction_id)

    def _after(self, life: Life) -> None:
        self.wall_ahead_us += round(life.clock_set_s * 1_000_000)
        check_gateway(self.simulator, self.plan)
        if (self.folder / "hookflash.db").exists():
            check_files(
                self.folder, self.simulator, self.witness, power_cut=self.power_cut, whole=False
            )

    async def _live_in_peace(self) -> None:
        """Nothing goes wrong any more: everything must settle."""
        self.simulator.use_faults(Faults())
        self.network.faults = NetworkFaults()
        disk = SimulatedDisk(self.chance, DiskFaults())
        async with open_process(
            self.settings,
            disk=disk,
            network=self.network,
            clock=self._clock(),
            chance=self.chance,
            witness=self.witness,
            power_cut=self.power_cut,
            rules=self.plan.rules,
        ) as controller:
            # Where the start found a clock that was set, or a gateway away, it takes a moment.
            for _ in range(round(SETTLE_S / LOOK_EVERY_S)):
                await trio.sleep(LOOK_EVERY_S)
                check_limits(controller, self.plan)
            check_gateway(self.simulator, self.plan)
            check_settled(controller, self.simulator, self.plan)
        self.report.records = check_files(
            self.folder, self.simulator, self.witness, power_cut=False, whole=True
        )


def timed(plan: Plan) -> tuple[Report, float]:
    """Carry *plan* out and say how long that took, in seconds."""
    begun = time.perf_counter()
    report = run_plan(plan)
    return report, time.perf_counter() - begun


def smaller(plan: Plan) -> list[Plan]:
    """Return plans that leave something of *plan* out, the greatest parts first."""
    plans = [
        evolve(plan, lives=plan.lives[:n] + plan.lives[n + 1 :]) for n in range(len(plan.lives))
    ]
    plans += [evolve(plan, gateway=Faults()), evolve(plan, network=NetworkFaults())]
    plans.append(evolve(plan, rules=False))
    defaults = Faults()
    for name in ("acks", "frames", "sockets", "foreign", "token", "upgrade", "metadata"):
        without = evolve(plan.gateway, **{name: getattr(defaults, name)})
        plans.append(evolve(plan, gateway=without))
    for n, life in enumerate(plan.lives):
        half = len(life.commands) // 2
        kept = [
            evolve(life, troubles=()),
            evolve(life, commands=life.commands[:half]),
            evolve(life, commands=life.commands[half:]),
            evolve(life, clock_set_s=0.0),
            evolve(life, disk=evolve(life.disk, full_from=None, sync_s=0.0)),
        ]
        if len(life.commands) <= 8:
            kept += [
                evolve(life, commands=life.commands[:k] + life.commands[k + 1 :])
                for k in range(len(life.commands))
            ]
        plans += [evolve(plan, lives=(*plan.lives[:n], one, *plan.lives[n + 1 :])) for one in kept]
    return [one for one in plans if one != plan]


def shrink(plan: Plan, tries_max: int = 200) -> Plan:
    """Return the smallest plan found that fails as *plan* does."""
    tries = 0
    found = True
    while found:
        found = False
        for candidate in smaller(plan):
            tries += 1
            if tries > tries_max:
                return plan
            if fails(candidate):
                plan, found = candidate, True
                break
    return plan


def fails(plan: Plan) -> bool:
    """Tell whether an invariant breaks."""
    try:
        run_plan(plan)
    except Exception:  # noqa: BLE001 - whatever breaks
        return True
    return False
