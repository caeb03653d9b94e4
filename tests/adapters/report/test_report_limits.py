"""What a report does with more than it can hold, and with recordings that cannot be followed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.adapters.report.conftest import account, ruling_of, with_rules
from tests.support.demo_run import DemoRun

from hookflash.adapters.report import History, chronicle, history, texts
from hookflash.adapters.report.chronicle import Chronicle, Told
from hookflash.adapters.report.page import page_of
from hookflash.adapters.specifications import load_machine
from hookflash.machines.effects import LookUp
from hookflash.machines.events import Acknowledged
from hookflash.machines.instants import Instant
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import PolicyChange, Record, RulesAsked
from hookflash.machines.rules.facts import RuleEvent


def quiet(number: int, at: int) -> Record:
    """The record of an interaction to which nothing worth telling happens."""
    event = load_machine("hold").implementation.events["observed_active"](
        Instant(at), Instant(at), "frame", "unused"
    )
    return Record(number, f"quiet-{number}", event, "active", "active", (), begins=True)


def told_ids(found: Chronicle) -> list[str]:
    """The interactions that are told one by one."""
    return [told.story.id for told in found.told.values()]


def test_quiet_interactions_are_let_go_first(
    monkeypatch: pytest.MonkeyPatch, played: DemoRun
) -> None:
    """What somebody opens a report for stays, however much comes after it."""
    monkeypatch.setattr(chronicle, "TOLD_MAX", 40)
    last = played.records[-1]
    later = [quiet(last.seq + number, last.event.at + number) for number in range(1, 200)]
    found = account([*played.records, *later], played.machine)
    stories = found.history.stories.values()
    noteworthy = {story.id for story in stories if story.marks}

    assert len(found.chronicle.told) == 40
    assert noteworthy <= set(told_ids(found.chronicle))
    assert len(stories) == 43 + 199
    page, _ = page_of(Path("recording.jsonl"), found, None)
    assert "202 of 242 interactions are in the figures, but not told one by one" in page


def test_where_all_are_noteworthy_later_ones_are_left_out(
    monkeypatch: pytest.MonkeyPatch, played: DemoRun
) -> None:
    """Nothing is let go for something that may be less worth telling."""
    monkeypatch.setattr(chronicle, "TOLD_MAX", 3)
    monkeypatch.setattr(chronicle, "_LOOKED_AT_MAX", 2)
    found = account(played.records, played.machine)

    assert len(found.chronicle.told) == 3
    assert len(found.history.stories) == 43


def test_an_interaction_that_comes_back_is_told_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was let go is counted, and marks stand at steps that there are."""
    monkeypatch.setattr(chronicle, "TOLD_MAX", 1)
    first, second = quiet(1, 10), quiet(2, 20)
    again = evolve(first, seq=3, begins=False)
    found = account([first, second, again])

    (told,) = found.chronicle.told.values()
    assert (told.story.id, told.before, len(told.at)) == ("quiet-1", 1, 1)


def test_steps_of_one_interaction_are_bounded(
    monkeypatch: pytest.MonkeyPatch, played: DemoRun
) -> None:
    """Later ones are counted, and the page says how many."""
    monkeypatch.setattr(chronicle, "STEPS_EACH_MAX", 3)
    found = account(played.records, played.machine)

    assert max(len(told.at) for told in found.chronicle.told.values()) == 3
    left_out = sum(told.more for told in found.chronicle.told.values())
    assert left_out == len(played.records) - sum(
        len(told.at) for told in found.chronicle.told.values()
    )
    page, _ = page_of(Path("recording.jsonl"), found, None)
    assert f"{left_out:,} steps of interactions with very many are left out" in page


