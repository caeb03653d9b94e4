"""The cookbook of docs/rules.md, as it stands there: each rule acts when it should, then only."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.docs.blocks import ROOT, blocks_of
from tests.machines.rules.worlds import BEGIN, MINUTE, SECOND, done, pass_time, rules_of

import hookflash
from hookflash.adapters.rules_files import load_rules
from hookflash.machines.hold_data import Hold
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.rules import facts as rule_facts
from hookflash.machines.rules.actions import CallAction, UnholdAction
from hookflash.machines.rules.memory import RuleMemory
from hookflash.machines.rules.scenario import Scenario
from hookflash.machines.rules.variables import VARIABLES, sample_of

DOCUMENT = ROOT / "docs" / "rules.md"
FILES = {block.argument: block.text for block in blocks_of(DOCUMENT) if block.mode == "rules"}


def recipe(name: str, **given: Any) -> Scenario:
    """Return an interaction with the rules of a recipe."""
    given.setdefault("at", BEGIN)
    return Scenario(rules_of(FILES[name]), **given)


def hold_and_release(world: Scenario, seconds: float, **hold: Any) -> None:
    """Hold for so long, then release."""
    world.tell("held", hold)
    pass_time(world, seconds)
    world.tell("unhold_pending")
    world.tell("active")


def test_consultation_that_takes_too_long() -> None:
    """After five minutes on hold in all, through a refused unhold and a restart; only once."""
    world = recipe("consultation.toml", skill_group="sg-1")
    world.tell("held", {"reason": "consultation"})
    pass_time(world, 200)
    world.tell("unhold_pending")
    world.restart()
    world.tell("held", name="refused", outcome="refused", action="unhold")
    pass_time(world, 1000)
    message = "interaction-1 (sg-1) has been in consultation for 5m; its limit passes in 10m"
    assert [f"300 consultation-too-long: notify supervisor: {message}"] == done(world)
    for reason, seconds in (("queueing", 900), ("consultation", 299)):
        world = recipe("consultation.toml")
        hold_and_release(world, seconds, reason=reason)
        pass_time(world, 900)
        assert [] == done(world)


def test_vip_is_released_early() -> None:
    """At 80 % of its own limit, which may be extended meanwhile; others are not."""
    world = recipe("vip.toml", skill_group="sg-vip", limit_us=10 * MINUTE)
    world.tell("held")
    pass_time(world, 600)
    assert UnholdAction("vip-release-early", 9) == world.taken[0].action
    assert "480 vip-release-early: annotate: released at 80% of the limit" == done(world)[1]
    world = recipe("vip.toml", skill_group="sg-vip")
    world.tell("held")
    pass_time(world, 60)
    assert world.hold is not None
    world.hold = Hold("hold", BEGIN, Instant(BEGIN + 20 * MINUTE), "release")
    world.tell(name="limit_changed")
    pass_time(world, 1200)
    assert [960, 960] == [(one.at - BEGIN) // SECOND for one in world.taken]
    for group in ("sg-1", None):
        world = recipe("vip.toml", skill_group=group)
        world.tell("held")
        pass_time(world, 900)
        assert [] == done(world)


def test_third_hold_within_ten_minutes() -> None:
    """The third, not the second, nor a failed unhold; again no sooner than ten minutes later."""
    world = recipe("third-hold.toml")
    for _ in range(5):
        world.tell("held")
        pass_time(world, 30)
        world.tell("unhold_pending")
        world.tell("held", name="refused")
        pass_time(world, 30)
        world.tell("active")
        pass_time(world, 60)
    assert [
        "240 third-hold: notify team-lead: interaction-1 is on hold for the 3. time, 2m in all",
        "240 third-hold: annotate: third hold within ten minutes",
    ] == done(world)
    slow = recipe("third-hold.toml")
    for _ in range(4):
        hold_and_release(slow, 60)
        pass_time(slow, 290)
    assert [] == done(slow)


def test_hold_made_by_hand() -> None:
    """Somebody else's hold that lasts; neither a short one nor one of ours."""
    world = recipe("by-hand.toml")
    world.tell("held", {"foreign": True}, name="observed_held")
    pass_time(world, 60)
    assert [
        "20 by-hand-without-reason: annotate: held by hand, without a reason",
        "20 by-hand-without-reason: notify quality: interaction-1 was put on hold by hand",
    ] == done(world)
    for hold, seconds in (({"foreign": True}, 19), ({"reason": "consultation"}, 60)):
        world = recipe("by-hand.toml")
        hold_and_release(world, seconds, **hold)
        pass_time(world, 60)
        assert [] == done(world)


