"""Going on with what an earlier run left: from its journal alone."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve
from tests.support.simulator_thread import simulator_in_thread
from tests.support.world import open_world

import hookflash
from hookflash.adapters.audit import JsonLinesAuditLog, verify
from hookflash.adapters.journal import MemoryJournal
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.specifications import load_machine
from hookflash.engine.recovery import recover
from hookflash.machines.codec import RecordCodec
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import JournalError, OutcomeUnknown
from hookflash.machines.instants import Instant
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Record

CALL = "22222222-2222-4222-8222-222222222222"


async def test_a_hold_survives_the_process_and_its_limit_runs_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The limit of a recovered hold is what was left of it, not a new one."""
    policy = HoldPolicy(limit_s=60)
    async with open_world(policy) as first:
        await first.controller.hold(CALL, reason="queueing", priority=1)
        started = trio.current_time()
    await trio.sleep(30)
    async with open_world(policy, earlier=first) as second:
        assert "held" == second.state(CALL)
        await second.simulator.until(lambda: second.simulator.state_of(CALL) == "active")
        assert 59.5 < trio.current_time() - started < 61
        await trio.sleep(1)
        assert "active" == second.state(CALL)


async def test_an_overdue_limit_fires_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """A limit that passed while nothing ran is enforced as soon as something runs."""
    policy = HoldPolicy(limit_s=60)
    async with open_world(policy) as first:
        await first.controller.hold(CALL, reason="queueing", priority=1)
    await trio.sleep(600)
    async with open_world(policy, earlier=first) as second:
        await trio.sleep(1)
        assert "active" == second.state(CALL) == second.simulator.state_of(CALL)


async def test_a_command_under_way_is_looked_up_and_not_sent_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """An intent without an outcome is settled by the gateway's word."""
    async with open_world() as first:
        first.simulator.next_ack(CALL, lost=True)
        with pytest.raises(OutcomeUnknown):
            await first.controller.hold(CALL, reason="queueing", priority=1, deadline_s=1.0)
        records = first.records  # as if the process had been killed here
    async with open_world(earlier=with_records(first, records)) as second:
        assert "hold_pending" == second.state(CALL)
        await trio.sleep(10)
        assert "held" == second.state(CALL)
        assert 1 == second.simulator.statistics().commands


async def test_what_was_missed_meanwhile_is_found(autojump_clock: trio.testing.MockClock) -> None:
    """A foreign unhold while nothing ran is seen after the link is open."""
    async with open_world() as first:
        await first.controller.hold(CALL, reason="queueing", priority=1)
    first.simulator.unhold_by_agent(CALL)
    async with open_world(earlier=first) as second:
        await trio.sleep(2)
        assert "active" == second.state(CALL)
        assert "foreign" == second.audit_lines[-1]["actor"]


def with_records(world: Any, records: Sequence[Record]) -> Any:
    """The world with a journal of just these records."""
    journal = MemoryJournal()
    journal.append(records, [None for _ in records])  # type: ignore[misc]
    return evolve(world, journal=journal)


async def test_a_command_has_one_audit_line_over_two_runs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A program that stops in doubt leaves the line to the next run, which knows the outcome."""
    async with open_world() as first:
        first.simulator.next_ack(CALL, lost=True)
        with pytest.raises(OutcomeUnknown):
            await first.controller.hold(CALL, reason="queueing", priority=1, deadline_s=1.0)
    assert [] == first.audit_lines
    async with open_world(earlier=first) as second:
        await trio.sleep(10)
        assert ["confirmed_by_lookup"] == [line["outcome"] for line in second.audit_lines]


async def test_a_program_that_keeps_no_journal_writes_unknown(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nobody will find out later what became of the command: the line is written at the end."""
    async with open_world(resumes=False) as world:
        world.simulator.next_ack(CALL, lost=True)
        with pytest.raises(OutcomeUnknown):
            await world.controller.hold(CALL, reason="queueing", priority=1, deadline_s=1.0)
    assert [("unknown", "failed")] == [
        (line["outcome"], line["status"]) for line in world.audit_lines
    ]


# --- folding ------------------------------------------------------------------------------------


