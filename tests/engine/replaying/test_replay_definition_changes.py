"""What differs between two definitions and two policies, in words."""

from pathlib import Path

import pytest

from hookflash.adapters.specifications import read_definition
from hookflash.engine.replaying.changes import other_changes, row_changes
from hookflash.engine.replaying.stepping_by import policy_differences
from hookflash.machines.policy import GroupPolicy, HoldPolicy
from hookflash.machines.spec import Spec, parse_spec

TEXT, PLACE = read_definition("hold")
BEFORE = parse_spec(TEXT, PLACE)


def changed(old: str, new: str) -> Spec:
    assert old in TEXT
    return parse_spec(TEXT.replace(old, new, 1), "new.toml")


def texts(after: Spec) -> list[str]:
    return [one.text(BEFORE, after) for one in row_changes(BEFORE, after)]


def test_the_same_definition_has_no_changes() -> None:
    """Words, comments and where rows stand make no difference."""
    after = changed("[machine]", "# moved down\n\n[machine]")
    assert (row_changes(BEFORE, after), other_changes(BEFORE, after)) == ([], [])


def test_a_row_that_says_something_else() -> None:
    """The row is named by its place, with each key that changed."""
    (text,) = texts(changed('effects = ["send_hold"]', 'effects = ["send_hold", "look_up"]'))
    assert text.startswith("hold_requested in active: the row at line ")
    assert text.endswith(" of new.toml: effects [send_hold] became [send_hold, look_up]")


def test_rows_that_are_new_or_gone() -> None:
    """A row before others is new, and nothing is said of those that it stands before."""
    row = """[[transitions]]
source = "held"
event = "link_restored"
guards = ["past_limit"]
late = "Something else."

"""
    begin = TEXT.index('source = ["held", "expired"]\nevent = "link_restored"')
    table = TEXT.rindex("[[transitions]]", 0, begin)
    after = parse_spec(TEXT[:table] + row + TEXT[table:], "new.toml")
    (added,) = row_changes(BEFORE, after)
    assert added.text(BEFORE, after).endswith("of new.toml [past_limit] is new")
    (removed,) = row_changes(after, BEFORE)
    assert removed.kind == "removed"
    assert removed.text(after, BEFORE).endswith("of new.toml [past_limit] is gone")
    assert removed.about(removed.before)
    assert not removed.about(None)


def test_states_events_and_timers() -> None:
    """What differs beside rows is named as well."""
    timer = changed(
        'warning = { event = "warning_timer_fired"', 'warning = { event = "limit_timer_fired"'
    )
    (text,) = other_changes(BEFORE, timer)
    assert text == "timer 'warning' gives 'limit_timer_fired', not 'warning_timer_fired'"
    other = changed('initial = "active"', 'initial = "held"')
    assert other_changes(BEFORE, other) == ["the initial state is 'held', not 'active'"]
    connection = parse_spec(*read_definition("connection"))
    words = other_changes(BEFORE, connection)
    assert "state 'held' is gone" in words
    assert "event 'token_ready' is new" in words
    assert "timer 'retry' is new" in words
    assert words[-1].startswith("the implementation is hookflash.machines.connection, not ")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (HoldPolicy(), HoldPolicy(), {}),
        (HoldPolicy(), HoldPolicy(limit_s=600), {"limit_s": "limit_s 900 became 600"}),
        (
            HoldPolicy(policy=(GroupPolicy(skill_group="a"), GroupPolicy(skill_group="b"))),
            HoldPolicy(
                policy=(GroupPolicy(skill_group="a", limit_s=5), GroupPolicy(skill_group="c"))
            ),
            {
                "policy": "policy[a].limit_s None became 5; policy[b] is gone; policy[c] is new",
            },
        ),
        (HoldPolicy(), HoldPolicy(deny=("a",)), {"deny": "deny () became ('a',)"}),
        (HoldPolicy(), GroupPolicy(skill_group="a"), {}),
    ],
)
def test_policies(before: object, after: object, said: dict[str, str]) -> None:
    """Settings are named with both values, tables by their skill group."""
    assert policy_differences(before, after) == said


def test_the_place_of_a_recorded_definition() -> None:
    """A definition out of a recording is called so, whichever file that is."""
    recorded = parse_spec(TEXT, f"{Path('some.jsonl')}: definition 0123456789ab")
    (change,) = row_changes(changed('effects = ["send_hold"]', 'effects = ["look_up"]'), recorded)
    assert "of the recording's definition" in change.text(BEFORE, recorded)
