"""What rules cost: a condition beside other ways of asking it, and events per second.

    python tests/benchmarks/bench_rules.py [--loops N] [--rounds N]

First, one typical condition: as a hand-written lambda on a dictionary that is there already, by
CEL's library alone, by us (variables read from the facts, each clause with its value for the
trace), and by rule-engine with types. Once where it is fulfilled, once where a clause is not.

Second, events per second with 0, 10 and 100 rules, of which 3 match the trigger: what an event
costs follows the rules that it concerns, not those that there are. The rounds are interleaved, the
best of each contestant counts, and only ratios of one run mean anything.
"""

import argparse
import gc
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import rule_engine  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from hookflash.adapters.rules_files import names_of
from hookflash.machines.hold_data import Hold
from hookflash.machines.instants import Instant
from hookflash.machines.rules.calendar import Calendar
from hookflash.machines.rules.conditions import Condition, read_condition
from hookflash.machines.rules.expressions import environment
from hookflash.machines.rules.facts import RuleEvent, RuleFacts
from hookflash.machines.rules.memory import NO_MEMORY, History
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.rules.variables import Scene

TEXT = (
    "interaction.state == 'held' && hold.elapsed_s > 240"
    " && hold.reason in ['consultation', 'queueing'] && interaction.holds >= 2"
)
NAMES = ("interaction.state", "hold.elapsed_s", "hold.reason", "interaction.holds")
BEGIN, NOW = Instant(1_793_613_600_000_000), Instant(1_793_613_900_000_000)
GOAL_RATIO = 1.5
"""An event with 100 rules may cost at most so much more than with 10: three match in both."""


def scene(*, fulfilled: bool) -> Scene:
    """Return what the condition is asked about."""
    reason = "consultation" if fulfilled else "agent_break"
    hold = Hold("hold-1", BEGIN, Instant(BEGIN + 900_000_000), "release", reason=reason)
    facts = RuleFacts("interaction-1", "held", hold, "sg-1", "org-1")
    event = RuleEvent(NOW, "acknowledged", "hold_pending", "held", "caller", "confirmed", "hold")
    history = History(BEGIN, "held", BEGIN, holds=3)
    return Scene(facts, event, history, NOW, Calendar())


def asked_by_us(condition: Condition, given: Scene) -> bool:
    """Ask as `evaluate` does: a scene of its own for each rule."""
    fresh = Scene(given.facts, given.event, given.history, given.at, given.calendar)
    return condition.ask(fresh.value).holds


def contestants(*, fulfilled: bool) -> dict[str, Callable[[], Any]]:
    """Return ways of asking the condition."""
    given = scene(fulfilled=fulfilled)
    values = {name: given.value(name) for name in NAMES}
    by_hand: Callable[[dict[str, Any]], bool] = lambda v: (  # noqa: E731 - a lambda is what is compared
        v["interaction.state"] == "held"
        and v["hold.elapsed_s"] > 240
        and v["hold.reason"] in {"consultation", "queueing"}
        and v["interaction.holds"] >= 2
    )
    condition, faults = read_condition(TEXT, {})
    assert condition is not None, faults
    kinds: Any = rule_engine.DataType
    types = {
        "state": kinds.STRING,
        "elapsed_s": kinds.FLOAT,
        "reason": kinds.STRING,
        "holds": kinds.FLOAT,
    }
    other = rule_engine.Rule(
        "state == 'held' and elapsed_s > 240 and reason in ['consultation', 'queueing']"
        " and holds >= 2",
        context=rule_engine.Context(type_resolver=rule_engine.type_resolver_from_dict(types)),
    )
    short = {name.rpartition(".")[2]: value for name, value in values.items()}
    alone = condition.expression
    activation = environment().Activation
    ways: dict[str, Callable[[], Any]] = {
        "hand-written lambda": partial(by_hand, values),
        "CEL library alone": lambda: alone.eval(activation(data=values)).value(),
        "hookflash, with trace": partial(asked_by_us, condition, given),
        "rule-engine": partial(other.matches, short),
    }
    assert {bool(way()) for way in ways.values()} == {fulfilled}
    return ways


def rules_with(number: int) -> Rules:
    """Return so many rules, of which three are triggered by a hold that begins."""
    texts: list[str] = []
    for index in range(number):
        trigger = "{ to = 'held' }" if index < 3 else "{ outcome = 'refused', action = 'unhold' }"
        texts.append(
            f"[[rule]]\nname = 'rule-{index}'\ntrigger = {trigger}\n"
            f'condition = "{TEXT}"\n'
            "actions = [ { action = 'annotate', text = '{hold.elapsed_s}' } ]\n"
        )
    if not texts:
        nothing = (
            "name = 'never'\ntrigger = { to = 'closed' }\nactions = [ { action = 'expire' } ]\n"
        )
        texts.append(f"[[rule]]\n{nothing}")
    text = "\n".join(texts)
    return parse_rules(text, "bench", names_of())


def event_loops() -> dict[str, Callable[[], Any]]:
    """Return an event's evaluation by sets of rules of different sizes."""
    given = scene(fulfilled=True)
    memory = NO_MEMORY
    loops: dict[str, Callable[[], Any]] = {}
    for number in (0, 10, 100):
        rules = rules_with(number)
        first = rules.evaluate(given.facts, given.event, memory)
        assert len(first.trace.rules) == min(number, 3)
        loops[f"{number} rules"] = partial(rules.evaluate, given.facts, given.event, first.memory)
    return loops


def measure(ways: dict[str, Callable[[], Any]], loops: int, rounds: int) -> dict[str, float]:
    """Return the best time of each in microseconds, rounds interleaved."""
    best = dict.fromkeys(ways, float("inf"))
    gc.disable()
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            for _ in range(loops):
                way()
            best[name] = min(best[name], (time.perf_counter() - begin) / loops * 1e6)
        gc.collect()
    gc.enable()
    return best


def main() -> int:
    """Measure and print; 1 where the cost follows the rules that there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    for fulfilled in (True, False):
        best = measure(contestants(fulfilled=fulfilled), arguments.loops, arguments.rounds)
        floor, other = best["hand-written lambda"], best["rule-engine"]
        print(f"one condition of four clauses, {'fulfilled' if fulfilled else 'not fulfilled'}:")  # noqa: T201 - a program
        for name, cost in best.items():
            print(  # noqa: T201 - a program
                f"  {name:22} {cost:8.2f} µs  {cost / floor:7.1f} x lambda"
                f"  {cost / other:6.2f} x rule-engine"
            )
    best = measure(event_loops(), arguments.loops, arguments.rounds)
    print("one event, three rules match:")  # noqa: T201 - a program
    for name, cost in best.items():
        print(  # noqa: T201 - a program
            f"  {name:22} {cost:8.2f} µs  {1e6 / cost:10,.0f} events/s"
            f"  {cost / best['10 rules']:6.2f} x 10 rules"
        )
    return 0 if best["100 rules"] <= best["10 rules"] * GOAL_RATIO else 1


if __name__ == "__main__":
    raise SystemExit(main())
