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
from hookflash.machines.rule_lines import DONE_KIND, RULES_CHANGE_KIND, RULES_KIND
from hookflash.machines.rules.actions import ACTIONS, CallAction
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.memory import RuleMemory
from hookflash.machines.rules.trace import Trace
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
    "rules_change",
    "rules",
    "actions_done",
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
    definitions |= _of_rules(_Schemas(machine, definitions, sparse=True))
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
    rules = {**_ref("ruling"), "description": "What rules decided about it, if they were asked."}
    begins = {"const": True, "description": "What an earlier part says of it counts no longer."}
    interaction = _object(
        {
            "id": text,
            "state": states,
            "data": _ref("data"),
            "pending": _ref("pending"),
            "timers": {"type": "array", "items": _ref("timer")},
            "rules": _ref("rule_state"),
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
        "record": _line(record, "One step.", begins=begins, spec=_SPEC, rules=rules),
        "interaction_state": _line(state, "How an interaction stands.", spec=_SPEC),
        "policy_change": _line(policy, "From here on another policy counts."),
        "definition_change": _line(change, "From here on another definition counts."),
        "told": _line(told, "How far the monitors were told."),
    }


def _of_rules(schemas: "_Schemas") -> dict[str, Any]:
    """Return the schemas of what concerns rules: three lines, and what records and states hold."""
    text = {"type": "string"}
    actions: dict[str, Any] = {}
    for cls in ACTIONS:
        action = schemas.of_class(cls)
        fields = {"id": text, "action": {"const": cls.name}, **action["properties"]}
        if cls is CallAction:
            scalar = {"type": ["string", "integer", "number", "boolean"]}
            fields["arguments"] = {"type": "object", "additionalProperties": scalar}
        required = ["id", "action", *action["required"]]
        actions[f"action.{cls.name}"] = _object(fields, required, description=action["description"])
    memory, trace = schemas.of_class(RuleMemory), schemas.of_class(Trace)
    planned = {"type": "array", "items": {"oneOf": [_ref(name) for name in actions]}}
    about = {
        "oneOf": [
            _object({"type": {"const": kind}, **properties}, ["type", *required])
            for kind, cls in (("event", RuleEvent), ("timer", RuleTimerFired))
            for properties, required in [schemas.without_instant(cls)]
        ]
    }
    ruling = {
        "memory": _ref("rule_memory"),
        "trace": _ref("trace"),
        "actions": {**planned, "description": "What is to be done, in order."},
        "org": {**text, "description": "The organisation that the rules were told."},
        "alarm": {**text, "description": "What somebody must look at."},
        "rare": {"const": True, "description": "Its trace is worth keeping longer."},
    }
    state = {
        "memory": _ref("rule_memory"),
        "open": {**planned, "description": "What is not known to have been carried out."},
        "under": {**_HASH, "description": "SHA-256 of the rules that it was last carried over to."},
        "org": {**text, "description": "The organisation that the rules were told last."},
    }
    change = {
        "kind": {"const": RULES_CHANGE_KIND},
        "at": _ref("instant"),
        "digest": {
            "type": "string",
            "pattern": "^([0-9a-f]{64})?$",
            "description": "SHA-256 of the file's text; empty where no rules count any more.",
        },
        "text": {**text, "description": "The file's text, redacted; empty if it is too long."},
    }
    asked = {
        "kind": {"const": RULES_KIND},
        "at": _ref("instant"),
        "interaction": text,
        "about": about,
        "rules": _ref("ruling"),
    }
    done = {
        "kind": {"const": DONE_KIND},
        "interaction": text,
        "ids": {"type": "array", "items": text},
    }
    return {
        **actions,
        "rule_memory": memory,
        "trace": trace,
        "ruling": _object(ruling, ["memory"], description="What rules decided about one event."),
        "rule_state": _object(state, ["memory"], description="What is kept for the rules."),
        "rules_change": _line(change, "From here on other rules count."),
        "rules": _line(asked, "What rules decided about what is no step of the machine."),
        "actions_done": _line(done, "Actions of rules were carried out."),
    }


class _Schemas:
    """Makes schemas of classes and annotations; classes within others become definitions.

    With *sparse* all fields that have defaults may be left out, not only those of None.
    """

    def __init__(
        self, machine: Machine[Any, Any], definitions: dict[str, Any], *, sparse: bool = False
    ) -> None:
        self._machine = machine
        self._definitions = definitions
        self._sparse = sparse

    def without_instant(self, cls: type) -> tuple[dict[str, Any], list[str]]:
        """Return properties of *cls* without `at`, which stands in the line; and those needed."""
        made = self.of_class(cls, without="at")
        return made["properties"], made["required"]

    def of_class(self, cls: type, tag: str | None = None, *, without: str = "") -> dict[str, Any]:
        properties: dict[str, Any] = {} if tag is None else {"type": {"const": tag}}
        required = list(properties)
        attrs.resolve_types(cls)
        for field in attrs.fields(cls):
            if field.name == without:
                continue
            none = field.default is None
            properties[field.name] = self._of(field.type, cls, null=not none)
            if not none and not (self._sparse and field.default is not attrs.NOTHING):
                required.append(field.name)
        doc = (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")
        return _object(properties, required, description=doc)

    def _of(self, hint: Any, cls: type, *, null: bool = True) -> dict[str, Any]:  # noqa: ANN401 - any annotation
        if hint is Instant or (isinstance(hint, type) and hint in _NAMES):
            return _ref("instant") if hint is Instant else {"type": _NAMES[hint]}
        origin, args = get_origin(hint), get_args(hint)
        if origin is Literal:
            return {"enum": list(args)}
        if origin in {Union, UnionType}:
            members = [self._of(one, cls) for one in args if null or one is not NoneType]
            return members[0] if len(members) == 1 else {"anyOf": members}
        if origin is tuple and args[1:] not in {(), (...,)}:
            places = [self._of(one, cls) for one in args]
            return {"type": "array", "prefixItems": places, "minItems": len(args), "items": False}
        if origin in {tuple, list} and args:
            return {"type": "array", "items": self._of(args[0], cls)}
        if isinstance(hint, type) and attrs.has(hint):
            self._definitions[tag_of(hint)] = self.of_class(hint)
            return _ref(tag_of(hint))
        place = f"{self._machine.spec.place}: {cls.__qualname__}"
        raise SpecError(f"{place}: the annotation {hint!r} has no counterpart in JSON", place=place)
