"""Recordings out of journals, and journals out of recordings; nothing is lost either way."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import attrs
from attrs import define, frozen

from hookflash.adapters.journal.contents import Cut
from hookflash.adapters.journal.database import Database, States
from hookflash.adapters.journal.disk import REAL_DISK, write_all
from hookflash.adapters.journal.locking import FileLock, place_error
from hookflash.adapters.journal.prologue import Prologue, change_of, read_prologue
from hookflash.adapters.journal.reading import Line
from hookflash.adapters.journal.recording import recording_lines
from hookflash.adapters.journal.schema import explained
from hookflash.adapters.journal.tails import day_of, tail_paths
from hookflash.adapters.journal.upgrading import upgraded
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.headers import (
    DEFINITION_KIND,
    TOLD_KIND,
    decode_header,
    decode_told,
)
from hookflash.machines.instants import from_text
from hookflash.machines.lines import RECORD, kind_of, malformed, parse_line
from hookflash.machines.rule_lines import RULES_CHANGE_KIND
from hookflash.machines.states import STATE_KIND

_log = get_logger("hookflash.journal")

_TAKEN: Final = 4_096
"""Lines that are put into the database at a time."""


@frozen
class Exported:
    """What was written into a recording.

    Attributes:
        lines: Lines, the header included.
        problem: Where and why it ends early; None where it is the whole journal.
    """

    lines: int
    problem: str | None = None


def export(source: Path, target: Path, *, until_damage: bool = False) -> Exported:
    """Write a journal as a recording, or a recording once more; an engine may be running on it.

    The file gets its name when it is whole and synced; one that had it is replaced.

    Args:
        source: A journal or recording.
        target: The file to write.
        until_damage: Whether to keep what stands before the first damage.

    Raises:
        MalformedRecord: *source* cannot be read, or was damaged.
        ConfigurationError: *target* cannot be written.
    """
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.new")
    count, problem = 0, None
    try:
        fd = REAL_DISK.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            try:
                for lines in _in_pieces(_whole_lines(source)):
                    write_all(REAL_DISK, fd, b"".join(lines))
                    count += len(lines)
            except MalformedRecord as error:
                if not (until_damage and count):
                    raise
                problem = error.message
            REAL_DISK.sync(fd)
        finally:
            REAL_DISK.close(fd)
        unfinished.replace(target)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {target}: {error.strerror or error}",
            advice="name a file in a folder that you may write to",
            source=str(target),
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return Exported(count, problem)


def _in_pieces(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield lists of lines; what came before an error is yielded before the error is raised."""
    waiting: list[bytes] = []
    damage: MalformedRecord | None = None
    while damage is None:
        try:
            for line in lines:
                waiting.append(line)
                if len(waiting) >= _TAKEN:
                    yield waiting
                    waiting = []
            break
        except MalformedRecord as error:
            damage = error
    if waiting:
        yield waiting
    if damage is not None:
        raise damage


def _whole_lines(source: Path) -> Iterator[bytes]:
    """Yield the lines of *source*, each looked at; not a last one that a crash tore."""
    lines = recording_lines(source)
    place, line = next(lines)
    decode_header(line, place)
    yield line
    for place, line in lines:
        try:
            parse_line(line)
        except ValueError as error:
            if line.endswith(b"\n"):
                raise malformed(place, str(error)) from error
            _log.warning("recording.torn_line_left_out", path=str(source), place=place)
            return
        yield line if line.endswith(b"\n") else line + b"\n"


# --- import ---------------------------------------------------------------------------------------


@frozen
class Imported:
    """What was put into a journal.

    Attributes:
        lines: Lines after the header.
        first_seq: The number of the first record.
        last_seq: That of the last one; `first_seq` - 1 for none.
    """

    lines: int
    first_seq: int
    last_seq: int


def import_recordings(sources: Sequence[Path], target: Path) -> Imported:
    """Make a journal of recordings: of one, or of several parts that follow on each other.

    It gets its name when it is whole and synced.

    Args:
        sources: The recordings, in order.
        target: The journal; there must be none yet.

    Raises:
        MalformedRecord: One cannot be read, was damaged, or does not follow on the one before.
        JournalError: There is a journal already, or it cannot be written.
    """
    with closing(FileLock.take(target)):
        _check_free(target)
        unfinished = target.with_name(target.name + ".importing")
        try:
            _remove_all(unfinished)
            imported = _fill(sources, unfinished)
            with explained(target, "written"):
                unfinished.replace(target)
                REAL_DISK.sync_folder(target.parent)
        finally:
            _remove_all(unfinished)
    return imported


def _check_free(target: Path) -> None:
    with explained(target, "looked at"):
        found = [path for _, path in tail_paths(target)]
        found += [one for one in (target, *_beside(target)) if one.exists()]
    if found:
        raise place_error(
            target,
            f"cannot be made: {found[0].name} is there already",
            advice="import makes a journal of its own: name another file",
        )


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("-wal", "-shm")]


