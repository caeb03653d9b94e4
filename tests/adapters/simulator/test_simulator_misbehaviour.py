"""Every way in which the simulator can be told to misbehave, by file and by script."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection

from hookflash.adapters.simulator import Simulator, Statistics, parse_faults

ONE = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a001"
TWO = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a002"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = b"grant_type=client_credentials&client_id=me&client_secret=mine"

Clock = trio.testing.MockClock
OpenSocket = Callable[..., Awaitable[WebSocketConnection]]
GetToken = Callable[..., Awaitable[str]]
Ask = Callable[..., Awaitable[tuple[int, dict[str, str], dict[str, Any]]]]
Lookup = Callable[..., Awaitable[tuple[int, dict[str, str], dict[str, Any]]]]


async def send(
    socket: WebSocketConnection,
    kind: Literal["hold", "unhold"] = "hold",
    interaction_id: str = ONE,
    correlation_id: str | None = None,
) -> str:
    """Send a command; gives its correlation id."""
    used = correlation_id or str(uuid.uuid4())
    body: dict[str, Any] = {"type": kind, "interactionId": interaction_id, "priority": 5}
    if kind == "hold":
        body["holdReason"] = "queueing"
    message = {"command": "send", "correlationId": used, "body": body}
    await socket.send_message(orjson.dumps(message).decode())
    return used


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


# --- acknowledgements, by file --------------------------------------------------------------------


async def test_a_lost_ack_hides_a_command_that_was_carried_out(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """The client has to look it up."""
    simulator = Simulator(parse_faults("[acks]\nlost = 1"))
    socket = await open_socket(simulator)
    await send(socket)
    assert await silence(socket)
    assert simulator.state_of(ONE) == "held"
    assert simulator.statistics().acks_lost == 1


async def test_a_late_ack_is_late_but_the_command_is_not(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """It is carried out on receipt."""
    simulator = Simulator(parse_faults("[acks]\nlate = 1\nlate_ms = 7000"), ack_delay_s=0.5)
    socket = await open_socket(simulator)
    started_s = trio.current_time()
    await send(socket)
    await simulator.until(lambda: simulator.state_of(ONE) == "held")
    assert trio.current_time() == started_s
    await receive(socket)
    assert trio.current_time() - started_s == pytest.approx(7.5)
    assert simulator.statistics().acks_late == 1


async def test_a_duplicate_ack_comes_as_often_as_it_should(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """Each copy the same, and then no more."""
    simulator = Simulator(parse_faults("[acks]\nduplicate = 1\nduplicate_count = 3"))
    socket = await open_socket(simulator)
    await send(socket)
    copies = [await receive(socket) for _ in range(3)]
    assert copies[0] == copies[1] == copies[2]
    assert await silence(socket)
    assert (simulator.statistics().acks, simulator.statistics().acks_duplicated) == (3, 2)


async def test_an_unexecuted_command_leaves_no_trace(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """No answer, no effect."""
    simulator = Simulator(parse_faults("[acks]\nunexecuted = 1"))
    socket = await open_socket(simulator)
    await send(socket)
    assert await silence(socket)
    assert simulator.state_of(ONE) == "active"
    assert simulator.statistics().commands_unexecuted == 1


async def test_an_ack_of_the_wrong_type_hides_a_success(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """Carried out, but what comes back is no hold."""
    simulator = Simulator(parse_faults("[acks]\nwrong_type = 1"))
    socket = await open_socket(simulator)
    correlation_id = await send(socket)
    answer = await receive(socket)
    assert answer["correlationId"] == correlation_id
    assert answer["body"]["type"] not in ("hold", "unhold", "error")
    assert simulator.state_of(ONE) == "held"


@pytest.mark.parametrize("with_state", [False, True])
async def test_a_refused_command_is_not_carried_out(
    open_socket: OpenSocket, autojump_clock: Clock, *, with_state: bool
) -> None:
    """With code, retryAfter and, where asked for, the state."""
    text = "[[acks.refusals]]\nshare = 1\ncode = 429\nretry_after_s = 2\n"
    simulator = Simulator(parse_faults(text + f"with_state = {str(with_state).lower()}"))
    socket = await open_socket(simulator)
    await send(socket)
    body = (await receive(socket))["body"]
    assert (body["type"], body["code"], body["retryAfter"]) == ("error", 429, 2)
    assert body.get("state") == ("active" if with_state else None)
    assert simulator.state_of(ONE) == "active"
    assert simulator.statistics().commands_refused == 1


async def test_faults_are_shares(open_socket: OpenSocket, autojump_clock: Clock) -> None:
    """About one in five is lost when the file says so."""
    simulator = Simulator(parse_faults("[acks]\nlost = 0.2"), seed=7)
    socket = await open_socket(simulator)
    for _ in range(500):
        await send(socket)
    await simulator.until(lambda: simulator.statistics().commands == 500)
    assert 70 <= simulator.statistics().acks_lost <= 130


# --- frames and sockets ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["not_json", "not_object", "too_large", "unknown_shape", "binary"])
async def test_garbage_comes_before_the_answer(
    open_socket: OpenSocket, kind: str, autojump_clock: Clock
) -> None:
    """One frame of the kind that the file names."""
    text = f"[frames]\ngarbage = 1\nkinds = ['{kind}']\ntoo_large_bytes = 2000000"
    simulator = Simulator(parse_faults(text))
    socket = await open_socket(simulator)
    await send(socket)
    frame = await socket.get_message()
    assert isinstance(frame, bytes) == (kind == "binary")
    if kind == "not_json":
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(frame)
    elif kind != "binary":
        parsed = orjson.loads(frame)
        assert isinstance(parsed, list) == (kind == "not_object")
        assert (len(frame) == 2_000_000) == (kind == "too_large")
        assert "correlationId" not in parsed or kind == "not_object"
    assert (await receive(socket))["body"]["type"] == "hold"
    assert simulator.statistics().garbage_frames == 1


@pytest.mark.parametrize("abrupt", [False, True])
async def test_sockets_are_closed_every_so_many_commands(
    open_socket: OpenSocket, autojump_clock: Clock, *, abrupt: bool
) -> None:
    """With or without a handshake; cleanly closed ones send their last answer before."""
    text = f"[sockets]\nclose_every = 3\nabrupt = {str(abrupt).lower()}"
    simulator = Simulator(parse_faults(text))
    for _ in range(2):
        socket = await open_socket(simulator)
        for _ in range(2):
            await send(socket)
            await receive(socket)
        await send(socket)
        if not abrupt:
            await receive(socket)
        with pytest.raises(ConnectionClosed) as caught:
            await socket.get_message()
        assert caught.value.reason is not None
        assert caught.value.reason.code == (1006 if abrupt else 1001)
    assert simulator.statistics().sockets_closed_by_fault == 2
    assert simulator.statistics().commands == 6


async def test_a_half_open_socket_answers_nothing_for_a_while(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """Neither commands nor pings; what was sent meanwhile is answered afterwards."""
    simulator = Simulator(parse_faults("[sockets]\nhalf_open_every = 1\nhalf_open_s = 60"))
    socket = await open_socket(simulator)
    started_s = trio.current_time()
    await send(socket)
    await simulator.until(lambda: simulator.state_of(ONE) == "held")
    with trio.move_on_after(59) as waiting:
        await socket.ping(b"one")
    assert waiting.cancelled_caught
    await receive(socket)
    assert trio.current_time() - started_s == pytest.approx(60.0)
    await socket.ping(b"two")


async def test_frozen_sockets_thaw(open_socket: OpenSocket, autojump_clock: Clock) -> None:
    """The same by script, for all sockets at once."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.freeze_sockets(30)
    started_s = trio.current_time()
    await socket.ping()
    assert trio.current_time() - started_s == pytest.approx(30.0)
    assert simulator.statistics().half_opens == 1


