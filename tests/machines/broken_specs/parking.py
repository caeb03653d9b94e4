"""The Python side of the definitions in this folder: a call is parked, and rung back in time."""

from typing import Any

from attrs import evolve, frozen

from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Draft, Implementation, named
from hookflash.machines.proof_world import Samples


@frozen
class ParkingPolicy:
    recall_after_s: float = 60.0
    attempts_max: int = 2


@frozen
class ParkingData:
    attempts: int = 0
    rings: int = 0


@frozen
class ParkRequested:
    at: Instant


@frozen
class RecallTimerFired:
    at: Instant
    owner: str
    unused_id: str


@frozen
class RingAnswered:
    at: Instant


@frozen
class RingFailed:
    at: Instant


@frozen
class PickedUp:
    at: Instant


@frozen
class Mislaid:
    at: Instant


@frozen
class ClosingTimerFired(RecallTimerFired):
    pass


@frozen
class RingBack:
    attempt: int


ParkingDraft = Draft[ParkingData, ParkingPolicy]
Call = Interaction[ParkingData]


def for_this_call(call: Call, event: RecallTimerFired, _: ParkingPolicy) -> bool:
    return any(timer.owner == event.owner for timer in call.timers)


def attempts_left(call: Call, _: Any, policy: ParkingPolicy) -> bool:
    return call.data.attempts < policy.attempts_max


def rung_before(call: Call, _: Any, policy: ParkingPolicy) -> bool:
    return call.data.attempts > 0


def never(call: Call, _: Any, policy: ParkingPolicy) -> bool:
    return call.data.attempts > policy.attempts_max


def raises(call: Call, _: Any, policy: ParkingPolicy) -> bool:
    raise LookupError


def start_recall(draft: ParkingDraft, event: Any) -> None:
    draft.start_timer("recall", "call", after(event.at, draft.policy.recall_after_s))


def stop_recall(draft: ParkingDraft, _: Any) -> None:
    draft.stop_timer("recall")


def ring_back(draft: ParkingDraft, _: Any) -> None:
    attempts = min(draft.data.attempts + 1, draft.policy.attempts_max)
    draft.data = evolve(draft.data, attempts=attempts)
    draft.effects.append(RingBack(draft.data.attempts))


def count_ring(draft: ParkingDraft, _: Any) -> None:
    draft.data = evolve(draft.data, rings=draft.data.rings + 1)


def fall_over(draft: ParkingDraft, _: Any) -> None:
    raise ValueError("nobody is parked")


IMPLEMENTATION = Implementation(
    events={
        "park_requested": ParkRequested,
        "recall_timer_fired": RecallTimerFired,
        "ring_answered": RingAnswered,
        "ring_failed": RingFailed,
        "picked_up": PickedUp,
        "mislaid": Mislaid,
        "closing_timer_fired": ClosingTimerFired,
    },
    guards=named(for_this_call, attempts_left, rung_before, never, raises),
    effects=named(start_recall, stop_recall, ring_back, count_ring, fall_over),
    data=ParkingData,
    policy=ParkingPolicy,
    produces=(RingBack,),
)


def patient(call: Call, policy: ParkingPolicy) -> bool:
    """This caller may wait for ever."""
    return call.data.attempts > policy.attempts_max


SAMPLES = Samples(
    events={
        "park_requested": lambda world: ParkRequested(world.next_at),
        "ring_answered": lambda world: RingAnswered(world.next_at),
        "ring_failed": lambda world: RingFailed(world.next_at),
        "picked_up": lambda world: PickedUp(world.next_at),
    },
    exceptions=named(patient),
)
