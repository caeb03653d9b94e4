"""What the product has is documented, and what the documents point at exists."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import attrs
import pytest
from cyclopts import App
from tests.docs.blocks import ROOT, documents, prose_of
from tests.docs.known_names import TESTS_ONLY, config_keys, known_variables

import hookflash
from hookflash.adapters.command_line.main import BUG_EXIT_CODE, app
from hookflash.adapters.simulator import (
    AckRefusal,
    EndpointRefusal,
    InteractionSetting,
    Simulator,
    parse_faults,
)
from hookflash.machines import errors
from hookflash.machines.machine import Machine

DOCS = "\n".join(path.read_text("utf-8") for path in documents() if path.parent.name == "docs")
README = (ROOT / "README.md").read_text("utf-8")
ERRORS = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, errors.HookflashError)
]
DECISIONS = ("move", "stay", "late", "ignore", "reject")


def _anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as the web host makes them."""
    headings = re.findall(r"^#+ (.*)$", prose_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_and_pictures_exist(path: Path) -> None:
    """Each relative link leads to a file, and to a heading where it names one."""
    found = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", prose_of(path))
    for target in (one or other for one, other in found):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name}: {target} leads nowhere"
        assert not anchor or anchor in _anchors(file), f"{path.name}: {target}: no such heading"


def test_every_public_name_is_documented() -> None:
    """All of `hookflash.__all__` is spoken of in docs/."""
    missing = [name for name in hookflash.__all__ if not re.search(rf"\b{name}\b", DOCS)]
    assert missing == []


def test_every_method_of_the_controller_is_documented() -> None:
    """What embedding programs can call is spoken of in docs/."""
    names = [name for name in vars(hookflash.Controller) if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"\b{name}\b", DOCS)] == []


def test_every_exit_code_is_in_the_table_with_its_errors() -> None:
    """The README's table names each error beside the exit code that it has."""
    rows = dict(re.findall(r"^\| `(\d+)` \| (.*) \|$", README, re.MULTILINE))
    for cls in ERRORS:
        if cls not in {errors.HookflashError, errors.CommandError}:
            assert f"`{cls.__name__}`" in rows[str(cls.exit_code)], cls.__name__
    assert {"0", "1", "2", "3", "4", "130", "143", str(BUG_EXIT_CODE)} <= set(rows)


def test_every_setting_is_explained() -> None:
    """Each key stands in operating.md's tables, beside the variable that sets it where one does."""
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    missing = [f"[{table}] {key}" for table, key, _ in config_keys() if f"`{key}`" not in text]
    assert missing == []


def test_variables_that_are_named_exist() -> None:
    """No document names a variable that nobody reads."""
    for path in documents():
        for name in re.findall(r"\bHOOKFLASH_[A-Z_]*[A-Z]\b", path.read_text("utf-8")):
            assert name in known_variables() | TESTS_ONLY, f"{path.name}: {name}"


def test_every_command_and_option_is_mentioned() -> None:
    """`hookflash NAME` and each `--option` stand in the documents."""
    everything = README + DOCS
    for name in (name for name in app if not name.startswith("-")):
        command = app[name]
        assert f"hookflash {name}" in everything, name
        leaves = [command[inner] for inner in command if not inner.startswith("-")] or [command]
        for option in (option for leaf in leaves for option in _options(leaf)):
            assert option in everything, f"{name} {option}"


def _options(command: App) -> list[str]:
    arguments = command.assemble_argument_collection()
    return [name for one in arguments for name in one.names if name.startswith("--")]


def decision_table(machine: "Machine[object, object]") -> str:
    """Return what *machine* decides as a Markdown table: a row per event, a column per state."""
    spec = machine.spec
    lines = [f"| event | {' | '.join(spec.states)} |", "|---" * (len(spec.states) + 1) + "|"]
    for event in spec.events:
        cells: list[str] = []
        for state in spec.states:
            said: list[str] = []
            for row in spec.rows_of(state, event):
                word = {"move": f"→ {row.target}", "reject": f"reject: {row.error}"}
                said.append(word.get(row.decision, row.decision))
            cells.append(", ".join(dict.fromkeys(said)))
        lines.append(f"| `{event}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_decision_table_is_that_of_the_machine() -> None:
    """machine.md shows what the shipped definition says; the message has the current table."""
    table = decision_table(hookflash.load_machine("hold"))
    assert table in (ROOT / "docs" / "machine.md").read_text("utf-8"), table


def test_the_pictures_name_every_state() -> None:
    """The picture of the machine shows all states of the shipped definition."""
    picture = (ROOT / "docs" / "pictures" / "hold-machine.svg").read_text("utf-8")
    for state in hookflash.load_machine("hold").spec.states:
        assert f">{state}<" in picture, state


def test_every_path_that_is_named_exists() -> None:
    """A folder or file of the project in backticks is there."""
    rooms = "adapters|docs|engine|machines|specs|src|tests"
    for path in documents():
        for name in re.findall(rf"`((?:{rooms})/[\w./-]*)`", prose_of(path)):
            assert (ROOT / name).exists(), f"{path.name}: {name}"


def test_every_fault_and_method_of_the_simulator_is_documented() -> None:
    """simulator.md has each key of faults.toml, and each method that tests may call."""
    text = (ROOT / "docs" / "simulator.md").read_text("utf-8")
    faults = parse_faults("")
    tables: list[type[Any]] = [
        type(value) for value in attrs.asdict(faults, recurse=False).values() if value != ()
    ]
    for table in tables:
        keys = {field.name for field in attrs.fields(table)} - {"refusals"}
        assert [key for key in keys if not re.search(rf"^{key} = ", text, re.MULTILINE)] == []
    for row in (AckRefusal, EndpointRefusal, InteractionSetting):
        names = [field.name for field in attrs.fields(row)]
        assert [key for key in names if not re.search(rf"^{key} = ", text, re.MULTILINE)] == []
    methods = [name for name in vars(Simulator) if not name.startswith("_") and name != "faults"]
    assert [name for name in methods if not re.search(rf"`(await )?{name}\b", text)] == []


def test_every_metric_is_documented() -> None:
    """embedding.md names each figure of a snapshot; the outcomes stand in their own table."""
    text = (ROOT / "docs" / "embedding.md").read_text("utf-8")
    names = [field.name for field in attrs.fields(hookflash.MetricsSnapshot)]
    assert [name for name in names if f"`{name}`" not in text] == []
