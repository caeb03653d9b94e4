"""The races of the hold machine, over the real engine, the real adapter and the simulator.

All on virtual time and memory streams: nothing here depends on how fast this machine is.
"""

from functools import partial

import pytest
import trio
import trio.testing
from tests.support.world import World, open_world

from hookflash.machines.errors import (
    GatewayUnavailable,
    HoldRefused,
    NotEligible,
    OutcomeUnknown,
    RateLimited,
)
from hookflash.machines.policy import HoldPolicy

CALL = "11111111-1111-4111-8111-111111111111"
ACK_TIMEOUT_S = 5.0


async def hold(world: World) -> None:
    await world.controller.hold(CALL, reason="consultation", priority=5)


async def test_ack_before_its_deadline(autojump_clock: trio.abc.Clock) -> None:
    """An acknowledgement just before its time confirms the hold, and nobody looks anything up."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, delay_s=ACK_TIMEOUT_S - 0.001)
        result = await world.controller.hold(CALL, reason="queueing", priority=1)

        assert "confirmed" == result.outcome
        assert 1 == world.simulator.statistics().metadata_requests


@pytest.mark.parametrize("extra_s", [0.0, 0.001])
async def test_ack_at_and_after_its_deadline(
    autojump_clock: trio.abc.Clock, extra_s: float
) -> None:
    """An acknowledgement at or after its time finds a lookup that confirms the same."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, delay_s=ACK_TIMEOUT_S + extra_s)
        result = await world.controller.hold(CALL, reason="queueing", priority=1)
        await trio.sleep(10)

        assert result.outcome in {"confirmed", "confirmed_by_lookup"}
        assert "held" == world.state(CALL) == world.simulator.state_of(CALL)
        assert 1 == world.simulator.statistics().commands
        assert 1 == len(world.audit_lines)


async def test_lost_ack_is_confirmed_by_lookup(autojump_clock: trio.abc.Clock) -> None:
    """A lost acknowledgement leaves the outcome unknown; the lookup tells it."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, lost=True)
        result = await world.controller.hold(CALL, reason="queueing", priority=1)

        assert "confirmed_by_lookup" == result.outcome
        assert ACK_TIMEOUT_S <= result.latency_s < ACK_TIMEOUT_S + 1


async def test_hold_acknowledged_after_its_lookup_said_active(
    autojump_clock: trio.abc.Clock,
) -> None:
    """The lookup said active, the caller was told; then the gateway held after all: it is seen."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, delay_s=20)
        world.simulator.next_metadata(CALL)  # the one for eligibility
        world.simulator.next_metadata(CALL, state="active")
        with pytest.raises(HoldRefused) as caught:
            await world.controller.hold(CALL, reason="queueing", priority=1)
        assert "not_applied" == caught.value.outcome
        assert "active" == world.state(CALL)
        await trio.sleep(30)

        assert "held" == world.state(CALL) == world.simulator.state_of(CALL)
        assert 1 == world.simulator.statistics().commands
        assert 1 == world.controller.metrics().late


async def test_lookup_begun_before_our_hold_and_answered_after_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    """An old answer that says active does not undo the hold."""
    async with open_world() as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        await world.controller.unhold(CALL, priority=1)
        world.simulator.next_metadata(CALL, delay_s=3, state="active")
        world.simulator.send_frame(world.state_frame(CALL, "held"))
        await trio.sleep(1)  # adopted, its lookup is under way and will say active
        assert "held" == world.state(CALL)
        await trio.sleep(10)

        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)


async def test_frame_of_an_older_state_arriving_late(autojump_clock: trio.abc.Clock) -> None:
    """A lone frame that says active while the caller is held only causes a lookup."""
    async with open_world() as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        lookups = world.simulator.statistics().metadata_requests
        world.simulator.send_frame(world.state_frame(CALL, "active"))
        await trio.sleep(1)

        assert "held" == world.state(CALL)
        assert lookups + 1 == world.simulator.statistics().metadata_requests


async def test_refusal_that_names_the_state_held(autojump_clock: trio.abc.Clock) -> None:
    """The gateway refuses a hold because the caller is held: that is what was asked for."""
    async with open_world() as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        await world.controller.unhold(CALL, priority=1)
        world.simulator.next_ack(CALL, refused={"code": 409, "state": "held"})
        result = await world.controller.hold(CALL, reason="queueing", priority=1)

        assert "confirmed_by_lookup" == result.outcome
        assert "held" == world.state(CALL)


