"""Readers of attrs classes from JSON values, made for speed and as strict as `conversion`.

A replay reads a record in some microseconds, and most of that was cattrs calling one function for
each field and a frozen class setting each attribute through `object.__setattr__`. For a class that
does nothing but hold its fields, `reader_of` writes one function that looks at the fields in line
and fills a twin of the class (`making`): a third of the time. What it refuses, the strict converter
refuses too, and says why: whoever reads asks that one when a reader has raised.
"""

from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import attrs

from hookflash.machines.conversion import decode_instant, make_converter
from hookflash.machines.instants import Instant
from hookflash.machines.making import is_plain, twin_of

Reader = Callable[[Any], Any]
"""Makes an instance of one class of a JSON value; raises anything where it cannot."""

EventReader = Callable[[dict[str, Any], str], Any]
"""Makes an event of a record's `event` and the record's `at`; raises anything where it cannot."""

_CONVERTER = make_converter(detailed=False)
_KEPT_MAX = 1024
_kept_readers: dict[type, Reader] = {}
_INLINE = frozenset({str, int, bool})


def reader_of(cls: type) -> Reader:
    """Return the reader of *cls*, an attrs class; the same one each time, as a rule.

    Where the class does more than to hold its fields, it is that of the strict converter.
    """
    reader = _kept_readers.get(cls)
    if reader is None:
        reader = _made_reader(cls) if is_plain(cls) else _hook(cls)
        if len(_kept_readers) >= _KEPT_MAX:
            _kept_readers.clear()
        _kept_readers[cls] = reader
    return reader


def event_reader_of(cls: type) -> EventReader:
    """Return the reader of an event's class from what a record has of it.

    The record's `event` has its fields but for `at`, which stands in the record itself, and a
    `type`, which the reader leaves alone: whoever asks for this reader has looked at it.
    """
    if is_plain(cls):
        return cast("EventReader", _written(cls, of_event=True))
    read = _hook(cls)

    def read_event(raw: dict[str, Any], at: str) -> Any:  # noqa: ANN401 - any event
        if "at" in raw:
            raise ValueError
        fields = {**raw, "at": at}
        del fields["type"]
        return read(fields)

    return read_event


def _made_reader(cls: type) -> Reader:
    return cast("Reader", _written(cls, of_event=False))


def _written(cls: type, *, of_event: bool) -> object:
    """Return the function that is written for *cls*."""
    attrs.resolve_types(cls)
    source = _Source()
    source.scope["Twin"] = twin_of(cls)
    source.scope["Class"] = cls
    source.lines += [
        "def read(raw, at):" if of_event else "def read(raw):",
        "    if raw.__class__ is not dict:",
        "        raise TypeError",
        "    made = Twin()",
        "    count = len(raw)",
    ]
    wanted = 1 if of_event else 0
    for field in attrs.fields(cls):
        if of_event and field.name == "at":
            source.lines.append("    made.at = decode_instant(at)")
        else:
            wanted += field.default is attrs.NOTHING
            source.field(field)
    source.lines += [
        f"    if count != {wanted}:",
        "        raise ValueError",
        "    made.__class__ = Class",
        "    return made",
    ]
    # Names of the class's own fields only, as attrs and cattrs do it themselves.
    exec("\n".join(source.lines), source.scope)  # noqa: S102 - see above
    found: object = source.scope["read"]
    return found


class _Source:
    """The text of one reader while it is written, and what its names mean."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {"decode_instant": decode_instant}

    def field(self, field: "attrs.Attribute[Any]") -> None:
        """Write what reads *field* of `raw` into `made`, and count it off if it may be left out."""
        name, indent = field.name, "    "
        if field.default is not attrs.NOTHING:
            self.lines += [
                f"    if {name!r} not in raw:",
                f"        made.{name} = {self._named(field.default)}",
                "    else:",
            ]
            indent = "        "
        self.lines += [
            f"{indent}value = raw[{name!r}]",
            *(indent + line for line in self._checked(field.type)),
            f"{indent}made.{name} = value",
        ]
        if field.default is not attrs.NOTHING:
            self.lines.append(f"{indent}count -= 1")

    def _checked(self, hint: Any) -> list[str]:  # noqa: ANN401, PLR0911 - any annotation; one return for each kind
        """Return the lines that see to it that `value` is what *hint* says."""
        if hint is Instant:
            return ["value = decode_instant(value)"]
        if hint in _INLINE:
            return [f"if value.__class__ is not {hint.__name__}:", "    raise TypeError"]
        origin, args = get_origin(hint), get_args(hint)
        if origin is Literal and all(isinstance(one, str) for one in args):
            return [f"if value not in {self._named(frozenset(args))}:", "    raise ValueError"]
        if origin in {Union, UnionType} and len(args) == 2 and NoneType in args:
            member = args[0] if args[1] is NoneType else args[1]
            if member in _INLINE:
                name = member.__name__
                return [
                    f"if value.__class__ is not {name} and value is not None:",
                    "    raise TypeError",
                ]
            inner = self._checked(member)
            return ["if value is not None:", *("    " + line for line in inner)]
        if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
            return [
                "if value.__class__ is not list:",
                "    raise TypeError",
                f"value = tuple(map({self._reader(args[0])}, value)) if value else ()",
            ]
        return [f"value = {self._reader(hint)}(value)"]

    def _reader(self, hint: Any) -> str:  # noqa: ANN401 - any annotation
        """Return the name of a function that reads what *hint* says."""
        if isinstance(hint, type) and attrs.has(hint):
            return self._named(reader_of(hint))
        return self._named(_hook(hint))

    def _named(self, value: object) -> str:
        name = f"_{len(self.scope)}"
        self.scope[name] = value
        return name


def _hook(hint: Any) -> Reader:  # noqa: ANN401 - any annotation
    structure = _CONVERTER.get_structure_hook(hint)
    return lambda value: structure(value, hint)
