"""Lines of a recording, read on whatever is wrong with them."""

import re
from typing import Any, Final, cast, final

import orjson
from attrs import frozen

from hookflash.engine.replaying.asides import Asked, Change
from hookflash.engine.replaying.findings import Damage
from hookflash.engine.replaying.mending import mend
from hookflash.engine.replaying.stepping_by import Steppers
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import decode_between
from hookflash.machines.lines import RECORD, kind_of, parse_object, sum_fits
from hookflash.machines.records import InteractionState, RecordedStep
from hookflash.machines.states import STATE_KIND

CHANGED: Final = "the line was changed after it was written: its checksum does not fit"

_SEQ = re.compile(rb'^\{"seq":(\d{1,18}),')
_SUM = re.compile(rb',"sum":"[^"]{8}"\}\s*$')
_ID = re.compile(rb'"interaction":"([^"\\]{1,200})"')

Entry = RecordedStep | Change | InteractionState | Asked


@frozen
class Read:
    """What a line says.

    Attributes:
        entry: What it tells; None where it cannot be read.
        damage: What is wrong with it; None for nothing.
        torn: Whether it is the end of a file that a crash tore.
        doubtful: Whether what it tells is not what was written.
    """

    entry: Entry | None
    damage: Damage | None = None
    torn: bool = False
    doubtful: bool = False


@final
class LineReader:
    """Reads the lines of one recording.

    Args:
        steppers: The machines; they change as changes that were read are taken up.
        part: Which of several recordings it is.
    """

    def __init__(self, steppers: Steppers, part: int = 0) -> None:
        self._steppers = steppers
        self._part = part

    def read(self, line: bytes, place: str) -> Read:
        """Read a line.

        Args:
            line: The line, with its newline if it has one.
            place: Where it stands.

        Raises:
            SpecError: There is no machine to read it by.
        """
        try:
            return Read(self._entry(line, place))
        except MalformedRecord as error:
            if not line.endswith(b"\n"):
                return Read(None, torn=True)
            return self._as_far_as_it_goes(line, place, error)

    def _entry(self, line: bytes, place: str) -> Entry:
        kind = kind_of(line)
        if kind not in {RECORD, STATE_KIND}:
            return cast("Entry", decode_between(line, kind, place))
        codec = self._steppers.of(_spec_of(line)).codec
        if kind == STATE_KIND:
            return codec.decode_state(line, place)
        return codec.decode_step(line, place)

    def _as_far_as_it_goes(self, line: bytes, place: str, error: MalformedRecord) -> Read:
        """Read a damaged line: as it was before, if one byte was changed; else as it is."""
        mended = None if sum_fits(line) else mend(line)
        if mended is not None:
            try:
                entry = self._entry(mended.line, place)
            except MalformedRecord:
                entry = None
            if entry is not None:
                text = f"{CHANGED}; {mended.text}; it is replayed as it was"
                return Read(entry, self._damage("changed", mended.line, place, text))
        text = error.message.removeprefix(f"{place}: ")
        if not _has_sum(line) or sum_fits(line):
            return Read(None, self._damage("unreadable", line, place, text))
        bare = _without_sum(line)
        if bare is None:
            return Read(None, self._damage("changed", line, place, f"{CHANGED}; it is no JSON"))
        try:
            entry = self._entry(bare, place)
        except MalformedRecord as further:
            reason = further.message.removeprefix(f"{place}: ")
            return Read(None, self._damage("changed", line, place, f"{CHANGED}; {reason}"))
        return Read(entry, self._damage("changed", line, place, CHANGED), doubtful=True)

    def _damage(self, kind: Any, line: bytes, place: str, text: str) -> Damage:  # noqa: ANN401 - a DamageKind
        found = _ID.search(line)
        return Damage(
            kind=kind,
            place=place,
            seq=seq_of(line),
            text=text,
            interaction_id=None if found is None else found[1].decode("utf-8", "replace"),
            part=self._part,
        )


def seq_of(line: bytes) -> int | None:
    """Return the number of a record, as far as that can be read; None for none."""
    found = _SEQ.match(line)
    if found is not None:
        return int(found[1])
    try:
        raw = parse_object(line)
    except ValueError:
        return None
    seq = raw.get("seq")
    return seq if isinstance(seq, int) and "kind" not in raw else None


def _spec_of(line: bytes) -> str | None:
    if b'"spec"' not in line:
        return None
    try:
        named = parse_object(line).get("spec")
    except ValueError:
        return None
    return named if isinstance(named, str) else None


def _has_sum(line: bytes) -> bool:
    return b'"sum"' in line or _SUM.search(line) is not None


def _without_sum(line: bytes) -> bytes | None:
    """Return a line without its checksum; None where it is no JSON object."""
    try:
        raw = parse_object(line)
    except ValueError:
        return None
    raw.pop("sum", None)
    return orjson.dumps(raw) + b"\n"
