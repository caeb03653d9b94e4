"""Cases of a rule's owner, and traces as text."""

from typing import Any

import pytest
from tests.machines.rules.worlds import (
    BEGIN,
    SECOND,
    confirmed,
    done,
    held,
    one_rule,
    rules_of,
    scene,
)

from hookflash.machines.errors import SpecError
from hookflash.machines.rules.cases import CaseResult, parse_cases, rules_path_of, run_case
from hookflash.machines.rules.explaining import explain
from hookflash.machines.rules.facts import RuleTimerFired

RULES = """
[events]
agent_back = "The desktop says so."

[[rule]]
name = "warn"
trigger = { to = "held" }
for = "5m"
condition = 'hold.reason == "consultation" && !hold.foreign'
shadow = true
actions = [
  { action = "notify", to = "desk", message = "{interaction.id} of {interaction.skill_group}" },
]

[[rule]]
name = "absent"
trigger = { outcome = "confirmed", action = "unhold", actor = "limit" }
not_within = { event = "agent_back", next = "30s" }
actions = [
  { action = "call", function = "route", arguments = { queue = "vip" } },
  { action = "annotate", text = "nobody there" },
  { action = "extend_limit", by = "1m" },
]

[[rule]]
name = "again"
trigger = { outcome = "refused" }
actions = [ { action = "hold", reason = "x" } ]
"""


def run(text: str) -> list[CaseResult]:
    """Parse and run cases."""
    rules = rules_of(RULES)
    return [run_case(rules, case) for case in parse_cases(text, "cases.toml", rules)]


def test_cases_pass_where_all_comes_out_as_they_say() -> None:
    """What happens, restarts included, and all that the rules do then."""
    results = run(
        """
rules = "rules.toml"

[[case]]
name = "a consultation that lasts"
rule = "warn"
when = [
  { to = "held", hold = { reason = "consultation", limit = "1h" }, actor = "caller" },
  { after = "1m", restart = true },
]
until = "10m"
then = [ { action = "notify", rule = "warn", to = "desk", message = "i-1 of vip", after = "5m" } ]
[case.given]
id = "i-1"
skill_group = "vip"
org = "o"
at = 2026-11-02T08:00:00Z
limit = "20m"
on_limit = "expire"
state = "active"

[[case]]
name = "somebody else's hold"
when = [
  { after = "0s", to = "held", hold = { foreign = true } },
  { after = "10m", to = "expired", alarm = "hold_expired", notice = "limit_passed" },
]
then = []

[[case]]
name = "nobody there"
when = [ { to = "active", outcome = "confirmed", action = "unhold", actor = "limit", error = "x" } ]
until = "1m"
then = [
  { action = "call", function = "route", arguments = { queue = "vip" } },
  { action = "annotate", text = "nobody there", after = "30s" },
]

[[case]]
name = "at once"
when = [ { event = "refused", outcome = "refused" } ]
then = [ { action = "hold", reason = "x", priority = 5, after = "0s" } ]
"""
    )
    assert [()] * 4 == [result.differences for result in results]
    assert all(result.passed for result in results)
    assert ("after 5m: rule 'warn': notify desk: i-1 of vip",) == results[0].taken


