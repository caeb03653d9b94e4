"""The report page: what a recording says, whatever is in it."""

import gzip
import hashlib
import json
import re
from base64 import b64decode, b64encode
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.adapters.report.conftest import (
    HOSTILE,
    NUMBER,
    account,
    cannot_draw,
    header_of,
    hostile,
    write_files,
)
from tests.support.demo_run import DemoRun

from hookflash.adapters.report import assets, diagram, write_report
from hookflash.adapters.report.page import page_of
from hookflash.adapters.report.texts import plain
from hookflash.adapters.report.words import duration
from hookflash.adapters.specifications import load_machine
from hookflash.engine.traffic import traffic_of
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant
from hookflash.machines.records import InteractionState
from hookflash.machines.spec import parse_spec

VENDOR = Path(assets.__file__).parent / "vendor"


def page_about(records: Any, machine: Any = None) -> str:
    """The page about records, without a file."""
    page, _ = page_of(Path("recording.jsonl"), account(records, machine), None)
    return page


def columns_in(page: str) -> dict[str, Any]:
    """What the page's scripts work on."""
    found = re.search(r'id="data">([^<]*)<', page)
    assert found is not None
    columns: dict[str, Any] = json.loads(gzip.decompress(b64decode(found[1])))
    return columns


def drawing_in(page: str) -> str:
    """The diagram of the page."""
    found = re.search(r'<div class="diagram".*?</svg>', page, re.DOTALL)
    return "" if found is None else found[0].replace("\u00a0", " ")


def words_in(page: str) -> str:
    """What a reader without scripts sees."""
    body = re.sub(r"<(script|style|template)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def hash_of(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.fixture(scope="module")
def page(reports: Path) -> str:
    """The page about the play."""
    return (reports / "played.html").read_text("utf-8")


def test_figures_are_there_without_scripts(page: str, played: DemoRun) -> None:
    """What was recorded, how much, how commands ended, how often the machine moved."""
    words = words_in(page)

    for said in (
        "Holds on gateway.test:443",
        "2026-01-10 13:00:00 to 13:00:18 UTC",
        "Interactions 43",
        "Holds 38 2 by somebody else",
        "Reached the limit 7 5 released, 2 expired",
        "On hold at the end 0 nobody was left behind",
        f"Audit log {len(played.audit)} lines, chain whole",
        "not applied 1 0 sent, and proved not to have been carried out",
        "hold pending held 36 92.3%",
        "Numbers to dial and secrets are not on this page",
        load_machine("hold").spec.digest,
    ):
        assert said in words, said


def test_the_columns_say_what_the_records_say(page: str, played: DemoRun) -> None:
    """Every interaction, every record with its time and states, every hold."""
    columns = columns_in(page)
    table, texts = columns["interactions"], columns["texts"]

    assert table["id"] == list(dict.fromkeys(record.interaction_id for record in played.records))
    place = 0
    for number, interaction_id in enumerate(table["id"]):
        at, seq = table["begins"][number], 0
        for record in [one for one in played.records if one.interaction_id == interaction_id]:
            at += columns["steps_at"][place]
            seq += columns["seqs"][place]
            _, event, source, target, _ = columns["steps"][columns["kinds"][place]]
            assert at + columns["base"] == record.event.at
            assert seq == record.seq
            assert texts[event] == played.machine.event_name(record.event)
            assert (texts[source], texts[target]) == (record.source, record.target)
            place += 1
    assert place == len(played.records)
    assert len(columns["holds"]["i"]) == 38
    assert all(held is not None for held in columns["holds"]["until"])


def test_each_step_has_the_row_that_decided(page: str, played: DemoRun) -> None:
    """Stepping the recorded events anew tells the row, guards and all."""
    columns = columns_in(page)
    rows = {step[4] for step in columns["steps"]}

    assert -1 not in rows
    spec = load_machine("hold").spec
    for decision, reason, _, index in columns["rows"]:
        row = spec.rows[int(index)]
        assert (row.decision, row.reason) == (decision, columns["texts"][reason])


def test_the_page_is_the_same_for_the_same_recording(page: str, reports: Path) -> None:
    """Nothing in it depends on when or where it was made."""
    write_report(reports / "recording.jsonl", reports / "audit.jsonl", reports / "again.html")
    assert (reports / "again.html").read_text("utf-8") == page


def test_nothing_is_loaded_and_the_policy_says_so(page: str) -> None:
    """The policy names the hashes of just what is in the page, and nothing leads elsewhere."""
    policy = unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0])
    scripts = re.findall(r"<script(?: type=\"module\")?>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    hashes = re.findall(r"'sha256-([^']*)'", policy)

    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert hashes == [hash_of(text) for text in (*scripts, *styles)]
    assert len(scripts) == 2
    assert len(styles) == 1
    assert re.findall(r"""\b(?:src|href|action)=["'](?!#)[^"']*""", page) == []
    assert re.findall(r"@import|url\(", "".join(styles)) == []
    assert (
        re.findall(
            r"<[^<>]*\s(?:style|on\w+)=", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
        )
        == []
    )
    assert (
        re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", "".join(scripts)
        )
        == []
    )


