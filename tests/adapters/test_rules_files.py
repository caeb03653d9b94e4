"""Rules files on disk: read, bounded, and loaded lazily."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.machines.rules.worlds import one_rule

from hookflash.adapters.rules_files import RULES_BYTES_MAX, load_cases, load_rules
from hookflash.machines.errors import SpecError
from hookflash.machines.policy import GroupPolicy, HoldPolicy

HOLD = "actions = [ { action = 'hold', reason = 'fitting' } ]"


def test_a_file_is_loaded_with_the_names_that_it_may_use(tmp_path: Path) -> None:
    """Reasons are those of the policy, of any of its skill groups."""
    path = tmp_path / "rules.toml"
    path.write_text("\ufeff" + one_rule("{ to = 'active' }", actions=HOLD), "utf-8")
    assert 1 == len(load_rules(path).rules)
    with pytest.raises(SpecError, match="allows no reason 'fitting'"):
        load_rules(path, policy=HoldPolicy())
    group = GroupPolicy(skill_group="sg-1", reasons=("fitting",))
    assert str(path) == load_rules(str(path), policy=HoldPolicy(policy=(group,))).place


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"#" * (RULES_BYTES_MAX + 1), "larger than 1000000 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    """With its name and the reason."""
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError, match=says) as caught:
        load_rules(path)
    assert str(path) == caught.value.place


def test_cases_find_their_rules_beside_them(tmp_path: Path) -> None:
    """The path in the file is relative to the file."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "rules.toml").write_text(one_rule("{ to = 'held' }"), "utf-8")
    cases = tmp_path / "inner" / "cases.toml"
    text = "rules = '../rules.toml'\n[[case]]\nname = 'x'\nwhen = []\nthen = []\n"
    cases.write_text(text, "utf-8")
    rules, found = load_cases(cases)
    assert ("one", "x") == (rules.rules[0].name, found[0].name)


def test_the_library_for_conditions_is_imported_with_the_first_condition() -> None:
    """Who has no rules pays nothing for it."""
    code = (
        "import sys, hookflash, hookflash.adapters.rules_files as files\n"
        "from hookflash.machines.rules.ruleset import parse_rules\n"
        "def loaded(): return any('cel_expr_python' in name for name in sys.modules)\n"
        "text = \"[[rule]]\\nname = 'a'\\ntrigger = { to = 'held' }\\n\"\n"
        "text += \"actions = [ { action = 'unhold' } ]\\n\"\n"
        "parse_rules(text, 'rules.toml', files.names_of())\n"
        "assert not loaded()\n"
        "parse_rules(text + \"condition = 'hold.foreign'\\n\", 'rules.toml', files.names_of())\n"
        "assert loaded()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
