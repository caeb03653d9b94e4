"""Words of the page: what marks, outcomes, events and effects are called."""

from html import escape
from typing import Any, Final, Literal

from hookflash.adapters.report.stories import Mark
from hookflash.adapters.report.texts import DURATION, INSTANT, REFERENCE, STRONG, Line, plain
from hookflash.engine.ledger import Began, Ended
from hookflash.machines.codec import tag_of
from hookflash.machines.effects import (
    EndCommand,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    StartTimer,
    StopTimer,
    Warn,
)
from hookflash.machines.events import CommandAbandoned, HoldRequested, Refused, UnholdRequested
from hookflash.machines.instants import Instant, to_text_ms

Group = Literal["limit", "refusal", "acknowledgement", "somebody", "link", "caller"]
"""What a mark is about; the page has a shape and a filter for each."""

GROUPS: Final[dict[Group, str]] = {
    "limit": "Limits",
    "refusal": "Refusals",
    "acknowledgement": "Acknowledgements",
    "somebody": "Somebody else",
    "link": "Connection",
    "caller": "Hung up",
}
"""The groups by what people call them, in the order of the page."""

MARKS: Final[dict[Mark, tuple[Group, str, str]]] = {
    "expired": ("limit", "expired", "stayed on hold past the limit, for somebody to decide"),
    "past_limit": (
        "refusal",
        "refused past limit",
        "a command was refused because the hold was past its limit",
    ),
    "alarm": ("limit", "alarm", "an alarm was raised"),
    "unknown": (
        "acknowledgement",
        "outcome unknown",
        "a command's outcome was not known when the program stopped",
    ),
    "not_applied": ("refusal", "not carried out", "the gateway did not carry a command out"),
    "refused": ("refusal", "refused", "refused"),
    "unavailable": ("link", "not sent", "a command could not be sent"),
    "ended_on_hold": (
        "caller",
        "hung up on hold",
        "the interaction ended while the caller was on hold",
    ),
    "forced": ("limit", "released by decision", "released by somebody's decision"),
    "released_at_limit": ("limit", "released at limit", "released at the limit"),
    "foreign_released": (
        "limit",
        "foreign, released",
        "somebody else's hold was released at its limit",
    ),
    "foreign_hold": ("somebody", "foreign hold", "put on hold by somebody else"),
    "foreign_unhold": ("somebody", "foreign unhold", "taken off hold by somebody else"),
    "ineligible": ("refusal", "not eligible", "not eligible for a command"),
    "invalid": ("refusal", "invalid", "a command had invalid fields"),
    "resent": ("acknowledgement", "unhold sent again", "an unhold was lost and sent once more"),
    "cut_off": ("link", "cut off", "the control socket was lost under a command"),
    "waited_for_link": ("link", "waited for socket", "a command waited for the control socket"),
    "doubt": (
        "acknowledgement",
        "no ack in time",
        "no acknowledgement in time; the gateway was asked",
    ),
    "unacknowledged": ("acknowledgement", "ack never came", "an acknowledgement never came"),
    "confirmed_by_lookup": ("acknowledgement", "looked up", "confirmed by looking it up"),
    "late": ("acknowledgement", "late ack", "an answer came late"),
    "duplicate": ("acknowledgement", "ack twice", "an answer came twice"),
    "warning": ("limit", "warning", "the warning before the limit was given"),
}
"""What happened: its group, in short, and as a sentence; the order is that of the page, gravest
first."""

GRAVE: Final = frozenset[Mark](
    {"expired", "past_limit", "alarm", "refused", "not_applied", "unknown", "unavailable"}
)
"""What stands out on the page."""

OUTCOMES: Final = {
    "confirmed": "acknowledged by the gateway, or seen in a frame of its own",
    "confirmed_by_lookup": "proved by looking the interaction up",
    "already": "nothing to do: it was so already",
    "refused": "the gateway said no, or too many commands waited",
    "not_applied": "sent, and proved not to have been carried out",
    "ineligible": "the interaction may not be held or unheld",
    "invalid": "a field was not what the protocol allows",
    "expired": "refused because the hold was past its limit",
    "unavailable": "could not be sent",
    "unknown": "not known when the program stopped",
}
"""What each outcome means; the order is that of the page."""