def test_nobody_took_the_call_back() -> None:
    """Only after a release by the limit, and only where nothing happens in 30 seconds."""
    released: dict[str, Any] = {"outcome": "confirmed", "action": "unhold", "actor": "limit"}
    world = recipe("nobody-there.toml", skill_group="sg-1")
    world.tell("active", **released)
    pass_time(world, 10)
    world.restart()
    pass_time(world, 60)
    arguments = (("interaction", "interaction-1"), ("queue", "sg-1"))
    assert CallAction("nobody-there", "back_to_queue", arguments) == world.taken[0].action
    assert ["30 nobody-there: notify supervisor: nobody took interaction-1 back"] == done(world)[1:]

    def ended_by(**event: Any) -> list[str]:
        world = recipe("nobody-there.toml")
        world.tell("active", **released)
        pass_time(world, 29)
        world.tell(**event)
        pass_time(world, 60)
        return done(world)

    assert [] == ended_by(name="agent_back", actor="desktop")
    assert [] == ended_by(to="closed")
    assert [] == ended_by(to="hold_pending", name="hold_requested")
    assert [] == ended_by(to="held", name="observed_held")
    assert ended_by(name="link_lost")
    world = recipe("nobody-there.toml")
    released["actor"] = "caller"
    world.tell("active", **released)
    pass_time(world, 60)
    assert [] == done(world)


@pytest.mark.parametrize(
    ("at", "note"),
    [
        ("2026-11-02T10:00:00Z", ""),
        ("2026-11-02T19:30:00Z", "released after hours (mon 20:31)"),
        ("2026-11-06T11:30:00Z", "released after hours (fri 12:31)"),
        ("2026-11-07T10:00:00Z", "released after hours (sat 11:01)"),
        ("2026-12-25T10:00:00Z", "released after hours (fri 11:01)"),
        ("2026-07-02T18:30:00Z", "released after hours (thu 20:31)"),
    ],
)
def test_after_hours(at: str, note: str) -> None:
    """Evenings, lunch on Fridays, weekends, holidays, in winter and in summer time."""
    world = recipe("after-hours.toml", at=from_text(at))
    world.tell("held")
    pass_time(world, 300)
    texts = [one.action.text() for one in world.taken]
    assert (["unhold, priority 7", f"annotate: {note}"] if note else []) == texts


def test_the_end_of_the_day_is_told() -> None:
    """Who is on hold at 20:00 in Berlin; nobody whose hold ended before."""
    world = recipe("after-hours.toml", at=from_text("2026-11-02T18:55:00Z"))
    world.tell("held")
    pass_time(world, 300)
    assert ["end-of-day: notify night-desk: interaction-1 is still on hold, for 5m"] == [
        text.partition(" ")[2] for text in done(world)
    ]
    world.tell("active")
    pass_time(world, 2 * 86_400)
    assert 1 == len(world.taken)


def test_queues_have_their_own_limits() -> None:
    """Sales is released after three minutes; claims gets five more, once, within bounds."""
    world = recipe("queues.toml", skill_group="sg-sales")
    world.tell("held")
    pass_time(world, 900)
    assert ["180 sales-three-minutes: unhold, priority 8"] == done(world)
    short = recipe("queues.toml", skill_group="sg-sales", limit_us=2 * MINUTE)
    short.tell("held")
    pass_time(short, 900)
    assert [] == done(short)
    claims = recipe("queues.toml", skill_group="sg-claims-2", limit_us=22 * MINUTE)
    claims.tell("held")
    for _ in range(2):
        claims.tell(name="warning_timer_fired", notice="warning")
        pass_time(claims, 60)
    assert ["0 claims-need-longer: extend_limit to 1500 s"] == done(claims)
    second = recipe("queues.toml", skill_group="sg-claims")
    hold_and_release(second, 60)
    second.tell("held")
    second.tell(name="warning_timer_fired", notice="warning")
    assert [] == done(second)


