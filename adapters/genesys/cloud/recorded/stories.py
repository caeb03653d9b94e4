"""The story of a leg: what is known of it in the end, and the machine's events that tell it."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID, uuid5

from attrs import frozen

from hookflash.machines.events import ObservedActive, ObservedClosed, ObservedHeld
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts

_NAMESPACE: Final = UUID("5c0f3f0e-3f43-4d0b-9f0e-6d2a5a9c2b11")
"""Of the ids that observations carry: the same input gives the same recording."""


@frozen
class Hold:
    """A hold of a leg.

    Attributes:
        start: Its start.
        end: Its end; None where the data end before it does.
        queue: The queue that it stands with; None for none.
        exact: Whether both ends are named, and not put where the next best time was.
    """

    start: Instant
    end: Instant | None = None
    queue: str | None = None
    exact: bool = True


@frozen
class Figures:
    """What Genesys itself says of a leg's holds, for comparing; None for what it does not say.

    Attributes:
        segments_us: The lengths of the segments of type hold that have both ends.
        held_ms: The values of tHeld, one for each hold that ended.
        held_complete_ms: tHeldComplete: their sum, made when the leg ended.
        handle_ms: tHandle.
        handle_rest_ms: What tHandle has beside the holds: talk, after-call work, dialing,
            contacting. None where there is no tTalkComplete.
        held_total_ms: heldDurationMs, of the event at the end of the leg.
    """

    segments_us: tuple[int, ...] | None = None
    held_ms: tuple[int, ...] | None = None
    held_complete_ms: int | None = None
    handle_ms: int | None = None
    handle_rest_ms: int | None = None
    held_total_ms: int | None = None


@frozen
class Story:
    """What is known of a leg in the end.

    Attributes:
        interaction: Its name in the recording: `conversation/session`; with the participant in the
            place of a session that nothing named.
        place: Where it was named first.
        begin: Its first known time.
        end: When it was disconnected; None where that is not known.
        horizon: Up to when the data tell of it.
        holds: Its holds, none overlapping, by their starts.
        queue: Its queue; None for none.
        org: Its organisation; None where nothing named it.
        figures: What Genesys says of its holds.
    """

    interaction: str
    place: str
    begin: Instant
    end: Instant | None
    horizon: Instant
    holds: tuple[Hold, ...]
    queue: str | None
    org: str | None
    figures: Figures


def events_of(story: Story) -> Iterator[Any]:
    """Yield the events that tell *story*, by their times: what was so as of each.

    Their source is `lookup`, because they are what looking the leg up at that instant would have
    answered; the machine does not believe a lone frame that says that a caller is not held.
    """
    ended_on_hold = bool(story.holds) and story.holds[-1].end in {None, story.end}
    if not story.holds or story.begin < story.holds[0].start:
        yield _active(story, story.begin, story.queue, 0)
    for number, hold in enumerate(story.holds, 1):
        queue = hold.queue or story.queue
        yield ObservedHeld(
            hold.start,
            hold.start,
            "lookup",
            _id_of(story, "held", number),
            hold.start,
            Facts(None, story.org, queue),
        )
        is_last = number == len(story.holds)
        if hold.end is not None and not (is_last and ended_on_hold and story.end is not None):
            yield _active(story, hold.end, queue, number)
    if story.end is not None:
        yield ObservedClosed(story.end, story.end, "lookup")


def timer_id(story: Story, timer: str, owner: str) -> str:
    """Return the unused id for the event of a timer of *story*."""
    return str(uuid5(_NAMESPACE, f"{story.interaction} {timer} {owner}"))


# --- the parts ------------------------------------------------------------------------------------


def _active(story: Story, at: Instant, queue: str | None, number: int) -> ObservedActive:
    facts = Facts(None, story.org, queue)
    return ObservedActive(at, at, "lookup", _id_of(story, "active", number), facts)


def _id_of(story: Story, kind: str, number: int) -> str:
    return str(uuid5(_NAMESPACE, f"{story.interaction} {kind} {number}"))
