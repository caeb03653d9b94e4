"""The dispatcher: nothing leaves before it is written, and nothing follows a failure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.world import SynchronousMemoryJournal

from hookflash.adapters.specifications import load_machine
from hookflash.engine.dispatcher import Dispatcher
from hookflash.engine.instances import Instance, Instances
from hookflash.engine.metrics import Metrics
from hookflash.engine.rulings import Ruled, Rulings
from hookflash.machines.errors import JournalError
from hookflash.machines.events import HoldRequested
from hookflash.machines.instants import Instant

MACHINE = load_machine("hold")
CALL = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"


class Desk:
    """A dispatcher over a journal of which the disk can be told what to do."""

    def __init__(self, journal: SynchronousMemoryJournal) -> None:
        self.journal = journal
        self.left: list[tuple[str, int]] = []
        self.turns = 0
        self.failures = 0
        self.told = 0
        self.carrying: Exception | None = None
        self.instances = Instances(MACHINE, 10, lambda _: None)
        self.dispatcher = Dispatcher(
            MACHINE.spec.digest,
            journal,
            Rulings(lambda: "id", Metrics()),
            carry=self._carry,
            turned=self._turned,
            told=lambda: self.told,
            gave_up=self._gave_up,
            flooded=lambda _: None,
        )

    def _carry(self, instance: Instance, step: Any, seq: int, _: Ruled | None) -> None:
        del step
        if self.carrying is not None:
            raise self.carrying
        self.left.append((instance.id, seq))

    def _gave_up(self) -> None:
        self.failures += 1

    def _turned(self) -> None:
        self.turns += 1

    def ask(self, interaction_id: str = CALL) -> None:
        """Post a hold command."""
        event = HoldRequested(Instant(5), f"{self.journal.next_seq}", Instant(4), "queueing", 5)
        self.dispatcher.post(self.instances.get_or_start(interaction_id), event)


async def test_effects_wait_for_the_disk(nursery: trio.Nursery) -> None:
    """With durability `power` nothing leaves before its record is on the disk."""
    desk = Desk(SynchronousMemoryJournal())
    nursery.start_soon(desk.dispatcher.run)
    desk.ask()
    await trio.testing.wait_all_tasks_blocked()
    assert 1 == len(desk.journal.records)
    assert [] == desk.left, "it is written, and not on the disk yet"
    desk.ask(OTHER)
    await trio.testing.wait_all_tasks_blocked()
    assert 1 == len(desk.journal.records), "what comes meanwhile shares the next wait"
    desk.journal.disk_done()
    await trio.testing.wait_all_tasks_blocked()
    assert [(CALL, 1)] == desk.left
    desk.journal.disk_done()
    await trio.testing.wait_all_tasks_blocked()
    assert [(CALL, 1), (OTHER, 2)] == desk.left
    nursery.cancel_scope.cancel()


async def test_settling_does_not_overtake_a_turn_that_waits(nursery: trio.Nursery) -> None:
    """What is stepped here and now leaves after what waits for the disk."""
    desk = Desk(SynchronousMemoryJournal())
    nursery.start_soon(desk.dispatcher.run)
    desk.ask()
    await trio.testing.wait_all_tasks_blocked()
    desk.ask(OTHER)
    desk.dispatcher.settle()
    assert [(CALL, 1), (OTHER, 2)] == desk.left
    assert 2 == desk.journal.blocking_syncs
    desk.journal.disk_done()
    await trio.testing.wait_all_tasks_blocked()
    assert [(CALL, 1), (OTHER, 2)] == desk.left, "not a second time"
    nursery.cancel_scope.cancel()


async def test_a_cancelled_wait_for_the_disk_loses_nothing() -> None:
    """What waited when the program was stopped leaves when it settles."""
    desk = Desk(SynchronousMemoryJournal())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.dispatcher.run)
        desk.ask()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    desk.dispatcher.close()
    assert [(CALL, 1)] == desk.left


class Full(SynchronousMemoryJournal):
    """A journal whose disk is full, for one append."""

    full = True

    def append(
        self,
        records: Sequence[Any],
        after: Sequence[Any],
        told_through: int | None = None,
        asides: Sequence[Any] = (),
    ) -> None:
        if self.full:
            self.full = False
            raise JournalError("journal: cannot be written: No space left on device", path="j")
        super().append(records, after, told_through, asides)


def test_after_a_failed_write_nothing_is_written() -> None:
    """Interactions are ahead of the journal then: a later record would not follow from it."""
    desk = Desk(Full())
    desk.ask()
    for _ in range(2):
        with pytest.raises(JournalError, match="No space left"):
            desk.dispatcher.settle()
    desk.ask(OTHER)
    with pytest.raises(JournalError, match="No space left"):
        desk.dispatcher.close()
    assert () == desk.journal.records
    assert [] == desk.left


async def test_after_a_failed_sync_nothing_leaves() -> None:
    """A record that may not be on the disk is as good as none: its effects stay."""
    desk = Desk(SynchronousMemoryJournal())
    desk.journal.broken = JournalError("journal: cannot be synced", path="j")
    desk.ask()
    with pytest.raises(JournalError, match="synced"):
        await desk.dispatcher.run()
    with pytest.raises(JournalError, match="synced"):
        desk.dispatcher.settle()
    assert [] == desk.left


def test_after_effects_that_failed_nothing_is_stepped() -> None:
    """The audit log is behind the journal then; the next start completes it."""
    desk = Desk(SynchronousMemoryJournal())
    desk.carrying = JournalError("audit log: cannot be written", path="a")
    desk.ask()
    for _ in range(2):
        with pytest.raises(JournalError, match="audit log"):
            desk.dispatcher.settle()
    assert 0 == desk.turns
    assert 1 == desk.failures, "the audit log learns that it is behind"


def test_a_step_that_raises_takes_the_whole_turn_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stepped before it in that turn is not in the journal: nothing of it may leave."""
    desk = Desk(SynchronousMemoryJournal())
    desk.ask()
    desk.ask(OTHER)
    before = [instance.interaction for instance in desk.instances]
    broken = desk.instances.get(OTHER)
    assert broken is not None
    step = MACHINE.step

    def raises(interaction: Any, event: Any) -> Any:
        if interaction.id == OTHER:
            raise ZeroDivisionError("a guard of somebody's machine")
        return step(interaction, event)

    monkeypatch.setattr(MACHINE, "step", raises)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            desk.dispatcher.settle()
    assert () == desk.journal.records
    assert [] == desk.left
    assert before == [instance.interaction for instance in desk.instances]


