"""The JSON Schema of a machine's recordings, made of the very classes that are recorded.

`specs/recording.schema.json` is `schema_text(load_machine("hold"))`; a test fails when it is stale.
"""

import inspect
import json
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from hookflash.machines.codec import tag_of
from hookflash.machines.errors import SpecError
from hookflash.machines.headers import DEFINITION_KIND, KIND, POLICY_KIND, TOLD_KIND
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Pending, Timer
from hookflash.machines.lines import SEQ_MAX
from hookflash.machines.machine import Machine
from hookflash.machines.records import FORMAT
from hookflash.machines.states import STATE_KIND

_NAMES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
}
_LINES = (
    "header",
    "record",
    "interaction_state",
    "policy_change",
    "definition_change",
    "told",
)
_INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"


def recording_schema(machine: Machine[Any, Any]) -> dict[str, Any]:
    """Return the schema of one line of a recording of *machine*, draft 2020-12.

    Fields that are left out where they are None are not required; all others are.

    Raises:
        SpecError: A field's annotation has no counterpart in JSON.
    """
    policy: Any = machine.policy.__class__
    data: Any = machine.implementation.data().__class__
    definitions: dict[str, Any] = {
        "instant": {
            "type": "string",
            "pattern": _INSTANT,
            "description": "ISO 8601, UTC, microseconds.",
        }
    }
    schemas = _Schemas(machine, definitions)
    implementation = machine.implementation
    events = {name: implementation.events[name] for name in machine.spec.events}
    effects = {tag_of(cls): cls for cls in implementation.produces}
    for tag, cls in events.items():
        definitions[f"event.{tag}"] = schemas.of_class(cls, tag, without="at")
    for tag, cls in effects.items():
        definitions[f"effect.{tag}"] = schemas.of_class(cls, tag)
    definitions["policy"] = schemas.of_class(policy)
    definitions["data"] = schemas.of_class(data)
    definitions["pending"] = schemas.of_class(Pending)
    definitions["timer"] = schemas.of_class(Timer)
    definitions |= _lines(list(events), list(effects), machine)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of a recording of the machine `{machine.name}`",
        "description": f"Format {FORMAT}. The first line is a header, and no other one is.",
        "oneOf": [_ref(name) for name in _LINES],
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text(machine: Machine[Any, Any]) -> str:
    """Return the schema as the file has it."""
    return json.dumps(recording_schema(machine), indent=2, ensure_ascii=False) + "\n"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: dict[str, Any], required: list[str], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any keyword
    return {
        **more,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_SEQ = {"type": "integer", "minimum": 0, "maximum": SEQ_MAX}
_SPEC = {**_HASH, "description": "The definition, where it is not the one named last."}
_SUM = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}$",
    "description": "CRC-32 of all bytes of the line before the comma that this key follows."
    " Always the last key. May be left out.",
}


def _line(properties: dict[str, Any], description: str, **optional: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema
    """Return the schema of a line, with its checksum and what else may be left out."""
    both = {**properties, **optional, "sum": _SUM}
    return _object(both, list(properties), description=description)


def _lines(events: list[str], effects: list[str], machine: Machine[Any, Any]) -> dict[str, Any]:
    states = {"enum": list(machine.spec.states)}
    text = {"type": "string"}
    definition = {"type": "string", "description": "Its text, TOML."}
    header = {
        "format": {"const": FORMAT},
        "kind": {"const": KIND},
        "machine": text,
        "spec_hash": _HASH,
        "policy": _ref("policy"),
        "gateway": {"type": "string", "description": "Host and port."},
        "created": _ref("instant"),
        "first_seq": {**_SEQ, "description": "The number of the first record."},
        "definition": definition,
    }
    record = {
        "seq": {**_SEQ, "description": "Rises by one."},
        "at": {**_ref("instant"), "description": "The event's `at`."},
        "interaction": text,
        "event": {"oneOf": [_ref(f"event.{tag}") for tag in events]},
        "from": states,
        "to": states,
        "effects": {
            "type": "array",
            "items": {"oneOf": [_ref(f"effect.{tag}") for tag in effects]},
        },
    }
    begins = {"const": True, "description": "What an earlier part says of it counts no longer."}
    interaction = _object(
        {
            "id": text,
            "state": states,
            "data": _ref("data"),
            "pending": _ref("pending"),
            "timers": {"type": "array", "items": _ref("timer")},
        },
        ["id", "state", "data", "timers"],
    )
    state = {
        "kind": {"const": STATE_KIND},
        "seq": {**_SEQ, "description": "The number of its last record."},
        "interaction": interaction,
    }
    policy = {"kind": {"const": POLICY_KIND}, "at": _ref("instant"), "policy": _ref("policy")}
    change = {
        "kind": {"const": DEFINITION_KIND},
        "at": _ref("instant"),
        "spec_hash": _HASH,
        "policy": _ref("policy"),
        "definition": definition,
    }
    told = {
        "kind": {"const": TOLD_KIND},
        "through": {**_SEQ, "description": "Monitors were told for all records up to this one."},
    }
    return {
        "header": _line(header, "The first line."),
        "record": _line(record, "One step.", begins=begins, spec=_SPEC),
        "interaction_state": _line(state, "How an interaction stands.", spec=_SPEC),
        "policy_change": _line(policy, "From here on another policy counts."),
        "definition_change": _line(change, "From here on another definition counts."),
        "told": _line(told, "How far the monitors were told."),
    }


class _Schemas:
    """Makes schemas of classes and annotations; classes within others become definitions."""

    def __init__(self, machine: Machine[Any, Any], definitions: dict[str, Any]) -> None:
        self._machine = machine
        self._definitions = definitions

    def of_class(self, cls: type, tag: str | None = None, *, without: str = "") -> dict[str, Any]:
        properties: dict[str, Any] = {} if tag is None else {"type": {"const": tag}}
        required = list(properties)
        attrs.resolve_types(cls)
        for field in attrs.fields(cls):
            if field.name == without:
                continue
            left_out = field.default is None
            properties[field.name] = self._of(field.type, cls, null=not left_out)
            if not left_out:
                required.append(field.name)
        doc = (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")
        return _object(properties, required, description=doc)

    def _of(self, hint: Any, cls: type, *, null: bool = True) -> dict[str, Any]:  # noqa: ANN401 - any annotation
        if hint is Instant:
            return _ref("instant")
        if isinstance(hint, type) and hint in _NAMES:
            return {"type": _NAMES[hint]}
        origin, args = get_origin(hint), get_args(hint)
        if origin is Literal:
            return {"enum": list(args)}
        if origin in {Union, UnionType}:
            members = [self._of(one, cls) for one in args if null or one is not NoneType]
            return members[0] if len(members) == 1 else {"anyOf": members}
        if origin in {tuple, list} and args:
            return {"type": "array", "items": self._of(args[0], cls)}
        if isinstance(hint, type) and attrs.has(hint):
            self._definitions[tag_of(hint)] = self.of_class(hint)
            return _ref(tag_of(hint))
        place = f"{self._machine.spec.place}: {cls.__qualname__}"
        raise SpecError(f"{place}: the annotation {hint!r} has no counterpart in JSON", place=place)
