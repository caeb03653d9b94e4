"""Reading rules files: places of values, durations, calendars, the schema, bounds."""

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.docs.blocks import ROOT, blocks_of
from tests.machines.rules.worlds import BEGIN, NOTE, names, one_rule, rules_of

from hookflash.machines.errors import SpecError
from hookflash.machines.instants import Instant, from_text, to_text
from hookflash.machines.rules.calendar import Calendar, Schedule, instant_of, moment, zone_of
from hookflash.machines.rules.durations import (
    duration_text,
    parse_duration,
    parse_share,
    parse_time,
)
from hookflash.machines.rules.positions import Path as ValuePath
from hookflash.machines.rules.positions import Spot, scan
from hookflash.machines.rules.problems import Problem, Problems, excerpt_of
from hookflash.machines.rules.schema import rules_schema
from hookflash.machines.rules.tables import Table, kind_of

_entries: Callable[[Any], list[Any]] = list  # a list, of what nobody knows yet
SCHEMA: dict[str, Any] = rules_schema(names())

# --- places -------------------------------------------------------------------------------------

ODD = '''\
# a comment with [brackets] = "and more"
top = 1979-05-27T07:32:00Z # when
"quoted key"."and.another" = 'v'
[table]
a.b = { c = [1, 2, { d = "x # y" }], e = """
first \\
    second "" third""" } # end
list = [
  'one', # comment ]
  """two""""",
  [ 3.5 ],
]
[[rule]]
name = "\\u0041\\n\\x"
[rule.trigger]
to = 'held'
[[rule.actions]]
action = 'unhold'
[[rule.actions]]
action = \'\'\'
hold\'\'\'
[[rule]]
name = 'b'
[[rule.actions]]
text = "tail\\\\"
'''.replace("\\x", "\\t")


def starts(value: Any, at: Spot, text: str) -> bool:
    """Say whether the text at the place begins like the value."""
    rest = text[at.offset :]
    if isinstance(value, dict):
        return rest.startswith("{")
    if isinstance(value, list):
        return rest.startswith("[")
    if isinstance(value, str):
        return rest[0] in "'\""
    return rest[0].isdigit()


def walk(value: Any, path: ValuePath) -> list[tuple[ValuePath, Any]]:
    """Return all values within a value, with their paths."""
    found: list[tuple[ValuePath, Any]] = []
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            found += [((*path, key), inner), *walk(inner, (*path, key))]
    if isinstance(value, list):
        for index, inner in enumerate(_entries(value)):
            found += [((*path, index), inner), *walk(inner, (*path, index))]
    return found


def test_every_value_is_found_where_it_stands() -> None:
    """Whatever way of writing TOML has: the place of a value begins like the value."""
    positions = scan(ODD)
    for path, value in walk(tomllib.loads(ODD), ()):
        spot = positions.of(path)
        assert spot is not None, path
        line = ODD.splitlines()[spot.line - 1]
        assert ODD[spot.offset] == line[spot.column - 1]
        if path in positions.values:
            assert starts(value, spot, ODD), path
    assert Spot(14, 1, ODD.index("name")) == positions.of_key(("rule", 0, "name"))
    assert positions.of(("rule", 0, "unknown")) == positions.keys[("rule", 0)]
    assert positions.of(("nothing",)) is None
    assert "" == scan("").line_text(1)


