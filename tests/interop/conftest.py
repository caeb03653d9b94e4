"""Two implementations of the protocol that share no code: ours, and one in Node.js."""

import json
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, NoReturn

import pytest
import structlog
import trio
import trustme
from attrs import frozen

from hookflash.adapters.command_line.main import execute
from hookflash.adapters.simulator import Address, Faults, Simulator

HERE = Path(__file__).parent

WITHIN_S = 30.0
"""A Node.js process that takes longer is stuck."""


@frozen
class Finished:
    """A process that has ended.

    Attributes:
        code: Its exit code.
        result: The JSON object that it printed on stdout; empty where it printed nothing.
        messages: What it wrote to stderr.
    """

    code: int
    result: Mapping[str, Any]
    messages: str


RunController = Callable[..., Awaitable[Finished]]
ServeSimulator = Callable[..., Awaitable[tuple[Simulator, Address]]]


def _unavailable(reason: str) -> NoReturn:
    if os.environ.get("HOOKFLASH_REQUIRE_ALL") == "1":
        pytest.fail(f"{reason}, and HOOKFLASH_REQUIRE_ALL=1 asks for all tests")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js; tests that need it are skipped where it or its modules are missing."""
    found = shutil.which("node")
    if found is None:
        _unavailable("Node.js is not installed")
    if not (HERE / "node_modules").is_dir():
        _unavailable(f"the Node.js modules are not installed: run `npm install` in {HERE.name}/")
    return found


@pytest.fixture
def serve_simulator(nursery: trio.Nursery, tmp_path: Path) -> ServeSimulator:
    """Start our simulator on a TLS socket; with faults where given."""

    async def serve(faults: Faults | None = None) -> tuple[Simulator, Address]:
        simulator = Simulator(faults, seed=1)
        address = await nursery.start(simulator.serve_tcp, 0, tmp_path / "tls")
        return simulator, address

    return serve


@pytest.fixture
def run_controller(node: str, tmp_path: Path) -> RunController:
    """Run the Node.js controller against a gateway until it ends."""

    async def run(address: Address, *arguments: str, secret: str = "good") -> Finished:  # noqa: S107 - of no gateway
        command = [
            node,
            str(HERE / "controller.mjs"),
            *arguments,
            f"--host={address.host}",
            f"--ca={address.ca_file}",
            f"--log={tmp_path / 'node-audit.log'}",
        ]
        environment = {**os.environ, "HOOKFLASH_CLIENT_SECRET": secret}
        with trio.fail_after(WITHIN_S):
            ended = await trio.run_process(
                command, capture_stdout=True, capture_stderr=True, check=False, env=environment
            )
        return _finished(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run


class NodeServer:
    """The running Node.js server of the protocol, and the orders it takes."""

    def __init__(self, process: "Popen[str]", ca_file: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.ca_file = ca_file
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._port = self._read_line()["port"]

    @property
    def host(self) -> str:
        """Host and port as the gateway setting wants them."""
        return f"localhost:{self._port}"

    def order(self, do: str, **members: object) -> Mapping[str, Any]:
        """Give one of the orders listed in `server.mjs`, and return its answer."""
        self._stdin.write(json.dumps({"do": do, **members}) + "\n")
        self._stdin.flush()
        return self._read_line()

    def report(self) -> Mapping[str, Any]:
        """What the server received, and how everything stands there."""
        return self.order("report")

    def _read_line(self) -> Mapping[str, Any]:
        line = self._stdout.readline()
        assert line, "the Node.js server ended"
        said: Mapping[str, Any] = json.loads(line)
        return said


@pytest.fixture(scope="session")
def node_process(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeServer]:
    """The Node.js server, started once; its certificates are made here."""
    folder = tmp_path_factory.mktemp("node-tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    (folder / "cert.pem").write_bytes(chain)
    command = [
        node,
        str(HERE / "server.mjs"),
        f"--cert={folder / 'cert.pem'}",
        f"--key={folder / 'key.pem'}",
    ]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        yield NodeServer(process, folder / "ca.pem")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(WITHIN_S) == 0


@pytest.fixture
def node_server(node_process: NodeServer) -> NodeServer:
    """The Node.js server, well-behaved and knowing nothing."""
    node_process.order("reset", quirks=[])
    return node_process


@pytest.fixture
def hookflash(
    node_server: NodeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Finished]]:
    """Run our command line inside this process against the Node.js server."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment_of(node_server).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Finished:
        capsys.readouterr()
        code = execute([*arguments, "--json"])
        said = capsys.readouterr()
        return _finished(code, said.out, said.err)

    yield run
    structlog.reset_defaults()


def environment_of(server: NodeServer) -> dict[str, str]:
    """The variables that lead our command line to *server*."""
    return {
        "HOOKFLASH_HOST": server.host,
        "HOOKFLASH_CA_FILE": str(server.ca_file),
        "HOOKFLASH_CLIENT_ID": "hookflash-tests",
        "HOOKFLASH_CLIENT_SECRET": "good",
    }


def _finished(code: int, output: str, messages: str) -> Finished:
    lines = output.splitlines()
    assert len(lines) <= 1, lines
    result: Mapping[str, Any] = json.loads(lines[0]) if lines else {}
    return Finished(code, result, messages)
