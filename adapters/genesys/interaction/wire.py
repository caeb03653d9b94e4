"""The byte stream under the control socket: gathers frames, and tells when it has ended."""

from collections.abc import Callable
from typing import final

import trio


def _nothing() -> None: ...


@final
class Wire(trio.abc.Stream):
    """A connection on which several frames can leave as one.

    Two things that trio-websocket does not do: while `corked`, what is sent is gathered until
    `flush`, so that frames which are ready together share one TLS record and one system call. And
    `ended` tells at once that the other side is gone, which trio-websocket keeps to itself while
    it opens a socket.

    A `flush` that fails or is cancelled breaks the wire for good, because part of a frame may
    have left.

    Args:
        stream: The connection; closed with this one.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._unsent = bytearray()
        self._flushing = False
        self._broken = False
        self._idle = trio.lowlevel.ParkingLot()
        self.corked = False
        self.on_flushed: Callable[[], None] = _nothing
        self.ended = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*, or gather it while the wire is corked.

        Raises:
            trio.BrokenResourceError: The connection is gone, or a part of a frame was.
        """
        if self._broken:
            raise trio.BrokenResourceError("an earlier frame left only in part, or not at all")
        self._unsent += data
        if not self.corked:
            await self.flush()

    async def flush(self) -> None:
        """Return when all that was gathered before is sent.

        Raises:
            trio.BrokenResourceError: The connection is gone; what was gathered may have left.
        """
        while self._flushing:
            await self._idle.park()
        if self._broken:
            raise trio.BrokenResourceError("an earlier frame left only in part, or not at all")
        self._flushing = True
        complete = False
        try:
            while self._unsent:
                unsent, self._unsent = self._unsent, bytearray()
                await self._stream.send_all(unsent)
            complete = True
            self.on_flushed()
        except trio.ClosedResourceError as error:
            raise trio.BrokenResourceError("the connection was closed") from error
        finally:
            self._flushing = False
            self._broken = not complete
            self._idle.unpark_all()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the connection takes more."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive; sets `ended` when nothing more will come."""
        try:
            received = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        if not received:
            self.ended.set()
        return received

    async def aclose(self) -> None:
        """Close the connection without waiting for what was not sent."""
        self.ended.set()
        self._broken = True
        await trio.aclose_forcefully(self._stream)
