"""The journals: one contract for all, and what the one in files has to do when it is opened."""

import errno
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.support.journals import (
    AT,
    GATEWAY,
    MACHINE,
    Play,
    go_on,
    open_journal,
    recovered_of,
    seqs,
    tails_of,
    write,
)

from hookflash.adapters.journal import MemoryJournal, SqliteJournal, read_entries, read_recording
from hookflash.adapters.journal.recording import read_header
from hookflash.adapters.specifications import load_machine
from hookflash.engine.ports import Journal
from hookflash.machines.errors import JournalError, MalformedRecord
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import PolicyChange, Record, Told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    folder = tmp_path / "journal"
    folder.mkdir()
    return folder / "hookflash.db"


@pytest.fixture(params=["process", "power", "memory"])
def journal(request: pytest.FixtureRequest, path: Path) -> Iterator[Journal]:
    """A journal of each kind."""
    made: Journal = (
        MemoryJournal()
        if request.param == "memory"
        else open_journal(path, synced=request.param == "power")
    )
    yield made
    made.close()


def kept(journal: Journal, path: Path) -> list[Record]:
    """Return what the journal holds."""
    if isinstance(journal, MemoryJournal):
        return list(journal.records)
    return list(read_recording(path)[1])


# --- the contract of all --------------------------------------------------------------------------


def test_records_are_kept_in_order(journal: Journal, path: Path) -> None:
    """What was appended is there when append returns, numbered from 1."""
    play = Play()
    assert journal.next_seq == 1
    journal.append(*play.next(2))
    journal.append([], [])
    journal.append(*play.next(1))

    assert journal.next_seq == 4
    assert kept(journal, path) == play.records


@pytest.mark.parametrize("dropped", [(0,), (1,), (0, 1)])
def test_records_must_follow(journal: Journal, path: Path, dropped: tuple[int, ...]) -> None:
    """Records out of order are refused, and nothing is written."""
    records, after = Play().next(3)
    left = [index for index in range(3) if index not in dropped]

    with pytest.raises(JournalError, match="do not follow 0"):
        journal.append([records[index] for index in left], [after[index] for index in left])

    assert journal.next_seq == 1
    assert kept(journal, path) == []


def test_a_closed_journal_takes_nothing(journal: Journal) -> None:
    """Closing twice is fine; appending afterwards is an error."""
    journal.close()
    journal.close()

    with pytest.raises(JournalError, match="closed"):
        journal.append(*Play().next(1))


async def test_what_was_appended_can_be_waited_for(journal: Journal) -> None:
    """Waiting for the disk returns, also where there is nothing to wait for, and none is needed."""
    await journal.sync()
    journal.append(*Play().next(3))
    await journal.sync()
    await journal.sync()
    journal.sync_now()


async def test_house_is_kept_until_cancelled(journal: Journal) -> None:
    """Forgetting and telling may come at any time."""
    play = Play()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        journal.append(*play.next(3), told_through=0)
        journal.forget("a")
        journal.append([], [], told_through=3)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


# --- memory ---------------------------------------------------------------------------------------


def test_memory_is_bounded() -> None:
    """The oldest records are forgotten beyond the bound."""
    journal = MemoryJournal(records_max=2)
    journal.append(*Play().next(3), told_through=2)

    assert [one.seq for one in journal.records] == [2, 3]
    assert (journal.next_seq, journal.told_through) == (4, 2)


# --- files ----------------------------------------------------------------------------------------


def test_a_journal_goes_on_where_it_ended(path: Path) -> None:
    """The header is written once, and numbers rise through all openings."""
    play = Play()
    for seq in (1, 2, 3):
        journal = open_journal(path)
        assert journal.next_seq == seq
        go_on(journal)
        write(journal, play, 1)
        journal.close()

    header, records = read_recording(path)
    assert list(records) == play.records
    assert (header.gateway, header.machine, header.created) == (GATEWAY, "hold", AT)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_closed_in_peace_is_one_file(path: Path) -> None:
    """Beside the database only the lock is left: it can be copied, and read anywhere."""
    journal = open_journal(path)
    write(journal, Play(), 10)
    assert [one.name for one in tails_of(path)] == ["hookflash.db.tail-000000000000001"]
    assert tails_of(path)[0].stat().st_mode & 0o777 == 0o600
    journal.close()

    assert sorted(one.name for one in path.parent.iterdir()) == [
        "hookflash.db",
        "hookflash.db.lock",
    ]


