"""The throttle: which frame leaves next, and when.

Unholds go before holds, higher priority first, first come first served among equals. What it
decides depends only on what it was told and on the time it is given; `wait` alone knows trio.
"""

import heapq
import itertools
import math
from typing import Final, final

import trio

from hookflash.engine.ports import Frame
from hookflash.machines.effects import SendUnhold
from hookflash.machines.errors import CommandBusy

DEAD_ENTRIES_MAX: Final = 256
"""Withdrawn frames that may lie about in the heap beyond the number of live ones."""

LATENESS_MADE_GOOD_S: Final = 0.02
"""The bucket's depth in time: a rate of 100 a second may let two frames leave together."""

_Entry = tuple[int, int, int, Frame]


@final
class Throttle:
    """A bounded queue of frames with a rate, a window and pauses. All times are trio's, in seconds.

    Args:
        queued_max: Frames that may wait.
        in_flight_max: Frames that may be written and unanswered.
        per_s: Frames a second, evenly spaced; 0 sets no rate.
        ack_timeout_s: An unanswered frame no longer counts as in flight after that.
    """

    def __init__(
        self, *, queued_max: int, in_flight_max: int, per_s: float, ack_timeout_s: float
    ) -> None:
        self._queued_max = queued_max
        self._in_flight_max = in_flight_max
        self._spacing_s = 1 / per_s if per_s > 0 else 0.0
        self._ack_timeout_s = ack_timeout_s
        self._heap: list[_Entry] = []
        self._queued: dict[str, int] = {}
        self._in_flight: dict[str, float] = {}
        self._numbers = itertools.count()
        self._not_before_s = -math.inf
        self._waiting = trio.lowlevel.ParkingLot()

    @property
    def queued(self) -> int:
        """How many frames wait."""
        return len(self._queued)

    @property
    def in_flight(self) -> int:
        """How many frames are written and unanswered; those past their time may still count."""
        return len(self._in_flight)

    def put(self, frame: Frame) -> None:
        """Queue *frame*.

        Raises:
            CommandBusy: The queue is full; nothing was queued.
        """
        correlation_id = frame.command.correlation_id
        if len(self._queued) >= self._queued_max:
            raise CommandBusy(
                f"{self._queued_max} frames wait for the control socket already",
                advice="wait until the gateway takes them, or raise the throttle",
                interaction_id=frame.interaction_id,
                correlation_id=correlation_id,
            )
        number = next(self._numbers)
        rank = 0 if isinstance(frame.command, SendUnhold) else 1
        self._queued[correlation_id] = number
        heapq.heappush(self._heap, (rank, -frame.priority, number, frame))
        self._wake()

    def withdraw(self, correlation_id: str) -> bool:
        """Take a waiting frame back; False for one that was taken or is not known."""
        if self._queued.pop(correlation_id, None) is None:
            return False
        if len(self._heap) > 2 * len(self._queued) + DEAD_ENTRIES_MAX:
            self._heap = [entry for entry in self._heap if self._lives(entry)]
            heapq.heapify(self._heap)
        return True

    def take(self, now_s: float) -> Frame | None:
        """Take the next frame out and count it as in flight; None where none may leave now."""
        if self.ready_at(now_s) > now_s:
            return None
        frame = heapq.heappop(self._heap)[3]
        correlation_id = frame.command.correlation_id
        del self._queued[correlation_id]
        self._in_flight[correlation_id] = now_s + self._ack_timeout_s
        if self._spacing_s:
            # What the scheduler was late is made good, or a high rate would never be reached.
            earliest_s = now_s - LATENESS_MADE_GOOD_S
            self._not_before_s = max(self._not_before_s, earliest_s) + self._spacing_s
        return frame

    def ready_at(self, now_s: float) -> float:
        """Return when the next frame may leave if nothing happens; infinity for none waiting."""
        heap = self._heap
        while heap and not self._lives(heap[0]):
            heapq.heappop(heap)
        if not heap:
            return math.inf
        return max(now_s, self._not_before_s, self._window_opens_at(now_s))

    def answered(self, correlation_id: str) -> None:
        """Stop counting a frame as in flight; nothing happens for one that is not known."""
        if self._in_flight.pop(correlation_id, None) is not None:
            self._wake()

    def pause(self, until_s: float) -> None:
        """Let no frame leave before *until_s*: the gateway asked for it."""
        self._not_before_s = max(self._not_before_s, until_s)

    def forget_in_flight(self) -> None:
        """The socket was lost: its answers will not come on the next one."""
        self._in_flight.clear()

    async def wait(self) -> None:
        """Wait until a frame may leave; no checkpoint where one may at once.

        Cancelling is harmless.
        """
        while True:
            now_s = trio.current_time()
            ready_at_s = self.ready_at(now_s)
            if ready_at_s <= now_s:
                return
            if ready_at_s == math.inf:
                await self._waiting.park()
            else:
                with trio.CancelScope(deadline=ready_at_s):
                    await self._waiting.park()

    def _lives(self, entry: _Entry) -> bool:
        return self._queued.get(entry[3].command.correlation_id) == entry[2]

    def _window_opens_at(self, now_s: float) -> float:
        in_flight = self._in_flight
        if len(in_flight) < self._in_flight_max:
            return now_s
        # In order of writing, and so of expiry: the first is the oldest. Looked at only when the
        # window is full, and as few as make room.
        oldest, expires_at_s = next(iter(in_flight.items()))
        if expires_at_s > now_s:
            return expires_at_s
        del in_flight[oldest]
        return now_s

    def _wake(self) -> None:
        if self._waiting:
            self._waiting.unpark_all()
