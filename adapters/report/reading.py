"""One pass through a recording: what it says, and what of it is told one by one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from hookflash.adapters.journal import read_entries, read_header
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.report.chronicle import Chronicle
from hookflash.adapters.report.decisions import Decisions
from hookflash.adapters.report.history import FOLLOWED_MAX, History
from hookflash.engine.traffic import TrafficCounter
from hookflash.machines.diagrams.figures import Traffic
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.machine import Machine
from hookflash.machines.records import (
    DefinitionChange,
    Entry,
    Header,
    InteractionState,
    PolicyChange,
    Record,
    RulesAsked,
)

MACHINE: Final = "hold"
"""The machine whose recordings have holds."""


@frozen
class Account:
    """A recording that was read.

    Attributes:
        header: Its header.
        history: What it says.
        chronicle: What of it is told one by one.
        traffic: What it says about the machine, as the diagram draws it.
        machine: The machine of the definition that counted last.
    """

    header: Header
    history: History
    chronicle: Chronicle
    traffic: Traffic
    machine: Machine[Any, Any]


def read_account(path: str | Path) -> Account:
    """Read a recording or journal of the hold machine once, in bounded memory.

    Raises:
        MalformedRecord: It cannot be read, is damaged, or is of another machine.
        SpecError: Today's code cannot run the definition that its records were stepped by.
    """
    header = read_header(path)
    if header.machine != MACHINE:
        raise MalformedRecord(
            f"{path}: records the machine {header.machine!r}, which has no holds",
            advice=f"give a recording of the machine {MACHINE!r}",
            place=str(path),
        )
    definitions = Definitions(header, None, str(path))
    return account_of(header, definitions, read_entries(path, None, definitions))


def account_of(header: Header, definitions: Definitions, entries: Iterable[Entry]) -> Account:
    """Take up what follows a header.

    Args:
        header: The header.
        definitions: Its definitions, which learn of further ones while *entries* are read.
        entries: What follows it.
    """
    history, chronicle = History(), Chronicle()
    decisions = Decisions(header, definitions, FOLLOWED_MAX)
    counter = TrafficCounter(decisions.machine)
    for entry in entries:
        counter.take(entry)
        match entry:
            case Record():
                story = history.take(entry)
                if story is not None:
                    machine, row = decisions.take(entry)
                    chronicle.take(story, entry, machine, row)
            case RulesAsked():
                story = history.stories.get(entry.interaction_id.lower())
                if story is not None:
                    chronicle.take_asked(story, entry)
            case InteractionState():
                decisions.take_state(entry)
                story = history.take_state(entry)
                if story is not None:
                    chronicle.take_state(story)
            case PolicyChange() | DefinitionChange():
                decisions.take_change(entry)
            case _:
                pass
    history.finish()
    return Account(header, history, chronicle, counter.traffic(), decisions.machine)
