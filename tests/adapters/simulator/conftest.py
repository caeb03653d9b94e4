"""A client of the simulator over memory streams, so that time is the mock clock's."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast
from urllib.parse import urlencode

import h11
import orjson
import pytest
import structlog
import trio
import trio.testing
from trio_websocket import WebSocketConnection, wrap_client_stream

from hookflash.adapters.simulator import Simulator

Dial = Callable[[Simulator], trio.abc.Stream]


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[structlog.typing.EventDict]]:
    """What the simulator logs, captured so that tests stay quiet."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def dial(nursery: trio.Nursery) -> Dial:
    """Connect to a simulator: gives the client's end of a memory stream."""

    def connect(simulator: Simulator) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(simulator.serve_stream, theirs)
        return ours

    return connect


async def _exchange(
    stream: trio.abc.Stream, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], dict[str, Any]]:
    connection = h11.Connection(h11.CLIENT)
    head = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    request = h11.Request(method=method, target=path, headers=list(head.items()))
    parts = [
        connection.send(request),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    ]
    await stream.send_all(b"".join(part or b"" for part in parts))
    response: h11.Response | None = None
    answer = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            received = bytes(await stream.receive_some(65_536))
            if not received and response is None:
                raise trio.BrokenResourceError("no answer")
            connection.receive_data(received)
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            answer += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert response is not None
            names = {name.decode(): value.decode() for name, value in response.headers}
            return response.status_code, names, orjson.loads(answer)


@pytest.fixture
def ask(dial: Dial) -> Callable[..., Awaitable[tuple[int, dict[str, str], dict[str, Any]]]]:
    """Ask for something over HTTP: gives status, headers and the JSON object of the answer."""

    async def exchange(  # noqa: PLR0917 - a request has these parts
        simulator: Simulator,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        stream: trio.abc.Stream | None = None,
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        used = stream or dial(simulator)
        return await _exchange(used, method, path, headers or {}, body)

    return exchange


@pytest.fixture
def get_token(ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[str]]:
    """Get a token from a simulator, for other scopes than the default ones where given."""

    async def token(simulator: Simulator, scope: str | None = None) -> str:
        form = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "mine"}
        if scope is not None:
            form["scope"] = scope
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        _, _, body = await ask(simulator, "POST", "/oauth/token", kind, urlencode(form).encode())
        return str(body["access_token"])

    return token


@pytest.fixture
def open_socket(
    nursery: trio.Nursery, dial: Dial, get_token: Callable[..., Awaitable[str]]
) -> Callable[..., Awaitable[WebSocketConnection]]:
    """Open a control socket at a simulator, with a fresh token unless one is given."""

    async def socket(simulator: Simulator, token: str | None = None) -> WebSocketConnection:
        used = await get_token(simulator) if token is None else token
        return await wrap_client_stream(
            nursery,
            cast("trio.SocketStream", dial(simulator)),  # any stream will do
            "localhost",
            f"/api/v2/interactions?access_token={used}",
            message_queue_size=10_000,
            max_message_size=4_000_000,
        )

    return socket


@pytest.fixture
def lookup(
    ask: Callable[..., Awaitable[Any]], get_token: Callable[..., Awaitable[str]]
) -> Callable[..., Awaitable[tuple[int, dict[str, str], dict[str, Any]]]]:
    """Look an interaction up, with a fresh token."""

    async def metadata(
        simulator: Simulator, interaction_id: str
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        bearer = {"Authorization": f"Bearer {await get_token(simulator)}"}
        found: tuple[int, dict[str, str], dict[str, Any]] = await ask(
            simulator, "GET", f"/api/v2/interactions/{interaction_id}", bearer
        )
        return found

    return metadata


@pytest.fixture
def dial_unread(
    nursery: trio.Nursery, get_token: Callable[..., Awaitable[str]]
) -> Callable[[Simulator], Awaitable[trio.abc.Stream]]:
    """Open a control socket that reads the handshake and nothing after it."""

    async def connect(simulator: Simulator) -> trio.abc.Stream:
        ours, theirs = trio.testing.lockstep_stream_pair()
        nursery.start_soon(simulator.serve_stream, theirs)
        token = await get_token(simulator)
        lines = [
            f"GET /api/v2/interactions?access_token={token} HTTP/1.1",
            "Host: localhost",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        before = simulator.open_sockets
        await ours.send_all(("\r\n".join(lines) + "\r\n\r\n").encode())
        await ours.receive_some(65_536)
        await simulator.until(lambda: simulator.open_sockets > before)
        return ours

    return connect
