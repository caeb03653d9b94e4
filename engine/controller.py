"""The controller: what embedding programs call."""

import math
from types import EllipsisType
from typing import Protocol, final

import trio

from hookflash.engine.commands import (
    Command,
    CommandResult,
    id_problem,
    is_reserved,
    priority_of,
    problems_of,
    result_of,
)
from hookflash.engine.core import Engine
from hookflash.engine.link import LinkState
from hookflash.engine.metrics import MetricsSnapshot
from hookflash.engine.ports import Gateway, LookupAnswer, Monitor
from hookflash.engine.snapshots import InteractionSnapshot, snapshot_of
from hookflash.machines.errors import (
    CommandBusy,
    ConfigurationError,
    GatewayUnavailable,
    HookflashError,
    InvalidCommand,
    OutcomeUnknown,
)
from hookflash.machines.instants import Instant, seconds_between
from hookflash.machines.interaction import Action
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.redaction import printable, redact
from hookflash.machines.rules.ruleset import RulesDiff

DEADLINE_S = 30.0
"""How long a command may take by default before its caller is told that its outcome is unknown."""


class MonitorDesk(Protocol):
    """Where monitors are added; composition gives the real one."""

    def add(self, monitor: Monitor, *, name: str | None = None, rules_only: bool = False) -> None:
        """Call *monitor* after each outcome from now on."""
        ...


class RulesFile(Protocol):
    """The file that rules come from; composition gives the real one."""

    async def reload(self) -> RulesDiff:
        """Load the file anew and let it count; all of it or nothing."""
        ...


