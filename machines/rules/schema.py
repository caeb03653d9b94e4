"""The JSON Schema of rules files, made of the same names that reading them takes.

`specs/rules.schema.json` is `schema_text(names)`; a test fails when it is stale. Editors that know
JSON Schema complete keys and names with it. What a schema cannot say (conditions, placeholders,
rules that do not go together) is checked when the file is loaded.
"""

import json
from typing import Any

from hookflash.machines.rules.calendar import WEEKDAYS
from hookflash.machines.rules.reading import DESCRIPTION_MAX, RULES_MAX
from hookflash.machines.rules.reading_actions import ACTIONS_MAX, ARGUMENTS_MAX
from hookflash.machines.rules.reading_triggers import COUNT_MAX
from hookflash.machines.rules.vocabulary import ALARMS, COMMANDS, NOTICES, OUTCOMES, Names

Schema = dict[str, Any]

_DURATION = r"^(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+ms)?$"
_SHARE = r"^\d{1,3}(\.\d+)?\s?%$"
_TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
_SPAN = r"^([01]\d|2[0-3]):[0-5]\d\s?-\s?(([01]\d|2[0-3]):[0-5]\d|24:00)$"


def rules_schema(names: Names) -> Schema:
    """Return the schema of a rules file, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of hookflash",
        "description": "What should happen around holds.",
        **_object(
            {
                "rule": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": RULES_MAX,
                    "items": _ref("rule"),
                },
                "calendar": _ref("calendar"),
                "events": {
                    "type": "object",
                    "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
                    "additionalProperties": {"type": "string", "minLength": 1},
                    "description": "Events that only the embedding program knows.",
                },
            },
            ["rule"],
        ),
        "$defs": {
            "duration": {
                "type": "string",
                "minLength": 2,
                "pattern": _DURATION,
                "description": "Numbers with units, the largest first: 90s, 5m, 1h30m.",
            },
            "rule": _rule(),
            "pattern": _pattern(names),
            "trigger": _trigger(names),
            "window": _window(names),
            "action": {"oneOf": [_ref(f"action.{name}") for name in _actions()]},
            **{f"action.{name}": schema for name, schema in _actions().items()},
            "calendar": _calendar(),
        },
    }


def schema_text(names: Names) -> str:
    """Return the schema as the file has it."""
    return json.dumps(rules_schema(names), indent=2, ensure_ascii=False) + "\n"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: Schema, required: list[str], **more: Any) -> Schema:  # noqa: ANN401 - any keyword
    return {
        **more,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _text(length: int, description: str) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": length, "description": description}


def _words(known: tuple[str, ...] | None, description: str) -> Schema:
    one: Schema = {"type": "string"} if known is None else {"enum": list(known)}
    many = {"type": "array", "minItems": 1, "items": one}
    return {"anyOf": [one, many], "description": description}


def _rule() -> Schema:
    windows = {"anyOf": [_ref("window"), {"type": "array", "items": _ref("window")}]}
    return _object(
        {
            "name": {
                "type": "string",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
                "description": "Unique in the file; actors, traces and audit lines name it.",
            },
            "description": _text(DESCRIPTION_MAX, "What it is for."),
            "trigger": _ref("trigger"),
            "for": {
                "anyOf": [
                    _ref("duration"),
                    {"type": "string", "pattern": r"^\d{1,3}(\.\d+)?\s?%$"},
                ],
                "description": "The entered state lasts so long, or this share of the limit.",
            },
            "within": {**windows, "description": "It happened in the last …"},
            "not_within": {**windows, "description": "It did not, or does not in the next …"},
            "count": {**windows, "description": "It happened so often in the last …"},
            "once_within": {**_ref("duration"), "description": "Acts at most once in so long."},
            "condition": _text(1000, "A CEL expression that must be true."),
            "actions": {
                "type": "array",
                "minItems": 1,
                "maxItems": ACTIONS_MAX,
                "items": _ref("action"),
            },
            "mode": {
                "enum": ["single", "restart", "queued"],
                "default": "single",
                "description": "What becomes of a trigger while the rule is busy.",
            },
            "enabled": {"type": "boolean", "default": True},
            "shadow": {
                "type": "boolean",
                "default": False,
                "description": "Evaluates and records, but does nothing.",
            },
        },
        ["name", "trigger", "actions"],
    )


def _parts(names: Names) -> Schema:
    states = tuple(names.machine.states)
    return {
        "to": _words(states, "The state that is entered."),
        "from": _words(states, "The state that is left."),
        "event": _words(None, "The event: of the machine, or of [events]."),
        "outcome": _words(OUTCOMES, "The outcome of the command that ended."),
        "action": _words(COMMANDS, "What that command, or somebody else, did."),
        "notice": _words(NOTICES, "The hold nears its limit, or a watched one passed it."),
        "alarm": _words(ALARMS, "The alarm that was raised."),
        "actor": _words(None, "Who caused it: caller, limit, foreign, rule:NAME."),
    }


def _pattern(names: Names) -> Schema:
    needed = [{"required": [key]} for key in ("to", "from", "event", "outcome", "notice", "alarm")]
    return _object(_parts(names), [], anyOf=needed)


def _trigger(names: Names) -> Schema:
    states = _words(tuple(names.machine.states), "The states in which it counts.")
    times = {"type": "string", "pattern": _TIME}
    schedule = _object(
        {
            "schedule": {"anyOf": [times, {"type": "array", "minItems": 1, "items": times}]},
            "days": _words(WEEKDAYS, "The days on which it counts."),
            "timezone": {"type": "string", "description": "Its IANA name."},
            "state": states,
        },
        ["schedule"],
    )
    every = _object({"every": _ref("duration"), "state": states}, ["every"])
    return {"anyOf": [_ref("pattern"), schedule, every]}


def _window(names: Names) -> Schema:
    return _object(
        {
            **_parts(names),
            "last": {**_ref("duration"), "description": "The time before the trigger."},
            "next": {**_ref("duration"), "description": "The time after it; not_within only."},
            "at_least": {"type": "integer", "minimum": 1, "maximum": COUNT_MAX},
        },
        [],
    )


def _actions() -> dict[str, Schema]:
    priority = {"type": "integer", "minimum": 0, "maximum": 9, "default": 5}
    message = _text(1000, "Placeholders such as {hold.elapsed_s:duration} are filled in.")
    argument = {"type": ["string", "integer", "number", "boolean"]}
    parts: dict[str, tuple[Schema, list[str]]] = {
        "hold": (
            {
                "reason": _text(64, "The hold reason."),
                "priority": priority,
                "music": _text(256, "Hold music."),
                "prompt": _text(256, "Hold prompt."),
            },
            ["reason"],
        ),
        "unhold": (
            {"priority": priority, "force": {"type": "boolean", "default": False}},
            [],
        ),
        "expire": ({}, []),
        "extend_limit": ({"by": _ref("duration"), "up_to": _ref("duration")}, ["by"]),
        "notify": (
            {"to": _text(64, "A monitor or webhook."), "message": message},
            ["to", "message"],
        ),
        "annotate": ({"text": message}, ["text"]),
        "call": (
            {
                "function": _text(64, "A function that the program registered."),
                "arguments": {
                    "type": "object",
                    "maxProperties": ARGUMENTS_MAX,
                    "additionalProperties": argument,
                },
            },
            ["function"],
        ),
    }
    return {
        name: _object({"action": {"const": name}, **properties}, ["action", *required])
        for name, (properties, required) in parts.items()
    }


def _calendar() -> Schema:
    span = {"type": "string", "pattern": _SPAN}
    day = {"anyOf": [span, {"type": "array", "items": span}]}
    return _object(
        {
            "timezone": {"type": "string", "default": "UTC", "description": "Its IANA name."},
            "hours": _object(dict.fromkeys(WEEKDAYS, day), [], description="Opening hours."),
            "holidays": {"type": "array", "description": "Dates without quotes: [2026-12-25]."},
        },
        [],
    )
