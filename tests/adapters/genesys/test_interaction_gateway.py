"""The gateway as a whole: answers of every kind, limits, counts."""

from typing import Any

import pytest
import trio
from tests.adapters.genesys.gateway_world import SECRET, World, open_world, settings
from trio.testing import MockClock

from hookflash.adapters.genesys.interaction import InteractionGateway, InteractionGatewaySettings
from hookflash.engine.clock import SteadyClock
from hookflash.engine.ports import (
    FrameAcknowledged,
    FrameRefused,
    FrameWritten,
    Gateway,
    LinkDown,
    LinkUp,
    StateSeen,
)
from hookflash.machines.errors import CommandBusy, ConfigurationError


async def _settle(world: World, seconds: float = 1.0) -> None:
    await world.inbox.next_of(LinkUp)
    await trio.sleep(seconds)


async def test_a_late_and_a_duplicate_answer_are_passed_on(autojump_clock: MockClock) -> None:
    """Whether an answer is late or a duplicate is the engine's to say; each is told."""
    del autojump_clock
    async with open_world() as world:
        world.simulator.next_ack(world.interaction_id, delay_s=8.0, duplicate=2)
        name = world.hold()
        await world.inbox.next_of(FrameAcknowledged, 2)

        assert world.inbox.all_of(FrameAcknowledged) == [FrameAcknowledged(name)] * 2
        assert trio.current_time() == pytest.approx(8, abs=0.1)


async def test_an_answer_of_another_type_is_a_refusal(autojump_clock: MockClock) -> None:
    """`body.type` decides."""
    del autojump_clock
    async with open_world() as world:
        world.simulator.next_ack(world.interaction_id, wrong_type="hold_queued")
        world.hold()
        refused = await world.inbox.next_of(FrameRefused)

    assert refused.message == "the answer is of type 'hold_queued'"
    assert refused.state == "held"


async def test_an_answer_that_the_engine_does_not_know(autojump_clock: MockClock) -> None:
    """It is counted; the state that it tells is told as seen."""
    del autojump_clock
    async with open_world() as world:
        world.inbox.known = set()
        world.hold()
        seen = await world.inbox.next_of(StateSeen)

        assert seen == StateSeen(world.interaction_id, "held")
        assert world.gateway.statistics().unknown_answers == 1
        assert world.gateway.statistics().frames_in_flight == 0


async def test_an_answer_to_nobodys_frame(autojump_clock: MockClock) -> None:
    """Counted, with and without a state in it."""
    del autojump_clock
    async with open_world() as world:
        await _settle(world)
        world.simulator.send_frame('{"correlationId":"x","body":{"type":"hold"}}')
        world.simulator.send_frame(
            '{"correlationId":"y","body":{"type":"hold","interactionId":"i","state":"held"}}'
        )
        seen = await world.inbox.next_of(StateSeen)

        assert seen == StateSeen("i", "held")
        assert world.gateway.statistics().unknown_answers == 2
        assert world.gateway.statistics().malformed_messages == 0


async def test_answers_are_remembered_within_a_bound(autojump_clock: MockClock) -> None:
    """The oldest frames are forgotten; their late answers are unknown."""
    del autojump_clock
    async with open_world(answers_remembered_max=1, max_in_flight=1) as world:
        await _settle(world)
        late = world.clock.new_id()
        world.simulator.next_ack(late, withheld=True)
        world.hold(late)
        await trio.sleep(6)
        for _ in range(3):
            world.hold(world.clock.new_id())
        await world.inbox.next_of(FrameAcknowledged, 3)
        world.simulator.release_acks(late)
        await world.inbox.next_of(StateSeen)

        assert world.gateway.statistics().unknown_answers == 1


@pytest.mark.parametrize(("retry_after", "pause_s"), [(7, 7.0), (None, 1.0), (3000, 60.0)])
async def test_a_rate_limit_pauses_the_throttle(
    autojump_clock: MockClock, retry_after: int | None, pause_s: float
) -> None:
    """After a refusal with code 429 nothing leaves for as long as it says, within a minute."""
    del autojump_clock
    async with open_world() as world:
        await _settle(world)
        refusal: dict[str, Any] = {"code": 429}
        if retry_after is not None:
            refusal["retryAfter"] = retry_after
        world.simulator.next_ack(world.interaction_id, refused=refusal)
        world.hold()
        refused = await world.inbox.next_of(FrameRefused)
        started_s = trio.current_time()
        world.unhold(world.clock.new_id())
        await world.inbox.next_of(FrameAcknowledged)

        assert (refused.code, refused.retry_after_s) == (429, retry_after)
        assert trio.current_time() - started_s == pytest.approx(pause_s, abs=0.01)


async def test_the_rate_is_kept(autojump_clock: MockClock) -> None:
    """Ten a second: a hundred frames take ten seconds."""
    del autojump_clock
    async with open_world(max_commands_per_s=10) as world:
        await _settle(world)
        started_s = trio.current_time()
        for _ in range(100):
            world.hold(world.clock.new_id())
        await world.inbox.next_of(FrameAcknowledged, 100)

        assert trio.current_time() - started_s == pytest.approx(9.9, abs=0.1)


