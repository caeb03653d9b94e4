"""What a recording is replayed under, from what somebody asked for: names, paths, texts.

A request can be handed to another process, which a machine cannot.
"""

from pathlib import Path
from typing import Any, Final

from attrs import frozen

from hookflash.adapters.replaying.blocks import blocks_of
from hookflash.adapters.replaying.verifying import Choices, read_header
from hookflash.adapters.rules_files import load_rules
from hookflash.adapters.settings.loading import load_settings
from hookflash.adapters.specifications import load_machine
from hookflash.engine.replaying.outcome import Until
from hookflash.engine.replaying.stepping_by import Trial
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.instants import from_text
from hookflash.machines.machine import Machine
from hookflash.machines.records import Header

SHIPPED: Final = "shipped"
"""The definition that is shipped today under the name of the recording's machine."""


@frozen(kw_only=True)
class Request:
    """What somebody wants replayed.

    Attributes:
        recordings: Recordings and journals, in order.
        rules: A rules file to try; None for the recorded rules.
        spec: A definition to try: `shipped`, the name of a shipped machine, or a path; None for the
            recorded one.
        policy: A config file whose `[hold]` is to be tried; None for the recorded policy.
        until: The number of the last record, or an ISO time; None for all.
        interaction: The one interaction that is replayed; None for all.
    """

    recordings: tuple[Path, ...]
    rules: Path | None = None
    spec: str | None = None
    policy: Path | None = None
    until: str | None = None
    interaction: str | None = None


def choices_of(request: Request) -> Choices:
    """Return what *request* means.

    Raises:
        SpecError: A definition or rules file is not usable.
        ConfigurationError: The config file is not usable, or `until` is neither number nor time.
        MalformedRecord: The first recording cannot be read.
    """
    return Choices(
        trial=Trial(machine=_machine(request), policy=_policy(request)),
        rules=None if request.rules is None else load_rules(request.rules),
        until=until_of(request.until),
        only=request.interaction,
    )


def header_of(path: Path) -> Header:
    """Return the header of a recording or journal, also of one that was changed.

    Raises:
        MalformedRecord: It cannot be read.
    """
    first = next(blocks_of(path), None)
    if first is None:
        raise MalformedRecord(
            f"{path}: is empty: this is no recording and no journal", place=str(path)
        )
    return read_header(first.lines[0], first.place(0))[0]


def _machine(request: Request) -> Machine[Any, Any] | None:
    if request.spec is None:
        return None
    name = request.spec
    return load_machine(header_of(request.recordings[0]).machine if name == SHIPPED else name)


def _policy(request: Request) -> Any:  # noqa: ANN401 - a machine's policy
    if request.policy is None:
        return None
    return load_settings(config=request.policy, environ={}).hold


def until_of(text: str | None) -> Until | None:
    """Return where a replay ends.

    Raises:
        ConfigurationError: *text* is neither a number nor a time.
    """
    if text is None:
        return None
    if text.isdecimal():
        return Until(seq=int(text))
    try:
        return Until(at=from_text(text))
    except ValueError as error:
        raise ConfigurationError(
            f"option --until: {text!r} is neither a record's number nor a time ({error})",
            advice="give a number, or a time such as 2026-11-22T18:30:00Z",
            source="option --until",
        ) from error
