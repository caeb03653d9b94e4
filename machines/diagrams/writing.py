"""What is written in the boxes and on the arrows of a drawing, before any format has its say."""

from collections.abc import Iterator
from typing import Final, Literal

from attrs import frozen

from hookflash.machines.diagrams.drawing import Arrow, Box, Clock, Drawing, Line
from hookflash.machines.diagrams.figures import Flow, Key, Traffic, Walk
from hookflash.machines.diagrams.words import (
    count_text,
    duration_text,
    guards_text,
    moment_text,
    numbers_text,
    share_text,
    wrapped,
)
from hookflash.machines.spec import Decision

Detail = Literal["brief", "normal", "full"]
"""How much is written: events and timers; guards and effects too; everything that is decided."""

Role = Literal[
    "clock", "doc", "does", "effect", "faint", "figure", "name", "other", "story", "stray", "walk"
]
"""What a piece of text is; a format gives each its colour and size."""

WIDTH: Final = 40
"""Characters in a row, where words allow."""

NARROW: Final = 28
"""Characters in a row that only explains the one above it: arrows of brief drawings stay slim."""

_STEPS_MAX: Final = 6
"""Numbers of steps that are written one by one."""

_ALSO: Final[dict[Decision, str]] = {
    "stay": "stays at",
    "late": "late",
    "ignore": "ignores",
    "reject": "rejects",
}

_COUNTED: Final[tuple[Decision, ...]] = ("reject", "late", "ignore")


@frozen
class Span:
    """A piece of a row.

    Attributes:
        text: The text.
        role: What it is.
        bold: Whether it stands out.
    """

    text: str
    role: Role
    bold: bool = False


Row = tuple[Span, ...]
"""What stands in one line."""


def plain(row: Row) -> str:
    """Return the text of a row."""
    return "".join(span.text for span in row)


# --- the whole ------------------------------------------------------------------------------------


def heading(drawing: Drawing) -> list[Row]:
    """Return what stands above a drawing: the machine, and what figures are drawn."""
    name = Span(drawing.spec.name, "name", bold=True)
    rows: list[Row] = [(name, Span(f"  {drawing.spec.doc}", "doc"))]
    if drawing.traffic is not None:
        rows += _heading_of_traffic(drawing, drawing.traffic)
    if drawing.walk is not None:
        walk = drawing.walk
        steps = _counted(len(walk.hops), "step")
        rows.append((Span(f"interaction {walk.interaction_id}: {steps}", "walk"),))
        if walk.left_out:
            rows.append((Span(f"{_counted(walk.left_out, 'further step')} left out", "stray"),))
    return rows


def _heading_of_traffic(drawing: Drawing, traffic: Traffic) -> Iterator[Row]:
    records = _counted(traffic.records, "record")
    text = f"{records} of {_counted(traffic.interactions, 'interaction')}"
    if traffic.first_at is not None and traffic.last_at is not None:
        first, last = moment_text(traffic.first_at), moment_text(traffic.last_at, drawing.day)
        text += f", {first} to {last}"
    yield (Span(text, "figure"),)
    if traffic.unmeasured:
        visits = _counted(traffic.unmeasured, "visit")
        yield (Span(f"{visits} not measured: too many interactions at once", "stray"),)
    if traffic.strays_left_out:
        records = _counted(traffic.strays_left_out, "record")
        yield (Span(f"{records} of further kinds that are not in the definition", "stray"),)


def legend(drawing: Drawing, detail: Detail) -> Row:
    """Return what says how a drawing is to be read."""
    if drawing.walk is not None:
        return Span("numbers are steps in order", "walk"), Span("   faint: not on its way", "faint")
    name = "normal path" if drawing.story.declared else "normal path (derived)"
    spans = [Span(f"\u2501 {name}   ", "story")] if drawing.story.hops else []
    spans.append(Span("\u2505 everything else", "other"))
    spans.append(Span("   timers and how long they take", "clock"))
    if detail != "brief":
        spans.append(Span("   [guard] / effect", "effect"))
    if drawing.traffic is not None:
        spans.append(Span("   how often \u00b7 share of what left the state", "figure"))
        spans.append(Span("   never happened", "faint"))
    return tuple(spans)


def _counted(count: int, noun: str) -> str:
    return f"{count_text(count)} {noun}{'' if count == 1 else 's'}"


# --- boxes ----------------------------------------------------------------------------------------