async def test_frames_in_flight_are_bounded(autojump_clock: MockClock) -> None:
    """Two in flight at most, until their time is up."""
    del autojump_clock
    async with open_world(max_in_flight=2) as world:
        await _settle(world)
        for _ in range(6):
            interaction_id = world.clock.new_id()
            world.simulator.next_ack(interaction_id, lost=True)
            world.hold(interaction_id)
        await trio.sleep(1)
        assert world.gateway.statistics().frames_in_flight == 2
        assert len(world.inbox.all_of(FrameWritten)) == 2
        await trio.sleep(5)
        assert len(world.inbox.all_of(FrameWritten)) == 4
        assert world.gateway.statistics().frames_queued == 2


async def test_an_endless_queue_is_not_kept(autojump_clock: MockClock) -> None:
    """A full queue is `CommandBusy`."""
    del autojump_clock
    async with open_world(running=False, frames_queued_max=3) as world:
        for _ in range(3):
            world.hold()
        with pytest.raises(CommandBusy, match="3 frames wait"):
            world.hold()


async def test_many_at_once_are_each_answered_once(autojump_clock: MockClock) -> None:
    """Five hundred frames leave in few writes, and none is lost, doubled or told twice."""
    del autojump_clock
    async with open_world() as world:
        await _settle(world)
        names = {world.hold(world.clock.new_id()) for _ in range(500)}
        await world.inbox.next_of(FrameAcknowledged, 500)

        written = [news.correlation_id for news in world.inbox.all_of(FrameWritten)]
        answered = [news.correlation_id for news in world.inbox.all_of(FrameAcknowledged)]
        assert len(written) == len(answered) == 500
        assert set(written) == set(answered) == names
        assert world.inbox.all_of(LinkDown) == []


async def test_written_comes_before_the_answer() -> None:
    """Even where the answer is quicker than the report of the write."""
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        for _ in range(200):
            world.hold()
            await world.inbox.next_of(FrameAcknowledged, len(world.inbox.news) // 2 + 1)

        kinds = [type(news) for news in world.inbox.news[1:]]
        assert kinds == [FrameWritten, FrameAcknowledged] * 200


async def test_state_updates_are_seen(autojump_clock: MockClock) -> None:
    """Somebody else held, with the start of it; then unheld; then closed."""
    del autojump_clock
    async with open_world() as world:
        await _settle(world)
        await world.gateway.look_up(world.interaction_id)
        world.simulator.hold_by_agent(world.interaction_id)
        world.simulator.unhold_by_agent(world.interaction_id)
        world.simulator.close(world.interaction_id)
        await world.inbox.next_of(StateSeen, 3)

        seen = world.inbox.all_of(StateSeen)
        assert [news.state for news in seen] == ["held", "active", "closed"]
        assert [news.held_since is None for news in seen] == [False, True, True]
        assert world.gateway.statistics().states_seen == 3


async def test_statistics(autojump_clock: MockClock) -> None:
    """The counts after a hold, a lookup and a reconnect."""
    del autojump_clock
    async with open_world() as world:
        world.hold()
        await world.inbox.next_of(FrameAcknowledged)
        await world.gateway.look_up(world.interaction_id)
        world.simulator.close_sockets()
        await world.inbox.next_of(LinkUp, 2)
        counts = world.gateway.statistics()

    assert counts.connected
    assert (counts.frames_sent, counts.answers, counts.lookups) == (1, 1, 1)
    assert (counts.connections, counts.reconnects, counts.losses) == (2, 1, 1)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gateway.test", "gateway.test:443"),
        ("gateway.test:8443", "gateway.test:8443"),
        (" 127.0.0.1:1 ", "127.0.0.1:1"),
        ("[::1]:8443", "[::1]:8443"),
        ("::1", "[::1]:443"),
    ],
)
def test_names(host: str, name: str) -> None:
    """Host and port, as a journal keeps them."""
    gateway: Gateway = InteractionGateway(settings(host=host), SteadyClock())

    assert gateway.name == name


@pytest.mark.parametrize(
    "host", ["", "https://x", "x:y", "x:0", "x:65536", "user@x", "x/y", "x y", "ä", "x:1:2/3"]
)
def test_hosts_are_checked(host: str) -> None:
    """What is no host is refused, with what to write instead."""
    with pytest.raises(ConfigurationError, match="write HOST"):
        InteractionGateway(settings(host=host), SteadyClock())


def test_the_secret_is_not_shown() -> None:
    """The settings can be logged."""
    shown = repr(settings())

    assert "client_id" in shown
    assert SECRET not in shown


def test_settings_are_checked() -> None:
    """A bound out of range is refused where it is made."""
    with pytest.raises(ValueError, match="max_in_flight"):
        InteractionGatewaySettings(host="x", client_id="a", client_secret="b", max_in_flight=0)
