"""Rules files that cannot be right: each is refused as a whole, at its place, with the fix."""

from pathlib import Path

import pytest

from hookflash.adapters.rules_files import load_rules
from hookflash.machines.errors import SpecError
from hookflash.machines.policy import HoldPolicy

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.toml"))


def expectation(path: Path) -> tuple[int | None, str, str]:
    """What the first three lines say: the line, what is said, and the fix."""
    line, says, fix = (text.partition(": ")[2] for text in path.read_text("utf-8").splitlines()[:3])
    return None if line == "none" else int(line), says, fix


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_is_refused_at_its_line_with_the_fix(path: Path) -> None:
    """The error names file, line and rule, shows the line with a caret, and says what to write."""
    line, says, fix = expectation(path)
    with pytest.raises(SpecError) as caught:
        load_rules(
            path,
            monitors=["supervisor"],
            functions=["requeue"],
            policy=HoldPolicy(),
            limit_max_s=3600,
        )
    error = caught.value
    assert line == error.parts.get("line")
    assert says in error.message
    assert fix in error.advice
    assert error.message.startswith(str(path))
    assert 2 == error.exit_code
    if line is not None:
        assert f"line {line}, column {error.parts['column']}" in error.place
        assert f"  {line} | " in error.message
        caret = next(text for text in error.message.splitlines() if text.endswith("^"))
        assert caret.strip(" |^\t") == ""


def test_there_are_enough_of_them() -> None:
    """The collection covers each part of a rule."""
    assert len(BROKEN) >= 40
    for part in ("no_toml", "name", "trigger", "schedule", "for", "within", "count", "mode"):
        assert any(path.stem.startswith(part) for path in BROKEN), part
    assert sum(path.stem.startswith("condition") for path in BROKEN) >= 25
    assert sum(path.stem.startswith("action") for path in BROKEN) >= 15


def test_the_caret_stands_below_the_mistake() -> None:
    """In a text of several lines and behind escapes the caret still finds the place."""
    path = Path(__file__).parent / "broken" / "condition_third_line.toml"
    with pytest.raises(SpecError) as caught:
        load_rules(path)
    shown, caret = caught.value.message.splitlines()[1:3]
    assert "hold.elapsd_s" == shown[caret.index("^") :].partition(" ")[0]
