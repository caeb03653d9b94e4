"""The bound on what rules may decide about one event."""

import orjson
import pytest
from attrs import evolve
from tests.machines.rules.worlds import BEGIN, held, rules_of

from hookflash.machines.lines import LINE_BYTES_MAX
from hookflash.machines.rules.bounds import RULING_BYTES_MAX, bounded
from hookflash.machines.rules.facts import RuleEvent
from hookflash.machines.rules.memory import NO_MEMORY, Queued, RuleMemory, Seen
from hookflash.machines.rules.ruling import PlannedAction, Ruling
from hookflash.machines.rules.trace import ActionTrace, RuleTrace, Trace

ENTERED = RuleEvent(BEGIN, "acknowledged", "hold_pending", "held")


def decided(
    count: int, actions: int, message: str, condition: str = "true", more: str = ""
) -> Ruling:
    """Return what a rule decides, as if there were *count* of it, each with so many messages."""
    notify = f"{{ action = 'notify', to = 'a', message = '{message}' }}"
    text = (
        "[[rule]]\nname = 'r'\ntrigger = { to = 'held' }\n"
        f"condition = '''{condition}'''\nactions = [{', '.join([notify] * actions)}]\n{more}\n"
    )
    decision = rules_of(text).evaluate(held(), ENTERED)
    planned = tuple(PlannedAction(str(n), one) for n, one in enumerate(decision.actions * count))
    trace = evolve(decision.trace, rules=decision.trace.rules * count)
    return Ruling(decision.memory, trace, planned, "org")


def size_of(ruling: Ruling) -> int:
    """Return how long it is in the journal."""
    return len(orjson.dumps(ruling.to_json()))


def test_all_texts_are_weighed() -> None:
    """Clauses with what they read, numbers as well, and temporal conditions."""
    window = "count = { to = 'held', last = '10m', at_least = 1 }"
    condition = "interaction.holds >= 0 && interaction.id != ''"
    ruling = decided(1, 1, "on hold", condition, window)
    assert bounded(ruling, NO_MEMORY)[0] is ruling


@pytest.mark.parametrize(("count", "actions"), [(1, 1), (3, 2), (60, 2), (1, 10)])
def test_usual_decisions_are_left_alone(count: int, actions: int) -> None:
    """The very same object, few or many."""
    ruling = decided(count, actions, "on hold")
    assert (ruling, True) == bounded(ruling, NO_MEMORY)
    assert bounded(ruling, NO_MEMORY)[0] is ruling


def test_a_long_trace_is_told_in_short() -> None:
    """What is done and remembered is the same; the trace says which rules came to what."""
    clause = f"hold.reason != '{'ü' * 400}'"
    ruling = decided(300, 1, "on hold", f'"{"x" * 400}" != interaction.id && {clause}')
    assert size_of(ruling) > RULING_BYTES_MAX
    shorter, fits = bounded(ruling, NO_MEMORY)

    assert fits
    assert size_of(shorter) <= RULING_BYTES_MAX
    assert (shorter.memory, shorter.actions) == (ruling.memory, ruling.actions)
    assert shorter.trace is not None
    assert {one.verdict for one in shorter.trace.rules} == {"acted"}
    assert len(shorter.trace.rules) == 100
    assert "the trace of 300 rules was too long" in shorter.trace.warnings[-1]
    assert shorter.is_rare


@pytest.mark.parametrize(
    ("count", "actions", "message"), [(100, 10, "x" * 900), (9, 10, "語" * 990)]
)
def test_too_much_counts_for_nothing(count: int, actions: int, message: str) -> None:
    """Nothing is done, what was remembered stays, and somebody is to look at it."""
    ruling = decided(count, actions, message)
    before = RuleMemory(serial=7)
    refused, fits = bounded(ruling, before)

    assert size_of(ruling) > RULING_BYTES_MAX
    assert not fits
    assert size_of(refused) < 10_000 + 100 * count
    assert (refused.memory, refused.actions, refused.org) == (before, (), "org")
    assert f"{count * actions} actions among it" in refused.alarm
    assert refused.trace is not None
    assert {one.verdict for one in refused.trace.rules} == {"suppressed"}
    assert refused.trace.warnings[-1] == refused.alarm


def test_memory_is_bounded_too() -> None:
    """Also where there is no trace at all, and where few parts are heavy."""
    queue = tuple(Queued(f"r{number}", ENTERED) for number in range(4_000))
    refused, fits = bounded(Ruling(RuleMemory(queue=queue)), NO_MEMORY)
    assert (refused.memory, refused.trace, fits) == (NO_MEMORY, None, False)
    assert refused.alarm
    times = RuleMemory(seen=(Seen("to held", (BEGIN,) * 20_000),))
    assert not bounded(Ruling(times), NO_MEMORY)[1]
    heavy = ActionTrace("語" * 2000, "taken")
    trace = Trace(BEGIN, "i", "x", (RuleTrace("r", "", "waiting", actions=(heavy,) * 50),))
    shorter, fits = bounded(Ruling(NO_MEMORY, trace), NO_MEMORY)
    assert fits
    assert shorter.trace is not None
    assert [one.verdict for one in shorter.trace.rules] == ["waiting"]
    assert bounded(evolve(shorter, trace=None), NO_MEMORY)[1]


def test_the_bound_is_well_below_that_of_a_line() -> None:
    """Beside it a line has an event and effects, and a state what is open of several decisions."""
    assert RULING_BYTES_MAX * 4 <= LINE_BYTES_MAX
