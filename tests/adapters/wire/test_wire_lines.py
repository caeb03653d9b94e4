"""The lines of wire recordings: written, read, refused; and what is kept of messages."""

import json
from pathlib import Path
from typing import Any, get_args

import attrs
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.docs.blocks import ROOT

from hookflash.adapters.wire.entries import (
    CLASSES,
    KINDS,
    CommandGiven,
    Garbage,
    Known,
    Sent,
    WireHeader,
)
from hookflash.adapters.wire.lines import (
    fields_of,
    read_header,
    read_line,
    write_header,
    write_line,
)
from hookflash.adapters.wire.placeholders import placeholder, restored
from hookflash.adapters.wire.reading import is_wire, read_wire
from hookflash.adapters.wire.redaction import REST, Redactor, keep_retry_after
from hookflash.adapters.wire.schema import wire_schema, wire_schema_text
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.instants import Instant
from hookflash.machines.lines import dump_line

AT = Instant(1_768_050_000_000_000)
ID = "11111111-1111-4111-8111-111111111111"
SESSION = Path(__file__).parent / "sessions" / "agents.jsonl"
SCHEMA: Any = jsonschema.Draft202012Validator(wire_schema())


def instance(cls: type[Any], *, full: bool) -> Any:
    """Return one with all its fields, or with those it needs."""
    given: dict[str, Any] = {}
    for one in attrs.fields(cls):
        if not full and one.default is not attrs.NOTHING:
            continue
        given[one.name] = example(one.name, one.type)
    return cls(**given)


def example(name: str, annotation: Any) -> Any:
    literal = next(iter(get_args(annotation)), None)
    values: dict[Any, Any] = {
        "at": AT,
        "requested_at": AT,
        "interaction": {"id": ID} if annotation == dict[str, Any] else ID,
        "frame": {"correlationId": ID},
        "body": {"id": ID},
        "garbage": None,
        "music": "?text 8",
        "prompt": "?text 8",
        "force": True,
        "priority": 4,
    }
    if name in values:
        return values[name]
    if isinstance(literal, str):
        return literal
    return 3 if annotation in {int, int | None} else "word"


@pytest.mark.parametrize("full", [True, False], ids=["full", "least"])
@pytest.mark.parametrize("kind", CLASSES)
def test_every_line_comes_back_and_fits_the_schema(kind: str, full: bool) -> None:  # noqa: FBT001 - a parameter
    """As it was written, whatever it says."""
    entry = instance(CLASSES[kind], full=full)
    line = write_line(7, KINDS[type(entry)], entry.at, fields_of(entry))
    assert read_line(line, 7, "x") == entry
    SCHEMA.validate(json.loads(line))


def test_the_shipped_schema_is_that_of_the_classes() -> None:
    """And recorded sessions fit it, line by line."""
    shipped = (ROOT / "specs" / "wire.schema.json").read_text("utf-8")
    assert shipped == wire_schema_text()
    for path in SESSION.parent.glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            SCHEMA.validate(json.loads(line))


def test_garbage_comes_back() -> None:
    """What it was and how long."""
    entry = Sent(AT, 1, None, Garbage("not_json", 17))
    line = write_line(1, "sent", AT, fields_of(entry))
    assert b'"garbage":{"is":"not_json","length":17}' in line
    assert read_line(line, 1, "x") == entry


HEADER = WireHeader("client", "localhost:8443", AT, 65_536, ("queueing",), {}, {}, "ab")


def test_the_header_comes_back() -> None:
    """As it was written."""
    assert read_header(write_header(HEADER), "x") == HEADER


def sent_line(**changes: Any) -> bytes:
    raw: dict[str, Any] = {"n": 1, "kind": "sent", "at": "2026-01-10T13:00:00.000000Z", "conn": 1}
    raw |= {"frame": {}} | changes
    return dump_line({key: one for key, one in raw.items() if one != "gone"}, "x")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (sent_line(n=2), "expected 1, got 2: lines are missing, repeated or swapped"),
        (sent_line(n="1"), r"\$.n: expected a whole number"),
        (sent_line(kind="nonsense"), "unknown kind 'nonsense'"),
        (sent_line(kind=3), "unknown kind '3'"),
        (sent_line(conn=-1), r"\$.conn: expected a whole number"),
        (sent_line(conn=True), r"\$.conn: expected a whole number"),
        (sent_line(frame=[]), r"\$.frame: expected an object"),
        (sent_line(garbage={"is": "x", "length": 1}), r"\$.garbage: expected `is`"),
        (sent_line(garbage={"is": "long"}), r"\$.garbage: expected `is`"),
        (sent_line(unknown=1), "unknown"),
        (sent_line(at="gone"), "at"),
        (sent_line(at="yesterday"), "at"),
        (b"[]\n", "line"),
        (b"{\n", "line"),
        (sent_line().replace(b'"conn":1', b'"conn":2'), "was changed"),
        (sent_line(kind="known", frame="gone", conn="gone", interaction="x"), r"\$.interaction"),
        (
            write_line(1, "command", AT, fields_of(instance(CommandGiven, full=True))).replace(
                b"?text 8", b"+49 30 "
            ),
            "was changed",
        ),
    ],
)
def test_what_is_no_line_is_refused(line: bytes, problem: str) -> None:
    """With the place of it in the file and in the line."""
    with pytest.raises(MalformedRecord, match=problem) as caught:
        read_line(line, 1, "day.jsonl: line 2")
    assert "line 2" in caught.value.message


