"""A simulator in a thread of its own, for tests of programs that have an event loop themselves."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, final

from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import evolve, frozen
from typed_settings.types import Secret

from hookflash.adapters.settings import (
    AuditSettings,
    GatewaySettings,
    JournalSettings,
    Settings,
)
from hookflash.adapters.simulator import Address, Simulator

T = TypeVar("T")


@final
@frozen
class SimulatorThread:
    """A simulator that serves real TLS on localhost from a thread.

    Attributes:
        simulator: Touch it through `ask` and `until` only.
        address: Where it serves.
        portal: Leads into its thread.
    """

    simulator: Simulator
    address: Address
    portal: BlockingPortal

    def ask(self, question: Callable[[Simulator], T]) -> T:
        """Call *question* with the simulator, in its thread."""
        return self.portal.call(question, self.simulator)

    def until(self, condition: Callable[[Simulator], bool]) -> None:
        """Wait until *condition* holds for the simulator."""
        self.portal.call(self.simulator.until, lambda: condition(self.simulator))

    def commands(self) -> int:
        """How many commands it received so far."""
        return self.ask(lambda simulator: simulator.statistics().commands)

    def settings(self, folder: Path) -> Settings:
        """Settings that connect to it and keep their files in *folder*."""
        return evolve(
            Settings(),
            gateway=GatewaySettings(
                host=self.address.host,
                ca_file=self.address.ca_file,
                client_id="client-1",
                client_secret=Secret("s3cret-that-nobody-may-see"),
            ),
            journal=JournalSettings(path=folder / "journal.db"),
            audit=AuditSettings(path=folder / "audit.jsonl"),
        )


@contextmanager
def simulator_in_thread(tls_dir: Path) -> Generator[SimulatorThread, None, None]:
    """Serve while the context lasts.

    Args:
        tls_dir: Gets `ca.pem`.
    """
    with start_blocking_portal(backend="trio") as portal:
        simulator = Simulator(seed=1)
        serving, address = portal.start_task(simulator.serve_tcp, 0, tls_dir)
        try:
            yield SimulatorThread(simulator, address, portal)
        finally:
            serving.cancel()
