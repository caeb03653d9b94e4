"""`import`: journals and recordings made of files of other kinds."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.instants import Instant

if TYPE_CHECKING:
    from hookflash.adapters.genesys.cloud.recorded.findings import Tally
    from hookflash.adapters.genesys.cloud.recorded.importing import Imported

import_app = App(
    name="import",
    help="Make journals and recordings of files of other kinds.",
    result_action="return_value",
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


@import_app.command
def genesys(
    *files: Path,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    media: str = "voice",
    config: Path | None = None,
    tolerance_ms: int = 0,
    findings: Path | None = None,
    json: Json = False,
) -> int:
    """Make a recording of what Genesys Cloud has on record of agents' holds.

    What is left out is counted and named, and the lengths of holds are compared with Genesys's own
    metrics; exit code 1 where something made no sense, or something contradicts.

    Args:
        files: Conversation details of analytics, dumps of notifications, EventBridge envelopes, or
            snapshots, in any order; JSON or JSON Lines, also compressed with gzip.
        out: The recording to write; one that is there is replaced.
        media: The media to import, separated by commas, or all.
        config: Config file, for the limits in [hold]. [HOOKFLASH_CONFIG, else hookflash.toml]
        tolerance_ms: By how many milliseconds a hold may differ from its metric.
        findings: A file for all that there is to say, one JSON object a line; for the summary
            names the first few places only.
        json: Print one line of JSON.
    """
    from hookflash.adapters.genesys.cloud.recorded.importing import import_recorded  # noqa: PLC0415 - see package
    from hookflash.adapters.genesys.cloud.recorded.telling import findings_file  # noqa: PLC0415 - see package
    from hookflash.adapters.settings.loading import read_settings  # noqa: PLC0415 - see package

    if not files:
        raise ConfigurationError("no file is given", advice="name a file of data", source="FILES")
    if findings is not None and (findings == out or findings in files):
        raise ConfigurationError(
            f"option --findings: {findings} is needed for something else",
            advice="name a file of its own",
            source="option --findings",
        )
    wanted = {name.strip().lower() for name in media.split(",") if name.strip()}
    if not wanted or tolerance_ms < 0:
        name = "--media" if not wanted else "--tolerance-ms"
        raise ConfigurationError(
            f"option {name}: out of range", advice="see --help", source=f"option {name}"
        )
    settings, warnings = read_settings(config, {}, None)
    for warning in warnings:
        tell(f"warning: {warning}")
    with findings_file(findings) as write:
        imported = import_recorded(
            files,
            out,
            created=Instant(time.time_ns() // 1000),
            media=None if "all" in wanted else wanted,
            policy=settings.hold,
            tolerance_us=tolerance_ms * 1000,
            tell=write,
        )
    if json:
        print_json(_as_json(imported, out))
    else:
        _say(imported, out)
    return 0 if imported.flawless else 1


# --- what is said of an import of Genesys Cloud data ----------------------------------------------


def _as_json(imported: "Imported", out: Path) -> dict[str, Any]:
    from hookflash.adapters.genesys.cloud.recorded.telling import findings_as_json  # noqa: PLC0415 - see package

    return {
        "status": "success" if imported.flawless else "failed",
        "recording": str(out),
        "documents": imported.documents,
        "conversations": imported.conversations,
        "interactions": imported.legs,
        "records": imported.records,
        "holds": imported.holds,
        "heldS": imported.held_us / 1_000_000,
        "compared": imported.compared,
        **findings_as_json(imported.tally),
    }


def _say(imported: "Imported", out: Path) -> None:
    held_min = imported.held_us / 60_000_000
    print_line(
        f"{out}: {imported.records} records of {imported.legs} interactions in"
        f" {imported.conversations} conversations, {imported.holds} holds, {held_min:.1f} min"
    )
    _say_findings(imported.tally)
    tell(f"holds of {imported.compared} interactions compared with Genesys's metrics")


def _say_findings(tally: "Tally") -> None:
    from hookflash.adapters.genesys.cloud.recorded.telling import findings_as_text  # noqa: PLC0415 - see package

    for line in findings_as_text(tally):
        tell(line)
