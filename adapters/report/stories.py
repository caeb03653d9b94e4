"""What is kept of one interaction and of one hold while a recording is read."""

from collections import Counter
from typing import Final, Literal

from attrs import define, field

from hookflash.machines.effects import EndCommand, NoteForeign, StartTimer
from hookflash.machines.events import Acknowledged, ObservedHeld
from hookflash.machines.instants import Instant
from hookflash.machines.records import Record

HOLDING: Final = frozenset({"held", "unhold_pending", "expired"})
"""States in which the caller is, or counts as, on hold."""

PENDING: Final = frozenset({"hold_pending", "unhold_pending"})
"""States in which a command is under way."""

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


@define
class HoldEntry:
    """One hold, from its confirmation to its end.

    Attributes:
        interaction_id: The interaction.
        since: Its start; None where the recording begins later.
        began: How it was confirmed, or who made it.
        reason: Its reason; None for a foreign hold.
        actor: Who asked for it; `foreign` for somebody else, empty where it is not recorded.
        name: The id that its timers carry; empty where they are not recorded.
        limit_at: When its limit passes; None where that is not recorded.
        limit_passed: Whether it passed.
        until: Its end; None where the recording ends before.
        ended: How it ended; empty while it goes on.
        ended_by: Who ended it; empty while it goes on.
    """

    interaction_id: str
    since: Instant | None
    began: Literal[
        "acknowledged", "told unasked", "looked up", "somebody else", "before the recording"
    ]
    reason: str | None = None
    actor: str = ""
    name: str = ""
    limit_at: Instant | None = None
    limit_passed: bool = False
    until: Instant | None = None
    ended: str = ""
    ended_by: str = ""

    @property
    def held_us(self) -> int | None:
        """How long it was, in microseconds; None where start or end is not recorded."""
        return None if self.since is None or self.until is None else self.until - self.since


@define
class Story:
    """What happened to one interaction.

    Attributes:
        id: The interaction.
        state: Its state after the last record.
        told: Its first records, for the page; empty for interactions beyond `TOLD_MAX`.
        records: How many records it has in all.
        marks: What happened to it, and how often.
        holds: How many holds it had.
        hold: The hold that goes on; None for none.
        frame: The correlation id of its latest frame; empty for none.
        sent_at: When that frame was written; None while it waits.
        forced: The command that may release an expired hold by somebody's decision; empty for none.
        answered: The latest frames that were answered, oldest first.
        unacknowledged: Frames confirmed otherwise, whose acknowledgement has not come.
    """

    id: str
    state: str
    told: list[Record] = field(factory=list[Record])
    records: int = 0
    marks: Counter[Mark] = field(factory=Counter[Mark])
    holds: int = 0
    hold: HoldEntry | None = None
    frame: str = ""
    sent_at: Instant | None = None
    forced: str = ""
    answered: list[str] = field(factory=list[str])
    unacknowledged: set[str] = field(factory=set[str])


def hold_begun(story: Story, record: Record) -> HoldEntry:
    """Return the hold that *record* begins."""
    event = record.event
    hold = HoldEntry(record.interaction_id, event.at, "acknowledged")
    if not isinstance(event, Acknowledged):
        told = isinstance(event, ObservedHeld) and event.source == "frame"
        hold.began = "told unasked" if told else "looked up"
        hold.since = story.sent_at or event.at
    for effect in record.effects:
        match effect:
            case StartTimer() if effect.timer.name == "limit":
                hold.name, hold.limit_at = effect.timer.owner, effect.timer.due_at
            case NoteForeign():
                hold.began, hold.since, hold.actor = "somebody else", effect.since, "foreign"
                hold.reason = None
            case EndCommand() if hold.actor != "foreign":
                hold.actor, hold.reason = effect.actor, effect.reason
            case _:
                pass
    if hold.actor == "foreign":
        hold.reason = None
    return hold


def hold_end(record: Record) -> tuple[str, str]:
    """Return how the hold ended that *record* ends, and by whom."""
    if record.target == "closed":
        return "interaction ended", ""
    for effect in record.effects:
        if isinstance(effect, NoteForeign):
            return "released by somebody else", "foreign"
        if isinstance(effect, EndCommand):
            confirmed = "acknowledged" if effect.outcome == "confirmed" else "looked up"
            if effect.actor == "limit":
                return f"released at its limit, {confirmed}", "limit"
            return f"unhold, {confirmed}", effect.actor
    return "not held any more", ""
