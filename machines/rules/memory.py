"""What a rule set remembers of one interaction; never changed, only replaced.

The engine keeps it beside the interaction and hands it in with the next event. All of it can be
written as JSON, for a snapshot, and read back.
"""

from typing import Any, Literal

from attrs import frozen

from hookflash.machines.errors import MalformedRecord
from hookflash.machines.hold_data import Hold
from hookflash.machines.instants import Instant
from hookflash.machines.making import maker
from hookflash.machines.rules.facts import RuleEvent, RuleFacts
from hookflash.machines.rules.written import as_read, as_written

WaitKind = Literal["for", "absence", "schedule"]
"""What a rule waits for: that a state lasts, that something does not happen, its next time."""


@frozen
class History:
    """What an interaction has been through, as far as rules ask.

    Attributes:
        first_at: When the rules first heard of it.
        state: Its state at the last event.
        state_since: Since when.
        holds: How many holds it has had.
        held_us: How long the holds that ended were in all, in microseconds.
        last_hold_us: How long the last one that ended was; None before one has.
        hold_id: The name of the hold that goes on; None where nobody is held.
        hold_since: Its start; 0 where nobody is held.
    """

    first_at: Instant
    state: str
    state_since: Instant
    holds: int = 0
    held_us: int = 0
    last_hold_us: int | None = None
    hold_id: str | None = None
    hold_since: Instant = Instant(0)  # noqa: RUF009 - a number

    @classmethod
    def begin(cls, facts: RuleFacts, at: Instant, state: str = "") -> "History":
        """Return the history of an interaction that the rules hear of for the first time.

        Args:
            facts: What is known of it.
            at: When.
            state: The state before the first event; empty for the same as now.
        """
        since = at if facts.hold is None or state not in {"", facts.state} else facts.hold.since
        begun = cls(at, state or facts.state, since)
        return begun.after(facts, at)

    def after(self, facts: RuleFacts, at: Instant) -> "History":
        """Return the history after an event at *at*; the same object where nothing changed."""
        hold = facts.hold
        hold_id = None if hold is None else hold.id
        if facts.state == self.state and hold_id == self.hold_id:
            return self
        held_us, last_hold_us, holds = self.held_us, self.last_hold_us, self.holds
        hold_since = self.hold_since
        is_other = hold_id is not None and self.hold_id not in {None, hold_id}
        if hold_id != self.hold_id:
            if self.hold_id is not None:
                last_hold_us = max(0, at - self.hold_since)
                held_us += last_hold_us
            hold_since = Instant(0) if hold is None else hold.since
            holds += hold is not None
        return make_history(
            self.first_at,
            facts.state,
            # Another hold under the same state: the end of the one before was not heard of.
            self.state_since if facts.state == self.state and not is_other else at,
            holds,
            held_us,
            last_hold_us,
            hold_id,
            hold_since,
        )

    def held_until(self, hold: Hold | None, at: Instant) -> int:
        """Return how long the caller has been on hold in all, in microseconds, until *at*."""
        return self.held_us + (0 if hold is None else max(0, at - hold.since))


@frozen
class Seen:
    """When something that a temporal condition asks about has happened.

    Attributes:
        pattern: What: the pattern's text.
        at: When, oldest first; no more than any rule asks for.
    """

    pattern: str
    at: tuple[Instant, ...]


@frozen
class Wait:
    """A rule that waits, with its timer.

    Attributes:
        rule: The rule's name.
        kind: What it waits for.
        owner: The timer's owner.
        due_at: When the timer fires.
        event: What it began with.
    """

    rule: str
    kind: WaitKind
    owner: str
    due_at: Instant
    event: RuleEvent


@frozen
class Run:
    """A rule whose commands are under way.

    Attributes:
        rule: The rule's name.
        since: When the first of them was given.
        commands: How many have not ended.
    """

    rule: str
    since: Instant
    commands: int


@frozen
class Queued:
    """A trigger that waits until its rule has its turn again.

    Attributes:
        rule: The rule's name.
        event: What triggered it.
    """

    rule: str
    event: RuleEvent


@frozen
class Acted:
    """When a rule acted last, for `once_within`.

    Attributes:
        rule: The rule's name.
        at: When.
    """

    rule: str
    at: Instant


@frozen
class RuleMemory:
    """What rules remember of one interaction.

    Attributes:
        history: What it has been through; None before its first event.
        seen: What temporal conditions ask about.
        waits: Rules that wait.
        runs: Rules whose commands are under way.
        queue: Triggers that wait for their rule, oldest first.
        acted: When rules with `once_within` acted last.
        commands_at: When rules gave their latest commands, oldest first: the bound on loops.
        serial: How many timers were started; their owners are numbered.
        alarmed_at: When the bound on loops was told last; None for never.
    """

    history: History | None = None
    seen: tuple[Seen, ...] = ()
    waits: tuple[Wait, ...] = ()
    runs: tuple[Run, ...] = ()
    queue: tuple[Queued, ...] = ()
    acted: tuple[Acted, ...] = ()
    commands_at: tuple[Instant, ...] = ()
    serial: int = 0
    alarmed_at: Instant | None = None

    def wait_of(self, rule: str) -> Wait | None:
        """Return what the rule waits for; None where it does not wait."""
        for wait in self.waits:
            if wait.rule == rule:
                return wait
        return None

    def run_of(self, rule: str) -> Run | None:
        """Return the rule's commands that are under way; None where there are none."""
        for run in self.runs:
            if run.rule == rule:
                return run
        return None

    def seen_at(self, pattern: str) -> tuple[Instant, ...]:
        """Return when the pattern was seen; empty for never."""
        for seen in self.seen:
            if seen.pattern == pattern:
                return seen.at
        return ()

    def acted_at(self, rule: str) -> Instant | None:
        """Return when the rule acted last; None where it has not, or is not asked to remember."""
        for acted in self.acted:
            if acted.rule == rule:
                return acted.at
        return None

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold; what is as at the start is left out."""
        return as_written(self)

    @classmethod
    def from_json(cls, written: object, path: str = "$") -> "RuleMemory":
        """Return the memory that `to_json` wrote.

        Args:
            written: What a file held.
            path: Where in the document it stands, for messages.

        Raises:
            MalformedRecord: *written* is no such thing; nothing of it is usable.
        """
        try:
            return as_read(cls, written, path, "memory of rules")
        except MalformedRecord as error:
            raise MalformedRecord(
                error.message,
                advice="begin with an empty one: durations and counts start anew",
                place=error.place,
            ) from error


make_history = maker(History)
make_rule_memory = maker(RuleMemory)
"""These make the same as the classes, in less time; every event that rules hear needs some."""

NO_MEMORY = RuleMemory()
"""That of an interaction whose rules have not been asked yet."""
