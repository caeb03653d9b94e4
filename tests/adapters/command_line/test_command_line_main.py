"""Parsing and errors: one line, an exit code, and never a traceback."""

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from hookflash.adapters.command_line import main
from hookflash.adapters.command_line.signals import Interrupted
from hookflash.machines.errors import (
    COMMAND_ERRORS,
    ConfigurationError,
    HookflashError,
    InvalidCommand,
    JournalError,
    NotEligible,
    OutcomeUnknown,
)

EXIT_CODES = {
    "InvalidCommand": 2,
    "NotEligible": 1,
    "HoldRefused": 1,
    "MaximumHoldExceeded": 1,
    "CommandBusy": 1,
    "RateLimited": 1,
    "OutcomeUnknown": 4,
    "GatewayUnavailable": 3,
    "NotAuthorized": 3,
}
COMMANDS = (
    "demo",
    "simulate",
    "hold",
    "unhold",
    "status",
    "run",
    "bench",
    "doctor",
    "check",
    "audit",
)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make the command, whatever it is, raise."""

    def fail_with(error: BaseException) -> None:
        async def command() -> int:
            await trio.lowlevel.checkpoint()
            raise error

        def parse(_: object) -> main.Command:
            return main.Command(command, (), {})

        monkeypatch.setattr(main, "parse", parse)

    return fail_with


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["hodl"], 'Unknown command "hodl". Did you mean "hold"? (see hookflash --help)\n'),
        (["xyzzyplugh"], 'Unknown command "xyzzyplugh" (see hookflash --help)\n'),
        (["audit", "verfy"], 'Unknown command "verfy". Did you mean "verify"? (see'),
        (["hold"], "requires an argument"),
        (["hold", "x", "--priority", "1"], "--reason requires an argument"),
        (["hold", "x", "--reason", "r", "--priority", "1", "--musik", "m"], "--musik"),
        (["bench", "--pairs", "many", "--concurrency", "1"], "many"),
        (["hold", "x", "y", "--reason", "r", "--priority", "1"], "y"),
    ],
)
def test_usage_errors_are_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """What is unknown, missing or too much is named."""
    assert main.execute(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err


def test_a_secret_given_as_an_option_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither on the screen nor in the JSON; the message says where it belongs."""
    arguments = ["unhold", "x", "--priority", "1", "--client-secret=hush-hush", "--json"]

    assert main.execute(arguments) == 2

    out, err = capsys.readouterr()
    assert "hush-hush" not in out + err
    assert "HOOKFLASH_CLIENT_SECRET" in err
    assert json.loads(out)["error"] == "UsageError"
    assert json.loads(out)["outcome"] == "invalid"


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and the first page lists them all."""
    assert main.execute([]) == 0
    page = capsys.readouterr().out
    for command in COMMANDS:
        assert f" {command} " in page
        assert main.execute([command, "--help"]) == 0
        assert f"Usage: hookflash {command}" in capsys.readouterr().out
    assert main.execute(["audit", "verify", "--help"]) == 0
    assert main.execute(["--version"]) == 0


def test_every_command_error_has_its_exit_code(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    """The table of the contract, and one line for each."""
    assert set(EXIT_CODES) == set(COMMAND_ERRORS)
    for name, exit_code in EXIT_CODES.items():
        failing(COMMAND_ERRORS[name]("it failed", advice="do this"))

        assert main.execute(["x"]) == exit_code
        assert capsys.readouterr() == ("", "error: it failed (do this)\n")


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ConfigurationError("bad", source="x"), 2),
        (JournalError("locked by process 1", path="x"), 1),
        (ExceptionGroup("two", [ValueError("x"), NotEligible("closed")]), 1),
        (BaseExceptionGroup("one", [ExceptionGroup("in", [InvalidCommand("bad")])]), 2),
        (KeyboardInterrupt(), 130),
        (BaseExceptionGroup("one", [KeyboardInterrupt()]), 130),
        (Interrupted(signal.SIGTERM), 143),
        (RuntimeError("secret detail"), 70),
    ],
)
def test_other_errors_are_one_line_too(
    capsys: pytest.CaptureFixture[str],
    failing: Callable[[BaseException], None],
    error: BaseException,
    exit_code: int,
) -> None:
    """Of several our own counts; a mistake of ours shows no traceback and no detail."""
    failing(error)

    assert main.execute(["x", "--json"]) == exit_code

    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert "secret detail" not in out + err
    assert json.loads(out)["status"] == "failed"


def test_a_failed_command_prints_its_object(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    """With all that is known of it, on one line."""
    failing(
        NotEligible(
            "closed",
            interaction_id="i",
            correlation_id="c",
            outcome="ineligible",
            state="closed",
            latency_s=0.0123456,
        )
    )

    assert main.execute(["hold", "--json"]) == 1

    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "status": "failed",
        "outcome": "ineligible",
        "latencyMs": 12.346,
        "correlationId": "c",
        "interactionId": "i",
        "state": "closed",
        "error": "NotEligible",
        "message": "closed",
    }


def test_several_problems_are_one_error(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    """One line begins with `error:`, the others follow; the JSON is one line all the same."""
    failing(ConfigurationError("one\ntwo", source="x"))

    assert main.execute(["--json"]) == 2

    out, err = capsys.readouterr()
    assert err == "error: one\n       two\n"
    assert json.loads(out)["message"] == "one; two"


def test_a_reader_that_went_away_is_no_error(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    """As with `hookflash ... | head`."""
    failing(BrokenPipeError())

    assert main.execute(["x"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_leaves_no_complaint() -> None:
    """In a process of its own, whose standard output nobody reads."""
    program = "from hookflash.adapters.command_line.main import run; run()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "doctor"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize("arguments", [["--help"], ["check", "connection", "--json"]])
def test_a_full_output_is_called_so(arguments: list[str]) -> None:
    """In a process of its own: no mistake of ours, no refusal, and no complaint at exit."""
    program = "from hookflash.adapters.command_line.main import run; run()"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )

    assert ended.returncode == main.OUTPUT_EXIT_CODE == 74
    assert ended.stderr.startswith("error: the output cannot be written: No space left on device (")
    assert ended.stderr.count("\n") == 1


def test_a_failure_keeps_its_exit_code_where_its_object_cannot_be_printed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: Callable[[BaseException], None],
) -> None:
    """The line for people still says what it was."""
    failing(NotEligible("closed"))

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(main, "print_json", full)

    assert main.execute(["x", "--json"]) == 1
    assert capsys.readouterr().err == "error: closed\n"


def test_what_a_stopped_command_came_to_is_told(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    """The signal gives the exit code, the command's own error the rest."""
    error = Interrupted(signal.SIGINT)
    error.__cause__ = OutcomeUnknown("hold failed", correlation_id="c", interaction_id="i")
    failing(error)

    assert main.execute(["x", "--json"]) == 130

    out, err = capsys.readouterr()
    assert err == "error: stopped by SIGINT: hold failed\n"
    told = json.loads(out)
    assert (told["outcome"], told["correlationId"], told["interactionId"]) == ("unknown", "c", "i")


def test_only_error_prefers_ours() -> None:
    """Deep inside groups, first come first; without one of ours the first of all."""
    ours = HookflashError("ours")
    group: Any = BaseExceptionGroup("a", [ValueError("x"), ExceptionGroup("b", [ours])])

    assert main.only_error(group) is ours
    assert str(main.only_error(ExceptionGroup("a", [ValueError("x")]))) == "x"
    assert main.only_error(ours) is ours


def test_help_needs_neither_runtime_nor_wire() -> None:
    """In a process of its own: what takes long to import is not imported for help."""
    program = (
        "import sys; from hookflash.adapters.command_line.main import execute;"
        "execute(['hold', '--help']);"
        "heavy = {'trio', 'httpx', 'httpcore', 'trio_websocket', 'hookflash.engine',"
        " 'transitions', 'anyio', 'structlog'};"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "")
