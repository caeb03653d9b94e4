"""Requests that are cancelled: wherever it strikes, no stream stays open and none is reused."""

import gc
from typing import Literal

import pytest
import trio
from tests.adapters.genesys.gateway_world import CannedServer, answer
from trio.testing import memory_stream_pair

from hookflash.adapters.http import HttpClient, HttpResponse
from hookflash.machines.errors import GatewayUnavailable

URL = "https://h.test/interactions/1"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"
)


class WatchedStream(trio.abc.Stream):
    """A stream that knows whether it was closed, and that may break while it sends.

    Attributes:
        closed: Whether it was closed.
        breaks: Whether the connection breaks with half of what is sent next.
        served: What serves its other end, until it is closed.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.closed = False
        self.breaks = False
        self.served = trio.CancelScope()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.breaks:
            await self._stream.send_all(bytes(data)[: len(data) // 2])
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("reset")
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.closed = True
        self.served.cancel()
        await self._stream.aclose()


class WatchedNetwork:
    """Opens watched streams to a server that says what it is told to."""

    def __init__(self, nursery: trio.Nursery, *answers: bytes) -> None:
        self._nursery = nursery
        self.server = CannedServer(*answers)
        self.streams: list[WatchedStream] = []
        self.breaks = False

    @property
    def open(self) -> list[WatchedStream]:
        return [stream for stream in self.streams if not stream.closed]

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        ours, theirs = memory_stream_pair()
        stream = WatchedStream(ours)
        stream.breaks = self.breaks
        self.streams.append(stream)
        self._nursery.start_soon(self._serve, theirs, stream.served)
        return stream

    async def _serve(self, stream: trio.abc.Stream, served: trio.CancelScope) -> None:
        with served:
            try:
                await self.server.serve(stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await stream.aclose()


When = Literal["waiting", "resuming"]


class Striker(trio.abc.Instrument):
    """Cancels a scope at the so-many-th step of a task.

    `waiting`: once the task waits, so that what it waits for is interrupted. `resuming`: when that
    has come already, its last byte perhaps, and the task goes on to the next checkpoint.
    """

    def __init__(
        self, task: trio.lowlevel.Task, scope: trio.CancelScope, at: int, when: When
    ) -> None:
        self._task = task
        self._scope = scope
        self._left = at
        self._when: When = when

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Strike, if it is time."""
        if self._when == "resuming":
            self._count(task)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Strike, if it is time."""
        if self._when == "waiting":
            self._count(task)

    def _count(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()


async def strike(
    client: HttpClient, content: bytes, at: int, when: When = "waiting"
) -> HttpResponse | None:
    """Make a request that is cancelled at its so-many-th step; None where it was."""
    with trio.CancelScope() as scope:
        striker = Striker(trio.lowlevel.current_task(), scope, at, when)
        trio.lowlevel.add_instrument(striker)
        try:
            return await client.request("POST" if content else "GET", URL, content=content)
        finally:
            trio.lowlevel.remove_instrument(striker)
    return None


CASES = [
    pytest.param(answer(200, {"state": "held"}), b'{"state":"held"}', id="length"),
    pytest.param(answer(204), b"", id="empty"),
    pytest.param(CHUNKED, b"firstsecond", id="chunked"),
]


@pytest.mark.parametrize("when", ["waiting", "resuming"])
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("content", [b"", b"x" * 1000], ids=["GET", "POST"])
@pytest.mark.parametrize(("reply", "body"), CASES)
async def test_a_request_cancelled_anywhere_leaves_no_stream(
    nursery: trio.Nursery, reply: bytes, body: bytes, content: bytes, *, kept: bool, when: When
) -> None:
    """At each checkpoint in turn, also after the last byte: the stream is closed.

    The only stream that may stay open is that of a whole answer, and it serves the next request.
    """
    cancelled = 0
    for at in range(1, 100):
        network = WatchedNetwork(nursery, reply)
        client = HttpClient(network, connections_max=1)
        if kept:
            assert (await client.request("GET", URL)).body == body

        response = await strike(client, content, at, when)

        if response is None:
            cancelled += 1
            assert network.open == [], f"a stream stayed open, cancelled at checkpoint {at}"
        else:
            assert (response.status, response.body) == (int(reply[9:12]), body)
            assert len(network.streams) == len(network.open) == 1
        # Neither a slot nor half an answer is left behind.
        with trio.fail_after(1):
            assert (await client.request("GET", URL)).body == body
        await client.aclose()
        assert network.open == []
        if response is not None and at > cancelled + 3:
            break
    else:
        pytest.fail("it always ended cancelled")
    assert cancelled >= 2


async def test_waiting_for_a_slot_can_be_cancelled(nursery: trio.Nursery) -> None:
    """Whoever waits and is cancelled takes no connection from the others."""
    network = WatchedNetwork(nursery, answer(200))
    client = HttpClient(network, connections_max=1)
    async with trio.open_nursery() as asking:
        asking.start_soon(client.request, "GET", URL)
        await trio.lowlevel.checkpoint()
        assert await strike(client, b"", 1) is None

    with trio.fail_after(1):
        await client.request("GET", URL)
    await client.aclose()
    assert network.open == []


@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
async def test_a_connection_that_breaks_while_sending(nursery: trio.Nursery, *, kept: bool) -> None:
    """The body's iterator is not left to the garbage collector, which would complain."""
    network = WatchedNetwork(nursery, answer(200))
    client = HttpClient(network)
    if kept:
        await client.request("GET", URL)
        network.streams[0].breaks = True
    network.breaks = True

    with pytest.raises(GatewayUnavailable, match=r"h\.test:443") as caught:
        await client.request("POST", URL, content=b"x" * 100_000)
    problem = caught.value.parts["problem"]
    del caught
    gc.collect()
    await trio.lowlevel.checkpoint()

    assert problem == "lost"
    assert network.open == []
