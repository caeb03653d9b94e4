"""The parts of the proof: views, samples that fail, watching, and what is owed."""

from collections.abc import Hashable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve, frozen
from tests.machines.broken_specs import parking

from hookflash.machines.errors import SpecError
from hookflash.machines.findings import Finding
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.machine import Machine, named
from hookflash.machines.proof import Report, prove
from hookflash.machines.proof_search import Exploration
from hookflash.machines.proof_world import (
    START,
    Asked,
    Samples,
    World,
    alphabet,
    take,
    whole_view,
)
from hookflash.machines.spec import read_spec

SOUND = (Path(__file__).parent / "broken_specs" / "sound.toml").read_text("utf-8")


def changed(*changes: tuple[str, str]) -> str:
    """Return the sound definition with each first text replaced by the second."""
    text = SOUND
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def report_on(text: str, samples: Samples = parking.SAMPLES) -> Report:
    """Prove a variant of the sound definition."""
    return prove(read_spec(text, "x.toml"), parking.IMPLEMENTATION, samples)


def kinds(report: Report) -> list[str]:
    """Return the kinds of what was found."""
    return [finding.kind for finding in report.findings]


# --- views --------------------------------------------------------------------------------------


@frozen
class Things:
    """Data of every shape that a view walks through."""

    one: Any = None
    other: Any = None


def world_of(one: Any, other: Any = None, **parts: Any) -> World:
    return World(Interaction("i", "s", Things(one, other)), None, **parts)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ((START + 1, START + 5), (START + 2, START + 900), True),
        ((START + 1, START + 5), (START + 5, START + 1), False),
        ((START + 1, START + 1), (START + 1, START + 2), False),
        (("proof-1", "proof-2"), ("proof-7", "proof-3"), True),
        (("proof-1", "proof-1"), ("proof-7", "proof-3"), False),
        ((1, 2), (1, 3), False),
        (("held", None), ("held", None), True),
        (("held", None), ("active", None), False),
        (({"a": START}, {"b", "c"}), ({"a": START + 3}, {"c", "b"}), True),
        (({"a": START}, None), ({"b": START}, None), False),
        (((1, 2), (3,)), ((1,), (2, 3)), False),
        ((Things(1), None), ((1, None), None), False),
        ((frozenset({"x"}), [True]), (frozenset({"x"}), [False]), False),
    ],
)
def test_a_whole_view_is_all_but_ids_and_instants(
    first: tuple[Any, Any], second: tuple[Any, Any], *, alike: bool
) -> None:
    """These count by their order; everything else, and its shape, as it is."""
    assert (whole_view(world_of(*first)) == whole_view(world_of(*second))) is alike


def test_what_is_owed_is_part_of_a_whole_view() -> None:
    """Since when, too, by its order among the other instants."""
    asked = Asked(parking.RingBack(1), START)
    later = Asked(parking.RingBack(1), Instant(START + 9))
    views = [
        whole_view(world_of(START + 1)),
        whole_view(world_of(START + 1, asked={"RingBack": asked})),
        whole_view(world_of(START + 1, asked=MappingProxyType({"RingBack": later}))),
    ]
    assert len(set(views)) == 3


# --- samples ------------------------------------------------------------------------------------


def test_a_sample_that_fails_is_its_authors_mistake() -> None:
    """Which one, in which state, and why; no finding about the machine."""

    def broken(_: World) -> Any:
        raise KeyError("attempts")

    samples = evolve(parking.SAMPLES, events={**parking.SAMPLES.events, "picked_up": broken})
    with pytest.raises(SpecError, match=r"'picked_up' of parking failed in state 'free': KeyErr"):
        report_on(SOUND, samples)


def test_a_view_that_fails_is_its_authors_mistake() -> None:
    """The same for the view."""

    def view(_: World) -> Hashable:
        raise ZeroDivisionError("by zero")

    with pytest.raises(SpecError, match=r"x\.toml: line 29: check: 'view' of .*: by zero"):
        report_on(SOUND, evolve(parking.SAMPLES, view=view))


