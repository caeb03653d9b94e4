"""Reading recordings and journals: one line at a time, in bounded memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from hookflash.adapters.specifications import load_machine
from hookflash.engine.logs import get_logger
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import decode_header, decode_policy_change, is_policy_change
from hookflash.machines.lines import LINE_BYTES_MAX
from hookflash.machines.machine import Machine
from hookflash.machines.records import Header, PolicyChange, Record, RecordedStep

_log = get_logger("hookflash.journal")

Recording = tuple[Header, Iterator[Record]]
"""A header, and the records after it."""


def read_header(path: str | Path) -> Header:
    """Return the header of the recording or journal at *path*.

    Raises:
        MalformedRecord: It is neither, or cannot be read.
    """
    path = Path(path)
    for number, line in read_lines(path):
        return decode_header(line, f"{path}: line {number}")
    raise MalformedRecord(f"{path}: is empty: this is no recording and no journal", place=str(path))


def read_recording(path: str | Path, machine: Machine[Any, Any] | None = None) -> Recording:
    """Read the recording or journal at *path*; it may be written to meanwhile.

    Args:
        path: The file.
        machine: Its machine; None loads the shipped one that the header names. Whether its
            definition is still the one of the header is for the caller to compare.

    Returns:
        The header, and the records in order, read as they are taken. Changes of the policy are
        left out; `read_entries` gives them too.

    Raises:
        MalformedRecord: The file cannot be read or its header is damaged. Taking records raises it
            for a damaged line, and for a gap or a repeat in `seq`. A torn last line is no error:
            the log says that it was left out.
        SpecError: There is no shipped machine of that name.
    """
    header = read_header(path)
    entries = read_entries(path, load_machine(header.machine) if machine is None else machine)
    return header, (entry for entry in entries if isinstance(entry, Record))


def read_entries(path: str | Path, machine: Machine[Any, Any]) -> Iterator[Record | PolicyChange]:
    """Read what follows the header: records, and changes of the policy where they count.

    Args:
        path: A recording or journal.
        machine: Its machine.

    Raises:
        MalformedRecord: As for `read_recording`.
    """
    return _read(Path(path), RecordCodec(machine).decode)


def read_steps(
    path: str | Path, machine: Machine[Any, Any]
) -> Iterator[RecordedStep | PolicyChange]:
    """Read as `read_entries` does, with effects as the file has them: for replay, and faster.

    Args:
        path: A recording or journal.
        machine: Its machine.

    Raises:
        MalformedRecord: As for `read_recording`, but not for what the effects hold.
    """
    return _read(Path(path), RecordCodec(machine).decode_step)


_EntryT = TypeVar("_EntryT", Record, RecordedStep)


def _read(path: Path, decode: Callable[[bytes, str], _EntryT]) -> Iterator[_EntryT | PolicyChange]:
    seq = None
    prefix = f"{path}: line "  # a path is slow to write, and there may be millions of lines
    for number, line in read_lines(path):
        if number == 1:
            continue
        place = f"{prefix}{number}"
        try:
            if is_policy_change(line):
                yield decode_policy_change(line, place)
                continue
            record = decode(line, place)
        except MalformedRecord:
            if line.endswith(b"\n"):
                raise
            _log.warning("recording.torn_line_left_out", path=str(path), line=number)
            return
        if seq is not None and record.seq != seq + 1:
            found = "repeats or goes back" if record.seq <= seq else "leaves a gap"
            raise MalformedRecord(
                f"{place}: $.seq: {record.seq} after {seq} {found}",
                advice="records were removed, added or put in another order",
                place=place,
            )
        seq = record.seq
        yield record


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read the lines of *path*, counted from 1, each with its newline.

    Raises:
        MalformedRecord: It cannot be read, or a line is longer than `LINE_BYTES_MAX`.
    """
    number = 0
    try:
        with path.open("rb") as file:
            while line := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    place = f"{path}: line {number}"
                    raise MalformedRecord(
                        f"{place}: has more than {LINE_BYTES_MAX} bytes", place=place
                    )
                yield number, line
    except OSError as error:
        raise MalformedRecord(
            f"{path}: cannot be read: {error.strerror}", place=str(path)
        ) from error
