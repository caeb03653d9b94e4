"""The ground rules of the hold machine, one test each, with the times and words that they fix."""

import pytest
from attrs import evolve
from tests.machines.hold_world import ELIGIBLE, SECOND, HoldMachine, World, hold_spec, new_world

from hookflash.machines import effects as fx
from hookflash.machines import events as ev
from hookflash.machines.hold import IMPLEMENTATION
from hookflash.machines.hold_data import HoldData
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Facts
from hookflash.machines.machine import Machine, Step
from hookflash.machines.policy import GroupPolicy, HoldPolicy

REQUESTED = ("hold_requested",)
SENT = ("hold_requested", "sent")
HELD = (*SENT, "acknowledged")
UNHOLDING = (*HELD, "unhold_requested", "sent")
IN_DOUBT = (*UNHOLDING, "ack_timer_fired")


def end_of(step: Step[HoldData]) -> fx.EndCommand:
    """Return the one end of a command among the effects."""
    (end,) = [effect for effect in step.effects if isinstance(effect, fx.EndCommand)]
    return end


def asks(step: Step[HoldData]) -> bool:
    """Tell whether the step asks the gateway."""
    return any(isinstance(effect, fx.LookUp) for effect in step.effects)


def under(policy: HoldPolicy) -> World:
    """Return a world under *policy*."""
    machine: HoldMachine = Machine(hold_spec(), IMPLEMENTATION, policy)
    return World(machine, machine.start("interaction-1"))


# --- observations -------------------------------------------------------------------------------


def test_an_observation_older_than_the_last_change_is_late() -> None:
    """A lookup that began before the acknowledgement says nothing about the state after it."""
    world = new_world().after(*HELD)
    changed_at = world.interaction.data.changed_at
    at = Instant(world.now + SECOND)
    late = ev.ObservedActive(at, Instant(changed_at - 1), "lookup", "x")
    assert world.take(late)[1].transition.decision == "late"
    same = ev.ObservedActive(at, changed_at, "lookup", "x")
    assert world.take(same)[1].interaction.state == "active"


def test_an_observation_older_than_the_sending_is_late() -> None:
    """What a lookup saw before the frame was written says nothing about what the frame did."""
    world = new_world().after(*SENT)
    pending = world.interaction.pending
    assert pending is not None
    assert pending.sent_at is not None
    at = Instant(world.now + SECOND)
    late = ev.ObservedHeld(at, Instant(pending.sent_at - 1), "lookup", "x")
    assert world.take(late)[1].transition.decision == "late"
    assert world.take(evolve(late, as_of=pending.sent_at))[1].interaction.state == "held"


def test_a_frame_of_an_older_state_is_late() -> None:
    """A state frame received before the last change changes nothing, in every state."""
    for names in ((), SENT, HELD, UNHOLDING, (*HELD, "observed_closed")):
        _, step = (
            new_world()
            .after(*HELD, "observed_active:lookup", *names)
            .step("observed_held:frame,old")
        )
        assert step.transition.decision == "late"


def test_a_lone_frame_is_no_proof_that_nobody_is_held() -> None:
    """Held is believed at once, not held is looked up."""
    _, step = new_world().step("observed_held:frame")
    assert step.interaction.state == "held"
    _, step = new_world().after(*HELD).step("observed_active:frame")
    assert step.interaction.state == "held"
    assert asks(step)


def test_not_found_means_closed() -> None:
    """A lookup that does not find the interaction closes it, as an abandoned one."""
    for reason in ("not_found", "abandoned"):
        world = new_world().after(*SENT)
        at = Instant(world.now + SECOND)
        _, step = world.take(ev.ObservedClosed(at, at, "lookup", reason))
        assert step.interaction.state == "closed"
        assert end_of(step).error == "NotEligible"


def test_facts_are_learned_before_the_limit_is_set() -> None:
    """A hold that a lookup confirms gets the limit of the skill group that the lookup names."""
    policy = HoldPolicy(policy=(GroupPolicy(skill_group="sg-1", limit_s=60.0, on_limit="expire"),))
    world = under(policy)
    request = evolve(world.event("hold_requested"), facts=None)
    world = world.take(request)[0].after("sent", "ack_timer_fired", "observed_held")
    hold = world.interaction.data.hold
    assert hold is not None
    assert hold.limit_at == after(hold.since, 60.0)
    assert hold.on_limit == "expire"


