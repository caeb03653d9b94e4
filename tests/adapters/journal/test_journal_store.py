"""The journal in SQLite: its tail, what is put away, the snapshot, and days that are retired."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest
import trio
from structlog.testing import capture_logs
from tests.support.journals import (
    AT,
    DAY_S,
    GATEWAY,
    MACHINE,
    Play,
    crashed,
    go_on,
    keep_house,
    open_journal,
    recovered_of,
    seqs,
    tails_of,
    write,
)

from hookflash.adapters.journal import Disk, SqliteJournal, read_entries, read_recording
from hookflash.adapters.journal.checking import check
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.reading import JournalReader
from hookflash.adapters.journal.recording import read_header
from hookflash.engine.recovery import Recovered, recover
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import DefinitionChange, InteractionState, Record
from hookflash.machines.spec import parse_spec

T = TypeVar("T")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    folder = tmp_path / "journal"
    folder.mkdir()
    return folder / "hookflash.db"


def snapshot_of(path: Path) -> tuple[int, int]:
    """Return the record after the snapshot, and how many interactions are in it."""
    reader = JournalReader(path)
    snapshot = reader.contents().snapshot
    reader.close()
    return snapshot.next_seq, snapshot.rows


def size_of(path: Path) -> int:
    """Return the size of the database."""
    return path.stat().st_size


def read(path: Path) -> list[Record]:
    """Return all records of the journal."""
    return list(read_recording(path, MACHINE)[1])


# --- putting away ---------------------------------------------------------------------------------


async def test_a_full_tail_is_put_away_while_others_write(path: Path) -> None:
    """The snapshot follows, the file goes, and whoever reads sees every record once."""
    journal, play = open_journal(path, segment_records=10), Play()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        for count in (7, 7, 7, 7):
            write(journal, play, count)
            assert read(path) == play.records
            await trio.testing.wait_all_tasks_blocked()
            assert read(path) == play.records
        nursery.cancel_scope.cancel()

    assert snapshot_of(path) == (22, 3)
    assert [one.name for one in tails_of(path)] == ["hookflash.db.tail-000000000000022"]
    journal.close()
    assert snapshot_of(path) == (29, 3)
    assert check(path).whole


def test_nothing_is_put_away_without_anybody_to_do_it(path: Path) -> None:
    """Tails wait; closing puts them all away."""
    journal, play = open_journal(path, segment_records=10), Play()
    write(journal, play, 33)
    assert len(tails_of(path)) == 3
    journal.close()

    assert tails_of(path) == []
    assert read(path) == play.records


@pytest.mark.parametrize("closed", [True, False])
def test_recovery_begins_with_the_snapshot(path: Path, closed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """What comes of it is what all records prove, after a crash as after an end in peace."""
    journal, play = open_journal(path, segment_records=10), Play()
    write(journal, play, 35)
    found = crashed(path)
    if closed:
        journal.close()
        found = path
    again = open_journal(found)
    header, entries = again.recovery()
    assert header.first_seq == (36 if closed else 1)
    assert sum(isinstance(one, InteractionState) for one in entries) == (3 if closed else 0)
    again.close()

    again = open_journal(found)
    assert recovered_of(again).interactions == play.known
    again.close()
    journal.close()


async def test_a_start_after_a_crash_brings_the_snapshot_forward(path: Path) -> None:
    """With what the engine goes on with; the tail of the crashed run is put away at once."""
    journal, play = open_journal(path, segment_records=10), Play()
    write(journal, play, 25)
    found = crashed(path)
    journal.close()

    again = open_journal(found)
    assert len(tails_of(found)) == 4
    assert go_on(again).interactions == play.known
    await keep_house(again)
    assert snapshot_of(found) == (26, 3)
    assert len(tails_of(found)) == 1
    write(again, play, 5)
    again.close()
    assert snapshot_of(found) == (31, 3)
    assert check(found).whole

    last = open_journal(found)
    assert recovered_of(last).interactions == play.known
    last.close()


def test_without_adopting_the_snapshot_stays(path: Path) -> None:
    """Nobody knows how interactions stood that had no record since; the records are there."""
    journal, play = open_journal(path), Play()
    write(journal, play, 10)
    journal.close()
    assert snapshot_of(path) == (11, 3)
    for _ in range(2):
        journal = open_journal(path)
        write(journal, play, 1)
        journal.close()
    assert snapshot_of(path) == (11, 3)

    journal = open_journal(path)
    assert go_on(journal).interactions == play.known
    write(journal, play, 1)
    journal.close()
    assert snapshot_of(path) == (14, 3)
    assert check(path).whole


def test_an_interaction_that_was_forgotten_begins_anew(path: Path) -> None:
    """It is in the snapshot no longer, and what was said of it before counts no longer."""
    journal, play = open_journal(path), Play()
    write(journal, play, 10)
    play.forget("a")
    journal.forget("a")
    journal.close()
    assert snapshot_of(path) == (11, 2)

    journal = open_journal(path)
    assert set(go_on(journal).interactions) == {"b", "c"}
    write(journal, play, 10)
    journal.close()
    journal = open_journal(path)
    assert recovered_of(journal).interactions == play.known
    journal.close()


def test_what_is_not_adopted_is_forgotten(path: Path) -> None:
    """A start that leaves an interaction behind: the snapshot drops it."""
    journal, play = open_journal(path), Play()
    write(journal, play, 10)
    journal.close()

    journal = open_journal(path)
    found = recovered_of(journal)
    journal.adopt([InteractionState(10, found.interactions["b"])])
    write(journal, play := Play(ids=("b",), known={"b": play.known["b"]}, records=play.records), 1)
    journal.close()
    assert snapshot_of(path) == (12, 1)
    journal = open_journal(path)
    assert set(recovered_of(journal).interactions) == {"b"}
    journal.close()


def test_records_that_monitors_were_not_told_of_are_found(path: Path) -> None:
    """Also where the snapshot has passed them by; those that were told of are not."""
    journal, play = open_journal(path, segment_records=10), Play()
    write(journal, play, 35, batch=5, told=True)
    journal.append([], [], 32)
    found = crashed(path)
    journal.close()

    again = open_journal(found)
    go_on(again)
    assert again.untold() == []
    again.close()
    again = open_journal(found)
    assert recovered_of(again).interactions == play.known
    assert again.untold() == play.records[32:]
    again.close()


# --- days -----------------------------------------------------------------------------------------


@pytest.fixture
def days(path: Path) -> tuple[Path, Play]:
    """A journal of five days, ten records each, on which nothing was retired."""
    play = Play(every_s=DAY_S / 10)
    for _ in range(5):
        journal = open_journal(path)
        go_on(journal)
        write(journal, play, 10, batch=2)
        journal.close()
    return path, play


async def retire(path: Path, keep_days: int, after_days: float, **options: Any) -> None:
    """Let a journal be open for a while, as many days after its first record."""
    now = Instant(AT + round(after_days * DAY_S * 1_000_000))
    journal = open_journal(path, keep_days=keep_days, now=lambda: now, **options)
    go_on(journal)
    await keep_house(journal)
    journal.close()


async def test_old_days_are_put_into_recordings(days: tuple[Path, Play]) -> None:
    """Each is a recording of its own; together with the journal they are all that happened."""
    path, play = days
    before = read(path)
    assert before == play.records
    await retire(path, keep_days=2, after_days=4.9)

    parts = sorted((path.parent / "recordings").iterdir())
    assert [one.name for one in parts] == [
        f"hookflash-2026-11-{day}.jsonl" for day in ("22", "23", "24")
    ]
    found = [read(one) for one in (*parts, path)]
    assert [record for part in found for record in part] == play.records
    assert [part[0].seq for part in found] == [1, 5, 15, 25]
    for part in (*parts, path):
        assert check(part).whole
    second = list(read_entries(parts[1], MACHINE))
    assert sum(isinstance(one, InteractionState) for one in second) == 3

    again = open_journal(path)
    assert recovered_of(again).interactions == play.known
    again.close()


async def test_a_part_can_be_stepped_by_itself(days: tuple[Path, Play]) -> None:
    """From the states with which it begins to those with which the next one does."""
    path, play = days
    await retire(path, keep_days=1, after_days=4.9)
    for part in (path.parent / "recordings").iterdir():
        assert stepped(part)
    assert stepped(path) == play.known


def stepped(path: Path) -> dict[str, Any]:
    """Step a recording, or a journal as one; return how the interactions stand then."""
    header = read_header(path)
    definitions = Definitions(header, MACHINE, str(path))
    entries = read_entries(path, MACHINE, definitions)
    return recover(definitions, header, entries, str(path)).interactions


async def test_nothing_is_retired_before_its_day_is_old(days: tuple[Path, Play]) -> None:
    """Whole days count, and the one on which the snapshot lies behind stays."""
    path, play = days
    await retire(path, keep_days=5, after_days=4.9)
    assert not (path.parent / "recordings").exists()
    await retire(path, keep_days=4, after_days=4.9)
    assert len(list((path.parent / "recordings").iterdir())) == 1
    assert read(path) == play.records[4:]


async def test_a_journal_gives_the_space_of_old_days_back(path: Path) -> None:
    """The file shrinks."""
    play = Play(ids=[f"id-{number}" for number in range(500)], every_s=DAY_S / 4_000)
    for _ in range(3):
        journal = open_journal(path)
        go_on(journal)
        write(journal, play, 4_000, batch=50)
        journal.close()
    before = size_of(path)
    await retire(path, keep_days=1, after_days=3.5)

    assert size_of(path) < before * 0.7
    assert check(path).whole


async def test_a_recording_that_is_there_is_not_overwritten(days: tuple[Path, Play]) -> None:
    """The same content is as good; other content stays, and so do the days."""
    path, play = days
    folder = path.parent / "recordings"
    copy = crashed(path)
    await retire(path, keep_days=4, after_days=4.9)
    (day,) = folder.iterdir()
    content = day.read_bytes()

    await retire(copy, keep_days=4, after_days=4.9, recordings=folder)
    assert (day.read_bytes(), len(read(copy))) == (content, 46)

    other = folder / "hookflash-2026-11-23.jsonl"
    other.write_text("somebody's\n")
    with capture_logs() as logs:
        await retire(path, keep_days=3, after_days=4.9)
    assert other.read_text() == "somebody's\n"
    assert read(path) == play.records[4:]
    assert "is another recording" in str(logs)


async def test_retiring_is_tried_again(days: tuple[Path, Play]) -> None:
    """A folder that cannot be made is trouble for the log, not for the journal."""
    path, play = days
    (path.parent / "recordings").write_text("in the way")
    with capture_logs() as logs:
        await retire(path, keep_days=1, after_days=4.9)
    assert "journal.housekeeping_failed" in str(logs)
    assert read(path) == play.records
    (path.parent / "recordings").unlink()
    await retire(path, keep_days=1, after_days=4.9)
    assert len(list((path.parent / "recordings").iterdir())) == 4


# --- definitions ----------------------------------------------------------------------------------


def other_definition() -> Machine[Any, Any]:
    """Return the hold machine under a definition that says one thing in other words."""
    # With characters in it that end lines elsewhere.
    words = "The interaction is over.\u2028\x85\u2029"
    text = MACHINE.spec.text.replace("The interaction ended.", words)
    return Machine(parse_spec(text, "specs/hold.toml"), MACHINE.implementation, HoldPolicy())


def change_to(machine: Machine[Any, Any]) -> DefinitionChange:
    """Return the change to the definition of *machine*."""
    codec = RecordCodec(machine)
    return DefinitionChange(AT, machine.spec.digest, machine.spec.text, codec.policy_fields())


@pytest.mark.parametrize("closed", [True, False])
def test_another_definition_is_written_down_before_anything_else(
    path: Path,
    closed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """What goes on under the old one says so, and its text stays with the journal."""
    journal, play = open_journal(path), Play()
    write(journal, play, 10)
    journal.close()

    today = other_definition()
    journal = open_journal(path, machine=today)
    found = recovered_of(journal)
    assert found.spec_hash == MACHINE.spec.digest
    with pytest.raises(JournalError, match="no change of it is noted"):
        journal.append([], [], 10)
    earlier = MACHINE.spec.digest
    journal.change_definition(
        change_to(today),
        [
            InteractionState(10, found.interactions["a"], earlier),
            InteractionState(10, found.interactions["b"]),
        ],
    )
    play.known.pop("c")
    play.machine = today
    for _ in range(12):
        records, after = play.next(1)
        old = records[0].interaction_id == "a"
        journal.append([attrs.evolve(records[0], spec_hash=earlier if old else None)], after)
    expected = play.known
    known = crashed(path) if not closed else path
    journal.close()

    again = open_journal(known, machine=today)
    found = recovered_of(again)
    assert found.interactions == {**expected}
    assert (found.spec_hash, found.definitions) == (today.spec.digest, {"a": earlier})
    assert not closed or again.header.spec_hash == earlier
    again.close()
    assert len(list(read_recording(known, today)[1])) == 22
    assert check(known).whole


def test_a_definition_that_nothing_needs_is_left_behind(path: Path) -> None:
    """After one more change only the ones in use are carried along."""
    journal, play = open_journal(path), Play()
    write(journal, play, 10)
    journal.close()
    machines = [other_definition(), MACHINE]
    for machine in machines:
        journal = open_journal(path, machine=machine)
        found = recovered_of(journal)
        states = [InteractionState(10, one) for one in found.interactions.values()]
        journal.change_definition(change_to(machine), states)
        journal.close()

    journal = open_journal(path)
    assert journal.header.spec_hash == MACHINE.spec.digest
    assert recovered_of(journal).interactions == play.known
    journal.close()
    assert check(path).whole


def test_a_change_of_definition_is_whole_or_not_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it cannot be written, the journal is as it was."""
    journal, play = open_journal(path), Play()
    write(journal, play, 10)
    journal.close()
    today = other_definition()
    journal = open_journal(path, machine=today)
    found = recovered_of(journal)
    states = [InteractionState(10, one) for one in found.interactions.values()]

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", refuse)
        with pytest.raises(JournalError, match="Input/output error"):
            journal.change_definition(change_to(today), states)
    copy = crashed(path)
    journal.change_definition(change_to(today), states)
    journal.close()

    again = open_journal(copy)
    assert recovered_of(again).interactions == play.known
    again.close()
    assert not list(path.parent.glob("*.new"))


