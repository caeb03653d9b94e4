"""The shipped machines are sound; and no broken variant of the hold machine gets through."""

from collections import defaultdict
from typing import Any

import pytest
from tests.machines.hold_world import HOLD_TOML

from hookflash.machines import connection, connection_samples, hold, hold_samples
from hookflash.machines.findings import Finding
from hookflash.machines.machine import Machine
from hookflash.machines.proof import Report, prove
from hookflash.machines.proof_world import Asked, Samples, World, alphabet, take
from hookflash.machines.spec import Spec, read_spec

HOLD = HOLD_TOML.read_text("utf-8")
CONNECTION = (HOLD_TOML.parent / "connection.toml").read_text("utf-8")


def hold_report(text: str, *policies: str) -> Report:
    """Prove a variant of the hold machine, under some policies or under all."""
    samples = hold_samples.SAMPLES
    chosen = {name: samples.policies[name] for name in policies or samples.policies}
    narrowed = Samples(samples.events, chosen, samples.view, samples.exceptions, samples.still_owed)
    return prove(read_spec(text, "hold.toml"), hold.IMPLEMENTATION, narrowed)


def changed(before: str, after: str) -> str:
    """Return the definition with one place changed."""
    assert HOLD.count(before) == 1, before
    return HOLD.replace(before, after)


def forgotten(report: Report) -> list[Finding]:
    """Return the findings about somebody who may be forgotten."""
    return [one for one in report.findings if one.kind == "unwatched"]


def way(finding: Finding) -> list[str]:
    """Return the events of a finding's path."""
    return [step.event for step in finding.path]


def test_the_hold_machine_is_sound() -> None:
    """Every row is taken under some policy, and nobody is forgotten on hold."""
    report = hold_report(HOLD)

    assert report.findings == ()
    assert report.explored is not None
    assert report.explored.rows_taken == len(report.spec.rows)
    assert report.explored.worlds > 3000
    assert [text.partition(" ")[2][:20] for text in report.assumptions] == [
        "SendHold is answered",
        "SendUnhold is answer",
        "LookUp is answered b",
        "may be left unwatche",
    ]


def test_the_connection_machine_is_sound() -> None:
    """So a frame that waits for the socket waits for a machine that goes on trying."""
    spec = read_spec(CONNECTION, "connection.toml")
    report = prove(spec, connection.IMPLEMENTATION, connection_samples.SAMPLES)

    assert report.findings == ()
    assert report.explored is not None
    assert report.explored.rows_taken == len(spec.rows)


# --- variants in which somebody is forgotten ----------------------------------------------------

EXPIRE = 'guards = ["for_this_hold"]\ntarget = "expired"\n'
REFUSED = 'guards = ["refusal_says_held", "past_limit"]\n'

FORGOTTEN: dict[str, tuple[str, str, str, str, list[str], str]] = {
    "no alarm at the limit": (
        EXPIRE + 'effects = ["expire", "look_up_throttled"]\n',
        EXPIRE,
        "expire",
        "expired",
        ["observed_held:lookup", "limit_timer_fired"],
        "none of release is under way",
    ),
    "held again, past the limit": (
        REFUSED + 'target = "expired"\neffects = ["end_refused", "await_release"]',
        REFUSED + 'target = "held"\neffects = ["end_refused"]',
        "release",
        "held",
        ["observed_held:lookup", "limit_timer_fired", "refused:held"],
        "none of limit is under way",
    ),
    "no time for an acknowledgement": (
        'effects = ["start_ack_timer"]\n',
        "",
        "expire",
        "hold_pending",
        ["hold_requested", "sent"],
        "none of ack, lookup, SendHold, LookUp is under way",
    ),
    "no pause after a failed lookup": (
        'effects = ["start_lookup_timer"]\n',
        "",
        "expire",
        "hold_pending",
        ["hold_requested", "sent", "refused", "lookup_failed"],
        "none of ack, lookup, SendHold, LookUp is under way",
    ),
    "a timer that runs and raises no alarm": (
        'effects = ["alarm_again", "look_up_throttled"]\n',
        "",
        "expire",
        "expired",
        ["observed_held:lookup", "expire_requested"],
        "release runs, and does nothing by the row of line ",
    ),
    "a lookup that nobody asks for": (
        'effects = ["enter_doubt", "look_up"]',
        'effects = ["enter_doubt"]',
        "expire",
        "unhold_pending",
        ["observed_held:lookup", "unhold_requested", "sent"],
        "ack runs, and does nothing by the row of line ",
    ),
}


@pytest.mark.parametrize("case", FORGOTTEN)
def test_a_caller_who_would_be_forgotten_is_found(case: str) -> None:
    """With the state, the shortest path to it, and what ought to run."""
    before, after, policy, state, events, why = FORGOTTEN[case]
    report = hold_report(changed(before, after), policy)

    found = {one.state: one for one in forgotten(report)}
    assert way(found[state]) == events
    assert why in found[state].message
    assert found[state].policy == policy


