"""The hold ledger says of holds what the machine knows of them."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.hold_world import POLICIES, SECOND, START, VARIANTS, World, new_world

from hookflash.engine.ledger import HoldLedger, LedgerHold, Turn, holds_of
from hookflash.machines.events import ObservedHeld
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts
from hookflash.machines.records import InteractionState, PolicyChange, Record, Told

policies = st.sampled_from(sorted(POLICIES))
sequences = st.lists(st.sampled_from(VARIANTS), max_size=60)


class Recorder:
    """Steps a world and makes the records of it.

    Args:
        policy: A policy of the world's.
        interaction_id: The interaction.
    """

    def __init__(self, policy: str = "release", interaction_id: str = "interaction-1") -> None:
        world = new_world(policy)
        self.world = evolve(world, interaction=evolve(world.interaction, id=interaction_id))
        self.records: list[Record] = []

    def take(self, event: Any, seq: int | None = None) -> Record:
        """Step *event*; return its record."""
        before = self.world
        self.world, step = before.take(event)
        record = Record(
            seq or len(self.records) + 1,
            before.interaction.id,
            event,
            before.interaction.state,
            step.interaction.state,
            step.effects,
            begins=not self.records,
        )
        self.records.append(record)
        return record

    def step(self, *names: str) -> Record:
        """Step the events that *names* mean; return the last record."""
        for name in names:
            self.take(self.world.event(name))
        return self.records[-1]


def only_hold(recorder: Recorder) -> LedgerHold:
    """The one hold that a recorder's records tell of."""
    (hold,) = holds_of(recorder.records)
    return hold


def at(second: int) -> Instant:
    """The instant of the event in that place of a world's, counted from 1."""
    return Instant(START + second * SECOND)


@given(policies, sequences)
@settings(deadline=None, max_examples=200)
def test_the_ledger_knows_what_the_machine_knows(policy: str, names: list[str]) -> None:
    """After each step, the hold that goes on is the machine's own, to the microsecond."""
    recorder, ledger = Recorder(policy), HoldLedger()
    for name in names:
        ledger.take(recorder.step(name))
        found, known = ledger.hold_of("INTERACTION-1"), recorder.world.interaction.data.hold
        assert (found is None) == (known is None)
        if found is None or known is None:
            continue
        assert (found.name, found.since, found.limit_at) == (known.id, known.since, known.limit_at)
        assert (found.foreign, found.reason, found.alarms) == (
            known.foreign,
            known.reason,
            known.alarms,
        )
        assert found.limit_passed == known.limit_passed
        # A command that is not carried out tells the ledger its skill group, not the machine.
        assert recorder.world.interaction.data.skill_group_id in {None, found.skill_group_id}


@given(policies, sequences)
@settings(deadline=None, max_examples=100)
def test_every_hold_is_told_once(policy: str, names: list[str]) -> None:
    """As many holds begin as states of holding are entered, and each ends once or goes on."""
    recorder, ledger = Recorder(policy), HoldLedger()
    began: list[LedgerHold] = []
    ended: list[LedgerHold] = []
    for name in names:
        turn = ledger.take(recorder.step(name)) or Turn()
        began += [turn.began] if turn.began is not None else []
        ended += turn.ended
    holding = {"held", "unhold_pending", "expired"}
    entered = [r for r in recorder.records if r.target in holding and r.source not in holding]
    assert [hold.first_seq for hold in began] == [record.seq for record in entered]
    assert [*ended, *ledger.going_on()] == began == list(holds_of(recorder.records))
    for hold in ended:
        assert hold.ended not in {"", "lost"}
        assert hold.last_seq is not None
        assert hold.until is not None


@given(policies, sequences, st.integers(0, 60))
@settings(deadline=None, max_examples=100)
def test_a_part_of_a_recording_knows_its_holds(policy: str, names: list[str], cut: int) -> None:
    """What a part says in its states is what the whole knew there: start, limit and reason."""
    recorder, whole = Recorder(policy), HoldLedger()
    for name in names[:cut]:
        whole.take(recorder.step(name))
    ledger = HoldLedger()
    turn = ledger.take(InteractionState(cut, recorder.world.interaction))
    known = whole.hold_of("interaction-1")
    assert (turn is None) == (known is None)
    for name in names[cut:]:
        record = recorder.step(name)
        ours, theirs = ledger.take(record), whole.take(record)
        assert [_figures(hold) for hold in (ours or Turn()).ended] == [
            _figures(hold) for hold in (theirs or Turn()).ended
        ]


