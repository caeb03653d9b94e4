"""How a replay goes on after a divergence: as near to what was recorded as can be proved.

So one change is reported where it shows, and not again in each record after it.
"""

from collections.abc import Sequence
from typing import Any

import attrs

from hookflash.engine.replaying.comparing import as_json, same_effects
from hookflash.engine.replaying.stepping_by import Stepper
from hookflash.machines.attempts import Attempt
from hookflash.machines.codec import RecordCodec
from hookflash.machines.conversion import decode_instant, encode_instant
from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.machine import Machine, Step
from hookflash.machines.records import RecordedStep


def exact_attempt(
    attempts: Sequence[Attempt], recorded: RecordedStep, stepper: Stepper
) -> Attempt | None:
    """Return the row that does just what was recorded, whether its guards hold or not."""
    for attempt in attempts:
        step = attempt.step
        if step is not None and comes_out(step, recorded, stepper):
            return attempt
    return None


def comes_out(step: Step[Any], recorded: RecordedStep, stepper: Stepper) -> bool:
    """Say whether *step* is what was recorded."""
    if step.interaction.state != recorded.target or len(step.effects) != len(recorded.effects):
        return False
    at = recorded.event.at
    if same_effects(stepper.comparers, recorded.effects, step.effects, at, encode_instant(at)):
        return True
    return written(step.effects, stepper.codec) == recorded.effects


def written(effects: Sequence[Any], codec: RecordCodec[Any]) -> list[dict[str, Any]]:
    """Return effects as a recording has them."""
    try:
        found: list[dict[str, Any]] = as_json(codec.written(effects))
    except KeyError:  # the definition that is tried asks for something of a class of its own
        return [{"type": type(effect).__name__} for effect in effects]
    return found


def nearest_attempt(
    attempts: Sequence[Attempt], recorded: RecordedStep, codec: RecordCodec[Any]
) -> Attempt | None:
    """Return the row that leads to the recorded state and asks for most of what was recorded."""

    def distance(attempt: Attempt) -> int:
        assert attempt.step is not None, "left out below"  # noqa: S101
        now = [one["type"] for one in written(attempt.step.effects, codec)]
        then = [one.get("type") for one in recorded.effects]
        differing = [a for a, b in zip(now, then, strict=False) if a != b]
        return abs(len(now) - len(then)) + len(differing)

    fitting = [
        one
        for one in attempts
        if one.step is not None and one.step.interaction.state == recorded.target
    ]
    return min(fitting, key=distance, default=None)


def repaired(
    interaction: Interaction[Any], before: Interaction[Any], recorded: RecordedStep, timer: str
) -> Interaction[Any]:
    """Return *interaction* with the timers that run according to what was recorded.

    Args:
        interaction: As a row left it that does not do all that was recorded.
        before: As it stood before the record.
        recorded: The record.
        timer: The timer whose event it is; empty for none.
    """
    fired = getattr(recorded.event, "owner", None)
    running = {
        one.name: one for one in before.timers if not (one.name == timer and one.owner == fired)
    }
    for effect in recorded.effects:
        try:
            match effect.get("type"):
                case "start_timer":
                    raw = effect["timer"]
                    name, owner, due_at = raw["name"], raw["owner"], decode_instant(raw["due_at"])
                    ours = interaction.timer(name)
                    if ours is not None and ours.owner == owner:
                        # What fires tells which of the two was meant: the earlier one fits both.
                        due_at = min(due_at, ours.due_at)
                    running.pop(name, None)
                    running[name] = Timer(name, owner, due_at)
                case "stop_timer":
                    running.pop(effect["name"], None)
                case _:
                    pass
        except (KeyError, TypeError, ValueError):
            continue  # an effect that was damaged says nothing
    return attrs.evolve(interaction, timers=tuple(running.values()))


def guessed(
    before: Interaction[Any], recorded: RecordedStep, machine: Machine[Any, Any], timer: str
) -> Interaction[Any]:
    """Return the best guess at an interaction after a record that nothing explains."""
    state = recorded.target if recorded.target in machine.spec.states else before.state
    ended = any(effect.get("type") == "end_command" for effect in recorded.effects)
    pending = None if ended else before.pending
    return repaired(attrs.evolve(before, state=state, pending=pending), before, recorded, timer)


def goes_on_alike(tried: Interaction[Any], own: Interaction[Any]) -> bool:
    """Say whether an interaction that is tried under something else can go on by itself.

    It can as long as what was recorded next can happen to both: they are in the same state, with
    the same frame under way and the same timers, whenever these are due. What else the machine
    remembers may differ: that is how a change shows later.
    """
    return (
        tried.state == own.state
        and _frame(tried) == _frame(own)
        and [(one.name, one.owner) for one in tried.timers]
        == [(one.name, one.owner) for one in own.timers]
    )


def _frame(interaction: Interaction[Any]) -> tuple[str, bool] | None:
    pending = interaction.pending
    return None if pending is None else (pending.correlation_id, pending.sent_at is None)
