"""Stop signals: commands end from inside and tidy up."""

import os
import signal
import subprocess
import sys
import uuid
from functools import partial

import pytest
import trio
from tests.support.command_line import CommandLine

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


def test_a_command_that_is_stopped_leaves_its_audit_line(hookflash: CommandLine) -> None:
    """Ctrl-C while an acknowledgement is awaited: exit code 130, and the outcome is unknown."""
    one = str(uuid.uuid4())
    hookflash.simulator.ask(lambda simulator: simulator.next_ack(one, withheld=True))
    arguments = ["hold", one, "--reason", "consultation", "--priority", "5"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not hookflash.simulator.ask(lambda simulator: simulator.received(one)):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out) == (130, "")
    assert err == "error: stopped by SIGINT\n"
    assert [line["outcome"] for line in hookflash.audit_lines()] == ["unknown"]