def test_characters_of_texts_are_found() -> None:
    """Escapes, folded lines and line ends count as what they stand for."""
    positions = scan(ODD)
    document = tomllib.loads(ODD)

    def at(path: ValuePath, word: str) -> str:
        value: Any = document
        for key in path:
            value = value[key]
        spot = positions.inside(path, value.index(word))
        assert spot is not None
        return ODD[spot.offset :][: len(word)]

    assert "second" == at(("table", "a", "b", "e"), "second")
    assert "third" == at(("table", "a", "b", "e"), "third")
    assert "hold" == at(("rule", 0, "actions", 1, "action"), "hold")
    assert "\\n" == at(("rule", 0, "name"), "\n")[:1] + "n"
    whole = positions.inside(("rule", 0, "trigger"), 3)
    assert whole == positions.of(("rule", 0, "trigger"))
    number = scan("a = 12")
    assert number.of(("a",)) == number.inside(("a",), 1)
    windows = scan("a = '''\r\nx\r\ny'''\r\n")
    last = windows.inside(("a",), 2)
    assert last is not None
    assert (3, 1) == (last.line, last.column)


VALUES = st.recursive(
    st.integers(-5, 5) | st.booleans() | st.text("ab '\\\"#[]{}=,\né", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab.-", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in pairs) + " }"
    if isinstance(value, list):
        return "[" + ", # ]\n ".join(map(toml, _entries(value))) + "]"
    return json.dumps(value)


@given(st.dictionaries(st.sampled_from(("a", "b", "c")), VALUES, max_size=3))
def test_places_of_any_document(document: dict[str, Any]) -> None:
    """Every value of it is found, at a place that begins like it."""
    text = "".join(f"{key} = {toml(value)}\n" for key, value in document.items())
    assert document == tomllib.loads(text)
    positions = scan(text)
    for path, value in walk(document, ()):
        spot = positions.values[path]
        assert starts(value, spot, text) or text[spot.offset] in "tf-"
        if isinstance(value, str):
            for index in range(len(value)):
                inner = positions.inside(path, index)
                assert inner is not None
                assert text[inner.offset] == value[index] or text[inner.offset] == "\\"


def test_long_lines_are_shown_in_part() -> None:
    """The caret stays below the place, and tabs keep their width."""
    line = "\tx = '" + "a" * 300 + "!" + "b" * 300
    shown, caret = excerpt_of(line, Spot(7, line.index("!") + 1, 0)).splitlines()
    assert "!" == shown[caret.index("^")]
    assert len(shown) < 140
    _, caret = excerpt_of(line, Spot(7, 2, 0)).splitlines()
    assert "    | \t^" == caret


def test_a_problem_without_a_place_names_the_file() -> None:
    """Where there is nothing to point at."""
    problems = Problems("rules.toml", scan("x = 1"))
    problems.add((), "odd", "do better")
    assert [Problem("rules.toml", "odd", "do better")] == problems.found
    assert "rules.toml: odd (do better)" == str(problems.found[0].error())
    two = problems.found[0].error(2)
    assert "do better; 2 more problems: see hookflash check" == two.advice
    assert "1 more problem in it" == Problem("p", "m").error(1).advice


# --- durations and times ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("500ms", 0.5), ("1.5h", 5400)],
)
def test_durations(text: str, seconds: float) -> None:
    """Numbers with units."""
    assert round(seconds * 1e6) == parse_duration(text)


@given(st.integers(1000, 31 * 86_400 * 1_000_000))
def test_what_is_written_of_a_duration_is_read_again(duration: int) -> None:
    """But for the blanks between its units; below a millisecond it is written as a fraction."""
    written = duration_text(duration).replace(" ", "")
    assert duration == parse_duration(written)
    assert f"-{duration_text(duration)}" == duration_text(-duration)


