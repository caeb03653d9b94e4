"""What `check` finds in rules that load, and what it leaves alone."""

from typing import get_args

import pytest
from tests.machines.rules.worlds import names, one_rule, rules_of

from hookflash.machines.errors import SpecError
from hookflash.machines.findings import RuleKind
from hookflash.machines.rules.checking import check_rules, check_text

SHOWN: set[str] = set()


def found(text: str) -> list[tuple[str, int | None]]:
    """Return what is found, with the lines."""
    findings = check_rules(rules_of(text))
    for finding in findings:
        assert finding.place.startswith(f"rules.toml: line {finding.line}: rule ")
        assert finding.advice
        SHOWN.add(finding.kind)
    return [(finding.kind, finding.line) for finding in findings]


def actions(*inner: str) -> str:
    """Return the actions of a rule."""
    return f"actions = [ {', '.join('{ action = ' + one + ' }' for one in inner)} ]"


@pytest.mark.parametrize(
    ("trigger", "condition"),
    [
        ("{ to = 'active' }", "hold.elapsed_s > 3"),
        ("{ to = 'active' }", "interaction.on_hold"),
        ("{ to = 'held' }", "interaction.state == 'active'"),
        ("{ to = 'held' }", "!interaction.on_hold && hold.alarms >= 0"),
        ("{ to = 'held' }", "hold.elapsed_s > 300 && hold.elapsed_s < 200"),
        ("{ to = 'held' }", "hold.share > 0.9 && (hold.share < 0.5 || hold.share == 0.2)"),
        ("{ to = 'held' }", "interaction.sample > 99"),
        ("{ to = 'held' }", "hold.limit_s < 1 || hold.limit_s > 90000"),
        ("{ to = 'held' }", "hold.remaining_s == -1 && hold.remaining_s > 0"),
        ("{ to = 'held' }", "interaction.skill_group == 'a' && interaction.skill_group == 'b'"),
        (
            "{ to = 'held' }",
            "interaction.skill_group in ['a', 'b'] && interaction.skill_group > 'c'",
        ),
        ("{ to = 'held' }", "calendar.hour > 20 && calendar.hour < 8"),
        ("{ to = 'held' }", "hold.foreign && !hold.foreign && now > hold.since"),
        ("{ outcome = 'confirmed' }", "event.outcome == 'refused'"),
        ("{ outcome = ['confirmed', 'refused'], actor = 'caller' }", "event.actor == 'limit'"),
        ("{ event = ['sent', 'refused'] }", "event.name == 'acknowledged'"),
        ("{ to = 'held', from = 'hold_pending' }", "event.from != 'hold_pending'"),
        ("{ notice = 'warning' }", "event.alarm != '' && event.notice == 'limit_passed'"),
        ("{ every = '1m' }", "event.actor != ''"),
        ("{ schedule = '08:00', state = 'active' }", "event.name != 'schedule'"),
        ("{ to = 'held' }", "false"),
        (
            "{ to = 'held' }",
            "hold.elapsed_s in [-3, -1] || (hold.elapsed_s) == -1 || -2 == hold.alarms",
        ),
        ("{ to = 'held' }", "hold.elapsed_s in []"),
        ("{ to = 'held' }\nfor = '5m'", "hold.elapsed_s < 300"),
        ("{ to = 'held' }\nfor = '5m'", "interaction.state_s < 300"),
        ("{ to = 'active' }\nnot_within = { event = 'sent', next = '1m' }", "hold.foreign"),
    ],
)
def test_a_condition_that_can_never_be_true_is_found(trigger: str, condition: str) -> None:
    """After the trigger, and over all that variables can be."""
    text = one_rule(trigger, f'condition = "{condition}"')
    assert [("rule_never_true", 1)] == found(text)


