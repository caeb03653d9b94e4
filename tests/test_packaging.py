"""The names on disk, in imports and in the public surface stay the same."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import hookflash

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "hookflash"


@pytest.mark.parametrize("part", ["engine", "machines", "adapters", "specs"])
def test_link_points_at_the_real_folder(part: str) -> None:
    """The links of a checkout stand for the folders that ship."""
    assert (PACKAGE / part).resolve() == ROOT / part


def test_the_package_is_typed() -> None:
    """Type checkers of users read our annotations."""
    assert (PACKAGE / "py.typed").exists()


def public_names() -> tuple[set[str], set[str]]:
    """Return the names that `__init__` imports at once, and those that type checkers see."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    at_once: set[str] = set()
    for_checkers: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(
            "hookflash"
        ):
            at_once |= {alias.asname or alias.name for alias in statement.names}
        elif isinstance(statement, ast.If):
            for inner in ast.walk(statement):
                if isinstance(inner, ast.ImportFrom):
                    for_checkers |= {alias.asname or alias.name for alias in inner.names}
    return at_once, for_checkers


def test_all_lists_what_there_is() -> None:
    """`__all__`, what a type checker sees and what a program gets are the same names."""
    at_once, for_checkers = public_names()
    listed = set(hookflash.__all__)
    assert len(hookflash.__all__) == len(listed), "no name twice"
    assert listed - {"__version__"} == at_once | for_checkers
    for name in listed:
        assert getattr(hookflash, name) is not None
    assert listed <= set(dir(hookflash))


def test_a_name_that_does_not_exist() -> None:
    """The package answers as any module does."""
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(hookflash, "no_such_name")  # noqa: B009 - the name is the point


def test_every_module_can_be_imported_by_itself() -> None:
    """No module of the machines needs another one to be imported first."""
    names = sorted(
        path.stem for path in (ROOT / "machines").glob("*.py") if path.stem != "__init__"
    )
    for name in names:
        importlib.import_module(f"hookflash.machines.{name}")
    program = f"import {', '.join(f'hookflash.machines.{name}' for name in reversed(names))}"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_importing_stays_light() -> None:
    """`import hookflash` loads neither the runtime nor the wire nor the command line."""
    program = (
        "import sys, hookflash; "
        "print(*({'trio', 'httpx', 'trio_websocket', 'cyclopts', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []
