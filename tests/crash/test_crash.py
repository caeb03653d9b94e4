"""Real processes, real SIGKILLs, and the files that are left. `make crash` runs many more."""

from pathlib import Path
from random import SystemRandom

import pytest
import trio
from tests.crash.campaign import Campaign, Settings
from tests.crash.holder import Case, Outcome, kill_holder

KILLS = 15


async def test_kills_break_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Killed again and again at random moments, the service loses nothing and repeats nothing."""
    drawn: int | None = request.config.getoption("--seed")
    seed = SystemRandom().randrange(2**31) if drawn is None else drawn
    campaign = Campaign(Settings(kills=KILLS, seed=seed), tmp_path, print)
    figures = await campaign.run()
    assert [] == figures.broken, f"seed {seed}"
    assert KILLS == figures.kills
    assert figures.audit_lines >= figures.commands_ended


async def test_killed_holder_forgets_nobody(tmp_path: Path) -> None:
    """Callers held by a killed service are released at their limit, or at once if it has passed."""
    cases = {
        "in-time": Case(holds=150, limit_s=3.0, kill_after_s=0.3, down_s=0.7),
        "overdue": Case(holds=150, limit_s=1.5, kill_after_s=0.3, down_s=2.5),
    }
    outcomes: dict[str, Outcome] = {}

    async def run(name: str, case: Case) -> None:
        (tmp_path / name).mkdir()
        outcomes[name] = await kill_holder(case, tmp_path / name, 1)

    async with trio.open_nursery() as nursery:
        for name, case in cases.items():
            nursery.start_soon(run, name, case)
    assert {name: [] for name in cases} == {name: one.broken for name, one in outcomes.items()}