# --- answers ------------------------------------------------------------------------------------


def test_a_second_answer_is_a_duplicate() -> None:
    """An answer to a frame that was answered before is counted and changes nothing."""
    for name in ("acknowledged:answered", "refused:answered"):
        _, step = new_world().after(*HELD).step(name)
        assert step.transition.decision == "ignore"
        assert step.transition.counts == "duplicate"


def test_an_answer_after_a_refusal_is_a_duplicate() -> None:
    """A frame that was refused and then acknowledged was answered before."""
    _, step = new_world().after(*SENT, "refused").step("acknowledged")
    assert step.transition.counts == "duplicate"


def test_a_late_answer_that_fits_changes_nothing() -> None:
    """The acknowledgement of a hold that a lookup confirmed is late, and then a duplicate."""
    world = new_world().after(*SENT, "observed_held")
    world, step = world.step("acknowledged:earlier_hold")
    assert (step.transition.decision, step.effects) == ("late", ())
    _, step = world.step("acknowledged:answered")
    assert step.transition.counts == "duplicate"


def test_a_late_answer_that_contradicts_is_looked_up_once() -> None:
    """The acknowledgement of a hold that was not carried out, as a lookup said, causes a lookup."""
    world = new_world().after(*SENT, "ack_timer_fired", "observed_active")
    world, step = world.step("acknowledged:earlier_hold")
    assert (step.transition.decision, asks(step)) == ("late", True)
    _, step = world.step("acknowledged:answered")
    assert (step.transition.decision, asks(step)) == ("ignore", False)


def test_a_late_unhold_answer_that_contradicts_is_looked_up() -> None:
    """The same for an unhold that was twice not carried out."""
    world = new_world().after(
        *IN_DOUBT, "observed_held", "sent", "ack_timer_fired", "observed_held"
    )
    assert world.interaction.state == "held"
    _, step = world.step("acknowledged:earlier_unhold")
    assert asks(step)


def test_the_state_in_a_late_refusal_counts() -> None:
    """A late refusal that says held, of a caller who is not, is looked up; one that fits is not."""
    world = new_world().after(*SENT, "ack_timer_fired", "observed_active")
    assert asks(world.step("refused:earlier_hold,held")[1])
    assert asks(world.step("refused:earlier_hold,closed")[1])
    assert not asks(world.step("refused:earlier_hold,active")[1])
    world = new_world().after(*SENT, "observed_held")
    assert not asks(world.step("refused:earlier_hold,held")[1])
    assert asks(world.step("refused:earlier_hold")[1])


def test_an_answer_of_an_unknown_frame_is_late() -> None:
    """A frame that nobody remembers changes nothing."""
    _, step = new_world().after(*HELD).step("acknowledged:unknown")
    assert (step.transition.decision, step.effects) == ("late", ())


def test_ended_frames_are_forgotten_in_order() -> None:
    """Four ended frames are remembered: the answer of an older one is late, no duplicate."""
    world = new_world().after(*HELD)
    hold = world.interaction.data.hold
    assert hold is not None
    for _ in range(2):
        world = world.after("unhold_requested", "sent", "acknowledged", *HELD)
    at = Instant(world.now + SECOND)
    assert world.take(ev.Acknowledged(at, hold.id))[1].transition.decision == "late"


def test_429_never_means_held() -> None:
    """A rate limit that names the state held leaves the hold open; a lookup decides."""
    world, step = new_world().after(*SENT).step("refused:429,held")
    assert step.interaction.state == "hold_pending"
    assert asks(step)
    _, step = world.step("observed_active")
    end = end_of(step)
    assert (end.outcome, end.error, end.state) == ("refused", "RateLimited", "active")


def test_429_of_an_unhold_leaves_the_caller_held() -> None:
    """The caller of a rate-limited unhold learns how long to wait; the hold goes on."""
    world = new_world().after(*UNHOLDING)
    pending = world.interaction.pending
    assert pending is not None
    at = Instant(world.now + SECOND)
    refusal = ev.Refused(at, pending.correlation_id, "x", None, 429, "slow down", 2.5)
    world, step = world.take(refusal)
    assert asks(step)
    world, step = world.step("observed_held")
    end = end_of(step)
    assert (end.error, end.retry_after_s, end.state) == ("RateLimited", 2.5, "held")
    assert end.message == "the gateway refused with code 429: slow down"


