"""Tests that are written in JavaScript, run by Node.js and told one by one."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

import pytest

HERE = Path(__file__).parent / "browser"

WITHIN_S = 300.0
"""All of a file together; they take some 30 s on two cores."""

_NAME = re.compile(r"^ *test\((?P<quote>[\"`])(?P<name>.*?)(?P=quote)", re.MULTILINE)


def unavailable(reason: str) -> NoReturn:
    """Skip a test for want of a program; fail it where all tests are asked for."""
    if os.environ.get("HOOKFLASH_REQUIRE_ALL") == "1":
        pytest.fail(f"{reason}, and HOOKFLASH_REQUIRE_ALL=1 asks for all tests")
    pytest.skip(reason)


def node() -> str:
    """Return the path of Node.js; skip where there is none."""
    return shutil.which("node") or unavailable("Node.js is not installed")


def chromium() -> str:
    """Return the path of Chromium, with what drives it installed; skip where there is none."""
    node()
    if not (HERE / "node_modules").is_dir():
        unavailable(f"the Node.js modules are not installed: run `npm install` in {HERE}")
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    return next(filter(None, found), None) or unavailable("Chromium is not installed")


def names_in(file: str) -> list[str]:
    """Return the names of the tests of a file; `${colorScheme}` stands for light and for dark."""
    names = [found["name"] for found in _NAME.finditer((HERE / file).read_text("utf-8"))]
    return [
        name.replace("${colorScheme}", scheme)
        for name in names
        for scheme in (("light", "dark") if "${" in name else ("",))
    ]


def run(file: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Run the tests of a file.

    Args:
        file: Its name.
        environment: What they read beside the present environment.

    Returns:
        For each test what went wrong; empty for nothing.
    """
    command = [node(), "--test", "--test-reporter=junit", str(HERE / file)]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        env={**os.environ, **environment},
    )
    try:
        # Of our own making.
        root = ET.fromstring(ended.stdout)  # noqa: S314 - see above
    except ET.ParseError:
        pytest.fail(f"{file}: {ended.stdout}\n{ended.stderr}")
    return {
        case.attrib["name"]: "".join(f"{part.text}" for part in case.iter("failure"))
        for case in root.iter("testcase")
    }
