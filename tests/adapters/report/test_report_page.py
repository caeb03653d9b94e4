"""The report page: what a recording says, whatever is in it."""

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
import trio
import trio.testing
from attrs import define, field
from tests.support.demo_run import DemoRun, run_in_memory
from tests.support.world import World, make_settings, open_world

from hookflash.adapters.report import History, history, page, write_report
from hookflash.adapters.specifications import load_machine
from hookflash.engine.commands import CommandResult
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import CommandError, ConfigurationError, MalformedRecord
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant
from hookflash.machines.policy import GroupPolicy, HoldPolicy
from hookflash.machines.records import Record

VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})
ID = "0000{:04d}-1111-4222-8333-444444444444"
NASTY = "<script>alert('&')</script> call +49 (171) 234-5678 password=hunter22"


@define
class Checked(HTMLParser):
    """A page that was read: its parts, and what is wrong with it."""

    ids: list[str] = field(factory=list[str])
    targets: list[str] = field(factory=list[str])
    tags: list[str] = field(factory=list[str])
    problems: list[str] = field(factory=list[str])
    text: str = ""
    _open: list[str] = field(factory=list[str])
    _captioned: bool = True

    def __attrs_pre_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.targets.append(str(found.get("href")))
        if tag == "th" and found.get("scope") not in {"row", "col"}:
            self.problems.append("a heading without a scope")
        if tag == "thead" and "caption" not in self.tags[-2:]:
            self.problems.append("a table without a caption")
        if {"src", "onclick", "style"} & found.keys():
            self.problems.append(f"{tag} has {sorted(found)}")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += f" {data}"


def check(path: Path) -> Checked:
    """Read a page; it is whole, needs nothing from elsewhere, and its links lead somewhere."""
    source = path.read_text(encoding="utf-8")
    checked = Checked()
    checked.feed(source)
    checked.close()
    assert checked.problems == []
    assert len(checked.ids) == len(set(checked.ids))
    assert {target for target in checked.targets if target[1:] not in checked.ids} == set()
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(checked.tags)
    assert "http" not in source.replace("http-equiv", "")
    assert '<html lang="en">' in source
    return checked


def write_files(
    folder: Path, records: Sequence[Record], audit: Sequence[Mapping[str, Any]]
) -> tuple[Path, Path]:
    """Write a recording and its audit log; return where they are."""
    recording, log = folder / "recording.jsonl", folder / "audit.jsonl"
    codec = RecordCodec(load_machine("hold"))
    created = Instant(records[0].event.at if records else 0)
    header = encode_header(codec.new_header("gateway.test:443", created))
    recording.write_bytes(b"".join((header, *map(codec.encode, records))))
    log.write_bytes(
        b"".join(orjson.dumps(dict(line), option=orjson.OPT_APPEND_NEWLINE) for line in audit)
    )
    return recording, log


@pytest.fixture(scope="module")
def played() -> DemoRun:
    """The demo's play: everything that can happen, happened."""
    return run_in_memory(5)


def test_the_page_tells_what_happened(tmp_path: Path, played: DemoRun) -> None:
    """What was recorded, figures, holds, noteworthy interactions, and each event."""
    recording, log = write_files(tmp_path, played.records, played.audit)
    told = write_report(recording, log, tmp_path / "report.html")
    checked = check(tmp_path / "report.html")
    words = " ".join(checked.text.split())

    assert "Holds on gateway.test:443, 2026-01-10" in words
    assert load_machine("hold").spec.digest in words
    assert "interactions 43 " in words
    assert f"lines of audit log, chain whole {len(played.audit)} " in words
    assert f"{told.commands} average time to success" in words
    assert len(told.holds) == told.holds_count == 38
    assert words.count(" by somebody else") >= 4
    for what in (
        "released at its limit, acknowledged",
        "stayed on hold past the limit, for somebody to decide",
        "a command was refused because the hold was past its limit",
        "released by somebody's decision",
        "an unhold was lost and sent once more",
        "an answer came late",
        "an answer came twice",
        "a command waited for the control socket",
        "the interaction ended while the caller was on hold",
        "hold requested: reason",
        "Somebody wants the caller on hold.",
        "4.0 s, passed",
        "code 409, “the agent is not on this interaction”",
        "put on hold by somebody else",
    ):
        assert what in words, what
    assert checked.tags.count("details") == 43
    assert all(part.id in words for part in played.cast)


