"""The engine's parts by themselves: clock, deadlines, instances, commands."""

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.world import open_world

from hookflash.adapters.specifications import load_machine
from hookflash.engine.clock import SteadyClock
from hookflash.engine.commands import priority_of, problems_of, result_of
from hookflash.engine.instances import Instance, Instances
from hookflash.engine.timers import Deadlines
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import CommandBusy, HoldRefused, InvalidCommand, RateLimited
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Interaction, Timer

CALL = "11111111-1111-4111-8111-111111111111"
MACHINE = load_machine("hold")


# --- clock --------------------------------------------------------------------------------------


async def test_clock_never_gives_an_instant_twice(autojump_clock: trio.testing.MockClock) -> None:
    """Of two things one is always known to be the earlier, even within one microsecond."""
    clock = SteadyClock(started_at=Instant(1_000_000))
    instants = [clock.now() for _ in range(1000)]

    assert sorted(set(instants)) == instants
    await trio.sleep(10)
    assert 11_000_000 == clock.now()


async def test_clock_tells_the_trio_time_of_an_instant(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A deadline in wall time is a deadline in trio's time."""
    clock = SteadyClock()
    due = after(clock.now(), 30)
    await trio.sleep_until(clock.deadline_of(due))

    assert abs(clock.now() - due) < 10


async def test_ids_are_uuids_of_version_4_and_follow_the_seed() -> None:
    """Ids have version and variant as RFC 9562 says; the same chance draws the same ids."""
    first, second = SteadyClock(chance=Random(7)), SteadyClock(chance=Random(7))
    ids = [first.new_id() for _ in range(200)]

    assert ids == [second.new_id() for _ in range(200)]
    pattern = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(pattern.fullmatch(one) for one in ids)


# --- deadlines ----------------------------------------------------------------------------------


def noting(fired: list[str]) -> Callable[[Instance, Timer], None]:
    return lambda _, timer: fired.append(timer.name)


def held(name: str, timers: tuple[Timer, ...]) -> Instance:
    return Instance(Interaction(name, "held", None, None, timers), MACHINE)


async def test_timers_fire_in_order_of_their_deadlines(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One heap serves all timers; overdue ones fire at once, later ones in their order."""
    clock = SteadyClock(started_at=Instant(0))
    deadlines = Deadlines(clock)
    fired: list[str] = []
    timers = [Timer(str(s), "owner", Instant(s * 1_000_000)) for s in (5, 1, 3, 0)]
    instance = held(CALL, tuple(timers))
    for timer in timers:
        deadlines.start(instance, timer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deadlines.run, noting(fired))
        await trio.sleep(2)
        assert ["0", "1"] == fired
        earlier = Timer("2.5", "owner", Instant(2_500_000))
        instance.interaction = Interaction(CALL, "held", None, None, (*timers, earlier))
        deadlines.start(instance, earlier)
        await trio.sleep(8)
        nursery.cancel_scope.cancel()

    assert ["0", "1", "2.5", "3", "5"] == fired


async def test_stopped_timers_do_not_fire_and_do_not_pile_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A timer that its interaction no longer lists is chaff; much chaff is taken out."""
    clock = SteadyClock(started_at=Instant(0))
    deadlines = Deadlines(clock)
    fired: list[str] = []
    instance = held(CALL, ())
    for n in range(5000):
        deadlines.start(instance, Timer(str(n), "owner", Instant(1_000_000)))
        deadlines.stopped()
    assert len(deadlines) < 2500
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deadlines.run, noting(fired))
        await trio.sleep(10_000)
        nursery.cancel_scope.cancel()

    assert [] == fired
    assert 0 == len(deadlines)


# --- instances ----------------------------------------------------------------------------------


def test_instances_are_bounded_and_forget_idle_ones() -> None:
    """The oldest idle interactions go first; what something depends on stays."""
    forgotten: list[str] = []
    instances = Instances(MACHINE, 3, forgotten.append)
    busy = instances.get_or_start("a")
    busy.lookup = "asking"
    instances.get_or_start("b")
    instances.get_or_start("c")
    instances.get_or_start("d")

    assert busy is instances.get("a")
    assert instances.get("b") is None
    assert ["b", "c"] == forgotten
    assert len(instances) <= 3


def test_a_full_engine_refuses_as_busy() -> None:
    """When nothing can be forgotten, a new interaction is refused."""
    instances = Instances(MACHINE, 2, pytest.fail)
    for name in ("a", "b"):
        instances.get_or_start(name).lookup = "asking"
    with pytest.raises(CommandBusy):
        instances.get_or_start("c")
    assert {"a", "b"} == {instance.id for instance in instances}


def test_interactions_are_found_without_regard_to_case() -> None:
    """A UUID is the same in upper and lower case; it is sent as it was first given."""
    instances = Instances(MACHINE, 3, pytest.fail)
    instance = instances.get_or_start("ABCDEF00-0000-4000-8000-000000000000")

    assert instance is instances.get("abcdef00-0000-4000-8000-000000000000")
    assert "ABCDEF00-0000-4000-8000-000000000000" == instance.id


# --- commands -----------------------------------------------------------------------------------


def test_all_problems_of_a_command_are_named_at_once() -> None:
    """Each bad field is named, with what is wrong with it."""
    problems = problems_of(
        interaction_id="nope",
        priority=10,
        reason="lunch",
        reasons=("queueing",),
        music="",
        prompt="x" * 2000,
    )

    assert 5 == len(problems)
    assert any("UUID" in problem for problem in problems)
    assert any("0 to 9" in problem for problem in problems)
    assert any("'lunch'" in problem for problem in problems)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (9, 9), (10, None), (-1, None), (True, None), (2.5, None), (5.0, None), ("3", None),
     ("x", None), (None, None)],
)  # fmt: skip
def test_priorities(value: object, expected: int | None) -> None:
    """A priority is a whole number from 0 to 9: no text of one, no other kind of number."""
    assert expected == priority_of(value)