@pytest.mark.parametrize(
    ("trigger", "condition"),
    [
        ("{ to = 'held' }", "hold.elapsed_s > 300 && hold.elapsed_s < 302"),
        ("{ to = 'held' }", "hold.share > 0.5 && hold.share < 0.500001"),
        ("{ to = 'held' }", "!(hold.elapsed_s > 300) || hold.elapsed_s > 300"),
        ("{ to = 'held' }", "interaction.skill_group != 'a' && interaction.skill_group >= 'a'"),
        ("{ to = ['held', 'active'] }", "interaction.state == 'active' || hold.foreign"),
        ("{ to = 'held' }", "hold.elapsed_s > hold.limit_s && hold.elapsed_s < 3"),
        ("{ to = 'held' }", "now.getHours() > 30"),
        ("{ to = 'held' }", "hold.elapsed_s - 3 > 5 && hold.elapsed_s < 100"),
        ("{ to = 'held' }", "3 - hold.elapsed_s > -500 && hold.elapsed_s > 400"),
        ("{ to = 'held' }", "hold.elapsed_s in [hold.limit_s]"),
        ("{ to = 'held' }", "hold.id.matches('x') && !hold.id.matches('x')"),
        ("{ event = 'sent' }", "event.actor == 'rule:one'"),
        ("{ to = 'held' }", "true || hold.share > 3.0"),
        ("{ to = 'held' }\nfor = '50%'", "hold.elapsed_s < 3"),
        ("{ to = ['held', 'expired'] }\nfor = '5m'", "interaction.state_s < 3"),
        ("{ to = ['active', 'held'] }\nfor = '5m'", "hold.elapsed_s < 3"),
        ("{ to = 'held' }", "[1, 2].exists(x, x == hold.alarms)"),
        ("{ to = 'held' }", "!(hold.foreign && hold.elapsed_s > 3) && (hold.foreign || now > now)"),
        (
            "{ to = 'held' }",
            " || ".join(
                f"{name} == {n} && {name} != {n}"
                for n in range(2)
                for name in (
                    *("hold.elapsed_s", "hold.alarms", "hold.limit_s", "hold.remaining_s"),
                    *("interaction.holds", "interaction.held_s", "interaction.age_s"),
                )
            ),
        ),
    ],
)
def test_a_condition_that_may_be_true_is_left_alone(trigger: str, condition: str) -> None:
    """And so is one of which it is not decided: the last has too many combinations to ask."""
    assert [] == found(one_rule(trigger, f'condition = "{condition}"'))


@pytest.mark.parametrize(
    "trigger",
    [
        "{ to = 'held', from = 'closed' }",
        "{ to = 'hold_pending', from = 'expired' }",
        "{ event = 'sent', to = 'held' }",
        "{ event = 'own_event', to = 'held' }",
        "{ from = 'hold_pending', to = 'hold_pending' }",
    ],
)
def test_a_trigger_that_never_comes_is_found(trigger: str) -> None:
    """The machine has no such step."""
    text = "[events]\nown_event = 'x'\n" + one_rule(trigger)
    if "closed" in trigger:
        with pytest.raises(SpecError, match="never leaves"):
            rules_of(text)
    else:
        assert [("rule_unreachable", 3)] == found(text)


@pytest.mark.parametrize(
    ("trigger", "action"),
    [
        ("{ to = 'held' }", "'hold', reason = 'x'"),
        ("{ to = 'active' }", "'unhold'"),
        ("{ to = 'active' }", "'expire'"),
        ("{ to = 'active' }", "'extend_limit', by = '1m'"),
        ("{ to = 'expired' }", "'hold', reason = 'x'"),
        ("{ to = 'expired' }", "'extend_limit', by = '1m'"),
        ("{ to = 'closed' }", "'unhold'"),
        ("{ from = ['held', 'active', 'hold_pending', 'unhold_pending', 'expired'] }", "'unhold'"),
        ("{ every = '1m', state = 'active' }", "'expire'"),
    ],
)
def test_an_action_that_always_comes_to_nothing_is_found(trigger: str, action: str) -> None:
    """Rejected in every state that the trigger leads to, or with nothing to do there."""
    assert [("action_rejected", 4)] == found(one_rule(trigger, actions=actions(action)))


