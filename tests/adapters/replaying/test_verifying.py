"""Replay of whole recordings: short cut and careful way, parts, bounds, damage, what is read on."""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support.journals import (
    MACHINE,
    Play,
    crashed,
    keep_house,
    open_journal,
    tails_of,
    write,
)
from tests.support.recordings import Day, Edited, faults_of_a_day, record_day

from hookflash.adapters.journal.interchange import export
from hookflash.adapters.replaying.choices import Request, choices_of, until_of
from hookflash.adapters.replaying.verifying import Choices, verify, without_collections
from hookflash.adapters.specifications import load_machine
from hookflash.engine.replaying import known as known_module
from hookflash.engine.replaying.outcome import Until
from hookflash.engine.replaying.quick import Quick
from hookflash.engine.replaying.stepping_by import Trial
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import ConfigurationError, MalformedRecord, SpecError
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import from_text
from hookflash.machines.lines import dump_line
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import InteractionState

AT = from_text("2026-11-22T18:22:01.123456Z")


def carefully(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no record take the short cut."""

    def take(_: Quick, _lines: Sequence[bytes], _raws: Sequence[Any], position: int) -> int:
        return position

    monkeypatch.setattr(Quick, "take", take)


def played(path: Path, count: int, ids: Sequence[str] = ("a", "b", "c")) -> Path:
    """Write a recording without faults."""
    codec, play = RecordCodec(MACHINE), Play(ids=ids)
    lines = [encode_header(codec.new_header("localhost:8443", AT))]
    lines += [codec.encode(record) for record in play.next(count)[0]]
    path.write_bytes(b"".join(lines))
    return path


# --- the short cut --------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["none", "effect", "gap", "byte", "timer"])
def test_the_short_cut_finds_the_same(
    edited: Edited, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """What takes the short cut and what does not comes to the same findings."""
    index = edited.day.find(lambda raw: raw["event"]["type"] == "acknowledged" and raw["effects"])
    match damage:
        case "effect":
            edited.change(index, lambda raw: raw["effects"].pop())
        case "gap":
            del edited.lines[index - 3 : index]
        case "byte":
            edited.lines[index] = edited.lines[index].replace(b'"to":"', b'"tO":"', 1)
        case "timer":
            fired = edited.day.find(lambda raw: raw["event"]["type"] == "warning_timer_fired")
            edited.change(fired, lambda raw: raw["event"].update(owner="somebody-else"))
        case _:
            pass
    path = edited.write()
    quick = verify([path]).findings
    carefully(monkeypatch)
    careful = verify([path]).findings
    assert quick == careful
    assert quick.same == (damage == "none")


def test_a_timer_that_was_never_started(edited: Edited) -> None:
    """An event of a timer that does not run is a divergence by itself."""
    fired = edited.day.find(lambda raw: raw["event"]["type"] == "warning_timer_fired")
    edited.change(fired, lambda raw: raw["event"].update(owner="somebody-else"))
    first = verify([edited.write()]).findings.groups.first()
    assert first is not None
    assert first.cause.kind == "timer"
    assert first.differences[0][0] == "event.timer"
    assert first.recorded == {"name": "warning", "owner": "somebody-else"}
    assert first.now["name"] == "warning"


def test_a_record_that_does_not_follow(edited: Edited) -> None:
    """A record that was taken out with all numbers put right is missed by the state after it."""
    index = edited.day.find(
        lambda raw: raw["event"]["type"] == "acknowledged" and raw["to"] == "held"
    )
    lost = edited.day.raw(index)
    del edited.lines[index]
    for number in range(index, len(edited.lines)):
        raw = orjson.loads(edited.lines[number])
        raw.pop("sum")
        raw["seq"] -= 1
        edited.lines[number] = dump_line(raw, "renumbered")
    findings = verify([edited.write()]).findings
    assert findings.damages.count == 0
    first = findings.groups.first()
    assert first is not None
    assert (first.field, first.recorded, first.now) == ("from", "held", "hold_pending")
    assert first.interaction_id == lost["interaction"]
    assert first.cause.kind == "missing"
    assert findings.groups.count == 1, "what differs after it only follows"


# --- bounds ---------------------------------------------------------------------------------------


def test_interactions_that_were_put_aside(
    day: Day, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With room for few interactions in memory the findings are the same."""
    monkeypatch.setattr(known_module, "_PUT_ASIDE", 4)
    monkeypatch.setattr(known_module.KnownInteractions.__init__, "__defaults__", (None, 8))
    ids = [f"caller-{number}" for number in range(60)]
    assert verify([played(tmp_path / "many.jsonl", 1_500, ids)]).same
    assert verify([day.path]).same
    carefully(monkeypatch)
    assert verify([day.path]).same


def test_an_interaction_in_capitals(tmp_path: Path) -> None:
    """A UUID is the same in upper and lower case."""
    path = played(tmp_path / "x.jsonl", 40, ["0A0B0C0D-0000-4000-8000-000000000001"])
    lines = path.read_bytes().splitlines(keepends=True)
    raw = orjson.loads(lines[20])
    raw.pop("sum")
    raw["interaction"] = raw["interaction"].lower()
    lines[20] = dump_line(raw, "x")
    path.write_bytes(b"".join(lines))
    verdict = verify([path])
    assert verdict.same
    assert verdict.findings.interactions == 1


def test_garbage_is_looked_for_as_before() -> None:
    """A replay leaves the collector as it found it."""
    assert gc.isenabled()
    with without_collections():
        assert not gc.isenabled()
    assert gc.isenabled()


# --- parts ----------------------------------------------------------------------------------------


def test_until_a_record_or_a_time(day: Day) -> None:
    """The replay ends before the first record beyond."""
    assert verify([day.path], Choices(until=Until(seq=100))).findings.records == 100
    at = from_text(day.raw(300)["at"])
    findings = verify([day.path], Choices(until=Until(at=at))).findings
    assert findings.ended
    assert 250 < findings.records <= 300
    assert not verify([day.path], Choices(until=Until(seq=10**6))).findings.ended


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, None),
        ("17", Until(seq=17)),
        ("2026-11-22T18:22:01.123456Z", Until(at=AT)),
    ],
)
def test_until_is_a_number_or_a_time(text: str | None, meant: Until | None) -> None:
    """What was typed is one of the two."""
    assert until_of(text) == meant


