"""The JSON Schema of a wire recording's lines, made of the classes that are written."""

import inspect
import json
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import attrs

from hookflash.adapters.wire.entries import CLASSES, Garbage, WireHeader
from hookflash.adapters.wire.lines import FORMAT, GARBAGE_KINDS, KIND, PROTOCOL
from hookflash.machines.instants import Instant

_NAMES: Final[dict[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    dict: "object",
}
_SUM: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}$",
    "description": "CRC-32 of all bytes of the line before the comma that this key follows.",
}


def wire_schema() -> dict[str, Any]:
    """Return the schema of one line of a wire recording, draft 2020-12."""
    definitions: dict[str, Any] = {
        "instant": {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
            "description": "ISO 8601, UTC, microseconds.",
        },
        "garbage": {
            "type": "object",
            "properties": {
                "is": {"enum": sorted(GARBAGE_KINDS)},
                "length": {"type": "integer", "minimum": 0},
            },
            "required": ["is", "length"],
            "additionalProperties": False,
            "description": _summary(Garbage),
        },
        "header": _line(
            WireHeader,
            {"format": {"const": FORMAT}, "kind": {"const": KIND}, "protocol": {"const": PROTOCOL}},
        ),
    }
    for kind, cls in CLASSES.items():
        numbered = {"n": {"type": "integer", "minimum": 1}, "kind": {"const": kind}}
        definitions[kind] = _line(cls, numbered)
    lines = ["header", *CLASSES]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a wire recording",
        "description": f"Format {FORMAT}. The first line is a header, and no other one is."
        " What is not kept is `?text 32`, `?number 7`, `?list 4` or `?object 64`: its type and"
        " about its size.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in lines],
        "$defs": definitions,
    }


def wire_schema_text() -> str:
    """Return the schema as the file has it."""
    return json.dumps(wire_schema(), indent=2, ensure_ascii=False) + "\n"


def _line(cls: type[Any], always: dict[str, Any]) -> dict[str, Any]:
    properties = dict(always)
    required = list(always)
    for one in attrs.fields(cls):
        properties[one.name] = _of_type(one.type)
        if one.default is attrs.NOTHING or (one.default is not None and cls is not WireHeader):
            required.append(one.name)
    return {
        "type": "object",
        "properties": {**properties, "sum": _SUM},
        "required": [*required, "sum"],
        "additionalProperties": False,
        "description": _summary(cls),
    }


def _of_type(annotation: Any) -> dict[str, Any]:  # noqa: ANN401 - any annotation
    if annotation is Instant:
        return {"$ref": "#/$defs/instant"}
    if annotation is Garbage:
        return {"$ref": "#/$defs/garbage"}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {Union, UnionType}:
        given = [one for one in arguments if one is not NoneType]
        return _of_type(given[0])  # what is None is left out
    if origin is tuple:
        return {"type": "array", "items": _of_type(arguments[0])}
    return {"type": _NAMES[origin or annotation]}


def _summary(cls: type[Any]) -> str:
    return (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")
