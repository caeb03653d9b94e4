"""Stop signals: commands end from inside and tidy up."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.command_line import CommandLine, assert_agreement

from hookflash.adapters.command_line.signals import Interrupted, until_stopped

PROGRAM = "from hookflash.adapters.command_line.main import run; run()"


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_signal_cancels_the_job(number: signal.Signals, exit_code: int) -> None:
    """The job tidies up first; the error says which signal it was."""
    tidied = False

    async def job() -> None:
        nonlocal tidied
        os.kill(os.getpid(), number)
        try:
            await trio.sleep_forever()
        finally:
            tidied = True

    with pytest.raises(Interrupted, match=number.name) as caught:
        await until_stopped(job)

    assert tidied
    assert caught.value.exit_code == exit_code


async def test_without_a_signal_it_gives_the_result() -> None:
    """And lets go of the signals."""

    async def job(number: int) -> int:
        await trio.lowlevel.checkpoint()
        return number

    before = signal.getsignal(signal.SIGTERM)

    assert await until_stopped(partial(job, 5)) == 5
    assert signal.getsignal(signal.SIGTERM) is before


def stopped(
    hookflash: CommandLine, *arguments: str, ready: Callable[[str], bool]
) -> tuple[int, str, str]:
    """Run a hold in a process of its own and press Ctrl-C once *ready* says so of its id."""
    one = str(uuid.uuid4())
    hookflash.simulator.ask(lambda simulator: simulator.next_ack(one, withheld=True))
    command = ["hold", one, "--reason", "consultation", "--priority", "5", *arguments]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not ready(one):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    return process.returncode, out, err


def test_a_command_that_is_stopped_leaves_its_audit_line(hookflash: CommandLine) -> None:
    """Ctrl-C while an acknowledgement is awaited: exit code 130, and the outcome is unknown."""
    exit_code, out, err = stopped(hookflash, ready=hookflash.received)
    (line,) = hookflash.audit_lines()

    assert (exit_code, out) == (130, "")
    assert err.startswith("error: stopped by SIGINT: hold failed: the program stopped before the")
    assert err.count("\n") == 1
    assert line["correlationId"] in err
    assert line["outcome"] == "unknown"


def test_a_command_that_is_stopped_says_what_is_known(hookflash: CommandLine) -> None:
    """The object of the contract agrees with the audit line in all that both have."""
    exit_code, out, _ = stopped(hookflash, "--json", ready=hookflash.received)
    (line,) = hookflash.audit_lines()
    failed = json.loads(out)

    assert exit_code == 130
    assert (failed["outcome"], failed["error"]) == ("unknown", "OutcomeUnknown")
    assert failed["state"] == "hold_pending"
    assert_agreement(failed, line)


def test_with_a_journal_the_next_run_finds_out(hookflash: CommandLine) -> None:
    """Nothing is audited yet; the id is told all the same, and the next run writes its line."""
    exit_code, out, _ = stopped(
        hookflash, "--json", "--journal", "kept.db", ready=hookflash.received
    )
    failed = json.loads(out)

    assert (exit_code, failed["outcome"]) == (130, "unknown")
    assert hookflash.audit_lines() == []
    one = failed["interactionId"]
    arguments = ("--priority", "5", "--journal", "kept.db", "--json")
    assert hookflash("unhold", one, *arguments).json["outcome"] == "confirmed"
    first, second = hookflash.audit_lines()
    assert first["correlationId"] == failed["correlationId"]
    assert [first["outcome"], second["outcome"]] == ["confirmed_by_lookup", "confirmed"]


def test_a_command_that_is_stopped_before_it_is_sent(hookflash: CommandLine) -> None:
    """Nothing was sent, and that is what is told."""
    hookflash.configure(HOST="localhost:1")
    exit_code, out, err = stopped(
        hookflash, "--json", ready=lambda _: Path("hookflash-audit.jsonl").exists()
    )
    failed = json.loads(out)

    assert exit_code == 130
    assert failed["outcome"] == "unavailable"
    assert "stopped by SIGINT; nothing was sent" in err
    (line,) = hookflash.audit_lines()
    assert_agreement(failed, line)


def test_an_answer_while_it_stops_still_counts(hookflash: CommandLine) -> None:
    """The acknowledgement comes after Ctrl-C: the hold is confirmed; the exit code stays 130."""
    one = str(uuid.uuid4())
    hookflash.simulator.ask(lambda simulator: simulator.next_ack(one, delay_s=1.0))

    def press() -> None:
        hookflash.simulator.until(lambda simulator: bool(simulator.received(one)))
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    ended = hookflash("hold", one, "--reason", "consultation", "--priority", "5", "--json")
    pressing.join()

    assert ended.exit_code == 130
    assert (ended.json["outcome"], ended.json["state"]) == ("confirmed", "held")
    assert [line["outcome"] for line in hookflash.audit_lines()] == ["confirmed"]
