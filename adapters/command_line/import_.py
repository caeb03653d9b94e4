"""`import`: a journal made of files of other kinds."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line

import_app = App(
    name="import", help="Make a journal of files of other kinds.", result_action="return_value"
)


@import_app.command
def jsonl(
    *files: Path,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    json: Json = False,
) -> int:
    """Make a journal of recordings: of one, or of several parts that follow on each other.

    Args:
        files: The recordings, in order; those of days are named so that they sort.
        out: The journal to make; there must be none yet.
        json: Print one line of JSON.
    """
    from hookflash.adapters.journal.interchange import import_recordings  # noqa: PLC0415 - see package
    from hookflash.machines.errors import ConfigurationError  # noqa: PLC0415 - see package

    if not files:
        raise ConfigurationError("no file is given", advice="name a recording", source="FILES")
    imported = import_recordings(files, out)
    if json:
        print_json(
            {
                "status": "success",
                "journal": str(out),
                "lines": imported.lines,
                "firstSeq": imported.first_seq,
                "lastSeq": imported.last_seq,
            }
        )
    else:
        print_line(
            f"{out}: {imported.lines} lines, records {imported.first_seq} to {imported.last_seq}"
        )
    return 0
