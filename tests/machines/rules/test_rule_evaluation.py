"""What follows from an event: triggers, waits, windows, modes, order, bounds."""

import pytest
from attrs import evolve
from tests.machines.rules.worlds import (
    BEGIN,
    MINUTE,
    SECOND,
    confirmed,
    done,
    held,
    one_rule,
    pass_time,
    rules_of,
    scene,
)

from hookflash.machines.conversion import encode_instant
from hookflash.machines.effects import StartTimer, StopTimer
from hookflash.machines.instants import Instant
from hookflash.machines.rules.actions import (
    AnnotateAction,
    CallAction,
    ExpireAction,
    ExtendLimitAction,
    HoldAction,
    NotifyAction,
    UnholdAction,
)
from hookflash.machines.rules.facts import RuleEvent, RuleFacts, RuleTimerFired
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory

# --- triggers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "acts"),
    [
        ("{ to = 'held' }", True),
        ("{ to = ['expired', 'held'] }", True),
        ("{ to = ['hold_pending', 'held'] }", False),
        ("{ to = 'active' }", False),
        ("{ from = 'hold_pending' }", True),
        ("{ from = ['hold_pending', 'held'] }", False),
        ("{ from = 'hold_pending', to = 'held' }", True),
        ("{ from = 'active', to = 'held' }", False),
        ("{ event = 'acknowledged' }", True),
        ("{ event = 'refused' }", False),
        ("{ event = 'acknowledged', to = 'active' }", False),
        ("{ outcome = 'confirmed' }", True),
        ("{ outcome = 'confirmed', action = 'hold' }", True),
        ("{ outcome = 'confirmed', action = 'unhold' }", False),
        ("{ outcome = 'refused' }", False),
        ("{ outcome = 'confirmed', actor = 'caller' }", True),
        ("{ outcome = 'confirmed', actor = ['limit', 'foreign'] }", False),
        ("{ notice = 'warning' }", False),
        ("{ alarm = 'hold_expired' }", False),
    ],
)
def test_a_rule_is_triggered_by_what_its_trigger_names(trigger: str, acts: bool) -> None:  # noqa: FBT001 - a case
    """All keys of a trigger must fit; of a list one value must."""
    decision = rules_of(one_rule(trigger)).evaluate(held(), confirmed())
    assert [AnnotateAction("one", "noted")] * acts == list(decision.actions)
    assert (("one",) if acts else ()) == tuple(one.rule for one in decision.trace.rules)


@pytest.mark.parametrize(
    ("trigger", "part"),
    [
        ("{ notice = 'warning' }", {"notice": "warning"}),
        ("{ alarm = 'hold_expired' }", {"alarm": "hold_expired"}),
    ],
)
def test_notices_and_alarms_trigger(trigger: str, part: dict[str, str]) -> None:
    """The warning is a notice that comes with a timer; an alarm comes with an expiry."""
    event = RuleEvent(BEGIN, "warning_timer_fired", "held", "held", **part)
    assert rules_of(one_rule(trigger)).evaluate(held(), event).actions


def test_states_of_a_list_are_one() -> None:
    """Going from one state of the list to another enters nothing, and leaves nothing."""
    world = scene(
        one_rule("{ to = ['held', 'unhold_pending', 'expired'] }", name="on")
        + one_rule("{ from = ['held', 'unhold_pending', 'expired'] }", name="off")
    )
    for state in ("hold_pending", "held", "unhold_pending", "held", "expired", "active"):
        world.tell(state)
        pass_time(world, 1)
    assert ["1 on: annotate: noted", "5 off: annotate: noted"] == done(world)


def test_an_event_of_the_embedding_program_triggers() -> None:
    """Names under `[events]` are events as those of the machine are."""
    text = "[events]\nagent_back = 'The desktop says so.'\n" + one_rule("{ event = 'agent_back' }")
    world = scene(text)
    world.tell(name="agent_back", actor="desktop")
    assert ["0 one: annotate: noted"] == done(world)


def test_a_disabled_rule_is_told_about_and_does_nothing() -> None:
    """Whoever asks why it did not act is told that it is disabled."""
    decision = rules_of(one_rule("{ to = 'held' }", "enabled = false")).evaluate(
        held(), confirmed()
    )
    assert ((), "disabled") == (decision.actions, decision.trace.rules[0].verdict)


def test_nothing_concerned_nothing_told() -> None:
    """An event that concerns no rule changes no memory that it need not."""
    rules = rules_of(one_rule("{ to = 'closed' }"))
    first = rules.evaluate(held(), confirmed())
    again = rules.evaluate(held(), RuleEvent(BEGIN, "link_lost", "held", "held"), first.memory)
    assert again.memory is first.memory
    assert ((), ()) == (again.actions, again.trace.rules)


