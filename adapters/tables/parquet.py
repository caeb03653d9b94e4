"""Parquet, written by DuckDB: the library that the analysis of it is documented with."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from hookflash.adapters.tables.columns import Column, ColumnType, Table
from hookflash.adapters.tables.rows import Row
from hookflash.adapters.tables.writing import in_batches
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PART_ROWS: Final = 100_000
"""Rows that wait as text beside the target before DuckDB takes them: some 50 MB."""

ROW_GROUP_ROWS: Final = 100_000
"""Rows in a row group: what readers skip or take at a time."""

MEMORY_MAX: Final = "256MB"
"""Memory that DuckDB may use."""

_TYPES: Final[dict[ColumnType, str]] = {
    "text": "VARCHAR",
    "instant": "BIGINT",
    "seconds": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
}
"""What the text that DuckDB reads has in each type of column."""


def write_parquet(table: Table, rows: Iterable[Row], path: Path) -> int:
    """Write *rows* as one Parquet file; needs room beside it for as much again while it does.

    Args:
        table: The table.
        rows: Its rows.
        path: The file.

    Returns:
        How many rows there were.

    Raises:
        ConfigurationError: DuckDB is missing, or cannot write.
        OSError: There is no room.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "Parquet needs DuckDB, which is not installed",
            advice="install hookflash[analysis], or export csv or jsonl",
            source="option --format",
        ) from error
    count = 0
    with tempfile.TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as name:
        folder = Path(name)
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_MAX,
            "temp_directory": str(folder),
            "autoinstall_known_extensions": False,
        }
        try:
            with duckdb.connect(config=settings) as connection:
                parts: list[Path] = []
                for part in _parts(table, rows, folder):
                    count += part
                    parts.append(folder / f"part-{len(parts):06d}.parquet")
                    _copy(connection, _of_text(table, folder / "rows.jsonl"), parts[-1])
                listed = ", ".join(_quoted(one) for one in parts)
                whole = f"SELECT * FROM read_parquet([{listed}])"  # noqa: S608 - our own names
                _copy(connection, whole, path)
        except duckdb.Error as error:
            raise ConfigurationError(
                f"cannot write {path.name}: {str(error).splitlines()[0]}",
                advice="name a file in a folder that you may write to, with room enough",
                source=str(path),
            ) from error
    return count


# --- the parts ------------------------------------------------------------------------------------


def _parts(table: Table, rows: Iterable[Row], folder: Path) -> Iterator[int]:
    """Write the rows as text, a part at a time; an empty table has one part without rows."""
    path = folder / "rows.jsonl"
    file, count, parts = path.open("wb"), 0, 0
    try:
        for batch in in_batches(rows):
            file.writelines(_line(table.columns, row) for row in batch)
            count += len(batch)
            if count >= PART_ROWS:
                file.close()
                yield count
                file, count, parts = path.open("wb"), 0, parts + 1
        file.close()
        if count or not parts:
            yield count
    finally:
        file.close()


def _line(columns: tuple[Column, ...], row: Row) -> bytes:
    fields = {column.name: value for column, value in zip(columns, row, strict=True)}
    return orjson.dumps(fields) + b"\n"


def _of_text(table: Table, path: Path) -> str:
    """Return the query for the rows in the text at *path*."""
    wanted = [
        f"make_timestamp({column.name}) AT TIME ZONE 'UTC' AS {column.name}"
        if column.type == "instant"
        else column.name
        for column in table.columns
    ]
    types = ", ".join(f"{column.name}: '{_TYPES[column.type]}'" for column in table.columns)
    read = f"read_json({_quoted(path)}, format='newline_delimited', columns={{{types}}})"
    return f"SELECT {', '.join(wanted)} FROM {read}"  # noqa: S608 - our own names


def _copy(connection: "DuckDBPyConnection", query: str, path: Path) -> None:
    options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
    connection.execute(f"COPY ({query}) TO {_quoted(path)} ({options})")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
