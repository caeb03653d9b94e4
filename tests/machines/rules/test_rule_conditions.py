"""Conditions: clauses with their values, variables without one, words for what is wrong."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.rules.worlds import BEGIN, SECOND, held, one_rule, rules_of

from hookflash.machines.instants import Instant
from hookflash.machines.rules.clauses import Clause, split, tokens_of
from hookflash.machines.rules.conditions import Condition, read_condition
from hookflash.machines.rules.expressions import (
    Fault,
    NotCompiled,
    compile_text,
    names_in,
    result_of,
)
from hookflash.machines.rules.facts import RuleEvent, RuleFacts
from hookflash.machines.rules.templates import read_template
from hookflash.machines.rules.trace import ClauseTrace
from hookflash.machines.rules.variables import VARIABLES, sample_of


def condition_of(text: str) -> Condition:
    """Read a condition that is right."""
    condition, faults = read_condition(text, {})
    assert condition is not None, faults
    return condition


def shape(clause: Clause) -> Any:
    """Return a clause as nested lists."""
    if not clause.parts:
        return clause.text
    return [clause.join, *(shape(part) for part in clause.parts)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", "a"),
        ("a && b", ["and", "a", "b"]),
        ("a && b || c", ["or", ["and", "a", "b"], "c"]),
        ("a && (b || !(c && d))", ["and", "a", ["or", "b", ["not", ["and", "c", "d"]]]]),
        ("((a && b))", ["and", "a", "b"]),
        ("(a) && (b)", ["and", "a", "b"]),
        ("a ? b && c : d || e", "a ? b && c : d || e"),
        ("x.exists(y, y && z) || b", ["or", "x.exists(y, y && z)", "b"]),
        ("s == '&& ||' && b // || c", ["and", "s == '&& ||'", "b"]),
        (r"r'\' == s && b", ["and", r"r'\' == s", "b"]),
        (r"'\'&&' == s || '''a'&&'b''' == s", ["or", r"'\'&&' == s", "'''a'&&'b''' == s"]),
        ('b"&&" == s && """x" || """ == s', ["and", 'b"&&" == s', '"""x" || """ == s']),
        ("!a && -1 < b", ["and", "!a", "-1 < b"]),
        ("[a && b][0] || {1: c && d}[1]", ["or", "[a && b][0]", "{1: c && d}[1]"]),
    ],
)
def test_a_condition_is_split_where_its_clauses_end(text: str, parts: Any) -> None:
    """Texts, comments, brackets and `? :` are no places to split."""
    assert parts == shape(split(text))


def test_odd_texts_are_split_without_failing() -> None:
    """The splitter is shown what the library has compiled; it fails on nothing else either."""
    for text in ("", "()", "&&", "a &&", ")(", "'", "'''", "'''" + "\\" * 200):
        assert isinstance(split(text), Clause)
    assert [] == tokens_of("  // nothing")


ATOMS = st.sampled_from(
    ["hold.foreign", "hold.limit_passed", "hold.alarms > 0", "!hold.watched", "true", "false"]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("{} && {}".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
    ),
    max_leaves=8,
)


def combined(clause: Clause, values: dict[str, bool | None]) -> bool | None:
    """Put the clauses' values together as CEL does: None is no value."""
    if clause.join == "leaf":
        return values[clause.text]
    inner = [combined(part, values) for part in clause.parts]
    if clause.join == "not":
        return None if inner[0] is None else not inner[0]
    decisive = clause.join == "or"
    if decisive in inner:
        return decisive
    return None if None in inner else not decisive


