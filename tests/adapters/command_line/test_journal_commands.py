"""`export`, `import jsonl`, `journal verify` and `journal repair`."""

import json
from pathlib import Path

import pytest
from tests.support.journals import Play, open_journal, tails_of, write

from hookflash.adapters.command_line.main import execute


class Ended:
    """A command that ran: what it printed and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        self.code = execute([str(argument) for argument in arguments])
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of ten records, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hookflash.db"
    journal = open_journal(path)
    write(journal, Play(), 10)
    journal.close()
    return path


@pytest.fixture
def torn(path: Path) -> Path:
    """The same, left by a crash with 16 more records in two tails, the first of them damaged."""
    journal = open_journal(path, segment_records=10, lasting=False)
    play = Play()
    play.next(10)
    write(journal, play, 16, batch=8)
    journal.close()
    first = tails_of(path)[0]
    first.write_bytes(first.read_bytes().replace(b'"seq":13', b'"seq":14'))
    return path


def test_out_and_in_again(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of text; the recordings are the same."""
    assert Ended(capsys, "export", path, "--format", "jsonl", "-o", "a.jsonl").out == (
        "a.jsonl: 11 lines\n"
    )
    assert Ended(capsys, "import", "jsonl", "a.jsonl", "-o", "again.db").out == (
        "again.db: 10 lines, records 1 to 10\n"
    )
    assert Ended(capsys, "export", "again.db", "--out", "b.jsonl").code == 0
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()


def test_out_and_in_again_as_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each."""
    exported = Ended(capsys, "export", path, "-o", "a.jsonl", "--json")
    assert json.loads(exported.out) == {
        "status": "success",
        "lines": 11,
        "out": "a.jsonl",
        "problem": None,
    }
    imported = Ended(capsys, "import", "jsonl", "a.jsonl", "-o", "again.db", "--json")
    assert json.loads(imported.out) == {
        "status": "success",
        "journal": "again.db",
        "lines": 10,
        "firstSeq": 1,
        "lastSeq": 10,
    }


def test_what_does_not_work_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A format of no kind, no file, a journal that is there, a file that is not."""
    for arguments, code, words in (
        (("export", path, "--format", "xml", "-o", "a"), 2, "xml"),
        (("export", "nothing", "-o", "a"), 2, "nothing: cannot be read"),
        (("import", "jsonl", "-o", "a"), 2, "no file is given"),
        (("import", "jsonl", path, "-o", path), 1, "is there already"),
        (("import", "jsonl", "nothing", "-o", "a"), 2, "nothing: cannot be read"),
        (("journal", "verify", "nothing"), 2, "nothing: cannot be read"),
        (("journal", "repair", "no/thing"), 1, "its folder does not exist"),
    ):
        ended = Ended(capsys, *arguments)
        assert (ended.code, ended.out) == (code, ""), arguments
        assert words in ended.err
        assert ended.err.startswith("error: ")


def test_a_whole_journal_is_exit_code_0(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words and as JSON; there is nothing to repair."""
    ended = Ended(capsys, "journal", "verify", path)
    assert (ended.code, ended.out) == (0, f"{path}: whole, 10 records from 1 to 10\n")
    ended = Ended(capsys, "journal", "verify", path, "--json")
    assert (ended.code, json.loads(ended.out)) == (
        0,
        {
            "status": "success",
            "lines": 10,
            "records": 10,
            "firstSeq": 1,
            "lastSeq": 10,
            "interactions": 3,
            "tornBytes": 0,
            "findings": [],
        },
    )
    ended = Ended(capsys, "journal", "repair", path)
    assert (ended.code, ended.out) == (
        0,
        f"{path}: nothing to repair, the last record is 10\n",
    )


def test_a_damaged_journal_is_exit_code_1(torn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong stands there; so does what repairing costs, and after it all is well."""
    ended = Ended(capsys, "journal", "verify", torn)
    assert ended.code == 1
    assert "line 13: was damaged" in ended.out
    assert ended.out.endswith(": damaged, 12 records from 1 to 12\n")
    ended = Ended(capsys, "journal", "verify", torn, "--json")
    assert (ended.code, json.loads(ended.out)["status"]) == (1, "failed")

    ended = Ended(capsys, "journal", "repair", torn)
    assert (ended.code, ended.err.split(":")[0]) == (0, "the reason")
    assert ended.out.startswith(f"{torn}: cut after record 12; ")
    assert ended.out.endswith(" bytes with 13 whole records are in hookflash.db.torn\n")
    assert Ended(capsys, "journal", "verify", torn).code == 0
    assert json.loads(Ended(capsys, "journal", "repair", torn, "--json").out) == {
        "status": "success",
        "lastSeq": 12,
        "cutBytes": 0,
        "lostRecords": 0,
        "problem": None,
    }


def test_what_a_crash_tore_is_no_damage(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next start cuts it aside; verifying says how much it is."""
    open_journal(path, lasting=False).close()
    with tails_of(path)[0].open("ab") as file:
        file.write(b'{"seq"')
    ended = Ended(capsys, "journal", "verify", path)
    assert ended.code == 0
    assert "10 records from 1 to 10, 6 bytes torn off its end" in ended.out


def test_what_stands_before_damage_is_saved(torn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 tells that it is not all."""
    ended = Ended(capsys, "export", torn, "-o", "a.jsonl")
    assert (ended.code, Path("a.jsonl").exists()) == (2, False)
    ended = Ended(capsys, "export", torn, "-o", "a.jsonl", "--until-damage")
    assert (ended.code, ended.out) == (1, "a.jsonl: 13 lines\n")
    assert "a.jsonl ends before the first damage" in ended.err
    ended = Ended(capsys, "export", torn, "-o", "a.jsonl", "--until-damage", "--json")
    assert json.loads(ended.out)["status"] == "failed"


def test_a_journal_in_use_is_not_repaired(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 names the process."""
    journal = open_journal(path)
    ended = Ended(capsys, "journal", "repair", path)
    assert ended.code == 1
    assert "is in use by process" in ended.err
    journal.close()
