"""The rules of the cookbook in the running engine, over the real adapter and the simulator.

All on virtual time and memory streams. The texts are those of the documentation.
"""

from functools import partial
from typing import Any

import pytest
import trio
from attrs import evolve
from tests.docs.blocks import ROOT, blocks_of
from tests.support.world import World, make_settings, open_world

from hookflash.adapters.rules_files import names_of
from hookflash.adapters.settings import MetadataSettings
from hookflash.engine.clock import SteadyClock
from hookflash.machines.errors import ConfigurationError, InvalidCommand, SpecError
from hookflash.machines.instants import from_text
from hookflash.machines.policy import GroupPolicy, HoldPolicy
from hookflash.machines.records import RulesAsked, RulesChange
from hookflash.machines.rules.ruleset import Rules, parse_rules

CALL = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
COOKBOOK = {
    block.argument: block.text
    for block in blocks_of(ROOT / "docs" / "rules.md")
    if block.mode == "rules"
}


async def hold(world: World, call: str = CALL, reason: str = "consultation") -> None:
    await world.controller.hold(call, reason=reason, priority=5)


def actors(world: World) -> list[str]:
    return [f"{line['action']} by {line['actor']}" for line in world.audit_lines]


def messages(world: World) -> list[str]:
    return [f"{one['to']}: {one['message']}" for one in world.notified]


