"""The plugin that writes down which tests exercise which rows."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.machines.documents.lamps import LAMP

from hookflash.adapters.documents.tracing import definitions_in, is_random
from hookflash.machines.errors import SpecError

MODULE = (Path(__file__).parents[2] / "machines" / "documents" / "lamps.py").read_text("utf-8")
TESTS = '''
import pytest
from hypothesis import given, strategies as st
from hookflash.machines.instants import Instant
from lamps import GlowOver, Hit, Pressed, Rung, lamp

def test_pressing():
    """It shines.

    And so on.
    """
    machine = lamp()
    machine.step(machine.start("i"), Pressed(Instant(1)))

@pytest.mark.parametrize("force", [1.0, 3.0])
def test_force(force):
    machine = lamp()
    machine.step(machine.start("i"), Pressed(Instant(1), force))

@given(st.floats(0, 5))
def test_any_force(force):
    """Whatever it is."""
    machine = lamp()
    machine.step(machine.start("i"), Pressed(Instant(1), force))

def test_another_machine():
    machine = lamp(('doc = "a lamp', 'doc = "another lamp'))
    machine.step(machine.start("i"), Pressed(Instant(1)))

def test_nothing():
    pass
'''


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the tests of a folder under the plugin."""
    plugin = ["-p", "hookflash.adapters.documents.tracing", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir=.", *plugin, *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a definition, its module and its tests."""
    (tmp_path / "lamps.py").write_text(MODULE, "utf-8")
    (tmp_path / "test_lamps.py").write_text(TESTS, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n", "utf-8")
    (tmp_path / "lamp.toml").write_text(LAMP, "utf-8")
    (tmp_path / "rules.toml").write_text("# no machine\n", "utf-8")
    return tmp_path


def record(folder: Path) -> dict[str, Any]:
    """Return what was written, by the test's name."""
    read = json.loads((folder / "traceability.json").read_text(encoding="utf-8"))
    return {name.partition("::")[2]: one for name, one in read["machines"]["lamp"].items()}


def test_what_tests_make_a_machine_take_is_written_down(folder: Path) -> None:
    """By the test's function, with its own words; another definition of that name is another."""
    ran = run(folder, "--trace-rows", ".")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "traceability.json: written" in ran.stdout
    assert {
        "test_pressing": {"says": "It shines.", "rows": ["dark pressed 1"]},
        "test_force": {"says": "", "rows": ["dark pressed 1", "dark pressed 2"]},
        "test_any_force": {"says": "Whatever it is.", "rows": "random"},
    } == record(folder)
    again = run(folder, "--trace-rows", ".", "--trace-rows-check")
    assert 0 == again.returncode
    assert "traceability.json: current" in again.stdout


def test_a_check_fails_where_tests_take_other_rows(folder: Path) -> None:
    """It writes nothing, and says what to do."""
    run(folder, "--trace-rows", ".")
    before = (folder / "traceability.json").read_text(encoding="utf-8")
    (folder / "test_lamps.py").write_text(TESTS.replace("[1.0, 3.0]", "[3.0]"), "utf-8")
    ran = run(folder, "--trace-rows", ".", "--trace-rows-check")
    assert 1 == ran.returncode
    assert "traceability.json: stale: the tests exercise other rows than it says" in ran.stdout
    assert before == (folder / "traceability.json").read_text(encoding="utf-8")


def test_only_tests_below_a_path_count(folder: Path) -> None:
    """As their ids begin; the others run all the same."""
    (folder / "more").mkdir()
    (folder / "more" / "test_more.py").write_text(TESTS, "utf-8")
    ran = run(folder, "--trace-rows", ".", "--trace-rows-of", "more/")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    names = json.loads((folder / "traceability.json").read_text("utf-8"))["machines"]["lamp"]
    assert names
    assert all(name.startswith("more/") for name in names)


def test_nothing_is_written_of_tests_that_failed(folder: Path) -> None:
    """They did not show what they say."""
    (folder / "test_lamps.py").write_text(
        f"{TESTS}\n\ndef test_bad():\n    assert False\n", "utf-8"
    )
    ran = run(folder, "--trace-rows", ".")
    assert 1 == ran.returncode
    assert "left as it is, because not all tests passed" in ran.stdout
    assert not (folder / "traceability.json").exists()


def test_without_the_option_the_plugin_does_nothing(folder: Path) -> None:
    """It may be loaded always."""
    ran = run(folder)
    assert 0 == ran.returncode
    assert "traceability" not in ran.stdout


def test_a_folder_without_machines_is_wrong_usage(folder: Path) -> None:
    """Said before any test runs."""
    (folder / "lamp.toml").unlink()
    ran = run(folder, "--trace-rows", ".")
    assert 4 == ran.returncode
    assert "--trace-rows: .: no definition of a machine" in ran.stderr
    with pytest.raises(SpecError, match="no definition of a machine"):
        definitions_in(folder)


def test_what_is_no_function_is_not_random() -> None:
    """Tests may be something else than functions."""
    assert not is_random(None)


def test_processes_that_share_the_tests_see_as_much(folder: Path) -> None:
    """Whatever the number of pytest-xdist's workers, the same is written."""
    run(folder, "--trace-rows", ".")
    shared = ("-p", "xdist.plugin", "-n", "2", "--trace-rows", ".", "--trace-rows-check")
    ran = run(folder, *shared)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "traceability.json: current" in ran.stdout
    (folder / "test_lamps.py").write_text(TESTS.replace("[1.0, 3.0]", "[3.0]"), "utf-8")
    ran = run(folder, *shared)
    assert 1 == ran.returncode
    assert "stale" in ran.stdout
