"""Machine definitions on disk: the shipped ones by name, a user's own by path."""

import importlib
import importlib.resources
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hookflash.machines.errors import SpecError
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.spec import Spec, nearest, parse_spec

SPEC_BYTES_MAX = 1_000_000
"""Bound on a definition's size: the largest shipped one has 20 kB."""


def shipped_machines() -> list[str]:
    """Return the names of the machines that come with hookflash."""
    folder = importlib.resources.files("hookflash") / "specs"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def load_machine(machine: str | Path, policy: Any = None) -> Machine[Any, Any]:  # noqa: ANN401 - the implementation names its class
    """Load a machine, ready to be stepped.

    Args:
        machine: The name of a shipped machine (`hold`, `connection`) or the path of a definition.
            Its implementation is imported by the name that the definition gives; a Python file of
            that name beside the definition is found too.
        policy: The machine's settings; None takes the default of its implementation.

    Returns:
        The machine: `machine.start(id)` makes an instance, `machine.step(it, event)` steps it.

    Raises:
        SpecError: There is no such machine or file, the definition is not usable, or its
            implementation cannot be imported. The message names the place.
    """
    text, place = _read(machine)
    spec = parse_spec(text, place)
    folder = Path(place).parent if isinstance(machine, Path) or _is_path(machine) else None
    return Machine(spec, _implementation(spec, folder), policy)


def _is_path(machine: str) -> bool:
    return machine.endswith(".toml") or "/" in machine or "\\" in machine


def _read(machine: str | Path) -> tuple[str, str]:
    if isinstance(machine, str) and not _is_path(machine):
        shipped = shipped_machines()
        if machine not in shipped:
            raise SpecError(
                f"no shipped machine is called {machine!r}{nearest(machine, shipped)}",
                advice="a definition of your own is given by its path, ending in .toml",
                place=machine,
            )
        resource = importlib.resources.files("hookflash") / "specs" / f"{machine}.toml"
        return resource.read_text(encoding="utf-8"), f"specs/{machine}.toml"
    path = Path(machine)
    try:
        if path.stat().st_size > SPEC_BYTES_MAX:
            raise SpecError(f"{path}: larger than {SPEC_BYTES_MAX} bytes", place=str(path))
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(f"{path}: cannot be read: {reason}", place=str(path)) from error


def _implementation(spec: Spec, folder: Path | None) -> Implementation:
    where = f"{spec.place}: machine.implementation"
    try:
        module = _import(spec.implementation, folder)
    except Exception as error:
        # Whatever a user's own module raises while it is imported.
        raise SpecError(
            f"{where}: the module {spec.implementation!r} cannot be imported:"
            f" {type(error).__name__}: {error}",
            place=where,
        ) from error
    implementation = getattr(module, "IMPLEMENTATION", None)
    if not isinstance(implementation, Implementation):
        raise SpecError(
            f"{where}: the module {spec.implementation!r} has no IMPLEMENTATION",
            advice="it must be a hookflash.machines.machine.Implementation",
            place=where,
        )
    return implementation


def _import(name: str, folder: Path | None) -> ModuleType:
    beside = None if folder is None else folder / f"{name}.py"
    if beside is None or not beside.is_file():
        return importlib.import_module(name)
    found = importlib.util.spec_from_file_location(name, beside)
    if found is None or found.loader is None:  # pragma: no cover - a .py file has a loader
        raise ImportError(f"no loader for {beside}")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
