"""Machine definitions on disk: the shipped ones by name, a user's own by path."""

import importlib
import importlib.resources
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from hookflash.machines.errors import SpecError
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.proof_world import Samples
from hookflash.machines.spec import Spec, nearest, parse_spec

T = TypeVar("T")

SPEC_BYTES_MAX = 1_000_000
"""Bound on a definition's size: the largest shipped one has 20 kB."""

_OWN_MACHINES = "hookflash.machines."


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
        The machine; `machine.start(id)` makes an instance, `machine.step(it, event)` steps it.

    Raises:
        SpecError: There is no such machine or file, the definition is not usable, or its
            implementation cannot be imported. The message names the place.
    """
    text, place = read_definition(machine)
    spec = parse_spec(text, place)
    return Machine(spec, implementation_of(spec, machine), policy)


def machine_of_definition(text: str, place: str, policy: Any = None) -> Machine[Any, Any]:  # noqa: ANN401 - the implementation names its class
    """Make the machine of a definition whose text stands in a recording.

    A recording may come from anywhere, and importing a module runs it. So the implementation that
    the text names has to be one of hookflash's, or one that the program has loaded already.

    Args:
        text: The definition.
        place: Where it stands, for messages.
        policy: The machine's settings; None takes the default of its implementation.

    Returns:
        The machine. The latest ones are kept, because each part of a journal has its definition.

    Raises:
        SpecError: The definition cannot be used with the present implementation, or that is not
            loaded: give the machine's definition by its path (`load_machine`).
    """
    machine = _machine_of_text(text, place)
    return machine if policy is None else machine.with_policy(policy)


_kept_machines: dict[str, Machine[Any, Any]] = {}
_KEPT_MAX = 16


def _machine_of_text(text: str, place: str) -> Machine[Any, Any]:
    if text in _kept_machines:
        return _kept_machines[text]
    spec = parse_spec(text, place)
    name = spec.implementation
    if not name.startswith(_OWN_MACHINES) and name not in sys.modules:
        raise SpecError(
            f"{place}: names the implementation {name[:64]!r}, which is not loaded, and a"
            " recording does not decide what is",
            advice="give the machine's definition by its path",
            place=place,
        )
    machine: Machine[Any, Any] = Machine(spec, _implementation(spec, None))
    if len(_kept_machines) >= _KEPT_MAX:
        _kept_machines.clear()
    _kept_machines[text] = machine
    return machine


def _is_path(machine: str) -> bool:
    return machine.endswith(".toml") or "/" in machine or "\\" in machine


def _folder_of(machine: str | Path) -> Path | None:
    """Return the folder whose Python files a definition may name; None for a shipped one."""
    return Path(machine).parent if isinstance(machine, Path) or _is_path(machine) else None


def read_definition(machine: str | Path) -> tuple[str, str]:
    """Return the text of a definition, and its place for messages.

    Args:
        machine: The name of a shipped machine, or a path.

    Raises:
        SpecError: There is no such machine or file, or it cannot be read.
    """
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


def implementation_of(spec: Spec, machine: str | Path) -> Implementation:
    """Import what the names of a definition mean.

    Args:
        spec: The definition.
        machine: By which name or path it was read.

    Raises:
        SpecError: The module cannot be imported, or has no `IMPLEMENTATION`.
    """
    return _implementation(spec, _folder_of(machine))


def samples_of(spec: Spec, machine: str | Path) -> Samples | None:
    """Import the samples that a definition names for `hookflash check`; None where it names none.

    Call `implementation_of` first: the samples make events of the classes that it imported.

    Args:
        spec: The definition.
        machine: By which name or path it was read.

    Raises:
        SpecError: The module cannot be imported, or has no `SAMPLES`.
    """
    name = spec.check.samples
    if name is None:
        return None
    # Where both are one module it is not to be run again: its classes would not be the same.
    folder = None if name == spec.implementation else _folder_of(machine)
    return _attribute(name, "SAMPLES", Samples, folder, f"{spec.place}: check.samples")


def _implementation(spec: Spec, folder: Path | None) -> Implementation:
    where = f"{spec.place}: machine.implementation"
    return _attribute(spec.implementation, "IMPLEMENTATION", Implementation, folder, where)


def _attribute(module_name: str, name: str, cls: type[T], folder: Path | None, where: str) -> T:
    """Import what a definition names, and return the *cls* called *name* in it."""
    try:
        module = _import(module_name, folder)
    except Exception as error:
        # Whatever a user's own module raises while it is imported.
        raise SpecError(
            f"{where}: the module {module_name!r} cannot be imported:"
            f" {type(error).__name__}: {error}",
            place=where,
        ) from error
    found = getattr(module, name, None)
    if not isinstance(found, cls):
        raise SpecError(
            f"{where}: the module {module_name!r} has no {name}",
            advice=f"it must be a {cls.__module__}.{cls.__name__}",
            place=where,
        )
    return found


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
