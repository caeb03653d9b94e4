"""What rules leave behind, in lines: what is wrong is named, and no secret is written."""

import json
import re
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.ruled import (
    ACTION_ID,
    ASIDES,
    ASKED,
    AT,
    CHANGE,
    DONE,
    ID,
    KEPT,
    MEMORIES,
    MEMORY,
    PLANNED,
    PLANS,
    RULING,
    RULINGS,
    STATES,
    TRACE,
    redacted,
)

from hookflash.adapters.specifications import load_machine
from hookflash.machines import events
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.hold_data import HoldData
from hookflash.machines.interaction import Interaction
from hookflash.machines.lines import LINE_BYTES_MAX
from hookflash.machines.records import (
    Aside,
    InteractionState,
    Record,
    RulesAsked,
    RulesChange,
)
from hookflash.machines.rule_lines import decode_aside, decode_rules_change, encode_aside
from hookflash.machines.rules.actions import (
    AnnotateAction,
    CallAction,
    ExpireAction,
    ExtendLimitAction,
    HoldAction,
    NotifyAction,
    UnholdAction,
)
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory, Wait
from hookflash.machines.rules.ruling import PlannedAction, RuleState, Ruling, carried_out, ruled
from hookflash.machines.rules.trace import ActionTrace, ClauseTrace, RuleTrace, Trace
from hookflash.machines.rules.written import as_read, as_written, without_secrets

CODEC = RecordCodec(load_machine("hold"))
RECORD = Record(7, ID, events.LinkLost(AT), "held", "held", (), rules=RULING)
STATE = InteractionState(7, Interaction(ID, "active", HoldData(AT), rules=KEPT))


def from_file(written: Any) -> Any:
    """What a reader gets of something that was written."""
    return orjson.loads(orjson.dumps(written))


# --- there and back -------------------------------------------------------------------------------


@given(RULINGS)
@settings(max_examples=100, deadline=None)
def test_every_ruling_comes_back(ruling: Ruling) -> None:
    """But for what looks like a secret; and what is written once is written so again."""
    written = from_file(ruling.to_json())

    found = Ruling.from_json(written)
    assert found == redacted(ruling)
    assert from_file(found.to_json()) == written


@given(STATES)
@settings(max_examples=50, deadline=None)
def test_every_state_of_rules_comes_back(state: RuleState) -> None:
    """The same of what is kept of an interaction."""
    assert RuleState.from_json(from_file(state.to_json())) == redacted(state)


def test_under_which_rules_it_stands_comes_back() -> None:
    """The digest as it is, whatever its digits look like; the organisation without secrets."""
    digest = "1234567890" * 6 + "abcd"
    found = RuleState.from_json(from_file(RuleState(under=digest, org="+49 30 1234567").to_json()))
    assert (found.under, found.org) == (digest, "[number]")
    assert {"memory": {}} == RuleState().to_json()


def test_it_stands_under_the_rules_that_it_was_carried_over_to() -> None:
    """Other rules count for it from the event on that says so; the organisation told last stays."""
    link_lost = events.LinkLost(AT)
    state = ruled(None, link_lost, Ruling(NO_MEMORY, org="o"), final=False, under="first")
    assert state is not None
    assert (state.under, state.org) == ("first", "o")
    state = ruled(state, link_lost, Ruling(NO_MEMORY), final=False, under="second")
    assert state is not None
    assert (state.under, state.org) == ("first", "o")
    loaded = RuleEvent(AT, "rules_loaded", "held", "held")
    state = ruled(state, loaded, Ruling(NO_MEMORY, org="p"), final=False, under="second")
    assert state is not None
    assert (state.under, state.org) == ("second", "p")


@given(MEMORIES)
@settings(max_examples=50, deadline=None)
def test_every_memory_comes_back_by_any_way(memory: RuleMemory) -> None:
    """Through JSON, and without it."""
    assert RuleMemory.from_json(memory.to_json()) == memory
    assert RuleMemory.from_json(from_file(memory.to_json())) == memory


@given(PLANS)
@settings(max_examples=100, deadline=None)
def test_every_planned_action_comes_back(planned: PlannedAction) -> None:
    """Each kind, with whatever it may hold."""
    found = PlannedAction.from_json(from_file(without_secrets(planned.to_json())))
    assert found == redacted(planned)


