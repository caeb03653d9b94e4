"""The control socket: commands, answers, state updates and how it ends."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection

from hookflash.adapters.simulator import Limits, Simulator, parse_faults
from hookflash.adapters.simulator.sockets import MAX_WAITING_FRAMES

ONE = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a001"
TWO = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a002"

OpenSocket = Callable[..., Awaitable[WebSocketConnection]]
Lookup = Callable[..., Awaitable[tuple[int, dict[str, str], dict[str, Any]]]]


async def send(
    socket: WebSocketConnection,
    kind: Literal["hold", "unhold"],
    interaction_id: str = ONE,
    **changes: Any,
) -> str:
    """Send a command; gives its correlation id."""
    correlation_id = str(uuid.uuid4())
    body: dict[str, Any] = {"type": kind, "interactionId": interaction_id, "priority": 5}
    if kind == "hold":
        body["holdReason"] = "queueing"
    message = {"command": "send", "correlationId": correlation_id, "body": body | changes}
    await socket.send_message(orjson.dumps(message).decode())
    return correlation_id


async def receive(socket: WebSocketConnection) -> dict[str, Any]:
    """The next frame, as an object."""
    message: dict[str, Any] = orjson.loads(await socket.get_message())
    return message


async def silence(socket: WebSocketConnection, for_s: float = 3600.0) -> bool:
    """Whether nothing comes for an hour of mock time."""
    with trio.move_on_after(for_s):
        await socket.get_message()
        return False
    return True


async def test_hold_and_unhold_are_acknowledged(open_socket: OpenSocket) -> None:
    """With the correlation, the command's own type, the interaction and its state."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    for kind, state in (("hold", "held"), ("unhold", "active")):
        correlation_id = await send(socket, "hold" if kind == "hold" else "unhold")
        assert await receive(socket) == {
            "correlationId": correlation_id,
            "body": {"type": kind, "interactionId": ONE, "state": state},
        }
        assert simulator.state_of(ONE) == state
    assert simulator.statistics().acks == 2


async def test_a_hold_of_a_held_one_is_acknowledged_and_counted(open_socket: OpenSocket) -> None:
    """As a success; and so is an unhold of an active one."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    types: list[str] = []
    for kind in ("hold", "hold", "unhold", "unhold"):
        await send(socket, "hold" if kind == "hold" else "unhold")
        types.append((await receive(socket))["body"]["type"])
    assert types == ["hold", "hold", "unhold", "unhold"]
    counts = simulator.statistics()
    assert (counts.commands, counts.holds, counts.unholds) == (4, 2, 2)
    assert (counts.holds_of_held, counts.unholds_of_active) == (1, 1)


async def test_invalid_frames_are_refused_and_the_socket_lives_on(open_socket: OpenSocket) -> None:
    """With code 400 and the correlation id where there is one."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    correlation_id = await send(socket, "hold", priority=10)
    refused = await receive(socket)
    assert refused["correlationId"] == correlation_id
    assert refused["body"]["type"] == "error"
    assert refused["body"]["code"] == 400
    assert "priority" in refused["body"]["message"]
    for frame in ("no JSON", b"binary"):
        await socket.send_message(frame)
        assert (await receive(socket))["correlationId"] is None
    await send(socket, "hold")
    assert (await receive(socket))["body"]["type"] == "hold"
    assert simulator.statistics().invalid_commands == 3


async def test_the_list_of_reasons_is_a_setting(open_socket: OpenSocket) -> None:
    """Then the default ones are invalid."""
    socket = await open_socket(Simulator(parse_faults("[commands]\nhold_reasons = ['lunch']")))
    await send(socket, "hold", holdReason="lunch")
    assert (await receive(socket))["body"]["type"] == "hold"
    await send(socket, "hold")
    assert (await receive(socket))["body"]["code"] == 400


@pytest.mark.parametrize("state", ["closed", "abandoned"])
async def test_what_has_ended_is_refused_with_its_state(
    open_socket: OpenSocket, state: str
) -> None:
    """So that the client need not look it up."""
    simulator = Simulator()
    simulator.close(ONE, state)
    socket = await open_socket(simulator)
    await send(socket, "hold")
    body = (await receive(socket))["body"]
    assert (body["type"], body["state"], body["interactionId"]) == ("error", state, ONE)