@pytest.mark.parametrize(
    ("trigger", "action"),
    [
        ("{ to = 'held' }", "'unhold'"),
        ("{ to = 'expired' }", "'unhold', force = true"),
        ("{ to = 'active' }", "'annotate', text = 'x'"),
        ("{ to = 'hold_pending' }", "'unhold'"),
        ("{ outcome = 'refused' }", "'unhold'"),
        ("{ notice = 'warning' }", "'hold', reason = 'x'"),
        ("{ event = 'observed_closed' }", "'expire'"),
        ("{ to = 'unhold_pending' }", "'extend_limit', by = '1m'"),
        ("{ alarm = 'hold_expired' }", "'unhold', force = true"),
        ("{ event = 'own_event' }", "'expire'"),
    ],
)
def test_an_action_that_may_count_is_left_alone(trigger: str, action: str) -> None:
    """Commands wait for those before them; states that are not known may be right."""
    text = "[events]\nown_event = 'x'\n" + one_rule(trigger, actions=actions(action))
    assert "action_rejected" not in [kind for kind, _ in found(text)]


def test_duplicates_are_found() -> None:
    """The name, the description, the mode and the shadow make no difference; all else does."""
    text = one_rule("{ to = 'held' }", "condition = 'hold.foreign'", name="a")
    same = one_rule("{ to = 'held' }", "condition = 'hold.foreign'", "shadow = true", name="b")
    other = one_rule("{ to = 'held' }", "condition = 'hold.watched'", name="c")
    assert [("rule_duplicate", 6)] == found(text + same + other)
    off = one_rule("{ to = 'held' }", "condition = 'hold.foreign'", "enabled = false", name="b")
    assert [] == found(text + off)


def test_rules_that_always_lose_are_found() -> None:
    """The same trigger, and the first asks for nothing more."""
    first = one_rule("{ to = 'held' }", "for = '1m'", actions=actions("'unhold'"), name="a")
    second = one_rule("{ to = 'held' }", "for = '1m'", actions=actions("'expire'"), name="b")
    later = one_rule("{ to = 'held' }", "for = '2m'", actions=actions("'expire'"), name="c")
    third = one_rule(
        "{ to = 'held' }", "for = '1m'", "once_within = '1m'", actions=actions("'unhold'"), name="d"
    )
    assert [("rule_contradiction", 6)] == [
        one for one in found(first + second + later + third) if one[0] != "rule_loop"
    ]


LETTING_GO = one_rule(
    "{ to = 'held' }",
    "for = '1s'",
    "condition = 'hold.elapsed_s >= 0'",
    actions=actions("'unhold'"),
    name="let-go",
)


@pytest.mark.parametrize(
    "condition",
    ["event.actor.startsWith('rule:')", "interaction.state == 'active'", "calendar.open"],
)
def test_a_loop_that_is_possible_is_found(condition: str) -> None:
    """Conditions that the event may fulfil leave a loop open."""
    again = one_rule(
        "{ to = 'active' }",
        f'condition = "{condition}"',
        actions=actions("'hold', reason = 'x'"),
        name="again",
    )
    assert [("rule_loop", 1)] == found(LETTING_GO + again)


def test_a_rule_that_only_leads_into_a_loop_is_not_named() -> None:
    """The loop is told where it begins, in the order of the file."""
    entry = one_rule("{ event = 'observed_held' }", actions=actions("'unhold'"), name="entry")
    again = one_rule(
        "{ to = 'active' }",
        "condition = 'calendar.open'",
        actions=actions("'hold', reason = 'x'"),
        name="again",
    )
    assert [("rule_loop", 5)] == found(entry + LETTING_GO + again)


@pytest.mark.parametrize(
    "part",
    [
        "condition = \"event.actor == 'caller'\"",
        "condition = \"!event.actor.startsWith('rule:')\"",
        "once_within = '1m'",
        "enabled = false",
        "condition = \"event.from == 'expired'\"",
    ],
)
def test_what_breaks_a_loop_is_seen(part: str) -> None:
    """A condition that the event cannot fulfil, a throttle, a rule that is off."""
    again = one_rule(
        "{ to = 'active' }", part, actions=actions("'hold', reason = 'x'"), name="again"
    )
    assert "rule_loop" not in [kind for kind, _ in found(LETTING_GO + again)]