@given(ASIDES)
@settings(max_examples=100, deadline=None)
def test_every_aside_comes_back(aside: Aside) -> None:
    """Changes of rules, what they decided beside a step, and what was carried out."""
    found = CODEC.decode_entry(encode_aside(aside), "line")

    if isinstance(aside, RulesAsked):  # an id stands as it is, as that of a record does
        about, ruling = redacted(aside.about), redacted(aside.ruling)
        assert found == attrs.evolve(aside, about=about, ruling=ruling)
    elif isinstance(aside, RulesChange):
        assert found == attrs.evolve(aside, text=redacted(aside.text))
    else:
        assert found == aside


def test_what_is_as_by_default_is_left_out() -> None:
    """A ruling that leaves nothing is short."""
    assert {"memory": {}} == Ruling(NO_MEMORY).to_json()
    assert {"memory": {}} == RuleState().to_json()
    assert {"id": "i", "action": "expire", "rule": "r"} == PlannedAction(
        "i", ExpireAction("r")
    ).to_json()
    assert {"id": "i", "action": "call", "rule": "r", "function": "f"} == PlannedAction(
        "i", CallAction("r", "f")
    ).to_json()


def test_a_line_is_what_the_format_says() -> None:
    """A timer of a rule that fired, as text."""
    line = json.loads(encode_aside(ASKED))
    del line["sum"]
    assert {
        "kind": "rules",
        "at": "2026-11-22T18:22:01.123456Z",
        "interaction": ID,
        "about": {"type": "timer", "name": "rule:one", "owner": "one#1"},
        "rules": {
            "memory": {"serial": 1},
            "trace": {
                "at": "2026-11-22T18:22:01.123456Z",
                "interaction": ID,
                "event": "sent",
                "rules": [{"rule": "one", "trigger": "sent", "verdict": "acted"}],
            },
            "actions": [{"id": ACTION_ID, "action": "expire", "rule": "expire"}],
            "org": "o",
            "rare": True,
        },
    } == line


def test_rare_is_what_acted_or_was_kept_from_it() -> None:
    """What only waited, or did not hold, comes with every event."""

    def with_verdict(verdict: Any) -> Ruling:
        return Ruling(NO_MEMORY, Trace(AT, ID, "sent", (RuleTrace("one", "sent", verdict),)))

    rare = ("acted", "shadow", "suppressed", "cancelled", "queued")
    for verdict in rare:
        assert with_verdict(verdict).to_json()["rare"] is True
    for verdict in ("condition", "temporal", "waiting", "disabled", "late"):
        assert "rare" not in with_verdict(verdict).to_json()
    assert Ruling(NO_MEMORY, alarm="stopped").is_rare
    assert Ruling(NO_MEMORY, actions=PLANNED[:1]).is_rare
    assert Ruling(NO_MEMORY, Trace(AT, ID, "sent", (), ("look here",))).is_rare
    assert not Ruling(NO_MEMORY).is_rare


# --- what is wrong --------------------------------------------------------------------------------

GONE = object()


