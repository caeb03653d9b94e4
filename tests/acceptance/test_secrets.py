"""Nothing secret is anywhere: the programs as users run them, and all that they leave behind.

Every command runs as a process of its own with the log at debug level, against a simulator over
TLS. All that they print and all files that they leave are then searched for the client's secret,
for every token that the simulator gave out, and for telephone numbers.
"""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, quote_plus

from attrs import field, frozen
from tests.support.command_line import quiet_logs
from tests.support.simulator_thread import SimulatorThread, simulator_in_thread

from hookflash.adapters.journal.reading import is_journal
from hookflash.adapters.journal.recording import recording_lines
from hookflash.adapters.settings import WireSettings
from hookflash.adapters.simulator import Faults, Simulator
from hookflash.adapters.simulator.faults import (
    ClientSettings,
    EndpointFaults,
    EndpointRefusal,
    SocketFaults,
    TokenFaults,
)
from hookflash.adapters.wire.opening import gateway_header, record_into
from hookflash.adapters.wire.recorder import WireRecorder
from hookflash.engine.clock import SteadyClock
from hookflash.machines.policy import HoldPolicy

PROGRAM = "from hookflash.adapters.command_line.main import run; run()"

TAPPED = """
import os, secrets
draw = secrets.token_urlsafe
def tapped(*given):
    token = draw(*given)
    with open(os.environ["TAP"], "a", encoding="ascii") as file:
        print(token, file=file)
    return token
secrets.token_urlsafe = tapped
from hookflash.adapters.command_line.main import run; run()
"""
"""The program, but for a note of each token that its own simulator draws."""

CLIENT_ID = "client-of-the-scan"
SECRET = "Tr0ub4dor&3/+ %=horse?>"
REFUSED = "b4ttery/staple+=&%"
"""The secrets: with characters that look different in each encoding."""

PROMPT_NUMBER = "+49 30 9018 20771"
MUSIC_NUMBER = "0049-172-5550-1993"
ID_NUMBER = "+1 (206) 555-0142-77"
NUMBERS = (PROMPT_NUMBER, MUSIC_NUMBER, ID_NUMBER)

PROMPT = f"Please call {PROMPT_NUMBER} instead, sip:front.desk@example.test"
TEXTS = ("--prompt", PROMPT, "--music", f"tel:{MUSIC_NUMBER}")
WITH_REASON = ("--reason", "consultation", "--priority", "5")


# --- what is searched for -------------------------------------------------------------------------


def forms_of(secret: str) -> dict[str, str]:
    """Return what *secret* may look like, by the name of the form."""
    encoded = base64.b64encode(secret.encode()).decode()
    pair = base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()
    return {
        "plain": secret,
        "base64": encoded.rstrip("="),
        "base64 for URLs": encoded.rstrip("=").translate(str.maketrans("+/", "-_")),
        "basic": pair.rstrip("="),
        "quoted": quote(secret, safe=""),
        "quoted but for slashes": quote(secret),
        "in a form": quote_plus(secret),
        "JSON": json.dumps(secret)[1:-1],
        "JSON in ASCII": secret.replace("&", "\\u0026").replace(">", "\\u003e"),
    }


@frozen
class Scanner:
    """Finds what must be nowhere.

    Attributes:
        secrets: Each form of each, with what the form is called.
        numbers: Telephone numbers, found whatever stands between their digits.
    """

    secrets: tuple[tuple[str, str], ...]
    numbers: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, secrets: Sequence[str], numbers: Sequence[str]) -> "Scanner":
        """Return a scanner for *secrets* and *numbers*."""
        digits = [re.sub(r"\D", "", number) for number in numbers]
        return cls(
            tuple(form for secret in secrets for form in forms_of(secret).items()),
            tuple(re.compile(r"[\s().+\-/]{0,3}".join(number)) for number in digits),
        )

    def found_in(self, texts: dict[str, str]) -> list[str]:
        """Say what was found, and where."""
        return [
            f"{what} in {name}"
            for name, text in texts.items()
            for what in (
                *(f"a secret ({form})" for form, secret in self.secrets if secret in text),
                *("a number" for number in self.numbers if number.search(text)),
            )
        ]


# --- what is run ----------------------------------------------------------------------------------


@frozen
class Process:
    """A process that was started, and the folder that it runs in."""

    name: str
    popen: "subprocess.Popen[str]"
    folder: Path


