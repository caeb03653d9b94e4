"""`report`: what a recording says, as one page for any browser."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell


def report(
    recording: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    audit: Path | None = None,
    json: Json = False,
) -> int:
    """Write one HTML page that needs no network: timeline, distributions, diagram, and a player.

    Exit code 1 where the audit log is not as it was written; the page says where.

    Args:
        recording: A recording or journal, also one that an engine is writing to.
        out: The page to write; one that is there is replaced.
        audit: The audit log that belongs to it, to be verified.
        json: Print one line of JSON.
    """
    from hookflash.adapters.report import write_report  # noqa: PLC0415 - see package

    tell(f"reading {recording}")
    written = write_report(recording, audit, out)
    history = written.history
    left_out = len(history.stories) - written.told
    if left_out or history.records_not_followed:
        tell(
            f"the page tells {written.told:,} of {len(history.stories):,} interactions one by one;"
            " the others are in the figures only"
        )
    if written.diagram != "drawn":
        tell("the state diagram is without figures: pip install 'hookflash[docs]' to draw it")
    is_whole = written.audit is None or written.audit.whole
    if json:
        print_json(
            {
                "status": "success" if is_whole else "failed",
                "out": str(out),
                "bytes": written.size_bytes,
                "records": history.records,
                "interactions": len(history.stories),
                "told": written.told,
                "holds": history.holds_count,
                "commands": history.commands,
                "noteworthy": sum(bool(story.marks) for story in history.stories.values()),
                "diagram": written.diagram,
                "auditWhole": None if written.audit is None else written.audit.whole,
            }
        )
    else:
        print_line(
            f"{out}: {history.records:,} records of {len(history.stories):,} interactions,"
            f" {history.holds_count:,} holds, {written.size_bytes / 1e6:,.1f} MB"
        )
    return 0 if is_whole else 1
