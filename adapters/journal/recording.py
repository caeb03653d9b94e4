"""Reading recordings and journals: one line at a time, in bounded memory.

Both formats are read. A recording of format 2 holds the definitions that its records were stepped
by, so it is read as it was written, whatever the definition says today.
"""

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Generic, TypeVar

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.reading import is_journal, journal_lines
from hookflash.engine.logs import get_logger
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import decode_between, decode_header
from hookflash.machines.lines import LINE_BYTES_MAX, RECORD, kind_of, parse_line
from hookflash.machines.machine import Machine
from hookflash.machines.records import (
    Aside,
    DefinitionChange,
    Entry,
    Header,
    InteractionState,
    PolicyChange,
    Record,
    RecordedStep,
    Told,
)
from hookflash.machines.states import STATE_KIND

_log = get_logger("hookflash.journal")

_BLOCK_BYTES = 65_536

Recording = tuple[Header, Iterator[Record]]
"""A header, and the records after it."""

Line = tuple[str, bytes]
"""A line's place, for messages, and the line with its newline."""

Between = PolicyChange | DefinitionChange | InteractionState | Told | Aside
"""What may stand between records."""


def read_header(path: str | Path) -> Header:
    """Return the header of the recording or journal at *path*.

    Raises:
        MalformedRecord: It is neither, or cannot be read.
    """
    return _first(Path(path), recording_lines(path))


def read_recording(path: str | Path, machine: Machine[Any, Any] | None = None) -> Recording:
    """Read the recording or journal at *path*; it may be written to meanwhile.

    Args:
        path: The file.
        machine: Its machine; None takes the definition that the recording holds, in format 1 the
            shipped machine that the header names. Whether the definition is still the one of the
            header is for the caller to compare.

    Returns:
        The header, and the records in order, read as they are taken. What stands between them is
        left out; `read_entries` gives it too.

    Raises:
        MalformedRecord: The file cannot be read or its header is damaged. Taking records raises it
            for a damaged line, and for a gap or a repeat in `seq`. A torn last line is no error:
            the log says that it was left out.
        SpecError: There is no such machine; or records were stepped by a definition that today's
            code cannot run.
    """
    header = read_header(path)
    entries = read_entries(path, machine, Definitions(header, machine, str(path)))
    return header, (entry for entry in entries if isinstance(entry, Record))


def read_entries(
    path: str | Path,
    machine: Machine[Any, Any] | None,
    definitions: Definitions | None = None,
) -> Iterator[Entry]:
    """Read what follows the header: records, and what stands between them.

    Args:
        path: A recording or journal.
        machine: Its machine, as for `read_recording`.
        definitions: Takes up the definitions that the recording holds as they come, for whoever
            wants to step the records; None where nobody does.

    Raises:
        MalformedRecord: As for `read_recording`.
        SpecError: As for `read_recording`.
    """
    header, lines, found = _begun(path, machine, definitions)
    yield from _Reader(header, found, _whole).read(lines)


def entries_of(lines: Iterable[Line], header: Header, definitions: Definitions) -> Iterator[Entry]:
    """Read what *lines* tell, which follow a header: as `read_entries`, from anywhere.

    Args:
        lines: Each with its place.
        header: The header before them.
        definitions: Made for this header; takes up the definitions that the lines hold.

    Raises:
        MalformedRecord: As for `read_recording`.
        SpecError: As for `read_recording`.
    """
    return _Reader(header, definitions, _whole).read(lines)


def read_steps(
    path: str | Path,
    machine: Machine[Any, Any] | None,
    definitions: Definitions | None = None,
) -> Iterator[RecordedStep | Between]:
    """Read as `read_entries` does, with effects as the file has them: for replay, and faster.

    Args:
        path: A recording or journal.
        machine: Its machine, as for `read_recording`.
        definitions: As for `read_entries`.

    Raises:
        MalformedRecord: As for `read_recording`, but not for what the effects hold.
        SpecError: As for `read_recording`.
    """
    header, lines, found = _begun(path, machine, definitions)
    yield from _Reader(header, found, _step).read(lines)