@frozen
class Desk:
    """Starts commands, each in a folder of its own, and collects what they print and leave.

    Attributes:
        simulator: Where they lead.
        folder: Where their folders are made.
        texts: What was collected, by name.
    """

    simulator: SimulatorThread
    folder: Path
    texts: dict[str, str] = field(factory=dict[str, str])

    def misbehave(self, wrong: Faults) -> None:
        """Let the simulator do this wrong from now on."""
        self.simulator.ask(lambda simulator: simulator.use_faults(wrong))

    def start(
        self, name: str, *arguments: str, secret: str = SECRET, program: str = PROGRAM
    ) -> Process:
        """Start a command in the folder *name*; all that it needs is in variables."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        variables = {name: text for name, text in os.environ.items() if "HOOKFLASH" not in name}
        variables |= {
            "HOOKFLASH_HOST": self.simulator.address.host,
            "HOOKFLASH_CA_FILE": str(self.simulator.address.ca_file),
            "HOOKFLASH_CLIENT_ID": CLIENT_ID,
            "HOOKFLASH_CLIENT_SECRET": secret,
            "HOOKFLASH_LOG_LEVEL": "debug",
            "HOOKFLASH_WIRE_PATH": "wire.jsonl",
            "TAP": str(self.folder / "tapped"),
        }
        command = [sys.executable, "-c", program, *arguments]
        run = sum(path.suffix == ".stderr" for path in folder.iterdir()) + 1
        # Into a file: nobody reads it meanwhile, and a pipe could fill up.
        with (folder / f"{run}.stderr").open("w", encoding="utf-8") as err:
            popen = subprocess.Popen(
                command, cwd=folder, env=variables, text=True, stdout=subprocess.PIPE, stderr=err
            )
        return Process(name, popen, folder)

    def end(self, process: Process, already_read: str = "") -> int:
        """Wait for a process to end, collect what it printed, and return its exit code."""
        try:
            out, _ = process.popen.communicate(timeout=30)
        finally:
            process.popen.kill()
        name = f"stdout {len(self.texts) + 1} of {process.name}"
        self.texts[name] = already_read + out
        return process.popen.returncode

    def end_all(self, *processes: Process) -> dict[str, int]:
        """Wait for several; return their exit codes by name."""
        return {process.name: self.end(process) for process in processes}

    def stop(self, service: Process, until: str) -> int:
        """Stop a service once it has printed a line with *until*; return its exit code."""
        out = service.popen.stdout
        assert out is not None
        lines = [out.readline()]
        while until not in lines[-1]:
            lines.append(out.readline())
            assert lines[-1], f"{service.name} ended early: {lines}"
        service.popen.send_signal(signal.SIGTERM)
        return self.end(service, "".join(lines))

    def collect_files(self) -> None:
        """Collect what all of them left behind."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.name != "tapped":
                text = path.read_bytes().decode("utf-8", "replace")
                if is_journal(path):
                    # Its lines are compressed.
                    text += b"".join(line for _, line in recording_lines(path)).decode()
                self.texts[str(path.relative_to(self.folder))] = text


def faults(
    *,
    scopes: tuple[str, ...] = TokenFaults().scopes,
    status: int | None = None,
    close_every: int = 0,
) -> Faults:
    """Return what goes wrong; one of the two secrets is never accepted."""
    refusals = () if status is None else (EndpointRefusal(status=status, share=1.0),)
    return Faults(
        clients=ClientSettings(secrets=(SECRET,), refused_secrets=(REFUSED,)),
        token=TokenFaults(scopes=scopes),
        upgrade=EndpointFaults(refusals=refusals),
        metadata=EndpointFaults(refusals=refusals),
        sockets=SocketFaults(close_every=close_every),
    )


def run_what_works(desk: Desk, one: str) -> None:
    """Each command succeeds, the service included; its journal has a torn end once."""
    desk.misbehave(faults())
    service = desk.start("service", "run", "--journal", "hookflash.db")
    hold = desk.start("one", "hold", one, *WITH_REASON, *TEXTS, "--journal", "one.db")
    codes = desk.end_all(
        hold,
        desk.start("bench", "bench", "--pairs", "20", "--concurrency", "4", "--journal", "b.db"),
        desk.start("doctor", "doctor"),
    )
    assert codes == {"one": 0, "bench": 0, "doctor": 0}, desk.texts
    assert desk.stop(service, "link connected") == 0
    # What a crash leaves that tore the very first write into a tail file.
    (service.folder / "hookflash.db.tail-000000000999999").write_text('{"format":')

    again = desk.start("service", "run", "--journal", "hookflash.db", "--json")
    codes = desk.end_all(
        desk.start("one", "unhold", one, "--priority", "5", "--journal", "one.db"),
        desk.start("status", "status", one, "--json"),
    )
    assert codes == {"one": 0, "status": 0}, desk.texts
    assert desk.stop(again, '"connected"') == 0
    assert (again.folder / "hookflash.db.torn").is_file()


