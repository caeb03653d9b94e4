"""The demo's play over memory streams on virtual time: what takes 20 s takes 0.15 s."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import trio
import trio.testing
from attrs import evolve, frozen
from tests.support.world import STARTED_AT, make_settings, open_world

from hookflash.adapters.demo.cast import DECIDED, DENIED, STRICT, Part, draw_cast
from hookflash.adapters.demo.evidence import States
from hookflash.adapters.demo.pace import Pace
from hookflash.adapters.demo.play import Play
from hookflash.adapters.demo.view import Silence, View
from hookflash.adapters.simulator import Simulator
from hookflash.adapters.specifications import load_machine
from hookflash.machines.machine import Machine
from hookflash.machines.records import Record


@frozen
class DemoRun:
    """What a run left behind."""

    machine: Machine[Any, Any]
    cast: tuple[Part, ...]
    records: Sequence[Record]
    audit: Sequence[Mapping[str, Any]]
    states: States
    told: Sequence[str]
    took_s: float


def run_in_memory(seed: int, speed: float = 1.0, view_of: Callable[[], View] = Silence) -> DemoRun:
    """Run the demo's play; not to be called under trio.

    Args:
        seed: Decides everything.
        speed: As for the demo.
        view_of: Makes what shows it, under trio.
    """
    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(_run, seed, speed, view_of, clock=clock)


async def _run(seed: int, speed: float, view_of: Callable[[], View]) -> DemoRun:
    pace = Pace.at(speed)
    policy = pace.policy(strict=STRICT, decided=DECIDED, denied=DENIED)
    settings = make_settings(policy)
    gateway = evolve(settings.gateway, reconnect_base_s=pace.reconnect_s)
    simulator = Simulator(seed=seed, ack_delay_s=pace.ack_s, started_at=STARTED_AT)
    cast = draw_cast(seed, pace)
    told: list[str] = []
    async with open_world(settings=evolve(settings, gateway=gateway), simulator=simulator) as world:
        view = view_of()

        def tell(what: str) -> None:
            told.append(what)
            view.tell(what)

        world.controller.add_monitor(view.heard)
        play = Play(world.controller, simulator, cast, pace, tell)
        play.prepare()
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(view.run, world.controller, play, cast)
            await play.run()
            nursery.cancel_scope.cancel()
        return DemoRun(
            load_machine("hold", policy),
            cast,
            list(world.records),
            world.audit_lines,
            States({part.id: world.state(part.id) for part in cast}, simulator.all_states()),
            told,
            trio.current_time() - began_s,
        )
