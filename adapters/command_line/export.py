"""`export`: a journal or recording as a file that other programs read."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell_error

Format = Literal["jsonl", "parquet", "csv"]
Table = Literal["holds", "steps"]


def export(
    recording: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    format: Format = "jsonl",  # noqa: A002 - the option's name
    table: Table | None = None,
    until_damage: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Write a journal, also one that an engine is writing to, as a recording or as a table.

    Args:
        recording: A journal or recording.
        out: The file to write; one that is there is replaced.
        format: jsonl is the recording itself, or a table as JSON Lines where --table is given.
        table: holds has a row for each hold, steps one for each record; holds unless given.
        until_damage: Keep what stands before the first damage; exit code 1 where there is some.
        json: Print one line of JSON.
    """
    if format == "jsonl" and table is None:
        return _export_recording(recording, out, until_damage=until_damage, json=json)
    from hookflash.adapters.tables.writing import write_table  # noqa: PLC0415 - see package

    name = table or "holds"
    written = write_table(recording, out, name, format, until_damage=until_damage)
    if json:
        print_json(
            {
                "status": "success" if written.problem is None else "failed",
                "table": name,
                "rows": written.rows,
                "out": str(out),
                "problem": written.problem,
            }
        )
    else:
        print_line(f"{out}: {written.rows} {name}")
    return _ended(out, written.problem)


def _export_recording(recording: Path, out: Path, *, until_damage: bool, json: bool) -> int:
    from hookflash.adapters.journal.interchange import export as write  # noqa: PLC0415 - see package

    exported = write(recording, out, until_damage=until_damage)
    if json:
        print_json(
            {
                "status": "success" if exported.problem is None else "failed",
                "lines": exported.lines,
                "out": str(out),
                "problem": exported.problem,
            }
        )
    else:
        print_line(f"{out}: {exported.lines} lines")
    return _ended(out, exported.problem)


def _ended(out: Path, problem: str | None) -> int:
    if problem is None:
        return 0
    tell_error(f"{out} ends before the first damage: {problem}")
    return 1