async def test_rate_limit_never_means_held(autojump_clock: trio.abc.Clock) -> None:
    """A refusal with code 429 is a rate limit, whatever state it names."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, refused={"code": 429, "retryAfter": 2, "state": "held"})
        with pytest.raises(RateLimited) as caught:
            await world.controller.hold(CALL, reason="queueing", priority=1)

        assert 2 == caught.value.retry_after_s
        assert "active" == world.state(CALL)


async def test_refusal_without_a_state_is_looked_up(autojump_clock: trio.abc.Clock) -> None:
    """A refusal that leaves the state open is settled by a lookup."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, refused={"code": 500, "message": "no"})
        with pytest.raises(HoldRefused) as caught:
            await world.controller.hold(CALL, reason="queueing", priority=1)

        assert "refused" == caught.value.outcome
        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)


async def test_frame_still_queued_when_its_deadline_passes(
    autojump_clock: trio.abc.Clock,
) -> None:
    """A frame that waits for the socket is withdrawn when its caller gives up, and never leaves."""
    async with open_world() as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)  # facts are known now
        world.network.down = True
        world.simulator.cut_connections()
        await trio.sleep(0.1)
        with pytest.raises(GatewayUnavailable) as caught:
            await world.controller.unhold(CALL, priority=1, deadline_s=1.0)
        assert "unavailable" == caught.value.outcome
        assert "held" == world.state(CALL)
        world.network.down = False
        await trio.sleep(60)

        assert 1 == world.simulator.statistics().commands
        assert "held" == world.state(CALL) == world.simulator.state_of(CALL)


async def test_deadline_after_the_frame_left(autojump_clock: trio.abc.Clock) -> None:
    """The caller learns that the outcome is unknown; the engine goes on until it knows."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, lost=True)
        with pytest.raises(OutcomeUnknown):
            await world.controller.hold(CALL, reason="queueing", priority=1, deadline_s=2.0)
        assert [] == world.audit_lines
        await trio.sleep(10)

        assert ["confirmed_by_lookup"] == [line["outcome"] for line in world.audit_lines]
        assert "held" == world.state(CALL)


async def test_limit_during_unhold(autojump_clock: trio.abc.Clock) -> None:
    """The limit passes while an unhold is under way: one unhold is sent, and it counts."""
    async with open_world(HoldPolicy(limit_s=10)) as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        await trio.sleep(8)
        world.simulator.next_ack(CALL, delay_s=4)
        result = await world.controller.unhold(CALL, priority=1)

        assert "confirmed" == result.outcome
        assert 1 == world.simulator.statistics().unholds
        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)


async def test_foreign_unhold_during_our_own(autojump_clock: trio.abc.Clock) -> None:
    """Somebody else releases the caller while our unhold is on its way and lost: confirmed once."""
    async with open_world() as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        world.simulator.next_ack(CALL, unexecuted=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(unhold_expecting_success, world)
            await trio.sleep(1)
            world.simulator.unhold_by_agent(CALL)
        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)
        assert 0 == world.simulator.statistics().unholds_of_active


async def unhold_expecting_success(world: World) -> None:
    await world.controller.unhold(CALL, priority=1)


async def test_close_while_pending(autojump_clock: trio.abc.Clock) -> None:
    """The interaction ends while a hold is under way: its caller gets `NotEligible`."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, unexecuted=True)
        with pytest.RaisesGroup(NotEligible):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hold, world)
                await trio.sleep(1)
                world.simulator.close(CALL)

        assert "closed" == world.state(CALL)


async def test_limit_of_an_earlier_hold_firing_in_a_later_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    """A later hold has its whole limit, whatever was left of the earlier one's."""
    async with open_world(HoldPolicy(limit_s=10)) as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        await trio.sleep(9)
        await world.controller.unhold(CALL, priority=1)
        await world.controller.hold(CALL, reason="queueing", priority=1)
        await trio.sleep(9)
        assert "held" == world.state(CALL)
        await trio.sleep(2)

        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)
        assert ["caller", "caller", "caller", "limit"] == [
            line["actor"] for line in world.audit_lines
        ]


async def test_lost_release_at_the_limit(autojump_clock: trio.abc.Clock) -> None:
    """A release that is lost is sent once more, and again later, until nobody is forgotten."""
    async with open_world(HoldPolicy(limit_s=10)) as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        for _ in range(3):
            world.simulator.next_ack(CALL, unexecuted=True)
        await trio.sleep(22)
        assert "expired" == world.state(CALL)
        assert "held" == world.simulator.state_of(CALL)
        await trio.sleep(60)

        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)
        assert 0 == world.simulator.statistics().unholds_of_active
        assert world.controller.metrics().alarms >= 1


