"""The page: a recording and its audit log as one HTML file, without scripts and without network."""

import re
import secrets
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

import hookflash
from hookflash.adapters.audit import AuditReport, verify
from hookflash.adapters.journal import read_recording
from hookflash.adapters.report.history import (
    FOLLOWED_MAX,
    RECORDS_TOLD_MAX,
    TOLD_MAX,
    History,
)
from hookflash.adapters.report.stories import HoldEntry, Story
from hookflash.adapters.report.words import (
    GRAVE,
    MARKS,
    OUTCOMES,
    duration,
    effect_words,
    event_words,
    moment,
    text,
)
from hookflash.adapters.specifications import load_machine
from hookflash.engine.metrics import percent_text
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.instants import to_text_ms
from hookflash.machines.machine import Machine
from hookflash.machines.records import Header, Record

NOTEWORTHY_MAX: Final = 2_000
"""Rows of the table of noteworthy interactions."""

MACHINE: Final = "hold"
"""The machine whose recordings have holds."""

_SHORT_ID_LENGTH: Final = 8
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def write_report(
    recording_path: str | Path, audit_path: str | Path | None, out_path: str | Path
) -> History:
    """Write the report of a recording as one HTML page that needs nothing else.

    The recording is read once, in bounded memory; some thousands of interactions and holds are on
    the page and the others are counted. Blocks: some 20 µs a record.

    Args:
        recording_path: A recording or journal of the hold machine; it may be written to meanwhile.
        audit_path: The audit log that belongs to it, to be verified; None leaves it out.
        out_path: The page; an earlier one is replaced in one step.

    Returns:
        What the page was made of.

    Raises:
        MalformedRecord: Recording or audit log cannot be read, or the recording is of another
            machine.
        ConfigurationError: The page cannot be written; `source` names it.
    """
    recording, out = Path(recording_path), Path(out_path)
    header, records = read_recording(recording)
    if header.machine != MACHINE:
        raise MalformedRecord(
            f"{recording}: records the machine {header.machine!r}, which has no holds",
            advice=f"give a recording of the machine {MACHINE!r}",
            place=str(recording),
        )
    history = History.of(records)
    audit = None if audit_path is None else verify(audit_path)
    page = _page(recording.name, header, history, audit)
    _write(out, page)
    return history


def _write(out: Path, page: str) -> None:
    # A name of its own in the same folder: two reports may be made at once.
    unfinished = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        try:
            unfinished.write_text(page, encoding="utf-8")
            unfinished.replace(out)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {out}: {error.strerror or error}",
            advice="name a file in a folder that you may write to",
            source=str(out),
        ) from error


def _page(name: str, header: Header, history: History, audit: AuditReport | None) -> str:
    template = Template(
        (files("hookflash.adapters.report") / "page.html").read_text(encoding="utf-8")
    )
    day = "" if history.first_at is None else to_text_ms(history.first_at)[:10]
    numbers = {story.id.lower(): number for number, story in enumerate(_told(history), start=1)}
    return template.substitute(
        title=f"Holds on {text(header.gateway)}" + (f", {day}" if day else ""),
        facts=_facts(name, header, history),
        figures=_figures(history, audit),
        outcomes=_outcomes(history),
        holds=_holds(history, numbers, day),
        noteworthy=_noteworthy(history, numbers),
        interactions=_interactions(history, day),
        version=text(hookflash.__version__),
    )


# --- what was recorded ----------------------------------------------------------------------------


def _facts(name: str, header: Header, history: History) -> str:
    rows = [
        ("Recording", f"<code>{text(name)}</code>, begun {moment(header.created, day='')}"),
        ("Gateway", f"<code>{text(header.gateway)}</code>"),
        ("Machine", f"{text(header.machine)}, definition <code>{_hash(header.spec_hash)}</code>"),
    ]
    if history.first_at is not None and history.last_at is not None:
        lasted = duration(history.last_at - history.first_at)
        first, last = moment(history.first_at, day=""), moment(history.last_at, day="")
        rows.append(("Time", f"{first} to {last} ({lasted})"))
    left_out = ""
    if history.records_not_followed:
        left_out = (
            f"; {history.records_not_followed:,} of interactions after the first"
            f" {FOLLOWED_MAX:,} are in no figure below"
        )
    rows.append(("Records", f"{history.records:,}{left_out}"))
    return "\n".join(f"<dt>{term}</dt><dd>{what}</dd>" for term, what in rows)


