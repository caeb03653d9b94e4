"""Under which conditions rows are taken, in words."""

from typing import Any

import pytest
from attrs import evolve
from tests.machines.documents.lamps import IMPLEMENTATION, LAMP, gentle, lamp
from tests.machines.hold_world import hold_machine

from hookflash.adapters.specifications import load_machine
from hookflash.machines.conditions import choice_of, conditions_of, unless_it_stays, words_of
from hookflash.machines.hold_guards import from_frame, set_anew
from hookflash.machines.machine import Machine, named
from hookflash.machines.spec import Row, parse_spec


def row_of(machine: Machine[Any, Any], source: str, event: str, *guards: str) -> Row:
    """Return the row with just these guards."""
    rows = machine.spec.rows_of(source, event)
    return next(row for row in rows if set(row.guards) == set(guards))


def test_words_of_guards() -> None:
    """A docstring says how a guard is told, or nobody does."""
    said = words_of(from_frame)
    assert ("a frame says so", "a lookup says so") == (said.so, said.otherwise)
    said = words_of(set_anew)
    assert (None, None) == (said.so, said.otherwise)


@pytest.mark.parametrize(
    ("source", "event", "guards", "said"),
    [
        ("held", "observed_active", (), ["a lookup says so"]),
        ("hold_pending", "observed_active", (), ["a lookup after the doubt says so"]),
        ("active", "observed_closed", (), []),
        (
            "unhold_pending",
            "observed_active",
            (),
            ["a lookup says so", "our frame was written"],
        ),
        (
            "unhold_pending",
            "observed_active",
            ("unsent",),
            ["our frame was not written yet", "a lookup says so", "our frame is the first one"],
        ),
        (
            "unhold_pending",
            "not_sent",
            ("is_current",),
            ["it is about the pending frame", "no enforced limit has passed"],
        ),
        ("held", "limit_timer_fired", ("watched_hold",), ["the hold is only watched"]),
        (
            "held",
            "limit_timer_fired",
            ("for_this_hold",),
            ["it is this hold's timer", "the limit is enforced", "the policy is `expire`"],
        ),
        ("unhold_pending", "refused", ("refusal_says_closed",), ["the refusal says closed"]),
    ],
)
def test_conditions(source: str, event: str, guards: tuple[str, ...], said: list[str]) -> None:
    """Those of the row's own guards, and that no row before it is taken."""
    machine = hold_machine()
    assert said == list(conditions_of(machine, row_of(machine, source, event, *guards)))


def test_what_chooses_between_rows() -> None:
    """Whether an event is about something that goes on is no choice."""
    machine = hold_machine()
    expires = row_of(machine, "held", "limit_timer_fired", "for_this_hold")
    assert ["the limit is enforced", "the policy is `expire`"] == list(choice_of(machine, expires))
    warns = row_of(machine, "held", "warning_timer_fired", "for_this_hold")
    assert () == choice_of(machine, warns)


def test_guards_without_words_are_named() -> None:
    """What nobody has words for is told by its name, and never guessed for a row with guards."""
    machine = lamp()
    first = row_of(machine, "lit", "glow_over", "gentle")
    last = row_of(machine, "lit", "glow_over")
    assert ("`gentle`",) == conditions_of(machine, first)
    assert ("not `gentle`",) == conditions_of(machine, last)


def test_several_guards_of_one_row_before() -> None:
    """It is not taken where one of them does not hold."""

    def broken(*_: Any) -> bool:
        raise AssertionError("documents ask no guard")

    implementation = evolve(IMPLEMENTATION, guards=named(gentle, broken))
    both = LAMP.replace('["gentle"]\ntarget = "dark"', '["broken", "gentle"]\ntarget = "dark"')
    machine: Machine[Any, Any] = Machine(parse_spec(both, "lamp.toml"), implementation)
    last = row_of(machine, "lit", "glow_over")
    assert ("not both: `gentle` and `broken`",) == conditions_of(machine, last)


def test_what_a_picture_takes_for_granted() -> None:
    """Where a row before stays, its event alone is not enough; only words are told."""
    machine = load_machine("hold")
    assert ("a lookup says so",) == unless_it_stays(
        machine, row_of(machine, "expired", "observed_active")
    )
    assert () == unless_it_stays(machine, row_of(machine, "held", "unhold_requested"))
    assert () == unless_it_stays(machine, row_of(machine, "unhold_pending", "not_sent"))
    guarded = row_of(machine, "unhold_pending", "observed_active", "unsent")
    assert () == unless_it_stays(machine, guarded)
