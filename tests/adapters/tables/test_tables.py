"""Tables say what the recording says, in each form that they are written in."""

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.adapters.genesys.recorded_data import CREATED, held_once, take_in
from tests.machines.hold_world import POLICIES, VARIANTS, hold_machine, new_world
from tests.support.journals import Play, open_journal, tails_of, write

from hookflash.adapters.generated import stale_files
from hookflash.adapters.specifications import load_machine
from hookflash.adapters.tables import parquet
from hookflash.adapters.tables.columns import TABLES, Table, TableName
from hookflash.adapters.tables.rows import ROWS
from hookflash.adapters.tables.writing import TableFormat, Written, write_table
from hookflash.engine.ledger import holds_of
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.events import HoldRequested
from hookflash.machines.headers import encode_header
from hookflash.machines.interaction import Facts
from hookflash.machines.records import Record

FORMATS: tuple[TableFormat, ...] = ("csv", "jsonl", "parquet")
NAMES: tuple[TableName, ...] = ("holds", "steps")


def recording(path: Path, records: list[Record]) -> Path:
    """Write records of the hold machine as a recording."""
    codec = RecordCodec(hold_machine())
    lines = [codec.encode(record) for record in records]
    path.write_bytes(encode_header(codec.new_header("gateway:1", CREATED)) + b"".join(lines))
    return path


def records_of(policy: str, names: list[str], interaction_id: str = "i-1") -> list[Record]:
    """Make the records of a world in which events of these names happen."""
    world = new_world(policy)
    world = evolve(world, interaction=evolve(world.interaction, id=interaction_id))
    records: list[Record] = []
    for name in names:
        before, event = world.interaction, world.event(name)
        world, step = world.take(event)
        target = step.interaction.state
        records.append(
            Record(
                len(records) + 1,
                before.id,
                event,
                before.state,
                target,
                step.effects,
                begins=not records,
            )
        )
    return records


def read(path: Path, table: Table, form: TableFormat) -> Iterator[list[Any]]:
    """Read a table in whatever form, with values as the rows have them."""
    kinds = [column.type for column in table.columns]
    if form == "parquet":
        with duckdb.connect() as connection:
            names = ", ".join(
                f"epoch_us({one.name})" if one.type == "instant" else one.name
                for one in table.columns
            )
            query = f"SELECT {names} FROM read_parquet(?)"  # noqa: S608 - our own names
            yield from map(list, connection.execute(query, [str(path)]).fetchall())
        return
    with path.open(encoding="utf-8", newline="") as file:
        rows: Iterator[dict[str, Any]] = (
            csv.DictReader(file) if form == "csv" else (json.loads(line) for line in file)
        )
        for row in rows:
            assert list(row) == [column.name for column in table.columns]
            yield [_value(kind, one) for kind, one in zip(kinds, row.values(), strict=True)]


def _value(kind: str, value: Any) -> Any:
    if value in {None, ""}:
        return None
    if kind == "instant":
        moment = datetime.fromisoformat(value)
        assert moment.tzinfo is not None
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution)
    if isinstance(value, str) and kind in {"seconds", "whole", "flag"}:
        return json.loads(value)
    return value


@given(st.sampled_from(sorted(POLICIES)), st.lists(st.sampled_from(VARIANTS), max_size=30))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_form_says_the_same(tmp_path: Path, policy: str, names: list[str]) -> None:
    """What is read of a file is what the rows have, whatever happened in the recording."""
    records = records_of(policy, names)
    source = recording(tmp_path / "r.jsonl", records)
    for name in NAMES:
        wanted = [list(row) for row in ROWS[name](records)]
        wanted = [[None if one == "" else one for one in row] for row in wanted]
        for form in FORMATS:
            target = tmp_path / f"t.{form}"
            assert write_table(source, target, name, form) == Written(len(wanted))
            rows = read(target, TABLES[name], form)
            assert [[None if one == "" else one for one in row] for row in rows] == wanted


def test_a_row_has_what_its_columns_promise(tmp_path: Path) -> None:
    """Only columns that say so may be empty, and each value is of its column's type."""
    classes: dict[str, tuple[type, ...]] = {
        "text": (str,),
        "instant": (int,),
        "seconds": (float,),
        "whole": (int,),
        "flag": (bool,),
    }
    outcome = take_in(tmp_path, held_once())
    stories = (
        ["hold_requested", "sent", "acknowledged", "unhold_requested", "sent", "acknowledged"],
        ["hold_requested", "sent", "acknowledged", "limit_timer_fired", "sent", "acknowledged"],
        ["observed_held", "observed_closed"],
        ["observed_held"],
    )
    for records in (outcome.records, *(records_of("release", names) for names in stories)):
        for name in NAMES:
            for row in ROWS[name](records):
                for column, value in zip(TABLES[name].columns, row, strict=True):
                    if value is None:
                        assert column.empty, column.name
                    else:
                        assert isinstance(value, classes[column.type]), column.name


