"""Timers that were due while nothing ran, and what monitors were not told."""

from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve
from tests.support.world import make_settings, open_world

from hookflash.adapters.settings import RecoverySettings, Settings
from hookflash.engine.clock import SteadyClock
from hookflash.machines.policy import HoldPolicy

CALL = "22222222-2222-4222-8222-222222222222"
POLICY = HoldPolicy(limit_s=60)


def settings(**recovery: Any) -> Settings:
    return evolve(make_settings(POLICY), recovery=RecoverySettings(overdue="look_up", **recovery))


async def test_an_overdue_limit_may_wait_for_the_gateway(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Somebody released the caller meanwhile: with `look_up` no unhold is sent for nothing."""
    async with open_world(POLICY) as first:
        await first.controller.hold(CALL, reason="queueing", priority=1)
    first.simulator.unhold_by_agent(CALL)
    await trio.sleep(600)
    commands = first.simulator.statistics().commands
    async with open_world(settings=settings(), earlier=first) as second:
        await trio.sleep(1)
        assert "active" == second.state(CALL)
        assert commands == second.simulator.statistics().commands


async def test_a_gateway_that_says_held_lets_it_fire(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Waiting for the gateway's word takes as long as a lookup, and no longer."""
    async with open_world(POLICY) as first:
        await first.controller.hold(CALL, reason="queueing", priority=1)
    await trio.sleep(600)
    async with open_world(settings=settings(), earlier=first) as second:
        await trio.sleep(1)
        assert "active" == second.simulator.state_of(CALL)


async def test_a_gateway_that_says_nothing_does_not_keep_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nobody is forgotten because lookups fail: after the wait the limit fires."""
    async with open_world(POLICY) as first:
        await first.controller.hold(CALL, reason="queueing", priority=1)
    await trio.sleep(600)
    for _ in range(40):
        first.simulator.next_metadata(CALL, status=503)
    later = settings(overdue_wait_s=4.0)
    async with open_world(settings=later, earlier=first) as second:
        await trio.sleep(3)
        assert "held" == second.simulator.state_of(CALL)
        await trio.sleep(2)
        assert "active" == second.simulator.state_of(CALL)


async def test_what_a_crash_left_untold_is_told_with_the_same_number(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """At least once over a crash: a monitor knows the second time by the effect's number."""
    async with open_world(POLICY) as first:
        await first.controller.hold(CALL, reason="queueing", priority=1)
        await first.controller.unhold(CALL, priority=1)
    numbers = [payload["effectId"] for payload in first.told]
    assert 2 == len(numbers)
    first.journal.told_through = int(numbers[0].split("/")[0])  # as after a crash
    async with open_world(POLICY, earlier=first) as second:
        await trio.sleep(1)
        assert [numbers[1]] == [payload["effectId"] for payload in second.told]
        assert first.told[1] == second.told[0]
    async with open_world(POLICY, earlier=second) as third:
        await trio.sleep(1)
        assert [] == third.told, "it was told now"


@pytest.mark.parametrize("kind", ["suspended", "set"])
async def test_a_jump_of_the_clock_is_counted_and_timers_are_looked_at(
    kind: str, autojump_clock: trio.testing.MockClock
) -> None:
    """A machine that slept through a limit releases the caller when it wakes, not later."""
    suspended_us = 0
    ahead_us = 0

    def wall() -> int:
        return 1_768_000_000_000_000 + round(trio.current_time() * 1e6) + suspended_us + ahead_us

    clock = SteadyClock(wall=wall, suspended=lambda: suspended_us)
    async with open_world(HoldPolicy(limit_s=3600), clock=clock) as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        await trio.sleep(20)
        if kind == "suspended":
            suspended_us = 3_600_000_000
        else:
            ahead_us = 3_600_000_000
        await trio.sleep(6)
        assert 1 == world.controller.metrics().clock_jumps
        expected = "active" if kind == "suspended" else "held"
        assert expected == world.simulator.state_of(CALL)
