"""What is kept of one interaction while a recording is read."""

from collections import Counter
from typing import Final, Literal

from attrs import define, field

from hookflash.engine.ledger import LedgerHold
from hookflash.machines.instants import Instant

Mark = Literal[
    "alarm",
    "confirmed_by_lookup",
    "cut_off",
    "doubt",
    "duplicate",
    "ended_on_hold",
    "expired",
    "forced",
    "foreign_hold",
    "foreign_released",
    "foreign_unhold",
    "ineligible",
    "invalid",
    "late",
    "not_applied",
    "past_limit",
    "refused",
    "released_at_limit",
    "resent",
    "unacknowledged",
    "unavailable",
    "unknown",
    "waited_for_link",
    "warning",
]
"""Something worth telling that happened to an interaction; the page says each in a sentence."""

PLACES_MAX: Final = 100
"""Places of marks kept for each interaction."""


@define
class Story:
    """What happened to one interaction.

    Attributes:
        id: The interaction.
        state: Its state after the last record.
        number: Its place among all interactions, from 0.
        records: How many records it has in all.
        marks: What happened to it, and how often.
        places: The same one by one, each with the place of its record among those of the
            interaction; at most `PLACES_MAX`.
        holds: How many holds it had.
        hold: The hold that goes on; None for none.
        skill_group: Its skill group as last heard of; None while it is not known.
        frame: The correlation id of its latest frame; empty for none.
        sent_at: When that frame was written; None while it waits.
        left: When the latest frames left, oldest first: when they were written, else when that was
            asked for; and whether each was a hold.
        forced: The command that may release an expired hold by somebody's decision; empty for none.
        answered: The latest frames that were answered, oldest first.
        unacknowledged: Frames confirmed otherwise, whose acknowledgement has not come, and the
            place of the record that confirmed each.
    """

    id: str
    state: str
    number: int = 0
    records: int = 0
    marks: Counter[Mark] = field(factory=Counter[Mark])
    places: list[tuple[Mark, int]] = field(factory=list[tuple[Mark, int]])
    holds: int = 0
    hold: LedgerHold | None = None
    skill_group: str | None = None
    frame: str = ""
    sent_at: Instant | None = None
    left: dict[str, tuple[Instant, bool]] = field(factory=dict[str, tuple[Instant, bool]])
    forced: str = ""
    answered: list[str] = field(factory=list[str])
    unacknowledged: dict[str, int] = field(factory=dict[str, int])
