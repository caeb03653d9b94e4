"""Reading `faults.toml`: errors name the place and, for a misspelt key, the nearest known one."""

import difflib
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin

import attrs
import cattrs

from hookflash.adapters.simulator.faults import Faults
from hookflash.machines.errors import ConfigurationError


def load_faults(path: Path) -> Faults:
    """Read a faults file.

    Args:
        path: The TOML file.

    Returns:
        What it says, with defaults for all it leaves out.

    Raises:
        ConfigurationError: The file cannot be read or is no TOML, has an unknown key (the nearest
            known one is suggested), or a value of the wrong type or range. The message names the
            file and the place in it, `source` the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "no UTF-8 text"
        raise ConfigurationError(f"{path}: cannot be read: {reason}", source=str(path)) from error
    return parse_faults(text, source=str(path))


def parse_faults(text: str, *, source: str = "faults") -> Faults:
    """Read the text of a faults file.

    Args:
        text: TOML.
        source: What error messages call it.

    Returns:
        What it says, with defaults for all it leaves out.

    Raises:
        ConfigurationError: As `load_faults`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{source}: {error}", source=source) from error
    _refuse_unknown_keys(Faults, table, "", source)
    try:
        return _converter.structure(table, Faults)
    except (cattrs.BaseValidationError, ValueError, TypeError) as error:
        findings = cattrs.transform_error(error, path="", format_exception=_describe)
        raise ConfigurationError(
            f"{source}: " + "; ".join(finding.replace("@ .", "@ ") for finding in findings),
            source=source,
        ) from error


def _refuse_unknown_keys(cls: type[Any], table: dict[str, object], place: str, source: str) -> None:
    hints = typing.get_type_hints(cls)
    for key, value in table.items():
        here = f"{place}.{key}" if place else key
        if key not in hints:
            nearest = difflib.get_close_matches(key, hints, n=1, cutoff=0.5)
            advice = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(hints)}"
            raise ConfigurationError(f"{source}: unknown key {here}", advice=advice, source=source)
        inner = hints[key]
        if get_origin(inner) is tuple:
            inner = get_args(inner)[0]
            if attrs.has(inner) and isinstance(value, list):
                for index, row in enumerate(cast("list[object]", value)):
                    if isinstance(row, dict):
                        entry = cast("dict[str, object]", row)
                        _refuse_unknown_keys(inner, entry, f"{here}[{index}]", source)
        elif attrs.has(inner) and isinstance(value, dict):
            _refuse_unknown_keys(inner, cast("dict[str, object]", value), here, source)


def _describe(error: BaseException, expected: object) -> str:
    if get_origin(expected) is Literal:
        return f"must be one of {', '.join(get_args(expected))}"
    if isinstance(expected, type) and attrs.has(expected) and not isinstance(error, ValueError):
        return "expected a table"
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    name = getattr(expected, "__name__", str(expected)) if expected is not None else ""
    if isinstance(error, _WrongTypeError):
        return f"expected {error.expected}, found {error.found!r}"
    if isinstance(error, ValueError):
        return str(error.args[0]) if error.args else "invalid value"
    return f"invalid value for {name}" if name else str(error)


class _WrongTypeError(ValueError):
    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"expected {expected}, found {found!r}")
        self.expected = expected
        self.found = found


def _make_converter() -> cattrs.Converter:
    """A converter that takes no value for what it is not: cattrs itself would coerce."""
    converter = cattrs.Converter(forbid_extra_keys=True)

    def exactly(kind: type[Any], word: str) -> None:
        def structure(value: object, _: object) -> object:
            fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            if not fits:
                raise _WrongTypeError(word, value)
            return value

        converter.register_structure_hook(kind, structure)

    def number(value: object, _: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _WrongTypeError("a number", value)
        return float(value)

    def optional_number(value: object, kind: object) -> float:
        return number(value, kind)

    exactly(bool, "true or false")
    exactly(int, "a whole number")
    exactly(str, "text")
    converter.register_structure_hook(float, number)
    converter.register_structure_hook_func(_is_union, optional_number)
    converter.register_structure_hook_func(_is_tuple, _structure_tuple(converter))
    return converter


def _is_union(kind: object) -> bool:
    return get_origin(kind) is types.UnionType


def _is_tuple(kind: object) -> bool:
    return get_origin(kind) is tuple


def _structure_tuple(converter: cattrs.Converter) -> typing.Callable[[Any, Any], Any]:
    to_list: dict[Any, Any] = {}

    def structure(value: Any, kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - anything of TOML
        if not isinstance(value, list):
            raise _WrongTypeError("a list", value)
        wanted = to_list.setdefault(kind, list[get_args(kind)[0]])  # type: ignore[misc]
        return tuple(converter.structure(value, wanted))

    return structure


_converter = _make_converter()