def _remove_all(path: Path) -> None:
    with explained(path, "removed"):
        for one in (path, path.with_name(path.name + ".new"), *_beside(path)):
            one.unlink(missing_ok=True)


def _fill(sources: Sequence[Path], path: Path) -> Imported:
    first = _begun(sources[0])
    next_seq = first.prologue.first.first_seq
    with closing(Database.create(path, first.text, next_seq, first.states)) as database:
        filling = _Filling(database, first.prologue, next_seq, database.last_cut())
        filling.take(first.rest)
        for source in sources[1:]:
            part = _begun(source)
            filling.begin_part(part)
            filling.take(part.rest)
        database.settle()
        through, seq = database.contents.through, database.contents.next_seq
    return Imported(through, next_seq, seq - 1)


@frozen
class _Begun:
    """A recording of which the beginning was read: all that stands before its first line proper.

    `text` is its prologue, as the file has it; `states` the lines that tell how the interactions
    stood that were known before it, with their ids; `rest` what follows.
    """

    place: str
    text: str
    prologue: Prologue
    states: list[tuple[str, bytes]]
    rest: Iterator[Line]


def _begun(source: Path) -> _Begun:
    lines = recording_lines(source)
    try:
        place, line = next(lines)
    except StopIteration:
        raise malformed(str(source), "is empty: this is no recording") from None
    header = decode_header(line, place)
    if header.format == 1:
        lines = upgraded(header, lines, str(source))
        place, line = next(lines)
    text, states = line.decode(), list[tuple[str, bytes]]()
    for place, line in lines:
        kind = kind_of(line)
        if kind in {DEFINITION_KIND, RULES_CHANGE_KIND} and not states:
            change_of(line, place)
            text += line.decode()
        elif kind == STATE_KIND:
            states.append((_id_in(line, place), line))
        else:
            lines = _chained((place, line), lines)
            break
    return _Begun(str(source), text, read_prologue(text, place), states, lines)


def _chained(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _id_in(line: bytes, place: str) -> str:
    try:
        found = parse_line(line)["interaction"]["id"]
    except (ValueError, KeyError, TypeError) as error:
        raise malformed(place, f"tells of no interaction: {error}") from error
    if not isinstance(found, str):
        raise malformed(place, "tells of no interaction")
    return found


@define
class _Filling:
    """A database that is being filled.

    `cut` is where the present part begins, and is named by the day of its first record.
    """

    database: Database
    prologue: Prologue
    next_seq: int
    cut: Cut
    told: int | None = None

    def begin_part(self, part: _Begun) -> None:
        """Take up a recording that follows on the ones before."""
        header = part.prologue.first
        if (header.gateway, header.machine) != (
            self.prologue.first.gateway,
            self.prologue.first.machine,
        ):
            raise malformed(part.place, "is of another gateway or machine than the one before")
        if header.first_seq != self.next_seq:
            raise malformed(
                part.place, f"begins with record {header.first_seq}, not {self.next_seq}"
            )
        if (part.prologue.spec_hash, part.prologue.policy) != (
            self.prologue.spec_hash,
            self.prologue.policy,
        ):
            raise malformed(part.place, "begins under another definition or policy")
        self.prologue = part.prologue
        database = self.database
        with database.transaction():
            database.put_lines((), next_seq=self.next_seq, header=part.text, told=self.told)
            database.put_states(States(dict(part.states), anew=True))
            self.cut = database.cut(None)

    def take(self, lines: Iterator[Line]) -> None:
        """Put *lines* into the database.

        Raises:
            MalformedRecord: One was damaged, or does not follow.
        """
        waiting: list[bytes] = []
        for place, line in lines:
            if not self._take_up(line, place):
                break
            waiting.append(line if line.endswith(b"\n") else line + b"\n")
            if len(waiting) >= _TAKEN:
                self._put(waiting)
                waiting = []
        self._put(waiting)

    def _take_up(self, line: bytes, place: str) -> bool:
        """Look at one line; return False for one that a crash tore."""
        try:
            raw = parse_line(line)
            if kind_of(line) == RECORD:
                if raw.get("seq") != self.next_seq:
                    raise malformed(
                        place, f"is record {raw.get('seq')}, and {self.next_seq} is missing"
                    )
                if self.cut.day is None:
                    self.cut = attrs.evolve(self.cut, day=day_of(from_text(raw["at"])))
                    with self.database.transaction():
                        self.database.name_day(self.cut)
                self.next_seq += 1
            elif kind_of(line) == TOLD_KIND:
                self.told = decode_told(line, place).through
            elif (change := change_of(line, place)) is not None:
                self.prologue = self.prologue.after(change)
        except (ValueError, KeyError, TypeError) as error:
            if line.endswith(b"\n"):
                raise malformed(place, str(error)) from error
            _log.warning("recording.torn_line_left_out", place=place)
            return False
        return True

    def _put(self, lines: list[bytes]) -> None:
        with self.database.transaction():
            self.database.put_lines(
                lines,
                next_seq=self.next_seq,
                header=self.prologue.text(self.next_seq),
                told=self.told,
            )
