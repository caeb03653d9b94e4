"""What is wrong with a definition: one finding for each thing, with its place.

Loading a definition raises the first finding of those that make it unusable; `hookflash check`
tells all of them, and those that only a proof brings to light.
"""

from collections.abc import Iterable
from typing import Literal

from attrs import evolve, frozen

from hookflash.machines.errors import SpecError

Kind = Literal[
    "unknown_name",
    "undecided_pair",
    "competing_rows",
    "unreachable_state",
    "dead_end",
    "final_left",
    "no_timer_out",
    "idle_watcher",
    "idle_timer",
    "no_sample",
    "dead_row",
    "unwatched",
    "step_fails",
    "too_many_worlds",
]
"""What can be found; `docs/writing-machines.md` says of each what it means and what to do."""

RuleKind = Literal[
    "rule_invalid",
    "rule_unreachable",
    "rule_duplicate",
    "rule_never_true",
    "rule_loop",
    "rule_contradiction",
    "action_rejected",
]
"""What can be found in a rules file; `docs/rules.md` says of each what it means."""

LOAD_REFUSES: frozenset[Kind] = frozenset({"unknown_name", "undecided_pair", "competing_rows"})
"""Findings with which a definition does not even load."""


@frozen
class PathStep:
    """One step of a path that shows a finding.

    Attributes:
        event: The event's name, with the sample's variant after a colon where there are several.
        source: The state before it.
        target: The state after it; the same where it stayed.
        line: The line of the row that was taken.
    """

    event: str
    source: str
    target: str
    line: int


@frozen
class Finding:
    """Something that is wrong with a definition.

    Attributes:
        kind: What.
        place: Where: the file, the line if it is known, the table.
        message: What is wrong there, in one line.
        advice: What to do about it.
        line: The line; None where it is not known.
        state: The state that it is about; None where it is about none, or about several.
        event: The event that it is about; None as for `state`.
        policy: The name of the policy under which it was found; None where policies do not matter.
        path: The shortest path that shows it; empty where there is none to show.
        also_after: The lines of further rows after which it is so, on longer paths.
    """

    kind: Kind | RuleKind
    place: str
    message: str
    advice: str = ""
    line: int | None = None
    state: str | None = None
    event: str | None = None
    policy: str | None = None
    path: tuple[PathStep, ...] = ()
    also_after: tuple[int, ...] = ()

    def error(self) -> SpecError:
        """Return the error that loading raises for it."""
        return SpecError(f"{self.place}: {self.message}", advice=self.advice, place=self.place)

    def also(self, lines: Iterable[int]) -> "Finding":
        """Return the finding with further rows after which it is so."""
        own = self.path[-1].line if self.path else None
        return evolve(self, also_after=tuple(sorted({*self.also_after, *lines} - {own})))
