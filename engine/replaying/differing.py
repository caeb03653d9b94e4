"""Where a record is not what comes out now: state before, timer, state after, effects."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hookflash.engine.replaying.comparing import Difference, effect_differences
from hookflash.engine.replaying.known import GONE_MAX, Known
from hookflash.engine.replaying.resuming import written
from hookflash.machines.codec import RecordCodec
from hookflash.machines.conversion import encode_instant
from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.machine import Machine, Step
from hookflash.machines.records import RecordedStep


@lru_cache(maxsize=64)
def timers_of(machine: Machine[Any, Any]) -> Mapping[type, str]:
    """Return the timers of *machine* by the classes of their events."""
    events = machine.implementation.events
    return {events[spec.event]: name for name, spec in machine.spec.timers.items()}


def source_differences(before: Interaction[Any], recorded: RecordedStep) -> list[Difference]:
    """Return whether the interaction was in another state before the record."""
    if before.state == recorded.source:
        return []
    return [("from", recorded.source, before.state)]


def timer_differences(known: Known, recorded: RecordedStep, name: str) -> list[Difference]:
    """Return whether a timer fired that did not run.

    One that was stopped or set anew while its event waited in the mailbox fires all the same; so
    the latest sets of timers count as well.

    Args:
        known: The interaction before the record.
        recorded: The record.
        name: The timer whose event it is; empty for none.
    """
    event: Any = recorded.event
    if not name or not known.whole:
        return []
    running = (known.own or known.interaction).timers
    if any(ran(timers, name, event.owner, event.at) for timers in (running, *known.gone)):
        return []
    found = next((timer for timer in running if timer.name == name), None)
    now = None
    if found is not None:
        now = {"name": name, "owner": found.owner, "due_at": encode_instant(found.due_at)}
    return [("event.timer", {"name": name, "owner": event.owner}, now)]


def ran(timers: tuple[Timer, ...], name: str, owner: str, at: int) -> bool:
    """Say whether a timer is among *timers* and due at *at*."""
    return any(one.name == name and one.owner == owner and one.due_at <= at for one in timers)


def step_differences(
    step: Step[Any] | None, recorded: RecordedStep, codec: RecordCodec[Any]
) -> list[Difference]:
    """Return what comes out otherwise: the state after the record, and the effects."""
    if step is None:
        return [("to", recorded.target, None)]
    found: list[Difference] = []
    if step.interaction.state != recorded.target:
        found.append(("to", recorded.target, step.interaction.state))
    return found + effect_differences(recorded.effects, written(step.effects, codec))


def note_gone(known: Known, before: Interaction[Any], after: Interaction[Any]) -> None:
    """Remember the timers that ran before a step, where it changed them."""
    if before.timers and after.timers is not before.timers:
        known.gone = (*known.gone[1 - GONE_MAX :], before.timers)