def _hash(digest: str) -> str:
    # Not through `text`: among 64 hexadecimal digits some always look like a number to dial.
    return digest if len(digest) == 64 and all(c in "0123456789abcdef" for c in digest) else "none"


def _figures(history: History, audit: AuditReport | None) -> str:
    marks = history.marks
    open_holds = sum(story.hold is not None for story in history.stories.values())
    lengths = confirmed = "none"
    if history.holds_ended:
        average = duration(history.held_us // history.holds_ended)
        lengths = f"{average} / {duration(history.held_longest_us)}"
    if history.succeeded:
        confirmed = f"{history.latency_us / history.succeeded / 1000:,.1f} ms"
    rate = history.consistent / history.attempts if history.attempts else 1.0
    figures = [
        ("interactions", f"{len(history.stories):,}", ""),
        ("holds", f"{history.holds_count:,}", ""),
        ("still on hold at the end", f"{open_holds:,}", "grave" if open_holds else ""),
        ("average / longest hold", lengths, ""),
        ("released at the limit", f"{marks['released_at_limit']:,}", ""),
        ("past the limit", f"{marks['expired']:,}", "grave" if marks["expired"] else ""),
        ("holds of somebody else", f"{marks['foreign_hold']:,}", ""),
        ("commands", f"{history.commands:,}", ""),
        ("average time to success", confirmed, ""),
        ("confirmed within 2 s", percent_text(rate), ""),
        ("control socket opened again", f"{history.reconnects:,}", ""),
    ]
    if audit is not None and audit.whole:
        figures.append(("lines of audit log, chain whole", f"{audit.lines:,}", "good"))
    elif audit is not None:
        term = f"audit log broken: it {text(audit.reason)}"
        figures.append((term, f"line {audit.broken_line}", "grave"))
    return "\n".join(
        f'<div class="{style}"><dt>{term}</dt><dd>{figure}</dd></div>'
        for term, figure, style in figures
    )


def _outcomes(history: History) -> str:
    seen = {outcome for _, outcome in history.outcomes}
    known = [outcome for outcome in OUTCOMES if outcome in seen]
    rows = [
        [
            f'<th scope="row">{text(outcome.replace("_", " "))}</th>',
            f"<td>{text(OUTCOMES.get(outcome, ''))}</td>",
            f'<td class="figure">{history.outcomes["hold", outcome]:,}</td>',
            f'<td class="figure">{history.outcomes["unhold", outcome]:,}</td>',
        ]
        for outcome in [*known, *sorted(seen - OUTCOMES.keys())]
    ]
    heads = [("outcome", ""), ("meaning", ""), ("holds", "figure"), ("unholds", "figure")]
    return _table("How commands ended", heads, rows)


# --- tables ---------------------------------------------------------------------------------------


def _holds(history: History, numbers: dict[str, int], day: str) -> str:
    rows = [_hold_row(hold, numbers, day) for hold in history.holds]
    heads = [
        (name, "figure" if name == "held for" else "")
        for name in (
            *("interaction", "from", "to", "held for", "began", "ended", "reason", "limit", "who"),
        )
    ]
    left_out = history.holds_count - len(history.holds)
    note = f"; {left_out:,} later ones are left out" if left_out else ""
    return _table(f"Holds in the order of their confirmation{note}", heads, rows, style="holds")


def _hold_row(hold: HoldEntry, numbers: dict[str, int], day: str) -> list[str]:
    limit = "not recorded"
    if hold.limit_at is not None and hold.since is not None:
        limit = duration(hold.limit_at - hold.since) + (", passed" if hold.limit_passed else "")
    ended = hold.ended or "not yet"
    actors = dict.fromkeys(filter(None, (hold.actor, hold.ended_by)))
    who = ", ".join(map(_who, actors))
    return [
        f'<th scope="row">{_link(hold.interaction_id, numbers)}</th>',
        f"<td>{moment(hold.since, day=day)}</td>",
        f"<td>{'' if hold.until is None else moment(hold.until, day=day)}</td>",
        f'<td class="figure">{"" if hold.until is None else duration(hold.held_us)}</td>',
        f"<td>{text(hold.began)}</td>",
        f'<td class="wraps">{text(ended)}</td>',
        f"<td>{text((hold.reason or '').replace('_', ' '))}</td>",
        f"<td>{limit}</td>",
        f"<td>{who}</td>",
    ]


def _who(actor: str) -> str:
    return "somebody else" if actor == "foreign" else text(actor)


def _noteworthy(history: History, numbers: dict[str, int]) -> str:
    notable = [story for story in history.stories.values() if story.marks]
    rows = [
        [
            f'<th scope="row">{_link(story.id, numbers)}</th>',
            f'<td class="nowrap">{text(story.state.replace("_", " "))}</td>',
            f"<td>{_marks(story)}</td>",
        ]
        for story in notable[:NOTEWORTHY_MAX]
    ]
    left_out = len(notable) - len(rows)
    note = f"; {left_out:,} later ones are left out" if left_out else ""
    heads = [("interaction", ""), ("state at the end", ""), ("what happened", "")]
    caption = f"{len(notable):,} of {len(history.stories):,} interactions{note}"
    return _table(caption, heads, rows)


def _marks(story: Story) -> str:
    items: list[str] = []
    for mark, words in MARKS.items():
        count = story.marks[mark]
        if count:
            style = ' class="grave"' if mark in GRAVE else ""
            often = f" ({count} times)" if count > 1 else ""
            items.append(f"<li{style}>{words}{often}</li>")
    return f'<ul class="marks">{"".join(items)}</ul>'


def _table(
    caption: str,
    heads: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[str]],
    *,
    style: str = "",
) -> str:
    """Return a table; *caption* is plain text of ours, *rows* hold whole cells as HTML."""
    head = "".join(f'<th scope="col" class="{kind}">{name}</th>' for name, kind in heads)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    body = body or f'<tr><td colspan="{len(heads)}">none</td></tr>'
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}">'
        f'<table class="{style}"><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


