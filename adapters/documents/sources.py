"""What documents are made of: definitions of machines and rules files, by their names or paths."""

import importlib.resources
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from hookflash.adapters.rules_files import names_of
from hookflash.adapters.specifications import (
    implementation_of,
    read_definition,
    samples_of,
    shipped_machines,
)
from hookflash.machines.documents import (
    Document,
    Traceability,
    machine_document,
    rules_document,
)
from hookflash.machines.errors import SpecError
from hookflash.machines.machine import Machine
from hookflash.machines.proof import prove
from hookflash.machines.rules.checking import check_rules
from hookflash.machines.rules.ruleset import parse_rules
from hookflash.machines.spec import parse_spec

TRACEABILITY: Final = "traceability.json"
"""The file beside a definition that says which tests exercise which of its rows."""


@frozen
class Source:
    """What a document is made of.

    Attributes:
        name: What its files are called, without their endings.
        folder: The folder in which it stands; its documents are written there by default.
        document: Makes the document. That takes some seconds where a machine is explored, and
            raises `SpecError` for what cannot be used.
    """

    name: str
    folder: Path
    document: Callable[[], Document]


def shipped_sources() -> list[Source]:
    """Return the machines that come with hookflash."""
    return [read_source(name) for name in shipped_machines()]


def read_source(file: str) -> Source:
    """Read a definition or a rules file.

    Args:
        file: The name of a shipped machine, or a path.

    Raises:
        SpecError: There is no such machine or file, or it cannot be read.
    """
    text, place = read_definition(file)
    if file in shipped_machines():
        folder = Path(str(importlib.resources.files("hookflash") / "specs")).resolve()
        return Source(file, folder, lambda: _machine(file, text, place, place, folder))
    path = Path(file)
    if _is_rules(text):
        return Source(path.stem, path.parent, lambda: _rules(path, text))
    folder = path.parent
    return Source(path.stem, folder, lambda: _machine(file, text, place, path.name, folder))


def _is_rules(text: str) -> bool:
    """Tell whether a text is a rules file; one that is no TOML is taken for a machine."""
    try:
        return isinstance(tomllib.loads(text).get("rule"), list)
    except tomllib.TOMLDecodeError:
        return False


def _machine(file: str, text: str, place: str, name: str, folder: Path) -> Document:
    """Make the document of a machine.

    Args:
        file: By which name or path its definition was read.
        text: The definition.
        place: Where it stands, for messages.
        name: What the document calls it: the same on every machine.
        folder: Its folder.
    """
    given = parse_spec(text, place)
    implementation = implementation_of(given, file)
    samples = samples_of(given, file)
    spec = attrs.evolve(given, place=name)
    report = prove(spec, implementation, samples)
    machine: Machine[Any, Any] = Machine(spec, implementation)
    return machine_document(machine, report, samples, _traceability(folder))


def _traceability(folder: Path) -> Traceability | None:
    path = folder / TRACEABILITY
    if not path.is_file():
        return None
    try:
        return Traceability.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(f"{path}: cannot be read: {reason}", place=str(path)) from error


def _rules(path: Path, text: str) -> Document:
    rules = attrs.evolve(parse_rules(text, str(path), names_of()), place=path.name)
    return rules_document(rules, path.stem, check_rules(rules))
