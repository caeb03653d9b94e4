r"""The lines of a recording that tell what concerns rules and is no part of a record.

::

    {"kind": "rules_change", "at": "…", "digest": "…", "text": "[[rule]]\n…", "sum": "…"}
    {"kind": "rules", "at": "…", "interaction": "…", "about": {"type": "timer", "name": "…",
     "owner": "…"}, "rules": {"memory": {…}, "trace": {…}, "actions": […]}, "sum": "…"}
    {"kind": "actions_done", "interaction": "…", "ids": ["…"], "sum": "…"}

All free text in them is redacted, that of a rules file included.
"""

from collections.abc import Callable
from typing import Any, Final, cast

import orjson

from hookflash.machines.conversion import at_path, decode_instant, encode_instant
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.instants import Instant
from hookflash.machines.lines import LINE_BYTES_MAX, check_keys, dump_line, malformed, parse_line
from hookflash.machines.records import ActionsDone, Aside, RulesAsked, RulesChange
from hookflash.machines.redaction import redact
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.rules.written import as_journaled, as_read

RULES_CHANGE_KIND: Final = "rules_change"
"""What the line says that stands where other rules begin to count."""

RULES_KIND: Final = "rules"
"""What the line says that tells what rules decided beside any step."""

DONE_KIND: Final = "actions_done"
"""What the line says that tells which actions were carried out."""

_TEXT_BYTES_MAX: Final = LINE_BYTES_MAX - 1024
"""Bytes of a rules file's text in its line; of one that is longer there is the digest only."""

ASIDE_KINDS: Final = frozenset({RULES_CHANGE_KIND, RULES_KIND, DONE_KIND})


def encode_aside(aside: Aside) -> bytes:
    """Return the line of *aside*, newline included.

    Raises:
        MalformedRecord: It cannot be written, or is longer than a line may be.
    """
    match aside:
        case RulesChange():
            document = _change(aside, redact(aside.text))
            if len(orjson.dumps(document["text"])) > _TEXT_BYTES_MAX:
                document = _change(aside, "")
        case RulesAsked():
            document = {
                "kind": RULES_KIND,
                "at": encode_instant(aside.at),
                "interaction": aside.interaction_id,
                "about": _about(aside.about),
                "rules": aside.ruling.to_json(),
            }
        case ActionsDone():  # pragma: no branch - there is no other
            document = {
                "kind": DONE_KIND,
                "interaction": aside.interaction_id,
                "ids": list(aside.ids),
            }
    return dump_line(document, "what rules decided")


def _change(aside: RulesChange, text: str) -> dict[str, Any]:
    at = encode_instant(aside.at)
    return {"kind": RULES_CHANGE_KIND, "at": at, "digest": aside.digest, "text": text}


def decode_aside(line: bytes | str, kind: str, place: str) -> Aside:
    """Return what *line* tells.

    Args:
        line: The line.
        kind: One of `ASIDE_KINDS`.
        place: Where it stands, for messages.

    Raises:
        MalformedRecord: It tells no such thing, or was changed.
    """
    try:
        raw = parse_line(line)
        if raw.get("kind") != kind:
            at_path("$.kind", f"expected {kind!r}")
        return _READERS[kind](raw)
    except ValueError as error:
        raise malformed(place, str(error)) from error


def decode_rules_change(line: bytes | str, place: str) -> RulesChange:
    """Return the change of rules of *line*.

    Raises:
        MalformedRecord: It is none, or was changed.
    """
    found = decode_aside(line, RULES_CHANGE_KIND, place)
    assert isinstance(found, RulesChange), "the kind says so"  # noqa: S101
    return found


def _rules_change(raw: dict[str, Any]) -> RulesChange:
    check_keys(raw, {"kind", "at", "digest", "text"})
    return RulesChange(_instant(raw), _text(raw, "digest"), _text(raw, "text"))


def _rules_asked(raw: dict[str, Any]) -> RulesAsked:
    check_keys(raw, {"kind", "at", "interaction", "about", "rules"})
    at = _instant(raw)
    fields = raw["about"]
    if not isinstance(fields, dict):
        at_path("$.about", "expected an object")
    about = dict(cast("dict[str, Any]", fields))
    kind = about.pop("type", None)
    if not isinstance(kind, str) or kind not in _ABOUT:
        at_path("$.about.type", f"expected one of {', '.join(map(repr, _ABOUT))}")
    if "at" in about:
        at_path("$.about", "unknown key 'at'; it stands in the line itself")
    try:
        told = as_read(_ABOUT[kind], {**about, "at": raw["at"]}, "$.about", "event of rules")
        ruling = Ruling.from_json(raw["rules"], "$.rules")
    except MalformedRecord as error:
        raise ValueError(error.message) from error
    return RulesAsked(at, _text(raw, "interaction"), told, ruling)


def _actions_done(raw: dict[str, Any]) -> ActionsDone:
    check_keys(raw, {"kind", "interaction", "ids"})
    ids: Any = raw["ids"]
    if not isinstance(ids, list):
        at_path("$.ids", "expected a list")
    listed: list[Any] = ids  # pyright: ignore[reportUnknownVariableType] - JSON
    for index, one in enumerate(listed):
        if not isinstance(one, str):
            at_path(f"$.ids[{index}]", "expected text")
    return ActionsDone(_text(raw, "interaction"), tuple(listed))


_READERS: dict[str, Callable[[dict[str, Any]], Aside]] = {
    RULES_CHANGE_KIND: _rules_change,
    RULES_KIND: _rules_asked,
    DONE_KIND: _actions_done,
}
_ABOUT: dict[str, type[RuleEvent | RuleTimerFired]] = {"event": RuleEvent, "timer": RuleTimerFired}


def _about(about: RuleEvent | RuleTimerFired) -> dict[str, Any]:
    kind = "event" if isinstance(about, RuleEvent) else "timer"
    fields: dict[str, Any] = as_journaled(about)
    del fields["at"]
    return {"type": kind, **fields}


def _instant(raw: dict[str, Any]) -> Instant:
    try:
        return decode_instant(raw["at"])
    except (TypeError, ValueError) as error:
        at_path("$.at", str(error))


def _text(raw: dict[str, Any], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str):
        at_path(f"$.{key}", "expected text")
    return value
