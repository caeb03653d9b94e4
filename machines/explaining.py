"""What is wrong with a record, and where in it: it is read again, slowly, to find that out."""

from collections.abc import Mapping
from typing import Any, cast

from attrs import frozen

from hookflash.machines.conversion import at_path, explain, make_converter
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.lines import check_keys, check_seq, check_spec, malformed, parse_line
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.spec import Spec

RECORD_KEYS = frozenset({"seq", "at", "interaction", "event", "from", "to", "effects"})
"""What every record has, in every format."""

FURTHER_KEYS = frozenset({"begins", "spec", "rules"})
"""What a record may have beside these, since format 2."""

_DETAILED = make_converter(detailed=True)


@frozen
class RecordDoctor:
    """Finds what is wrong with the records of one machine.

    Attributes:
        spec: The machine's definition.
        events: Its event classes by tag.
        effects: The classes of its effects by tag.
        format: The format of the records.
    """

    spec: Spec
    events: Mapping[str, type]
    effects: Mapping[str, type]
    format: int

    def explain(self, line: bytes | str, place: str) -> MalformedRecord:
        """Return the error that says what is wrong with *line*, and where in it.

        Args:
            line: A line that is no record of this machine.
            place: Where it stands, for messages.
        """
        try:
            raw = parse_line(line)
            check_keys(raw, RECORD_KEYS, FURTHER_KEYS if self.format > 1 else frozenset())
            check_seq(raw["seq"])
            for name in ("interaction", "from", "to", "at"):
                if not isinstance(raw[name], str):
                    at_path(f"$.{name}", "expected text")
            if raw.get("begins", True) is not True:
                at_path("$.begins", "expected true; it is left out where it is not so")
            check_spec(raw, self.spec.digest)
            if "rules" in raw:
                _check_rules(raw["rules"])
            event = raw["event"]
            if isinstance(event, dict) and "at" in event:
                at_path("$.event", "unknown key 'at'; it stands in the line itself")
            self._check_tagged(event, self.events, "$.event", at=raw["at"])
            effects: Any = raw["effects"]
            if effects.__class__ is not list:
                at_path("$.effects", "expected a list")
            for index, effect in enumerate(effects):
                self._check_tagged(effect, self.effects, f"$.effects[{index}]")
        except ValueError as error:
            return malformed(place, str(error))
        return malformed(place, "not a record of this machine")

    def _check_tagged(
        self,
        value: Any,  # noqa: ANN401 - whatever the line held
        classes: Mapping[str, type],
        path: str,
        **known: str,
    ) -> None:
        if not isinstance(value, dict):
            at_path(path, "expected an object")
        fields = cast("dict[str, Any]", value) | known
        tag = fields.pop("type", None)
        if not isinstance(tag, str):
            at_path(path, "`type` is missing or no text")
        if tag not in classes:
            at_path(f"{path}.type", f"unknown type {tag[:64]!r} for machine {self.spec.name!r}")
        explain(_DETAILED, fields, classes[tag], path)


def _check_rules(written: object) -> None:
    try:
        Ruling.from_json(written, "$.rules")
    except MalformedRecord as error:
        raise ValueError(error.message) from error
