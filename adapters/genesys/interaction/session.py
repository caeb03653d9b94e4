"""One control socket, from the upgrade to the goodbye.

trio-websocket is used through an own, already encrypted stream, and its sharp edges are guarded:
messages are taken as soon as they come, so that pings are answered; a ping waits for its pong
within a bound; one task writes, and a write that fails or is cancelled ends the session; opening
has a bound and notices at once when the other side hangs up; errors of its tasks are caught as
groups; message sizes are bounded.
"""

import secrets
from collections.abc import Callable
from typing import Final, cast, final
from urllib.parse import quote

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from hookflash.adapters.genesys.interaction.codec import encode
from hookflash.adapters.genesys.interaction.settings import Counters, InteractionGatewaySettings
from hookflash.adapters.genesys.interaction.throttle import Throttle
from hookflash.adapters.genesys.interaction.wire import Wire
from hookflash.adapters.genesys.interaction.words import harmless
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Frame

MESSAGES_QUEUED: Final = 256
"""Messages between trio-websocket's reader and ours, which never waits itself."""

RECEIVE_BYTES: Final = 65_536
"""Read at once; trio-websocket's 4 KiB cost a third of the throughput."""

FRAMES_TOGETHER_MAX: Final = 64
"""Frames that leave as one: enough to save system calls, too few to delay the first."""

log = get_logger("hookflash.gateway")


async def open_websocket(
    nursery: trio.Nursery,
    wire: Wire,
    token: str,
    settings: InteractionGatewaySettings,
    host_header: str,
) -> WebSocketConnection:
    """Ask for the control socket over *wire*.

    Args:
        nursery: Where trio-websocket's reader runs; a refused upgrade comes out of it as
            `ConnectionRejected`.
        wire: The connection.
        token: Stands in the request's target, and nowhere else.
        settings: Bounds.
        host_header: What the request names as the host.

    Returns:
        The open socket.

    Raises:
        trio.TooSlowError: There was no answer in time.
        trio.BrokenResourceError: The other side hung up.
    """
    opened: list[WebSocketConnection] = []

    async def give_up_at_the_end(scope: trio.CancelScope) -> None:
        # A refusal that came whole before the end has ended the other nursery already.
        await wire.ended.wait()
        scope.cancel()

    with trio.fail_after(settings.upgrade_timeout_s):
        async with trio.open_nursery() as watch:
            watch.start_soon(give_up_at_the_end, watch.cancel_scope)
            websocket = await wrap_client_stream(
                nursery,
                cast("trio.SSLStream[trio.SocketStream]", wire),  # any stream will do
                host_header,
                f"/api/v2/interactions?access_token={quote(token, safe='')}",
                message_queue_size=MESSAGES_QUEUED,
                max_message_size=settings.message_bytes_fatal,
                receive_buffer_size=RECEIVE_BYTES,
            )
            opened.append(websocket)
            watch.cancel_scope.cancel()
    if not opened:
        raise trio.BrokenResourceError("the other side hung up")
    return opened[0]


@final
class Session:
    """An open control socket at work.

    Args:
        websocket: The socket.
        wire: What it runs on.
        throttle: Gives the frames to be written.
        settings: Bounds.
        counters: Counts frames and pings.
        on_message: Called with each message, in order; must not wait or raise.
        on_writing: Called with each frame when its write is about to begin.
        on_written: Called with the correlation id of each frame whose write began.
    """

    def __init__(
        self,
        websocket: WebSocketConnection,
        wire: Wire,
        throttle: Throttle,
        settings: InteractionGatewaySettings,
        counters: Counters,
        *,
        on_message: Callable[[str | bytes], None],
        on_writing: Callable[[Frame], None],
        on_written: Callable[[str], None],
    ) -> None:
        self._websocket = websocket
        self._wire = wire
        self._throttle = throttle
        self._settings = settings
        self._counters = counters
        self._on_message = on_message
        self._on_writing = on_writing
        self._on_written = on_written
        self._reason: str | None = None

    async def run(self) -> str:
        """Read, write and ping until the socket is lost; the socket is of no more use then.

        Returns:
            Why it was lost, without secrets.

        Cancellation: frames whose write had begun were reported as written.
        """
        async with trio.open_nursery() as nursery:
            scope = nursery.cancel_scope
            nursery.start_soon(self._read, scope)
            nursery.start_soon(self._write, scope)
            nursery.start_soon(self._ping, scope)
        return self._reason or "unknown reason"

    async def say_goodbye(self, scope: trio.CancelScope) -> None:
        """Send a close frame; does not wait for the answer.

        The task that would read the answer is cancelled together with whoever calls this.

        Args:
            scope: Bounds and shields the call, and is cancelled once the frame has left.
        """
        self._wire.on_flushed = scope.cancel
        await self._websocket.aclose()

    def _lose(self, reason: str, scope: trio.CancelScope) -> None:
        if self._reason is None:
            self._reason = reason
        scope.cancel()

    async def _read(self, scope: trio.CancelScope) -> None:
        get_message, on_message = self._websocket.get_message, self._on_message
        try:
            while True:
                on_message(await get_message())
        except ConnectionClosed as closed:
            self._lose(_describe(closed), scope)

    async def _write(self, scope: trio.CancelScope) -> None:
        throttle = self._throttle
        try:
            while True:
                await throttle.wait()
                await self._write_ready_frames()
        except ConnectionClosed as closed:
            self._lose(_describe(closed), scope)
        except trio.BrokenResourceError:
            self._lose("the connection broke while a frame was being written", scope)

    async def _write_ready_frames(self) -> None:
        """Write what may leave now. A frame counts as written once its write has begun."""
        begun: list[str] = []
        wire, websocket = self._wire, self._websocket
        wire.corked = True
        try:
            while len(begun) < FRAMES_TOGETHER_MAX:
                # A frame that is not taken waits for the next socket: look before taking one.
                if (closed := websocket.closed) is not None:
                    raise ConnectionClosed(closed)
                if wire.ended.is_set():
                    raise trio.BrokenResourceError("the other side hung up")
                frame = self._throttle.take(trio.current_time())
                if frame is None:
                    break
                begun.append(frame.command.correlation_id)
                self._on_writing(frame)
                await websocket.send_message(encode(frame.interaction_id, frame.command))
            wire.corked = False
            await wire.flush()
        finally:
            wire.corked = False
            self._counters.frames_sent += len(begun)
            for correlation_id in begun:
                self._on_written(correlation_id)

    async def _ping(self, scope: trio.CancelScope) -> None:
        settings = self._settings
        while True:
            await trio.sleep(settings.ping_every_s)
            try:
                with trio.fail_after(settings.pong_timeout_s):
                    # A payload of its own for each: a cancelled ping leaves its payload behind.
                    await self._websocket.ping(secrets.token_bytes(8))
            except trio.TooSlowError:
                self._counters.pings_missed += 1
                self._lose(f"no pong came within {settings.pong_timeout_s:g} s", scope)
                return
            except ConnectionClosed as closed:
                self._lose(_describe(closed), scope)
                return
            except trio.BrokenResourceError:
                self._lose("the connection broke while a ping was being sent", scope)
                return


def _describe(closed: ConnectionClosed) -> str:
    """Say why a socket was closed, in words that may be logged."""
    reason = closed.reason
    if reason is None:
        return "the socket was closed"
    if reason.code == 1006:
        return "the connection was lost without a goodbye"
    words = harmless(reason.reason)
    said = f": {words}" if words else ""
    return f"the socket was closed with code {reason.code} {reason.name}{said}"