BEGAN: Final[dict[Began, str]] = {
    "acknowledged": "acknowledged",
    "seen": "told unasked",
    "looked_up": "looked up",
    "foreign": "somebody else",
    "before": "before the recording",
}
"""How a hold became known."""

ENDED: Final[dict[Ended, str]] = {
    "unhold": "unhold",
    "limit": "released at its limit",
    "foreign": "released by somebody else",
    "closed": "interaction ended",
    "lost": "lost sight of",
    "": "",
}
"""How a hold ended; the order is that of the page."""

FAILED: Final = frozenset(OUTCOMES) - {"confirmed", "confirmed_by_lookup", "already"}
"""Outcomes of commands that did not end as asked."""


def text(value: object) -> str:
    """Return *value* as HTML: numbers to dial and secrets taken out, cut, escaped."""
    return escape(plain(value))


def duration(microseconds: int | None) -> str:
    """Return a duration as people read it: `0.42 s`, `12.3 s`, `2:05 min`, `1:02:05 h`."""
    if microseconds is None:
        return "not recorded"
    seconds = microseconds / 1_000_000
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def moment(at: Instant) -> str:
    """Return a time as HTML, in UTC."""
    iso = to_text_ms(at)
    return f'<time datetime="{iso}">{iso[:10]} {iso[11:19]}</time>'


def event_lines(event: Any) -> list[Line]:  # noqa: ANN401 - any event
    """Return what an event says beside its name."""
    lines: list[Line] = []
    if isinstance(event, HoldRequested | UnholdRequested | CommandAbandoned):
        lines += _command_lines(event)
    elif isinstance(event, Refused):
        if event.code is not None:
            lines.append(Line(f"code {plain(event.code)}"))
        if event.message:
            lines.append(Line(f"“{plain(event.message)}”"))
    source = getattr(event, "source", None)
    if source is not None:
        lines.append(Line(f"by a {plain(source)}"))
    return lines


def _command_lines(event: HoldRequested | UnholdRequested | CommandAbandoned) -> list[Line]:
    reason = getattr(event, "reason", None)
    said = [] if reason is None else [f"reason {plain(reason).replace('_', ' ')}"]
    if event.priority is not None:
        said.append(f"priority {event.priority}")
    said += [
        f"{name} “{plain(given)}”"
        for name in ("music", "prompt")
        if (given := getattr(event, name, None))
    ]
    if getattr(event, "force", False):
        said.append("by force")
    if event.actor != "caller":
        said.append(f"asked by {plain(event.actor)}")
    lines = [Line(", ".join(said))] if said else []
    return [*lines, Line(f"command {REFERENCE}", (event.correlation_id,))]


def effect_line(effect: Any) -> Line:  # noqa: ANN401, PLR0911 - any effect; one answer for each
    """Return what was asked for.

    Args:
        effect: One of the hold machine's.
    """
    match effect:
        case StartTimer():
            return Line(
                f"start the {plain(effect.timer.name)} timer, due {INSTANT}", (effect.timer.due_at,)
            )
        case StopTimer():
            return Line(f"stop the {plain(effect.name)} timer")
        case EndCommand():
            outcome = plain(effect.outcome).replace("_", " ")
            why = f": {plain(effect.message)}" if effect.message else ""
            took_us = max(0, effect.at - effect.requested_at)
            return Line(
                f"{STRONG}{effect.action} command ends: {outcome}, after {DURATION}{why}",
                (took_us,),
            )
        case NoteForeign():
            return Line(f"{STRONG}note the {effect.action} of somebody else")
        case SendHold():
            return Line("send hold")
        case Warn():
            return Line(f"{STRONG}warn: {plain(effect.notice).replace('_', ' ')}")
        case RaiseAlarm():
            return Line(f"{STRONG}alarm {effect.count}: {plain(effect.alarm).replace('_', ' ')}")
        case _:
            return Line(plain(tag_of(effect.__class__)).replace("_", " "))
