"""Analytics: the detail of a conversation, as the details query and its jobs give it."""

from typing import Final

from attrs import define, field

from hookflash.adapters.genesys.cloud.recorded.fields import Part
from hookflash.adapters.genesys.cloud.recorded.legs import METRICS, OTHERS, PEOPLE, Leg, Metric
from hookflash.adapters.genesys.cloud.recorded.segments import (
    ANALYTICS,
    HOLD,
    account_of,
    queue_of,
    segments_of,
)
from hookflash.machines.instants import Instant

RANK: Final = 2
"""Analytics has the last word on its legs."""


@define
class Told:
    """What one document tells.

    Attributes:
        conversation: The conversation; empty where it tells of none.
        legs: What it says of legs.
        clock: The latest time that it names for them; None for none.
        is_page: Whether it is the page around documents that are told of one by one.
    """

    conversation: str = ""
    legs: list[Leg] = field(factory=list[Leg])
    clock: Instant | None = None
    is_page: bool = False


def read_detail(part: Part) -> Told:
    """Read the detail of one conversation; what is odd in it is written down."""
    conversation = part.id("conversationId")
    if conversation is None:
        if part.fields.get("conversationId") is None:
            part.odd("missing", "conversationId")
        return Told()
    told = Told(conversation)
    over_at = part.instant("conversationEnd")
    for participant in part.parts("participants"):
        purpose, user = participant.word("purpose"), participant.id("userId")
        if not is_person(participant, purpose, user):
            _pass_over(participant, purpose)
            continue
        name = participant.id("participantId")
        for session in participant.parts("sessions"):
            leg = _read_session(session, over_at)
            if leg is not None:
                leg.participant, leg.user = name, user
                told.legs.append(leg)
    return told


def is_person(participant: Part, purpose: str | None, user: str | None) -> bool:
    """Tell whether a participant is an agent; an unknown purpose with a user counts as one."""
    if purpose in PEOPLE:
        return True
    if purpose in OTHERS:
        return False
    if user is None:
        if purpose is None:
            participant.odd("missing", "purpose")
        return False
    participant.odd("unknown_purpose", "purpose", purpose or "none")
    return True


# --- the parts ------------------------------------------------------------------------------------


def _pass_over(participant: Part, purpose: str | None) -> None:
    """Write down what is left out with a participant; a hold there would be news."""
    holds = any(
        segment.fields.get("segmentType") == HOLD
        for session in participant.parts("sessions")
        for segment in session.parts("segments")
    )
    reason = "hold_of_other_participant" if holds else "other_participant"
    participant.odd(reason, "", purpose or "")


def _read_session(session: Part, over_at: Instant | None) -> Leg | None:
    name = session.id("sessionId")
    if name is None:
        if session.fields.get("sessionId") is None:
            session.odd("missing", "sessionId")
        return None
    segments = segments_of(session, ANALYTICS)
    leg = Leg(f"{session.place}: {session.path}", name, media=session.word("mediaType"))
    leg.account = account_of(segments, over_at, RANK, session)
    leg.queue = queue_of(segments)
    leg.metrics = _read_metrics(session)
    return leg


def _read_metrics(session: Part) -> list[Metric]:
    found: list[Metric] = []
    for part in session.parts("metrics"):
        name = part.fields.get("name")
        if name.__class__ is not str or name not in METRICS:
            if name.__class__ is not str:
                part.odd("missing" if name is None else "wrong_type", "name")
            continue
        value = part.milliseconds("value")
        if value is not None:
            found.append(Metric(name, value, part.instant("emitDate"), RANK))
        elif part.fields.get("value") is None:
            part.odd("missing", "value")
    return found
