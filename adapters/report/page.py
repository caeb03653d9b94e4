"""The page: a recording and its audit log as one HTML file that asks nothing of any network."""

import secrets
from pathlib import Path
from string import Template
from typing import Final

from attrs import frozen

import hookflash
from hookflash.adapters.audit import AuditReport, verify
from hookflash.adapters.report import assets, summary
from hookflash.adapters.report.columns import columns_of, pack
from hookflash.adapters.report.diagram import Origin, diagrams_of
from hookflash.adapters.report.history import History
from hookflash.adapters.report.reading import MACHINE, Account, read_account
from hookflash.adapters.report.tables import state_rows, transition_rows
from hookflash.adapters.report.words import text
from hookflash.adapters.specifications import load_machine
from hookflash.machines.errors import ConfigurationError

_TEMPLATE: Final = "report.html"

_NOT_DRAWN: Final = {
    "shipped": "The drawing is without figures, because pygraphviz was not installed where this"
    " page was made; the tables have them.",
    "none": "There is no drawing, because pygraphviz was not installed where this page was made;"
    " the tables have all figures.",
}


@frozen
class WrittenReport:
    """A report that was written.

    Attributes:
        path: The page.
        size_bytes: Its size.
        history: What the recording says.
        told: Interactions that are told one by one; the others are in the figures only.
        diagram: Where the diagram comes from: `drawn` with the traffic on it, `shipped` without, or
            `none`.
        audit: What was found out about the audit log; None where none was given.
    """

    path: Path
    size_bytes: int
    history: History
    told: int
    diagram: Origin
    audit: AuditReport | None


def write_report(
    recording_path: str | Path, audit_path: str | Path | None, out_path: str | Path
) -> WrittenReport:
    """Write the report of a recording as one HTML page that needs nothing else.

    The recording is read once, in bounded memory. Of very large ones not all interactions are told
    one by one: `chronicle` has the bounds, and the page says what it leaves out. Blocks: some 50 µs
    a record.

    Args:
        recording_path: A recording or journal of the hold machine; it may be written to meanwhile.
        audit_path: The audit log that belongs to it, to be verified; None leaves it out.
        out_path: The page; an earlier one is replaced in one step.

    Returns:
        What was written.

    Raises:
        MalformedRecord: Recording or audit log cannot be read, or the recording is of another
            machine.
        SpecError: Today's code cannot run the definition that the records were stepped by.
        ConfigurationError: The page cannot be written; `source` names it.
    """
    recording, out = Path(recording_path), Path(out_path)
    account = read_account(recording)
    audit = None if audit_path is None else verify(audit_path)
    page, diagram = page_of(recording, account, audit)
    size = _write(out, page)
    return WrittenReport(out, size, account.history, len(account.chronicle.told), diagram, audit)


def page_of(recording: Path, account: Account, audit: AuditReport | None) -> tuple[str, Origin]:
    """Return the page, and where its diagram comes from, as `WrittenReport.diagram` says it."""
    library, script = assets.asset(assets.LIBRARY), assets.bundle()
    diagrams = diagrams_of(account.machine, account.traffic)
    style = assets.asset(assets.LIBRARY_STYLE) + diagrams.style + assets.asset("report.css")
    columns = columns_of(
        account.history,
        account.chronicle,
        account.machine.spec,
        load_machine(MACHINE).spec.digest,
    )
    page = Template(assets.asset(_TEMPLATE)).substitute(
        policy=assets.policy(styles=[style], scripts=[library, script]),
        version=text(hookflash.__version__),
        style=style,
        title=summary.title(account),
        subtitle=summary.subtitle(recording, account),
        left_out=summary.left_out(account),
        figures=summary.figures(account, audit),
        outcomes=summary.outcomes(account.history),
        facts=summary.facts(recording, account, audit),
        diagram=_framed(diagrams.page),
        diagram_note="" if diagrams.origin == "drawn" else _NOT_DRAWN[diagrams.origin],
        player_diagram=diagrams.player,
        transitions=transition_rows(account.traffic),
        states=state_rows(account.machine, account.traffic),
        tables_open="" if diagrams.origin == "drawn" else " open",
        data=pack(columns),
        library=library,
        script=script,
    )
    return page, diagrams.origin


def _framed(svg: str) -> str:
    if not svg:
        return ""
    return f'<div class="diagram" role="region" tabindex="0" aria-label="State diagram">{svg}</div>'


def _write(out: Path, page: str) -> int:
    """Write the page in one step; return its size in bytes."""
    # A name of its own in the same folder: two reports may be made at once.
    unfinished = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    written = page.encode()
    try:
        try:
            unfinished.write_bytes(written)
            unfinished.replace(out)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {out}: {error.strerror or error}",
            advice="name a file in a folder that you may write to",
            source=str(out),
        ) from error
    return len(written)
