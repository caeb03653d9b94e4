"""Logging: to stderr, from a level on, without secrets."""

import json
import logging

import pytest
import structlog

from hookflash.adapters.command_line.logs import configure_logging, level_of_environment


def test_it_logs_json_lines_from_the_level_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing on stdout; what is below the level is left out."""
    configure_logging(None, default="warning")
    log = structlog.get_logger("hookflash.test")
    log.info("not.shown")
    log.warning("shown", interaction="i", count=3)

    out, err = capsys.readouterr()
    assert out == ""
    entry = json.loads(err)
    assert (entry["event"], entry["level"], entry["count"]) == ("shown", "warning", 3)


def test_secrets_and_numbers_are_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Of texts, of errors, and of what other objects look like."""
    configure_logging("debug", default="warning")
    log = structlog.get_logger("hookflash.test")
    error = ValueError("wss://h/x?access_token=hush-hush")
    log.error(
        "failed",
        said="Bearer hush-hush",
        caller="+49 30 1234567",
        parts=["tel:+4930"],
        exc_info=error,
    )

    err = capsys.readouterr().err
    assert "hush-hush" not in err
    assert "1234567" not in err
    assert "tel:+4930" not in err
    assert "ValueError" in json.loads(err)["exception"]


def test_other_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """What they log below an error is not shown."""
    configure_logging("debug", default="warning")
    logging.getLogger("somebody.else").warning("hm")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("value", "expected"), [("DEBUG", "debug"), ("loud", None), ("", None)])
def test_the_level_of_commands_without_settings(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str | None
) -> None:
    """HOOKFLASH_LOG_LEVEL, where it names a level."""
    monkeypatch.setenv("HOOKFLASH_LOG_LEVEL", value)

    assert level_of_environment() == expected
