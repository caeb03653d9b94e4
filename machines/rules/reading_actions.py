"""Reads what rules do."""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, cast, get_args

from hookflash.machines.redaction import redact
from hookflash.machines.rules.actions import STATE_ACTIONS, ActionName
from hookflash.machines.rules.rule import ActionSpec
from hookflash.machines.rules.tables import Table, kind_of
from hookflash.machines.rules.templates import read_template
from hookflash.machines.rules.vocabulary import Names
from hookflash.machines.spec_text import nearest

ACTIONS_MAX = 10
"""Actions of one rule."""

ARGUMENTS_MAX = 20
"""Arguments of one `call`."""

_PRIORITY_MAX = 9
_NAME_MAX = 64
_MEDIA_MAX = 256
_REDACTED = "use letters, or less than seven digits"
_ARGUMENT_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_ACTION_NAMES: tuple[str, ...] = get_args(ActionName)


def read_actions(rule: Table, names: Names) -> tuple[ActionSpec, ...]:
    """Read the actions of a rule; what is wrong with them is noted."""
    rule.missing("actions", "such as actions = [ { action = 'annotate', text = '…' } ]")
    tables = rule.tables("actions")
    if rule.has("actions") and not tables and rule.values.get("actions") == []:
        rule.wrong(
            "actions", "is empty", "a rule does something; to switch it off: enabled = false"
        )
    if len(tables) > ACTIONS_MAX:
        rule.wrong("actions", f"has more than {ACTIONS_MAX} actions", "write a second rule")
        return ()
    specs: list[ActionSpec] = []
    for table in tables:
        spec = _action(table, names)
        if spec is not None:
            _contradiction(table, spec, specs)
            specs.append(spec)
    return tuple(specs)


def _contradiction(table: Table, spec: ActionSpec, earlier: list[ActionSpec]) -> None:
    if spec.name not in STATE_ACTIONS:
        return
    other = next((one for one in earlier if one.name in STATE_ACTIONS), None)
    if other is not None:
        table.wrong(
            "action",
            f"{spec.name!r} contradicts {other.name!r} before it",
            "a rule changes the interaction once; write a second rule for what follows",
        )


def _action(table: Table, names: Names) -> ActionSpec | None:
    before = len(table.problems.found)
    if not table.has("action"):
        given = [key for key in table.values if key in _ACTION_NAMES]
        advice = f"write action = {given[0]!r}" if given else f"known: {', '.join(_ACTION_NAMES)}"
        table.wrong(None, "an action needs the key 'action'", advice)
        return None
    name = table.one_of("action", _ACTION_NAMES)
    if name is None:
        return None
    settings = _READERS[name](table, names)
    table.unknown_keys()
    if len(table.problems.found) > before:
        return None
    spot = table.problems.positions.of(table.path)
    return ActionSpec(cast("ActionName", name), settings, 0 if spot is None else spot.line)


def _hold(table: Table, names: Names) -> dict[str, Any]:
    table.missing("reason", "such as reason = 'consultation'")
    reason = table.text("reason", length_max=_NAME_MAX)
    if reason is not None and names.reasons is not None and reason not in names.reasons:
        near = nearest(reason, sorted(names.reasons)).lstrip("; ")
        table.wrong("reason", f"the policy allows no reason {reason!r}", near)
    return {
        "reason": reason,
        "priority": _priority(table),
        "music": table.text("music", length_max=_MEDIA_MAX),
        "prompt": table.text("prompt", length_max=_MEDIA_MAX),
    }


def _priority(table: Table) -> int:
    priority = table.whole("priority", 0, _PRIORITY_MAX)
    return 5 if priority is None else priority


def _unhold(table: Table, _: Names) -> dict[str, Any]:
    return {"priority": _priority(table), "force": table.flag("force", default=False)}


def _expire(_: Table, __: Names) -> dict[str, Any]:
    return {}


def _extend_limit(table: Table, names: Names) -> dict[str, Any]:
    table.missing("by", "such as by = '5m'")
    by_us = table.duration("by")
    up_to_us = table.duration("up_to")
    max_us = round(names.limit_max_s * 1_000_000)
    if by_us is not None and by_us > max_us:
        advice = f"the longest limit is {names.limit_max_s:g} s"
        table.wrong("by", "is longer than any limit may be", advice)
    if up_to_us is not None and up_to_us > max_us:
        advice = f"the longest limit is {names.limit_max_s:g} s"
        table.wrong("up_to", "is longer than any limit may be", advice)
    return {"by_us": by_us, "up_to_us": min(up_to_us or max_us, max_us)}


def _notify(table: Table, names: Names) -> dict[str, Any]:
    table.missing("to", "the name of a monitor or webhook")
    table.missing("message", "such as message = 'on hold for {hold.elapsed_s:duration}'")
    to = _known_again(table, "to")
    if to is not None and names.monitors is not None and to not in names.monitors:
        near = nearest(to, sorted(names.monitors)).lstrip("; ")
        table.wrong("to", f"no monitor is called {to!r}", near if names.monitors else "add one")
    return {"to": to, "message": table.template("message")}


def _known_again(table: Table, key: str) -> str | None:
    """Return a name that the next run must find in the journal as it is."""
    name = table.text(key, length_max=_NAME_MAX)
    if name is not None and redact(name) != name:
        table.wrong(key, "looks like a telephone number, which no journal holds", _REDACTED)
        return None
    return name


def _annotate(table: Table, _: Names) -> dict[str, Any]:
    table.missing("text", "such as text = 'held {interaction.holds} times'")
    return {"text": table.template("text")}


def _call(table: Table, names: Names) -> dict[str, Any]:
    table.missing("function", "the name of a function that the program registered")
    function = _known_again(table, "function")
    if function is not None and names.functions is not None and function not in names.functions:
        near = nearest(function, sorted(names.functions)).lstrip("; ")
        advice = near if names.functions else "the program registers none"
        table.wrong("function", f"no function is called {function!r}", advice)
    arguments = table.table("arguments")
    return {"function": function, "arguments": [] if arguments is None else _arguments(arguments)}


def _arguments(table: Table) -> list[tuple[str, Any]]:
    read: list[tuple[str, Any]] = []
    if len(table.values) > ARGUMENTS_MAX:
        table.wrong(None, f"has more than {ARGUMENTS_MAX} arguments")
    for name, value in table.values.items():
        if not _ARGUMENT_NAME.fullmatch(name):
            advice = "small letters, digits and '_'"
            table.wrong(name, "is no name of an argument", advice, on_key=True)
        elif isinstance(value, str):
            template, faults = read_template(value)
            for fault in faults:
                table.fault(name, fault)
            read.append((name, template))
        elif isinstance(value, float) and not isfinite(value):
            table.wrong(name, "is no number that a file of ours can hold", "write a finite one")
        elif isinstance(value, bool | int | float):
            read.append((name, value))
        else:
            table.wrong(name, f"must be a text, a number or true or false, not {kind_of(value)}")
    return read


_READERS: dict[str, Callable[[Table, Names], dict[str, Any]]] = {
    "hold": _hold,
    "unhold": _unhold,
    "expire": _expire,
    "extend_limit": _extend_limit,
    "notify": _notify,
    "annotate": _annotate,
    "call": _call,
}