def test_cases_that_fail_tell_what_differs() -> None:
    """What is missing, what is too much, and which key is another."""
    results = run(
        """
rules = "rules.toml"
[[case]]
name = "wrong"
when = [ { to = "held", hold = { reason = "consultation" } } ]
until = "6m"
then = [ { action = "notify", to = "lead", after = "4m" }, { action = "unhold" } ]
[[case]]
name = "too much"
when = [ { event = "refused", outcome = "refused" } ]
then = []
"""
    )
    assert (
        "action 1: to is 'desk', expected 'lead'",
        "action 1: after is '5m', expected '4m'",
        "missing: action = 'unhold'",
    ) == results[0].differences
    assert ("unexpected: after 0s: rule 'again': hold, reason x, priority 5",) == results[
        1
    ].differences
    assert not results[0].passed


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("rules = 'r'\n", None, "there is no [[case]]"),
        (
            "rules = 'r'\ncases = 3\n[[case]]\nname='x'\nwhen=[]\nthen=[]\n",
            2,
            "unknown key 'cases'",
        ),
        ("rules = 'r'\n[[case]]\nwhen=[]\nthen=[]\n", 2, "needs the key 'name'"),
        ("[[case]]\nname='x'\nthen=[]\n", 1, "needs the key 'when'"),
        ("[[case]]\nname='x'\nwhen=[]\n", 1, "needs the key 'then'"),
        ("[[case]]\nname='x'\nrule='y'\nwhen=[]\nthen=[]\n", 3, "unknown value 'y'"),
        ("[[case]]\nname='x'\nwhen=[{to='hold'}]\nthen=[]\n", 3, "unknown value 'hold'"),
        ("[[case]]\nname='x'\nwhen=[{state='held'}]\nthen=[]\n", 3, "unknown key 'state'"),
        ("[[case]]\nname='x'\nwhen=[{event='x'}]\nthen=[]\n", 3, "unknown value 'x'"),
        ("[[case]]\nname='x'\nwhen=[{after=3}]\nthen=[]\n", 3, "must be a duration"),
        ("[[case]]\nname='x'\nwhen=[{hold={a=1}}]\nthen=[]\n", 3, "unknown key 'a'"),
        (
            "[[case]]\nname='x'\nwhen=[{after='2s'},{after='1s'}]\nthen=[]\n",
            3,
            "goes back in time",
        ),
        ("[[case]]\nname='x'\ngiven={at='now'}\nwhen=[]\nthen=[]\n", 3, "no time with a zone"),
        ("[[case]]\nname='x'\ngiven={x=1}\nwhen=[]\nthen=[]\n", 3, "unknown key 'x'"),
        ("[[case]]\nname='x'\nwhen=[]\nthen=[{to='x'}]\n", 4, "needs the key 'action'"),
        (
            "[[case]]\nname='x'\nwhen=[]\nthen=[{action='hold', after='x'}]\n",
            4,
            "'x' is no duration",
        ),
        ("".join(f"[[case]]\nname='{n}'\nwhen=[]\nthen=[]\n" for n in range(1001)), None, "1000"),
    ],
)
def test_cases_that_are_wrong_are_refused(text: str, line: int | None, says: str) -> None:
    """With the line, as rules are."""
    with pytest.raises(SpecError) as caught:
        parse_cases(text, "cases.toml", rules_of(RULES))
    assert says in caught.value.message
    assert line == caught.value.parts.get("line") or line is None


def test_a_file_of_cases_names_its_rules() -> None:
    """The path as it stands there; whoever reads files finds it."""
    assert "a/rules.toml" == rules_path_of("rules = 'a/rules.toml'", "cases.toml")
    for text in ("x = =", "", "rules = 3", "rules = ''"):
        with pytest.raises(SpecError, match=r"cases\.toml"):
            rules_path_of(text, "cases.toml")


def test_a_trace_reads_as_text() -> None:
    """Clauses with their values, timers, actions with their fates, warnings."""
    text = """
[[rule]]
name = "warn"
trigger = { to = "held" }
count = { to = "held", last = "10m", at_least = 1 }
condition = 'hold.reason == "x" || hold.elapsed_s / hold.alarms > 3 || hold.foreign'
actions = [ { action = "unhold" } ]

[[rule]]
name = "other"
trigger = { to = "held" }
actions = [ { action = "unhold" }, { action = "annotate", text = "noted" } ]

[[rule]]
name = "later"
trigger = { to = "held" }
for = "5m"
actions = [ { action = "expire" } ]

[[rule]]
name = "third"
trigger = { to = "held" }
actions = [ { action = "expire" } ]

[[rule]]
name = "elsewhere"
trigger = { to = "active", from = "expired" }
actions = [ { action = "annotate", text = "x" } ]
"""
    rules = rules_of(text)
    decision = rules.evaluate(held(foreign=True, reason="é"), confirmed())
    assert (
        """\
2026-11-02T10:00:00.000Z  interaction-1  acknowledged
  warn: acted
      trigger    to held
      true       count: to held at least 1 times in the last 10m: once
      false      hold.reason == "x"    (hold.reason = "é")
      none       hold.elapsed_s / hold.alarms > 3    (hold.elapsed_s = 0; hold.alarms = 0;\
 INVALID_ARGUMENT: divide by zero)
      true       hold.foreign    (hold.foreign = true)
      action     unhold, priority 5: taken
  other: acted
      trigger    to held
      action     unhold, priority 5: suppressed by rule 'warn', which did the same before it
      action     annotate: noted: taken
  later: waits: for 5m
      trigger    to held
      timer      started, due 2026-11-02T10:05:00.000Z
  third: did not act: suppressed
      trigger    to held
      action     expire: suppressed by rule 'warn', which contradicts it and stands before it
  elsewhere: not triggered: its trigger is to active, from expired
  ! rules 'warn' and 'third' contradict each other: unhold, priority 5; expire.\
 The first in the file counts
"""
        == "\n".join(explain([decision.trace], rules=rules)) + "\n"
    )


