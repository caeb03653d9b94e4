"""Single values: from what a file, a variable or an option gives to what a setting is.

Nothing is coerced out of a file: a number in quotes is no number there. Text from variables and
options is read as what the setting is.
"""

import math
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin

import attrs
from typed_settings.types import Secret

TRUE_WORDS = ("true", "yes", "on", "1")
FALSE_WORDS = ("false", "no", "off", "0")
_SHOWN_MAX = 60


class BadValue(ValueError):
    """A value does not fit; `place` is where inside it, empty for the value itself."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


def read_value(value: object, kind: Any, base_dir: Path) -> Any:  # noqa: ANN401 - any setting's type
    """Return *value* as *kind*.

    Args:
        value: What TOML gave, or an embedding program.
        kind: The setting's type.
        base_dir: What relative paths are relative to.

    Raises:
        BadValue: It is no such thing.
    """
    if get_origin(kind) in {Union, types.UnionType}:
        if value is None:
            return None
        (kind,) = (member for member in get_args(kind) if member is not type(None))
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise BadValue(f"must be one of {', '.join(get_args(kind))}, is {shown(value)}")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise BadValue(f"must be a list, is {shown(value)}")
        return _read_items(list(cast("list[object]", value)), get_args(kind)[0], base_dir)
    if get_origin(kind) is Secret or kind is Secret:
        return cast("Any", value) if isinstance(value, Secret) else Secret(_text(value))
    return _SCALARS[kind](value, base_dir)


def read_text(text: str, kind: Any, base_dir: Path) -> Any:  # noqa: ANN401 - any setting's type
    """Return *text*, of a variable or an option, as *kind*; lists are separated by commas.

    Raises:
        BadValue: It is no such thing.
    """
    if get_origin(kind) in {Union, types.UnionType}:
        (kind,) = (member for member in get_args(kind) if member is not type(None))
    value: object = text
    if kind is bool:
        value = _word_to_bool(text)
    elif kind in {int, float}:
        try:
            value = kind(text.strip())
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise BadValue(f"must be {wanted}, is {shown(text)}") from None
    elif get_origin(kind) is tuple:
        value = [item.strip() for item in text.split(",") if item.strip()]
    return read_value(value, kind, base_dir)


def check_field(attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Run the validator of a setting.

    Raises:
        BadValue: It objects.
    """
    if attribute.validator is None:
        return
    try:
        attribute.validator(cast("Any", None), attribute, value)
    except (ValueError, TypeError) as error:
        raise BadValue(_said_simply(str(error.args[0]), attribute.name)) from error


def fields_of(cls: type[Any]) -> "dict[str, attrs.Attribute[Any]]":
    """Return the fields of a settings class by name, their types resolved."""
    attrs.resolve_types(cls)
    return {attribute.name: attribute for attribute in attrs.fields(cls)}


def item_class(kind: object) -> type[Any] | None:
    """Return the settings class of which *kind* is a list; None where it is no such list."""
    if get_origin(kind) is not tuple:
        return None
    item = get_args(kind)[0]
    return item if attrs.has(item) else None


def shown(value: object) -> str:
    """Return *value* as messages show it: short."""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def _read_items(items: list[object], kind: Any, base_dir: Path) -> tuple[Any, ...]:  # noqa: ANN401
    if not attrs.has(kind):
        try:
            return tuple(read_value(item, kind, base_dir) for item in items)
        except BadValue as error:
            raise BadValue(f"each item {error.reason}") from None
    return tuple(
        item if isinstance(item, kind) else _read_row(item, kind, base_dir, f"#{number}")
        for number, item in enumerate(items, 1)
    )


def _read_row(row: object, cls: type[Any], base_dir: Path, place: str) -> Any:  # noqa: ANN401
    """Make an instance of *cls*, whose keys are known to be known, from a table."""
    if not isinstance(row, Mapping):
        raise BadValue(f"must be a table, is {shown(row)}", place)
    table = cast("Mapping[str, object]", row)
    values: dict[str, Any] = {}
    for name, attribute in fields_of(cls).items():
        if name not in table:
            if attribute.default is attrs.NOTHING:
                raise BadValue(f"needs the key {name}", place)
            continue
        try:
            value = read_value(table[name], attribute.type, base_dir)
            check_field(attribute, value)
        except BadValue as error:
            raise BadValue(error.reason, f"{place} {name}") from None
        values[name] = value
    return cls(**values)


def _said_simply(message: str, name: str) -> str:
    """Turn an attrs validator's words around: `'x' must be >= 1: 0` says too little, too oddly."""
    message = message.removeprefix(f"'{name}' ")
    bound, colon, value = message.partition(": ")
    if colon and bound.startswith("must be "):
        return f"{bound}, is {value}"
    return message


def _word_to_bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE_WORDS + FALSE_WORDS:
        raise BadValue(f"must be true or false, is {shown(text)}")
    return word in TRUE_WORDS


def _bool(value: object, _: Path | None = None) -> bool:
    if not isinstance(value, bool):
        raise BadValue(f"must be true or false, is {shown(value)}")
    return value


def _int(value: object, _: Path | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue(f"must be a whole number, is {shown(value)}")
    return value


def _float(value: object, _: Path | None = None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadValue(f"must be a number, is {shown(value)}")
    return float(value)


def _text(value: object, _: Path | None = None) -> str:
    if not isinstance(value, str):
        raise BadValue(f"must be text, is {shown(value)}")
    return value


def _path(value: object, base_dir: Path) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise BadValue(f"must be a path, is {shown(value)}")
    if "\0" in str(value):
        raise BadValue("must be a path, has a zero byte in it")
    return base_dir / Path(value).expanduser()


_SCALARS: dict[Any, Callable[[object, Path], Any]] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _text,
    Path: _path,
}

__all__ = ["BadValue", "check_field", "fields_of", "item_class", "read_text", "read_value", "shown"]
