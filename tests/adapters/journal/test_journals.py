"""The journals: one contract for all, and what only the one in a file has to do."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hookflash.adapters.journal import (
    JsonLinesJournal,
    MemoryJournal,
    read_entries,
    read_header,
    read_recording,
    read_steps,
)
from hookflash.adapters.specifications import load_machine
from hookflash.engine.ports import Journal
from hookflash.machines.codec import RecordCodec
from hookflash.machines.effects import LookUp
from hookflash.machines.errors import JournalError, MalformedRecord
from hookflash.machines.events import LinkRestored
from hookflash.machines.instants import from_text
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import PolicyChange, Record, RecordedStep

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
GATEWAY = "localhost:8443"
MACHINE = load_machine("hold")


def record(seq: int) -> Record:
    """Return a record with this number."""
    return Record(seq, ID, LinkRestored(AT), "held", "held", (LookUp(urgent=False),))


def open_journal(path: Path, **options: Any) -> JsonLinesJournal:
    """Open a journal of the hold machine."""
    return JsonLinesJournal.open(
        path, options.pop("machine", MACHINE), gateway=GATEWAY, now=lambda: AT, **options
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "hookflash.db"


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, path: Path) -> Iterator[Journal]:
    """A journal of either kind."""
    made: Journal = open_journal(path) if request.param == "file" else MemoryJournal()
    yield made
    made.close()


def kept(journal: Journal, path: Path) -> list[Record]:
    """Return what the journal holds."""
    if isinstance(journal, MemoryJournal):
        return list(journal.records)
    return list(read_recording(path)[1])


# --- the contract of both -------------------------------------------------------------------------


def test_records_are_kept_in_order(journal: Journal, path: Path) -> None:
    """What was appended is there when append returns, numbered from 1."""
    assert journal.next_seq == 1
    journal.append([record(1), record(2)])
    journal.append([])
    journal.append([record(3)])

    assert journal.next_seq == 4
    assert kept(journal, path) == [record(1), record(2), record(3)]


@pytest.mark.parametrize("seqs", [(2,), (1, 3), (0, 1)])
def test_records_must_follow(journal: Journal, path: Path, seqs: tuple[int, ...]) -> None:
    """Records out of order are refused, and nothing is written."""
    with pytest.raises(JournalError, match="do not follow 0"):
        journal.append([record(seq) for seq in seqs])

    assert journal.next_seq == 1
    assert kept(journal, path) == []


def test_a_closed_journal_takes_nothing(journal: Journal) -> None:
    """Closing twice is fine; appending afterwards is an error."""
    journal.close()
    journal.close()

    with pytest.raises(JournalError, match="closed"):
        journal.append([record(1)])


# --- memory ---------------------------------------------------------------------------------------


def test_memory_is_bounded() -> None:
    """The oldest records are forgotten beyond the bound."""
    journal = MemoryJournal(records_max=2)
    journal.append([record(1), record(2), record(3)])

    assert [one.seq for one in journal.records] == [2, 3]
    assert journal.next_seq == 4


# --- files ----------------------------------------------------------------------------------------


def test_a_journal_goes_on_where_it_ended(path: Path) -> None:
    """The header is written once, and numbers rise through all openings."""
    for seq in (1, 2, 3):
        journal = open_journal(path)
        journal.append([record(seq)])
        journal.close()

    header, records = read_recording(path)
    assert [one.seq for one in records] == [1, 2, 3]
    assert (header.gateway, header.machine, header.created) == (GATEWAY, "hold", AT)
    assert header == read_header(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_process_is_refused_by_name(path: Path) -> None:
    """The lock's holder is named by its process id; closing gives the lock back."""
    journal = open_journal(path)
    with pytest.raises(JournalError, match=rf"in use by process {os.getpid()}\b") as caught:
        open_journal(path)
    assert caught.value.parts["pid"] == os.getpid()

    journal.close()
    open_journal(path).close()


HOLDER = """
import os, sys, time
from pathlib import Path
from hookflash.adapters.journal import JsonLinesJournal
from hookflash.adapters.specifications import load_machine
from hookflash.machines.events import LinkRestored
from hookflash.machines.instants import Instant
from hookflash.machines.records import Record
journal = JsonLinesJournal.open(
    sys.argv[1], load_machine("hold"), gateway="localhost:8443", now=lambda: Instant(0))
for seq in range(1, 101):
    journal.append([Record(seq, "i", LinkRestored(Instant(0)), "held", "held", ())])
print("written", flush=True)
sys.stdin.read()
"""


