"""Reads what makes a rule's turn come: triggers, temporal conditions, the calendar, own events."""

import re
from datetime import date
from typing import Any

from attrs import frozen

from hookflash.machines.rules.calendar import WEEKDAYS, Calendar, Schedule, Span, zone_of
from hookflash.machines.rules.durations import duration_text, parse_time
from hookflash.machines.rules.rule import Absence, Pattern, Trigger, Window
from hookflash.machines.rules.tables import Table
from hookflash.machines.rules.vocabulary import ALARMS, COMMANDS, NOTICES, OUTCOMES, Names

COUNT_MAX = 100
"""The most that `count` counts to."""

EVERY_MIN_US = 1_000_000
"""The shortest time after which a schedule repeats."""

_TIMES_MAX = 24
_EVENTS_MAX = 100
_HOLIDAYS_MAX = 1000
_EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PATTERN_KEYS = ("to", "from", "event", "outcome", "action", "notice", "alarm", "actor")


@frozen
class Vocabulary:
    """The names that triggers may use.

    Attributes:
        states: States of the machine.
        final: Those that an interaction ends in.
        events: Events of the machine and of the file.
    """

    states: tuple[str, ...]
    final: tuple[str, ...]
    events: tuple[str, ...]

    @classmethod
    def of(cls, names: Names, own: tuple[str, ...]) -> "Vocabulary":
        """Return the names of a machine, and the file's own events."""
        machine = names.machine
        final = tuple(name for name, state in machine.states.items() if state.final)
        return cls(tuple(machine.states), final, (*machine.events, *own))


def read_trigger(rule: Table, words: Vocabulary, calendar: Calendar) -> Trigger | None:
    """Read the trigger of a rule; None where it is missing or wrong."""
    table = rule.table("trigger")
    if table is None:
        return None
    if table.has("schedule") or table.has("every"):
        return _schedule(table, words, calendar)
    pattern = read_pattern(table, words, ("schedule", "every"))
    table.unknown_keys()
    return None if pattern is None else Trigger(pattern.text, pattern)


def read_pattern(table: Table, words: Vocabulary, other: tuple[str, ...]) -> Pattern | None:
    """Read what an event must be like; None where it is wrong.

    Args:
        table: The table that holds it.
        words: The names that it may use.
        other: What the table may hold instead, for messages.
    """
    before = len(table.problems.found)
    pattern = Pattern(
        table.words("to", words.states, "state"),
        table.words("from", words.states, "state"),
        table.words("event", words.events, "event"),
        table.words("outcome", OUTCOMES, "outcome"),
        table.words("action", COMMANDS, "action"),
        table.words("notice", NOTICES, "notice"),
        table.words("alarm", ALARMS, "alarm"),
        table.words("actor", None, "actor"),
    )
    if len(table.problems.found) > before:
        return None
    if not pattern.index_keys():
        needed = ", ".join((*_PATTERN_KEYS[:4], "notice", "alarm", *other))
        unknown = [key for key in table.values if key not in table.asked]
        if not unknown:
            table.wrong(None, "says nothing that could happen", f"it needs one of {needed}")
        table.unknown_keys()
        return None
    ends = set(pattern.state_from or ()) & set(words.final)
    if ends:
        table.wrong("from", f"an interaction never leaves {ends.pop()!r}", "use to = …")
        return None
    return pattern


def _schedule(table: Table, words: Vocabulary, calendar: Calendar) -> Trigger | None:
    before = len(table.problems.found)
    mixed = [key for key in _PATTERN_KEYS if key in table.values]
    if mixed:
        table.wrong(
            mixed[0],
            "cannot stand beside a schedule",
            "ask interaction.state in the condition, or use state = …",
            on_key=True,
        )
        return None
    every_us = table.duration("every")
    times = table.words("schedule", None, "time of day")
    minutes = [table.parsed("schedule", time, parse_time) for time in times or ()]
    days = table.words("days", WEEKDAYS, "day") or WEEKDAYS
    timezone = read_timezone(table) or calendar.timezone
    open_states = tuple(one for one in words.states if one not in words.final)
    states = table.words("state", words.states, "state") or open_states
    table.unknown_keys()
    if table.has("every") and table.has("schedule"):
        table.wrong("every", "cannot stand beside schedule", "use one of them", on_key=True)
    if table.has("every") and (table.has("days") or table.has("timezone")):
        table.wrong("every", "goes by no calendar", "leave out days and timezone", on_key=True)
    if every_us is not None and every_us < EVERY_MIN_US:
        table.wrong("every", "is too short", "at least 1s")
    if len(minutes) > _TIMES_MAX:
        table.wrong("schedule", f"has more than {_TIMES_MAX} times", "use every = …")
    if len(table.problems.found) > before:
        return None
    at = tuple(sorted({minute for minute in minutes if minute is not None}))
    return _trigger_of(Schedule(at, frozenset(days), timezone, every_us), states, times or (), days)


