"""One command of a program that ends after it: given, waited for, and given up in time."""

import math
import signal
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field

from hookflash.adapters.command_line.connecting import wait_connected
from hookflash.adapters.command_line.signals import Interrupted, stop_signals
from hookflash.adapters.composition import JournalChoice, open_controller
from hookflash.adapters.settings import Settings
from hookflash.engine.commands import CommandResult
from hookflash.engine.controller import Controller
from hookflash.machines.errors import CommandError, GatewayUnavailable, OutcomeUnknown

GRACE_S = 0.5
"""How long a command gets to end by itself once there is no connection to be had."""

Ask = Callable[[Controller], Awaitable[CommandResult]]
"""Gives the command, without a deadline: `ask_once` has the time in hand."""


@define
class _Asked:
    """The command on its way.

    Attributes:
        result: What became of it; None until it succeeded.
        error: The same; None until it failed.
        ended: Set when it did either.
        stopped_by: The number of the stop signal; None for none.
    """

    result: CommandResult | None = None
    error: CommandError | None = None
    ended: trio.Event = field(factory=trio.Event)
    stopped_by: int | None = None


async def ask_once(
    ask: Ask, settings: Settings, interaction_id: str, *, journal: JournalChoice
) -> tuple[CommandResult, int]:
    """Give a command to a controller of its own, and return how it ended.

    The command is given up when there is no first connection, when its deadline passes or when a
    stop signal comes: what was not sent ends at once, what was gets the time that the controller
    takes to close. Thus its caller is told what the audit log says, and under the same id.

    Args:
        ask: Gives the command.
        settings: Where the gateway is, and how long is waited.
        interaction_id: The interaction.
        journal: Where the journal is kept.

    Returns:
        The result, and the exit code: 0 unless a stop signal came before it.

    Raises:
        CommandError: It failed; its id is told in any case.
        Interrupted: It failed after a stop signal; the cause is how.
        HookflashError: As `open_controller`, maybe inside an exception group.
    """
    asked = _Asked()

    async def give(controller: Controller) -> None:
        try:
            asked.result = await ask(controller)
        except CommandError as error:
            asked.error = error
        asked.ended.set()

    # The task that gives it outlives the controller: closing it is what ends the command at last.
    async with (
        stop_signals() as first_signal,
        trio.open_nursery() as nursery,
        open_controller(settings, journal=journal, only=[interaction_id]) as controller,
    ):
        nursery.start_soon(give, controller)
        await _wait(controller, settings, asked, first_signal)
    return _answer(asked)


async def _wait(
    controller: Controller,
    settings: Settings,
    asked: _Asked,
    first_signal: Callable[[], Awaitable[int]],
) -> None:
    """Wait until the command has ended, or has been given up."""

    async def watch_link() -> None:
        try:
            await wait_connected(controller, settings)
        except GatewayUnavailable as error:
            # The command itself may be about to learn why, and says more.
            with trio.move_on_after(GRACE_S):
                await asked.ended.wait()
            controller.give_up_unsent(error)

    async def watch_signals() -> None:
        asked.stopped_by = await first_signal()
        name = signal.Signals(asked.stopped_by).name
        controller.give_up_unsent(GatewayUnavailable(f"stopped by {name}; nothing was sent"))
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_link)
        nursery.start_soon(watch_signals)
        with trio.move_on_after(settings.commands.deadline_s or math.inf) as deadline:
            await asked.ended.wait()
        if deadline.cancelled_caught:
            controller.give_up_unsent()
        nursery.cancel_scope.cancel()


def _answer(asked: _Asked) -> tuple[CommandResult, int]:
    stopped = None if asked.stopped_by is None else Interrupted(asked.stopped_by)
    error = asked.error
    if error is not None:
        if isinstance(error, OutcomeUnknown):
            error.advice = (
                f"correlation id {error.correlation_id}; ask again with `hookflash status`"
            )
        if stopped is not None:
            raise stopped from error
        raise error
    assert asked.result is not None, "a command that has not failed has a result"  # noqa: S101
    return asked.result, 0 if stopped is None else stopped.exit_code