def test_loops_through_failures_and_alarms_are_found() -> None:
    """A refusal may set the same rule off; so may what an expiry raises."""
    refused = one_rule(
        "{ outcome = 'refused', action = 'hold' }",
        "condition = 'true'",
        actions=actions("'hold', reason = 'x'"),
    )
    assert [("rule_loop", 1)] == found(refused)
    alarm = one_rule(
        "{ alarm = 'hold_expired' }",
        "condition = 'true'",
        actions=actions("'unhold', force = true"),
        name="a",
    )
    again = one_rule(
        "{ event = 'acknowledged', to = 'active' }",
        actions=actions("'hold', reason = 'x'"),
        name="b",
    )
    expire = one_rule(
        "{ to = 'held' }",
        "not_within = { event = 'sent', next = '9s' }",
        actions=actions("'expire'"),
    )
    assert [("rule_loop", 1)] == found(alarm + again + expire)
    waiting = one_rule(
        "{ to = 'held' }", "for = '5m'", "condition = 'true'", actions=actions("'unhold'")
    )
    assert [] == found(waiting)


def test_no_loop_is_refused_that_is_none() -> None:
    """Each rule is looked at in the state that the one before it leaves."""
    hold = actions("'hold', reason = 'consultation'")
    rules_of(one_rule("{ event = 'acknowledged' }", actions=hold))
    rules_of(one_rule("{ to = 'held' }", "for = '1m'", actions=actions("'unhold'")))
    both = one_rule("{ to = 'held' }", actions=actions("'unhold'"), name="a")
    rules_of(both + one_rule("{ to = 'hold_pending' }", "for = '1m'", actions=hold, name="b"))
    waits = one_rule("{ to = 'active' }", "for = '1m'", actions=hold, name="b")
    with pytest.raises(SpecError, match="an endless loop: 'a' → 'b' → 'a'"):
        rules_of(both + waits)
    expire = one_rule("{ to = 'held' }", actions=actions("'expire'"), name="c")
    after = one_rule("{ alarm = 'hold_expired' }", actions=hold, name="d")
    rules_of(expire + after)
    passing = one_rule("{ to = 'hold_pending' }", "for = '1m'", name="passing")
    rules_of(one_rule("{ to = 'active' }", actions=hold, name="hold") + passing)


def test_rules_that_lead_to_the_same_rule_are_no_loop() -> None:
    """A rule that is reached on two ways is looked at once."""
    text = one_rule("{ to = 'active' }", actions=actions("'hold', reason = 'x'"), name="a")
    for name in ("b", "c"):
        text += one_rule("{ to = 'held' }", actions=actions("'expire'"), name=name)
    rules_of(text + one_rule("{ to = 'expired' }", name="d"))


def test_what_does_not_load_is_told_in_findings() -> None:
    """Each mistake is a finding of its own; what means nothing is refused as a whole."""
    text = one_rule("{ to = 'hold' }", "condition = 'hold.x == 1'", "for = 3")
    findings = check_text(text, "rules.toml", names())
    assert [("rule_invalid", 3), ("rule_invalid", 4), ("rule_invalid", 5)] == [
        (one.kind, one.line) for one in findings
    ]
    assert "rules.toml: line 3, column 18" == findings[0].place
    assert "rule 'one': to: unknown state 'hold'" == findings[0].message
    SHOWN.add("rule_invalid")
    assert () == check_text(one_rule("{ to = 'held' }"), "rules.toml", names())
    for unreadable in ("x = = 1", "[[rule]]\nname = 'x'\n", "", "[calendar]\n"):
        with pytest.raises(SpecError):
            check_text(unreadable, "rules.toml", names())


def test_every_kind_was_shown() -> None:
    """Each finding that there is, one of these tests finds."""
    assert set(get_args(RuleKind)) == SHOWN
