"""What a drawing shows: every row once, the normal path apart, and what only a recording has."""

import attrs
import pytest
from tests.machines.diagrams.doors import STORY, DoorPolicy, door, door_spec, traffic, walk

from hookflash.adapters.specifications import load_machine, shipped_machines
from hookflash.machines.diagrams import Walk, describe
from hookflash.machines.diagrams.describing import duration_of
from hookflash.machines.diagrams.story import story_of
from hookflash.machines.instants import Instant
from hookflash.machines.spec_diagram import Diagram


@pytest.mark.parametrize("name", shipped_machines())
def test_every_row_is_drawn_once(name: str) -> None:
    """Each row of a shipped machine is on exactly one arrow, or in exactly one box."""
    machine = load_machine(name)
    drawing = describe(machine)
    drawn = [row for arrow in drawing.arrows for row in arrow.rows]
    drawn += [row for box in drawing.boxes for line in box.lines for row in line.rows]
    assert sorted(row.index for row in drawn) == list(range(len(machine.spec.rows)))


def test_parallel_arrows_are_one() -> None:
    """Between two states there is one arrow, with a line for each event, guards and effects."""
    arrow = next(
        arrow
        for arrow in describe(load_machine("hold")).arrows
        if (arrow.sources, arrow.target) == (("unhold_pending",), "held")
    )
    assert [line.event for line in arrow.lines] == [
        *("not_sent", "refused", "observed_held", "observed_held")
    ]
    assert arrow.lines[1].guards == ("refusal_says_held",)
    assert arrow.lines[1].effects == ("end_refused",)


def test_the_normal_path_comes_first() -> None:
    """Arrows of the declared path come first, in its order, and its events first on them."""
    drawing = describe(load_machine("hold"))
    story = [arrow for arrow in drawing.arrows if arrow.story]
    assert [arrow.number for arrow in story] == [1, 2, 3, 4]
    assert [arrow.sources[0] for arrow in story] == [
        *("active", "hold_pending", "held", "unhold_pending")
    ]
    assert [line.story for line in story[1].lines][:2] == [2, None]
    assert [box.name for box in drawing.boxes if not box.story] == ["expired", "closed"]
    assert drawing.story.declared


def test_a_path_that_is_not_declared_is_derived() -> None:
    """It goes to new states by events sooner than by timers, and back to the beginning last."""
    story = describe(door("")).story
    assert not story.declared
    assert story.hops == (
        ("shut", "pushed", "open"),
        ("open", "blocked", "stuck"),
        ("stuck", "removed", "gone"),
    )
    assert story.states == ("shut", "open", "stuck", "gone")


def test_a_derived_path_may_be_a_circle() -> None:
    """Where every state is seen, it ends with the way back to the first one."""
    machine = load_machine("hold")
    end_never = [row for row in machine.spec.rows if row.target != "closed"]
    spec = attrs.evolve(machine.spec, rows=tuple(end_never), diagram=Diagram())
    assert story_of(spec).states == (
        *("active", "hold_pending", "held", "unhold_pending", "expired", "active"),
    )


def test_an_initial_state_without_a_way_out_has_no_path() -> None:
    """Where nothing leads anywhere, nothing is normal."""
    spec = attrs.evolve(door_spec(""), rows=())
    assert story_of(spec).states == ()


def test_no_path_is_a_path() -> None:
    """A definition may say that there is no normal path."""
    drawing = describe(door("[diagram]\npath = []\n"))
    assert drawing.story.hops == ()
    assert not any(arrow.story for arrow in drawing.arrows)


def test_arrows_from_any_state_are_one() -> None:
    """Where one event leads from every state to a final one, all arrows there are one."""
    folded = [arrow for arrow in describe(door()).arrows if len(arrow.sources) > 1]
    (arrow,) = folded
    assert (arrow.sources, arrow.target) == (("shut", "open", "stuck"), "gone")
    assert [(line.sources, line.effects) for line in arrow.lines] == [
        (("shut", "open"), ("ring",)),
        (("stuck",), ()),
    ]


def test_few_states_are_not_folded() -> None:
    """Two arrows to a final state are drawn as two."""
    machine = door()
    states = {name: state for name, state in machine.spec.states.items() if name != "stuck"}
    rows = [row for row in machine.spec.rows if "stuck" not in {row.source, row.target}]
    machine.spec = attrs.evolve(machine.spec, states=states, rows=tuple(rows))
    to_gone = [arrow.sources for arrow in describe(machine).arrows if arrow.target == "gone"]
    assert to_gone == [("shut",), ("open",)]


