r"""The lines of a recording that tell what concerns rules and is no part of a record.

::

    {"kind": "rules_change", "at": "…", "digest": "…", "text": "[[rule]]\n…", "sum": "…"}
    {"kind": "rules", "at": "…", "interaction": "…", "about": {"type": "timer", "name": "…",
     "owner": "…"}, "rules": {"memory": {…}, "trace": {…}, "actions": […]}, "sum": "…"}
    {"kind": "actions_done", "interaction": "…", "ids": ["…"], "sum": "…"}

All free text in them is redacted, that of a rules file included.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import cattrs
from cattrs.gen import make_dict_unstructure_fn

from hookflash.machines.conversion import at_path, encode_instant
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.lines import check_keys, dump_line, malformed, parse_line
from hookflash.machines.records import ActionsDone, Aside, RulesAsked, RulesChange
from hookflash.machines.redaction import redact
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.ruling import Ruling, without_secrets

RULES_CHANGE_KIND: Final = "rules_change"
"""What the line says that stands where other rules begin to count."""

RULES_KIND: Final = "rules"
"""What the line says that tells what rules decided beside any step."""

DONE_KIND: Final = "actions_done"
"""What the line says that tells which actions were carried out."""

ASIDE_KINDS: Final = frozenset({RULES_CHANGE_KIND, RULES_KIND, DONE_KIND})


def encode_aside(aside: Aside) -> bytes:
    """Return the line of *aside*, newline included.

    Raises:
        MalformedRecord: It cannot be written, or is longer than a line may be.
    """
    match aside:
        case RulesChange():
            document: dict[str, Any] = {
                "kind": RULES_CHANGE_KIND,
                "at": encode_instant(aside.at),
                "digest": aside.digest,
                "text": redact(aside.text),
            }
        case RulesAsked():
            document = {
                "kind": RULES_KIND,
                "at": encode_instant(aside.at),
                "interaction": aside.interaction_id,
                "about": _about(aside.about),
                "rules": aside.ruling.to_json(),
            }
        case ActionsDone():
            document = {
                "kind": DONE_KIND,
                "interaction": aside.interaction_id,
                "ids": list(aside.ids),
            }
    return dump_line(document, "what rules decided")


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
    cls = _ABOUT.get(about.pop("type", None))
    if cls is None:
        at_path("$.about.type", f"expected one of {', '.join(map(repr, _ABOUT))}")
    told = _made("$.about", lambda: _CONVERTER.structure({**about, "at": at}, cls))
    ruling = _made("$.rules", lambda: Ruling.from_json(raw["rules"]))
    return RulesAsked(at, _text(raw, "interaction"), told, ruling)


def _actions_done(raw: dict[str, Any]) -> ActionsDone:
    check_keys(raw, {"kind", "interaction", "ids"})
    ids: Any = raw["ids"]
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        at_path("$.ids", "expected a list of texts")
    return ActionsDone(_text(raw, "interaction"), tuple(cast("list[str]", ids)))


_READERS: dict[str, Callable[[dict[str, Any]], Aside]] = {
    RULES_CHANGE_KIND: _rules_change,
    RULES_KIND: _rules_asked,
    DONE_KIND: _actions_done,
}
_ABOUT: dict[Any, type[RuleEvent | RuleTimerFired]] = {"event": RuleEvent, "timer": RuleTimerFired}


def _about(about: RuleEvent | RuleTimerFired) -> dict[str, Any]:
    kind = "event" if isinstance(about, RuleEvent) else "timer"
    fields: dict[str, Any] = without_secrets(_CONVERTER.unstructure(about))
    del fields["at"]
    return {"type": kind, **fields}


def _instant(raw: dict[str, Any]) -> Instant:
    return _made("$.at", lambda: from_text(raw["at"]))


def _text(raw: dict[str, Any], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str):
        at_path(f"$.{key}", "expected text")
    return value


_T = TypeVar("_T")


def _made(path: str, make: Callable[[], _T]) -> _T:
    """Return what *make* makes of a part of a line; what is wrong with it is said with its path."""
    try:
        return make()
    except MalformedRecord as error:
        at_path(path, error.message)
    except Exception:  # noqa: BLE001 - what the converter raises depends on what is wrong
        at_path(path, "has not the fields that it must have")


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for cls in (RuleEvent, RuleTimerFired):
        converter.register_unstructure_hook(
            cls, make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True)
        )

    def _same(value: Any, cls: type) -> Any:  # noqa: ANN401 - what JSON held
        if value.__class__ is not cls:
            raise TypeError(f"expected {cls.__name__}")
        return value

    converter.register_structure_hook(str, _same)
    return converter


_CONVERTER = _make_converter()
