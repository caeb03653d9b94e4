"""The part of the page that is there without scripts: what was recorded, figures, outcomes."""

from pathlib import Path

from hookflash.adapters.audit import AuditReport
from hookflash.adapters.report.history import FOLLOWED_MAX, History
from hookflash.adapters.report.reading import Account
from hookflash.adapters.report.words import FAILED, OUTCOMES, duration, moment, text
from hookflash.engine.metrics import percent_text
from hookflash.machines.instants import to_text_ms


def title(account: Account) -> str:
    """Return the title of the page, as HTML."""
    return f"Holds on {text(account.header.gateway)}"


def subtitle(recording: Path, account: Account) -> str:
    """Return what was recorded and when, as HTML."""
    history = account.history
    parts = [f"<code>{text(recording.name)}</code>"]
    if history.first_at is None or history.last_at is None:
        parts.append("no records")
    else:
        first, last = to_text_ms(history.first_at), to_text_ms(history.last_at)
        until = last[11:19] if first[:10] == last[:10] else f"{last[:10]} {last[11:19]}"
        lasted = duration(history.last_at - history.first_at)
        parts.append(
            f'<time datetime="{first}">{first[:10]} {first[11:19]}</time> to'
            f' <time datetime="{last}">{until}</time> UTC ({lasted})'
        )
        parts.append(f"{history.records:,} records")
    return " · ".join(parts)


def facts(recording: Path, account: Account, audit: AuditReport | None) -> str:
    """Return what the page was made of, as the rows of a definition list."""
    header, history = account.header, account.history
    rows = [
        ("Recording", f"<code>{text(recording.name)}</code>, begun {moment(header.created)} UTC"),
        ("Gateway", f"<code>{text(header.gateway)}</code>"),
        ("Machine", f"{text(header.machine)}, definition <code>{_hash(header.spec_hash)}</code>"),
        ("Records", f"{history.records:,}"),
    ]
    if audit is not None:
        rows.append(("Audit log", text(audit.text())))
    return "\n".join(f"<div><dt>{term}</dt><dd>{what}</dd></div>" for term, what in rows)


def _hash(digest: str) -> str:
    # Not through `text`: among 64 hexadecimal digits some always look like a number to dial.
    return digest if len(digest) == 64 and all(c in "0123456789abcdef" for c in digest) else "none"


def left_out(account: Account) -> str:
    """Return what the page leaves out, as HTML; empty for nothing."""
    history, told = account.history, account.chronicle.told
    sentences: list[str] = []
    missing = len(history.stories) - len(told)
    if missing:
        sentences.append(
            f"{missing:,} of {len(history.stories):,} interactions are in the figures, but not told"
            " one by one: those to which nothing noteworthy happened were let go first."
        )
    steps = sum(one.more + one.before for one in told.values())
    if steps:
        sentences.append(f"{steps:,} steps of interactions with very many are left out.")
    holds = history.holds_count - len(history.holds)
    if holds:
        sentences.append(f"The distributions are of the first {len(history.holds):,} holds.")
    if history.records_not_followed:
        sentences.append(
            f"{history.records_not_followed:,} records of interactions after the first"
            f" {FOLLOWED_MAX:,} are in no figure."
        )
    if not sentences:
        return ""
    return f'<p class="notice"><strong>Not all of it.</strong> {" ".join(sentences)}</p>'


def figures(account: Account, audit: AuditReport | None) -> str:
    """Return the figures, as the rows of a definition list."""
    history = account.history
    marks = history.marks
    open_holds = sum(story.hold is not None for story in history.stories.values())
    average, longest = "&ndash;", ""
    if history.holds_ended:
        average = duration(history.held_us // history.holds_ended)
        longest = f"longest {duration(history.held_longest_us)}"
    failed = sum(count for (_, end), count in history.outcomes.items() if end in FAILED)
    past = marks["expired"] + marks["released_at_limit"]
    rows = [
        ("Interactions", f"{len(history.stories):,}", "", ""),
        ("Holds", f"{history.holds_count:,}", f"{marks['foreign_hold']:,} by somebody else", ""),
        ("Average hold", average, longest, ""),
        (
            "Reached the limit",
            f"{past:,}",
            f"{marks['released_at_limit']:,} released, {marks['expired']:,} expired",
            "grave" if marks["expired"] else "",
        ),
        (
            "On hold at the end",
            f"{open_holds:,}",
            "nobody was left behind" if not open_holds else "the recording ends before they do",
            "grave" if open_holds else "good",
        ),
        ("Commands", f"{history.commands:,}", f"{failed:,} did not end as asked", ""),
        _confirmed(history),
        (
            "Socket reopened",
            f"{history.reconnects:,}",
            f"{marks['cut_off']:,} commands cut off",
            "",
        ),
    ]
    if audit is not None:
        rows.append(_audit_row(audit))
    return "\n".join(
        f'<div class="{style}"><dt>{term}</dt><dd>{figure}</dd>'
        + (f'<dd class="more">{more}</dd>' if more else "")
        + "</div>"
        for term, figure, more, style in rows
    )


def _confirmed(history: History) -> tuple[str, str, str, str]:
    if not history.attempts:
        return ("Confirmed within 2 s", "&ndash;", "no command was attempted", "")
    share = percent_text(history.consistent / history.attempts)
    mean = "&ndash;"
    if history.succeeded:
        mean = f"{history.latency_us / history.succeeded / 1000:,.1f} ms to success on average"
    return ("Confirmed within 2 s", share.replace("%", " %"), mean, "")


def _audit_row(audit: AuditReport) -> tuple[str, str, str, str]:
    if audit.whole:
        return ("Audit log", f"{audit.lines:,}", "lines, chain whole", "good")
    return ("Audit log broken", f"line {audit.broken_line}", f"it {text(audit.reason)}", "grave")


def outcomes(history: History) -> str:
    """Return how commands ended, as the rows of a table."""
    seen = {outcome for _, outcome in history.outcomes}
    known = [outcome for outcome in OUTCOMES if outcome in seen]
    rows = [
        f'<tr><th scope="row">{text(outcome.replace("_", " "))}</th>'
        f'<td class="figure">{history.outcomes["hold", outcome]:,}</td>'
        f'<td class="figure">{history.outcomes["unhold", outcome]:,}</td>'
        f"<td>{text(OUTCOMES.get(outcome, ''))}</td></tr>"
        for outcome in [*known, *sorted(seen - OUTCOMES.keys())]
    ]
    return "\n".join(rows) or '<tr><td colspan="4">no command ended</td></tr>'
