"""`hookflash COMMAND`: parsing, and what becomes of errors."""

import errno
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn, cast

from attrs import evolve, frozen
from cyclopts import App, CycloptsError

import hookflash
from hookflash.adapters.command_line.output import failure, failure_of, print_json, tell_error
from hookflash.machines.errors import HookflashError
from hookflash.machines.redaction import printable

USAGE_EXIT_CODE = 2
BUG_EXIT_CODE = 70
"""`EX_SOFTWARE` of BSD's sysexits: an error nobody foresaw, so no code of the contract fits."""
OUTPUT_EXIT_CODE = 74
"""`EX_IOERR` of the same: a hold may well have been carried out, so 1 would be misleading."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Why writing fails. Where a file of ours is meant, somebody has made a `HookflashError` of it."""

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
    (
        "backtest",
        "backtest:backtest",
        "Say what other rules or limits would have changed on recorded days.",
    ),
    ("report", "report:report", "Write what a recording says as one page for any browser."),
    ("diagram", "diagram:diagram", "Draw a machine, with what a recording says about it."),
    ("docs", "docs:docs", "Write the documents of machines and rules files."),
    ("replay", "replay:replay", "Step recordings again, and say what differs."),
    ("export", "export:export", "Write a journal as a recording or a table."),
    ("import", "import_:import_app", "Make journals and recordings of other files."),
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
        interaction_id: The interaction that it is about, as it was typed; None for none.
    """

    function: Callable[..., Any]
    positional: tuple[Any, ...]
    named: dict[str, Any]
    interaction_id: str | None = None

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
    failing = _Failing("--json" in arguments, _first_of(arguments))
    try:
        command = parse(arguments)
        failing = evolve(failing, interaction_id=command.interaction_id)
        return _run(command)
    except CycloptsError as error:
        return failing.tell("UsageError", _usage(error), USAGE_EXIT_CODE)
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        return failing.report(only_error(error))


def parse(arguments: Sequence[str]) -> Command:
    """Return the command that *arguments* name, ready to be called.

    Raises:
        CycloptsError: They name none, or not all it needs.
    """
    command, bound, _ = app.parse_args(list(arguments), exit_on_error=False, print_error=False)
    return Command(command, bound.args, bound.kwargs, bound.arguments.get("interaction_id"))


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


@frozen
class _Failing:
    """How failures are told: one line for people, with `--json` one for programs, an exit code.

    Attributes:
        wants_json: Whether `--json` was given.
        interaction_id: The interaction that the command is about, as it was typed; None for none.
    """

    wants_json: bool
    interaction_id: str | None

    def report(self, error: BaseException) -> int:
        """Tell of *error* and return the exit code."""
        if isinstance(error, HookflashError):
            self._print(failure(error, self._shown_id()))
            tell_error(str(error))
            return error.exit_code
        if isinstance(error, BrokenPipeError):
            _abandon_output()
            return 0
        if isinstance(error, KeyboardInterrupt):
            return self.tell("Interrupted", "interrupted", 130)
        exit_code = getattr(error, "exit_code", None)
        if isinstance(exit_code, int):
            return self._stopped(error, exit_code)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            _abandon_output()
            text = f"the output cannot be written: {error.strerror}"
            tell_error(f"{text} (what was asked for may have been done all the same)")
            return OUTPUT_EXIT_CODE
        _log_mistake(error)
        text = (
            f"a mistake in hookflash itself: {type(error).__name__} (please report it with what"
            " HOOKFLASH_LOG_LEVEL=debug shows)"
        )
        return self.tell(type(error).__name__, text, BUG_EXIT_CODE)

    def tell(self, name: str, text: str, exit_code: int) -> int:
        """Tell of a failure that is no error of ours, and return its exit code."""
        outcome = "invalid" if exit_code == USAGE_EXIT_CODE else None
        self._print(failure_of(name, text, outcome=outcome, interactionId=self._shown_id()))
        tell_error(text)
        return exit_code

    def _stopped(self, error: BaseException, exit_code: int) -> int:
        """Tell that a signal ended the command, and of its error, if there is one, all the rest."""
        if not isinstance(error.__cause__, HookflashError):
            return self.tell("Interrupted", f"stopped by {error}", exit_code)
        self._print(failure(error.__cause__, self._shown_id()))
        tell_error(f"stopped by {error}: {error.__cause__}")
        return exit_code

    def _shown_id(self) -> str | None:
        return None if self.interaction_id is None else printable(self.interaction_id)

    def _print(self, failed: dict[str, Any]) -> None:
        if self.wants_json:
            try:
                print_json(failed)
            except OSError:  # the exit code and the line for people say it as well
                _abandon_output()


def _first_of(arguments: Sequence[str]) -> str | None:
    """Return the interaction that arguments which cannot be parsed are about, if it comes first."""
    match arguments:
        case ["hold" | "unhold" | "status", first, *_] if not first.startswith("-"):
            return first
        case _:
            return None


def _log_mistake(error: BaseException) -> None:
    import structlog  # noqa: PLC0415 - `--help` does without

    from hookflash.adapters.command_line.logs import (  # noqa: PLC0415 - the same
        configure_logging,
        level_of_environment,
    )

    if not structlog.is_configured():
        configure_logging(level_of_environment(), default="warning")
    structlog.get_logger("hookflash.command_line").debug("command.failed", exc_info=error)


def _abandon_output() -> None:
    """Write no more: whoever read our output has seen enough, and nobody wants a complaint."""
    with suppress(OSError, ValueError):  # what is no real file complains about nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: CycloptsError) -> str:
    """Say what is wrong in one line; a value given to an unknown option may be a secret."""
    # An unknown command is followed by the first few known ones; the help has them all.
    said, _, _ = str(error).partition(" Available commands: ")
    words = [word.partition("=")[0] if word.startswith("-") else word for word in said.split()]
    text = " ".join(words)
    if "--client-secret" in words or "--client-secret." in words:
        text += " The secret is no option: set HOOKFLASH_CLIENT_SECRET"
    return f"{text.rstrip('.')} (see hookflash --help)"
