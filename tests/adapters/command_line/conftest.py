"""What all tests of the command line share."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, be_quiet, quiet_logs
from tests.support.simulator_thread import SimulatorThread, simulator_in_thread


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Each test runs in a folder of its own; what a command configures ends with the test."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HOOKFLASH_")]:
        monkeypatch.delenv(name)
    handlers = logging.root.handlers[:]
    yield
    be_quiet()
    logging.root.handlers[:] = handlers


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Logging is configured as by nobody when the module is done."""
    with quiet_logs():
        yield


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorThread]:
    """One simulator for a module's tests; each uses interactions of its own."""
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