def test_texts_that_were_to_be_placeholders_are_refused() -> None:
    """Nobody puts a prompt into a recording by hand."""
    raw = fields_of(instance(CommandGiven, full=True)) | {"prompt": "call +49 30 901820"}
    line = write_line(1, "command", AT, raw)
    with pytest.raises(MalformedRecord, match=r"\$.prompt: expected a placeholder"):
        read_line(line, 1, "x")
    assert Known in CLASSES.values()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kind": "recording"}, "this is no wire recording"),
        ({"format": 2}, "it was made by a later version"),
        ({"format": True}, "it was made by a later version"),
        ({"protocol": "morse"}, "expected 'interaction'"),
        ({"side": "middle"}, "side"),
        ({"created": None}, "created"),
    ],
)
def test_what_is_no_header_is_refused(changes: dict[str, Any], problem: str) -> None:
    """A later format and another kind are told apart from damage."""
    raw = json.loads(write_header(HEADER)) | changes
    raw.pop("sum")
    with pytest.raises(MalformedRecord, match=problem):
        read_header(dump_line(raw, "x"), "line 1")


# --- files ----------------------------------------------------------------------------------------


def test_what_is_missing_in_a_file_is_noted(tmp_path: Path) -> None:
    """Cut off in a line, or between two; a file without an end is one that was cut off."""
    lines = SESSION.read_bytes().splitlines(keepends=True)
    path = tmp_path / "day.jsonl"
    path.write_bytes(b"".join(lines[:-1]))
    cut = read_wire(path)
    assert not cut.whole
    assert "is the last one, and no end" in cut.notes[0]
    path.write_bytes(b"".join(lines[:5]) + lines[5][:20])
    torn = read_wire(path)
    assert len(torn.entries) == 4
    assert "line 6: is cut off in its middle" in torn.notes[0]
    for kind, fields, note in (
        ("stopped", {"reason": "size"}, "the file had its size"),
        ("stopped", {"reason": "disk"}, "the disk took no more"),
        ("end", {"dropped": 3}, "3 lines are missing"),
    ):
        path.write_bytes(lines[0] + write_line(1, kind, AT, fields))
        assert note in read_wire(path).notes[0]
    assert read_wire(SESSION).whole


def test_files_that_are_none(tmp_path: Path) -> None:
    """Missing, empty, of another kind, damaged, gone on with after its end, or endless lines."""
    path = tmp_path / "day.jsonl"
    assert not is_wire(path)
    with pytest.raises(MalformedRecord, match="cannot be read"):
        read_wire(path)
    for content, problem in (
        (b"", "the file is empty"),
        (b"text\n", "line 1"),
        (SESSION.read_bytes() + SESSION.read_bytes()[-100:], "stands after the line that says"),
        (SESSION.read_bytes()[:400] + b"x" * 2_000_000, "line"),
    ):
        path.write_bytes(content)
        with pytest.raises(MalformedRecord, match=problem):
            read_wire(path)
    assert not is_wire(path) or path.stat().st_size
    assert is_wire(SESSION)


# --- what is kept ---------------------------------------------------------------------------------

