"""The ports: what the engine asks of the world, and what the world tells the engine.

Plain types only; no library of the wire leaks through. Each fake in the tests passes the same
contract tests as the real adapter.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import trio
from attrs import frozen

from hookflash.engine.rule_messages import Remark, RuleCall, RuleNotice
from hookflash.machines.effects import (
    EndCommand,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    SendUnhold,
    Warn,
)
from hookflash.machines.errors import HookflashError
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts, Interaction
from hookflash.machines.records import Aside, InteractionState, Record

# --- what a gateway tells -----------------------------------------------------------------------


@frozen
class FrameWritten:
    """The frame was written to the socket, or may have been: its answer is to be waited for."""

    correlation_id: str


@frozen
class FrameAcknowledged:
    """The gateway acknowledged the frame."""

    correlation_id: str


@frozen
class FrameRefused:
    """The gateway refused the frame.

    Attributes:
        correlation_id: The frame's.
        state: The state that the refusal names, as the gateway spells it; None for none.
        code: The gateway's code, 429 for its rate limit; None for none.
        message: The gateway's words, without secrets; None for none.
        retry_after_s: Seconds to wait; None where it gave none.
    """

    correlation_id: str
    state: str | None = None
    code: int | str | None = None
    message: str | None = None
    retry_after_s: float | None = None


@frozen
class StateSeen:
    """The gateway said, unasked, in which state an interaction is.

    Attributes:
        interaction_id: The interaction.
        state: As the gateway spells it.
        held_since: The start of the hold where it names one; None otherwise.
    """

    interaction_id: str
    state: str
    held_since: Instant | None = None


@frozen
class LinkUp:
    """The control socket is open. The first time and after every loss."""


@frozen
class LinkDown:
    """The control socket was lost, or could not be opened; *reason* says why, without secrets."""

    reason: str


@frozen
class LinkGivenUp:
    """The attempts to open the socket are used up, or the gateway does not accept us.

    Waiting callers get *error* now. The adapter rests and then tries again by itself, because
    limits of callers on hold wait for the socket as long as it takes.
    """

    error: HookflashError


News = FrameWritten | FrameAcknowledged | FrameRefused | StateSeen | LinkUp | LinkDown | LinkGivenUp


class Inbox(Protocol):
    """Where a gateway adapter puts what it hears; implemented by the engine."""

    def tell(self, news: News) -> bool:
        """Take *news* up. Never blocks and never raises for what the news says.

        Returns:
            False for an answer to a frame that the engine does not know (any more): the adapter
            counts it, and may still read it as a `StateSeen`.
        """
        ...


# --- what a gateway is asked --------------------------------------------------------------------


@frozen
class Frame:
    """A command on its way out.

    Attributes:
        interaction_id: The interaction.
        command: What to send.
        priority: Place in the throttle: higher first, unholds before all holds.
    """

    interaction_id: str
    command: SendHold | SendUnhold
    priority: int


@frozen
class LookupAnswer:
    """What a lookup brought.

    Attributes:
        state: The state as the gateway spells it, or `not_found`.
        as_of: When its request was started: nothing later is known from it.
        facts: What it said beside the state.
        held_since: The start of the hold where it names one; None otherwise.
    """

    state: str
    as_of: Instant
    facts: Facts
    held_since: Instant | None = None


class Gateway(Protocol):
    """The other side, as the engine sees it."""

    @property
    def name(self) -> str:
        """Host and port: what a journal names its gateway by. No secret is in it."""
        ...

    async def run(
        self, inbox: Inbox, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the control socket open and report what it brings, until cancelled.

        Started as soon as it has begun to try; whether the socket is open is told as `LinkUp`.
        Network trouble never ends it. Cancellation closes the socket within a bound.
        """
        ...

    def send(self, frame: Frame) -> None:
        """Queue *frame*; it leaves when the socket is open and the throttle lets it.

        Never blocks. What becomes of it is told as `FrameWritten` and then as an answer.

        Raises:
            CommandBusy: The queue of waiting frames is full; nothing was queued.
        """
        ...

    def withdraw(self, correlation_id: str) -> bool:
        """Take a queued frame back.

        Returns:
            True if it was not written and will not be; False if it was, may have been, or is
            not known.
        """
        ...

    async def look_up(self, interaction_id: str) -> LookupAnswer:
        """Ask for the interaction's state now; bounded retries inside.

        Cancellation: nothing is left behind.

        Raises:
            NotAuthorized: 401 or 403 after one refresh of the token.
            RateLimited: 429 and the bounded attempts are used up.
            GatewayUnavailable: It could not be reached, or its answer could not be read.
        """
        ...


# --- the rest of the world ----------------------------------------------------------------------


@frozen
class ClockJump:
    """The machine's clock did not go on evenly.

    Attributes:
        kind: `suspended`: the machine stood still, and the engine's clock has made up for it.
            `set`: somebody set the wall clock, and the engine's clock goes on as before.
        seconds: By how much; negative for a clock that was set back.
    """

    kind: Literal["suspended", "set"]
    seconds: float


