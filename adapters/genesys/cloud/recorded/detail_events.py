"""Events about metrics and about agents' legs, as notifications and EventBridge carry them."""

from hookflash.adapters.genesys.cloud.recorded.details import Told, is_person
from hookflash.adapters.genesys.cloud.recorded.fields import Part
from hookflash.adapters.genesys.cloud.recorded.legs import METRICS, Leg, Metric


def read_metric(part: Part) -> Told:
    """Read a metric of a leg: `v2.analytics.conversation.{id}.metrics`.

    tHeld comes when a hold has ended, and says with its value when it began.
    """
    name = part.fields.get("metric")
    if name.__class__ is not str or name not in METRICS:
        part.odd("other_metric" if name.__class__ is str else "missing", "metric")
        return Told()
    if part.fields.get("purpose") is not None:
        purpose = part.word("purpose")
        if not is_person(part, purpose, part.id("userId")):
            part.odd("other_participant", "", purpose or "")
            return Told()
    told, leg = _leg_of(part)
    value, date = part.milliseconds("value"), part.instant("metricDate")
    if value is None or date is None:
        for field, found in (("value", value), ("metricDate", date)):
            if found is None and part.fields.get(field) is None:
                part.odd("missing", field)
        return Told()
    told.clock = date
    if leg is not None:
        leg.metrics.append(Metric(str(name), value, date, record=part.id("recordId")))
    return told


def read_user_event(part: Part, *, ends: bool) -> Told:
    """Read the beginning or end of an agent's leg: `v2.detail.events.conversation.{id}.user.*`."""
    told, leg = _leg_of(part)
    time = part.instant("eventTime")
    if time is None and part.fields.get("eventTime") is None:
        part.odd("missing", "eventTime")
    told.clock = time
    if leg is None:
        return told
    if ends:
        leg.end, leg.held_total_ms = time, part.milliseconds("heldDurationMs")
        leg.unconnected = part.milliseconds("interactingDurationMs") == 0 and not leg.held_total_ms
    else:
        leg.begin = time
    return told


# --- the parts ------------------------------------------------------------------------------------


def _leg_of(part: Part) -> tuple[Told, Leg | None]:
    conversation, session = part.id("conversationId"), part.id("sessionId")
    for name, found in (("conversationId", conversation), ("sessionId", session)):
        if found is None and part.fields.get(name) is None:
            part.odd("missing", name)
    if conversation is None or session is None:
        return Told(), None
    leg = Leg(f"{part.place}: {part.path}", session)
    leg.participant, leg.user = part.id("participantId"), part.id("userId")
    leg.media, leg.queue = part.word("mediaType"), part.id("queueId")
    return Told(conversation, [leg]), leg