def test_a_long_refusal_is_cut() -> None:
    """The gateway's words fit a log line."""
    world = new_world().after(*SENT)
    pending = world.interaction.pending
    assert pending is not None
    at = Instant(world.now + SECOND)
    refusal = ev.Refused(at, pending.correlation_id, "x", "active", "busy", "no " * 500)
    message = end_of(world.take(refusal)[1]).message
    assert message is not None
    assert len(message) < 250
    assert message.endswith("…")


def test_a_refused_hold_found_held_is_somebody_elses() -> None:
    """Our hold was refused, yet the caller is held: the command failed and the hold is foreign."""
    _, step = new_world().after(*SENT, "refused").step("observed_held")
    assert end_of(step).error == "HoldRefused"
    hold = step.interaction.data.hold
    assert hold is not None
    assert hold.foreign


def test_a_refusal_may_overtake_the_report_of_the_sending() -> None:
    """A refused frame was sent, whether or not we heard of it: it is not taken back."""
    for name in ("observed_held", "observed_closed:lookup"):
        _, step = new_world().after(*REQUESTED, "refused").step(name)
        assert not any(isinstance(effect, fx.Withdraw) for effect in step.effects)
        assert end_of(step).outcome != "already"
    _, step = new_world().after(*REQUESTED).step("refused:closed")
    assert not any(isinstance(effect, fx.Withdraw) for effect in step.effects)


# --- sending ------------------------------------------------------------------------------------


def test_the_ack_timer_starts_when_the_frame_is_written() -> None:
    """Five seconds from the sending, not from the request."""
    world, step = new_world().after(*REQUESTED).step("sent")
    (effect,) = step.effects
    assert isinstance(effect, fx.StartTimer)
    assert effect.timer.due_at == after(world.now, 5.0)


def test_a_hold_is_never_sent_twice() -> None:
    """A lookup that proves it was not carried out ends the command."""
    _, step = new_world().after(*SENT, "ack_timer_fired").step("observed_active")
    assert not any(isinstance(effect, fx.SendHold) for effect in step.effects)
    assert (end_of(step).outcome, end_of(step).error) == ("not_applied", "HoldRefused")


def test_an_unhold_is_sent_once_more_after_proof_only() -> None:
    """Only a lookup begun after the doubt proves it; the second time is the last."""
    world = new_world().after(*IN_DOUBT)
    for name in ("observed_held:frame", "observed_held:lookup,before_doubt"):
        assert not world.step(name)[1].effects
    first = world.interaction.pending
    world, step = world.step("observed_held")
    (effect,) = [e for e in step.effects if isinstance(e, fx.SendUnhold)]
    pending = world.interaction.pending
    assert pending is not None
    assert first is not None
    assert pending.command_id == first.command_id
    assert pending.correlation_id == effect.correlation_id != first.correlation_id
    world = world.after("sent", "ack_timer_fired")
    _, step = world.step("observed_held")
    assert end_of(step).outcome == "not_applied"
    assert end_of(step).command_id == first.command_id
    assert step.interaction.state == "held"


def test_a_late_first_unhold_ends_the_repeated_one() -> None:
    """The first frame was carried out while the second waits: confirmed, nobody else did it."""
    world = new_world().after(*IN_DOUBT, "observed_held")
    _, step = world.step("observed_active")
    assert end_of(step).outcome == "confirmed_by_lookup"
    assert [type(effect) for effect in step.effects if isinstance(effect, fx.Withdraw)]
    assert not any(isinstance(effect, fx.NoteForeign) for effect in step.effects)


def test_what_is_so_already_takes_the_waiting_frame_back() -> None:
    """Somebody else was quicker than our frame: it is withdrawn and the command succeeded."""
    for names, name in (
        (REQUESTED, "observed_held"),
        ((*HELD, "unhold_requested"), "observed_active"),
    ):
        _, step = new_world().after(*names).step(name)
        assert isinstance(step.effects[-3], fx.Withdraw)
        assert end_of(step).outcome == "already"
        assert isinstance(step.effects[-1], fx.NoteForeign)


