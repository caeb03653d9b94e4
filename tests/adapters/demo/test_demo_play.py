"""The demo's play and its checklist, on virtual time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import evolve
from rich.console import Console
from tests.support.demo_run import DemoRun, run_in_memory

from hookflash.adapters.demo.cast import HOW_MANY, draw_cast
from hookflash.adapters.demo.evidence import (
    PROMISES,
    Finding,
    Key,
    States,
    counts_of,
    first_difference,
    judge,
    judge_files,
)
from hookflash.adapters.demo.pace import Pace
from hookflash.adapters.demo.running import Files, Run, conclude
from hookflash.adapters.journal import AppendFile
from hookflash.adapters.report import History
from hookflash.machines.errors import ConfigurationError, JournalError, MalformedRecord
from hookflash.machines.records import Record


@pytest.fixture(scope="module")
def played() -> DemoRun:
    """One run that kept every promise."""
    return run_in_memory(11)


def not_kept(findings: list[Finding]) -> list[str]:
    return [finding.key for finding in findings if not finding.kept]


@pytest.mark.parametrize(("seed", "speed"), [(1, 1.0), (2, 0.5), (3, 10.0), (4, 1000.0), (-5, 2.0)])
def test_every_promise_is_kept(seed: int, speed: float) -> None:
    """Whatever the seed and the speed; and at the speed meant for watching it takes 15 to 25 s."""
    run = run_in_memory(seed, speed)

    assert not_kept(judge(run.records, run.audit, run.machine, run.states)) == []
    assert len(run.cast) == sum(HOW_MANY.values()) == 43
    if speed == 1.0:
        assert 15 < run.took_s < 25
    assert "the gateway cuts the control socket while commands are under way" in run.told


def test_the_seed_decides_the_cast() -> None:
    """The same seed gives the same cast, another one another."""
    pace = Pace.at(1.0)

    assert draw_cast(7, pace) == draw_cast(7, pace)
    assert draw_cast(7, pace) != draw_cast(8, pace)
    assert len({part.id for part in draw_cast(7, pace)}) == 43


@pytest.mark.parametrize("key", list(PROMISES))
def test_each_promise_that_is_not_kept_is_named(key: Key, played: DemoRun) -> None:
    """Without the interactions in which it happened, it did not happen."""
    by_interaction: dict[str, list[Record]] = {}
    for record in played.records:
        by_interaction.setdefault(record.interaction_id, []).append(record)
    without = {
        interaction_id
        for interaction_id, records in by_interaction.items()
        if not counts_of(History.of(records))[key]
    }
    records = [record for record in played.records if record.interaction_id in without]
    found = {
        finding.key: finding
        for finding in judge(records, played.audit, played.machine, played.states)
    }

    assert not found[key].kept
    assert found[key].count == 0
    assert found[key].note == f"at least {PROMISES[key][0]} were promised"


def test_a_caller_who_stays_on_hold_is_found(played: DemoRun) -> None:
    """The recording ends before the last hold does."""
    last = max(
        place
        for place, record in enumerate(played.records)
        if record.source == "unhold_pending" and record.target == "active"
    )
    findings = judge(played.records[:last], played.audit, played.machine, played.states)

    assert "nobody_on_hold" in not_kept(findings)


def test_states_that_differ_are_found(played: DemoRun) -> None:
    """In the engine, at the gateway, in the recording, or where there are none at all."""
    one = played.cast[0].id

    def found(states: States) -> Finding:
        findings = judge(played.records, played.audit, played.machine, states)
        (finding,) = [finding for finding in findings if finding.key == "states_agree"]
        return finding

    engine = dict(played.states.engine) | {one: "held"}
    gateway = dict(played.states.gateway)
    assert found(evolve(played.states, engine=engine)).note.startswith(f"1 differ; {one} is ")
    assert not found(evolve(played.states, gateway=gateway | {one: "held"})).kept
    del engine[one]
    assert not found(evolve(played.states, engine=engine)).kept
    assert not found(States({}, {})).kept


@pytest.mark.parametrize("damage", ["lost", "twice", "swapped"])
def test_an_audit_log_that_does_not_fit_is_found(damage: str, played: DemoRun) -> None:
    """Exactly one line for each outcome, in order."""
    lines: list[Mapping[str, Any]] = list(played.audit)
    if damage == "lost":
        del lines[5]
    elif damage == "twice":
        lines.insert(5, lines[5])
    else:
        lines[5], lines[6] = lines[6], lines[5]

    assert not_kept(judge(played.records, lines, played.machine, played.states)) == ["audited"]


def test_a_broken_chain_is_found(played: DemoRun) -> None:
    """It is named as the verification names it."""
    findings = judge(
        played.records, played.audit, played.machine, played.states, chain="line 3: was changed"
    )

    (finding,) = [finding for finding in findings if not finding.kept]
    assert (finding.key, finding.note) == ("chain", "line 3: was changed")


def test_a_recording_that_replays_otherwise_is_found(played: DemoRun) -> None:
    """The first record that comes out otherwise is named."""
    records = list(played.records)
    records[20] = evolve(records[20], effects=(*records[20].effects, *records[20].effects, "more"))

    assert first_difference(records, played.machine).startswith(f"record {records[20].seq} of ")
    assert first_difference(played.records, played.machine) == ""


def test_files_that_cannot_be_read_are_an_error(tmp_path: Path, played: DemoRun) -> None:
    """There is nothing to judge then."""
    with pytest.raises(MalformedRecord, match=r"missing\.jsonl"):
        judge_files(
            tmp_path / "missing.jsonl", tmp_path / "none.jsonl", played.machine, played.states
        )


# --- what is printed at the end -------------------------------------------------------------------


def make_run(folder: Path) -> Run:
    pace = Pace.at(1.0)
    policy = pace.policy(strict="a", decided="b", denied="c")
    return Run(7, pace, draw_cast(7, pace), policy, Files.fresh(folder))


KEPT = Finding("good", "something good", kept=True, count=3)
MISSING = Finding("bad", "something else", kept=False, count=0, note="at least 1 were promised")


def test_a_promise_that_was_not_kept_makes_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, and the three lines are printed all the same."""
    run = make_run(tmp_path / ("long" * 40))
    exit_code = conclude(run, [KEPT, MISSING], 1.0, console=Console(width=20, highlight=False))

    out, err = capsys.readouterr()
    assert exit_code == 1
    assert err == "error: 1 of 2 promises were not kept: something else\n"
    assert "  MISSING    0  something else (at least 1 were promised)\n" in out
    assert "promises were kept" not in out
    assert out.splitlines()[-3:] == [
        f"recording: {run.files.recording}",
        f"audit log: {run.files.audit_log}",
        f"report: {run.files.report}",
    ]


