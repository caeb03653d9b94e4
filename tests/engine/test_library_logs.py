"""Logs of the library: quiet until somebody configures them."""

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from hookflash.engine.logs import Log, get_logger

LEVELS = ("debug", "info", "warning", "error")

PROGRAM = """
from hookflash.engine.logs import get_logger
log = get_logger("hookflash.test")
log.debug("a.detail", number=1)
log.info("a.fact", number=2)
log.{level}("a.worry", number=3)
"""


@pytest.fixture(autouse=True)
def as_nobody_configured() -> Iterator[None]:
    """All logging is as in a program that does not know it; afterwards as before.

    Commands that other tests run in this process configure it, as commands do.
    """
    configured, before = structlog.is_configured(), structlog.get_config()
    structlog.reset_defaults()
    root = logging.getLogger()
    handlers: list[logging.Handler] = [
        handler for handler in root.handlers if type(handler).__name__ == "StreamHandler"
    ]
    for handler in handlers:
        root.removeHandler(handler)
    yield
    for handler in handlers:
        root.addHandler(handler)
    structlog.reset_defaults()
    if configured:
        structlog.configure(**before)


@pytest.fixture
def log() -> Log:
    return get_logger("hookflash.test_logs")


@pytest.mark.parametrize(("level", "shown"), [("info", ""), ("warning", "a.worry number=3\n")])
def test_a_program_that_configures_nothing_sees_nothing(level: str, shown: str) -> None:
    """Nothing on stdout; on stderr only what is a warning, as of any library."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert (ended.stdout, ended.stderr) == ("", shown)


def test_the_standard_library_decides_until_then(
    log: Log, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Events go to the logger of the same name, from the level on that the program says."""
    with caplog.at_level("INFO", logger="hookflash.test_logs"):
        for level in LEVELS:
            getattr(log, level)("it.happened", level=level, count=1)

    assert [(entry.name, entry.levelname, entry.getMessage()) for entry in caplog.records] == [
        ("hookflash.test_logs", level.upper(), f"it.happened level={level!r} count=1")
        for level in LEVELS[1:]
    ]
    assert capsys.readouterr() == ("", "")


def test_an_exception_goes_there_with_its_traceback(
    log: Log, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake of ours is not silent."""
    error = ValueError("oh")
    try:
        raise error
    except ValueError:
        log.exception("it.failed", what="that")

    (entry,) = caplog.records
    assert entry.levelno == logging.ERROR
    assert entry.getMessage() == "it.failed {'what': 'that'}"
    assert entry.exc_info is not None
    assert entry.exc_info[1] is error
    assert capsys.readouterr() == ("", "")


def test_structlog_gets_them_once_it_is_configured(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """Also loggers that were made before; the standard library gets nothing any more."""
    entries: list[structlog.typing.EventDict] = []

    def keep(_: object, __: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
        entries.append(entry)
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.processors.add_log_level, keep])
    with caplog.at_level("DEBUG"):
        for level in LEVELS:
            getattr(log, level)("it.happened", count=1)
        log.exception("it.failed", what="that")  # noqa: LOG004 - what it is given is of no interest

    assert entries == [
        *({"event": "it.happened", "level": level, "count": 1} for level in LEVELS),
        {"event": "it.failed", "level": "error", "what": "that", "exc_info": True},
    ]
    assert caplog.records == []