def test_each_way_into_it_is_named() -> None:
    """One finding for the state, by the shortest path, with the rows that end the other ways."""
    text = changed('effects = ["alarm_again", "look_up_throttled"]\n', "")
    (finding,) = forgotten(hold_report(text, "expire"))

    assert finding.line is not None
    assert text.splitlines()[finding.line + 1] == 'event = "release_timer_fired"'
    ends = [text.splitlines()[line + 1] for line in finding.also_after]
    assert sorted(set(ends)) == [
        'event = "limit_timer_fired"',
        'event = "not_sent"',
        'event = "observed_held"',
        'event = "refused"',
    ]


def test_an_effect_that_takes_too_much_for_granted_is_found() -> None:
    """The row, the state and the error, by the shortest path."""
    text = changed('target = "held"\neffects = ["confirm_hold"]', 'target = "held"')
    report = hold_report(text, "release")

    failed = {one.event: one for one in report.findings if one.kind == "step_fails"}
    assert way(failed["expire_requested"]) == ["hold_requested", "acknowledged", "expire_requested"]
    assert (
        "AssertionError: only a row of a state with a hold has this effect"
        in failed["expire_requested"].message
    )


def test_a_frame_that_waits_for_the_socket_counts_as_under_way() -> None:
    """That is a decision: without it, a release that waits for the socket is nobody's.

    The design lets the limit's own unhold wait as long as it takes. What goes on trying meanwhile
    is the connection machine, whose own proof is above.
    """
    text = changed('"lookup", "SendUnhold", "LookUp"]', '"lookup", "LookUp"]')
    (finding,) = forgotten(hold_report(text, "release"))

    assert finding.state == "unhold_pending"
    assert way(finding) == ["observed_held:lookup", "unhold_requested"]
    ends = {text.splitlines()[line + 1] for line in finding.also_after}
    assert 'event = "limit_timer_fired"' in ends


# --- what the proof rests on --------------------------------------------------------------------


def ways_into_worlds(machine: Machine[Any, Any], samples: Samples, policy: Any) -> Any:
    """Return every view with up to three worlds that have it, and the samples."""
    assert samples.view is not None
    letters = alphabet(machine, samples)
    start = World(machine.start("i"), policy)
    ways: dict[Any, list[World]] = defaultdict(list, {samples.view(start): [start]})
    waiting = [start]
    for world in waiting:
        for name, sample in letters.values():
            event = sample(world)
            if event is None:
                continue
            after, _ = take(machine, samples, world, name, event)
            found = ways[samples.view(after)]
            if not found:
                waiting.append(after)
            if len(found) < 3:
                found.append(after)
    return ways, letters


@pytest.mark.parametrize(
    ("text", "implementation", "samples", "policy"),
    [
        (HOLD, hold.IMPLEMENTATION, hold_samples.SAMPLES, "expire"),
        (HOLD, hold.IMPLEMENTATION, hold_samples.SAMPLES, "release, watch foreign holds"),
        (CONNECTION, connection.IMPLEMENTATION, connection_samples.SAMPLES, "two attempts"),
    ],
    ids=["hold, expire", "hold, release and watch", "connection"],
)
def test_worlds_with_the_same_view_behave_alike(
    text: str, implementation: Any, samples: Samples, policy: str
) -> None:
    """Each sample leads from one as from the other to worlds that have the same view again.

    Left out is the event of an earlier setting where the timer is overdue already: none can come.
    """
    machine: Machine[Any, Any] = Machine(
        read_spec(text, "x.toml"), implementation, samples.policies[policy]
    )
    assert samples.view is not None
    ways, letters = ways_into_worlds(machine, samples, samples.policies[policy])
    compared = 0
    for view, (first, *others) in ways.items():
        for label, (name, sample) in letters.items():
            views: list[Any] = []
            for world in (first, *others):
                event = sample(world)
                if event is not None:
                    views.append(samples.view(take(machine, samples, world, name, event)[0]))
                elif not label.endswith(":set anew"):
                    views.append(view)
            assert len(set(views)) <= 1, label
            compared += len(views) - 1
    assert compared > 200


def test_samples_are_of_every_event() -> None:
    """No event of the shipped machines is left to chance."""
    for text, samples in ((HOLD, hold_samples.SAMPLES), (CONNECTION, connection_samples.SAMPLES)):
        spec: Spec = read_spec(text, "x.toml")
        timers = {timer.event for timer in spec.timers.values()}
        assert {label.partition(":")[0] for label in samples.events} == set(spec.events) - timers


def test_a_lookup_is_owed_until_it_answers_the_question() -> None:
    """One that began before it was asked for answers another; a frame is no answer."""
    machine: Machine[Any, Any] = Machine(
        read_spec(HOLD, "hold.toml"), hold.IMPLEMENTATION, hold_samples.POLICIES["release"]
    )
    world = World(machine.start("i"), machine.policy)
    for label in ("hold_requested", "sent", "ack_timer_fired"):
        world = after(machine, world, label)
    assert isinstance(world.asked["LookUp"], Asked)
    for label in ("observed_held:frame", "observed_active:lookup,before_doubt", "link_lost"):
        assert "LookUp" in after(machine, world, label).asked, label
    for label in ("observed_active:lookup", "lookup_failed"):
        assert "LookUp" not in after(machine, world, label).asked, label


def after(machine: Machine[Any, Any], world: World, label: str) -> World:
    """Return the world after the sample called *label*."""
    name, sample = alphabet(machine, hold_samples.SAMPLES)[label]
    return take(machine, hold_samples.SAMPLES, world, name, sample(world))[0]