# --- the disk -------------------------------------------------------------------------------------


class CountingDisk(Disk):
    """Counts, and fails where it is told to."""

    def __init__(self) -> None:
        self.syncs = 0
        self.folders = 0
        self.failing: set[str] = set()

    def _check(self, name: str) -> None:
        if name in self.failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    def open(self, path: Path, flags: int) -> int:
        if flags & os.O_EXCL:
            self._check("make")
        return super().open(path, flags)

    def write(self, fd: int, data: bytes) -> int:
        self._check("write")
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.syncs += 1
        self._check("sync")
        super().sync(fd)

    def sync_folder(self, path: Path) -> None:
        self.folders += 1
        self._check("folder")
        super().sync_folder(path)

    def remove(self, path: Path) -> None:
        self._check("remove")
        super().remove(path)


class Waits:
    """Holds what blocks back until it is let through."""

    def __init__(self) -> None:
        self.waiting = 0
        self.open = trio.Event()

    async def __call__(self, function: Callable[[], T], /) -> T:
        self.waiting += 1
        await self.open.wait()
        return function()


async def test_one_wait_for_the_disk_serves_many(path: Path) -> None:
    """All that was appended before it began; what came later shares the next one."""
    disk, waits = CountingDisk(), Waits()
    journal, play = open_journal(path, synced=True, disk=disk, in_thread=waits), Play()
    disk.folders = 0
    done: list[int] = []

    async def append(number: int) -> None:
        write(journal, play, 1)
        await journal.sync()
        done.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(append, 1)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(2, 10):
            nursery.start_soon(append, number)
        await trio.testing.wait_all_tasks_blocked()
        assert (done, waits.waiting) == ([], 1)
        waits.open.set()
    assert (sorted(done), disk.syncs, disk.folders) == (list(range(1, 10)), 2, 1)
    await journal.sync()
    journal.sync_now()
    assert disk.syncs == 2
    journal.close()