def test_until_is_something_else() -> None:
    """Anything else is refused."""
    with pytest.raises(ConfigurationError, match="neither a record's number nor a time"):
        until_of("yesterday")


def test_one_interaction(day: Day) -> None:
    """Only the records of that interaction are replayed, in whatever case it is typed."""
    interaction = day.raw(5)["interaction"]
    count = sum(day.raw(index)["interaction"] == interaction for index in range(1, len(day.lines)))
    for typed in (interaction, interaction.upper()):
        findings = verify([day.path], Choices(only=typed)).findings
        assert (findings.records, findings.interactions, findings.same) == (count, 1, True)


async def test_a_journal_and_its_days(tmp_path: Path, autojump_clock: object) -> None:
    """A journal is read as it is; the parts that days become are replayed by themselves and on."""
    path = tmp_path / "journal.db"
    play = Play(every_s=3_600.0)
    journal = open_journal(path, segment_records=8, keep_days=1)
    for _ in range(12):
        write(journal, play, 8)
        await keep_house(journal)
    journal.forget("a")
    play.forget("a")
    write(journal, play, 8)
    journal.close()
    days = sorted((tmp_path / "recordings").glob("*.jsonl"))
    rest = tmp_path / "rest.jsonl"
    export(path, rest)
    parts = [*days, rest] if days else [rest]
    whole = verify(parts)
    assert whole.same, whole.findings
    assert whole.findings.records == len(play.records)
    for part in (*parts, path):
        assert verify([part]).same


