"""`import genesys`, and what can be done with the recording: `export --table`, `journal verify`."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.genesys.recorded_data import HEARTBEAT, LEG, QUEUE, held_once, lines, write
from tests.support.command_line import Ended

from hookflash.adapters.command_line.main import execute
from hookflash.adapters.genesys.cloud.recorded.findings import REASONS


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run a command in a folder with a file of data."""
    write(tmp_path, held_once())

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        exit_code = execute(arguments)
        printed = capsys.readouterr()
        return Ended(exit_code, printed.out, printed.err)

    return run


def test_a_summary_for_people(run: Any) -> None:
    """The result on stdout, what there is to say on stderr."""
    ended = run("import", "genesys", "data-1.json", "-o", "r.jsonl")
    assert (ended.exit_code, ended.out) == (
        0,
        "r.jsonl: 4 records of 1 interactions in 1 conversations, 1 holds, 0.1 min\n",
    )
    assert ended.err == (
        "left out: 1 x a participant that is no agent (other_participant)\n"
        "holds of 1 interactions compared with Genesys's metrics\n"
    )
    assert run("journal", "verify", "r.jsonl").exit_code == 0


def test_a_summary_for_programs(run: Any) -> None:
    """One line with all figures, and reasons with counts and places."""
    ended = run("import", "genesys", "data-1.json", "-o", "r.jsonl", "--json")
    assert ended.json == {
        "status": "success",
        "recording": "r.jsonl",
        "documents": 1,
        "conversations": 1,
        "interactions": 1,
        "records": 4,
        "holds": 1,
        "heldS": 4.601,
        "compared": 1,
        "passedOver": [
            {
                "reason": "other_participant",
                "count": 1,
                "places": [
                    {"place": "data-1.json: line 1: $.participants[0]", "words": "customer"}
                ],
            }
        ],
        "notes": [],
        "skipped": [],
        "disagreements": [],
    }


def test_what_contradicts_is_exit_code_1(run: Any) -> None:
    """The conversation and both figures stand on stderr, in JSON and in the file of findings."""
    data = held_once()
    for one in data["participants"][1]["sessions"][0]["metrics"]:
        one["value"] += one["name"] == "tHeldComplete"
    Path("wrong.json").write_bytes(lines(data))
    arguments = ("import", "genesys", "wrong.json", "-o", "r.jsonl", "--findings", "f.jsonl")
    ended = run(*arguments)
    assert ended.exit_code == 1
    assert f"    {LEG}: tHeldComplete 4602 ms; ledger 4601 ms\n" in ended.err
    (found,) = run(*arguments, "--json").json["disagreements"]
    assert (found["reason"], found["count"]) == ("held_complete_differs", 1)
    told = [json.loads(line) for line in Path("f.jsonl").read_text("utf-8").splitlines()]
    assert told[-1] == {
        "kind": "disagreement",
        "reason": "held_complete_differs",
        "place": LEG,
        "words": "tHeldComplete 4602 ms; ledger 4601 ms",
    }
    assert run(*arguments, "--tolerance-ms", "1").exit_code == 0


def test_what_is_skipped_is_exit_code_1(run: Any) -> None:
    """The first places are named, and how many more there are."""
    Path("some.jsonl").write_bytes(lines(held_once(), *[{"a": 1}] * 5, HEARTBEAT))
    ended = run("import", "genesys", "some.jsonl", "-o", "r.jsonl")
    assert ended.exit_code == 1
    assert "skipped: 5 x an object of no known kind (unknown_document)\n" in ended.err
    assert "    some.jsonl: line 2: $\n" in ended.err
    assert "    and 2 more\n" in ended.err
    assert Path("r.jsonl").exists()