async def test_hold_and_unhold_as_two_engines(autojump_clock: trio.abc.Clock) -> None:
    """What one process holds, another one unholds: neither assumes a state."""
    async with open_world() as first, open_world(simulator=first.simulator) as second:
        await first.controller.hold(CALL, reason="queueing", priority=1)
        result = await second.controller.unhold(CALL, priority=1)
        await trio.sleep(5)

        assert "confirmed" == result.outcome
        assert "active" == first.state(CALL) == second.state(CALL)
        assert ["hold", "unhold"] == [line["action"] for line in first.audit_lines]
        assert "foreign" == first.audit_lines[1]["actor"]


async def test_concurrent_commands_on_one_interaction_are_carried_out_in_order(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Commands wait for those before them; none is refused as busy."""
    async with open_world() as world:
        done: list[str] = []

        async def run(action: str) -> None:
            if action == "hold":
                await world.controller.hold(CALL, reason="queueing", priority=1)
            else:
                await world.controller.unhold(CALL, priority=1)
            done.append(action)

        async with trio.open_nursery() as nursery:
            for action in ("hold", "unhold", "hold", "unhold"):
                nursery.start_soon(run, action)
                await trio.testing.wait_all_tasks_blocked()

        assert ["hold", "unhold", "hold", "unhold"] == [
            command.type for command in world.simulator.received(CALL)
        ]
        assert 4 == len(done)


async def test_foreign_hold_is_adopted_with_its_timers(autojump_clock: trio.abc.Clock) -> None:
    """An agent's hold comes under the limit from the start that the gateway names."""
    async with open_world(HoldPolicy(limit_s=60)) as world:
        world.simulator.put(CALL, state="active")
        await trio.sleep(5)
        world.simulator.hold_by_agent(CALL)
        await trio.sleep(50)
        assert "held" == world.state(CALL)
        await trio.sleep(11)

        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)
        assert ["foreign", "limit"] == [line["actor"] for line in world.audit_lines]


async def test_watched_foreign_hold_is_only_warned_about(autojump_clock: trio.abc.Clock) -> None:
    """With `foreign = "watch"` nothing is sent; monitors are told."""
    async with open_world(HoldPolicy(limit_s=60, foreign="watch")) as world:
        world.simulator.hold_by_agent(CALL)
        await trio.sleep(100)

        assert "held" == world.state(CALL)
        assert 0 == world.simulator.statistics().commands
        assert ["hold", "warning", "warning"] == [told["event"] for told in world.told]


async def test_expire_policy_waits_for_a_decision(autojump_clock: trio.abc.Clock) -> None:
    """At the limit the hold expires, alarms go on, and only force releases the caller."""
    async with open_world(HoldPolicy(limit_s=10, on_limit="expire")) as world:
        await world.controller.hold(CALL, reason="queueing", priority=1)
        await trio.sleep(40)
        assert "expired" == world.state(CALL)
        assert world.controller.metrics().alarms >= 2
        with pytest.raises(Exception, match="decision") as caught:
            await world.controller.unhold(CALL, priority=1)
        assert "MaximumHoldExceeded" == type(caught.value).__name__
        result = await world.controller.unhold(CALL, priority=1, force=True)

        assert "confirmed" == result.outcome
        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)


async def test_link_lost_with_the_answer(autojump_clock: trio.abc.Clock) -> None:
    """The socket is cut after the hold was carried out: the lookup after the reconnect tells it."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, withheld=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold, world)
            await world.simulator.until(lambda: world.simulator.statistics().holds == 1)
            world.simulator.close_sockets(abrupt=True)

        assert "held" == world.state(CALL) == world.simulator.state_of(CALL)
        assert 1 == world.simulator.statistics().commands


async def test_somebody_holds_again_before_a_late_acknowledgement(
    autojump_clock: trio.abc.Clock,
) -> None:
    """The unhold was carried out and its answer delayed; meanwhile an agent held: nobody forgets.

    The frame about that hold comes before the acknowledgement, which alone would say active.
    """
    async with open_world(HoldPolicy(limit_s=60)) as world:
        await hold(world)
        world.simulator.next_ack(CALL, delay_s=3)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(world.controller.unhold, CALL, priority=5))
            await trio.sleep(1)
            assert world.simulator.hold_by_agent(CALL)
        await trio.sleep(5)
        assert "held" == world.simulator.state_of(CALL) == world.state(CALL)
        await trio.sleep(60)
        assert "active" == world.simulator.state_of(CALL), "its limit counted"


async def test_somebody_unholds_before_a_late_acknowledgement(
    autojump_clock: trio.abc.Clock,
) -> None:
    """The same for a hold: whoever is not held any more does not count as held."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, delay_s=3)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold, world)
            await trio.sleep(1)
            assert world.simulator.unhold_by_agent(CALL)
        await trio.sleep(5)
        assert "active" == world.simulator.state_of(CALL) == world.state(CALL)
