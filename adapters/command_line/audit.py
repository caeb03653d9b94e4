"""`audit verify`: whether a log is as it was written."""

from pathlib import Path

from cyclopts import App

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line

audit_app = App(name="audit", help="Verify audit logs.", result_action="return_value")


@audit_app.command
def verify(file: Path, /, *, json: Json = False) -> int:
    """Verify the hash chain of an audit log; exit code 1 names the first broken line.

    Args:
        file: The audit log.
        json: Print one line of JSON.
    """
    from hookflash.adapters import audit  # noqa: PLC0415 - see package

    report = audit.verify(file)
    if json:
        print_json(
            {
                "status": "success" if report.whole else "failed",
                "lines": report.lines,
                "lastHash": report.last_hash,
                "brokenLine": report.broken_line,
                "problem": report.problem,
                "reason": report.reason or None,
                "tornBytes": report.torn_bytes,
            }
        )
    else:
        print_line(f"{file}: {report.text()}")
    return 0 if report.whole else 1
