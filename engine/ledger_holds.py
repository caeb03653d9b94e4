"""The rows of the hold ledger: what is known of a hold when a recording has been read."""

from typing import Literal, final

from attrs import define, frozen

from hookflash.machines.instants import Instant

Began = Literal["acknowledged", "seen", "looked_up", "foreign", "before"]
"""How a hold became known: by an acknowledgement; by a frame of the gateway that says so unasked;
by a lookup, or a refusal that names the state; as somebody else's; or before the recording."""

Ended = Literal["unhold", "limit", "foreign", "closed", "lost", ""]
"""How a hold ended: by a command; by the limit's own release; by somebody else; with its
interaction; unseen, because the engine forgot the interaction meanwhile. Empty while it goes on."""

Confirmed = Literal["acknowledged", "looked_up", ""]
"""How a command's end of a hold became known; empty where no command ended it."""


@final
@define
class LedgerHold:
    """One hold, from its confirmation to its end. It is filled in while the recording is read.

    Attributes:
        interaction_id: The interaction.
        began: How it became known.
        since: Its start, as the machine counts it: the acknowledgement; where it was confirmed
            otherwise the sending; for a foreign hold the start that the gateway names, else the
            receipt. None where it is not recorded.
        first_seq: The record that began it; None where it began before the recording.
        name: The id that its timers carry; empty where it is not recorded.
        actor: Who asked for it: `caller`, a rule's name, `foreign` for somebody else. Empty where
            it is not recorded.
        reason: Its reason; None for a foreign hold, and where it is not recorded.
        skill_group_id: The interaction's skill group; None where it is not known.
        requested_at: When it was asked for; None where nobody asked here.
        ack_us: From the sending of its frame to the acknowledgement; None where there was none.
        latency_us: From the request to the known outcome; None where nobody asked here.
        limit_at: When its limit passes; None where it is not recorded.
        limit_passed: Whether the engine noticed that the limit passed, or the hold outlived it.
        warnings: How often monitors were warned about it.
        alarms: How many alarms it raised.
        expired: Whether it waited for somebody's decision past its limit.
        until: Its end: the acknowledgement, or the instant as of which it was seen to be over.
            None while it goes on, and where the end was not seen.
        last_seq: The record that ended it; None while it goes on.
        ended: How it ended.
        ended_by: Who ended it, as `actor`; empty where nobody in particular did.
        ended_confirmed: How that became known.
        unhold_ack_us: From the sending of the frame that ended it to the acknowledgement; None
            where there was none.
        unhold_latency_us: From the request of the unhold to its known outcome; None where no
            command ended it.
    """

    interaction_id: str
    began: Began
    since: Instant | None = None
    first_seq: int | None = None
    name: str = ""
    actor: str = ""
    reason: str | None = None
    skill_group_id: str | None = None
    requested_at: Instant | None = None
    ack_us: int | None = None
    latency_us: int | None = None
    limit_at: Instant | None = None
    limit_passed: bool = False
    warnings: int = 0
    alarms: int = 0
    expired: bool = False
    until: Instant | None = None
    last_seq: int | None = None
    ended: Ended = ""
    ended_by: str = ""
    ended_confirmed: Confirmed = ""
    unhold_ack_us: int | None = None
    unhold_latency_us: int | None = None

    @property
    def foreign(self) -> bool:
        """Whether somebody else made it."""
        return self.actor == "foreign"

    @property
    def held_us(self) -> int | None:
        """How long it was; None while it goes on, and where start or end is not recorded."""
        return None if self.since is None or self.until is None else self.until - self.since

    @property
    def limit_us(self) -> int | None:
        """How long it might be; None where that is not recorded."""
        if self.since is None or self.limit_at is None:
            return None
        return self.limit_at - self.since

    @property
    def over_limit_us(self) -> int | None:
        """By how much it outlived its limit, 0 for not at all; None where that cannot be said."""
        if self.until is None or self.limit_at is None:
            return None
        return max(0, self.until - self.limit_at)


@frozen
class Turn:
    """What an entry did to the holds of its interaction.

    Attributes:
        began: The hold that began; None for none.
        ended: The holds that ended: one as a rule, two where one was lost sight of.
    """

    began: LedgerHold | None = None
    ended: tuple[LedgerHold, ...] = ()
