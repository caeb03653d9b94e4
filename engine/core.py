"""The engine: interactions, commands, timers, lookups and the link, in one nursery tree."""

from collections import deque
from typing import Any, Literal

import structlog
import trio
from attrs import field, frozen, validators

from hookflash.engine.commands import Command
from hookflash.engine.dispatcher import Dispatcher
from hookflash.engine.effects import EffectRunner
from hookflash.engine.instances import Instance, Instances
from hookflash.engine.lookups import Lookups, LookupSettings
from hookflash.engine.metrics import Metrics
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
from hookflash.engine.timers import Deadlines
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import CommandBusy, GatewayUnavailable, HookflashError, NotAuthorized
from hookflash.machines.events import (
    Acknowledged,
    CommandAbandoned,
    LinkLost,
    LinkRestored,
    LookupFailed,
    NotSent,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    Refused,
    Sent,
    Source,
)
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Facts, Timer
from hookflash.machines.machine import Machine

_log = structlog.get_logger("hookflash.engine")

_GRACE_S = 0.25
"""How long an answer serves the commands that waited for it, should it be older than its life."""

LinkState = Literal["connecting", "connected", "down", "given_up"]

CLOSED_STATES = frozenset({"closed", "abandoned", "not_found"})
"""What the gateway calls an interaction that is over, and what a lookup that finds none says."""


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
    """

    lookups: LookupSettings = field(factory=LookupSettings)
    interactions_max: int = field(default=250_000, validator=[validators.ge(1)])
    commands_waiting_max: int = field(default=16, validator=[validators.ge(1)])
    correlations_max: int = field(default=50_000, validator=[validators.ge(100)])
    retry_s: float = field(default=1.0, validator=[validators.gt(0.0)])


class Engine:
    """Runs one machine for many interactions over one gateway.

    Made of ports; `run` in a nursery, then `submit` commands. Everything but `run` is synchronous.
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
    ) -> None:
        self.machine = machine
        self.clock = clock
        self.metrics = metrics
        self.settings = settings or EngineSettings()
        self.link_state: LinkState = "connecting"
        self.link_changed = trio.Event()
        self.link_error: HookflashError | None = None
        self._gateway = gateway
        self._journal = journal
        self._deadlines = Deadlines(clock)
        self.instances = Instances(machine, self.settings.interactions_max)
        self._commands: dict[str, Command] = {}
        self._correlations: dict[str, Instance] = {}
        self._runner = EffectRunner(
            gateway=gateway,
            deadlines=self._deadlines,
            audit=audit,
            monitors=monitors,
            metrics=metrics,
            sink=self,
        )
        self._dispatcher = Dispatcher(machine, journal, carry=self._carry, flooded=self._ask_again)
        self._lookups = Lookups(
            gateway, self.settings.lookups, answered=self._answered, failed=self._lookup_failed
        )
        self._retries: trio.Nursery | None = None
        self._ended = trio.Event()

    # --- running ----------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled; started as soon as commands are taken.

        Raises:
            JournalError: The journal or audit log could not be written; the engine stops, because
                a hold that nobody can explain afterwards is what it exists to prevent.
        """
        async with trio.open_nursery() as nursery:
            self._retries = nursery
            nursery.start_soon(self._dispatcher.run)
            nursery.start_soon(self._deadlines.run, self._fire)
            nursery.start_soon(self._lookups.run)
            await nursery.start(self._gateway.run, self)
            task_status.started()

    # --- commands ---------------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Take *command*; its turn comes when those before it on its interaction have ended.

        Raises:
            CommandBusy: Too many commands wait for this interaction already.
        """
        instance = self.instances.get_or_start(command.interaction_id)
        if self.link_state == "given_up":
            self._commands[command.correlation_id] = command
            self._drop(instance, command, self._link_error())
            return
        if instance.waiting is None:
            instance.waiting = deque()
        elif len(instance.waiting) >= self.settings.commands_waiting_max:
            raise CommandBusy(
                f"{len(instance.waiting)} commands wait for this interaction already",
                advice="wait for them to end",
                interaction_id=command.interaction_id,
            )
        self._commands[command.correlation_id] = command
        instance.waiting.append(command)
        self._advance(instance)

    def give_up(self, command: Command) -> bool:
        """End *command* because its caller waits no longer.

        Returns:
            True if it ends now, nothing having been sent; False if its frame may have left: the
            engine goes on until it knows the outcome.
        """
        self.settle()
        instance = self.instances.get(command.interaction_id)
        if command.ended is not None or instance is None:
            return command.ended is not None
        if not command.fed:
            self._drop(instance, command, self._why_waiting(instance))
            return True
        pending = instance.interaction.pending
        if pending is None or pending.command_id != command.correlation_id:
            return False  # an end of it was not seen: nothing may be said about it
        if pending.sent_at is None and self._gateway.withdraw(pending.correlation_id):
            error = self._link_error()
            self._post(
                instance,
                NotSent(
                    self.clock.now(), pending.correlation_id, type(error).__name__, error.message
                ),
            )
            return True
        return False

    def abandon(self, command: Command, outcome: str, error: str, message: str) -> None:
        """Journal and audit the end of a command that the machine never sees.

        The interaction is not kept: an invalid one may not exist at all. The command has ended
        when this returns.
        """
        known = self.instances.get(command.interaction_id)
        instance = known or Instance(self.machine.start(command.interaction_id))
        self._commands[command.correlation_id] = command
        command.fed = True
        self._post(instance, self._abandoned(command, outcome, error, message))
        self.settle()

    def stop(self) -> list[Command]:
        """Write `unknown` for each command under way, and return these; holds stay as they are.

        To be called last, when nothing else runs: what was posted is stepped here and now.
        """
        self.settle()
        under_way = [command for command in self._commands.values() if command.ended is None]
        for command in under_way:
            instance = self.instances.get(command.interaction_id)
            if instance is not None:
                why = "the program stopped before the outcome was known"
                outcome, error = ("unknown", "OutcomeUnknown")
                if not command.fed:
                    outcome, error = ("unavailable", "GatewayUnavailable")
                self._post(instance, self._abandoned(command, outcome, error, why))
        self.settle()
        return under_way

    async def idle(self) -> None:
        """Wait until no command with a caller is under way; the caller bounds the time."""
        while any(command.ended is None for command in self._commands.values()):
            self._ended = trio.Event()
            await self._ended.wait()

    def settle(self) -> None:
        """Step what was posted, without waiting for the dispatcher's task."""
        while self._dispatcher.waiting:
            self._dispatcher.turn()

    def _abandoned(
        self, command: Command, outcome: str, error: str, message: str
    ) -> CommandAbandoned:
        return CommandAbandoned(
            self.clock.now(),
            command.correlation_id,
            command.action,
            command.requested_at,
            outcome,
            error,
            message,
            command.priority,
            command.reason,
            command.actor,
        )

    def _drop(self, instance: Instance, command: Command, error: HookflashError) -> None:
        """End a command that still waits for its turn."""
        if instance.waiting is not None and command in instance.waiting:
            instance.waiting.remove(command)
        command.fed = True
        self._post(
            instance,
            self._abandoned(command, "unavailable", type(error).__name__, error.message),
        )

    def _why_waiting(self, instance: Instance) -> HookflashError:
        if instance.interaction.pending is not None:
            return GatewayUnavailable(
                "an earlier command of this interaction did not end in time; nothing was sent"
            )
        if self.link_state != "connected":
            return self._link_error()
        return GatewayUnavailable("the gateway did not tell the state in time; nothing was sent")

    def _link_error(self) -> HookflashError:
        return self.link_error or GatewayUnavailable(
            "the control socket was not open in time; nothing was sent"
        )

    def _advance(self, instance: Instance) -> None:
        """Give the next command to the machine, if its turn has come and its facts are known."""
        waiting = instance.waiting
        if not waiting or instance.interaction.pending is not None or instance.mailbox:
            return
        now = self.clock.now()
        if instance.facts is None or now > instance.facts_until:
            if instance.lookup == "none":
                self._lookups.ask(instance, urgent=True)
            return
        command = waiting.popleft()
        if not waiting:
            instance.waiting = None
        command.fed = True
        self._post(instance, command.request(now, instance.facts))

    # --- what the dispatcher calls ----------------------------------------------------------------

    def _post(self, instance: Instance, event: Any) -> None:  # noqa: ANN401 - any event
        self._dispatcher.post(instance, event)

    def _carry(self, instance: Instance, record: Any, step: Any) -> None:  # noqa: ANN401 - as the dispatcher has them
        self._runner.carry(instance, record, step)
        if instance.waiting:
            self._advance(instance)

    def _fire(self, instance: Instance, timer: Timer) -> None:
        event = self.machine.timer_event(timer, self.clock.now(), self.clock.new_id())
        self._post(instance, event)

    def _ask_again(self, instance: Instance) -> None:
        self._lookups.ask(instance, urgent=True)

    # --- what the effect runner calls -------------------------------------------------------------

    def register(self, correlation_id: str, instance: Instance) -> None:
        """Remember whose frame this is; the oldest are forgotten beyond the bound."""
        correlations = self._correlations
        if len(correlations) >= self.settings.correlations_max:
            del correlations[next(iter(correlations))]
        correlations[correlation_id] = instance

    def not_sent(self, instance: Instance, correlation_id: str, error: CommandBusy) -> None:
        """Take up that a frame could not be queued."""
        self._post(
            instance, NotSent(self.clock.now(), correlation_id, "CommandBusy", error.message)
        )

    def look_up(self, instance: Instance, *, urgent: bool) -> None:
        """Queue a lookup that the machine waits for."""
        instance.machine_asks = True
        self._lookups.ask(instance, urgent=urgent)

    def ended(self, instance: Instance, end: EndCommand) -> None:
        """Tell the command's caller; a release at the limit has none."""
        command = self._commands.pop(end.command_id, None)
        self._ended.set()
        if command is not None:
            command.end(end)
        elif end.actor == "limit":
            _log.info("hold.released_at_limit", interaction=instance.id, outcome=end.outcome)

    # --- what the lookups call --------------------------------------------------------------------

    def _answered(self, instance: Instance, answer: LookupAnswer) -> None:
        self.metrics.lookup(ok=True)
        known = instance.facts is not None
        instance.facts = answer.facts
        # A command that waited for this very answer can use it, however slow the answer was.
        instance.facts_until = max(
            after(answer.as_of, self.settings.lookups.ttl_s), after(self.clock.now(), _GRACE_S)
        )
        event = self._observation(
            answer.state, "lookup", answer.as_of, answer.held_since, answer.facts
        )
        if event is not None:
            instance.machine_asks = False
            self._post(instance, event)
        elif instance.machine_asks and not instance.ask_again:
            self._tell_failure(instance, f"the state {answer.state!r} decides nothing")
        elif not known or instance.waiting:
            self._advance(instance)

    def _observation(
        self,
        state: str,
        source: Source,
        as_of: Instant,
        held_since: Instant | None,
        facts: Facts | None,
    ) -> ObservedHeld | ObservedActive | ObservedClosed | None:
        """Return the event for a state that the gateway named; None for one that is no event."""
        now = self.clock.now()
        if state == "held":
            return ObservedHeld(now, as_of, source, self.clock.new_id(), held_since, facts)
        if state == "active":
            return ObservedActive(now, as_of, source, self.clock.new_id(), facts)
        if state in CLOSED_STATES:
            return ObservedClosed(now, as_of, source, state, facts)
        return None

    def _lookup_failed(self, instance: Instance, error: HookflashError) -> None:
        self.metrics.lookup(ok=False)
        if instance.machine_asks and not instance.ask_again:
            self._tell_failure(instance, error.message)
        if not instance.waiting:
            return
        if isinstance(error, NotAuthorized) or not isinstance(error, GatewayUnavailable):
            for command in list(instance.waiting):
                self._drop(instance, command, error)
        elif self._retries is not None:
            self._retries.start_soon(self._retry, instance)

    async def _retry(self, instance: Instance) -> None:
        """Ask again for facts that a command still waits for."""
        await trio.sleep(self.settings.retry_s)
        self._advance(instance)

    def _tell_failure(self, instance: Instance, reason: str) -> None:
        instance.machine_asks = False
        self._post(instance, LookupFailed(self.clock.now(), reason))

    # --- what the gateway tells -------------------------------------------------------------------

    def tell(self, news: News) -> bool:  # noqa: PLR0911 - one answer per kind of news
        """Take up what the gateway adapter heard; see `hookflash.engine.ports.Inbox`."""
        match news:
            case FrameAcknowledged():
                return self._route(news.correlation_id, Acknowledged)
            case FrameWritten():
                return self._route(news.correlation_id, Sent)
            case FrameRefused():
                return self._refused(news)
            case StateSeen():
                return self._seen(news)
            case LinkUp():
                return self._link("connected", None)
            case LinkDown():
                error = GatewayUnavailable(f"the control socket is not open: {news.reason}")
                return self._link("down", error)
            case LinkGivenUp():
                return self._link("given_up", news.error)

    def _route(self, correlation_id: str, event: type[Acknowledged] | type[Sent]) -> bool:
        instance = self._owner(correlation_id)
        if instance is None:
            return False
        self._post(instance, event(self.clock.now(), correlation_id))
        return True

    def _owner(self, correlation_id: str) -> Instance | None:
        """Return whose frame it is; None where that was forgotten or never known."""
        instance = self._correlations.get(correlation_id)
        if instance is None or self.instances.get(instance.id) is not instance:
            self.metrics.unknown_answer()
            return None
        return instance

    def _refused(self, news: FrameRefused) -> bool:
        instance = self._owner(news.correlation_id)
        if instance is None:
            return False
        self._post(
            instance,
            Refused(
                self.clock.now(),
                news.correlation_id,
                self.clock.new_id(),
                news.state,
                news.code,
                news.message,
                news.retry_after_s,
            ),
        )
        return True

    def _seen(self, news: StateSeen) -> bool:
        instance = self.instances.get(news.interaction_id)
        if instance is None:
            if news.state != "held":
                return True  # nobody is on hold, and nobody asked: nothing to remember
            try:
                instance = self.instances.get_or_start(news.interaction_id)
            except CommandBusy as error:
                _log.error("interactions.full", reason=error.message)
                return True
        now = self.clock.now()
        event = self._observation(news.state, "frame", now, news.held_since, None)
        if event is not None:
            self._post(instance, event)
        return True

    def _link(self, state: LinkState, error: HookflashError | None) -> bool:
        before, self.link_error = self.link_state, error
        if not (before == "connecting" and state == "down"):
            self.link_state = state  # a first attempt that failed is still an attempt
        self.link_changed.set()
        self.link_changed = trio.Event()
        now = self.clock.now()
        if state == "connected":
            # The first time there is nothing that could have been missed.
            for instance in list(self.instances) if before != "connecting" else ():
                self._catch_up(instance, now)
        elif before == "connected":
            for instance in list(self.instances):
                if self.machine.reacts(instance.interaction.state, LinkLost):
                    self._post(instance, LinkLost(now))
        if state == "given_up" and error is not None:
            _log.error("link.given_up", reason=error.message)
            self._fail_waiting(error)
        return True

    def _catch_up(self, instance: Instance, now: Instant) -> None:
        """Find out what was missed while the link was away.

        Where the machine does not ask by itself, because no command and no hold of its own is at
        stake, the engine does: somebody else may have put the caller on hold meanwhile, and no
        frame will ever tell.
        """
        state = instance.interaction.state
        if self.machine.reacts(state, LinkRestored):
            self._post(instance, LinkRestored(now))
        elif not self.machine.spec.states[state].final:
            self._lookups.ask(instance, urgent=False)

    def _fail_waiting(self, error: HookflashError) -> None:
        """The attempts to connect are used up: whoever waits for the socket learns it now."""
        for command in list(self._commands.values()):
            instance = self.instances.get(command.interaction_id)
            if instance is None or command.ended is not None:
                continue
            pending = instance.interaction.pending
            if not command.fed:
                self._drop(instance, command, error)
            elif (
                pending is not None
                and pending.command_id == command.correlation_id
                and pending.sent_at is None
                and self._gateway.withdraw(pending.correlation_id)
            ):
                self._post(
                    instance,
                    NotSent(
                        self.clock.now(),
                        pending.correlation_id,
                        type(error).__name__,
                        error.message,
                    ),
                )
