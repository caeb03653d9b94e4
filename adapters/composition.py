"""Composition: the one place that knows every adapter and puts them together."""

import tempfile
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Final, Literal, cast

import trio
from attrs import evolve, field, frozen

from hookflash.adapters.audit import JsonLinesAuditLog
from hookflash.adapters.genesys.interaction import InteractionGateway, InteractionGatewaySettings
from hookflash.adapters.http import HttpClient
from hookflash.adapters.journal import SqliteJournal
from hookflash.adapters.journal.disk import REAL_DISK, Disk
from hookflash.adapters.journal.syncing import InThread
from hookflash.adapters.monitors import MonitorDesk, Webhook
from hookflash.adapters.monitors.configured import webhook_settings
from hookflash.adapters.network import Network, TcpNetwork
from hookflash.adapters.resuming import Resumed, resume
from hookflash.adapters.rules_files import load_rules
from hookflash.adapters.rules_reloading import LiveRulesFile, rules_before
from hookflash.adapters.settings import Settings, credentials_of
from hookflash.adapters.specifications import load_machine
from hookflash.adapters.wire.opening import open_recorder, tapped_journal
from hookflash.adapters.wire.tap import WireTap
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.engine.core import Engine, EngineSettings
from hookflash.engine.logs import get_logger
from hookflash.engine.lookups import LookupSettings
from hookflash.engine.metrics import Metrics
from hookflash.engine.ports import AuditLog, Clock, Gateway, Journal, Monitor
from hookflash.machines.connection import ConnectionPolicy
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.rules.ruleset import Rules

_log = get_logger("hookflash.composition")

SHUTDOWN_S: Final = 5.0
"""How long the end may take: until commands under way have ended and monitors were told."""

JournalChoice = Literal["durable", "temporary"]
"""`durable`: at `[journal] path`, for services. `temporary`: a file that goes with the program, for
one-shot commands."""


@frozen
class Parts:
    """What a controller is made of beside the engine; tests put some in place of the real ones.

    `resumed` is what an earlier run left in the journal; `resumes` tells whether a later run will
    go on with it; `load_rules` loads the rules file, None for none.
    """

    machine: Machine[object, HoldPolicy]
    clock: Clock
    gateway: Gateway
    journal: Journal
    audit: AuditLog
    monitors: MonitorDesk
    resumed: Resumed = field(factory=Resumed)
    resumes: bool = True
    load_rules: Callable[[], Rules] | None = None


def open_gateway(
    settings: Settings,
    clock: Clock,
    *,
    network: Network | None = None,
    chance: Random | None = None,
    tap: WireTap | None = None,
) -> InteractionGateway:
    """Make the gateway that the settings name; nothing is connected yet.

    Raises:
        ConfigurationError: Host, client id or secret is missing.
    """
    return InteractionGateway(gateway_settings(settings), clock, network, chance, tap)


def gateway_settings(settings: Settings) -> InteractionGatewaySettings:
    """Return what the gateway has to know of the settings.

    Raises:
        ConfigurationError: Host, client id or secret is missing.
    """
    credentials = credentials_of(settings)
    gateway = settings.gateway
    host = f"[{credentials.host}]" if ":" in credentials.host else credentials.host
    return InteractionGatewaySettings(
        host=f"{host}:{credentials.port}",
        client_id=credentials.client_id,
        client_secret=credentials.client_secret.get_secret_value(),
        ca_file=None if gateway.ca_file is None else str(gateway.ca_file),
        scope=gateway.scope,
        reconnect=ConnectionPolicy(
            attempts_max=gateway.reconnect_attempts,
            backoff_s=gateway.reconnect_base_s,
            jitter=0.25 if gateway.reconnect_jitter else 0.0,
        ),
        token_timeout_s=gateway.request_timeout_s,
        lookup_timeout_s=gateway.request_timeout_s,
        ping_every_s=gateway.ping_every_s,
        ack_timeout_s=settings.hold.ack_timeout_s,
        max_commands_per_s=settings.throttle.max_commands_per_s,
        max_in_flight=settings.throttle.max_in_flight,
    )