@final
class Controller:
    """Holds and unholds interactions; made by `hookflash.open_controller`."""

    def __init__(
        self,
        engine: Engine,
        gateway: Gateway,
        monitors: MonitorDesk,
        policy: HoldPolicy,
        *,
        deadline_s: float | None = DEADLINE_S,
        rules_file: RulesFile | None = None,
    ) -> None:
        self._rules_file = rules_file
        self._engine = engine
        self._gateway = gateway
        self._monitors = monitors
        self._policy = policy
        self._deadline_s = deadline_s
        self._reasons = policy.all_reasons()

    async def hold(
        self,
        interaction_id: str,
        *,
        reason: str,
        priority: int,
        music: str | None = None,
        prompt: str | None = None,
        deadline_s: float | EllipsisType | None = ...,
        actor: str = "caller",
    ) -> CommandResult:
        """Put the caller of an interaction on hold and wait until the gateway confirms it.

        Args:
            interaction_id: The interaction, a UUID as text; no `uuid.UUID`.
            reason: One of the reasons that the policy allows.
            priority: Resume priority, a whole number from 0 to 9.
            music: Hold music; None leaves it to the gateway.
            prompt: Hold prompt; None leaves it to the gateway.
            deadline_s: Seconds until the caller is told that the outcome is unknown; None waits as
                long as it takes. Left out, the setting counts (30 s).
            actor: Who asks, for the audit log.

        Returns:
            How it succeeded: `confirmed`, `confirmed_by_lookup` or `already`.

        Raises:
            InvalidCommand: A field is not what the protocol allows; all bad ones are named.
            NotEligible: The interaction is over, unknown, of another organisation, or its skill
                group is missing or not allowed.
            HoldRefused: The gateway refused, or did not carry the hold out.
            MaximumHoldExceeded: An earlier hold is past its limit and waits for a decision.
            CommandBusy: Too many commands wait for this interaction; try later.
            RateLimited: The gateway's rate limit; wait `retry_after_s`.
            OutcomeUnknown: The deadline passed after the frame had left; the engine goes on asking.
            GatewayUnavailable: It could not be sent in time; nothing happened.
            NotAuthorized: The gateway does not accept the credentials.

        Cancellation: a command whose frame has not left is withdrawn and did not happen; one whose
        frame has left goes on, and its outcome goes to the audit log and the monitors.
        """
        problems = problems_of(
            interaction_id=interaction_id,
            priority=priority,
            reason=reason,
            reasons=self._reasons,
            music=music,
            prompt=prompt,
            actor=actor,
            deadline_s=self._deadline(deadline_s),
        )
        command = self._command("hold", interaction_id, priority, actor)
        command.reason, command.music, command.prompt = reason, music, prompt
        return await self._carry_out(command, problems, deadline_s)

    async def unhold(
        self,
        interaction_id: str,
        *,
        priority: int,
        force: bool = False,
        deadline_s: float | EllipsisType | None = ...,
        actor: str = "caller",
    ) -> CommandResult:
        """Take the caller of an interaction off hold and wait until the gateway confirms it.

        Args:
            interaction_id: The interaction, a UUID as text; no `uuid.UUID`.
            priority: Resume priority, a whole number from 0 to 9.
            force: Release a hold that is past its limit although its policy asks for a decision.
            deadline_s: As for `hold`.
            actor: Who asks, for the audit log.

        Returns:
            How it succeeded, as for `hold`.

        Raises:
            CommandError: As for `hold`; `MaximumHoldExceeded` where the hold is past its limit, its
                policy is `expire`, and *force* was not given.

        Cancellation: as for `hold`.
        """
        problems = problems_of(
            interaction_id=interaction_id,
            priority=priority,
            force=force,
            actor=actor,
            deadline_s=self._deadline(deadline_s),
        )
        command = self._command("unhold", interaction_id, priority, actor)
        command.force = force
        return await self._carry_out(command, problems, deadline_s)

    async def look_up(self, interaction_id: str) -> LookupAnswer:
        """Ask the gateway about an interaction now; the engine's knowledge is not touched.

        Args:
            interaction_id: The interaction, a UUID as text.

        Raises:
            InvalidCommand: It is no UUID as text; the gateway was not asked.
            NotAuthorized: The gateway does not accept the credentials or the scope.
            GatewayUnavailable: It could not be asked.
        """
        if id_problem(interaction_id) is not None:
            raise _invalid_id(interaction_id)
        return await self._gateway.look_up(interaction_id)

    async def wait_connected(self, timeout_s: float | None = None) -> None:
        """Wait until the control socket is open.

        Args:
            timeout_s: Seconds to wait; None waits until it is open or given up.

        Raises:
            GatewayUnavailable: It did not open in time, or the attempts are used up.
            NotAuthorized: The gateway does not accept the credentials.
        """
        link = self._engine.link
        with trio.move_on_after(math.inf if timeout_s is None else timeout_s):
            while link.state != "connected":
                if link.state == "given_up" and link.error is not None:
                    raise link.error
                await link.changed.wait()
            return
        reason = f": {link.error.message}" if link.error else ""
        raise GatewayUnavailable(
            f"no connection to {self._gateway.name} within {timeout_s:g} s{reason}"
        )

    def add_monitor(
        self, monitor: Monitor, *, name: str | None = None, rules_only: bool = False
    ) -> None:
        """Call *monitor* with a payload after each outcome, warning and alarm.

        A plain function runs in a thread, an async function as a task; one that raises or hangs
        never delays a command.

        Args:
            monitor: The function.
            name: The name under which rules may notify it; None takes the function's own. Rules
                that are loaded before it is added cannot name it.
            rules_only: Whether it gets only what rules tell it.
        """
        self._monitors.add(monitor, name=name, rules_only=rules_only)

    def report(self, interaction_id: str, event: str) -> bool:
        """Put an event of the rules file's own (`[events]`) to the rules.

        Args:
            interaction_id: The interaction, a UUID as text.
            event: The event's name.

        Returns:
            Whether it was taken: not where the engine does not know the interaction, nor where
            some hundred events wait for it already.

        Raises:
            InvalidCommand: The id is no UUID, or the rules that count have no such event.
        """
        if id_problem(interaction_id) is not None:
            raise _invalid_id(interaction_id)
        rules = self._engine.rules.in_force
        if rules is None or event not in rules.events:
            known = ", ".join(() if rules is None else rules.events)
            raise InvalidCommand(
                f"the rules have no event {printable(str(event))!r}",
                advice=f"declare it under [events]; declared are: {known or 'none'}",
                interaction_id=interaction_id,
            )
        instance = self._engine.instances.get(interaction_id)
        if instance is None or instance.begins:
            return False
        return self._engine.rules.report(instance, event)

    async def reload_rules(self) -> RulesDiff:
        """Load the rules file anew and let it count; all of it or nothing.

        Interactions are carried over: rules that say what they said before go on with their waits.

        Returns:
            What differs.

        Raises:
            SpecError: Something in the file is wrong; the old rules go on.
            ConfigurationError: `[rules] path` is not set, so there is nothing to load.
            JournalError: That other rules count now could not be written; the old ones go on.

        Cancellation: the old rules go on, unless the new ones count already.
        """
        if self._rules_file is None:
            raise ConfigurationError(
                "there is no rules file", advice="set [rules] path", source="[rules] path"
            )
        return await self._rules_file.reload()

    def metrics(self) -> MetricsSnapshot:
        """Return the figures so far, as a frozen snapshot."""
        return self._engine.metrics.snapshot()

    def interaction(self, interaction_id: str) -> InteractionSnapshot | None:
        """Return what the engine knows of an interaction; None where it knows nothing.

        Raises:
            InvalidCommand: *interaction_id* is no text, a `uuid.UUID` for instance.
        """
        if not isinstance(interaction_id, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may have no type checker
            raise _invalid_id(interaction_id)
        instance = self._engine.instances.get(interaction_id)
        return None if instance is None else snapshot_of(instance)

    def interactions(self) -> list[InteractionSnapshot]:
        """Return all interactions that the engine knows, those on hold first, longest first."""
        snapshots = [snapshot_of(instance) for instance in self._engine.instances]
        snapshots.sort(key=lambda one: (one.held_since is None, one.held_since or 0))
        return snapshots

    def give_up_unsent(self, error: HookflashError | None = None) -> None:
        """End the commands whose frames have not left, as their deadlines would.

        For a program that is about to end: what has been sent goes on, so that its outcome may
        still be known when the controller closes.

        Args:
            error: Why; its class and message are what their callers get. None tells each of them
                what it waited for.
        """
        self._engine.desk.fail_waiting(error)

    @property
    def link_state(self) -> LinkState:
        """The state of the control socket."""
        return self._engine.link.state

    @property
    def policy(self) -> HoldPolicy:
        """The policy that holds are under."""
        return self._policy

    def now(self) -> Instant:
        """Return the engine's time."""
        return self._engine.clock.now()

    # --- the parts --------------------------------------------------------------------------------

    def _command(
        self, action: Action, interaction_id: object, priority: object, actor: str
    ) -> Command:
        clock = self._engine.clock
        return Command(
            action,
            interaction_id if isinstance(interaction_id, str) else repr(interaction_id),
            clock.new_id(),
            clock.now(),
            priority_of(priority),
            actor=actor,
        )

    def _deadline(self, deadline_s: float | EllipsisType | None) -> float | None:
        return self._deadline_s if isinstance(deadline_s, EllipsisType) else deadline_s

    async def _carry_out(
        self, command: Command, problems: list[str], deadline_s: float | EllipsisType | None
    ) -> CommandResult:
        if problems:
            # What was typed may be anything, a telephone number included.
            command.interaction_id = printable(command.interaction_id)
            if command.reason is not None:
                command.reason = printable(str(command.reason))
            command.actor = _shown_actor(command.actor)
            message = redact("; ".join(problems))
            self._engine.desk.abandon(command, "invalid", "InvalidCommand", message)
        else:
            await self._run(command, self._deadline(deadline_s))
        assert command.ended is not None, "a command that is not ended has raised"  # noqa: S101
        return result_of(command.ended, command.interaction_id, command.cause)

    async def _run(self, command: Command, deadline_s: float | None) -> None:
        desk = self._engine.desk
        command.done = done = trio.Event()
        try:
            desk.submit(command)
        except CommandBusy as error:
            desk.abandon(command, "refused", "CommandBusy", error.message)
            return
        try:
            with trio.move_on_after(math.inf if deadline_s is None else deadline_s):
                await done.wait()
        except trio.Cancelled:
            desk.give_up(command)
            raise
        if done.is_set():
            if command.ended is not None:
                return
            why = "the program stopped before its outcome was known"
            advice = "the next run on its journal finds out"
        else:
            if desk.give_up(command):
                return
            why = f"its outcome was not known within {deadline_s:g} s"
            advice = "the engine goes on asking; look at the interaction's state later"
        raise OutcomeUnknown(
            f"{command.action} was sent, but {why}",
            advice=advice,
            interaction_id=command.interaction_id,
            correlation_id=command.correlation_id,
            outcome="unknown",
            state=_snapshot_state(self._engine, command.interaction_id),
            latency_s=seconds_between(command.requested_at, self._engine.clock.now()),
        )


def _invalid_id(interaction_id: object) -> InvalidCommand:
    return InvalidCommand(
        id_problem(interaction_id) or "",
        advice="give the interaction's UUID as text; str() makes it of a uuid.UUID",
        interaction_id=printable(str(interaction_id)),
    )


def _shown_actor(actor: object) -> str:
    """Return who asked, where that can be written down; the default name otherwise."""
    valid = isinstance(actor, str) and actor and not is_reserved(actor)
    return printable(str(actor)) if valid else "caller"


def _snapshot_state(engine: Engine, interaction_id: str) -> str | None:
    instance = engine.instances.get(interaction_id)
    return None if instance is None else instance.interaction.state