async def test_the_server_pings_and_cuts_who_does_not_answer(
    open_socket: OpenSocket,
    dial_unread: Callable[..., Awaitable[trio.abc.Stream]],
    autojump_clock: Clock,
) -> None:
    """A client that answers stays."""
    simulator = Simulator(parse_faults("[sockets]\nping_every_s = 20\npong_within_s = 5"))
    started_s = trio.current_time()
    await open_socket(simulator)
    await dial_unread(simulator)
    assert simulator.open_sockets == 2
    await simulator.until(lambda: simulator.open_sockets == 1)
    assert trio.current_time() - started_s == pytest.approx(25.0)
    await trio.sleep(300)
    assert simulator.open_sockets == 1


@pytest.mark.parametrize(
    ("key", "kind", "state"),
    [("hold", "unhold", "held"), ("unhold", "hold", "active"), ("close", "hold", "abandoned")],
)
async def test_somebody_else_acts_right_after_a_command(
    open_socket: OpenSocket,
    key: str,
    kind: Literal["hold", "unhold"],
    state: str,
    autojump_clock: Clock,
) -> None:
    """First the acknowledgement, then the news."""
    simulator = Simulator(parse_faults(f"[foreign]\n{key} = 1\nclose_state = 'abandoned'"))
    socket = await open_socket(simulator)
    await send(socket, kind)
    assert (await receive(socket))["body"]["type"] == kind
    assert (await receive(socket))["state"] == state
    assert simulator.state_of(ONE) == state
    assert simulator.statistics().foreign_changes == 1


