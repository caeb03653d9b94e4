"""The control socket: opening, losing, coming back, and what becomes of frames meanwhile."""

import pytest
import trio
from tests.adapters.genesys.gateway_world import (
    CannedServer,
    World,
    answer,
    open_world,
    token_answer,
)
from trio.testing import MockClock
from trio_websocket import ConnectionClosed
from wsproto.utilities import LocalProtocolError

from hookflash.adapters.genesys.interaction.gateway import InteractionGateway
from hookflash.adapters.simulator import Faults
from hookflash.adapters.simulator.faults import SocketFaults
from hookflash.engine.ports import (
    FrameAcknowledged,
    FrameWritten,
    LinkDown,
    LinkGivenUp,
    LinkUp,
)
from hookflash.machines.connection import ConnectionPolicy
from hookflash.machines.errors import GatewayUnavailable, NotAuthorized


async def test_connects_with_the_token_in_the_url() -> None:
    """The socket is asked for at the protocol's path; it is told when it is open."""
    server = CannedServer(token_answer(access_token="a+b/c=="), answer(500))
    async with open_world(serve=server.serve):
        while len(server.requests) < 2:
            await trio.testing.wait_all_tasks_blocked()

    head = server.requests[1].decode()
    assert head.startswith("GET /api/v2/interactions?access_token=a%2Bb%2Fc%3D%3D HTTP/1.1\r\n")
    assert "host: gateway.test\r\n" in head.lower()


async def test_the_link_is_told_up_once() -> None:
    """One socket, one token, one `LinkUp`."""
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        await trio.testing.wait_all_tasks_blocked()

        assert world.inbox.news == [LinkUp()]
        assert world.simulator.open_sockets == 1
        assert world.gateway.statistics().connected


async def test_a_lost_socket_comes_back_after_two_seconds(autojump_clock: MockClock) -> None:
    """Lost is told with its reason; the next socket opens 2 s later."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        lost_at_s = trio.current_time()
        world.simulator.close_sockets(abrupt=True)
        down = await world.inbox.next_of(LinkDown)
        await world.inbox.next_of(LinkUp, 2)

        assert down == LinkDown("the connection was lost without a goodbye")
        assert trio.current_time() - lost_at_s == pytest.approx(2.0, abs=0.01)
        assert world.gateway.statistics().reconnects == 1


async def test_a_goodbye_of_the_gateway_is_a_loss_too(autojump_clock: MockClock) -> None:
    """The close code is named."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        world.simulator.close_sockets(code=1012)
        down = await world.inbox.next_of(LinkDown)
        await world.inbox.next_of(LinkUp, 2)

    assert "code 1012" in down.reason


async def test_the_pauses_of_a_round(autojump_clock: MockClock) -> None:
    """2, 4, 8, 16, 32 s; then waiting callers are told; after 60 s a new round begins."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        world.network.refused = True
        lost_at_s = trio.current_time()
        world.network.attempts.clear()
        world.simulator.close_sockets(abrupt=True)
        given_up = await world.inbox.next_of(LinkGivenUp)
        gave_up_at_s = trio.current_time()

        times = [at_s - lost_at_s for at_s in world.network.attempts]
        assert times == pytest.approx([2, 6, 14, 30, 62], abs=0.01)
        assert isinstance(given_up.error, GatewayUnavailable)
        assert "after 5 attempts to reconnect: the network is down" in str(given_up.error)

        world.network.refused = False
        await world.inbox.next_of(LinkUp, 2)
        assert trio.current_time() - gave_up_at_s == pytest.approx(60, abs=0.01)
        assert world.gateway.statistics().give_ups == 1
        assert world.simulator.open_sockets == 1


async def test_jitter_is_on_by_default(autojump_clock: MockClock) -> None:
    """With the default policy a pause is a little longer than 2 s."""
    del autojump_clock
    async with open_world(reconnect=ConnectionPolicy()) as world:
        await world.inbox.next_of(LinkUp)
        lost_at_s = trio.current_time()
        world.simulator.close_sockets(abrupt=True)
        await world.inbox.next_of(LinkUp, 2)

        assert 2.0 < trio.current_time() - lost_at_s < 2.41


async def test_a_token_near_its_end_is_renewed_before_reconnecting(
    autojump_clock: MockClock,
) -> None:
    """An open socket outlives its token; the next one gets a new one."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        await trio.sleep(80_000)
        assert world.simulator.statistics().tokens_issued == 1
        world.simulator.close_sockets(abrupt=True)
        await world.inbox.next_of(LinkUp, 2)

        assert world.simulator.statistics().tokens_issued == 2
        assert world.simulator.statistics().upgrade_requests == 2


