"""HTTP requests. The only module that knows httpx and its engine, httpcore.

The client keeps httpcore's connections itself: the lookup of each command passes here, and an
httpx client costs almost twice as much a request. httpx parses the addresses. Connections are
opened by a `Network`, so that tests run over memory streams and TLS errors say what they are.
"""

import select
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal, final

import httpcore
import httpx
import trio
from attrs import frozen

from hookflash.adapters.network import Network
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable

CONNECTIONS_MAX: Final = 8
"""Connections per client: few, so that they stay in use and are kept."""

IDLE_S: Final = 60.0
"""How long an unused connection is kept."""

RESPONSE_BYTES_MAX: Final = 1_048_576
"""Largest body that is read unless the caller says otherwise."""

HEAD_BYTES_MAX: Final = 65_536
"""Bytes that an answer's head may have beside its body."""

Method = Literal["GET", "POST", "PUT", "DELETE"]

_Header = tuple[bytes, bytes]


@frozen
class HttpResponse:
    """An answer.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name; repeated ones are joined by a comma.
        body: The whole body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class _TooLongError(httpcore.ReadError):
    """More was received than the answer may be long."""


class _Stream(httpcore.AsyncNetworkStream):
    """A trio stream as httpcore wants it. Time-outs lie around the whole request instead.

    Attributes:
        bytes_left: How much more may be received before the answer is too long.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.bytes_left = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - httpcore's signature
        try:
            received = bytes(await self._stream.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.ReadError(str(error)) from error
        self.bytes_left -= len(received)
        if self.bytes_left < 0:
            # Raised in here, so that httpcore winds up its generators and closes the connection.
            raise _TooLongError
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - httpcore's signature
        if not buffer:
            return
        try:
            await self._stream.send_all(buffer)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        # Nothing is in flight that the other side must still get: cut, do not say goodbye.
        await trio.aclose_forcefully(self._stream)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's signature
        """Tell httpcore whether an idle connection has something to read: then it was closed."""
        if info != "is_readable":
            return None
        transport = getattr(self._stream, "transport_stream", self._stream)
        if not isinstance(transport, trio.SocketStream):
            return False
        return _has_input(transport.socket)


_FOREIGN: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (_TooLongError, "too_large", "the answer of {place} is longer than allowed"),
    (httpcore.NetworkError, "lost", "the connection to {place} was lost"),
    (httpcore.RemoteProtocolError, "lost", "{place} hung up or did not answer in HTTP"),
    (httpcore.LocalProtocolError, "request", "the request to {place} cannot be written in HTTP"),
    (trio.TooSlowError, "timeout", "{place} did not answer within {timeout_s:g} s"),
    (trio.BrokenResourceError, "lost", "the connection to {place} was lost"),
    (trio.ClosedResourceError, "lost", "the connection to {place} was closed"),
)
"""Foreign exceptions: the first class that fits, the word for it, and our text."""

_FOREIGN_CLASSES: tuple[type[Exception], ...] = tuple([row[0] for row in _FOREIGN])


def _has_input(sock: trio.socket.SocketType) -> bool:
    """Tell whether the other side closed the idle connection or sent what nobody asked for."""
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _Body:
    """A request's body in one piece.

    httpcore's own is an async generator; one that is not read to its end, because the connection
    broke, is left to the garbage collector, which complains.
    """

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def __aiter__(self) -> "_Body":
        return _Body(self._rest)

    async def __anext__(self) -> bytes:
        if not self._rest:
            raise StopAsyncIteration
        rest, self._rest = self._rest, b""
        return rest


@frozen
class _Origin:
    """Where a request goes.

    Attributes:
        tls: Whether it is https.
        host: The host.
        port: The port.
        host_header: As the `Host` header has it.
        place: Host and port, for messages: paths and queries may hold secrets.
        wire: The same as httpcore has it.
    """

    tls: bool
    host: str
    port: int
    host_header: bytes
    place: str
    wire: httpcore.Origin


@lru_cache(maxsize=128)
def _origin_of(base: str) -> _Origin:
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL as error:
        raise _bad_url(f"is no address ({error})") from None
    if url.scheme not in {"http", "https"}:
        raise _bad_url(f"has the scheme {url.scheme[:20]!r}; http and https are known")
    if not url.host:
        raise _bad_url("names no host")
    if url.userinfo:
        raise _bad_url("holds a user name or password; send them in a header")
    port = url.port or (443 if url.scheme == "https" else 80)
    host = url.raw_host.decode("ascii")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    wire = httpcore.Origin(url.raw_scheme, url.raw_host, port)
    return _Origin(url.scheme == "https", host, port, url.netloc, place, wire)


def _bad_url(problem: str) -> ConfigurationError:
    return ConfigurationError(f"the URL {problem}", advice="correct the URL", source="url")


def _split(url: str) -> tuple[_Origin, bytes]:
    """Return where *url* leads and the request's target."""
    start = url.find("//") + 2
    end = len(url)
    for mark in "/?#":
        found = url.find(mark, start, end)
        if found >= 0:
            end = found
    origin = _origin_of(url[:end])
    target = url[end:]
    if target.startswith("/") and target.isascii() and target.isprintable() and " " not in target:
        return origin, target.partition("#")[0].encode("ascii")
    try:
        return origin, httpx.URL(url).raw_path
    except httpx.InvalidURL as error:
        raise _bad_url(f"is no address ({error})") from None


@frozen(eq=False)
class _Connection:
    """A connection and where it leads."""

    origin: _Origin
    stream: _Stream
    http: httpcore.AsyncHTTP11Connection


