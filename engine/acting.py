"""What rules do: their actions, carried out the way of everybody's commands.

An action is journaled before it is carried out. Those that a crash cut off are taken up again by
the next run: commands, because no record gives them to the machine; messages and calls, because
nothing says that they arrived. A message may so arrive twice, with the same id.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import trio

from hookflash.engine.commands import Command
from hookflash.engine.instances import Instance
from hookflash.engine.logs import get_logger
from hookflash.engine.metrics import Metrics
from hookflash.engine.ports import (
    Clock,
    Monitors,
)
from hookflash.engine.rule_messages import Remark, RuleCall, RuleNotice
from hookflash.engine.rulings import Ruled
from hookflash.engine.timers import Deadlines
from hookflash.machines.effects import StartTimer
from hookflash.machines.events import ExpireRequested, LimitChanged
from hookflash.machines.instants import Instant
from hookflash.machines.records import ActionsDone
from hookflash.machines.rules.actions import (
    Action,
    AnnotateAction,
    CallAction,
    ExpireAction,
    ExtendLimitAction,
    HoldAction,
    NotifyAction,
    UnholdAction,
)
from hookflash.machines.rules.ruling import PlannedAction, RuleState

_log = get_logger("hookflash.rules")


class ActionSink(Protocol):
    """What the runner needs of the engine."""

    def post(self, instance: Instance, event: object) -> None:
        """Put an event into the interaction's mailbox."""
        ...

    def submit(self, instance: Instance, command: Command) -> None:
        """Take a command."""
        ...

    def give_up(self, command: Command) -> None:
        """End a command, if it has not left."""
        ...

    def drop(self, instance: Instance, command: Command, message: str) -> None:
        """Write down that a command was never given to the machine."""
        ...

    def remark(self, remark: Remark, interaction_id: str) -> None:
        """Write a remark into the audit log, with the lines of this turn."""
        ...


