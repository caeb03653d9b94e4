"""Composition: what it refuses, what it wires up, and how it ends."""

import errno
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, final

import pytest
import trio
from attrs import evolve
from tests.adapters.genesys.gateway_world import CannedServer, answer
from tests.support.journals import inline
from tests.support.memory_network import MemoryNetwork
from tests.support.world import make_settings
from trio.testing import MockClock

from hookflash.adapters import rules_reloading
from hookflash.adapters.audit import verify
from hookflash.adapters.composition import JournalChoice, open_controller
from hookflash.adapters.journal import read_recording, store
from hookflash.adapters.journal.recording import read_entries
from hookflash.adapters.monitors.webhook import signature
from hookflash.adapters.settings import (
    AuditSettings,
    JournalSettings,
    MonitorSettings,
    RulesSettings,
    Settings,
)
from hookflash.adapters.simulator import Simulator
from hookflash.adapters.specifications import load_machine
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.engine.ports import MonitorPayload
from hookflash.engine.rule_messages import RuleCall
from hookflash.machines.errors import (
    ConfigurationError,
    JournalError,
    OutcomeUnknown,
    SpecError,
)
from hookflash.machines.instants import from_text
from hookflash.machines.records import ActionsDone, RulesChange
from hookflash.machines.rules.ruleset import RulesDiff

CALL = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
URL = "https://monitor.test/hook"
SECRET = "of-the-webhook"


@final
class Net:
    """A network with the simulator, and a monitor beside it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.simulator = Simulator(seed=1)
        self._memory = MemoryNetwork(self.simulator, nursery)
        self.monitor = CannedServer(answer(204))

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a stream to what the host is."""
        if host != "monitor.test":
            return await self._memory.open_stream(host, port, tls=tls, server_name=server_name)
        ours, theirs = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self.monitor.serve, theirs)
        await trio.lowlevel.checkpoint()
        return ours


