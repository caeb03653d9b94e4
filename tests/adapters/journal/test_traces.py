"""What rules decided about one interaction, read out of journals and recordings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs
from tests.support.explained import OTHER, VIP, recording_of_rules
from tests.support.journals import (
    AT,
    DAY_S,
    Play,
    go_on,
    keep_house,
    open_journal,
    write,
)

from hookflash.adapters.journal import kept, traces
from hookflash.adapters.journal.interchange import import_recordings
from hookflash.adapters.journal.reading import JournalReader
from hookflash.adapters.journal.traces import (
    CommandEnd,
    Considered,
    Standing,
    read_rulings,
    read_story,
)
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.instants import Instant
from hookflash.machines.records import ActionsDone, RulesAsked, RulesChange
from hookflash.machines.rule_lines import encode_aside
from hookflash.machines.rules.facts import RuleEvent
from hookflash.machines.rules.memory import NO_MEMORY
from hookflash.machines.rules.ruling import Ruling


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two interactions under three rules."""
    return recording_of_rules(tmp_path_factory.mktemp("rules") / "rules.jsonl")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal is."""
    folder = tmp_path / "journal"
    folder.mkdir()
    return folder / "hookflash.db"


def rules_told(told: Iterator[Considered]) -> list[str]:
    """What became of rules, in order."""
    return [
        f"{one.event}: {trace.rule} {trace.verdict}"
        for one in told
        if one.ruling is not None and one.ruling.trace is not None
        for trace in one.ruling.trace.rules
    ]


def test_rulings_come_in_their_order(recording: Path) -> None:
    """Those of one interaction, whatever case it is typed in, with what they were about."""
    found = list(read_rulings(recording, VIP.upper()))
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert rules_told(iter(found)) == [
        "acknowledged: consultation-too-long waiting",
        "acknowledged: vip-release-early waiting",
        "acknowledged: third-hold temporal",
        "rule:consultation-too-long: consultation-too-long acted",
        "rule:vip-release-early: vip-release-early acted",
    ]
    acknowledged = next(one for one in found if one.event == "acknowledged")
    assert (acknowledged.source, acknowledged.target) == ("hold_pending", "held")
    assert acknowledged.seq is not None
    fired = next(one for one in found if one.is_timer)
    assert (fired.seq, fired.source, fired.target) == (None, "held", "held")
    assert not any(one.kept for one in found)
    assert list(read_rulings(recording, "somebody else")) == []


def test_a_story_has_what_ended_and_what_was_done(recording: Path) -> None:
    """Rules that count, ends of commands, actions that were carried out."""
    told = list(read_story(recording, OTHER))
    assert [type(one) for one in told[:2]] == [RulesChange, Considered]
    ends = [end for one in told if isinstance(one, Considered) for end in one.ends]
    assert [(end.action, end.actor, end.outcome) for end in ends] == [
        ("hold", "caller", "confirmed"),
        ("unhold", "caller", "confirmed"),
    ]
    assert isinstance(ends[0], CommandEnd)
    assert ends[0].error == ends[0].message == ""
    done = [one for one in read_story(recording, VIP) if isinstance(one, ActionsDone)]
    assert len(done) == 1
    assert not any(isinstance(one, ActionsDone) for one in told)


def test_a_journal_tells_what_its_recording_does(recording: Path, path: Path) -> None:
    """Of the same lines the same."""
    import_recordings([recording], path)
    for one in (VIP, OTHER):
        assert list(read_story(path, one)) == list(read_story(recording, one))


async def test_what_is_kept_comes_first(path: Path) -> None:
    """Days in recordings, the database, and the tail of a running engine: one story."""
    play = Play(every_s=DAY_S / 30)
    for day in range(4):
        journal = open_journal(path)
        go_on(journal)
        if day == 0:
            journal.append([], [], None, play.load())
        write(journal, play, 30, batch=1)
        journal.close()
    whole = list(read_rulings(path, "A"))
    now = Instant(AT + round(3.9 * DAY_S * 1_000_000))
    journal = open_journal(path, keep_days=1, now=lambda: now)
    go_on(journal)
    await keep_house(journal)
    write(journal, play, 12, batch=1)

    found = list(read_rulings(path, "A"))
    left = [one for one in found if one.kept]
    rest = [one for one in found if not one.kept]
    assert found == [*left, *rest]
    assert left
    assert all(one.ruling is not None and one.ruling.is_rare for one in left)
    first = rest[0].at
    rare = [one for one in whole if one.ruling is not None and one.ruling.is_rare]
    assert [one.at for one in left] == [one.at for one in rare if one.at < first]
    assert rest[-1].at > whole[-1].at
    assert [one.at for one in rest if one.at <= whole[-1].at] == [
        one.at for one in whole if one.at >= first
    ]
    story = list(read_story(path, "A"))
    standing = [one for one in story if isinstance(one, Standing)]
    assert len(standing) == 1
    assert standing[0].rules is not None
    assert sum(isinstance(one, RulesChange) for one in story) == 1
    journal.close()


async def test_a_day_that_is_retired_meanwhile_is_not_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what is kept and the first line of the journal a day goes: it is looked again."""
    play = Play(every_s=DAY_S / 30)
    for day in range(4):
        journal = open_journal(path)
        go_on(journal)
        if day == 0:
            journal.append([], [], None, play.load())
        write(journal, play, 30, batch=1)
        journal.close()
    whole = list(read_rulings(path, "a"))
    now = Instant(AT + round(3.9 * DAY_S * 1_000_000))
    journal = open_journal(path, keep_days=1, now=lambda: now)
    go_on(journal)
    await keep_house(journal)
    kept_lines, contents = kept.kept_lines, JournalReader.contents
    first_looks, firsts = iter([True]), iter([1])

    def none_yet(*arguments: Any) -> Any:
        """What was kept before the days went: nothing."""
        return iter(()) if next(first_looks, False) else kept_lines(*arguments)

    def contents_before(reader: JournalReader) -> Any:
        """Where the journal began before the days went, at the first look."""
        found = contents(reader)
        return attrs.evolve(found, first=next(firsts, found.first))

    monkeypatch.setattr(traces, "kept_lines", none_yet)
    monkeypatch.setattr(JournalReader, "contents", contents_before)
    found = list(read_rulings(path, "a"))
    journal.close()
    rare = [one.at for one in whole if one.ruling is not None and one.ruling.is_rare]
    assert set(rare) <= {one.at for one in found}


