"""Files that are damaged, strange or hostile: a word with its place, and never a traceback."""

import json
import random
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.adapters.genesys.recorded_data import (
    CONVERSATION,
    CREATED,
    HEARTBEAT,
    Json,
    agent,
    call,
    conversation,
    envelope,
    frame,
    held_once,
    iso,
    lines,
    metric,
    metric_frame,
    nested,
    participant,
    segment,
    session,
    take_in,
    talk,
    user_event,
    write,
    zipped,
)

from hookflash.adapters.genesys.cloud.recorded import reading
from hookflash.adapters.genesys.cloud.recorded.documents import read_document
from hookflash.adapters.genesys.cloud.recorded.findings import REASONS, Finding
from hookflash.adapters.genesys.cloud.recorded.importing import import_recorded
from hookflash.adapters.genesys.cloud.recorded.reading import read_documents
from hookflash.machines.errors import ConfigurationError, MalformedRecord

# --- files that cannot be read at all -------------------------------------------------------------

WHOLE = b'{"conversations":[\n' + lines(held_once()) + b"]}"
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty"),
    "white space": (b" \n\n ", "is empty"),
    "a page cut off": (WHOLE[:900], "$.conversations[0]: is no JSON: parse error: premature EOF"),
    "a page cut off after a conversation": (
        WHOLE[:-2],
        "$.conversations[0]: is no JSON: parse error: premature EOF",
    ),
    "no JSON": (b"<html>tel:+15550100</html>", "is no JSON: lexical error"),
    "not a number": (WHOLE.replace(b"4601", b"NaN"), "is no JSON: lexical error"),
    "UTF-16": ('{"conversations":[]}'.encode("utf-16"), "is not UTF-8"),
    "bytes that are no text": (WHOLE.replace(b"agent", b"\xff\xfe\xff"), "is no JSON"),
    "a packed file cut off": (zipped(WHOLE)[:300], "compressed data are damaged or cut off"),
    "a packed file with damage": (
        zipped(random.Random(1).randbytes(4_000))[:2_000] + b"\0" * 2_100,
        "compressed data are damaged or cut off",
    ),
    "nested deeply": (b'{"conversations":[' + b"[" * 100_000, "is nested deeper than 100"),
    "other data": (b'{"users": []}', "has no Genesys Cloud data in it"),
    "lines of other data": (lines({"a": 1}, {"b": 2}), "has no Genesys Cloud data in it"),
    "a lone number": (b"5", "has no Genesys Cloud data in it"),
    "a text": (b'"conversations"', "has no Genesys Cloud data in it"),
    "lists in lists": (b"[[[1]]]", "has no Genesys Cloud data in it"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read(tmp_path: Path, case: str) -> None:
    """The message names the file and the place in it, and shows nothing of what is in it."""
    content, problem = UNREADABLE[case]
    with pytest.raises(MalformedRecord) as caught:
        take_in(tmp_path, content)
    assert problem in caught.value.message
    assert caught.value.message.startswith(str(tmp_path / "data-1.json"))
    assert "5550100" not in str(caught.value)
    assert not (tmp_path / "recording.jsonl").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Nor is a folder one."""
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(MalformedRecord, match="cannot be read"):
            import_recorded([path], tmp_path / "r.jsonl", created=CREATED)


def test_the_second_file_is_named(tmp_path: Path) -> None:
    """And nothing is written, although the first one was fine."""
    with pytest.raises(MalformedRecord, match=r"data-2\.json: is empty"):
        take_in(tmp_path, held_once(), b"")
    assert not (tmp_path / "recording.jsonl").exists()


@pytest.mark.parametrize("packed", [False, True])
def test_a_document_without_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    """Neither a document nor a line is read beyond its bound, also where it was packed small."""
    monkeypatch.setattr(reading, "DOCUMENT_BYTES_MAX", 2_000_000)
    monkeypatch.setattr(reading, "LINE_BYTES_MAX", 2_000_000)
    page = b'{"conversations":[{"conversationId":"' + b"x" * 9_000_000
    line = lines(HEARTBEAT) + b'{"a":"' + b"x" * 9_000_000
    for content, problem in (
        (page, r"\$\.conversations\[0\]: has more than 2000000 bytes"),
        (line, "line 2: has more than 2000000 bytes"),
    ):
        with pytest.raises(MalformedRecord, match=problem):
            take_in(tmp_path, zipped(content) if packed else content)


# --- files of which some cannot be read -----------------------------------------------------------


def test_lines_that_are_no_json(tmp_path: Path) -> None:
    """They are skipped and named; a last line that was cut off is only noted."""
    content = lines(held_once()) + b"oops tel:+15550100\n\n[1,\n" + b'{"topicName":"chan'
    outcome = take_in(tmp_path, content)
    assert outcome.lengths_ms == [4_601]
    assert outcome.counts == {"not_json": 2, "torn_line": 1}
    assert outcome.places("not_json") == ["data-1.json: line 2", "data-1.json: line 4"]
    assert outcome.places("torn_line") == ["data-1.json: line 5"]
    assert not outcome.imported.flawless
    assert "5550100" not in str(outcome.imported.tally.first)


def test_files_of_several_kinds_in_one(tmp_path: Path) -> None:
    """Each document is told by itself; what is none is skipped with its place."""
    content: list[Any] = [held_once(), frame(participant(), name="c-2"), {"users": []}]
    outcome = take_in(tmp_path, [*content, 5, [1], HEARTBEAT])
    assert outcome.imported.legs == 2
    assert outcome.counts == {"unknown_document": 1, "not_an_object": 2, "heartbeat": 1}
    assert outcome.places("unknown_document") == ["data-1.json: line 3: $"]
    assert outcome.places("not_an_object") == ["data-1.json: line 4: $", "data-1.json: line 5: $"]
    in_a_list = take_in(tmp_path, json.dumps([held_once(), {"users": []}]).encode())
    assert in_a_list.places("unknown_document") == ["data-1.json: $[1]"]
    behind = take_in(tmp_path, b"{\n" + lines(held_once())[1:-1] + b'{"users": []}{"users": []}')
    assert behind.places("unknown_document") == [
        "data-1.json: document 2: $",
        "data-1.json: document 3: $",
    ]


def _changed(change: Any) -> Json:
    """A conversation with one hold, of which *change* changes the agent's session."""
    data = held_once()
    change(data["participants"][1]["sessions"][0])
    return data


def _set(field: str, value: Any) -> Any:
    def change(leg: Json) -> None:
        leg[field] = value

    return change


def _segment(number: int, field: str, value: Any) -> Any:
    def change(leg: Json) -> None:
        leg["segments"][number][field] = value

    return change


ODD: dict[str, tuple[Json, str, str]] = {
    "no session id": (_changed(_set("sessionId", None)), "missing", ".sessions[0].sessionId"),
    "an id that is a number": (_changed(_set("sessionId", 5)), "wrong_type", ".sessionId"),
    "an id that can be dialled": (
        _changed(_set("sessionId", "15550100123")),
        "odd_id",
        ".sessions[0].sessionId",
    ),
    "an id without an end": (_changed(_set("sessionId", "x" * 900)), "odd_id", ".sessionId"),
    "an id with a path": (_changed(_set("sessionId", "../../x")), "odd_id", ".sessionId"),
    "segments that are no list": (_changed(_set("segments", {"a": 1})), "wrong_type", ".segments"),
    "a segment that is no object": (
        _changed(_set("segments", [5])),
        "not_an_object",
        ".segments[0]",
    ),
    "a segment without a start": (
        _changed(_segment(2, "segmentStart", None)),
        "missing",
        ".segments[2].segmentStart",
    ),
    "a segment of no type": (
        _changed(_segment(2, "segmentType", None)),
        "missing",
        ".segments[2].segmentType",
    ),
    "a time without a zone": (
        _changed(_segment(2, "segmentStart", "2026-01-10T13:00:00")),
        "odd_time",
        ".segments[2].segmentStart",
    ),
    "a time that is none": (
        _changed(_segment(2, "segmentEnd", "soon")),
        "odd_time",
        ".segments[2].segmentEnd",
    ),
    "a time of long ago": (
        _changed(_segment(2, "segmentEnd", "0001-01-01T00:00:00Z")),
        "odd_time",
        ".segments[2].segmentEnd",
    ),
    "a time in the far future": (
        _changed(_segment(2, "segmentEnd", "9999-12-31T23:59:59Z")),
        "odd_time",
        ".segments[2].segmentEnd",
    ),
    "a time beyond all times": (
        _changed(_segment(2, "segmentEnd", 10**30)),
        "odd_time",
        ".segments[2].segmentEnd",
    ),
    "a time that is a truth": (
        _changed(_segment(2, "segmentEnd", True)),  # noqa: FBT003 - as JSON has it
        "wrong_type",
        ".segments[2].segmentEnd",
    ),
    "an end before its start": (
        _changed(_segment(2, "segmentEnd", iso(0))),
        "backwards",
        ".segments[2].segmentEnd",
    ),
    "a medium that is a list": (_changed(_set("mediaType", [])), "wrong_type", ".mediaType"),
    "a metric that is a text": (
        _changed(_set("metrics", [metric("tHeld", "4601", 0)])),
        "wrong_type",
        ".metrics[0].value",
    ),
    "a metric that is negative": (
        _changed(_set("metrics", [metric("tHeld", -5, 0)])),
        "odd_number",
        ".metrics[0].value",
    ),
    "a metric with a fraction": (
        _changed(_set("metrics", [metric("tHeld", 1.5, 0)])),
        "odd_number",
        ".metrics[0].value",
    ),
    "a metric beyond all numbers": (
        _changed(_set("metrics", [metric("tHeld", 10**400, 0)])),
        "odd_number",
        ".metrics[0].value",
    ),
    "a metric without a value": (
        _changed(_set("metrics", [{"name": "tHeld"}])),
        "missing",
        ".metrics[0].value",
    ),
    "a metric without a name": (_changed(_set("metrics", [{}])), "missing", ".metrics[0].name"),
    "no conversation id": (held_once(conversationId=None), "missing", "$.conversationId"),
    "a participant of no purpose": (
        conversation({"participantId": "p", "sessions": []}),
        "missing",
        ".purpose",
    ),
    "participants that are a text": (held_once(participants="x"), "wrong_type", "$.participants"),
    "a body that is a list": (
        {"topicName": "v2.users.x.conversations.calls", "eventBody": []},
        "not_an_object",
        "$.eventBody",
    ),
    "no body": ({"topicName": "v2.users.x.conversations.calls"}, "missing", "$.eventBody"),
    "a topic that is a number": ({"topicName": 5}, "wrong_type", "$.topicName"),
    "a frame without a time": (
        frame({"id": "p", "purpose": "agent", "state": "connected"}),
        "missing",
        "$",
    ),
    "a snapshot without an id": (frame(participant(), name=""), "odd_id", "$.eventBody.id"),
    "a flag that is a number": (frame(participant(held=3)), "wrong_type", ".held"),  # type: ignore[arg-type]
    "a state of no kind": (frame(participant("quantum")), "unknown_state", ".state"),
    "a call without an id": (
        nested(call(id=None, segments=[]), id=None),
        "missing",
        "participants[0].id",
    ),
    "a metric event without a session": (
        metric_frame("tHeld", 5, 5, sessionId=None),
        "missing",
        ".sessionId",
    ),
    "a metric event without a date": (
        metric_frame("tHeld", 5, 5, metricDate=None),
        "missing",
        ".metricDate",
    ),
    "an event without a session": (
        user_event("end", 5, sessionId=None),
        "missing",
        "$.eventBody.sessionId",
    ),
    "a metric of a customer": (
        metric_frame("tHeld", 5, 5, purpose="customer"),
        "other_participant",
        "$.eventBody",
    ),
    "a metric of no name": (metric_frame("", 5, 5, metric=None), "missing", ".metric"),
    "something else in a page": (
        {"conversations": [{"a": 1}]},
        "unknown_document",
        "$.conversations[0]",
    ),
    "no id of a snapshot": ({"id": None, "participants": []}, "missing", "$.id"),
    "an event without a time": (user_event("end", 5, eventTime=None), "missing", ".eventTime"),
    "an envelope with nothing in it": ({"detail-type": "x", "source": 5}, "missing", "$.detail"),
    "an envelope around an envelope": (
        envelope(envelope(HEARTBEAT, 1), 1),
        "missing",
        "$.detail.topicName",
    ),
    "an envelope around a list": ({"detail-type": "x", "detail": [1]}, "not_an_object", "$.detail"),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("case", ODD)
def test_something_odd_in_a_document(tmp_path: Path, case: str, *, streamed: bool) -> None:
    """It is skipped by its name, with the file and the JSON path, whichever library read it."""
    document, reason, path = ODD[case]
    content = json.dumps([document]).encode() if streamed else lines(document)
    outcome = take_in(tmp_path, content)
    # Where orjson cannot hold a number, the file is no JSON Lines, and ijson reads it.
    place = "data-1.json: $[0]" if streamed else ("data-1.json: line 1: $", "data-1.json: $")
    found = [one for one in outcome.places(reason) if one.startswith(place)]
    assert [one for one in found if one.endswith(path.removeprefix("$"))], outcome.imported.tally


def test_a_number_that_would_fill_the_memory(tmp_path: Path) -> None:
    """Ijson reads it as a Decimal; the whole number that it stands for is never made."""
    content = json.dumps([held_once()]).replace("4601", "1e999999999").encode()
    outcome = take_in(tmp_path, content)
    assert outcome.counts["odd_number"] == 2


def test_too_much_of_one_thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bound is said where it is met."""
    package = "hookflash.adapters.genesys.cloud.recorded"
    for name, bound in (
        ("legs.LEGS_MAX", 2),
        ("legs.METRICS_MAX", 3),
        ("legs.SIGHTINGS_MAX", 2),
        ("fields.PARTS_MAX", 9),
    ):
        monkeypatch.setattr(f"{package}.{name}", bound)
    turns = talk(("interact", 1_000), ("hold", 2_000), ("interact", 1_000))
    many = [session(turns, name=f"s-{number}", metrics=[]) for number in range(3)]
    outcome = take_in(tmp_path, conversation(agent(*many)))
    assert outcome.words("too_many") == ["2 legs of a conversation"]
    outcome = take_in(tmp_path, held_once())
    assert outcome.words("too_many") == ["3 metrics of one leg"]
    flips = [frame(participant(held=bool(number % 2))) for number in range(5)]
    outcome = take_in(tmp_path, flips)
    assert outcome.words("too_many") == ["2 changes of one leg"] * 2
    segments = [segment("interact", number, number + 1) for number in range(12)]
    outcome = take_in(tmp_path, conversation(agent(session(segments, metrics=[]))))
    assert outcome.words("too_many") == ["12 elements; 9 are looked at"]


def test_no_room_for_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder for temporary files is named; nothing is left behind."""

    def connect(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(ConfigurationError, match=r"database or disk is full .*TMPDIR"):
        take_in(tmp_path, held_once())
    assert [path.name for path in tmp_path.iterdir()] == ["data-1.json"]


# --- whatever it is -------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)  # beyond these orjson rounds, and ijson does not
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([iso(0), iso(9_999), "agent", "hold", "voice", "connected", "tHeld"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
DOCUMENTS = (
    held_once(),
    frame(participant(held=True, startHoldTime=iso(5))),
    nested(call(segments=[{"type": "Hold", "startTime": iso(5)}])),
    metric_frame("tHeld", 5, 900),
    user_event("end", 900, heldDurationMs=5),
    envelope(user_event("start", 1), 1),
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places in a JSON value."""
    inner: list[tuple[Any, ...]] = [at]
    keys: Any = value if value.__class__ is dict else ()
    for key in range(len(value)) if value.__class__ is list else keys:
        inner += _places(value[key], (*at, key))
    return inner


@st.composite
def broken(draw: st.DrawFn) -> Any:
    """A document of which some values were replaced by others, or taken away."""
    whole: Any = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTS))))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(whole)[1:]
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        parent: Any = whole
        for step in way:
            parent = parent[step]
        if draw(st.booleans()):
            parent[last] = draw(JSON)
        elif parent.__class__ is dict:
            del parent[last]
    return whole


@given(st.lists(broken() | JSON, min_size=1, max_size=4))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_document_makes_an_import_fail(tmp_path: Path, documents: list[Any]) -> None:
    """Whatever stands in it, it becomes a recording that can be read, or a word about it."""
    outcome = take_in(tmp_path, [HEARTBEAT, *documents])
    times = [record.event.at for record in outcome.records]
    assert times == sorted(times)
    assert set(outcome.imported.tally.counts) <= set(REASONS)


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_reading_any_json_never_raises(value: Any) -> None:
    """What is no document is said to be none."""
    findings: list[Finding] = []
    told = list(read_document(value, "file", "$", findings))
    assert told or findings


@given(st.binary(max_size=300))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """Nothing but the error that names the file comes out."""
    (path,) = write(tmp_path, content)
    try:
        list(read_documents(path, []))
    except MalformedRecord as error:
        named = error.message
    else:
        named = str(path)
    assert str(path) in named


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_both_libraries_read_the_same(tmp_path: Path, data: st.DataObject) -> None:
    """A document means the same as a line and as an element of a list."""
    documents = data.draw(
        st.lists(st.dictionaries(st.text(max_size=5), JSON), min_size=1, max_size=3)
    )
    whole = {"a": documents}
    as_lines, as_list = write(
        tmp_path, lines(*documents, whole), json.dumps([*documents, whole]).encode()
    )
    read = [[value for _, _, value in read_documents(path, [])] for path in (as_lines, as_list)]
    assert read[0] == json.loads(json.dumps(read[1], default=float))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A list of many conversations is read one by one."""

    def peak(count: int) -> int:
        many = (held_once(name=f"{CONVERSATION[:-6]}{number:06d}") for number in range(count))
        content = (
            b'{"conversations":[' + b",".join(json.dumps(one).encode() for one in many) + b"]}"
        )
        (path,) = write(tmp_path, content)
        del content
        tracemalloc.start()
        for _ in read_documents(path, []):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(1_500) < peak(600) + 1_000_000
