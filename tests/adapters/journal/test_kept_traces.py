"""What rules did stays in the journal when its day is put into a recording."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs
from tests.support.journals import (
    AT,
    DAY_S,
    Play,
    crashed,
    go_on,
    keep_house,
    open_journal,
    recovered_of,
    write,
)

from hookflash.adapters.journal import read_entries
from hookflash.adapters.journal.checking import check
from hookflash.adapters.journal.database import Database
from hookflash.adapters.journal.interchange import export, import_recordings
from hookflash.adapters.journal.kept import keep_traces, kept_lines
from hookflash.adapters.journal.limits import Traces
from hookflash.adapters.journal.reading import JournalReader
from hookflash.adapters.journal.recording import recording_lines
from hookflash.adapters.journal.schema import SCHEMA
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.instants import Instant, to_text
from hookflash.machines.lines import dump_line, parse_line

RULED_DAYS = 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of five days with rules, none of them retired."""
    folder = tmp_path / "journal"
    folder.mkdir()
    path = folder / "hookflash.db"
    play = Play(every_s=DAY_S / 30)
    for day in range(RULED_DAYS):
        journal = open_journal(path)
        go_on(journal)
        if day == 0:
            journal.append([], [], None, play.load())
        write(journal, play, 30, batch=1)
        journal.close()
    return path


def later(days: float) -> Instant:
    """The instant so many days after the beginning."""
    return Instant(AT + round(days * DAY_S * 1_000_000))


async def retire(path: Path, keep_days: int, **options: Any) -> None:
    """Let the journal be open for a while on its last day."""
    options = {"now": lambda: later(4.9), **options}
    journal = open_journal(path, keep_days=keep_days, **options)
    go_on(journal)
    await keep_house(journal)
    journal.close()


def kept(path: Path, interaction_id: str | None = None) -> list[bytes]:
    """Return the lines that are kept."""
    with closing(JournalReader(path)) as reader:
        return [line for _, (_, line) in kept_lines(reader, interaction_id)]


def rare_lines(path: Path) -> list[bytes]:
    """Return the lines of a journal or recording that have rare rulings."""
    lines = [line for _, line in recording_lines(path)]
    return [one for one in lines if orjson.loads(one).get("rules", {}).get("rare") is True]


async def test_what_rules_did_is_kept(path: Path) -> None:
    """The lines of the removed days and no others, in their order, as they were."""
    copy = crashed(path)
    expected = rare_lines(path)
    await retire(path, keep_days=2)
    days = sorted((path.parent / "recordings").iterdir())
    assert len(days) == 3
    removed = [line for day in days for line in rare_lines(day)]

    assert len(removed) > 3
    assert kept(path) == removed
    assert removed + rare_lines(path) == expected
    for interaction in ("a", "b", "c"):
        mine = [line for line in removed if parse_line(line)["interaction"] == interaction]
        assert mine
        assert kept(path, interaction) == mine == kept(path, interaction.upper())
    assert kept(path, "d") == []
    assert check(path).whole

    await retire(path, keep_days=0)
    assert len(kept(path)) > len(removed)
    assert kept(copy) == []