def test_the_end_of_an_interaction_takes_the_waiting_frame_back() -> None:
    """A frame that still waits is withdrawn when the interaction is over."""
    _, step = new_world().after(*REQUESTED).step("observed_closed")
    assert [e for e in step.effects if isinstance(e, fx.Withdraw)]
    assert end_of(step).error == "NotEligible"


def test_a_lost_link_brings_doubt_about_what_was_sent_only() -> None:
    """What was written may be lost; what waits goes on waiting."""
    sent = new_world().after(*SENT, "link_lost").interaction.pending
    waiting = new_world().after(*REQUESTED, "link_lost").interaction.pending
    assert sent is not None
    assert waiting is not None
    assert sent.doubt_since is not None
    assert waiting.doubt_since is None


def test_a_doubt_does_not_grow_younger() -> None:
    """A second cause of doubt leaves the first: a lookup begun between them is proof."""
    world = new_world().after(*SENT, "link_lost")
    first = world.interaction.pending
    world = world.after("ack_timer_fired")
    second = world.interaction.pending
    assert first is not None
    assert second is not None
    assert first.doubt_since == second.doubt_since


def test_an_unsent_end_says_why() -> None:
    """A withdrawn frame gives the error that came with it, `unknown` where that is the outcome."""
    world = new_world().after(*REQUESTED)
    at = Instant(world.now + SECOND)
    unknown = ev.NotSent(at, "id-1", "OutcomeUnknown", "the program stops")
    end = end_of(world.take(unknown)[1])
    assert (end.outcome, end.error, end.message) == (
        "unknown",
        "OutcomeUnknown",
        "the program stops",
    )
    assert end_of(world.step("not_sent")[1]).outcome == "unavailable"


# --- timers and limits --------------------------------------------------------------------------


def test_a_timer_of_an_earlier_hold_or_command_is_late() -> None:
    """A timer fires for the hold or command that it was started for, or for nobody."""
    for names, timer in (
        (SENT, "ack"),
        (HELD, "warning"),
        (HELD, "limit"),
        ((*HELD, "expire_requested"), "release"),
        ((*SENT, "ack_timer_fired", "lookup_failed"), "lookup"),
    ):
        world = new_world().after(*names)
        assert world.interaction.timer(timer) is not None
        _, step = world.step(f"{timer}_timer_fired:earlier")
        assert step.transition.decision == "late"
        assert step.interaction is world.interaction


def test_a_timer_that_was_set_anew_fires_when_it_is_due() -> None:
    """The event of a limit that was lengthened meanwhile releases nobody, and stops nothing."""
    world = new_world().after(*HELD)
    limit = world.interaction.timer("limit")
    assert limit is not None
    world = world.after("limit_changed")
    fired = ev.LimitTimerFired(limit.due_at, limit.owner, "x")
    _, step = world.take(fired)
    assert step.transition.decision == "late"
    assert step.interaction is world.interaction


def test_the_limit_counts_from_the_acknowledgement() -> None:
    """An acknowledged hold starts when it was acknowledged."""
    world = new_world().after(*HELD)
    hold = world.interaction.data.hold
    assert hold is not None
    assert hold.since == world.now
    assert hold.limit_at == after(world.now, 900.0)
    warning = world.interaction.timer("warning")
    assert warning is not None
    assert warning.due_at == after(world.now, 720.0)


def test_the_limit_counts_from_the_sending_where_otherwise_confirmed() -> None:
    """A hold confirmed by a lookup, a state frame or a refusal starts when it was sent."""
    for name in ("observed_held", "observed_held:frame", "refused:held"):
        world = new_world().after(*SENT)
        sent_at = world.now
        hold = world.after(name).interaction.data.hold
        assert hold is not None
        assert hold.since == sent_at
        assert not hold.foreign


def test_the_outcome_tells_a_lookup_from_a_frame_of_the_gateway() -> None:
    """Only what a lookup confirmed is `confirmed_by_lookup`; the acknowledgement then is late."""
    for name, outcome in (
        ("observed_held", "confirmed_by_lookup"),
        ("observed_held:frame", "confirmed"),
    ):
        world, step = new_world().after(*SENT).step(name)
        assert end_of(step).outcome == outcome
        _, step = world.step("acknowledged:earlier_hold")
        assert step.transition.decision == "late"
        assert not step.effects


