"""The simulator over real TLS on localhost, with the clients that people use."""

import errno
import socket as sockets
import ssl
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, open_websocket, wrap_client_stream

from hookflash.adapters.simulator import Address, Simulator, make_identity
from hookflash.adapters.simulator.listening import open_listeners
from hookflash.machines.errors import ConfigurationError

ONE = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a001"
GOOD = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "mine"}


def trusting(address: Address) -> ssl.SSLContext:
    """A context that trusts the simulator and nobody else."""
    return ssl.create_default_context(cafile=str(address.ca_file))


async def _token(address: Address) -> str:
    async with httpx.AsyncClient(verify=trusting(address)) as client:
        answer = await client.post(f"{address.url}/oauth/token", data=GOOD)
        return str(answer.json()["access_token"])


async def _connect(address: Address) -> trio.SSLStream[trio.SocketStream]:
    """A stream of our own: trio-websocket leaves that of a cut or refused connection open."""
    return await trio.open_ssl_over_tcp_stream(
        "localhost", address.port, ssl_context=trusting(address), https_compatible=True
    )


async def test_a_whole_conversation(nursery: trio.Nursery, tmp_path: Path) -> None:
    """Token, socket, hold, lookup, with httpx and trio-websocket and the CA from the folder."""
    simulator = Simulator()
    address: Address = await nursery.start(simulator.serve_tcp, 0, tmp_path / "deep" / "tls")
    assert address.ca_file == tmp_path / "deep" / "tls" / "ca.pem"
    assert address.url == f"https://localhost:{address.port}"
    token = await _token(address)
    resource = f"/api/v2/interactions?access_token={token}"
    async with open_websocket(
        "localhost", address.port, resource, use_ssl=trusting(address)
    ) as socket:
        body = {"type": "hold", "interactionId": ONE, "holdReason": "queueing", "priority": 5}
        message = {"command": "send", "correlationId": ONE, "body": body}
        await socket.send_message(orjson.dumps(message).decode())
        answer: dict[str, Any] = orjson.loads(await socket.get_message())
        assert answer["body"]["state"] == "held"
    async with httpx.AsyncClient(verify=trusting(address)) as client:
        found = await client.get(
            f"{address.url}/api/v2/interactions/{ONE}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )
    assert found.json()["state"] == "held"
    nursery.cancel_scope.cancel()


async def test_all_names_of_localhost_are_served(nursery: trio.Nursery, tmp_path: Path) -> None:
    """IPv4, IPv6 where there is one, and the name; the certificate fits each."""
    address: Address = await nursery.start(Simulator().serve_tcp, 0, tmp_path)
    hosts = ["localhost", "127.0.0.1"]
    try:
        with sockets.socket(sockets.AF_INET6) as probe:
            probe.bind(("::1", 0))
        hosts.append("::1")
    except OSError:
        pass  # no IPv6 on this machine
    for host in hosts:
        stream = await trio.open_ssl_over_tcp_stream(
            host, address.port, ssl_context=trusting(address), https_compatible=True
        )
        async with stream:
            await stream.do_handshake()
    nursery.cancel_scope.cancel()


async def test_a_stranger_does_not_trust_it(nursery: trio.Nursery, tmp_path: Path) -> None:
    """Without the CA there is no connection, and the server lives on."""
    address: Address = await nursery.start(Simulator().serve_tcp, 0, tmp_path)
    async with httpx.AsyncClient(verify=ssl.create_default_context()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{address.url}/")
    assert await _token(address)
    nursery.cancel_scope.cancel()


async def test_a_refused_upgrade_is_a_rejection(nursery: trio.Nursery, tmp_path: Path) -> None:
    """With its status and body."""
    address: Address = await nursery.start(Simulator().serve_tcp, 0, tmp_path)
    resource = "/api/v2/interactions?access_token=unknown"
    stream = await _connect(address)
    with pytest.RaisesGroup(ConnectionRejected) as caught:
        async with trio.open_nursery() as inner:
            await wrap_client_stream(inner, stream, "localhost", resource)
    await trio.aclose_forcefully(stream)
    rejected = caught.value.exceptions[0]
    assert isinstance(rejected, ConnectionRejected)
    assert rejected.status_code == 401
    assert b"token" in (rejected.body or b"")
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("abrupt", [False, True])
async def test_sockets_end_over_tls(nursery: trio.Nursery, tmp_path: Path, *, abrupt: bool) -> None:
    """Cleanly with a code, or cut without a word."""
    simulator = Simulator()
    address: Address = await nursery.start(simulator.serve_tcp, 0, tmp_path)
    resource = f"/api/v2/interactions?access_token={await _token(address)}"
    stream = await _connect(address)
    socket = await wrap_client_stream(nursery, stream, "localhost", resource)
    await simulator.until(lambda: simulator.open_sockets == 1)
    simulator.close_sockets(abrupt=abrupt)
    with pytest.raises(ConnectionClosed) as caught:
        await socket.get_message()
    assert caught.value.reason is not None
    assert caught.value.reason.code == (1006 if abrupt else 1001)
    await simulator.until(lambda: simulator.open_sockets == 0)
    await trio.aclose_forcefully(stream)
    nursery.cancel_scope.cancel()


async def test_a_taken_port_is_named(nursery: trio.Nursery, tmp_path: Path) -> None:
    """As a configuration error; whoever trusts the one that serves there still does."""
    address: Address = await nursery.start(Simulator().serve_tcp, 0, tmp_path)
    with pytest.raises(ConfigurationError, match=f"port {address.port}"):
        await Simulator().serve_tcp(address.port, tmp_path)
    assert await _token(address)
    nursery.cancel_scope.cancel()


def test_no_private_key_is_left_behind(tmp_path: Path) -> None:
    """Only the public certificate is written, and an older one is replaced."""
    first = make_identity(tmp_path).ca_file.read_bytes()
    second = make_identity(tmp_path).ca_file.read_bytes()
    assert first != second
    assert [path.name for path in tmp_path.iterdir()] == ["ca.pem"]
    assert b"PRIVATE" not in second


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError) as caught:
        make_identity(tmp_path / "file" / "tls")
    assert caught.value.source == str(tmp_path / "file" / "tls")


async def test_no_port_is_kept_without_a_certificate(tmp_path: Path) -> None:
    """A folder that cannot be made gives the port back; pytest tells of sockets left open."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"cannot write .*ca\.pem"):
        await Simulator().serve_tcp(0, tmp_path / "file" / "tls")


def test_without_a_folder_a_temporary_one_is_made() -> None:
    """And told."""
    identity = make_identity()
    assert b"CERTIFICATE" in identity.ca_file.read_bytes()
    identity.ca_file.unlink()
    identity.ca_file.parent.rmdir()


async def test_a_machine_without_ipv6_is_served_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a port that is taken on ::1 only is not picked."""
    tried: list[str] = []
    errors = [errno.EADDRINUSE, errno.EADDRNOTAVAIL]
    real = trio.open_tcp_listeners

    async def listen(port: int, *, host: str, backlog: int) -> list[trio.SocketListener]:
        tried.append(host)
        if host == "::1":
            raise OSError(errors.pop(0), "not here")
        return await real(port, host=host, backlog=backlog)

    monkeypatch.setattr(trio, "open_tcp_listeners", listen)
    listeners, port = await open_listeners(0)
    assert tried == ["127.0.0.1", "::1"] * 2
    assert (len(listeners), port > 0) == (1, True)
    await listeners[0].aclose()
    errors.append(errno.EADDRINUSE)
    with pytest.raises(ConfigurationError, match=f"port {port} of ::1"):
        await open_listeners(port)


async def test_a_bug_ends_one_connection_only(
    nursery: trio.Nursery,
    tmp_path: Path,
    logged: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is logged loudly, and the next client is served."""
    simulator = Simulator()
    address: Address = await nursery.start(simulator.serve_tcp, 0, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(simulator, "serve_stream", None)
        async with httpx.AsyncClient(verify=trusting(address)) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"{address.url}/")
    assert "simulator.connection.failed" in [line["event"] for line in logged]
    assert await _token(address)
    nursery.cancel_scope.cancel()