def broken(*_: Any) -> Any:
    raise RuntimeError("broken")


def test_what_else_fails_is_its_authors_mistake_too() -> None:
    """An exception under `unless`, and who knows what is owed."""
    idle = ('effects = ["start_recall"]\ndoc = "The call', 'doc = "The call')
    excused = ('watched_by = "recall"', 'watched_by = "recall"\nunless = ["patient"]')
    samples = evolve(parking.SAMPLES, exceptions={"patient": broken})
    with pytest.raises(SpecError, match=r"'patient' of parking failed .*RuntimeError: broken"):
        report_on(changed(idle, excused), samples)
    with pytest.raises(SpecError, match=r"'still_owed' of parking failed .*RuntimeError: broken"):
        report_on(SOUND, evolve(parking.SAMPLES, still_owed=broken))


def test_a_sample_of_no_event_is_named() -> None:
    """With the nearest event there is."""
    events = {**parking.SAMPLES.events, "piked_up:twice": parking.SAMPLES.events["picked_up"]}
    report = report_on(SOUND, evolve(parking.SAMPLES, events=events))

    (finding,) = report.findings
    assert (finding.kind, finding.line) == ("unknown_name", 29)
    assert "sample of 'piked_up', which is no event; did you mean 'picked_up'" in finding.message
    assert report.explored is None


def test_a_sample_of_the_wrong_class_fails_its_step() -> None:
    """The machine knows no such event: the path shows which sample gave it."""

    def mislaid(world: World) -> Any:
        return parking.Mislaid(world.next_at)

    wrong = {**parking.SAMPLES.events, "picked_up": mislaid}
    report = report_on(SOUND, evolve(parking.SAMPLES, events=wrong))

    failed = [finding for finding in report.findings if finding.kind == "step_fails"]
    assert {finding.event for finding in failed} == {"picked_up"}
    assert all("TypeError" in finding.message for finding in failed)


def test_the_author_may_sample_a_timers_event() -> None:
    """Then that sample counts instead of the one that every timer has."""

    def none(_: World) -> Any:
        return None

    events = {**parking.SAMPLES.events, "recall_timer_fired": none}
    never = evolve(parking.SAMPLES, events=events)
    machine: Machine[Any, Any] = Machine(read_spec(SOUND, "x.toml"), parking.IMPLEMENTATION)
    letters = alphabet(machine, never)
    assert letters["recall_timer_fired"][1](world_of(1)) is None
    assert "recall_timer_fired:set anew" in letters


def test_rows_of_events_that_never_come_are_not_called_dead() -> None:
    """Nothing is said about what no sample shows."""

    def answered(world: World) -> Any:
        ringing = world.interaction.state == "ringing"
        return parking.RingAnswered(world.next_at) if ringing else None

    seldom = evolve(parking.SAMPLES, events={**parking.SAMPLES.events, "ring_answered": answered})
    report = report_on(SOUND, seldom)
    assert report.findings == ()
    assert report.explored is not None
    assert report.explored.rows_taken == len(report.spec.rows) - 3


# --- what is owed -------------------------------------------------------------------------------


def test_an_answer_settles_what_was_asked_for() -> None:
    """One of the events that the definition names; any other leaves it owed."""
    machine: Machine[Any, Any] = Machine(read_spec(SOUND, "x.toml"), parking.IMPLEMENTATION)
    ringing = Interaction("i", "ringing", parking.ParkingData())
    owed = World(ringing, machine.policy, asked={"RingBack": Asked(parking.RingBack(1), START)})
    for name, event, still in (
        ("ring_answered", parking.RingAnswered(owed.next_at), False),
        ("ring_failed", parking.RingFailed(owed.next_at), False),
        ("picked_up", parking.PickedUp(owed.next_at), True),
    ):
        world, _ = take(machine, parking.SAMPLES, owed, name, event)
        assert ("RingBack" in world.asked) is still