# --- for ----------------------------------------------------------------------------------------


def test_for_acts_when_the_state_has_lasted() -> None:
    """The timer is started on entry and acts when it fires, with the event that began it."""
    world = scene(
        one_rule(
            "{ to = 'held' }",
            "for = '5m'",
            "condition = 'event.actor == \"caller\" && hold.elapsed_s == 300'",
        )
    )
    world.tell("held", actor="caller")
    pass_time(world, 299)
    assert [] == done(world)
    pass_time(world, 10)
    assert ["300 one: annotate: noted"] == done(world)


def test_for_ends_when_the_state_is_left_and_begins_anew() -> None:
    """Leaving stops the timer; entering again starts another."""
    rules = rules_of(one_rule("{ to = 'held' }", "for = '5m'"))
    first = rules.evaluate(held(), confirmed())
    (started,) = first.timers
    assert isinstance(started, StartTimer)
    left = rules.evaluate(
        RuleFacts("interaction-1", "active"),
        RuleEvent(Instant(BEGIN + SECOND), "acknowledged", "unhold_pending", "active"),
        first.memory,
    )
    assert (StopTimer("rule:one"),) == left.timers
    assert ["cancelled"] == [one.verdict for one in left.trace.rules]
    again = rules.evaluate(held(), confirmed(BEGIN + 2 * SECOND), left.memory)
    (restarted,) = again.timers
    assert isinstance(restarted, StartTimer)
    assert started.timer.owner != restarted.timer.owner
    fired = RuleTimerFired(Instant(BEGIN + 300 * SECOND), "rule:one", started.timer.owner)
    late = rules.evaluate(held(), fired, again.memory)
    assert ((), "late") == (late.actions, late.trace.rules[0].verdict)
    assert late.memory == again.memory


def test_for_with_a_share_goes_by_the_limit_of_the_hold() -> None:
    """80 % of 15 minutes are 12; a limit that changes moves the timer."""
    world = scene(one_rule("{ to = 'held' }", "for = '80%'"))
    world.tell("held")
    pass_time(world, 60)
    assert world.hold is not None
    world.hold = type(world.hold)("hold", BEGIN, Instant(BEGIN + 300 * SECOND), "release")
    world.tell(name="link_lost")
    world.tell(name="limit_changed")
    world.tell(name="link_lost")
    pass_time(world, 600)
    assert ["240 one: annotate: noted"] == done(world)


def test_a_share_that_has_passed_already_acts_at_once() -> None:
    """A hold that was found late is past the share when it is found."""
    rules = rules_of(one_rule("{ to = 'held' }", "for = '80%'"))
    assert rules.evaluate(held(), confirmed(BEGIN + 800 * SECOND)).actions
    nobody = RuleFacts("interaction-1", "held")
    assert rules.evaluate(nobody, confirmed()).actions


def test_for_survives_a_restart() -> None:
    """What is remembered is written and read; the timer fires when it would have."""
    world = scene(one_rule("{ to = 'held' }", "for = '5m'"))
    world.tell("held")
    pass_time(world, 200)
    world.restart()
    pass_time(world, 200)
    assert ["300 one: annotate: noted"] == done(world)


def test_an_event_that_names_a_state_already_left_starts_no_wait() -> None:
    """Facts count: where the state has gone on meanwhile, there is nothing to wait for."""
    rules = rules_of(one_rule("{ to = 'held' }", "for = '5m'"))
    decision = rules.evaluate(RuleFacts("interaction-1", "active"), confirmed())
    assert ((), "late") == (decision.timers, decision.trace.rules[0].verdict)


# --- temporal conditions ------------------------------------------------------------------------


def test_count_counts_the_trigger_too() -> None:
    """The third hold within ten minutes is the third; older ones do not count."""
    world = scene(
        one_rule("{ to = 'held' }", "count = { to = 'held', last = '10m', at_least = 3 }")
    )
    for _ in range(4):
        world.tell("held")
        pass_time(world, 120)
        world.tell("active")
        pass_time(world, 120)
    pass_time(world, 600)
    world.tell("held")
    assert ["480 one: annotate: noted", "720 one: annotate: noted"] == done(world)
    window = world.traces[-1].rules[-1].temporal[0]
    assert (False, "once") == (window.holds, window.found)


