"""`hookflash COMMAND`: parsing, and what becomes of errors."""

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn, cast

from attrs import frozen
from cyclopts import App, CycloptsError

import hookflash
from hookflash.adapters.command_line.output import failure, failure_of, print_json, tell_error
from hookflash.machines.errors import HookflashError

USAGE_EXIT_CODE = 2
BUG_EXIT_CODE = 70
"""`EX_SOFTWARE` of BSD's sysexits: an error nobody foresaw, so no code of the contract fits."""

app = App(
    name="hookflash",
    help="Hold orchestration for contact centres: nobody is forgotten on hold.",
    version=hookflash.__version__,
    result_action="return_value",
    help_epilogue="Each command has --help. Exit codes: 0 done; 1 refused, or the checked thing is"
    " not as it should be; 2 usage, invalid input or configuration; 3 gateway unavailable or not"
    " authorized; 4 outcome unknown.",
)
_HERE = "hookflash.adapters.command_line"
for _name, _place, _help in (
    ("demo", "demo:demo", "See it work: simulated interactions while things go wrong."),
    ("simulate", "simulate:simulate", "Serve a simulated gateway on localhost, over TLS."),
    ("hold", "one_shot:hold", "Put the caller of an interaction on hold."),
    ("unhold", "one_shot:unhold", "Take the caller of an interaction off hold."),
    ("status", "one_shot:status", "Say what the gateway says about an interaction now."),
    ("run", "service:serve", "Keep watch over all holds until stopped: the service."),
    ("bench", "bench:bench", "Measure how fast commands go through."),
    ("check", "check:check", "Prove that a machine's definition or a rules file is sound."),
    ("rules", "rules:rules_app", "Try rules out."),
    ("export", "export:export", "Write a journal as a recording."),
    ("import", "import_:import_app", "Make a journal of recordings."),
    ("journal", "journal:journal_app", "Verify and repair journals."),
    ("audit", "audit:audit_app", "Verify audit logs."),
    ("doctor", "doctor:doctor", "Check whether all is set up, and say what to do."),
):
    # By name: a command's module is imported when it is asked for.
    app.command(f"{_HERE}.{_place}", name=_name, help=_help)


@frozen
class Command:
    """A command with its arguments, ready to be called.

    Attributes:
        function: What carries it out; where it is async, under trio.
        positional: Its positional arguments.
        named: The others.
    """

    function: Callable[..., Any]
    positional: tuple[Any, ...]
    named: dict[str, Any]

    def __call__(self) -> Any:  # noqa: ANN401 - an exit code, or nothing of interest
        """Call it."""
        return self.function(*self.positional, **self.named)


def run() -> NoReturn:
    """Run the command that the process was started with, and exit with its code."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run a command to its end; must be called outside of trio, in the main thread.

    Args:
        arguments: What follows `hookflash` on the command line.

    Returns:
        The exit code. Errors are printed, not raised; with `--json` among the arguments a failure
        prints its one line on stdout too.
    """
    wants_json = "--json" in arguments
    try:
        return _run(parse(arguments))
    except CycloptsError as error:
        return _report("UsageError", _usage(error), USAGE_EXIT_CODE, wants_json=wants_json)
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        return _report_error(only_error(error), wants_json=wants_json)


def parse(arguments: Sequence[str]) -> Command:
    """Return the command that *arguments* name, ready to be called.

    Raises:
        CycloptsError: They name none, or not all it needs.
    """
    command, bound, _ = app.parse_args(list(arguments), exit_on_error=False, print_error=False)
    return Command(command, bound.args, bound.kwargs)


def only_error(error: BaseException) -> BaseException:
    """Return the one error that an exception group is about.

    Where tasks failed together, one of ours says more than what it caused elsewhere.
    """
    leaves: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseExceptionGroup):
            waiting[:0] = cast("BaseExceptionGroup[BaseException]", one).exceptions
        else:
            leaves.append(one)
    return next((leaf for leaf in leaves if isinstance(leaf, HookflashError)), leaves[0])


def _run(command: Command) -> int:
    if inspect.iscoroutinefunction(command.function):
        import trio  # noqa: PLC0415 - `--help` does without

        result = trio.run(command)
    else:
        result = command()
    return result if isinstance(result, int) else 0


def _report_error(error: BaseException, *, wants_json: bool) -> int:
    if isinstance(error, HookflashError):
        if wants_json:
            print_json(failure(error))
        tell_error(str(error))
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        _abandon_output()
        return 0
    if isinstance(error, KeyboardInterrupt):
        return _report("Interrupted", "interrupted", 130, wants_json=wants_json)
    exit_code = getattr(error, "exit_code", None)
    if isinstance(exit_code, int):
        return _report("Interrupted", f"stopped by {error}", exit_code, wants_json=wants_json)
    import structlog  # noqa: PLC0415 - `--help` does without

    from hookflash.adapters.command_line.logs import (  # noqa: PLC0415 - the same
        configure_logging,
        level_of_environment,
    )

    if not structlog.is_configured():
        configure_logging(level_of_environment(), default="warning")
    structlog.get_logger("hookflash.command_line").debug("command.failed", exc_info=error)
    text = (
        f"a mistake in hookflash itself: {type(error).__name__} (please report it with what"
        " HOOKFLASH_LOG_LEVEL=debug shows)"
    )
    return _report(type(error).__name__, text, BUG_EXIT_CODE, wants_json=wants_json)


def _report(name: str, text: str, exit_code: int, *, wants_json: bool) -> int:
    if wants_json:
        outcome = "invalid" if exit_code == USAGE_EXIT_CODE else None
        print_json(failure_of(name, text, outcome=outcome))
    tell_error(text)
    return exit_code


def _abandon_output() -> None:
    """Write no more: whoever read our output has seen enough, and nobody wants a complaint."""
    with suppress(OSError, ValueError):  # what is no real file complains about nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: CycloptsError) -> str:
    """Say what is wrong in one line; a value given to an unknown option may be a secret."""
    words = [
        word.partition("=")[0] if word.startswith("-") else word for word in str(error).split()
    ]
    text = " ".join(words)
    if "--client-secret" in words or "--client-secret." in words:
        text += " The secret is no option: set HOOKFLASH_CLIENT_SECRET"
    return f"{text.rstrip('.')} (see hookflash --help)"