def box_parts(drawing: Drawing, box: Box, detail: Detail) -> list[list[Row]]:
    """Return what stands in a box below its name, in parts that a line may part.

    Args:
        drawing: The drawing.
        box: One of its boxes.
        detail: How much is written. In a drawing of one interaction's way only what it did.
    """
    doc: list[Row] = [(Span("not in the definition", "stray"),)]
    if box.known:
        doc = [(Span(line, "doc"),) for line in wrapped(box.doc, WIDTH - 4)]
    parts: list[list[Row]] = [doc, list(_stay_rows(drawing, box))]
    if drawing.walk is not None:
        parts.append(list(_walked_rows(drawing.walk, box)))
    else:
        parts.append([row for clock in box.clocks for row in _clock_rows(clock, detail)])
        if detail != "brief":
            parts.append(list(_doing_rows(drawing, box, detail)))
            parts.append(list(_also_rows(drawing, box, detail)))
    parts.append([_stray_row(event, flow) for event, flow in box.strays])
    return [part for part in parts if part]


def _stay_rows(drawing: Drawing, box: Box) -> Iterator[Row]:
    if drawing.traffic is None:
        return
    stay = drawing.traffic.stays.get(box.name)
    if stay is None:
        yield (Span("never seen", "faint"),)
        return
    yield (Span(_counted(stay.visits, "visit"), "figure", bold=True),)
    if stay.p50_s is not None and stay.p95_s is not None:
        text = f"dwell p50 {duration_text(stay.p50_s)}, p95 {duration_text(stay.p95_s)}"
        yield (Span(text, "figure"),)
    yield (Span(f"last {moment_text(stay.last_at, drawing.day)}", "figure"),)


def _walked_rows(walk: Walk, box: Box) -> Iterator[Row]:
    keys = dict.fromkeys(key for line in box.lines for key in line.keys)
    walked = [(steps, key[1]) for key in keys if (steps := walk.steps((key,)))]
    for steps, event in sorted(walked):
        yield _walked(walk, steps, event, "does")


def _walked(walk: Walk, steps: tuple[int, ...], event: str, role: Role) -> Row:
    numbers = Span(f"{numbers_text(steps, _STEPS_MAX)}  ", "walk", bold=True)
    first, *further = steps
    if further:
        return numbers, Span(event, role)
    return numbers, Span(event, role), Span(f"  {walk.moment_of(first)}", "effect")


def _clock_rows(clock: Clock, detail: Detail) -> Iterator[Row]:
    name, duration = Span(clock.name, "clock", bold=True), Span(f" {clock.duration}", "clock")
    what = "; ".join(dict.fromkeys(_consequence(line, detail) for line in clock.lines))
    if detail == "brief":
        yield name, duration
        return
    pieces = wrapped(what, WIDTH - len(clock.name) - len(clock.duration) - 3)
    if len(pieces) == 1:
        yield name, duration, Span(f": {pieces[0]}", "does")
        return
    yield name, duration
    for piece in wrapped(what, WIDTH - 2):
        yield (Span(f"   {piece}", "does"),)


def _consequence(line: Line, detail: Detail) -> str:
    target = line.rows[0].target
    guards = f"{guards_text(line.guards)} " if detail == "full" and line.guards else ""
    return guards + (f"\u2192\u00a0{target}" if target is not None else ", ".join(line.effects))


def _doing_rows(drawing: Drawing, box: Box, detail: Detail) -> Iterator[Row]:
    """Say what the state does without being left; its timers say theirs themselves."""
    clocked = {line.event for clock in box.clocks for line in clock.lines}
    events: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for line in box.deciding("stay"):
        if line.effects and line.event not in clocked:
            guards = _guarded(line) if detail == "full" else ""
            happened = not drawing.is_live or drawing.happened(line.keys)
            said = _with_count(drawing, line) + guards
            events.setdefault((happened, line.effects), []).append(said)
    for (happened, effects), names in events.items():
        roles: tuple[Role, Role] = ("does", "effect") if happened else ("faint", "faint")
        yield from _said(", ".join(dict.fromkeys(names)), f" / {', '.join(effects)}", *roles)


def _also_rows(drawing: Drawing, box: Box, detail: Detail) -> Iterator[Row]:
    """Say what else is decided: in numbers, or in full all of it."""
    lines = [line for line in box.lines if line.decision != "stay" or not line.effects]
    if detail != "full":
        counts: dict[Decision, int] = {
            decision: len({line.event for line in lines if line.decision == decision})
            for decision in _COUNTED
        }
        said = [f"{_ALSO[decision]} {count}" for decision, count in counts.items() if count]
        if said:
            yield (Span(" \u00b7 ".join(said), "effect"),)
        return
    groups: dict[tuple[Decision, str | None, tuple[str, ...]], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.decision, line.rows[0].error, line.effects), []).append(line)
    for (decision, error, effects), found in groups.items():
        head = _ALSO[decision] if error is None else f"{_ALSO[decision]} as {error}"
        names = (f"{_with_count(drawing, line)}{_guarded(line)}" for line in found)
        done = f" / {', '.join(effects)}" if effects else ""
        yield from _said(f"{head}: {', '.join(dict.fromkeys(names))}", done, "effect", "effect")


