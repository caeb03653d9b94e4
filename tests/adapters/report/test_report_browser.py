"""The report in a real browser, and its scripts by themselves: both are tested in JavaScript."""

from pathlib import Path

import pytest
from tests.adapters.report.node_tests import chromium, names_in, run

IN_BROWSER = "report.test.mjs"
BY_THEMSELVES = "scripts.test.mjs"


@pytest.fixture(scope="module")
def in_browser(request: pytest.FixtureRequest) -> dict[str, str]:
    """What came of the tests in the browser."""
    browser = chromium()
    reports: Path = request.getfixturevalue("reports_with_day")
    return run(IN_BROWSER, {"REPORTS": str(reports), "CHROMIUM": browser})


@pytest.fixture(scope="module")
def by_themselves(reports: Path) -> dict[str, str]:
    """What came of the tests of the scripts."""
    return run(BY_THEMSELVES, {"REPORTS": str(reports)})


@pytest.mark.parametrize("name", names_in(IN_BROWSER))
def test_the_page_in_a_browser(in_browser: dict[str, str], name: str) -> None:
    """Each test of the file passed."""
    assert in_browser[name] == ""


@pytest.mark.parametrize("name", names_in(BY_THEMSELVES))
def test_the_scripts(by_themselves: dict[str, str], name: str) -> None:
    """Each test of the file passed."""
    assert by_themselves[name] == ""
