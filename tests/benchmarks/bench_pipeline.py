"""The whole pipeline against a Node.js controller and against the bare loop, on one simulator.

One run, interleaved rounds: in each round every client does the same work against the same freshly
started simulator, one client at a time, in turns; a ratio is taken within its round, so that a slow
moment of the machine meets both sides. Figures are medians over the rounds.

    python tests/benchmarks/bench_pipeline.py [--pairs 5000] [--rounds 5] [--json]

Rows with Node.js are left out, and said so, where Node.js or its modules (`npm install` in
tests/interop) are missing; with HOOKFLASH_REQUIRE_ALL=1 that is an error.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import orjson
from attrs import define, field, frozen

HERE: Final = Path(__file__).parent
INTEROP: Final = HERE.parent / "interop"
WITHIN_S: Final = 600.0
"""A client that takes longer is stuck."""

START: Final = "from hookflash.adapters.command_line.main import run; run()"
READY: Final = "simulator ready on https://"

Client = Literal["hookflash", "node", "loop"]


@frozen
class Job:
    """What a client has to do.

    Attributes:
        name: For the table.
        pairs: Hold and unhold pairs.
        concurrency: How many at a time.
        interactions: Over how many interactions they are spread.
    """

    name: str
    pairs: int
    concurrency: int
    interactions: int

    @property
    def options(self) -> list[str]:
        """As every client takes them."""
        return [
            f"--pairs={self.pairs}",
            f"--concurrency={self.concurrency}",
            f"--interactions={self.interactions}",
        ]


@frozen
class Goal:
    """A row of the project's table of figures.

    Attributes:
        what: What is compared.
        job: The name of the job.
        against: The other client.
        key: The figure.
        bound: What the ratio of ours to theirs should reach.
        at_most: Whether a smaller ratio is better.
    """

    what: str
    job: str
    against: Client
    key: Literal["per_second", "p50_ms"]
    bound: float
    at_most: bool = False

    def reached(self, ratio: float) -> bool:
        """Whether *ratio* is good enough."""
        return ratio <= self.bound if self.at_most else ratio >= self.bound


GOALS: Final = (
    Goal("commands/s, 50 at a time, held once", "once", "node", "per_second", 1.2),
    Goal("commands/s, 50 at a time, held five times", "five", "node", "per_second", 2.0),
    Goal(
        "median latency, 1 at a time, held five times", "alone", "node", "p50_ms", 0.6, at_most=True
    ),
    Goal("commands/s, 50 at a time, held five times", "five", "loop", "per_second", 0.7),
)


@define
class Figures:
    """What was measured: for each job and client, one result per round."""

    results: dict[tuple[str, Client], list[dict[str, Any]]] = field(
        factory=dict[tuple[str, Client], list[dict[str, Any]]]
    )

    def add(self, job: str, client: Client, result: dict[str, Any]) -> None:
        """Keep one result."""
        self.results.setdefault((job, client), []).append(result)

    def median(self, job: str, client: Client, key: str) -> float:
        """The median of one figure over the rounds."""
        return float(statistics.median(result[key] for result in self.results[job, client]))

    def ratios(self, goal: Goal) -> list[float]:
        """Ours to theirs, round by round; empty where they did not run."""
        ours = self.results.get((goal.job, "hookflash"), [])
        theirs = self.results.get((goal.job, goal.against), [])
        pairs = zip(ours, theirs, strict=False)
        return [one[goal.key] / other[goal.key] for one, other in pairs]


@frozen
class Gateway:
    """The simulator of one round."""

    host: str
    ca_file: Path
    pid: int

    def cpu_s(self) -> float:
        """CPU time that it has used, in seconds; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def simulator(folder: Path) -> Generator[Gateway]:
    """Run the simulator as a process of its own; its certificate goes into *folder*."""
    command = [sys.executable, "-c", START, "simulate", "--port=0", "--seed=1"]
    with subprocess.Popen(
        [*command, f"--tls-dir={folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith(READY):
                raise SystemExit(f"the simulator did not start: {line!r}")
            yield Gateway(line.removeprefix(READY).strip(), folder / "ca.pem", process.pid)
        finally:
            process.terminate()


def command_of(client: Client, gateway: Gateway, job: Job, folder: Path) -> list[str]:
    """Return the command line of a client."""
    host, ca_file = gateway.host, gateway.ca_file
    if client == "node":
        program = ["node", str(INTEROP / "controller.mjs"), "bench", f"--log={folder / 'node.log'}"]
        return [*program, f"--host={host}", f"--ca={ca_file}", *job.options]
    if client == "loop":
        program = [sys.executable, str(HERE / "bench_loop.py")]
    else:
        audit = f"--audit={folder / 'audit.jsonl'}"
        program = [sys.executable, "-c", START, "bench", "--json", "--client-id=bench", audit]
    return [*program, f"--host={host}", f"--ca-file={ca_file}", *job.options]


def run(client: Client, gateway: Gateway, job: Job) -> dict[str, Any]:
    """Let a client do a job, alone, in an empty folder.

    Raises:
        SystemExit: It failed, or one of its commands did.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKFLASH_")}
    before = gateway.cpu_s()
    with tempfile.TemporaryDirectory(prefix="hookflash-bench-") as folder:
        ended = subprocess.run(
            command_of(client, gateway, job, Path(folder)),
            capture_output=True,
            check=False,
            cwd=folder,
            env={**kept, "HOOKFLASH_CLIENT_SECRET": "good"},
            text=True,
            timeout=WITHIN_S,
        )
    if ended.returncode != 0:
        raise SystemExit(f"{client}, {job.name}: exit code {ended.returncode}\n{ended.stderr}")
    result: dict[str, Any] = orjson.loads(ended.stdout)
    result["cpu_ms_per_command"] = result["cpu_s"] / result["commands"] * 1000
    gateway_s = gateway.cpu_s() - before
    result["gateway_cpu_ms_per_command"] = gateway_s / result["commands"] * 1000
    return result


def clients_of(job: Job, *, with_node: bool) -> list[Client]:
    """Who does *job*: the loop has no lookups to be spared by holding five times."""
    others: list[Client] = ["node"] if with_node else []
    if any(goal.against == "loop" and goal.job == job.name for goal in GOALS):
        others.append("loop")
    return ["hookflash", *others]


def measure(
    jobs: Sequence[Job], rounds: int, *, with_node: bool, tell: Callable[[str], None]
) -> Figures:
    """Run all rounds; the order of the clients turns from round to round."""
    figures = Figures()
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="hookflash-tls-") as folder:
            for job in jobs:
                clients = clients_of(job, with_node=with_node)
                shift = number % len(clients)
                for client in clients[shift:] + clients[:shift]:
                    # A gateway of its own: what one client left there must not slow the next.
                    with simulator(Path(folder)) as gateway:
                        result = run(client, gateway, job)
                    figures.add(job.name, client, result)
                    tell(
                        f"round {number + 1}/{rounds} {job.name:<5} {client:<9}"
                        f" {result['per_second']:>8,.0f}/s, median {result['p50_ms']:.3f} ms"
                    )
    return figures


def has_node() -> bool:
    """Whether the Node.js controller can run.

    Raises:
        SystemExit: It cannot, and HOOKFLASH_REQUIRE_ALL=1 asks for it.
    """
    if shutil.which("node") is not None and (INTEROP / "node_modules").is_dir():
        return True
    if os.environ.get("HOOKFLASH_REQUIRE_ALL") == "1":
        raise SystemExit("Node.js or its modules are missing, and HOOKFLASH_REQUIRE_ALL=1")
    return False


def table(figures: Figures, jobs: Sequence[Job]) -> list[str]:
    """Return what was measured, as lines."""
    head = f"{'job':<34} {'client':<9} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}"
    lines = [f"{head} {'cpu ms/cmd':>10} {'gateway':>8} {'rss MB':>7}"]
    for job in jobs:
        label = f"{job.name}: {job.pairs} pairs, {job.concurrency} at a time"
        for name, client in figures.results:
            if name != job.name:
                continue
            values = {
                key: figures.median(name, client, key)
                for key in (
                    "per_second",
                    "p50_ms",
                    "p99_ms",
                    "cpu_ms_per_command",
                    "gateway_cpu_ms_per_command",
                    "rss_mb",
                )
            }
            lines.append(
                f"{label:<34} {client:<9} {values['per_second']:>10,.0f} {values['p50_ms']:>8.3f}"
                f" {values['p99_ms']:>8.3f} {values['cpu_ms_per_command']:>10.3f}"
                f" {values['gateway_cpu_ms_per_command']:>8.3f} {values['rss_mb']:>7.1f}"
            )
            label = ""
    return lines


def verdicts(figures: Figures) -> list[dict[str, Any]]:
    """Return each goal with the ratio that was measured; None where it could not be."""
    found: list[dict[str, Any]] = []
    for goal in GOALS:
        ratios = figures.ratios(goal)
        ratio = statistics.median(ratios) if ratios else None
        found.append(
            {
                "what": goal.what,
                "against": goal.against,
                "goal": f"{'<=' if goal.at_most else '>='} {goal.bound}",
                "ratio": None if ratio is None else round(ratio, 3),
                "rounds": [round(one, 3) for one in ratios],
                "reached": None if ratio is None else goal.reached(ratio),
            }
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args(arguments)
    pairs: int = options.pairs
    fifth = max(1, pairs // 5)
    jobs = (
        Job("once", pairs, 50, pairs),
        Job("five", pairs, 50, fifth),
        Job("alone", fifth, 1, max(1, fifth // 5)),
    )
    with_node = has_node()
    if not with_node:
        sys.stderr.write("Node.js or its modules are missing: its rows are left out\n")

    def tell(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    figures = measure(jobs, options.rounds, with_node=with_node, tell=tell)
    found = verdicts(figures)
    if options.json:
        results = {f"{job} {client}": rows for (job, client), rows in figures.results.items()}
        sys.stdout.write(orjson.dumps({"goals": found, "results": results}).decode() + "\n")
        return 0
    lines = table(figures, jobs)
    lines.append("")
    for row in found:
        state = {True: "reached", False: "MISSED", None: "not measured"}[row["reached"]]
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append(
            f"{row['what']:<46} against {row['against']:<5} {ratio:>6} x,"
            f" goal {row['goal']:<6} {state}"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
