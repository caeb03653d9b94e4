"""The codec of recordings: records to JSON lines and back, for any machine.

A line is one JSON object and a newline::

    {"seq": 7, "at": "2026-11-22T18:22:01.123456Z", "interaction": "…",
     "event": {"type": "sent", "correlation_id": "…"}, "from": "hold_pending",
     "to": "hold_pending", "effects": [{"type": "start_timer", "timer": {…}}],
     "begins": true, "spec": "…", "rules": {"memory": {…}, "trace": {…}, "actions": […]},
     "sum": "1a2b3c4d"}

`event.type` is the definition's name of the event, an effect's `type` the snake_case of its class.
The event's `at` stands once, in the line. Instants are ISO texts in UTC with microseconds. Fields
that are None are left out, `begins` where it is not so, `spec` where the definition is the one
named last, and `rules` where nothing came of asking them. Free text is redacted on the way out.
`sum` is the line's checksum (`lines`). Records of format 1 have neither `begins` nor `spec`.

Reading is strict: nothing is converted, unknown keys and tags are errors. A line is read the fast
way (`reading`); only one that fails is read again by one that keeps track of where it is.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, cast
from zlib import crc32

import attrs
import orjson

from hookflash.machines.conversion import explain, make_converter
from hookflash.machines.errors import SpecError
from hookflash.machines.explaining import FURTHER_KEYS, RECORD_KEYS, RecordDoctor
from hookflash.machines.headers import decode_between
from hookflash.machines.instants import Instant
from hookflash.machines.lines import (
    RECORD,
    SEQ_MAX,
    check_spec,
    dump_line,
    kind_of,
    malformed,
    sum_fits,
    unwritable,
)
from hookflash.machines.machine import Machine
from hookflash.machines.making import maker
from hookflash.machines.reading import event_reader_of, reader_of
from hookflash.machines.records import (
    FORMAT,
    DefinitionChange,
    Entry,
    Header,
    InteractionState,
    PolicyChange,
    Record,
    RecordedStep,
)
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.states import STATE_KIND, StateCodec

PolicyT = TypeVar("PolicyT")

_Writer = Callable[[Any], dict[str, Any]]


def tag_of(effect: type) -> str:
    """Return the tag of an effect's class: its name in snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", effect.__name__).lower()


_make_recorded_step = maker(RecordedStep)
_make_record = maker(Record)
_FAST = make_converter(detailed=False)
_DETAILED = make_converter(detailed=True)


