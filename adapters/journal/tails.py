"""The tail of a journal: files of lines that were appended and not yet put into the database.

A tail file is a recording of its own: a header, then lines in the order in which they were
appended. Its name ends in the position of its first line. Only the newest one is appended to; the
others wait for being put away.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from hookflash.adapters.journal.append_file import set_aside
from hookflash.adapters.journal.contents import Contents
from hookflash.adapters.journal.disk import Disk
from hookflash.adapters.journal.locking import place_error
from hookflash.adapters.journal.prologue import Change, Prologue, change_of, read_prologue
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import TOLD_KIND, decode_header, decode_told
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.lines import LINE_BYTES_MAX, RECORD, kind_of, parse_line, sum_fits

_log = get_logger("hookflash.journal")

DAY = 86_400_000_000
"""Microseconds in a day."""

_DIGITS = 15


@frozen
class Tail:
    """A tail file that is appended to no longer.

    Attributes:
        path: Where it is.
        position: The position of its first line.
        lines: How many lines it has after its header.
        size: Its size in bytes.
        day: The UTC day of its first record, in days since 1970-01-01; None where it has none.
        first_seq: The number of its first record.
        next_seq: The number of the next record after it.
        prologue: What counts after its last line.
        told: Up to which record monitors were told, as it says; None where it says nothing.
    """

    path: Path
    position: int
    lines: int
    size: int
    day: int | None
    first_seq: int
    next_seq: int
    prologue: Prologue
    told: int | None = None

    @property
    def through(self) -> int:
        """The position of its last line."""
        return self.position + self.lines - 1

    def chunks(self, size: int, disk: Disk) -> Iterator[bytes]:
        """Read the lines after the header, in pieces of about *size* bytes.

        Raises:
            OSError: The file cannot be read.
            MalformedRecord: It has not as many lines as it had.
        """
        found, rest = -1, b""  # the header is no line of the journal
        fd = disk.open(self.path, os.O_RDONLY)
        try:
            for offset in range(0, self.size, size):
                chunk = rest + disk.read_at(fd, min(size, self.size - offset), offset)
                whole, newline, rest = chunk.rpartition(b"\n")
                lines = whole + newline
                if found < 0 and lines:
                    found = 0
                    lines = lines[lines.index(b"\n") + 1 :]
                found += lines.count(b"\n")
                yield lines
        finally:
            disk.close(fd)
        if found != self.lines:
            raise MalformedRecord(
                f"{self.path}: has {found} lines, not {self.lines}", place=str(self.path)
            )


@frozen
class Damage:
    """The first line of a tail file that is not what was written.

    Attributes:
        path: The file.
        offset: The byte at which the line begins.
        problem: What is wrong.
        whole_after: Whether whole lines follow: it is no mere end that a crash tore.
    """

    path: Path
    offset: int
    problem: str
    whole_after: bool


def tail_path(journal: Path, position: int) -> Path:
    """Return the name of the tail file whose first line is at *position*."""
    return journal.with_name(f"{journal.name}.tail-{position:0{_DIGITS}d}")


def tail_paths(journal: Path) -> list[tuple[int, Path]]:
    """Return the tail files of a journal with the positions of their first lines, in order.

    Raises:
        OSError: The folder cannot be read.
    """
    prefix = f"{journal.name}.tail-"
    found: list[tuple[int, Path]] = []
    with os.scandir(journal.parent) as entries:
        for entry in entries:
            digits = entry.name.removeprefix(prefix)
            if digits != entry.name and digits.isdecimal() and digits.isascii():
                found.append((int(digits), journal.parent / entry.name))
    return sorted(found)


@define
class _Scan:
    """A tail file being read: what is known after the line that was read last."""

    path: Path
    next_seq: int
    offset: int
    changes: list[Change] = field(factory=list[Any])
    lines: int = 0
    day: int | None = None
    told: int | None = None

    def take(self, line: bytes) -> str | None:
        """Take up a line; return what is wrong with it, None for nothing."""
        if not (line.endswith(b"\n") and sum_fits(line)):
            return "is not whole"
        if line.startswith(b'{"seq":%d,' % self.next_seq) and self.day is not None:
            # As good as all lines are like this one, and there may be a hundred thousand.
            self.next_seq += 1
            self.offset += len(line)
            self.lines += 1
            return None
        try:
            kind = kind_of(line)
            if kind == RECORD:
                raw = parse_line(line)
                if raw.get("seq") != self.next_seq:
                    return f"is record {raw.get('seq')}, and {self.next_seq} is missing"
                if self.day is None:
                    self.day = from_text(raw["at"]) // DAY
                self.next_seq += 1
            elif kind == TOLD_KIND:
                self.told = decode_told(line, "").through
            elif (change := change_of(line, "")) is not None:
                self.changes.append(change)
        except (MalformedRecord, ValueError, KeyError, TypeError) as error:
            return f"is none that was written: {error}"
        self.offset += len(line)
        self.lines += 1
        return None


def scan(path: Path, position: int, before: Prologue, *, until: int | None = None) -> Tail | Damage:
    """Read a tail file to its end, looking at every line.

    Args:
        path: The file.
        position: The position of its first line, as its name tells it.
        before: What counts before it.
        until: The byte before which the reading ends; None for the file's end.

    Returns:
        The whole file, or its first damage.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        first = file.readline(LINE_BYTES_MAX + 1)
        if not _is_whole(first):
            return Damage(path, 0, "its header is not whole", any(map(_is_whole, file)))
        try:
            header = decode_header(first, "its header")
        except MalformedRecord as error:
            return Damage(path, 0, error.message, whole_after=True)
        found = _Scan(path, header.first_seq, len(first))
        while until != found.offset and (line := file.readline(LINE_BYTES_MAX + 1)):
            problem = found.take(line)
            if problem is not None:
                whole = _is_whole(line) or any(map(_is_whole, file))
                where = f"line {found.lines + 2} {problem}"
                return Damage(path, found.offset, where, whole)
    for change in found.changes:
        before = before.after(change)
    return Tail(
        path,
        position,
        found.lines,
        found.offset,
        found.day,
        header.first_seq,
        found.next_seq,
        before,
        found.told,
    )


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"\n") and sum_fits(line)


