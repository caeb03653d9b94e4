"""`export`: a journal as a file that other programs read."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell_error
from hookflash.machines.errors import ConfigurationError

Format = Literal["jsonl", "parquet", "csv"]


def export(
    recording: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    format: Format = "jsonl",  # noqa: A002 - the option's name
    until_damage: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Write a journal, also one that an engine is writing to, as a recording.

    Args:
        recording: A journal or recording.
        out: The file to write; one that is there is replaced.
        format: jsonl is the recording itself; parquet and csv come in a later version.
        until_damage: Keep what stands before the first damage; exit code 1 where there is some.
        json: Print one line of JSON.
    """
    from hookflash.adapters.journal.interchange import export as write  # noqa: PLC0415 - see package

    if format != "jsonl":
        raise ConfigurationError(
            f"option --format: this version does not write {format} yet",
            advice="give jsonl",
            source="option --format",
        )
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
    if exported.problem is None:
        return 0
    tell_error(f"{out} ends before the first damage: {exported.problem}")
    return 1