@contextmanager
def open_parts(
    settings: Settings,
    *,
    clock: Clock,
    network: Network | None = None,
    journal: JournalChoice = "durable",
    chance: Random | None = None,
    disk: Disk = REAL_DISK,
    in_thread: InThread | None = None,
) -> Generator[Parts, None, None]:
    """Open journal and audit log, see what an earlier run left, and make the rest.

    Args:
        settings: From `load_settings`.
        clock: Time and ids.
        network: Opens connections; None takes the real network.
        journal: Where the journal is kept.
        chance: For pauses; None draws a seed.
        disk: Where journal and audit log are.
        in_thread: Calls what blocks for the journal; None takes threads.

    Raises:
        ConfigurationError: A setting is missing or wrong.
        JournalError: Journal or audit log cannot be opened, or was damaged; or what it holds cannot
            be gone on with.
    """
    machine = load_machine("hold", settings.hold)
    own = settings.journal
    with ExitStack() as stack:
        recorder = open_recorder(settings, machine, clock.now, disk)
        if recorder is not None:
            stack.callback(recorder.close)
        gateway = open_gateway(settings, clock, network=network, chance=chance, tap=recorder)
        log = SqliteJournal.open(
            stack.enter_context(_journal_path(settings, journal)),
            machine,
            gateway=gateway.name,
            now=clock.now,
            bytes_max=own.max_bytes,
            synced=own.durability == "power",
            segment_records=own.segment_records,
            keep_days=own.keep_days or None,
            recordings=own.recordings,
            keep_traces_days=own.keep_traces_days or None,
            lasting=journal == "durable",
            disk=disk,
            in_thread=in_thread,
        )
        stack.callback(log.close)
        audit = JsonLinesAuditLog.open(settings.audit.path, disk=disk)
        stack.callback(audit.close)
        log.before_putting_away(audit.sync)
        resumed = resume(log, machine, clock)
        if resumed.recovered.ends:
            audit.append(resumed.missing_in_audit(audit.latest_ids()))
        tapped: Journal = log
        if recorder is not None:
            tapped = tapped_journal(log, recorder, machine, resumed.kept)
        yield Parts(
            machine, clock, gateway, tapped, audit, MonitorDesk(), resumed, journal == "durable"
        )


@asynccontextmanager
async def open_controller(
    settings: Settings,
    *,
    journal: JournalChoice = "durable",
    only: Collection[str] | None = None,
    monitors: Iterable[Monitor] = (),
    named_monitors: Mapping[str, Monitor] | None = None,
    functions: Mapping[str, Callable[..., object]] | None = None,
    network: Network | None = None,
    clock: Clock | None = None,
    chance: Random | None = None,
) -> AsyncGenerator[Controller, None]:
    """Open a controller and keep it running while the context lasts. Under trio.

    The control socket is opened in the background: commands wait for it, or until their deadline.

    Args:
        settings: From `hookflash.load_settings`.
        journal: Where the journal is kept.
        only: The interactions of an earlier run to go on with, for a program that does one thing
            and ends; the others stay in the journal as they are, for a later run, and no rules
            run. None goes on with all.
        monitors: Called after each outcome, warning and alarm, as those added later with
            `add_monitor`; these are also told what a crash of an earlier run left untold.
        named_monitors: Whom rules may `notify`, by name; they are told nothing else. None for none.
        functions: What rules may `call`, by name: plain or async functions, which get the rule's
            arguments by name, and the `RuleCall` if they have a parameter `rule_call`. None for
            none.
        network: Opens connections; None takes the real network.
        clock: Time and ids; None takes the machine's.
        chance: For pauses; None draws a seed.

    Yields:
        The controller. On leaving, commands under way get 2.5 s to end and monitors 2.5 s to be
        told. What is still unknown then is audited by the next run on the same journal, once it is
        known; with a temporary journal it is audited as `unknown`. Holds stay as they are.

    Raises:
        ConfigurationError: A setting is missing or wrong.
        SpecError: The rules file cannot be read, or something in it is wrong.
        JournalError: Journal or audit log cannot be opened, or could not be written any more; the
            engine stops then.

    Cancellation: shuts down in the same bound.
    """
    opened = open_parts(
        settings,
        clock=clock or SteadyClock(),
        network=network,
        journal=journal,
        chance=chance,
    )
    with opened as parts:
        for callback in monitors:
            parts.monitors.add(callback)
        for name, callback in (named_monitors or {}).items():
            parts.monitors.add(callback, name=name, rules_only=True)
        for name, function in (functions or {}).items():
            parts.monitors.add_function(name, function, timeout_s=settings.rules.call_timeout_s)
        http = HttpClient(network or TcpNetwork())
        for monitor in settings.monitors:
            webhook = webhook_settings(monitor)
            told = Webhook(webhook, http, now=parts.clock.now, chance=chance)
            parts.monitors.add(
                told,
                timeout_s=webhook.longest_s,
                name=monitor.name or webhook.host,
                rules_only=monitor.rules_only,
            )
        try:
            load = None if only is not None else _loader(settings, parts)
            whole = evolve(parts, load_rules=load)
            async with run_controller(settings, whole, only=only) as controller:
                yield controller
        finally:
            with trio.move_on_after(1.0, shield=True):
                await http.aclose()


