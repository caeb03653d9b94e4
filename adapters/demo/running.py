"""Running the demo: simulator, controller and play in one process, over real TLS sockets."""

import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import trio
from attrs import frozen
from rich.console import Console
from rich.text import Text

from hookflash.adapters.command_line.logs import configure_logging, level_of_environment
from hookflash.adapters.command_line.output import print_json, print_line, tell_error
from hookflash.adapters.command_line.signals import Interrupted, stop_signals
from hookflash.adapters.composition import open_controller
from hookflash.adapters.demo.cast import DECIDED, DENIED, STRICT, Part, draw_cast
from hookflash.adapters.demo.evidence import Finding, States, judge_files
from hookflash.adapters.demo.pace import Pace
from hookflash.adapters.demo.play import Play
from hookflash.adapters.demo.view import Lines, Picture, Silence, View
from hookflash.adapters.journal import AppendFile
from hookflash.adapters.journal.interchange import export
from hookflash.adapters.report import write_report
from hookflash.adapters.simulator import Simulator
from hookflash.adapters.specifications import load_machine
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.policy import HoldPolicy

FirstSignal = Callable[[], Awaitable[int]]
"""Waits for SIGTERM or Ctrl-C; gives its number."""

CONNECT_WITHIN_S = 15.0
"""How long the control socket on this machine may take to open."""


@frozen
class Files:
    """What the demo leaves behind: three files in one folder, replaced by the next run there.

    Attributes:
        recording: The recording of the run, which is its journal at the end.
        audit_log: Its audit log.
        report: The page about both.
    """

    recording: Path
    audit_log: Path
    report: Path

    @classmethod
    def fresh(cls, folder: Path) -> "Files":
        """Make the folder where it is missing, and remove what an earlier demo left there.

        Nothing else in it is touched; the names begin with `demo-` for that reason.

        Raises:
            JournalError: Another demo runs in that folder; its process id is named.
            ConfigurationError: The folder cannot be made or written; `source` names it.
        """
        found = cls(
            folder / "demo-recording.jsonl",
            folder / "demo-audit.jsonl",
            folder / "demo-report.html",
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Opened first: what a running demo writes to is locked, and stays.
            AppendFile.open(found.audit_log).close()
            for path in (found.recording, found.audit_log, found.report):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"option --out: {folder} cannot be written: {error.strerror or error}",
                advice="name a folder that you may write to",
                source="option --out",
            ) from error
        return found


@frozen
class Run:
    """What a demo is made of.

    Attributes:
        seed: Decides everything.
        pace: How long things take.
        cast: Who plays.
        policy: The policy that holds are under.
        files: What is written.
    """

    seed: int
    pace: Pace
    cast: tuple[Part, ...]
    policy: HoldPolicy
    files: Files

    def chance(self, what: str) -> Random:
        """Return the source of *what* is drawn, the same for the same seed."""
        return Random(f"{what} {self.seed}")  # noqa: S311 - a play, not a secret


async def run_demo(*, seed: int, speed: float, out: Path, json: bool) -> int:
    """Run the demo: dozens of interactions while things go wrong, then the proof of it on disk.

    The settings are the demo's own: no config file and no variable has a say in them but
    HOOKFLASH_LOG_LEVEL. Files of an earlier demo in *out* are replaced.

    Args:
        seed: Decides who plays when; which faults there are is promised.
        speed: How many times faster than it is meant to be watched; above 0. Limits stay at 1 s.
        out: The folder for recording, audit log and report; made where it is missing.
        json: Print one line of JSON at the end, and nothing else.

    Returns:
        The exit code: 0 if all that was promised happened, by the recording and the audit log.

    Raises:
        ConfigurationError: *out* cannot be written.
        JournalError: Another demo runs in *out*, or the disk is full.
        Interrupted: SIGTERM or Ctrl-C ended it; what was recorded until then stays.
    """
    configure_logging(level_of_environment(), default="critical")
    pace = Pace.at(speed)
    policy = pace.policy(strict=STRICT, decided=DECIDED, denied=DENIED)
    run = Run(seed, pace, draw_cast(seed, pace), policy, Files.fresh(out))
    async with stop_signals() as first_signal:
        return await _run(run, first_signal, json=json)


async def _run(run: Run, first_signal: FirstSignal, *, json: bool) -> int:
    began_s = trio.current_time()
    console = Console(highlight=False)
    view = _view_of(run, console, json=json)
    states = await _perform(run, view, first_signal)
    took_s = trio.current_time() - began_s
    files = run.files
    findings = judge_files(
        files.recording, files.audit_log, load_machine("hold", run.policy), states
    )
    write_report(files.recording, files.audit_log, files.report)
    return conclude(run, findings, took_s, console=None if json else console)


