"""A network of memory streams to one simulator: deterministic under a mock clock."""

from typing import final

import trio
import trio.testing

from hookflash.adapters.simulator import Simulator
from hookflash.machines.errors import GatewayUnavailable


@final
class MemoryNetwork:
    """Opens memory streams that *simulator* serves at their other end.

    Attributes:
        down: While set, every attempt to open a stream is refused.
        opened: How many streams were opened.
    """

    def __init__(self, simulator: Simulator, nursery: trio.Nursery) -> None:
        self._simulator = simulator
        self._nursery = nursery
        self.down = False
        self.opened = 0

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a stream to the simulator; names, ports and TLS mean nothing here."""
        del host, port, tls, server_name
        await trio.lowlevel.checkpoint()
        if self.down:
            raise GatewayUnavailable("the network is down", problem="refused")
        client, server = trio.testing.memory_stream_pair()
        self.opened += 1
        self._nursery.start_soon(self._simulator.serve_stream, server)
        return client
