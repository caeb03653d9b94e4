"""HTTP/1.1 on one connection, through h11: requests in, answers out, upgrades handed over."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import attrs
import h11
import orjson
import trio

RECEIVE_BYTES: Final = 65_536


@attrs.frozen(kw_only=True)
class Limits:
    """What one client may cost.

    Attributes:
        max_head_bytes: Largest request head.
        max_body_bytes: Largest request body; a larger one gets 413.
        max_frame_bytes: Largest WebSocket message; a larger one closes the socket with 1009.
        max_unsent_bytes: How much may wait for a client that does not read, before it is cut.
        max_connections: How many connections are served at once; more are turned away.
        max_sockets: How many control sockets are open at once; more get 503.
        idle_s: How long a connection may stay without a request, or a request take to arrive, in
            seconds, before it is closed.
    """

    max_head_bytes: int = 16_384
    max_body_bytes: int = 65_536
    max_frame_bytes: int = 65_536
    max_unsent_bytes: int = 33_554_432
    max_connections: int = 1_000
    max_sockets: int = 500
    idle_s: float = 120.0


@attrs.frozen
class HttpRequest:
    """A request with its whole body. Where it may hold a token or secret, `repr` leaves it out.

    Attributes:
        method: As sent.
        path: Without the query.
        query: The query; empty without one.
        headers: By name in lower case; of repeated ones the last.
        body: The whole body.
    """

    method: str
    path: str
    query: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    def query_value(self, name: str) -> str | None:
        """The last value of a query parameter; None without one."""
        values = parse_qs(self.query).get(name)
        return values[-1] if values else None

    @property
    def asks_for_websocket(self) -> bool:
        """Whether the client asks to turn the connection into a WebSocket."""
        return self.headers.get("upgrade", "").lower() == "websocket"


@attrs.frozen
class Answer:
    """An HTTP answer.

    Attributes:
        status: The status code.
        body: The JSON object of the answer.
        headers: More headers.
        upgrade: Turn the connection into a WebSocket instead of answering.
        connection_lost: Cut the connection instead of answering.
    """

    status: int = 200
    body: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    headers: tuple[tuple[str, str], ...] = ()
    upgrade: bool = False
    connection_lost: bool = False


Respond = Callable[[HttpRequest], Awaitable[Answer]]


class _TooLarge(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def serve_requests(
    stream: trio.abc.Stream, respond: Respond, on_bad_request: Callable[[], None], limits: Limits
) -> bytes | None:
    """Answer requests until the connection ends or turns into something else.

    Args:
        stream: The connection; left open.
        respond: Gives the answer to each request, one at a time.
        on_bad_request: Told about what is no HTTP or too large; it is answered here.
        limits: See there.

    Returns:
        None when the connection is to be closed; when `respond` said `upgrade`, all bytes received
        from the beginning of that request, which was not answered.

    Raises:
        trio.BrokenResourceError: The client went away in the middle.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.max_head_bytes)
    while True:
        reader = _RequestReader(stream, connection, limits)
        try:
            request: HttpRequest | None = None
            with trio.move_on_after(limits.idle_s):
                request = await reader.read()
            if request is None:
                return None
            answer = await respond(request)
        except h11.RemoteProtocolError as error:
            on_bad_request()
            await _refuse(stream, connection, error.error_status_hint)
            return None
        except _TooLarge as error:
            on_bad_request()
            await _refuse(stream, connection, error.status)
            return None
        if answer.connection_lost:
            return None
        if answer.upgrade:
            return bytes(reader.raw)
        await _send(stream, connection, answer, with_body=request.method != "HEAD")
        if connection.our_state is h11.MUST_CLOSE or connection.their_state is not h11.DONE:
            return None
        connection.start_next_cycle()


class _RequestReader:
    """Reads one request; keeps its raw bytes, since an upgrade is parsed again elsewhere."""

    def __init__(self, stream: trio.abc.Stream, connection: h11.Connection, limits: Limits) -> None:
        self._stream = stream
        self._connection = connection
        self._limits = limits
        self.raw = bytearray(connection.trailing_data[0])

    async def read(self) -> HttpRequest | None:
        """The next request; None when the client has closed the connection."""
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        # h11 limits a head only while it is incomplete: one that came in a single piece gets here.
        size = len(head.target) + sum(len(name) + len(value) for name, value in head.headers)
        if size > self._limits.max_head_bytes:
            raise _TooLarge(431)
        path, _, query = head.target.decode("latin-1").partition("?")
        request = HttpRequest(head.method.decode("latin-1"), path, query, headers)
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > self._limits.max_body_bytes:
                raise _TooLarge(413)
        return attrs.evolve(request, body=bytes(body)) if body else request

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._connection.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self._connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self._stream.send_all(self._connection.send(go_on) or b"")
            received = bytes(await self._stream.receive_some(RECEIVE_BYTES))
            self.raw += received
            self._connection.receive_data(received)


async def _send(
    stream: trio.abc.Stream, connection: h11.Connection, answer: Answer, *, with_body: bool = True
) -> None:
    body = orjson.dumps(answer.body)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        *answer.headers,
    ]
    head = h11.Response(status_code=answer.status, headers=headers)
    parts = [
        connection.send(head) or b"",
        connection.send(h11.Data(data=body if with_body else b"")) or b"",
        connection.send(h11.EndOfMessage()) or b"",
    ]
    await stream.send_all(b"".join(parts))


async def _refuse(stream: trio.abc.Stream, connection: h11.Connection, status: int) -> None:
    if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        body = {"error": "invalid_request", "code": status, "message": HTTPStatus(status).phrase}
        await _send(stream, connection, Answer(status, body, (("Connection", "close"),)))
