"""What is known of the legs of a conversation, from however many documents.

A conversation gathers what documents say: accounts of whole legs (analytics, REST), sightings
(snapshots in notifications), metrics and totals. Nothing is decided here but which of two accounts
is the later one; `resolving` makes holds of it.
"""

from collections import Counter
from typing import Final

from attrs import define, field, frozen

from hookflash.adapters.genesys.cloud.recorded.findings import Finding
from hookflash.machines.instants import Instant

PEOPLE: Final = frozenset({"agent", "user"})
"""Purposes of participants that hold: `user` is an agent outside of a queue."""

OTHERS: Final = frozenset(
    {
        *("acd", "api", "botflow", "campaign", "customer", "dialer", "external", "fax", "group"),
        *("inbound", "ivr", "manual", "outbound", "station", "voicemail", "voice", "workflow"),
    }
)
"""Purposes of those that do not."""

LEGS_MAX: Final = 1_000
"""Legs of one conversation; further ones are left out. Analytics pages have some ten."""

SIGHTINGS_MAX: Final = 2_000
"""Changes in the snapshots of one leg; further ones are left out."""

METRICS: Final = frozenset(
    {"tHeld", "tHeldComplete", "tHandle", "tTalkComplete", "tAcw", "tDialing", "tContacting"}
)
"""The metrics that holds are compared with. Handle time is talk, hold and after-call work, for
outbound calls also dialing and contacting (Genesys's glossary, "average handle time")."""

METRICS_MAX: Final = 2_000
"""Metrics of one leg; further ones are left out."""


@frozen
class Span:
    """A hold as a document tells of it.

    Attributes:
        start: Its start.
        end: Its end; None where it goes on, or where none is known.
        queue: The queue that it stands with; None where none is named.
        exact: Whether the document names both ends itself.
    """

    start: Instant
    end: Instant | None = None
    queue: str | None = None
    exact: bool = True


@frozen
class Account:
    """What one document says of the whole of a leg.

    Attributes:
        rank: How good the source is: 2 for analytics, 1 for a snapshot that has segments.
        horizon: The latest time that the document names for the leg or its conversation.
        begin: When the leg was connected; None where it never was.
        end: When it was disconnected; None where it was not yet.
        holds: Its holds, by their starts.
        place: Where it stands.
    """

    rank: int
    horizon: Instant
    begin: Instant | None
    end: Instant | None
    holds: tuple[Span, ...]
    place: str

    @property
    def story(self) -> tuple[object, ...]:
        """What it says, without where."""
        return (self.begin, self.end, self.holds)


@frozen
class Sighting:
    """What one snapshot says of a leg.

    Attributes:
        held: Whether it is on hold.
        since: The start of that hold; None where it is not named, or there is none.
        ended: Whether the leg is over.
        at: When the snapshot was received; None where nobody wrote it down.
        clock: The latest time that its file had named till then: the snapshot is no older.
    """

    held: bool
    since: Instant | None
    ended: bool
    at: Instant | None
    clock: Instant

    @property
    def known_at(self) -> Instant:
        """The best that is known of its time."""
        return self.clock if self.at is None else self.at


@frozen
class Metric:
    """A metric of a leg.

    Attributes:
        name: One of `METRICS`.
        value_ms: Its value, in milliseconds.
        date: When it was made; None where that is not said.
        rank: How good the source is, as in `Account`: 1 for events.
        record: The event's id: what was delivered twice has the same; None where there is none.
    """

    name: str
    value_ms: int
    date: Instant | None = None
    rank: int = 1
    record: str | None = None