def tails_after(journal: Path, contents: Contents, disk: Disk) -> list[Tail]:
    """Return the tail files that are not in the database yet; the journal is locked.

    Files that are in it already are removed. What a crash tore from the end of the newest one is
    cut aside into `PATH.torn`, and the log says how much.

    Args:
        journal: The journal.
        contents: What its database holds.
        disk: Where it is.

    Raises:
        JournalError: A file is damaged in another way, or one is missing.
        OSError: One cannot be read or cut.
    """
    tails: list[Tail] = []
    through, next_seq = contents.through, contents.next_seq
    prologue = read_prologue(contents.header, str(journal))
    found = tail_paths(journal)
    for position, path in found:
        if position <= contents.through:
            disk.remove(path)  # a tail is put away as a whole
            continue
        last = path == found[-1][1]
        tail = scan(path, position, prologue)
        if isinstance(tail, Damage):
            if not last or tail.whole_after:
                raise place_error(
                    path,
                    f"was damaged: {tail.problem}, and whole lines follow it",
                    advice=f"`hookflash journal repair {journal}` cuts them off and says what is"
                    " lost",
                )
            cut_tail(journal, tail, disk)
            if tail.offset == 0:
                continue  # a crash tore its header: nothing was in it yet
            tail = scan(path, position, prologue)
            assert isinstance(tail, Tail), "what is left was whole"  # noqa: S101
        if tail.lines == 0:
            disk.remove(path)
            continue
        if position != through + 1 or tail.first_seq != next_seq:
            raise place_error(
                path,
                f"begins with line {position} and record {tail.first_seq}, but {through} lines and"
                f" {next_seq - 1} records stand before it: a part of the journal is missing",
                advice="put the missing files back, or see `hookflash journal verify`",
            )
        through, next_seq, prologue = tail.through, tail.next_seq, tail.prologue
        tails.append(tail)
    return tails


def cut_tail(journal: Path, damage: Damage, disk: Disk) -> int:
    """Cut a tail file before its first damaged line; what follows goes to the journal's `.torn`.

    Returns:
        How many bytes were cut off.

    Raises:
        OSError: It could not be cut.
    """
    path = damage.path
    fd = disk.open(path, os.O_RDWR)
    try:
        cut = disk.size(fd) - damage.offset
        torn_path = set_aside(path, fd, damage.offset, disk, beside=journal)
    finally:
        disk.close(fd)
    if damage.offset == 0:
        disk.remove(path)
    _log.warning(
        "journal.torn_end_cut",
        path=str(path),
        torn_bytes=cut,
        torn_path=str(torn_path),
        problem=damage.problem,
    )
    return cut


def day_of(instant: Instant) -> int:
    """Return the UTC day of *instant*, in days since 1970-01-01."""
    return instant // DAY
