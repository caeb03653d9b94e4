"""Properties of the hold machine on random sequences, longer than those that can all be tried."""

import copy
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.hold_world import (
    PLAIN,
    POLICIES,
    STATES,
    VARIANTS,
    World,
    hold_machine,
    make_event,
    new_world,
)

from hookflash.machines.effects import EndCommand, NoteForeign
from hookflash.machines.events import HoldRequested, UnholdRequested

policies = st.sampled_from(sorted(POLICIES))
sequences = st.lists(st.sampled_from(VARIANTS), max_size=60)


@attrs.define
class Model:
    """What the `transitions` library needs of a model; `RowTransition` leaves the row."""

    state: str
    row: Any = None


@given(policies, sequences)
@settings(deadline=None, max_examples=150)
def test_flat_table_and_library_agree(policy: str, names: list[str]) -> None:
    """The flat table takes the row that the `transitions` library takes, to the same target."""
    world = new_world(policy)
    machine = world.machine
    for name in names:
        event = world.event(name)
        model = Model(world.interaction.state)
        trigger = machine.declaration.events[machine.event_name(event)].trigger
        assert trigger(model, world.interaction, event, machine.policy)
        world, step = world.take(event)
        assert step.transition is model.row
        assert step.interaction.state == model.state


@given(policies, sequences)
@settings(deadline=None, max_examples=100)
def test_a_step_is_pure(policy: str, names: list[str]) -> None:
    """The same arguments give an equal answer, and neither argument is changed."""
    world = new_world(policy)
    for name in names:
        event = world.event(name)
        before, event_before = copy.deepcopy(world.interaction), copy.deepcopy(event)
        first = world.machine.step(world.interaction, event)
        second = world.machine.step(world.interaction, event)
        assert first == second
        assert world.interaction == before
        assert event == event_before
        world, _ = world.take(event)


@given(policies, sequences)
@settings(deadline=None, max_examples=100)
def test_every_command_ends_once(policy: str, names: list[str]) -> None:
    """Over a whole sequence each command ends at most once; what has not ended is pending."""
    world = new_world(policy)
    asked: list[str] = []
    ended: list[str] = []
    for name in [*names, "observed_closed"]:
        event = world.event(name)
        world, step = world.take(event)
        if isinstance(event, HoldRequested | UnholdRequested):
            asked.append(event.correlation_id)
        ended += [e.command_id for e in step.effects if isinstance(e, EndCommand)]
    assert len(ended) == len(set(ended))
    assert set(asked) <= set(ended), "the end of the interaction ends what was pending"


@given(policies, sequences)
@settings(deadline=None, max_examples=100)
def test_notes_of_others_alternate(policy: str, names: list[str]) -> None:
    """Somebody else holds who was not held, and takes off hold who was: notes fit the states."""
    world = new_world(policy)
    for name in names:
        was_held = world.interaction.data.hold is not None
        world, step = world.step(name)
        for note in (effect for effect in step.effects if isinstance(effect, NoteForeign)):
            assert (note.action == "unhold") == was_held
            assert note.since <= note.at


@given(policies, sequences)
@settings(deadline=None, max_examples=60)
def test_timers_make_their_events(policy: str, names: list[str]) -> None:
    """Every running timer gives an event that its machine knows, and that takes it off the list."""
    world = new_world(policy)
    for name in names:
        world, _ = world.step(name)
    for timer in world.interaction.timers:
        event = world.machine.timer_event(timer, timer.due_at, "unused")
        step = world.machine.step(world.interaction, event)
        assert timer not in step.interaction.timers


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", PLAIN)
def test_every_pair_is_decided(state: str, name: str) -> None:
    """Each event has rows in each state, the last of them without guards."""
    rows = hold_machine().spec.rows_of(state, name)
    assert rows
    assert not rows[-1].guards
    assert all(row.reason for row in rows)


def test_what_a_machine_says_of_itself() -> None:
    """Names, representation and reactions come from the definition."""
    machine = hold_machine()
    assert "hold" in repr(machine)
    assert machine.spec.digest[:12] in repr(machine)
    event = make_event("sent", machine.start("i"), World(machine, machine.start("i")).now, "x")
    assert machine.event_name(event) == "sent"
    link_restored = machine.implementation.events["link_restored"]
    assert machine.reacts("held", link_restored)
    assert not machine.reacts("active", link_restored)
    assert machine.reacts("active", machine.implementation.events["hold_requested"])


def test_an_event_of_another_machine_is_refused() -> None:
    """A step with something that is no event of the machine says so and names both."""
    machine = hold_machine()
    with pytest.raises(TypeError, match="machine 'hold' in state 'active' knows no event object"):
        machine.step(machine.start("i"), object())


def test_another_policy_leaves_the_definition() -> None:
    """`with_policy` gives a machine of the same definition under the other policy."""
    machine = hold_machine().with_policy(POLICIES["expire"])
    assert machine.spec is hold_machine().spec
    assert machine.policy is POLICIES["expire"]


def test_nothing_changed_means_the_same_object() -> None:
    """A step that changes nothing returns the very interaction that it was given."""
    world = new_world().after("hold_requested", "sent", "acknowledged")
    for name in ("sent", "hold_requested", "link_lost", "limit_timer_fired:earlier"):
        _, step = world.step(name)
        assert step.interaction is world.interaction, name
