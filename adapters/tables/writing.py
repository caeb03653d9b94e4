"""Tables into files, row by row: CSV and JSON Lines here, Parquet by DuckDB."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

import orjson
from attrs import frozen

from hookflash.adapters.journal.reading import is_journal
from hookflash.adapters.journal.recording import read_entries, read_header
from hookflash.adapters.tables.columns import TABLES, Column, Table, TableName
from hookflash.adapters.tables.rows import ROWS, Row
from hookflash.machines.conversion import encode_instant
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.records import Entry

TableFormat = Literal["parquet", "csv", "jsonl"]

ROWS_AT_A_TIME: Final = 4_096
"""Rows that are written at a time."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What spreadsheet programs take for the beginning of a formula (OWASP, "CSV injection")."""


@frozen
class Written:
    """What was written.

    Attributes:
        rows: Rows of the table, the line of names not counted.
        problem: Where and why the recording ends early; None where it was read to its end.
    """

    rows: int
    problem: str | None = None


def write_table(
    source: Path,
    target: Path,
    table: TableName,
    format: TableFormat,  # noqa: A002 - the option's name
    *,
    until_damage: bool = False,
) -> Written:
    """Write a recording or journal of the hold machine as a table; an engine may be writing to it.

    The file gets its name when it is whole; one that had it is replaced.

    Args:
        source: A journal or recording.
        target: The file to write.
        table: Which table.
        format: In which form.
        until_damage: Whether to keep what stands before the first damage.

    Raises:
        MalformedRecord: *source* cannot be read, was damaged, or is of another machine.
        ConfigurationError: *target* cannot be written; or Parquet is asked for, and DuckDB is
            missing: the message names the extra.
    """
    machine = read_header(source).machine
    if machine != "hold":
        raise MalformedRecord(
            f"{source}: is of the machine {machine!r}; only those of the hold machine are tables",
            place=str(source),
        )
    _check_target(source, target)
    damage: list[MalformedRecord] = []
    entries = read_entries(source, None)
    rows = ROWS[table](_until_damage(entries, damage) if until_damage else entries)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        count = _writer(format)(TABLES[table], rows, unfinished)
        unfinished.replace(target)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {target}: {error.strerror or error}",
            advice="name a file in a folder that you may write to, with room enough",
            source=str(target),
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return Written(count, damage[0].message if damage else None)


def _check_target(source: Path, target: Path) -> None:
    """See that no recording or journal is lost by writing a table in its place."""
    if target.exists() and (target.samefile(source) or is_journal(target)):
        raise ConfigurationError(
            f"{target} is {'what is read' if target.samefile(source) else 'a journal'}",
            advice="name another file",
            source=str(target),
        )


def _until_damage(entries: Iterator[Entry], damage: list[MalformedRecord]) -> Iterator[Entry]:
    count = 0
    try:
        for entry in entries:
            yield entry
            count += 1
    except MalformedRecord as error:
        if not count:
            raise
        damage.append(error)


_Writer = Callable[[Table, Iterable[Row], Path], int]


def _writer(format: TableFormat) -> _Writer:  # noqa: A002 - the option's name
    if format == "parquet":
        from hookflash.adapters.tables.parquet import write_parquet  # noqa: PLC0415 - an extra

        return write_parquet
    return _write_csv if format == "csv" else _write_jsonl


def in_batches(rows: Iterable[Row], size: int = ROWS_AT_A_TIME) -> Iterator[list[Row]]:
    """Yield *rows* in lists of at most *size*."""
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


# --- JSON Lines -----------------------------------------------------------------------------------


def _write_jsonl(table: Table, rows: Iterable[Row], path: Path) -> int:
    shown = _shown(table)
    count = 0
    with path.open("wb") as file:
        for batch in in_batches(rows):
            # One by one: what orjson returns takes more room than it shows.
            for row in batch:
                fields = dict(zip(shown, _readable(shown, row), strict=True))
                file.write(orjson.dumps(fields) + b"\n")
            count += len(batch)
    return count


def _shown(table: Table) -> dict[str, Column]:
    return {column.name: column for column in table.columns}


def _readable(shown: dict[str, Column], row: Row) -> Iterator[Any]:
    for column, value in zip(shown.values(), row, strict=True):
        if column.type == "instant" and value is not None:
            yield encode_instant(value)
        else:
            yield value


# --- CSV ------------------------------------------------------------------------------------------


def _write_csv(table: Table, rows: Iterable[Row], path: Path) -> int:
    """Write as RFC 4180 has it, in UTF-8, with a line of names; nothing stands for None."""
    shown = _shown(table)
    count = 0
    with path.open("wb") as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(list(shown))
        for batch in in_batches(rows):
            writer.writerows(_cells(shown, row) for row in batch)
            count += len(batch)
        text.flush()
        text.detach()
    return count


def _cells(shown: dict[str, Column], row: Row) -> Iterator[str]:
    for column, value in zip(shown.values(), _readable(shown, row), strict=True):
        if value is None:
            yield ""
        elif column.type == "flag":
            yield "true" if value else "false"
        elif column.free and value.startswith(_FORMULA_STARTS):
            # A spreadsheet program would calculate it; an apostrophe makes it text.
            yield f"'{value}"
        else:
            yield str(value)
