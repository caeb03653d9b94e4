"""Words and figures of the page: every text from outside goes through `text`, and only there."""

from html import escape
from typing import Any, Final

from hookflash.adapters.report.stories import Mark
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
from hookflash.machines.events import HoldRequested, Refused, UnholdRequested
from hookflash.machines.instants import Instant, seconds_between, to_text_ms
from hookflash.machines.redaction import redact

TEXT_LENGTH_MAX: Final = 200
"""A longer text is cut: the recording has it whole."""

MARKS: Final[dict[Mark, str]] = {
    "expired": "stayed on hold past the limit, for somebody to decide",
    "past_limit": "a command was refused because the hold was past its limit",
    "forced": "released by somebody's decision",
    "alarm": "an alarm was raised",
    "released_at_limit": "released at the limit",
    "warning": "the warning before the limit was given",
    "foreign_hold": "put on hold by somebody else",
    "foreign_unhold": "taken off hold by somebody else",
    "foreign_released": "somebody else's hold was released at its limit",
    "ended_on_hold": "the interaction ended while the caller was on hold",
    "refused": "refused",
    "not_applied": "the gateway did not carry a command out",
    "ineligible": "not eligible for a command",
    "invalid": "a command had invalid fields",
    "unavailable": "a command could not be sent",
    "unknown": "a command's outcome was not known when the program stopped",
    "resent": "an unhold was lost and sent once more",
    "cut_off": "the control socket was lost under a command",
    "waited_for_link": "a command waited for the control socket",
    "doubt": "no acknowledgement in time; the gateway was asked",
    "unacknowledged": "an acknowledgement never came",
    "confirmed_by_lookup": "confirmed by looking it up",
    "late": "an answer came late",
    "duplicate": "an answer came twice",
}
"""What happened, as a sentence; the order is that of the page, gravest first."""

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


def text(value: object, length_max: int = TEXT_LENGTH_MAX) -> str:
    """Return *value* as HTML: numbers to dial and secrets taken out, cut, escaped."""
    plain = redact(str(value))
    if len(plain) > length_max:
        plain = plain[: length_max - 1] + "…"
    return escape(plain)


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


def moment(at: Instant | None, *, day: str) -> str:
    """Return a time as HTML, in UTC; the day is left out where it is *day*, `YYYY-MM-DD`."""
    if at is None:
        return "not recorded"
    iso = to_text_ms(at)
    shown = iso[11:23] if iso[:10] == day else f"{iso[:10]} {iso[11:23]}"
    return f'<time datetime="{iso}">{shown}</time>'


def event_words(event: Any) -> str:  # noqa: ANN401 - any event
    """Return what an event says beside its name, as HTML; empty for nothing."""
    words: list[str] = []
    if isinstance(event, HoldRequested):
        words = [f"reason {text(event.reason)}", f"priority {event.priority}"]
        words += [
            f"{name} “{text(given)}”"
            for name in ("music", "prompt")
            if (given := getattr(event, name))
        ]
    elif isinstance(event, UnholdRequested):
        words = [f"priority {event.priority}"] + ["by force"] * event.force
    elif isinstance(event, Refused):
        if event.code is not None:
            words.append(f"code {text(event.code)}")
        if event.message:
            words.append(f"“{text(event.message)}”")
    source = getattr(event, "source", None)
    if source is not None:
        words.append(f"by {text(source)}")
    actor = getattr(event, "actor", "caller")
    if actor != "caller":
        words.append(f"asked by {text(actor)}")
    return ", ".join(words)


def effect_words(effect: Any, at: Instant) -> str:  # noqa: ANN401, PLR0911 - any effect; one answer for each
    """Return what was asked for, as HTML.

    Args:
        effect: One of the hold machine's.
        at: When it was.
    """
    match effect:
        case StartTimer():
            due_s = seconds_between(at, effect.timer.due_at)
            return f"start {text(effect.timer.name)} timer ({max(0.0, due_s):.1f} s)"
        case StopTimer():
            return f"stop {text(effect.name)} timer"
        case EndCommand():
            took = duration(effect.at - effect.requested_at)
            outcome = effect.outcome.replace("_", " ")
            why = f": {text(effect.message)}" if effect.message else ""
            return f"<strong>{effect.action} command: {text(outcome)}</strong> ({took}){why}"
        case NoteForeign():
            return f"note the {effect.action} of somebody else"
        case SendHold():
            return "send hold"
        case Warn():
            return f"warn: {text(effect.notice.replace('_', ' '))}"
        case RaiseAlarm():
            return f"alarm {effect.count}: {text(effect.alarm.replace('_', ' '))}"
        case _:
            return text(tag_of(effect.__class__).replace("_", " "))
