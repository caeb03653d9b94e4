"""A control socket as the server sees it: one reader, one writer, one heap of delayed answers."""

import heapq
from collections import deque
from typing import Final, Protocol

import attrs
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from hookflash.adapters.simulator.streams import CLOSING_S, UpgradedStream
from hookflash.adapters.wire.tap import LOST_CODE, SocketTap

MAX_WAITING_FRAMES: Final = 100_000
"""Frames waiting on one socket, delayed ones included; one more cuts the socket."""


class Listener(Protocol):
    """Who is told what a control socket receives."""

    def on_frame(self, socket: "ControlSocket", frame: str | bytes) -> None:
        """A text or binary message came; must not wait."""
        ...

    def on_overflow(self) -> None:
        """A socket was cut since its client does not read what it is sent."""
        ...

    def on_undelivered(self, count: int) -> None:
        """The socket ended before so many frames could leave."""
        ...


@attrs.frozen
class _Goodbye:
    code: int
    reason: str


@attrs.frozen(order=True)
class _Later:
    due_s: float
    number: int
    frame: str | bytes = attrs.field(order=False)


class ControlSocket:
    """An accepted control socket.

    Args:
        websocket: The accepted connection; its reader task runs elsewhere.
        stream: The stream that `websocket` writes to.
        listener: Told about each message.
        ping_every_s: How often to ping, in seconds; 0 never.
        pong_within_s: How long to wait for the pong, in seconds, before the socket is cut.
        tap: Is told what goes over the wire; None for nobody.

    Attributes:
        commands: How many valid commands it carried; counted by the listener.
    """

    def __init__(
        self,
        websocket: WebSocketConnection,
        stream: UpgradedStream,
        listener: Listener,
        *,
        ping_every_s: float = 0.0,
        pong_within_s: float = 10.0,
        tap: SocketTap | None = None,
    ) -> None:
        self._websocket = websocket
        self._tap = tap
        self._stream = stream
        self._listener = listener
        self._ping_every_s = ping_every_s
        self._pong_within_s = pong_within_s
        self._outbox: deque[str | bytes | _Goodbye] = deque()
        self._later: list[_Later] = []
        self._later_count = 0
        self._sooner = trio.Event()
        self._scope = trio.CancelScope()
        self._ending = False
        self._saying_goodbye = False
        self._goodbye_code: int | None = None
        self._overflowed = False
        self.commands = 0

    def push(self, frame: str | bytes, delay_s: float = 0.0) -> None:
        """Send a frame, in order with others of the same moment; never waits.

        Args:
            frame: Text or binary.
            delay_s: How much later, in seconds. If the socket ends before, the frame is lost and
                the listener told.
        """
        if self._ending:
            self._listener.on_undelivered(1)
            return
        if len(self._outbox) + len(self._later) >= MAX_WAITING_FRAMES:
            self._overflowed = True
            self._cut()
        elif delay_s <= 0.0:
            self._outbox.append(frame)
            self._stream.wake()
        else:
            due_s = trio.current_time() + delay_s
            sooner = not self._later or due_s < self._later[0].due_s
            self._later_count += 1
            heapq.heappush(self._later, _Later(due_s, self._later_count, frame))
            if sooner:
                self._sooner.set()

    def close(self, *, abrupt: bool, code: int = 1001, reason: str = "going away") -> None:
        """End the socket soon; never waits, and more than one call is harmless.

        Args:
            abrupt: Cut the connection without a closing handshake; frames not yet written are lost.
            code: The close code otherwise, sent after the frames that wait now; delayed ones are
                lost. A client that does not answer within 5 s is cut.
            reason: The text beside the code.
        """
        if self._ending:
            return
        if abrupt:
            self._cut()
        else:
            self._ending = True
            self._outbox.append(_Goodbye(code, reason))
            self._stream.wake()

    def freeze(self, for_s: float) -> None:
        """Neither read nor write for so many seconds: the connection is half-open."""
        self._stream.freeze(trio.current_time() + for_s)

    async def run(self) -> None:
        """Serve the socket until either side ends it; the connection is closed then.

        Cancelling cuts it.
        """
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, nursery)
                nursery.start_soon(self._deliver_later)
                if self._ping_every_s > 0:
                    nursery.start_soon(self._ping)
                await self._read()
                self._ending = True
                if self._saying_goodbye:
                    # trio-websocket ends reading before its close frame has left.
                    await trio.sleep_forever()
                # While the writer lives: cancelled in the middle, it would lose a close frame.
                await self._stream.aclose()
                nursery.cancel_scope.cancel()
        self._ending = True
        self._tell_end()
        if self._overflowed or self._stream.overflowed:
            self._listener.on_overflow()
        undelivered = sum(not isinstance(frame, _Goodbye) for frame in self._outbox)
        self._listener.on_undelivered(undelivered + len(self._later))
        self._outbox.clear()
        self._later.clear()

    def _tell_end(self) -> None:
        """Tell the tap who ended it, as the client sees it."""
        if self._tap is None:
            return
        closed = self._websocket.closed
        if self._goodbye_code is not None:
            self._tap.closed("gateway", self._goodbye_code)
        elif closed is not None and int(closed.code) != LOST_CODE:
            self._tap.closed("client", int(closed.code))
        else:
            self._tap.closed("lost", None)

    def _cut(self) -> None:
        self._ending = True
        self._scope.cancel()

    async def _read(self) -> None:
        get_message, on_frame = self._websocket.get_message, self._listener.on_frame
        try:
            while True:
                frame = await get_message()
                if self._tap is not None:
                    self._tap.sent(frame)
                on_frame(self, frame)
        except ConnectionClosed:
            return

    async def _write(self, nursery: trio.Nursery) -> None:
        outbox, stream = self._outbox, self._stream
        try:
            while True:
                await stream.wait_for_work()
                while outbox:
                    frame = outbox.popleft()
                    if isinstance(frame, _Goodbye):
                        nursery.start_soon(self._say_goodbye, frame)
                    else:
                        if self._tap is not None:
                            self._tap.received(frame)
                        await self._websocket.send_message(frame)
                await stream.flush()
        except (ConnectionClosed, trio.ClosedResourceError):
            return  # a closing handshake is under way; the reader sees its end
        except trio.BrokenResourceError:
            self._cut()

    async def _say_goodbye(self, goodbye: _Goodbye) -> None:
        # In a task of its own: the writer has to flush the very frame that this waits for.
        self._saying_goodbye = True
        self._goodbye_code = goodbye.code
        with trio.move_on_after(CLOSING_S):
            await self._websocket.aclose(goodbye.code, goodbye.reason)
        self._scope.cancel()

    async def _deliver_later(self) -> None:
        later = self._later
        while True:
            with trio.move_on_at(later[0].due_s if later else float("inf")):
                await self._sooner.wait()
                self._sooner = trio.Event()
            now_s = trio.current_time()
            while later and later[0].due_s <= now_s:
                frame = heapq.heappop(later).frame
                if self._ending:
                    self._listener.on_undelivered(1)
                else:
                    self._outbox.append(frame)
            self._stream.wake()

    async def _ping(self) -> None:
        while True:
            await trio.sleep(self._ping_every_s)
            with trio.move_on_after(self._pong_within_s) as waiting:
                try:
                    await self._websocket.ping()
                except ConnectionClosed:
                    return
            if waiting.cancelled_caught:
                self._cut()
