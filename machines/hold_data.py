"""What the hold machine remembers of an interaction beside its state."""

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action, Interaction
from hookflash.machines.making import maker
from hookflash.machines.policy import Foreign, HoldPolicy, OnLimit

EARLIER_MAX = 4
"""How many ended frames are remembered for their late answers: an interaction has one command at
a time, and an answer that outlives four successors is counted as unknown by the adapter."""


@frozen(weakref_slot=False)
class Hold:
    """A hold that is going on; it exists only while a caller is held.

    Attributes:
        id: Its name: the correlation id of the frame that made it, or of its first observation.
        since: Its start: the acknowledgement; where it was confirmed otherwise the sending; for a
            foreign hold the start that the gateway names, else the receipt.
        limit_at: When its limit passes.
        on_limit: What happens then.
        foreign: Whether somebody else made it.
        watched: Whether it is only warned about, whatever its length.
        reason: Its reason; None for a foreign hold.
        limit_passed: Whether the limit has passed.
        alarms: How many alarms it has raised.
    """

    id: str
    since: Instant
    limit_at: Instant
    on_limit: OnLimit
    foreign: bool = False
    watched: bool = False
    reason: str | None = None
    limit_passed: bool = False
    alarms: int = 0


@frozen(weakref_slot=False)
class Earlier:
    """A frame whose command has ended, remembered for answers that come late or twice.

    Attributes:
        correlation_id: Its id.
        action: What it asked for.
        answered: Whether its answer has come: another one is a duplicate.
    """

    correlation_id: str
    action: Action
    answered: bool


@frozen(weakref_slot=False)
class HoldData:
    """The hold machine's own data.

    Attributes:
        changed_at: The last confirmed change of the state, or the first word about it; an older
            observation is late. 0 while nothing is known.
        hold: The hold that is going on; None where nobody is held.
        earlier: The latest ended frames, oldest first.
        skill_group_id: The skill group as the last lookup gave it; None where it is not known.
        failed_lookups: How many lookups failed in a row; the pause grows with it.
    """

    changed_at: Instant = Instant(0)  # noqa: RUF009 - a number
    hold: Hold | None = None
    earlier: tuple[Earlier, ...] = ()
    skill_group_id: str | None = None
    failed_lookups: int = 0


HoldInteraction = Interaction[HoldData]

make_hold = maker(Hold)
make_earlier = maker(Earlier)
make_hold_data = maker(HoldData)
"""These make the same as the classes, in less time; the hot path uses them."""

__all__ = [
    "EARLIER_MAX",
    "Earlier",
    "Foreign",
    "Hold",
    "HoldData",
    "HoldInteraction",
    "HoldPolicy",
    "make_earlier",
    "make_hold",
    "make_hold_data",
]