@define
class Leg:
    """What is known of one leg.

    Attributes:
        session: Its session or communication; None where only the participant was named.
        participant: The participant; None where only the session was named.
        user: The agent; only to find out which legs are the same.
        media: Its medium in small letters; None where it was not said.
        queue: Its queue, as last named; None for none.
        org: Its organisation; None where it was not said.
        begin: The first time of it that anything but an account names.
        end: Its end as anything but an account names it; None for none.
        account: The best account of it; None for none.
        sightings: Changes in snapshots, in the order of the file.
        metrics: Its metrics.
        held_total_ms: The sum of its holds that an event at its end named; None for none.
        unconnected: Whether an event at its end says that it was never connected.
        place: Where it was named first.
    """

    place: str
    session: str | None = None
    participant: str | None = None
    user: str | None = None
    media: str | None = None
    queue: str | None = None
    org: str | None = None
    begin: Instant | None = None
    end: Instant | None = None
    account: Account | None = None
    sightings: list[Sighting] = field(factory=list[Sighting])
    metrics: list[Metric] = field(factory=list[Metric])
    held_total_ms: int | None = None
    unconnected: bool = False

    @property
    def first_at(self) -> Instant | None:
        """The earliest time known of it; None where there is none."""
        times = [self.begin, None if self.account is None else self.account.begin]
        times += [span.start for span in self.account.holds] if self.account is not None else []
        times += [one.since or one.known_at for one in self.sightings]
        times += [
            Instant(one.date - one.value_ms * 1000)
            for one in self.metrics
            if one.name == "tHeld" and one.date is not None
        ]
        return min((time for time in times if time is not None), default=self.end)

    def add(self, other: "Leg", findings: list[Finding]) -> None:
        """Add what *other* says of the same leg."""
        self.session = self.session or other.session
        self.participant = self.participant or other.participant
        self.user, self.media = self.user or other.user, self.media or other.media
        self.queue, self.org = other.queue or self.queue, self.org or other.org
        self.begin = earliest(self.begin, other.begin)
        self.end = latest(self.end, other.end)
        self._add_account(other.account, findings)
        for sighting in other.sightings:
            self._add_sighting(sighting, other.place, findings)
        if other.metrics:
            self._add_metrics(other, findings)
        self._add_total(other, findings)
        self.unconnected |= other.unconnected

    def _add_account(self, new: Account | None, findings: list[Finding]) -> None:
        old = self.account
        if new is None or old is None:
            self.account = new or old
            return
        if new.story == old.story:
            findings.append(Finding("duplicate", new.place))
        elif new.rank == old.rank and not _follows(*_in_order(old, new)):
            words = f"another account of the leg stands at {old.place}"
            findings.append(Finding("sources_differ", new.place, words))
        if (new.rank, new.horizon) >= (old.rank, old.horizon):
            self.account = new

    def _add_sighting(self, new: Sighting, place: str, findings: list[Finding]) -> None:
        last = self.sightings[-1] if self.sightings else None
        if last is not None and _says_the_same(last, new):
            return
        if len(self.sightings) >= SIGHTINGS_MAX:
            findings.append(Finding("too_many", place, f"{SIGHTINGS_MAX} changes of one leg"))
            return
        self.sightings.append(new)

    def _add_metrics(self, other: "Leg", findings: list[Finding]) -> None:
        # Two holds of one length may have equal metrics; what a second document repeats is no news.
        new = list((Counter(other.metrics) - Counter(self.metrics)).elements())
        if len(self.metrics) + len(new) > METRICS_MAX:
            findings.append(Finding("too_many", other.place, f"{METRICS_MAX} metrics of one leg"))
        self.metrics += new[: METRICS_MAX - len(self.metrics)]

    def _add_total(self, other: "Leg", findings: list[Finding]) -> None:
        ours, theirs = self.held_total_ms, other.held_total_ms
        if ours is not None and theirs is not None and ours != theirs:
            words = f"heldDurationMs is {theirs}, and {ours} at {self.place}"
            findings.append(Finding("sources_differ", other.place, words))
        self.held_total_ms = ours if theirs is None else theirs


@define
class Conversation:
    """The legs of a conversation.

    Attributes:
        id: The conversation.
        legs: Its legs, in the order in which they were named first.
    """

    id: str
    legs: list[Leg] = field(factory=list[Leg])

    def add(self, leg: Leg, findings: list[Finding]) -> None:
        """Add what a document says of a leg."""
        for known in self.legs:
            if leg.session is not None:
                same = known.session == leg.session
            else:
                same = known.session is None and known.participant == leg.participant
            if same:
                known.add(leg, findings)
                return
        if len(self.legs) >= LEGS_MAX:
            findings.append(Finding("too_many", leg.place, f"{LEGS_MAX} legs of a conversation"))
            return
        # Added to an empty one, so that what a leg says of itself is looked at in one place.
        known = Leg(leg.place)
        known.add(leg, findings)
        self.legs.append(known)

    @property
    def first_at(self) -> Instant | None:
        """The earliest time known of it; None where there is none."""
        times = [leg.first_at for leg in self.legs]
        return min((time for time in times if time is not None), default=None)


def earliest(one: Instant | None, other: Instant | None) -> Instant | None:
    """Return the earlier of the two; the one that there is."""
    return min((time for time in (one, other) if time is not None), default=None)


def latest(one: Instant | None, other: Instant | None) -> Instant | None:
    """Return the later of the two; the one that there is."""
    return max((time for time in (one, other) if time is not None), default=None)


# --- the parts ------------------------------------------------------------------------------------


def _in_order(one: Account, other: Account) -> tuple[Account, Account]:
    return (one, other) if one.horizon <= other.horizon else (other, one)


def _follows(early: Account, late: Account) -> bool:
    """Tell whether *late* may be what became of *early*: what had an end then still has it."""
    if early.end is not None and early.end != late.end:
        return False
    ends = {span.start: span.end for span in late.holds}
    return early.begin in {None, late.begin} and all(
        span.start in ends and (not span.exact or span.end == ends[span.start])
        for span in early.holds
    )


def _says_the_same(last: Sighting, new: Sighting) -> bool:
    return (last.held, last.ended) == (new.held, new.ended) and (
        not new.held or new.since in {None, last.since}
    )
