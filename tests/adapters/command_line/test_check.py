"""`check`: sound machines, broken ones, and files that are no machine."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hookflash.adapters.command_line.main import execute

SPECS = Path(__file__).parents[2] / "machines" / "broken_specs"
BROKEN = sorted(
    path for path in SPECS.glob("*.toml") if path.stem not in {"sound", "too_many_worlds"}
)
"""All but the one that takes seconds to find; the proof's own tests do, with a lower bound."""

FORGOTTEN = (
    "somebody waits in 'parked' and may be forgotten:"
    " recall runs, and does nothing by the row of line 56"
)

Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Iterator[Check]:
    """Run the command; modules that it imported are forgotten afterwards."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        exit_code = execute(["check", *map(str, arguments)])
        out, err = capsys.readouterr()
        return exit_code, out, err

    yield run
    sys.modules.pop("parking", None)


def the_json(out: str) -> Any:
    """Return the one line of JSON."""
    assert out.endswith("\n")
    assert out.count("\n") == 1
    return json.loads(out)


@pytest.mark.parametrize("machine", ["hold", "connection"])
def test_the_shipped_machines_are_sound(machine: str, check: Check) -> None:
    """Exit code 0; it says how much was explored and what is taken for granted."""
    exit_code, out, err = check(machine)

    assert (exit_code, err) == (0, "")
    first, second, *granted, last = out.splitlines()
    assert re.match(
        rf"specs/{machine}.toml: machine {machine}: \d states, \d+ events, \d timers", first
    )
    assert re.match(r"explored under \d policies: [\d,]+ worlds, [\d,]+ steps, \d+ rows", second)
    assert all(line.startswith("taken for granted: ") for line in granted)
    assert last == "no findings"


def test_a_finding_is_a_block_of_its_own(check: Check) -> None:
    """Its place, what is wrong, the shortest way there, what to do; exit code 1."""
    path = SPECS / "unwatched_timer_idle.toml"
    exit_code, out, err = check(path)

    assert (exit_code, err) == (1, "")
    block, end = out.split("\n\n")[1:]
    assert block.splitlines() == [
        f"{path}: line 56: unwatched",
        f"  {FORGOTTEN}",
        "  the shortest way there, under the policy 'default':",
        "    1. park_requested      free -> parked (line 35)",
        "    2. recall_timer_fired  parked -> ringing (line 48)",
        "    3. ring_failed         ringing -> parked (line 81)",
        "    4. recall_timer_fired  parked -> ringing (line 48)",
        "    5. ring_failed         ringing -> parked (line 81)",
        "  to do: let the row release, alarm or ask when the timer fires",
    ]
    assert end == "1 finding\n"


def test_the_same_for_programs(check: Check) -> None:
    """One line, with every finding, its place and its path."""
    path = SPECS / "unwatched_timer_idle.toml"
    exit_code, out, err = check(path, "--json")

    assert (exit_code, err) == (1, "")
    result = the_json(out)
    (finding,) = result.pop("findings")
    assert result == {
        "status": "failed",
        "kind": "machine",
        "machine": "parking",
        "place": str(path),
        "states": 4,
        "events": 5,
        "timers": 1,
        "rows": 22,
        "explored": {"policies": ["default"], "worlds": 15, "steps": 89, "rowsTaken": 22},
        "unexplored": None,
        "assumptions": ["each RingBack is answered by ring_answered or ring_failed"],
    }
    assert (finding["finding"], finding["place"], finding["line"]) == (
        "unwatched",
        f"{path}: line 56",
        56,
    )
    assert (finding["state"], finding["policy"]) == ("parked", "default")
    assert finding["path"][-1] == {
        "event": "ring_failed",
        "from": "ringing",
        "to": "parked",
        "line": 81,
    }
    assert finding["alsoAfterLines"] == []


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_every_broken_definition_is_exit_code_1(path: Path, check: Check) -> None:
    """With all that its first line says, and nothing else; those of modules too."""
    exit_code, out, _ = check(path, "--json")

    assert exit_code == 1
    result = the_json(out)
    assert result["status"] == "failed"
    expected = re.findall(r"(\w+) at line (\d+)", path.read_text("utf-8").splitlines()[0])
    found = {(one["finding"], str(one["line"])) for one in result["findings"]}
    assert found == set(expected)


def test_a_module_that_is_missing_is_a_finding(check: Check) -> None:
    """With the line of its key; what needs no module is checked all the same."""
    for name, place, said in (
        ("unknown_module", "line 2: machine.implementation", "No module named 'no_such_parking'"),
        ("unknown_samples", "line 29: check.samples", "No module named 'parking_samples'"),
    ):
        exit_code, out, _ = check(SPECS / f"{name}.toml")
        assert exit_code == 1
        assert f"{name}.toml: {place}: unknown_name\n" in out
        assert f"cannot be imported: ModuleNotFoundError: {said}" in out
        assert (
            "not explored: what is found here keeps it from running; its rows were checked" in out
        )


def test_without_samples_only_the_rows_are_checked(check: Check, tmp_path: Path) -> None:
    """Which is said; the definition's module is found beside it."""
    (tmp_path / "parking.py").write_text((SPECS / "parking.py").read_text("utf-8"), "utf-8")
    text = (SPECS / "sound.toml").read_text("utf-8").replace('[check]\nsamples = "parking"\n', "")
    (tmp_path / "mine.toml").write_text(text, "utf-8")

    exit_code, out, _ = check("mine.toml")
    assert exit_code == 0
    assert "not explored: it names no samples" in out
    exit_code, out, _ = check("mine.toml", "--json")
    assert exit_code == 0
    result = the_json(out)
    assert (result["status"], result["explored"]) == ("success", None)
    assert result["unexplored"].startswith("it names no samples")


