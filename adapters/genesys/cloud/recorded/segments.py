"""Segments of a session, as analytics and REST have them, made into an account of the leg."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from hookflash.adapters.genesys.cloud.recorded.fields import Part
from hookflash.adapters.genesys.cloud.recorded.legs import Account, Span
from hookflash.machines.instants import Instant

HOLD: Final = "hold"

BEFORE: Final = frozenset(
    {"alert", "contacting", "delay", "dialing", "scheduled", "converting", "transmitting"}
    | {"uploading", "system", "callback"}
)
"""Types of segments in which nobody is connected yet."""

AFTER: Final = frozenset({"wrapup"})
"""Types of segments in which nobody is connected any more."""

CONNECTED: Final = frozenset(
    {"interact", HOLD, "barging", "coaching", "monitoring", "screenmonitoring", "sharing"}
    | {"parked", "ivr", "voicemail", "unknown"}
)
"""Types of segments in which the leg is connected; so are those of unknown types."""


@frozen
class Segment:
    """A segment: what went on in a leg for a while.

    Attributes:
        type: Its type, in small letters.
        start: Its start.
        end: Its end; None where it goes on.
        queue: The queue that it stands with; None for none.
        disconnected: Whether the leg was disconnected at its end.
    """

    type: str
    start: Instant
    end: Instant | None
    queue: str | None
    disconnected: bool


@frozen
class Names:
    """What a source calls the fields of a segment."""

    type: str
    start: str
    end: str


ANALYTICS: Final = Names("segmentType", "segmentStart", "segmentEnd")
REST: Final = Names("type", "startTime", "endTime")


def segments_of(session: Part, names: Names) -> list[Segment]:
    """Read the segments of a session, by their starts; odd ones are left out and written down."""
    found: list[Segment] = []
    for part in session.parts("segments"):
        kind, start = part.word(names.type), part.instant(names.start)
        if kind is None or start is None:
            for name, value in ((names.type, kind), (names.start, start)):
                if value is None and part.fields.get(name) is None:
                    part.odd("missing", name)
            continue
        if kind not in CONNECTED and kind not in BEFORE and kind not in AFTER:
            part.odd("unknown_segment_type", names.type, kind)
        end = part.instant(names.end)
        if end is None and part.fields.get(names.end) is not None:
            continue  # it has an end that makes no sense, which was written down
        if end is not None and end < start:
            part.odd("backwards", names.end)
            continue
        disconnected = part.fields.get("disconnectType") is not None
        found.append(Segment(kind, start, end, part.id("queueId"), disconnected))
    # Of two with one start the shorter comes first: what goes on comes last.
    return sorted(found, key=lambda one: (one.start, one.end is None, one.end or one.start))


def account_of(
    segments: Sequence[Segment], over_at: Instant | None, rank: int, session: Part
) -> Account | None:
    """Return what the segments of a leg say of the whole of it; None where there are none.

    Args:
        segments: By their starts.
        over_at: When the conversation, or this leg of it, was over; None where it is not.
        rank: How good the source is.
        session: Where they stand; holds whose ends had to be inferred are written down there.
    """
    if not segments:
        return None
    connected = [one for one in segments if one.type not in BEFORE and one.type not in AFTER]
    end = _end_of(segments, connected, over_at)
    holds: list[Span] = []
    for number, one in enumerate(connected):
        if one.type != HOLD:
            continue
        hold_end = one.end
        if hold_end is None:
            following = [later.start for later in segments if later.start > one.start]
            hold_end = min(following, default=end)
            if hold_end is not None:
                session.odd("end_inferred", "", f"hold {number + 1} of the leg's segments")
        holds.append(
            Span(
                one.start, hold_end, one.queue or _queue_before(segments, one), one.end is not None
            )
        )
    times = [time for one in segments for time in (one.start, one.end) if time is not None]
    return Account(
        rank,
        max([*times, *([over_at] if over_at is not None else [])]),
        connected[0].start if connected else None,
        end,
        tuple(holds),
        f"{session.place}: {session.path}",
    )


def queue_of(segments: Sequence[Segment]) -> str | None:
    """Return the queue that the last segment with one names."""
    return next((one.queue for one in reversed(segments) if one.queue is not None), None)


# --- the parts ------------------------------------------------------------------------------------


def _end_of(
    segments: Sequence[Segment], connected: Sequence[Segment], over_at: Instant | None
) -> Instant | None:
    """Return when the leg was disconnected; None where nothing says that it was."""
    if not connected:
        return None
    last = max(connected, key=lambda one: (one.end is None, one.end or one.start))
    wrapups = [one.start for one in segments if one.type in AFTER and one.start >= last.start]
    if last.end is None:
        return min(wrapups, default=over_at)
    if last.disconnected or wrapups or over_at is not None:
        return last.end
    return None


def _queue_before(segments: Sequence[Segment], hold: Segment) -> str | None:
    named = [one.queue for one in segments if one.queue is not None and one.start <= hold.start]
    return named[-1] if named else None
