"""Real sockets and real certificates: each failure says what it is and what to do."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trustme

from hookflash.adapters.http import HttpClient
from hookflash.adapters.network import Network, TcpNetwork
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable

AUTHORITY = trustme.CA()
OTHER = trustme.CA()
NOW = datetime.now(tz=UTC)


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    """The authority's PEM file."""
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(path)
    return str(path)


async def _echo(stream: trio.abc.Stream) -> None:
    try:
        async for data in stream:
            await stream.send_all(data)
    except trio.BrokenResourceError:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def _serve(certificate: trustme.LeafCert | None) -> AsyncGenerator[int]:
    """Serve TLS with *certificate*, or plain TCP; yields the port."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port: int = listeners[0].socket.getsockname()[1]

    async def handle(stream: trio.SocketStream) -> None:
        if certificate is None:
            received = await stream.receive_some()
            if received:
                await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await stream.aclose()
            return
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - trustme's
        await _echo(trio.SSLStream(stream, context, server_side=True, https_compatible=True))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, listeners)
        yield port
        nursery.cancel_scope.cancel()


async def _fail(network: Network, port: int, server_name: str = "localhost") -> GatewayUnavailable:
    with pytest.raises(GatewayUnavailable) as caught:
        await network.open_stream("127.0.0.1", port, tls=True, server_name=server_name)
    return caught.value


async def test_a_trusted_certificate(ca_file: str) -> None:
    """Bytes go there and back."""
    async with _serve(AUTHORITY.issue_cert("localhost")) as port:
        stream = await TcpNetwork(ca_file).open_stream(
            "127.0.0.1", port, tls=True, server_name="localhost"
        )
        await stream.send_all(b"hello")
        assert await stream.receive_some(5) == b"hello"
        await trio.aclose_forcefully(stream)


async def test_a_wrong_authority(ca_file: str) -> None:
    """It names the file and the setting, and keeps its cause."""
    async with _serve(OTHER.issue_cert("localhost")) as port:
        error = await _fail(TcpNetwork(ca_file), port)

    assert f"127.0.0.1:{port} is not trusted by the authorities in {ca_file!r}" in str(error)
    assert "set `ca_file`" in error.advice
    assert error.parts["problem"] == "certificate"
    assert isinstance(error.__cause__, trio.BrokenResourceError)
    assert isinstance(error.__cause__.__cause__, ssl.SSLCertVerificationError)


async def test_a_private_authority_without_the_setting() -> None:
    """It says that the system does not know it, and names the setting."""
    async with _serve(AUTHORITY.issue_cert("localhost")) as port:
        error = await _fail(TcpNetwork(), port)

    assert "is not trusted by the system's authorities" in str(error)
    assert "set `ca_file`" in error.advice


async def test_a_wrong_host_name(ca_file: str) -> None:
    """It names the host that was asked for."""
    async with _serve(AUTHORITY.issue_cert("other.test")) as port:
        error = await _fail(TcpNetwork(ca_file), port)
        by_address = await _fail(TcpNetwork(ca_file), port, "127.0.0.1")

    assert "is not for 'localhost'" in str(error)
    assert "setting `host`" in error.advice
    assert "is not for '127.0.0.1'" in str(by_address)


@pytest.mark.parametrize(
    ("from_days", "to_days", "text"), [(-9, -2, "has expired"), (2, 9, "is not valid yet")]
)
async def test_a_certificate_out_of_its_time(
    ca_file: str, from_days: int, to_days: int, text: str
) -> None:
    """Expired and not yet valid are told apart from not trusted."""
    certificate = AUTHORITY.issue_cert(
        "localhost",
        not_before=NOW + timedelta(days=from_days),
        not_after=NOW + timedelta(days=to_days),
    )
    async with _serve(certificate) as port:
        error = await _fail(TcpNetwork(ca_file), port)

    assert text in str(error)
    assert error.parts["problem"] == "certificate"


async def test_a_plain_port(ca_file: str) -> None:
    """A port that answers in plain HTTP does not speak TLS."""
    async with _serve(None) as port:
        error = await _fail(TcpNetwork(ca_file), port)

    assert f"127.0.0.1:{port} does not speak TLS" in str(error)
    assert error.parts["problem"] == "not_tls"


async def test_a_closed_port(ca_file: str) -> None:
    """Nobody listens: the place is named."""
    async with _serve(None) as port:
        pass
    error = await _fail(TcpNetwork(ca_file), port)

    assert f"127.0.0.1:{port} cannot be connected to" in str(error)
    assert error.parts["problem"] == "refused"


async def test_a_name_that_does_not_exist() -> None:
    """The name is shown; `.invalid` never resolves (RFC 6761)."""
    with pytest.raises(
        GatewayUnavailable, match=r"'nowhere\.invalid' cannot be resolved"
    ) as caught:
        await TcpNetwork().open_stream(
            "nowhere.invalid", 443, tls=True, server_name="nowhere.invalid"
        )

    assert caught.value.parts["problem"] == "name"


async def test_a_server_that_hangs_up(ca_file: str) -> None:
    """A connection that ends in the handshake is lost, not mistrusted."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, trio.aclose_forcefully, listeners)
        error = await _fail(TcpNetwork(ca_file), port)
        nursery.cancel_scope.cancel()

    assert error.parts["problem"] in {"lost", "tls"}


async def test_a_server_that_says_nothing(ca_file: str) -> None:
    """A handshake has its bound."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    error = await _fail(TcpNetwork(ca_file, timeout_s=0.05), port)
    await listeners[0].aclose()

    assert f"127.0.0.1:{port} did not answer within 0.05 s" in str(error)


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_bad_ca_file(tmp_path: Path, content: str | None) -> None:
    """The setting is named, whether the file is missing or no PEM."""
    path = tmp_path / "bad.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    async with _serve(AUTHORITY.issue_cert("localhost")) as port:
        with pytest.raises(ConfigurationError, match=r"ca_file: .*bad\.pem"):
            await TcpNetwork(str(path)).open_stream(
                "127.0.0.1", port, tls=True, server_name="localhost"
            )


async def test_the_client_passes_such_errors_on(ca_file: str) -> None:
    """An HTTP request fails with the very error, cause included."""
    async with _serve(OTHER.issue_cert("localhost")) as port:
        with pytest.raises(GatewayUnavailable, match="is not trusted") as caught:
            await HttpClient(TcpNetwork(ca_file)).request("GET", f"https://localhost:{port}/x")

    assert isinstance(caught.value.__cause__, trio.BrokenResourceError)
