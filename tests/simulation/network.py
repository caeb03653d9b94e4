"""A network that delays, stalls, cuts, goes silent and is partitioned, on trio's clock.

Its streams behave as TCP does: bytes come whole and in order or not at all. Frames that are lost,
doubled or overtaken are the gateway's doing.
"""

from random import Random
from typing import final

import trio
import trio.testing
from attrs import field, frozen

from hookflash.adapters.simulator import Simulator
from hookflash.machines.errors import GatewayUnavailable


@frozen
class NetworkFaults:
    """What the network does wrong; the default is a good one.

    Attributes:
        delay_s: The longest delay of a piece of data; each draws its own.
        silent: Share of connections of which one direction goes silent for ever after some data:
            half open, and nobody is told.
        refused: Share of attempts to connect that are refused.
        hang_s: How long a refused attempt takes.
    """

    delay_s: float = 0.0
    silent: float = 0.0
    refused: float = 0.0
    hang_s: float = field(default=0.0)


@final
class SimulatedNetwork:
    """Opens streams to *simulator*, which faults are done to.

    Attributes:
        faults: What goes wrong at present.
        counts: What went wrong, by kind.
    """

    def __init__(
        self, simulator: Simulator, nursery: trio.Nursery, chance: Random, faults: NetworkFaults
    ) -> None:
        self._simulator = simulator
        self._nursery = nursery
        self._chance = chance
        self._streams: set[SimulatedStream] = set()
        self.faults = faults
        self.partitioned = False
        self.healed = trio.lowlevel.ParkingLot()
        self.counts: dict[str, int] = {}

    def count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a stream to the simulator; names, ports and TLS mean nothing here."""
        del host, port, tls, server_name
        await trio.lowlevel.checkpoint()
        faults = self.faults
        if self.partitioned or self._chance.random() < faults.refused:
            self.count("connection_refused")
            await trio.sleep(faults.hang_s)
            raise GatewayUnavailable("the network is down", problem="refused")
        client, server = trio.testing.memory_stream_pair()
        stream = SimulatedStream(client, self, self._chance)
        if faults.silent and self._chance.random() < faults.silent:
            self.count("connection_silent")
            stream.silent_after = self._chance.randrange(1, 30)
        self._streams.add(stream)
        self._nursery.start_soon(self._serve, server)
        return stream

    async def _serve(self, server: trio.abc.Stream) -> None:
        await self._simulator.serve_stream(server)

    def partition(self) -> None:
        """Let nothing through, and say nothing, until `heal`."""
        self.partitioned = True
        self.count("partition")

    def heal(self) -> None:
        """Let everything through again; what waited comes now."""
        self.partitioned = False
        self.healed.unpark_all()

    def cut(self) -> None:
        """Cut all connections: the process that had them is gone."""
        for stream in list(self._streams):
            stream.cut()

    def forget(self, stream: "SimulatedStream") -> None:
        self._streams.discard(stream)


@final
class SimulatedStream(trio.abc.Stream):
    """The client's half of a connection."""

    def __init__(
        self,
        inner: "trio.testing.MemorySendStream | trio.abc.Stream",
        network: SimulatedNetwork,
        chance: Random,
    ) -> None:
        self._inner: trio.abc.Stream = inner  # type: ignore[assignment]
        self._network = network
        self._chance = chance
        self._pieces = 0
        self.silent_after: int | None = None
        self._closed = False

    @property
    def _silent(self) -> bool:
        return self.silent_after is not None and self._pieces > self.silent_after

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._pieces += 1
        if self._network.partitioned:
            await self._pass()
        if self._silent:
            await trio.lowlevel.checkpoint()
            return
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        while True:
            data = await self._inner.receive_some(max_bytes)
            self._pieces += 1
            await self._pass()
            if not self._silent or not data:
                return data

    async def _pass(self) -> None:
        """Wait until what is on its way has come."""
        delay_s = self._network.faults.delay_s
        if delay_s:
            await trio.sleep(self._chance.random() * delay_s)
        while self._network.partitioned:
            if self._closed:
                raise trio.ClosedResourceError
            await self._network.healed.park()

    def cut(self) -> None:
        """End at once: the other side sees the end, ours an error."""
        self._closed = True
        self._network.forget(self)
        self._inner.send_stream.close()  # type: ignore[attr-defined]
        self._inner.receive_stream.close()  # type: ignore[attr-defined]

    async def aclose(self) -> None:
        self.cut()
        self._network.healed.unpark_all()
        await trio.lowlevel.checkpoint()
