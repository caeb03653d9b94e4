"""The clock: wall time that never runs backwards, on top of trio's own."""

import random
import time

import trio

from hookflash.machines.instants import Instant


class SteadyClock:
    """Wall time read once and carried on by trio's clock.

    Its instants are all different, and in the order in which they were asked for. A wall clock
    that is set back or forth while the process runs moves no timer; under a `MockClock` all times
    follow the mock. Use it inside `trio.run`.

    Args:
        started_at: The wall time at the moment of the first call; None reads the machine's clock.
        chance: Where ids are drawn from; None takes one seeded by the operating system.
    """

    def __init__(
        self, *, started_at: Instant | None = None, chance: random.Random | None = None
    ) -> None:
        self._started_at = started_at
        self._offset: int | None = None
        self._latest = 0
        # Correlation ids must be unlike each other, not unguessable: no cryptography is wanted.
        self._chance = random.Random() if chance is None else chance  # noqa: S311

    def continue_after(self, instant: Instant) -> None:
        """Go on after *instant*, the last one of an earlier run, should the clock be behind it.

        A clock that was set back between two runs would otherwise give the same instants again.
        """
        behind = instant - self.now()
        if behind > 0:
            self._offset = (self._offset or 0) + behind

    def _anchor(self) -> int:
        wall = time.time_ns() // 1000 if self._started_at is None else self._started_at
        self._offset = wall - round(trio.current_time() * 1_000_000)
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
