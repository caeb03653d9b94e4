"""The variables of conditions and messages: what each says, its type, and where it is read."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from attrs import field, frozen

from hookflash.machines.instants import Instant
from hookflash.machines.policy import LIMIT_MAX_S
from hookflash.machines.rules.calendar import WEEKDAYS, Calendar, moment
from hookflash.machines.rules.facts import RuleEvent, RuleFacts
from hookflash.machines.rules.memory import History
from hookflash.machines.rules.vocabulary import ALARMS, COMMANDS, NOTICES, OUTCOMES

TEXT_LENGTH_MAX = 256
"""Texts from the gateway are cut to this length before a condition or a message sees them."""

Type = Literal["string", "int", "double", "bool", "timestamp"]
"""The types of variables, as CEL calls them."""


class Scene:
    """What variables are read from: facts, event, history and time of one evaluation.

    Args:
        facts: What is known of the interaction.
        event: What happened; for a timer, what started it.
        history: What the rules remember of the interaction.
        at: When this is asked.
        calendar: The calendar of the rules file.
    """

    def __init__(
        self,
        facts: RuleFacts,
        event: RuleEvent,
        history: History,
        at: Instant,
        calendar: Calendar,
    ) -> None:
        self.facts = facts
        self.event = event
        self.history = history
        self.at = at
        self.calendar = calendar
        self._values: dict[str, Any] = {}

    @cached_property
    def local(self) -> datetime:
        """The local time in the calendar's time zone."""
        return self.calendar.local(self.at)

    def value(self, name: str) -> Any:  # noqa: ANN401 - of the variable's type
        """Return the value of the variable *name*; None where it has none."""
        values = self._values
        if name in values:
            return values[name]
        value = values[name] = VARIABLES[name].read(self)
        return value


@frozen
class Variable:
    """A variable of conditions and messages.

    Attributes:
        name: Its name.
        type: Its type.
        doc: What it says.
        read: Reads it; None where it has no value.
        choices: All values that it can have; empty where they are not known beforehand.
        low: Its least value; None where there is none.
        high: Its greatest value; None as for the least.
    """

    name: str
    type: Type
    doc: str
    read: Callable[[Scene], Any] = field(repr=False)
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None


def _cut(text: str | None) -> str | None:
    """Cut a text to its bound; what is no character, as in an id typed wrongly, becomes `?`."""
    if text is None:
        return None
    cut = text[:TEXT_LENGTH_MAX]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()


def _seconds(microseconds: int) -> int:
    """Whole seconds, rounded down: a rule that asks for 300 is not told 299 at 300.0."""
    return microseconds // 1_000_000


def of_hold(read: Callable[[Any, Instant], Any]) -> Callable[[Scene], Any]:
    """Return a reader that has no value while nobody is on hold."""

    def reading(scene: Scene) -> Any:  # noqa: ANN401 - of the variable's type
        hold = scene.facts.hold
        return None if hold is None else read(hold, scene.at)

    return reading


def sample_of(interaction_id: str) -> int:
    """Return a number from 0 to 99 that depends on the id alone, evenly spread."""
    return (
        int.from_bytes(sha256(interaction_id.encode("utf-8", "replace")).digest()[:4], "big") % 100
    )


def _share(hold: Any, at: Instant) -> float:  # noqa: ANN401 - a hold
    length = hold.limit_at - hold.since
    return (at - hold.since) / length if length > 0 else 1.0


_INTERACTION = (
    Variable("interaction.id", "string", "The gateway's id.", lambda s: _cut(s.facts.id)),
    Variable("interaction.state", "string", "The state now.", lambda s: s.facts.state),
    Variable(
        "interaction.on_hold",
        "bool",
        "Whether the caller is on hold; the variables of `hold` have values only then.",
        lambda s: s.facts.hold is not None,
        (False, True),
    ),
    Variable(
        "interaction.skill_group",
        "string",
        "The skill group's id; no value while it is not known.",
        lambda s: _cut(s.facts.skill_group),
    ),
    Variable(
        "interaction.org",
        "string",
        "The organisation's id; no value while it is not known.",
        lambda s: _cut(s.facts.org),
    ),
    Variable(
        "interaction.age_s",
        "int",
        "Seconds since the rules first heard of it.",
        lambda s: _seconds(s.at - s.history.first_at),
        low=0,
    ),
    Variable(
        "interaction.state_s",
        "int",
        "Seconds in the present state.",
        lambda s: _seconds(s.at - s.history.state_since),
        low=0,
    ),
    Variable(
        "interaction.holds",
        "int",
        "How many holds it has had, the one going on included.",
        lambda s: s.history.holds,
        low=0,
    ),
    Variable(
        "interaction.held_s",
        "int",
        "Seconds on hold in all, the hold going on included.",
        lambda s: _seconds(s.history.held_until(s.facts.hold, s.at)),
        low=0,
    ),
    Variable(
        "interaction.last_hold_s",
        "int",
        "How long the last hold that ended was; no value before one has.",
        lambda s: None if s.history.last_hold_us is None else _seconds(s.history.last_hold_us),
        low=0,
    ),
    Variable(
        "interaction.sample",
        "int",
        "A number from 0 to 99 that depends on the id alone: `< 5` picks 5 in 100.",
        lambda s: sample_of(s.facts.id.lower()),  # a UUID is the same in upper case
        low=0,
        high=99,
    ),
)

