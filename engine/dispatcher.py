"""The dispatcher: one event at a time per interaction, journaled before its effects leave.

This is the one place of the live engine where a machine is stepped. Whoever hears of something
posts an event into its interaction's mailbox; nothing is acted on where it was heard. A turn takes
one event from each interaction that has some, journals what followed in one write, and only then
lets the effects leave.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast

import trio
from attrs import evolve

from hookflash.engine.instances import Instance
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Journal
from hookflash.engine.rulings import BESIDE, Ruled, Rulings
from hookflash.machines.events import ObservedActive, ObservedClosed, ObservedHeld
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Step
from hookflash.machines.records import ActionsDone, Aside, InteractionState, Record, RulesAsked
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.ruling import carried_out, ruled

_log = get_logger("hookflash.engine.dispatcher")

TURN_MAX = 512
"""Events per turn: a bound on how long other tasks wait, and on the size of a journal write."""

RULES_MAX = 50
"""Rules that are concerned in a turn, after which it ends: a usual one takes 15 microseconds, the
worst that can be written 10 milliseconds. Others wait for half a second then, not for minutes."""

MAILBOX_MAX = 256
"""Events per mailbox. An interaction has one command and five timers; only a gateway that floods
us with state frames comes near. Those are dropped then, and one lookup takes their place."""

Carry = Callable[[Instance, Step[Any] | None, int, Ruled | None], None]
"""Carries out what a step asked for, and what rules decided; the number is that of its record. No
step where only rules were asked."""

Beside = RuleEvent | RuleTimerFired | ActionsDone
"""What mailboxes hold beside the machine's events."""

_Taken = tuple[Instance, Interaction[Any], Step[Any] | None, int, Ruled | None]
"""An interaction, how it stands now, and what is to be carried out."""


class _Turn:
    """What one turn has taken so far; the journal gets it as a whole."""

    def __init__(self, seq: int) -> None:
        self.seq = self.first_seq = seq
        self.records: list[Record] = []
        self.after: list[Interaction[Any]] = []
        self.asides: list[tuple[Aside, InteractionState | None]] = []
        self.taken: list[_Taken] = []
        self.beside: list[_Taken] = []
        self.rules_asked = 0

    def count(self, ruled_now: Ruled | None) -> None:
        """Count the rules that were concerned."""
        trace = None if ruled_now is None else ruled_now.ruling.trace
        self.rules_asked += 0 if trace is None else len(trace.rules)

    def all_taken(self) -> list[_Taken]:
        """Return what was taken, in the order in which the journal has it."""
        return [*self.beside, *self.taken] if self.beside else self.taken


class Dispatcher:
    """Steps the machine, in order, and journals.

    Args:
        spec_hash: The definition that the journal names last; an interaction of an earlier one
            names its own in its records.
        journal: Where each step is written before its effects leave.
        rulings: Asks the rules.
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
        rulings: Rulings,
        *,
        carry: Carry,
        turned: Callable[[], None],
        told: Callable[[], int],
        gave_up: Callable[[], None],
        flooded: Callable[[Instance], None],
    ) -> None:
        self._spec_hash = spec_hash
        self._journal = journal
        self._rulings = rulings
        self._carry = carry
        self._turned = turned
        self._told = told
        self._gave_up = gave_up
        self._flooded = flooded
        self._told_through = told()
        self._taken: list[_Taken] = []
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
            self._step([instance], queued=False)
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
        self._step([ready.popleft() for _ in range(min(len(ready), TURN_MAX))], queued=True)

    def _step(self, instances: Iterable[Instance], *, queued: bool) -> None:
        """Step one event of each of *instances* and journal what followed: all of it or nothing.

        Args:
            instances: Each once: how it stands is known anew only when all is written.
            queued: Whether they were taken out of the queue. One that was not is left in it, where
                it stands once as long as it is `ready`.
        """
        turn = _Turn(self._journal.next_seq)
        waiting = deque(instances)
        try:
            while waiting and turn.rules_asked < RULES_MAX:
                instance = waiting.popleft()
                mailbox = instance.mailbox
                if not mailbox:  # it was settled while it stood in the queue
                    instance.ready = False
                    continue
                event = mailbox.popleft()
                if event.__class__ in BESIDE:
                    self._take_beside(turn, instance, cast("Beside", event))
                else:
                    self._take(turn, instance, event)
                if not mailbox:
                    # A held interaction waits for minutes: an empty queue is not kept for it.
                    instance.mailbox = None
                if queued:
                    instance.ready = bool(mailbox)
                    if mailbox:
                        self._ready.append(instance)
            self._ready.extendleft(reversed(waiting))
            told = self._news_of_monitors()
            self._journal.append(turn.records, turn.after, told, turn.asides)
        except BaseException as error:
            self._failed(error)
            raise
        all_taken = turn.all_taken()
        for instance, after, step, _, _ in all_taken:
            instance.interaction = after
            if step is not None:
                instance.begins = False
        self._taken += all_taken

    def _take(self, turn: "_Turn", instance: Instance, event: Any) -> None:  # noqa: ANN401 - any of the machine's events
        """Step an event, and ask the rules about it."""
        before = instance.interaction
        machine = instance.machine
        step = machine.step(before, event)
        after = step.interaction
        ruled_now = self._rulings.after(instance, before.state, event, step)
        turn.count(ruled_now)
        ruling = None if ruled_now is None else ruled_now.ruling
        if ruling is not None or before.rules is not None:
            final = machine.spec.states[after.state].final
            under = self._rulings.digest
            rules = ruled(before.rules, event, ruling, final=final, under=under)
            if rules is not after.rules:
                after = evolve(after, rules=rules)
        digest = machine.spec.digest
        turn.records.append(
            Record(
                turn.seq,
                before.id,
                event,
                before.state,
                after.state,
                step.effects,
                instance.begins,
                None if digest == self._spec_hash else digest,
                ruling,
            )
        )
        turn.after.append(after)
        turn.taken.append((instance, after, step, turn.seq, ruled_now))
        turn.seq += 1

    def _take_beside(self, turn: "_Turn", instance: Instance, event: Beside) -> None:
        """Take up what no machine is stepped for: what concerns only an interaction's rules."""
        before = instance.interaction
        ruled_now: Ruled | None = None
        aside: Aside
        if isinstance(event, ActionsDone):
            aside = event
            rules = carried_out(before.rules, event.ids)
        else:
            ruled_now = self._rulings.about(instance, event)
            turn.count(ruled_now)
            if ruled_now is None:
                return
            aside = RulesAsked(event.at, before.id, event, ruled_now.ruling)
            final = instance.machine.spec.states[before.state].final
            under = self._rulings.digest
            rules = ruled(before.rules, event, ruled_now.ruling, final=final, under=under)
        after = evolve(before, rules=rules)
        digest = instance.machine.spec.digest
        earlier = None if digest == self._spec_hash else digest
        turn.asides.append((aside, InteractionState(turn.first_seq - 1, after, earlier)))
        turn.beside.append((instance, after, None, turn.seq, ruled_now))

    def _let_leave(self) -> None:
        taken, self._taken = self._taken, []
        try:
            for instance, _, step, seq, ruled_now in taken:
                self._carry(instance, step, seq, ruled_now)
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
