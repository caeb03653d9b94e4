"""What the tests of the report share: recordings, and the pages about them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import evolve, frozen
from tests.adapters.report.recorded_day import write_day
from tests.support.demo_run import DemoRun, run_in_memory

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.report import diagram, write_report
from hookflash.adapters.report.page import page_of
from hookflash.adapters.report.reading import Account, account_of
from hookflash.adapters.specifications import load_machine
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.events import HoldRequested
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.records import Entry, Header, Record, RulesAsked
from hookflash.machines.rules.facts import RuleTimerFired
from hookflash.machines.rules.memory import NO_MEMORY
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.rules.trace import ActionTrace, ClauseTrace, RuleTrace, Trace

HOSTILE = (
    "</script><img src=x onerror=\"window.hacked=1;document.title='hacked'\">&{{7*7}}\x01\u202e"
)
NUMBER = "+49 171 2345678"
SECRET = "password=hunter22"


@frozen
class Files:
    """A recording and its audit log."""

    recording: Path
    audit: Path


def header_of(machine: Machine[Any, Any]) -> Header:
    """The header of a recording that was made by *machine*."""
    return RecordCodec(machine).new_header("gateway.test:443", Instant(1_768_050_000_000_000))


def write_files(
    folder: Path,
    machine: Machine[Any, Any],
    records: Sequence[Record],
    audit: Sequence[Mapping[str, Any]] = (),
) -> Files:
    """Write a recording and its audit log."""
    codec = RecordCodec(machine)
    files = Files(folder / "recording.jsonl", folder / "audit.jsonl")
    lines = map(codec.encode, records)
    files.recording.write_bytes(encode_header(header_of(machine)) + b"".join(lines))
    files.audit.write_bytes(
        b"".join(orjson.dumps(dict(line), option=orjson.OPT_APPEND_NEWLINE) for line in audit)
    )
    return files


def account(entries: Sequence[Entry], machine: Machine[Any, Any] | None = None) -> Account:
    """What a recording of *entries* says."""
    header = header_of(machine or load_machine("hold"))
    return account_of(header, Definitions(header, machine, "recording"), entries)


def ruling_of(at: Instant, interaction_id: str, text: str = "") -> Ruling:
    """What a rule decided, with its trace; *text* stands in it."""
    clause = ClauseTrace(f'hold.reason == "{text}"', True, (("hold.reason", text),))  # noqa: FBT003 - its value
    trace = RuleTrace(
        "close-to-limit",
        "hold warning",
        "acted",
        clauses=(clause,),
        actions=(ActionTrace("unhold", "taken"),),
    )
    return Ruling(NO_MEMORY, Trace(at, interaction_id, "warning_timer_fired", (trace,)))


def with_rules(records: Sequence[Record]) -> list[Entry]:
    """The records of a play, as if rules had been asked at each fifth and on a timer of theirs."""
    entries: list[Entry] = []
    for record in records:
        at, interaction_id = record.event.at, record.interaction_id
        ruling = ruling_of(at, interaction_id, "consultation") if record.seq % 5 == 0 else None
        entries.append(evolve(record, rules=ruling))
        if record.seq % 50 == 0:
            fired = RuleTimerFired(at, "close-to-limit", "hold-1")
            entries.append(RulesAsked(at, interaction_id, fired, ruling_of(at, interaction_id)))
    return entries


def hostile(records: Sequence[Record]) -> list[Entry]:
    """The records of a play as somebody made them who wishes us no good."""
    entries: list[Entry] = []
    ids = {record.interaction_id: None for record in records}
    names = dict(
        zip(ids, (HOSTILE, NUMBER, "javascript:alert(1)", SECRET, "x" * 5000), strict=False)
    )
    for record in records:
        name = names.get(record.interaction_id, record.interaction_id)
        event = record.event
        if isinstance(event, HoldRequested):
            event = evolve(event, reason=HOSTILE, prompt=f"{HOSTILE} {NUMBER}", actor=SECRET)
        ruling = ruling_of(event.at, name, f"{HOSTILE} {NUMBER} {SECRET}")
        entries.append(evolve(record, interaction_id=name, event=event, rules=ruling))
    return entries


@pytest.fixture(scope="session")
def played() -> DemoRun:
    """The demo's play: everything that can happen, happened."""
    return run_in_memory(5)


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory, played: DemoRun) -> Path:
    """A folder with a page of each kind, but for the large one."""
    folder = tmp_path_factory.mktemp("reports")
    machine = played.machine
    files = write_files(folder, machine, played.records, played.audit)
    write_report(files.recording, files.audit, folder / "played.html")
    pages: dict[str, Sequence[Entry]] = {
        "ruled": with_rules(played.records),
        "hostile": hostile(played.records),
        "empty": (),
    }
    for name, entries in pages.items():
        page, _ = page_of(Path(f"{name}.jsonl"), account(entries, machine), None)
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagram, "draw_svg", cannot_draw)
        patch.setattr(diagram, "_shipped", nothing_shipped)
        page, _ = page_of(Path("undrawn.jsonl"), account(played.records, machine), None)
        (folder / "undrawn.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def reports_with_day(reports: Path) -> Path:
    """The same folder, with the page of a day of 10,000 interactions."""
    write_day(reports / "day.jsonl", 10_000)
    write_report(reports / "day.jsonl", None, reports / "day.html")
    return reports


def nothing_shipped(_: object) -> diagram.Diagrams:
    """What is shown of a definition that no drawing ships for."""
    return diagram.Diagrams("", "", "", "none")


def cannot_draw(*_: object, **__: object) -> str:
    """What drawing is like without pygraphviz."""
    raise ConfigurationError("pygraphviz is not installed", source="pygraphviz")