def test_steps_of_all_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quiet interactions make room; one does not make room for itself."""
    monkeypatch.setattr(chronicle, "STEPS_MAX", 2)
    first, second, third = quiet(1, 10), quiet(2, 20), quiet(3, 30)
    found = account([first, second, third, evolve(third, seq=4, begins=False)])

    assert told_ids(found.chronicle) == ["quiet-3"]
    (told,) = found.chronicle.told.values()
    assert (len(told.at), told.more) == (2, 0)
    more = account([first, *(evolve(first, seq=seq, begins=False) for seq in range(2, 6))])
    (told,) = more.chronicle.told.values()
    assert (len(told.at), told.more) == (2, 3)


def test_interactions_beyond_the_bound_are_in_no_figure(
    monkeypatch: pytest.MonkeyPatch, played: DemoRun
) -> None:
    """But their records are counted, and the page says so."""
    monkeypatch.setattr(history, "FOLLOWED_MAX", 40)
    found = account(played.records, played.machine)

    assert len(found.history.stories) == 40
    assert found.history.records_not_followed > 0
    page, _ = page_of(Path("recording.jsonl"), found, None)
    assert f"{found.history.records_not_followed} records of interactions after the first" in page


def test_holds_and_acknowledgements_are_bounded(
    monkeypatch: pytest.MonkeyPatch, played: DemoRun
) -> None:
    """The figures have all, the distributions the first ones."""
    monkeypatch.setattr(history, "HOLDS_TOLD_MAX", 4)
    found = account(played.records, played.machine)

    assert len(found.history.holds) == len(found.history.acks) == 4
    assert (found.history.holds_count, found.history.acks_count) == (38, 63)
    page, _ = page_of(Path("recording.jsonl"), found, None)
    assert "The distributions are of the first 4 holds" in page


def test_different_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond are one text that says so."""
    monkeypatch.setattr(texts, "TEXTS_MAX", 4)
    kept = texts.Texts()
    assert [kept.number(text) for text in ("a", "b", "c", "a")] == [2, 3, 1, 2]
    assert kept.line(texts.Line(f"due {texts.DURATION}", (7,))) == (1, ())
    monkeypatch.setattr(texts, "TEXTS_LENGTH_MAX", 3)
    kept = texts.Texts()
    assert [kept.number(text) for text in ("ab", "cd", "e")] == [2, 1, 3]


def test_lines_and_traces_of_one_step_are_bounded() -> None:
    """More are counted in their place."""
    record = evolve(quiet(1, 10), effects=(LookUp(),) * 40)
    trace = ruling_of(Instant(10), "quiet-1").trace
    assert trace is not None
    long = evolve(ruling_of(Instant(10), "quiet-1"), trace=evolve(trace, rules=trace.rules * 50))
    found = account([evolve(record, rules=long)])

    (told,) = found.chronicle.told.values()
    assert told.shape[0] & 15 == 15
    assert "and 26 more" in found.chronicle.texts.texts
    (text,) = (found.chronicle.texts.texts[number] for _, number in told.traces)
    assert text.count("\n") == 79
    assert text.endswith("more lines")


# --- rules ----------------------------------------------------------------------------------------


def test_what_rules_said_stands_with_its_step(played: DemoRun) -> None:
    """Beside the machine's steps, and as steps of their own where rules were asked beside it."""
    found = account(with_rules(played.records), played.machine)
    told = list(found.chronicle.told.values())

    traces = sum(len(one.traces) for one in told)
    asked = sum(one.seq.count(0) for one in told)
    assert traces == len(played.records) // 5 + len(played.records) // 50
    assert asked == len(played.records) // 50
    assert any("close-to-limit: acted" in text for text in found.chronicle.texts.texts)
    assert any("hold.reason" in text for text in found.chronicle.texts.texts)


def test_an_alarm_of_rules_is_told() -> None:
    """The bound on loops, for instance; and events of the file's own have their name."""
    record = quiet(1, 10)
    ruling = evolve(ruling_of(Instant(20), "quiet-1"), trace=None, alarm="a loop of rules")
    asked = RulesAsked(Instant(20), "QUIET-1", RuleEvent(Instant(20), "shift_ends"), ruling)
    unknown = evolve(asked, interaction_id="nobody")
    found = account([record, asked, unknown])

    (told,) = found.chronicle.told.values()
    assert [found.chronicle.texts.texts[number] for _, number in told.traces] == [
        "  ! a loop of rules"
    ]
    assert "shift ends" in found.chronicle.texts.texts
    assert len(told.at) == 2


