"""`diagram`: every format of every machine, with recordings, and what is refused."""

import json
import re
import sys
from pathlib import Path

import pytest
from tests.support.journals import Play, open_journal, write

from hookflash.adapters.command_line.main import execute
from hookflash.adapters.specifications import shipped_machines
from hookflash.machines.policy import HoldPolicy

FORMATS = ("mermaid", "dot", "svg", "png", "scxml", "xstate", "json")
BEGINNINGS = {
    "mermaid": b"%% ",
    "dot": b"digraph ",
    "svg": b"<svg ",
    "png": b"\x89PNG",
    "scxml": b"<?xml ",
    "xstate": b"{",
    "json": b"{",
}
DOCUMENT = Path(__file__).parents[3] / "docs" / "writing-machines.md"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of three interactions."""
    path = tmp_path / "hookflash.db"
    opened = open_journal(path)
    write(opened, Play(), 60)
    opened.close()
    return path


@pytest.mark.parametrize("machine", shipped_machines())
@pytest.mark.parametrize("form", FORMATS)
def test_every_format(form: str, machine: str, tmp_path: Path) -> None:
    """Each format of each shipped machine is written into a file."""
    out = tmp_path / "drawing"
    assert execute(["diagram", machine, "--format", form, "-o", str(out)]) == 0
    assert out.read_bytes().startswith(BEGINNINGS[form])


def test_a_machine_of_ones_own(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A definition is drawn by its path: that of the documents, in each format."""
    blocks = re.findall(
        r"<!-- test: (?:continue-previous file|machine) (\S+) -->\n```\w+\n(.*?)```",
        DOCUMENT.read_text("utf-8"),
        re.DOTALL,
    )
    for name, text in blocks:
        (tmp_path / name).write_text(text, encoding="utf-8")
    for form in FORMATS:
        assert execute(["diagram", "callback.toml", "--format", form]) == 0
        assert capfdbinary.readouterr().out.startswith(BEGINNINGS[form])


def test_the_ending_names_the_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --format the file's name says it; Mermaid where it does not."""
    for name, form in (
        *(("a.svg", "svg"), ("a.PNG", "png"), ("a.dot", "dot"), ("a.gv", "dot")),
        *(("a.scxml", "scxml"), ("a.json", "json"), ("a.md", "mermaid")),
    ):
        assert execute(["diagram", "connection", "--out", name]) == 0
        assert (tmp_path / name).read_bytes().startswith(BEGINNINGS[form])
        assert capsys.readouterr().out.startswith(f"{name}: ")
    assert execute(["diagram", "connection"]) == 0
    assert "stateDiagram-v2" in capsys.readouterr().out


def test_details_and_directions(capsys: pytest.CaptureFixture[str]) -> None:
    """How much is written, and which way it leads, can be asked for."""
    assert execute(["diagram", "hold", "--detail", "brief", "--direction", "right"]) == 0
    brief = capsys.readouterr().out
    assert "direction LR" in brief
    assert "send_hold" not in brief
    assert execute(["diagram", "hold", "--detail", "full", "--format", "dot"]) == 0
    full = capsys.readouterr().out
    assert 'rankdir="TB"' in full
    assert "NotEligible" in full


def test_traffic_of_a_journal(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts and stays of a journal are drawn, with the durations of its policy."""
    assert execute(["diagram", "hold", "--recording", str(journal), "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["traffic"]["records"] == 60
    assert said["arrows"][0]["traffic"]["count"] > 0
    assert execute(["diagram", "hold", "--recording", str(journal)]) == 0
    assert "60 records of 3 interactions" in capsys.readouterr().out


def test_durations_of_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Timers have the lengths that counted when it was recorded."""
    path = tmp_path / "short.db"
    machine = Play().machine.with_policy(HoldPolicy(limit_s=60.0))
    opened = open_journal(path, machine=machine)
    write(opened, Play(), 12)
    opened.close()
    assert execute(["diagram", "hold", "--recording", str(path)]) == 0
    assert "limit_timer_fired (60 s)" in capsys.readouterr().out
    assert execute(["diagram", "hold"]) == 0
    assert "limit_timer_fired (15 min)" in capsys.readouterr().out


def test_the_way_of_one_interaction(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its steps are numbered."""
    arguments = ["diagram", "hold", "--recording", str(journal), "--interaction", "b"]
    assert execute(arguments) == 0
    text = capsys.readouterr().out
    assert "interaction b: 20 steps" in text
    assert re.search(r"active --> hold_pending: 1, 7, 13, 19\s+hold_requested", text)
    assert execute([*arguments, "-o", "way.svg"]) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["holdd"], "no shipped machine is called 'holdd'"),
        (["hold", "--interaction", "a"], "there is no recording to find it in"),
        (["hold", "--format", "scxml", "--recording", "R"], "has no place for what did"),
        (["hold", "--recording", "missing.db"], "missing.db"),
        (["hold", "--format", "gif"], "--format"),
        (["hold", "-o", "missing/x.svg"], "cannot write missing/x.svg"),
    ],
)
def test_what_is_refused(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mistakes are one line that names the place, and exit code 2."""
    assert execute(["diagram", *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_a_recording_of_another_machine(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recording of the hold machine says nothing about the connection."""
    assert execute(["diagram", "connection", "--recording", str(journal)]) == 2
    assert "records the machine 'hold'" in capsys.readouterr().err


def test_a_policy_that_does_not_fit_any_more(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where an earlier version had other settings, the drawing has the defaults' durations."""
    recording = tmp_path / "old.jsonl"
    assert execute(["export", str(journal), "-o", str(recording)]) == 0
    first, rest = recording.read_text("utf-8").split("\n", 1)
    header = json.loads(first)
    del header["sum"]
    header["policy"]["of_old"] = 1
    from hookflash.machines.lines import dump_line  # noqa: PLC0415 - only here

    recording.write_text(dump_line(header, "the header").decode() + rest, encoding="utf-8")
    capsys.readouterr()
    assert execute(["diagram", "hold", "--recording", str(recording)]) == 0
    assert "limit_timer_fired (15 min)" in capsys.readouterr().out


def test_no_png_into_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal gets an error instead of bytes."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert execute(["diagram", "hold", "--format", "png"]) == 2
    assert "name a file with -o" in capsys.readouterr().err
