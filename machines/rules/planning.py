"""From what rules decide to what the journal keeps of it: the same live, in replays and forks."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from hookflash.machines.rules.actions import Action, AnnotateAction, CallAction, NotifyAction
from hookflash.machines.rules.bounds import bounded
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.memory import NO_MEMORY
from hookflash.machines.rules.ruling import PlannedAction, RuleState, Ruling
from hookflash.machines.rules.written import without_secrets

OPEN_MAX: Final = 100
"""Messages and calls of one interaction that may be under way; further ones are dropped, because
whoever they are for does not listen any more."""


@frozen
class Planned:
    """What becomes of a decision.

    Attributes:
        ruling: What the journal keeps of it; None where nothing came of it.
        fits: Whether it was small enough; the timers of one that was not do not count.
        dropped: How many messages and calls were left out, because too many are under way.
    """

    ruling: Ruling | None
    fits: bool = True
    dropped: int = 0


NOTHING: Final = Planned(None)


def planned(
    decision: Decision, kept: RuleState | None, org: str | None, new_id: Callable[[], str]
) -> Planned:
    """Return what becomes of a decision.

    Args:
        decision: What rules decided.
        kept: What was kept for them before; None for nothing.
        org: The organisation that they were told.
        new_id: Gives the ids of actions, in order.
    """
    memory = NO_MEMORY if kept is None else kept.memory
    trace = decision.trace
    is_told = bool(trace.rules or trace.warnings)
    if decision.memory is memory and not is_told:
        return NOTHING
    under_way = 0 if kept is None else len(kept.open)
    actions: list[PlannedAction] = []
    dropped = 0
    for action in decision.actions:
        if isinstance(action, NotifyAction | CallAction):
            under_way += 1
            if under_way > OPEN_MAX:
                dropped += 1
                continue
        actions.append(_as_journaled(PlannedAction(new_id(), action)))
    told = trace if is_told else None
    ruling = Ruling(decision.memory, told, tuple(actions), org, decision.alarm)
    return Planned(*bounded(ruling, memory), dropped)


def _as_journaled(one: PlannedAction) -> PlannedAction:
    """Give an action the words that the journal will have of it.

    What is taken up after a crash comes from there: it must not say something else.
    """
    action: Action = one.action
    if isinstance(action, NotifyAction | CallAction | AnnotateAction):
        return PlannedAction.from_json(without_secrets(one.to_json()))
    return one