def test_a_hold_in_a_row() -> None:
    """Lengths are in seconds, beside the instants that they were counted from."""
    names = ["hold_requested", "sent", "acknowledged", "unhold_requested", "sent", "acknowledged"]
    records = records_of("release", names)
    (hold,) = holds_of(records)
    (row,) = ROWS["holds"](records)
    shown = dict(zip((column.name for column in TABLES["holds"].columns), row, strict=True))
    assert (shown["since"], shown["until"], shown["held_s"]) == (hold.since, hold.until, 3.0)
    assert (shown["reason"], shown["actor"], shown["foreign_hold"]) == (
        "consultation",
        "caller",
        False,
    )
    assert (shown["ack_s"], shown["latency_s"], shown["limit_s"]) == (1.0, 2.0, 900.0)
    assert (shown["ended"], shown["ended_confirmed"], shown["over_limit"]) == (
        "unhold",
        "acknowledged",
        False,
    )


def test_an_empty_recording_is_an_empty_table(tmp_path: Path) -> None:
    """It has its columns all the same."""
    source = recording(tmp_path / "r.jsonl", [])
    for form in FORMATS:
        target = tmp_path / f"t.{form}"
        assert write_table(source, target, "holds", form).rows == 0
        assert list(read(target, TABLES["holds"], form)) == []
    names = [column.name for column in TABLES["holds"].columns]
    assert (tmp_path / "t.csv").read_text("utf-8").rstrip().split(",") == names
    with duckdb.connect() as connection:
        query = "DESCRIBE SELECT * FROM read_parquet(?)"
        found = connection.execute(query, [str(tmp_path / "t.parquet")]).fetchall()
    types = {"text": "VARCHAR", "instant": "TIMESTAMP WITH TIME ZONE", "seconds": "DOUBLE"}
    types |= {"whole": "BIGINT", "flag": "BOOLEAN"}
    assert [(row[0], row[1]) for row in found] == [
        (column.name, types[column.type]) for column in TABLES["holds"].columns
    ]


def test_a_table_of_many_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that were written one after the other are one file, in order, in row groups."""
    play = Play()
    play.next(5_000)
    source = recording(tmp_path / "r.jsonl", play.records)
    target = tmp_path / "it's.parquet"
    monkeypatch.setattr(parquet, "PART_ROWS", 1_500)
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 2_048)
    assert write_table(source, target, "steps", "parquet").rows == 5_000
    with duckdb.connect() as connection:
        relation = connection.execute("SELECT seq FROM read_parquet(?)", [str(target)])
        assert [seq for (seq,) in relation.fetchall()] == list(range(1, 5_001))
        groups = "SELECT num_row_groups FROM parquet_file_metadata(?)"
        assert connection.execute(groups, [str(target)]).fetchall()[0][0] >= 3
    assert {path.name for path in tmp_path.iterdir()} == {"r.jsonl", "it's.parquet"}


def test_a_journal_is_read_as_well(tmp_path: Path) -> None:
    """Also while an engine is writing to it."""
    journal = open_journal(tmp_path / "hookflash.db")
    write(journal, Play(), 10)
    written = write_table(tmp_path / "hookflash.db", tmp_path / "t.csv", "steps", "csv")
    journal.close()
    assert written.rows == 10


# --- free text ------------------------------------------------------------------------------------

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|" /C calc"!A0')


@pytest.mark.parametrize("text", FORMULAS)
def test_no_formula_gets_into_a_spreadsheet(tmp_path: Path, text: str) -> None:
    """What somebody typed is text in CSV; other forms have it as it is."""
    records = records_of("release", ["hold_requested", "sent", "acknowledged"], text)
    first: Any = records[0].event
    assert isinstance(first, HoldRequested)
    records[0] = evolve(records[0], event=evolve(first, reason=text, actor=text))
    source = recording(tmp_path / "r.jsonl", records)
    for name in NAMES:
        write_table(source, tmp_path / "t.csv", name, "csv")
        with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                assert row["interaction"] == f"'{text}"
                for column in TABLES[name].columns:
                    if column.type == "text":
                        assert not row[column.name].startswith(tuple("=+-@\t\r\n"))
        write_table(source, tmp_path / "t.jsonl", name, "jsonl")
        row = json.loads((tmp_path / "t.jsonl").read_text("utf-8").splitlines()[0])
        assert row["interaction"] == text


def test_numbers_to_dial_stay_out(tmp_path: Path) -> None:
    """Also where a recording of another program has them."""
    records = records_of("release", ["hold_requested", "sent", "acknowledged"])
    source = recording(tmp_path / "r.jsonl", records)
    text = source.read_text("utf-8")
    changed = [line.partition(',"sum"')[0] + "}" for line in text.splitlines()]
    said = "\n".join(changed).replace("consultation", "call +1 555 0100 123")
    source.write_text(f"{said}\n", "utf-8")
    for name in NAMES:
        for form in FORMATS:
            target = tmp_path / f"t.{form}"
            write_table(source, target, name, form)
            assert b"555" not in target.read_bytes()
    write_table(source, tmp_path / "t.jsonl", "holds", "jsonl")
    assert json.loads((tmp_path / "t.jsonl").read_text())["reason"] == "call [number]"


def test_texts_of_all_kinds(tmp_path: Path) -> None:
    """Quotes, newlines, commas and other scripts come out as they went in."""
    text = 'a,"b"\n; ΑΒΓ 漢字 🙂 \x00'
    records = records_of("release", ["observed_held"], text)
    first: Any = records[0].event
    facts = Facts("held", None, text)
    records[0] = evolve(records[0], event=evolve(first, facts=facts))
    source = recording(tmp_path / "r.jsonl", records)
    for form in FORMATS:
        target = tmp_path / f"t.{form}"
        write_table(source, target, "holds", form)
        (row,) = read(target, TABLES["holds"], form)
        assert (row[0], row[2]) == (text, text)


# --- what does not work ---------------------------------------------------------------------------


def test_without_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet names the extra; the other forms do without."""
    source = recording(tmp_path / "r.jsonl", [])
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigurationError, match=r"install hookflash\[analysis\]"):
        write_table(source, tmp_path / "t.parquet", "holds", "parquet")
    assert write_table(source, tmp_path / "t.csv", "holds", "csv").rows == 0