def run_what_is_refused(desk: Desk, one: str) -> None:
    """A number for an id; a wrong secret, for every command that needs one."""
    service = desk.start("refused service", "run", "--journal", "r.db", secret=REFUSED)
    codes = desk.end_all(
        desk.start("number held", "hold", ID_NUMBER, *WITH_REASON, *TEXTS, "--journal", "n.db"),
        desk.start("number asked", "status", ID_NUMBER),
        desk.start("refused hold", "hold", one, *WITH_REASON, *TEXTS, secret=REFUSED),
        desk.start("refused unhold", "unhold", one, "--priority", "5", "--json", secret=REFUSED),
        desk.start("refused status", "status", one, secret=REFUSED),
        desk.start("refused doctor", "doctor", secret=REFUSED),
        desk.start("refused bench", "bench", "--pairs", "1", "--concurrency", "1", secret=REFUSED),
    )
    assert codes.pop("number held") == codes.pop("number asked") == 2
    assert set(codes.values()) <= {1, 3}, codes
    assert desk.stop(service, "link given up") == 0


def run_what_fails(desk: Desk, one: str) -> None:
    """A scope is missing, everything is forbidden, each socket is lost with its command."""
    for name, wrong in (
        ("scope", faults(scopes=("interaction:read",))),
        ("forbidden", faults(status=403)),
    ):
        desk.misbehave(wrong)
        codes = desk.end_all(
            desk.start(f"{name} hold", "hold", one, *WITH_REASON, *TEXTS, "--journal", "f.db"),
            desk.start(f"{name} doctor", "doctor", "--json"),
        )
        assert set(codes.values()) <= {1, 3}, codes
    desk.misbehave(faults(close_every=1))
    codes = desk.end_all(
        desk.start("lost hold", "hold", one, *WITH_REASON, *TEXTS, "--journal", "l.db"),
        desk.start("lost bench", "bench", "--pairs", "1", "--concurrency", "1"),
    )
    assert set(codes.values()) <= {0, 1, 3, 4}, codes


def tokens_of(simulator: Simulator) -> list[str]:
    """Return every token that it gave out; none was revoked."""
    grants = simulator._gateway.desk._grants  # pyright: ignore[reportPrivateUsage] - to look for them
    return list(grants)


def record_wire(simulator: Simulator, path: Path) -> None:
    """Let the simulator record what goes over its wire."""
    clock = SteadyClock()
    header = gateway_header(WireSettings(), "localhost", clock.now(), HoldPolicy().all_reasons())
    simulator.tap = record_into(WireSettings(path=path), header, clock.now)


def close_wire(simulator: Simulator) -> None:
    """End that recording."""
    recorder, simulator.tap = simulator.tap, None
    assert isinstance(recorder, WireRecorder)
    recorder.close()


def test_no_secret_is_anywhere(tmp_path: Path) -> None:
    """Not in what is printed or logged, not in journal, audit log, recordings or report."""
    commands = tmp_path / "commands"
    commands.mkdir()
    one = str(uuid.uuid4())
    with quiet_logs(), simulator_in_thread(tmp_path / "tls") as simulator:
        desk = Desk(simulator, commands)
        simulator.ask(lambda one: record_wire(one, commands / "gateway-wire.jsonl"))
        demo = desk.start(
            "demo", "demo", "--seed", "7", "--speed", "100", "--out", "out", program=TAPPED
        )
        run_what_works(desk, one)
        run_what_is_refused(desk, one)
        run_what_fails(desk, one)
        assert desk.end(demo) == 0
        issued = simulator.ask(tokens_of)
        simulator.ask(close_wire)
        lost = simulator.ask(lambda simulator: simulator.statistics().sockets_closed_by_fault)
    desk.collect_files()
    tapped = (commands / "tapped").read_text("ascii").split()
    scanner = Scanner.of([SECRET, REFUSED, *issued, *tapped], NUMBERS)

    # There was something to find, and it was looked at.
    assert len(issued) > 10
    assert tapped
    assert lost > 1
    texts = desk.texts
    assert {"lock", "torn", "db", "jsonl", "html"} <= {name.rpartition(".")[2] for name in texts}
    assert sum('"level": "debug"' in text for text in texts.values()) > 5
    assert "[number]" in texts["one/one.db"]
    assert one in texts["one/hookflash-audit.jsonl"]
    for name in ("one/wire.jsonl", "service/wire.jsonl", "gateway-wire.jsonl"):
        assert '"access_token":"?text ' in texts[name], name
    assert '"holdPrompt":"?text ' in texts["gateway-wire.jsonl"]

    assert scanner.found_in(texts) == []

    # And what stood there would have been found, in whatever form.
    for secret in (SECRET, REFUSED, issued[-1], tapped[-1]):
        for form in forms_of(secret).values():
            assert Scanner.of([secret], []).found_in({"x": f"… {form} …"})
            planted = texts | {"one/one.db": texts["one/one.db"] + form}
            assert scanner.found_in(planted), form
    for number in (*NUMBERS, "+493090182077-1", "(0049) 172 / 5550 1993"):
        planted = texts | {"out": f'{{"prompt":"call {number}"}}'}
        assert scanner.found_in(planted) == ["a number in out"], number
