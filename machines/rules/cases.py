"""Cases that a rule's owner writes: given, when, then.

A file of cases names the rules file and holds `[[case]]` tables. Each tells what is so, what
happens when, and all that the rules do then.
"""

import tomllib
from datetime import datetime
from itertools import pairwise
from typing import Any

from attrs import evolve, field, frozen

from hookflash.machines.errors import SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.rules.actions import Action
from hookflash.machines.rules.calendar import instant_of
from hookflash.machines.rules.durations import duration_text, parse_duration
from hookflash.machines.rules.positions import scan
from hookflash.machines.rules.problems import Problems
from hookflash.machines.rules.reading_triggers import Vocabulary
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.scenario import Scenario, Taken
from hookflash.machines.rules.tables import Table
from hookflash.machines.rules.trace import Trace
from hookflash.machines.rules.vocabulary import ALARMS, COMMANDS, NOTICES, OUTCOMES

CASES_MAX = 1000
STEPS_MAX = 200
_START = Instant(1_793_613_600_000_000)
"""When a case begins that does not say: Monday, 2 November 2026, 10:00 UTC."""

_TEXT_MAX = 256


@frozen
class When:
    """Something that happens.

    Attributes:
        after_us: When, from the beginning of the case, in microseconds.
        to: The state that is entered; None for none.
        hold: What is known of the hold that begins.
        event: The event's name and its other parts.
        is_restart: Whether the process restarts then.
    """

    after_us: int
    to: str | None = None
    hold: dict[str, Any] = field(factory=dict[str, Any])
    event: dict[str, str] = field(factory=dict[str, str])
    is_restart: bool = False


@frozen
class Case:
    """A case.

    Attributes:
        name: Its name.
        line: Its line.
        at: When it begins.
        given: What is so at its beginning.
        rule: The rule that it is about; None for all.
        when: What happens, in order.
        until_us: When it ends, from its beginning; timers fire until then.
        then: What the rules do, in order, each with the keys that are to be compared.
    """

    name: str
    line: int
    at: Instant
    given: dict[str, Any]
    rule: str | None
    when: tuple[When, ...]
    until_us: int
    then: tuple[dict[str, Any], ...]


@frozen
class CaseResult:
    """How a case came out.

    Attributes:
        case: The case.
        differences: What is not as it says; empty where all is.
        taken: What the rules did, as text.
        traces: Why, and why not.
    """

    case: Case
    differences: tuple[str, ...]
    taken: tuple[str, ...]
    traces: tuple[Trace, ...]

    @property
    def passed(self) -> bool:
        """Whether all came out as the case says."""
        return not self.differences


def rules_path_of(text: str, place: str) -> str:
    """Return the path of the rules file that a file of cases names, as it stands there.

    Raises:
        SpecError: It is no TOML, or names none.
    """
    table = _document(text, place)
    path = table.text("rules", length_max=4096)
    if path is None:
        if not table.problems.found:
            table.missing("rules", "the path of the rules file, such as rules = 'rules.toml'")
        raise table.problems.found[0].error(len(table.problems.found) - 1)
    return path


def parse_cases(text: str, place: str, rules: Rules) -> tuple[Case, ...]:
    """Parse a file of cases.

    Args:
        text: The TOML text.
        place: Where it came from, for messages.
        rules: The rules that they are about.

    Raises:
        SpecError: Something in it is wrong; the message names the line and has a caret.
    """
    document = _document(text, place)
    document.has("rules")
    words = Vocabulary.of(rules.names, tuple(rules.events))
    tables = document.tables("case")
    if not tables and not document.problems.found:
        document.wrong(None, "there is no [[case]] in it", "begin with [[case]]")
    if len(tables) > CASES_MAX:
        document.wrong(None, f"has more than {CASES_MAX} cases", "split the file")
        tables = []
    document.unknown_keys()
    cases = tuple(_case(table, rules, words) for table in tables)
    problems = sorted(document.problems.found, key=lambda one: (one.line or 0, one.column or 0))
    if problems:
        raise problems[0].error(len(problems) - 1)
    return cases


def _document(text: str, place: str) -> Table:
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f"{place}: this is no TOML: {error}", place=place) from error
    return Table(values, (), Problems(place, scan(text)))


def _case(table: Table, rules: Rules, words: Vocabulary) -> Case:
    table.missing("name", "say in a sentence what it shows")
    name = table.text("name", length_max=_TEXT_MAX) or ""
    rule = table.one_of("rule", [one.name for one in rules.rules])
    given_table = table.table("given") or Table({}, (*table.path, "given"), table.problems)
    at = _moment(given_table)
    given = _given(given_table, words)
    table.missing("when", "such as when = [ { to = 'held' } ]")
    when = tuple(_when(one, words) for one in table.tables("when")[:STEPS_MAX])
    if any(later.after_us < earlier.after_us for earlier, later in pairwise(when)):
        table.wrong("when", "goes back in time", "write what happens in its order")
    until_us = table.duration("until") or max((one.after_us for one in when), default=0)
    table.missing("then", "a list of actions; [] for none")
    then = tuple(_then(one) for one in table.tables("then"))
    table.unknown_keys()
    spot = table.problems.positions.of_key(table.path)
    line = 0 if spot is None else spot.line
    return Case(name, line, at, given, rule, when, until_us, then)