def test_hostile_text_stays_out(reports: Path, played: DemoRun) -> None:
    """No text of the recording stands in the page as it came; secrets and numbers not at all."""
    page = (reports / "hostile.html").read_text("utf-8")
    texts = json.dumps(columns_in(page), ensure_ascii=False)

    assert "<img" not in page
    assert page.count("</script>") == 3
    for secret in ("hunter22", "2345678", NUMBER):
        assert secret not in page
        assert secret not in texts
    assert "</script><img src=x" in texts
    assert "[number]" in texts
    assert "password=[secret]" in texts
    assert "\\u0001\\u202e" not in json.dumps(columns_in(page))
    assert "x" * 201 not in texts


def test_hostile_names_of_files_and_gateways_are_escaped(played: DemoRun) -> None:
    """The header and the name of the file are text from outside too."""
    found = account(played.records, played.machine)
    found = evolve(found, header=evolve(found.header, gateway=HOSTILE, spec_hash=HOSTILE))
    page, _ = page_of(Path(f"{HOSTILE}.jsonl".replace("/", "")), found, None)

    assert "<img" not in page
    assert "&lt;/script&gt;&lt;img" in page
    assert "definition none" in words_in(page)


def test_an_empty_recording_has_a_page(reports: Path) -> None:
    """Nothing happened, and it says so; without an audit log none is spoken of."""
    words = words_in((reports / "empty.html").read_text("utf-8"))

    assert "no records" in words
    assert "Interactions 0 Holds 0" in words
    assert "no command ended" in words
    assert "Audit log" not in words


def test_a_broken_audit_log_stands_out(tmp_path: Path, played: DemoRun) -> None:
    """With the line where it breaks."""
    lines = [dict(line) for line in played.audit]
    lines[2]["actor"] = "somebody"
    files = write_files(tmp_path, played.machine, played.records, lines)
    written = write_report(files.recording, files.audit, tmp_path / "report.html")
    words = words_in((tmp_path / "report.html").read_text("utf-8"))

    assert "Audit log broken line 3 it was changed after it was written" in words
    assert written.audit is not None
    assert not written.audit.whole


def test_a_recording_of_another_machine_has_no_holds(tmp_path: Path) -> None:
    """It is refused, with the machine's name."""
    path = tmp_path / "connection.jsonl"
    path.write_bytes(encode_header(header_of(load_machine("connection"))))

    with pytest.raises(MalformedRecord, match="records the machine 'connection'"):
        write_report(path, None, tmp_path / "report.html")


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path, played: DemoRun) -> None:
    """It names the file, and nothing is left behind."""
    files = write_files(tmp_path, played.machine, [])
    (tmp_path / "taken").mkdir()

    with pytest.raises(ConfigurationError, match="cannot write"):
        write_report(files.recording, None, tmp_path / "taken")
    with pytest.raises(ConfigurationError, match="cannot write"):
        write_report(files.recording, None, tmp_path / "missing" / "report.html")
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")) == []


def test_a_part_of_a_journal_begins_with_who_is_on_hold(played: DemoRun) -> None:
    """Who was held before it has a lane, also where nothing more is said of the interaction."""
    machine = load_machine("hold")
    interaction = machine.start("before")
    observed = machine.implementation.events["observed_held"]
    step = machine.step(interaction, observed(Instant(5), Instant(5), "frame", "hold-1"))
    found = account([InteractionState(7, step.interaction), *played.records[:30]])
    columns = columns_in(page_of(Path("part.jsonl"), found, None)[0])

    assert columns["interactions"]["id"][0] == "before"
    assert columns["interactions"]["steps"][0] == 0
    assert columns["holds"]["since"][0] == 5 - columns["base"]
    assert columns["texts"][columns["holds"]["began"][0]] == "before the recording"


