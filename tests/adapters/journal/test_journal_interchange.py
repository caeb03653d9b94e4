"""Recordings out of journals and journals out of recordings: nothing is lost either way."""

import json
from itertools import islice
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
    go_on,
    keep_house,
    open_journal,
    recovered_of,
    seqs,
    tails_of,
    write,
)

from hookflash.adapters.journal import read_entries, read_recording
from hookflash.adapters.journal.checking import check
from hookflash.adapters.journal.interchange import export, import_recordings
from hookflash.adapters.journal.recording import read_header
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import ConfigurationError, JournalError, MalformedRecord
from hookflash.machines.headers import encode_header, encode_told
from hookflash.machines.instants import Instant
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Header, Told

CODEC = RecordCodec(MACHINE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    folder = tmp_path / "journal"
    folder.mkdir()
    return folder / "hookflash.db"


@pytest.fixture
def written(path: Path) -> tuple[Path, Play]:
    """A journal of several runs, with all kinds of lines."""
    play = Play()
    for policy in (HoldPolicy(), HoldPolicy(limit_s=60.0), HoldPolicy(limit_s=60.0)):
        play.machine = MACHINE.with_policy(policy)
        journal = open_journal(path, machine=play.machine, segment_records=10)
        go_on(journal)
        write(journal, play, 15, told=True)
        journal.close()
    return path, play


@pytest.mark.parametrize("in_use", [True, False])
def test_there_and_back_again(
    written: tuple[Path, Play],
    tmp_path: Path,
    in_use: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Journal, recording, journal, recording: both recordings have the same bytes."""
    path, play = written
    journal = open_journal(path, machine=play.machine) if in_use else None
    if journal is not None:
        write(journal, play, 5)
    first, again, second = (tmp_path / name for name in ("a.jsonl", "again.db", "b.jsonl"))
    exported = export(path, first)
    imported = import_recordings([first], again)
    assert export(again, second) == exported
    assert second.read_bytes() == first.read_bytes()
    assert exported.lines == imported.lines + 1 == first.read_bytes().count(b"\n")
    assert (imported.first_seq, imported.last_seq) == (1, len(play.records))
    assert first.stat().st_mode & 0o777 == 0o600
    if journal is not None:
        journal.close()

    for one in (first, again, second):
        assert list(read_recording(one)[1]) == play.records
        assert check(one).whole
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == [
        "a.jsonl",
        "again.db",
        "again.db.lock",
        "b.jsonl",
    ]


def test_an_imported_journal_is_gone_on_with(written: tuple[Path, Play], tmp_path: Path) -> None:
    """It proves what the first one does, and what follows is numbered on."""
    path, play = written
    export(path, tmp_path / "a.jsonl")
    again = tmp_path / "again.db"
    import_recordings([tmp_path / "a.jsonl"], again)

    for _ in range(2):
        journal = open_journal(again, machine=play.machine)
        assert go_on(journal).interactions == play.known
        write(journal, play, 5)
        journal.close()
    assert list(read_recording(again)[1]) == play.records
    assert check(again).whole


async def test_days_make_a_journal_again(path: Path, tmp_path: Path) -> None:
    """The recordings of retired days and what is left, in order; from the second day on as well."""
    play = Play(every_s=DAY_S / 8)
    for _ in range(4):
        journal = open_journal(path)
        go_on(journal)
        write(journal, play, 8, batch=1)
        journal.close()
    whole = tmp_path / "whole.jsonl"
    export(path, whole)
    now = Instant(AT + round(3.9 * DAY_S * 1_000_000))
    journal = open_journal(path, keep_days=0, now=lambda: now)
    go_on(journal)
    await keep_house(journal)
    journal.close()
    rest = tmp_path / "rest.jsonl"
    export(path, rest)
    days = sorted((path.parent / "recordings").iterdir())
    assert len(days) == 4

    again, later = tmp_path / "again.db", tmp_path / "later.db"
    import_recordings([*days, rest], again)
    export(again, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == whole.read_bytes()

    imported = import_recordings([*days[1:], rest], later)
    assert imported.first_seq == read_header(days[1]).first_seq > 1
    for made in (again, later):
        assert check(made).whole
        journal = open_journal(made, keep_days=0, now=lambda: now)
        header, _ = journal.recovery()
        assert header.first_seq == read_header(rest).first_seq
        journal.close()
        journal = open_journal(made, keep_days=0, now=lambda: now)
        assert go_on(journal).interactions == play.known
        await keep_house(journal)
        journal.close()
    # Cut into the same days again.
    for day in days:
        assert (tmp_path / "recordings" / day.name.replace("hookflash", "again")).read_bytes() == (
            day.read_bytes()
        )
    export(later, tmp_path / "later.jsonl")
    assert (tmp_path / "later.jsonl").read_bytes() == rest.read_bytes()


def header(**changes: Any) -> bytes:
    """Return the header line of a recording."""
    return encode_header(attrs.evolve(CODEC.new_header(GATEWAY, AT), **changes))


def records(count: int) -> list[bytes]:
    """Return lines of records."""
    return [CODEC.encode(record) for record in Play().next(count)[0]]


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (header(first_seq=5), "begins with record 5, not 4"),
        (header(first_seq=4, gateway="other:1"), "of another gateway or machine"),
        (header(first_seq=4, policy={}), "begins under another definition or policy"),
        (b"", "is empty"),
        (b"{}\n", r"\$\.kind"),
    ],
)
def test_parts_have_to_follow_on_each_other(tmp_path: Path, second: bytes, problem: str) -> None:
    """What does not is named, and no journal is made."""
    parts = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
    parts[0].write_bytes(b"".join([header(), *records(3)]))
    parts[1].write_bytes(second)

    with pytest.raises(MalformedRecord, match=problem) as caught:
        import_recordings(parts, tmp_path / "x.db")
    assert "2.jsonl" in str(caught.value)
    assert {one.name for one in tmp_path.iterdir()} == {"1.jsonl", "2.jsonl", "x.db.lock"}


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([header(), *records(3)[1:]], "line 2: is record 2, and 1 is missing"),
        ([header(), b"{}\n"], "line 2: is record None"),
        ([header(), b"what\n"], "line 2: not JSON"),
        ([header(), b'{"seq":1}\n'], "line 2: 'at'"),
        ([header(), records(1)[0].replace(b"active", b"actixe")], "line 2: .*checksum"),
        ([header(), b'{"kind":"told"}\n'], "line 2"),
        ([header(), b'{"kind":"definition","at":1}\n'], "line 2"),
        ([header(), b'{"kind":"interaction","interaction":{}}\n'], "tells of no interaction"),
        ([header(), b'{"kind":"interaction","interaction":{"id":1}}\n'], "tells of no interaction"),
    ],
)
def test_a_damaged_recording_is_not_imported(
    tmp_path: Path, lines: list[bytes], problem: str
) -> None:
    """The line is named, and no journal is made."""
    source = tmp_path / "a.jsonl"
    source.write_bytes(b"".join(lines))

    with pytest.raises(MalformedRecord, match=problem):
        import_recordings([source], tmp_path / "x.db")
    assert not (tmp_path / "x.db").exists()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """By import and export; one that only lacks its newline gets it."""
    source, out, made = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "x.db"
    whole = b"".join([header(), *records(3)])
    for left, kept in ((whole[:-20], 2), (whole[:-1], 3)):
        source.write_bytes(left)
        with capture_logs() as logs:
            exported = export(source, out)
            made.unlink(missing_ok=True)
            imported = import_recordings([source], made)
        assert (exported.lines, imported.last_seq) == (kept + 1, kept)
        assert out.read_bytes().endswith(b"}\n")
        assert len(list(read_recording(made)[1])) == kept
        assert len(logs) == (2 if kept == 2 else 0)


def test_what_others_write_is_kept_as_it_is(tmp_path: Path) -> None:
    """Lines without checksums, in another order of keys, with white space."""
    lines = [json.dumps(json.loads(line), indent=None) for line in (header(), *records(3))]
    for index in range(4):
        document = json.loads(lines[index])
        del document["sum"]
        lines[index] = json.dumps(dict(sorted(document.items())))
    source, out, made = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "x.db"
    source.write_text("\n".join(lines) + "\n")
    import_recordings([source], made)
    export(made, out)

    assert out.read_bytes() == source.read_bytes()
    assert check(made).whole
    journal = open_journal(made)
    play = Play()
    play.next(3)
    assert recovered_of(journal).interactions == play.known
    journal.close()


@pytest.mark.parametrize("there", ["x.db", "x.db-wal", "x.db.tail-000000000000001"])
def test_a_journal_that_is_there_is_not_replaced(tmp_path: Path, there: str) -> None:
    """Nor is one of which only a part is there."""
    (tmp_path / there).write_text("somebody's")
    source = tmp_path / "a.jsonl"
    source.write_bytes(header())

    with pytest.raises(JournalError, match=f"{there} is there already"):
        import_recordings([source], tmp_path / "x.db")
    assert (tmp_path / there).read_text() == "somebody's"


def test_a_place_of_no_use_is_named(tmp_path: Path) -> None:
    """For either direction."""
    source = tmp_path / "a.jsonl"
    source.write_bytes(header())
    with pytest.raises(JournalError, match="its folder does not exist"):
        import_recordings([source], tmp_path / "no" / "x.db")
    with pytest.raises(ConfigurationError, match="cannot write"):
        export(source, tmp_path / "no" / "b.jsonl")
    with pytest.raises(MalformedRecord, match="cannot be read"):
        export(tmp_path / "nothing", tmp_path / "b.jsonl")
    assert not (tmp_path / "b.jsonl").exists()


def test_export_replaces_a_file_only_when_it_is_whole(tmp_path: Path) -> None:
    """One that was there stays, where the source is damaged."""
    source, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    out.write_text("earlier")
    source.write_bytes(b"".join([header(), records(1)[0], b"what\n"]))
    with pytest.raises(MalformedRecord, match="line 3"):
        export(source, out)
    assert out.read_text() == "earlier"

    exported = export(source, out, until_damage=True)
    assert exported.lines == 2
    assert "line 3" in str(exported.problem)
    assert out.read_bytes() == b"".join([header(), records(1)[0]])
    with pytest.raises(MalformedRecord):
        export(tmp_path / "nothing", out, until_damage=True)


# --- format 1 -------------------------------------------------------------------------------------


def in_format_1(lines: list[bytes], spec_hash: str) -> bytes:
    """Return lines as the first version would have written them."""
    found: list[bytes] = []
    for line in lines:
        document = json.loads(line)
        for key in ("sum", "begins", "definition", "first_seq"):
            document.pop(key, None)
        if "format" in document:
            document |= {"format": 1, "spec_hash": spec_hash}
        found.append(json.dumps(document).encode() + b"\n")
    return b"".join(found)


def test_format_1_becomes_the_present_one(tmp_path: Path) -> None:
    """What it did not say is found out, and a journal goes on with it."""
    play = Play()
    lines = [header(), *map(CODEC.encode, play.next(7)[0])]
    play.forget("a")
    lines += map(CODEC.encode, play.next(8)[0])
    source, made = tmp_path / "a.jsonl", tmp_path / "x.db"
    source.write_bytes(in_format_1(lines, MACHINE.spec.digest) + b'{"seq":')
    import_recordings([source], made)

    assert list(read_recording(made)[1]) == play.records
    journal = open_journal(made)
    assert go_on(journal).interactions == play.known
    write(journal, play, 3)
    journal.close()
    assert check(made).whole


def test_format_1_of_another_definition_is_refused(tmp_path: Path) -> None:
    """It does not hold its definition, so no journal can go on with it."""
    source = tmp_path / "a.jsonl"
    source.write_bytes(in_format_1([header(), *records(2)], "0" * 64))

    with pytest.raises(MalformedRecord, match="of an earlier definition"):
        import_recordings([source], tmp_path / "x.db")


def test_format_1_that_does_not_follow_is_refused(tmp_path: Path) -> None:
    """A record that nothing leads to."""
    source = tmp_path / "a.jsonl"
    source.write_bytes(in_format_1([header(), records(4)[3]], MACHINE.spec.digest))
    with pytest.raises(MalformedRecord, match="record 4 does not follow"):
        import_recordings([source], tmp_path / "x.db")
    source.write_bytes(in_format_1([header()], MACHINE.spec.digest) + b"{}\n")
    with pytest.raises(MalformedRecord, match="line 2"):
        import_recordings([source], tmp_path / "x.db")


def test_a_policy_of_format_1_is_taken_over(tmp_path: Path) -> None:
    """It counts for the records after it."""
    policy = RecordCodec(MACHINE.with_policy(HoldPolicy(limit_s=60.0))).policy_fields()
    change = {"kind": "policy", "at": "2026-11-22T18:22:01.123456Z", "policy": policy}
    source, made = tmp_path / "a.jsonl", tmp_path / "x.db"
    lines = in_format_1([header(), *records(2)], MACHINE.spec.digest)
    source.write_bytes(lines + json.dumps(change).encode() + b"\n")
    import_recordings([source], made)

    entries = list(read_entries(made, MACHINE))
    assert entries[-1].policy["limit_s"] == 60.0  # type: ignore[union-attr]


# --- checking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([header()], (True, 0, 1, 0)),
        ([header(), *records(3)], (True, 3, 1, 3)),
        ([header(first_seq=2), *records(3)[1:]], (True, 2, 2, 3)),
        ([header(), encode_told(Told(0)), *records(2)], (True, 2, 1, 2)),
        ([header(), records(3)[0], records(3)[2]], (False, 2, 1, 3)),
        ([header(), b'{"kind":"what"}\n'], (False, 0, 1, 0)),
        ([header(), b'{"seq":"1"}\n'], (False, 0, 1, 0)),
        ([header(), b"what\n"], (False, 0, 1, 0)),
        ([in_format_1([header(), *records(3)[1:]], "0")], (True, 2, 2, 3)),
    ],
)
def test_a_recording_is_checked(
    tmp_path: Path, lines: list[bytes], found: tuple[bool, int, int, int]
) -> None:
    """Every checksum and every number."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(lines))
    checked = check(path)
    assert (checked.whole, checked.records, checked.first_seq, checked.last_seq) == found
    path.write_bytes(b"".join(lines) + b'{"seq"')
    if checked.whole:
        assert check(path).torn_bytes == 6


async def test_a_journal_in_use_is_checked(path: Path) -> None:
    """While its tails come and go."""
    journal, play = open_journal(path, segment_records=10), Play()
    for _ in range(4):
        write(journal, play, 7)
        checked = check(path)
        assert (checked.findings, checked.last_seq) == ([], len(play.records))
        await keep_house(journal)
    with tails_of(path)[-1].open("ab") as file:
        file.write(b'{"seq"')
    assert check(path).torn_bytes == 6
    journal.close()


# --- reading while others write -------------------------------------------------------------------


@pytest.mark.parametrize("stop", range(1, 40, 3))
async def test_reading_goes_on_where_things_were_put(
    path: Path, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens between two lines: appended to, put away, closed, opened again."""
    journal, play = open_journal(path, segment_records=10), Play()
    write(journal, play, 35)
    reading = read_recording(path)[1]
    found = list(islice(reading, stop))
    await keep_house(journal)
    write(journal, play, 10)
    found += islice(reading, 1)
    journal.close()
    found += islice(reading, 1)
    journal = open_journal(path)
    go_on(journal)
    write(journal, play, 3)
    found += list(reading)
    journal.close()

    assert found == play.records[: len(found)]
    assert len(found) >= 35


async def test_what_was_retired_while_it_was_read_is_said(path: Path) -> None:
    """Nobody takes the rest for all."""
    play = Play(every_s=DAY_S / 4)
    for _ in range(3):
        journal = open_journal(path)
        go_on(journal)
        write(journal, play, 4)
        journal.close()
    reading = read_recording(path)[1]
    next(reading)
    now = Instant(AT + round(5 * DAY_S * 1_000_000))
    journal = open_journal(path, keep_days=1, now=lambda: now)
    go_on(journal)
    await keep_house(journal)
    with pytest.raises(MalformedRecord, match="was put into a recording meanwhile"):
        list(reading)
    journal.close()
    assert seqs(read_recording(path)[1])[0] > 1


def test_a_header_is_asked_for(path: Path) -> None:
    """A journal that is not there is no recording either."""
    open_journal(path).close()
    assert isinstance(read_header(path), Header)
    path.unlink()
    with pytest.raises(MalformedRecord, match="cannot be read"):
        read_header(path)
