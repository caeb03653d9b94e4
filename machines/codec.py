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
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

import attrs
import orjson
from attrs import frozen

from hookflash.machines.conversion import at_path, encode_instant, explain, make_converter
from hookflash.machines.errors import MalformedRecord, SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.records import FORMAT, Header, PolicyChange, Record

PolicyT = TypeVar("PolicyT")

KIND = "recording"
"""What a recording's header says it is."""

POLICY_KIND = "policy"
"""What the line says that stands where another policy begins to count."""

LINE_BYTES_MAX = 1_048_576
"""Bound on a line: a record of the shipped machines has some hundred bytes."""

_RECORD_KEYS = frozenset({"seq", "at", "interaction", "event", "from", "to", "effects"})
_SEQ_MAX = 2**63 - 1
_INT64 = range(-(2**63), 2**64)

_Writer = Callable[[Any], dict[str, Any]]
_Reader = Callable[[Any, Any], Any]


def tag_of(effect: type) -> str:
    """Return the tag of an effect's class: its name in snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", effect.__name__).lower()


@frozen
class _RawHeader:
    format: int
    kind: str
    machine: str
    spec_hash: str
    policy: dict[str, Any]
    gateway: str
    created: Instant


@frozen
class _RawPolicyChange:
    kind: str
    at: Instant
    policy: dict[str, Any]


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
            effects: list[dict[str, Any]] = []
            for effect in record.effects:
                tag, write = self._write_effect[effect.__class__]
                asked = {"type": tag}
                asked |= write(effect)
                effects.append(asked)
            document = {
                "seq": record.seq,
                "at": at,
                "interaction": record.interaction_id,
                "event": payload,
                "from": record.source,
                "to": record.target,
                "effects": effects,
            }
        except (KeyError, AttributeError, OverflowError, TypeError) as error:
            raise _unwritable(record.seq, error) from error
        return _dump(document, f"record {record.seq}")

    def decode(self, line: bytes | str, place: str) -> Record:
        """Return the record of *line*.

        Args:
            line: One line, with or without its newline.
            place: Where it stands, for messages: file and line number.

        Raises:
            MalformedRecord: It is no record of this machine; the message names the place in the
                file and in the line. Nothing else is raised, whatever the line holds.
        """
        try:
            raw = orjson.loads(line)
            seq, event = raw["seq"], raw["event"]
            interaction_id, source, target = raw["interaction"], raw["from"], raw["to"]
            all_asked = raw["effects"]
            if (
                len(raw) == 7
                and seq.__class__ is int
                and seq >= 0
                and interaction_id.__class__ is source.__class__ is target.__class__ is str
                and all_asked.__class__ is list
                and "at" not in event
            ):
                event["at"] = raw["at"]
                cls, read = self._read_event[event.pop("type")]
                effects: list[Any] = []
                for asked in all_asked:
                    effect_class, read_effect = self._read_effect[asked.pop("type")]
                    effects.append(read_effect(asked, effect_class))
                return Record(seq, interaction_id, read(event, cls), source, target, tuple(effects))
        except Exception as error:
            raise self._explain(line, place) from error
        raise self._explain(line, place)

    def _explain(self, line: bytes | str, place: str) -> MalformedRecord:
        """Read *line* again, slowly, to say what is wrong with it and where."""
        try:
            raw = _object(line)
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
            if not isinstance(raw["effects"], list):
                at_path("$.effects", "expected a list")
            for index, effect in enumerate(cast("list[Any]", raw["effects"])):
                self._explain_tagged(effect, self._read_effect, f"$.effects[{index}]")
        except ValueError as error:
            return _malformed(place, str(error))
        return _malformed(place, "not a record of this machine")

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
            raise _malformed(place, str(error)) from error


def encode_header(header: Header) -> bytes:
    """Return the line of *header*, newline included.

    Raises:
        MalformedRecord: Its policy holds what JSON does not have.
    """
    document = {
        "format": header.format,
        "kind": KIND,
        "machine": header.machine,
        "spec_hash": header.spec_hash,
        "policy": dict(header.policy),
        "gateway": header.gateway,
        "created": encode_instant(header.created),
    }
    return _dump(document, "the header")


def decode_header(line: bytes | str, place: str) -> Header:
    """Return the header of a recording.

    Args:
        line: The file's first line.
        place: Where it stands, for messages.

    Raises:
        MalformedRecord: It is no such header, or of a later format.
    """
    try:
        raw = _object(line)
        if raw.get("kind") != KIND:
            at_path("$.kind", f"expected {KIND!r}: this is no recording and no journal")
        if raw.get("format") != FORMAT:
            at_path(
                "$.format",
                f"expected {FORMAT}: the recording was made by a version of its own time",
            )
        explain(_DETAILED, raw, _RawHeader, "$")
        found = _FAST.structure(raw, _RawHeader)
    except ValueError as error:
        raise _malformed(place, str(error)) from error
    return Header(
        found.machine, found.spec_hash, found.policy, found.gateway, found.created, found.format
    )


def encode_policy_change(change: PolicyChange) -> bytes:
    """Return the line of *change*, newline included."""
    document = {
        "kind": POLICY_KIND,
        "at": encode_instant(change.at),
        "policy": dict(change.policy),
    }
    return _dump(document, "a change of policy")


def is_policy_change(line: bytes | str) -> bool:
    """Tell whether *line* may be a change of policy: a record never begins like this."""
    start = f'{{"kind":"{POLICY_KIND}"'
    return line.startswith(start.encode() if isinstance(line, bytes) else start)  # type: ignore[arg-type]


def decode_policy_change(line: bytes | str, place: str) -> PolicyChange:
    """Return the change of policy of *line*.

    Raises:
        MalformedRecord: It is none.
    """
    try:
        raw = _object(line)
        explain(_DETAILED, raw, _RawPolicyChange, "$")
        found = _FAST.structure(raw, _RawPolicyChange)
    except ValueError as error:
        raise _malformed(place, str(error)) from error
    return PolicyChange(found.at, found.policy)


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


def _object(line: bytes | str) -> dict[str, Any]:
    """Parse *line*; ValueError where it is no JSON object."""
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if not line.strip():
            raise ValueError("the line is empty") from None
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        at_path("$", "expected an object")
    return cast("dict[str, Any]", raw)


def _dump(document: dict[str, Any], what: str) -> bytes:
    try:
        line = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Half a surrogate pair in a text, or a number beyond 64 bits: rare, and not worth a look
        # at every record.
        try:
            line = orjson.dumps(_writable(document), option=orjson.OPT_APPEND_NEWLINE)
        except TypeError as error:
            raise _malformed(what, f"cannot be written as JSON: {error}") from error
    if len(line) > LINE_BYTES_MAX:
        raise _malformed(what, f"has {len(line)} bytes; the most is {LINE_BYTES_MAX}")
    return line


def _writable(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return *value* with what JSON in UTF-8 cannot carry replaced by text that it can."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {_writable(key): _writable(part) for key, part in fields.items()}
    if isinstance(value, list | tuple):
        return [_writable(part) for part in cast("list[Any]", value)]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and value not in _INT64:
        return str(value)
    return value


def _unwritable(seq: int, error: Exception) -> MalformedRecord:
    if isinstance(error, KeyError):
        problem = f"{getattr(error.args[0], '__name__', 'its event')} is no class of this machine"
    else:
        problem = f"cannot be written: {type(error).__name__}: {error}"
    return _malformed(f"record {seq}", problem)


def _malformed(place: str, problem: str) -> MalformedRecord:
    return MalformedRecord(f"{place}: {problem}", place=place)