# --- the diagram ----------------------------------------------------------------------------------


def test_the_diagram_has_the_traffic_on_its_arrows(page: str) -> None:
    """How often each way was taken, and how long interactions stayed."""
    drawing = drawing_in(page)

    assert 'data-source="active" data-target="hold_pending"' in drawing
    assert "39 visits" in drawing
    assert "dwell p50" in drawing
    player = re.findall(r'<template id="player-diagram">(.*?)</template>', page, re.DOTALL)[0]
    assert 'data-state="held"' in player
    assert "visits" not in player


def test_without_pygraphviz_the_shipped_drawing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without figures, and without durations, which are another policy's; the tables are open."""
    monkeypatch.setattr(diagram, "draw_svg", cannot_draw)
    page, origin = page_of(Path("recording.jsonl"), account([]), None)
    drawing = drawing_in(page)

    assert origin == "shipped"
    assert 'data-state="unhold_pending"' in drawing
    assert "limit_timer_fired<" in drawing
    assert "15 min" not in drawing
    assert "<details open>" in page
    assert "The drawing is without figures" in page


def test_without_pygraphviz_another_definition_has_no_drawing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A drawing of something else would be worse than none."""
    monkeypatch.setattr(diagram, "draw_svg", cannot_draw)
    machine = load_machine("hold")
    other = parse_spec(machine.spec.text.replace("The interaction ended.", "It is over."), "other")
    found = diagram.diagrams_of(
        type(machine)(other, machine.implementation), traffic_of([], machine)
    )

    assert (found.page, found.origin) == ("", "none")


def test_other_errors_of_drawing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that nothing can draw has a way out."""

    def fail(*_: object, **__: object) -> str:
        raise ConfigurationError("the machine has too many states", source="machine")

    monkeypatch.setattr(diagram, "draw_svg", fail)
    machine = load_machine("hold")
    with pytest.raises(ConfigurationError, match="too many"):
        diagram.diagrams_of(machine, traffic_of([], machine))


def test_only_shapes_and_words_of_a_drawing_get_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would run, load or lead elsewhere is left out."""
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)" viewBox="0 0 1 1">'
        "<style>.hookflash-diagram { color: red }</style><script>alert(1)</script>"
        '<a href="https://elsewhere"><text>gone</text></a><g id="state-x" style="x" data-state="x">'
        '<path d="M0 0" onclick="alert(1)"/></g></svg>'
    )

    def draw(*_: object, **__: object) -> str:
        return drawing

    monkeypatch.setattr(diagram, "draw_svg", draw)
    machine = load_machine("hold").with_policy(evolve(load_machine("hold").policy, limit_s=77.0))
    found = diagram.diagrams_of(machine, traffic_of([], machine))

    assert found.page == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">'
        '<g id="state-x" data-state="x"><path d="M0 0" /></g></svg>'
    )
    assert found.style.startswith(".hookflash-diagram { color: red }")


# --- words ----------------------------------------------------------------------------------------


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
    assert duration(microseconds) == shown


def test_plain_text_is_one_line_without_what_it_hides() -> None:
    """Controls and marks of direction are shown as what cannot be shown; long texts are cut."""
    assert plain("a\x01b\nc\u202ed\u2066e") == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert plain("x" * 300) == "x" * 199 + "…"
    assert plain(f"call {NUMBER} now") == "call [number] now"


def test_the_codec_takes_the_hostile_recording(tmp_path: Path, played: DemoRun) -> None:
    """A file with such records is read like any other."""
    codec = RecordCodec(played.machine)
    records = hostile(played.records)
    lines = [codec.encode(record) for record in records]  # type: ignore[arg-type]
    path = tmp_path / "hostile.jsonl"
    path.write_bytes(encode_header(header_of(played.machine)) + b"".join(lines))

    written = write_report(path, None, tmp_path / "report.html")
    assert written.told == 43
    assert "<img" not in (tmp_path / "report.html").read_text("utf-8")