# --- HTTP endpoints -------------------------------------------------------------------------------


async def test_the_first_so_many_token_requests_are_refused(
    ask: Ask, autojump_clock: Clock
) -> None:
    """With the header that the file asks for; the one after them is answered."""
    text = "[[token.refusals]]\nstatus = 429\nfirst = 2\nretry_after_s = 1.5"
    simulator = Simulator(parse_faults(text))
    for _ in range(2):
        status, headers, _ = await ask(simulator, "POST", "/oauth/token", FORM, GOOD)
        assert (status, headers["retry-after"]) == (429, "2")
    assert (await ask(simulator, "POST", "/oauth/token", FORM, GOOD))[0] == 200
    counts = simulator.statistics()
    assert (counts.token_requests, counts.tokens_issued) == (3, 1)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_each_endpoint_refuses_with_any_status(
    ask: Ask, lookup: Lookup, get_token: GetToken, status: int, autojump_clock: Clock
) -> None:
    """Token, metadata and upgrade, by share."""
    simulator = Simulator(parse_faults(f"[[token.refusals]]\nstatus = {status}\nshare = 1"))
    found, headers, body = await ask(simulator, "POST", "/oauth/token", FORM, GOOD)
    assert (found, "retry-after" in headers) == (status, False)
    assert (body["error"] == "invalid_client") == (status == 401)
    simulator.use_faults(parse_faults(f"[[metadata.refusals]]\nstatus = {status}\nshare = 1"))
    assert (await lookup(simulator, ONE))[0] == status
    simulator.use_faults(parse_faults(f"[[upgrade.refusals]]\nstatus = {status}\nshare = 1"))
    path = f"/api/v2/interactions?access_token={await get_token(simulator)}"
    assert (await ask(simulator, "GET", path, {"Upgrade": "websocket"}))[0] == status


async def test_a_connection_can_be_lost_instead_of_answered(
    ask: Ask, autojump_clock: Clock
) -> None:
    """No status, no byte."""
    text = "[[token.refusals]]\nconnection_lost = true\nfirst = 1"
    simulator = Simulator(parse_faults(text))
    with pytest.raises(trio.BrokenResourceError):
        await ask(simulator, "POST", "/oauth/token", FORM, GOOD)
    assert (await ask(simulator, "POST", "/oauth/token", FORM, GOOD))[0] == 200


async def test_answers_can_be_slow(ask: Ask, autojump_clock: Clock) -> None:
    """By the time that the file names."""
    simulator = Simulator(parse_faults("[token]\nslow = 1\nslow_ms = 4500"))
    started_s = trio.current_time()
    assert (await ask(simulator, "POST", "/oauth/token", FORM, GOOD))[0] == 200
    assert trio.current_time() - started_s == pytest.approx(4.5)


# --- scripts --------------------------------------------------------------------------------------