class Clock(Protocol):
    """Time and chance, drawn by the engine and journaled, so that machines need neither."""

    def continue_after(self, instant: Instant) -> None:
        """Go on after *instant*, the last one of an earlier run, should the clock be behind it."""
        ...

    def now(self) -> Instant:
        """Return the current instant; later than every one returned before."""
        ...

    def check(self) -> ClockJump | None:
        """Return what the machine's clock did since the last call; None for nothing unusual."""
        ...

    def from_wall(self, instant: Instant) -> Instant:
        """Return this clock's instant for a time of day that somebody else names."""
        ...

    def deadline_of(self, instant: Instant) -> float:
        """Return the trio clock time at which *instant* will be."""
        ...

    def new_id(self) -> str:
        """Return a fresh UUID v4 as text."""
        ...


class Journal(Protocol):
    """The append-only record of all that happened."""

    @property
    def next_seq(self) -> int:
        """The number that the next record gets."""
        ...

    @property
    def synced(self) -> bool:
        """Whether effects have to wait for `sync`: what is appended is to survive a power cut."""
        ...

    def append(
        self,
        records: Sequence[Record],
        after: Sequence[Interaction[Any]],
        told_through: int | None = None,
        asides: Sequence[tuple[Aside, InteractionState | None]] = (),
    ) -> None:
        """Append *asides* and *records* in order; they survive the end of the process then.

        Called before any effect of these records leaves, and any action of rules.

        Args:
            records: The records.
            after: For each the interaction after it.
            told_through: Monitors were told for all records up to this number; None where nothing
                new is known of that.
            asides: What stands between records, with how its interaction stands after it; None
                where it is about none. Written before the records.

        Raises:
            JournalError: They could not be written; none of their effects may leave.
        """
        ...

    def forget(self, interaction_id: str) -> None:
        """Take up that the engine knows this interaction no longer: the next record begins it."""
        ...

    async def sync(self) -> None:
        """Wait until all that was appended is on the disk; many appends share one wait.

        Cancellation: what was appended may or may not be on the disk.

        Raises:
            JournalError: The disk reports an error; none of the waiting effects may leave.
        """
        ...

    def sync_now(self) -> None:
        """As `sync`, but blocks: for the end of the program."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep house in the background until cancelled: put parts away, snapshot, retire old ones.

        Trouble with that is logged and tried again; what was appended stays where it is.
        """
        ...

    def close(self) -> None:
        """Close the journal; a second call does nothing."""
        ...


AuditEntry = tuple[EndCommand | NoteForeign | Remark, str, float]
"""What ended, the interaction, and the state consistency rate so far, 0 to 1."""


class AuditLog(Protocol):
    """The hash-chained log: one line per command, and one per foreign hold or unhold."""

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Append a line for each entry, in order; when it returns they survive the process.

        Raises:
            JournalError: The lines could not be written; the log is as it was before.
        """
        ...

    def miss(self) -> None:
        """Take up that lines are missing which the journal asks for: the next start appends them.

        Until then the journal must keep at hand what they are derived from.
        """
        ...

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        ...


MonitorPayload = Mapping[str, Any]
"""What a quality monitor gets: the keys of the protocol page and ours."""

Monitor = Callable[[MonitorPayload], object] | Callable[[MonitorPayload], Awaitable[object]]
"""A quality monitor: a plain or an async function of one payload."""

Notice = EndCommand | NoteForeign | Warn | RaiseAlarm
"""What monitors are told about."""


class Monitors(Protocol):
    """The quality monitors, all together, and the functions that rules may call."""

    @property
    def told_through(self) -> int:
        """The record up to which every monitor was told, or given up on; 0 before the first."""
        ...

    def tell(self, notice: Notice, interaction_id: str, seq: int, index: int) -> None:
        """Hand *notice* to every monitor. Never blocks, never raises for what a monitor does.

        Args:
            notice: What happened.
            interaction_id: The interaction.
            seq: The record that asks for it; rises from call to call.
            index: Its place among the effects of that record, from 0. Both together name the
                effect for ever: after a crash the same notice comes with the same numbers.
        """
        ...

    def notify(self, notice: RuleNotice, interaction_id: str, done: Callable[[], None]) -> None:
        """Hand a rule's message to whom it is for. Never blocks, never raises for what they do.

        Args:
            notice: The message.
            interaction_id: The interaction.
            done: Called once, when it was delivered or given up on.
        """
        ...

    def call(self, call: RuleCall, arguments: Mapping[str, Any], done: Callable[[], None]) -> None:
        """Have a registered function called. Never blocks, never raises for what it does.

        Args:
            call: Which, and on whose behalf.
            arguments: Its arguments by name.
            done: Called once, when it has returned or was given up on.
        """
        ...