async def test_a_wait_that_is_cancelled_is_taken_over(path: Path) -> None:
    """By somebody else who waits."""
    disk, waits = CountingDisk(), Waits()
    journal, play = open_journal(path, synced=True, disk=disk, in_thread=waits), Play()
    disk.folders = 0
    write(journal, play, 1)
    with trio.CancelScope() as first:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.sync)
            await trio.testing.wait_all_tasks_blocked()
            first.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.sync)
        await trio.testing.wait_all_tasks_blocked()
        waits.open.set()
    assert (waits.waiting, disk.syncs, disk.folders) == (2, 1, 1)
    journal.close()


@pytest.mark.parametrize("what", ["sync", "folder"])
async def test_a_disk_that_cannot_sync_stops_the_journal(path: Path, what: str) -> None:
    """Who waits learns of it; a later sync would tell nothing of what was lost."""
    disk = CountingDisk()
    journal, play = open_journal(path, synced=True, disk=disk), Play()
    write(journal, play, 1)
    disk.failing.add(what)
    with pytest.raises(JournalError, match="cannot be synced to disk: No space left"):
        await journal.sync()
    disk.failing.clear()
    if what == "sync":
        with pytest.raises(JournalError, match="cannot be synced to disk: No space left"):
            await journal.sync()
        with pytest.raises(JournalError, match="cannot be synced to disk: No space left"):
            write(journal, play, 1)
    journal.close()