def _trigger_of(
    schedule: Schedule, states: tuple[str, ...], times: tuple[str, ...], days: tuple[str, ...]
) -> Trigger:
    if schedule.every_us is not None:
        text = f"every {duration_text(schedule.every_us)} in state {' or '.join(states)}"
    else:
        on = "" if len(days) == len(WEEKDAYS) else f" on {', '.join(days)}"
        text = f"at {', '.join(times)}{on} ({schedule.timezone}) in state {' or '.join(states)}"
    return Trigger(text, None, schedule, states)


def read_temporal(rule: Table, words: Vocabulary) -> tuple[tuple[Window, ...], Absence | None]:
    """Read the temporal conditions of a rule: those on what was, and that on what is to come."""
    windows: list[Window] = []
    absences: list[Absence] = []
    for key in ("within", "not_within", "count"):
        for table in rule.tables(key, one=True):
            found = _window(table, key, words)
            if isinstance(found, Window):
                windows.append(found)
            elif found is not None:
                absences.append(found)
    if len(absences) > 1:
        rule.wrong("not_within", "may look ahead only once", "write a second rule")
    return tuple(windows), absences[0] if absences else None


def _window(table: Table, key: str, words: Vocabulary) -> Window | Absence | None:
    before = len(table.problems.found)
    last_us, next_us = table.duration("last"), table.duration("next")
    at_least = table.whole("at_least", 1, COUNT_MAX) if key == "count" else None
    pattern = read_pattern(table, words, ())
    table.unknown_keys()
    if len(table.problems.found) > before or pattern is None:
        return None
    if table.has("next") and key != "not_within":
        table.wrong(
            "next",
            f"{key} looks back, not ahead",
            "use last = …, and let the later of the two events be the trigger",
            on_key=True,
        )
    elif table.has("next") and table.has("last"):
        table.wrong("next", "cannot stand beside last", "use one of them", on_key=True)
    elif next_us is not None:
        return Absence(pattern, next_us)
    elif last_us is None:
        advice = "last = '10m'" if key != "not_within" else "last = '10m' or next = '30s'"
        table.wrong(None, f"{key}: needs a time", advice)
    elif key == "count" and at_least is None:
        table.wrong(None, "count: needs the key 'at_least'", "such as at_least = 3")
    else:
        return Window(key, pattern, last_us, at_least or 1)  # type: ignore[arg-type]
    return None


def read_events(document: Table, names: Names) -> dict[str, str]:
    """Read `[events]`: events that only the embedding program knows, with what each means."""
    table = document.table("events")
    if table is None:
        return {}
    events: dict[str, str] = {}
    for name in table.values:
        doc = table.text(name, length_max=500, advice="say in a sentence what it means")
        if name in names.machine.events:
            table.wrong(name, "the machine has an event of that name", "rename it", on_key=True)
        elif not _EVENT_NAME.fullmatch(name):
            advice = "small letters, digits and '_', at most 64"
            table.wrong(name, "is no name of an event", advice, on_key=True)
        elif doc is not None:
            events[name] = doc
    if len(events) > _EVENTS_MAX:
        table.wrong(None, f"has more than {_EVENTS_MAX} events", "keep those that rules name")
    return events


def read_timezone(table: Table) -> str | None:
    """Read the key `timezone`; None where it is missing or wrong."""
    name = table.text("timezone", length_max=64)
    if name is None:
        return None
    try:
        zone_of(name)
    except ValueError as error:
        table.wrong("timezone", str(error), "write its IANA name, such as 'Europe/Berlin'")
        return None
    return name


def read_calendar(document: Table) -> Calendar:
    """Read `[calendar]`: time zone, opening hours and holidays."""
    table = document.table("calendar")
    if table is None:
        return Calendar()
    timezone = read_timezone(table) or "UTC"
    holidays = _holidays(table)
    inner = table.table("hours")
    hours: dict[str, tuple[Span, ...]] | None = None
    if inner is not None:
        hours = {}
        for day in WEEKDAYS:
            texts = inner.words(day, None, "span of time") if inner.has(day) else ()
            spans = [inner.parsed(day, text, _span) for text in texts or ()]
            hours[day] = tuple(span for span in spans if span is not None)
        inner.unknown_keys()
    table.unknown_keys()
    return Calendar(timezone, hours, holidays)


def _holidays(table: Table) -> frozenset[str]:
    value: Any = table.values.get("holidays", [])
    table.has("holidays")
    advice = "write a list of dates without quotes, such as [2026-12-25]"
    if not isinstance(value, list) or len(value) > _HOLIDAYS_MAX:  # pyright: ignore[reportUnknownArgumentType]
        table.wrong("holidays", "must be a list of dates", advice)
        return frozenset()
    days: list[str] = []
    for number, day in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if type(day) is date:  # pyright: ignore[reportUnknownArgumentType]
            days.append(day.isoformat())
        else:
            path = (*table.path, "holidays", number)
            table.problems.add(path, "holidays: is no date", advice)
    return frozenset(days)


def _span(text: str) -> Span:
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"{text!r} is no span of time; write one such as '08:00-20:00'")
    until = 24 * 60 if end.strip() == "24:00" else parse_time(end)
    if parse_time(start) >= until:
        raise ValueError(
            f"{text!r} ends before it begins; over midnight write two, '20:00-24:00' and"
            " '00:00-06:00' on the next day"
        )
    return parse_time(start), until
