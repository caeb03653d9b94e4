"""What each row would have done: for telling why a step came out as it did.

What counts is what `Machine.step` returns. Here the rows that it did not take are taken as well, by
way of trial, and it is said who made each effect.
"""

from typing import Any

from attrs import frozen

from hookflash.machines.interaction import Interaction, make_interaction
from hookflash.machines.machine import Draft, EffectMaker, Guard, Machine, Step
from hookflash.machines.spec import Row


@frozen
class Attempt:
    """What one row would do with an event, were it taken.

    Attributes:
        row: The row.
        refused_by: The names of its guards that do not hold.
        step: What it would do; None where its effects do not fit the interaction.
        makers: For each effect of the step the name of what made it; empty for the engine's own.
    """

    row: Row
    refused_by: tuple[str, ...]
    step: Step[Any] | None
    makers: tuple[str, ...]


def attempts_of(
    machine: Machine[Any, Any],
    interaction: Interaction[Any],
    event: Any,  # noqa: ANN401 - one of the machine's events
) -> list[Attempt]:
    """Say what each row for *event* would do, whether its guards hold or not.

    Args:
        machine: The machine.
        interaction: An instance of it.
        event: One of its events.

    Returns:
        An attempt for each row of the interaction's state and the event, in the order in which they
        are tried; none where the definition knows no such pair.
    """
    return [
        Attempt(
            row,
            tuple(
                name
                for name, guard in zip(row.guards, guards, strict=True)
                if not _holds(guard, interaction, event, machine.policy)
            ),
            *_forced(machine, interaction, event, row, effects),
        )
        for guards, row, effects in machine.rows_for(interaction.state, event.__class__)
    ]


def _holds(guard: Guard, interaction: Interaction[Any], event: Any, policy: Any) -> bool:  # noqa: ANN401 - as above
    try:
        return guard(interaction, event, policy)
    except Exception:  # noqa: BLE001 - a guard that is never asked in this place
        return False


def _forced(
    machine: Machine[Any, Any],
    interaction: Interaction[Any],
    event: Any,  # noqa: ANN401 - as above
    row: Row,
    effects: tuple[EffectMaker, ...],
) -> tuple[Step[Any] | None, tuple[str, ...]]:
    """Return what a row does if it is taken, and who made each of its effects."""
    draft = Draft(interaction, machine.policy, row, row.target or interaction.state)
    names = ("",) * (len(effects) - len(row.effects)) + row.effects
    makers: list[str] = []
    try:
        for name, effect in zip(names, effects, strict=True):
            effect(draft, event)
            makers += [name] * (len(draft.effects) - len(makers))
    except Exception:  # noqa: BLE001 - effects take for granted what the guards before them see to
        return None, ()
    after: Interaction[Any] = make_interaction(
        interaction.id, draft.state, draft.data, draft.pending, draft.timers, interaction.rules
    )
    return Step(after, tuple(draft.effects), row), tuple(makers)