async def test_somebody_elses_changes_are_told_to_all_sockets(open_socket: OpenSocket) -> None:
    """Without any correlation, and with the start of a hold."""
    simulator = Simulator(started_at=datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC))
    first, second = await open_socket(simulator), await open_socket(simulator)
    simulator.hold_by_agent(ONE)
    for socket in (first, second):
        update = await receive(socket)
        since = update.pop("heldSince")
        assert update == {"type": "state_update", "interactionId": ONE, "state": "held"}
        assert since.startswith("2026-01-02T03:04:0")
        assert since.endswith("Z")
    assert not simulator.hold_by_agent(ONE)
    simulator.unhold_by_agent(ONE)
    simulator.close(ONE)
    states = [(await receive(first))["state"], (await receive(first))["state"]]
    assert states == ["active", "closed"]
    counts = simulator.statistics()
    assert (counts.foreign_changes, counts.state_updates) == (3, 6)


async def test_a_command_is_told_to_the_other_sockets_only(
    open_socket: OpenSocket, autojump_clock: trio.testing.MockClock
) -> None:
    """The one it came from gets the acknowledgement; a hold of a held one tells nobody."""
    del autojump_clock
    simulator = Simulator()
    first, second = await open_socket(simulator), await open_socket(simulator)
    await send(first, "hold")
    await send(first, "hold")
    assert (await receive(second))["state"] == "held"
    assert [(await receive(first))["body"]["type"] for _ in range(2)] == ["hold", "hold"]
    assert await silence(first)
    assert await silence(second)


async def test_state_updates_can_have_a_body(open_socket: OpenSocket) -> None:
    """As acknowledgements have one, for clients that look there."""
    simulator = Simulator(parse_faults("[frames]\nupdates_in_body = true"))
    socket = await open_socket(simulator)
    simulator.close(ONE, "abandoned")
    body = {"type": "state_update", "interactionId": ONE, "state": "abandoned"}
    assert await receive(socket) == {"body": body}


async def test_a_lookup_tells_since_when_it_is_held(
    open_socket: OpenSocket, lookup: Lookup, autojump_clock: trio.testing.MockClock
) -> None:
    """In virtual time, which the mock clock moves."""
    del autojump_clock
    simulator = Simulator(started_at=datetime(2026, 1, 2, tzinfo=UTC))
    socket = await open_socket(simulator)
    await trio.sleep(90)
    await send(socket, "hold")
    await receive(socket)
    _, _, found = await lookup(simulator, ONE)
    assert (found["state"], found["heldSince"]) == ("held", "2026-01-02T00:01:30.000Z")


async def test_every_answer_takes_the_base_delay(
    open_socket: OpenSocket, autojump_clock: trio.testing.MockClock
) -> None:
    """To the millisecond, and without holding other answers up."""
    del autojump_clock
    simulator = Simulator(ack_delay_s=0.25)
    socket = await open_socket(simulator)
    started_s = trio.current_time()
    first = await send(socket, "hold")
    await trio.sleep(0.1)
    second = await send(socket, "hold", TWO)
    assert (await receive(socket))["correlationId"] == first
    assert trio.current_time() - started_s == pytest.approx(0.25)
    assert (await receive(socket))["correlationId"] == second
    assert trio.current_time() - started_s == pytest.approx(0.35)


async def test_pings_are_answered(open_socket: OpenSocket) -> None:
    """By the WebSocket's own pong."""
    socket = await open_socket(Simulator())
    await socket.ping(b"there?")


async def test_a_client_that_does_not_read_stalls_nobody(open_socket: OpenSocket) -> None:
    """A thousand commands are carried out while another client reads nothing."""
    simulator = Simulator()
    lazy, busy = await open_socket(simulator), await open_socket(simulator)
    for _ in range(1_000):
        await send(busy, "hold", str(uuid.uuid4()))
    for _ in range(1_000):
        await receive(busy)
    assert simulator.statistics().holds == 1_000
    await simulator.until(lambda: simulator.statistics().state_updates == 1_000)
    await lazy.aclose()


