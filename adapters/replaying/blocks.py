"""The lines of recordings and journals, many at a time."""

from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Final

from attrs import frozen

from hookflash.adapters.journal.reading import is_journal, journal_lines
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.lines import LINE_BYTES_MAX

BLOCK_BYTES: Final = 32_768
"""What is read at a time: some hundred lines, whose objects stay in the processor's cache."""

_JOURNAL_LINES: Final = 128


@frozen
class Block:
    """Lines that follow on each other.

    Attributes:
        lines: The lines, each with its newline, but for the last one of a file.
        place: Says where the line at an index stands.
        bytes_read: How much of the file was read so far; 0 where that is not known.
    """

    lines: list[bytes]
    place: Callable[[int], str]
    bytes_read: int = 0


def blocks_of(path: Path) -> Iterator[Block]:
    """Read a recording or journal; its first line is its header.

    Raises:
        MalformedRecord: It cannot be read, a line is longer than `LINE_BYTES_MAX`, or a journal was
            damaged: what stands before that has been yielded then.
    """
    try:
        journal = is_journal(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    yield from _of_journal(path) if journal else _of_recording(path)


def _of_journal(path: Path) -> Iterator[Block]:
    lines = journal_lines(path)
    taken: list[tuple[str, bytes]] = []
    damage: MalformedRecord | None = None
    while damage is None:
        try:
            # What came before an error is taken all the same.
            taken.extend(islice(lines, _JOURNAL_LINES))
        except MalformedRecord as error:
            damage = error
        if not taken:
            break
        yield Block([line for _, line in taken], _placed(taken))
        taken = []
    if damage is not None:
        raise damage


def _placed(lines: list[tuple[str, bytes]]) -> Callable[[int], str]:
    return lambda index: lines[index][0]


def _of_recording(path: Path) -> Iterator[Block]:
    number, rest, count = 1, b"", 0
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                count += len(block)
                lines = BytesIO(rest + block).readlines()
                rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
                if len(rest) > LINE_BYTES_MAX:
                    raise _too_long(path, number + len(lines))
                if lines:
                    _check_lengths(lines, path, number)
                    yield Block(lines, _numbered(path, number), count)
                    number += len(lines)
    except OSError as error:
        raise _unreadable(path, error) from error
    if rest:
        yield Block([rest], _numbered(path, number), count)


def _numbered(path: Path, first: int) -> Callable[[int], str]:
    return lambda index: f"{path}: line {first + index}"


def _check_lengths(lines: list[bytes], path: Path, first: int) -> None:
    if sum(map(len, lines)) <= LINE_BYTES_MAX:
        return
    for index, line in enumerate(lines):
        if len(line) > LINE_BYTES_MAX:
            raise _too_long(path, first + index)


def _too_long(path: Path, number: int) -> MalformedRecord:
    place = f"{path}: line {number}"
    return MalformedRecord(f"{place}: has more than {LINE_BYTES_MAX} bytes", place=place)


def _unreadable(path: Path, error: OSError) -> MalformedRecord:
    return MalformedRecord(f"{path}: cannot be read: {error.strerror}", place=str(path))
