"""Rules files: TOML text in, rules out, or everything that is wrong with it.

All or nothing: a file with one problem gives no rules at all. This module reads no file: whoever
has the text hands it in.
"""

import re
import tomllib
from typing import Any

from attrs import define, frozen

from hookflash.machines.redaction import redact
from hookflash.machines.rules.calendar import Calendar
from hookflash.machines.rules.conditions import Condition, read_condition
from hookflash.machines.rules.durations import parse_share
from hookflash.machines.rules.loops import HOLDING, certain_loop
from hookflash.machines.rules.positions import scan
from hookflash.machines.rules.problems import Problem, Problems
from hookflash.machines.rules.reading_actions import read_actions
from hookflash.machines.rules.reading_triggers import (
    Vocabulary,
    read_calendar,
    read_events,
    read_temporal,
    read_trigger,
)
from hookflash.machines.rules.rule import Absence, Rule, Stay, Trigger, Window
from hookflash.machines.rules.tables import Table
from hookflash.machines.rules.vocabulary import ALARMS, COMMANDS, NOTICES, OUTCOMES, Names

RULES_MAX = 1000
"""Rules of one file."""

DESCRIPTION_MAX = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NAME_ADVICE = "letters, digits, '-', '_' and '.', at most 64, the first a letter or a digit"
_REDACTED = "use letters, or less than seven digits"
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@frozen
class Contents:
    """What a rules file says.

    Attributes:
        rules: The rules, in the order of the file.
        calendar: Its calendar.
        events: Events of its own, with what each means.
    """

    rules: tuple[Rule, ...]
    calendar: Calendar
    events: dict[str, str]


