"""What all tests of the command line share."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from tests.support.command_line import CommandLine
from tests.support.simulator_thread import SimulatorThread, simulator_in_thread


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Each test runs in a folder of its own; what a command configures ends with the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "CONFIG", "CLIENT_ID", "CLIENT_SECRET", "CA_FILE", "LOG_LEVEL"):
        monkeypatch.delenv(f"HOOKFLASH_{name}", raising=False)
    handlers = logging.root.handlers[:]
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorThread]:
    """One simulator for all tests; each uses interactions of its own."""
    with simulator_in_thread(tmp_path_factory.mktemp("tls")) as serving:
        yield serving


@pytest.fixture
def hookflash(
    simulator: SimulatorThread,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> CommandLine:
    """Run commands against the simulator."""
    return CommandLine(simulator, capsys, monkeypatch)