def test_the_time_alone_makes_no_difference() -> None:
    """An event that changes nothing leads to the very same world."""
    machine: Machine[Any, Any] = Machine(read_spec(SOUND, "x.toml"), parking.IMPLEMENTATION)
    world = World(machine.start("i"), machine.policy)
    assert take(machine, parking.SAMPLES, world, "x", parking.PickedUp(world.next_at))[0] is world


# --- who is watched -----------------------------------------------------------------------------


def test_an_initial_state_is_watched_where_it_says_so() -> None:
    """Else nobody waits in it yet."""
    said = ('doc = "No call was parked."', 'doc = "No call was parked."\nwatched_by = ["recall"]')
    report = report_on(changed(said))
    found = {(finding.kind, finding.path) for finding in report.findings}
    assert ("unwatched", ()) in found
    assert ("no_timer_out", ()) in found


def test_who_may_wait_for_ever_is_taken_for_granted() -> None:
    """A state that says why it lasts, or an exception that holds, is no finding but told."""
    idle = ('effects = ["start_recall"]\ndoc = "The call', 'doc = "The call')
    assert "unwatched" in kinds(report_on(changed(idle)))

    lasts = report_on(changed(idle, ('watched_by = "recall"', 'lasts = "Calls are patient."')))
    assert "unwatched" not in kinds(lasts)
    assert "'parked' may last for ever: Calls are patient." in lasts.assumptions

    def patient(_call: parking.Call, _policy: parking.ParkingPolicy) -> bool:
        return True

    excused = report_on(
        changed(idle, ('watched_by = "recall"', 'watched_by = "recall"\nunless = ["patient"]')),
        evolve(parking.SAMPLES, exceptions=named(patient)),
    )
    assert "unwatched" not in kinds(excused)
    assert "'parked' may be left unwatched (patient): patient" in excused.assumptions

    nobody = report_on(
        changed(idle, ('watched_by = "recall"', 'watched_by = "recall"\nunless = ["patient"]'))
    )
    assert "unwatched" in kinds(nobody)
    assert len(nobody.assumptions) == 1


def test_a_timer_whose_event_fails_watches_nobody() -> None:
    """Neither does one that does nothing; what fails is told as well."""
    text = changed(('guards = ["for_this_call"]\n', 'guards = ["raises"]\n'))
    report = report_on(text)
    assert {"unwatched", "step_fails"} <= set(kinds(report))
    unwatched = next(one for one in report.findings if one.kind == "unwatched")
    assert "none of recall is under way" in unwatched.message


def test_a_state_from_which_nothing_ends_is_told_once() -> None:
    """The one that is entered from where an end is still possible."""
    lost = '[states.lost]\ndoc = "Lost."\nlasts = "Lost."\n[states.sought]\ndoc = "Sought."\n'
    rows = "".join(
        f'\n[[transitions]]\nsource = "{source}"\nevent = ["park_requested", "recall_timer_fired",'
        f' "ring_answered", "ring_failed", "picked_up"]\ntarget = "{target}"\ndoc = "Sought."\n'
        for source, target in (("lost", "sought"), ("sought", "lost"))
    )
    to_lost = (
        'event = "ring_answered"\ntarget = "gone"',
        'event = "ring_answered"\ntarget = "lost"',
    )
    text = changed(("[states.gone]", f"{lost}[states.gone]"), to_lost) + rows

    assert [
        (one.kind, one.state) for one in report_on(text).findings if one.kind == "dead_end"
    ] == [("dead_end", "lost")]


def test_a_machine_without_an_end_needs_none() -> None:
    """Where no state is final, it is enough that each is left again."""
    endless = changed(
        (
            'doc = "Somebody took the call, or nobody was to be reached."\nfinal = true',
            'doc = "Gone."',
        ),
        ('source = ["parked", "ringing", "gone"]', 'source = ["parked", "ringing"]'),
        (
            'source = "free"\nevent = "park_requested"',
            'source = ["free", "gone"]\nevent = "park_requested"',
        ),
    )
    assert kinds(report_on(endless)) == ["no_timer_out", "unwatched"]