@pytest.fixture
def net(nursery: trio.Nursery) -> Net:
    """What serves, in another nursery than the controller's, as in a program."""
    return Net(nursery)


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Settings that keep their files in *folder*."""
    return evolve(
        make_settings(),
        **{
            "journal": JournalSettings(path=folder / "journal.db"),
            "audit": AuditSettings(path=folder / "audit.jsonl"),
            **changes,
        },
    )


@asynccontextmanager
async def connected(
    settings: Settings, net: Net, *, journal: JournalChoice = "durable"
) -> AsyncGenerator[Controller]:
    """A controller on real files and virtual time."""
    async with open_controller(settings, journal=journal, network=net) as controller:
        await controller.wait_connected()
        yield controller


async def hold(controller: Controller, interaction_id: str = CALL) -> None:
    await controller.hold(interaction_id, reason="consultation", priority=5)


def audited(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(line) for line in settings.audit.path.read_text("utf-8").splitlines()]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def write_secrets() -> None:
    """Write files of no use, into the current folder."""
    Path("binary").write_bytes(b"\xff\xfe")
    Path("empty").write_bytes(b"")
    Path("blank").write_text("  \nsecond\n")


# --- what is refused ------------------------------------------------------------------------------


RULES = """
[[rule]]
name = "release"
trigger = { to = "held" }
for = "30s"
actions = [
  { action = "unhold" },
  { action = "notify", to = "supervisor", message = "released" },
  { action = "call", function = "count", arguments = { by = 2 } },
]
"""


def rules_in(folder: Path, text: str = RULES, watch_s: float = 2.0) -> RulesSettings:
    """Settings for a rules file in *folder*."""
    (folder / "rules.toml").write_text(text, "utf-8")
    return RulesSettings(path=folder / "rules.toml", watch_s=watch_s)


@pytest.mark.parametrize("text", [None, "[[rule]]", RULES.replace("supervisor", "nobody")])
async def test_a_rules_file_that_cannot_run_is_refused(
    tmp_path: Path, net: Net, autojump_clock: MockClock, text: str | None
) -> None:
    """Nobody shall believe that their rules run; the message has the place."""
    settings = settings_in(tmp_path, rules=rules_in(tmp_path, text or ""))
    if text is None:
        (tmp_path / "rules.toml").unlink()

    with pytest.raises(SpecError, match=r"rules\.toml"):
        async with open_controller(
            settings,
            network=net,
            named_monitors={"supervisor": print},
            functions={"count": print},
        ):
            pytest.fail("it started")


async def test_rules_of_the_settings_run(
    tmp_path: Path, net: Net, autojump_clock: MockClock
) -> None:
    """They command, notify and call; the journal on the disk has what they decided."""
    settings = settings_in(tmp_path, rules=rules_in(tmp_path))
    heard: list[Any] = []
    counted: list[Any] = []

    async def supervisor(payload: MonitorPayload) -> None:
        heard.append(payload["message"])

    async def count(by: int, rule_call: RuleCall) -> None:
        counted.append((by, rule_call.rule, rule_call.interaction_id))

    async with open_controller(
        settings,
        network=net,
        named_monitors={"supervisor": supervisor},
        functions={"count": count},
    ) as controller:
        await controller.wait_connected()
        await hold(controller)
        await trio.sleep(31)
        snapshot = controller.interaction(CALL)
        assert snapshot is not None
        assert "active" == snapshot.state
        assert 3 == controller.metrics().rule_actions
    assert ["released"] == heard
    assert [(2, "release", CALL)] == counted
    assert ["caller", "rule:release"] == [line["actor"] for line in audited(settings)]
    machine = load_machine("hold", settings.hold)
    entries = list(read_entries(settings.journal.path, machine))
    assert 1 == sum(isinstance(entry, RulesChange) for entry in entries)
    assert 2 == len([entry for entry in entries if isinstance(entry, ActionsDone)])


async def test_rules_go_on_after_a_restart(
    tmp_path: Path, net: Net, autojump_clock: MockClock
) -> None:
    """A wait of the first run ends in the second, over the journal on the disk."""
    text = RULES.partition('  { action = "notify"')[0] + "]"
    settings = settings_in(tmp_path, rules=rules_in(tmp_path, text))
    clock = SteadyClock(started_at=from_text("2026-11-02T10:00:00Z"))
    async with open_controller(settings, network=net, clock=clock) as controller:
        await controller.wait_connected()
        await hold(controller)
        await trio.sleep(10)
    async with open_controller(settings, network=net, clock=clock) as controller:
        await trio.sleep(18)
        assert "held" == net.simulator.state_of(CALL)
        await trio.sleep(4)
        assert "active" == net.simulator.state_of(CALL)


async def test_one_shot_programs_run_no_rules(
    tmp_path: Path, net: Net, autojump_clock: MockClock
) -> None:
    """Whoever does one thing and ends does not act for rules."""
    settings = settings_in(tmp_path, rules=rules_in(tmp_path, "no rules at all"))
    async with open_controller(settings, network=net, only=[CALL]) as controller:
        await controller.wait_connected()
        await hold(controller)
        with pytest.raises(ConfigurationError, match="no rules file"):
            await controller.reload_rules()


async def test_a_changed_file_counts_by_itself(
    tmp_path: Path, net: Net, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes is loaded; a broken one is not, and the rules before it go on."""
    monkeypatch.setattr(rules_reloading, "OneThread", lambda: inline)
    text = RULES.partition('  { action = "notify"')[0] + "]"
    settings = settings_in(tmp_path, rules=rules_in(tmp_path, text))
    async with open_controller(settings, network=net) as controller:
        await controller.wait_connected()
        await hold(controller)
        rules_in(tmp_path, text + "\n[[rule]]\nname = 'x'\n")
        with pytest.raises(SpecError, match="trigger"):
            await controller.reload_rules()
        rules_in(tmp_path, text.replace("30s", "50s"))
        await trio.sleep(5)
        assert RulesDiff((), (), ()) == await controller.reload_rules(), "it was seen before"
        await trio.sleep(40)
        assert "held" == net.simulator.state_of(CALL)
        await trio.sleep(7)
        assert "active" == net.simulator.state_of(CALL), "50 s after the hold began"
        rules_in(tmp_path, text.replace('"release"', '"let-go"'))
        diff = await controller.reload_rules()
        assert "added let-go; removed release" == diff.text()


