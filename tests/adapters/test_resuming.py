"""Going on with a journal that another version of the machine's definition wrote."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve
from tests.support.memory_network import MemoryNetwork
from tests.support.world import STARTED_AT, make_settings

from hookflash.adapters.composition import open_parts, run_controller
from hookflash.adapters.journal import read_entries, read_header
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.simulator import Simulator
from hookflash.adapters.specifications import load_machine
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.engine.recovery import recover
from hookflash.machines.errors import JournalError
from hookflash.machines.instants import from_text
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import DefinitionChange, InteractionState, Record
from hookflash.machines.spec import parse_spec

CALL = "22222222-2222-4222-8222-222222222222"
TODAY = load_machine("hold")
EARLIER = TODAY.spec.text.replace("The caller is on hold; the limit counts.", "On hold.")


@asynccontextmanager
async def run(
    folder: Path,
    simulator: Simulator,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    only: Collection[str] | None = None,
) -> AsyncGenerator[Controller, None]:
    """Run the service under the definition *text*, over the files in *folder*."""

    def load(name: str, policy: HoldPolicy) -> Machine[Any, Any]:
        del name
        return Machine(parse_spec(text, "hold.toml"), TODAY.implementation, policy)

    monkeypatch.setattr("hookflash.adapters.composition.load_machine", load)
    settings = make_settings(HoldPolicy(limit_s=60))
    settings = evolve(
        settings,
        journal=evolve(settings.journal, path=folder / "hookflash.db"),
        audit=evolve(settings.audit, path=folder / "audit.jsonl"),
    )

    async def inline(function: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function()

    begun = from_text(STARTED_AT.isoformat())
    clock = SteadyClock(wall=lambda: begun + round(trio.current_time() * 1e6), suspended=lambda: 0)
    async with trio.open_nursery() as nursery:
        network = MemoryNetwork(simulator, nursery)
        opened = open_parts(
            settings, clock=clock, network=network, chance=Random(1), in_thread=inline
        )
        with opened as parts:
            async with run_controller(settings, parts, only=only) as controller:
                await controller.wait_connected()
                yield controller
        nursery.cancel_scope.cancel()


def records_of(folder: Path) -> list[Any]:
    path = folder / "hookflash.db"
    return list(read_entries(path, None, Definitions(read_header(path), None, str(path))))


async def test_an_open_hold_finishes_under_its_own_definition(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records name that definition until nothing depends on it; then today's counts for it."""
    simulator = Simulator(seed=1, started_at=STARTED_AT)
    async with run(tmp_path, simulator, EARLIER, monkeypatch) as controller:
        await controller.hold(CALL, reason="queueing", priority=1)
    for _ in range(2):
        async with run(tmp_path, simulator, TODAY.spec.text, monkeypatch) as controller:
            await trio.sleep(1)
            snapshot = controller.interaction(CALL)
            assert snapshot is not None
            assert "held" == snapshot.state
    async with run(tmp_path, simulator, TODAY.spec.text, monkeypatch) as controller:
        await trio.sleep(120)
        assert "active" == simulator.state_of(CALL)
        await controller.hold(CALL, reason="queueing", priority=1)
        assert "held" == simulator.state_of(CALL)
    entries = records_of(tmp_path)
    records = [entry for entry in entries if isinstance(entry, Record)]
    assert 1 == sum(isinstance(entry, DefinitionChange) for entry in entries)
    assert [True, True] == [r.begins for r in records if r.begins], "anew under today's"
    own = parse_spec(EARLIER, "").digest
    assert {own} == {r.spec_hash for r in records if r.spec_hash is not None}
    assert records[-1].spec_hash is None
    # From its first record on, without any snapshot, the journal says the same.
    path = tmp_path / "hookflash.db"
    definitions = Definitions(read_header(path), None, str(path))
    whole = recover(definitions, read_header(path), read_entries(path, None, definitions), "j")
    assert "held" == whole.interactions[CALL].state


async def test_an_open_hold_is_carried_over_as_declared(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal says what the migration made of it, and goes on under today's definition."""
    simulator = Simulator(seed=1, started_at=STARTED_AT)
    async with run(tmp_path, simulator, EARLIER, monkeypatch) as controller:
        await controller.hold(CALL, reason="queueing", priority=1)
    digest = parse_spec(EARLIER, "").digest
    text = f'{TODAY.spec.text}\n[[migrations]]\nfrom = "{digest}"\ndoc = "Other words."\n'
    async with run(tmp_path, simulator, text, monkeypatch) as controller:
        await trio.sleep(120)
        assert "active" == simulator.state_of(CALL)
    entries = records_of(tmp_path)
    change = next(n for n, entry in enumerate(entries) if isinstance(entry, DefinitionChange))
    state = entries[change + 1]
    assert isinstance(state, InteractionState)
    assert ("held", None) == (state.interaction.state, state.spec_hash)
    assert all(entry.spec_hash is None for entry in entries if isinstance(entry, Record))


async def test_a_definition_that_nobody_can_run_any_more_stops_the_start(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to do; the journal is as it was, and the earlier version goes on."""
    simulator = Simulator(seed=1, started_at=STARTED_AT)
    async with run(tmp_path, simulator, EARLIER, monkeypatch) as controller:
        await controller.hold(CALL, reason="queueing", priority=1)

    def unresolvable(*_: Any) -> Any:
        raise JournalError("the guard 'past_limit' does not exist", path="j")

    with monkeypatch.context() as patched:
        patched.setattr(Definitions, "machine", unresolvable)
        refused = pytest.RaisesExc(JournalError, match="1 open interactions began under the")
        with pytest.RaisesGroup(refused):
            async with run(tmp_path, simulator, TODAY.spec.text, patched):
                pass
    async with run(tmp_path, simulator, EARLIER, monkeypatch):
        await trio.sleep(120)
        assert "active" == simulator.state_of(CALL)


async def test_a_program_that_does_one_thing_leaves_the_others_alone(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A one-shot command on a service's journal enforces no limit of others; the service does."""
    simulator = Simulator(seed=1, started_at=STARTED_AT)
    text, other = TODAY.spec.text, "33333333-3333-4333-8333-333333333333"
    async with run(tmp_path, simulator, text, monkeypatch) as controller:
        await controller.hold(CALL, reason="queueing", priority=1)
        await controller.hold(other, reason="queueing", priority=1)
    await trio.sleep(120)
    async with run(tmp_path, simulator, text, monkeypatch, only=[CALL.upper()]) as controller:
        await trio.sleep(5)
        assert [CALL] == [one.id for one in controller.interactions()]
    assert ["active", "held"] == [simulator.state_of(one) for one in (CALL, other)]
    async with run(tmp_path, simulator, text, monkeypatch):
        await trio.sleep(5)
    assert "active" == simulator.state_of(other)