def test_one_interaction_is_settled_without_the_others() -> None:
    """However much others have waiting, a caller who gives up waits for none of it."""
    desk = Desk(SynchronousMemoryJournal())
    desk.ask()
    desk.ask()
    desk.ask(OTHER)
    desk.dispatcher.settle(desk.instances.get(CALL))
    assert [(CALL, 1), (CALL, 2)] == desk.left
    desk.dispatcher.settle()
    assert [(CALL, 1), (CALL, 2), (OTHER, 3)] == desk.left
    assert 0 == desk.failures


def test_what_monitors_were_told_is_written_with_the_next_turn_or_at_the_end() -> None:
    """It costs no write of its own while the engine runs, and is not lost when it stops."""
    desk = Desk(SynchronousMemoryJournal())
    desk.ask()
    desk.dispatcher.settle()
    assert 0 == desk.journal.told_through
    desk.told = 1
    desk.ask(OTHER)
    desk.dispatcher.settle()
    assert 1 == desk.journal.told_through
    desk.told = 2
    desk.dispatcher.close()
    assert (2, 2) == (desk.journal.told_through, len(desk.journal.records))
    desk.dispatcher.close()
    assert 2 == desk.turns


def test_the_first_record_says_that_it_begins_the_interaction() -> None:
    """Recovery does not have to guess whether what stands before it counts."""
    desk = Desk(SynchronousMemoryJournal())
    desk.ask()
    desk.ask()
    desk.dispatcher.settle()
    assert [True, False] == [record.begins for record in desk.journal.records]
    assert [None, None] == [record.spec_hash for record in desk.journal.records]


def test_one_that_was_settled_is_stepped_once_in_a_turn() -> None:
    """Whatever was settled while it stood in the queue: a turn takes one event of it, not three.

    All events of a turn are stepped before anything is written, so a second one would be stepped
    from how the interaction stood before the first.
    """
    desk = Desk(SynchronousMemoryJournal())
    for _ in range(3):
        desk.ask()
    instance = desk.instances.get(CALL)
    assert instance is not None
    desk.dispatcher.settle(instance)
    for _ in range(3):
        desk.ask()
    desk.dispatcher.turn()
    assert 4 == len(desk.journal.records)
    desk.dispatcher.settle()
    states = [(record.source, record.target) for record in desk.journal.records]
    assert 6 == len(states)
    assert all(one[1] == other[0] for one, other in pairwise(states))
    assert instance.idle or instance.interaction.pending is not None
    assert not instance.ready
