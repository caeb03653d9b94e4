"""The byte stream under a control socket: begins with bytes already read, gathers what is sent."""

from typing import Final

import trio

CLOSING_S: Final = 5.0
"""How long closing may take, in seconds, before the connection is simply cut."""


class UpgradedStream(trio.abc.Stream):
    """A connection after its request head was read elsewhere.

    `send_all` never waits: it gathers bytes until the one writer calls `flush`, so that many frames
    share one TLS record and one system call, and so that a client that does not read stalls nobody.

    Args:
        transport: The connection; closed with this stream.
        prefix: Bytes already received, given out first.
        max_unsent_bytes: How much may be gathered; one byte more breaks the stream.
    """

    def __init__(self, transport: trio.abc.Stream, prefix: bytes, *, max_unsent_bytes: int) -> None:
        self._transport = transport
        self._prefix = prefix
        self._max_unsent_bytes = max_unsent_bytes
        self._unsent = bytearray()
        self._sending = trio.Lock()
        self._work = trio.Event()
        self._closed = False
        self._gone = trio.Event()
        self._frozen_until_s = 0.0
        self.overflowed = False

    def wake(self) -> None:
        """Tell the writer that there is something to do."""
        self._work.set()

    async def wait_for_work(self) -> None:
        """Wait until `wake` was called since the last return; cancelling is harmless."""
        await self._work.wait()
        self._work = trio.Event()

    def freeze(self, until_s: float) -> None:
        """Neither give out received bytes nor send any until then, in trio time."""
        self._frozen_until_s = max(self._frozen_until_s, until_s)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive, the prefix first; while frozen, what was received waits.

        Args:
            max_bytes: At most so many; None lets the transport choose. The prefix comes whole.
        """
        if self._prefix:
            await trio.lowlevel.checkpoint()
            prefix, self._prefix = self._prefix, b""
            return prefix
        received = await self._transport.receive_some(max_bytes)
        if self._frozen_until_s > trio.current_time():
            await trio.sleep_until(self._frozen_until_s)
        return received

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Gather bytes for the next `flush`; never waits.

        Raises:
            trio.ClosedResourceError: The stream was closed.
            trio.BrokenResourceError: More is unsent than allowed; `overflowed` is then true.
        """
        if self._closed:
            raise trio.ClosedResourceError
        if len(self._unsent) + len(data) > self._max_unsent_bytes:
            self.overflowed = True
        if self.overflowed:
            raise trio.BrokenResourceError("the client does not read what it is sent")
        self._unsent += data
        self._work.set()

    async def wait_send_all_might_not_block(self) -> None:
        """Return at once: `send_all` never waits."""
        await trio.lowlevel.checkpoint()

    async def flush(self) -> None:
        """Send all that was gathered.

        Raises:
            trio.BrokenResourceError: The connection is gone.
            trio.ClosedResourceError: The stream was closed meanwhile.
        """
        if self._frozen_until_s > trio.current_time():
            await trio.sleep_until(self._frozen_until_s)
        async with self._sending:
            while self._unsent:
                unsent, self._unsent = self._unsent, bytearray()
                await self._transport.send_all(unsent)

    async def aclose(self) -> None:
        """Send what was gathered if that is soon done, and close the connection.

        Cancelled, or after 5 s, it is cut instead.
        """
        if self._closed:
            await self._gone.wait()
            return
        self._closed = True
        try:
            with trio.move_on_after(CLOSING_S):
                if not self.overflowed:
                    await self.flush()
                await self._transport.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # closed already, which is what was asked for
        finally:
            self._gone.set()
            await trio.aclose_forcefully(self._transport)
