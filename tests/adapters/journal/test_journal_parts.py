"""Parts of the journal by themselves: what seldom happens to them."""

import errno
import os
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
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
    tails_of,
    write,
)

from hookflash.adapters.journal import AppendFile, Disk, read_recording
from hookflash.adapters.journal.blocks import pack, unpack
from hookflash.adapters.journal.contents import read_contents, read_cut
from hookflash.adapters.journal.prologue import Prologue, read_prologue
from hookflash.adapters.journal.reading import JournalReader, is_journal
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError, MalformedRecord
from hookflash.machines.instants import Instant
from hookflash.machines.records import DefinitionChange, InteractionState, PolicyChange


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    folder = tmp_path / "journal"
    folder.mkdir()
    return folder / "hookflash.db"


# --- blocks and sealed lines ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 100, 70_000, 300_000])
def test_blocks_give_back_what_was_packed(size: int) -> None:
    """In pieces of any size, in order."""
    lines = b"".join(b"%d %s\n" % (number, b"x" * 50) for number in range(12_000))
    pieces = [lines[start : start + size] for start in range(0, len(lines), size)]
    if size == 1:
        pieces = [line + b"\n" for line in lines.split(b"\n")[:-1]]
    blocks = list(pack(pieces))

    rows = [(count, zlib.crc32(data), data) for count, data in blocks]
    if size in {1, 300_000}:
        assert len(blocks) > 1
    if size == 1:
        assert b"".join(unpack(row, "x") for row in rows) == lines
    assert list(pack([])) == []


def _forged(data: bytes, lines: int) -> tuple[int, int, bytes]:
    return lines, zlib.crc32(data), data


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((1, 1, b""), "checksum does not fit"),
        ((1, 0, "text"), "checksum does not fit"),
        (_forged(b"what", 1), "incorrect header"),
        (_forged(zlib.compress(b"a\nb\n"), 3), "has not 3 lines"),
        (_forged(zlib.compress(b"a\nb"), 1), "has not 1 lines"),
    ],
)
def test_a_damaged_block_is_named(row: tuple[Any, ...], problem: str) -> None:
    """With its place."""
    with pytest.raises(MalformedRecord, match=f"here: .*{problem}"):
        unpack(row, "here")


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"kind":"cut"}', b'{"kind":"contents"}'])
def test_a_sealed_line_is_whole(line: bytes) -> None:
    """Without its checksum it says nothing."""
    for read in (read_contents, read_cut):
        with pytest.raises(MalformedRecord, match="here"):
            read(line, "here")


# --- prologues ------------------------------------------------------------------------------------


def test_a_prologue_says_what_counts() -> None:
    """The last definition and policy; earlier definitions as long as something needs them."""
    codec = RecordCodec(MACHINE)
    header = codec.new_header(GATEWAY, AT)
    second, third = (DefinitionChange(AT, name * 64, name, {"x": name}) for name in "23")
    prologue = Prologue(header).after(PolicyChange(AT, {"y": 1}))
    assert (prologue.spec_hash, prologue.policy) == (header.spec_hash, {"y": 1})
    prologue = prologue.after(second).after(PolicyChange(AT, {"y": 2})).after(third)
    assert (prologue.spec_hash, prologue.policy) == ("3" * 64, {"x": "3"})
    assert read_prologue(prologue.text(7), "x") == attrs.evolve(
        prologue, first=attrs.evolve(prologue.first, first_seq=7)
    )

    kept = prologue.without_unused({header.spec_hash})
    assert (kept.first, kept.changes) == (prologue.first, (third,))
    kept = prologue.without_unused({"2" * 64})
    assert (kept.first.definition, kept.first.policy, kept.changes) == ("2", {"y": 2}, (third,))
    kept = prologue.without_unused(())
    assert (kept.spec_hash, kept.first.definition, kept.changes) == ("3" * 64, "3", ())
    assert kept.without_unused(()) == kept


# --- reading --------------------------------------------------------------------------------------


def test_what_a_journal_is(path: Path) -> None:
    """A database; what cannot be read otherwise is said by whoever reads it."""
    assert not is_journal(path)
    open_journal(path).close()
    assert is_journal(path)
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(MalformedRecord, match=r"cannot be read|was damaged"):
        JournalReader(path).contents()
    path.write_bytes(b"once upon a time, in a file\n" * 30)
    assert not is_journal(path)
    path.unlink()
    path.mkdir()
    assert not is_journal(path)