def test_reading_leaves_nothing_behind(path: Path) -> None:
    """Neither beside a journal that is at rest, nor beside one that is written to."""
    journal = open_journal(path)
    write(journal, Play(), 10)
    list(read_recording(path)[1])
    journal.close()
    before = sorted(path.parent.iterdir())
    list(read_recording(path)[1])

    assert sorted(path.parent.iterdir()) == before


def test_a_thrown_away_journal_is_not_put_away(path: Path) -> None:
    """Where the file goes with the program, closing it costs nothing."""
    journal = open_journal(path, lasting=False)
    write(journal, Play(), 10)
    journal.close()

    assert len(tails_of(path)) == 1


def test_a_second_process_is_refused_by_name(path: Path) -> None:
    """The lock's holder is named by its process id; closing gives the lock back."""
    journal = open_journal(path)
    with pytest.raises(JournalError, match=rf"in use by process {os.getpid()}\b") as caught:
        open_journal(path)
    assert caught.value.parts["pid"] == os.getpid()

    journal.close()
    open_journal(path).close()


HOLDER = """
import sys
from pathlib import Path
from tests.support.journals import Play, open_journal, write
journal = open_journal(Path(sys.argv[1]), segment_records=40)
write(journal, Play(), 100)
print("written", flush=True)
sys.stdin.read()
"""


