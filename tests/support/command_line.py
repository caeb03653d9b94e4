"""Running commands of the command line inside a test, against a simulator."""

import json
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from attrs import frozen
from tests.support.simulator_thread import SimulatorThread

from hookflash.adapters.command_line.main import execute


def be_quiet() -> None:
    """Log nothing, where no command has configured it: a simulator's thread goes on logging."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@contextmanager
def quiet_logs() -> Generator[None, None, None]:
    """Log nothing while the context lasts, then as before."""
    be_quiet()
    try:
        yield
    finally:
        structlog.reset_defaults()


@frozen
class Ended:
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one line of JSON."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """Its one error line."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


def assert_agreement(failed: dict[str, Any], line: dict[str, Any]) -> None:
    """What `--json` printed of a failure is what the audit log has of it."""
    told = [failed[name] for name in ("status", "outcome", "correlationId", "interactionId")]
    assert told == [line[name] for name in ("status", "outcome", "correlationId", "interactionId")]
    metadata = line["metadata"]
    assert (failed["latencyMs"], failed["state"]) == (metadata["latencyMs"], metadata["state"])


class CommandLine:
    """Runs commands in this process, in the current folder.

    Args:
        simulator: The gateway that the settings name.
        capsys: Catches what is printed.
        monkeypatch: Sets the variables.
    """

    def __init__(
        self,
        simulator: SimulatorThread,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.simulator = simulator
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.configure(
            HOST=simulator.address.host,
            CA_FILE=str(simulator.address.ca_file),
            CLIENT_ID="test",
            CLIENT_SECRET="hush-hush",
        )

    def configure(self, **variables: str | None) -> None:
        """Set variables, without their HOOKFLASH_; None takes one away."""
        for name, value in variables.items():
            if value is None:
                self._monkeypatch.delenv(f"HOOKFLASH_{name}", raising=False)
            else:
                self._monkeypatch.setenv(f"HOOKFLASH_{name}", value)

    def __call__(self, *arguments: str) -> Ended:
        """Run a command to its end."""
        self._capsys.readouterr()
        exit_code = execute(arguments)
        out, err = self._capsys.readouterr()
        return Ended(exit_code, out, err)

    def received(self, interaction_id: str) -> bool:
        """Whether the simulator has received a command for the interaction."""
        return self.simulator.ask(lambda simulator: bool(simulator.received(interaction_id)))

    def audit_lines(self, path: str | Path = "hookflash-audit.jsonl") -> Sequence[dict[str, Any]]:
        """The lines of the audit log that are about commands."""
        lines = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
        return [line for line in lines if line["actor"] != "foreign"]
