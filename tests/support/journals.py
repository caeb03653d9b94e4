"""Journals for tests: records that follow from each other, and files as a crash leaves them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, final
from uuid import NAMESPACE_OID, uuid5

import trio
import trio.testing
from attrs import define, evolve, field

from hookflash.adapters.journal import SqliteJournal
from hookflash.adapters.rules_files import names_of
from hookflash.adapters.specifications import load_machine
from hookflash.engine.recovery import Recovered, recover
from hookflash.machines.events import Acknowledged, HoldRequested, Sent, UnholdRequested
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine, Step
from hookflash.machines.records import (
    ActionsDone,
    Aside,
    InteractionState,
    Record,
    RulesAsked,
    RulesChange,
)
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.facts import RuleTimerFired, event_of, facts_of
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.rules.ruling import PlannedAction, Ruling, carried_out, ruled

T = TypeVar("T")

AT = from_text("2026-11-22T18:22:01.123456Z")
DAY_S = 86_400.0
GATEWAY = "localhost:8443"
MACHINE: Machine[Any, Any] = load_machine("hold")
RULES_TEXT = """
[[rule]]
name = "long"
trigger = { to = "held" }
for = "3s"
actions = [ { action = "notify", to = "lead", message = "{hold.elapsed_s} s" } ]
[[rule]]
name = "note"
trigger = { to = "held" }
condition = "interaction.holds == 2"
actions = [ { action = "annotate", text = "held again" } ]
"""
RULES = parse_rules(RULES_TEXT, "rules.toml", names_of())
"""Of one interaction in turn with two others, a record a second: `long` waits with every hold and
acts each time, `note` acts once, and else its condition does not hold."""

AsideTaken = tuple[Aside, InteractionState | None]


@final
@define
class Play:
    """Makes records of interactions that are held and taken off hold again, in turn.

    Attributes:
        ids: The interactions.
        every_s: Seconds between two records.
        rules: The rules that are asked; None for none.
        known: How they stand.
        records: All records so far.
        asides: What stands between them, each with the number of the record after it.
    """

    ids: Sequence[str] = ("a", "b", "c")
    every_s: float = 0.1
    machine: Machine[Any, Any] = MACHINE
    rules: Rules | None = None
    known: dict[str, Interaction[Any]] = field(factory=dict[str, Interaction[Any]])
    records: list[Record] = field(factory=list[Record])
    asides: list[tuple[int, Aside]] = field(factory=list[tuple[int, Aside]])

    @property
    def at(self) -> Instant:
        """The instant of the next record."""
        return Instant(AT + round(len(self.records) * self.every_s * 1_000_000))

    def next(self, count: int) -> tuple[list[Record], list[Interaction[Any]]]:
        """Make records; return them, and the interactions after each."""
        made = [self._next() for _ in range(count)]
        return [record for record, _ in made], [after for _, after in made]

    def _next(self) -> tuple[Record, Interaction[Any]]:
        seq = len(self.records) + 1
        interaction_id = self.ids[seq % len(self.ids)]
        known = self.known.get(interaction_id)
        before = known or self.machine.start(interaction_id)
        event = self._event(before, seq)
        step = self.machine.step(before, event)
        ruling = self._ruling(before, event, step)
        rules = ruled(before.rules, event, ruling, final=False)
        after = evolve(step.interaction, rules=rules)
        record = Record(
            seq,
            interaction_id,
            event,
            before.state,
            after.state,
            step.effects,
            begins=known is None,
            rules=ruling,
        )
        self.known[interaction_id] = after
        self.records.append(record)
        return record, after

    def _ruling(self, before: Interaction[Any], event: Any, step: Step[Any]) -> Ruling | None:
        if self.rules is None:
            return None
        memory = NO_MEMORY if before.rules is None else before.rules.memory
        facts = facts_of(step.interaction)
        told = event_of(before.state, event, step)
        return self._ruling_of(memory, self.rules.evaluate(facts, told, memory))

    def _ruling_of(self, memory: RuleMemory, decision: Decision) -> Ruling | None:
        trace = decision.trace if decision.trace.rules else None
        if trace is None and decision.memory is memory:
            return None
        actions = tuple(
            PlannedAction(str(uuid5(NAMESPACE_OID, f"{one.rule} {decision.trace.at}")), one)
            for one in decision.actions
        )
        return Ruling(decision.memory, trace, actions)

    def due(self) -> list[AsideTaken]:
        """Return what timers of rules bring about until now, and what was carried out."""
        taken: list[AsideTaken] = []
        for one in list(self.known.values()) if self.rules is not None else ():
            after = one
            done = () if one.rules is None else one.rules.open
            if done:
                ids = tuple(planned.id for planned in done)
                after = evolve(after, rules=carried_out(after.rules, ids))
                taken.append(self._aside(ActionsDone(one.id, ids), after))
            memory = NO_MEMORY if after.rules is None else after.rules.memory
            for wait in memory.waits:
                if self.rules is not None and wait.due_at <= self.at:
                    fired = RuleTimerFired(self.at, f"rule:{wait.rule}", wait.owner)
                    decision = self.rules.evaluate(facts_of(after), fired, memory)
                    ruling = self._ruling_of(memory, decision)
                    assert ruling is not None
                    after = evolve(after, rules=ruled(after.rules, fired, ruling, final=False))
                    taken.append(self._aside(RulesAsked(self.at, one.id, fired, ruling), after))
        return taken

    def _aside(self, aside: Aside, after: Interaction[Any]) -> AsideTaken:
        self.known[after.id] = after
        self.asides.append((len(self.records) + 1, aside))
        return aside, InteractionState(len(self.records), after)

    def load(self, rules: Rules | None = RULES) -> list[AsideTaken]:
        """Let other rules count; return the line that says so."""
        self.rules = rules
        text, digest = ("", "") if rules is None else (rules.text, rules.digest)
        change = RulesChange(self.at, digest, text)
        self.asides.append((len(self.records) + 1, change))
        return [(change, None)]

    @property
    def entries(self) -> list[Record | Aside]:
        """All records, and what stands between them."""
        asides, found = list(self.asides), list[Record | Aside]()
        for record in self.records:
            while asides and asides[0][0] <= record.seq:
                found.append(asides.pop(0)[1])
            found.append(record)
        return [*found, *(aside for _, aside in asides)]

    def _event(self, before: Interaction[Any], seq: int) -> Any:
        pending, at = before.pending, self.at
        if pending is None:
            if before.state == "active":
                return HoldRequested(at, f"command-{seq}", at, "consultation", 5)
            return UnholdRequested(at, f"command-{seq}", at, 5)
        if pending.sent_at is None:
            return Sent(at, pending.correlation_id)
        return Acknowledged(at, pending.correlation_id)

    def forget(self, interaction_id: str) -> None:
        """Forget an interaction: its next record begins it."""
        del self.known[interaction_id]


def open_journal(path: Path, **options: Any) -> SqliteJournal:
    """Open a journal of the hold machine."""
    given: dict[str, Any] = {"gateway": GATEWAY, "now": lambda: AT, "in_thread": inline}
    options = given | options
    return SqliteJournal.open(path, options.pop("machine", MACHINE), **options)


async def inline(function: Callable[[], T]) -> T:
    """Call *function* here, in the place of a thread."""
    await trio.lowlevel.checkpoint()
    return function()


def write(
    journal: SqliteJournal, play: Play, count: int, *, batch: int = 4, told: bool = False
) -> None:
    """Append *count* records of *play*."""
    while count > 0:
        asides = play.due()
        records, after = play.next(min(batch, count))
        journal.append(records, after, records[0].seq - 1 if told else None, asides)
        count -= batch


def recovered_of(journal: SqliteJournal) -> Recovered:
    """Return what *journal* proves."""
    header, entries = journal.recovery()
    return recover(journal.definitions, header, entries, str(journal.path))


def go_on(journal: SqliteJournal) -> Recovered:
    """Recover, and adopt all interactions, as an engine would that kept them all."""
    found = recovered_of(journal)
    journal.adopt(
        InteractionState(journal.next_seq - 1, one) for one in found.interactions.values()
    )
    return found


async def keep_house(journal: SqliteJournal) -> None:
    """Let the journal put away what there is."""
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


def tails_of(path: Path) -> list[Path]:
    """Return the tail files of the journal at *path*."""
    return sorted(path.parent.glob(path.name + ".tail-*"))


def copied(folder: Path, to: Path) -> Path:
    """Copy a journal's files as they are on the disk, as a crash would leave them."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.lock", "*-shm"))
    return to


def crashed(path: Path) -> Path:
    """Return the path of a copy of the journal, as it would be found if its process died now."""
    to = path.parent.with_name(path.parent.name + "-crashed")
    return copied(path.parent, to) / path.name


def seqs(records: Iterator[Record]) -> list[int]:
    """Return the numbers of *records*."""
    return [record.seq for record in records]