def test_holds_are_told_from_the_states(played: DemoRun) -> None:
    """Their lengths, ends and limits are those of the play."""
    holds = {hold.interaction_id: hold for hold in History.of(played.records).holds}

    for part in played.cast:
        hold = holds.get(part.id)
        match part.role:
            case "denied group" | "already over" | "refused" | "lost hold":
                assert hold is None
            case "foreign hold":
                assert hold is not None
                assert (hold.began, hold.ended_by, hold.reason) == ("somebody else", "limit", None)
                assert hold.limit_passed
                assert 4_000_000 <= (hold.held_us or 0) <= 4_200_000
            case "expires":
                assert hold is not None
                assert (hold.ended_by, hold.limit_passed) == ("demo", True)
                assert (hold.held_us or 0) >= 5_500_000
            case "late ack":
                assert hold is not None
                assert (hold.began, hold.reason) == ("looked up", part.reason)
            case _:
                assert hold is not None
                assert hold.until is not None


async def _command(world: World, action: str, interaction_id: str, **fields: Any) -> None:
    call = getattr(world.controller, action)
    try:
        result: CommandResult = await call(interaction_id, priority=5, **fields)
        assert result.status == "success"
    except CommandError:
        return


async def test_a_hold_that_a_frame_confirmed_is_told_from_looked_up_ones(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Its acknowledgement never came, and nobody had to ask."""
    async with open_world() as world:
        call = ID.format(1)
        world.simulator.next_ack(call, lost=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: _command(world, "hold", call, reason="queueing"))
            await world.simulator.next_command(call)
            world.simulator.send_frame(world.state_frame(call, "held"))
        told = History.of(world.records)

        assert [line["outcome"] for line in world.audit_lines] == ["confirmed"]
        assert told.holds[0].began == "told unasked"
        (story,) = told.stories.values()
        assert (story.marks["unacknowledged"], story.marks["confirmed_by_lookup"]) == (1, 0)


async def _play_nasty() -> tuple[list[Record], list[dict[str, Any]]]:
    policy = HoldPolicy(policy=(GroupPolicy(skill_group="<i>sg</i>", deny=True),))
    async with open_world(settings=make_settings(policy)) as world:
        simulator = world.simulator
        first, second, third = (ID.format(number) for number in (1, 2, 3))
        await _command(
            world, "hold", first, reason="queueing", music=NASTY, prompt=NASTY, actor=NASTY
        )
        simulator.next_ack(second, refused={"code": NASTY, "message": NASTY}, with_state=True)
        await _command(world, "hold", second, reason="queueing")
        simulator.put(third, skill_group_id="<i>sg</i>")
        await _command(world, "hold", third, reason="queueing")
        await _command(world, "hold", "+49 171 2345678", reason=NASTY)
        return list(world.records), world.audit_lines


def test_nothing_of_what_people_type_gets_through(tmp_path: Path) -> None:
    """HTML is text, and numbers to dial and secrets are not on the page."""
    records, audit = trio.run(_play_nasty, clock=trio.testing.MockClock(autojump_threshold=0))
    recording, log = write_files(tmp_path, records, audit)
    write_report(recording, log, tmp_path / "report.html")
    checked = check(tmp_path / "report.html")
    source = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert "<script>alert('&')</script> call [number] password=[secret]" in checked.text
    assert "<i>" not in source
    assert "<i>sg</i>" in checked.text
    assert not [
        number for number in ("2345678", "234-5678", "hunter22", "(171)") if number in source
    ]
    assert ID.format(1) in checked.text
    assert "still on hold at the end 1" in " ".join(checked.text.split())


def test_an_empty_recording_has_a_page(tmp_path: Path) -> None:
    """Nothing happened, and it says so; without an audit log none is spoken of."""
    recording, _ = write_files(tmp_path, [], [])
    write_report(recording, None, tmp_path / "report.html")
    words = " ".join(check(tmp_path / "report.html").text.split())

    assert "holds 0" in words
    assert "audit log" not in words


def test_a_broken_audit_log_stands_out(tmp_path: Path, played: DemoRun) -> None:
    """With the line where it breaks."""
    lines = [dict(line) for line in played.audit]
    lines[2]["actor"] = "somebody"
    recording, log = write_files(tmp_path, played.records, lines)
    write_report(recording, log, tmp_path / "report.html")

    words = " ".join(check(tmp_path / "report.html").text.split())
    assert "audit log broken: it was changed after it was written" in words
    assert "line 3" in words


def test_what_is_too_much_is_counted(
    tmp_path: Path, played: DemoRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interactions, records, holds and rows beyond the bounds are left out, and it says so."""
    monkeypatch.setattr(history, "TOLD_MAX", 5)
    monkeypatch.setattr(page, "TOLD_MAX", 5)
    monkeypatch.setattr(history, "RECORDS_TOLD_MAX", 3)
    monkeypatch.setattr(page, "RECORDS_TOLD_MAX", 3)
    monkeypatch.setattr(history, "HOLDS_TOLD_MAX", 4)
    monkeypatch.setattr(page, "NOTEWORTHY_MAX", 2)
    monkeypatch.setattr(history, "FOLLOWED_MAX", 40)
    monkeypatch.setattr(page, "FOLLOWED_MAX", 40)
    recording, log = write_files(tmp_path, played.records, played.audit)
    told = write_report(recording, log, tmp_path / "report.html")
    checked = check(tmp_path / "report.html")
    words = " ".join(checked.text.split())

    assert checked.tags.count("details") == 5
    assert "35 further interactions are in the figures, but not told here" in words
    assert "after the first 3 are left out" in words
    assert f"{told.holds_count - 4} later ones are left out" in words
    assert f"{told.records_not_followed} of interactions after the first 40" in words
    assert told.records_not_followed > 0
    assert len(told.stories) == 40


def test_a_recording_may_begin_in_the_middle(tmp_path: Path, played: DemoRun) -> None:
    """A hold whose beginning is not recorded is told as such."""
    start = next(place for place, record in enumerate(played.records) if record.target == "held")
    held = played.records[start].interaction_id
    rest = [record for record in played.records[start + 1 :] if record.interaction_id == held]
    told = History.of(rest)

    assert (told.holds[0].since, told.holds[0].began) == (None, "before the recording")
    assert told.holds[0].until is not None
    assert told.holds_ended == 0
    codec = RecordCodec(load_machine("hold"))
    path = tmp_path / "rest.jsonl"
    header = codec.new_header("gateway.test", Instant(0), first_seq=7)
    renumbered = [
        Record(seq, one.interaction_id, one.event, one.source, one.target, one.effects)
        for seq, one in enumerate(rest, start=7)
    ]
    path.write_bytes(encode_header(header) + b"".join(map(codec.encode, renumbered)))
    write_report(path, None, tmp_path / "report.html")
    assert "before the recording" in check(tmp_path / "report.html").text


def test_a_limit_that_moves_is_followed(played: DemoRun) -> None:
    """Another limit, or another start of somebody else's hold, is the one that is told."""
    machine = load_machine("hold")
    implementation = machine.implementation.events
    interaction = machine.start(ID.format(9))
    records: list[Record] = []
    for seq, event in enumerate(
        [
            implementation["observed_held"](
                Instant(10_000_000), Instant(10_000_000), "frame", "hold-1"
            ),
            implementation["observed_held"](
                Instant(11_000_000), Instant(10_500_000), "lookup", "x", Instant(4_000_000)
            ),
            implementation["limit_changed"](Instant(12_000_000), 30.0),
            implementation["limit_timer_fired"](Instant(13_000_000), "hold-1", "y"),
        ],
        start=1,
    ):
        step = machine.step(interaction, event)
        state = step.interaction.state
        records.append(Record(seq, interaction.id, event, interaction.state, state, step.effects))
        interaction = step.interaction
    (hold,) = History.of(records).holds

    assert (hold.since, hold.limit_at, hold.limit_passed) == (4_000_000, 34_000_000, False)
    assert (hold.actor, hold.until, hold.ended) == ("foreign", None, "")


def test_a_recording_of_another_machine_has_no_holds(tmp_path: Path) -> None:
    """It is refused, with the machine's name."""
    machine = load_machine("connection")
    path = tmp_path / "connection.jsonl"
    path.write_bytes(encode_header(RecordCodec(machine).new_header("x", Instant(0))))

    with pytest.raises(MalformedRecord, match="records the machine 'connection'"):
        write_report(path, None, tmp_path / "report.html")


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """It names the file, and nothing is left behind."""
    recording, _ = write_files(tmp_path, [], [])
    (tmp_path / "taken").mkdir()

    with pytest.raises(ConfigurationError, match="cannot write"):
        write_report(recording, None, tmp_path / "taken")
    with pytest.raises(ConfigurationError, match="cannot write"):
        write_report(recording, None, tmp_path / "missing" / "report.html")
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [
        (None, "not recorded"),
        (0, "0.00 s"),
        (420_000, "0.42 s"),
        (12_340_000, "12.3 s"),
        (59_960_000, "1:00 min"),
        (125_000_000, "2:05 min"),
        (3_725_000_000, "1:02:05 h"),
    ],
)
def test_durations_are_as_people_read_them(microseconds: int | None, shown: str) -> None:
    """Short ones to the hundredth of a second, long ones in hours."""
    from hookflash.adapters.report.words import duration  # noqa: PLC0415 - this test only

    assert duration(microseconds) == shown
