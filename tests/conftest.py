"""Options of the whole suite: seeds of the fault simulation, and tools that must be there."""

import os
from collections.abc import Iterator
from random import Random, SystemRandom

import pytest
import structlog

FIXED_SEEDS = range(1, 31)
FRESH_SEEDS = 10
DRAWN_FROM = "SEED_OF_THE_TESTS"
"""Where the number stands from which fresh seeds are drawn: processes that share the tests have to
draw the same ones. Each test that fails prints its own seed."""


def pytest_configure() -> None:
    os.environ.setdefault(DRAWN_FROM, str(SystemRandom().randrange(2**31)))


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Commands configure structlog for their process; the next test knows nothing of it."""
    configured, before = structlog.is_configured(), structlog.get_config()
    yield
    structlog.reset_defaults()
    if configured:
        structlog.configure(**before)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="run this seed of the simulation only")
    parser.addoption("--seeds", type=int, default=None, help="run seeds 1 to N of the simulation")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "simulation_seed" not in metafunc.fixturenames:
        return
    seed, seeds = metafunc.config.getoption("--seed"), metafunc.config.getoption("--seeds")
    if seed is not None:
        drawn = [seed]
    elif seeds is not None:
        drawn = list(range(1, seeds + 1))
    else:
        fresh = Random(os.environ[DRAWN_FROM])
        drawn = [*FIXED_SEEDS, *(fresh.randrange(1000, 2**31) for _ in range(FRESH_SEEDS))]
    metafunc.parametrize("simulation_seed", drawn)


def pytest_report_header() -> str:
    required = os.environ.get("HOOKFLASH_REQUIRE_ALL") == "1"
    return f"tools that are missing (Node.js, Chromium): {'failures' if required else 'skips'}"
