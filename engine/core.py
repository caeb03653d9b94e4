"""The engine: interactions, commands, timers, lookups and the link, in one nursery tree."""

from collections.abc import Collection, Iterable
from typing import Any, Literal

import trio
from attrs import field, frozen, validators

from hookflash.engine.desk import CommandDesk
from hookflash.engine.dispatcher import Dispatcher
from hookflash.engine.effects import EffectRunner
from hookflash.engine.instances import RULE_TIMER, Instance, Instances
from hookflash.engine.intake import Intake
from hookflash.engine.link import Link, LinkState
from hookflash.engine.logs import get_logger
from hookflash.engine.lookups import Lookups, LookupSettings
from hookflash.engine.metrics import Metrics
from hookflash.engine.migration import Kept
from hookflash.engine.ports import (
    AuditLog,
    Clock,
    FrameAcknowledged,
    FrameRefused,
    FrameWritten,
    Gateway,
    Journal,
    LinkDown,
    LinkGivenUp,
    LinkUp,
    LookupAnswer,
    Monitors,
    News,
    StateSeen,
)
from hookflash.engine.rule_desk import RuleDesk
from hookflash.engine.rulings import Ruled, Rulings
from hookflash.engine.timers import Deadlines
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import CommandBusy, GatewayUnavailable, HookflashError, NotAuthorized
from hookflash.machines.events import LinkLost, NotSent, Sent
from hookflash.machines.interaction import Timer
from hookflash.machines.machine import Machine, Step
from hookflash.machines.rules.facts import RuleTimerFired

_log = get_logger("hookflash.engine")


Overdue = Literal["fire", "look_up"]


@frozen(kw_only=True)
class EngineSettings:
    """The engine's limits.

    Attributes:
        lookups: How the gateway is asked.
        interactions_max: How many interactions are kept; beyond it idle ones are forgotten.
        commands_waiting_max: How many commands of one interaction are held back before further
            ones are refused as busy.
        correlations_max: How many frames are remembered for their answers.
        retry_s: Pause before facts that a command waits for are asked for again.
        overdue: What becomes of timers that were due while no engine ran. `fire`: they fire at
            once, in the order in which they were due. `look_up`: those of an interaction wait
            until the gateway was asked about it, so that nobody is released from a hold that
            somebody else has begun meanwhile.
        overdue_wait_s: How long they wait for the gateway at most: nobody is forgotten because it
            does not answer.
        clock_check_s: How often the clock is compared with the machine's.
        deadline_s: Seconds until a hold of a rule that has not left is given up; None never.
    """

    lookups: LookupSettings = field(factory=LookupSettings)
    interactions_max: int = field(default=250_000, validator=[validators.ge(1)])
    commands_waiting_max: int = field(default=16, validator=[validators.ge(1)])
    correlations_max: int = field(default=50_000, validator=[validators.ge(100)])
    retry_s: float = field(default=1.0, validator=[validators.gt(0.0)])
    overdue: Overdue = "fire"
    overdue_wait_s: float = field(default=5.0, validator=[validators.ge(0.0)])
    clock_check_s: float = field(default=5.0, validator=[validators.gt(0.0)])
    deadline_s: float | None = 30.0