async def test_acks_can_be_scripted_one_by_one(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """In order, for one interaction only, and then all is as before."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.next_ack(ONE, lost=True)
    simulator.next_ack(ONE.upper(), refused={"code": 429, "retryAfter": 2}, with_state=True)
    simulator.next_ack(ONE, wrong_type="parked", duplicate=2)
    simulator.next_ack(ONE, unexecuted=True)
    for _ in range(4):
        await send(socket)
    last = await send(socket, "unhold", TWO)
    body = (await receive(socket))["body"]
    assert (body["code"], body["retryAfter"], body["state"]) == (429, 2, "held")
    assert [(await receive(socket))["body"]["type"] for _ in range(2)] == ["parked", "parked"]
    assert (await receive(socket))["correlationId"] == last
    await send(socket)
    assert (await receive(socket))["body"]["type"] == "hold"


async def test_a_delayed_ack_is_overtaken(open_socket: OpenSocket, autojump_clock: Clock) -> None:
    """Later commands are answered before it."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.next_ack(ONE, delay_s=6)
    simulator.next_ack(TWO, delay_s=3)
    slow, less, quick = await send(socket), await send(socket, "hold", TWO), await send(socket)
    order = [(await receive(socket))["correlationId"] for _ in range(3)]
    assert order == [quick, less, slow]


async def test_a_withheld_ack_waits_for_its_release(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """So that a test decides what happens in between."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.next_ack(ONE, withheld=True, duplicate=2)
    correlation_id = await send(socket)
    await simulator.until(lambda: simulator.state_of(ONE) == "held")
    simulator.unhold_by_agent(ONE)
    assert (await receive(socket))["state"] == "active"
    assert simulator.release_acks(ONE) == 1
    assert simulator.release_acks(ONE) == 0
    copies = [await receive(socket) for _ in range(2)]
    assert [copy["correlationId"] for copy in copies] == [correlation_id] * 2


async def test_answers_whose_socket_is_gone_are_counted(
    open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """Delayed ones and withheld ones."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.next_ack(ONE, delay_s=10)
    simulator.next_ack(TWO, withheld=True)
    await send(socket)
    await send(socket, "hold", TWO)
    await simulator.until(lambda: simulator.statistics().holds == 2)
    simulator.close_sockets(abrupt=True)
    await simulator.until(lambda: simulator.open_sockets == 0)
    simulator.release_acks(TWO)
    assert simulator.statistics().acks_undeliverable == 2


async def test_lookups_can_be_scripted(
    lookup: Lookup, open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """Refused, lost, claiming another state, or late with what was true on receipt."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.next_metadata(ONE, status=429, retry_after_s=3)
    simulator.next_metadata(ONE, connection_lost=True)
    simulator.next_metadata(ONE, state="closed")
    simulator.next_metadata(ONE, delay_s=5)
    status, headers, _ = await lookup(simulator, ONE)
    assert (status, headers["retry-after"]) == (429, "3")
    with pytest.raises(trio.BrokenResourceError):
        await lookup(simulator, ONE)
    assert (await lookup(simulator, ONE))[2]["state"] == "closed"
    answers: list[str] = []

    async def look_up_slowly() -> None:
        answers.append((await lookup(simulator, ONE))[2]["state"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look_up_slowly)
        await simulator.until(lambda: simulator.statistics().tokens_issued == 5)
        await trio.testing.wait_all_tasks_blocked()
        await send(socket)
        await receive(socket)
    assert answers == ["active"]
    assert (await lookup(simulator, ONE))[2]["state"] == "held"
    assert simulator.statistics().metadata_answers == 3


async def test_tokens_and_upgrades_can_be_scripted(
    ask: Ask, get_token: GetToken, autojump_clock: Clock
) -> None:
    """One by one as well."""
    simulator = Simulator()
    token = await get_token(simulator)
    simulator.next_token(status=503)
    simulator.next_token(connection_lost=True)
    simulator.next_upgrade(status=401, delay_s=2)
    assert (await ask(simulator, "POST", "/oauth/token", FORM, GOOD))[0] == 503
    with pytest.raises(trio.BrokenResourceError):
        await ask(simulator, "POST", "/oauth/token", FORM, GOOD)
    assert (await ask(simulator, "POST", "/oauth/token", FORM, GOOD))[0] == 200
    started_s = trio.current_time()
    path = f"/api/v2/interactions?access_token={token}"
    assert (await ask(simulator, "GET", path, {"Upgrade": "websocket"}))[0] == 401
    assert trio.current_time() - started_s == pytest.approx(2.0)


async def test_a_gateway_can_turn_everybody_away(
    ask: Ask, open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """Open control sockets live on; afterwards all is as before."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.stop_accepting()
    with pytest.raises(trio.BrokenResourceError):
        await ask(simulator, "POST", "/oauth/token", FORM, GOOD)
    await send(socket)
    assert (await receive(socket))["body"]["type"] == "hold"
    simulator.resume()
    assert (await ask(simulator, "POST", "/oauth/token", FORM, GOOD))[0] == 200
    assert simulator.statistics().connections_dropped == 1


async def test_kept_connections_are_turned_away_too(
    ask: Ask, dial: Callable[[Simulator], trio.abc.Stream], autojump_clock: Clock
) -> None:
    """A request on a connection from before is not answered."""
    simulator = Simulator()
    stream = dial(simulator)
    assert (await ask(simulator, "POST", "/oauth/token", FORM, GOOD, stream))[0] == 200
    simulator.stop_accepting()
    with pytest.raises(trio.BrokenResourceError):
        await ask(simulator, "POST", "/oauth/token", FORM, GOOD, stream)


async def test_a_crash_cuts_all_connections(
    ask: Ask, open_socket: OpenSocket, autojump_clock: Clock
) -> None:
    """Requests in flight are lost with the sockets."""
    simulator = Simulator()
    socket = await open_socket(simulator)
    simulator.next_token(delay_s=10)

    async def ask_in_vain() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await ask(simulator, "POST", "/oauth/token", FORM, GOOD)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_in_vain)
        await simulator.until(lambda: simulator.statistics().token_requests == 2)
        simulator.cut_connections()
    with pytest.raises(ConnectionClosed):
        await socket.get_message()
    assert simulator.open_sockets == 0


# --- the seed -------------------------------------------------------------------------------------

STORMY = """
[acks]
lost = 0.1
late = 0.2
late_ms = 950
duplicate = 0.1
unexecuted = 0.1
wrong_type = 0.1
[[acks.refusals]]
share = 0.1
[frames]
garbage = 0.2
too_large_bytes = 500
[foreign]
hold = 0.1
unhold = 0.1
[metadata]
slow = 0.3
[[metadata.refusals]]
status = 500
share = 0.3
"""


async def _live_through(
    simulator: Simulator, open_socket: OpenSocket, lookup: Lookup
) -> tuple[list[str | bytes], list[int], Statistics]:
    socket = await open_socket(simulator)
    ids = [str(uuid.UUID(int=number, version=4)) for number in range(60)]
    statuses: list[int] = []
    for number, correlation_id in enumerate(ids):
        await send(socket, "hold" if number % 2 else "unhold", ids[number % 7], correlation_id)
        await trio.sleep(0.1)
        if number % 5 == 0:
            statuses.append((await lookup(simulator, ids[number % 7]))[0])
    frames: list[str | bytes] = []
    with trio.move_on_after(60):
        while True:
            frames.append(await socket.get_message())
    return frames, statuses, simulator.statistics()


def _without_times(frames: list[str | bytes]) -> list[str | bytes]:
    return [frame for frame in frames if "heldSince" not in str(frame)]


async def test_the_same_seed_behaves_the_same(
    open_socket: OpenSocket, lookup: Lookup, autojump_clock: Clock
) -> None:
    """Frame by frame; and another seed does not."""
    faults = parse_faults(STORMY)
    runs = [
        await _live_through(Simulator(faults, seed=seed), open_socket, lookup)
        for seed in (42, 42, 43)
    ]
    first, second, third = ((_without_times(frames), *rest) for frames, *rest in runs)
    assert first == second
    assert first[:2] != third[:2]


async def test_a_script_does_not_move_chance(
    open_socket: OpenSocket, lookup: Lookup, autojump_clock: Clock
) -> None:
    """What is scripted is drawn all the same, so that everything else stays as it was."""
    faults = parse_faults(STORMY)
    plain, scripted = Simulator(faults, seed=5), Simulator(faults, seed=5)
    scripted.next_ack(str(uuid.UUID(int=0, version=4)))
    _, statuses, _ = await _live_through(plain, open_socket, lookup)
    assert (await _live_through(scripted, open_socket, lookup))[1] == statuses


async def test_a_seed_is_drawn_and_told() -> None:
    """When none is given."""
    simulator = Simulator()
    assert 0 <= simulator.seed < 2**32
    assert Simulator(seed=3).seed == 3
    assert simulator.faults == parse_faults("")
