"""What events, effects, data and policies carry: names, types and meanings of their fields."""

from collections.abc import Callable, Iterable, Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import attrs
from attrs import evolve, frozen

from hookflash.machines.diagrams.words import duration_text
from hookflash.machines.documents.docstrings import fields_of, parts
from hookflash.machines.documents.markdown import code, prose, table
from hookflash.machines.instants import Instant

_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Instant: "instant",
    Any: "anything",
}

_EVENTS_HAVE = {
    "at": "When the engine took it up.",
    "owner": "What the timer was started for.",
    "unused_id": "An id that nobody has used, for what this may cause.",
}
"""What fields of events mean where their class does not say: they are the engine's to give."""


@frozen
class Field:
    """A field.

    Attributes:
        name: Its name.
        type: Its type in words, as Markdown.
        default: Its default, as Markdown; empty where it must be given.
        meaning: What it means; empty where nobody said.
    """

    name: str
    type: str
    default: str
    meaning: str


def payload_of(cls: type) -> tuple[Field, ...]:
    """Return the fields of an attrs class."""
    meanings = parts(cls)
    return tuple(
        Field(one.name, type_text(one.type), _default(one.default), meanings.get(one.name, ""))
        for one in fields_of(cls)
    )


def event_table(cls: type) -> Iterator[str]:
    """Return the lines of a table of the fields of an event's class; none where it has none."""
    yield from _table(
        evolve(one, meaning=one.meaning or _EVENTS_HAVE.get(one.name, ""))
        for one in payload_of(cls)
    )


def payload_table(cls: type) -> Iterator[str]:
    """Return the lines of a table of the fields of a class; none where it has none."""
    yield from _table(payload_of(cls))


def _table(payload: Iterable[Field]) -> Iterator[str]:
    yield from table(
        ("field", "type", "if left out", "meaning"),
        ((code(one.name), one.type, one.default, prose(one.meaning)) for one in payload),
    )


def settings_table(policy: Any) -> Iterator[str]:  # noqa: ANN401 - any policy
    """Return the lines of a table of a policy's settings and their values."""
    cls: type = policy.__class__
    meanings = parts(cls)
    yield from table(
        ("setting", "value", "type", "meaning"),
        (
            (
                code(one.name),
                value_text(getattr(policy, one.name), one.name),
                type_text(one.type),
                prose(meanings.get(one.name, "")),
            )
            for one in fields_of(cls)
        ),
    )


def classes_in(cls: type) -> tuple[type, ...]:
    """Return the attrs classes that the fields of *cls* are made of, with those in them."""
    found: dict[type, None] = {}
    waiting = [one.type for one in fields_of(cls)]
    while waiting:
        hint: Any = waiting.pop(0)
        if isinstance(hint, type) and attrs.has(hint) and hint not in found:
            found[hint] = None
            waiting += [one.type for one in fields_of(hint)]
        waiting += get_args(hint)
    return tuple(found)


def type_text(hint: Any) -> str:  # noqa: ANN401 - any annotation
    """Return an annotation in words, as Markdown."""
    if hint in _WORDS:
        return _WORDS[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(code(repr(one) if not isinstance(one, str) else one) for one in args)
    if origin in {Union, UnionType}:
        members = [type_text(one) for one in args if one is not NoneType]
        return " or ".join([*members, *(["none"] if NoneType in args else [])])
    if origin in {tuple, list, frozenset, set} and args:
        return f"list of {type_text(args[0])}"
    if isinstance(hint, type):
        return code(hint.__name__)
    return "" if hint is None else code(str(hint).rpartition(".")[2])


def _default(default: Any) -> str:  # noqa: ANN401 - any default
    if default is attrs.NOTHING or isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # it is a class
        return ""
    return value_text(default)


def value_text(value: Any, name: str = "") -> str:  # noqa: ANN401 - any value
    """Return a value as Markdown; of a name that ends with `_s` it is a duration.

    What has parts of its own is told by its class only.
    """
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return duration_text(float(value)) if name.endswith("_s") else f"{value:.15g}"
        case str():
            return code(value) or "empty"
        case tuple() | list() | frozenset():
            parts = cast("tuple[Any, ...]", value)
            return ", ".join(value_text(one) for one in parts) or "empty"
        case _:
            return code(type(value).__name__)


def said_by(made: Any, is_known: Callable[[str], bool]) -> str:  # noqa: ANN401 - an event or effect
    """Return what an event or effect says beside its name, in a few words, as Markdown.

    Moments, ids and what is as by default are left out: they make no difference to the reader.

    Args:
        made: The event or effect.
        is_known: Tells of a text whether it is an id.
    """
    said: list[str] = []
    for one in fields_of(made.__class__):
        value = getattr(made, one.name)
        if (
            one.type is not Instant
            and value != one.default
            and isinstance(value, str | bool | int | float)
            and not (isinstance(value, str) and is_known(value))
        ):
            said.append(f"{one.name.replace('_', ' ')} {value_text(value, one.name)}")
    return ", ".join(said)