class Engine:
    """Runs one machine for many interactions over one gateway.

    Made of ports. `run` in a nursery; all else is synchronous. Beside what is public here it is
    the gateway's `Inbox` and the effect runner's `EffectSink`.

    Attributes:
        clock: Its time.
        metrics: Its figures.
        instances: The interactions that it knows.
        link: The state of the control socket.
        desk: Where commands are given.
        rules: Which rules count, and what they do.
    """

    def __init__(
        self,
        *,
        machine: Machine[Any, Any],
        gateway: Gateway,
        journal: Journal,
        audit: AuditLog,
        monitors: Monitors,
        clock: Clock,
        metrics: Metrics,
        settings: EngineSettings | None = None,
        only: Collection[str] | None = None,
    ) -> None:
        only = None if only is None else {one.lower() for one in only}
        settings = settings or EngineSettings()
        self.clock = clock
        self.metrics = metrics
        self.instances = Instances(machine, settings.interactions_max, journal.forget)
        self.link = Link()
        self._gateway = gateway
        self._journal = journal
        self._settings = settings
        self._nursery: trio.Nursery | None = None
        self._overdue: dict[str, Instance] = {}
        # At the first opening nothing can have been missed, but for what an earlier run left.
        self._missed = False
        self._deadlines = Deadlines(clock)
        self._lookups = Lookups(
            gateway, settings.lookups, answered=self._answered, failed=self._lookup_failed
        )
        self._runner = EffectRunner(
            gateway=gateway,
            deadlines=self._deadlines,
            audit=audit,
            monitors=monitors,
            metrics=metrics,
            sink=self,
        )
        rulings = Rulings(clock.new_id, metrics)
        self._dispatcher = Dispatcher(
            machine.spec.digest,
            journal,
            rulings,
            carry=self._carry,
            turned=self._runner.turned,
            # Whoever does one thing and ends leaves to a later run what it did not adopt.
            told=(lambda: monitors.told_through) if only is None else (lambda: 0),
            gave_up=audit.miss,
            flooded=self._ask,
        )
        self.desk = CommandDesk(
            instances=self.instances,
            dispatcher=self._dispatcher,
            gateway=gateway,
            link=self.link,
            clock=clock,
            waiting_max=settings.commands_waiting_max,
            ask=self._ask,
        )
        self.rules = RuleDesk(
            rulings,
            instances=self.instances,
            dispatcher=self._dispatcher,
            deadlines=self._deadlines,
            desk=self.desk,
            runner=self._runner,
            journal=journal,
            monitors=monitors,
            clock=clock,
            metrics=metrics,
            deadline_s=settings.deadline_s,
            is_overdue=lambda instance: instance.id in self._overdue,
        )
        self._intake = Intake(
            instances=self.instances,
            dispatcher=self._dispatcher,
            lookups=self._lookups,
            clock=clock,
            metrics=metrics,
            correlations_max=settings.correlations_max,
            facts_ttl_s=settings.lookups.ttl_s,
            only=only,
        )

    def adopt(self, kept: Iterable[Kept]) -> None:
        """Go on with interactions of an earlier run; before `run`.

        Their timers run on towards their deadlines; overdue ones as the settings say. A frame that
        was asked for may have left, even where nothing says so: it counts as sent and its outcome
        as unknown. All are looked up once the link is open, in the order in which they come.
        """
        for one in kept:
            interaction = one.interaction
            instance = self.instances.adopt(interaction, one.machine)
            now = self.clock.now()
            timers = (*interaction.timers, *instance.rule_timers())
            if self._settings.overdue == "look_up" and any(timer.due_at <= now for timer in timers):
                self._overdue[instance.id] = instance
                self._lookups.ask(instance, urgent=True)
            else:
                self._start_timers(instance)
            pending = interaction.pending
            if pending is not None:
                if pending.sent_at is None:
                    self._dispatcher.post(instance, Sent(now, pending.correlation_id))
                self._dispatcher.post(instance, LinkLost(self.clock.now()))
            self._missed = True

    def _start_timers(self, instance: Instance) -> None:
        for timer in instance.interaction.timers:
            self._deadlines.start(instance, timer)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled; started as soon as commands are taken.

        Raises:
            JournalError: The journal or audit log could not be written; the engine stops, because
                a hold that nobody can explain afterwards is what it exists to prevent.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.rules.begin(nursery)
            await nursery.start(self._journal.run)
            nursery.start_soon(self._dispatcher.run)
            nursery.start_soon(self._deadlines.run, self._fire)
            nursery.start_soon(self._lookups.run)
            nursery.start_soon(self._watch_clock)
            if self._overdue:
                nursery.start_soon(self._fire_overdue)
            await nursery.start(self._gateway.run, self)
            task_status.started()

    def close(self) -> None:
        """Step what was posted and write it down; the last thing, when nothing else runs."""
        self._dispatcher.close()

    # --- time -------------------------------------------------------------------------------------

    async def _fire_overdue(self) -> None:
        """Let overdue timers run whose interactions the gateway said nothing about in time."""
        await trio.sleep(self._settings.overdue_wait_s)
        for instance in list(self._overdue.values()):
            self._not_overdue(instance)

    def _not_overdue(self, instance: Instance) -> None:
        if self._overdue.pop(instance.id, None) is not None:
            self._start_timers(instance)
            self.rules.start_timers(instance)

    async def _watch_clock(self) -> None:
        while True:
            await trio.sleep(self._settings.clock_check_s)
            jump = self.clock.check()
            if jump is None:
                continue
            self.metrics.clock_jump()
            _log.warning("clock.jumped", kind=jump.kind, seconds=jump.seconds)
            if jump.kind == "suspended":
                self._deadlines.look_again()

    # --- what the gateway tells -------------------------------------------------------------------

    def tell(self, news: News) -> bool:
        """Take up what the gateway adapter heard; see `hookflash.engine.ports.Inbox`."""
        match news:
            case FrameAcknowledged():
                return self._intake.acknowledged(news)
            case FrameWritten():
                return self._intake.written(news)
            case FrameRefused():
                return self._intake.refused(news)
            case StateSeen():
                self._intake.seen(news)
            case LinkUp():
                self._link_changed("connected", None)
            case LinkDown():
                reason = f"the control socket is not open: {news.reason}"
                self._link_changed("down", GatewayUnavailable(reason))
            case LinkGivenUp():
                _log.error("link.given_up", reason=news.error.message)
                self._link_changed("given_up", news.error)
                self.desk.fail_waiting(news.error)
        return True

    def _link_changed(self, state: LinkState, error: HookflashError | None) -> None:
        before = self.link.note(state, error)
        if state == "connected":
            if before != "connecting" or self._missed:
                self._intake.link_restored()
            self._missed = False
        elif before == "connected":
            self._intake.link_lost()

    # --- what lookups bring -----------------------------------------------------------------------

    def _ask(self, instance: Instance) -> None:
        self._lookups.ask(instance, urgent=True)

    def _answered(self, instance: Instance, answer: LookupAnswer) -> None:
        if not self._intake.answered(instance, answer):
            self.desk.advance(instance)
        if self._overdue:
            self._not_overdue(instance)

    def _lookup_failed(self, instance: Instance, error: HookflashError) -> None:
        self.metrics.lookup(ok=False)
        if instance.machine_asks and not instance.ask_again:
            self._intake.lookup_failed(instance, error.message)
        if not instance.waiting:
            return
        if isinstance(error, NotAuthorized) or not isinstance(error, GatewayUnavailable):
            self.desk.fail(instance, error)
        elif self._nursery is not None:
            self._nursery.start_soon(self._retry, instance)

    async def _retry(self, instance: Instance) -> None:
        """Ask again for facts that a command still waits for; its deadline ends the asking."""
        await trio.sleep(self._settings.retry_s)
        self.desk.advance(instance)

    # --- what steps ask for -----------------------------------------------------------------------

    def _carry(
        self, instance: Instance, step: Step[Any] | None, seq: int, ruled: Ruled | None
    ) -> None:
        if step is not None:
            self._runner.carry(instance, step, seq)
        if ruled is not None:
            self.rules.carry(instance, ruled)
        self.instances.settled(instance)
        if instance.waiting:
            self.desk.advance(instance)

    def _fire(self, instance: Instance, timer: Timer) -> None:
        if timer.name.startswith(RULE_TIMER):
            event = RuleTimerFired(self.clock.now(), timer.name, timer.owner)
            self._dispatcher.post(instance, event)
            return
        event = instance.machine.timer_event(timer, self.clock.now(), self.clock.new_id())
        self._dispatcher.post(instance, event)

    def register(self, correlation_id: str, instance: Instance) -> None:
        """Remember whose frame this is."""
        self._intake.register(correlation_id, instance)

    def not_sent(self, instance: Instance, correlation_id: str, error: CommandBusy) -> None:
        """Take up that a frame could not be queued."""
        self._dispatcher.post(
            instance, NotSent(self.clock.now(), correlation_id, "CommandBusy", error.message)
        )

    def look_up(self, instance: Instance, *, urgent: bool) -> None:
        """Queue a lookup that the machine waits for."""
        instance.machine_asks = True
        self._lookups.ask(instance, urgent=urgent)

    def ended(self, instance: Instance, end: EndCommand) -> None:
        """Tell the command's caller."""
        self.desk.ended(instance, end)