@asynccontextmanager
async def run_controller(
    settings: Settings, parts: Parts, *, only: Collection[str] | None = None
) -> AsyncGenerator[Controller, None]:
    """Run an engine over *parts* while the context lasts; see `open_controller`."""
    engine = Engine(
        machine=parts.machine,
        gateway=parts.gateway,
        journal=parts.journal,
        audit=parts.audit,
        monitors=parts.monitors,
        clock=parts.clock,
        metrics=Metrics(),
        settings=EngineSettings(
            lookups=LookupSettings(
                ttl_s=settings.metadata.ttl_s,
                concurrency=settings.metadata.max_concurrent,
                background_per_s=settings.recovery.background_per_s,
            ),
            commands_waiting_max=settings.commands.queue_per_interaction,
            overdue=settings.recovery.overdue,
            overdue_wait_s=settings.recovery.overdue_wait_s,
            deadline_s=settings.commands.deadline_s or None,
        ),
        only=only,
    )
    load, path = parts.load_rules, settings.rules.path
    rules = None if load is None else load()
    rules_file = None
    if load is not None and path is not None:
        rules_file = LiveRulesFile(path, load, engine.rules, settings.rules.watch_s)
    controller = Controller(
        engine,
        parts.gateway,
        parts.monitors,
        settings.hold,
        deadline_s=settings.commands.deadline_s or None,
        rules_file=rules_file,
    )
    engine.adopt(parts.resumed.kept_of(only))
    if only is None:
        journaled = parts.resumed.recovered.rules
        engine.rules.resume(
            rules, rules_before(journaled), "" if journaled is None else journaled.digest
        )
    if only is None:
        parts.monitors.retell(parts.resumed.untold)
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(parts.monitors.run)
            await nursery.start(engine.run)
            if rules_file is not None:
                nursery.start_soon(rules_file.watch)
            try:
                yield controller
            except BaseException as error:  # noqa: ASYNC103 - raised again below
                if _is_cancellation(error):
                    # Engine and monitors are being cancelled too: nothing is left to wait for.
                    _stop(engine, parts)
                    engine.close()
                    raise
                failure = error  # raised again below, outside the nursery
            with trio.move_on_after(SHUTDOWN_S, shield=True):
                await _wind_down(engine, parts)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # The one reason why the engine stopped, and not a group of one.
        reason = _only(group)
        if reason is group:
            raise
        raise reason from group
    if failure is not None:
        raise failure


async def _wind_down(engine: Engine, parts: Parts) -> None:
    with trio.move_on_after(SHUTDOWN_S / 2):
        await engine.desk.idle()
    _stop(engine, parts)
    await parts.monitors.drain(SHUTDOWN_S / 2)
    engine.close()


def _stop(engine: Engine, parts: Parts) -> None:
    for command in engine.desk.stop(resumes=parts.resumes):
        _log.warning(
            "command.unknown_at_stop", interaction=command.interaction_id, action=command.action
        )


def _is_cancellation(error: BaseException) -> bool:
    """Tell a cancellation, of one task or of several, from what the program raised."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(_is_cancellation(leaf) for leaf in group.exceptions)
    return isinstance(error, trio.Cancelled)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    leaves: list[BaseException] = []
    groups: list[BaseExceptionGroup[BaseException]] = [group]
    while groups:
        for error in groups.pop().exceptions:
            if isinstance(error, BaseExceptionGroup):
                groups.append(cast("BaseExceptionGroup[BaseException]", error))
            elif not isinstance(error, trio.Cancelled):
                leaves.append(error)
    # A journal that cannot be written fails both the engine and the winding down.
    same = len({(type(leaf), str(leaf)) for leaf in leaves}) == 1
    return leaves[0] if same else group


@contextmanager
def _journal_path(settings: Settings, choice: JournalChoice) -> Generator[Path, None, None]:
    if choice == "durable":
        yield settings.journal.path
        return
    with tempfile.TemporaryDirectory(prefix="hookflash-") as folder:
        yield Path(folder) / "journal.db"


def _loader(settings: Settings, parts: Parts) -> Callable[[], Rules] | None:
    """Return what loads the rules file, with the names that there are at that time."""
    path, desk = settings.rules.path, parts.monitors
    if path is None:
        return None

    def load() -> Rules:
        monitors, functions = desk.names(), desk.function_names()
        return load_rules(path, monitors=monitors, functions=functions, policy=settings.hold)

    return load