# --- findings -----------------------------------------------------------------------------------


def test_the_shortest_path_of_all_policies_counts() -> None:
    """The same finding under several policies is told once, with all rows that end there."""
    samples = evolve(
        parking.SAMPLES,
        policies={
            "one attempt": parking.ParkingPolicy(attempts_max=1),
            "none": parking.ParkingPolicy(attempts_max=0),
            "three": parking.ParkingPolicy(attempts_max=3),
        },
    )
    path = Path(__file__).parent / "broken_specs" / "unwatched_timer_idle.toml"
    report = report_on(path.read_text("utf-8"), samples)

    (finding,) = [one for one in report.findings if one.kind == "unwatched"]
    assert finding.policy == "none"
    assert [step.event for step in finding.path] == ["park_requested"]
    assert finding.also_after == (81,)


def test_rows_without_lines_are_told_together() -> None:
    """Rows written as an inline array have none."""
    lines = SOUND.splitlines()
    assert lines
    head, _, _ = SOUND.partition("[[transitions]]")
    events = '["park_requested", "recall_timer_fired", "ring_answered", "ring_failed", "picked_up"]'
    rows = (
        "transitions = [\n"
        '{ source = "free", event = "park_requested", target = "parked", doc = "x" },\n'
        '{ source = "free", event = "park_requested", guards = ["never"], late = "x" },\n'
        f'{{ source = ["parked", "ringing", "gone"], event = {events}, late = "x" }},\n'
        "]\n"
    )
    report = report_on(rows + head)
    assert any(one.kind == "competing_rows" and one.line == 0 for one in report.findings)
    assert any(one.kind == "undecided_pair" and one.state == "free" for one in report.findings)


def test_a_migration_that_cannot_be_is_found() -> None:
    """A hash that is none, a state and a function that do not exist."""
    text = SOUND + (
        '\n[[migrations]]\nfrom = "abc"\ndoc = "x"\n'
        '\n[[migrations]]\nfrom = "0123456789ab"\ndoc = "x"\ncarry = "nothing"\n'
        '[migrations.states]\nheld = "parkd"\nwaiting = "parked"\n'
    )
    found = [(one.place, one.message) for one in report_on(text).findings]
    assert [place for place, _ in found] == [
        "x.toml: migrations 1.from",
        "x.toml: migrations 2.states",
        "x.toml: migrations 2.carry",
    ]
    assert "did you mean 'parked'" in found[1][1]


def test_an_effect_that_nobody_produces_is_found() -> None:
    """A name under [check.answers] has to be one of the module's effects, if it lists any."""
    text = changed(('RingBack = ["ring', 'RingBak = ["ring'))
    (finding,) = [one for one in report_on(text).findings if one.kind == "unknown_name"]
    assert (
        "effect class 'RingBak' does not exist in parking; did you mean 'RingBack'"
        in finding.message
    )
    silent = evolve(parking.IMPLEMENTATION, produces=())
    report = prove(read_spec(text, "x.toml"), silent, parking.SAMPLES)
    assert "unknown_name" not in kinds(report)


def test_a_finding_keeps_the_lines_of_other_ways() -> None:
    """Each once, in order, and not the one that its own path ends with."""
    finding = Finding("unwatched", "x", "y")
    assert finding.also([7, 3, 7]).also([5]).also_after == (3, 5, 7)


def test_a_walk_knows_its_ways() -> None:
    """The start is reached by no step at all."""
    machine: Machine[Any, Any] = Machine(read_spec(SOUND, "x.toml"), parking.IMPLEMENTATION)
    walk = Exploration(machine, parking.SAMPLES, "default")
    walk.run()
    assert walk.path_to(0) == ()
    assert [step.event for step in walk.path_to(1)] == ["park_requested"]
    timers = walk.nodes[1].world.interaction.timers
    assert timers == (Timer("recall", "call", after(timers[0].due_at, 0)),)
