"""Journals for tests: records that follow from each other, and files as a crash leaves them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, final

import trio
import trio.testing
from attrs import define, field

from hookflash.adapters.journal import SqliteJournal
from hookflash.adapters.specifications import load_machine
from hookflash.engine.recovery import Recovered, recover
from hookflash.machines.events import Acknowledged, HoldRequested, Sent, UnholdRequested
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import InteractionState, Record

T = TypeVar("T")

AT = from_text("2026-11-22T18:22:01.123456Z")
DAY_S = 86_400.0
GATEWAY = "localhost:8443"
MACHINE: Machine[Any, Any] = load_machine("hold")


@final
@define
class Play:
    """Makes records of interactions that are held and taken off hold again, in turn.

    Attributes:
        ids: The interactions.
        every_s: Seconds between two records.
        known: How they stand.
        records: All records so far.
    """

    ids: Sequence[str] = ("a", "b", "c")
    every_s: float = 0.1
    machine: Machine[Any, Any] = MACHINE
    known: dict[str, Interaction[Any]] = field(factory=dict[str, Interaction[Any]])
    records: list[Record] = field(factory=list[Record])

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
        record = Record(
            seq,
            interaction_id,
            event,
            before.state,
            step.interaction.state,
            step.effects,
            begins=known is None,
        )
        self.known[interaction_id] = step.interaction
        self.records.append(record)
        return record, step.interaction

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
        records, after = play.next(min(batch, count))
        journal.append(records, after, records[0].seq - 1 if told else None)
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
