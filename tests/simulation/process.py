"""One life of the simulated process: the real engine, adapter, journal and audit log."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast, final

import trio
from attrs import define, evolve, field
from tests.simulation.disk import SimulatedDisk
from tests.simulation.network import SimulatedNetwork
from tests.simulation.plan import Plan, PlannedCommand
from typed_settings.types import Secret

from hookflash.adapters.composition import open_parts, run_controller
from hookflash.adapters.rules_files import names_of
from hookflash.adapters.settings import (
    AuditSettings,
    CommandsSettings,
    GatewaySettings,
    JournalSettings,
    RecoverySettings,
    Settings,
)
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.engine.recovery import Recovered
from hookflash.machines.errors import CommandError
from hookflash.machines.interaction import Interaction
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Aside, InteractionState, Record
from hookflash.machines.rules.ruleset import parse_rules


@final
@define
class Witness:
    """What was seen from outside the process, over all its lives.

    Attributes:
        proved: How each interaction stood after the last append that returned.
        attempted: What the last append that did not return would have added.
        outcomes: What callers were told: correlation id, or None, and outcome.
        asked: How many commands callers gave.
        told: What monitors were told, in order, each with the number of the life.
        notified: The ids of what rules told, in order, each with the number of the life.
        recoveries: How many lives began with a journal.
    """

    proved: dict[str, Interaction[Any]] = field(factory=dict[str, Interaction[Any]])
    attempted: dict[str, Interaction[Any]] = field(factory=dict[str, Interaction[Any]])
    outcomes: list[tuple[str | None, str]] = field(factory=list[tuple[str | None, str]])
    asked: int = 0
    told: list[tuple[int, dict[str, Any]]] = field(factory=list[tuple[int, dict[str, Any]]])
    notified: list[tuple[int, str]] = field(factory=list[tuple[int, str]])
    recoveries: int = 0

    def watch(self, journal: Any) -> None:
        """Note what *journal* is given from now on."""
        append = journal.append

        def noted(
            records: Sequence[Record],
            after: Sequence[Interaction[Any]],
            told_through: int | None = None,
            asides: Sequence[tuple[Aside, InteractionState | None]] = (),
        ) -> None:
            states = [state.interaction for _, state in asides if state is not None]
            self.attempted = {one.id: one for one in (*states, *after)}
            append(records, after, told_through, asides)
            self.proved |= self.attempted
            self.attempted = {}

        journal.append = noted

    def check_recovered(self, recovered: Recovered, *, power_cut: bool) -> None:
        """See that a start finds what the journal proved, no more and no less."""
        self.recoveries += 1
        if power_cut:
            # What was appended and not synced may be lost; that nothing left is checked elsewhere.
            self.proved = dict(recovered.interactions)
            self.attempted = {}
        for interaction_id, found in recovered.interactions.items():
            allowed = [self.proved.get(interaction_id), self.attempted.get(interaction_id)]
            assert found in allowed, f"recovered {found}, proved {allowed}"
        open_ids = {one.id for one in recovered.open_interactions()}
        for interaction_id, proved in self.proved.items():
            if (proved.pending or proved.timers) and interaction_id not in self.attempted:
                assert interaction_id in open_ids, f"forgotten by recovery: {proved}"
        self.proved = dict(recovered.interactions)
        self.attempted = {}


def settings_of(plan: Plan, folder: Path) -> Settings:
    """The settings of the process."""
    return Settings(
        gateway=GatewaySettings(
            host="gateway.test:443",
            client_id="client-1",
            client_secret=Secret("s3cret-of-the-tests"),
            reconnect_jitter=False,
        ),
        hold=HoldPolicy(limit_s=plan.limit_s, on_limit=plan.on_limit),
        commands=CommandsSettings(),
        journal=evolve(
            JournalSettings(),
            path=folder / "hookflash.db",
            durability=plan.durability,
            segment_records=plan.segment_records,
        ),
        audit=evolve(AuditSettings(), path=folder / "audit.jsonl"),
        recovery=evolve(RecoverySettings(), overdue=plan.overdue),
    )


RULES = """
[[rule]]
name = "soon"
trigger = { to = "held" }
for = "3s"
condition = 'hold.elapsed_s > 1 && !hold.foreign'
actions = [
  { action = "unhold", priority = 4 },
  { action = "annotate", text = "released after {hold.elapsed_s:duration}" },
  { action = "notify", to = "desk", message = "{interaction.id} is released" },
]

[[rule]]
name = "again"
trigger = { outcome = "confirmed", action = "unhold", actor = "rule:soon" }
once_within = "1h"
actions = [ { action = "hold", reason = "queueing", priority = 1 } ]
"""
"""What rules do in half of the runs: releases, and holds that follow on them."""


@asynccontextmanager
async def open_process(
    settings: Settings,
    *,
    disk: SimulatedDisk,
    network: SimulatedNetwork,
    clock: SteadyClock,
    chance: Random,
    witness: Witness,
    power_cut: bool,
    rules: bool,
) -> AsyncGenerator[Controller, None]:
    """Run the service's own composition on simulated parts.

    Raises:
        Killed: The process died.
        JournalError: Its disk did not do.
    """

    async def note(payload: Any) -> None:
        await trio.sleep(0.01)
        witness.told.append((witness.recoveries, dict(payload)))

    async def note_rule(payload: Any) -> None:
        await trio.sleep(0.01)
        witness.notified.append((witness.recoveries, payload["effectId"]))

    with open_parts(
        settings,
        clock=clock,
        network=network,
        chance=chance,
        disk=disk,
        in_thread=disk.in_thread,
    ) as opened:
        opened.monitors.add(note)
        opened.monitors.add(note_rule, name="desk", rules_only=True)
        load_rules = partial(parse_rules, RULES, "rules.toml", names_of(["desk"]))
        parts = evolve(opened, load_rules=load_rules if rules else None)
        witness.check_recovered(parts.resumed.recovered, power_cut=power_cut)
        witness.watch(parts.journal)
        async with run_controller(settings, parts) as controller:
            yield controller


async def give(controller: Controller, command: PlannedCommand, witness: Witness) -> None:
    """Give *command* and note what its caller is told."""
    witness.asked += 1
    try:
        if command.action == "hold":
            result = await controller.hold(
                command.interaction_id,
                reason="queueing",
                priority=command.priority,
                deadline_s=command.deadline_s,
            )
        else:
            result = await controller.unhold(
                command.interaction_id,
                priority=command.priority,
                force=True,
                deadline_s=command.deadline_s,
            )
    except CommandError as error:
        witness.outcomes.append((error.correlation_id, error.outcome))
    else:
        witness.outcomes.append((result.correlation_id, result.outcome))


def leaves(error: BaseException) -> list[BaseException]:
    """Return *error*, or what a group of errors consists of."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [leaf for part in group.exceptions for leaf in leaves(part)]


def holds(error: BaseException, kind: type[BaseException]) -> bool:
    """Tell whether *error* is one of a kind, or a group with one in it."""
    return any(isinstance(leaf, kind) for leaf in leaves(error))