def _figures(hold: LedgerHold) -> tuple[Any, ...]:
    return (
        hold.name,
        hold.since,
        hold.until,
        hold.limit_at,
        hold.ended,
        hold.ended_by,
        hold.foreign,
    )


def test_a_hold_of_our_own() -> None:
    """Its start and end are the acknowledgements; both latencies count from their own instants."""
    recorder = Recorder()
    recorder.step("hold_requested", "sent", "acknowledged", "unhold_requested", "sent")
    recorder.step("acknowledged")
    hold = only_hold(recorder)
    assert (hold.began, hold.since, hold.until) == ("acknowledged", at(3), at(6))
    assert (hold.held_us, hold.limit_us, hold.over_limit_us) == (3 * SECOND, 900 * SECOND, 0)
    assert (hold.actor, hold.reason, hold.skill_group_id) == ("caller", "consultation", "sg-1")
    assert (hold.ack_us, hold.latency_us) == (SECOND, 2 * SECOND)
    assert (hold.unhold_ack_us, hold.unhold_latency_us) == (SECOND, 2 * SECOND)
    assert (hold.ended, hold.ended_by, hold.ended_confirmed) == ("unhold", "caller", "acknowledged")
    assert (hold.first_seq, hold.last_seq) == (3, 6)
    assert not hold.limit_passed
    assert not hold.foreign


def test_a_hold_that_is_released_at_its_limit() -> None:
    """The limit's own unhold ends it, after the limit passed."""
    recorder = Recorder()
    recorder.step("hold_requested", "sent", "acknowledged", "warning_timer_fired")
    recorder.step("limit_timer_fired", "sent", "acknowledged")
    hold = only_hold(recorder)
    assert (hold.ended, hold.ended_by, hold.limit_passed) == ("limit", "limit", True)
    assert hold.warnings == 1
    assert hold.over_limit_us == 2 * SECOND


def test_a_hold_that_expires() -> None:
    """It waits for a decision, raises alarms, and is ended by whoever decides."""
    recorder = Recorder("expire")
    recorder.step("hold_requested", "sent", "acknowledged", "limit_timer_fired")
    recorder.step("release_timer_fired", "unhold_requested:force", "sent", "acknowledged")
    hold = only_hold(recorder)
    assert (hold.expired, hold.limit_passed, hold.alarms) == (True, True, 2)
    assert (hold.ended, hold.ended_by) == ("unhold", "caller")


@pytest.mark.parametrize(
    ("name", "began"), [("observed_held:frame", "seen"), ("observed_held", "looked_up")]
)
def test_a_hold_that_was_confirmed_otherwise(name: str, began: str) -> None:
    """It counts from the sending of its frame, and has no acknowledgement's latency."""
    recorder = Recorder()
    recorder.step("hold_requested", "sent", "ack_timer_fired", name)
    hold = only_hold(recorder)
    assert (hold.began, hold.since, hold.ack_us) == (began, at(2), None)
    assert hold.latency_us is not None


def test_a_foreign_hold() -> None:
    """It begins where the gateway says, and has neither a reason nor a command."""
    recorder = Recorder()
    recorder.step("observed_active", "observed_held:frame,since", "observed_active")
    hold = only_hold(recorder)
    assert (hold.began, hold.foreign, hold.reason, hold.latency_us) == ("foreign", True, None, None)
    assert hold.since == at(2) - 60 * SECOND
    assert (hold.ended, hold.ended_by, hold.ended_confirmed) == ("foreign", "foreign", "")


def test_an_interaction_that_ends_on_hold() -> None:
    """The hold ends with it, by nobody."""
    recorder = Recorder()
    recorder.step("observed_held", "observed_closed")
    hold = only_hold(recorder)
    assert (hold.ended, hold.ended_by, hold.until) == ("closed", "", at(2))


def test_a_hold_that_goes_on() -> None:
    """It has a start, and nothing that only its end would tell."""
    recorder = Recorder()
    recorder.step("observed_held")
    hold = only_hold(recorder)
    assert (hold.until, hold.held_us, hold.over_limit_us, hold.ended) == (None, None, None, "")


