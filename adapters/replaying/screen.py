"""What a terminal shows of one record: its event, what it did, and what comes of it now."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast, get_args

import attrs
from attrs import frozen
from rich.cells import cell_len, chop_cells
from rich.text import Text

from hookflash.adapters.replaying.wording import differences_as_lines
from hookflash.engine.replaying.findings import instant_of
from hookflash.engine.replaying.following import Followed
from hookflash.engine.replaying.tour import Stop
from hookflash.engine.replaying.verdicts import Judged
from hookflash.machines.instants import Instant, to_text
from hookflash.machines.interaction import Interaction
from hookflash.machines.rules.explaining import explain
from hookflash.machines.rules.trace import Trace

KEYS: Final = "n/→ next  p/← back  r refusal  d divergence  g go to  ↑↓ scroll  q quit"
_ID_SHOWN: Final = 8
_LABEL: Final = 9


@frozen
class Line:
    """A line of text that is broken between its parts only.

    Attributes:
        label: What it is about; empty for more of the line before.
        parts: What it says.
        style: How the parts look.
    """

    label: str
    parts: tuple[str, ...]
    style: str = ""

    def wrapped(self, width: int) -> list[Text]:
        """Return it in lines of at most *width* columns."""
        room = max(_LABEL, width - _LABEL - 1)
        rows: list[str] = []
        for part in self._pieces(room):
            if rows and cell_len(rows[-1]) + 2 + cell_len(part) <= room:
                rows[-1] += f"  {part}"
            else:
                rows.append(part)
        return [
            Text.assemble((f"{'' if index else self.label:<{_LABEL}} ", "dim"), (row, self.style))
            for index, row in enumerate(rows or [""])
        ]

    def _pieces(self, room: int) -> Iterator[str]:
        """Yield the parts; of one that is longer than a line its words, as many as fit."""
        for part in self.parts:
            piece = ""
            for word in part.split(" ") if cell_len(part) > room else [part]:
                joined = f"{piece} {word}" if piece else word
                if cell_len(joined) > room and piece:
                    yield from chop_cells(piece, room)
                    piece = word
                else:
                    piece = joined
            yield from chop_cells(piece, room) if piece else ("",)


def page(stop: Stop) -> list[Line]:
    """Return what there is to say about a stop, line by line."""
    lines = list(_head(stop))
    if stop.followed is not None:
        lines += _record(stop.followed)
    elif stop.asked is not None:
        lines += _asked(stop)
    at = _at(stop)
    lines += _interaction(stop.interaction, at)
    if stop.followed is not None:
        lines += _effects(stop.followed.recorded.effects, stop.followed.recorded.event.at)
        lines += _rules(stop.followed.judged)
    lines += _findings(stop)
    return lines


def frame(
    lines: list[Line], title: str, status: str, size: tuple[int, int], offset: int
) -> list[Text]:
    """Return a whole screen: a title, the lines that fit from *offset* on, and a last line.

    Args:
        lines: What there is to say.
        title: The first line.
        status: The last line.
        size: Columns and rows of the terminal.
        offset: How many of the lines are scrolled away.
    """
    width, height = size
    wrapped = [part for line in lines for part in line.wrapped(width)]
    room = max(1, height - 3)
    offset = max(0, min(offset, len(wrapped) - room))
    shown = wrapped[offset : offset + room]
    below = len(wrapped) - offset - len(shown)
    more = f" {below} lines more " if below else ""
    rule = "─" * max(0, width - len(more)) + more
    rows = [_cut(Text(title, style="bold reverse"), width, fill=True), *shown]
    rows += [Text()] * (height - 2 - len(rows))
    return [*rows, Text(rule[:width], style="dim"), _cut(Text(status), width)]


def _cut(text: Text, width: int, *, fill: bool = False) -> Text:
    text.truncate(width, overflow="ellipsis", pad=fill)
    return text


def _at(stop: Stop) -> Instant | None:
    if stop.followed is not None:
        return cast("Instant", stop.followed.recorded.event.at)
    return None if stop.asked is None else stop.asked.at


def _head(stop: Stop) -> Iterator[Line]:
    at = _at(stop)
    when = "" if at is None else to_text(at)
    yield Line("at", (when, stop.interaction.id))
    for change in stop.changes:
        yield Line("", (change,), "cyan")


# --- a record -------------------------------------------------------------------------------------


def _record(followed: Followed) -> Iterator[Line]:
    recorded = followed.recorded
    target = "stays" if recorded.source == recorded.target else f"→ {recorded.target}"
    yield Line("event", (followed.event, f"in {recorded.source}", target), "bold green")
    fields = {key: value for key, value in _attributes(recorded.event).items() if key != "at"}
    yield Line("", _fields(fields, recorded.event.at))
    if followed.step is not None:
        row = followed.step.transition
        guards = f"[{', '.join(row.guards)}]" if row.guards else ""
        yield Line("row", (f"line {row.line}", guards, row.error or row.decision))
        yield Line("", (row.reason,), "italic")


def _asked(stop: Stop) -> Iterator[Line]:
    asked = stop.asked
    if asked is None:
        return
    yield Line("rules", ("were asked", asked.about.name), "bold green")
    yield from _trace(asked.ruling.trace)


def _interaction(interaction: Interaction[Any], at: Instant | None) -> Iterator[Line]:
    yield Line("state", (interaction.state,), "bold")
    pending = interaction.pending
    if pending is not None:
        sent = "not sent yet" if pending.sent_at is None else f"sent {_apart(pending.sent_at, at)}"
        doubt = () if pending.doubt_since is None else ("its outcome is unknown",)
        named = _id(pending.correlation_id)
        yield Line("pending", (f"{pending.action} {named}", f"by {pending.actor}", sent, *doubt))
    timers = [f"{one.name} {_left(one.due_at, at)}" for one in interaction.timers]
    rules = interaction.rules
    if rules is not None:
        timers += [f"rule {one.rule} {_left(one.due_at, at)}" for one in rules.memory.waits]
    yield Line("timers", tuple(timers) or ("none",))


def _effects(effects: list[dict[str, Any]], at: Instant) -> Iterator[Line]:
    if not effects:
        yield Line("effects", ("none",))
    for index, effect in enumerate(effects):
        fields = {key: value for key, value in effect.items() if key not in {"type", "timer"}}
        timer: Any = effect.get("timer")
        fields |= cast("dict[str, Any]", timer) if isinstance(timer, dict) else {}
        name = fields.pop("name", None)
        words = f"{effect.get('type')} {name}" if name else str(effect.get("type"))
        yield Line("" if index else "effects", (words, *_fields(fields, at)))


def _rules(judged: Judged) -> Iterator[Line]:
    ruling = judged.ruling
    if ruling is None:
        return
    yield from _trace(ruling.trace)
    for planned in ruling.actions:
        yield Line("action", (f"{planned.action.rule}: {planned.action.text()}",), "bold")


def _trace(trace: Trace | None) -> Iterator[Line]:
    """Say why rules did what they did, without the line that repeats what is known already."""
    said = [] if trace is None else list(explain([trace]))[1:]
    for index, line in enumerate(said):
        yield Line("" if index else "rules", (line.removeprefix("  "),))


def _findings(stop: Stop) -> Iterator[Line]:
    for damage in stop.damages:
        yield Line("damage", (f"{damage.place}: {damage.text}",), "red")
    for one in stop.divergences:
        yield Line("differs", (one.cause.text,), "bold red")
        for line in differences_as_lines(one, ""):
            yield Line("", (line,), "red")


# --- values ---------------------------------------------------------------------------------------


def _fields(fields: Mapping[str, Any], at: Instant) -> tuple[str, ...]:
    return tuple(
        f"{key} {_value(key, value, at)}" for key, value in fields.items() if value is not None
    )


def _attributes(value: Any) -> dict[str, Any]:  # noqa: ANN401 - an event, or what is in it
    """Return the attributes of *value*, instants as texts."""
    found: dict[str, Any] = {}
    fields: Any = attrs.fields(value.__class__)
    for field in fields:
        one: Any = getattr(value, field.name)
        if one is not None and Instant in {field.type, *get_args(field.type)}:
            one = to_text(Instant(one))
        found[field.name] = one
    return found


def _value(key: str, value: Any, at: Instant) -> str:  # noqa: ANN401 - an event's or JSON
    instant = instant_of(value)
    if instant is not None:
        return _apart(instant, at)
    if attrs.has(value.__class__):
        value = _attributes(value)
    if isinstance(value, dict):
        return f"({', '.join(_fields(cast('dict[str, Any]', value), at))})"
    if isinstance(value, str) and (key.endswith("id") or key == "owner"):
        return _id(value)
    return str(value)


def _id(text: str) -> str:
    """Shorten a UUID: its beginning tells it from the others of an interaction."""
    return f"{text[:_ID_SHOWN]}…" if len(text) == 36 and text.count("-") == 4 else text


def _apart(instant: Instant, at: Instant | None) -> str:
    """Say how far an instant is from the event's."""
    if at is None:
        return to_text(instant)
    seconds = (instant - at) / 1_000_000
    if not seconds:
        return "now"
    return f"{abs(seconds):.6g} s {'ago' if seconds < 0 else 'on'}"


def _left(due_at: Instant, at: Instant | None) -> str:
    if at is None:
        return f"due {to_text(due_at)}"
    seconds = (due_at - at) / 1_000_000
    return f"in {seconds:.6g} s" if seconds >= 0 else f"{-seconds:.6g} s overdue"