async def test_401_on_the_upgrade_renews_once(autojump_clock: MockClock) -> None:
    """A revoked token is renewed without a pause."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        world.simulator.expire_tokens()
        world.simulator.close_sockets(abrupt=True)
        lost_at_s = trio.current_time()
        await world.inbox.next_of(LinkUp, 2)

        assert trio.current_time() - lost_at_s == pytest.approx(2.0, abs=0.01)
        assert world.simulator.statistics().tokens_issued == 2


async def test_401_twice_is_told(autojump_clock: MockClock) -> None:
    """A fresh token that is not accepted either: a clear error, and a rest."""
    del autojump_clock
    async with open_world(running=False) as world:
        world.simulator.next_upgrade(status=401)
        world.simulator.next_upgrade(status=401)
        world.nursery.start_soon(world.run)
        given_up = await world.inbox.next_of(LinkGivenUp)
        assert isinstance(given_up.error, NotAuthorized)
        assert "fresh token" in str(given_up.error)

        await world.inbox.next_of(LinkUp)
        assert trio.current_time() == pytest.approx(60, abs=0.01)


async def test_403_is_told_at_once(autojump_clock: MockClock) -> None:
    """403 names the scope, without another attempt."""
    del autojump_clock
    async with open_world(running=False) as world:
        world.simulator.next_upgrade(status=403)
        world.nursery.start_soon(world.run)
        given_up = await world.inbox.next_of(LinkGivenUp)

        assert isinstance(given_up.error, NotAuthorized)
        assert "interaction:control" in str(given_up.error)
        assert world.simulator.statistics().upgrade_requests == 1


async def test_wrong_credentials_are_told_at_once(autojump_clock: MockClock) -> None:
    """The simulator's wrong secret gives a clear error, without another attempt."""
    del autojump_clock
    async with open_world(client_secret="wrong") as world:
        given_up = await world.inbox.next_of(LinkGivenUp)

        assert isinstance(given_up.error, NotAuthorized)
        assert world.simulator.statistics().token_requests == 1


@pytest.mark.parametrize(
    ("fault", "pause_s"),
    [
        ({"status": 503}, 2.0),
        ({"status": 429, "retry_after_s": 9.0}, 9.0),
        ({"connection_lost": True}, 2.0),
        ({"delay_s": 600.0}, 7.0),
    ],
)
async def test_a_failed_upgrade_is_an_attempt(
    autojump_clock: MockClock, fault: dict[str, float], pause_s: float
) -> None:
    """A refusal, a hang-up (noticed at once) and silence (after 5 s) are tried again."""
    del autojump_clock
    async with open_world(running=False) as world:
        world.simulator.next_upgrade(**fault)  # type: ignore[arg-type]
        world.nursery.start_soon(world.run)
        await world.inbox.next_of(LinkUp)

        assert trio.current_time() == pytest.approx(pause_s, abs=0.01)
        assert len(world.inbox.all_of(LinkDown)) == 1, "whoever waits learns why"


async def test_an_untrusted_certificate_is_told_at_once(autojump_clock: MockClock) -> None:
    """What somebody has to change first is not tried five times."""
    del autojump_clock
    async with open_world(running=False) as world:
        world.network.refused, world.network.problem = True, "certificate"
        world.nursery.start_soon(world.run)
        given_up = await world.inbox.next_of(LinkGivenUp)

        assert "the network is down" in str(given_up.error)
        assert trio.current_time() == 0