async def test_a_tail_is_synced_before_it_is_left(path: Path) -> None:
    """Where effects wait for the disk, they wait for the tail before the newest one too."""
    disk = CountingDisk()
    journal, play = open_journal(path, synced=True, disk=disk, segment_records=10), Play()
    write(journal, play, 9)
    await journal.sync()
    disk.syncs = disk.folders = 0
    write(journal, play, 8)
    await journal.sync()
    assert (disk.syncs, disk.folders) == (2, 1)
    journal.close()


async def test_a_tail_that_cannot_be_made_lets_the_old_one_go_on(path: Path) -> None:
    """Nothing is lost, and it is tried again later."""
    disk = CountingDisk()
    journal, play = open_journal(path, disk=disk, segment_records=10), Play(every_s=0.01)
    write(journal, play, 10)
    disk.failing.add("make")
    with capture_logs() as logs:
        write(journal, play, 900)
    assert [one["event"] for one in logs] == ["journal.tail_goes_on"]
    disk.failing.clear()
    assert len(tails_of(path)) == 1
    write(journal, play, 200)
    assert len(tails_of(path)) > 1
    journal.close()
    assert read(path) == play.records


async def test_a_full_disk_lets_tails_wait(path: Path) -> None:
    """Appending may still succeed; what cannot be put away is tried again."""
    journal, play = open_journal(path, segment_records=100), Play()
    database = journal._opened.database  # pyright: ignore[reportPrivateUsage] - to fill the disk
    (pages,) = database.connection.execute("PRAGMA page_count").fetchone()
    database.connection.execute(f"PRAGMA max_page_count = {pages}")
    ids = Play(ids=[f"an interaction with a long name, {number}" for number in range(90)])
    write(journal, ids, 250)
    with capture_logs() as logs:
        await keep_house(journal)
    assert [one["event"] for one in logs] == ["journal.housekeeping_failed"]
    assert "full" in logs[0]["reason"]
    assert len(tails_of(path)) == 3
    assert read(path) == ids.records
    assert play.records == []

    database.connection.execute("PRAGMA max_page_count = 1000000")
    write(journal, ids, 100)
    await keep_house(journal)
    assert len(tails_of(path)) == 1
    journal.close()
    assert check(path).whole