def test_a_foreign_limit_counts_from_the_start_that_the_gateway_names() -> None:
    """Else from the receipt; a start in the future is a clock that runs ahead."""
    world = new_world()
    at = Instant(world.now + SECOND)
    frame = ev.ObservedHeld(at, at, "frame", "foreign-1")
    for held_since, since in (
        (Instant(at - 60 * SECOND), at - 60 * SECOND),
        (None, at),
        (Instant(at + 3600 * SECOND), at),
    ):
        _, step = world.take(evolve(frame, held_since=held_since))
        hold = step.interaction.data.hold
        assert hold is not None
        assert (hold.id, hold.since, hold.foreign) == ("foreign-1", since, True)
        (note,) = [e for e in step.effects if isinstance(e, fx.NoteForeign)]
        assert note.since == since


def test_what_becomes_known_of_a_foreign_hold_moves_its_limit() -> None:
    """A later lookup may name its start or its skill group; the timers follow."""
    policy = HoldPolicy(policy=(GroupPolicy(skill_group="sg-9", limit_s=60.0),))
    world = under(policy).after("observed_held:frame")
    hold = world.interaction.data.hold
    assert hold is not None
    at = Instant(world.now + SECOND)
    facts = Facts("held", "org-1", "sg-9")
    group = ev.ObservedHeld(at, at, "lookup", "x", None, facts)
    learned = world.take(group)[1].interaction.data.hold
    assert learned is not None
    assert learned.limit_at == after(hold.since, 60.0)
    start = ev.ObservedHeld(at, at, "frame", "x", Instant(hold.since - 7 * SECOND))
    moved = world.take(start)[1].interaction.data.hold
    assert moved is not None
    assert moved.since == hold.since - 7 * SECOND
    own = new_world().after(*HELD)
    assert own.take(evolve(start, at=own.now, as_of=own.now))[1].interaction is own.interaction


def test_the_limit_during_an_unhold_is_remembered() -> None:
    """Should the unhold fail, the hold is past its limit: expired, with an alarm."""
    world = new_world().after(*UNHOLDING, "limit_timer_fired")
    assert world.interaction.state == "unhold_pending"
    for name in ("not_sent", "refused:held"):
        _, step = world.step(name)
        assert step.interaction.state == "expired"
        (alarm,) = [e for e in step.effects if isinstance(e, fx.RaiseAlarm)]
        assert (alarm.alarm, alarm.count) == ("release_failed", 1)
        assert step.interaction.timer("release") is not None


def test_a_refused_unhold_past_the_limit_expires() -> None:
    """The same where a lookup tells the state that the refusal did not name."""
    world = new_world().after(*UNHOLDING, "limit_timer_fired", "refused")
    assert world.step("observed_held")[1].interaction.state == "expired"
    world = new_world().after(*UNHOLDING, "refused")
    assert world.step("observed_held")[1].interaction.state == "held"


def test_a_lost_release_is_repeated_alarmed_and_tried_again() -> None:
    """At the limit: unhold, once more, expired with alarm and pause, unhold again, and so on."""
    world = new_world().after(*HELD, "limit_timer_fired")
    for count, pause_s in ((1, 5.0), (2, 10.0), (3, 20.0), (4, 40.0), (5, 60.0), (6, 60.0)):
        pending = world.interaction.pending
        assert pending is not None
        assert (pending.actor, pending.action) == ("limit", "unhold")
        world = world.after("sent", "ack_timer_fired", "observed_held", "sent", "ack_timer_fired")
        world, step = world.step("observed_held")
        assert step.interaction.state == "expired"
        assert end_of(step).actor == "limit"
        (alarm,) = [e for e in step.effects if isinstance(e, fx.RaiseAlarm)]
        assert (alarm.alarm, alarm.count) == ("release_failed", count)
        release = world.interaction.timer("release")
        assert release is not None
        assert release.due_at == after(world.now, pause_s)
        world, step = world.step("release_timer_fired")
        assert any(isinstance(effect, fx.SendUnhold) for effect in step.effects)
    world = world.after("sent", "acknowledged")
    assert (world.interaction.state, world.interaction.timers) == ("active", ())


