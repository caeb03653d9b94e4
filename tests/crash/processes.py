"""The processes: a simulated gateway that lives all the time, and victims that do not."""

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, final

import trio
from tests.crash.invariants import Truth
from tests.crash.plan import Plan

ROOT = Path(__file__).parents[2]
READY_S = 60.0
"""A program that takes longer to start is stuck; a busy machine takes a second or two."""

REQUEST_S = 10.0


class CrashTestError(Exception):
    """The harness itself cannot go on: a program did not start, or ended by itself."""


@final
class GatewayProcess:
    """A simulator in a process of its own, asked through its control endpoints.

    Attributes:
        host: HOST:PORT.
        ca_file: The authority to trust.
    """

    def __init__(self, host: str, ca_file: Path) -> None:
        self.host = host
        self.ca_file = ca_file
        self._trust = ssl.create_default_context(cafile=ca_file)

    async def truth(self, interactions: Iterable[str] = ()) -> Truth:
        """Return the gateway's counts and the states of *interactions*."""
        return await trio.to_thread.run_sync(self._truth, list(interactions))

    async def change(self, interaction_id: str, state: str) -> None:
        """Let somebody else change an interaction."""
        await trio.to_thread.run_sync(self._change, interaction_id, state)

    def _truth(self, interactions: list[str]) -> Truth:
        connection = self._connection()
        try:
            statistics = _ask(connection, "GET", "/simulator/statistics")
            states = {
                one: _ask(connection, "GET", f"/simulator/interactions/{one}")["state"]
                for one in interactions
            }
        finally:
            connection.close()
        return Truth(statistics, states)

    def _change(self, interaction_id: str, state: str) -> None:
        connection = self._connection()
        try:
            path = f"/simulator/interactions/{interaction_id}"
            _ask(connection, "POST", path, json.dumps({"state": state}))
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        name, _, port = self.host.rpartition(":")
        return http.client.HTTPSConnection(name, int(port), timeout=REQUEST_S, context=self._trust)


def _ask(
    connection: http.client.HTTPSConnection, method: str, path: str, body: str | None = None
) -> Any:
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise CrashTestError(f"the simulator answers {answer.status} to {method} {path}")
    return json.loads(text)


@asynccontextmanager
async def gateway_process(
    folder: Path, *, seed: int, faults: str, ack_ms: float
) -> AsyncGenerator[GatewayProcess, None]:
    """Run the simulator as a program while the context lasts.

    Args:
        folder: Gets its certificate, its faults and what it says.
        seed: Decides when faults happen.
        faults: The text of `faults.toml`.
        ack_ms: How long each acknowledgement takes, in milliseconds.
    """
    faults_path = folder / "faults.toml"
    await trio.Path(faults_path).write_text(faults)
    tls_dir = folder / "tls"
    program = Path(sys.executable).with_name("hookflash")
    command = [str(program), "simulate", "--port", "0", "--tls-dir", str(tls_dir)]
    command += ["--seed", str(seed), "--faults", str(faults_path), "--ack-ms", str(ack_ms)]
    with (folder / "simulator.log").open("wb") as log:
        process = await trio.lowlevel.open_process(
            command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT
        )
    try:
        line = await _first_line(process, "the simulator")
        yield GatewayProcess(line.rpartition("//")[2], tls_dir / "ca.pem")
    finally:
        await _end(process)


@final
class VictimProcess:
    """A victim that has imported everything and waits for its plan."""

    def __init__(self, process: trio.Process, log_path: Path) -> None:
        self._process = process
        self._log_path = log_path

    @classmethod
    async def start(cls, log_path: Path) -> "VictimProcess":
        """Start a victim.

        Args:
            log_path: Gets what it writes to stderr.
        """
        with log_path.open("ab") as log:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "tests.crash.victim"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
            )
        return cls(process, log_path)

    async def ready(self) -> None:
        """Wait until it can begin at once."""
        await _first_line(self._process, "the victim")

    async def begin(self, plan: Plan) -> None:
        """Let it live."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(plan.to_line())

    async def line(self) -> str:
        """Wait until it says something, and return it."""
        return await _first_line(self._process, "the victim")

    async def kill_after(self, seconds: float) -> None:
        """Kill it with SIGKILL, so long from now.

        Raises:
            CrashTestError: It ended by itself before.
        """
        with trio.move_on_after(seconds):
            await self._process.wait()
            raise self._ended_by_itself()
        self._process.kill()
        await self._process.wait()

    async def wait_for_end(self, within_s: float) -> None:
        """Wait until it ends by itself.

        Raises:
            CrashTestError: It failed, or did not end in time.
        """
        with trio.move_on_after(within_s):
            await self._process.wait()
        if self._process.returncode != 0:
            raise self._ended_by_itself()

    async def end(self) -> None:
        """Kill it, whatever it does."""
        await _end(self._process)

    def _ended_by_itself(self) -> CrashTestError:
        said = self._log_path.read_text("utf-8", "replace")[-3000:]
        return CrashTestError(f"the victim ended with {self._process.returncode}:\n{said}")


async def _first_line(process: trio.Process, name: str) -> str:
    assert process.stdout is not None
    said = b""
    with trio.move_on_after(READY_S):
        while not said.endswith(b"\n"):
            some = await process.stdout.receive_some(4096)
            if not some:
                break
            said += some
        else:
            return said.decode().strip()
    raise CrashTestError(f"{name} did not start: it said {said!r}")


async def _end(process: trio.Process) -> None:
    with trio.CancelScope(shield=True):
        if process.returncode is None:
            process.kill()
        await process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                await stream.aclose()