class ActionRunner:
    """Carries out what rules decided, in their order. Never blocks.

    Args:
        clock: Time.
        deadlines: Where timers run.
        monitors: Who is notified, and where functions are called.
        metrics: Where it is counted.
        sink: What the engine does about it.
        deadline_s: Seconds until a hold that has not left is given up: who waits is not put on hold
            minutes after the reason for it. None waits as long as it takes. What takes a caller off
            hold always does.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        deadlines: Deadlines,
        monitors: Monitors,
        metrics: Metrics,
        sink: ActionSink,
        deadline_s: float | None,
    ) -> None:
        self._clock = clock
        self._deadlines = deadlines
        self._monitors = monitors
        self._metrics = metrics
        self._sink = sink
        self._deadline_s = deadline_s
        self._nursery: trio.Nursery | None = None
        self._at = Instant(0)
        self._carriers: dict[type[Any], Callable[[Instance, PlannedAction, Any], None]] = {
            HoldAction: self._command,
            UnholdAction: self._command,
            ExpireAction: self._expire,
            ExtendLimitAction: self._extend_limit,
            NotifyAction: self._notify,
            AnnotateAction: self._annotate,
            CallAction: self._call,
        }

    def begin(self, nursery: trio.Nursery) -> None:
        """Take up that the engine runs."""
        self._nursery = nursery

    def carry(self, instance: Instance, ruled: Ruled) -> None:
        """Start and stop the timers, and carry out the actions, of what rules decided."""
        for change in ruled.timers:
            if isinstance(change, StartTimer):
                self._deadlines.start(instance, change.timer)
            else:
                self._deadlines.stopped()
        ruling = ruled.ruling
        at = self._clock.now() if ruling.trace is None else ruling.trace.at
        for planned in ruling.actions:
            self._carry_out(instance, planned, at)
        if ruling.alarm:
            self._metrics.alarm()
            _log.error("rules.alarm", interaction=instance.id, alarm=ruling.alarm)
            notice = RuleNotice(at, self._clock.new_id(), "", None, ruling.alarm)
            self._monitors.notify(notice, instance.id, _nothing)

    def take_up(self, instance: Instance) -> None:
        """Go on with the actions that an earlier run did not get to."""
        kept = instance.interaction.rules
        for planned in () if kept is None else kept.open:
            action = planned.action
            _log.info("rules.action_taken_up", interaction=instance.id, rule=action.rule)
            if isinstance(action, HoldAction) and self._is_stale(kept, action):
                why = "it was decided too long ago: nothing was sent"
                self._sink.drop(instance, self._command_of(instance, planned.id, action), why)
            else:
                self._carry_out(instance, planned, self._clock.now())

    def _is_stale(self, kept: RuleState | None, action: Action) -> bool:
        run = None if kept is None else kept.memory.run_of(action.rule)
        if run is None or self._deadline_s is None:
            return run is None
        return self._clock.now() - run.since > self._deadline_s * 1_000_000

    def _carry_out(self, instance: Instance, planned: PlannedAction, at: Instant) -> None:
        action = planned.action
        self._metrics.rule_acted()
        _log.info("rules.action", interaction=instance.id, rule=action.rule, action=action.name)
        self._at = at
        self._carriers[action.__class__](instance, planned, action)

    # --- commands ---------------------------------------------------------------------------------

    def _command_of(
        self, instance: Instance, command_id: str, action: HoldAction | UnholdAction
    ) -> Command:
        command = Command(
            action.name,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - hold or unhold
            instance.id,
            command_id,
            self._clock.now(),
            action.priority,
            actor=action.actor,
        )
        if isinstance(action, HoldAction):
            command.reason, command.music, command.prompt = (
                action.reason,
                action.music,
                action.prompt,
            )
        else:
            command.force = action.force
        return command

    def _command(
        self, instance: Instance, planned: PlannedAction, action: HoldAction | UnholdAction
    ) -> None:
        command = self._command_of(instance, planned.id, action)
        self._sink.submit(instance, command)
        if isinstance(action, HoldAction) and self._deadline_s is not None and self._nursery:
            self._nursery.start_soon(self._end_unsent, command, self._deadline_s)

    async def _end_unsent(self, command: Command, deadline_s: float) -> None:
        command.done = trio.Event()
        if command.ended is not None:
            return
        with trio.move_on_after(deadline_s):
            await command.done.wait()
            return
        self._sink.give_up(command)

    def _expire(self, instance: Instance, _: PlannedAction, action: ExpireAction) -> None:
        self._sink.post(instance, ExpireRequested(self._clock.now(), action.actor))

    def _extend_limit(
        self, instance: Instance, _: PlannedAction, action: ExtendLimitAction
    ) -> None:
        event = LimitChanged(self._clock.now(), action.limit_s, action.actor)
        self._sink.post(instance, event)

    # --- words ------------------------------------------------------------------------------------

    def _notify(self, instance: Instance, planned: PlannedAction, action: NotifyAction) -> None:
        notice = RuleNotice(self._at, planned.id, action.rule, action.to, action.message)
        self._monitors.notify(notice, instance.id, self._done(instance, planned))

    def _call(self, instance: Instance, planned: PlannedAction, action: CallAction) -> None:
        call = RuleCall(self._at, planned.id, action.rule, instance.id, action.function)
        self._monitors.call(call, dict(action.arguments), self._done(instance, planned))

    def _done(self, instance: Instance, planned: PlannedAction) -> Callable[[], None]:
        return partial(self._sink.post, instance, ActionsDone(instance.id, (planned.id,)))

    def _annotate(self, instance: Instance, planned: PlannedAction, action: AnnotateAction) -> None:
        remark = Remark(
            self._at,
            planned.id,
            action.rule,
            action.remark,
            instance.interaction.state,
        )
        self._sink.remark(remark, instance.id)


def _nothing() -> None:
    """Take up that an alarm was told: nothing waits for that."""
