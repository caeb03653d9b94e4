"""The clock: wall time that never runs backwards, on top of trio's own."""

import random
import time
from collections.abc import Callable

import trio

from hookflash.engine.logs import get_logger
from hookflash.engine.ports import ClockJump
from hookflash.machines.instants import Instant

_log = get_logger("hookflash.engine.clock")

SUSPENDED_MIN_US = 100_000
"""Less than a tenth of a second is how two clocks differ that are read one after the other."""

SET_MIN_US = 1_000_000
"""A wall clock that is a second off from one check to the next was set, not adjusted: adjusting
runs at 0.05 % (adjtime(3))."""


def machine_wall_us() -> int:
    """Return the machine's wall time in microseconds."""
    return time.time_ns() // 1000


def machine_suspended_us() -> int:
    """Return how long the machine was suspended since it was booted, in microseconds.

    0 where the system does not tell: only Linux has CLOCK_BOOTTIME (clock_gettime(2)).
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0
    booted = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return max(0, booted - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1000


class SteadyClock:
    """Wall time read once and carried on by trio's clock.

    Its instants are all different, and in the order in which they were asked for. A wall clock
    that is set back or forth while the process runs moves no timer. A machine that was suspended
    has really spent that time, and so has the caller on hold: `check` adds it. Under a `MockClock`
    all times follow the mock. Use it inside `trio.run`.

    Args:
        started_at: The wall time at the moment of the first call; None reads it from *wall*.
        chance: Where ids are drawn from; None takes one seeded by the operating system.
        wall: Reads the wall time in microseconds; None reads the machine's.
        suspended: Reads for how many microseconds the machine was suspended so far; None reads
            the machine's.
    """

    def __init__(
        self,
        *,
        started_at: Instant | None = None,
        chance: random.Random | None = None,
        wall: Callable[[], int] | None = None,
        suspended: Callable[[], int] | None = None,
    ) -> None:
        self._started_at = started_at
        self._offset: int | None = None
        self._latest = 0
        # A clock that was told the time, in tests, is not to be compared with the machine's.
        self._watched = started_at is None or wall is not None
        self._wall = wall or machine_wall_us
        self._suspended = suspended or machine_suspended_us
        self._suspended_before = 0
        self._ahead_before = 0
        # Correlation ids must be unlike each other, not unguessable: no cryptography is wanted.
        self._chance = random.Random() if chance is None else chance  # noqa: S311

    def continue_after(self, instant: Instant) -> None:
        """Go on after *instant*, the last one of an earlier run, should the clock be behind it.

        A clock that was set back between two runs would otherwise give the same instants again.
        Durations stay right: what was to happen in a minute happens in a minute. The instants run
        ahead of the wall clock from then on, which is logged.
        """
        behind = instant - self.now()
        self._latest = max(self._latest, instant)
        if behind > 0:
            _log.warning("clock.behind_journal", seconds=behind / 1_000_000)
            self._offset = (self._offset or 0) + behind
            self._ahead_before = self._ahead()

    def check(self) -> ClockJump | None:
        """Compare with the machine's clocks; call it every few seconds.

        Returns:
            What happened since the last call: the machine was `suspended`, and this clock has
            made up for it: timers are to be looked at again. Or its wall clock was `set`: this
            clock goes on as before. None for nothing.
        """
        if not self._watched:
            return None
        self.now()
        suspended = self._suspended()
        slept, self._suspended_before = suspended - self._suspended_before, suspended
        if slept >= SUSPENDED_MIN_US:
            self._offset = (self._offset or 0) + slept
            self._ahead_before = self._ahead()
            return ClockJump("suspended", slept / 1_000_000)
        ahead = self._ahead()
        moved, self._ahead_before = self._ahead_before - ahead, ahead
        return ClockJump("set", moved / 1_000_000) if abs(moved) >= SET_MIN_US else None

    def _ahead(self) -> int:
        """Return by how much this clock is ahead of the wall clock, in microseconds."""
        return round(trio.current_time() * 1_000_000) + (self._offset or 0) - self._wall()

    def _anchor(self) -> int:
        wall = self._wall() if self._started_at is None else self._started_at
        self._offset = wall - round(trio.current_time() * 1_000_000)
        if self._watched:
            self._suspended_before = self._suspended()
            self._ahead_before = self._ahead()
        return self._offset

    def now(self) -> Instant:
        """Return the current instant, always later than the one returned before.

        No two answers are equal, so that of two things one is always known to be the earlier: a
        lookup begun in the same microsecond in which a hold was confirmed proves nothing about it.
        """
        offset = self._anchor() if self._offset is None else self._offset
        now = max(round(trio.current_time() * 1_000_000) + offset, self._latest + 1)
        self._latest = now
        return Instant(now)

    def from_wall(self, instant: Instant) -> Instant:
        """Return this clock's instant for a time of day that somebody else names.

        The same, unless this clock is ahead of the wall clock or behind it by a second or more,
        because the wall clock was set: an agent's hold would seem an hour old otherwise.
        """
        if not self._watched or self._offset is None:
            return instant
        ahead = self._ahead()
        return Instant(instant + ahead) if abs(ahead) >= SET_MIN_US else instant

    def deadline_of(self, instant: Instant) -> float:
        """Return the trio clock time at which *instant* will be."""
        offset = self._anchor() if self._offset is None else self._offset
        return (instant - offset) / 1_000_000

    def new_id(self) -> str:
        """Return a fresh UUID v4 as text (RFC 9562: version nibble 4, variant bits 10)."""
        bits = self._chance.getrandbits(128)
        bits = (bits & ~(0xF << 76) | 4 << 76) & ~(3 << 62) | 2 << 62
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