@final
class HttpClient:
    """A small HTTP/1.1 client with keep-alive.

    Close it with `aclose`. Safe for any number of tasks of one trio run; requests beyond the
    connections wait for one in order.

    Args:
        network: Opens the connections.
        connections_max: At most so many in use at once, and at most so many unused ones kept.
        idle_s: How long an unused connection is kept, in seconds.
    """

    def __init__(
        self,
        network: Network,
        *,
        connections_max: int = CONNECTIONS_MAX,
        idle_s: float = IDLE_S,
    ) -> None:
        self._network = network
        self._connections_max = connections_max
        self._idle_s = idle_s
        self._slots = trio.Semaphore(connections_max)
        self._idle: list[_Connection] = []
        self._keeps = True

    async def aclose(self) -> None:
        """Close the unused connections; those in use are closed when their requests end.

        The client can be used again afterwards.
        """
        self._keeps = False
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.http.aclose()

    async def request(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout_s: float = 5.0,
        response_bytes_max: int = RESPONSE_BYTES_MAX,
    ) -> HttpResponse:
        """Make one request and read its whole answer. Redirects are not followed.

        Nothing is retried, but for a GET on a kept connection that turns out to be closed.

        Args:
            method: The HTTP method.
            url: Absolute, http or https.
            headers: Beside `Host`, `Content-Length` and `User-Agent`, which are added. None adds
                no others.
            content: The body.
            timeout_s: For all of it, waiting for a free connection and opening one included.
            response_bytes_max: A longer body is not read to its end.

        Returns:
            The answer, whatever its status.

        Cancellation: the connection is cut; whether the request was carried out is not known.

        Raises:
            GatewayUnavailable: There was no answer, or one too long; `parts["problem"]` is one of
                `Network.open_stream`'s words, `request` or `too_large`.
            ConfigurationError: The URL or a header cannot be used.
        """
        self._keeps = True
        origin, target = _split(url)
        wire = origin.wire
        request = httpcore.Request(
            method.encode("ascii"),
            httpcore.URL(scheme=wire.scheme, host=wire.host, port=wire.port, target=target),
            headers=_encode_headers(origin, headers, method, content),
            content=_Body(content),
        )
        try:
            with trio.fail_after(timeout_s):
                try:
                    self._slots.acquire_nowait()
                except trio.WouldBlock:
                    await self._slots.acquire()
                try:
                    return await self._exchange(request, origin, response_bytes_max)
                finally:
                    self._slots.release()
        except _FOREIGN_CLASSES as error:
            raise _translate(error, origin.place, timeout_s) from error

    async def _exchange(
        self, request: httpcore.Request, origin: _Origin, response_bytes_max: int
    ) -> HttpResponse:
        kept = await self._take_kept(origin)
        if kept is not None:
            try:
                return await self._exchange_on(kept, request, response_bytes_max)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
                # The other side may have closed it at the very moment: RFC 9112, 9.3.1.
                if request.method != b"GET" or isinstance(error, _TooLongError):
                    raise
        stream = _Stream(
            await self._network.open_stream(
                origin.host, origin.port, tls=origin.tls, server_name=origin.host
            )
        )
        http = httpcore.AsyncHTTP11Connection(origin.wire, stream, keepalive_expiry=self._idle_s)
        return await self._exchange_on(
            _Connection(origin, stream, http), request, response_bytes_max
        )

    async def _take_kept(self, origin: _Origin) -> _Connection | None:
        """Return an unused connection that still lives, the latest used first; None for none."""
        idle = self._idle
        for index in range(len(idle) - 1, -1, -1):
            connection = idle[index]
            if connection.origin is origin or connection.origin == origin:
                del idle[index]
                if not connection.http.has_expired():
                    return connection
                await connection.http.aclose()
                return await self._take_kept(origin)
        return None

    async def _exchange_on(
        self, connection: _Connection, request: httpcore.Request, response_bytes_max: int
    ) -> HttpResponse:
        # A body in many small chunks is longer on the wire than in itself.
        connection.stream.bytes_left = 2 * response_bytes_max + HEAD_BYTES_MAX
        try:
            response = await connection.http.handle_async_request(request)
            parts = [part async for part in response.aiter_stream()]
            await response.aclose()
        except BaseException:
            # httpcore closes what fails, but not what is cancelled after its last byte.
            await connection.stream.aclose()
            raise
        if connection.http.is_idle():
            await self._keep(connection)
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(body) > response_bytes_max:
            raise _TooLongError
        received: dict[str, str] = {}
        for raw_name, raw_value in response.headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            received[name] = f"{received[name]}, {value}" if name in received else value
        return HttpResponse(response.status, received, body)

    async def _keep(self, connection: _Connection) -> None:
        idle = self._idle
        if not self._keeps:
            await connection.http.aclose()
            return
        idle.append(connection)
        while len(idle) > self._connections_max:
            await idle.pop(0).http.aclose()


def _encode_headers(
    origin: _Origin, headers: Mapping[str, str] | None, method: str, content: bytes
) -> list[_Header]:
    encoded: list[_Header] = [(b"Host", origin.host_header), (b"User-Agent", b"hookflash")]
    if content or method in {"POST", "PUT"}:
        encoded.append((b"Content-Length", b"%d" % len(content)))
    if headers:
        encoded += [_encode_header(name, value) for name, value in headers.items()]
    return encoded


def _encode_header(name: str, value: str) -> _Header:
    try:
        return name.encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        # The value stays unnamed: it may be a secret.
        raise ConfigurationError(
            f"the header {name!r} holds characters that HTTP cannot carry", source="headers"
        ) from None


def _translate(error: Exception, place: str, timeout_s: float) -> GatewayUnavailable:
    for cls, problem, text in _FOREIGN:
        if isinstance(error, cls):
            return GatewayUnavailable(
                text.format(place=place, timeout_s=timeout_s), problem=problem
            )
    raise AssertionError("only the classes of the table are caught")  # pragma: no cover - so it is
