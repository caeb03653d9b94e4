"""The simulation's own test: rules of the engine switched off, one at a time.

A harness that finds nothing may be blind. Each mutant breaks one rule in the way in which somebody
might break it by mistake; the simulation has to notice within a thousand seeds.
"""

import heapq
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final

import trio
from attrs import evolve

from hookflash.adapters.monitors import MonitorDesk
from hookflash.engine.acting import ActionRunner
from hookflash.engine.core import Engine
from hookflash.engine.dispatcher import Dispatcher
from hookflash.engine.effects import EffectRunner
from hookflash.engine.migration import Kept
from hookflash.engine.rule_desk import RuleDesk
from hookflash.engine.rulings import BESIDE
from hookflash.engine.timers import Deadlines
from hookflash.machines import hold
from hookflash.machines.events import Acknowledged, Refused
from hookflash.machines.records import Record

Mutant = Callable[[], Any]


@contextmanager
def _replaced(owner: Any, name: str, other: Any) -> Generator[None, None, None]:
    before = getattr(owner, name)
    setattr(owner, name, other)
    try:
        yield
    finally:
        setattr(owner, name, before)


def effects_leave_before_the_journal_is_written() -> Any:
    """The rule "journal before send" is off: effects leave while the disk is still waited for."""

    async def run(self: Any) -> None:
        while True:
            await self._bell.wait()
            self._step_ready()
            self._let_leave()
            await trio.lowlevel.checkpoint()
            if self._journal.synced:
                await self._journal.sync()
            if not self._ready:
                self._bell = trio.Event()

    return _replaced(Dispatcher, "run", run)


@contextmanager
def answers_are_taken_twice() -> Generator[None, None, None]:
    """Duplicates are not told from first answers, and a late answer counts whenever it comes."""

    def contradicts(interaction: Any, event: Acknowledged | Refused, policy: Any) -> bool:
        del policy
        held = interaction.state in {"held", "expired"}
        return any(
            frame.correlation_id == event.correlation_id
            and ((frame.action == "hold") == isinstance(event, Acknowledged)) != held
            for frame in interaction.data.earlier
        )

    def never(*_: Any) -> bool:
        return False

    guards: dict[str, Any] = dict(hold.IMPLEMENTATION.guards)
    guards |= {"answered_before": never, "contradicts": contradicts}
    with _replaced(hold, "IMPLEMENTATION", evolve(hold.IMPLEMENTATION, guards=guards)):
        yield


def nothing_is_reconciled_after_a_restart() -> Any:
    """Recovered interactions are taken for what the journal says; the gateway is not asked."""

    def adopt(self: Any, kept: Iterable[Kept]) -> None:
        for one in kept:
            self._start_timers(self.instances.adopt(one.interaction, one.machine))

    return _replaced(Engine, "adopt", adopt)


def timers_do_not_run_on_after_a_restart() -> Any:
    """Recovered timers stand in the interaction, and never fire."""

    def start_none(*_: Any) -> None:
        pass

    return _replaced(Engine, "_start_timers", start_none)


def anybody_steps_an_interaction() -> Any:
    """Two tasks take events, of the same interaction too, and each writes what it made of it."""

    async def work(self: Any) -> None:
        while True:
            await self._bell.wait()
            while self._ready:
                instance = self._ready.popleft()
                instance.ready = False
                if not instance.mailbox:
                    continue
                event = instance.mailbox.popleft()
                if instance.mailbox:
                    instance.ready = True
                    self._ready.append(instance)
                if event.__class__ in BESIDE:
                    continue
                before, begins, instance.begins = instance.interaction, instance.begins, False
                step = instance.machine.step(before, event)
                await trio.lowlevel.checkpoint()
                after = instance.interaction = step.interaction
                seq = self._journal.next_seq
                record = Record(
                    seq, before.id, event, before.state, after.state, step.effects, begins
                )
                self._journal.append([record], [after])
                self._carry(instance, step, seq, None)
                self._turned()
            self._bell = trio.Event()

    async def run(self: Any) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, self)
            nursery.start_soon(work, self)

    return _replaced(Dispatcher, "run", run)


def limits_fire_late() -> Any:
    """Every limit timer is 200 s late."""
    start = Deadlines.start

    def late(self: Any, instance: Any, timer: Any) -> None:
        start(self, instance, timer)
        if timer.name == "limit":
            due_at, number, *rest = self._heap.pop(
                next(n for n, entry in enumerate(self._heap) if entry[3] is timer)
            )
            heapq.heapify(self._heap)
            heapq.heappush(self._heap, (due_at + 200_000_000, number, *rest))

    return _replaced(Deadlines, "start", late)


def alarms_are_not_told() -> Any:
    """Warnings and alarms reach nobody."""

    def quiet(*_: Any) -> None:
        pass

    return _replaced(EffectRunner, "_raise_alarm", quiet)


def notices_are_told_twice() -> Any:
    """Each monitor is told everything twice."""
    tell = MonitorDesk.tell

    def twice(self: Any, *parts: Any) -> None:
        tell(self, *parts)
        tell(self, *parts)

    return _replaced(MonitorDesk, "tell", twice)


def what_rules_decided_is_not_taken_up() -> Any:
    """What a crash cut off between a decision and its action is never done."""

    def begin(self: Any, nursery: trio.Nursery) -> None:
        self._acting.begin(nursery)

    return _replaced(RuleDesk, "begin", begin)


def rules_remember_nothing_over_a_restart() -> Any:
    """Interactions are adopted without what their rules remember."""
    adopt = Engine.adopt

    def without(self: Any, kept: Iterable[Kept]) -> None:
        bare = [evolve(one, interaction=evolve(one.interaction, rules=None)) for one in kept]
        adopt(self, bare)

    return _replaced(Engine, "adopt", without)


def decisions_have_no_lasting_ids() -> Any:
    """A command of a rule that is taken up again gets another id: nobody knows it for the same."""
    command_of = ActionRunner._command_of  # pyright: ignore[reportPrivateUsage] - a mutant

    def renamed(self: Any, instance: Any, command_id: str, action: Any) -> Any:
        del command_id
        return command_of(self, instance, self._clock.new_id(), action)

    return _replaced(ActionRunner, "_command_of", renamed)


MUTANTS: Final[dict[str, Mutant]] = {
    mutant.__name__: mutant
    for mutant in (
        effects_leave_before_the_journal_is_written,
        answers_are_taken_twice,
        nothing_is_reconciled_after_a_restart,
        timers_do_not_run_on_after_a_restart,
        anybody_steps_an_interaction,
        limits_fire_late,
        alarms_are_not_told,
        notices_are_told_twice,
        what_rules_decided_is_not_taken_up,
        rules_remember_nothing_over_a_restart,
        decisions_have_no_lasting_ids,
    )
}