def test_other_ways_into_a_finding_are_listed(check: Check, tmp_path: Path) -> None:
    """As lines of rows: with an owner nobody checks, a call is rung back without its timer."""
    text = (SPECS / "sound.toml").read_text("utf-8")
    text = text.replace('effects = ["start_recall"]\n', "").replace(
        'guards = ["for_this_call"]\n', ""
    )
    text = re.sub(
        r'source = \["free", "parked", "ringing", "gone"\]',
        'source = ["free", "ringing", "gone"]',
        text,
    )
    (tmp_path / "parking.py").write_text((SPECS / "parking.py").read_text("utf-8"), "utf-8")
    (tmp_path / "mine.toml").write_text(text, "utf-8")

    exit_code, out, _ = check("mine.toml")
    assert exit_code == 1
    assert "    1. park_requested  free -> parked (line 35)\n" in out
    line = text[: text.index('source = "ringing"\nevent = "ring_failed"')].count("\n")
    assert f"  further ways end with the rows of lines {line}\n" in out


NO_MACHINES = {
    "torn": ("[machine", r"not TOML"),
    "empty": ("", r"required field missing @ \.machine"),
    "a key missing": ('[machine]\nname = "x"\n', r"line 1: required field missing"),
    "an unknown key": ('[machine]\nnom = "x"\n', r"unknown key 'nom'"),
    "rules without a trigger": ('[[rule]]\nname = "x"\n', r".*trigger"),
}


@pytest.mark.parametrize("case", NO_MACHINES)
def test_what_is_no_machine_is_exit_code_2(case: str, check: Check, tmp_path: Path) -> None:
    """One error line that names the file; with `--json` one object on stdout."""
    text, problem = NO_MACHINES[case]
    (tmp_path / "file.toml").write_text(text, "utf-8")

    exit_code, out, err = check("file.toml")
    assert (exit_code, out) == (2, "")
    assert re.match(rf"error: file\.toml: .*{problem}", err)
    exit_code, out, _ = check("file.toml", "--json")
    assert exit_code == 2
    result = the_json(out)
    assert (result["status"], result["error"]) == ("failed", "SpecError")
    assert re.search(problem, result["message"])


def test_what_is_not_there_is_exit_code_2(check: Check) -> None:
    """A file, and a name that no shipped machine has."""
    assert check("gone.toml")[0] == 2
    exit_code, _, err = check("hodl")
    assert exit_code == 2
    assert "did you mean 'hold'" in err


def test_samples_that_fail_are_exit_code_2(check: Check, tmp_path: Path) -> None:
    """They are no finding about the machine: their module has to be corrected first."""
    module = (SPECS / "parking.py").read_text("utf-8")
    (tmp_path / "parking.py").write_text(module + '\nSAMPLES.events["picked_up"] = len\n', "utf-8")
    (tmp_path / "mine.toml").write_text((SPECS / "sound.toml").read_text("utf-8"), "utf-8")

    exit_code, _, err = check("mine.toml")
    assert exit_code == 2
    assert "'picked_up' of parking failed in state 'free': TypeError" in err


RULE = """
[[rule]]
name = "released"
trigger = { to = "active" }
condition = 'hold.elapsed_s > 5'
actions = [ { action = "annotate", text = "x" } ]
"""


def test_a_rules_file_is_checked_as_such(check: Check, tmp_path: Path) -> None:
    """Findings of rules have their place and advice, as those of machines have; and JSON."""
    (tmp_path / "rules.toml").write_text(RULE, "utf-8")
    exit_code, out, _ = check("rules.toml")
    assert 1 == exit_code
    assert re.search(r"rules\.toml: line \d+.*: rule_never_true", out)
    assert out.endswith("1 finding\n")
    exit_code, out, _ = check("rules.toml", "--json")
    found = the_json(out)
    assert (1, "rules", "failed") == (exit_code, found["kind"], found["status"])
    assert ["rule_never_true"] == [one["finding"] for one in found["findings"]]

    (tmp_path / "rules.toml").write_text(RULE.replace("active", "held"), "utf-8")
    exit_code, out, _ = check("rules.toml")
    assert (0, "rules.toml: rules\nno findings\n") == (exit_code, out)
