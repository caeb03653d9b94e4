"""The clock: what it makes of a machine that was suspended, or whose clock was set."""

import pytest
import trio
import trio.testing

from hookflash.engine.clock import (
    SteadyClock,
    machine_suspended_us,
    machine_wall_us,
)
from hookflash.engine.ports import ClockJump
from hookflash.machines.instants import Instant

START = 1_700_000_000_000_000


class Machine:
    """A machine whose clocks do what they are told."""

    def __init__(self) -> None:
        self.ahead_us = 0
        self.suspended_us = 0

    def wall(self) -> int:
        return START + round(trio.current_time() * 1e6) + self.suspended_us + self.ahead_us

    def suspended(self) -> int:
        return self.suspended_us

    def clock(self) -> SteadyClock:
        return SteadyClock(wall=self.wall, suspended=self.suspended)


Clock = trio.testing.MockClock


@pytest.fixture
def machine() -> Machine:
    return Machine()


async def test_an_even_clock_is_nothing_to_tell(machine: Machine, autojump_clock: Clock) -> None:
    """Time that goes on evenly is no jump, and adjusting by less than a second is none either."""
    clock = machine.clock()
    assert clock.check() is None
    await trio.sleep(5)
    machine.ahead_us += 400_000
    assert clock.check() is None
    await trio.sleep(5)
    machine.ahead_us += 400_000
    assert clock.check() is None


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_clock_that_was_set_moves_nothing(
    machine: Machine, autojump_clock: Clock, seconds: int
) -> None:
    """What was due in a minute is due in a minute, whatever the wall clock is set to."""
    clock = machine.clock()
    begun = clock.now()
    machine.ahead_us += seconds * 1_000_000
    await trio.sleep(60)
    jump = clock.check()
    assert jump is not None
    assert ("set", seconds) == (jump.kind, round(jump.seconds))
    assert 60 == round((clock.now() - begun) / 1e6)
    assert clock.check() is None, "told once"


async def test_a_suspended_machine_has_spent_the_time(
    machine: Machine, autojump_clock: Clock
) -> None:
    """The caller was on hold all the while: the time counts, and deadlines have come nearer."""
    clock = machine.clock()
    begun = clock.now()
    due = Instant(begun + 100_000_000)
    machine.suspended_us += 70_000_000
    assert ClockJump("suspended", 70.0) == clock.check()
    assert 70 == round((clock.now() - begun) / 1e6)
    assert 30 == round(clock.deadline_of(due) - trio.current_time())
    assert clock.check() is None, "the wall clock went on as well: no jump beside"


async def test_a_clock_behind_the_journal_goes_on_after_it(
    machine: Machine, autojump_clock: Clock
) -> None:
    """Instants never repeat, though the clock was set back between two runs."""
    clock = machine.clock()
    last = Instant(clock.now() + 600_000_000)
    clock.continue_after(last)
    assert clock.now() > last
    assert clock.check() is None, "that was known"
    clock.continue_after(last)
    assert clock.now() < last + 1_000_000


async def test_a_clock_that_was_told_the_time_is_not_compared(
    autojump_clock: Clock,
) -> None:
    """Under a mock clock the machine's own clock means nothing."""
    clock = SteadyClock(started_at=Instant(START))
    assert START <= clock.now() <= START + 1
    assert clock.check() is None


def test_the_machine_tells_its_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real sources; a system that does not tell its suspensions has none."""
    assert machine_wall_us() > START
    assert machine_suspended_us() >= 0
    monkeypatch.delattr("time.CLOCK_BOOTTIME", raising=False)
    assert 0 == machine_suspended_us()