# --- lines of any making --------------------------------------------------------------------------


def lines_of(recording: Path) -> list[bytes]:
    """Return the lines of a recording."""
    return recording.read_bytes().splitlines(keepends=True)


def plain(line: bytes, **changes: Any) -> bytes:
    """Return a line as somebody else writes it."""
    raw = json.loads(line) | changes
    del raw["sum"]
    return json.dumps(raw, indent=None).encode() + b"\n"


def test_lines_of_others_are_read(recording: Path, tmp_path: Path) -> None:
    """With white space, other orders and no checksums; ids of any kind."""
    copy = tmp_path / "other.jsonl"
    odd = 'Grün "5" \\ ÄÖ'
    lines = [plain(line) for line in lines_of(recording)]
    quoted = json.dumps(odd).encode()
    lines = [line.replace(f'"{VIP}"'.encode(), quoted) for line in lines]
    copy.write_bytes(b"".join(lines))

    expected = rules_told(read_rulings(recording, VIP))
    assert rules_told(read_rulings(copy, odd)) == expected
    assert rules_told(read_rulings(copy, odd.upper())) == expected


def test_own_events_and_other_rules_have_their_states(recording: Path, tmp_path: Path) -> None:
    """An event of the rules file names the state itself."""
    asked = RulesAsked(AT, VIP, RuleEvent(AT, "agent_back", "held", "held"), Ruling(NO_MEMORY))
    copy = tmp_path / "more.jsonl"
    copy.write_bytes(lines_of(recording)[0] + encode_aside(asked))
    (told,) = read_rulings(copy, VIP)
    assert (told.event, told.is_timer, told.source, told.target) == (
        "agent_back",
        False,
        "held",
        "held",
    )


