"""The dispatcher: one event at a time per interaction, journaled before its effects leave.

This is the one place of the live engine where a machine is stepped. Whoever hears of something
posts an event into its interaction's mailbox; nothing is acted on where it was heard. A turn takes
one event from each interaction that has some, journals what followed in one write, and only then
lets the effects leave.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import trio

from hookflash.engine.instances import Instance
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Journal
from hookflash.machines.events import ObservedActive, ObservedClosed, ObservedHeld
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Step
from hookflash.machines.records import Record

_log = get_logger("hookflash.engine.dispatcher")

TURN_MAX = 512
"""Events per turn: a bound on how long other tasks wait, and on the size of a journal write."""

MAILBOX_MAX = 256
"""Events per mailbox. An interaction has one command and five timers; only a gateway that floods
us with state frames comes near. Those are dropped then, and one lookup takes their place."""

Carry = Callable[[Instance, Step[Any], int], None]
"""Carries out what a step asked for; the number is that of its record."""


class Dispatcher:
    """Steps the machine, in order, and journals.

    Args:
        spec_hash: The definition that the journal names last; an interaction of an earlier one
            names its own in its records.
        journal: Where each step is written before its effects leave.
        carry: Carries out a step's effects.
        turned: Called after each turn.
        told: Tells up to which record monitors were told.
        gave_up: Called when nothing is stepped any more because of a failure.
        flooded: Called for an interaction whose state frames were dropped.
    """

    def __init__(
        self,
        spec_hash: str,
        journal: Journal,
        *,
        carry: Carry,
        turned: Callable[[], None],
        told: Callable[[], int],
        gave_up: Callable[[], None],
        flooded: Callable[[Instance], None],
    ) -> None:
        self._spec_hash = spec_hash
        self._journal = journal
        self._carry = carry
        self._turned = turned
        self._told = told
        self._gave_up = gave_up
        self._flooded = flooded
        self._told_through = told()
        self._taken: list[tuple[Instance, Step[Any], int]] = []
        self._failure: BaseException | None = None
        self._ready: deque[Instance] = deque()
        self._bell = trio.Event()
        self.dropped = 0

    def post(self, instance: Instance, event: Any) -> None:  # noqa: ANN401 - any of the machine's events
        """Put *event* into the mailbox of *instance*. Never blocks."""
        mailbox = instance.mailbox
        if mailbox is None:
            instance.mailbox = mailbox = deque[Any]()
        elif len(mailbox) >= MAILBOX_MAX and isinstance(
            event, ObservedHeld | ObservedActive | ObservedClosed
        ):
            self.dropped += 1
            _log.warning("mailbox.full", interaction=instance.id, dropped=self.dropped)
            self._flooded(instance)
            return
        mailbox.append(event)
        if not instance.ready:
            instance.ready = True
            if not self._ready:
                self._bell.set()
            self._ready.append(instance)

    async def run(self) -> None:
        """Take turns until cancelled.

        Raises:
            JournalError: What followed from an event could not be written. Nothing of it has left;
                an engine without a journal cannot go on.
        """
        while True:
            await self._bell.wait()
            self._step_ready()
            if self._journal.synced:
                # What comes meanwhile waits in the mailboxes and shares the next wait.
                await self._sync()
            self._let_leave()
            if not self._ready:
                self._bell = trio.Event()
            else:
                await trio.lowlevel.checkpoint()

    def settle(self, instance: Instance | None = None) -> None:
        """Step what was posted here and now, without waiting for the task that takes turns.

        Args:
            instance: Only what was posted for this one, whatever others have waiting; None for
                all, when nothing else runs any more.

        Raises:
            JournalError: As for `run`, now or before.
        """
        self._look_for_failure()
        if self._taken:
            # That task waits for the disk; what it took comes first.
            self._sync_now()
            self._let_leave()
        if instance is None:
            while self._ready:
                self.turn()
            return
        while instance.mailbox:
            self._step([instance])
            self._end_turn()

    def close(self) -> None:
        """Step what was posted, and write down up to where monitors were told."""
        self.settle()
        if (told := self._news_of_monitors()) is not None:
            self._journal.append((), (), told)

    def turn(self) -> None:
        """Step one event of each interaction that has some, journal, and let the effects leave."""
        self._step_ready()
        self._end_turn()

    def _end_turn(self) -> None:
        if self._journal.synced:
            self._sync_now()
        self._let_leave()

    def _failed(self, error: BaseException) -> None:
        """See that nothing is stepped any more after a failure.

        Interactions are then ahead of the journal, or the journal is ahead of the audit log. What
        is written after that would not follow from what stands before it. The next start goes on
        with what is proved.
        """
        if not isinstance(error, trio.Cancelled):
            self._failure, self._taken = error, []
            self._gave_up()

    def _look_for_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _sync(self) -> None:
        try:
            await self._journal.sync()
        except BaseException as error:
            self._failed(error)
            raise

    def _sync_now(self) -> None:
        try:
            self._journal.sync_now()
        except BaseException as error:
            self._failed(error)
            raise

    def _step_ready(self) -> None:
        """Step one event of each interaction that has some, and journal what followed."""
        self._look_for_failure()
        ready = self._ready
        self._step([ready.popleft() for _ in range(min(len(ready), TURN_MAX))])

    def _step(self, instances: Iterable[Instance]) -> None:
        """Step one event of each of *instances* and journal what followed: all of it or nothing."""
        seq = self._journal.next_seq
        taken: list[tuple[Instance, Step[Any], int]] = []
        records: list[Record] = []
        after: list[Interaction[Any]] = []
        try:
            for instance in instances:
                mailbox = instance.mailbox
                if not mailbox:  # it was settled by itself while it stood in the queue
                    instance.ready = False
                    continue
                event = mailbox.popleft()
                before = instance.interaction
                machine = instance.machine
                step = machine.step(before, event)
                digest = machine.spec.digest
                records.append(
                    Record(
                        seq,
                        before.id,
                        event,
                        before.state,
                        step.interaction.state,
                        step.effects,
                        instance.begins,
                        None if digest == self._spec_hash else digest,
                    )
                )
                after.append(step.interaction)
                taken.append((instance, step, seq))
                seq += 1
                if mailbox:
                    self._ready.append(instance)
                else:
                    # A held interaction waits for minutes: an empty queue is not kept for it.
                    instance.mailbox = None
                    instance.ready = False
            self._journal.append(records, after, self._news_of_monitors())
        except BaseException as error:
            self._failed(error)
            raise
        for instance, step, _ in taken:
            instance.interaction = step.interaction
            instance.begins = False
        self._taken += taken

    def _let_leave(self) -> None:
        taken, self._taken = self._taken, []
        try:
            for instance, step, seq in taken:
                self._carry(instance, step, seq)
            self._turned()
        except BaseException as error:
            self._failed(error)
            raise

    def _news_of_monitors(self) -> int | None:
        told = self._told()
        if told == self._told_through:
            return None
        self._told_through = told
        return told