async def test_a_half_open_socket_is_noticed(autojump_clock: MockClock) -> None:
    """A missing pong means that the connection is lost: 30 s to the ping, 10 s to the pong."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        world.simulator.freeze_sockets(10_000)
        down = await world.inbox.next_of(LinkDown)
        assert down == LinkDown("no pong came within 10 s")
        assert trio.current_time() == pytest.approx(40, abs=0.01)

        await world.inbox.next_of(LinkUp, 2)
        assert world.gateway.statistics().pings_missed == 1


async def test_pings_keep_a_quiet_socket(autojump_clock: MockClock) -> None:
    """A quiet hour is no loss: pings are answered on both sides."""
    del autojump_clock
    async with open_world() as world:
        world.simulator.use_faults(
            Faults(sockets=SocketFaults(ping_every_s=20.0, pong_within_s=5.0))
        )
        await world.inbox.next_of(LinkUp)
        await trio.sleep(3600)

        assert world.inbox.news == [LinkUp()]


async def test_frames_queued_while_down_leave_once_in_order(autojump_clock: MockClock) -> None:
    """After a reconnect: unholds first, higher priority first, each exactly once."""
    del autojump_clock
    async with open_world(running=False) as world:
        names = [
            world.hold(world.clock.new_id()),
            world.hold(world.clock.new_id(), priority=9),
            world.unhold(world.clock.new_id(), priority=0),
            world.unhold(world.clock.new_id(), priority=3),
        ]
        withdrawn = world.hold(world.clock.new_id())
        assert world.gateway.withdraw(withdrawn)
        world.nursery.start_soon(world.run)
        await world.inbox.next_of(FrameAcknowledged, 4)
        world.simulator.close_sockets(abrupt=True)
        await world.inbox.next_of(LinkUp, 2)
        await trio.sleep(10)

        order = [command.correlation_id for command in world.simulator.received()]
        assert order == [names[3], names[2], names[1], names[0]]
        assert not world.gateway.withdraw(names[0])
        assert world.gateway.statistics().frames_withdrawn == 1


async def test_a_frame_in_flight_at_a_loss_is_not_repeated(autojump_clock: MockClock) -> None:
    """Whether it was carried out is the engine's question; the adapter does not send it again."""
    del autojump_clock
    async with open_world(max_in_flight=1) as world:
        await world.inbox.next_of(LinkUp)
        world.simulator.next_ack(world.interaction_id, lost=True)
        first = world.hold()
        await world.simulator.until(lambda: world.simulator.statistics().commands == 1)
        world.simulator.close_sockets(abrupt=True)
        second = world.hold(world.clock.new_id())
        await world.inbox.next_of(FrameAcknowledged)

        order = [command.correlation_id for command in world.simulator.received()]
        assert order == [first, second]


class _Blocked(trio.abc.Stream):
    """A stream that stops taking bytes when told to."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.blocked = False
        self.breaks = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.blocked:
            await self.stream.send_all(memoryview(data)[:5])
            if self.breaks:
                raise trio.BrokenResourceError
            await trio.sleep_forever()
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self.stream.aclose()


async def _open_blocked(world: World) -> _Blocked:
    streams: list[_Blocked] = []

    def wrap(stream: trio.abc.Stream) -> trio.abc.Stream:
        streams.append(_Blocked(stream))
        return streams[-1]

    world.network.wrap = wrap
    world.nursery.start_soon(world.run)
    await world.inbox.next_of(LinkUp)
    return streams[-1]


@pytest.mark.parametrize("breaks", [True, False])
async def test_a_write_that_began_counts_as_written(
    autojump_clock: MockClock,
    breaks: bool,  # noqa: FBT001 - pytest names it
) -> None:
    """A write that fails half-way, or hangs until the pong is missed, was perhaps received."""
    del autojump_clock
    async with open_world(running=False) as world:
        stream = await _open_blocked(world)
        stream.blocked, stream.breaks = True, breaks
        name = world.hold()
        await world.inbox.next_of(LinkDown)

        assert world.inbox.news[1] == FrameWritten(name)
        assert isinstance(world.inbox.news[2], LinkDown)
        assert not world.gateway.withdraw(name)
        await world.inbox.next_of(LinkUp, 2)


class _Crashing(trio.abc.Stream):
    """A stream that raises what it is told to, out of trio-websocket's reader."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.error: Exception | None = None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        received = await self.stream.receive_some(max_bytes)
        if self.error is not None:
            raise self.error
        return received

    async def aclose(self) -> None:
        await self.stream.aclose()


@pytest.mark.parametrize(
    "error", [LocalProtocolError("ping while closing"), OSError("odd"), ConnectionClosed(None)]
)
async def test_a_crash_inside_trio_websocket_is_a_loss(
    autojump_clock: MockClock, error: Exception
) -> None:
    """What its reader raises ends the socket, not the supervisor."""
    del autojump_clock
    async with open_world(running=False) as world:
        streams: list[_Crashing] = []

        def wrap(stream: trio.abc.Stream) -> trio.abc.Stream:
            streams.append(_Crashing(stream))
            return streams[-1]

        world.network.wrap = wrap
        world.nursery.start_soon(world.run)
        await world.inbox.next_of(LinkUp)
        streams[-1].error = error
        world.simulator.send_frame("{}")
        await world.inbox.next_of(LinkDown)
        await world.inbox.next_of(LinkUp, 2)

        assert world.gateway.statistics().connected