def recording_lines(path: str | Path) -> Iterator[Line]:
    """Read the lines of a recording or journal, in whatever form it is kept.

    Returns:
        The lines; the first one is the header.

    Raises:
        MalformedRecord: It cannot be read, or a line is longer than `LINE_BYTES_MAX`.
    """
    path = Path(path)
    if is_journal(path):
        return journal_lines(path)
    prefix = f"{path}: line "  # a path is slow to write, and there may be millions of lines
    return ((f"{prefix}{number}", line) for number, line in read_lines(path))


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read the lines of a text file, counted from 1, each with its newline.

    Raises:
        MalformedRecord: It cannot be read, or a line is longer than `LINE_BYTES_MAX`.
    """
    number, rest = 0, b""
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK_BYTES):
                # Half the time of reading line by line.
                lines = BytesIO(rest + block).readlines()
                rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
                for line in lines:
                    number += 1
                    if len(line) > LINE_BYTES_MAX:
                        raise _too_long(path, number)
                    yield number, line
                if len(rest) > LINE_BYTES_MAX:
                    raise _too_long(path, number + 1)
        if rest:
            yield number + 1, rest
    except OSError as error:
        raise MalformedRecord(
            f"{path}: cannot be read: {error.strerror}", place=str(path)
        ) from error


def _too_long(path: Path, number: int) -> MalformedRecord:
    place = f"{path}: line {number}"
    return MalformedRecord(f"{place}: has more than {LINE_BYTES_MAX} bytes", place=place)


# --- the parts ------------------------------------------------------------------------------------


def _begun(
    path: str | Path, machine: Machine[Any, Any] | None, definitions: Definitions | None
) -> tuple[Header, Iterator[Line], Definitions]:
    """Return a recording's header, the lines after it, and the definitions that it names."""
    lines = recording_lines(path)
    header = _first(Path(path), lines)
    return header, lines, definitions or Definitions(header, machine, str(path))


def _first(path: Path, lines: Iterator[Line]) -> Header:
    for place, line in lines:
        return decode_header(line, place)
    raise MalformedRecord(f"{path}: is empty: this is no recording and no journal", place=str(path))


_EntryT = TypeVar("_EntryT", Record, RecordedStep)
_Decode = Callable[[bytes, str], _EntryT]


def _whole(codec: RecordCodec[Any]) -> _Decode[Record]:
    return codec.decode


def _step(codec: RecordCodec[Any]) -> _Decode[RecordedStep]:
    return codec.decode_step


class _Reader(Generic[_EntryT]):
    """One pass through a recording, with the definition that counts at the present line."""

    def __init__(
        self,
        header: Header,
        definitions: Definitions,
        decoder: Callable[[RecordCodec[Any]], _Decode[_EntryT]],
    ) -> None:
        self._definitions = definitions
        self._decoder: Callable[[RecordCodec[Any]], _Decode[_EntryT]] = decoder
        self._spec_hash = header.spec_hash
        # A part of a recording of format 1 is one too, and does not say where it begins.
        self._first_seq = None if header.format == 1 else header.first_seq
        self._decode: _Decode[_EntryT] | None = None

    def read(self, lines: Iterable[Line]) -> Iterator[_EntryT | Between]:
        following = self._first_seq
        for place, line in lines:
            decode = self._decode
            try:
                if decode is not None and line.startswith(b'{"seq":') and b'"spec"' not in line:
                    record = decode(line, place)
                else:
                    entry = self._entry(line, place)
                    if not isinstance(entry, Record | RecordedStep):
                        yield entry
                        continue
                    record = entry
            except MalformedRecord:
                if line.endswith(b"\n"):
                    raise
                _log.warning("recording.torn_line_left_out", place=place)
                return
            if record.seq != following and following is not None:
                raise _out_of_order(place, record.seq, following)
            following = record.seq + 1
            yield record

    def _entry(self, line: bytes, place: str) -> _EntryT | Between:
        """Read a line that is no record of the definition that counts, or the first such record."""
        kind = kind_of(line)
        if kind in {RECORD, STATE_KIND}:
            spec_hash = _named_in(line) or self._spec_hash
            codec = self._definitions.codec(spec_hash, place)
            if kind == STATE_KIND:
                return codec.decode_state(line, place)
            decode = self._decoder(codec)
            if spec_hash == self._spec_hash:
                self._decode = decode
            return decode(line, place)
        entry = decode_between(line, kind, place)
        if isinstance(entry, DefinitionChange):
            self._definitions.learn(entry)
            self._spec_hash = entry.spec_hash
            self._decode = None
        return entry


def _named_in(line: bytes) -> str | None:
    """Return the definition that a record or state names; None where it names none.

    None as well where anything is wrong with the line: reading it says what.
    """
    if b'"spec"' not in line:
        return None
    try:
        named = parse_line(line).get("spec")
    except ValueError:
        return None
    return named if isinstance(named, str) else None


def _out_of_order(place: str, seq: int, following: int) -> MalformedRecord:
    found = "repeats or goes back" if seq < following else "leaves a gap"
    return MalformedRecord(
        f"{place}: $.seq: {seq} after {following - 1} {found}",
        advice="records were removed, added or put in another order",
        place=place,
    )