def test_what_cannot_be_read_is_exit_code_2(run: Any) -> None:
    """One line, and no recording."""
    Path("cut.json").write_bytes(lines(held_once())[:-40])
    for arguments, words in (
        (("cut.json",), "cut.json: $: is no JSON: parse error: premature EOF"),
        (("nothing.json",), "nothing.json: cannot be read"),
        ((), "no file is given"),
        (("data-1.json", "--media", ","), "option --media"),
        (("data-1.json", "--tolerance-ms", "-1"), "option --tolerance-ms"),
        (("data-1.json", "--config", "none.toml"), "none.toml"),
        (("data-1.json", "--findings", "r.jsonl"), "option --findings"),
        (("data-1.json", "--findings", "no/folder"), "cannot write no/folder"),
    ):
        ended = run("import", "genesys", *arguments, "-o", "r.jsonl")
        assert (ended.exit_code, ended.out) == (2, ""), arguments
        assert words in ended.error
        assert not Path("r.jsonl").exists()
    assert (
        run("import", "genesys", "cut.json", "-o", "r.jsonl", "--json").json["status"] == "failed"
    )


def test_limits_come_from_the_config(run: Any) -> None:
    """[hold] of hookflash.toml, by queue where it has tables; a variable nobody reads is told."""
    Path("hookflash.toml").write_text(
        f'[hold]\nlimit_s = 60\n[[hold.policy]]\nskill_group = "{QUEUE}"\nlimit_s = 2\n', "utf-8"
    )
    assert run("import", "genesys", "data-1.json", "-o", "r.jsonl").exit_code == 0
    assert run("export", "r.jsonl", "--table", "holds", "-o", "holds.jsonl").exit_code == 0
    (row,) = [json.loads(line) for line in Path("holds.jsonl").read_text("utf-8").splitlines()]
    assert (row["limit_s"], row["over_limit"], row["over_limit_s"]) == (2.0, True, 2.601)


def test_other_media(run: Any) -> None:
    """By name, or all."""
    data = held_once()
    data["participants"][1]["sessions"][0]["mediaType"] = "message"
    Path("digital.json").write_bytes(lines(data))
    for media, holds in (("voice", 0), ("voice, message", 1), ("all", 1)):
        ended = run(
            "import", "genesys", "digital.json", "-o", "r.jsonl", "--media", media, "--json"
        )
        assert (ended.exit_code, ended.json["holds"]) == (0, holds)


def test_tables(run: Any) -> None:
    """Each table in each form; holds unless another one is named."""
    run("import", "genesys", "data-1.json", "-o", "r.jsonl")
    assert run("export", "r.jsonl", "--format", "csv", "-o", "t.csv").out == "t.csv: 1 holds\n"
    ended = run("export", "r.jsonl", "--format", "parquet", "--table", "steps", "-o", "t", "--json")
    assert ended.json == {
        "status": "success",
        "table": "steps",
        "rows": 4,
        "out": "t",
        "problem": None,
    }
    ended = run("export", "r.jsonl", "--format", "csv", "-o", "r.jsonl")
    assert (ended.exit_code, ended.error) == (
        2,
        "error: r.jsonl is what is read (name another file)",
    )


def test_damage_ends_a_table(run: Any) -> None:
    """What stands before it is kept where that is wanted; exit code 1 says that it is not all."""
    run("import", "genesys", "data-1.json", "-o", "r.jsonl")
    path = Path("r.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"seq":3', b'"seq":9'))
    assert run("export", "r.jsonl", "--format", "csv", "-o", "t.csv").exit_code == 2
    ended = run("export", "r.jsonl", "--format", "csv", "-o", "t.csv", "--until-damage")
    assert (ended.exit_code, ended.out) == (1, "t.csv: 1 holds\n")
    assert "t.csv ends before the first damage" in ended.error


def test_every_reason_is_explained() -> None:
    """docs/importing.md has each of them."""
    text = (Path(__file__).parents[3] / "docs" / "importing.md").read_text("utf-8")
    assert [reason for reason in REASONS if f"`{reason}`" not in text] == []