@settings(max_examples=200, deadline=None)
@given(
    text=CONDITIONS,
    foreign=st.booleans() | st.none(),
    passed=st.booleans() | st.none(),
    alarms=st.integers(0, 2) | st.none(),
    watched=st.booleans() | st.none(),
)
def test_the_values_of_the_clauses_make_that_of_the_whole(
    text: str,
    foreign: bool | None,  # noqa: FBT001 - a value
    passed: bool | None,  # noqa: FBT001 - a value
    alarms: int | None,
    watched: bool | None,  # noqa: FBT001 - a value
) -> None:
    """What the trace tells of each clause is what the library made the answer of."""
    condition = condition_of(text)
    given_values = {
        "hold.foreign": foreign,
        "hold.limit_passed": passed,
        "hold.alarms": alarms,
        "hold.watched": watched,
    }
    answer = condition.ask(given_values.__getitem__)
    values = {one.text: one.value for one in answer.clauses}
    assert answer.holds == (combined(condition.tree, values) is True)
    data = {name: value for name, value in given_values.items() if value is not None}
    assert answer.holds == condition.holds_for(data)


def test_a_variable_without_a_value_makes_no_condition_true() -> None:
    """Who is not held has no hold to ask about, whichever way the question is put."""
    for text in (
        "hold.elapsed_s > 0",
        "hold.elapsed_s <= 0",
        "!(hold.elapsed_s > 0)",
        "hold.reason != 'x'",
    ):
        answer = condition_of(text).ask({"hold.elapsed_s": None, "hold.reason": None}.get)
        assert not answer.holds
        clause = answer.clauses[0]
        assert clause.value is None
        assert clause.why.endswith(": no value")
    assert (
        condition_of("!interaction.on_hold || hold.foreign")
        .ask({"interaction.on_hold": False, "hold.foreign": None}.get)
        .holds
    )


def test_a_clause_tells_what_it_read_and_why_it_failed() -> None:
    """The trace of a condition has the values of its variables, times as text."""
    condition = condition_of("hold.elapsed_s / hold.alarms > 3 && now > hold.since")
    rules = rules_of(one_rule("{ event = 'sent' }", f"condition = '{condition.text}'"))
    event = RuleEvent(Instant(BEGIN + 7 * SECOND), "sent", "held", "held")
    (trace,) = rules.evaluate(held(), event).trace.rules
    assert "condition" == trace.verdict
    assert (
        ClauseTrace(
            "hold.elapsed_s / hold.alarms > 3",
            None,
            (("hold.elapsed_s", 7), ("hold.alarms", 0)),
            "INVALID_ARGUMENT: divide by zero",
        )
        == trace.clauses[0]
    )
    assert ("hold.since", "2026-11-02T10:00:00+00:00") in trace.clauses[1].reads


def test_every_variable_is_read_with_its_type() -> None:
    """What variables give is of the type that conditions were checked against."""
    comparisons = {
        "string": "{0} == {0}",
        "int": "{0} >= 0 || {0} < 0",
        "double": "{0} >= 0.0",
        "bool": "{0} || !{0}",
        "timestamp": "{0} <= now || {0} > now",
    }
    facts = held(skill_group="vip", org="org-1")
    text = ""
    for number, variable in enumerate(VARIABLES.values()):
        if variable.name != "interaction.last_hold_s":
            condition = comparisons[variable.type].format(variable.name)
            text += one_rule("{ event = 'sent' }", f"condition = '{condition}'", name=f"r{number}")
    event = RuleEvent(Instant(BEGIN + SECOND), "sent", "held", "held")
    decision = rules_of(text).evaluate(facts, event)
    assert {"acted"} == {one.verdict for one in decision.trace.rules}
    assert len(VARIABLES) - 1 == len(decision.trace.rules)


