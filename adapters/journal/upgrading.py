"""Recordings of format 1 in the present format: journals are kept in no other."""

from collections.abc import Iterator
from typing import Any

import attrs

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.reading import Line
from hookflash.adapters.specifications import load_machine
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import decode_policy_change, encode_header, encode_policy_change
from hookflash.machines.interaction import Interaction
from hookflash.machines.lines import RECORD, kind_of
from hookflash.machines.machine import Machine
from hookflash.machines.records import FORMAT, Header, PolicyChange, Record


def upgraded(header: Header, lines: Iterator[Line], place: str) -> Iterator[Line]:
    """Yield a recording of format 1 as lines of the present one, header first.

    What the old format did not say is found out: which records begin an interaction, by stepping
    them; and the definition, which must be the one of today.

    Args:
        header: Its header.
        lines: What follows it.
        place: Its name, for messages.

    Raises:
        MalformedRecord: It was written by another definition, or damaged.
    """
    machine = load_machine(header.machine)
    if machine.spec.digest != header.spec_hash:
        raise MalformedRecord(
            f"{place}: is of format 1 and of an earlier definition of {header.machine!r},"
            f" {header.spec_hash[:12]}, which it does not hold: no journal can go on with it",
            advice="it can be read as it is; begin another journal",
            place=place,
        )
    yield place, encode_header(attrs.evolve(header, format=FORMAT, definition=machine.spec.text))
    yield from _Upgrade(machine, header, place).lines(lines)


class _Upgrade:
    def __init__(self, machine: Machine[Any, Any], header: Header, place: str) -> None:
        self._place = place
        self._definitions = Definitions(header, machine, place)
        self._header = header
        self._writer = RecordCodec(machine)
        self._reader = self._definitions.codec(header.spec_hash)
        self._machine = self._under(header)
        self._known: dict[str, Interaction[Any]] = {}

    def _under(self, policy: Header | PolicyChange) -> Machine[Any, Any]:
        return self._definitions.machine(self._header.spec_hash, policy)

    def lines(self, lines: Iterator[Line]) -> Iterator[Line]:
        for place, line in lines:
            if kind_of(line) != RECORD:
                change = decode_policy_change(line, place)
                self._machine = self._under(change)
                yield place, encode_policy_change(change)
                continue
            try:
                record = self._reader.decode(line, place)
            except MalformedRecord:
                if line.endswith(b"\n"):
                    raise
                return  # a last line that a crash tore
            yield place, self._writer.encode(self._upgraded(record, place))

    def _upgraded(self, record: Record, place: str) -> Record:
        known = self._known.get(record.interaction_id)
        after = None if known is None else self._follow(known, record)
        begins = after is None
        if after is None:
            after = self._follow(self._machine.start(record.interaction_id), record)
        if after is None:
            raise MalformedRecord(
                f"{place}: record {record.seq} does not follow from the records before it",
                place=place,
            )
        self._known[record.interaction_id] = after
        return attrs.evolve(record, begins=begins)

    def _follow(self, before: Interaction[Any], record: Record) -> Interaction[Any] | None:
        if before.state != record.source:
            return None
        after = self._machine.step(before, record.event).interaction
        return after if after.state == record.target else None
