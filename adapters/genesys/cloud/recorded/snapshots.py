"""Snapshots of conversations: what notifications carry, and what REST answers.

There are two shapes. Topics of one medium have flat participants, which are on hold themselves;
topics of all media have participants with lists of communications. Both are whole snapshots without
a number or a time of their own, and may come twice and out of order.
"""

import re
from collections.abc import Iterator
from typing import Final

from hookflash.adapters.genesys.cloud.recorded.details import Told, is_person
from hookflash.adapters.genesys.cloud.recorded.fields import Part
from hookflash.adapters.genesys.cloud.recorded.legs import Leg, Sighting, latest
from hookflash.adapters.genesys.cloud.recorded.segments import REST, account_of, segments_of
from hookflash.machines.instants import Instant

RANK: Final = 1
"""A snapshot's segments give way to those of analytics."""

MEDIA: Final = {
    "calls": "voice",
    "callbacks": "callback",
    "chats": "chat",
    "cobrowsesessions": "cobrowse",
    "emails": "email",
    "internalMessages": "internalmessage",
    "messages": "message",
    "screenshares": "screenshare",
    "socialExpressions": "social",
    "videos": "video",
}
"""The medium of each list of communications, and of each topic that ends in its name."""

LIVE: Final = frozenset({"connected", "parked"})
"""States of a communication that is going on."""

OVER: Final = frozenset({"disconnected", "terminated"})
"""States of one that is over."""

BEFORE: Final = frozenset(
    {"alerting", "contacting", "converting", "dialing", "none", "offering", "queued", "scheduled"}
    | {"transmitting", "uploading"}
)
"""States of one that is not connected yet."""

_MEDIUM: Final = re.compile(r"conversations?[./]([A-Za-z]+)")


def read_snapshot(part: Part, topic: str, at: Instant | None) -> Told:
    """Read a snapshot of one conversation; what is odd in it is written down.

    Args:
        part: The body of the event, or the answer of REST.
        topic: The topic, or the address of what REST answered; empty where it is not known.
        at: When it was received; None where nobody wrote it down.
    """
    conversation = part.id("id")
    if conversation is None:
        if part.fields.get("id") is None:
            part.odd("missing", "id")
        return Told()
    told = Told(conversation, clock=part.instant("startTime"))
    named = _MEDIUM.search(topic)
    media = MEDIA.get(named[1]) if named else None
    for participant in part.parts("participants"):
        purpose, user = participant.word("purpose"), participant.reference("user")
        for name in ("startTime", "connectedTime", "startHoldTime", "endTime"):
            told.clock = latest(told.clock, participant.instant(name))
        if not is_person(participant, purpose, user):
            holds = participant.fields.get("held") is True
            reason = "hold_of_other_participant" if holds else "other_participant"
            participant.odd(reason, "", purpose or "")
            continue
        for leg in _legs_of(participant, media, told):
            leg.user = user
            leg.participant = participant.id("id")
            leg.queue = participant.reference("queue")
            if leg.session is None and leg.participant is None:
                participant.odd("missing", "id")
            else:
                told.legs.append(leg)
    for leg in told.legs:
        leg.sightings = [_received(one, at, told.clock) for one in leg.sightings]
    return told


# --- the parts ------------------------------------------------------------------------------------


def _legs_of(participant: Part, media: str | None, told: Told) -> Iterator[Leg]:
    nested = [name for name in MEDIA if participant.fields.get(name)]
    if not nested and any(name in participant.fields for name in MEDIA):
        return  # all its lists are empty: it has no communication yet
    if not nested:
        leg = _read(participant)
        leg.media = media
        yield leg
    for name in nested:
        for communication in participant.parts(name):
            for time in ("connectedTime", "startHoldTime", "disconnectedTime"):
                told.clock = latest(told.clock, communication.instant(time))
            leg = _read(communication)
            leg.session, leg.media = communication.id("id"), MEDIA[name]
            segments = segments_of(communication, REST)
            over_at = leg.end
            leg.account = account_of(segments, over_at, RANK, communication)
            yield leg


def _read(part: Part) -> Leg:
    """Read what is the same of a flat participant and of a communication."""
    leg = Leg(f"{part.place}: {part.path}")
    state, held = part.word("state"), part.flag("held")
    if state is not None and state not in LIVE and state not in OVER and state not in BEFORE:
        part.odd("unknown_state", "state", state)
    over = state in OVER
    leg.begin = part.instant("connectedTime")
    if over:
        leg.end = part.instant("disconnectedTime") or part.instant("endTime")
    if over or state in LIVE or held:
        since = part.instant("startHoldTime") if held and not over else None
        leg.sightings.append(Sighting(bool(held) and not over, since, over, None, Instant(0)))
    elif leg.begin is not None and state in BEFORE:
        leg.begin = None  # of an earlier communication of the same participant
    return leg


def _received(sighting: Sighting, at: Instant | None, clock: Instant | None) -> Sighting:
    return Sighting(sighting.held, sighting.since, sighting.ended, at, clock or Instant(0))
