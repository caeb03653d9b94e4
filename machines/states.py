"""Lines that tell how an interaction stands: written and read for one machine.

::

    {"kind": "interaction", "seq": 7, "interaction": {"id": "…", "state": "held", "data": {…},
     "pending": {…}, "timers": [{…}], "rules": {"memory": {…}, "open": […]}}, "spec": "…",
     "sum": "1a2b3c4d"}

A part of a journal begins with one for each interaction that the engine knew, tens of thousands of
them, so they are read as fast as records are.
"""

from typing import Any, cast

from hookflash.machines.conversion import at_path, explain, make_converter
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.interaction import Interaction, Pending, Timer, make_interaction
from hookflash.machines.lines import (
    check_keys,
    check_seq,
    check_spec,
    dump_line,
    malformed,
    parse_line,
    unwritable,
)
from hookflash.machines.machine import Machine
from hookflash.machines.making import maker
from hookflash.machines.reading import reader_of
from hookflash.machines.records import InteractionState
from hookflash.machines.rules.ruling import RuleState

STATE_KIND = "interaction"
"""What the line says that tells how an interaction stands."""

_LINE_KEYS = frozenset({"kind", "seq", "interaction"})
_KEYS = frozenset({"id", "state", "data", "timers"})
_FURTHER_KEYS = frozenset({"pending", "rules"})

_make_state = maker(InteractionState)
_FAST = make_converter(detailed=False)
_DETAILED = make_converter(detailed=True)


class StateCodec:
    """Writes and reads the states of one machine's interactions. Immutable.

    Args:
        machine: The machine; its data is an attrs class.
    """

    def __init__(self, machine: Machine[Any, Any]) -> None:
        self._spec = machine.spec
        self._data_class: type = type(machine.implementation.data())
        self._write_data = _FAST.get_unstructure_hook(self._data_class)
        self._write_pending = _FAST.get_unstructure_hook(Pending)
        self._write_timer = _FAST.get_unstructure_hook(Timer)
        self._read_data = reader_of(self._data_class)
        self._read_pending = reader_of(Pending)
        self._read_timer = reader_of(Timer)

    def encode(self, state: InteractionState) -> bytes:
        """Return the line of *state*; see `RecordCodec.encode_state`."""
        interaction = state.interaction
        what = f"the state of an interaction at {state.seq}"
        try:
            written: dict[str, Any] = {
                "id": interaction.id,
                "state": interaction.state,
                "data": self._write_data(interaction.data),
            }
            if interaction.pending is not None:
                written["pending"] = self._write_pending(interaction.pending)
            written["timers"] = [self._write_timer(timer) for timer in interaction.timers]
            if interaction.rules is not None:
                written["rules"] = interaction.rules.to_json()
        except (KeyError, AttributeError, OverflowError, TypeError) as error:
            raise unwritable(what, error) from error
        document = {"kind": STATE_KIND, "seq": state.seq, "interaction": written}
        if state.spec_hash is not None:
            document["spec"] = state.spec_hash
        return dump_line(document, what)

    def decode(self, line: bytes | str, place: str) -> InteractionState:
        """Return the state of *line*; see `RecordCodec.decode_state`."""
        try:
            raw = parse_line(line)
            fields = raw["interaction"]
            pending = fields.get("pending")
            found: Interaction[Any] = make_interaction(
                fields["id"],
                fields["state"],
                self._read_data(fields["data"]),
                None if pending is None else self._read_pending(pending),
                tuple([self._read_timer(timer) for timer in fields["timers"]]),
                RuleState.from_json(fields["rules"]) if "rules" in fields else None,
            )
            self._check(raw, fields)
        except Exception as error:
            raise self._explain(line, place) from error
        return _make_state(raw["seq"], found, raw.get("spec"))

    def _check(self, raw: dict[str, Any], fields: dict[str, Any]) -> None:
        """See that all is in order that is no class of its own, and can be stepped."""
        if len(raw) != len(_LINE_KEYS) + ("spec" in raw):
            check_keys(raw, _LINE_KEYS, {"spec"})
        if raw["kind"] != STATE_KIND:
            at_path("$.kind", f"expected {STATE_KIND!r}")
        check_seq(raw["seq"])
        spec = self._spec
        check_spec(raw, spec.digest)
        if len(fields) != len(_KEYS) + ("pending" in fields) + ("rules" in fields):
            check_keys(fields, _KEYS, _FURTHER_KEYS, "$.interaction")
        if fields["id"].__class__ is not str:
            at_path("$.interaction.id", "expected text")
        if fields["state"].__class__ is not str or fields["state"] not in spec.states:
            at_path("$.interaction.state", f"no state of the machine {spec.name!r}")
        if fields["timers"].__class__ is not list:
            at_path("$.interaction.timers", "expected a list")
        for index, timer in enumerate(fields["timers"]):
            if timer["name"] not in spec.timers:
                at_path(
                    f"$.interaction.timers[{index}].name", f"no timer of the machine {spec.name!r}"
                )

    def _explain(self, line: bytes | str, place: str) -> MalformedRecord:
        """Return what is wrong with *line*, and where in it: it is read again, slowly."""
        try:
            raw = parse_line(line)
            check_keys(raw, _LINE_KEYS, {"spec"})
            if not isinstance(raw["interaction"], dict):
                at_path("$.interaction", "expected an object")
            fields = cast("dict[str, Any]", raw["interaction"])
            check_keys(fields, _KEYS, _FURTHER_KEYS, "$.interaction")
            if "rules" in fields:
                _check_rules(fields["rules"])
            explain(_DETAILED, fields["data"], self._data_class, "$.interaction.data")
            if fields.get("pending") is not None:
                explain(_DETAILED, fields["pending"], Pending, "$.interaction.pending")
            if fields["timers"].__class__ is list:
                for index, timer in enumerate(fields["timers"]):
                    explain(_DETAILED, timer, Timer, f"$.interaction.timers[{index}]")
            self._check(raw, fields)
        except ValueError as error:
            return malformed(place, str(error))
        return malformed(place, "not an interaction of this machine")


def _check_rules(written: object) -> None:
    try:
        RuleState.from_json(written, "$.interaction.rules")
    except MalformedRecord as error:
        raise ValueError(error.message) from error