def test_one_rule_can_be_asked_about() -> None:
    """Traces that do not concern it are left out, unless the rules tell why."""
    text = one_rule("{ to = 'held' }", "for = '5m'") + one_rule("{ to = 'active' }", name="two")
    rules = rules_of(text)
    world = scene(text)
    world.tell("held")
    world.tell("active")
    world.tell("closed")
    told = list(explain(world.traces, rule="one"))
    both = rules_of(text.replace("active", "held")).evaluate(held(), confirmed())
    assert [
        "2026-11-02T10:00:00.000Z  interaction-1  acknowledged",
        "  one: waits: for 5m",
        "      trigger    to held",
        "      timer      started, due 2026-11-02T10:05:00.000Z",
        "2026-11-02T10:00:00.000Z  interaction-1  acknowledged",
        "  one: waits no more: the state is active now",
        "      trigger    to held",
        "      timer      stopped, due 2026-11-02T10:05:00.000Z: the state is active now",
    ] == told
    assert "  one: not triggered: its trigger is to held" in explain(
        world.traces, rules=rules, rule="one"
    )
    assert [False, True, False] == [trace.is_rare() for trace in world.traces]
    assert [] == list(explain(world.traces[2:]))
    assert None is world.traces[2].of("one")
    gone = rules.evaluate(world.facts(), RuleTimerFired(world.at, "rule:gone", "gone#1"))
    assert (
        "  gone: did not act: too late: the timer was stopped or set anew before it fired"
        == (list(explain([gone.trace]))[1])
    )
    assert ["one", "two"] == [
        trace.rule for one in ("one", "two") if (trace := both.trace.of(one)) is not None
    ]
    first = world.traces[0].of("one")
    assert first is not None
    assert "waiting" == first.verdict


def test_a_scenario_ends_though_a_schedule_repeats() -> None:
    """Timers that fire without end stop at a bound."""
    world = scene(one_rule("{ every = '1s', state = 'held' }", "once_within = '1d'"))
    world.tell("held")
    world.run_until(type(world.at)(BEGIN + 30 * 86_400 * SECOND))
    assert len(world.traces) <= 10_001
    assert 1 == len([one for one in done(world) if one.startswith("1 ")])


def test_a_scenario_knows_what_a_hold_is() -> None:
    """It begins with the state and ends with it; past its limit it says so."""
    world = scene(one_rule("{ to = 'closed' }"), limit_us=60 * SECOND, on_limit="expire")
    world.tell("held", {"reason": "x"})
    hold: Any = world.hold
    assert ("x", BEGIN + 60 * SECOND, "expire") == (hold.reason, hold.limit_at, hold.on_limit)
    world.tell("expired")
    assert world.hold is not None
    assert world.hold.limit_passed
    world.tell("active")
    assert world.hold is None
    world.tell("held")
    assert world.hold is not hold
    assert isinstance(world.facts().hold, type(hold))
    world.tell(name="link_lost")
    assert "link_lost" == world.traces[-1].event