def test_what_was_appended_survives_a_kill(path: Path) -> None:
    """After SIGKILL everything is there, the lock is free, and the dead one was named."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"written\n"
        with pytest.raises(JournalError, match=f"in use by process {holder.pid}"):
            open_journal(path)
        holder.send_signal(signal.SIGKILL)

    play = Play()
    play.next(100)
    assert len(tails_of(path)) == 3
    journal = open_journal(path)
    assert journal.next_seq == 101
    assert recovered_of(journal).interactions == play.known
    journal.close()
    assert list(read_recording(path)[1]) == play.records


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"gateway": "other:1"}, f"belongs to the gateway '{GATEWAY}', not to 'other:1'"),
        ({"machine": "connection"}, "records the machine 'hold', not 'connection'"),
    ],
)
def test_a_journal_of_something_else_is_refused(
    path: Path, options: dict[str, Any], problem: str
) -> None:
    """Another gateway or machine is an error, and the file stays as it is."""
    open_journal(path).close()
    before = path.read_bytes()
    if "machine" in options:
        options = options | {"machine": load_machine(options["machine"])}

    for _ in range(2):
        with pytest.raises(JournalError, match=problem):
            open_journal(path, **options)
    assert path.read_bytes() == before


def test_another_policy_is_noted(path: Path) -> None:
    """A changed policy is a line of its own, without a number, written once."""
    stricter = HoldPolicy(limit_s=60.0)
    play = Play()
    for seq, policy in enumerate([HoldPolicy(), stricter, stricter, HoldPolicy()], start=1):
        machine = MACHINE.with_policy(policy)
        play.machine = machine
        journal = open_journal(path, machine=machine)
        assert journal.next_seq == seq
        go_on(journal)
        write(journal, play, 1)
        journal.close()

    entries = list(read_entries(path, MACHINE))
    kinds = ["policy" if isinstance(one, PolicyChange) else one.seq for one in entries]  # type: ignore[union-attr]
    assert kinds == [1, "policy", 2, 3, "policy", 4]
    changes = [one.policy["limit_s"] for one in entries if isinstance(one, PolicyChange)]
    assert changes == [60.0, 900.0]


def test_what_monitors_were_told_is_noted(path: Path) -> None:
    """A line of its own before the records that follow; also without any."""
    journal = open_journal(path)
    write(journal, Play(), 4, batch=2, told=True)
    journal.append([], [], 4)
    journal.close()

    entries = list(read_entries(path, MACHINE))
    told = [one.through if isinstance(one, Told) else "record" for one in entries]
    assert told == [0, "record", "record", 2, "record", "record", 4]


def test_the_size_has_a_limit(path: Path) -> None:
    """Beyond the limit nothing is written, and the error says what to do."""
    open_journal(path).close()
    journal = open_journal(path, bytes_max=path.stat().st_size + 40_000)
    play = Play()
    write(journal, play, 10)
    with pytest.raises(JournalError, match="bytes and may have") as caught:
        write(journal, play, 1000)
    assert "raise [journal] max_bytes" in caught.value.advice
    written = journal.next_seq - 1
    assert 10 <= written < 100
    journal.close()

    assert seqs(read_recording(path)[1]) == list(range(1, written + 1))


def test_a_full_disk_leaves_the_file_whole(path: Path) -> None:
    """A batch that the kernel writes in part is cut back; the same batch fits later."""
    journal = open_journal(path)
    play = Play()
    write(journal, play, 1)
    whole = tails_of(path)[0].read_bytes()
    records, after = play.next(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, hard))
    try:
        with pytest.raises(JournalError, match="cannot be written"):
            journal.append(records, after)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert tails_of(path)[0].read_bytes() == whole
    journal.append(records, after)
    journal.close()
    assert seqs(read_recording(path)[1]) == [1, 2]


def test_a_file_that_cannot_be_cut_back_takes_nothing_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If even the cutting back fails, the journal says so from then on."""

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = open_journal(path)
    play = Play()
    write(journal, play, 1)
    records, after = play.next(1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(JournalError, match="No space left on device"):
            journal.append(records, after)

    with pytest.raises(JournalError, match="nor cut back; open it again"):
        journal.append(records, after)
    journal.close()


def test_a_record_that_cannot_be_written_leaves_no_trace(path: Path) -> None:
    """Nothing of a batch is written if one of its records cannot be."""
    journal = open_journal(path)
    records, after = Play().next(2)
    with pytest.raises(MalformedRecord):
        journal.append([records[0], attrs.evolve(records[1], event=object())], after)

    assert journal.next_seq == 1
    assert kept(journal, path) == []
    journal.close()


# --- what may be at its place ---------------------------------------------------------------------


def _folder(path: Path) -> None:
    path.mkdir()


def _nowhere(path: Path) -> None:
    path.parent.rename(path.parent.with_name("gone"))


def _empty(path: Path) -> None:
    path.touch()


def _recording(path: Path) -> None:
    path.write_bytes(b'{"format":1,"kind":"recording"}\n')


def _letter(path: Path) -> None:
    path.write_bytes(b"Dear Sir or Madam,\n")


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE x (y)")
    connection.close()


def _later_version(path: Path) -> None:
    open_journal(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def _only_a_tail(path: Path) -> None:
    journal = open_journal(path, lasting=False)
    write(journal, Play(), 1)
    journal.close()
    path.unlink()


def _only_a_log(path: Path) -> None:
    path.with_name("hookflash.db-wal").write_bytes(b"x")


@pytest.mark.parametrize(
    ("put", "problem"),
    [
        (_folder, "is no regular file"),
        (_nowhere, "its folder does not exist"),
        (_empty, "is empty, which a journal never is"),
        (_recording, "hookflash import jsonl FILE -o .*hookflash.db"),
        (_letter, "is no journal of hookflash"),
        (_other_database, "is no journal of hookflash"),
        (_later_version, "was made by a later version"),
        (_only_a_tail, r"is missing, but hookflash.db.tail-000000000000001 is there"),
        (_only_a_log, r"is missing, but hookflash.db-wal is there"),
    ],
)
def test_a_place_of_no_use_is_named(path: Path, put: Callable[[Path], None], problem: str) -> None:
    """What is there is not touched, the error names the path, and the lock is given back."""
    put(path)

    for _ in range(2):
        with pytest.raises(JournalError, match=str(path)) as caught:
            open_journal(path)
        assert caught.match(problem)


def test_a_journal_is_read_as_a_recording_is(path: Path) -> None:
    """Whoever reads a recording reads a journal, also while it is written to."""
    journal = open_journal(path)
    play = Play()
    write(journal, play, 5)

    assert read_header(path).machine == "hold"
    assert list(read_recording(path)[1]) == play.records
    assert isinstance(journal, SqliteJournal)
    journal.close()