def alarms_of(step: Step[HoldData]) -> list[tuple[str, int]]:
    return [(e.alarm, e.count) for e in step.effects if isinstance(e, fx.RaiseAlarm)]


@pytest.mark.parametrize(
    "story",
    [
        (*HELD, "limit_timer_fired"),
        (*HELD, "limit_timer_fired", "sent", "ack_timer_fired", "lookup_failed"),
        (*UNHOLDING, "limit_timer_fired", "link_lost"),
    ],
    ids=["waits for the socket", "gateway is silent", "own unhold"],
)
def test_a_release_of_which_nothing_is_known_is_alarmed_about(story: tuple[str, ...]) -> None:
    """A minute past the limit, and each minute from then on, whatever it waits for."""
    world = new_world().after(*story)
    for count in (1, 2, 3):
        world, step = world.step("release_timer_fired")
        assert step.interaction.state == "unhold_pending"
        assert alarms_of(step) == [("release_unconfirmed", count)]
        release = step.interaction.timer("release")
        assert release is not None
        assert release.due_at == after(world.now, 60.0)
    ended = world.after("observed_active:lookup").interaction
    assert (ended.state, ended.timers) == ("active", ())


def test_a_release_that_somebody_decided_on_is_watched_too() -> None:
    """Policy `expire`: after `force` the alarms go on, by another name, until it is known."""
    world = new_world("expire").after(*HELD, "limit_timer_fired", "unhold_requested:force")
    assert alarms_of(world.step("release_timer_fired")[1]) == [("release_unconfirmed", 2)]


def test_no_alarm_of_a_release_within_a_limit_that_was_extended() -> None:
    """Nothing is late any more; the new limit is watched as the old one was."""
    world = new_world().after(*HELD, "limit_timer_fired", "limit_changed")
    assert world.interaction.timer("release") is None
    hold = world.interaction.data.hold
    assert hold is not None
    waiting = ev.ReleaseTimerFired(world.now, hold.id, "x")
    assert world.take(waiting)[1].transition.decision == "late"
    again = world.after("limit_timer_fired").interaction
    assert (again.state, again.timer("release") is None) == ("unhold_pending", False)


def test_an_expired_hold_is_alarmed_about_until_somebody_decides() -> None:
    """Policy `expire`: alarms with growing pauses; `force` releases, without it nothing does."""
    world = new_world("expire").after(*HELD, "limit_timer_fired")
    for count in (2, 3):
        world, step = world.step("release_timer_fired")
        (alarm,) = [e for e in step.effects if isinstance(e, fx.RaiseAlarm)]
        assert (alarm.alarm, alarm.count) == ("hold_expired", count)
    assert end_of(world.step("unhold_requested")[1]).error == "MaximumHoldExceeded"
    assert world.step("unhold_requested:force")[1].interaction.state == "unhold_pending"


def test_a_watched_hold_is_only_warned_about() -> None:
    """Past its limit monitors are told and nothing else happens, whatever becomes of an unhold."""
    world = new_world("release-watch").after("observed_held:frame,since")
    world, step = world.step("limit_timer_fired")
    (warning,) = [e for e in step.effects if isinstance(e, fx.Warn)]
    assert (step.interaction.state, warning.notice) == ("held", "limit_passed")
    world = world.after("unhold_requested")
    assert world.step("not_sent")[1].interaction.state == "held"


def test_a_watched_hold_is_warned_about_during_an_unhold() -> None:
    """The notice comes also where an unhold is under way."""
    world = new_world("expire-watch").after("observed_held:frame,since", "unhold_requested")
    _, step = world.step("limit_timer_fired")
    assert [e.notice for e in step.effects if isinstance(e, fx.Warn)] == ["limit_passed"]


def test_a_changed_limit_counts_from_the_start_of_the_hold() -> None:
    """Also one that lengthens a limit that has passed."""
    world = new_world().after(*UNHOLDING, "limit_timer_fired", "limit_changed")
    hold = world.interaction.data.hold
    assert hold is not None
    assert not hold.limit_passed
    assert hold.limit_at == after(hold.since, 100_000.0)
    assert world.step("not_sent")[1].interaction.state == "held"