def test_what_was_appended_survives_a_kill(path: Path) -> None:
    """After SIGKILL everything is in the file, the lock is free, and the dead one was named."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"written\n"
        with pytest.raises(JournalError, match=f"in use by process {holder.pid}"):
            open_journal(path)
        holder.send_signal(signal.SIGKILL)

    journal = open_journal(path)
    assert journal.next_seq == 101
    journal.close()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"gateway": "other:1"}, "belongs to the gateway 'other:1', not to 'localhost:8443'"),
        ({"machine": "door"}, "records the machine 'door', not 'hold'"),
        ({"spec_hash": "0" * 64}, "another definition of the machine 'hold'"),
    ],
)
def test_a_journal_of_something_else_is_refused(
    path: Path, change: dict[str, str], problem: str
) -> None:
    """Another gateway, machine or definition is an error, and the file stays as it is."""
    open_journal(path).close()
    line = json.dumps(json.loads(path.read_bytes()) | change) + "\n"
    path.write_text(line)

    with pytest.raises(JournalError, match=problem):
        open_journal(path)
    assert path.read_text() == line


def test_another_policy_is_noted(path: Path) -> None:
    """A changed policy is a line of its own, without a number, written once."""
    stricter = HoldPolicy(limit_s=60.0)
    for seq, policy in enumerate([HoldPolicy(), stricter, stricter, HoldPolicy()], start=1):
        journal = open_journal(path, machine=MACHINE.with_policy(policy))
        assert journal.next_seq == seq
        journal.append([record(seq)])
        journal.close()

    entries = list(read_entries(path, MACHINE))
    kinds = ["policy" if isinstance(one, PolicyChange) else one.seq for one in entries]
    assert kinds == [1, "policy", 2, 3, "policy", 4]
    changes = [one.policy["limit_s"] for one in entries if isinstance(one, PolicyChange)]
    assert changes == [60.0, 900.0]
    assert [one.seq for one in read_recording(path)[1]] == [1, 2, 3, 4]


@pytest.mark.parametrize("torn", [b'{"seq":3,"at":"20', b"\0" * 70_000, b'{"seq"'])
def test_a_torn_line_is_cut_aside(path: Path, torn: bytes) -> None:
    """What a crash left behind the last newline goes to `PATH.torn`; the journal goes on."""
    journal = open_journal(path)
    journal.append([record(1), record(2)])
    journal.close()
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(torn)

    assert [one.seq for one in read_recording(path)[1]] == [1, 2]
    journal = open_journal(path)
    assert journal.next_seq == 3
    assert path.read_bytes() == whole
    assert path.with_name("hookflash.db.torn").read_bytes() == torn + b"\n"
    journal.close()


def test_a_torn_header_begins_the_journal_anew(path: Path) -> None:
    """A file that a crash left before its first newline is as good as empty."""
    path.write_bytes(b'{"format":1')

    journal = open_journal(path)
    assert journal.next_seq == 1
    assert read_header(path).gateway == GATEWAY
    journal.close()


def test_the_size_has_a_limit(path: Path) -> None:
    """Beyond the limit nothing is written, and the error says what to do."""
    open_journal(path).close()
    size = path.stat().st_size
    journal = open_journal(path, bytes_max=size + 300)
    journal.append([record(1)])

    with pytest.raises(JournalError, match=f"may have {size + 300} at most") as caught:
        journal.append([record(2)])
    assert "raise the limit" in caught.value.advice
    assert journal.next_seq == 2
    journal.close()


def test_a_full_disk_leaves_the_file_whole(path: Path) -> None:
    """A batch that the kernel writes in part is cut back; the same batch fits later."""
    journal = open_journal(path)
    journal.append([record(1)])
    whole = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, hard))
    try:
        with pytest.raises(JournalError, match="cannot be written"):
            journal.append([record(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert path.read_bytes() == whole
    journal.append([record(2)])
    assert [one.seq for one in read_recording(path)[1]] == [1, 2]
    journal.close()


def test_a_file_that_cannot_be_cut_back_takes_nothing_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If even the cutting back fails, the journal says so from then on."""

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = open_journal(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(JournalError, match="No space left on device"):
            journal.append([record(1)])

    with pytest.raises(JournalError, match="nor cut back; open it again"):
        journal.append([record(1)])
    journal.close()


def test_syncing_to_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync waits for the disk, and says so if the disk reports an error."""

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal = open_journal(path)
    journal.append([record(1)])
    journal.sync()
    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(JournalError, match="cannot be synced to disk"):
        journal.sync()
    journal.close()


def _folder(path: Path) -> None:
    path.mkdir()


def _nowhere(path: Path) -> None:
    path.parent.chmod(0o700)
    path.parent.rename(path.parent.with_name("gone"))


@pytest.mark.parametrize("spoil", [_folder, _nowhere], ids=["folder", "nowhere"])
def test_a_place_of_no_use_is_named(path: Path, spoil: Callable[[Path], None]) -> None:
    """A folder in the file's place, or no folder for it, is an error that names the path."""
    spoil(path)

    with pytest.raises(JournalError, match=str(path)):
        open_journal(path)


# --- reading --------------------------------------------------------------------------------------


def _written(path: Path, count: int = 3) -> list[bytes]:
    journal = open_journal(path)
    journal.append([record(seq) for seq in range(1, count + 1)])
    journal.close()
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ((0, 1, 3), "line 3: $.seq: 3 after 1 leaves a gap"),
        ((0, 1, 1), "line 3: $.seq: 1 after 1 repeats or goes back"),
        ((0, 2, 1), "line 3: $.seq: 1 after 2 repeats or goes back"),
    ],
)
def test_a_gap_or_repeat_is_a_finding(path: Path, order: tuple[int, ...], problem: str) -> None:
    """Lines that were removed or swapped are noticed, with the line's number."""
    lines = _written(path)
    path.write_bytes(b"".join(lines[index] for index in order))

    with pytest.raises(MalformedRecord) as caught:
        list(read_recording(path, MACHINE)[1])
    assert problem in str(caught.value)