CANARIES = (
    "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0",
    "+49 171 555 01 23",
    "0049-30-901820",
    "Tr0ub4dor&3",
    "someone@example.com",
)
NUMBER = 491_715_550_123
FIELDS = (
    *("body", "state", "type", "message", "code", "id", "interactionId", "holdReason", "heldSince"),
    *("routingData", "skillGroup", "orgId", "scope", "access_token", "correlationId", "priority"),
    *("holdPrompt", "retryAfter"),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(CANARIES)
    | st.just(NUMBER)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from((*CANARIES, *FIELDS)),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def secretive() -> Redactor:
    redactor = Redactor(("queueing",))
    for canary in CANARIES:
        redactor.keep_out(canary)
    return redactor


def assert_clean(kept: object) -> None:
    text = json.dumps(kept)
    for canary in (*CANARIES, str(NUMBER)):
        assert canary not in text
    assert "5550123" not in text


@given(JSON)
def test_nothing_of_any_message_is_kept_but_what_is_known(message: Any) -> None:
    """Wherever a gateway puts a secret: values, names, inner objects."""
    text = json.dumps(message)
    redactor = secretive()
    assert_clean(redactor.frame(text))
    for to, status in (("token", 200), ("token", 401), ("lookup", 200), ("lookup", 404)):
        assert_clean(redactor.body(to, status, text.encode()))


@given(JSON)
def test_what_is_put_in_place_of_a_placeholder_has_that_placeholder(value: Any) -> None:
    """So that recording a replay of a recording says the same."""
    shown = placeholder(value)
    assert placeholder(restored(shown)) == shown
    assert restored({"x": [shown]}) == {"x": [restored(shown)]}


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("no JSON +49 30 901820", {"garbage": {"is": "not_json", "length": 21}}),
        (b"\xff\xfe", {"garbage": {"is": "binary", "length": 2}}),
        ("[1]", {"garbage": {"is": "not_object", "length": 3}}),
        ("x" * 70_000, {"garbage": {"is": "long", "length": 70_000}}),
        ('{"a":"\\ud800"}', {"garbage": {"is": "not_json", "length": 14}}),
        (
            json.dumps({"correlationId": ID, "body": {"type": "hold", "holdReason": "queueing"}}),
            {"frame": {"correlationId": ID, "body": {"type": "hold", "holdReason": "queueing"}}},
        ),
        (
            json.dumps({"type": "call me", "state": "held", "secret": [1]}),
            {"frame": {"type": "?text 8", "state": "held", REST: "?object 16"}},
        ),
        (
            json.dumps({"body": {"code": "429", "retryAfter": 2.5004, "priority": 10_000_000}}),
            {"frame": {"body": {"code": "429", "retryAfter": 2.5, "priority": "?number 8"}}},
        ),
        (
            json.dumps({"heldSince": "2026-01-10T14:00:00.5+01:00", "body": 7}),
            {"frame": {"heldSince": "2026-01-10T13:00:00.500000Z", "body": "?number 1"}},
        ),
        (json.dumps({"heldSince": "2026-99-10T14:00:00Z"}), {"frame": {"heldSince": "?text 32"}}),
    ],
)
def test_what_is_kept_of_messages(message: str | bytes, kept: dict[str, Any]) -> None:
    """Known words, ids, times and small numbers; of everything else what it was."""
    assert Redactor(("queueing",)).frame(message) == kept


def test_what_is_kept_of_answers() -> None:
    """Tokens never, ids of organisation and skill group unless they look like something else."""
    redactor = secretive()
    assert redactor.body("token", 200, b"") == {}
    token = {"access_token": "abc", "scope": "interaction:read profile", "expires_in": 3600}
    assert redactor.body("token", 200, json.dumps(token).encode())["body"] == {
        "access_token": "?text 4",
        "scope": "interaction:read ?",
        "expires_in": 3600,
    }
    for org, shown in (
        ("org-1", "org-1"),
        ("Tr0ub4do", "?text 8"),
        ("0049-171-5550123", "?text 16"),
        (ID, ID),
        (5, "?number 1"),
    ):
        found = redactor.body("lookup", 200, json.dumps({"routingData": {"orgId": org}}).encode())
        assert found["body"] == {"routingData": {"orgId": shown}}
    scopes = json.dumps({"scope": " ".join(["x"] * 9)}).encode()
    assert redactor.body("token", 200, scopes)["body"] == {"scope": "?"}
    assert redactor.body("token", 200, b'{"scope":3}')["body"] == {"scope": "?number 1"}
    assert redactor.body("lookup", 200, b"x" * 70_000)["garbage"]["is"] == "long"
    assert keep_retry_after(" 12 ") == "12"
    assert keep_retry_after("Sat, 10 Jan 2026 13:00:00 GMT").startswith("Sat")
    assert keep_retry_after("call +49 30 901820") == "?text 32"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        ("", "?text 0"),
        ("x" * 33, "?text 64"),
        (0, "?number 1"),
        (-1234.5, "?number -4"),
        (float("inf"), "?number 18"),
        (10**30, "?number 18"),
        ([1, 2, 3], "?list 4"),
        ({}, "?object 2"),
        ({"a": 10**30}, "?object 0"),
    ],
)
def test_placeholders_tell_type_and_size(value: Any, shown: Any) -> None:
    """And nothing else."""
    assert placeholder(value) == shown
    if shown != "?object 0":
        assert placeholder(restored(shown)) == shown