def test_how_an_interaction_stands_is_compared(tmp_path: Path) -> None:
    """A line that tells how an interaction stands has to be what its records come to."""
    path = played(tmp_path / "x.jsonl", 12)
    codec, play = RecordCodec(MACHINE), Play()
    play.next(12)
    right = codec.encode_state(InteractionState(12, play.known["a"]))
    content = path.read_bytes()
    path.write_bytes(content + right)
    assert verify([path]).same
    raw = orjson.loads(right)
    raw.pop("sum")
    raw["interaction"]["data"]["failed_lookups"] = 3
    path.write_bytes(content + dump_line(raw, "x"))
    first = verify([path]).findings.groups.first()
    assert first is not None
    assert first.differences == (("interaction.data.failed_lookups", 3, 0),)


def test_nothing_tells_how_an_interaction_stood(tmp_path: Path) -> None:
    """A recording that begins in the middle, without saying how things stood, is incomplete."""
    path = played(tmp_path / "x.jsonl", 30)
    lines = path.read_bytes().splitlines(keepends=True)
    header = orjson.loads(lines[0])
    header.pop("sum")
    header["first_seq"] = 11
    path.write_bytes(dump_line(header, "x") + b"".join(lines[11:]))
    findings = verify([path]).findings
    assert {one.kind for one in findings.damages.kept} == {"incomplete"}
    assert findings.damages.count == 3
    assert findings.groups.count == 0


def test_recordings_that_have_nothing_to_do_with_each_other(tmp_path: Path, day: Day) -> None:
    """Each is replayed by itself, and divergences say in which they are."""
    one = played(tmp_path / "one.jsonl", 30)
    edited = Edited(day, tmp_path)
    index = day.find(lambda raw: bool(raw["effects"]) and raw["effects"][0]["type"] == "send_hold")
    edited.change(index, lambda raw: raw["effects"].clear())
    verdict = verify([one, one, edited.write()])
    assert verdict.findings.damages.count == 0
    (group,) = verdict.findings.groups.groups()
    assert group.examples[0].part == 2


# --- damage ---------------------------------------------------------------------------------------


def test_a_torn_last_line_is_no_damage(edited: Edited) -> None:
    """What a crash tore from the end is left out, and said."""
    edited.lines[-1] = edited.lines[-1][:-40]
    verdict = verify([edited.write()])
    assert verdict.same
    (notice,) = verdict.findings.notices
    assert "torn by a crash" in notice


def test_a_last_line_without_its_newline_is_whole(edited: Edited) -> None:
    """It is a record like any other."""
    edited.lines[-1] = edited.lines[-1].rstrip()
    verdict = verify([edited.write()])
    assert verdict.same
    assert verdict.findings.records == len(edited.lines) - 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"nonsense\n", "not JSON"),
        (b"\n", "the line is empty"),
        (b'{"kind":"other"}\n', "unknown kind 'other'"),
    ],
)
def test_a_line_that_cannot_be_read(edited: Edited, line: bytes, said: str) -> None:
    """It is named, and the replay goes on behind it."""
    edited.lines.insert(50, line)
    verdict = verify([edited.write()])
    (damage,) = [one for one in verdict.findings.damages.kept if one.kind == "unreadable"]
    assert damage.place.endswith("line 51")
    assert said in damage.text
    assert verdict.findings.records >= len(edited.lines) - 3
    assert verdict.findings.groups.count == 0


def test_a_record_that_cannot_be_read(edited: Edited) -> None:
    """A line in whose place there is nonsense is named, and what lacks it only follows."""
    index = edited.day.find(
        lambda raw: raw["event"]["type"] == "acknowledged" and raw["to"] == "held"
    )
    edited.lines[index] = b"nonsense\n"
    verdict = verify([edited.write()])
    (damage,) = verdict.findings.damages.kept
    assert (damage.kind, verdict.findings.groups.count) == ("unreadable", 0)
    assert verdict.findings.groups.following >= 1