def test_a_line_that_speaks_of_others_is_passed_over(recording: Path, tmp_path: Path) -> None:
    """An id in a message is no interaction; neither are headers, changes of policy and the like."""
    copy = tmp_path / "more.jsonl"
    lines = lines_of(recording)
    about = next(line for line in lines if b'"kind":"rules"' in line)
    done = next(line for line in lines if b'"actions_done"' in line)
    record = next(line for line in lines if line.startswith(b'{"seq":1,'))
    state = b'{"kind":"interaction","seq":1,"interaction":{"id":"x","state":"held"},"y":"here"}\n'
    policy = b'{"kind":"policy","at":"here"}\n'
    others = [
        plain(record, interaction="elsewhere", note="here"),
        plain(done, interaction="elsewhere", ids=["here"]),
    ]
    other = plain(about, interaction="elsewhere").replace(b"rule:", b"rule:here-")
    copy.write_bytes(b"".join([lines[0], *others, other, state, policy]))

    assert list(read_story(copy, "here")) == []
    told = list(read_story(copy, "elsewhere"))
    assert [type(one) for one in told] == [Considered, ActionsDone, Considered]
    assert [Standing("held", None)] == list(read_story(copy, "X"))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b'"serial":2', b'"serial":7', "the checksum does not fit"),
        (b'"serial":2', b'"serial":"2"', "$.rules.memory.serial: expected a whole number"),
        (b'"to":"held"', b'"two":"held"', "tells nothing of an interaction: 'to'"),
        (b'"type":"end_command"', b'"tipe":"end_command"', "tells nothing of an interaction"),
        (b'"to":"held"', b'"to":{}', "$.to: expected text"),
        (b'"type":"acknowledged"', b'"type":["x"]', "$.event.type: expected text"),
        (b'"seq":', b'"seq":0.5,"seq_":', "$.seq: expected a whole number"),
        (b'"type":"end_command",', b'"type":"end_command","error":{},', "].error: expected text"),
        (b'"command_id":', b'"command_id":5,"other":', "].command_id: expected text"),
    ],
)
def test_a_damaged_line_is_named(
    recording: Path, tmp_path: Path, old: bytes, new: bytes, problem: str
) -> None:
    """With its place; of other interactions it does not matter."""
    copy = tmp_path / "damaged.jsonl"
    lines = lines_of(recording)
    at = next(index for index, line in enumerate(lines) if b"end_command" in line)
    changed = lines[at].replace(old, new)
    assert changed != lines[at]
    lines[at] = changed if "checksum" in problem else plain(changed)
    copy.write_bytes(b"".join(lines))
    with pytest.raises(MalformedRecord) as caught:
        list(read_story(copy, VIP))
    assert caught.value.message.startswith(f"{copy}: line {at + 1}: ")
    assert problem in caught.value.message
    assert rules_told(read_rulings(copy, OTHER)) == rules_told(read_rulings(recording, OTHER))


def test_a_torn_last_line_is_left_out(recording: Path, tmp_path: Path) -> None:
    """A crash is no damage."""
    copy = tmp_path / "torn.jsonl"
    lines = lines_of(recording)
    at = max(index for index, line in enumerate(lines) if VIP.encode() in line)
    copy.write_bytes(b"".join(lines[: at + 1])[:-10])
    with capture_logs() as logs:
        found = list(read_story(copy, VIP))
    assert "recording.torn_line_left_out" in str(logs)
    assert found == list(read_story(recording, VIP))[: len(found)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "it is empty"), (b"{}\n", "expected 'recording'"), (None, "cannot be read")],
)
def test_what_is_no_recording_is_named(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """An empty file, another one, none."""
    path = tmp_path / "file.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MalformedRecord, match=problem):
        list(read_story(path, VIP))