def test_another_database_is_not_read(path: Path) -> None:
    """It is said of what kind it is not."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE x (y)")
    connection.close()
    with pytest.raises(MalformedRecord, match="is no journal of hookflash"):
        read_recording(path)


def test_a_reader_notices_that_an_engine_began(path: Path) -> None:
    """It opened a journal at rest, which is at rest no longer: it looks again."""
    journal, play = open_journal(path), Play()
    write(journal, play, 5)
    journal.close()
    reader = JournalReader(path)
    lines = reader.from_beginning()
    next(lines)
    journal = open_journal(path)
    go_on(journal)
    write(journal, play, 5)
    assert len(list(lines)) == 10
    reader.close()
    journal.close()


# --- waiting for the disk -------------------------------------------------------------------------


async def test_closed_tails_are_synced_too(path: Path) -> None:
    """Where nothing waits for the disk all the time, somebody may want to wait all the same."""
    synced: list[str] = []

    class Watched(Disk):
        """Notes what is synced."""

        def sync(self, fd: int) -> None:
            synced.append(Path(f"/proc/self/fd/{fd}").readlink().name[-3:])
            super().sync(fd)

    journal, play = open_journal(path, segment_records=10, disk=Watched()), Play()
    write(journal, play, 25)
    await journal.sync()
    assert synced == ["001", "013", "025"]
    write(journal, play, 15)
    await keep_house(journal)
    synced.clear()
    write(journal, play, 1)
    journal.sync_now()
    assert synced == [tails_of(path)[-1].name[-3:]]
    journal.close()


def test_a_file_that_is_gone_needs_no_syncing(tmp_path: Path) -> None:
    """What was in it stands elsewhere."""
    file = AppendFile.begin(tmp_path / "x")
    file.append(b"x\n")
    file.close()
    file.sync()
    (tmp_path / "x").unlink()
    file.sync()


# --- trouble --------------------------------------------------------------------------------------


async def test_a_state_that_cannot_be_written_stops_the_snapshot(path: Path) -> None:
    """Not the journal: recovery reads the records instead, all of them."""
    journal, play = open_journal(path, segment_records=10), Play()
    write(journal, play, 12)
    records, after = play.next(1)
    broken = attrs.evolve(after[0], id="broken", data=object())
    journal.append(records, [broken])
    with capture_logs() as logs:
        await keep_house(journal)
        write(journal, play, 20)
        await keep_house(journal)
        journal.close()
    assert [one["event"] for one in logs] == ["journal.snapshot_failed"]

    again = open_journal(path)
    assert again.header.first_seq == 13
    assert recovered_of(again).interactions == play.known
    again.close()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("DELETE FROM cuts WHERE position = 1", "the beginning of the journal is missing"),
        ("UPDATE cuts SET line = CAST('x' AS BLOB) WHERE position = 1", "not JSON"),
        ("DELETE FROM blocks WHERE position = 1", "line 1 is missing"),
        ("UPDATE blocks SET sum = 1 WHERE position = 1", "checksum"),
        ("DELETE FROM cut_states WHERE position = 5", "part 0 is missing"),
    ],
)
async def test_what_was_damaged_is_not_retired(path: Path, damage: str, problem: str) -> None:
    """The log says so, and nothing is removed."""
    play = Play(every_s=DAY_S / 4)
    for _ in range(3):
        journal = open_journal(path)
        go_on(journal)
        write(journal, play, 4)
        journal.close()
    with sqlite3.connect(path) as connection:
        before = connection.execute("SELECT count(*) FROM blocks").fetchone()
        if "cut_states" in damage:
            (second,) = connection.execute("SELECT max(position) FROM cuts").fetchone()
            damage = damage.replace("5", str(second))
        connection.execute(damage)
        left = connection.execute("SELECT count(*) FROM blocks").fetchone()
    connection.close()
    now = Instant(AT + round(9 * DAY_S * 1_000_000))
    journal = open_journal(path, keep_days=1, now=lambda: now)
    write(journal, play, 1)
    with capture_logs() as logs:
        await keep_house(journal)
    if "cut_states" not in damage:
        assert problem in str(logs)
        with sqlite3.connect(path) as connection:
            assert connection.execute("SELECT count(*) FROM blocks").fetchone() == left
        connection.close()
    assert before[0] >= left[0]
    journal.close()


def test_a_change_of_definition_may_come_after_a_change_of_policy(path: Path) -> None:
    """What stands in the newest tail already goes before it."""
    journal, play = open_journal(path), Play()
    write(journal, play, 3)
    journal.close()
    journal = open_journal(path)
    found = recovered_of(journal)
    journal.append([], [], 3)
    codec = RecordCodec(MACHINE)
    change = DefinitionChange(AT, MACHINE.spec.digest, MACHINE.spec.text, codec.policy_fields())
    journal.change_definition(
        change, [InteractionState(3, one) for one in found.interactions.values()]
    )
    write(journal, play, 3)
    copy = crashed(path)
    journal.close()
    for one in (path, copy):
        again = open_journal(one)
        assert recovered_of(again).interactions == play.known
        again.close()


@pytest.mark.parametrize("refused", ["replace", "sync_folder"])
def test_a_change_of_definition_that_gets_no_name(path: Path, refused: str) -> None:
    """Or whose name may not be on the disk: it is said, and nothing is left behind."""

    class Refusing(Disk):
        """Refuses one call."""

        refuses = False

        def replace(self, source: Path, target: Path) -> None:
            self._refuse("replace")
            super().replace(source, target)

        def sync_folder(self, path: Path) -> None:
            self._refuse("sync_folder")
            super().sync_folder(path)

        def _refuse(self, name: str) -> None:
            if self.refuses and refused == name:
                raise OSError(errno.EIO, "Input/output error")

    disk = Refusing()
    journal, play = open_journal(path, disk=disk), Play()
    write(journal, play, 3)
    journal.close()
    journal = open_journal(path, disk=disk)
    codec = RecordCodec(MACHINE)
    change = DefinitionChange(AT, MACHINE.spec.digest, MACHINE.spec.text, codec.policy_fields())
    found = recovered_of(journal)
    disk.refuses = True
    with pytest.raises(JournalError, match="Input/output error"):
        journal.change_definition(
            change, [InteractionState(3, one) for one in found.interactions.values()]
        )
    disk.refuses = False
    journal.close()
    assert not list(path.parent.glob("*.new"))
    again = open_journal(path)
    assert recovered_of(again).interactions == play.known
    again.close()


@pytest.mark.parametrize("call", ["scandir", "open"])
def test_a_tail_that_cannot_be_read_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """By a start, and by whoever reads."""
    journal, play = open_journal(path, lasting=False), Play()
    write(journal, play, 3)
    journal.close()
    (tail,) = tails_of(path)
    if call == "open":
        tail.unlink()
        tail.mkdir()
    else:

        def refuse(_: object) -> Callable[[], None]:
            raise OSError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(JournalError, match="cannot be opened"):
        open_journal(path)
    with pytest.raises(MalformedRecord, match="its tail cannot be read"):
        list(read_recording(path)[1])