def _guarded(line: Line) -> str:
    return f" {guards_text(line.guards)}" if line.guards else ""


def _with_count(drawing: Drawing, line: Line) -> str:
    flow = drawing.flow(line.keys)
    return line.event if flow is None else f"{line.event} \u00d7{count_text(flow.count)}"


# --- arrows ---------------------------------------------------------------------------------------


def arrow_rows(drawing: Drawing, arrow: Arrow, detail: Detail) -> list[Row]:
    """Return what is written on an arrow.

    Args:
        drawing: The drawing.
        arrow: One of its arrows.
        detail: How much is written. In a drawing of one interaction's way only the steps that went
            over it; none for an arrow that it did not take.
    """
    if drawing.walk is not None:
        return list(_taken_rows(drawing.walk, arrow))
    rows = list(_flow_rows(drawing, arrow))
    if detail == "brief":
        rows += _brief_rows(drawing, arrow)
    else:
        told: set[Key] = set()
        for line in arrow.lines:
            rows += _line_rows(drawing, arrow, line, told)
    return [*rows, *(_stray_row(event, flow) for event, flow in arrow.strays)]


def _flow_rows(drawing: Drawing, arrow: Arrow) -> Iterator[Row]:
    traffic = drawing.traffic
    if traffic is None:
        return
    flow = drawing.flow(arrow.keys)
    if flow is None:
        yield (Span("never", "faint"),)
        return
    left = sum(traffic.left(source) for source in arrow.sources)
    told = [share_text(flow.count, left)] if left else []
    told.append(f"last {moment_text(flow.last_at, drawing.day)}")
    text = "".join(f" \u00b7 {one}" for one in told)
    yield Span(count_text(flow.count), "figure", bold=True), Span(text, "figure")


def _brief_rows(drawing: Drawing, arrow: Arrow) -> Iterator[Row]:
    alike: dict[tuple[str, bool], list[Line]] = {}
    for line in arrow.lines:
        alike.setdefault((_event(line), line.story is not None), []).append(line)
    for (event, story), lines in alike.items():
        happened = not drawing.is_live or any(drawing.happened(line.keys) for line in lines)
        role: Role = "story" if story else "other" if happened else "faint"
        where = next((line.unless_it_stays for line in lines if line.unless_it_stays), "")
        yield (Span(event, role, bold=story),)
        for piece in wrapped(f"where {where}", NARROW) if where else ():
            yield (Span(f"   {piece}", role, bold=story),)


def _line_rows(drawing: Drawing, arrow: Arrow, line: Line, told: set[Key]) -> Iterator[Row]:
    happened = not drawing.is_live or drawing.happened(line.keys)
    role: Role = "other" if happened else "faint"
    if line.story is not None:
        role = "story"
    event = _event(line)
    flow = drawing.flow(line.keys)
    if flow is not None and not told.issuperset(line.keys) and len(arrow.lines) > 1:
        event += f" \u00d7{count_text(flow.count)}"
        told.update(line.keys)
    if len(arrow.sources) > 1 and set(line.sources) != set(arrow.sources):
        event += f" in {', '.join(line.sources)}"
    done = f" / {', '.join(line.effects)}" if line.effects else ""
    after: Role = "effect" if happened or line.story is not None else "faint"
    yield from _said(f"{event}{_guarded(line)}", done, role, after, bold=line.story is not None)


def _event(line: Line) -> str:
    return line.event if line.duration is None else f"{line.event} ({line.duration})"


def _taken_rows(walk: Walk, arrow: Arrow) -> Iterator[Row]:
    for key in arrow.keys:
        steps = walk.steps((key,))
        if steps:
            yield _walked(walk, steps, key[1], "stray" if arrow.strays else "does")


def _stray_row(event: str, flow: Flow) -> Row:
    return (Span(f"{event} \u00d7{count_text(flow.count)}: not in the definition", "stray"),)


def _said(first: str, second: str, role: Role, after: Role, *, bold: bool = False) -> Iterator[Row]:
    """Write both in one row if there is room, else one below the other."""
    if len(first) + len(second) <= WIDTH + 4:
        yield Span(first, role, bold), Span(second, after)
        return
    for number, piece in enumerate(wrapped(first, WIDTH)):
        yield (Span(f"   {piece}" if number else piece, role, bold),)
    for piece in wrapped(second, WIDTH - 2) if second else ():
        yield (Span(f"   {piece}", after),)
