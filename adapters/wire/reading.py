"""Reading wire recordings: strictly, a line at a time, with the place of whatever is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from hookflash.adapters.wire.entries import End, Stopped, WireEntry, WireHeader
from hookflash.adapters.wire.lines import KIND, read_header, read_line
from hookflash.adapters.wire.recorder import BYTES_MAX
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.lines import LINE_BYTES_MAX, malformed, parse_object

READ_BYTES_MAX: Final = 4 * BYTES_MAX
"""Largest file that is read: a replay has it in memory, at some three times its size."""


@frozen
class WireRecording:
    """A wire recording that was read.

    Attributes:
        path: The file.
        header: Its first line.
        entries: What the lines after it say; the one at index N stands in line N + 2.
        notes: What is missing in it, each with its place: it was cut off, or lines were dropped.
    """

    path: Path
    header: WireHeader
    entries: tuple[WireEntry, ...]
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is missing in it."""
        return not self.notes

    def place(self, index: int) -> str:
        """Return file and line of an entry, for messages."""
        return f"{self.path}: line {index + 2}"


def read_wire(path: str | Path) -> WireRecording:
    """Read a wire recording.

    What was cut off at its end, because the program was killed for instance, is no error: what
    stands before is read, and `notes` says so with the line.

    Raises:
        MalformedRecord: It cannot be read, is none, or a line of it was changed, is missing or
            damaged; the message names the line.
    """
    path = Path(path)
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise malformed(f"{path}: line 1", "the file is empty: this is no wire recording")
    header = read_header(first, f"{path}: line 1")
    entries: list[WireEntry] = []
    notes: list[str] = []
    ended = False
    for n, line in enumerate(lines, 1):
        place = f"{path}: line {n + 1}"
        if ended:
            raise malformed(place, "stands after the line that says that the recording ends")
        if not line.endswith(b"\n") and not _is_object(line):
            notes.append(f"{place}: is cut off in its middle; what stands before it was read")
            break
        entry = read_line(line, n, place)
        entries.append(entry)
        if isinstance(entry, Stopped):
            notes.append(f"{place}: {_STOPPED[entry.reason]}")
        elif isinstance(entry, End) and entry.dropped:
            notes.append(
                f"{place}: {entry.dropped} lines are missing: the disk was slower than the gateway"
            )
        ended = isinstance(entry, Stopped | End)
    if not ended and not notes:
        last = f"{path}: line {len(entries) + 1}"
        notes.append(
            f"{last}: is the last one, and no end: the recording was cut off, or whoever wrote it"
            " was killed"
        )
    return WireRecording(path, header, tuple(entries), tuple(notes))


def is_wire(path: str | Path) -> bool:
    """Tell whether a file is a wire recording, by its first line; False where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            first = file.readline(LINE_BYTES_MAX)
        return parse_object(first).get("kind") == KIND
    except (OSError, ValueError):
        return False


_STOPPED: Final = {
    "size": "the recording ends here because the file had its size ([wire] max_bytes)",
    "disk": "the recording ends here because the disk took no more",
}


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, newlines included; bounded."""
    try:
        with path.open("rb") as file:
            size = 0
            number = 0
            while line := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                size += len(line)
                if len(line) > LINE_BYTES_MAX:
                    raise malformed(
                        f"{path}: line {number}", f"has more than {LINE_BYTES_MAX} bytes"
                    )
                if size > READ_BYTES_MAX:
                    raise malformed(
                        f"{path}: line {number}", f"the file has more than {READ_BYTES_MAX} bytes"
                    )
                yield line
    except OSError as error:
        raise MalformedRecord(
            f"{path}: cannot be read: {error.strerror or error}", place=str(path)
        ) from error


def _is_object(line: bytes) -> bool:
    try:
        parse_object(line)
    except ValueError:
        return False
    return True
