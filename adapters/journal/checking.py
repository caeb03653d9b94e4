"""Whether a journal or recording is as it was written, and what is done where its tail is not."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from attrs import define, field, frozen

from hookflash.adapters.journal.database import Database
from hookflash.adapters.journal.disk import REAL_DISK, Disk
from hookflash.adapters.journal.kept import kept_lines
from hookflash.adapters.journal.locking import FileLock
from hookflash.adapters.journal.prologue import Prologue, read_prologue
from hookflash.adapters.journal.reading import JournalReader, Line, is_journal
from hookflash.adapters.journal.recording import recording_lines
from hookflash.adapters.journal.schema import explained
from hookflash.adapters.journal.tails import Damage, Tail, cut_tail, scan, tail_paths
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import decode_between, decode_header
from hookflash.machines.lines import RECORD, kind_of, parse_line
from hookflash.machines.states import STATE_KIND

_FINDINGS_MAX = 20


@define
class Checked:
    """What was found in a journal or recording.

    Attributes:
        lines: Lines after the header.
        records: Records among them.
        first_seq: The number of the first record that there is, or would be.
        last_seq: The number of the last one; `first_seq` - 1 for none.
        interactions: Interactions in the snapshot; 0 in a recording.
        torn_bytes: What a crash tore from the end: the next start cuts it aside.
        findings: What is not as it was written, at most twenty; empty for a whole one.
    """

    lines: int = 0
    records: int = 0
    first_seq: int = 1
    last_seq: int = 0
    interactions: int = 0
    torn_bytes: int = 0
    findings: list[str] = field(factory=list[str])

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def find(self, problem: str) -> None:
        """Take up something that is not as it was written."""
        if len(self.findings) < _FINDINGS_MAX:
            self.findings.append(problem)


def check(path: Path) -> Checked:
    """Read all of a journal or recording, and look at every checksum and every number.

    An engine may be writing meanwhile.

    Raises:
        MalformedRecord: It cannot be read at all, or is neither.
    """
    if not is_journal(path):
        found = Checked()
        _check_lines(recording_lines(path), found)
        return found
    with closing(JournalReader(path)) as reader:
        contents = reader.contents()
        found = Checked(interactions=contents.snapshot.rows)
        _check_lines(reader.from_beginning(), found)
        if found.whole:
            if found.last_seq < contents.next_seq - 1:
                found.find(f"{path}: its last record, {contents.next_seq - 1}, is missing")
            found.torn_bytes = _torn_bytes(path, read_prologue(contents.header, str(path)))
        for check_part in (_check_snapshot, _check_cuts, _check_traces, _check_pages):
            try:
                check_part(reader, found)
            except MalformedRecord as error:
                found.find(error.message)
    return found


def _check_lines(lines: Iterator[Line], found: Checked) -> None:
    """Look at every line of a recording, or of a journal as one."""
    place, header = next(lines)
    counting = decode_header(header, place)
    found.first_seq = counting.first_seq
    found.last_seq = found.first_seq - 1
    begun = counting.format > 1  # a part of format 1 does not say where it begins
    try:
        for place, line in lines:
            if not line.endswith(b"\n"):
                found.torn_bytes = len(line)
                return
            seq = _seq_of(line, place)
            found.lines += 1
            if seq is None:
                continue
            if not begun:
                found.first_seq, begun = seq, True
            elif seq != found.last_seq + 1:
                found.find(f"{place}: is record {seq}, and {found.last_seq + 1} is missing")
            found.records += 1
            found.last_seq = seq
    except MalformedRecord as error:
        found.find(error.message)


def _seq_of(line: bytes, place: str) -> int | None:
    """Return the number of the record that *line* is; None where it is none.

    Raises:
        MalformedRecord: It was damaged.
    """
    kind = kind_of(line)
    if kind not in {RECORD, STATE_KIND}:
        decode_between(line, kind, place)
        return None
    try:
        seq = parse_line(line).get("seq")
    except ValueError as error:
        raise MalformedRecord(f"{place}: {error}", place=place) from error
    if not isinstance(seq, int):
        raise MalformedRecord(f"{place}: has no number", place=place)
    return seq if kind == RECORD else None


def _check_snapshot(reader: JournalReader, _: Checked) -> None:
    with reader.at_one_moment():
        for place, line in reader.snapshot_lines():
            _seq_of(line, place)


def _check_cuts(reader: JournalReader, _: Checked) -> None:
    for cut in reader.cuts():
        for place, line in reader.states_at(cut):
            _seq_of(line, place)


def _check_traces(reader: JournalReader, _: Checked) -> None:
    for _number, (place, line) in kept_lines(reader):
        _seq_of(line, place)


def _check_pages(reader: JournalReader, found: Checked) -> None:
    for problem in reader.page_problems():
        found.find(f"{reader.path}: {problem}")


def _torn_bytes(path: Path, before: Prologue) -> int:
    tails = tail_paths(path)
    if not tails:
        return 0
    position, newest = tails[-1]
    try:
        tail = scan(newest, position, before)
        return newest.stat().st_size - tail.offset if isinstance(tail, Damage) else 0
    except FileNotFoundError:
        return 0


@frozen
class Repaired:
    """What was cut off a journal.

    Attributes:
        last_seq: The number of the last record that is left.
        cut_bytes: How much was moved to `PATH.torn`; 0 where nothing had to be.
        lost_records: How many whole records are in it.
        problem: What was wrong; empty for nothing.
    """

    last_seq: int
    cut_bytes: int = 0
    lost_records: int = 0
    problem: str = ""


def repair(path: Path, disk: Disk = REAL_DISK) -> Repaired:
    """Cut a journal's tail before its first damage, so that an engine can go on with it.

    What is cut off is moved to the end of `PATH.torn`. The database is not touched.

    Raises:
        JournalError: It is in use, or its database cannot be opened: put back a copy, or save what
            stands before the damage with `hookflash export --until-damage`.
    """
    with closing(FileLock.take(path)), explained(path, "repaired"):
        with closing(Database.open(path)) as database:
            contents = database.contents
        through, next_seq = contents.through, contents.next_seq
        prologue = read_prologue(contents.header, str(path))
        problem, cut_bytes, lost = "", 0, 0
        for position, tail_file in tail_paths(path):
            if position <= contents.through:
                continue
            tail = scan(tail_file, position, prologue)
            if isinstance(tail, Tail):
                if not problem and (position, tail.first_seq) == (through + 1, next_seq):
                    through, next_seq, prologue = tail.through, tail.next_seq, tail.prologue
                    continue
                problem = problem or f"{tail_file.name} does not follow line {through}"
                tail = Damage(tail_file, 0, problem, whole_after=True)
            elif not problem:
                problem = f"{tail_file.name}: {tail.problem}"
                if position == through + 1 and tail.offset > 0:
                    whole = scan(tail_file, position, prologue, until=tail.offset)
                    assert isinstance(whole, Tail), "what stands before was whole"  # noqa: S101
                    next_seq = whole.next_seq
                else:
                    tail = Damage(tail_file, 0, problem, whole_after=True)
            lost += _records_after(tail)
            cut_bytes += cut_tail(path, tail, disk)
    return Repaired(next_seq - 1, cut_bytes, lost, problem)


def _records_after(damage: Damage) -> int:
    """Count the whole records that are cut off."""
    count = 0
    with damage.path.open("rb") as file:
        file.seek(damage.offset)
        for line in file:
            with suppress(ValueError):
                count += kind_of(line) == RECORD and "seq" in parse_line(line)
    return count
