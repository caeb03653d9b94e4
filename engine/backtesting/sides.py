"""The sides of a backtest: rules that are asked again, or what rules did at the time."""

from collections import Counter
from typing import Any, Final, Protocol, final

from attrs import Factory, define

from hookflash.engine.backtesting.deeds import SAME_TIME_US, Deed, deeds_of
from hookflash.engine.rulings import LOADED
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired, facts_of
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.ruleset import Rules

FIRED_MAX: Final = 100_000
"""Timers of one interaction that fire between two of its entries: schedules go on for ever."""


@define
class Hand:
    """What one side did in one interaction.

    Attributes:
        memory: What its rules remember; None before they were asked.
        deeds: What it did since the last comparison, in order.
        left_at: When it did what would have changed the world, or did not do what had changed it;
            None while what is recorded is evidence for it.
        ends_at: When it would have ended the present hold; None where it would not have.
        limit_us: The limit that it would have given the present hold; 0 for none.
        lacks_release: Whether it did not take the caller off hold where a recorded rule did.
    """

    memory: RuleMemory | None = None
    deeds: list[Deed] = Factory(list[Deed])
    left_at: Instant | None = None
    ends_at: Instant | None = None
    limit_us: int = 0
    lacks_release: bool = False

    def leave(self, at: Instant, deeds: list[Deed], lacking: list[Deed]) -> None:
        """Take up that what is recorded is evidence no longer, and why."""
        if self.left_at is not None:
            return
        self.left_at = at
        for deed in deeds:
            if deed.kind == "unhold":
                self.ends_at = deed.at
            elif deed.kind == "extend_limit":
                self.limit_us = deed.limit_us
        self.lacks_release = any(deed.kind == "unhold" for deed in lacking)


class Side(Protocol):
    """One side."""

    def tell(
        self, hand: Hand, interaction: Interaction[Any], org: str | None, told: RuleEvent, seq: int
    ) -> list[Deed]:
        """Ask about an event; returns what is done because of it."""
        ...

    def fire(
        self, hand: Hand, interaction: Interaction[Any], org: str | None, until: Instant, seq: int
    ) -> list[Deed]:
        """Let timers fire that are due before *until*; returns what is done because of them."""
        ...


@final
class RulesSide:
    """Rules that are asked again.

    Args:
        rules: The rules.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def tell(
        self, hand: Hand, interaction: Interaction[Any], org: str | None, told: RuleEvent, seq: int
    ) -> list[Deed]:
        """Ask about an event."""
        if told.name == LOADED:
            return []
        facts = facts_of(interaction, org)
        memory = hand.memory
        if memory is None:
            memory = NO_MEMORY
            if told.state_from and told.state_from != "active":
                # It is known from its middle on, as after a change of rules.
                memory = self._rules.adopt(facts, told.at, NO_MEMORY).memory
        decision = self._rules.evaluate(facts, told, memory)
        hand.memory = decision.memory
        return deeds_of(decision.actions, told.at, seq)

    def fire(
        self, hand: Hand, interaction: Interaction[Any], org: str | None, until: Instant, seq: int
    ) -> list[Deed]:
        """Let timers fire, in the order in which they are due."""
        found: list[Deed] = []
        for _ in range(FIRED_MAX):
            memory = hand.memory
            if memory is None or not memory.waits:
                break
            wait = min(memory.waits, key=lambda one: one.due_at)
            if wait.due_at >= until:
                break
            fired = RuleTimerFired(wait.due_at, f"rule:{wait.rule}", wait.owner)
            decision = self._rules.evaluate(facts_of(interaction, org), fired, memory)
            if decision.memory is memory:
                break
            hand.memory = decision.memory
            deeds = deeds_of(decision.actions, wait.due_at, seq)
            found += deeds
            if any(deed.changes_the_world for deed in deeds):
                break  # whoever called decides whether it goes on
        return found


@final
class RecordedSide:
    """What rules did when it was recorded; it is never asked."""

    def tell(
        self, hand: Hand, interaction: Interaction[Any], org: str | None, told: RuleEvent, seq: int
    ) -> list[Deed]:
        """Do nothing: what was done stands in the recording."""
        del hand, interaction, org, told, seq
        return []

    def fire(
        self, hand: Hand, interaction: Interaction[Any], org: str | None, until: Instant, seq: int
    ) -> list[Deed]:
        """Do nothing, likewise."""
        del hand, interaction, org, until, seq
        return []


def departure(own: list[Deed], recorded: list[Deed]) -> tuple[list[Deed], list[Deed]]:
    """Return what changed the world in one of two lists only.

    Args:
        own: What a side did at one moment.
        recorded: What was done when it was recorded.

    Returns:
        What only the side did, and what only was recorded.
    """
    if not own and not recorded:
        return [], []
    return _without(own, recorded), _without(recorded, own)


def _without(deeds: list[Deed], others: list[Deed]) -> list[Deed]:
    left = Counter(deed.kind for deed in others)
    found: list[Deed] = []
    for deed in deeds:
        if not deed.changes_the_world:
            continue
        if left[deed.kind]:
            left[deed.kind] -= 1
        else:
            found.append(deed)
    return found


def at_once(deeds: list[Deed], at: Instant) -> tuple[list[Deed], list[Deed]]:
    """Split deeds of timers: those well before *at*, and those that count as of the same time."""
    before = [deed for deed in deeds if at - deed.at > SAME_TIME_US]
    return before, deeds[len(before) :]