async def test_a_client_that_never_reads_is_cut(dial_unread: Callable[..., Awaitable[Any]]) -> None:
    """When more than the limit waits for it; others are not disturbed."""
    simulator = Simulator(limits=Limits(max_unsent_bytes=10_000))
    await dial_unread(simulator)
    for _ in range(100):
        simulator.send_frame("x" * 1_000)
    await simulator.until(lambda: simulator.open_sockets == 0)
    assert simulator.statistics().sockets_overflowed == 1


async def test_too_large_messages_close_the_socket_with_1009(open_socket: OpenSocket) -> None:
    """The limit is a setting."""
    socket = await open_socket(Simulator(limits=Limits(max_frame_bytes=1_000)))
    await socket.send_message("x" * 1_001)
    with pytest.raises(ConnectionClosed) as caught:
        await socket.get_message()
    assert caught.value.reason is not None
    assert caught.value.reason.code == 1009


async def test_a_client_can_close(open_socket: OpenSocket) -> None:
    """The handshake is completed and the place is free again."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    await socket.aclose()
    await simulator.until(lambda: simulator.open_sockets == 0)
    assert socket.closed is not None
    assert socket.closed.code == 1000


async def test_sockets_can_be_closed_cleanly(open_socket: OpenSocket) -> None:
    """After what waits to be sent, with the code that was asked for."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.send_frame("last words")
    simulator.close_sockets(code=1012)
    simulator.close_sockets(code=1012)
    assert await socket.get_message() == "last words"
    with pytest.raises(ConnectionClosed) as caught:
        await socket.get_message()
    assert caught.value.reason is not None
    assert caught.value.reason.code == 1012
    await simulator.until(lambda: simulator.open_sockets == 0)


async def test_sockets_can_be_cut(open_socket: OpenSocket) -> None:
    """Without a closing handshake."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.close_sockets(abrupt=True)
    with pytest.raises(ConnectionClosed) as caught:
        await socket.get_message()
    assert caught.value.reason is not None
    assert caught.value.reason.code == 1006
    assert simulator.open_sockets == 0


async def test_an_open_socket_outlives_its_token(open_socket: OpenSocket) -> None:
    """Tokens are checked at the upgrade only."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.expire_tokens()
    await send(socket, "hold")
    assert (await receive(socket))["body"]["type"] == "hold"


async def test_ids_are_echoed_as_sent(open_socket: OpenSocket) -> None:
    """Upper case stays upper case, and means the same interaction."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    await send(socket, "hold", ONE.upper())
    assert (await receive(socket))["body"]["interactionId"] == ONE.upper()
    assert simulator.all_states() == {ONE: "held"}


async def test_received_commands_can_be_looked_at(open_socket: OpenSocket) -> None:
    """All of them, or those of one interaction, and the next one can be waited for."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    await send(socket, "hold", holdMusic="jazz")
    await receive(socket)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _() -> None:
            await trio.testing.wait_all_tasks_blocked()
            await send(socket, "hold")
            await send(socket, "hold", TWO)

        command = await simulator.next_command(TWO)
    assert (command.type, command.interaction_id) == ("hold", TWO)
    assert [each.hold_music for each in simulator.received(ONE)] == ["jazz", None]
    assert len(simulator.received()) == 3


async def test_too_many_waiting_frames_cut_the_socket(open_socket: OpenSocket) -> None:
    """Delayed answers count as well: nothing grows without bound."""
    simulator = Simulator(ack_delay_s=3600.0)
    socket = await open_socket(simulator)
    for _ in range(MAX_WAITING_FRAMES + 1):
        simulator.send_frame("x")
    await simulator.until(lambda: simulator.open_sockets == 0)
    assert simulator.statistics().sockets_overflowed == 1
    assert simulator.statistics().acks_undeliverable == MAX_WAITING_FRAMES
    with pytest.raises(ConnectionClosed):
        await socket.get_message()


async def test_a_client_that_vanishes_is_no_error(
    dial_unread: Callable[..., Awaitable[trio.abc.Stream]],
) -> None:
    """What was on its way to it is lost, nothing else."""
    simulator = Simulator()
    stream = await dial_unread(simulator)
    await trio.aclose_forcefully(stream)
    simulator.send_frame("anybody there?")
    await simulator.until(lambda: simulator.open_sockets == 0)
    assert simulator.interaction(ONE).state == "active"