class RecordCodec(Generic[PolicyT]):
    """Writes and reads the records of one machine. Immutable, and safe to share between threads.

    Args:
        machine: The machine. Its data, its event classes and the classes that it `produces` must
            be attrs classes; each event has a field `at`.
        format: The format of the lines that it reads, which their header names. It writes the
            current one.

    Attributes:
        machine: The machine.
        format: The format of the lines that it reads.
        event_readers: What makes the events of records, by their tags: for whoever reads so many
            that it does the rest itself.

    Raises:
        SpecError: The machine's classes cannot be recorded; the message names the class.
    """

    def __init__(self, machine: Machine[Any, PolicyT], *, format: int = FORMAT) -> None:  # noqa: A002 - the header's name for it
        self.machine = machine
        self.format = format
        implementation = machine.implementation
        events = {name: implementation.events[name] for name in machine.spec.events}
        effects: dict[str, type] = {}
        for cls in implementation.produces:
            tag = tag_of(cls)
            if tag in effects:
                raise _unrecordable(machine, cls, f"has the tag {tag!r} of another effect")
            effects[tag] = cls
        for cls in (
            *events.values(),
            *effects.values(),
            type(machine.policy),
            type(implementation.data()),
        ):
            if not attrs.has(cls):
                raise _unrecordable(machine, cls, "is no attrs class")
        for cls in events.values():
            if "at" not in attrs.fields_dict(cls):
                raise _unrecordable(machine, cls, "has no field `at`")
        self._write_event = {cls: (tag, _writer(cls)) for tag, cls in events.items()}
        self._write_effect = {cls: (tag, _writer(cls)) for tag, cls in effects.items()}
        self._doctor = RecordDoctor(machine.spec, events, effects, format)
        self.event_readers = {tag: event_reader_of(cls) for tag, cls in events.items()}
        self._read_effect = {tag: reader_of(cls) for tag, cls in effects.items()}
        self._policy_class: type[PolicyT] = type(machine.policy)
        self._states = StateCodec(machine)
        self._begins_unsaid = None if format == 1 else False

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
            raise unwritable(f"record {record.seq}", error) from error
        if record.begins:
            document["begins"] = True
        if record.spec_hash is not None:
            document["spec"] = record.spec_hash
        if record.rules is not None:
            document["rules"] = record.rules.to_json()
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
            read = self._read_effect
            effects = [read[asked.pop("type")](asked) for asked in step.effects]
            rules = None if step.rules is None else Ruling.from_json(step.rules)
        except Exception as error:
            raise self._doctor.explain(line, place) from error
        return _make_record(
            step.seq,
            step.interaction_id,
            step.event,
            step.source,
            step.target,
            tuple(effects),
            step.begins,
            step.spec_hash,
            rules,
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
            data = line if isinstance(line, bytes) else line.encode()
            raw = orjson.loads(data)
            seq, event, effects = raw["seq"], raw["event"], raw["effects"]
            interaction_id, source, target = raw["interaction"], raw["from"], raw["to"]
            begins, spec_hash, rules = self._begins_unsaid, None, None
            if len(raw) != 7 and (
                # What `sum_fits` does, for the lines that we write ourselves.
                len(raw) != 8 or data[-19:] != b',"sum":"%08x"}\n' % crc32(data[:-19])
            ):
                begins, spec_hash, rules = self._further(raw, data)
            if (
                seq.__class__ is int
                and 0 <= seq <= SEQ_MAX
                and interaction_id.__class__ is source.__class__ is target.__class__ is str
                and effects.__class__ is list
            ):
                return _make_recorded_step(
                    seq,
                    interaction_id,
                    self.event_readers[event["type"]](event, raw["at"]),
                    source,
                    target,
                    effects,
                    begins,
                    spec_hash,
                    rules,
                )
        except Exception as error:
            raise self._doctor.explain(line, place) from error
        raise self._doctor.explain(line, place)

    def _further(
        self, raw: dict[str, Any], line: bytes
    ) -> tuple[bool | None, str | None, dict[str, Any] | None]:
        """Look at what a record has beside what all have: checksum, `begins`, `spec`, `rules`."""
        size = len(raw)
        if "sum" in raw:
            if not sum_fits(line):
                raise ValueError
            size -= 1
        if size == len(RECORD_KEYS):
            return self._begins_unsaid, None, None
        if self.format == 1 or size != len(RECORD_KEYS) + len(raw.keys() & FURTHER_KEYS):
            raise ValueError
        begins = "begins" in raw
        if begins and raw["begins"] is not True:
            raise ValueError
        rules = raw.get("rules")
        if "rules" in raw and rules.__class__ is not dict:
            raise ValueError
        return begins, check_spec(raw, self.machine.spec.digest), rules

    # --- states -----------------------------------------------------------------------------------

    def encode_state(self, state: InteractionState) -> bytes:
        """Return the line of *state*, newline included.

        Args:
            state: How an interaction of this machine stands.

        Raises:
            MalformedRecord: It cannot be written, as for `encode`.
        """
        return self._states.encode(state)

    def decode_state(self, line: bytes | str, place: str) -> InteractionState:
        """Return how an interaction stands, as *line* tells it.

        Its state and the names of its timers are those of the machine: what is read can be stepped.

        Args:
            line: One line, with or without its newline.
            place: Where it stands, for messages.

        Raises:
            MalformedRecord: It tells no such thing, or was changed.
        """
        return self._states.decode(line, place)

    def decode_entry(self, line: bytes, place: str) -> Entry:
        """Return what *line* tells, whatever may stand after a header.

        Args:
            line: One line, with or without its newline.
            place: Where it stands, for messages.

        Raises:
            MalformedRecord: It is of no known kind, or as for `decode` and the other readers.
        """
        kind = kind_of(line)
        if kind == RECORD:
            return self.decode(line, place)
        if kind == STATE_KIND:
            return self.decode_state(line, place)
        return decode_between(line, kind, place)

    # --- header -----------------------------------------------------------------------------------

    def new_header(self, gateway: str, created: Instant, first_seq: int = 1) -> Header:
        """Return the header of a recording that begins now, under the machine's policy.

        Args:
            gateway: Host and port of the gateway.
            created: When it is begun.
            first_seq: The number of its first record: more than 1 in a part of a journal.
        """
        spec = self.machine.spec
        return Header(
            spec.name,
            spec.digest,
            self.policy_fields(),
            gateway,
            created,
            definition=spec.text,
            first_seq=first_seq,
        )

    def policy_fields(self) -> dict[str, Any]:
        """Return the machine's policy as files have it; two policies are alike if these are."""
        fields = _FAST.unstructure(self.machine.policy, self._policy_class)
        return cast("dict[str, Any]", orjson.loads(orjson.dumps(fields)))

    def policy_of(self, source: Header | PolicyChange | DefinitionChange, place: str) -> PolicyT:
        """Return the policy that *source* holds, as the class that the machine's policy has.

        Args:
            source: A header, or a change of policy or definition further down.
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


def _unrecordable(machine: Machine[Any, Any], cls: type, problem: str) -> SpecError:
    place = f"{machine.spec.place}: {cls.__module__}.{cls.__qualname__}"
    return SpecError(
        f"{place} {problem}, so it cannot be recorded",
        advice="events, effects and the policy are frozen attrs classes",
        place=place,
    )
