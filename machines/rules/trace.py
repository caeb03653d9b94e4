"""Why and why not: what an evaluation considered, and what became of it."""

from typing import Any, Literal

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.making import maker
from hookflash.machines.rules.written import as_read, as_written

Verdict = Literal[
    "acted",
    "shadow",
    "suppressed",
    "condition",
    "temporal",
    "waiting",
    "cancelled",
    "disabled",
    "queued",
    "late",
]
"""What became of a rule: it acted; it would have, but for `shadow`; all its actions were
suppressed; its condition or a temporal one did not hold; it waits; its wait was cancelled; it is
disabled; it waits for its turn; a timer fired that counts no more."""

RARE: frozenset[Verdict] = frozenset({"acted", "shadow", "suppressed", "cancelled", "queued"})
"""Verdicts whose traces are worth keeping longest; the others come with every event."""

Fate = Literal["taken", "suppressed"]


@frozen(weakref_slot=False)
class ClauseTrace:
    """A clause of a condition with its value.

    Attributes:
        text: Its text.
        value: Its value; None where it has none.
        reads: The variables that it reads, with their values.
        why: Why it has no value; empty where it has one.
    """

    text: str
    value: bool | None
    reads: tuple[tuple[str, str | int | float | bool], ...] = ()
    why: str = ""


@frozen(weakref_slot=False)
class TemporalTrace:
    """A temporal condition with its answer.

    Attributes:
        text: It, as the file has it.
        holds: Whether it is fulfilled.
        found: What it found, in words.
    """

    text: str
    holds: bool
    found: str


@frozen(weakref_slot=False)
class TimerTrace:
    """A timer that was started, stopped or fired.

    Attributes:
        change: Which of the three.
        name: Its name.
        due_at: When it is due.
        why: Why, in words.
    """

    change: Literal["started", "stopped", "fired"]
    name: str
    due_at: Instant
    why: str = ""


@frozen(weakref_slot=False)
class ActionTrace:
    """An action and what became of it.

    Attributes:
        text: It, in words.
        fate: Whether it was taken.
        by: What suppressed it; empty where it was taken.
    """

    text: str
    fate: Fate
    by: str = ""


@frozen(weakref_slot=False)
class RuleTrace:
    """What became of one rule.

    Attributes:
        rule: Its name.
        trigger: What triggered it, in words.
        verdict: What became of it.
        why: The same in words, where the other parts do not say it.
        clauses: Its condition, clause by clause.
        temporal: Its temporal conditions.
        timers: The timers that it started or stopped.
        actions: Its actions.
    """

    rule: str
    trigger: str
    verdict: Verdict
    why: str = ""
    clauses: tuple[ClauseTrace, ...] = ()
    temporal: tuple[TemporalTrace, ...] = ()
    timers: tuple[TimerTrace, ...] = ()
    actions: tuple[ActionTrace, ...] = ()


@frozen(weakref_slot=False)
class Trace:
    """What one evaluation considered.

    Attributes:
        at: When.
        interaction: The interaction.
        event: The event, in words.
        rules: The rules that were concerned, in the order of the file; the others were not
            triggered.
        warnings: What somebody should look at: rules that contradict each other, a loop.
    """

    at: Instant
    interaction: str
    event: str
    rules: tuple[RuleTrace, ...] = ()
    warnings: tuple[str, ...] = ()

    def of(self, rule: str) -> RuleTrace | None:
        """Return what became of the rule; None where it was not triggered."""
        for one in self.rules:
            if one.rule == rule:
                return one
        return None

    def is_rare(self) -> bool:
        """Say whether it is worth keeping longer than those that come with every event."""
        return bool(self.warnings) or any(one.verdict in RARE for one in self.rules)

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold; what is empty is left out."""
        return as_written(self)

    @classmethod
    def from_json(cls, written: object, path: str = "$") -> "Trace":
        """Return the trace that `to_json` wrote.

        Args:
            written: What a file held.
            path: Where in the document it stands, for messages.

        Raises:
            MalformedRecord: *written* is no such thing; the message says where and why.
        """
        return as_read(cls, written, path, "trace of rules")


make_clause_trace = maker(ClauseTrace)
make_rule_trace = maker(RuleTrace)
make_trace = maker(Trace)
"""These make the same as the classes, in less time."""