def test_within_looks_back_without_the_trigger() -> None:
    """The event itself is not what happened before it."""
    text = one_rule("{ to = 'held' }", "within = { to = 'held', last = '5m' }", name="again")
    text += one_rule("{ to = 'held' }", "not_within = { to = 'held', last = '5m' }", name="first")
    world = scene(text)
    for gap in (60, 400):
        world.tell("held")
        pass_time(world, 10)
        world.tell("active")
        pass_time(world, gap)
    world.tell("held")
    assert [
        "0 first: annotate: noted",
        "70 again: annotate: noted",
        "480 first: annotate: noted",
    ] == done(world)


def test_several_windows_must_all_hold() -> None:
    """A list of windows is a list of conditions."""
    world = scene(
        one_rule(
            "{ to = 'held' }",
            "within = [ { event = 'link_lost', last = '1m' }, { to = 'active', last = '1m' } ]",
        )
    )
    world.tell(name="link_lost")
    world.tell("held")
    world.tell("active")
    world.tell("held")
    assert ["0 one: annotate: noted"] == done(world)


def test_not_within_looks_ahead() -> None:
    """What must not happen ends the wait; where it does not, the rule acts."""
    text = one_rule(
        "{ outcome = 'confirmed', action = 'unhold' }",
        "not_within = { event = 'hold_requested', next = '30s' }",
        "condition = 'event.actor == \"limit\"'",
    )
    world = scene(text)
    world.tell("active", outcome="confirmed", action="unhold", actor="limit")
    pass_time(world, 10)
    world.tell("hold_pending", name="hold_requested")
    pass_time(world, 60)
    assert [] == done(world)
    world.tell("active", outcome="confirmed", action="unhold", actor="caller")
    pass_time(world, 60)
    assert [] == done(world)
    world.tell("active", outcome="confirmed", action="unhold", actor="limit")
    pass_time(world, 60)
    assert ["160 one: annotate: noted"] == done(world)


def test_nothing_is_awaited_of_an_interaction_that_is_over() -> None:
    """The end of the interaction ends all waits, and nothing begins after it."""
    text = one_rule(
        "{ outcome = 'confirmed' }",
        "not_within = { event = 'hold_requested', next = '30s' }",
    )
    world = scene(text + one_rule("{ schedule = '10:05' }", name="at"))
    world.tell("active", outcome="confirmed")
    assert {"one", "at"} == {wait.rule for wait in world.memory.waits}
    world.tell("closed", outcome="confirmed")
    assert () == world.memory.waits
    pass_time(world, 3600)
    assert [] == done(world)


def test_once_within_acts_once() -> None:
    """The time counts from the last action, not from the last trigger."""
    world = scene(one_rule("{ to = 'held' }", "once_within = '10m'"))
    for _ in range(6):
        world.tell("held")
        pass_time(world, 100)
        world.tell("active")
        pass_time(world, 100)
    assert ["0 one: annotate: noted", "600 one: annotate: noted"] == done(world)
    suppressed = world.traces[2].rules[0]
    assert "suppressed" == suppressed.verdict
    assert "once_within 10m: it acted 3m 20s ago" == suppressed.actions[0].by


# --- schedules ----------------------------------------------------------------------------------


