"""Stories told to the hold machine: the records are the machine's own steps, in the order of time.

Timers that the machine starts fire when they are due, as far as the data go; nothing after what is
known of a leg. Memory holds the legs that are open at one time.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, Final, final

from attrs import define, field

from hookflash.adapters.genesys.cloud.recorded.stories import Story, events_of, timer_id
from hookflash.machines.effects import StartTimer
from hookflash.machines.hold_data import HoldData
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Record

_EVENT: Final = 0
_TIMER: Final = 1
"""Of two things at one instant what the data tell comes first: a hold that ends at its limit has
not passed it."""


@define
class _Open:
    """A leg whose story is being told."""

    story: Story
    interaction: Interaction[HoldData]
    events: Iterator[Any]
    begun: bool = False


_Waiting = tuple[Instant, int, int, _Open, Any]


@final
@define
class Teller:
    """Steps stories and gives their records. Told once, then done with.

    Attributes:
        machine: The hold machine, under the policy that the recording is to have.
        seq: The number of the next record.
    """

    machine: Machine[HoldData, HoldPolicy]
    seq: int = 1
    _heap: list[_Waiting] = field(factory=list[_Waiting])
    _count: int = 0

    def tell(self, stories: Iterator[tuple[Instant, list[Story]]]) -> Iterator[Record]:
        """Yield the records of all *stories*, by their times.

        Args:
            stories: The stories of one conversation after the other, each with an instant that
                none of them begins before; in the order of these instants.
        """
        for begin, group in stories:
            yield from self._until(begin)
            for story in group:
                leg = _Open(story, self.machine.start(story.interaction), events_of(story))
                self._next_event(leg)
        yield from self._until(None)

    # --- the parts --------------------------------------------------------------------------------

    def _until(self, end: Instant | None) -> Iterator[Record]:
        """Yield the records of what happens before *end*; None for all."""
        heap = self._heap
        while heap and (end is None or heap[0][0] < end):
            at, kind, _, leg, what = heappop(heap)
            if kind == _EVENT:
                yield self._step(leg, what)
                self._next_event(leg)
                continue
            timer: Timer = what
            if leg.interaction.timer(timer.name) is timer:
                unused_id = timer_id(leg.story, timer.name, timer.owner)
                yield self._step(leg, self.machine.timer_event(timer, at, unused_id))

    def _next_event(self, leg: _Open) -> None:
        event = next(leg.events, None)
        if event is not None:
            self._wait(event.at, _EVENT, leg, event)

    def _wait(self, at: Instant, kind: int, leg: _Open, what: Any) -> None:  # noqa: ANN401 - an event or a timer
        self._count += 1
        heappush(self._heap, (at, kind, self._count, leg, what))

    def _step(self, leg: _Open, event: Any) -> Record:  # noqa: ANN401 - any of the machine's events
        before = leg.interaction
        step = self.machine.step(before, event)
        leg.interaction = step.interaction
        for effect in step.effects:
            if isinstance(effect, StartTimer):
                timer: Timer = effect.timer
                if timer.due_at <= leg.story.horizon:
                    self._wait(timer.due_at, _TIMER, leg, timer)
        record = Record(
            self.seq,
            leg.story.interaction,
            event,
            before.state,
            step.interaction.state,
            step.effects,
            begins=not leg.begun,
        )
        leg.begun = True
        self.seq += 1
        return record
