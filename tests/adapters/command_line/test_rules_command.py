"""`hookflash rules test`: what it prints and how it ends."""

import json
from pathlib import Path

import pytest
from tests.machines.rules.worlds import one_rule

from hookflash.adapters.command_line.rules import rules_app, try_cases
from hookflash.machines.errors import SpecError

CASES = """
rules = "rules.toml"
[[case]]
name = "it notes a hold"
when = [ { to = "held" } ]
then = [ { action = "annotate", text = "noted" } ]
"""
WRONG = """
[[case]]
name = "it does nothing"
when = [ { to = "held" } ]
then = []
[[case]]
name = "it does more"
when = []
then = [ { action = "unhold" } ]
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A file of cases with its rules."""
    (tmp_path / "rules.toml").write_text(one_rule("{ to = 'held' }"), "utf-8")
    path = tmp_path / "cases.toml"
    path.write_text(CASES, "utf-8")
    return path


def test_cases_that_pass(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, and a sum; with `verbose` also why."""
    assert 0 == try_cases(cases)
    assert f"passed  it notes a hold  ({cases}: line 3)\n1 cases: 1 passed, 0 failed\n" == (
        capsys.readouterr().out
    )
    assert 0 == try_cases(cases, verbose=True)
    assert "      one: acted\n" in capsys.readouterr().out


def test_cases_that_fail(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What differs, what the rules did, and why."""
    cases.write_text(CASES + WRONG, "utf-8")
    assert 1 == try_cases(cases)
    out = capsys.readouterr().out
    assert f"FAILED  it does nothing  ({cases}: line 8)\n" in out
    assert "  unexpected: after 0s: rule 'one': annotate: noted\n" in out
    assert "  missing: action = 'unhold'\n  what the rules did:\n    nothing\n" in out
    assert "          action     annotate: noted: taken\n" in out
    assert out.endswith("3 cases: 1 passed, 2 failed\n")


def test_json_is_one_line(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the traces of what failed."""
    cases.write_text(CASES + WRONG, "utf-8")
    assert 1 == try_cases(cases, json=True)
    (line,) = capsys.readouterr().out.splitlines()
    result = json.loads(line)
    assert ("failed", 3, 2) == (result["status"], result["cases"], result["failed"])
    first, second, _ = result["results"]
    assert [] == first["traces"]
    assert "acted" == second["traces"][0]["rules"][0]["verdict"]


def test_cases_that_cannot_be_read(cases: Path) -> None:
    """Exit code 2, by the error."""
    cases.write_text("rules = 'elsewhere.toml'\n", "utf-8")
    with pytest.raises(SpecError) as caught:
        try_cases(cases)
    assert 2 == caught.value.exit_code


def test_the_command_is_called_test(cases: Path) -> None:
    """As it is typed."""
    assert 0 == rules_app(["test", str(cases)])
