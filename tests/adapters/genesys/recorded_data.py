"""Genesys Cloud data as the platform writes them, made for tests: names and numbers are made up.

Times are milliseconds after `BASE_MS`; a leg of analytics gets the metrics that its segments make.
"""

import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from hookflash.adapters.genesys.cloud.recorded.importing import VOICE, Imported, import_recorded
from hookflash.adapters.journal.recording import read_entries
from hookflash.engine.ledger import LedgerHold, holds_of
from hookflash.machines.instants import Instant
from hookflash.machines.records import Record

Json = dict[str, Any]

BASE_MS = 1_768_050_000_000
"""2026-01-10T13:00:00Z."""

CREATED = Instant(1_793_613_600_000_000)
QUEUE = "67ce2258-93b4-4bd6-8ad6-4f9a2a1f7a11"
USER = "5f6fe78e-dfbb-400f-a70b-d9b5c8340fdc"
ORG = "0f8fad5b-d9cb-469f-a165-70867728950e"
CONVERSATION = "be9d3155-c3b6-4a6c-8ff1-5c48b4585135"
PARTICIPANT = "c3e76598-0000-4000-8000-000000000001"
SESSION = "5e551011-0000-4000-8000-000000000001"
LEG = f"{CONVERSATION}/{SESSION}"


def at(ms: int) -> Instant:
    """The instant *ms* after the base."""
    return Instant((BASE_MS + ms) * 1000)