@pytest.mark.parametrize("force", [None, 0, 1, "yes", "false"])
def test_force_is_true_or_false(force: object) -> None:
    """Nobody is released past a limit because some text counts as true."""
    (problem,) = problems_of(interaction_id=CALL, priority=0, force=force)
    assert problem == f"force must be True or False, is {force!r}"


def ended(**changes: Any) -> EndCommand:
    values: dict[str, Any] = {
        "command_id": "c1",
        "correlation_id": "c2",
        "action": "hold",
        "outcome": "confirmed",
        "state": "held",
        "requested_at": Instant(1_000_000),
        "at": Instant(1_250_000),
        "actor": "caller",
    }
    return EndCommand(**{**values, **changes})


def test_result_of_a_success() -> None:
    """A success says how it came about and how long it took."""
    result = result_of(ended(), CALL)

    assert ("success", "confirmed", 0.25, "c2", CALL, "held") == (
        result.status,
        result.outcome,
        result.latency_s,
        result.correlation_id,
        result.interaction_id,
        result.state,
    )


def test_failures_raise_what_their_end_names() -> None:
    """The error's parts are attributes; an unknown name is a refusal."""
    with pytest.raises(RateLimited) as limited:
        result_of(ended(outcome="refused", error="RateLimited", retry_after_s=2.0), CALL)
    assert 2.0 == limited.value.retry_after_s
    with pytest.raises(HoldRefused, match="hold failed"):
        result_of(ended(outcome="refused", error="SomethingNew", message="no"), CALL)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", None),
        ("actor", "foreign"),
        ("actor", "limit"),
        ("actor", ""),
        ("actor", b"x"),
        ("deadline_s", -1),
        ("deadline_s", 0),
        ("deadline_s", float("nan")),
        ("deadline_s", "x"),
        ("music", "\ud800"),
        ("prompt", "a\x00b"),
    ],
)
async def test_what_cannot_be_written_or_waited_for_is_refused_before_anything_happens(
    autojump_clock: trio.testing.MockClock, field: str, value: Any
) -> None:
    """Nothing is sent, the engine lives on, and there is one audit line."""
    async with open_world() as world:
        with pytest.raises(InvalidCommand):
            await world.controller.hold(CALL, reason="queueing", priority=1, **{field: value})
        result = await world.controller.hold(CALL, reason="queueing", priority=1)

        assert "confirmed" == result.outcome
        assert 1 == world.simulator.statistics().commands
        assert ["invalid", "confirmed"] == [line["outcome"] for line in world.audit_lines]
        assert {"caller"} == {line["actor"] for line in world.audit_lines}
