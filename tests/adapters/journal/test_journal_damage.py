"""What a power cut or a bad disk does to a journal: never silently another one than was written.

The truth is known: the records, and how the interactions stood after each. Files are damaged at
every boundary of a record, inside of records, and bit by bit. Then a start finds everything before
the damage and says what was cut, or it refuses; and whoever reads gets an error or the truth.
"""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from attrs import frozen
from structlog.testing import capture_logs
from tests.support.journals import (
    MACHINE,
    Play,
    copied,
    go_on,
    keep_house,
    open_journal,
    recovered_of,
    tails_of,
    write,
)

from hookflash.adapters.journal import SqliteJournal, read_recording
from hookflash.adapters.journal.checking import Repaired, check, repair
from hookflash.adapters.journal.database import Database
from hookflash.adapters.journal.interchange import export, import_recordings
from hookflash.machines.errors import HookflashError, JournalError, MalformedRecord
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import Record

RECORDS = 36
Damage = Callable[[bytes], bytes]


@frozen
class Truth:
    """A journal as its process left it when it died, and what was written into it.

    Attributes:
        path: Its database.
        records: Its records.
        states: How the interactions stood, by the number of records before.
    """

    path: Path
    records: list[Record]
    states: list[dict[str, Interaction[Any]]]

    def damaged(self, to: Path, name: str, damage: Damage) -> Path:
        """Copy the journal, damage the file *name*, and return the copy's path."""
        path = copied(self.path.parent, to) / self.path.name
        file = path.with_name(name)
        file.write_bytes(damage(file.read_bytes()))
        return path

    def content(self, name: str) -> bytes:
        """Return what the file *name* holds."""
        return self.path.with_name(name).read_bytes()

    @property
    def newest(self) -> str:
        """The name of the tail file that was appended to."""
        return tails_of(self.path)[-1].name