def changed(line: bytes, path: str, value: object) -> bytes:
    """Return *line* with another value at *path*; `GONE` takes it away."""
    raw = json.loads(line)
    raw.pop("sum", None)
    names = [int(name) if name.isdigit() else name for name in path.split(".")]
    inner = raw
    for name in names[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[names[-1]]
    else:
        inner[names[-1]] = value
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("rules", None, "$.rules: expected an object"),
        ("rules", [], "$.rules: expected an object"),
        ("rules.memory", GONE, "$.rules: `memory` is missing"),
        ("rules.more", 1, "$.rules: unknown key 'more'"),
        ("rules.org", 5, "$.rules.org: expected text"),
        ("rules.org", None, "$.rules.org: expected text"),
        ("rules.alarm", ["x"], "$.rules.alarm: expected text"),
        ("rules.rare", False, "$.rules.rare: expected true; it is left out where it is not so"),
        ("rules.memory", 5, "$.rules.memory: expected an object"),
        ("rules.memory.serial", "5", "$.rules.memory.serial: expected a whole number, got text"),
        ("rules.memory.x", 1, "$.rules.memory: unknown keys 'x'"),
        ("rules.memory.waits.0.kind", "x", "$.rules.memory.waits[0].kind: expected 'for' or"),
        ("rules.memory.history.first_at", 5, "$.rules.memory.history.first_at: expected a time"),
        ("rules.memory.seen.0.at.0", "x", "$.rules.memory.seen[0].at[0]: Invalid isoformat"),
        ("rules.trace", None, "$.rules.trace: expected an object"),
        ("rules.trace.rules.0.verdict", "x", "$.rules.trace.rules[0].verdict: expected 'acted'"),
        (
            "rules.trace.rules.0.clauses.0.reads.0",
            ["hold.reason"],
            "$.rules.trace.rules[0].clauses[0].reads[0]: expected a list of 2, got a list",
        ),
        (
            "rules.trace.rules.0.clauses.0.reads.0",
            "ab",
            "$.rules.trace.rules[0].clauses[0].reads[0]: expected a list of 2, got text",
        ),
        (
            "rules.trace.rules.0.clauses.0.reads.0.1",
            None,
            "$.rules.trace.rules[0].clauses[0].reads[0]: expected text or a whole number or a",
        ),
        ("rules.actions", {}, "$.rules.actions: expected a list"),
        ("rules.actions.1", "hold", "$.rules.actions[1]: expected an object"),
        ("rules.actions.0.id", GONE, "$.rules.actions[0]: `id` is missing"),
        ("rules.actions.0.id", 5, "$.rules.actions[0].id: expected text"),
        ("rules.actions.0.action", "x", "$.rules.actions[0].action: expected one of 'hold', 'un"),
        ("rules.actions.0.action", [], "$.rules.actions[0].action: expected one of"),
        ("rules.actions.0.priority", "9", "$.rules.actions[0].priority: expected a whole number"),
        ("rules.actions.0.x", "9", "$.rules.actions[0]: unknown keys 'x'"),
        ("rules.actions.6.arguments", [], "$.rules.actions[6].arguments: expected an object"),
        ("rules.actions.6.arguments.to", None, "$.rules.actions[6].arguments[0]: expected text"),
    ],
)
def test_what_is_wrong_with_a_ruling_is_named(path: str, value: object, problem: str) -> None:
    """With its path in the line, by the codec of records as by that of asides."""
    said = re.escape(f"x:1: {problem}")
    with pytest.raises(MalformedRecord, match=said):
        CODEC.decode(changed(CODEC.encode(RECORD), path, value), "x:1")
    asked = encode_aside(attrs.evolve(ASKED, ruling=RULING))
    with pytest.raises(MalformedRecord, match=said):
        decode_aside(changed(asked, path, value), "rules", "x:1")


def test_a_ruling_that_is_null_is_named_by_whoever_reads_steps() -> None:
    """Replay reads no rulings, but it is no record all the same."""
    line = changed(CODEC.encode(RECORD), "rules", None)
    with pytest.raises(MalformedRecord, match=re.escape("x:1: $.rules: expected an object")):
        CODEC.decode_step(line, "x:1")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("rules", None, "$.interaction.rules: expected an object"),
        ("rules.memory", [], "$.interaction.rules.memory: expected an object"),
        ("rules.more", [], "$.interaction.rules: unknown key 'more'"),
        ("rules.open", None, "$.interaction.rules.open: expected a list"),
        ("rules.open.0.rule", 5, "$.interaction.rules.open[0].rule: expected text"),
        ("rules.under", 5, "$.interaction.rules.under: expected text"),
        ("rules.org", 5, "$.interaction.rules.org: expected text"),
    ],
)
def test_what_is_wrong_with_a_state_is_named(path: str, value: object, problem: str) -> None:
    """The same for what is kept of an interaction."""
    line = changed(CODEC.encode_state(STATE), f"interaction.{path}", value)
    with pytest.raises(MalformedRecord, match=re.escape(f"x:1: {problem}")):
        CODEC.decode_state(line, "x:1")


@pytest.mark.parametrize(
    ("line", "path", "value", "problem"),
    [
        (encode_aside(CHANGE), "at", GONE, "$: `at` is missing"),
        (encode_aside(CHANGE), "at", 5, "$.at: expected a time as text, got a whole number"),
        (encode_aside(CHANGE), "at", "today", "$.at: Invalid isoformat"),
        (encode_aside(CHANGE), "digest", 5, "$.digest: expected text"),
        (encode_aside(CHANGE), "text", None, "$.text: expected text"),
        (encode_aside(CHANGE), "more", None, "$: unknown key 'more'"),
        (encode_aside(ASKED), "about", 5, "$.about: expected an object"),
        (encode_aside(ASKED), "about.type", GONE, "$.about.type: expected one of 'event', 'time"),
        (encode_aside(ASKED), "about.type", {}, "$.about.type: expected one of 'event', 'timer'"),
        (encode_aside(ASKED), "about.at", "x", "$.about: unknown key 'at'; it stands in the line"),
        (encode_aside(ASKED), "about.owner", 5, "$.about.owner: expected text"),
        (encode_aside(ASKED), "interaction", 5, "$.interaction: expected text"),
        (encode_aside(DONE), "interaction", None, "$.interaction: expected text"),
        (encode_aside(DONE), "ids", "abc", "$.ids: expected a list"),
        (encode_aside(DONE), "ids.1", None, "$.ids[1]: expected text"),
    ],
)
def test_what_is_wrong_with_an_aside_is_named(
    line: bytes, path: str, value: object, problem: str
) -> None:
    """With its path."""
    kind = json.loads(line)["kind"]
    with pytest.raises(MalformedRecord, match=re.escape(f"x:1: {problem}")):
        decode_aside(changed(line, path, value), kind, "x:1")


