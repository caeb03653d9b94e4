"""A simulator in a thread of its own, for tests of programs that have an event loop themselves."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import trio

from hookflash.adapters.simulator import Address, Simulator

T = TypeVar("T")


class SimulatorThread:
    """A simulator that serves real TLS on localhost from a thread.

    Attributes:
        address: Where it serves.
        simulator: Touch it through `ask` only.
    """

    def __init__(
        self, simulator: Simulator, address: Address, token: trio.lowlevel.TrioToken
    ) -> None:
        self.simulator = simulator
        self.address = address
        self._token = token

    def ask(self, question: Callable[[Simulator], T]) -> T:
        """Call *question* with the simulator, in its thread."""
        return trio.from_thread.run_sync(question, self.simulator, trio_token=self._token)

    def commands(self) -> int:
        """How many commands it received so far."""
        return self.ask(lambda simulator: simulator.statistics().commands)


@contextmanager
def simulator_in_thread(tls_dir: Path) -> Generator[SimulatorThread, None, None]:
    """Serve while the context lasts.

    Args:
        tls_dir: Gets `ca.pem`.
    """
    started = threading.Event()
    made: list[SimulatorThread] = []
    stop: list[trio.CancelScope] = []

    async def serve() -> None:
        simulator = Simulator(seed=1)
        async with trio.open_nursery() as nursery:
            address = await nursery.start(simulator.serve_tcp, 0, tls_dir)
            made.append(SimulatorThread(simulator, address, trio.lowlevel.current_trio_token()))
            stop.append(nursery.cancel_scope)
            started.set()
            await trio.sleep_forever()

    def run() -> None:
        try:
            trio.run(serve)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="simulator", daemon=True)
    thread.start()
    started.wait(10)
    assert made, "the simulator did not start"
    try:
        yield made[0]
    finally:
        made[0].ask(lambda _: stop[0].cancel())
        thread.join(10)
