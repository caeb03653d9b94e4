"""Logs of a library: structlog where the program has configured it, the standard library elsewhere.

structlog prints everything to stdout until somebody configures it, which a program that embeds
hookflash did not ask for. Without a configuration events go to the standard library's logger of
the same name instead, where they are silent below `WARNING` unless that program says otherwise.
"""

import logging
from typing import Any, Final, final

import structlog

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


@final
class Log:
    """A logger of named events with fields; decides at each event where it goes."""

    __slots__ = ("_name", "_standard", "_structured")

    def __init__(self, name: str) -> None:
        self._name = name
        self._standard = logging.getLogger(name)
        self._structured: Any = structlog.get_logger(name)

    def debug(self, event: str, **fields: object) -> None:
        """Log what helps to find a mistake."""
        self._log("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Log what an operator may want to know."""
        self._log("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log what an operator should know."""
        self._log("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Log what somebody must look at."""
        self._log("error", event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Log the exception that is being handled: a mistake of ours."""
        if structlog.is_configured():
            self._structured.exception(event, **fields)
        else:
            self._standard.exception("%s %s", event, fields)

    def _log(self, level: str, event: str, fields: dict[str, object]) -> None:
        if structlog.is_configured():
            getattr(self._structured, level)(event, **fields)
        elif self._standard.isEnabledFor(_LEVELS[level]):
            text = " ".join(f"{name}={value!r}" for name, value in fields.items())
            self._standard.log(_LEVELS[level], "%s %s", event, text)


def get_logger(name: str) -> Log:
    """Return the logger called *name*, which begins with `hookflash.`."""
    return Log(name)