def test_trouble_at_the_end_leaves_the_tail(path: Path) -> None:
    """Closing does not fail; the next run puts away what is there."""
    disk = CountingDisk()
    journal, play = open_journal(path, disk=disk), Play()
    write(journal, play, 10)
    disk.failing.add("remove")
    with capture_logs() as logs:
        journal.close()
    assert [one["event"] for one in logs] == ["journal.housekeeping_failed"]
    assert len(tails_of(path)) == 1
    assert read(path) == play.records

    journal = open_journal(path)
    assert tails_of(path)[0].name == "hookflash.db.tail-000000000000011"
    assert recovered_of(journal).interactions == play.known
    journal.close()


async def test_somebody_who_reads_holds_nothing_up(path: Path) -> None:
    """A tail stays while a reader is in the way, and goes when he is gone."""
    journal, play = open_journal(path, segment_records=10), Play()
    write(journal, play, 10)
    reader = JournalReader(path)
    with reader.at_one_moment(), capture_logs() as logs:
        next(reader.from_beginning())
        write(journal, play, 1)
        await keep_house(journal)
    assert [one["event"] for one in logs] == ["journal.reader_in_the_way"]
    assert len(tails_of(path)) == 2
    reader.close()
    write(journal, play, 15)
    await keep_house(journal)
    assert len(tails_of(path)) == 1
    assert read(path) == play.records
    journal.close()