def test_an_interaction_that_the_engine_forgot() -> None:
    """A record that begins it anew ends what went on before, unseen."""
    first, second = Recorder(), Recorder()
    first.step("observed_held")
    anew = second.step("observed_held")
    lost, known = list(holds_of([first.records[0], evolve(anew, seq=2)]))
    assert (lost.ended, lost.until, known.first_seq) == ("lost", None, 2)


def test_format_1_says_nothing_of_beginnings() -> None:
    """There a record that does not follow from the one before shows that it was forgotten."""
    recorder = Recorder()
    held, active = recorder.step("observed_held"), Recorder().step("observed_active")
    records = [evolve(held, begins=None), evolve(active, seq=2, begins=None)]
    (lost,) = holds_of(records)
    assert lost.ended == "lost"


def test_a_recording_that_begins_later() -> None:
    """A hold that was there before it has no start, but an end."""
    recorder = Recorder()
    recorder.step("observed_held", "observed_active")
    (hold,) = holds_of(recorder.records[1:])
    assert (hold.began, hold.since, hold.first_seq, hold.ended) == ("before", None, None, "foreign")


def test_another_command_that_is_given_up_meanwhile() -> None:
    """Its end is not taken for the end of the command under way."""
    recorder = Recorder()
    recorder.step("hold_requested", "sent", "command_abandoned", "acknowledged")
    assert only_hold(recorder).ack_us == 2 * SECOND


def test_skill_groups_are_remembered_within_bounds() -> None:
    """An interaction that is idle keeps its skill group until enough others came after it."""
    ledger = HoldLedger(remembered_max=2)
    idle = [Recorder(interaction_id=f"interaction-{number}") for number in range(3)]
    for recorder in idle:
        ledger.take(recorder.step("observed_active"))
    groups: list[str | None] = []
    for recorder in idle:
        turn = ledger.take(recorder.step("observed_held:frame"))
        assert turn is not None
        assert turn.began is not None
        groups.append(turn.began.skill_group_id)
    assert groups == [None, "sg-1", "sg-1"]


def test_a_hold_moves_to_the_skill_group_that_becomes_known() -> None:
    """A lookup that tells another skill group tells it of the hold that goes on."""
    recorder = Recorder()
    recorder.step("observed_held:frame")
    world: World = recorder.world
    now = Instant(world.now + SECOND)
    recorder.take(ObservedHeld(now, now, "lookup", "new", facts=Facts("held", None, "sg-2")))
    assert only_hold(recorder).skill_group_id == "sg-2"


def test_a_refusal_that_says_that_the_caller_is_held() -> None:
    """It decides as a lookup would; the hold counts from the sending of its frame."""
    recorder = Recorder()
    recorder.step("hold_requested", "sent", "refused:held")
    hold = only_hold(recorder)
    assert (hold.began, hold.since, hold.ack_us) == ("looked_up", at(2), None)


def test_an_acknowledgement_that_overtakes_the_report_of_its_sending() -> None:
    """The hold is there; how long the acknowledgement took is not known."""
    recorder = Recorder()
    recorder.step("hold_requested", "acknowledged")
    assert (only_hold(recorder).ack_us, only_hold(recorder).latency_us) == (None, SECOND)


def test_another_limit() -> None:
    """A limit that was changed counts from the start of the hold, and has not passed yet."""
    recorder = Recorder()
    recorder.step("hold_requested", "sent", "acknowledged", "limit_changed")
    hold = only_hold(recorder)
    assert hold.limit_us == 100_000 * SECOND
    recorder.step("observed_active")
    assert only_hold(recorder).over_limit_us == 0


def test_figures_of_a_hold_that_was_there_before() -> None:
    """What the recording does not tell is None."""
    recorder = Recorder()
    recorder.step("observed_held", "observed_active")
    (hold,) = holds_of(recorder.records[1:])
    assert (hold.held_us, hold.limit_us, hold.over_limit_us) == (None, None, None)


def test_other_entries_say_nothing_of_holds() -> None:
    """Lines between records are taken as they come."""
    ledger = HoldLedger()
    for entry in (Told(5), PolicyChange(START, {})):
        assert ledger.take(entry) is None
    assert list(ledger.going_on()) == []
