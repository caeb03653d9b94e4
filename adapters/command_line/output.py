"""What commands print: results on stdout, messages for people on stderr."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import orjson

from hookflash.machines.errors import HookflashError


def print_json(result: Mapping[str, Any]) -> None:
    """Print *result* as one line of JSON on stdout, flushed."""
    try:
        line = orjson.dumps(result, default=str).decode()
    except TypeError:
        # What was typed may be no text at all; the standard library writes it escaped.
        line = json.dumps(result, default=str, ensure_ascii=True)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_line(text: str) -> None:
    """Print one line on stdout, flushed."""
    sys.stdout.write(text.encode("utf-8", "replace").decode() + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Print a message for people on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def tell_error(text: str) -> None:
    """Print an error on stderr: one line that begins with `error:`.

    Where there are several, such as of settings, the further ones follow in lines of their own.
    """
    tell("error: " + "\n       ".join(text.splitlines()))


def milliseconds(seconds: float | None) -> float | None:
    """Return *seconds* in milliseconds, to the microsecond; None for None."""
    return None if seconds is None else round(seconds * 1000, 3)


def failure(error: HookflashError, interaction_id: str | None = None) -> dict[str, Any]:
    """Return the object that `--json` prints for a command that failed.

    Args:
        error: How.
        interaction_id: The interaction that was given, should the error not know of it.
    """
    failed = failure_of(
        type(error).__name__,
        str(error),
        outcome=getattr(error, "outcome", "invalid" if error.exit_code == 2 else "unavailable"),
        latencyMs=milliseconds(getattr(error, "latency_s", None)),
        correlationId=getattr(error, "correlation_id", None),
        interactionId=getattr(error, "interaction_id", interaction_id),
        state=getattr(error, "state", None),
    )
    wait_s = getattr(error, "retry_after_s", None)
    return failed if wait_s is None else {**failed, "retryAfterS": wait_s}


def failure_of(error: str, message: str, **parts: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return the object that `--json` prints for a failure called *error*."""
    keys = ("outcome", "latencyMs", "correlationId", "interactionId", "state")
    given = {key: parts.get(key) for key in keys}
    return {
        "status": "failed",
        **given,
        "error": error,
        "message": "; ".join(message.splitlines()),
    }
