"""One heap for all timers: no task and no thread per timer, whatever their number."""

import heapq
import itertools
import math
from collections.abc import Callable

import trio

from hookflash.engine.instances import Instance
from hookflash.engine.ports import Clock
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Timer

_COMPACT_MIN = 1024
"""Below this many stopped timers, taking them out of the heap is not worth the walk."""

_LONGEST_SLEEP_S = 3600.0
"""The loop looks at the clock at least this often; trio cannot sleep for ever to a number."""


class Deadlines:
    """The running timers of all interactions, earliest first.

    A timer is never taken out when it stops: the interaction does not list it any more, and it is
    dropped when its time comes, or when more than half of the heap is such chaff.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[Instant, int, Instance, Timer]] = []
        self._numbers = itertools.count()
        self._stopped = 0
        self._sleep = trio.CancelScope()
        self._wakes_at = -math.inf

    def __len__(self) -> int:
        """Return how many timers are in the heap, stopped ones included."""
        return len(self._heap)

    def start(self, instance: Instance, timer: Timer) -> None:
        """Start *timer* of *instance*; an overdue one fires at once."""
        heapq.heappush(self._heap, (timer.due_at, next(self._numbers), instance, timer))
        if timer.due_at < self._wakes_at:
            self._sleep.cancel()

    def look_again(self) -> None:
        """Compare the timers with the clock now: it went on while this process stood still."""
        self._sleep.cancel()

    def stopped(self) -> None:
        """Note that some timer stopped or was replaced."""
        self._stopped += 1
        if self._stopped > _COMPACT_MIN and self._stopped * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].runs(entry[3])]
            heapq.heapify(self._heap)
            self._stopped = 0

    async def run(self, fire: Callable[[Instance, Timer], None]) -> None:
        """Call *fire* for each timer that is due and still runs, until cancelled."""
        while True:
            now = self._clock.now()
            while self._heap and self._heap[0][0] <= now:
                _, _, instance, timer = heapq.heappop(self._heap)
                if instance.runs(timer):
                    fire(instance, timer)
                else:
                    self._stopped = max(0, self._stopped - 1)
            longest = trio.current_time() + _LONGEST_SLEEP_S
            deadline = longest
            self._wakes_at = math.inf
            if self._heap:
                self._wakes_at = self._heap[0][0]
                deadline = min(self._clock.deadline_of(self._heap[0][0]), longest)
            with trio.CancelScope(deadline=deadline) as self._sleep:
                await trio.sleep_forever()
            self._wakes_at = -math.inf