def test_a_reader_takes_its_own_kind_only() -> None:
    """A change of rules is nothing else."""
    assert CHANGE == decode_rules_change(encode_aside(CHANGE), "x:1")
    with pytest.raises(MalformedRecord, match=re.escape("$.kind: expected 'rules_change'")):
        decode_rules_change(encode_aside(DONE), "x:1")


def test_format_1_knows_no_rules() -> None:
    """A record of the old format with a ruling is none."""
    codec = RecordCodec(load_machine("hold"), format=1)
    line = changed(CODEC.encode(attrs.evolve(RECORD, rules=Ruling(NO_MEMORY))), "seq", 7)
    with pytest.raises(MalformedRecord, match=re.escape("$: unknown key 'rules'")):
        codec.decode(line, "x:1")


ANSWERS: list[bool] = []


def _is_fine(*_: Any) -> None:
    if not ANSWERS.pop(0):
        raise ValueError("not now")


@attrs.frozen
class Moody:
    """A class that refuses once."""

    size: int = attrs.field(validator=_is_fine)


def test_a_class_that_changes_its_mind_is_still_one_error() -> None:
    """What is wrong may be gone when it is looked for."""
    ANSWERS[:] = [False, True]
    with pytest.raises(MalformedRecord, match=re.escape("$.x: is no mood")):
        as_read(Moody, {"size": 1}, "$.x", "mood")


# --- secrets --------------------------------------------------------------------------------------

SECRETS = (
    "+49 30 901820-17",
    "(030) 1234567",
    "tel:+493012345",
    "sip:alice@example.org",
    "Bearer abc.def.ghi",
    "client_secret=s3cr3tvalue",
)
HINTS = ("901820", "1234567", "493012345", "alice", "abc.def", "s3cr3tvalue")


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_reaches_a_line(secret: str) -> None:
    """Neither in messages, remarks, arguments, traces, prompts, alarms nor a rules file's text."""
    said = f"call {secret} back"
    clause = ClauseTrace(said, True, (("hold.reason", said),), said)  # noqa: FBT003 - its value
    trace = Trace(
        AT,
        ID,
        said,
        (RuleTrace("one", said, "acted", said, (clause,), actions=(ActionTrace(said, "taken"),)),),
        (said,),
    )
    actions = (
        NotifyAction("one", "supervisor", said),
        AnnotateAction("one", said),
        CallAction("one", "requeue", (("number", said), ("more", f"({secret})"))),
        HoldAction("one", said, 5, said, said),
        UnholdAction("one", 5),
    )
    ruling = Ruling(
        attrs.evolve(MEMORY, waits=(attrs.evolve(MEMORY.waits[0], event=_event(said)),)),
        trace,
        tuple(PlannedAction(ACTION_ID, one) for one in actions),
        said,
        said,
    )
    kept = RuleState(ruling.memory, ruling.actions)
    lines = [
        CODEC.encode(attrs.evolve(RECORD, rules=ruling)),
        CODEC.encode_state(attrs.evolve(STATE, interaction=attrs.evolve(_alone(), rules=kept))),
        encode_aside(RulesAsked(AT, ID, _event(said), ruling)),
        encode_aside(RulesChange(AT, "", f"# {said}\nmessage = '{said}'\n")),
    ]
    for line in lines:
        assert not [hint for hint in HINTS if hint.encode() in line], line
        assert CODEC.decode_entry(line, "line")


def _event(said: str) -> RuleEvent:
    return RuleEvent(AT, "acknowledged", "held", "held", actor=said, error=said)


def _alone() -> Interaction[HoldData]:
    return Interaction(ID, "active", HoldData(AT))