@pytest.mark.parametrize(
    "text", ["", " ", "5", "5 m", "m", "5m1h", "-5m", "0s", "32d", "1e9s", "٣m"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """With an advice that shows one."""
    if text == "٣m":  # digits of another script are digits to Python; the value is right then
        assert 180_000_000 == parse_duration(text)
        return
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_shares_and_times() -> None:
    """80 % is a share; 08:00 is a time of day."""
    assert (0.8, 1.0, 0.125) == (parse_share("80%"), parse_share("100 %"), parse_share("12.5%"))
    assert parse_share("5m") is None
    with pytest.raises(ValueError, match="out of range"):
        parse_share("0%")
    assert (0, 8 * 60, 23 * 60 + 59) == (*map(parse_time, ("00:00", "08:00", "23:59")),)
    for text in ("24:00", "8:00", "08:60", "0800", ""):
        with pytest.raises(ValueError, match="no time of day"):
            parse_time(text)


# --- calendar -----------------------------------------------------------------------------------


def test_schedules_go_by_the_clock_on_the_wall() -> None:
    """Over both changes of the clocks each day has its time once."""
    schedule = Schedule((150,), timezone="Europe/Berlin")  # 02:30
    at = from_text("2026-03-28T00:00:00Z")
    seen: list[str] = []
    for _ in range(3):
        at = schedule.next_after(at)
        seen.append(to_text(at))
    assert [
        "2026-03-28T01:30:00.000000Z",
        "2026-03-29T01:30:00.000000Z",  # 02:30 does not exist: an hour later on the wall
        "2026-03-30T00:30:00.000000Z",
    ] == seen
    at = from_text("2026-10-24T12:00:00Z")
    seen = []
    for _ in range(2):
        at = schedule.next_after(at)
        seen.append(to_text(at))
    assert ["2026-10-25T00:30:00.000000Z", "2026-10-26T01:30:00.000000Z"] == seen


@given(st.integers(0, 4_000_000_000), st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kolkata")))
def test_the_next_time_is_later_and_right(second: int, zone: str) -> None:
    """It is later than now, on a day and at a time that the schedule names."""
    at = Instant(second * 1_000_000)
    schedule = Schedule((12 * 60, 18 * 60), frozenset({"tue", "sat"}), zone)
    due = schedule.next_after(at)
    local = moment(due).astimezone(zone_of(zone))
    assert due > at
    assert due - at <= 8 * 86_400 * 1_000_000
    assert (local.weekday(), local.hour, local.minute) in {
        (day, hour, 0) for day in (1, 5) for hour in (12, 18)
    }
    assert Schedule(every_us=5).next_after(at) == at + 5


def test_times_are_converted_both_ways() -> None:
    """Instants are microseconds since 1970, UTC."""
    assert BEGIN == instant_of(moment(BEGIN))
    assert datetime(2026, 11, 2, 10, tzinfo=UTC) == moment(BEGIN)
    assert Calendar().is_open(Calendar().local(BEGIN))
    with pytest.raises(ValueError, match="no time zone"):
        zone_of("../../etc/passwd")


# --- files --------------------------------------------------------------------------------------


def test_actions_may_stand_in_tables_of_their_own() -> None:
    """TOML's other ways of writing the same make the same rules."""
    inline = one_rule("{ to = 'held' }", "condition = 'hold.foreign'")
    tables = """
[[rule]]
name = "one"
condition = \'\'\'
hold.foreign\'\'\'
[rule.trigger]
to = ["held"]
[[rule.actions]]
action = "annotate"
text = "noted"
"""
    assert rules_of(inline).rules == rules_of(tables).rules
    assert "nothing changed" == rules_of(inline).changes_from(rules_of(tables)).text()
    assert rules_of(inline).rule("one") == rules_of(inline).rules[0]
    assert rules_of(inline).rule("two") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (one_rule("{ to = [] }"), "to: is empty"),
        (one_rule("{ to = ['held', 3] }"), "must be state, not a whole number"),
        (one_rule("{ schedule = [] }"), "schedule: is empty"),
        (one_rule("{ every = '500ms' }"), "every: is too short"),
        (one_rule("{ every = '5m', days = ['mon'] }"), "goes by no calendar"),
        (one_rule("{ every = '5m', unknown = 1 }"), "unknown key 'unknown'"),
        (
            one_rule(f"{{ schedule = {[f'{h:02}:{m:02}' for h in range(13) for m in (0, 30)]} }}"),
            "more than 24 times",
        ),
        (one_rule("{ to = 'closed' }", "not_within = { event = 'sent', next = '1s' }"), "is over"),
        (one_rule("{ to = 'held' }", "within = [3]"), "within: must be a table"),
        (one_rule("{ to = 'held' }", "within = 3"), "within: must be a list of tables"),
        (
            one_rule(
                "{ to = 'held' }",
                "not_within = [ { event = 'sent', next = '1s' }, { event = 'sent', next = '2s' } ]",
            ),
            "may look ahead only once",
        ),
        (one_rule("{ to = 'held' }", f"description = '{'x' * 501}'"), "501 characters"),
        (one_rule("{ to = 'held' }", "description = ''"), "description: is empty"),
        (one_rule("{ to = 'held' }", "for = 'x%'"), "'x%' is no share"),
        (one_rule("{ to = 'held' }", "mode = 3"), "mode: must be a name in quotes"),
        (
            one_rule(
                "{ to = 'held' }",
                actions=f"actions = [{'{ action = `unhold` },' * 11}]".replace("`", "'"),
            ),
            "more than 10 actions",
        ),
        (
            one_rule("{ to = 'held' }", actions="actions = [ { action = 'annotate', text = 3 } ]"),
            "text: must be a text in quotes",
        ),
        (
            one_rule(
                "{ to = 'held' }", actions="actions = [ { action = 'annotate', text = ' ' } ]"
            ),
            "text: is empty",
        ),
        (
            one_rule(
                "{ to = 'held' }",
                actions="actions = [ { action = 'extend_limit', by = '1m', up_to = '2d' } ]",
            ),
            "up_to: is longer than any limit may be",
        ),
        (
            one_rule(
                "{ to = 'held' }",
                actions="actions = [ { action = 'call', function = 'f', arguments = { A = 1 } } ]",
            ),
            "is no name of an argument",
        ),
        (
            one_rule(
                "{ to = 'held' }",
                actions="actions = [ { action = 'call', function = 'f', arguments = { a='{' } } ]",
            ),
            "a lone '{'",
        ),
        (
            one_rule(
                "{ to = 'held' }",
                actions="actions = [ { action = 'call', function = 'f', arguments = { "
                + ", ".join(f"a{n} = 1" for n in range(21))
                + " } } ]",
            ),
            "more than 20 arguments",
        ),
        *(
            (
                one_rule(
                    "{ to = 'held' }",
                    actions="actions = [ { action = 'call', function = 'f', arguments = "
                    f"{{ a = {number} }} }} ]",
                ),
                "a: is no number that a file of ours can hold",
            )
            for number in ("inf", "-inf", "nan")
        ),
        *(
            (text, f"{key}: looks like a telephone number, which no journal holds")
            for key, text in (
                ("name", one_rule("{ to = 'held' }", name="limit-2026-11-05-1")),
                ("trigger", one_rule("{ to = 'held', actor = '+49 30 1234567' }")),
                (
                    "within",
                    one_rule(
                        "{ to = 'held' }",
                        "within = { to = 'held', actor = '030 1234567', last = '10m' }",
                    ),
                ),
                (
                    "not_within",
                    one_rule(
                        "{ to = 'held' }",
                        "not_within = { to = 'active', actor = '030 1234567', next = '10m' }",
                    ),
                ),
                (
                    "to",
                    one_rule(
                        "{ to = 'held' }",
                        actions="actions = [ { action = 'notify', to = 'a 030 1234567', message"
                        " = 'x' } ]",
                    ),
                ),
                (
                    "function",
                    one_rule(
                        "{ to = 'held' }",
                        actions="actions = [ { action = 'call', function = 'f0301234567' } ]",
                    ),
                ),
            )
        ),
        ("[calendar]\nholidays = 3\n" + one_rule("{ to = 'held' }"), "must be a list of dates"),
        ("[calendar]\ntimezone = 3\n" + one_rule("{ to = 'held' }"), "timezone: must be a text"),
        ("[calendar.hours]\nmon = '8-9'\n" + one_rule("{ to = 'held' }"), "'9' is no time of day"),
        ("[calendar.hours]\nmon = '8'\n" + one_rule("{ to = 'held' }"), "'8' is no span of time"),
        ("[events]\nx = 3\n" + one_rule("{ to = 'held' }"), "x: must be a text in quotes"),
        (
            "[events]\n"
            + "".join(f"e{n} = 'x'\n" for n in range(101))
            + one_rule("{ to = 'held' }"),
            "more than 100 events",
        ),
    ],
)
def test_what_is_wrong_besides(text: str, says: str) -> None:
    """Mistakes that the broken files do not show."""
    with pytest.raises(SpecError) as caught:
        rules_of(text, limit_max_s=3600.0)
    assert says in caught.value.message


def test_all_problems_are_counted() -> None:
    """The first in the order of the file is told, the others are counted."""
    text = one_rule("{ to = 'hold' }", "mode = 'x'") + one_rule("{ to = 'x' }", name="two")
    with pytest.raises(SpecError) as caught:
        rules_of(text)
    assert caught.value.message.startswith("rules.toml: line 3, column 18: rule 'one': to: unknown")
    assert "2 more problems" in caught.value.advice


def test_names_that_are_not_known_are_not_checked() -> None:
    """A file that is checked by itself may name any monitor and any function."""
    text = one_rule(
        "{ to = 'held' }",
        actions="actions = [ { action = 'notify', to = 'x', message = 'y' },"
        " { action = 'call', function = 'f' } ]",
    )
    assert rules_of(text)
    with pytest.raises(SpecError, match=r"no monitor is called 'x'[\s\S]*add one"):
        rules_of(text, monitors=frozenset[str]())
    with pytest.raises(SpecError, match=r"no function is called 'f'[\s\S]*registers none"):
        rules_of(text, functions=frozenset[str]())


def test_kinds_of_values_have_names() -> None:
    """What TOML can hold."""
    for value in (date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), time(1)):
        assert "a date or time" == kind_of(value)
    table = Table({"a": 1}, (), Problems("p", scan("a = 1")))
    assert table.flag("b", default=True)
    assert table.table("a") is None


