"""What kind of document something is, by what is in it, and what it tells of legs.

The kinds: a page of conversation details; one conversation's details; a frame of the notification
socket; an EventBridge envelope around such a frame; a snapshot as REST answers it.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from hookflash.adapters.genesys.cloud.recorded.detail_events import read_metric, read_user_event
from hookflash.adapters.genesys.cloud.recorded.details import Told, read_detail
from hookflash.adapters.genesys.cloud.recorded.fields import Part
from hookflash.adapters.genesys.cloud.recorded.findings import Finding
from hookflash.adapters.genesys.cloud.recorded.snapshots import read_snapshot
from hookflash.machines.instants import Instant

_RECEIVED: Final = ("receivedAt", "received_at", "timestamp")
"""Fields in which those who write frames down put the time of receipt."""

_ORG: Final = re.compile(r"aws\.partner/genesys\.com/cloud/([0-9A-Za-z-]{1,64})(?:/.*)?")
_METRICS: Final = re.compile(r"v2\.analytics\.conversation\..+\.metrics")
_USER: Final = re.compile(r"v2\.detail\.events\.conversation\..+\.user\.(start|end)")
_QUIET: Final = frozenset({"WebSocket Heartbeat", "pong"})


def read_document(
    value: Any,  # noqa: ANN401 - any JSON
    place: str,
    path: str,
    findings: list[Finding],
) -> Iterator[Told]:
    """Read one document of any kind; what is odd or of no use in it is written down.

    Args:
        value: The document.
        place: Where it stands, for messages.
        path: Its JSON path there.
        findings: Takes what is to be said of it.

    Yields:
        What it tells; of a page, that it is one, then what each document in it tells. Nothing for
        what is no document of Genesys Cloud; an empty item for one that tells of no leg.
    """
    if value.__class__ is not dict:
        findings.append(Finding("not_an_object", f"{place}: {path}"))
        return
    part = Part(value, path, place, findings)
    fields = part.fields
    pages = [name for name in ("conversations", "entities") if fields.get(name).__class__ is list]
    if pages:
        yield Told(is_page=True)
        # As many as there are: the bound on a line bounds them.
        for one in part.parts(pages[0], len(fields[pages[0]])):
            yield _read_one(one, "", None)
    elif _is_known(fields):
        yield _read_one(part, "", None)
    else:
        part.odd("unknown_document")


def _is_known(fields: dict[str, Any]) -> bool:
    return (
        "topicName" in fields
        or "detail-type" in fields
        or {"conversationId", "participants"} <= fields.keys()
        or {"id", "participants"} <= fields.keys()
        or "result" in fields
    )


def _read_one(part: Part, org: str, at: Instant | None) -> Told:
    """Read a document that is no page.

    Args:
        part: The document.
        org: The organisation that its envelope named; empty for none.
        at: When it was received, as its envelope says; None for no envelope.
    """
    fields = part.fields
    if "detail-type" in fields:
        return _read_envelope(part)
    if "topicName" in fields:
        told = _read_frame(part, at)
    elif "conversationId" in fields:
        told = read_detail(part)
    elif "participants" in fields:
        told = read_snapshot(part, str(fields.get("selfUri", "")), _received_at(part))
    elif "result" in fields:
        part.odd("reply")
        return Told()
    else:
        part.odd("unknown_document")
        return Told()
    for leg in told.legs:
        leg.org = leg.org or org or None
    return told


def _read_envelope(part: Part) -> Told:
    """Read an envelope of EventBridge: the frame is in its `detail`."""
    source = part.fields.get("source")
    named = _ORG.fullmatch(source) if isinstance(source, str) else None
    inner = part.part("detail")
    if inner is None:
        if part.fields.get("detail") is None:
            part.odd("missing", "detail")
        return Told()
    if "topicName" not in inner.fields:
        inner.odd("missing", "topicName")
        return Told()
    at = _received_at(inner) or part.instant("time")
    return _read_one(inner, named[1] if named else "", at)


def _read_frame(part: Part, at: Instant | None) -> Told:
    """Read a frame of the notification socket."""
    topic = part.fields.get("topicName")
    if not isinstance(topic, str):
        part.odd("wrong_type", "topicName", "expected text")
        return Told()
    body = part.part("eventBody")
    reason = _reason_to_leave_out(topic, body)
    if reason is not None or body is None:
        if reason is not None:
            part.odd(reason)
        elif part.fields.get("eventBody") is None:
            part.odd("missing", "eventBody")
        return Told()
    if _METRICS.fullmatch(topic):
        return read_metric(body)
    user = _USER.fullmatch(topic)
    if user:
        return read_user_event(body, ends=user[1] == "end")
    return read_snapshot(body, topic, at or _received_at(part))


def _reason_to_leave_out(topic: str, body: Part | None) -> str | None:
    """Return why a frame says nothing about holds; None where it may."""
    if topic.startswith("v2.system."):
        return "system_message"
    if topic == "channel.metadata":
        quiet = body is not None and body.fields.get("message") in _QUIET
        return "heartbeat" if quiet else "system_message"
    if _METRICS.fullmatch(topic) or _USER.fullmatch(topic):
        return None
    if ".conversations" in topic and (body is None or "participants" in body.fields):
        return None
    return "other_topic"


def _received_at(part: Part) -> Instant | None:
    for name in _RECEIVED:
        if name in part.fields:
            return part.instant(name)
    return None