async def test_the_supervisor_hears_of_a_long_consultation(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Five minutes after the hold the message is there, once, and names the rest of the limit."""
    async with open_world(rules=COOKBOOK["consultation.toml"]) as world:
        await hold(world)
        await hold(world, OTHER, reason="queueing")
        await trio.sleep(299)
        assert [] == world.notified
        await trio.sleep(2)
        assert 1 == len(world.notified)
        assert f"{CALL} (sg-1) has been in consultation for 5m" in world.notified[0]["message"]
        assert "rule:consultation-too-long" == world.notified[0]["actor"]
        await trio.sleep(400)
        assert 1 == len(world.notified)


async def test_a_restart_in_the_middle_of_a_for(autojump_clock: trio.abc.Clock) -> None:
    """The wait goes on where it was: the message comes five minutes after the hold began."""
    rules = COOKBOOK["consultation.toml"]
    async with open_world(rules=rules) as first:
        await hold(first)
        await trio.sleep(120)
    await trio.sleep(60)
    async with open_world(rules=rules, earlier=first) as second:
        await trio.sleep(118)
        assert [] == second.notified
        await trio.sleep(3)
        assert 1 == len(second.notified)
    assert [] == first.notified
    async with open_world(rules=rules, earlier=second) as third:
        await trio.sleep(600)
        assert [] == third.notified, "it was told already"


async def test_a_for_that_was_due_while_nothing_ran(autojump_clock: trio.abc.Clock) -> None:
    """It fires at once after the restart."""
    rules = COOKBOOK["consultation.toml"]
    async with open_world(rules=rules) as first:
        await hold(first)
        await trio.sleep(120)
    await trio.sleep(400)
    async with open_world(rules=rules, earlier=first) as second:
        await trio.sleep(1)
        assert 1 == len(second.notified)


async def test_vip_callers_come_back_early(autojump_clock: trio.abc.Clock) -> None:
    """At 80 % of the limit the rule releases, under its name; others wait for the limit."""
    policy = HoldPolicy(limit_s=100)
    async with open_world(policy, rules=COOKBOOK["vip.toml"]) as world:
        world.simulator.put(CALL, skill_group_id="sg-vip")
        await hold(world)
        await hold(world, OTHER)
        await trio.sleep(81)
        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)
        assert "held" == world.state(OTHER)
        assert "unhold by rule:vip-release-early" in actors(world)
        remark = next(line for line in world.audit_lines if line["action"] == "annotate")
        assert "rule:vip-release-early" == remark["actor"]
        assert "released at 80" in str(remark)


async def test_the_third_hold_within_ten_minutes(autojump_clock: trio.abc.Clock) -> None:
    """The team lead hears of the third, not of the second and the fourth, restarts or not."""
    rules = COOKBOOK["third-hold.toml"]
    async with open_world(rules=rules) as world:
        for _ in range(2):
            await hold(world)
            await world.controller.unhold(CALL, priority=5)
            await trio.sleep(30)
        assert [] == world.notified
    async with open_world(rules=rules, earlier=world) as again:
        await hold(again)
        await trio.sleep(1)
        assert 1 == len(again.notified)
        assert "3. time" in again.notified[0]["message"]
        await again.controller.unhold(CALL, priority=5)
        await hold(again)
        await trio.sleep(1)
        assert 1 == len(again.notified)


async def test_a_hold_by_hand_without_a_reason(autojump_clock: trio.abc.Clock) -> None:
    """Quality hears of it after 20 seconds; of a shorter one it hears nothing."""
    async with open_world(rules=COOKBOOK["by-hand.toml"]) as world:
        await hold(world, OTHER)
        world.simulator.put(CALL)
        world.simulator.hold_by_agent(CALL)
        await trio.sleep(10)
        world.simulator.unhold_by_agent(CALL)
        await trio.sleep(30)
        assert [] == world.notified
        world.simulator.hold_by_agent(CALL)
        await trio.sleep(21)
        assert [f"quality: {CALL} was put on hold by hand"] == messages(world)
        assert "annotate by rule:by-hand-without-reason" in actors(world)


async def test_nobody_takes_the_call_back(autojump_clock: trio.abc.Clock) -> None:
    """30 s after the limit's release without the desktop's word the function is called."""
    called: list[Any] = []

    async def back_to_queue(interaction: str, queue: str) -> None:
        called.append((interaction, queue))

    policy = HoldPolicy(limit_s=60)
    rules = COOKBOOK["nobody-there.toml"]
    functions = {"back_to_queue": back_to_queue}
    async with open_world(policy, rules=rules, functions=functions) as world:
        await hold(world)
        await hold(world, OTHER)
        await trio.sleep(70)
        assert "active" == world.state(CALL) == world.state(OTHER)
        assert world.controller.report(OTHER, "agent_back")
        await trio.sleep(30)
        assert [(CALL, "sg-1")] == called
        assert [f"supervisor: nobody took {CALL} back"] == messages(world)
        with pytest.raises(InvalidCommand, match="have no event 'agent_gone'"):
            world.controller.report(OTHER, "agent_gone")
        with pytest.raises(InvalidCommand):
            world.controller.report("17", "agent_back")
        assert not world.controller.report(CALL.replace("1", "3"), "agent_back")


async def test_after_hours_nobody_waits_longer_than_a_minute(
    autojump_clock: trio.abc.Clock,
) -> None:
    """On a Saturday the rule releases after a minute."""
    async with open_world(rules=COOKBOOK["after-hours.toml"]) as world:
        await hold(world)
        await trio.sleep(61)
        assert "active" == world.state(CALL)
        assert "unhold by rule:after-hours" in actors(world)


async def test_the_end_of_the_day_is_told(autojump_clock: trio.abc.Clock) -> None:
    """Whoever is on hold at 20:00 in Berlin is told to the night desk."""
    clock = SteadyClock(started_at=from_text("2026-11-02T18:50:00Z"))
    policy = HoldPolicy(limit_s=3600)
    rules = COOKBOOK["after-hours.toml"]
    async with open_world(policy, rules=rules, clock=clock) as world:
        await hold(world)
        await trio.sleep(590)
        assert [] == world.notified
        await trio.sleep(20)
        assert [f"night-desk: {CALL} is still on hold, for 9m 59s"] == messages(world)


async def test_limits_by_queue(autojump_clock: trio.abc.Clock) -> None:
    """Sales is released after three minutes; claims get five minutes more, once."""
    policy = HoldPolicy(limit_s=600)
    async with open_world(policy, rules=COOKBOOK["queues.toml"]) as world:
        world.simulator.put(CALL, skill_group_id="sg-sales")
        world.simulator.put(OTHER, skill_group_id="sg-claims")
        await hold(world)
        await hold(world, OTHER)
        await trio.sleep(181)
        assert "active" == world.state(CALL)
        await trio.sleep(899 - 181)
        assert "held" == world.state(OTHER), "600 s and 300 s more"
        await trio.sleep(3)
        assert "active" == world.state(OTHER)
        extended = [one.event for one in world.records if "LimitChanged" in repr(one.event)]
        assert [(900.0, "rule:claims-need-longer")] == [(e.limit_s, e.actor) for e in extended]


async def test_quality_samples_what_had_a_hold(autojump_clock: trio.abc.Clock) -> None:
    """Of many interactions that close, those with a hold are sampled, about one in twenty."""
    rules = COOKBOOK["sampling.toml"].replace("< 5", "< 50")
    calls = [f"11111111-1111-4111-8111-{number:012}" for number in range(40)]
    async with open_world(rules=rules) as world:
        for call in calls:
            await hold(world, call)
        for call in calls:
            world.simulator.close(call)
        await trio.sleep(5)
        assert 10 <= len(world.notified) <= 30
        assert all("1 holds" in one["message"] for one in world.notified)


async def test_a_hold_that_waits_for_a_decision(autojump_clock: trio.abc.Clock) -> None:
    """It is told every two minutes, and released with force after ten."""
    policy = HoldPolicy(limit_s=60, policy=(GroupPolicy(skill_group="sg-1", on_limit="expire"),))
    async with open_world(policy, rules=COOKBOOK["decision.toml"]) as world:
        await hold(world)
        await trio.sleep(60 + 599)
        assert "expired" == world.state(CALL)
        assert 4 == len(world.notified)
        await trio.sleep(5)
        assert "active" == world.state(CALL) == world.simulator.state_of(CALL)
        assert "unhold by rule:decide" in actors(world)


LOOPING = """
[[rule]]
name = "again"
trigger = { to = "active", from = ["unhold_pending"] }
condition = 'interaction.holds < 100'
actions = [ { action = "hold", reason = "queueing", priority = 5 } ]

[[rule]]
name = "and-back"
trigger = { to = "held" }
condition = 'interaction.holds < 100'
actions = [ { action = "unhold" } ]
"""


async def test_a_loop_that_conditions_leave_open_is_stopped(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Ten commands in a minute and no more; every monitor hears of it."""
    async with open_world(rules=LOOPING) as world:
        await hold(world)
        await trio.sleep(50)
        assert 11 == len(world.audit_lines)
        stopped = [one for one in world.told if one["status"] == "stopped"]
        assert stopped
        assert "10 commands within 1m" in stopped[0]["message"]
        assert 1 <= world.controller.metrics().alarms


SHADOW = """
[[rule]]
name = "would-release"
trigger = { to = "held" }
for = "10s"
shadow = true
actions = [ { action = "unhold" } ]
"""


async def test_a_shadow_does_nothing_and_is_recorded(autojump_clock: trio.abc.Clock) -> None:
    """Its trace says what it would have done."""
    async with open_world(rules=SHADOW) as world:
        await hold(world)
        await trio.sleep(20)
        assert "held" == world.state(CALL)
        asked = [one for one in world.journal.entries if isinstance(one, RulesAsked)]
        trace = asked[-1].ruling.trace
        assert trace is not None
        assert "shadow" == trace.rules[0].verdict
        assert () == asked[-1].ruling.actions


async def test_other_rules_after_a_restart(autojump_clock: trio.abc.Clock) -> None:
    """A rule that is new counts from the beginning of the hold; one that is gone waits no more."""
    async with open_world(rules=COOKBOOK["consultation.toml"]) as first:
        await hold(first)
        await trio.sleep(100)
    live = SHADOW.replace("shadow = true\n", "").replace('"10s"', '"150s"')
    async with open_world(rules=live, earlier=first) as second:
        await trio.sleep(45)
        assert "held" == second.state(CALL)
        await trio.sleep(10)
        assert "active" == second.state(CALL)
        await trio.sleep(300)
        assert [] == second.notified
    async with open_world(earlier=second) as third:
        changes = [one for one in third.journal.entries if isinstance(one, RulesChange)]
        assert 3 == len(changes)
        assert "" == changes[-1].digest


async def test_loaded_anew_all_or_nothing(autojump_clock: trio.abc.Clock) -> None:
    """What waits goes on under the new rules; a broken text changes nothing."""
    async with open_world(rules=COOKBOOK["consultation.toml"]) as world:
        await hold(world)
        await trio.sleep(100)
        desk = world.rules
        before = desk.in_force
        assert before is not None
        with pytest.raises(SpecError):
            parse_rules("[[rule]]", "rules.toml", names_of())
        text = COOKBOOK["consultation.toml"] + SHADOW.replace("shadow = true\n", "").replace(
            '"10s"', '"290s"'
        )
        desk.load(parse_rules(text, "rules.toml", names_of(["supervisor"])), before)
        await trio.sleep(185)
        assert "held" == world.state(CALL)
        await trio.sleep(10)
        assert "active" == world.state(CALL), "290 s after the hold began"
        await hold(world)
        await trio.sleep(280)
        assert [] == world.notified, "the first consultation was over before five minutes"


COMMANDING = """
[[rule]]
name = "hold-again"
trigger = { outcome = "confirmed", action = "unhold", actor = "caller" }
actions = [ { action = "hold", reason = "queueing", priority = 3, music = "piano" } ]

[[rule]]
name = "let-expire"
trigger = { to = "held" }
for = "20s"
actions = [ { action = "expire" } ]
"""


ASKING = evolve(make_settings(), metadata=MetadataSettings(ttl_s=0.0))
"""Each command asks for the metadata first, so that a decision and its frame are two things."""


async def test_rules_command_as_people_do(autojump_clock: trio.abc.Clock) -> None:
    """A hold of a rule is audited under its name; an expiry is the machine's."""
    async with open_world(HoldPolicy(on_limit="expire"), rules=COMMANDING) as world:
        await hold(world)
        await world.controller.unhold(CALL, priority=5)
        await trio.sleep(5)
        assert "held" == world.state(CALL)
        assert "hold by rule:hold-again" in actors(world)
        assert "piano" == world.simulator.received(CALL)[-1].hold_music
        await trio.sleep(20)
        assert "expired" == world.state(CALL)


async def test_a_command_that_a_stop_cut_off_is_given_by_the_next_run(
    autojump_clock: trio.abc.Clock,
) -> None:
    """It was decided on and could not leave: the next run gives it, under the same id, once."""
    async with open_world(settings=ASKING, rules=COMMANDING) as first:
        await hold(first)
        first.simulator.next_metadata(CALL)
        first.simulator.next_metadata(CALL, delay_s=3)
        first.simulator.next_ack(CALL, delay_s=2)
        await first.controller.unhold(CALL, priority=5)
        first.simulator.stop_accepting()
        first.simulator.cut_connections()
        await trio.lowlevel.checkpoint()
    open_ids = {
        planned.id
        for entry in first.journal.records
        if entry.rules is not None
        for planned in entry.rules.actions
    }
    first.simulator.resume()
    async with open_world(settings=ASKING, rules=COMMANDING, earlier=first) as second:
        await trio.sleep(10)
        assert "held" == second.state(CALL)
        by_rule = [one for one in second.audit_lines if one["actor"] == "rule:hold-again"]
        assert 1 == len(by_rule)
        assert {by_rule[0]["correlationId"]} == open_ids


async def test_a_hold_decided_on_long_ago_is_not_made(autojump_clock: trio.abc.Clock) -> None:
    """Nobody is put on hold an hour after the reason for it; it is audited as unavailable."""
    async with open_world(settings=ASKING, rules=COMMANDING) as first:
        await hold(first)
        first.simulator.next_metadata(CALL)
        first.simulator.next_metadata(CALL, delay_s=3)
        first.simulator.next_ack(CALL, delay_s=2)
        await first.controller.unhold(CALL, priority=5)
        first.simulator.stop_accepting()
        first.simulator.cut_connections()
        await trio.lowlevel.checkpoint()
    await trio.sleep(3600)
    first.simulator.resume()
    async with open_world(settings=ASKING, rules=COMMANDING, earlier=first) as second:
        await trio.sleep(10)
        by_rule = [one for one in second.audit_lines if one["actor"] == "rule:hold-again"]
        assert ["unavailable"] == [one["outcome"] for one in by_rule]
        assert "active" == second.state(CALL)


async def test_a_hold_that_cannot_leave_is_given_up(autojump_clock: trio.abc.Clock) -> None:
    """After the deadline, as anybody's; the rule is free again then."""
    async with open_world(settings=ASKING, rules=COMMANDING) as world:
        await hold(world)
        world.simulator.next_metadata(CALL)
        world.simulator.next_metadata(CALL, delay_s=3)
        world.simulator.next_ack(CALL, delay_s=2)
        await world.controller.unhold(CALL, priority=5)
        world.simulator.stop_accepting()
        world.simulator.cut_connections()
        await trio.sleep(40)
        by_rule = [one for one in world.audit_lines if one["actor"] == "rule:hold-again"]
        assert ["unavailable"] == [one["outcome"] for one in by_rule]


async def test_rules_that_fail_stop_nothing(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours in an evaluation is counted; the hold and its limit go on."""

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Rules, "evaluate", fail)
    async with open_world(HoldPolicy(limit_s=30), rules=COMMANDING) as world:
        await hold(world)
        await trio.sleep(31)
        assert "active" == world.state(CALL)
        assert 4 <= world.controller.metrics().rule_failures


async def test_a_refused_call_to_wait_ends_the_command_of_a_rule(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Where too many commands wait already, the rule's is audited as refused."""
    settings = make_settings(queue_per_interaction=1)
    async with open_world(settings=settings, rules=COMMANDING) as world:
        await hold(world)
        world.simulator.next_ack(CALL, delay_s=2)
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(partial(world.controller.unhold, CALL, priority=5))
        await trio.sleep(10)
        outcomes = {
            line["outcome"] for line in world.audit_lines if line["actor"] == "rule:hold-again"
        }
        assert outcomes & {"refused", "confirmed"}


async def test_invalid_commands_can_be_answered(autojump_clock: trio.abc.Clock) -> None:
    """An interaction that is not kept is, as long as a rule waits because of it."""
    rules = """
[[rule]]
name = "nobody-helped"
trigger = { outcome = "invalid" }
not_within = { to = "held", next = "10s" }
actions = [ { action = "notify", to = "supervisor", message = "{event.outcome}" } ]
"""
    async with open_world(rules=rules) as world:
        with pytest.raises(InvalidCommand):
            await world.controller.hold(CALL, reason="lunch", priority=5)
        await trio.sleep(11)
        assert ["supervisor: invalid"] == messages(world)


async def test_nobody_takes_the_name_of_a_rule(autojump_clock: trio.abc.Clock) -> None:
    """Rules know their commands by the actor: callers may not be called so."""
    async with open_world() as world:
        with pytest.raises(InvalidCommand, match="engine's own"):
            await world.controller.unhold(CALL, priority=5, actor="rule:hold-again")
        assert ["caller"] == [line["actor"] for line in world.audit_lines]
        with pytest.raises(ConfigurationError, match="no rules file"):
            await world.controller.reload_rules()
        with pytest.raises(InvalidCommand, match="declared are: none"):
            world.controller.report(CALL, "agent_back")