def _view_of(run: Run, console: Console, *, json: bool) -> View:
    if json:
        return Silence()
    title = f"hookflash demo, seed {run.seed}"
    if console.is_terminal and sys.stdout.isatty() and not console.is_dumb_terminal:
        return Picture(console, title)
    print_line(f"{title}: {len(run.cast)} interactions against a simulated gateway")
    return Lines()


async def _perform(run: Run, view: View, first_signal: FirstSignal) -> States:
    """Let the cast play; return the states at the end, as each side has them.

    Raises:
        Interrupted: A signal came first. The play stops then; engine and simulator go on until the
            commands under way have ended, so that each has its audit line.
    """
    simulator = Simulator(seed=run.seed, ack_delay_s=run.pace.ack_s)
    found: list[States | Interrupted] = []
    with tempfile.TemporaryDirectory(prefix="hookflash-demo-") as folder:
        journal = Path(folder) / "journal.db"
        async with trio.open_nursery() as nursery:
            address = await nursery.start(simulator.serve_tcp, 0, Path(folder))
            view.tell(f"a simulated gateway serves TLS on {address.host}")
            settings = run.pace.settings(
                run.policy,
                host=address.host,
                ca_file=address.ca_file,
                journal=journal,
                audit=run.files.audit_log,
            )
            clock = SteadyClock(chance=run.chance("ids"))
            try:
                async with open_controller(
                    settings, clock=clock, chance=run.chance("pauses")
                ) as controller:
                    controller.add_monitor(view.heard)
                    found.append(await _play(run, controller, simulator, view, first_signal))
            finally:
                if journal.exists():
                    export(journal, run.files.recording)
            nursery.cancel_scope.cancel()
    states = found[0]
    if isinstance(states, Interrupted):
        raise states
    return states


async def _play(
    run: Run,
    controller: Controller,
    simulator: Simulator,
    view: View,
    first_signal: FirstSignal,
) -> States | Interrupted:
    play = Play(controller, simulator, run.cast, run.pace, view.tell)
    play.prepare()
    stopped: list[Interrupted] = []
    async with trio.open_nursery() as nursery:

        async def stop() -> None:
            stopped.append(Interrupted(await first_signal()))
            nursery.cancel_scope.cancel()

        nursery.start_soon(stop)
        await controller.wait_connected(CONNECT_WITHIN_S)
        nursery.start_soon(view.run, controller, play, run.cast)
        await play.run()
        nursery.cancel_scope.cancel()
    if stopped:
        return stopped[0]
    engine = {one.id: one.state for one in controller.interactions()}
    return States(engine, simulator.all_states())


# --- what is printed at the end -------------------------------------------------------------------


def conclude(
    run: Run, findings: Sequence[Finding], took_s: float, *, console: Console | None
) -> int:
    """Print what was found.

    Args:
        run: What was run.
        findings: Each promise, kept or not.
        took_s: How long it took.
        console: Where the checklist goes, and after it the three lines that programs look for; None
            prints one line of JSON instead.

    Returns:
        The exit code: 0 where every promise was kept, else 1.
    """
    if console is None:
        print_json(_summary(run, findings, took_s))
    else:
        _print_checklist(console, run, findings, took_s)
        for name, path in _named(run.files).items():
            print_line(f"{name}: {path}")
    return 0 if all(finding.kept for finding in findings) else 1


def _print_checklist(
    console: Console, run: Run, findings: Sequence[Finding], took_s: float
) -> None:
    console.print()
    console.print(Text(f"seed {run.seed}, {took_s:.1f} s. From the recording and the audit log:"))
    for finding in findings:
        mark = (
            Text("  ok     ", style="green")
            if finding.kept
            else Text("  MISSING", style="bold red")
        )
        count = "" if finding.count is None else str(finding.count)
        note = f" ({finding.note})" if finding.note else ""
        console.print(Text.assemble(mark, f"{count:>5}  {finding.text}{note}"), soft_wrap=True)
    console.print()
    missing = [finding.text for finding in findings if not finding.kept]
    if missing:
        tell_error(
            f"{len(missing)} of {len(findings)} promises were not kept: {'; '.join(missing)}"
        )
    else:
        console.print(Text(f"all {len(findings)} promises were kept", style="bold green"))


def _summary(run: Run, findings: Sequence[Finding], took_s: float) -> dict[str, Any]:
    promises = [
        {
            "name": finding.key,
            "promise": finding.text,
            "kept": finding.kept,
            "count": finding.count,
            "note": finding.note or None,
        }
        for finding in findings
    ]
    files = run.files
    return {
        "ok": all(finding.kept for finding in findings),
        "seed": run.seed,
        "seconds": round(took_s, 3),
        "interactions": len(run.cast),
        "missing": [finding.key for finding in findings if not finding.kept],
        "promises": promises,
        "recording": str(files.recording),
        "auditLog": str(files.audit_log),
        "report": str(files.report),
    }


def _named(files: Files) -> dict[str, Path]:
    return {"recording": files.recording, "audit log": files.audit_log, "report": files.report}