def test_a_damaged_line_is_named_by_its_number(path: Path) -> None:
    """A line that is no record ends the reading with its number; those before it are read."""
    lines = _written(path)
    path.write_bytes(b"".join([*lines[:2], b"{}\n", *lines[3:]]))

    _, records = read_recording(path)
    assert next(records) == record(1)
    with pytest.raises(MalformedRecord, match=r"hookflash\.db: line 3: \$: `at` is missing"):
        next(records)


def test_a_whole_last_line_without_newline_is_read(path: Path) -> None:
    """A recording that an editor saved without its last newline loses nothing."""
    path.write_bytes(b"".join(_written(path)).rstrip())

    assert [one.seq for one in read_recording(path)[1]] == [1, 2, 3]


def test_a_recording_may_begin_anywhere(path: Path) -> None:
    """A part of a longer recording is a recording."""
    lines = _written(path)
    path.write_bytes(lines[0] + lines[3])

    assert [one.seq for one in read_recording(path)[1]] == [3]


def test_steps_have_their_effects_as_written(path: Path) -> None:
    """Replay reads the effects as JSON, beside changes of the policy, and counts the numbers."""
    lines = _written(path)
    open_journal(path, machine=MACHINE.with_policy(HoldPolicy(limit_s=60.0))).close()
    *steps, change = read_steps(path, MACHINE)

    assert isinstance(change, PolicyChange)
    for step, seq in zip(steps, (1, 2, 3), strict=True):
        assert isinstance(step, RecordedStep)
        assert (step.seq, step.event) == (seq, record(seq).event)
        assert step.effects == RecordCodec(MACHINE).written(record(seq).effects)
    path.write_bytes(lines[0] + lines[1] + lines[1])
    with pytest.raises(MalformedRecord, match="1 after 1 repeats"):
        list(read_steps(path, MACHINE))


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    """Missing, empty, foreign and endless files are MalformedRecords with the path."""
    path = tmp_path / "x"
    with pytest.raises(MalformedRecord, match="cannot be read: No such file"):
        read_recording(path)
    path.write_bytes(b"")
    with pytest.raises(MalformedRecord, match="is empty"):
        read_recording(path)
    path.write_bytes(b"once upon a time\n")
    with pytest.raises(MalformedRecord, match="line 1: not JSON"):
        read_recording(path)
    path.write_bytes(b"x" * 2_000_000)
    with pytest.raises(MalformedRecord, match="line 1: has more than"):
        read_recording(path)


def test_a_damaged_journal_is_not_gone_on_with(path: Path) -> None:
    """A last line that is whole but no record is an error, and the lock is given back."""
    lines = _written(path)
    path.write_bytes(b"".join([*lines, b"{}\n"]))
    for _ in range(2):
        with pytest.raises(MalformedRecord, match="line 5"):
            open_journal(path)

    path.write_bytes(b"x" * 1_100_000 + b"\n")
    with pytest.raises(JournalError, match="its first line has more than"):
        open_journal(path)


def test_a_record_that_cannot_be_written_leaves_no_trace(path: Path) -> None:
    """Nothing of a batch is written if one of its records cannot be."""
    journal = open_journal(path)
    with pytest.raises(MalformedRecord):
        journal.append([record(1), attrs.evolve(record(2), event=object())])

    assert journal.next_seq == 1
    assert kept(journal, path) == []
    assert journal.path == path
    journal.close()
