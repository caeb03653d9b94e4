"""The codec of recordings: records to JSON lines and back, for any machine.

A line is one JSON object and a newline::

    {"seq": 7, "at": "2026-11-22T18:22:01.123456Z", "interaction": "…",
     "event": {"type": "sent", "correlation_id": "…"}, "from": "hold_pending",
     "to": "hold_pending", "effects": [{"type": "start_timer", "timer": {…}}]}

`event.type` is the definition's name of the event, an effect's `type` the snake_case of its class.
The event's `at` stands once, in the line. Instants are ISO texts in UTC with microseconds. Fields
that are None are left out. Free text is redacted on the way out.

Reading is strict: nothing is converted, unknown keys and tags are errors. A line is read by a fast
converter; only one that fails is read again by one that keeps track of where it is.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, cast

import attrs
import orjson

from hookflash.machines.conversion import at_path, explain, make_converter
from hookflash.machines.errors import MalformedRecord, SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.lines import dump_line, malformed, parse_object
from hookflash.machines.machine import Machine
from hookflash.machines.records import Header, PolicyChange, Record, RecordedStep

PolicyT = TypeVar("PolicyT")

_RECORD_KEYS = frozenset({"seq", "at", "interaction", "event", "from", "to", "effects"})
_SEQ_MAX = 2**63 - 1

_Writer = Callable[[Any], dict[str, Any]]
_Reader = Callable[[Any, Any], Any]


def tag_of(effect: type) -> str:
    """Return the tag of an effect's class: its name in snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", effect.__name__).lower()


_FAST = make_converter(detailed=False)
_DETAILED = make_converter(detailed=True)


