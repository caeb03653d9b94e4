"""The command desk: whose turn it is, what is waited for, and what callers are told."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import trio

from hookflash.engine.commands import Command, id_problem
from hookflash.engine.dispatcher import Dispatcher
from hookflash.engine.instances import Instance, Instances
from hookflash.engine.link import Link
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Clock, Gateway
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import CommandBusy, GatewayUnavailable, HookflashError
from hookflash.machines.events import CommandAbandoned, NotSent
from hookflash.machines.rules.facts import RULE_ACTOR

_log = get_logger("hookflash.engine.commands")


_NO_STATE: Final = "the gateway did not tell the state in time; nothing was sent"


class CommandDesk:
    """Gives commands to the machine, one at a time per interaction in order of arrival.

    Args:
        instances: The interactions.
        dispatcher: Where events are posted.
        gateway: Where frames can be taken back.
        link: The state of the control socket.
        clock: Time.
        waiting_max: How many commands of one interaction are held back.
        ask: Asks the gateway for an interaction's facts.
    """

    def __init__(
        self,
        *,
        instances: Instances,
        dispatcher: Dispatcher,
        gateway: Gateway,
        link: Link,
        clock: Clock,
        waiting_max: int,
        ask: Callable[[Instance], None],
    ) -> None:
        self._instances = instances
        self._dispatcher = dispatcher
        self._gateway = gateway
        self._link = link
        self._clock = clock
        self._waiting_max = waiting_max
        self._ask = ask
        self._commands: dict[str, Command] = {}
        self._ended = trio.Event()

    def submit(self, command: Command) -> None:
        """Take *command*; its turn comes when those before it on its interaction have ended.

        Raises:
            CommandBusy: Too many commands wait for this interaction already.
        """
        instance = self._instances.get_or_start(command.interaction_id)
        if self._link.state == "given_up":
            self._commands[command.correlation_id] = command
            self._drop(instance, command, self._link.why_not())
            return
        if instance.waiting is None:
            instance.waiting = deque()
        elif len(instance.waiting) >= self._waiting_max:
            raise CommandBusy(
                f"{len(instance.waiting)} commands wait for this interaction already",
                advice="wait for them to end",
                interaction_id=command.interaction_id,
            )
        self._commands[command.correlation_id] = command
        instance.waiting.append(command)
        self.advance(instance)

    def submit_for(self, instance: Instance, command: Command) -> None:
        """Take a command that a step brought: of a rule, while effects are carried out.

        One that cannot wait any more is journaled and audited as refused.
        """
        problem = id_problem(instance.id)
        if problem is not None:
            # Somebody asked for what cannot be, and a rule acts on that: nothing of it goes out.
            self._commands[command.correlation_id] = command
            self._abandon(instance, command, "invalid", "InvalidCommand", problem)
            return
        try:
            self._instances.keep(instance)
            self.submit(command)
        except CommandBusy as error:
            self._commands[command.correlation_id] = command
            self._abandon(instance, command, "refused", "CommandBusy", error.message)

    def drop(self, instance: Instance, command: Command, message: str) -> None:
        """Journal and audit that a command was never given to the machine."""
        self._commands[command.correlation_id] = command
        self._abandon(instance, command, "unavailable", "GatewayUnavailable", message)

    def give_up(self, command: Command) -> bool:
        """End *command* because its caller waits no longer.

        Returns:
            True if it has ended, nothing having been sent; False if its frame may have left: the
            engine goes on until it knows the outcome.
        """
        instance = self._instances.get(command.interaction_id)
        if instance is not None:
            self._dispatcher.settle(instance)
        if command.ended is not None or instance is None:
            return command.ended is not None
        if not command.fed:
            self._drop(instance, command, self._why_waiting(instance, command))
        elif not self._withdraw(instance, command, self._link.why_not()):
            return False
        self._dispatcher.settle(instance)
        return True

    def abandon(self, command: Command, outcome: str, error: str, message: str) -> None:
        """Journal and audit the end of a command that the machine never sees.

        The interaction is not kept: an invalid one may not exist at all. The command has ended
        when this returns.
        """
        known = self._instances.get(command.interaction_id)
        instance = known or self._instances.transient(command.interaction_id)
        self._commands[command.correlation_id] = command
        self._abandon(instance, command, outcome, error, message)
        self._dispatcher.settle(instance)
        if known is None:
            self._instances.forget_transient(instance)

    def stop(self, *, resumes: bool) -> list[Command]:
        """Give up the commands under way; holds stay as they are.

        To be called last, when nothing else runs: what was posted is stepped here and now.

        Args:
            resumes: Whether a later run goes on with the journal. It will find out what became of
                what was sent, and write that; its caller only learns that. Otherwise `unknown` is
                written now.

        Returns:
            The commands that were under way.
        """
        self._dispatcher.settle()
        under_way = list(self._under_way())
        for command, instance in under_way:
            if resumes and (command.fed or command.actor.startswith(RULE_ACTOR)):
                # The next run knows of it: of what was sent, and of what a rule decided on.
                command.leave()
            elif command.fed:
                why = "the program stopped before the outcome was known"
                self._abandon(instance, command, "unknown", "OutcomeUnknown", why)
            else:
                why = "the program stopped before it was sent"
                self._abandon(instance, command, "unavailable", "GatewayUnavailable", why)
        self._dispatcher.settle()
        return [command for command, _ in under_way]

    async def idle(self) -> None:
        """Wait until no command with a caller is under way; the caller bounds the time."""
        while any(command.ended is None for command in self._commands.values()):
            self._ended = trio.Event()
            await self._ended.wait()

    def advance(self, instance: Instance) -> None:
        """Give the next command to the machine, if its turn has come and its facts are known."""
        waiting = instance.waiting
        if not waiting or instance.interaction.pending is not None or instance.mailbox:
            return
        now = self._clock.now()
        if instance.facts is None or now > instance.facts_until:
            if instance.lookup == "none":
                self._ask(instance)
            return
        command = waiting.popleft()
        if not waiting:
            instance.waiting = None
        command.fed = True
        self._dispatcher.post(instance, command.request(now, instance.facts))

    def ended(self, instance: Instance, end: EndCommand) -> None:
        """Tell the command's caller; a release at the limit has none."""
        command = self._commands.pop(end.command_id, None)
        self._ended.set()
        if command is not None:
            command.end(end)
        elif end.actor == "limit":
            _log.info("hold.released_at_limit", interaction=instance.id, outcome=end.outcome)

    def fail_waiting(self, error: HookflashError | None = None) -> None:
        """End all commands whose frames have not left; those whose frames have left go on.

        Args:
            error: What their callers get; None tells each of them what it waited for.
        """
        for command, instance in list(self._under_way()):
            if not command.fed:
                self._drop(instance, command, error or self._why_waiting(instance, command))
            else:
                self._withdraw(instance, command, error or self._link.why_not())

    def fail(self, instance: Instance, error: HookflashError) -> None:
        """End all commands that wait for this interaction's facts: they cannot be had."""
        for command in list(instance.waiting or ()):
            self._drop(instance, command, error)

    # --- the parts --------------------------------------------------------------------------------

    def _under_way(self) -> Iterator[tuple[Command, Instance]]:
        for command in list(self._commands.values()):
            instance = self._instances.get(command.interaction_id)
            if command.ended is None and instance is not None:
                yield command, instance

    def _withdraw(self, instance: Instance, command: Command, error: HookflashError) -> bool:
        """Take the command's frame back, if it is still waiting for the socket."""
        pending = instance.interaction.pending
        if (
            pending is None
            or pending.command_id != command.correlation_id
            or pending.sent_at is not None
            or not self._gateway.withdraw(pending.correlation_id)
        ):
            return False
        command.cause = error
        name = type(error).__name__
        self._dispatcher.post(
            instance, NotSent(self._clock.now(), pending.correlation_id, name, error.message)
        )
        return True

    def _abandon(
        self, instance: Instance, command: Command, outcome: str, error: str, message: str
    ) -> None:
        """Let the machine write down the end of a command that it will not carry out."""
        command.fed = True
        self._dispatcher.post(
            instance,
            CommandAbandoned(
                self._clock.now(),
                command.correlation_id,
                command.action,
                command.requested_at,
                outcome,
                error,
                message,
                command.priority,
                command.reason,
                command.actor,
            ),
        )

    def _drop(self, instance: Instance, command: Command, error: HookflashError) -> None:
        """End a command that still waits for its turn."""
        if instance.waiting is not None and command in instance.waiting:
            instance.waiting.remove(command)
        command.cause = error
        self._abandon(instance, command, "unavailable", type(error).__name__, error.message)

    def _why_waiting(self, instance: Instance, command: Command) -> HookflashError:
        if instance.interaction.pending is not None:
            return GatewayUnavailable(
                "an earlier command of this interaction did not end in time; nothing was sent"
            )
        if self._link.state != "connected":
            return self._link.why_not()
        problem = command.lookup_error
        if problem is None:
            return GatewayUnavailable(_NO_STATE)
        return GatewayUnavailable(f"{_NO_STATE}: {problem.message}", advice=problem.advice)
