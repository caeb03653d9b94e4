"""Two days that all tests of replay look at."""

from pathlib import Path

import pytest
from tests.support.recordings import RULES, Day, Edited, faults_of_a_day, record_day


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of forty callers on which much goes wrong."""
    path = tmp_path_factory.mktemp("day") / "day.jsonl"
    return record_day(path, faults=faults_of_a_day())


@pytest.fixture(scope="session")
def ruled_day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The same under rules."""
    path = tmp_path_factory.mktemp("ruled-day") / "day.jsonl"
    return record_day(path, faults=faults_of_a_day(), rules=RULES)


@pytest.fixture
def edited(day: Day, tmp_path: Path) -> Edited:
    """The day, to be changed."""
    return Edited(day, tmp_path)
