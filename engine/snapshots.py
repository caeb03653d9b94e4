"""How an interaction stands, as embedding programs see it."""

from attrs import frozen

from hookflash.engine.instances import Instance
from hookflash.machines.hold_data import HoldData
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action


@frozen
class InteractionSnapshot:
    """An interaction as it is at one moment.

    Attributes:
        id: The gateway's id of it.
        state: The machine's state.
        held_since: Start of the hold; None where the caller is not held.
        limit_at: When the limit passes; None where the caller is not held.
        limit_passed: Whether it has passed.
        reason: The hold reason; None for a foreign hold or none.
        foreign: Whether somebody else made the hold.
        pending: The action of the command under way; None where there is none.
        skill_group_id: The skill group; None where it is not known.
    """

    id: str
    state: str
    held_since: Instant | None
    limit_at: Instant | None
    limit_passed: bool
    reason: str | None
    foreign: bool
    pending: Action | None
    skill_group_id: str | None


def snapshot_of(instance: Instance) -> InteractionSnapshot:
    """Return how *instance* stands."""
    interaction = instance.interaction
    data = interaction.data
    hold = data.hold if isinstance(data, HoldData) else None
    return InteractionSnapshot(
        id=interaction.id,
        state=interaction.state,
        held_since=None if hold is None else hold.since,
        limit_at=None if hold is None else hold.limit_at,
        limit_passed=hold is not None and hold.limit_passed,
        reason=None if hold is None else hold.reason,
        foreign=hold is not None and hold.foreign,
        pending=None if interaction.pending is None else interaction.pending.action,
        skill_group_id=data.skill_group_id if isinstance(data, HoldData) else None,
    )