def iso(ms: int) -> str:
    """The same as the platform writes it."""
    whole, rest = divmod(BASE_MS + ms, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


# --- analytics ------------------------------------------------------------------------------------


def segment(kind: str, start: int, end: int | None, **fields: Any) -> Json:
    """A segment; without an end where it goes on."""
    ends = {} if end is None else {"segmentEnd": iso(end)}
    return {
        "segmentType": kind,
        "segmentStart": iso(start),
        **ends,
        "queueId": QUEUE,
        "conference": False,
        **fields,
    }


def metric(name: str, value: Any, date: int) -> Json:
    """A metric of a session."""
    return {"name": name, "value": value, "emitDate": iso(date)}


def talk(*turns: tuple[str, int], start: int = 0, wrapup: int = 1_000) -> list[Json]:
    """Segments that follow on each other: an alert, then the turns, then a wrap-up.

    Args:
        turns: Kinds with their lengths in milliseconds; the last one is disconnected.
        start: When the alert begins; it takes 500 ms.
        wrapup: The length of the wrap-up; 0 for none.
    """
    made, now = [segment("alert", start, start + 500)], start + 500
    for number, (kind, length) in enumerate(turns):
        last = number == len(turns) - 1
        made.append(
            segment(kind, now, now + length, **({"disconnectType": "peer"} if last else {}))
        )
        now += length
    if wrapup:
        made.append(segment("wrapup", now, now + wrapup))
    return made


def _ms_of(text: str) -> int:
    return round((datetime.fromisoformat(text).timestamp() * 1000) - BASE_MS)


def metrics_of(segments: Iterable[Json]) -> list[Json]:
    """The metrics that the platform makes of whole segments; the rules are those measured."""
    sums = {"interact": 0, "hold": 0, "wrapup": 0, "dialing": 0, "contacting": 0}
    made: list[Json] = []
    end = 0
    for one in segments:
        start, until = _ms_of(one["segmentStart"]), _ms_of(one["segmentEnd"])
        kind, end = one["segmentType"], max(end, until)
        if kind in sums:
            sums[kind] += until - start
        if kind in {"interact", "hold"}:
            made.append(metric({"interact": "tTalk", "hold": "tHeld"}[kind], until - start, until))
    made.append(metric("tTalkComplete", sums["interact"], end))
    if sums["hold"]:
        made.append(metric("tHeldComplete", sums["hold"], end))
    for kind, name in (("wrapup", "tAcw"), ("dialing", "tDialing"), ("contacting", "tContacting")):
        if sums[kind]:
            made.append(metric(name, sums[kind], end))
    made.append(metric("tHandle", sum(sums.values()), end))
    return made


def session(
    segments: Sequence[Json],
    *,
    name: str = SESSION,
    metrics: Sequence[Json] | None = None,
    **fields: Any,
) -> Json:
    """A session of an agent; with the metrics of its segments unless others are given."""
    return {
        "sessionId": name,
        "mediaType": "voice",
        "direction": "inbound",
        "provider": "Edge",
        "ani": "tel:+15550100",
        "metrics": metrics_of(segments) if metrics is None else list(metrics),
        "segments": list(segments),
        **fields,
    }


def agent(*sessions: Json, name: str = PARTICIPANT, **fields: Any) -> Json:
    """An agent."""
    return {
        "participantId": name,
        "purpose": "agent",
        "userId": USER,
        "sessions": list(sessions),
        **fields,
    }


def customer() -> Json:
    """A customer, with the name and number that must not get anywhere."""
    return {
        "participantId": "25a4edc4-0000-4000-8000-000000000001",
        "participantName": "Jane Caller",
        "purpose": "customer",
        "sessions": [
            {
                "sessionId": "25a4edc4-0000-4000-8000-000000000002",
                "mediaType": "voice",
                "ani": "tel:+15550100",
                "remote": "Jane Caller",
                "metrics": [metric("nConnected", 1, 0)],
                "segments": [segment("interact", 0, 60_000, disconnectType="peer")],
            }
        ],
    }


def conversation(
    *participants: Json, name: str = CONVERSATION, end: int | None = 3_600_000, **fields: Any
) -> Json:
    """A conversation of analytics; without an end where it goes on."""
    ends = {} if end is None else {"conversationEnd": iso(end)}
    return {
        "conversationId": name,
        "conversationStart": iso(0),
        **ends,
        "originatingDirection": "inbound",
        "divisionIds": ["88add5f6-f6bd-4a67-a417-40bd29b2e81d"],
        "participants": [customer(), *participants],
        **fields,
    }


def held_once(**fields: Any) -> Json:
    """A conversation with one hold of 4,601 ms."""
    turns = talk(("interact", 10_000), ("hold", 4_601), ("interact", 5_000))
    return conversation(agent(session(turns)), **fields)


# --- notifications and EventBridge ----------------------------------------------------------------


def participant(state: str = "connected", *, held: bool = False, **fields: Any) -> Json:
    """An agent as topics of one medium have him."""
    return {
        "id": PARTICIPANT,
        "purpose": "agent",
        "state": state,
        "held": held,
        "startTime": iso(0),
        "connectedTime": iso(1_000),
        "user": {"id": USER},
        "queue": {"id": QUEUE},
        "name": "Joe Agent",
        "ani": "sip:+15550100@example.com",
        "recordingState": "paused",
        **fields,
    }


def frame(
    *participants: Json, topic: str = "calls", name: str = CONVERSATION, **fields: Any
) -> Json:
    """A frame of a topic of one medium."""
    caller = {
        "id": "25a4edc4-0000-4000-8000-000000000001",
        "purpose": "customer",
        "state": "connected",
        "held": False,
        "name": "Jane Caller",
        "address": "tel:+15550100",
    }
    return {
        "topicName": f"v2.users.{USER}.conversations.{topic}",
        "version": "2",
        "eventBody": {"id": name, "participants": [caller, *participants], "divisions": []},
        "metadata": {"CorrelationId": "2074b130-f0a0-4722-9063-cdbac74c0aee"},
        **fields,
    }


def nested(*calls: Json, media: str = "calls", **fields: Any) -> Json:
    """A frame of the topic of all media."""
    empty: dict[str, list[Json]] = {"calls": [], "callbacks": [], "emails": [], "messages": []}
    person = {
        "id": PARTICIPANT,
        "purpose": "agent",
        "userId": USER,
        "queueId": QUEUE,
        "connectedTime": iso(1_000),
        **empty,
        media: list(calls),
        **fields,
    }
    return {
        "topicName": f"v2.users.{USER}.conversations",
        "version": "2",
        "eventBody": {"id": CONVERSATION, "participants": [person]},
    }


def call(state: str = "connected", *, held: bool = False, **fields: Any) -> Json:
    """A communication in such a frame."""
    return {
        "id": SESSION,
        "state": state,
        "held": held,
        "connectedTime": iso(1_000),
        "muted": False,
        "self": {"addressNormalized": "+15550100"},
        **fields,
    }


def metric_frame(name: str, value: Any, date: int, **fields: Any) -> Json:
    """A frame of a metric."""
    return {
        "topicName": f"v2.analytics.conversation.{CONVERSATION}.metrics",
        "version": "2",
        "eventBody": {
            "metric": name,
            "value": value,
            "metricDate": iso(date),
            "recordId": f"{name}-{date}",
            "conversationId": CONVERSATION,
            "sessionId": SESSION,
            "purpose": "agent",
            "mediaType": "voice",
            "userId": USER,
            "queueId": QUEUE,
            "ani": "tel:+15550100",
            **fields,
        },
    }


def user_event(kind: str, date: int, **fields: Any) -> Json:
    """A frame of the beginning or end of an agent's leg; its times are numbers."""
    return {
        "topicName": f"v2.detail.events.conversation.{CONVERSATION}.user.{kind}",
        "version": "2",
        "eventBody": {
            "eventTime": BASE_MS + date,
            "conversationId": CONVERSATION,
            "participantId": PARTICIPANT,
            "sessionId": SESSION,
            "mediaType": "VOICE",
            "direction": "INBOUND",
            "userId": USER,
            "queueId": QUEUE,
            **fields,
        },
    }


def envelope(detail: Json, time: int) -> Json:
    """An envelope of EventBridge around a frame."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "v2.detail.events.conversation.{id}.user.end",
        "source": f"aws.partner/genesys.com/cloud/{ORG}/holds",
        "account": "111122223333",
        "time": iso(time)[:19] + "Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


HEARTBEAT: Json = {
    "topicName": "channel.metadata",
    "eventBody": {"message": "WebSocket Heartbeat"},
}


# --- files and what became of them ----------------------------------------------------------------


@frozen
class Outcome:
    """What an import did, and what is in the recording."""

    imported: Imported
    records: list[Record]
    holds: list[LedgerHold]

    @property
    def lengths_ms(self) -> list[float | None]:
        """The lengths of the holds, in the order of their starts."""
        by_start = sorted(self.holds, key=lambda hold: hold.since or 0)
        return [None if hold.held_us is None else hold.held_us / 1000 for hold in by_start]

    @property
    def counts(self) -> dict[str, int]:
        """What there is to say, by reason, without the participants that are no agents."""
        counted = dict(self.imported.tally.counts)
        counted.pop("other_participant", None)
        return counted

    @property
    def told(self) -> list[tuple[str, str]]:
        """The events, as name and what was so."""
        return [(type(one.event).__name__, one.target) for one in self.records]

    def words(self, reason: str) -> list[str]:
        """The words of the findings of a reason."""
        return [finding.words for finding in self.imported.tally.first.get(reason, [])]

    def places(self, reason: str) -> list[str]:
        """The places of the findings of a reason, without the folder."""
        found = self.imported.tally.first.get(reason, [])
        return [
            finding.place.rpartition("/")[2] if "/" in finding.place else finding.place
            for finding in found
        ]


def lines(*documents: Any) -> bytes:
    """JSON Lines."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


def write(folder: Path, *contents: Any) -> list[Path]:
    """Write files: bytes as they are, lists as JSON Lines, anything else as JSON."""
    paths: list[Path] = []
    for number, content in enumerate(contents, 1):
        path = folder / f"data-{number}.json"
        if isinstance(content, list):
            path.write_bytes(lines(*content))  # pyright: ignore[reportUnknownArgumentType]
        else:
            path.write_bytes(
                content if isinstance(content, bytes) else json.dumps(content).encode()
            )
        paths.append(path)
    return paths


def take_in(folder: Path, *contents: Any, **options: Any) -> Outcome:
    """Import the contents of files; return what came of it."""
    target = folder / "recording.jsonl"
    given: dict[str, Any] = {"created": CREATED, "media": VOICE, **options}
    imported = import_recorded(write(folder, *contents), target, **given)
    entries = list(read_entries(target, None))
    records = [entry for entry in entries if isinstance(entry, Record)]
    return Outcome(imported, records, list(holds_of(entries)))


def zipped(content: bytes) -> bytes:
    """Compressed with gzip."""
    return gzip.compress(content)
