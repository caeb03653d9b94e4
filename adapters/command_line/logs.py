"""Logging of the command line: configured once, by the program and never by the library."""

import io
import logging
import os
import sys
from typing import Any, TextIO, cast

import structlog

from hookflash.adapters.settings.sources import PREFIX
from hookflash.machines.redaction import redact

_NO_TEXT = (bool, int, float, type(None))
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


class _Stderr(io.TextIOBase):
    """Whatever stderr is at the moment: a live table puts something in its place."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_STDERR = cast("TextIO", _Stderr())


def configure_logging(level: str | None, *, default: str) -> None:
    """Log to stderr: readable lines on a terminal, JSON lines otherwise; secrets taken out.

    Args:
        level: The lowest level shown, as the settings have it; None takes *default*.
        default: What the command shows unless told otherwise.
    """
    chosen = _LEVELS[level or default]
    to_terminal = sys.stderr.isatty()
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Plain tracebacks, turned into text before the redaction: prettier ones show the local
        # variables, and with them secrets.
        structlog.processors.format_exc_info,
        _redacted,
        structlog.dev.ConsoleRenderer() if to_terminal else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(chosen),
        logger_factory=structlog.PrintLoggerFactory(_STDERR),
        # Loggers are made when modules are imported, some before this call.
        cache_logger_on_first_use=False,
    )
    # What other libraries log through the standard library: only what is serious.
    logging.basicConfig(stream=_STDERR, level=logging.ERROR, force=True)


def level_of_environment() -> str | None:
    """Return what HOOKFLASH_LOG_LEVEL says, for commands without settings; None for nothing."""
    level = os.environ.get(f"{PREFIX}LOG_LEVEL", "").lower()
    return level if level in _LEVELS else None


def _redacted_value(value: object) -> object:
    if isinstance(value, list):
        return [_redacted_value(one) for one in cast("list[object]", value)]
    return redact(value if isinstance(value, str) else repr(value))


def _redacted(_: Any, __: str, event: Any) -> Any:  # noqa: ANN401 - structlog's own types are so
    """Take telephone numbers and secrets out of every text that is logged."""
    entry = cast("dict[str, Any]", event)
    for key, value in entry.items():
        if key not in {"timestamp", "level"} and not isinstance(value, _NO_TEXT):
            entry[key] = _redacted_value(value)
    return entry
