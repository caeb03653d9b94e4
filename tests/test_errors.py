"""Errors: their parts, their words, and what survives a copy."""

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hookflash.machines import errors
from hookflash.machines.errors import COMMAND_ERRORS, CommandError, HookflashError

PARTS: dict[str, Any] = {
    "interaction_id": "interaction-1",
    "correlation_id": "id-1",
    "outcome": "refused",
    "state": "held",
    "latency_s": 0.25,
    "retry_after_s": 2.5,
    "place": "file.toml: line 3",
    "source": "--host",
    "path": "hookflash.db",
    "bad": {"priority": "must be 0 to 9"},
}


def all_errors(root: type[HookflashError] = HookflashError) -> Iterator[type[HookflashError]]:
    """Yield the root and every class below it."""
    yield root
    for cls in root.__subclasses__():
        yield from all_errors(cls)


def _pickled(error: HookflashError) -> HookflashError:
    again: HookflashError = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    return again


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, _pickled])
@pytest.mark.parametrize("cls", list(all_errors()))
def test_survives(
    cls: type[HookflashError], again: Callable[[HookflashError], HookflashError]
) -> None:
    """A copy is of the same class, says the same, and has the same parts as attributes."""
    error = again(cls("it went wrong", advice="do something", **PARTS))
    assert type(error) is cls
    assert str(error) == "it went wrong (do something)"
    assert (error.message, error.advice, error.parts) == ("it went wrong", "do something", PARTS)
    for name, value in PARTS.items():
        assert getattr(error, name) == value


@pytest.mark.parametrize("cls", list(all_errors()))
def test_says_whose_fault_it_is(cls: type[HookflashError]) -> None:
    """Each class has a fault, an exit code that the command line knows, and a docstring."""
    assert cls.fault in {"caller", "gateway", "configuration", "world", "hookflash"}
    assert cls.exit_code in {1, 2, 3, 4}
    assert cls.__doc__
    assert cls.__module__ == errors.__name__, "errors live in one place"


@pytest.mark.parametrize("cls", list(all_errors()))
def test_is_one_line(cls: type[HookflashError]) -> None:
    """Without advice the text is the message; either is one line."""
    assert str(cls("it went wrong")) == "it went wrong"
    assert "\n" not in str(cls("it went wrong", advice="try again"))


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


def test_command_errors_by_name() -> None:
    """Every error of a command has its name, exit code and outcome."""
    assert {name: cls.exit_code for name, cls in COMMAND_ERRORS.items()} == EXIT_CODES
    assert set(COMMAND_ERRORS.values()) == set(all_errors(CommandError)) - {CommandError}
    error = CommandError("it went wrong", interaction_id="interaction-1")
    assert (error.correlation_id, error.state, error.latency_s) == (None, None, None)


def test_a_cause_is_kept_by_raise_from() -> None:
    """An error raised from another one names it as its cause."""
    cause = ValueError("underneath")
    with pytest.raises(HookflashError) as caught:
        raise HookflashError("it went wrong") from cause
    assert caught.value.__cause__ is cause