def read_contents(text: str, place: str, names: Names) -> tuple[Contents | None, list[Problem]]:
    """Read a rules file.

    Args:
        text: The TOML text.
        place: Where it came from, for messages: usually the file's path.
        names: The names that it may use.

    Returns:
        What it says and nothing, or None and all that is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [_no_toml(text, place, str(error))]
    except ValueError as error:  # a number with thousands of digits
        return None, [Problem(place, str(error).partition(";")[0], is_unreadable=True)]
    except RecursionError:
        advice = "rules need three levels"
        return None, [Problem(place, "tables are nested too deep", advice, is_unreadable=True)]
    problems = Problems(place, scan(text))
    reader = _Reader(Table(document, (), problems), names)
    contents = reader.read()
    if problems.found:
        return None, sorted(problems.found, key=lambda one: (one.line or 0, one.column or 0))
    return contents, []


def _no_toml(text: str, place: str, said: str) -> Problem:
    match = _AT.search(said)
    message = f"this is no TOML: {_AT.sub('', said)}"
    advice = "texts stand in quotes, lists in [ ], tables in { } on one line"
    lines = text.splitlines() or [""]
    line, column = len(lines), len(lines[-1]) + 1
    if match is not None and match[1] is not None:
        line, column = int(match[1]), int(match[2])
    from hookflash.machines.rules.positions import Spot  # noqa: PLC0415 - only for a message
    from hookflash.machines.rules.problems import excerpt_of  # noqa: PLC0415 - the same

    shown = lines[min(line, len(lines)) - 1]
    excerpt = excerpt_of(shown, Spot(line, column, 0))
    return Problem(
        f"{place}: line {line}, column {column}",
        message,
        advice,
        line,
        column,
        excerpt,
        is_unreadable=True,
    )


@define
class _Reader:
    """Reads one document."""

    document: Table
    names: Names

    def read(self) -> Contents:
        document = self.document
        events = read_events(document, self.names)
        calendar = read_calendar(document)
        words = Vocabulary.of(self.names, tuple(events))
        rules: list[Rule] = []
        tables = document.tables("rule")
        document.unknown_keys()
        if not document.has("rule") and not document.problems.found:
            document.problems.add(
                (), "there is no [[rule]] in it", "begin with [[rule]]", is_unreadable=True
            )
        if len(tables) > RULES_MAX:
            path = tables[RULES_MAX].path
            message = f"the file has more than {RULES_MAX} rules"
            document.problems.add(path, message, "split it by skill group or purpose")
            tables = []
        for table in tables:
            rule = self._rule(table, len(rules), words, calendar)
            if rule is not None:
                rules.append(rule)
        self._names_twice(tables)
        if not document.problems.found:
            self._loops(rules, tables)
        return Contents(tuple(rules), calendar, events)

    def _rule(self, table: Table, index: int, words: Vocabulary, calendar: Calendar) -> Rule | None:
        before = len(table.problems.found)
        name = self._name(table)
        table.rule = name
        description = table.text("description", length_max=DESCRIPTION_MAX) or ""
        table.missing("trigger", "such as trigger = { to = 'held' }")
        trigger = read_trigger(table, words, calendar)
        stay = self._stay(table)
        windows, absence = read_temporal(table, words)
        once_within_us = table.duration("once_within")
        condition = self._condition(table, words)
        actions = read_actions(table, self.names)
        mode = table.one_of("mode", ("single", "restart", "queued")) or "single"
        enabled = table.flag("enabled", default=True)
        shadow = table.flag("shadow", default=False)
        table.unknown_keys()
        if trigger is not None:
            self._fits(table, trigger, stay, absence, words)
        if len(table.problems.found) > before or trigger is None or name is None:
            return None
        self._fits_in_files(
            table, name, trigger, (*windows, *(() if absence is None else (absence,)))
        )
        spot = table.problems.positions.of_key(table.path)
        return Rule(
            name,
            trigger,
            actions,
            description,
            stay,
            windows,
            absence,
            once_within_us,
            condition,
            mode,  # type: ignore[arg-type]
            enabled,
            shadow,
            index,
            0 if spot is None else spot.line,
        )

    def _name(self, table: Table) -> str | None:
        table.missing("name", f"such as name = 'warn-supervisor'; {_NAME_ADVICE}")
        name = table.text("name", length_max=200, advice=_NAME_ADVICE)
        if name is not None and not _NAME.fullmatch(name):
            table.wrong("name", f"{name!r} is no name", _NAME_ADVICE)
            return None
        return name

    def _names_twice(self, tables: list[Table]) -> None:
        seen: dict[str, Table] = {}
        for table in tables:
            name: Any = table.values.get("name")
            if not isinstance(name, str):
                continue
            if name in seen:
                spot = table.problems.positions.of(seen[name].path)
                line = "" if spot is None else f" in line {spot.line}"
                table.wrong("name", f"another rule{line} is called {name!r}", "rename one of them")
            seen.setdefault(name, table)

    def _stay(self, table: Table) -> Stay | None:
        value = table.values.get("for")
        if isinstance(value, str) and "%" in value:
            table.has("for")
            share = table.parsed("for", value, _share)
            return None if share is None else Stay(share=share)
        duration = table.duration("for")
        return None if duration is None else Stay(duration)

    def _fits_in_files(
        self, table: Table, name: str, trigger: Trigger, temporal: tuple[Window | Absence, ...]
    ) -> None:
        """Note names that no file of ours holds as they are: after a restart nobody knew them."""
        patterns = [
            ("not_within" if isinstance(one, Absence) else one.kind, one.pattern.text)
            for one in temporal
        ]
        for key, text in (("name", name), ("trigger", trigger.text), *patterns):
            if redact(text) != text:
                table.wrong(key, "looks like a telephone number, which no journal holds", _REDACTED)

    def _fits(
        self,
        table: Table,
        trigger: Trigger,
        stay: Stay | None,
        absence: Absence | None,
        words: Vocabulary,
    ) -> None:
        """Note parts that do not go together."""
        pattern = trigger.pattern
        entered = () if pattern is None else pattern.state_to or ()
        over = set(entered) & set(words.final)
        if absence is not None and over:
            table.wrong("not_within", "the interaction is over in that state", "look back: last")
        if stay is not None and not entered:
            table.wrong("for", "needs a trigger that enters a state", "trigger = { to = '…' }")
        elif stay is not None and over:
            table.wrong("for", "the interaction is over in that state", "leave it out")
        elif stay is not None and absence is not None:
            table.wrong("not_within", "with 'next' cannot stand beside 'for'", "use one of them")
        elif stay is not None and stay.share is not None:
            outside = [one for one in entered if one not in HOLDING]
            if outside:
                table.wrong(
                    "for",
                    f"a share of the limit needs a hold, and there is none in state {outside[0]!r}",
                    f"use a share only with: {', '.join(HOLDING)}",
                )

    def _condition(self, table: Table, words: Vocabulary) -> Condition | None:
        text = table.values.get("condition")
        if not table.has("condition"):
            return None
        if not isinstance(text, str):
            advice = "write the CEL expression in quotes: condition = 'hold.elapsed_s > 300'"
            table.text("condition", length_max=1, advice=advice)
            return None
        condition, faults = read_condition(text, _choices(words))
        for fault in faults:
            table.fault("condition", fault)
        return condition

    def _loops(self, rules: list[Rule], tables: list[Table]) -> None:
        loop = certain_loop(tuple(rules), self.names.machine)
        if loop:
            table = tables[loop[0].index]
            table.rule = loop[0].name
            names = " → ".join(repr(one.name) for one in (*loop, loop[0]))
            table.wrong(
                None,
                f"an endless loop: {names}",
                "give one of them a condition or once_within, or let it do something else",
            )


def _share(text: str) -> float:
    share = parse_share(text)
    if share is None:
        raise ValueError(f"{text!r} is no share of the limit; write one such as '80%'")
    return share


def _choices(words: Vocabulary) -> dict[str, tuple[str, ...]]:
    """Return what variables can be, for those of which it is known."""
    return {
        "interaction.state": words.states,
        "event.from": ("", *words.states),
        "event.to": ("", *words.states),
        "event.name": ("schedule", "rules_loaded", *words.events),
        "event.outcome": ("", *OUTCOMES),
        "event.action": ("", *COMMANDS),
        "event.notice": ("", *NOTICES),
        "event.alarm": ("", *ALARMS),
        "hold.on_limit": ("release", "expire"),
        "calendar.weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    }