def test_json_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object on stdout, nothing else anywhere."""
    exit_code = conclude(make_run(tmp_path), [KEPT, MISSING], 1.0, console=None)

    out, err = capsys.readouterr()
    found = orjson.loads(out)
    assert (exit_code, err, out.count("\n")) == (1, "", 1)
    assert (found["ok"], found["missing"], found["seed"]) == (False, ["bad"], 7)
    assert [promise["count"] for promise in found["promises"]] == [3, 0]


def test_all_kept_is_exit_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says so."""
    assert conclude(make_run(tmp_path), [KEPT], 1.0, console=Console(highlight=False)) == 0
    assert "all 1 promises were kept\n" in capsys.readouterr().out


# --- the folder -----------------------------------------------------------------------------------


def test_only_the_files_of_a_demo_are_replaced(tmp_path: Path) -> None:
    """Whatever else is in the folder stays."""
    (tmp_path / "recording.jsonl").write_text("somebody's")
    (tmp_path / "demo-recording.jsonl").write_text("of an earlier run\n")
    (tmp_path / "demo-report.html").write_text("of an earlier run")

    files = Files.fresh(tmp_path)

    assert (tmp_path / "recording.jsonl").read_text() == "somebody's"
    assert not any(path.exists() for path in (files.recording, files.audit_log, files.report))


def test_a_folder_where_a_demo_runs_is_refused(tmp_path: Path) -> None:
    """Its files are left alone."""
    running = AppendFile.open(tmp_path / "demo-audit.jsonl")
    try:
        with pytest.raises(JournalError, match="is in use by process"):
            Files.fresh(tmp_path)
    finally:
        running.close()
    assert (tmp_path / "demo-audit.jsonl").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The message names the option."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match=r"option --out: .* cannot be written"):
        Files.fresh(tmp_path / "file")
