"""The JSON Schemas, against what is really written and told."""

import functools
import importlib.resources
import json
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import attrs
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator, ValidationError
from tests.machines.ruled import ASIDES, RULING, RULINGS, STATES

from hookflash.adapters.audit import JsonLinesAuditLog, verify
from hookflash.adapters.monitors import payload_of
from hookflash.adapters.specifications import load_machine
from hookflash.engine.ports import Notice
from hookflash.engine.rule_messages import Remark
from hookflash.machines.codec import RecordCodec, tag_of
from hookflash.machines.effects import EFFECTS, EndCommand, NoteForeign, RaiseAlarm, Warn
from hookflash.machines.errors import SpecError
from hookflash.machines.events import LinkLost
from hookflash.machines.headers import (
    encode_definition_change,
    encode_header,
    encode_policy_change,
    encode_told,
)
from hookflash.machines.hold_data import Earlier, Hold, HoldData
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Facts, Interaction, Pending, Refusal, Timer
from hookflash.machines.machine import Machine
from hookflash.machines.policy import GroupPolicy, HoldPolicy
from hookflash.machines.records import (
    Aside,
    DefinitionChange,
    InteractionState,
    PolicyChange,
    Record,
    RulesChange,
    Told,
)
from hookflash.machines.rule_lines import encode_aside
from hookflash.machines.rules.ruling import RuleState, Ruling
from hookflash.machines.schema import recording_schema, schema_text

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
MACHINE = load_machine("hold")
CODEC = RecordCodec(MACHINE)
EVENTS = tuple(MACHINE.implementation.events.values())
ENDED = EndCommand(ID, ID, "hold", "confirmed", "held", AT, AT, "caller", priority=5, reason="x")
NOTICES: list[Notice] = [
    ENDED,
    attrs.evolve(
        ENDED,
        outcome="refused",
        error="RateLimited",
        message="m",
        priority=None,
        reason=None,
        retry_after_s=2.5,
        command_id="other",
    ),
    NoteForeign(ID, "unhold", "active", AT, AT),
    Warn(ID, "warning", AT, AT, AT),
    Warn(ID, "limit_passed", AT, AT, AT),
    RaiseAlarm(ID, "release_failed", AT, AT, 1),
    RaiseAlarm(ID, "hold_expired", AT, AT, 2),
]


@functools.cache
def schema(name: str) -> Any:
    """Return a validator for the shipped schema *name*."""
    text = (importlib.resources.files("hookflash") / "specs" / f"{name}.schema.json").read_text()
    found = json.loads(text)
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


EXAMPLES: dict[Any, Any] = {
    str: "text",
    int: 5,
    float: 2.5,
    bool: True,
    Instant: AT,
    Facts: Facts("active", "org-1", "sg-1"),
    Timer: Timer("ack", ID, AT),
    Refusal: Refusal(429, "m", 2.5),
}


def example(hint: Any) -> Any:
    """Return some value of an annotation that is not None."""
    if hint in EXAMPLES:
        return EXAMPLES[hint]
    first = next(arg for arg in get_args(hint) if arg is not NoneType)
    return first if isinstance(first, str) else example(first)


def instance(cls: type, *, full: bool) -> Any:
    """Return an instance of *cls* with all its fields, or with only those that it needs."""
    return cls(
        **{
            field.alias: example(field.type)
            for field in attrs.fields(cls)
            if full or field.default is attrs.NOTHING
        }
    )


def test_the_recording_schema_is_that_of_the_classes() -> None:
    """The shipped file is what the classes give; write it again when this fails."""
    shipped = importlib.resources.files("hookflash") / "specs" / "recording.schema.json"

    assert shipped.read_text(encoding="utf-8") == schema_text(MACHINE)


@pytest.mark.parametrize("full", [True, False], ids=["full", "least"])
@pytest.mark.parametrize("cls", EVENTS, ids=tag_of)
def test_every_event_fits_the_schema(cls: type, full: bool) -> None:  # noqa: FBT001 - a parameter
    """A written record of each event is valid."""
    line = CODEC.encode(Record(1, ID, instance(cls, full=full), "held", "active", ()))

    schema("recording").validate(json.loads(line))


@pytest.mark.parametrize("full", [True, False], ids=["full", "least"])
@pytest.mark.parametrize("cls", EFFECTS, ids=tag_of)
def test_every_effect_fits_the_schema(cls: type, full: bool) -> None:  # noqa: FBT001 - a parameter
    """A written record with each effect is valid."""
    record = Record(1, ID, LinkLost(AT), "held", "held", (instance(cls, full=full),))

    schema("recording").validate(json.loads(CODEC.encode(record)))


def test_headers_and_changes_fit_the_schema() -> None:
    """The lines that are no records are valid, also where a policy says all it can."""
    group = GroupPolicy(
        skill_group="sg-1",
        limit_s=60.0,
        warn_at=0.5,
        on_limit="expire",
        foreign="watch",
        reasons=("x",),
    )
    policy = HoldPolicy(org_id="org-1", allow=("a",), deny=("b",), policy=(group,))
    codec = RecordCodec(MACHINE.with_policy(policy))
    validator = schema("recording")

    for line in (
        encode_header(codec.new_header("localhost:8443", AT)),
        encode_policy_change(PolicyChange(AT, codec.policy_fields())),
        encode_header(CODEC.new_header("localhost:8443", AT)),
        encode_definition_change(
            DefinitionChange(AT, MACHINE.spec.digest, MACHINE.spec.text, codec.policy_fields())
        ),
        encode_told(Told(7)),
    ):
        validator.validate(json.loads(line))