def test_variables_of_the_calendar() -> None:
    """Hours, holidays and local times are those of the file's time zone."""
    calendar = (
        "[calendar]\ntimezone = 'Europe/Berlin'\nholidays = [2026-12-25]\n"
        "[calendar.hours]\nmon = ['08:00-12:00', '13:00-24:00']\nfri = '00:00-24:00'\n"
    )
    text = calendar + one_rule(
        "{ event = 'sent' }",
        actions="""actions = [ { action = 'annotate', text = '{calendar.open} {calendar.holiday}\
 {calendar.weekday} {calendar.hour}:{calendar.minute} {calendar.time} {calendar.date}' } ]""",
    )
    rules = rules_of(text)

    def at(seconds: int) -> str:
        event = RuleEvent(Instant(BEGIN + seconds * SECOND), "sent", "held", "held")
        return rules.evaluate(held(), event).trace.rules[0].actions[0].text

    assert "annotate: yes no mon 11:0 11:00 2026-11-02" == at(0)
    assert "annotate: no no mon 12:30 12:30 2026-11-02" == at(5400)
    assert "annotate: yes no mon 23:59 23:59 2026-11-02" == at(12 * 3600 + 3540)
    assert "annotate: no no tue 0:0 00:00 2026-11-03" == at(13 * 3600)
    assert "annotate: no yes fri 11:0 11:00 2026-12-25" == at(53 * 86_400)


def test_the_sample_is_even_and_stays() -> None:
    """It depends on the id alone, and picks about as many as it says."""
    numbers = [sample_of(f"interaction-{n}") for n in range(5000)]
    assert numbers == [sample_of(f"interaction-{n}") for n in range(5000)]
    assert set(range(100)) == set(numbers)
    assert 180 < sum(number < 5 for number in numbers) < 330


def test_history_counts_holds() -> None:
    """Holds, their lengths and ages are kept from event to event."""
    text = one_rule(
        "{ event = 'sent' }",
        actions="""actions = [ { action = 'annotate', text = '{interaction.holds}\
 {interaction.held_s} {interaction.last_hold_s} {interaction.age_s} {interaction.state_s}' } ]""",
    )
    rules = rules_of(text)
    facts, memory = held(), rules.evaluate(held(), RuleEvent(BEGIN, "x", "active", "held")).memory
    later = Instant(BEGIN + 10 * SECOND)
    active = RuleFacts("interaction-1", "active")
    memory = rules.evaluate(active, RuleEvent(later, "x", "held", "active"), memory).memory
    last = Instant(BEGIN + 14 * SECOND)
    assert facts.hold is not None
    second = RuleFacts("interaction-1", "held", type(facts.hold)("hold-2", last, last, "release"))
    memory = rules.evaluate(second, RuleEvent(last, "x", "active", "held"), memory).memory
    now = Instant(BEGIN + 17 * SECOND)
    decision = rules.evaluate(second, RuleEvent(now, "sent", "held", "held"), memory)
    assert "annotate: 2 13 10 17 3" == decision.trace.rules[0].actions[0].text
    third = RuleFacts("interaction-1", "held", type(facts.hold)("hold-3", now, now, "release"))
    swapped = rules.evaluate(third, RuleEvent(now, "sent", "held", "held"), memory)
    assert "annotate: 3 13 3 17 0" == swapped.trace.rules[0].actions[0].text


def test_texts_of_the_gateway_are_cut() -> None:
    """A condition never sees more than 256 characters of what the gateway names."""
    rules = rules_of(
        one_rule("{ event = 'sent' }", "condition = 'interaction.skill_group.size() == 256'")
    )
    event = RuleEvent(BEGIN, "sent", "held", "held")
    assert rules.evaluate(held(skill_group="x" * 10_000), event).actions


def test_names_are_found_however_they_are_written() -> None:
    """Blanks within a name are allowed by CEL, and change nothing."""
    assert ("hold.foreign",) == names_in(compile_text("hold . foreign"))
    assert condition_of("hold . foreign").ask({"hold.foreign": True}.get).holds


