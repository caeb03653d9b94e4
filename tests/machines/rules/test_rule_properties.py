"""Evaluation is a function: of facts, event and memory, and of nothing else."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.rules.worlds import BEGIN, SECOND, one_rule, rules_of

from hookflash.machines.effects import StartTimer
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.hold_data import Hold
from hookflash.machines.instants import Instant
from hookflash.machines.rules import evaluation
from hookflash.machines.rules.actions import STATE_ACTIONS
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.facts import RuleEvent, RuleFacts, RuleTimerFired
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.trace import Trace

STATES = ("active", "hold_pending", "held", "unhold_pending", "expired", "closed")
CHANGES = (
    "{ action = 'unhold' }",
    "{ action = 'hold', reason = 'consultation' }",
    "{ action = 'expire' }",
    "{ action = 'extend_limit', by = '5m' }",
    "{ action = 'annotate', text = '{hold.elapsed_s} {interaction.holds}' }",
    "{ action = 'call', function = 'f' }",
)
TRIGGERS = (
    "{ to = 'held' }",
    "{ to = ['held', 'unhold_pending'] }",
    "{ from = 'held' }",
    "{ event = 'acknowledged' }",
    "{ outcome = 'confirmed' }",
    "{ every = '7s', state = 'held' }",
    "{ schedule = ['10:00', '10:01'] }",
)
PARTS = (
    "",
    "for = '5s'",
    "for = '50%'",
    "not_within = { event = 'link_lost', next = '4s' }",
    "count = { to = 'held', last = '20s', at_least = 2 }",
    "within = { from = 'held', last = '9s' }",
)
CONDITIONS = ("", "hold.elapsed_s >= 3", "interaction.holds < 3 || hold.foreign", "now > event.at")


@st.composite
def rule_texts(draw: st.DrawFn) -> str:
    """Draw rules, some of which fit together."""
    texts: list[str] = []
    for number in range(draw(st.integers(1, 6))):
        trigger = draw(st.sampled_from(TRIGGERS))
        part = draw(st.sampled_from(PARTS))
        if part.startswith("for") and trigger not in TRIGGERS[:2]:
            part = ""
        condition = draw(st.sampled_from(CONDITIONS))
        texts.append(
            one_rule(
                trigger,
                part,
                f"mode = '{draw(st.sampled_from(('single', 'restart', 'queued')))}'",
                "once_within = '3s'",  # so that no two of them make a loop that loading refuses
                f"condition = '{condition or 'true'}'",
                f"shadow = {str(draw(st.booleans())).lower()}",
                name=f"rule-{number}",
                actions=f"actions = [ {draw(st.sampled_from(CHANGES))} ]",
            )
        )
    return "\n".join(texts)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(STATES[:5]) | st.just("closed"),
        st.sampled_from(("acknowledged", "sent", "link_lost", "limit_changed")),
        st.sampled_from(("", "confirmed", "refused")),
        st.sampled_from(("", "caller", "rule:rule-0", "rule:rule-1")),
    ),
    min_size=1,
    max_size=12,
)


def facts_in(state: str, since: Instant, number: int) -> RuleFacts:
    """Return facts that fit the state."""
    hold = None
    if state in {"held", "unhold_pending", "expired"}:
        limit_at = Instant(since + 20 * SECOND)
        hold = Hold(f"hold-{number}", since, limit_at, "release", foreign=number % 2 == 1)
    return RuleFacts("interaction-1", state, hold, "vip" if number % 3 else None)


def play(rules: Rules, steps: list[Any], *, through_json: bool = False) -> list[Decision]:
    """Play what happens, with timers that fire in between; return all decisions."""
    memory, state, at, since = NO_MEMORY, "active", BEGIN, BEGIN
    timers: dict[str, Any] = {}
    decisions: list[Decision] = []

    def follow(decision: Decision) -> None:
        nonlocal memory
        decisions.append(decision)
        memory = decision.memory
        if through_json:
            memory = RuleMemory.from_json(json.loads(json.dumps(memory.to_json())))
        for change in decision.timers:
            if isinstance(change, StartTimer):
                timers[change.timer.name] = change.timer
            else:
                timers.pop(change.name, None)

    for number, (seconds, target, name, outcome, actor) in enumerate(steps):
        until = Instant(at + seconds * SECOND)
        for _ in range(50):
            due = sorted(
                (one for one in timers.values() if one.due_at <= until),
                key=lambda one: (one.due_at, one.name),
            )
            if not due:
                break
            timer = timers.pop(due[0].name)
            at = max(at, timer.due_at)
            fired = RuleTimerFired(at, timer.name, timer.owner)
            follow(rules.evaluate(facts_in(state, since, number), fired, memory))
        at, before = until, state
        since = at if target != state else since
        state = target
        event = RuleEvent(at, name, before, state, actor, outcome, "hold" if outcome else "")
        follow(rules.evaluate(facts_in(state, since, number), event, memory))
    assert {f"rule:{wait.rule}": wait.owner for wait in memory.waits} == {
        name: timer.owner for name, timer in timers.items()
    }, "what waits has its timer, and nothing else has"
    return decisions


@settings(max_examples=150, deadline=None)
@given(text=rule_texts(), steps=STEPS)
def test_the_same_comes_out_again(text: str, steps: list[Any]) -> None:
    """The same again, by another set made of the same text, and through JSON in between."""
    rules = rules_of(text)
    first = play(rules, steps)
    assert first == play(rules, steps)
    assert first == play(rules_of(text), steps, through_json=True)
    for decision in first:
        written = json.loads(json.dumps(decision.trace.to_json()))
        assert decision.trace == Trace.from_json(written)


def look_at_all(*_: object) -> bool:
    """Let no event be passed over."""
    return False


@settings(max_examples=150, deadline=None)
@given(text=rule_texts(), steps=STEPS)
def test_the_short_way_is_the_long_way(text: str, steps: list[Any]) -> None:
    """Events that concern nobody are passed over quickly: looking at all comes to the same."""
    rules = rules_of(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_concerns_nobody", look_at_all)
        long_way = play(rules, steps)
    assert long_way == play(rules, steps)


@settings(max_examples=100, deadline=None)
@given(text=rule_texts(), steps=STEPS)
def test_what_always_holds(text: str, steps: list[Any]) -> None:
    """One change an event; only what triggered acts; shadow does nothing; the end ends all."""
    rules = rules_of(text)
    decisions = play(rules, steps)
    shadows = {rule.name for rule in rules.rules if rule.shadow}
    for decision in decisions:
        changes = [one for one in decision.actions if one.name in STATE_ACTIONS]
        assert len(changes) <= 1
        acted = {one.rule for one in decision.trace.rules if one.verdict == "acted"}
        assert {one.rule for one in decision.actions} == acted
        assert not acted & shadows
        assert all(wait.due_at >= decision.trace.at for wait in decision.memory.waits)
    if steps[-1][1] == "closed":
        assert ((), ()) == (decisions[-1].memory.waits, decisions[-1].memory.queue)


def test_evaluation_needs_no_hash_seed() -> None:
    """In processes whose sets have another order the same comes out."""
    code = (
        "from tests.machines.rules.worlds import *\n"
        "t = ''.join(one_rule(\"{ to = ['held', 'expired'] }\", name=f'r{n}') for n in range(9))\n"
        "print(rules_of(t).evaluate(held(), confirmed()))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(outputs)


@pytest.mark.parametrize(
    "written", [None, [], {"waits": 3}, {"unknown": 1}, {"history": {"state": "held"}}]
)
def test_a_memory_that_cannot_be_read_is_refused(written: object) -> None:
    """Nothing of it is used; the advice says what to do."""
    with pytest.raises(MalformedRecord, match="begin with an empty one"):
        RuleMemory.from_json(written)


@pytest.mark.parametrize(
    "written",
    [
        None,
        {"at": 0},
        {"at": 0, "interaction": "i", "event": "e", "rules": [{"x": 1}]},
        {
            "at": 0,
            "interaction": "i",
            "event": "e",
            "rules": [
                {
                    "rule": "r",
                    "trigger": "t",
                    "verdict": "acted",
                    "clauses": [{"text": "t", "value": True, "reads": [["x", None]]}],
                }
            ],
        },
    ],
)
def test_a_trace_that_cannot_be_read_is_refused(written: object) -> None:
    """Nothing of it is used."""
    with pytest.raises(MalformedRecord):
        Trace.from_json(written)