def test_a_schedule_comes_every_day_at_its_time() -> None:
    """In the file's time zone, in the states it names, and over a change of the clocks."""
    text = "[calendar]\ntimezone = 'Europe/Berlin'\n"
    text += one_rule("{ schedule = ['20:00', '08:00'], days = ['mon', 'tue'], state = 'held' }")
    world = scene(text)
    world.tell("held")
    pass_time(world, 3 * 86_400)
    # Monday 10:00 UTC is 11:00 in Berlin: 20:00, then Tuesday 08:00 and 20:00.
    assert [9 * 3600, 21 * 3600, 33 * 3600] == [(one.at - BEGIN) // SECOND for one in world.taken]
    world.tell("active")
    assert () == world.memory.waits


def test_every_repeats_while_the_state_lasts() -> None:
    """It counts from the entry, and begins anew with the next."""
    world = scene(one_rule("{ every = '2m', state = ['held', 'expired'] }"))
    world.tell("active")
    pass_time(world, 100)
    world.tell("held")
    pass_time(world, 200)
    world.tell("expired")
    pass_time(world, 60)
    world.tell("active")
    pass_time(world, 600)
    assert ["220 one: annotate: noted", "340 one: annotate: noted"] == done(world)


def test_a_schedule_that_fires_in_another_state_is_late() -> None:
    """A timer may be under way while the state changes; facts count."""
    rules = rules_of(one_rule("{ every = '1m', state = 'held' }"))
    begun = rules.evaluate(held(), confirmed())
    (started,) = begun.timers
    assert isinstance(started, StartTimer)
    fired = RuleTimerFired(started.timer.due_at, started.timer.name, started.timer.owner)
    decision = rules.evaluate(RuleFacts("interaction-1", "active"), fired, begun.memory)
    assert ((), "late") == (decision.actions, decision.trace.rules[0].verdict)


def next_of(memory: RuleMemory) -> RuleTimerFired:
    """Return the timer that a schedule waits for, as it fires."""
    (wait,) = [one for one in memory.waits if one.kind == "schedule"]
    return RuleTimerFired(wait.due_at, f"rule:{wait.rule}", wait.owner)


def test_a_schedule_that_comes_late_makes_up_for_nothing() -> None:
    """After a suspension of ten minutes it acts once, and goes on from there."""
    rules = rules_of(one_rule("{ every = '1m', state = 'held' }"))
    memory = rules.evaluate(held(), confirmed()).memory
    at = Instant(BEGIN + 10 * MINUTE + SECOND)
    late = rules.evaluate(held(), evolve(next_of(memory), at=at), memory)
    assert 1 == len(late.actions)
    assert at < next_of(late.memory).at <= at + MINUTE


def test_a_schedule_waits_for_the_command_of_the_time_before() -> None:
    """In mode queued; in mode single that time is dropped."""
    for mode, verdict in (("queued", "queued"), ("single", "suppressed")):
        text = one_rule("{ every = '1m', state = 'held' }", f"mode = '{mode}'", actions=UNHOLD)
        rules = rules_of(text)
        memory = rules.evaluate(held(), confirmed()).memory
        first = rules.evaluate(held(), next_of(memory), memory)
        assert first.actions
        second = rules.evaluate(held(), next_of(first.memory), first.memory)
        assert ((), verdict) == (second.actions, second.trace.rules[0].verdict)


# --- modes --------------------------------------------------------------------------------------

WAITS = ("not_within = { event = 'link_lost', next = '30s' }",)


def test_mode_single_drops_what_comes_while_it_waits() -> None:
    """The wait that began first goes on."""
    world = scene(one_rule("{ event = 'sent' }", *WAITS))
    for _ in range(3):
        world.tell(name="sent")
        pass_time(world, 10)
    pass_time(world, 100)
    assert ["30 one: annotate: noted"] == done(world)
    assert "mode single: it waits already" == world.traces[1].rules[0].why


def test_mode_restart_waits_anew() -> None:
    """The last trigger counts."""
    world = scene(one_rule("{ event = 'sent' }", *WAITS, "mode = 'restart'"))
    for _ in range(3):
        world.tell(name="sent")
        pass_time(world, 10)
    pass_time(world, 100)
    assert ["50 one: annotate: noted"] == done(world)


def test_mode_queued_takes_one_after_the_other() -> None:
    """Each trigger has its turn, and no more than ten wait."""
    world = scene(one_rule("{ event = 'sent' }", *WAITS, "mode = 'queued'"))
    for _ in range(13):
        world.tell(name="sent")
    pass_time(world, 3600)
    assert [30 * n for n in range(1, 12)] == [(one.at - BEGIN) // SECOND for one in world.taken]
    assert "mode queued: 10 triggers wait already" == world.traces[12].rules[0].why


UNHOLD = "actions = [ { action = 'unhold' } ]"


def end_of_command(world_state: str, at: int, rule: str = "one") -> RuleEvent:
    """The event that ends a rule's unhold."""
    return RuleEvent(
        Instant(at),
        "acknowledged",
        "unhold_pending",
        world_state,
        f"rule:{rule}",
        "confirmed",
        "unhold",
    )


def test_a_rule_is_busy_until_its_command_has_ended() -> None:
    """A trigger in between is dropped; after the outcome the rule acts again."""
    rules = rules_of(one_rule("{ event = 'sent' }", actions=UNHOLD))
    sent = RuleEvent(BEGIN, "sent", "held", "held")
    first = rules.evaluate(held(), sent)
    assert (UnholdAction("one", 5),) == first.actions
    assert "rule:one" == first.actions[0].actor
    second = rules.evaluate(held(), sent, first.memory)
    assert ((), "mode single: its commands are under way") == (
        second.actions,
        second.trace.rules[0].why,
    )
    ended = rules.evaluate(held(), end_of_command("held", BEGIN + SECOND), second.memory)
    assert () == ended.memory.runs
    assert rules.evaluate(held(), sent, ended.memory).actions


def test_a_queued_trigger_follows_the_outcome() -> None:
    """The next in the queue acts on the very event that ends the command before it."""
    rules = rules_of(one_rule("{ event = 'sent' }", "mode = 'queued'", actions=UNHOLD))
    sent = RuleEvent(BEGIN, "sent", "held", "held")
    first = rules.evaluate(held(), sent)
    second = rules.evaluate(held(), sent, first.memory)
    assert ((), "queued") == (second.actions, second.trace.rules[0].verdict)
    ended = rules.evaluate(held(), end_of_command("held", BEGIN + SECOND), second.memory)
    assert (UnholdAction("one", 5),) == ended.actions


def test_each_rule_has_a_queue_of_its_own() -> None:
    """The end of one rule's command lets that rule go on, not the other."""
    call = "actions = [ { action = 'annotate', text = 'x' } ]"
    text = one_rule("{ event = 'sent' }", *WAITS, "mode = 'queued'", actions=call, name="waits")
    text += one_rule("{ event = 'sent' }", "mode = 'queued'", actions=UNHOLD)
    rules = rules_of(text)
    sent = RuleEvent(BEGIN, "sent", "held", "held")
    memory = rules.evaluate(held(), sent, rules.evaluate(held(), sent).memory).memory
    assert ["waits", "one"] == [one.rule for one in memory.queue]
    ended = rules.evaluate(held(), end_of_command("held", BEGIN), memory)
    assert (UnholdAction("one", 5),) == ended.actions
    assert ["waits"] == [one.rule for one in ended.memory.queue]


def test_a_command_that_nobody_ends_keeps_no_rule_busy_for_ever() -> None:
    """After ten minutes it counts as ended."""
    rules = rules_of(one_rule("{ event = 'sent' }", actions=UNHOLD))
    first = rules.evaluate(held(), RuleEvent(BEGIN, "sent", "held", "held"))
    later = RuleEvent(Instant(BEGIN + 11 * MINUTE), "sent", "held", "held")
    again = rules.evaluate(held(), later, first.memory)
    assert again.actions
    assert 1 == again.memory.runs[0].commands


def test_mode_restart_gives_another_command() -> None:
    """A command cannot be taken back; the rule's second one waits behind it."""
    rules = rules_of(one_rule("{ event = 'sent' }", "mode = 'restart'", actions=UNHOLD))
    sent = RuleEvent(BEGIN, "sent", "held", "held")
    second = rules.evaluate(held(), sent, rules.evaluate(held(), sent).memory)
    assert second.actions
    one_ended = rules.evaluate(held(), end_of_command("held", BEGIN), second.memory)
    assert 1 == one_ended.memory.runs[0].commands


@pytest.mark.parametrize("trigger", ["{ every = '1m' }", "{ to = 'held' }\nfor = '1m'"])
def test_a_timer_of_a_rule_that_is_busy_is_suppressed(trigger: str) -> None:
    """Timers do not overtake commands."""
    rules = rules_of(one_rule(trigger, actions=UNHOLD))
    begun = rules.evaluate(held(), confirmed())
    (started,) = begun.timers
    assert isinstance(started, StartTimer)
    busy = RuleMemory.from_json(
        {
            **begun.memory.to_json(),
            "runs": [{"rule": "one", "since": encode_instant(BEGIN), "commands": 1}],
        }
    )
    fired = RuleTimerFired(started.timer.due_at, started.timer.name, started.timer.owner)
    decision = rules.evaluate(held(), fired, busy)
    assert ((), "mode single: its commands are under way") == (
        decision.actions,
        decision.trace.rules[0].why,
    )


def test_an_outcome_of_a_rule_that_has_no_command_changes_nothing() -> None:
    """Rules may have been loaded anew while the command was under way."""
    rules = rules_of(one_rule("{ to = 'closed' }"))
    first = rules.evaluate(held(), confirmed())
    other = rules.evaluate(held(), end_of_command("held", BEGIN, "other"), first.memory)
    assert first.memory is other.memory


# --- actions ------------------------------------------------------------------------------------


def test_every_action_comes_out_as_the_file_has_it() -> None:
    """Texts have their placeholders filled in."""
    rules = rules_of(
        one_rule(
            "{ to = 'held' }",
            actions="""
actions = [
  { action = 'notify', to = 'desk', message = '{interaction.id}: {hold.share:percent}\
 {{}} {hold.foreign} {interaction.last_hold_s} {now}' },
  { action = 'annotate', text = '{hold.share}' },
  { action = 'call', function = 'route', arguments = {\
 queue = 'q-{interaction.skill_group}', urgent = true, tries = 3 } },
]""",
        )
    )
    decision = rules.evaluate(held(skill_group="vip"), confirmed(BEGIN + 450 * SECOND))
    assert (
        NotifyAction("one", "desk", "interaction-1: 50% {} no unknown 2026-11-02T10:07:30+00:00"),
        AnnotateAction("one", "0.50"),
        CallAction("one", "route", (("queue", "q-vip"), ("urgent", True), ("tries", 3))),
    ) == decision.actions
    assert "call route(queue='q-vip', urgent=True, tries=3)" == decision.actions[2].text()


@pytest.mark.parametrize(
    ("action", "made", "text"),
    [
        (
            "{ action = 'hold', reason = 'consultation', priority = 3, music = 'm', prompt = 'p' }",
            HoldAction("one", "consultation", 3, "m", "p"),
            "hold, reason consultation, priority 3",
        ),
        (
            "{ action = 'unhold', priority = 9, force = true }",
            UnholdAction("one", 9, force=True),
            "unhold, priority 9, forced",
        ),
        ("{ action = 'expire' }", ExpireAction("one"), "expire"),
        (
            "{ action = 'extend_limit', by = '5m' }",
            ExtendLimitAction("one", 1200.0),
            "extend_limit to 1200 s",
        ),
        (
            "{ action = 'extend_limit', by = '5m', up_to = '16m' }",
            ExtendLimitAction("one", 960.0),
            "extend_limit to 960 s",
        ),
    ],
)
def test_actions_that_change_the_interaction(action: str, made: object, text: str) -> None:
    """Each has what its command needs."""
    decision = rules_of(one_rule("{ event = 'sent' }", actions=f"actions = [ {action} ]")).evaluate(
        held(), RuleEvent(BEGIN, "sent", "held", "held")
    )
    assert (made,) == decision.actions
    assert text == decision.actions[0].text()


def test_a_limit_is_extended_within_bounds_only() -> None:
    """Where it is as long already, and where nobody is held, the action is suppressed."""
    action = "actions = [ { action = 'extend_limit', by = '5m', up_to = '15m' } ]"
    rules = rules_of(one_rule("{ event = 'sent' }", actions=action))
    sent = RuleEvent(BEGIN, "sent", "held", "held")
    at_bound = rules.evaluate(held(), sent)
    assert "the bound of the limit: it is 15m already" == at_bound.trace.rules[0].actions[0].by
    nobody = rules.evaluate(RuleFacts("interaction-1", "active"), sent)
    assert "the state: nobody is on hold" == nobody.trace.rules[0].actions[0].by
    assert () == (*at_bound.actions, *nobody.actions)


# --- shadow, order, bounds ----------------------------------------------------------------------


def test_shadow_says_what_it_would_do_and_does_nothing() -> None:
    """It keeps to once_within as if it acted, and stands in nobody's way."""
    text = one_rule("{ to = 'held' }", "shadow = true", "once_within = '1h'", actions=UNHOLD)
    text += one_rule("{ to = 'held' }", actions="actions = [ { action = 'expire' } ]", name="two")
    rules = rules_of(text)
    first = rules.evaluate(held(), confirmed())
    assert (ExpireAction("two"),) == first.actions
    assert () == first.trace.warnings
    assert "shadow" == first.trace.rules[0].verdict
    assert [("unhold, priority 5", "suppressed", "shadow")] == [
        (one.text, one.fate, one.by) for one in first.trace.rules[0].actions
    ]
    second = rules.evaluate(held(), confirmed(BEGIN + SECOND), first.memory)
    assert "suppressed" == second.trace.rules[0].verdict
    assert () == second.memory.runs


def test_of_rules_that_contradict_each_other_the_first_counts() -> None:
    """The order of the file decides, and a warning says so; the same twice is done once."""
    text = one_rule("{ event = 'sent' }", actions=UNHOLD, name="first")
    text += one_rule(
        "{ to = 'held' }",
        actions="actions = [ { action = 'expire' }, { action = 'annotate', text = 'too' } ]",
        name="second",
    )
    text += one_rule("{ to = 'held' }", actions=UNHOLD, name="third")
    event = RuleEvent(BEGIN, "sent", "hold_pending", "held")
    decision = rules_of(text).evaluate(held(), event)
    assert (UnholdAction("first", 5), AnnotateAction("second", "too")) == decision.actions
    (warning,) = decision.trace.warnings
    said = "rules 'first' and 'second' contradict each other: unhold, priority 5; expire."
    assert f"{said} The first in the file counts" == warning
    fates = {one.rule: [action.by for action in one.actions] for one in decision.trace.rules}
    assert ["rule 'first', which contradicts it and stands before it", ""] == fates["second"]
    assert ["rule 'first', which did the same before it"] == fates["third"]
    assert ["first", "second", "third"] == [one.rule for one in decision.trace.rules]


def test_commands_without_end_are_stopped_with_an_alarm() -> None:
    """All rules together give an interaction ten commands a minute."""
    rules = rules_of(
        one_rule("{ event = 'sent' }", actions="actions = [ { action = 'call', function = 'f' } ]")
    )
    memory, alarms, calls = NO_MEMORY, list[str](), 0
    for number in range(14):
        at = Instant(BEGIN + number * SECOND)
        decision = rules.evaluate(held(), RuleEvent(at, "sent", "held", "held"), memory)
        memory = decision.memory
        calls += len(decision.actions)
        alarms += [decision.alarm] if decision.alarm else []
    assert (10, 1) == (calls, len(alarms)), "once in a minute, not with every action"
    assert "rules gave 10 commands within 1m: stopped" == alarms[0]
    at = Instant(BEGIN + 61 * SECOND)
    assert rules.evaluate(held(), RuleEvent(at, "sent", "held", "held"), memory).actions


def test_the_alarm_is_told_once_for_each_event() -> None:
    """Several actions that are stopped together make one warning."""
    text = "".join(
        one_rule(
            "{ event = 'sent' }",
            actions="actions = [ { action = 'call', function = 'f' } ]",
            name=f"rule-{n}",
        )
        for n in range(12)
    )
    decision = rules_of(text).evaluate(held(), RuleEvent(BEGIN, "sent", "held", "held"))
    assert 10 == len(decision.actions)
    assert 1 == len(decision.trace.warnings)


# --- rules that are loaded anew -----------------------------------------------------------------


def test_rules_that_are_loaded_find_holds_that_go_on() -> None:
    """A rule that waits for a state to last begins with the hold, not with its loading."""
    rules = rules_of(
        one_rule("{ to = 'held' }", "for = '5m'")
        + one_rule("{ to = 'active' }", "for = '5m'", name="other")
        + one_rule("{ from = 'unhold_pending', to = 'held' }", "for = '5m'", name="back")
        + one_rule("{ to = 'held' }", "for = '5m'", "enabled = false", name="off")
        + one_rule("{ every = '1m' }", name="tick")
    )
    at = Instant(BEGIN + 60 * SECOND)
    adopted = rules.adopt(held(), at, NO_MEMORY)
    due = {
        one.timer.name: one.timer.due_at for one in adopted.timers if isinstance(one, StartTimer)
    }
    assert {"rule:one": BEGIN + 300 * SECOND, "rule:tick": at + 60 * SECOND} == due
    overdue = rules.adopt(held(), Instant(BEGIN + 600 * SECOND), NO_MEMORY)
    assert BEGIN + 600 * SECOND == overdue.memory.waits[-1].due_at


def test_rules_that_say_what_they_said_go_on() -> None:
    """What is gone or changed ends; what is the same is not begun again."""
    before = rules_of(
        one_rule("{ to = 'held' }", "for = '5m'", name="same")
        + one_rule("{ to = 'held' }", "for = '5m'", name="gone")
        + one_rule("{ to = 'held' }", "for = '5m'", name="changed")
        + one_rule("{ to = 'held' }", "for = '1s'", name="over")
    )
    after = rules_of(
        one_rule("{ to = 'held' }", "for = '10m'", name="changed")
        + one_rule("{ to = 'held' }", "for = '5m'", name="same")
        + one_rule("{ to = 'held' }", "for = '1s'", name="over")
        + one_rule("{ to = 'held' }", "for = '2m'", name="new")
    )
    begun = before.evaluate(held(), confirmed())
    over = begun.memory.wait_of("over")
    assert over is not None
    fired = RuleTimerFired(over.due_at, "rule:over", over.owner)
    memory = before.evaluate(held(), fired, begun.memory).memory
    adopted = after.adopt(held(), Instant(BEGIN + SECOND), memory, before)
    assert {
        "same": BEGIN + 300 * SECOND,
        "changed": BEGIN + 600 * SECOND,
        "new": BEGIN + 120 * SECOND,
    } == {wait.rule: wait.due_at for wait in adopted.memory.waits}
    assert {StopTimer("rule:gone"), StopTimer("rule:changed")} == {
        one for one in adopted.timers if isinstance(one, StopTimer)
    }
    diff = after.changes_from(before)
    assert (("new",), ("gone",), ("changed",)) == (diff.added, diff.removed, diff.changed)
    assert "added new; removed gone; changed changed" == diff.text()
    assert "nothing changed" == after.changes_from(after).text()


def test_commands_and_queues_of_rules_that_are_gone_are_forgotten() -> None:
    """They keep nobody busy any more."""
    both = [
        one_rule(f"{{ event = '{event}' }}", "mode = 'queued'", actions=UNHOLD, name=name)
        for name, event in (("stays", "sent"), ("goes", "link_lost"))
    ]
    before, after = rules_of("".join(both)), rules_of(both[0])
    memory = NO_MEMORY
    for event in ("sent", "link_lost") * 2:
        told = RuleEvent(BEGIN, event, "held", "held")
        memory = before.evaluate(held(), told, memory).memory
    assert {"stays", "goes"} == {run.rule for run in memory.runs}
    assert {"stays", "goes"} == {one.rule for one in memory.queue}
    adopted = after.adopt(held(), BEGIN, memory, before).memory
    assert ["stays"] == [run.rule for run in adopted.runs]
    assert ["stays"] == [one.rule for one in adopted.queue]


def test_nothing_is_adopted_of_an_interaction_that_is_over() -> None:
    """What it still waited for ends."""
    rules = rules_of(one_rule("{ to = 'held' }", "for = '5m'"))
    memory = rules.evaluate(held(), confirmed()).memory
    adopted = rules.adopt(RuleFacts("interaction-1", "closed"), BEGIN, memory, rules)
    assert ((StopTimer("rule:one"),), ()) == (adopted.timers, adopted.memory.waits)


def test_timers_of_rules_that_are_gone_are_late() -> None:
    """Rules may change while the process is down; nothing acts that does not exist."""
    before = rules_of(one_rule("{ to = 'held' }", "for = '5m'"))
    begun = before.evaluate(held(), confirmed())
    wait = begun.memory.waits[0]
    fired = RuleTimerFired(wait.due_at, "rule:one", wait.owner)
    gone = rules_of(one_rule("{ to = 'held' }", name="two"))
    late = gone.evaluate(held(), fired, begun.memory)
    assert ("there is no such rule any more", ()) == (late.trace.rules[0].why, late.memory.waits)
    off = rules_of(one_rule("{ to = 'held' }", "for = '5m'", "enabled = false"))
    assert "it is disabled" == off.evaluate(held(), fired, begun.memory).trace.rules[0].why
    unknown = gone.evaluate(held(), RuleTimerFired(BEGIN, "rule:one", "other"), NO_MEMORY)
    assert "late" == unknown.trace.rules[0].verdict
    stepped = gone.evaluate(held(), confirmed(BEGIN + SECOND), begun.memory)
    assert () == stepped.memory.waits
    looks_back = rules_of(one_rule("{ event = 'sent' }"))
    absent = rules_of(one_rule("{ event = 'sent' }", *WAITS))
    waiting = absent.evaluate(held(), RuleEvent(BEGIN, "sent", "held", "held")).memory
    ended = looks_back.evaluate(held(), RuleEvent(BEGIN, "sent", "held", "held"), waiting)
    assert () == ended.memory.waits


def test_a_queue_is_emptied_where_nothing_keeps_the_rule_busy() -> None:
    """Triggers whose condition does not hold leave the turn to the next."""
    text = one_rule(
        "{ event = 'sent' }", "mode = 'queued'", "condition = 'hold.foreign'", actions=UNHOLD
    )
    rules = rules_of(text)
    sent = RuleEvent(BEGIN, "sent", "held", "held")
    memory = NO_MEMORY
    for _ in range(3):
        memory = rules.evaluate(held(foreign=True), sent, memory).memory
    assert 2 == len(memory.queue)
    ended = rules.evaluate(held(), end_of_command("held", BEGIN), memory)
    assert ((), ()) == (ended.actions, ended.memory.queue)
    assert ["condition", "condition"] == [one.verdict for one in ended.trace.rules]


def test_a_queue_of_a_rule_that_is_gone_is_left() -> None:
    """Its next trigger never comes."""
    text = one_rule("{ event = 'sent' }", "mode = 'queued'", actions=UNHOLD)
    rules = rules_of(text)
    sent = RuleEvent(BEGIN, "sent", "held", "held")
    memory = rules.evaluate(held(), sent, rules.evaluate(held(), sent).memory).memory
    other = rules_of(one_rule("{ to = 'closed' }", name="two"))
    ended = other.evaluate(held(), end_of_command("held", BEGIN), memory)
    assert () == ended.actions
