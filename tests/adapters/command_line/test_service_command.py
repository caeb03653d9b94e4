"""`run`: the service as a process, from its first connection to its end."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from tests.support.command_line import CommandLine

from hookflash.adapters.simulator import Simulator

PROGRAM = "from hookflash.adapters.command_line.main import run; run()"


@contextmanager
def service(*arguments: str) -> Generator[tuple["subprocess.Popen[str]", IO[str]], None, None]:
    """Run the service in the current folder; gives the process and what it prints."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            if process.poll() is None:
                process.kill()


def hold_by_agent(hookflash: CommandLine) -> str:
    """Somebody at a desk holds a caller; the service is told."""
    one = str(uuid.uuid4())

    def change(simulator: Simulator) -> bool:
        return simulator.hold_by_agent(one)

    assert hookflash.simulator.ask(change)
    return one


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_watches_until_a_signal_and_says_what_it_leaves(
    hookflash: CommandLine, number: signal.Signals
) -> None:
    """JSON lines: the link, each outcome, and at the end what is left as it is."""
    with service("--json") as (process, out):
        while json.loads(out.readline()) != {"event": "link", "state": "connected"}:
            pass
        one = hold_by_agent(hookflash)
        seen = json.loads(out.readline())
        process.send_signal(number)
        rest, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert (seen["event"], seen["interactionId"], seen["actor"]) == ("hold", one, "foreign")
    last = json.loads(rest.splitlines()[-1])
    assert (last["event"], last["held"]) == ("stopped", 1)
    assert last["left"][0]["interactionId"] == one
    assert hookflash.simulator.ask(lambda simulator: simulator.state_of(one)) == "held"
    assert Path("hookflash.db").stat().st_size > 0


def test_it_enforces_the_limit(hookflash: CommandLine) -> None:
    """A hold that somebody else made is released when its limit passes; plain lines."""
    Path("hookflash.toml").write_text("[hold]\nlimit_s = 1\n")
    with service() as (process, out):
        while out.readline() != "link connected\n":
            pass
        one = hold_by_agent(hookflash)
        lines = [out.readline()]
        while f"unhold {one}" not in lines[-1]:
            lines.append(out.readline())
            assert lines[-1], lines
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)

    assert "success, confirmed" in lines[-1]
    assert "(limit)" in lines[-1]
    assert process.returncode == 0
    assert "stopped; nobody is on hold" in err
    assert hookflash.simulator.ask(lambda simulator: simulator.state_of(one)) == "active"


def test_it_does_not_start_with_a_bad_config(hookflash: CommandLine) -> None:
    """Exit code 2 and one line."""
    Path("hookflash.toml").write_text("[hold]\nlimit_s = 0\n")
    ended = hookflash("run")

    assert ended.exit_code == 2
    assert "limit_s" in ended.error


def test_it_does_not_start_without_credentials(hookflash: CommandLine) -> None:
    """Exit code 2 and one line."""
    hookflash.configure(CLIENT_SECRET=None)
    ended = hookflash("run", "--json")

    assert ended.exit_code == 2
    assert ended.json["error"] == "ConfigurationError"


# --- rules ----------------------------------------------------------------------------------------

RULES = """
[[rule]]
name = "RULE"
trigger = { to = "held" }
for = "FOR"
actions = [
  { action = "unhold", priority = 7 },
  { action = "annotate", text = "released by hand of a rule" },
]
"""


def write_rules(for_: str, name: str = "let-go") -> None:
    """Write the file beside and rename it, as one should."""
    text = RULES.replace("FOR", for_).replace("RULE", name)
    Path("rules.new").write_text(text, "utf-8")
    Path("rules.new").replace("rules.toml")


def until(out: IO[str], **wanted: str) -> dict[str, object]:
    """Read lines of JSON until one has what is wanted."""
    for line in out:
        found: dict[str, object] = json.loads(line)
        if all(found.get(name) == value for name, value in wanted.items()):
            return found
    raise AssertionError("it ended before")


def test_a_rule_goes_on_after_a_kill_in_the_middle_of_its_wait(hookflash: CommandLine) -> None:
    """`kill -9` while it waits: the next service releases, under the rule's name, once."""
    Path("hookflash.toml").write_text('[rules]\npath = "rules.toml"\n')
    write_rules("2s")
    with service("--json") as (process, out):
        until(out, event="link", state="connected")
        one = hold_by_agent(hookflash)
        until(out, event="hold", interactionId=one)
        process.kill()
        process.communicate(timeout=10)
    with service("--json") as (process, out):
        released = until(out, event="unhold", interactionId=one)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert "rule:let-go" == released["actor"]
    assert "active" == hookflash.simulator.ask(lambda simulator: simulator.state_of(one))
    lines = [json.loads(line) for line in Path("hookflash-audit.jsonl").read_text().splitlines()]
    assert ["foreign", "rule:let-go", "rule:let-go"] == sorted(line["actor"] for line in lines)
    assert {"hold", "unhold", "annotate"} == {line["action"] for line in lines}


def test_rules_are_loaded_anew_at_a_hangup(hookflash: CommandLine) -> None:
    """A broken file changes nothing and says so; a good one counts for whoever waits already."""
    Path("hookflash.toml").write_text('[rules]\npath = "rules.toml"\nwatch_s = 0\n')
    write_rules("1h")
    with service("--json") as (process, out):
        assert process.stderr is not None
        until(out, event="link", state="connected")
        one = hold_by_agent(hookflash)
        until(out, event="hold", interactionId=one)
        write_rules("never")
        process.send_signal(signal.SIGHUP)
        while "the rules were not loaded" not in (line := process.stderr.readline()):
            assert line
        write_rules("100ms", "at-once")
        process.send_signal(signal.SIGHUP)
        released = until(out, event="unhold", interactionId=one)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)
    assert "rule:at-once" == released["actor"]
    assert "rules loaded: added at-once; removed let-go" in err
    assert 0 == process.returncode


def test_it_does_not_start_with_broken_rules(hookflash: CommandLine) -> None:
    """The place is named with its line; nothing of the file runs."""
    Path("hookflash.toml").write_text('[rules]\npath = "rules.toml"\n')
    Path("rules.toml").write_text(RULES.replace("FOR", "soon").replace("RULE", "x"), "utf-8")
    ended = hookflash("run")
    assert 2 == ended.exit_code
    assert "rules.toml: line 5" in ended.error