@pytest.mark.parametrize(
    ("monitor", "place"),
    [
        ({"secret_variable": "HOOK_SECRET_OF_NOBODY"}, "secret_variable"),
        ({"secret_variable": "HOOK_SECRET_EMPTY"}, "secret_variable"),
        ({"secret_file": "missing"}, "secret_file"),
        ({"secret_file": "binary"}, "secret_file"),
        ({"secret_file": "empty"}, "secret"),
        ({"secret_file": "blank"}, "secret"),
    ],
)
async def test_a_monitor_without_its_secret_is_refused(
    tmp_path: Path,
    net: Net,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    monitor: dict[str, str],
    place: str,
) -> None:
    """It would be told without a signature; journal and audit log are given back."""
    monkeypatch.setenv("HOOK_SECRET_EMPTY", "")
    monkeypatch.chdir(tmp_path)
    write_secrets()
    file = monitor.get("secret_file")
    variable = monitor.get("secret_variable")
    told = MonitorSettings(
        url=URL, secret_variable=variable, secret_file=None if file is None else Path(file)
    )

    with pytest.raises(ConfigurationError) as caught:
        async with open_controller(settings_in(tmp_path, monitors=(told,)), network=net):
            pytest.fail("it started")
    assert place in caught.value.source
    assert (variable or file or "") in caught.value.message or place == "secret"
    async with connected(settings_in(tmp_path), net) as controller:
        await hold(controller)


