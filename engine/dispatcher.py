"""The dispatcher: one event at a time per interaction, journaled before its effects leave.

This is the one place of the live engine where a machine is stepped. Whoever hears of something
posts an event into its interaction's mailbox; nothing is acted on where it was heard. A turn takes
one event from each interaction that has some, journals what followed in one write, and only then
lets the effects leave.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import trio

from hookflash.engine.instances import Instance
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Journal
from hookflash.machines.events import ObservedActive, ObservedClosed, ObservedHeld
from hookflash.machines.machine import Machine, Step
from hookflash.machines.records import Record

_log = get_logger("hookflash.engine.dispatcher")

TURN_MAX = 512
"""Events per turn: a bound on how long other tasks wait, and on the size of a journal write."""

MAILBOX_MAX = 256
"""Events per mailbox. An interaction has one command and five timers; only a gateway that floods
us with state frames comes near. Those are dropped then, and one lookup takes their place."""

Carry = Callable[[Instance, Step[Any]], None]
"""Carries out what a step asked for."""


class Dispatcher:
    """Steps the machine, in order, and journals.

    Args:
        machine: The machine of all interactions.
        journal: Where each step is written before its effects leave.
        carry: Carries out a step's effects.
        turned: Called after each turn.
        flooded: Called for an interaction whose state frames were dropped.
    """

    def __init__(
        self,
        machine: Machine[Any, Any],
        journal: Journal,
        *,
        carry: Carry,
        turned: Callable[[], None],
        flooded: Callable[[Instance], None],
    ) -> None:
        self._machine = machine
        self._journal = journal
        self._carry = carry
        self._turned = turned
        self._flooded = flooded
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
            self.turn()
            if not self._ready:
                self._bell = trio.Event()
            else:
                await trio.lowlevel.checkpoint()

    def settle(self) -> None:
        """Step what was posted here and now, without waiting for the task that takes turns."""
        while self._ready:
            self.turn()

    def turn(self) -> None:
        """Step one event of each interaction that has some, journal, and let the effects leave."""
        ready = self._ready
        seq = self._journal.next_seq
        taken: list[tuple[Instance, Step[Any]]] = []
        records: list[Record] = []
        for _ in range(min(len(ready), TURN_MAX)):
            instance = ready.popleft()
            mailbox = instance.mailbox
            assert mailbox, "an interaction is ready because its mailbox is not empty"  # noqa: S101
            event = mailbox.popleft()
            before = instance.interaction
            step = self._machine.step(before, event)
            after = step.interaction
            instance.interaction = after
            record = Record(seq, before.id, event, before.state, after.state, step.effects)
            seq += 1
            records.append(record)
            taken.append((instance, step))
            if mailbox:
                ready.append(instance)
            else:
                # A held interaction waits for minutes: an empty queue is not kept for it.
                instance.mailbox = None
                instance.ready = False
        self._journal.append(records)
        for instance, step in taken:
            self._carry(instance, step)
        self._turned()