# --- lookups ------------------------------------------------------------------------------------


def test_lookups_are_repeated_with_growing_pauses() -> None:
    """The pause doubles up to its bound, and is forgotten after an answer."""
    world = new_world().after(*SENT, "ack_timer_fired")
    for pause_s in (0.5, 1, 2, 4, 8, 16, 30, 30):
        world = world.after("lookup_failed")
        timer = world.interaction.timer("lookup")
        assert timer is not None
        assert timer.due_at == after(world.now, pause_s)
        world, step = world.step("lookup_timer_fired")
        assert asks(step)
    world = world.after("observed_held")
    assert world.interaction.data.failed_lookups == 0
    assert world.interaction.timer("lookup") is None


def test_a_repeated_unhold_forgets_failed_lookups() -> None:
    """A lookup that proves that an unhold was not carried out was answered after all."""
    world = new_world().after(*IN_DOUBT, "lookup_failed", "lookup_timer_fired", "observed_held")
    assert world.interaction.data.failed_lookups == 0


def test_whom_a_pause_belongs_to() -> None:
    """To the command, else to the hold, else to the interaction."""
    for names, owner in (((), "interaction-1"), (HELD, "id-1"), (IN_DOUBT, "id-4")):
        timer = new_world().after(*names, "lookup_failed").interaction.timer("lookup")
        assert timer is not None
        assert timer.owner == owner


# --- eligibility --------------------------------------------------------------------------------


def test_facts_come_with_a_command() -> None:
    """The skill group is learned from the facts; a caller without facts vouches for it."""
    world = new_world().after(*REQUESTED)
    assert world.interaction.data.skill_group_id == "sg-1"
    fresh = new_world()
    vouched = evolve(fresh.event("hold_requested"), facts=None)
    fresh, step = fresh.take(vouched)
    assert step.interaction.data.skill_group_id is None
    fresh = fresh.after("sent", "acknowledged")
    vouched = evolve(fresh.event("unhold_requested"), facts=None)
    assert fresh.take(vouched)[1].interaction.state == "unhold_pending"


def test_each_objection_has_words_of_its_own() -> None:
    """Every cause of a refusal is told apart."""
    policy = HoldPolicy(
        org_id="org-1",
        allow=("sg-1", "sg-2", "sg-3", "sg-4"),
        deny=("sg-2",),
        reasons=("consultation",),
        policy=(
            GroupPolicy(skill_group="sg-3", deny=True),
            GroupPolicy(skill_group="sg-4", reasons=("queueing",), warn_at=0.5, foreign="watch"),
            GroupPolicy(skill_group="sg-4", warn_at=0.1),
        ),
    )
    causes = [
        evolve(ELIGIBLE, state="not_found"),
        evolve(ELIGIBLE, state="closed"),
        evolve(ELIGIBLE, state="abandoned"),
        evolve(ELIGIBLE, org_id="org-2"),
        evolve(ELIGIBLE, skill_group_id=None),
        evolve(ELIGIBLE, skill_group_id="sg-2"),
        evolve(ELIGIBLE, skill_group_id="sg-3"),
        evolve(ELIGIBLE, skill_group_id="sg-4"),
        evolve(ELIGIBLE, skill_group_id="sg-5"),
    ]
    objections = [policy.objection(facts, "consultation") for facts in causes]
    assert None not in objections
    assert len(set(objections)) == len(causes)
    assert policy.objection(ELIGIBLE, "consultation") is None
    assert policy.objection(None, "consultation") is None
    assert policy.objection(evolve(ELIGIBLE, skill_group_id="sg-4"), None) is None
    assert policy.all_reasons() == ("consultation", "queueing")
    assert policy.terms_of("sg-4").warn_at == 0.5, "the first table of a skill group counts"
    assert policy.terms_of("sg-4").watches_foreign
    assert policy.terms_of("sg-9") == policy.terms_of(None)


def test_a_policy_is_checked() -> None:
    """Reasons are neither missing nor empty nor endless."""
    for reasons in ((), ("",), ("x" * 65,)):
        try:
            HoldPolicy(reasons=reasons)
        except ValueError as error:
            assert "reasons" in str(error)  # noqa: PT017 - the loop names the case
        else:
            raise AssertionError(reasons)