class RecordCodec(Generic[PolicyT]):
    """Writes and reads the records of one machine. Immutable, and safe to share between threads.

    Args:
        machine: The machine. Its event classes and the classes that it `produces` must be attrs
            classes; each event has a field `at`.

    Raises:
        SpecError: The machine's classes cannot be recorded; the message names the class.
    """

    def __init__(self, machine: Machine[Any, PolicyT]) -> None:
        self.machine = machine
        implementation = machine.implementation
        events = {name: implementation.events[name] for name in machine.spec.events}
        effects: dict[str, type] = {}
        for cls in implementation.produces:
            tag = tag_of(cls)
            if tag in effects:
                raise _unrecordable(machine, cls, f"has the tag {tag!r} of another effect")
            effects[tag] = cls
        for cls in (*events.values(), *effects.values(), type(machine.policy)):
            if not attrs.has(cls):
                raise _unrecordable(machine, cls, "is no attrs class")
        for cls in events.values():
            if "at" not in attrs.fields_dict(cls):
                raise _unrecordable(machine, cls, "has no field `at`")
        self._write_event = {cls: (tag, _writer(cls)) for tag, cls in events.items()}
        self._write_effect = {cls: (tag, _writer(cls)) for tag, cls in effects.items()}
        self._read_event = {tag: (cls, _reader(cls)) for tag, cls in events.items()}
        self._read_effect = {tag: (cls, _reader(cls)) for tag, cls in effects.items()}
        self._policy_class: type[PolicyT] = type(machine.policy)

    # --- records ----------------------------------------------------------------------------------

    def encode(self, record: Record) -> bytes:
        """Return the line of *record*, newline included.

        Args:
            record: A record of this machine.

        Raises:
            MalformedRecord: It cannot be written: an event or effect of no known class, a value
                that JSON does not have, or a line longer than `LINE_BYTES_MAX`. A bug of the
                machine, or of an adapter that let something unbounded in.
        """
        try:
            event = record.event
            tag, write = self._write_event[event.__class__]
            payload = {"type": tag}
            payload |= write(event)
            at = payload.pop("at")
            document = {
                "seq": record.seq,
                "at": at,
                "interaction": record.interaction_id,
                "event": payload,
                "from": record.source,
                "to": record.target,
                "effects": self.written(record.effects),
            }
        except (KeyError, AttributeError, OverflowError, TypeError) as error:
            raise _unwritable(record.seq, error) from error
        return dump_line(document, f"record {record.seq}")

    def written(self, effects: Iterable[Any]) -> list[dict[str, Any]]:
        """Return *effects* as a record has them: to be compared with `RecordedStep.effects`.

        Raises:
            KeyError: One is of no class that the machine produces.
        """
        asked: list[dict[str, Any]] = []
        for effect in effects:
            tag, write = self._write_effect[effect.__class__]
            fields: dict[str, Any] = {"type": tag}
            fields |= write(effect)
            asked.append(fields)
        return asked

    def decode(self, line: bytes | str, place: str) -> Record:
        """Return the record of *line*.

        Args:
            line: One line, with or without its newline.
            place: Where it stands, for messages: file and line number.

        Raises:
            MalformedRecord: It is no record of this machine; the message names the place in the
                file and in the line. Nothing else is raised, whatever the line holds.
        """
        step = self.decode_step(line, place)
        try:
            effects: list[Any] = []
            for asked in step.effects:
                cls, read = self._read_effect[asked.pop("type")]
                effects.append(read(asked, cls))
        except Exception as error:
            raise self._explain(line, place) from error
        return Record(
            step.seq, step.interaction_id, step.event, step.source, step.target, tuple(effects)
        )

    def decode_step(self, line: bytes | str, place: str) -> RecordedStep:
        """Return the record of *line* with its effects left as the file has them.

        For replay, which only compares effects: writing those that a step gave (`written`) takes a
        third of the time that reading the recorded ones does. What is wrong with a recorded effect
        then shows as a difference.

        Args:
            line: One line, with or without its newline.
            place: Where it stands, for messages.

        Raises:
            MalformedRecord: As for `decode`, but for what the effects hold.
        """
        try:
            raw = orjson.loads(line)
            seq, event, effects = raw["seq"], raw["event"], raw["effects"]
            interaction_id, source, target = raw["interaction"], raw["from"], raw["to"]
            if (
                len(raw) == 7
                and seq.__class__ is int
                and seq >= 0
                and interaction_id.__class__ is source.__class__ is target.__class__ is str
                and effects.__class__ is list
                and "at" not in event
            ):
                event["at"] = raw["at"]
                cls, read = self._read_event[event.pop("type")]
                return RecordedStep(seq, interaction_id, read(event, cls), source, target, effects)
        except Exception as error:
            raise self._explain(line, place) from error
        raise self._explain(line, place)

    def _explain(self, line: bytes | str, place: str) -> MalformedRecord:
        """Read *line* again, slowly, to say what is wrong with it and where."""
        try:
            raw = parse_object(line)
            for name in sorted(_RECORD_KEYS - raw.keys()):
                at_path("$", f"`{name}` is missing")
            for name in sorted(raw.keys() - _RECORD_KEYS):
                at_path("$", f"unknown key {name!r}")
            seq = raw["seq"]
            if seq.__class__ is not int or not 0 <= seq <= _SEQ_MAX:
                at_path("$.seq", "expected a whole number from 0")
            for name in ("interaction", "from", "to", "at"):
                if not isinstance(raw[name], str):
                    at_path(f"$.{name}", "expected text")
            event = raw["event"]
            if isinstance(event, dict) and "at" in event:
                at_path("$.event", "unknown key 'at'; it stands in the line itself")
            self._explain_tagged(event, self._read_event, "$.event", at=raw["at"])
            effects: Any = raw["effects"]
            if effects.__class__ is not list:
                at_path("$.effects", "expected a list")
            for index, effect in enumerate(effects):
                self._explain_tagged(effect, self._read_effect, f"$.effects[{index}]")
        except ValueError as error:
            return malformed(place, str(error))
        return malformed(place, "not a record of this machine")

    def _explain_tagged(
        self,
        value: Any,  # noqa: ANN401 - whatever the line held
        readers: Mapping[str, tuple[type, _Reader]],
        path: str,
        **known: str,
    ) -> None:
        if not isinstance(value, dict):
            at_path(path, "expected an object")
        fields = cast("dict[str, Any]", value) | known
        tag = fields.pop("type", None)
        if not isinstance(tag, str):
            at_path(path, "`type` is missing or no text")
        if tag not in readers:
            at_path(f"{path}.type", f"unknown type {tag[:64]!r} for machine {self.machine.name!r}")
        explain(_DETAILED, fields, readers[tag][0], path)

    # --- header -----------------------------------------------------------------------------------

    def new_header(self, gateway: str, created: Instant) -> Header:
        """Return the header of a recording that begins now, under the machine's policy."""
        machine = self.machine
        return Header(machine.name, machine.spec.digest, self.policy_fields(), gateway, created)

    def policy_fields(self) -> dict[str, Any]:
        """Return the machine's policy as files have it; two policies are alike if these are."""
        fields = _FAST.unstructure(self.machine.policy, self._policy_class)
        return cast("dict[str, Any]", orjson.loads(orjson.dumps(fields)))

    def policy_of(self, source: Header | PolicyChange, place: str) -> PolicyT:
        """Return the policy that *source* holds, as the class that the machine's policy has.

        Args:
            source: A header, or a change of policy further down.
            place: Where it stands, for messages.

        Raises:
            MalformedRecord: It is no policy of this machine.
        """
        try:
            explain(_DETAILED, dict(source.policy), self._policy_class, "$.policy")
            return _FAST.structure(source.policy, self._policy_class)
        except Exception as error:
            raise malformed(place, str(error)) from error


# --- the parts ------------------------------------------------------------------------------------


def _writer(cls: type) -> _Writer:
    return cast("_Writer", _FAST.get_unstructure_hook(cls))


def _reader(cls: type) -> _Reader:
    return _FAST.get_structure_hook(cls)


def _unrecordable(machine: Machine[Any, Any], cls: type, problem: str) -> SpecError:
    place = f"{machine.spec.place}: {cls.__module__}.{cls.__qualname__}"
    return SpecError(
        f"{place} {problem}, so it cannot be recorded",
        advice="events, effects and the policy are frozen attrs classes",
        place=place,
    )


def _unwritable(seq: int, error: Exception) -> MalformedRecord:
    if isinstance(error, KeyError):
        problem = f"{getattr(error.args[0], '__name__', 'its event')} is no class of this machine"
    else:
        problem = f"cannot be written: {type(error).__name__}: {error}"
    return malformed(f"record {seq}", problem)