def test_quality_samples_one_in_twenty() -> None:
    """The same calls each time, and none without a hold."""
    picked = 0
    for number in range(400):
        world = recipe("sampling.toml", interaction=f"i-{number}")
        hold_and_release(world, 60)
        world.tell("closed")
        assert bool(world.taken) == (sample_of(f"i-{number}") < 5)
        picked += bool(world.taken)
    assert 8 <= picked <= 40
    chosen = next(n for n in range(400) if sample_of(f"i-{n}") < 5)
    world = recipe("sampling.toml", interaction=f"i-{chosen}")
    world.tell("closed")
    assert [] == done(world)
    world = recipe("sampling.toml", interaction=f"i-{chosen}")
    hold_and_release(world, 60)
    hold_and_release(world, 30)
    world.tell("closed")
    assert [f"90 quality-sample: notify quality: i-{chosen}: 2 holds, 1m 30s in all"] == done(world)


def test_an_expired_hold_is_decided_in_the_end() -> None:
    """Reminders every two minutes, and a release after ten."""
    world = recipe("decision.toml", limit_us=5 * MINUTE, on_limit="expire")
    world.tell("held")
    pass_time(world, 300)
    world.tell("expired", alarm="hold_expired")
    pass_time(world, 660)
    assert [420, 540, 660, 780, 900, 900] == [(one.at - BEGIN) // SECOND for one in world.taken]
    assert UnholdAction("decide", 9, force=True) in [one.action for one in world.taken]
    assert (
        "420 remind: notify supervisor: interaction-1 waits for a decision, on hold for 7m"
        == (done(world)[0])
    )


RECIPES: dict[str, Callable[..., Any]] = {
    "consultation.toml": test_consultation_that_takes_too_long,
    "vip.toml": test_vip_is_released_early,
    "third-hold.toml": test_third_hold_within_ten_minutes,
    "by-hand.toml": test_hold_made_by_hand,
    "nobody-there.toml": test_nobody_took_the_call_back,
    "after-hours.toml": test_after_hours,
    "queues.toml": test_queues_have_their_own_limits,
    "sampling.toml": test_quality_samples_one_in_twenty,
    "decision.toml": test_an_expired_hold_is_decided_in_the_end,
}


def test_every_recipe_is_played() -> None:
    """None stands in the document that no test here plays, and there are eight at least."""
    assert set(FILES) - {"rules.toml", "desk.toml"} == set(RECIPES)
    assert len(RECIPES) >= 8


def test_the_document_names_every_variable() -> None:
    """With its type, and what it says in the words of the code."""
    rows = dict(
        re.findall(r"^\| `([\w.]+)` \| (\w+ \| .*) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    )
    assert set(VARIABLES) == {name for name in rows if name in VARIABLES}
    for name, variable in VARIABLES.items():
        kind, _, doc = rows[name].partition(" | ")
        assert variable.type == kind
        assert variable.doc == doc, name


def test_the_python_of_the_document_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the names that the package exports, or will."""
    for name, value in (
        ("load_rules", load_rules),
        ("Hold", Hold),
        ("RuleFacts", rule_facts.RuleFacts),
        ("RuleEvent", rule_facts.RuleEvent),
        ("RuleTimerFired", rule_facts.RuleTimerFired),
        ("RuleMemory", RuleMemory),
    ):
        if not hasattr(hookflash, name):
            monkeypatch.setattr(hookflash, name, value, raising=False)
    (block,) = [
        block for block in blocks_of(DOCUMENT) if block.language == "python" and block.mode == "run"
    ]
    (tmp_path / "rules.toml").write_text(FILES["rules.toml"], "utf-8")
    monkeypatch.chdir(tmp_path)
    exec(block.text, {"__name__": "__main__"})  # noqa: S102 - our own document
    assert "interaction-1 has been on hold for 5m\n" == capsys.readouterr().out