def _moment(table: Table) -> Instant:
    if not table.has("at"):
        return _START
    value = table.values["at"]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return instant_of(value)
    table.wrong("at", "is no time with a zone", "such as 2026-11-02T10:00:00Z, without quotes")
    return _START


def _given(table: Table, words: Vocabulary) -> dict[str, Any]:
    given: dict[str, Any] = {
        "interaction": table.text("id", length_max=_TEXT_MAX),
        "state": table.one_of("state", words.states),
        "skill_group": table.text("skill_group", length_max=_TEXT_MAX),
        "org": table.text("org", length_max=_TEXT_MAX),
        "limit_us": table.duration("limit"),
        "on_limit": table.one_of("on_limit", ("release", "expire")),
    }
    table.unknown_keys()
    return {key: value for key, value in given.items() if value is not None}


def _after(table: Table) -> int:
    value = table.values.get("after")
    if not table.has("after") or value == "0s":
        return 0
    return table.duration("after") or 0


def _when(table: Table, words: Vocabulary) -> When:
    after_us = _after(table)
    is_restart = table.flag("restart", default=False)
    to = table.one_of("to", words.states)
    parts = {
        "name": table.one_of("event", words.events),
        "actor": table.text("actor", length_max=_TEXT_MAX),
        "outcome": table.one_of("outcome", OUTCOMES),
        "action": table.one_of("action", COMMANDS),
        "error": table.text("error", length_max=_TEXT_MAX),
        "notice": table.one_of("notice", NOTICES),
        "alarm": table.one_of("alarm", ALARMS),
    }
    hold: dict[str, Any] = {}
    inner = table.table("hold")
    if inner is not None:
        hold = {
            "reason": inner.text("reason", length_max=_TEXT_MAX),
            "foreign": inner.flag("foreign", default=False),
            "limit_us": inner.duration("limit"),
        }
        inner.unknown_keys()
    table.unknown_keys()
    event = {key: value for key, value in parts.items() if value is not None}
    known = {key: value for key, value in hold.items() if value is not None}
    return When(after_us, to, known, event, is_restart)


def _then(table: Table) -> dict[str, Any]:
    if not table.has("action"):
        table.wrong(None, "needs the key 'action'", "such as { action = 'notify', to = '…' }")
    after = table.values.get("after")
    if isinstance(after, str) and after != "0s":
        table.parsed("after", after, parse_duration)
    return dict(table.values)


# --- running ------------------------------------------------------------------------------------


def run_case(rules: Rules, case: Case) -> CaseResult:
    """Play a case; rules in shadow count as if they were not, for the case is about what they say.

    Args:
        rules: The rules.
        case: The case.
    """
    live = evolve(rules, rules=tuple(evolve(rule, shadow=False) for rule in rules.rules))
    scenario = Scenario(live, case.at, **case.given)
    for when in case.when:
        scenario.run_until(Instant(case.at + when.after_us))
        if when.is_restart:
            scenario.restart()
        else:
            scenario.tell(when.to, when.hold, **when.event)
    scenario.run_until(Instant(case.at + case.until_us))
    taken = [one for one in scenario.taken if case.rule is None or one.action.rule == case.rule]
    said = tuple(_text(one, case.at) for one in taken)
    differences = tuple(_differences(case, taken))
    return CaseResult(case, differences, said, tuple(scenario.traces))


def _text(taken: Taken, begin: Instant) -> str:
    after = duration_text(taken.at - begin)
    return f"after {after}: rule {taken.action.rule!r}: {taken.action.text()}"


def _differences(case: Case, taken: list[Taken]) -> list[str]:
    found: list[str] = []
    for number, wanted in enumerate(case.then):
        if number >= len(taken):
            found.append(f"missing: {_wanted(wanted)}")
            continue
        real = _as_table(taken[number], case.at)
        for key, value in wanted.items():
            if key == "after" and isinstance(value, str):
                fits = _duration(value) == taken[number].at - case.at
            else:
                fits = real.get(key) == value
            if not fits:
                found.append(f"action {number + 1}: {key} is {real.get(key)!r}, expected {value!r}")
    found += (f"unexpected: {_text(one, case.at)}" for one in taken[len(case.then) :])
    return found


def _duration(text: str) -> int:
    return 0 if text == "0s" else parse_duration(text)


def _wanted(wanted: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {value!r}" for key, value in wanted.items())


def _as_table(taken: Taken, begin: Instant) -> dict[str, Any]:
    """Return an action with the keys that a rules file gives it."""
    action: Action = taken.action
    table: dict[str, Any] = {
        "action": action.name,
        "rule": action.rule,
        "after": duration_text(taken.at - begin),
    }
    for name in ("reason", "priority", "music", "prompt", "force", "limit_s", "to", "message"):
        if hasattr(action, name):
            table[name] = getattr(action, name)
    if action.name == "annotate":
        table["text"] = getattr(action, "remark", "")
    if action.name == "call":
        table["function"] = getattr(action, "function", "")
        table["arguments"] = dict(getattr(action, "arguments", ()))
    return table
