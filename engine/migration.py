"""What becomes of interactions that began under an earlier definition of the machine.

Nothing is silently reinterpreted: an open interaction is carried over as the new definition
declares it, or finishes under the old one, or the start is refused.
"""

from typing import Any

from attrs import frozen

from hookflash.engine.logs import get_logger
from hookflash.engine.recovery import MachineSource, Recovered
from hookflash.machines.errors import HookflashError, JournalError
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import DefinitionChange

_log = get_logger("hookflash.migration")

_NAMED_MAX = 5


@frozen
class Kept:
    """An interaction of an earlier run with which the engine goes on.

    Attributes:
        interaction: How it stands.
        machine: The machine of the definition that it finishes under; None for today's.
    """

    interaction: Interaction[Any]
    machine: Machine[Any, Any] | None = None


def carry_over(
    recovered: Recovered,
    machine: Machine[Any, Any],
    machines: MachineSource,
    change: DefinitionChange,
) -> list[Kept]:
    """Decide how each interaction of an earlier run goes on.

    Idle ones are kept too unless they have ended, because somebody may have put their callers on
    hold meanwhile: they are looked up, after the others. Those of an earlier definition are
    forgotten; they begin under today's.

    Args:
        recovered: What the journal proves.
        machine: The machine that runs today.
        machines: Makes the machines of earlier definitions.
        change: Today's definition and policy, as the journal would name them.

    Returns:
        The open interactions, in the order in which their timers are due; then the idle ones.

    Raises:
        JournalError: Some can neither be carried over nor finish: the message names the
            definition, some of the interactions and why.
        SpecError: A declared migration does not fit.
    """
    today = machine.spec.digest
    kept: list[Kept] = []
    stranded: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    carried = finishing = 0
    for interaction in recovered.open_interactions():
        digest = recovered.definitions.get(interaction.id.lower(), recovered.spec_hash)
        if digest == today:
            kept.append(Kept(interaction))
        elif (migration := machine.spec.migration_from(digest)) is not None:
            kept.append(Kept(machine.migrate(interaction, migration)))
            carried += 1
        else:
            try:
                kept.append(Kept(interaction, machines.machine(digest, change)))
                finishing += 1
            except HookflashError as error:
                stranded.setdefault(digest, []).append(interaction.id)
                reasons[digest] = error.message
    if stranded:
        raise _stranded(machine, stranded, reasons)
    if carried or finishing:
        _log.info("journal.definition_changed", carried=carried, finishing=finishing)
    if recovered.spec_hash == today:
        kept += [
            Kept(one)
            for one in recovered.idle_interactions()
            if one.id.lower() not in recovered.definitions
            and not machine.spec.states[one.state].final
            # Of one whose commands were all given up before anything was learnt nothing is known.
            and one != machine.start(one.id)
        ]
    return kept


def _stranded(
    machine: Machine[Any, Any], stranded: dict[str, list[str]], reasons: dict[str, str]
) -> JournalError:
    digest, interactions = next(iter(stranded.items()))
    named = ", ".join(interactions[:_NAMED_MAX])
    more = f" and {len(interactions) - _NAMED_MAX} more" if len(interactions) > _NAMED_MAX else ""
    return JournalError(
        f"{len(interactions)} open interactions began under the definition {digest[:12]} of"
        f" {machine.name!r}, which cannot be run any more ({reasons[digest]}):"
        f" {named}{more}",
        advice=f'declare how they go on, [[migrations]] from = "{digest[:12]}" in'
        f" {machine.spec.place}, or let them end under the earlier version",
        path=machine.spec.place,
    )