async def fold(records: Sequence[Record]) -> Any:
    machine = load_machine("hold")
    header = RecordCodec(machine).new_header("test", Instant(0))
    return recover(Definitions(header, machine, "j"), header, records, "j")


async def test_a_journal_that_does_not_follow_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A changed record is named; nothing is silently made of it."""
    async with open_world() as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
    records = list(world.records)
    records[-1] = evolve(records[-1], target="expired")
    with pytest.raises(JournalError, match=f"record {records[-1].seq}: .*does not follow"):
        await fold(tuple(records))


async def test_missing_audit_lines_are_those_after_the_last_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The audit log is derived from the journal: what a crash cut off is known."""
    async with open_world() as world:
        for _ in range(3):
            await world.controller.hold(CALL, reason="queueing", priority=1)
            await world.controller.unhold(CALL, priority=1)
    recovered = await fold(world.records)
    ends = [
        effect.correlation_id
        for record in world.records
        for effect in record.effects
        if isinstance(effect, EndCommand)
    ]

    assert 6 == len(ends)

    def missing(*audited: str) -> list[str]:
        return [end.correlation_id for end, _, _ in recovered.missing_in_audit(set(audited))]

    assert ends[4:] == missing(*ends[:4])
    assert ends[4:] == missing(ends[3], "of a program that wrote to it meanwhile")
    assert ends == missing()
    assert ends == missing("of records before the snapshot")
    assert [] == recovered.open_interactions()


# --- files and processes ------------------------------------------------------------------------


def test_lines_that_a_crash_cut_off_are_appended(tmp_path: Path) -> None:
    """The next start completes the audit log, and its chain is whole."""
    with simulator_in_thread(tmp_path / "tls") as live:
        settings = live.settings(tmp_path)
        with hookflash.blocking.open_controller(settings) as controller:
            controller.hold(CALL, reason="queueing", priority=1)
            controller.unhold(CALL, priority=1)
            # What a crash here would leave.
            left = shutil.copytree(tmp_path, tmp_path / "left")
        settings = live.settings(left)
        lines = settings.audit.path.read_bytes().splitlines(keepends=True)
        settings.audit.path.write_bytes(lines[0])
        with hookflash.blocking.open_controller(settings):
            pass

    assert 2 == len(settings.audit.path.read_bytes().splitlines())
    assert verify(settings.audit.path).whole
    log = JsonLinesAuditLog.open(settings.audit.path)
    assert 2 == log.seq
    log.close()


def test_a_service_killed_and_started_again_enforces_the_limit(tmp_path: Path) -> None:
    """`kill -9` between a hold and its limit: the next run releases the caller."""
    with simulator_in_thread(tmp_path / "tls") as live:
        config = tmp_path / "hookflash.toml"
        config.write_text(
            f'[gateway]\nhost = "{live.address.host}"\nca_file = "{live.address.ca_file}"\n'
            'client_id = "c"\n[hold]\nlimit_s = 3\n'
        )
        service = start_service(config)
        live.until(lambda simulator: simulator.open_sockets == 1)
        live.ask(lambda simulator: simulator.hold_by_agent(CALL))
        wait_for_line(tmp_path / "hookflash-audit.jsonl", "foreign")
        service.send_signal(signal.SIGKILL)
        service.wait()
        assert "held" == live.ask(lambda simulator: simulator.state_of(CALL))
        service = start_service(config)
        live.until(lambda simulator: simulator.state_of(CALL) == "active")
        wait_for_line(tmp_path / "hookflash-audit.jsonl", '"limit"')
        service.send_signal(signal.SIGTERM)
        assert 0 == service.wait(20)
    assert verify(tmp_path / "hookflash-audit.jsonl").whole


def start_service(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [Path(sys.executable).with_name("hookflash"), "run", "--config", config],
        env={"HOOKFLASH_CLIENT_SECRET": "x", "PATH": ""},
        cwd=config.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_line(path: Path, text: str, timeout_s: float = 20.0) -> None:
    """Wait until a line with *text* is in the file; another process writes it."""
    ends_at = time.monotonic() + timeout_s
    while time.monotonic() < ends_at:
        if path.exists() and text in path.read_text(encoding="utf-8"):
            return
        trio.run(trio.sleep, 0.02)
    raise AssertionError(f"{path} got no line with {text}")