async def test_what_is_derived_comes_first(path: Path) -> None:
    """Nothing is put away before what is made of it is on its disk."""
    journal, play = open_journal(path, segment_records=10), Play()
    refused = True

    def derive() -> None:
        if refused:
            raise JournalError("the audit log is not there", path="audit")

    journal.before_putting_away(derive)
    write(journal, play, 25)
    with capture_logs() as logs:
        await keep_house(journal)
    assert [one["event"] for one in logs] == ["journal.housekeeping_failed"]
    assert len(tails_of(path)) == 3
    refused = False
    journal.close()
    assert tails_of(path) == []


def test_a_journal_that_is_nearly_full_says_so(path: Path) -> None:
    """Once, when a tail is handed over."""
    journal, play = open_journal(path, segment_records=10, bytes_max=300_000), Play()
    with capture_logs() as logs, pytest.raises(JournalError, match="may have 300000 at most"):
        write(journal, play, 2_000)
    assert [one["event"] for one in logs] == ["journal.nearly_full"]
    journal.close()


# --- openings -------------------------------------------------------------------------------------


def test_an_opening_that_fails_gives_all_back(path: Path) -> None:
    """Lock and descriptors."""
    open_journal(path).close()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not read
    disk = CountingDisk()
    disk.failing.add("make")
    for _ in range(2):
        with pytest.raises(JournalError, match="cannot be made: No space left"):
            open_journal(path, disk=disk)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - the same

    disk.failing = {"write"}
    with pytest.raises(JournalError, match="cannot be written: No space left"):
        open_journal(path, disk=disk)
    assert tails_of(path) == []
    stricter = MACHINE.with_policy(HoldPolicy(limit_s=60.0))
    disk.failing = set()
    open_journal(path, machine=stricter).close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - the same


def test_threads_are_used_where_none_are_given(path: Path) -> None:
    """One for waiting for the disk, one for keeping house."""

    async def main() -> None:
        journal = SqliteJournal.open(
            path, MACHINE, gateway=GATEWAY, now=lambda: AT, synced=True, segment_records=10
        )
        play = Play()
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            write(journal, play, 25)
            await journal.sync()
            with trio.fail_after(10):
                while len(tails_of(path)) > 1:
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        journal.close()
        assert read(path) == play.records

    trio.run(main)


def test_a_recovery_of_nothing_is_empty(path: Path) -> None:
    """A new journal proves nothing, and adopting nothing is fine."""
    journal = open_journal(path)
    assert recovered_of(journal) == Recovered(spec_hash=MACHINE.spec.digest)
    assert journal.untold() == []
    journal.adopt([])
    journal.close()
    assert seqs(read_recording(path)[1]) == []
