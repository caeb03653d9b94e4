"""Sessions whose wire is recorded: the real adapter against the simulator, on virtual time."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import trio
from attrs import evolve
from tests.support.memory_network import MemoryNetwork
from tests.support.world import STARTED_AT, make_settings

from hookflash.adapters.audit import MemoryAuditLog
from hookflash.adapters.composition import Parts, open_gateway, run_controller
from hookflash.adapters.journal import MemoryJournal
from hookflash.adapters.monitors import MonitorDesk
from hookflash.adapters.settings import Settings, WireSettings
from hookflash.adapters.simulator import Faults, Simulator
from hookflash.adapters.specifications import load_machine
from hookflash.adapters.wire.opening import (
    gateway_header,
    open_recorder,
    record_into,
    tapped_journal,
)
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.machines.errors import HookflashError
from hookflash.machines.instants import from_text

Story = Callable[[Controller, Simulator], Awaitable[None]]


async def record_session(
    path: Path,
    story: Story,
    *,
    settings: Settings | None = None,
    faults: Faults | None = None,
    seed: int = 1,
    gateway_path: Path | None = None,
) -> Simulator:
    """Record the wire while *story* happens; by the gateway too, if it has a path."""
    settings = evolve(settings or make_settings(), wire=WireSettings(path=path))
    clock = SteadyClock(started_at=from_text(STARTED_AT.isoformat()), chance=Random(seed))
    simulator = Simulator(faults=faults, seed=seed, started_at=STARTED_AT)
    machine = load_machine("hold", settings.hold)
    recorder = open_recorder(settings, machine, clock.now)
    assert recorder is not None
    if gateway_path is not None:
        own = WireSettings(path=gateway_path)
        header = gateway_header(own, "gateway.test", clock.now(), settings.hold.all_reasons())
        simulator.tap = record_into(own, header, clock.now)
    async with trio.open_nursery() as nursery:
        network = MemoryNetwork(simulator, nursery)
        gateway = open_gateway(settings, clock, network=network, chance=Random(seed), tap=recorder)
        journal = tapped_journal(MemoryJournal(), recorder, machine, ())
        parts = Parts(machine, clock, gateway, journal, MemoryAuditLog(), MonitorDesk())
        async with run_controller(settings, parts) as controller:
            await story(controller, simulator)
        nursery.cancel_scope.cancel()
    recorder.close()
    if simulator.tap is not None:
        simulator.tap.close()  # type: ignore[attr-defined] # a recorder
    return simulator


def busy_day(calls: int, seed: int, *, each_s: float = 20.0) -> Story:
    """Many callers, held and released by programs and by agents, for some minutes each."""

    async def story(controller: Controller, simulator: Simulator) -> None:
        chance = Random(seed)

        async def call(number: int, begin_s: float) -> None:
            one = f"{number:08x}-1111-4111-8111-111111111111"
            await trio.sleep(begin_s)
            for _ in range(chance.randint(1, 3)):
                with suppress(HookflashError):
                    await controller.hold(one, reason="queueing", priority=5)
                await trio.sleep(chance.uniform(1, each_s))
                if chance.random() < 0.2:
                    simulator.unhold_by_agent(one)
                if chance.random() < 0.8:
                    with suppress(HookflashError):
                        await controller.unhold(one, priority=chance.randint(0, 9))
                await trio.sleep(chance.uniform(1, each_s))
            if chance.random() < 0.3:
                simulator.close(one)

        async with trio.open_nursery() as nursery:
            for number in range(calls):
                nursery.start_soon(call, number, chance.uniform(0, 4 * each_s))

    return story
