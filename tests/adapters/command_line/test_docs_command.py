"""`hookflash docs`: documents written, compared, and what is refused."""

import json
import re
from pathlib import Path

import pytest
from tests.machines.documents.test_rules_documents import rule
from tests.machines.hold_world import HOLD_TOML, ROOT

from hookflash.adapters import generated
from hookflash.adapters.command_line.main import execute
from hookflash.adapters.documents import read_source, shipped_sources


@pytest.fixture
def rules_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rules file in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "calls.toml"
    path.write_text(rule('trigger = { to = "held" }'), "utf-8")
    return path


def test_documents_are_written_and_checked(
    rules_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 while they are missing or stale, 0 once they are written."""
    assert 1 == execute(["docs", "calls.toml", "--check"])
    out = capsys.readouterr().out
    assert "calls.md: missing\ncalls.html: missing\nto do: run `hookflash docs`" in out
    assert 0 == execute(["docs", "calls.toml"])
    assert "calls.md: written\ncalls.html: written\n" == capsys.readouterr().out
    assert 0 == execute(["docs", "calls.toml", "--check"])
    assert "calls.md: current\ncalls.html: current\n" == capsys.readouterr().out
    rules_file.write_text(rule('trigger = { to = "expired" }'), "utf-8")
    assert 1 == execute(["docs", "calls.toml", "--check"])
    assert "calls.md: stale" in capsys.readouterr().out


@pytest.mark.usefixtures("rules_file")
def test_as_json_and_elsewhere(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One line; the same name twice is one document."""
    out = tmp_path.parent / f"{tmp_path.name}-out"
    arguments = ["docs", "calls.toml", "calls.toml", "-o", str(out), "--format", "markdown"]
    assert 0 == execute([*arguments, "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    path = str(out / "calls.md")
    written = {"status": "success", "documents": [{"path": path, "outcome": "written"}]}
    assert written == json.loads(line)
    assert 1 == execute([*arguments[:-1], "html", "--check", "--json"])
    assert "failed" == json.loads(capsys.readouterr().out)["status"]
    assert 0 == execute([*arguments, "--check"])
    assert f"{path}: current\n" == capsys.readouterr().out


@pytest.mark.usefixtures("rules_file")
def test_what_cannot_be_used_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the place, and exit code 2."""
    assert 2 == execute(["docs", "nothing"])
    assert "no shipped machine is called 'nothing'" in capsys.readouterr().err
    Path("calls.toml").write_text("[[rule]]\nname = 'x'\n", "utf-8")
    assert 2 == execute(["docs", "calls.toml"])
    assert "calls.toml" in capsys.readouterr().err


def test_without_a_name_all_shipped_machines_are_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their documents are in the package; of one of them, because the other takes its time."""
    assert {"connection", "hold"} <= {one.name for one in shipped_sources()}
    only = [one for one in shipped_sources() if one.name == "connection"]
    monkeypatch.setattr("hookflash.adapters.documents.shipped_sources", lambda: only)
    assert 0 == execute(["docs", "--check", "--json"])
    documents = json.loads(capsys.readouterr().out)["documents"]
    names = [Path(one["path"]).name for one in documents]
    assert ["connection.md", "connection.html"] == names[:2]
    # In a checkout the pictures of shipped machines belong to it.
    assert ["hold.svg", "hold-machine.svg", "connection-machine.svg"] == names[2:]


def test_a_change_of_the_definition_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`docs --check` and what CI runs fail until `hookflash docs` is run."""
    for name in ("connection.toml", "connection.md", "connection.html", "traceability.json"):
        (tmp_path / name).write_bytes((ROOT / "specs" / name).read_bytes())
    path = tmp_path / "connection.toml"

    def sources() -> list[object]:
        return [read_source(str(path))]

    monkeypatch.setattr(generated, "generated_files", dict)
    monkeypatch.setattr(generated, "shipped_sources", sources)
    # The shipped documents name the shipped definition; beside a copy they name the copy.
    assert 0 == execute(["docs", str(path)])
    assert 0 == generated.main(["--check"])
    text = path.read_text(encoding="utf-8")
    changed = text.replace("Credentials do not become right", "Credentials never become right")
    assert changed != text
    path.write_text(changed, "utf-8")
    assert 1 == execute(["docs", str(path), "--check"])
    assert 1 == generated.main(["--check"])
    assert 0 == execute(["docs", str(path)])
    assert "written" in capsys.readouterr().out
    assert 0 == execute(["docs", str(path), "--check"])
    assert 0 == generated.main(["--check"])
    path.write_text(text, "utf-8")
    assert 0 == generated.main([])
    assert 0 == generated.main(["--check"])


def test_the_questions_of_a_stranger_have_answers_in_the_page() -> None:
    """What the acceptance asks of the page of the hold machine stands there, without code."""
    text = (HOLD_TOML.parent / "hold.md").read_text(encoding="utf-8")
    answers = {
        "When the acknowledgement of a hold is lost and the hold was carried out": (
            "the outcome is unknown, not failed; the gateway is asked",
            "`confirmed_by_lookup`",
        ),
        "When the limit passes during an unhold that succeeds": (
            "that the limit passed is remembered, should it fail",
            "the hold is over and its timers stop",
        ),
        "When the limit passes during an unhold that fails": ("`release_failed`", "`HoldRefused`"),
        "When an agent unholds by hand": (
            "A lone frame is no proof",
            "Somebody else released the caller",
        ),
    }
    for title, sentences in answers.items():
        (told,) = re.findall(rf"^### {title}$(.*?)^### ", text, re.MULTILINE | re.DOTALL)
        for one in sentences:
            assert one in told, title
