"""Recordings in which something else counts from some line on, and recordings of format 1."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from tests.support.journals import AT, GATEWAY, MACHINE, Play

from hookflash.adapters.replaying.verifying import Choices, Verdict, verify
from hookflash.adapters.specifications import load_machine, read_definition
from hookflash.engine.replaying.stepping_by import Trial
from hookflash.machines.codec import RecordCodec
from hookflash.machines.headers import (
    encode_definition_change,
    encode_header,
    encode_policy_change,
)
from hookflash.machines.hold import IMPLEMENTATION
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import DefinitionChange, InteractionState, PolicyChange, Record
from hookflash.machines.spec import parse_spec

TEXT, PLACE = read_definition("hold")
LATER: Machine[Any, Any] = Machine(
    parse_spec(
        TEXT.replace('effects = ["confirm_hold"]', 'effects = ["confirm_hold", "look_up"]', 1),
        PLACE,
    ),
    IMPLEMENTATION,
)
CODEC, LATER_CODEC = RecordCodec(MACHINE), RecordCodec(LATER)


def header() -> bytes:
    return encode_header(CODEC.new_header(GATEWAY, AT))


def replayed(tmp_path: Path, lines: Iterable[bytes], choices: Choices | None = None) -> Verdict:
    path = tmp_path / "recording.jsonl"
    path.write_bytes(b"".join(lines))
    return verify([path], choices or Choices())


def renumbered(records: list[Record], first: int, **more: Any) -> list[Record]:
    return [attrs.evolve(one, seq=first + index, **more) for index, one in enumerate(records)]


def test_another_policy_from_here_on(tmp_path: Path) -> None:
    """What comes before a change is replayed under the one policy, the rest under the other."""
    shorter = MACHINE.with_policy(HoldPolicy(limit_s=60.0))
    first, second = Play(), Play(machine=shorter)
    before, after = first.next(50)[0], second.next(50)[0]
    policy = RecordCodec(shorter).policy_fields()
    lines = [
        header(),
        *map(CODEC.encode, before),
        encode_policy_change(PolicyChange(AT, policy)),
        *map(CODEC.encode, renumbered(after, 51)),
    ]
    assert replayed(tmp_path, lines).same
    del lines[51]
    verdict = replayed(tmp_path, lines)
    assert {group.examples[0].cause.kind for group in verdict.findings.groups.groups()} == {
        "effect"
    }
    tried = replayed(tmp_path, lines, Choices(trial=Trial(policy=HoldPolicy(limit_s=60.0))))
    texts = {group.examples[0].cause.text for group in tried.findings.groups.groups()}
    assert "the policy differs: limit_s 900 became 60" in texts


def change_of_definition() -> bytes:
    return encode_definition_change(
        DefinitionChange(AT, LATER.spec.digest, LATER.spec.text, LATER_CODEC.policy_fields())
    )


def test_another_definition_from_here_on(tmp_path: Path) -> None:
    """Interactions finish under the definition that they began under, new ones use the other."""
    play, later = Play(ids=("a",)), Play(ids=("b",), machine=LATER)
    begun, finished = play.next(4)[0], play.next(40)[0]
    new = later.next(40)[0]
    mixed: list[bytes] = []
    for index, (old, one) in enumerate(zip(finished, new, strict=True)):
        named = attrs.evolve(old, seq=5 + 2 * index, spec_hash=MACHINE.spec.digest)
        mixed += [CODEC.encode(named), LATER_CODEC.encode(attrs.evolve(one, seq=6 + 2 * index))]
    lines = [header(), *map(CODEC.encode, begun), change_of_definition(), *mixed]
    verdict = replayed(tmp_path, lines)
    assert verdict.same, verdict.findings
    assert verdict.findings.records == 84
    shipped = replayed(tmp_path, lines, Choices(trial=Trial(machine=load_machine("hold"))))
    for group in shipped.findings.groups.groups():
        assert group.examples[0].interaction_id == "b"
        assert (
            "effects [confirm_hold, look_up] became [confirm_hold]" in group.examples[0].cause.text
        )


def test_how_interactions_stand_after_a_change(tmp_path: Path) -> None:
    """What a migration made of them is taken from the lines that tell it."""
    play = Play(ids=("a",))
    begun, after = play.next(3)
    state = attrs.evolve(after[-1], data=attrs.evolve(after[-1].data, failed_lookups=2))
    later = Play(ids=("a",), machine=LATER, known={"a": state}, records=list(begun))
    lines = [
        header(),
        *map(CODEC.encode, begun),
        change_of_definition(),
        LATER_CODEC.encode_state(InteractionState(3, state)),
        *map(LATER_CODEC.encode, later.next(20)[0]),
    ]
    assert replayed(tmp_path, lines).same


def test_a_definition_that_is_not_there(tmp_path: Path) -> None:
    """A record that names a definition which the recording does not hold cannot be read."""
    play = Play()
    records = play.next(9)[0]
    lines = [header(), *map(CODEC.encode, records[:5])]
    raw = orjson.loads(CODEC.encode(records[5]))
    del raw["sum"]
    raw["spec"] = "ab" * 32
    lines += [orjson.dumps(raw) + b"\n", *map(CODEC.encode, records[6:])]
    verdict = replayed(tmp_path, lines)
    (damage,) = verdict.findings.damages.kept
    assert damage.kind == "unreadable"
    assert "is of another definition, 'abababababab'" in damage.text


# --- format 1 -------------------------------------------------------------------------------------


def older(lines: Iterable[bytes], spec_hash: str = MACHINE.spec.digest) -> list[bytes]:
    found: list[bytes] = []
    for line in lines:
        raw = orjson.loads(line)
        for key in ("sum", "begins", "first_seq", "definition"):
            raw.pop(key, None)
        if "format" in raw:
            raw |= {"format": 1, "spec_hash": spec_hash}
        found.append(orjson.dumps(raw) + b"\n")
    return found


def test_an_interaction_that_the_engine_had_forgotten(tmp_path: Path) -> None:
    """Format 1 does not say where an interaction begins anew; that it does is found out."""
    play = Play(ids=("a", "b"))
    records = play.next(21)[0]
    for name in ("a", "b"):
        play.forget(name)
    records += play.next(20)[0]
    lines = older([header(), *map(CODEC.encode, records)])
    verdict = replayed(tmp_path, lines)
    assert verdict.same, verdict.findings
    assert verdict.findings.interactions == 4


def test_a_part_of_an_older_recording(tmp_path: Path) -> None:
    """A part of it begins anywhere; what stood before is not known, and nothing is made up."""
    lines = older([header(), *map(CODEC.encode, Play(ids=("a",)).next(30)[0])])
    verdict = replayed(tmp_path, [lines[0], *lines[4:]])
    assert {one.kind for one in verdict.findings.damages.kept} <= {"incomplete"}
    assert verdict.findings.groups.count == 0


@pytest.mark.parametrize("damage", ["to", "effects"])
def test_an_older_recording_that_differs(tmp_path: Path, damage: str) -> None:
    """Its differences are named with the row that is taken today."""
    lines = older([header(), *map(CODEC.encode, Play(ids=("a",)).next(30)[0])], "cd" * 32)
    raw = orjson.loads(lines[3])
    raw[damage] = "active" if damage == "to" else []
    lines[3] = orjson.dumps(raw) + b"\n"
    first = replayed(tmp_path, lines).findings.groups.first()
    assert first is not None
    assert first.cause.kind == "format"
    assert "of specs/hold.toml" in first.cause.text
