"""Connections of the simulator: streams in, requests answered, control sockets served."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

import attrs
import trio
from trio_websocket import wrap_server_stream
from wsproto.utilities import LocalProtocolError

from hookflash.adapters.simulator.certificates import make_identity
from hookflash.adapters.simulator.endpoints import Endpoints
from hookflash.adapters.simulator.faults import Faults
from hookflash.adapters.simulator.gateway import Gateway
from hookflash.adapters.simulator.http_connection import (
    RECEIVE_BYTES,
    Answer,
    HttpRequest,
    Limits,
    serve_requests,
)
from hookflash.adapters.simulator.listening import open_listeners
from hookflash.adapters.simulator.sockets import ControlSocket
from hookflash.adapters.simulator.streams import CLOSING_S, UpgradedStream
from hookflash.adapters.simulator.watching import WatchedEndpoints
from hookflash.adapters.wire.tap import SocketTap, WireTap
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import ConfigurationError

FRAMES_QUEUED: Final = 256
"""Received frames that wait for the reader; it never waits itself, so they are few."""

log = get_logger("hookflash.simulator")


@attrs.frozen
class Address:
    """Where a simulator serves.

    Attributes:
        port: The TCP port on localhost.
        ca_file: The authority that clients have to trust, PEM.
    """

    port: int
    ca_file: Path

    @property
    def host(self) -> str:
        """Host and port as the gateway setting wants them."""
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"https://{self.host}"


class Server:
    """Serves a gateway that speaks the interaction protocol.

    All state is in memory and belongs to one trio run. Methods that are not `async` never wait.

    Args:
        faults: What goes wrong; None is well-behaved.
        seed: Decides when; None draws one, which `seed` then tells.
        ack_delay_s: How long every answer to a command takes, in seconds.
        limits: What one client may cost.
        started_at: The time of day at the start, for `heldSince`; None takes the real one. From
            then on trio's clock moves it, so that a mock clock does too.
        tap: Is told what goes over the wire; None for nobody.
    """

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        seed: int | None = None,
        ack_delay_s: float = 0.0,
        limits: Limits | None = None,
        started_at: datetime | None = None,
        tap: WireTap | None = None,
    ) -> None:
        self.seed = secrets.randbelow(2**32) if seed is None else seed
        self.limits = limits or Limits()
        self._gateway = Gateway(
            faults or Faults(), self.seed, ack_delay_s=ack_delay_s, started_at=started_at
        )
        self._endpoints = Endpoints(self._gateway, self.limits)
        self._sockets: dict[ControlSocket, None] = {}
        self._connections: dict[trio.CancelScope, None] = {}
        self._accepting = True
        self.tap = tap

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        """Serve one connection until it ends, over any stream; the stream is closed then.

        Cancelling cuts the connection. A client that goes away is no error.

        Args:
            stream: A connection after its TLS handshake, or before it with a `trio.SSLStream`; in
                tests one half of `trio.testing.memory_stream_pair()`.
        """
        counts = self._gateway.world.counts
        try:
            if not self._accepting or len(self._connections) >= self.limits.max_connections:
                counts["connections_dropped"] += 1
                return
            counts["connections"] += 1
            scope = trio.CancelScope()
            self._connections[scope] = None
            try:
                with scope:
                    await self._serve(stream)
            finally:
                del self._connections[scope]
        finally:
            await trio.aclose_forcefully(stream)

    async def serve_tcp(
        self,
        port: int = 0,
        tls_dir: Path | None = None,
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> NoReturn:
        """Serve over TLS on 127.0.0.1, and on ::1 where there is one, until cancelled.

        Args:
            port: The TCP port; 0 picks one.
            tls_dir: The folder for `ca.pem`, made when missing; None makes a temporary one. It is
                left alone where the port is taken: it may be that of the simulator there.
            task_status: Gets the `Address` once connections are accepted.

        Raises:
            ConfigurationError: The folder cannot be written, or the port is taken.
        """
        listeners, actual_port = await open_listeners(port)
        try:
            identity = make_identity(tls_dir)
        except ConfigurationError:
            for listener in listeners:
                listener.socket.close()
            raise
        served = [
            trio.SSLListener(listener, identity.context, https_compatible=True)
            for listener in listeners
        ]
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, self._serve_carefully, served)
            address = Address(actual_port, identity.ca_file)
            log.info("simulator.ready", port=actual_port, seed=self.seed)
            task_status.started(address)
            await trio.sleep_forever()
        raise AssertionError("unreachable: only cancellation ends the server")

    async def _serve_carefully(self, stream: trio.abc.Stream) -> None:
        try:
            await self.serve_stream(stream)
        except Exception:
            # A bug that one client meets must not end the server for all others.
            log.exception("simulator.connection.failed")

    async def _serve(self, stream: trio.abc.Stream) -> None:
        try:
            watched = WatchedEndpoints(self._respond, self.tap)
            prefix = await serve_requests(
                stream, watched.respond, self._on_bad_request, self.limits
            )
            if prefix is not None:
                await self._serve_socket(stream, prefix, watched.socket)
            else:
                with trio.move_on_after(CLOSING_S):
                    await stream.aclose()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("simulator.connection.lost")
        except* LocalProtocolError:
            # trio-websocket answers a ping that meets the closing handshake, which wsproto forbids
            # (HyperionGray/trio-websocket#184); the socket was on its way out.
            log.debug("simulator.socket.ping_while_closing")

    def _on_bad_request(self) -> None:
        self._gateway.world.counts["bad_requests"] += 1

    async def _respond(self, request: HttpRequest) -> Answer:
        if not self._accepting:
            self._gateway.world.counts["connections_dropped"] += 1
            return Answer(connection_lost=True)
        return await self._endpoints.respond(request)

    async def _serve_socket(
        self, stream: trio.abc.Stream, prefix: bytes, tap: SocketTap | None
    ) -> None:
        gateway, limits = self._gateway, self.limits
        wire = UpgradedStream(stream, prefix, max_unsent_bytes=limits.max_unsent_bytes)
        settings = gateway.faults.sockets
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(
                nursery,
                wire,
                message_queue_size=FRAMES_QUEUED,
                max_message_size=limits.max_frame_bytes,
                receive_buffer_size=RECEIVE_BYTES,
            )
            websocket = await request.accept()
            await wire.flush()
            socket = ControlSocket(
                websocket,
                wire,
                gateway,
                ping_every_s=settings.ping_every_s,
                pong_within_s=settings.pong_within_s,
                tap=tap,
            )
            if tap is not None:
                tap.opened()
            gateway.world.counts["upgrades"] += 1
            self._sockets[socket] = gateway.peers[socket] = None
            log.info("simulator.socket.opened", open=len(self._sockets))
            gateway.happened()
            try:
                await socket.run()
            finally:
                del self._sockets[socket], gateway.peers[socket]
                log.info("simulator.socket.closed", open=len(self._sockets))
                gateway.happened()
            nursery.cancel_scope.cancel()
