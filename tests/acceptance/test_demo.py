"""The demo as a user runs it: a program of its own, over real TLS sockets."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from hookflash.adapters.audit import verify

PROGRAM = "from hookflash.adapters.command_line.main import run; run()"
FILES = ("demo-recording.jsonl", "demo-audit.jsonl", "demo-report.html")


def command(out: Path, *options: str) -> list[str]:
    """Return the demo's command, at a speed at which it takes some 2.5 s."""
    begin = [sys.executable, "-W", "error", "-c", PROGRAM, "demo", "--seed", "7"]
    return [*begin, "--speed", "50", "--out", str(out), *options]


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """An environment and a config file that nothing of the demo may listen to."""
    (tmp_path / "hookflash.toml").write_text("this is no TOML")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HOOKFLASH_")},
        "HOOKFLASH_HOST": "no.such.host.invalid:1",
        "HOOKFLASH_CLIENT_SECRET": "wrong",
        "HOOKFLASH_CONFIG": str(tmp_path / "missing.toml"),
        "HOOKFLASH_HOLD_LIMIT_S": "none",
        "COLUMNS": "20",
    }


def check_files(out: Path) -> None:
    """The three files are there, readable, and belong together."""
    recording, audit_log, report = (out / name for name in FILES)
    lines = [orjson.loads(line) for line in recording.read_bytes().splitlines()]
    assert lines[0]["kind"] == "recording"
    numbers = [line["seq"] for line in lines[1:] if "kind" not in line]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 300
    found = verify(audit_log)
    assert found.whole
    assert found.lines > 70
    page = report.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert lines[0]["gateway"] in page


def test_the_demo_keeps_its_promises_twice_in_one_folder(
    tmp_path: Path, hostile: dict[str, str]
) -> None:
    """Lines first, then JSON; the second run replaces the files of the first."""
    out = tmp_path / ("a folder with a rather long name, " * 4).strip() / "demo"
    arguments = command(out)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*arguments, *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env=hostile,
        )

    ended = run()

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "seed 7" in ended.stdout
    assert "MISSING" not in ended.stdout
    names = ("recording", "audit log", "report")
    assert ended.stdout.splitlines()[-3:] == [
        f"{name}: {out / file}" for name, file in zip(names, FILES, strict=True)
    ]
    check_files(out)
    first = (out / FILES[0]).read_bytes()

    again = run("--json")

    assert (again.returncode, again.stderr, again.stdout.count("\n")) == (0, "", 1)
    found = json.loads(again.stdout)
    assert (found["ok"], found["missing"], found["seed"]) == (True, [], 7)
    assert found["interactions"] == 43
    assert [found[key] for key in ("recording", "auditLog", "report")] == [
        str(out / file) for file in FILES
    ]
    check_files(out)
    assert (out / FILES[0]).read_bytes() != first


def test_on_a_terminal_the_three_lines_are_not_wrapped(tmp_path: Path) -> None:
    """A table first, then the summary; the paths stand whole on a line of their own."""
    out = tmp_path / ("a-long-name-" * 8)
    leader, follower = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "60", "LINES": "24"}
    with subprocess.Popen(
        command(out), stdout=follower, stderr=follower, env=environment, cwd=tmp_path
    ) as program:
        os.close(follower)
        shown = bytearray()
        while True:
            try:
                part = os.read(leader, 65_536)
            except OSError:  # so ends a terminal on Linux
                break
            if not part:
                break
            shown += part
        os.close(leader)
        assert program.wait(30) == 0
    text = shown.decode().replace("\r\n", "\n")

    assert "43 of 43 done" in text
    assert text.endswith(
        f"\nrecording: {out / FILES[0]}\naudit log: {out / FILES[1]}\nreport: {out / FILES[2]}\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """What was recorded until then is whole, and every command has its audit line."""
    arguments = [sys.executable, "-c", PROGRAM, "demo", "--out", str(tmp_path)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        for line in program.stdout:
            if "hold confirmed" in line:
                break
        program.send_signal(number)
        began_s = time.monotonic()
        _, err = program.communicate(timeout=30)
        took_s = time.monotonic() - began_s

    assert program.returncode == 128 + number
    assert err == f"error: stopped by {number.name}\n"
    assert took_s < 8
    assert verify(tmp_path / FILES[1]).whole
    assert not (tmp_path / FILES[2]).exists()