def test_duckdb_that_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its word for it is the error's, and nothing is left behind."""
    source = recording(tmp_path / "r.jsonl", [])
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", "some")
    with pytest.raises(ConfigurationError, match="cannot write"):
        write_table(source, tmp_path / "t.parquet", "holds", "parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"]


def test_damage(tmp_path: Path) -> None:
    """Nothing is written of a damaged journal, unless what stands before the damage is wanted."""
    path = tmp_path / "hookflash.db"
    journal = open_journal(path, segment_records=100, lasting=False)
    write(journal, Play(), 16, batch=8)
    journal.close()
    tail = tails_of(path)[-1]
    tail.write_bytes(tail.read_bytes().replace(b'"seq":13', b'"seq":14'))
    for form in FORMATS:
        target = tmp_path / f"t.{form}"
        with pytest.raises(MalformedRecord, match="was damaged"):
            write_table(path, target, "steps", form)
        assert not target.exists()
        written = write_table(path, target, "steps", form, until_damage=True)
        assert written.rows == 12
        assert written.problem is not None
        assert "was damaged" in written.problem
        target.unlink()
    empty = recording(tmp_path / "r.jsonl", [])
    empty.write_bytes(empty.read_bytes() + b"oops\n")
    with pytest.raises(MalformedRecord):
        write_table(empty, tmp_path / "t.csv", "steps", "csv", until_damage=True)


def test_targets_that_are_needed(tmp_path: Path) -> None:
    """Neither what is read nor a journal is written over, and a folder has to be there."""
    source = recording(tmp_path / "r.jsonl", [])
    path = tmp_path / "hookflash.db"
    open_journal(path).close()
    for target, words in (
        (source, "is what is read"),
        (path, "is a journal"),
        (tmp_path / "none" / "t", "cannot write"),
        (tmp_path, "cannot write"),
    ):
        for form in FORMATS:
            with pytest.raises(ConfigurationError, match=words):
                write_table(source, target, "holds", form)
    assert not list(tmp_path.glob(".*"))


def test_another_machine_has_no_tables(tmp_path: Path) -> None:
    """Holds are the hold machine's."""
    path = tmp_path / "r.jsonl"
    codec = RecordCodec(load_machine("connection"))
    path.write_bytes(encode_header(codec.new_header("gateway:1", CREATED)))
    with pytest.raises(MalformedRecord, match="of the machine 'connection'"):
        write_table(path, tmp_path / "t", "holds", "csv")


def test_the_schema_is_current() -> None:
    """specs/tables.json says what the columns are."""
    assert [path.name for path in stale_files() if path.name == "tables.json"] == []
    names = [column.name for table in TABLES.values() for column in table.columns]
    with duckdb.connect() as connection:
        reserved = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    assert not {name for (name,) in reserved} & set(names)