async def test_a_removal_that_fails_keeps_nothing_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traces are kept with the removal, in one transaction: none without the other."""

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(Database, "drop_before", refuse)
        await retire(path, keep_days=2)
    assert "journal.housekeeping_failed" in str(logs)
    assert kept(path) == []
    assert check(path).whole
    await retire(path, keep_days=2)
    assert len(kept(path)) == len(set(kept(path))) > 0


@pytest.mark.parametrize(("keep_traces_days", "left"), [(None, 3), (4, 2), (3, 1), (1, 0)])
async def test_kept_traces_grow_old(path: Path, keep_traces_days: int | None, left: int) -> None:
    """Those that are older go with the next day that is retired."""
    await retire(path, keep_days=2, keep_traces_days=keep_traces_days)
    days = {parse_line(line)["at"][:10] for line in kept(path)}
    assert len(days) == left


async def test_traces_are_bounded(path: Path) -> None:
    """Beyond the bound the oldest go."""
    await retire(path, keep_days=2)
    before = kept(path)
    database = Database.open(path)
    many = [
        dump_line({"seq": n, "at": to_text(AT), "interaction": "A", "rules": {"rare": True}}, "x")
        for n in range(30)
    ]
    with database.transaction():
        keep_traces(database.connection, [b"".join(many)], Traces(None, 35), later(9))
    database.close()

    assert kept(path) == [*before, *many][-35:]


def test_what_only_looks_like_a_trace_is_not_kept(path: Path) -> None:
    """Texts may have the words in them, and others may write lines of any kind."""
    end: dict[str, Any] = {"type": "end_command", "actor": "rule:x"}
    at = to_text(AT)
    good: list[dict[str, Any]] = [
        {"seq": 1, "at": at, "interaction": "A", "effects": [end]},
        {"seq": 2, "at": at, "interaction": "A", "effects": [{"type": "send"}, end]},
        {"kind": "rules", "at": at, "interaction": "A", "rules": {"rare": True}},
    ]
    bad: list[dict[str, Any]] = [
        {"seq": 3, "at": at, "interaction": "A", "x": '"rare":true', "rare": True},
        {"seq": 4, "at": at, "interaction": "A", "rules": {"rare": 1}, "rare": True},
        {"seq": 5, "at": at, "interaction": "A", "rules": [], "rare": True},
        {"seq": 6, "at": "today", "interaction": "A", "rules": {"rare": True}},
        {"seq": 7, "at": at, "interaction": 5, "rules": {"rare": True}},
        {"seq": 8, "interaction": "A", "rules": {"rare": True}},
        {
            "seq": 9,
            "at": at,
            "interaction": "A",
            "effects": [{"type": "end_command", "actor": "caller"}],
            "event": {"actor": "rule:x"},
        },
        {"seq": 10, "at": at, "effects": [5], "x": end},
    ]
    lines = [dump_line(one, "x") for one in (*bad, *good)]
    database = Database.open(path)
    with database.transaction():
        pieces = [b"".join(lines), b'{"rare":true\n', b"nothing\n"]
        keep_traces(database.connection, pieces, Traces(), AT)
    database.close()

    assert kept(path) == lines[-3:]


def of_version_1(path: Path) -> None:
    """Make a journal one of the version before traces."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE traces")
        connection.execute("PRAGMA user_version = 1")


async def test_a_journal_of_an_earlier_version_is_brought_up(path: Path) -> None:
    """It is read as it is, and gets the table with its next opening."""
    of_version_1(path)
    entries = list(read_entries(path, None))
    assert check(path).whole
    assert kept(path) == []

    await retire(path, keep_days=2)
    assert kept(path)
    again = open_journal(path)
    recovered_of(again)
    again.close()
    assert len(list(read_entries(path, None))) < len(entries)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        rows = connection.execute("SELECT sql FROM sqlite_schema ORDER BY rowid").fetchall()
    assert tuple(row[0] for row in rows if row[0] is not None) == SCHEMA


def test_bringing_up_is_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in between leaves the earlier version."""
    of_version_1(path)
    broken = (*SCHEMA[:5], "CREATE TABLE traces (id)", "nonsense")
    with monkeypatch.context() as patched:
        patched.setattr("hookflash.adapters.journal.schema.SCHEMA", broken)
        with pytest.raises(Exception, match="syntax error"):
            open_journal(path)
    assert check(path).whole
    open_journal(path).close()
    assert check(path).whole


@pytest.mark.parametrize("version", [0, 1])
def test_tables_of_another_version_are_damage(path: Path, version: int) -> None:
    """What says it is of an earlier version has its tables, and no others."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(MalformedRecord, match="its tables are not those of a journal"):
        kept(path)


async def test_a_damaged_trace_is_found(path: Path) -> None:
    """Verify reads what is kept as well; the journal goes on all the same."""
    await retire(path, keep_days=2)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        change = "UPDATE traces SET line = CAST(replace(line, 'lead', 'load') AS BLOB)"
        connection.execute(change)
        assert "table traces: 1: $.sum: the checksum does not fit" in check(path).findings[0]
        connection.execute("UPDATE traces SET line = 5")
        assert "table traces: 1: is no line at all" in check(path).findings[0]
    journal = open_journal(path)
    go_on(journal)
    journal.close()


async def test_an_export_has_no_kept_traces(path: Path, tmp_path: Path) -> None:
    """It is what is in the journal, as one recording; a journal made of it has none."""
    await retire(path, keep_days=2)
    export(path, tmp_path / "a.jsonl")
    import_recordings([tmp_path / "a.jsonl"], tmp_path / "again.db")
    assert kept(path)
    assert kept(tmp_path / "again.db") == []
    assert check(tmp_path / "again.db").whole
