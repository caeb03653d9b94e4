"""A simulator on real TLS sockets, in a trio loop of its own thread."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import evolve, frozen
from typed_settings.types import Secret

from hookflash.adapters.settings import (
    AuditSettings,
    GatewaySettings,
    JournalSettings,
    Settings,
)
from hookflash.adapters.simulator import Faults, Simulator

SECRET = "s3cret-that-nobody-may-see"


@final
@frozen
class LiveSimulator:
    """Where a simulator listens, and the portal to its loop."""

    simulator: Simulator
    port: int
    ca_file: Path
    portal: BlockingPortal

    def settings(self, folder: Path) -> Settings:
        """Settings that connect to it and keep their files in *folder*."""
        return evolve(
            Settings(),
            gateway=GatewaySettings(
                host=f"localhost:{self.port}",
                ca_file=self.ca_file,
                client_id="client-1",
                client_secret=Secret(SECRET),
            ),
            journal=JournalSettings(path=folder / "journal.db"),
            audit=AuditSettings(path=folder / "audit.jsonl"),
        )


@contextmanager
def live_simulator(
    folder: Path, faults: Faults | None = None
) -> Generator[LiveSimulator, None, None]:
    """Serve a simulator on localhost while the context lasts."""
    with start_blocking_portal(backend="trio") as portal:
        simulator = Simulator(faults=faults, seed=1)
        future, address = portal.start_task(simulator.serve_tcp, 0, folder / "tls")
        try:
            yield LiveSimulator(simulator, address.port, address.ca_file, portal)
        finally:
            future.cancel()
