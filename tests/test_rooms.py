"""The rooms of the house: imports point inwards, machines are pure, one place takes steps."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MACHINES = sorted((ROOT / "machines").glob("**/*.py"))
ENGINE = sorted((ROOT / "engine").glob("**/*.py"))

PURE = {
    *("attrs", "cattrs", "orjson", "transitions"),
    *(
        "collections",
        "contextlib",
        "datetime",
        "difflib",
        "functools",
        "hashlib",
        "html",
        "inspect",
        "itertools",
    ),
    *("json", "math", "re", "tomllib", "types", "typing", "zlib"),
    *("cel_expr_python", "zoneinfo"),
}
"""What machines may import beside each other: nothing that waits, reads, sends, draws or tells
the time. `datetime` and `zoneinfo` only convert; that nobody asks for the time is tested below.
`cel_expr_python` evaluates conditions of rules, which can reach nothing but what they are given."""

IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "read_text", "write_text"}
"""Calls by which a pure module would reach out all the same."""

NOT_LIVE = {"recovery.py", "replaying", "backtesting"}
"""Modules and packages of the engine that step what was recorded, not what happens."""


def nodes(path: Path) -> Iterator[ast.AST]:
    """Yield all nodes of a module."""
    yield from ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names of the modules that a module imports, wherever in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module


def called(node: ast.Call) -> str:
    """Return the last part of what is called; empty for what has no name."""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def test_import_contracts() -> None:
    """The contracts of import-linter in pyproject.toml are kept."""
    # A process of its own: the linter configures logging, which is not ours to lose.
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    ran = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_machines_are_pure(path: Path) -> None:
    """A module of `machines` neither waits nor reaches out, and imports only what is as pure."""
    for name in imported(path):
        inside = name == "hookflash.machines" or name.startswith("hookflash.machines.")
        assert inside or name.partition(".")[0] in PURE, f"{path.name} imports {name}"
    for node in nodes(path):
        assert not isinstance(
            node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await
        ), f"{path.name}:{getattr(node, 'lineno', 0)} waits"
        if isinstance(node, ast.Call):
            assert called(node) not in IMPURE_CALLS, f"{path.name}:{node.lineno} reaches out"


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.name)
def test_engine_knows_no_adapter(path: Path) -> None:
    """The engine imports neither adapters nor the libraries of the wire."""
    for name in imported(path):
        assert not name.startswith("hookflash.adapters"), f"{path.name} imports {name}"
        assert name.partition(".")[0] not in {"httpx", "httpcore", "trio_websocket", "sqlite3"}


def test_one_call_site_of_step() -> None:
    """The live engine steps machines in exactly one place."""
    sites = [
        f"{path.name}:{node.lineno}"
        for path in ENGINE
        if NOT_LIVE.isdisjoint(path.parts)
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "step"
    ]
    assert len(sites) == 1, sites
    assert sites[0].startswith("dispatcher.py:")