def test_the_normal_path_and_a_walk_are_not_folded() -> None:
    """What the normal path or an interaction takes is an arrow of its own."""
    connection = describe(load_machine("connection"))
    to_closed = [arrow for arrow in connection.arrows if arrow.target == "closed"]
    assert to_closed[0].sources == ("connected",)
    assert "connected" not in to_closed[1].sources
    walked = describe(door(), walk=walk(("open", "removed", "gone")))
    assert all(len(arrow.sources) == 1 for arrow in walked.arrows)


def test_timers_stand_in_the_states_where_they_do_something() -> None:
    """A state has the timers whose end leads on or has an effect there, with their length."""
    boxes = {box.name: box for box in describe(door()).boxes}
    assert [(clock.name, clock.duration) for clock in boxes["open"].clocks] == [
        ("close", "30 s to 10 min")
    ]
    assert [line.rows[0].target for line in boxes["open"].clocks[0].lines] == ["shut", None]
    assert boxes["shut"].clocks == boxes["stuck"].clocks == ()


def test_durations_are_those_of_the_policy() -> None:
    """A share multiplies the setting, and the longest is told where it is longer."""
    assert duration_of(door(), "close") == "30 s to 10 min"
    assert duration_of(door(policy=DoorPolicy(longest_s=1.0)), "close") == "30 s"
    assert duration_of(door(""), "close") == "60 s"
    plain = STORY.replace('share = "patience", ', "")
    assert duration_of(door(plain), "close") == "60 s to 10 min"
    assert duration_of(door(STORY.replace(', longest = "longest_s"', "")), "close") == "30 s"


def test_what_only_a_recording_has_is_drawn() -> None:
    """States, arrows and events that the definition does not have are there, and marked."""
    drawing = describe(door(), traffic())
    unknown = [box for box in drawing.boxes if not box.known]
    assert [box.name for box in unknown] == ["air"]
    assert [event for event, _ in unknown[0].strays] == ["landed"]
    assert [event for event, _ in drawing.boxes[0].strays] == ["flown"]
    (stray,) = [arrow for arrow in drawing.arrows if not arrow.lines]
    assert (stray.sources, stray.target) == (("open",), "air")
    assert stray.number == len(drawing.arrows)
    assert stray.keys == (("open", "flown", "air"),)
    assert not stray.story


def test_a_walk_off_the_definition_is_drawn() -> None:
    """Steps of one interaction that the definition does not have are there, and counted."""
    drawing = describe(
        door(),
        walk=walk(("shut", "flown", "air"), ("air", "fell", "shut"), ("shut", "flown", "air")),
    )
    strays = {arrow.sources: arrow for arrow in drawing.arrows if arrow.strays}
    assert strays["shut",].strays[0][1].count == 2
    assert drawing.steps(strays["shut",].keys) == (1, 3)


def test_figures_of_a_drawing() -> None:
    """Counts are those of all that an arrow stands for; without traffic there are none."""
    drawing = describe(door(), traffic())
    arrows = {(arrow.sources, arrow.target): arrow for arrow in drawing.arrows}
    opened = arrows[("shut",), "open"].keys
    flow = drawing.flow(opened)
    assert flow is not None
    assert flow.count == 2000
    assert drawing.happened(opened)
    assert drawing.visited("gone")
    assert not drawing.visited("stuck")
    assert drawing.day == "2026-01-10"
    assert drawing.steps(opened) == ()
    plain = describe(door())
    assert plain.flow(opened) is None
    assert not plain.is_live
    assert not plain.visited("shut")
    assert plain.day == ""
    empty = describe(door(), traffic(first_at=None, last_at=None))
    assert empty.day == ""


def test_moments_of_a_walk() -> None:
    """They are to the millisecond; another day than that of the first step is told."""
    first, second = walk(("shut", "pushed", "open"), ("open", "time_over", "shut")).hops
    later = attrs.evolve(second, at=Instant(second.at + 86_400_000_000))
    way = Walk("door-1", (first, later))
    assert way.moment_of(1) == "13:00:01.000"
    assert way.moment_of(2) == "2026-01-11 13:00:02.000"