async def test_a_frame_for_a_dead_socket_waits_for_the_next(autojump_clock: MockClock) -> None:
    """A frame queued when the goodbye has arrived is not written to the dead socket."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        streams = world.network.opened.copy()
        world.simulator.close_sockets()
        await world.simulator.until(lambda: world.simulator.open_sockets == 0)
        names = [world.hold(world.clock.new_id()) for _ in range(6)]
        await trio.sleep(10)

        order = [command.correlation_id for command in world.simulator.received()]
        assert order == names
        assert len(world.network.opened) == len(streams) + 1
        assert len(world.inbox.all_of(FrameAcknowledged)) == 6


async def test_cancelling_in_the_middle_of_a_write(autojump_clock: MockClock) -> None:
    """The frame is reported as written, and the end does not hang."""
    del autojump_clock
    async with open_world(running=False) as world:
        stream = await _open_blocked(world)
        stream.blocked = True
        name = world.hold()
        await trio.testing.wait_all_tasks_blocked()
        world.scope.cancel()
        await trio.sleep(1.5)

        assert world.inbox.news == [LinkUp(), FrameWritten(name)]
        assert world.gateway.statistics().state == "closed"


async def test_cancelling_says_goodbye(autojump_clock: MockClock) -> None:
    """The close frame is sent; nothing waits for the answer."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        world.scope.cancel()
        await world.simulator.until(lambda: world.simulator.open_sockets == 0)

        assert trio.current_time() < 0.1
        assert world.gateway.statistics().state == "closed"
        assert world.inbox.news == [LinkUp()]


@pytest.mark.parametrize("after_s", [0.0, 1.0, 3.0, 10.0, 63.0, 100.0])
async def test_cancelling_works_at_any_time(autojump_clock: MockClock, after_s: float) -> None:
    """While opening, backing off or resting, the end comes at once."""
    del autojump_clock
    async with open_world(running=False) as world:
        world.network.refused = True
        world.nursery.start_soon(world.run)
        await trio.sleep(after_s)
        before_s = trio.current_time()
        world.scope.cancel()
        await trio.testing.wait_all_tasks_blocked()

        assert trio.current_time() == before_s
        assert world.gateway.statistics().state == "closed"


async def test_it_can_run_again(autojump_clock: MockClock) -> None:
    """A gateway that was stopped starts over."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        world.scope.cancel()
        await trio.sleep(1)
        world.scope = trio.CancelScope()
        world.nursery.start_soon(world.run)
        await world.inbox.next_of(LinkUp, 2)

        assert world.simulator.open_sockets == 1


async def test_garbage_does_not_end_the_connection(autojump_clock: MockClock) -> None:
    """Garbage of each kind is counted and logged; the connection lives on."""
    del autojump_clock
    async with open_world() as world:
        await world.inbox.next_of(LinkUp)
        frames: list[str | bytes] = [
            "{",
            b"\x00\xff",
            "[]",
            '{"weather": 1}',
            '{"a": "' + "x" * 1_100_000 + '"}',
        ]
        for frame in frames:
            world.simulator.send_frame(frame)
        world.hold()
        await world.inbox.next_of(FrameAcknowledged)

        assert world.gateway.statistics().malformed_messages == len(frames)
        assert world.inbox.all_of(LinkDown) == []


async def test_a_message_beyond_all_bounds_ends_the_connection(autojump_clock: MockClock) -> None:
    """What is too large to be received at all is a lost connection, and it comes back."""
    del autojump_clock
    async with open_world(message_bytes_fatal=65_536) as world:
        await world.inbox.next_of(LinkUp)
        world.simulator.send_frame("x" * 70_000)
        await world.inbox.next_of(LinkDown)
        await world.inbox.next_of(LinkUp, 2)


async def test_a_server_that_does_not_speak_websocket(autojump_clock: MockClock) -> None:
    """Nonsense during the upgrade is an attempt, not the end of the supervisor."""
    del autojump_clock
    server = CannedServer(
        token_answer(), b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 101 X\r\n\r\n", answer(200, {})
    )
    async with open_world(serve=server.serve) as world:
        given_up = await world.inbox.next_of(LinkGivenUp)

    assert "after 5 attempts" in str(given_up.error)
    assert isinstance(world.gateway, InteractionGateway)
