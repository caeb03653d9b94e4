"""Forth and back through a recording: the same stops each way, with what there is to see."""

from pathlib import Path

import pytest
from rich.text import Text
from tests.support.recordings import RULES, Day, Edited

from hookflash.adapters.command_line.stepping import tour_of
from hookflash.adapters.replaying.choices import Request
from hookflash.adapters.replaying.screen import Line, frame, page
from hookflash.adapters.replaying.spots import SpottedLines, spotted
from hookflash.engine.replaying import tour as tour_module
from hookflash.engine.replaying.tour import Stop, Tour
from hookflash.machines.errors import ConfigurationError, MalformedRecord


def tour(path: Path, **wanted: object) -> Tour:
    request = Request(recordings=(path,), **wanted)  # type: ignore[arg-type]
    return tour_of(request, SpottedLines(path, path.name))


def here(one: Tour) -> Stop:
    assert one.stop is not None
    return one.stop


def seqs(day: Day) -> list[int]:
    return [day.raw(i)["seq"] for i in range(1, len(day.lines)) if "kind" not in day.raw(i)]


def test_forth_to_the_end(day: Day) -> None:
    """Every record is a stop, none differs, and after the last there is none."""
    one, found = tour(day.path), list[int]()
    while one.forward():
        stop = here(one)
        found.append(stop.seq)
        assert stop.divergences == ()
        assert stop.damages == ()
    assert found == seqs(day)
    assert here(one).seq == found[-1]
    assert not one.forward()


def test_back_to_the_beginning(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way back comes by the same stops, over many marks and few."""
    monkeypatch.setattr(tour_module, "EVERY", 20)
    monkeypatch.setattr(tour_module, "MARKS_MAX", 6)
    one, forth = tour(day.path), list[Stop]()
    while one.forward():
        forth.append(here(one))
    back = [here(one)]
    while one.back():
        back.append(here(one))
    assert [stop.seq for stop in reversed(back)] == [stop.seq for stop in forth]
    assert [stop.interaction for stop in reversed(back)] == [stop.interaction for stop in forth]
    assert not one.back()
    assert here(one).seq == forth[0].seq


def test_to_a_record(day: Day) -> None:
    """Any record is found from anywhere, before or behind; one that is not there is not."""
    one = tour(day.path)
    for seq in (500, 3, 400, 401, 400, 1):
        assert one.seek(seq)
        assert here(one).seq == seq
    assert not one.seek(10**9)
    assert here(one).seq == seqs(day)[-1]
    assert one.seek(1)


def test_to_refusals(day: Day) -> None:
    """The next refusal is an answer of the gateway, or a command that ended with an error."""
    one, count = tour(day.path), 0
    while one.next_refusal():
        count += 1
        followed = here(one).followed
        assert followed is not None
        effects = followed.recorded.effects
        assert followed.event == "refused" or any("error" in effect for effect in effects)
    assert count > 3


def test_to_divergences(edited: Edited) -> None:
    """The next divergence is the record that was changed, or the gap, with what there is to say."""
    index = edited.day.find(lambda raw: raw["event"]["type"] == "sent" and raw["seq"] > 50)
    edited.change(index, lambda raw: raw["effects"].clear())
    missing = edited.day.raw(300)["seq"]
    del edited.lines[300]
    one = tour(edited.write())
    assert one.next_divergence()
    stop = here(one)
    assert stop.seq == edited.day.raw(index)["seq"]
    assert any("effects[0]" in line.parts[0] for line in page(stop) if line.style == "red")
    while one.next_divergence() and not here(one).damages:
        pass
    assert [damage.seq for damage in here(one).damages] == [missing]
    assert any(line.label == "damage" for line in page(here(one)))


def test_records_in_another_order(edited: Edited) -> None:
    """A tour shows records as they stand, and says which stands wrong."""
    lines = edited.lines
    lines[100], lines[101] = lines[101], lines[100]
    one = tour(edited.write())
    assert one.next_divergence()
    assert one.next_divergence()
    assert [damage.kind for damage in here(one).damages] == ["misplaced"]


def test_one_interaction(ruled_day: Day) -> None:
    """Only its records are shown, and what its rules were asked."""
    interaction = ruled_day.raw(60)["interaction"]
    one, stops = tour(ruled_day.path, interaction=interaction.upper()), list[Stop]()
    while one.forward():
        stops.append(here(one))
    assert {stop.interaction.id for stop in stops} == {interaction}
    assert any(stop.asked is not None for stop in stops) or len(stops) > 3


def test_rules_and_their_traces(ruled_day: Day) -> None:
    """What rules decided is shown with why, and the timers that they wait for."""
    one, texts = tour(ruled_day.path), list[str]()
    while one.forward():
        for line in page(here(one)):
            texts += [line.label, *line.parts]
    said = "\n".join(texts)
    assert "many-holds: acted" in said
    assert "interaction.holds >= 2" in said
    assert "rule long-queueing in 60 s" in said
    assert "notify supervisor" in said
    assert "were asked" in said
    assert "other rules count from here on" in said


def test_rules_that_are_tried(ruled_day: Day, tmp_path: Path) -> None:
    """With other rules what they would have done differs where they would."""
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.replace("interaction.holds >= 2", "interaction.holds >= 3"), "utf-8")
    one = tour(ruled_day.path, rules=rules)
    assert one.next_divergence()
    assert here(one).divergences[0].field == "rules.many-holds"
    rules.write_text(RULES, "utf-8")
    assert not tour(ruled_day.path, rules=rules).next_divergence()


def test_too_many_interactions(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tour of very many interactions is refused, with what to do."""
    monkeypatch.setattr(tour_module, "KNOWN_MAX", 10)
    with pytest.raises(ConfigurationError, match="more than 10 interactions"):
        tour(day.path).seek(10**9)


def test_lines_of_what_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there is an error of ours."""
    with pytest.raises(MalformedRecord, match="cannot be read"), spotted(tmp_path / "x") as lines:
        next(lines.after((0, 1)))


# --- the screen -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5), (200, 60)])
def test_a_screen_is_as_large_as_the_terminal(ruled_day: Day, size: tuple[int, int]) -> None:
    """Whatever there is to say, rows and columns fit; what does not is counted."""
    one = tour(ruled_day.path)
    for _ in range(40):
        one.forward()
        for offset in (0, 3, 1000):
            rows = frame(page(here(one)), "title", "status", size, offset)
            assert len(rows) == size[1]
            assert all(row.cell_len <= size[0] for row in rows)
    text = [row.plain for row in frame(page(here(one)), "title", "n next", (30, 8), 0)]
    assert text[0].startswith("title")
    assert text[-1] == "n next"
    assert "lines more" in text[-2]


def test_a_line_is_broken_between_its_parts() -> None:
    """A part is broken only where it is longer than a line."""
    rows = [row.plain for row in Line("event", ("one two", "three four", "x" * 30)).wrapped(24)]
    assert rows == [
        "event     one two",
        "          three four",
        "          " + "x" * 14,
        "          " + "x" * 14,
        "          xx",
    ]
    words = Line("", ("a sentence that is longer than the line",)).wrapped(24)
    assert [row.plain.strip() for row in words] == ["a sentence", "that is longer", "than the line"]
    assert isinstance(words[0], Text)
