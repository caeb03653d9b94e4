"""Run many seeds of the simulation: `make simulate SEEDS=10000`, or `--mutants` to test the test.

Prints figures, and for each seed that fails the smallest plan that was found to fail likewise.
"""

import argparse
import multiprocessing
import pprint
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import structlog
from attrs import asdict, define, field
from tests.simulation.mutants import MUTANTS
from tests.simulation.plan import draw
from tests.simulation.process import leaves
from tests.simulation.run import Report, run_plan, shrink

MUTANT_SEEDS = 1_000
"""How many seeds a mutant may survive at most."""


@define
class Figures:
    """Sums over many runs."""

    seeds: int = 0
    virtual_s: float = 0.0
    records: int = 0
    commands: int = 0
    deaths: Counter[str] = field(factory=Counter[str])
    faults: Counter[str] = field(factory=Counter[str])

    def add(self, report: Report) -> None:
        """Add one run."""
        self.seeds += 1
        self.virtual_s += report.virtual_s
        self.records += report.records
        self.commands += report.commands
        self.deaths.update(report.deaths)
        self.faults.update(report.faults)

    def text(self, wall_s: float) -> str:
        """Return the figures for people."""
        deaths = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.deaths.items()))
        faults = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.faults.items()))
        return (
            f"{self.seeds:,} seeds, {self.virtual_s / 3600:,.0f} virtual hours, "
            f"{self.commands:,} commands, {self.records:,} records in {wall_s:,.0f} s\n"
            f"ends of lives: {deaths}\nfaults: {faults}"
        )


def quiet() -> None:
    """Say nothing while a run goes wrong on purpose."""
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory(),
        processors=[structlog.processors.KeyValueRenderer()],
    )


def _one(seed: int) -> tuple[int, Report | None, str]:
    try:
        return seed, run_plan(draw(seed)), ""
    except Exception as error:  # noqa: BLE001 - whatever breaks is what is looked for
        first = leaves(error)[0]
        return seed, None, f"{type(first).__name__}: {first}"


def explore(seeds: Iterable[int], workers: int) -> tuple[Figures, list[tuple[int, str]]]:
    """Run *seeds* in some processes; return the figures, and the seeds that failed."""
    figures, failed = Figures(), list[tuple[int, str]]()
    with multiprocessing.get_context("fork").Pool(workers, initializer=quiet) as pool:
        for seed, report, problem in _progress(pool.imap_unordered(_one, seeds, chunksize=4)):
            if report is None:
                failed.append((seed, problem))
                print(f"seed {seed}: {problem[:500]}", flush=True)
            else:
                figures.add(report)
    return figures, failed


def _progress(
    results: Iterable[tuple[int, Report | None, str]],
) -> Iterator[tuple[int, Report | None, str]]:
    for number, result in enumerate(results, start=1):
        yield result
        if number % 500 == 0:
            print(f"{number:,} seeds so far", flush=True)


def catch(name: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """Return the first seed that notices a mutant, and what it noticed; None for none."""
    with MUTANTS[name]():
        for seed in seeds:
            _, report, problem = _one(seed)
            if report is None:
                return seed, problem
    return None


def main() -> int:
    """Run what the command line asks for; 1 where a seed failed or a mutant survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first one")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--mutants", action="store_true", help="test the simulation itself")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    if options.mutants:
        survived = 0
        quiet()
        for name in MUTANTS:
            caught = catch(name, range(options.first, options.first + MUTANT_SEEDS))
            survived += caught is None
            told = "survived" if caught is None else f"seed {caught[0]}: {caught[1][:200]}"
            print(f"{name}: {told}", flush=True)
        return int(survived > 0)
    print(f"seeds {seeds.start} to {seeds.stop - 1}, {options.workers} processes", flush=True)
    begun = time.perf_counter()
    figures, failed = explore(seeds, options.workers)
    print(figures.text(time.perf_counter() - begun))
    quiet()
    for seed, _ in failed[:3]:
        print(f"seed {seed}, made smaller:")
        pprint.pp(asdict(shrink(draw(seed))), width=120)
    print(f"{len(failed)} failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
