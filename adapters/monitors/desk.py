"""The desk where quality monitors are told: each in its own task, none in anybody's way."""

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, cast, final

import trio
from attrs import frozen

from hookflash.adapters.monitors.functions import Countdown, rule_function
from hookflash.adapters.monitors.payload import payload_of, payload_of_rule
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import (
    Monitor,
    MonitorPayload,
    Notice,
)
from hookflash.engine.recovery import UntoldNotice
from hookflash.engine.rule_messages import RuleCall, RuleNotice
from hookflash.machines.errors import ConfigurationError

_log = get_logger("hookflash.monitors")

QUEUE_MAX: Final = 1_000
"""Payloads that wait for one monitor; some 600 kB. Further ones are dropped: the audit log has
them, and the oldest of a queue are those that the monitor would get next."""

TIMEOUT_S: Final = 10.0
"""How long one call may take before it is given up."""

MONITORS_MAX: Final = 64
"""How many monitors there may be."""


@frozen
class MonitorStatistics:
    """What became of the payloads for one monitor.

    Attributes:
        name: The monitor's name.
        delivered: Calls that returned.
        failed: Calls that raised.
        timed_out: Calls that were given up.
        dropped: Payloads for which its queue had no room.
        waiting: Payloads in its queue, the one it works on included.
    """

    name: str
    delivered: int
    failed: int
    timed_out: int
    dropped: int
    waiting: int


_Call = tuple[dict[str, Any], Callable[[], None]]
"""A payload, and what to call when it was dealt with."""


class _Seat:
    """One monitor with its queue."""

    def __init__(
        self,
        monitor: Monitor,
        name: str,
        queue_max: int,
        timeout_s: float,
        *,
        rules_only: bool = False,
    ) -> None:
        self.name = name
        self.monitor = monitor
        self.timeout_s = timeout_s
        self.rules_only = rules_only
        self.send, self.receive = trio.open_memory_channel[_Call](queue_max)
        self.delivered = self.failed = self.timed_out = self.dropped = self.waiting = 0
        self.backlog: deque[_Call] = deque()
        self.idle = trio.Event()
        self.idle.set()
        # One call at a time. A call that hangs keeps its thread; the next one waits for it, and
        # is given up in turn, rather than filling the process with threads.
        self.limiter = trio.CapacityLimiter(1)
        self.is_async = _is_async(monitor)

    def tell(self, payload: dict[str, Any], done: Callable[[], None]) -> bool:
        """Queue *payload*; False where there is no room. *done* is called after the call."""
        try:
            self.send.send_nowait((payload, done))
        except trio.WouldBlock:
            self.dropped += 1
            if self.dropped & (self.dropped - 1) == 0:  # at 1, 2, 4, 8, …: not once per payload
                _log.error("monitor.queue_full", monitor=self.name, dropped=self.dropped)
            return False
        self._awaited()
        return True

    def retell(self, payload: dict[str, Any], done: Callable[[], None]) -> None:
        """Put *payload* before all that is told from now on."""
        self.backlog.append((payload, done))
        self._awaited()

    def _awaited(self) -> None:
        if self.waiting == 0:
            self.idle = trio.Event()
        self.waiting += 1

    async def run(self) -> None:
        while self.backlog:
            await self._deal_with(*self.backlog.popleft())
        async for payload, done in self.receive:
            await self._deal_with(payload, done)

    async def _deal_with(self, payload: dict[str, Any], done: Callable[[], None]) -> None:
        await self._call(payload)
        done()
        self.waiting -= 1
        if self.waiting == 0:
            self.idle.set()

    async def _call(self, payload: dict[str, Any]) -> None:
        try:
            with trio.move_on_after(self.timeout_s) as scope:
                await self._invoke(payload)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a monitor raises
            self.failed += 1
            # Its text may hold anything; its class does not.
            _log.warning("monitor.failed", monitor=self.name, error=type(error).__name__)
            return
        if scope.cancelled_caught:
            self.timed_out += 1
            _log.warning("monitor.timed_out", monitor=self.name, timeout_s=self.timeout_s)
        else:
            self.delivered += 1

    async def _invoke(self, payload: dict[str, Any]) -> None:
        if self.is_async:
            await cast("Callable[[MonitorPayload], Awaitable[object]]", self.monitor)(payload)
            return
        (result,) = await trio.to_thread.run_sync(
            self._call_plain, payload, abandon_on_cancel=True, limiter=self.limiter
        )
        if inspect.isawaitable(result):  # a plain function that returned an async one's call
            await result

    def _call_plain(self, payload: dict[str, Any]) -> tuple[object]:
        """Call in a thread; in a tuple, because trio takes a bare awaitable for a mistake."""
        return (self.monitor(payload),)