def test_a_number_to_dial_is_one_without_quotes_too() -> None:
    """An argument that is a whole number; small ones, and those that nobody dials, stay."""
    arguments = (("to", 493012345678), ("short", 123456), ("share", 0.12345678), ("flag", True))
    written = PlannedAction("i", CallAction("r", "f", arguments)).to_json()["arguments"]

    assert {"to": "[number]", "short": 123456, "share": 0.12345678, "flag": True} == written


def test_the_text_of_a_large_file_is_left_out() -> None:
    """Its line would be too long; the digest is enough to know whether it is the same."""
    digest = "0f" * 32
    for text in ('"' * (LINE_BYTES_MAX // 2), "x" * LINE_BYTES_MAX, "tel:1 " * 80_000):
        found = decode_rules_change(encode_aside(RulesChange(AT, digest, text)), "line")
        assert RulesChange(AT, digest, "") == found
    whole = RulesChange(AT, digest, '"' * (LINE_BYTES_MAX // 2 - 1000))
    assert whole == decode_rules_change(encode_aside(whole), "line")


# --- what is kept ---------------------------------------------------------------------------------


def open_ids(state: RuleState | None) -> list[str]:
    """The ids of the open actions."""
    assert state is not None
    return [one.id for one in state.open]


def test_actions_are_open_until_a_record_gives_them_to_the_machine() -> None:
    """A remark is done when it is journaled; the others when something shows it."""
    planned = tuple(
        attrs.evolve(one, id=f"id-{index}", action=attrs.evolve(one.action, rule="r"))
        for index, one in enumerate(PLANNED)
    )
    state = ruled(None, events.LinkLost(AT), Ruling(NO_MEMORY, None, planned), final=False)
    assert ["id-0", "id-1", "id-2", "id-3", "id-4", "id-6"] == open_ids(state)

    unhold = events.UnholdRequested(AT, "id-0", AT, 5)
    hold = events.HoldRequested(AT, "id-1", AT, "x", 5)
    for event, left in (
        (unhold, ["id-1", "id-2", "id-3", "id-4", "id-6"]),
        (unhold, ["id-1", "id-2", "id-3", "id-4", "id-6"]),
        (hold, ["id-2", "id-3", "id-4", "id-6"]),
        (events.ExpireRequested(AT, "caller"), ["id-2", "id-3", "id-4", "id-6"]),
        (events.ExpireRequested(AT, "rule:r"), ["id-3", "id-4", "id-6"]),
        (events.LimitChanged(AT, 5.0, "rule:s"), ["id-3", "id-4", "id-6"]),
        (events.LimitChanged(AT, 5.0, "rule:r"), ["id-4", "id-6"]),
        (events.LinkLost(AT), ["id-4", "id-6"]),
    ):
        before = state
        state = ruled(state, event, None, final=False)
        assert left == open_ids(state)
        assert (state is before) is (open_ids(before) == left)
    assert ["id-6"] == open_ids(carried_out(state, ["id-4"]))
    assert carried_out(state, ["id-0"]) is state
    assert carried_out(None, ["id-0"]) is None


def test_nothing_is_kept_of_what_is_over() -> None:
    """But for what was decided and is not known to have been carried out."""
    over = events.ObservedClosed(AT, AT, "frame", ID)
    ruling = Ruling(RuleMemory(serial=3))
    waiting = RuleState(RuleMemory(waits=(Wait("r", "for", "r#1", AT, _event("x")),)))

    assert ruled(None, over, None, final=True) is None
    assert ruled(None, over, ruling, final=True) is None
    assert RuleState(ruling.memory) == ruled(None, over, ruling, final=False)
    assert ruled(waiting, over, None, final=True) is None
    fired = RuleTimerFired(AT, "rule:r", "r#1")
    assert KEPT is ruled(KEPT, fired, None, final=True)
    assert KEPT is ruled(KEPT, fired, None, final=False)
    assert [True, True, True, True, False, False] == [
        state.waits
        for state in (
            waiting,
            RuleState(RuleMemory(runs=MEMORY.runs)),
            RuleState(RuleMemory(queue=MEMORY.queue)),
            KEPT,
            RuleState(),
            RuleState(RuleMemory(serial=1, acted=MEMORY.acted)),
        )
    ]


@given(st.sampled_from(["extend", "note"]))
def test_fields_of_actions_have_no_other_types(rule: str) -> None:
    """What a class has not, its document has not either."""
    written = as_written(ExtendLimitAction(rule, 5))

    assert {"rule": rule, "limit_s": 5} == written
    assert as_written(TRACE)["rules"][0]["temporal"][0]["holds"] is True