_HOLD = (
    Variable("hold.id", "string", "The hold's name.", of_hold(lambda h, _: _cut(h.id))),
    Variable(
        "hold.reason",
        "string",
        "Its reason; empty where none was given, as for a foreign hold.",
        of_hold(lambda h, _: _cut(h.reason) or ""),
    ),
    Variable(
        "hold.foreign",
        "bool",
        "Whether somebody else made it, not hookflash.",
        of_hold(lambda h, _: h.foreign),
        (False, True),
    ),
    Variable(
        "hold.watched",
        "bool",
        "Whether it is only warned about.",
        of_hold(lambda h, _: h.watched),
        (False, True),
    ),
    Variable(
        "hold.elapsed_s",
        "int",
        "Seconds since its start.",
        of_hold(lambda h, at: _seconds(at - h.since)),
        low=0,
    ),
    Variable(
        "hold.limit_s",
        "int",
        "Its limit, in seconds from its start.",
        of_hold(lambda h, _: _seconds(h.limit_at - h.since)),
        low=1,
        high=LIMIT_MAX_S,
    ),
    Variable(
        "hold.remaining_s",
        "int",
        "Seconds until its limit; negative after it.",
        of_hold(lambda h, at: _seconds(h.limit_at - at)),
        high=LIMIT_MAX_S,
    ),
    Variable(
        "hold.share",
        "double",
        "The share of the limit that has passed: 0.8 at 80 %.",
        of_hold(_share),
        low=0.0,
    ),
    Variable(
        "hold.limit_passed",
        "bool",
        "Whether its limit has passed.",
        of_hold(lambda h, _: h.limit_passed),
        (False, True),
    ),
    Variable(
        "hold.on_limit",
        "string",
        "What happens at its limit: `release` or `expire`.",
        of_hold(lambda h, _: h.on_limit),
        ("release", "expire"),
    ),
    Variable(
        "hold.alarms",
        "int",
        "How many alarms it has raised.",
        of_hold(lambda h, _: h.alarms),
        low=0,
    ),
    Variable("hold.since", "timestamp", "Its start.", of_hold(lambda h, _: moment(h.since))),
    Variable(
        "hold.limit_at",
        "timestamp",
        "When its limit passes.",
        of_hold(lambda h, _: moment(h.limit_at)),
    ),
)

_EVENT = (
    Variable(
        "event.name",
        "string",
        "The event's name; `schedule` for a time that has come.",
        lambda s: s.event.name,
    ),
    Variable(
        "event.actor",
        "string",
        "Who caused it: `caller`, `limit`, `foreign`, `rule:NAME`, or what a program gave; empty"
        " where nobody did.",
        lambda s: _cut(s.event.actor),
    ),
    Variable("event.from", "string", "The state before.", lambda s: s.event.state_from),
    Variable("event.to", "string", "The state after.", lambda s: s.event.state_to),
    Variable(
        "event.outcome",
        "string",
        "The outcome of the command that ended with it; empty where none did.",
        lambda s: s.event.outcome,
        ("", *OUTCOMES),
    ),
    Variable(
        "event.action",
        "string",
        "What that command, or somebody else, did: `hold` or `unhold`; else empty.",
        lambda s: s.event.action,
        ("", *COMMANDS),
    ),
    Variable(
        "event.error",
        "string",
        "The name of the error that the command ended with; else empty.",
        lambda s: _cut(s.event.error),
    ),
    Variable(
        "event.notice",
        "string",
        "`warning` or `limit_passed`; else empty.",
        lambda s: s.event.notice,
        ("", *NOTICES),
    ),
    Variable(
        "event.alarm",
        "string",
        "`release_failed`, `release_unconfirmed` or `hold_expired`; else empty.",
        lambda s: s.event.alarm,
        ("", *ALARMS),
    ),
    Variable("event.at", "timestamp", "When it happened.", lambda s: moment(s.event.at)),
)

_CALENDAR = (
    Variable(
        "calendar.open",
        "bool",
        "Whether it is within the opening hours of `[calendar]`.",
        lambda s: s.calendar.is_open(s.local),
        (False, True),
    ),
    Variable(
        "calendar.holiday",
        "bool",
        "Whether today is one of its holidays.",
        lambda s: s.calendar.is_holiday(s.local),
        (False, True),
    ),
    Variable(
        "calendar.weekday",
        "string",
        "The day of the week, `mon` to `sun`.",
        lambda s: WEEKDAYS[s.local.weekday()],
        WEEKDAYS,
    ),
    Variable("calendar.hour", "int", "The hour.", lambda s: s.local.hour, low=0, high=23),
    Variable("calendar.minute", "int", "The minute.", lambda s: s.local.minute, low=0, high=59),
    Variable(
        "calendar.time",
        "string",
        "The local time, `HH:MM`: `calendar.time >= '20:00'` is meant so.",
        lambda s: s.local.strftime("%H:%M"),
    ),
    Variable(
        "calendar.date",
        "string",
        "The local date, `YYYY-MM-DD`.",
        lambda s: s.local.date().isoformat(),
    ),
    Variable("now", "timestamp", "The time of the evaluation.", lambda s: moment(s.at)),
)

VARIABLES: dict[str, Variable] = {
    one.name: one for one in (*_INTERACTION, *_HOLD, *_EVENT, *_CALENDAR)
}
"""By name: all that conditions and messages may use."""