def test_several_changed_bytes(edited: Edited) -> None:
    """Where more was changed the line is replayed as it is, and what differs is said."""
    index = edited.day.find(lambda raw: raw["event"]["type"] == "hold_requested" and raw["effects"])
    edited.lines[index] = (
        edited.lines[index]
        .replace(b'"send_hold"', b'"send_cold"')
        .replace(b'"priority":', b'"Priority":', 1)
    )
    (damage,) = verify([edited.write()]).findings.damages.kept
    assert damage.kind == "changed"
    edited.lines[index] = edited.day.lines[index].replace(
        b'{"type":"send_hold"', b'{"type":"SEND_hold"'
    )
    (damage,) = verify([edited.write()]).findings.damages.kept
    assert "`effects[0].type` is 'SEND_hold', and comes out as 'send_hold'" in damage.text


def test_a_changed_header(edited: Edited) -> None:
    """A header that was changed is named, and read on if it can be."""
    edited.lines[0] = edited.lines[0].replace(b'"gateway":"gateway', b'"gateway":"getaway', 1)
    (damage,) = verify([edited.write()]).findings.damages.kept
    assert (damage.kind, damage.place.endswith("line 1")) == ("changed", True)


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b'{"seq":1}\n', b"\0" * 100])
def test_what_is_no_recording(tmp_path: Path, content: bytes) -> None:
    """A file that does not begin as a recording is an error."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(MalformedRecord):
        verify([path])
    with pytest.raises(MalformedRecord, match="cannot be read"):
        verify([tmp_path / "missing.jsonl"])


def test_a_later_recording_that_is_none(tmp_path: Path, day: Day) -> None:
    """What was found in those before it is kept."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"nonsense\n")
    verdict = verify([day.path, path])
    assert verdict.findings.records == len(day.lines) - 1
    assert verdict.unreadable is not None
    assert not verdict.same


def test_a_journal_that_was_damaged(tmp_path: Path) -> None:
    """A journal is not read beyond damage; what stands before it is replayed."""
    path = tmp_path / "running" / "journal.db"
    path.parent.mkdir()
    journal = open_journal(path)
    write(journal, Play(), 400)
    copy = crashed(path)
    journal.close()
    (tail,) = tails_of(copy)
    content = bytearray(tail.read_bytes())
    content[len(content) // 2] ^= 0x01
    tail.write_bytes(bytes(content))
    verdict = verify([copy])
    assert verdict.unreadable is not None
    assert 100 < verdict.findings.records < 300
    assert verdict.findings.same
    assert not verdict.same


# --- what is tried --------------------------------------------------------------------------------


def test_choices_of_a_request(tmp_path: Path, day: Day) -> None:
    """Names and paths become machines, policies and rules."""
    config = tmp_path / "hookflash.toml"
    config.write_text("[hold]\nlimit_s = 60\n", "utf-8")
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rule]]\nname = "x"\ntrigger = { to = "held" }\nactions = [{ action = "expire" }]\n',
        "utf-8",
    )
    choices = choices_of(
        Request(recordings=(day.path,), spec="shipped", policy=config, rules=rules, until="5")
    )
    assert choices.trial.machine is not None
    assert choices.trial.machine.name == "hold"
    assert choices.trial.policy == HoldPolicy(limit_s=60)
    assert choices.rules is not None
    assert choices.until == Until(seq=5)
    assert choices_of(Request(recordings=(day.path,))) == Choices(trial=Trial())


def test_a_policy_of_another_machine(day: Day) -> None:
    """A policy that is none of the machine is refused."""
    policy = load_machine("connection").policy
    with pytest.raises(SpecError, match="is no policy of it"):
        verify([day.path], Choices(trial=Trial(policy=policy)))


def test_a_definition_of_another_machine(day: Day) -> None:
    """A definition of another machine is refused."""
    with pytest.raises(SpecError, match="is the machine 'connection'; the recording is of 'hold'"):
        verify([day.path], Choices(trial=Trial(machine=load_machine("connection"))))


def test_a_day_of_another_policy(tmp_path: Path) -> None:
    """A recording is replayed under its own policy, whatever today's default is."""
    day = record_day(tmp_path / "x.jsonl", callers=6, faults=faults_of_a_day())
    assert verify([day.path]).same