# --- what is wired up -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["variable", "file", "none"])
async def test_a_webhook_is_told_and_signed(
    tmp_path: Path, net: Net, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """With the secret of the variable, or the first line of the file; before the end."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    (tmp_path / "secret").write_text(f"{SECRET} \nanother line\n")
    monitor = MonitorSettings(
        url=URL,
        secret_variable="HOOK_SECRET" if kind == "variable" else None,
        secret_file=tmp_path / "secret" if kind == "file" else None,
    )
    async with connected(settings_in(tmp_path, monitors=(monitor,)), net) as controller:
        await hold(controller)

    (request,) = net.monitor.requests
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(
        line.lower().split(": ", 1) for line in head.decode().splitlines() if ": " in line
    )
    assert CALL in body.decode()
    expected = signature(SECRET, headers["x-hookflash-timestamp"], body)
    assert headers.get("x-hookflash-signature") == (None if kind == "none" else expected)


@pytest.mark.parametrize("durability", ["process", "power"])
async def test_power_waits_for_the_disk(
    tmp_path: Path,
    net: Net,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    durability: Any,
) -> None:
    """Each frame that leaves is on the disk before; otherwise nothing waits for the disk."""
    path = tmp_path / "journal.db"
    synced: list[int] = []
    real_sync = os.fdatasync

    def newest_tail() -> Path:
        (tail,) = tmp_path.glob("journal.db.tail-*")
        return tail

    def sync(fd: int) -> None:
        real_sync(fd)
        tail = newest_tail()
        if os.fstat(fd).st_ino == tail.stat().st_ino:
            synced.append(os.fstat(fd).st_size)

    monkeypatch.setattr(os, "fdatasync", sync)
    # The clock would jump while a thread works.
    monkeypatch.setattr(store, "OneThread", lambda: inline)
    settings = settings_in(tmp_path, journal=JournalSettings(path=path, durability=durability))
    async with connected(settings, net) as controller:
        net.simulator.next_ack(CALL, withheld=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold, controller)
            await net.simulator.next_command(CALL)
            on_disk, whole = synced[-1:], newest_tail().read_bytes()
            net.simulator.release_acks(CALL)

    if durability == "process":
        assert synced == []
        return
    (size,) = on_disk
    assert b'"send_hold"' in whole[:size]
    assert synced == sorted(set(synced))


async def test_a_temporary_journal_goes_with_the_program(
    tmp_path: Path, net: Net, autojump_clock: MockClock
) -> None:
    """Only the audit log stays."""
    settings = settings_in(tmp_path)
    async with connected(settings, net, journal="temporary") as controller:
        await hold(controller)

    assert names_in(tmp_path) == {"audit.jsonl", "audit.jsonl.lock"}


# --- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("under_way", [False, True])
async def test_cancellation_ends_within_a_moment(
    tmp_path: Path, net: Net, autojump_clock: MockClock, *, under_way: bool
) -> None:
    """Nothing is waited for; what was under way is in the journal, for the next run."""
    settings = settings_in(tmp_path)
    if under_way:
        net.simulator.next_ack(CALL, withheld=True)
    with trio.move_on_after(3) as scope:
        async with connected(settings, net) as controller:
            await hold(controller)
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert trio.current_time() - scope.deadline < 0.1
    records = list(read_recording(tmp_path / "journal.db")[1])
    assert records[-1].target == ("hold_pending" if under_way else "held"), records[-1]
    async with connected(settings, net) as controller:
        await trio.sleep(10)
        snapshot = controller.interaction(CALL)
        assert snapshot is not None
        assert snapshot.state == "held"
    found = verify(tmp_path / "audit.jsonl")
    assert (found.whole, found.lines) == (True, 1)


@pytest.mark.parametrize("cut_back", [True, False])
@pytest.mark.parametrize("waits", [False, True])
async def test_a_full_disk_is_one_error_of_ours(
    tmp_path: Path,
    net: Net,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    cut_back: bool,
    waits: bool,
) -> None:
    """The engine stops; whoever runs it gets the reason, and not a group of it."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def run() -> None:
        async with connected(settings_in(tmp_path), net) as controller:
            net.simulator.next_metadata(OTHER, delay_s=60)
            with monkeypatch.context() as patch:
                async with trio.open_nursery() as nursery:
                    if waits:
                        nursery.start_soon(hold, controller, OTHER)
                        await trio.testing.wait_all_tasks_blocked()
                    patch.setattr(os, "write", full)
                    if not cut_back:
                        patch.setattr(os, "ftruncate", full)
                    await hold(controller)

    with pytest.raises(JournalError, match="No space left on device") as caught:
        await run()
    assert "journal.db" in caught.value.path


async def test_the_callers_own_group_stays_as_it_is(
    tmp_path: Path, net: Net, autojump_clock: MockClock
) -> None:
    """What the body raises comes out unchanged, one exception in a group included."""
    group = ExceptionGroup("mine", [ValueError("one")])
    with pytest.raises(ExceptionGroup, match="mine") as caught:
        async with connected(settings_in(tmp_path), net):
            raise group

    assert caught.value is group
    alone = KeyError("x")
    with pytest.raises(KeyError) as alone_caught:
        async with connected(settings_in(tmp_path), net):
            raise alone
    assert alone_caught.value is alone


async def test_leaving_waits_for_what_is_under_way(
    tmp_path: Path, net: Net, autojump_clock: MockClock
) -> None:
    """A command gets its time; one that takes longer is left to the next run, and told so."""
    settings = settings_in(tmp_path)
    net.simulator.next_ack(CALL, delay_s=1.0)
    net.simulator.next_ack(OTHER, withheld=True)
    ended: list[str] = []
    unknown: list[OutcomeUnknown] = []

    async with trio.open_nursery() as nursery:

        async def command(controller: Controller, interaction_id: str) -> None:
            try:
                await hold(controller, interaction_id)
            except OutcomeUnknown as error:
                unknown.append(error)
            else:
                ended.append(interaction_id)

        async with connected(settings, net) as controller:
            nursery.start_soon(command, controller, CALL)
            nursery.start_soon(command, controller, OTHER)
            await net.simulator.until(lambda: net.simulator.statistics().commands == 2)
            began_s = trio.current_time()
        assert 2.4 < trio.current_time() - began_s < 6

    assert ended == [CALL]
    assert [(error.interaction_id, error.outcome) for error in unknown] == [(OTHER, "unknown")]
    assert "the program stopped before" in unknown[0].message
    assert unknown[0].correlation_id


async def test_a_cancelled_nursery_in_the_body_ends_as_fast(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Several cancelled tasks are a group of cancellations, and no error of the program."""
    net = Net(nursery)
    net.simulator.next_ack(CALL, withheld=True)
    with trio.move_on_after(3) as scope:
        async with (
            connected(settings_in(tmp_path), net) as controller,
            trio.open_nursery() as inner,
        ):
            inner.start_soon(hold, controller)
            inner.start_soon(trio.sleep_forever)

    assert scope.cancelled_caught
    assert trio.current_time() - scope.deadline < 0.1