def test_what_is_wrong_is_said_in_words() -> None:
    """Mistakes that the broken files do not show."""

    def faults(text: str) -> list[tuple[str, int]]:
        found = read_condition(text, {"hold.on_limit": ("release", "expire")})[1]
        return [(one.message, one.index) for one in found]

    assert [("unknown function 'foo'", 0)] == faults("foo(1)")
    assert [("unknown name 'x'", 0)] == faults("x == 1")
    assert [("hold.on_limit is never 'x'", 0)] == faults("'x' == hold.on_limit")
    assert [] == faults("hold.on_limit == hold.reason && hold.on_limit in ['expire']")
    assert [("unexpected '&'", 13)] == faults("hold.foreign & hold.watched")
    assert [("'in' cannot be used with string and string", 8)] == faults("hold.id in 'abc'")
    assert [("'&&' cannot be used with int and bool", 12)] == faults("hold.alarms && true")
    assert [("'? :' cannot be used with bool and int and string", 5)] == faults("true ? 1 : 'a'")
    assert [("'[]' cannot be used with int and string", 11)] == faults("hold.alarms['a']")
    assert [("'-' cannot be used with timestamp and int", 4)] == faults("now - 3 > now")
    assert [("a bracket is not opened", 12)] == faults("hold.foreign)")
    assert [("reserved identifier: for", 0)] == faults("for == 1")
    odd = faults("hold.foreign hold.watched")
    assert [("this is no CEL: mismatched input 'hold'", 13)] == odd
    assert [] == faults("hold.id.matches('a')")
    long_pattern = f"hold.id.matches('{'a' * 250}')"
    assert [("the pattern has more than 200 characters", 16)] == faults(long_pattern)
    assert [] == faults("[[1], [2]].exists(x, x[0] == hold.alarms)")
    assert [] == faults("[hold.alarms, 1].exists(x, [x, 2][0] == 1) && [].size() == 0")
    assert [] == faults("duration(hold.reason) > duration('5m') && now.getHours() > 3")


def test_faults_of_the_library_that_have_no_place() -> None:
    """Its own bounds are told in words of ours, and what it says otherwise in its own."""
    assert ["the condition is nested too deep"] == [
        one.message for one in read_condition("1" + "+1" * 60 + " == 1", {})[1]
    ]
    ten = "[1,2,3,4,5,6,7,8,9,10]"
    many = f"{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, true))))"
    assert (None, "INTERNAL: Iteration budget exceeded") == result_of(compile_text(many))
    with pytest.raises(NotCompiled, match="expression size exceeds codepoint limit"):
        compile_text("true" + " " * 100_000)


def test_a_failing_evaluation_is_no_value() -> None:
    """Whatever the library raises, a clause has no value and the reason is told."""

    class Failing:
        def eval(self, _: object) -> None:
            raise RuntimeError("INTERNAL: odd [INTERNAL]")

    assert (None, "INTERNAL: odd") == result_of(Failing())


def test_placeholders_are_checked() -> None:
    """Names, formats and brackets of messages, with the place of what is wrong."""

    def faults(text: str) -> list[Fault]:
        template, found = read_template(text)
        assert (template is None) == bool(found)
        return found

    assert [] == faults("{{}} {hold.elapsed_s} {hold.elapsed_s:duration} {hold.share:percent}")
    assert [("unknown placeholder 'x'", 1), ("a lone '{'", 4)] == [
        (one.message, one.index) for one in faults("{x} {")
    ]
    assert ["hold.alarms is no number of seconds"] == [
        one.message for one in faults("{hold.alarms:duration}")
    ]
    assert ["hold.id is no share"] == [one.message for one in faults("{hold.id:percent}")]
    assert ["the text has 1001 characters, more than 1000"] == [
        one.message for one in faults("x" * 1001)
    ]


def test_messages_have_no_control_characters_and_an_end() -> None:
    """What the gateway names cannot break a line of a log, nor fill it."""
    template, _ = read_template("{interaction.id}" * 60)
    assert template is not None
    rendered = template.render(lambda _: "a\x1b\r\nb" * 50)
    assert 2000 == len(rendered)
    assert rendered.startswith("a  \nb")
