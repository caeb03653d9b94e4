"""The effect runner: carries out what machines ask for. One line of meaning per effect."""

from collections.abc import Callable
from typing import Any, Protocol

from hookflash.engine.instances import Instance
from hookflash.engine.logs import get_logger
from hookflash.engine.metrics import Metrics
from hookflash.engine.ports import (
    AuditEntry,
    AuditLog,
    Frame,
    Gateway,
    Monitors,
    Notice,
)
from hookflash.engine.rule_messages import Remark
from hookflash.engine.timers import Deadlines
from hookflash.machines.effects import (
    EndCommand,
    LookUp,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    SendUnhold,
    StartTimer,
    StopTimer,
    Warn,
    Withdraw,
)
from hookflash.machines.errors import CommandBusy
from hookflash.machines.instants import seconds_between
from hookflash.machines.machine import Step

_log = get_logger("hookflash.engine.effects")


class EffectSink(Protocol):
    """What the runner hands back to the engine."""

    def register(self, correlation_id: str, instance: Instance) -> None:
        """Remember whose frame this is."""
        ...

    def not_sent(self, instance: Instance, correlation_id: str, error: CommandBusy) -> None:
        """Take up that a frame could not even be queued."""
        ...

    def look_up(self, instance: Instance, *, urgent: bool) -> None:
        """Queue a lookup that the machine waits for."""
        ...

    def ended(self, instance: Instance, end: EndCommand) -> None:
        """Tell a command's caller how it ended."""
        ...


class EffectRunner:
    """Carries effects out, in the order in which the machine asked for them.

    Args:
        gateway: Where frames go.
        deadlines: Where timers run.
        audit: Where ends of commands are written.
        monitors: Whom they are told.
        metrics: Where they are counted.
        sink: What the engine does about them.
    """

    def __init__(
        self,
        *,
        gateway: Gateway,
        deadlines: Deadlines,
        audit: AuditLog,
        monitors: Monitors,
        metrics: Metrics,
        sink: EffectSink,
    ) -> None:
        self._gateway = gateway
        self._deadlines = deadlines
        self._audit = audit
        self._monitors = monitors
        self._metrics = metrics
        self._sink = sink
        self._ended: list[AuditEntry] = []
        self._counters = {"duplicate": metrics.duplicate, "timed_out": metrics.timed_out}
        self._seq = 0
        self._index = 0
        self._carriers: dict[type, Callable[[Instance, Any], None]] = {
            SendHold: self._send,
            SendUnhold: self._send,
            Withdraw: self._withdraw,
            StartTimer: self._start_timer,
            StopTimer: self._stop_timer,
            LookUp: self._look_up,
            EndCommand: self._end_command,
            NoteForeign: self._note_foreign,
            Warn: self._warn,
            RaiseAlarm: self._raise_alarm,
        }

    def carry(self, instance: Instance, step: Step[Any], seq: int) -> None:
        """Carry out all effects of *step*, and count what its row wants counted.

        Args:
            instance: The interaction.
            step: What one event did.
            seq: The number of its record: with the place of an effect in it, the effect's id.
        """
        self._seq = seq
        row = step.transition
        if row.decision == "late":
            self._metrics.late()
        if row.counts is not None and (count := self._counters.get(row.counts)) is not None:
            count()
        carriers = self._carriers
        for self._index, effect in enumerate(step.effects):
            carriers[effect.__class__](instance, effect)

    def turned(self) -> None:
        """Write the audit lines of the turn, all at once.

        Callers wake after the turn, so that whoever knows of an outcome finds its line.

        Raises:
            JournalError: They could not be written.
        """
        if self._ended:
            ended, self._ended = self._ended, []
            self._audit.append(ended)

    def remark(self, remark: Remark, interaction_id: str) -> None:
        """Have a rule's remark written with the audit lines of this turn."""
        self._ended.append((remark, interaction_id, self._metrics.consistency_rate()))

    def _send(self, instance: Instance, effect: SendHold | SendUnhold) -> None:
        self._sink.register(effect.correlation_id, instance)
        try:
            self._gateway.send(Frame(instance.id, effect, effect.priority))
        except CommandBusy as error:
            self._sink.not_sent(instance, effect.correlation_id, error)

    def _withdraw(self, _: Instance, effect: Withdraw) -> None:
        self._gateway.withdraw(effect.correlation_id)

    def _start_timer(self, instance: Instance, effect: StartTimer) -> None:
        self._deadlines.start(instance, effect.timer)

    def _stop_timer(self, _: Instance, _effect: StopTimer) -> None:
        self._deadlines.stopped()

    def _look_up(self, instance: Instance, effect: LookUp) -> None:
        self._sink.look_up(instance, urgent=effect.urgent)

    def _end_command(self, instance: Instance, effect: EndCommand) -> None:
        latency_s = seconds_between(effect.requested_at, effect.at)
        self._metrics.command_ended(effect.action, effect.outcome, latency_s)
        self._ended.append((effect, instance.id, self._metrics.consistency_rate()))
        self._tell_monitors(instance, effect)
        self._sink.ended(instance, effect)

    def _note_foreign(self, instance: Instance, effect: NoteForeign) -> None:
        self._metrics.foreign(effect.action)
        self._ended.append((effect, instance.id, self._metrics.consistency_rate()))
        self._tell_monitors(instance, effect)

    def _warn(self, instance: Instance, effect: Warn) -> None:
        self._metrics.warning()
        _log.warning("hold.warning", interaction=instance.id, notice=effect.notice)
        self._tell_monitors(instance, effect)

    def _raise_alarm(self, instance: Instance, effect: RaiseAlarm) -> None:
        self._metrics.alarm()
        _log.error("hold.alarm", interaction=instance.id, alarm=effect.alarm, count=effect.count)
        self._tell_monitors(instance, effect)

    def _tell_monitors(self, instance: Instance, notice: Notice) -> None:
        self._monitors.tell(notice, instance.id, self._seq, self._index)
