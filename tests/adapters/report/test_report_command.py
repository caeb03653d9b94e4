"""`hookflash report`: a page, some words, an exit code."""

import json
from pathlib import Path

import pytest
from tests.adapters.report.conftest import cannot_draw, write_files
from tests.support.demo_run import DemoRun

from hookflash.adapters.command_line.main import execute
from hookflash.adapters.journal.interchange import import_recordings
from hookflash.adapters.report import chronicle, diagram


def test_a_recording_becomes_a_page(
    tmp_path: Path, played: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of what it has; with --json one object."""
    files = write_files(tmp_path, played.machine, played.records, played.audit)
    out = tmp_path / "report.html"

    assert execute(["report", str(files.recording), "-o", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(
        f"{out}: {len(played.records)} records of 43 interactions, 38 holds, 0."
    )
    assert printed.err == f"reading {files.recording}\n"

    command = ["report", str(files.recording), "--out", str(out), "--audit", str(files.audit)]
    assert execute([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "status": "success",
        "out": str(out),
        "bytes": out.stat().st_size,
        "records": len(played.records),
        "interactions": 43,
        "told": 43,
        "holds": 38,
        "commands": 77,
        "noteworthy": 35,
        "diagram": "drawn",
        "auditWhole": True,
    }


def test_what_is_left_out_is_said(
    tmp_path: Path,
    played: DemoRun,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Interactions that are not told, and a drawing without figures."""
    monkeypatch.setattr(chronicle, "TOLD_MAX", 5)
    monkeypatch.setattr(diagram, "draw_svg", cannot_draw)
    files = write_files(tmp_path, played.machine, played.records)

    assert execute(["report", str(files.recording), "-o", str(tmp_path / "report.html")]) == 0
    said = capsys.readouterr().err
    assert "tells 5 of 43 interactions one by one" in said
    assert "pip install 'hookflash[docs]'" in said


def test_a_broken_audit_log_is_exit_code_1(
    tmp_path: Path, played: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page is written all the same."""
    lines = [dict(line) for line in played.audit]
    lines[2]["actor"] = "somebody"
    files = write_files(tmp_path, played.machine, played.records, lines)
    out = tmp_path / "report.html"
    command = ["report", str(files.recording), "-o", str(out), "--audit", str(files.audit)]

    assert execute([*command, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert (printed["status"], printed["auditWhole"]) == ("failed", False)
    assert out.exists()


def test_a_journal_is_read_as_it_is(
    tmp_path: Path, played: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its page is that of the recording, but for the name."""
    files = write_files(tmp_path, played.machine, played.records)
    journal = tmp_path / "hookflash.db"
    import_recordings([files.recording], journal)

    assert execute(["report", str(journal), "-o", str(tmp_path / "report.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == len(played.records)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no recording\n", "line 1"),
        (b"", "is empty"),
        (None, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, problem: str
) -> None:
    """With the place, and no page."""
    path, out = tmp_path / "recording.jsonl", tmp_path / "report.html"
    if content is not None:
        path.write_bytes(content)

    assert execute(["report", str(path), "-o", str(out)]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert str(path) in said
    assert not out.exists()


def test_a_damaged_record_is_named(
    tmp_path: Path, played: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """File and line."""
    files = write_files(tmp_path, played.machine, played.records)
    lines = files.recording.read_bytes().splitlines(keepends=True)
    lines[9] = lines[9].replace(b'"seq":9', b'"seq":8')
    files.recording.write_bytes(b"".join(lines))

    assert execute(["report", str(files.recording), "-o", str(tmp_path / "report.html")]) == 2
    assert f"{files.recording}: line 10" in capsys.readouterr().err