# --- recordings that cannot be followed -----------------------------------------------------------


def unknown_rows(told: Sequence[Told], found: Chronicle) -> int:
    """How many steps do not say which row decided."""
    return sum(found.steps[step][4] < 0 for one in told for step in one.step)


def test_rows_are_told_by_the_policy_that_counted(played: DemoRun) -> None:
    """A change of policy counts from where it stands; under a wrong one some rows are not known."""
    policy = load_machine("hold", played.machine.policy)
    right = account(played.records, policy)
    wrong = account(played.records, load_machine("hold", HoldPolicy(ack_timeout_s=77.0)))

    assert unknown_rows([*right.chronicle.told.values()], right.chronicle) == 0
    assert unknown_rows([*wrong.chronicle.told.values()], wrong.chronicle) > 0
    fields: dict[str, Any] = {"ack_timeout_s": 77.0}
    changed = account([PolicyChange(Instant(0), fields), *played.records], policy)
    assert unknown_rows([*changed.chronicle.told.values()], changed.chronicle) > 0


def test_a_policy_that_cannot_be_read_is_no_trouble(played: DemoRun) -> None:
    """Rows may be missing then; all else is told."""
    nonsense = PolicyChange(Instant(0), {"limit_s": "long"})
    found = account([nonsense, *played.records], played.machine)
    assert len(found.chronicle.told) == 43


def test_a_recording_may_begin_in_the_middle(played: DemoRun) -> None:
    """A hold whose beginning is not recorded is told as such, and counts in no length."""
    start = next(place for place, record in enumerate(played.records) if record.target == "held")
    held = played.records[start].interaction_id
    rest = [one for one in played.records[start + 1 :] if one.interaction_id == held]
    told = History.of(rest)

    assert (told.holds[0].since, told.holds[0].began) == (None, "before")
    assert told.holds[0].until is not None
    assert told.holds_ended == 0
    page, _ = page_of(Path("rest.jsonl"), account(rest, played.machine), None)
    assert "Holds</dt><dd>1<" in page


def test_holds_of_the_play_are_told_from_the_states(played: DemoRun) -> None:
    """Their lengths, ends and limits are those of the play."""
    holds = {hold.interaction_id: hold for hold in History.of(played.records).holds}
    for part in played.cast:
        hold = holds.get(part.id)
        match part.role:
            case "denied group" | "already over" | "refused" | "lost hold":
                assert hold is None
            case "foreign hold":
                assert hold is not None
                assert (hold.began, hold.ended, hold.limit_passed) == ("foreign", "limit", True)
            case "expires":
                assert hold is not None
                assert (hold.ended_by, hold.limit_passed) == ("demo", True)
            case _:
                assert hold is not None
                assert hold.until is not None


def test_acknowledgements_are_measured_from_the_frame(played: DemoRun) -> None:
    """Late ones too, and each once."""
    found = History.of(played.records)
    in_time = [us for _, us, _, late in found.acks if not late]
    late = [us for _, us, _, is_late in found.acks if is_late]

    assert found.acks_count == len(found.acks) == 63
    assert len(late) == 3
    assert max(in_time) < 1_000_000 < min(late)
    assert {is_hold for _, _, is_hold, _ in found.acks} == {True, False}


def test_a_story_keeps_its_first_places_only(played: DemoRun) -> None:
    """Marks are all counted; their places are bounded."""
    late = next(
        one
        for one in played.records
        if isinstance(one.event, Acknowledged) and one.source == one.target
    )
    records = [
        evolve(late, seq=seq, event=evolve(late.event, correlation_id=f"frame-{seq}"))
        for seq in range(1, 501)
    ]
    (story,) = History.of(records).stories.values()
    assert (story.marks["late"], len(story.places)) == (500, 100)