# --- interactions ---------------------------------------------------------------------------------


def _told(history: History) -> list[Story]:
    return [story for story in history.stories.values() if story.told]


def _interactions(history: History, day: str) -> str:
    machine = load_machine(MACHINE)
    told = _told(history)
    parts = [_details(number, story, machine, day) for number, story in enumerate(told, start=1)]
    left_out = len(history.stories) - len(told)
    if left_out:
        parts.append(
            f"<p>{left_out:,} further interactions are in the figures, but not told here:"
            f" the page has the first {TOLD_MAX:,}.</p>"
        )
    return "\n".join(parts) or "<p>None.</p>"


def _details(number: int, story: Story, machine: Machine[Any, Any], day: str) -> str:
    heads = [("time", ""), ("what happened", ""), ("state", ""), ("asked for", "")]
    rows = [_record_row(record, machine, day) for record in story.told]
    more = story.records - len(story.told)
    caption = "Events in order" + (
        f"; {more:,} after the first {RECORDS_TOLD_MAX} are left out" if more else ""
    )
    holds = f"{story.holds} hold{'' if story.holds == 1 else 's'}"
    return (
        f'<details id="i{number}"><summary><code>{text(story.id)}</code> <span class="soft">'
        f"{text(story.state.replace('_', ' '))}, {holds}, {story.records:,} records</span>"
        f"</summary>{_table(caption, heads, rows)}</details>"
    )


def _record_row(record: Record, machine: Machine[Any, Any], day: str) -> list[str]:
    event = record.event
    name = machine.event_name(event)
    said = event_words(event)
    state = text(record.source.replace("_", " "))
    if record.target != record.source:
        state = f"{state} → <strong>{text(record.target.replace('_', ' '))}</strong>"
    asked = "".join(f"<li>{effect_words(effect, event.at)}</li>" for effect in record.effects)
    doc = text(machine.spec.events[name].doc)
    what = f"{name.replace('_', ' ')}: {said}" if said else name.replace("_", " ")
    return [
        f'<th scope="row">{moment(event.at, day=day)}</th>',
        f'<td>{what}<br><span class="soft">{doc}</span></td>',
        f'<td class="nowrap">{state}</td>',
        f"<td>{f'<ul>{asked}</ul>' if asked else 'nothing'}</td>",
    ]


def _link(interaction_id: str, numbers: dict[str, int]) -> str:
    # Not through `text`: eight digits of an id look like a number to dial.
    is_uuid = _UUID.fullmatch(interaction_id) is not None
    short = interaction_id[:_SHORT_ID_LENGTH] if is_uuid else text(interaction_id)
    number = numbers.get(interaction_id.lower())
    code = f'<code title="{text(interaction_id)}">{short}</code>'
    return code if number is None else f'<a href="#i{number}">{code}</a>'
