"""What a machine works on: one interaction, its pending command and its timers.

These records are the same for every machine. What is peculiar to one machine lies in `data`, an
attrs class that its definition names and that nobody but the machine reads.
"""

from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.making import maker

if TYPE_CHECKING:
    from hookflash.machines.rules.ruling import RuleState

Action = Literal["hold", "unhold"]
"""What a command asks the gateway for."""

DataT = TypeVar("DataT")


@frozen
class Facts:
    """What a lookup says about an interaction beside its state; the ground of eligibility.

    Attributes:
        state: The state as the gateway spells it; None where it gave none.
        org_id: The organisation; None where the gateway gave none.
        skill_group_id: The skill group; None where the gateway gave none.
    """

    state: str | None = None
    org_id: str | None = None
    skill_group_id: str | None = None


@frozen
class Refusal:
    """What the gateway said when it refused a command without naming the state.

    Attributes:
        code: Its code, 429 for a rate limit; None where it gave none.
        message: Its words, shortened; None where it gave none.
        retry_after_s: Seconds to wait before asking again; None where it gave none.
    """

    code: int | str | None = None
    message: str | None = None
    retry_after_s: float | None = None


@frozen(weakref_slot=False)
class Pending:
    """A command that has left, or is about to leave, and is not answered for.

    Attributes:
        command_id: The correlation id of its first frame: the command's name for the requester.
        correlation_id: The correlation id of its latest frame.
        action: What it asks for.
        actor: Who gave it: `caller`, a rule's name, or `limit`.
        requested_at: When it was given.
        priority: Resume priority, 0 to 9.
        reason: The hold reason; None for an unhold.
        sent_at: When the latest frame was written to the socket; None while it waits.
        doubt_since: When its outcome became unknown; None while an answer is still expected.
        resent: Whether the frame was repeated.
        refusal: A refusal that left the state open; None where there was none.
        contradicted_at: When the opposite of what it asks for was seen, since it was sent: somebody
            else may have acted in between. None where it was not.
    """

    command_id: str
    correlation_id: str
    action: Action
    actor: str
    requested_at: Instant
    priority: int
    reason: str | None = None
    sent_at: Instant | None = None
    doubt_since: Instant | None = None
    resent: bool = False
    refusal: Refusal | None = None
    contradicted_at: Instant | None = None


@frozen(weakref_slot=False)
class Timer:
    """A running timer.

    Attributes:
        name: Its name in the machine's definition.
        owner: The hold or command that it was started for; one that fires for another is late.
        due_at: When it fires.
    """

    name: str
    owner: str
    due_at: Instant


@frozen(weakref_slot=False)
class Interaction(Generic[DataT]):
    """One interaction as a machine sees it; never changed, only replaced.

    Attributes:
        id: The gateway's id of it.
        state: A state of the machine.
        data: The machine's own data; nobody else reads it.
        pending: The command under way; None where there is none.
        timers: The running timers, at most one of a name.
        rules: What the engine keeps for its rules; None for nothing. A step hands it on unread.
    """

    id: str
    state: str
    data: DataT
    pending: Pending | None = None
    timers: tuple[Timer, ...] = ()
    rules: "RuleState | None" = None

    def timer(self, name: str) -> Timer | None:
        """Return the running timer called *name*; None where it does not run."""
        for timer in self.timers:
            if timer.name == name:
                return timer
        return None


make_pending = maker(Pending)
make_timer = maker(Timer)
make_interaction = maker(Interaction)
"""These make the same as the classes, in less time; the hot path uses them."""