def make_truth(folder: Path, *, in_fold: bool) -> Truth:
    """Write a journal of two days: one closed in peace, one of which the process died.

    With *in_fold* it died while it put away: SQLite's log holds what is in the tails as well.
    """
    path = folder / "written" / "hookflash.db"
    path.parent.mkdir()
    play, states = Play(every_s=3_000.0), list[dict[str, Interaction[Any]]]([{}])

    def append(journal: SqliteJournal, count: int) -> None:
        for _ in range(count):
            write(journal, play, 1, told=True)
            states.append(dict(play.known))

    journal = open_journal(path, segment_records=7)
    append(journal, RECORDS // 2)
    journal.close()
    journal = open_journal(path, segment_records=7)
    go_on(journal)
    append(journal, RECORDS // 2)
    if in_fold:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Database, "settle", _reader_in_the_way)
            trio.run(keep_house, journal)
    truth = Truth(copied(path.parent, folder / "truth") / path.name, play.records, states)
    journal.close()
    return truth


def _reader_in_the_way(_: Database) -> bool:
    return False


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """A database with a cut and a snapshot, and three tail files."""
    made = make_truth(tmp_path_factory.mktemp("truth"), in_fold=False)
    assert len(tails_of(made.path)) == 3
    return made


@pytest.fixture(scope="module")
def in_fold(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """The same, and SQLite's log holds what is in the oldest of the tails."""
    made = make_truth(tmp_path_factory.mktemp("truth"), in_fold=True)
    assert len(made.content("hookflash.db-wal")) > 10_000
    assert len(tails_of(made.path)) == 3
    return made


# --- judging --------------------------------------------------------------------------------------


def start(path: Path, truth: Truth) -> int | None:
    """Start on the journal; return how many records it has, None where the start is refused.

    How the interactions stand must be what these records prove, and what is missing be said.
    """
    with capture_logs() as logs:
        try:
            journal = open_journal(path)
        except HookflashError as error:
            _check_words(error, path)
            return None
        try:
            found = recovered_of(journal)
            last = journal.next_seq - 1
        except HookflashError as error:
            _check_words(error, path)
            return None
        finally:
            journal.close()
    assert found.interactions == truth.states[last]
    events = {log["event"] for log in logs}
    if last < len(truth.records):
        assert "journal.torn_end_cut" in events
        assert path.with_name(path.name + ".torn").exists()
    return last


def _check_words(error: HookflashError, path: Path) -> None:
    assert isinstance(error, JournalError | MalformedRecord), repr(error)
    assert path.name in str(error)


def read(path: Path, truth: Truth) -> int | None:
    """Read the journal; return how many records were read, None where it ended with an error."""
    found: list[Record] = []
    with capture_logs() as logs:
        try:
            for record in read_recording(path, MACHINE)[1]:
                found.append(record)  # noqa: PERF402 - those before an error count
        except MalformedRecord as error:
            _check_words(error, path)
            assert found == truth.records[: len(found)]
            return None
    assert found == truth.records[: len(found)]
    if len(found) < len(truth.records):
        assert "recording.torn_line_left_out" in {log["event"] for log in logs}
    return len(found)


def flipped(offset: int, bit: int) -> Damage:
    """Flip one bit."""

    def flip(content: bytes) -> bytes:
        return content[:offset] + bytes([content[offset] ^ (1 << bit)]) + content[offset + 1 :]

    return flip


def truncated(offset: int) -> Damage:
    """Cut the file."""
    return lambda content: content[:offset]


def zero_filled(offset: int) -> Damage:
    """Put zeros from a byte to the end: sizes reach a disk before contents do."""
    return lambda content: content[:offset] + bytes(len(content) - offset)


def line_ends(content: bytes) -> list[int]:
    """Return where lines end."""
    return [index + 1 for index, byte in enumerate(content) if byte == 0x0A]


# --- the tail -------------------------------------------------------------------------------------


def places_in(content: bytes) -> Iterator[int]:
    """Yield every boundary of a line, and places shortly before, after and amid of each line."""
    ends = line_ends(content)
    for begin, end in pairwise(ends):
        yield from {begin, begin + 1, (begin + end) // 2, end - 1}


def records_before(content: bytes, offset: int) -> int:
    """Count the records of a tail that stand before a byte."""
    ends = [end for end in line_ends(content) if end <= offset]
    return content[: ends[-1] if ends else 0].count(b'{"seq":')


@pytest.mark.parametrize("how", [truncated, zero_filled])
def test_the_newest_tail_is_torn_anywhere(
    tmp_path: Path, truth: Truth, how: Callable[[int], Damage]
) -> None:
    """Everything before the damage is there; the rest is in `.torn`, and the log says so."""
    content = truth.content(truth.newest)
    before, ends = RECORDS - content.count(b'{"seq":'), set(line_ends(content))
    for offset in [0, 1, 100, *places_in(content)]:
        kept = before + records_before(content, offset)
        path = truth.damaged(tmp_path / "copy", truth.newest, how(offset))
        expected = truth
        if how is truncated and offset in ends:
            # Nothing can tell that there was more: the file ends with a whole line.
            expected = Truth(truth.path, truth.records[:kept], truth.states)
        assert read(path, expected) == kept, offset
        assert start(path, expected) == kept, offset
        assert check(path).whole, offset


@pytest.mark.parametrize("how", [truncated, zero_filled])
def test_a_tail_before_the_newest_is_torn(
    tmp_path: Path, truth: Truth, how: Callable[[int], Damage]
) -> None:
    """Later records are there, so it is no torn end: nobody goes on, and repairing says what goes.

    What is left then is everything before the damage.
    """
    first = tails_of(truth.path)[0].name
    content = truth.content(first)
    for offset in [0, 1, 100, *places_in(content)]:
        kept = RECORDS // 2 + records_before(content, offset)
        path = truth.damaged(tmp_path / "copy", first, how(offset))
        assert read(path, truth) is None, offset
        assert start(path, truth) is None, offset
        assert not check(path).whole, offset

        repaired = repair(path)
        assert repaired.last_seq == kept, offset
        assert repaired.problem
        assert 0 < repaired.lost_records <= RECORDS - kept
        torn = path.with_name(path.name + ".torn").read_bytes()
        assert torn.count(b'{"seq":') >= repaired.lost_records
        expected = Truth(truth.path, truth.records[:kept], truth.states)
        assert read(path, expected) == kept, offset
        assert start(path, expected) == kept, offset
        assert repair(path) == Repaired(kept)


def test_bits_of_a_tail_are_flipped(tmp_path: Path, truth: Truth) -> None:
    """One bit in the last line tears it; anywhere else it is damage that nobody goes on with."""
    chance = Random(1)
    for name in (one.name for one in tails_of(truth.path)):
        content = truth.content(name)
        last = line_ends(content)[-2]
        places = [*places_in(content)] + [chance.randrange(len(content)) for _ in range(20)]
        for offset in places:
            path = truth.damaged(tmp_path / "copy", name, flipped(offset, chance.randrange(8)))
            end = name == truth.newest and offset >= last
            # The last newline's loss joins two lines.
            torn = name == truth.newest and offset == last - 1
            kept = RECORDS - content[last:].count(b'{"seq":') if end else None
            found = start(path, truth)
            if torn:
                assert found is not None
                assert found >= RECORDS - 2
            else:
                assert found == kept, (name, offset)


def test_whole_lines_that_are_missing_are_noticed(tmp_path: Path, truth: Truth) -> None:
    """Each line is as it was written, and yet they are not those that were."""
    content = truth.content(truth.newest)
    ends = line_ends(content)
    for begin, end in pairwise(ends[:-1]):
        if b'{"seq":' not in content[begin:end]:
            continue
        path = truth.damaged(
            tmp_path / "copy",
            truth.newest,
            lambda content, begin=begin, end=end: content[:begin] + content[end:],  # type: ignore[misc]
        )
        assert start(path, truth) is None
        assert not check(path).whole


def test_files_that_are_missing_are_noticed(tmp_path: Path, truth: Truth) -> None:
    """The database, or a tail before the newest one."""
    names = [truth.path.name, *(one.name for one in tails_of(truth.path)[:-1])]
    for name in names:
        path = copied(truth.path.parent, tmp_path / "copy") / truth.path.name
        path.with_name(name).unlink()
        assert start(path, truth) is None, name


# --- the database ---------------------------------------------------------------------------------


def test_the_database_is_cut_or_zero_filled(tmp_path: Path, truth: Truth) -> None:
    """At every page, and amid: the start is refused, or nothing of the journal was hit."""
    size = len(truth.content(truth.path.name))
    for offset in [*range(0, size, 4_096), *range(100, size, 12_345), size - 1]:
        for how in (truncated, zero_filled):
            path = truth.damaged(tmp_path / "copy", truth.path.name, how(offset))
            assert start(path, truth) in {None, RECORDS}, (how, offset)
            path = truth.damaged(tmp_path / "copy", truth.path.name, how(offset))
            assert read(path, truth) in {None, RECORDS}, (how, offset)


@pytest.mark.parametrize("seed", [1, 2])
def test_bits_of_the_database_are_flipped(tmp_path: Path, truth: Truth, seed: int) -> None:
    """The start is refused, or all is as it was; likewise for whoever reads."""
    chance = Random(seed)
    size = len(truth.content(truth.path.name))
    starts, reads = list[int | None](), list[int | None]()
    for _ in range(120):
        damage = flipped(chance.randrange(size), chance.randrange(8))
        path = truth.damaged(tmp_path / "copy", truth.path.name, damage)
        reads.append(read(path, truth))
        starts.append(start(path, truth))
    assert set(starts) == set(reads) == {None, RECORDS}


def test_a_damaged_snapshot_is_passed_over(tmp_path: Path, truth: Truth) -> None:
    """Everything is stepped again from the beginning, the log says so, and it is written anew."""
    path = copied(truth.path.parent, tmp_path / "copy") / truth.path.name
    for damage in (
        "DELETE FROM interactions WHERE id = 'a'",
        "UPDATE interactions SET line = CAST(replace(line, 'seq', 'sea') AS BLOB)",
        "UPDATE interactions SET sum = 1",
    ):
        with sqlite3.connect(path) as connection:
            connection.execute(damage)
        connection.close()
        assert not check(path).whole
        with capture_logs() as logs:
            journal = open_journal(path)
            assert go_on(journal).interactions == truth.states[-1]
        assert "journal.snapshot_damaged" in {log["event"] for log in logs}
        journal.close()
        assert check(path).whole


def test_records_and_snapshot_damaged_is_too_much(tmp_path: Path, truth: Truth) -> None:
    """The start is refused; what stands before the damage can be saved."""
    path = copied(truth.path.parent, tmp_path / "copy") / truth.path.name
    journal = open_journal(path)
    go_on(journal)
    journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM interactions")
        connection.execute(
            "UPDATE blocks SET data = CAST(zeroblob(10) AS BLOB)"
            " WHERE position = (SELECT max(position) FROM blocks)"
        )
    connection.close()
    assert start(path, truth) is None
    assert len(check(path).findings) == 2

    saved = tmp_path / "saved.jsonl"
    with pytest.raises(MalformedRecord, match="was damaged"):
        export(path, saved)
    assert not saved.exists()
    exported = export(path, saved, until_damage=True)
    assert exported.problem is not None
    assert "was damaged" in exported.problem
    again = tmp_path / "again.db"
    kept = import_recordings([saved], again).last_seq
    assert kept > 0
    assert start(again, Truth(again, truth.records[:kept], truth.states)) == kept


def test_rows_that_come_back_or_go_are_noticed(tmp_path: Path, truth: Truth) -> None:
    """What the database says of its contents does not fit to them."""
    for damage in (
        "DELETE FROM blocks WHERE position = (SELECT max(position) FROM blocks)",
        "DELETE FROM contents",
        "UPDATE contents SET line = CAST(replace(line, 'through', 'throuhg') AS BLOB)",
        "DELETE FROM cuts",
        "UPDATE blocks SET lines = lines - 1",
        "UPDATE blocks SET position = position + 1",
        "UPDATE blocks SET data = 'text'",
        "UPDATE cuts SET line = CAST('{}' AS BLOB)",
        "DROP TABLE cuts",
    ):
        path = copied(truth.path.parent, tmp_path / "copy") / truth.path.name
        with sqlite3.connect(path) as connection:
            connection.execute(damage)
        connection.close()
        assert read(path, truth) is None, damage
        try:
            assert not check(path).whole, damage
        except MalformedRecord as error:
            _check_words(error, path)
        assert start(path, truth) in {None, RECORDS}, damage


# --- SQLite's log ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [truncated, zero_filled])
def test_the_log_is_cut_or_zero_filled(
    tmp_path: Path, in_fold: Truth, how: Callable[[int], Damage]
) -> None:
    """SQLite passes a torn end over, and the tails have what it held: nothing is lost."""
    name = "hookflash.db-wal"
    size = len(in_fold.content(name))
    for offset in [0, 1, 31, *range(32, size, 4_120), *range(2_000, size, 4_120), size - 1]:
        path = in_fold.damaged(tmp_path / "copy", name, how(offset))
        assert read(path, in_fold) == RECORDS, offset
        assert start(path, in_fold) == RECORDS, offset
        assert check(path).whole, offset


def test_bits_of_the_log_are_flipped(tmp_path: Path, in_fold: Truth) -> None:
    """Likewise; SQLite's checksums end it before the damage."""
    chance = Random(1)
    name = "hookflash.db-wal"
    size = len(in_fold.content(name))
    for _ in range(60):
        damage = flipped(chance.randrange(size), chance.randrange(8))
        path = in_fold.damaged(tmp_path / "copy", name, damage)
        assert start(path, in_fold) == RECORDS


def test_a_log_without_its_tails_is_as_good(tmp_path: Path, in_fold: Truth) -> None:
    """What was put away is in the log; where both are damaged, it is noticed."""
    path = copied(in_fold.path.parent, tmp_path / "copy") / in_fold.path.name
    tails_of(path)[0].unlink()
    copy = copied(path.parent, tmp_path / "other") / path.name
    assert start(path, in_fold) == RECORDS

    log = copy.with_name("hookflash.db-wal")
    log.write_bytes(log.read_bytes()[:-5_000])
    assert start(copy, in_fold) is None


# --- repairing ------------------------------------------------------------------------------------


def test_a_journal_in_use_is_not_repaired(tmp_path: Path) -> None:
    """Its process is named."""
    journal = open_journal(tmp_path / "hookflash.db")
    with pytest.raises(JournalError, match="in use by process"):
        repair(tmp_path / "hookflash.db")
    journal.close()
    assert repair(tmp_path / "hookflash.db") == Repaired(0)


def test_tails_of_another_journal_are_put_aside(tmp_path: Path, truth: Truth) -> None:
    """A database of an earlier day was put back, but the tails that are there are of today."""
    path = copied(truth.path.parent, tmp_path / "copy") / truth.path.name
    tails_of(path)[0].unlink()
    assert start(path, truth) is None
    repaired = repair(path)
    assert repaired.last_seq == RECORDS // 2
    assert "does not follow line" in repaired.problem
    assert repaired.lost_records == RECORDS // 2 - 7
    expected = Truth(truth.path, truth.records[: RECORDS // 2], truth.states)
    assert start(path, expected) == RECORDS // 2