# --- the schema ---------------------------------------------------------------------------------


def plain(document: Any) -> Any:
    """Return a TOML document as JSON has it."""
    return json.loads(json.dumps(document, default=str))


def test_the_schema_is_one() -> None:
    """It is valid as a schema, and its names are those of the machine."""
    Draft202012Validator.check_schema(SCHEMA)
    states = SCHEMA["$defs"]["pattern"]["properties"]["to"]["anyOf"][0]["enum"]
    assert list(names().machine.states) == states


def test_the_cookbook_fits_the_schema() -> None:
    """Every file of the document does."""
    validator: Any = Draft202012Validator(SCHEMA)
    files = [block for block in blocks_of(ROOT / "docs" / "rules.md") if block.mode == "rules"]
    assert len(files) >= 9
    for block in files:
        assert [] == [
            error.message for error in validator.iter_errors(plain(tomllib.loads(block.text)))
        ]


def test_the_schema_refuses_most_of_what_loading_refuses() -> None:
    """An editor shows what is no matter of conditions and of parts that do not go together."""
    validator: Any = Draft202012Validator(SCHEMA)
    folder = Path(__file__).parent / "broken"
    refused = checked = 0
    for path in sorted(folder.glob("*.toml")):
        if not path.stem.startswith(("no_toml", "condition", "loop", "calendar_holiday")):
            checked += 1
            refused += not validator.is_valid(plain(tomllib.loads(path.read_text("utf-8"))))
    assert refused >= checked * 0.6
    assert not validator.is_valid({"rule": [{"name": "x", "trigger": {}, "actions": [NOTE]}]})
