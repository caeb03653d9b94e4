"""The measuring of `bench`: evenly spread, never two pairs on one interaction, exact figures."""

import random
from collections import Counter

import pytest
import trio
import trio.testing

from hookflash.adapters.command_line.pairs import (
    Tally,
    figures,
    peak_memory_mb,
    percentile_ms,
    run_pairs,
)
from hookflash.machines.errors import HoldRefused


class World:
    """Interactions that are held and unheld, in virtual time."""

    def __init__(self, seed: int = 1, *, fail_holds: bool = False) -> None:
        self.chance = random.Random(seed)
        self.fail_holds = fail_holds
        self.busy: set[str] = set()
        self.held: set[str] = set()
        self.commands: Counter[tuple[str, str]] = Counter()
        self.most_at_once = 0

    async def _take(self, interaction_id: str, action: str) -> None:
        assert interaction_id not in self.busy
        self.busy.add(interaction_id)
        self.most_at_once = max(self.most_at_once, len(self.busy))
        await trio.sleep(self.chance.random())
        self.busy.remove(interaction_id)
        self.commands[interaction_id, action] += 1

    async def hold(self, interaction_id: str) -> None:
        """Hold; it must not be held already."""
        await self._take(interaction_id, "hold")
        if self.fail_holds:
            raise HoldRefused("refused", interaction_id=interaction_id)
        assert interaction_id not in self.held
        self.held.add(interaction_id)

    async def unhold(self, interaction_id: str) -> None:
        """Unhold; it must be held, unless holds fail."""
        await self._take(interaction_id, "unhold")
        self.held.discard(interaction_id)


@pytest.mark.parametrize(
    ("pairs", "interactions", "concurrency", "at_once"),
    [(60, 60, 10, 10), (60, 12, 5, 5), (60, 3, 50, 3), (60, 7, 7, 7), (1, 1, 100, 1), (5, 1, 9, 1)],
)
async def test_pairs_are_spread_evenly(
    autojump_clock: trio.testing.MockClock,
    pairs: int,
    interactions: int,
    concurrency: int,
    at_once: int,
) -> None:
    """Each interaction gets its share, one pair at a time, with as many at once as asked for."""
    del autojump_clock
    world = World()
    ids = [f"i{number}" for number in range(interactions)]
    tally = Tally(2 * pairs)

    await run_pairs(
        (world.hold, world.unhold), ids, pairs=pairs, concurrency=concurrency, tally=tally
    )

    assert tally.ended == 2 * pairs
    assert len(tally.latencies_s) == 2 * pairs
    assert world.most_at_once == at_once
    shares = [pairs // interactions + (n < pairs % interactions) for n in range(interactions)]
    assert [world.commands[one, "hold"] for one in ids] == shares
    assert [world.commands[one, "unhold"] for one in ids] == shares


async def test_the_unhold_is_attempted_after_a_failed_hold(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Always two commands a pair; failures are counted, and the first of a kind is told."""
    del autojump_clock
    world = World(fail_holds=True)
    tally = Tally(10)

    await run_pairs((world.hold, world.unhold), ["a"], pairs=5, concurrency=2, tally=tally)

    assert tally.ended == 10
    assert tally.failed == 5
    assert world.commands["a", "unhold"] == 5
    assert tally.failures == {"HoldRefused": "refused"}


def test_figures_are_exact() -> None:
    """Nearest-rank percentiles of what succeeded; rates over all that ended."""
    tally = Tally(102, [n / 1000 for n in range(100, 0, -1)], failed=2)

    result = figures(tally, seconds=2.0, cpu_s=1.5)

    assert list(result) == [
        "commands",
        "ok",
        "failed",
        "seconds",
        "per_second",
        "p50_ms",
        "p99_ms",
        "cpu_s",
        "rss_mb",
    ]
    assert result["commands"] == 102
    assert (result["ok"], result["failed"]) == (100, 2)
    assert (result["p50_ms"], result["p99_ms"]) == (50.0, 99.0)
    assert result["per_second"] == 51.0
    assert result["rss_mb"] > 1


def test_nothing_measured_gives_no_percentile() -> None:
    """None, which JSON has a word for."""
    assert percentile_ms([], 0.5) is None
    assert percentile_ms([0.25], 0.99) == 250.0
    assert figures(Tally(0), seconds=0.0, cpu_s=0.0)["per_second"] == 0.0


def test_the_peak_of_memory_is_plausible() -> None:
    """An interpreter takes some megabytes."""
    assert 5 < peak_memory_mb() < 100_000
