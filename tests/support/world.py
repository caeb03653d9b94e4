"""A controller, its gateway and the simulator in one world on virtual time."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, final

import trio
from attrs import define, evolve, field
from tests.support.memory_network import MemoryNetwork
from typed_settings.types import Secret

from hookflash.adapters.audit import MemoryAuditLog
from hookflash.adapters.composition import Parts, open_gateway, run_controller
from hookflash.adapters.journal import MemoryJournal
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.monitors import MonitorDesk
from hookflash.adapters.resuming import Resumed
from hookflash.adapters.rules_files import names_of
from hookflash.adapters.settings import CommandsSettings, GatewaySettings, Settings
from hookflash.adapters.simulator import Faults, Simulator
from hookflash.adapters.specifications import load_machine
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.engine.instances import Instance
from hookflash.engine.migration import Kept
from hookflash.engine.recovery import recover
from hookflash.engine.rule_desk import RuleDesk
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import from_text
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Aside, Record, Told
from hookflash.machines.rule_lines import encode_aside
from hookflash.machines.rules.ruleset import parse_rules

STARTED_AT = datetime(2026, 1, 10, 13, tzinfo=UTC)


class SynchronousMemoryJournal(MemoryJournal):
    """A journal whose disk takes its time, for what waits for it.

    Attributes:
        broken: What every sync raises; None for a disk that does.
        blocking_syncs: How often was waited for it without letting others run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken: JournalError | None = None
        self.blocking_syncs = 0
        self._disk = trio.lowlevel.ParkingLot()

    @property
    def synced(self) -> bool:
        """True: effects wait."""
        return True

    async def sync(self) -> None:
        """Wait until `disk_done`."""
        if self.broken is not None:
            raise self.broken
        await self._disk.park()

    def sync_now(self) -> None:
        """Do not wait."""
        if self.broken is not None:
            raise self.broken
        self.blocking_syncs += 1

    def disk_done(self) -> None:
        """End the wait."""
        self._disk.unpark_all()


@final
@define
class World:
    """One controller and the simulator it talks to."""

    controller: Controller
    simulator: Simulator
    network: MemoryNetwork
    journal: MemoryJournal
    audit: MemoryAuditLog
    clock: SteadyClock
    told: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    notified: list[dict[str, Any]] = field(factory=list[dict[str, Any]])

    @property
    def rules(self) -> RuleDesk:
        """The engine's rule desk."""
        return self.controller._engine.rules  # pyright: ignore[reportPrivateUsage] - what loads files has it

    @property
    def instances(self) -> list[Instance]:
        """The interactions that the engine knows."""
        return list(self.controller._engine.instances)  # pyright: ignore[reportPrivateUsage] - nothing else shows them

    def state(self, interaction_id: str) -> str:
        """The state as the engine has it."""
        snapshot = self.controller.interaction(interaction_id)
        return "unknown" if snapshot is None else snapshot.state

    @property
    def audit_lines(self) -> list[dict[str, Any]]:
        """The audit log's lines."""
        return [dict(line) for line in self.audit.lines]

    @property
    def records(self) -> Sequence[Record]:
        """The journal's records."""
        return self.journal.records

    @staticmethod
    def state_frame(interaction_id: str, state: str) -> str:
        """A state update as the gateway would send it."""
        return json.dumps({"interactionId": interaction_id, "state": state})


def make_settings(policy: HoldPolicy | None = None, **commands: Any) -> Settings:
    """Settings for a gateway in memory."""
    return Settings(
        gateway=GatewaySettings(
            host="gateway.test:443",
            client_id="client-1",
            client_secret=Secret("s3cret-of-the-tests"),
            reconnect_jitter=False,
        ),
        hold=policy or HoldPolicy(),
        commands=evolve(CommandsSettings(), **commands),
    )


def _noting(notified: list[dict[str, Any]], name: str) -> Callable[[Any], Awaitable[None]]:
    async def note(payload: Any) -> None:
        notified.append({"to": name, **payload})

    return note


@asynccontextmanager
async def open_world(
    policy: HoldPolicy | None = None,
    *,
    simulator: Simulator | None = None,
    faults: Faults | None = None,
    seed: int = 1,
    connected: bool = True,
    settings: Settings | None = None,
    earlier: "World | None" = None,
    resumes: bool = True,
    clock: SteadyClock | None = None,
    rules: str | None = None,
    functions: Mapping[str, Callable[..., object]] | None = None,
) -> AsyncGenerator[World, None]:
    """Open a controller to a simulator over memory streams; both on trio's clock.

    With *earlier* it is the next run of that world's program, over its journal and audit log.
    *rules* is the text of a rules file; `supervisor`, `team-lead`, `quality` and `night-desk` may
    be notified, which is to be found in `World.notified`.
    """
    settings = settings or make_settings(policy)
    async with trio.open_nursery() as nursery:
        if earlier is not None:
            simulator = earlier.simulator
        simulator = simulator or Simulator(faults=faults, seed=seed, started_at=STARTED_AT)
        network = MemoryNetwork(simulator, nursery)
        clock = clock or (
            SteadyClock(started_at=from_text(STARTED_AT.isoformat()), chance=Random(seed))
            if earlier is None
            else earlier.clock
        )
        machine = load_machine("hold", settings.hold)
        gateway = open_gateway(settings, clock, network=network, chance=Random(seed))
        journal = MemoryJournal() if earlier is None else earlier.journal
        audit = MemoryAuditLog() if earlier is None else earlier.audit
        header = RecordCodec(machine).new_header(gateway.name, clock.now())
        definitions = Definitions(header, machine, "memory")
        recovered = recover(
            definitions, header, [*journal.entries, Told(journal.told_through)], "memory"
        )
        known = [*recovered.open_interactions(), *recovered.idle_interactions()]
        kept = [Kept(one) for one in known if one.state != "closed"]
        resumed = Resumed(recovered, kept)
        told: list[dict[str, Any]] = []

        async def note(payload: Any) -> None:
            told.append(dict(payload))

        desk = MonitorDesk()
        desk.add(note)
        notified: list[dict[str, Any]] = []
        for name in ("supervisor", "team-lead", "quality", "night-desk"):
            desk.add(_noting(notified, name), name=name, rules_only=True)
        for name, function in (functions or {}).items():
            desk.add_function(name, function)
        parts = Parts(machine, clock, gateway, journal, audit, desk, resumed, resumes)
        if rules is not None:
            names = names_of(desk.names(), desk.function_names(), settings.hold)
            parts = evolve(parts, load_rules=partial(parse_rules, rules, "rules.toml", names))
        async with run_controller(settings, parts) as controller:
            world = World(controller, simulator, network, journal, audit, clock, told, notified)
            if connected:
                await controller.wait_connected()
            yield world
        nursery.cancel_scope.cancel()


def written(world: World, path: Path) -> Path:
    """Write what the journal of *world* holds into a recording at *path*."""
    machine = load_machine("hold")
    codec = RecordCodec(machine)
    lines = [encode_header(codec.new_header("gateway.test:443", from_text(STARTED_AT.isoformat())))]
    for entry in world.journal.entries:
        if isinstance(entry, Record):
            lines.append(codec.encode(entry))
        elif isinstance(entry, Aside):
            lines.append(encode_aside(entry))
    path.write_bytes(b"".join(lines))
    return path
