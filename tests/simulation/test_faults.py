"""Seeded fault simulation: anything may fail, nothing wrong may happen; then all must settle.

One seed decides everything. A failure prints the seed, and the smallest plan that fails likewise;
`make simulate SEED=N` runs just that one again.
"""

import pprint
from pathlib import Path

import pytest
from attrs import asdict, evolve
from tests.simulation.explore import catch
from tests.simulation.mutants import MUTANTS
from tests.simulation.plan import Plan, draw
from tests.simulation.run import run_plan, shrink

SEEDS_OF_A_MUTANT = range(1, 101)
"""Within how many seeds a mutant is to be caught here: each took fewer than thirty."""


def test_faults_settle(simulation_seed: int) -> None:
    """Whatever goes wrong, nothing is done twice or forgotten, and when it stops all settles."""
    plan = draw(simulation_seed)
    try:
        run_plan(plan)
    except Exception:
        print(f"seed {simulation_seed}; the smallest plan that fails likewise:")
        pprint.pp(asdict(shrink(plan, tries_max=60)), width=100)
        raise


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_seed_same_story(seed: int) -> None:
    """A seed decides everything: two runs of it come to the same figures."""
    assert run_plan(draw(seed)) == run_plan(draw(seed))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_switched_off_is_noticed(name: str) -> None:
    """The simulation is not blind: it catches an engine that breaks one of its rules."""
    assert catch(name, SEEDS_OF_A_MUTANT) is not None, f"{name} survived"


def test_a_failing_plan_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the failure does not need is left out."""

    def fails(plan: Plan) -> bool:
        return any(len(life.commands) >= 3 for life in plan.lives)

    monkeypatch.setattr("tests.simulation.run.fails", fails)
    plan = draw(7)
    assert fails(plan)
    small = shrink(plan, tries_max=1_000)
    assert [3] == [len(life.commands) for life in small.lives]
    assert evolve(plan, lives=()).gateway != small.gateway


def test_nothing_of_a_run_stays_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The files of a run are removed, whatever became of it."""
    monkeypatch.setattr("tests.simulation.run.RAM", tmp_path)
    run_plan(draw(1))
    assert [] == list(tmp_path.iterdir())
