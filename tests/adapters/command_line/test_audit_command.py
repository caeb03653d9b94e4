"""`audit verify`: whole, broken and unreadable logs."""

import json
from pathlib import Path

import pytest

from hookflash.adapters.audit import JsonLinesAuditLog
from hookflash.adapters.command_line.main import execute
from hookflash.machines.effects import EndCommand
from hookflash.machines.instants import from_text

AT = from_text("2026-01-10T13:00:00Z")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of three lines."""
    path = tmp_path / "audit.jsonl"
    audit = JsonLinesAuditLog.open(path)
    for number in range(3):
        ended = EndCommand(
            command_id=f"c-{number}",
            correlation_id=f"c-{number}",
            action="hold",
            actor="caller",
            outcome="confirmed",
            state="held",
            at=AT,
            requested_at=AT,
            priority=5,
            reason="consultation",
        )
        audit.append([(ended, f"i-{number}", 1.0)])
    audit.close()
    return path


def test_a_whole_log_is_exit_code_0(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the number of lines."""
    assert execute(["audit", "verify", str(log)]) == 0
    assert capsys.readouterr().out == f"{log}: 3 lines, the chain is whole\n"


def test_the_first_broken_line_is_named(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; the same as JSON."""
    lines = log.read_text().splitlines(keepends=True)
    log.write_text(lines[0] + lines[1].replace("i-1", "i-9") + lines[2])

    assert execute(["audit", "verify", str(log)]) == 1
    assert "line 2:" in capsys.readouterr().out
    assert execute(["audit", "verify", str(log), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["status"], result["brokenLine"], result["problem"]) == ("failed", 2, "hash")


def test_a_log_that_cannot_be_read_is_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says which."""
    missing = tmp_path / "missing.jsonl"

    assert execute(["audit", "verify", str(missing)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert str(missing) in err


def test_a_file_of_something_else_is_called_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In plain words, with exit code 1: a log whose beginning was replaced looks the same."""
    letter = tmp_path / "letter.txt"
    letter.write_text("dear all\n")

    assert execute(["audit", "verify", str(letter)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{letter}: line 1: is not JSON: ")
    assert out.endswith("; this is no audit log, or its beginning was replaced\n")