@given(RULINGS | STATES | ASIDES)
@settings(max_examples=150, deadline=None)
def test_what_rules_leave_behind_fits_the_schema(value: Ruling | RuleState | Aside) -> None:
    """Every ruling, every state of rules and every line between records that tells of them."""
    if isinstance(value, Ruling):
        line = CODEC.encode(Record(1, ID, LinkLost(AT), "held", "held", (), rules=value))
    elif isinstance(value, RuleState):
        interaction: Interaction[Any] = attrs.evolve(MACHINE.start(ID), rules=value)
        line = CODEC.encode_state(InteractionState(1, interaction))
    elif isinstance(value, RulesChange):
        line = encode_aside(attrs.evolve(value, digest=MACHINE.spec.digest))
    else:
        line = encode_aside(value)

    schema("recording").validate(json.loads(line))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("memory",), 5),
        (("memory", "serial"), "5"),
        (("memory", "history", "first_at"), 5),
        (("memory", "waits", 0, "kind"), "x"),
        (("trace", "rules", 0, "verdict"), "x"),
        (("trace", "rules", 0, "clauses", 0, "reads", 0), ["x"]),
        (("trace", "rules", 0, "clauses", 0, "reads", 0), ["x", "y", "z"]),
        (("actions", 0, "id"), 5),
        (("actions", 0, "action"), "x"),
        (("actions", 0, "more"), "x"),
        (("actions", 6, "arguments", "to"), None),
        (("rare",), False),
        (("org",), None),
        (("more",), 1),
    ],
)
def test_what_is_no_ruling_does_not_fit(path: tuple[str | int, ...], value: object) -> None:
    """The schema refuses of rulings what the codec refuses."""
    raw = json.loads(CODEC.encode(Record(1, ID, LinkLost(AT), "held", "held", (), rules=RULING)))
    schema("recording").validate(raw)
    inner: Any = raw["rules"]
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value

    with pytest.raises(ValidationError):
        schema("recording").validate(raw)


@pytest.mark.parametrize("full", [True, False], ids=["full", "least"])
def test_states_fit_the_schema(full: bool) -> None:  # noqa: FBT001 - a parameter
    """How an interaction stands is valid, with all that it may have and with nothing."""
    spec_hash = MACHINE.spec.digest if full else None
    interaction: Interaction[Any] = MACHINE.start(ID)
    if full:
        data = HoldData(AT, instance(Hold, full=True), (Earlier(ID, "hold", answered=True),), "sg")
        pending = instance(Pending, full=True)
        timers = (Timer("ack", ID, AT),)
        interaction = attrs.evolve(interaction, data=data, pending=pending, timers=timers)
    state = InteractionState(7, interaction, spec_hash)
    record = Record(1, ID, LinkLost(AT), "held", "held", (), begins=full, spec_hash=spec_hash)

    schema("recording").validate(json.loads(CODEC.encode_state(state)))
    schema("recording").validate(json.loads(CODEC.encode(record)))


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "1"},
        {"at": "2026-11-22"},
        {"from": "nowhere"},
        {"event": {"type": "unheard_of"}},
        {"event": {"type": "link_lost", "reason": "x"}},
        {"effects": [{"type": "look_up"}]},
        {"more": 1},
        {"begins": False},
        {"spec": "x"},
        {"sum": "x"},
    ],
)
def test_what_is_no_record_does_not_fit(change: dict[str, Any]) -> None:
    """The schema refuses what the codec refuses."""
    raw = json.loads(CODEC.encode(Record(1, ID, LinkLost(AT), "held", "held", ())))

    with pytest.raises(ValidationError):
        schema("recording").validate(raw | change)


def test_audit_lines_fit_their_schema(tmp_path: Path) -> None:
    """Each kind of line that the log writes is valid; a changed one is not."""
    path = tmp_path / "audit.jsonl"
    log = JsonLinesAuditLog.open(path)
    for notice in NOTICES:
        if isinstance(notice, EndCommand | NoteForeign):
            log.append([(notice, ID, 1.0)])
    for rule in ("x" * 64, "third-hold"):
        log.append([(Remark(AT, ID, rule, "held 3 times", "held"), ID, 1.0)])
    log.close()
    assert verify(path).whole
    validator = schema("audit")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        validator.validate(line)

    for change in ({"status": "failed"}, {"outcome": "fine"}, {"hash": "x"}, {"more": 1}):
        assert not validator.is_valid(lines[0] | change)
    remark = lines[-1]
    for change in ({"status": "failed"}, {"outcome": "confirmed"}, {"action": "hold"}):
        assert not validator.is_valid(remark | change)
    assert not validator.is_valid(remark | {"metadata": lines[0]["metadata"]})


@pytest.mark.parametrize("notice", NOTICES)
def test_payloads_fit_their_schema(notice: Notice) -> None:
    """Each kind of payload is valid; one with a key too many or too few is not."""
    validator = schema("monitor")
    payload = payload_of(notice, ID, "7/0")
    validator.validate(payload)

    assert not validator.is_valid(payload | {"more": 1})
    assert not validator.is_valid({key: payload[key] for key in payload if key != "status"})


def test_an_annotation_without_a_counterpart_is_named() -> None:
    """A machine whose classes JSON has nothing for gets an error that names the class."""

    @attrs.frozen
    class Sunk:
        """Something that has no schema."""

        weight: complex

    def effect(cls: type) -> Machine[Any, Any]:
        produces = (*MACHINE.implementation.produces, cls)
        return Machine(MACHINE.spec, attrs.evolve(MACHINE.implementation, produces=produces))

    with pytest.raises(SpecError, match="Sunk: the annotation <class 'complex'>"):
        recording_schema(effect(Sunk))