def _is_async(monitor: Monitor) -> bool:
    call = getattr(monitor, "__call__", None)  # noqa: B004 - an object's method is wanted
    return inspect.iscoroutinefunction(monitor) or inspect.iscoroutinefunction(call)


@final
class MonitorDesk:
    """Tells every monitor of every outcome, warning and alarm.

    Each monitor has a queue and a task of its own: one that is slow, hangs or raises delays
    neither commands nor other monitors. It is called with one payload at a time, in order; an
    async function as a task, a plain one in a thread. An async function must not block: that would
    stop the whole process.

    Args:
        queue_max: Payloads that may wait for one monitor; further ones are dropped and counted.
        timeout_s: Seconds after which a call is given up. An async function is cancelled; a plain
            one cannot be, and goes on in its thread while the monitor waits for it.
    """

    def __init__(self, *, queue_max: int = QUEUE_MAX, timeout_s: float = TIMEOUT_S) -> None:
        self._queue_max = queue_max
        self._timeout_s = timeout_s
        self._seats: list[_Seat] = []
        self._functions: dict[str, _Seat] = {}
        self._nursery: trio.Nursery | None = None
        self._last_seq = 0
        # How many calls are due for each record, oldest record first.
        self._due: dict[int, int] = {}

    @property
    def told_through(self) -> int:
        """The record up to which every monitor was told, or given up on; 0 before the first."""
        return next(iter(self._due)) - 1 if self._due else self._last_seq

    def add(
        self,
        monitor: Monitor,
        *,
        name: str | None = None,
        timeout_s: float | None = None,
        rules_only: bool = False,
    ) -> None:
        """Call *monitor* after each outcome from now on; before `run` or while it runs.

        Args:
            monitor: A plain or an async function of one payload; it may change it.
            name: For logs, statistics and rules; None takes the function's own.
            timeout_s: Seconds after which a call is given up; None takes the desk's.
            rules_only: Whether it is told only what rules say to it.

        Raises:
            ConfigurationError: There are `MONITORS_MAX` already, or it cannot be called.
        """
        if not callable(monitor):
            raise ConfigurationError("a monitor must be callable", source="add_monitor")
        if len(self._seats) >= MONITORS_MAX:
            raise ConfigurationError(
                f"there are {MONITORS_MAX} monitors already",
                advice="let one of them tell the others",
                source="add_monitor",
            )
        own_name = str(getattr(monitor, "__qualname__", type(monitor).__qualname__))
        seat = _Seat(
            monitor,
            name or own_name,
            self._queue_max,
            self._timeout_s if timeout_s is None else timeout_s,
            rules_only=rules_only,
        )
        self._seats.append(seat)
        if self._nursery is not None:
            self._nursery.start_soon(seat.run)

    def names(self) -> list[str]:
        """Return the names of the monitors."""
        return [seat.name for seat in self._seats]

    def function_names(self) -> list[str]:
        """Return the names of the functions."""
        return list(self._functions)

    def add_function(
        self, name: str, function: Callable[..., object], *, timeout_s: float | None = None
    ) -> None:
        """Let rules call *function* as *name*; before `run`.

        It is called with the arguments that the rule names, one call at a time; a plain function in
        a thread, an async one as a task. One that has a parameter `rule_call` gets the `RuleCall`.

        Raises:
            ConfigurationError: It cannot be called, or there is one of that name already.
        """
        if not callable(function) or name in self._functions:
            why = "is there already" if name in self._functions else "must be callable"
            raise ConfigurationError(f"the function {name!r} {why}", source="functions")
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        seat = _Seat(rule_function(function), name, self._queue_max, limit_s)
        self._functions[name] = seat

    def notify(self, notice: RuleNotice, interaction_id: str, done: Callable[[], None]) -> None:
        """Hand a rule's message to whom it is for; see `hookflash.engine.ports.Monitors`."""
        seats = [one for one in self._seats if notice.to in {None, one.name}]
        if not seats and notice.to is not None:
            _log.error("monitor.unknown", monitor=notice.to, rule=notice.rule)
        payload = payload_of_rule(notice, interaction_id)
        told = Countdown(len(seats), done)
        for seat in seats:
            if not seat.tell(dict(payload), told):
                told()

    def call(self, call: RuleCall, arguments: Mapping[str, Any], done: Callable[[], None]) -> None:
        """Have a registered function called; see `hookflash.engine.ports.Monitors`."""
        seat = self._functions.get(call.function)
        if seat is None:
            _log.error("function.unknown", function=call.function, rule=call.rule)
            done()
        elif not seat.tell({"rule_call": call, **arguments}, done):
            done()

    def tell(self, notice: Notice, interaction_id: str, seq: int, index: int) -> None:
        """Hand *notice* to every monitor. Never blocks, never raises for what a monitor does.

        Args:
            notice: What happened.
            interaction_id: The interaction.
            seq: The number of the record that asks for it.
            index: Its place among the effects of that record.
        """
        self._last_seq = seq
        seats = self._outcome_seats()
        if not seats:
            return
        payload = payload_of(notice, interaction_id, f"{seq}/{index}")
        for seat in seats:
            if seat.tell(dict(payload), partial(self._done, seq)):
                self._due[seq] = self._due.get(seq, 0) + 1

    def retell(self, notices: Iterable[UntoldNotice]) -> None:
        """Hand out what an earlier run may not have handed out; before `run`.

        Nothing of it is dropped: it waits before each monitor's queue, as much as recovery gives.
        """
        for seq, index, interaction_id, notice in notices:
            self._last_seq = seq
            payload = payload_of(notice, interaction_id, f"{seq}/{index}")
            for seat in self._outcome_seats():
                seat.retell(dict(payload), partial(self._done, seq))
                self._due[seq] = self._due.get(seq, 0) + 1

    def _outcome_seats(self) -> list[_Seat]:
        return [seat for seat in self._seats if not seat.rules_only]

    def _done(self, seq: int) -> None:
        if self._due[seq] == 1:
            del self._due[seq]
        else:
            self._due[seq] -= 1

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Call the monitors until cancelled. What was told before is not lost: it waits.

        Cancellation: async monitors are cancelled, plain ones left to end by themselves; what is
        queued stays uncalled. `drain` first.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                for seat in (*self._seats, *self._functions.values()):
                    nursery.start_soon(seat.run)
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    async def drain(self, timeout_s: float) -> int:
        """Wait until the monitors have been told everything, while `run` runs.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            How many payloads no monitor has dealt with; 0 if all went out.
        """
        with trio.move_on_after(timeout_s):
            for seat in (*self._seats, *self._functions.values()):
                await seat.idle.wait()
        left = sum(seat.waiting for seat in (*self._seats, *self._functions.values()))
        if left:
            _log.warning("monitors.not_drained", waiting=left, timeout_s=timeout_s)
        return left

    def statistics(self) -> tuple[MonitorStatistics, ...]:
        """Return what became of the payloads, by monitor, in the order they were added."""
        return tuple(
            MonitorStatistics(
                seat.name, seat.delivered, seat.failed, seat.timed_out, seat.dropped, seat.waiting
            )
            for seat in self._seats
        )
