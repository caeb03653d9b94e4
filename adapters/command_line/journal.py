"""`journal verify` and `journal repair`: whether a journal is whole, and what is done if not."""

from pathlib import Path

from cyclopts import App

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell

journal_app = App(name="journal", help="Verify and repair journals.", result_action="return_value")


@journal_app.command
def verify(file: Path, /, *, json: Json = False) -> int:
    """Read all of a journal or recording, and look at every checksum and number.

    Exit code 1 names what is not as it was written. A journal may be in use meanwhile.

    Args:
        file: A journal or recording.
        json: Print one line of JSON.
    """
    from hookflash.adapters.journal.checking import check  # noqa: PLC0415 - see package

    found = check(file)
    if json:
        print_json(
            {
                "status": "success" if found.whole else "failed",
                "lines": found.lines,
                "records": found.records,
                "firstSeq": found.first_seq,
                "lastSeq": found.last_seq,
                "interactions": found.interactions,
                "tornBytes": found.torn_bytes,
                "findings": found.findings,
            }
        )
        return 0 if found.whole else 1
    for finding in found.findings:
        print_line(finding)
    torn = f", {found.torn_bytes} bytes torn off its end" if found.torn_bytes else ""
    print_line(
        f"{file}: {'whole' if found.whole else 'damaged'}, {found.records} records"
        f" from {found.first_seq} to {found.last_seq}{torn}"
    )
    return 0 if found.whole else 1


@journal_app.command
def repair(file: Path, /, *, json: Json = False) -> int:
    """Cut a journal's tail before its first damage, so that an engine can go on with it.

    What is cut off goes to the end of FILE.torn, and what is lost by it is said. Nothing is asked;
    a journal in use is refused.

    Args:
        file: A journal.
        json: Print one line of JSON.
    """
    from hookflash.adapters.journal.checking import repair as cut  # noqa: PLC0415 - see package

    done = cut(file)
    if json:
        print_json(
            {
                "status": "success",
                "lastSeq": done.last_seq,
                "cutBytes": done.cut_bytes,
                "lostRecords": done.lost_records,
                "problem": done.problem or None,
            }
        )
    elif not done.problem:
        print_line(f"{file}: nothing to repair, the last record is {done.last_seq}")
    else:
        print_line(
            f"{file}: cut after record {done.last_seq}; {done.cut_bytes} bytes with"
            f" {done.lost_records} whole records are in {file.name}.torn"
        )
        tell(f"the reason: {done.problem}")
    return 0
