"""What a report is made of beside the recording: the bundled library, the scripts."""

import hashlib
import re
import subprocess
from pathlib import Path

from tests.adapters.report.node_tests import node

from hookflash.adapters.report import assets
from hookflash.adapters.report.words import GROUPS, MARKS

VENDOR = Path(assets.__file__).parent / "vendor"


def test_the_bundled_library_is_the_published_one() -> None:
    """Each file has the hash that the README beside it names."""
    readme = (VENDOR / "README.md").read_text("utf-8")
    named = dict(re.findall(r"^\| `(uplot/[^`]+)` \| `([0-9a-f]{64})` \|$", readme, re.MULTILINE))
    files = sorted(
        path for path in VENDOR.rglob("*") if path.is_file() and path.name != "README.md"
    )

    assert "1.6.32" in readme
    assert "(v1.6.32)" in assets.asset(assets.LIBRARY)[:80]
    assert len(files) == 3
    for path in files:
        name = path.relative_to(VENDOR).as_posix()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == named[name]


def test_every_script_is_in_the_page_after_those_that_it_needs() -> None:
    """No module is forgotten, and each imports from earlier ones only."""
    folder = Path(assets.__file__).parent / "scripts"
    assert sorted(path.name for path in folder.iterdir()) == sorted(assets.SCRIPTS)
    for place, name in enumerate(assets.SCRIPTS):
        text = assets.asset(f"scripts/{name}")
        imported = set(re.findall(r'from "\./([^"]*)";', text))
        assert imported <= set(assets.SCRIPTS[:place]), name
        assert text.count("\n") < 400
    names = re.findall(
        r"^(?:async )?(?:function|const|let|class) (\w+)", assets.bundle(), re.MULTILINE
    )
    assert sorted(names) == sorted(set(names))
    assert re.findall(r"^(?:import|export) ", assets.bundle(), re.MULTILINE) == []


def test_the_scripts_are_what_node_takes_for_scripts(tmp_path: Path) -> None:
    """Each by itself, and all of them together."""
    program = node()
    together = tmp_path / "together.mjs"
    together.write_text(assets.bundle(), "utf-8")
    folder = Path(assets.__file__).parent / "scripts"
    for path in (*sorted(folder.glob("*.mjs")), together):
        done = subprocess.run(
            [program, "--check", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_every_group_has_a_shape_and_every_mark_a_group() -> None:
    """What the scripts draw is what the words name."""
    shapes = set(re.findall(r'^  (\w+): \{ path: "', assets.asset("scripts/dom.mjs"), re.MULTILINE))
    assert shapes == set(GROUPS)
    assert {group for group, _, _ in MARKS.values()} == set(GROUPS)
    assert len(MARKS) < 32  # the scripts keep them as bits of one number
