"""What each row would have done: the row that is taken does just what the step does."""

from typing import Any

import attrs
from tests.support.journals import MACHINE, Play

from hookflash.machines.attempts import attempts_of
from hookflash.machines.events import Acknowledged, LimitTimerFired, Sent
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine


def test_the_taken_row_does_what_the_step_does() -> None:
    """Of all attempts the first that no guard refuses is the step, effects and all."""
    play = Play()
    known: dict[str, Any] = {}
    for record in play.next(200)[0]:
        before = known.get(record.interaction_id) or MACHINE.start(record.interaction_id)
        step = MACHINE.step(before, record.event)
        known[record.interaction_id] = step.interaction
        attempts = attempts_of(MACHINE, before, record.event)
        taken = next(one for one in attempts if not one.refused_by)
        assert taken.row is step.transition
        assert taken.step == step
        assert len(taken.makers) == len(step.effects)
        assert set(taken.makers) <= set(step.transition.effects)


def test_rows_that_are_not_taken_are_tried_all_the_same() -> None:
    """Each says which of its guards refuse; one whose effects do not fit has no step."""
    interaction = MACHINE.start("a")
    attempts = attempts_of(MACHINE, interaction, Acknowledged(Instant(5), "nobody's"))
    assert ("answered_before",) in {one.refused_by for one in attempts}
    held = MACHINE.step(interaction, Sent(Instant(1), "x")).interaction
    assert [one.step for one in attempts_of(MACHINE, held, Sent(Instant(2), "x"))] != []
    timer = LimitTimerFired(Instant(9), "a", "b")
    assert all(one.step is not None for one in attempts_of(MACHINE, interaction, timer))


def test_the_engine_s_own_effects_have_no_maker() -> None:
    """That a timer which fired runs no longer is no effect of the row."""
    play = Play(ids=("a",))
    play.next(3)
    held = play.known["a"]
    limit = held.timer("limit")
    assert limit is not None
    fired = LimitTimerFired(limit.due_at, limit.owner, "unused")
    taken = next(one for one in attempts_of(MACHINE, held, fired) if not one.refused_by)
    assert taken.step == MACHINE.step(held, fired)
    assert set(taken.makers) == {"send_release", "watch_release"}


def test_a_pair_that_the_definition_does_not_know() -> None:
    """There is nothing to try for an event of another machine."""
    assert attempts_of(MACHINE, MACHINE.start("a"), object()) == []


def test_a_row_whose_effects_take_something_for_granted() -> None:
    """Where effects fail because a guard would have refused the row, there is no step."""
    play = Play(ids=("a",))
    play.next(2)  # a hold was requested and sent: forged to be held, it has no hold
    forged = attrs.evolve(play.known["a"], state="held")
    event = MACHINE.implementation.events["warning_timer_fired"](Instant(5), "a", "b")
    attempts = attempts_of(MACHINE, forged, event)
    assert any(one.step is None and one.makers == () for one in attempts)


def test_a_guard_that_is_asked_where_it_never_was() -> None:
    """One that fails there did not hold."""

    def fails(*_: object) -> bool:
        raise ZeroDivisionError

    guards: dict[str, Any] = dict(MACHINE.implementation.guards) | {"is_current": fails}
    implementation = attrs.evolve(MACHINE.implementation, guards=guards)
    machine: Machine[Any, Any] = Machine(MACHINE.spec, implementation, MACHINE.policy)
    pending = attempts_of(
        machine, attrs.evolve(machine.start("a"), state="hold_pending"), Sent(Instant(2), "x")
    )
    assert any("is_current" in one.refused_by for one in pending)
