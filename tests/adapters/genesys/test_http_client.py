"""The HTTP client: keep-alive, bounds, errors in our own words."""

import pytest
import trio
from tests.adapters.genesys.gateway_world import CannedServer, StreamNetwork, answer
from trio.testing import MockClock

from hookflash.adapters.http import HttpClient, HttpResponse
from hookflash.adapters.network import TcpNetwork
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable


async def test_a_request_and_its_answer(nursery: trio.Nursery) -> None:
    """Method, target, headers and body as given; status, headers and body as answered."""
    server = CannedServer(answer(201, {"a": 1}, {"X-One": "1", "x-one": "2"}))
    client = HttpClient(StreamNetwork(nursery, server.serve))

    response = await client.request(
        "POST", "http://h.test:81/p?q=1#f", headers={"X-Two": "ü"}, content=b"body"
    )

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /p?q=1 HTTP/1.1"
    assert {b"Host: h.test:81", b"Content-Length: 4", "X-Two: ü".encode("latin-1")} <= set(lines)
    assert body == b"body"
    assert response == HttpResponse(201, {"content-length": "7", "x-one": "1, 2"}, b'{"a":1}')


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("https://h.test", b"/", b"h.test"),
        ("https://h.test?q", b"/?q", b"h.test"),
        ("https://h.test/a b/ü", b"/a%20b/%C3%BC", b"h.test"),
        ("https://h.test:443/", b"/", b"h.test"),
        ("https://[::1]:8443/x", b"/x", b"[::1]:8443"),
    ],
)
async def test_addresses(nursery: trio.Nursery, url: str, target: bytes, host: bytes) -> None:
    """Whatever the address looks like, target and host are right."""
    server = CannedServer(answer(200))
    await HttpClient(StreamNetwork(nursery, server.serve)).request("GET", url)

    lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"GET " + target + b" HTTP/1.1"
    assert b"Host: " + host in lines


@pytest.mark.parametrize(
    "url", ["", "h.test", "ftp://h.test", "https://", "https://user:word@h.test/", "https://h:x/"]
)
async def test_bad_addresses(nursery: trio.Nursery, url: str) -> None:
    """An address that cannot be used is refused; a password in it is not shown."""
    server = CannedServer(answer(200))
    with pytest.raises(ConfigurationError, match="the URL") as caught:
        await HttpClient(StreamNetwork(nursery, server.serve)).request("GET", url)

    assert "word@" not in str(caught.value)


async def test_a_header_that_cannot_be_sent(nursery: trio.Nursery) -> None:
    """The header is named, its value is not."""
    client = HttpClient(StreamNetwork(nursery, CannedServer(answer(200)).serve))
    with pytest.raises(ConfigurationError, match="'X-Key'") as caught:
        await client.request("GET", "https://h.test", headers={"X-Key": "geheim€"})

    assert "geheim" not in str(caught.value)
    with pytest.raises(GatewayUnavailable, match="cannot be written in HTTP"):
        await client.request("GET", "https://h.test", headers={"X-Key": "a\r\nEvil: b"})


async def test_connections_are_kept(nursery: trio.Nursery) -> None:
    """One after the other on one connection; another host gets its own."""
    server = CannedServer(answer(200, {}))
    network = StreamNetwork(nursery, server.serve)
    client = HttpClient(network)
    for _ in range(5):
        await client.request("GET", "https://h.test/")
    assert len(network.opened) == 1
    await client.request("GET", "https://i.test/")
    await client.request("GET", "https://h.test/")
    assert len(network.opened) == 2


async def test_connections_are_bounded(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """Twenty requests at once share two connections."""
    del autojump_clock
    server = CannedServer(answer(200, {}))
    network = StreamNetwork(nursery, server.serve)
    client = HttpClient(network, connections_max=2)

    async def ask() -> None:
        await client.request("GET", "https://h.test/")

    async with trio.open_nursery() as asking:
        for _ in range(20):
            asking.start_soon(ask)

    assert len(network.opened) == 2
    await client.aclose()
    await client.request("GET", "https://h.test/")
    assert len(network.opened) == 3


async def test_unused_connections_end(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """A connection that was closed or is too old is not used again."""
    del autojump_clock
    server = CannedServer(answer(200, {}))
    network = StreamNetwork(nursery, server.serve)
    client = HttpClient(network, idle_s=0.0)
    await client.request("GET", "https://h.test/")
    await client.request("GET", "https://h.test/")

    assert len(network.opened) == 2


async def test_a_kept_connection_that_was_closed_is_replaced(nursery: trio.Nursery) -> None:
    """A GET is made again on a new connection; a POST is not, for it may have been carried out."""
    server = CannedServer(answer(200, {}), b"", answer(200, {}), b"", answer(200, {}))
    client = HttpClient(StreamNetwork(nursery, server.serve))
    await client.request("GET", "https://h.test/")

    assert (await client.request("GET", "https://h.test/")).status == 200
    with pytest.raises(GatewayUnavailable, match=r"h\.test:443 hung up"):
        await client.request("POST", "https://h.test/")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [(b"", "lost"), (b"SSH-2.0\r\n\r\n", "lost"), (answer(200, raw=b"x" * 50), "too_large")],
)
async def test_bad_answers(nursery: trio.Nursery, reply: bytes, problem: str) -> None:
    """Hanging up, another protocol, too long: each is `GatewayUnavailable`."""
    client = HttpClient(StreamNetwork(nursery, CannedServer(reply).serve), connections_max=1)
    with pytest.raises(GatewayUnavailable, match=r"h\.test:443") as caught:
        await client.request("GET", "https://h.test/secret", response_bytes_max=49)

    assert caught.value.parts["problem"] == problem
    assert "secret" not in str(caught.value)
    with pytest.raises(GatewayUnavailable, match=r"hung up|answer"), trio.fail_after(1):
        await client.request("GET", "https://h.test/secret", response_bytes_max=49)


async def test_real_sockets_are_kept_and_replaced() -> None:
    """On a real connection a close by the other side is noticed before it is used."""
    server = CannedServer(answer(200, {}))
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    streams: list[trio.SocketStream] = []

    async def handle(stream: trio.SocketStream) -> None:
        streams.append(stream)
        try:
            await server.serve(stream)
        except trio.ClosedResourceError:
            await trio.lowlevel.checkpoint()

    client = HttpClient(TcpNetwork())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, listeners)
        await client.request("POST", f"http://127.0.0.1:{port}/")
        await client.request("POST", f"http://127.0.0.1:{port}/")
        assert len(streams) == 1
        await streams[0].aclose()
        await client.request("POST", f"http://127.0.0.1:{port}/")
        assert len(streams) == 2
        await client.aclose()
        nursery.cancel_scope.cancel()
