"""What rules decided survives all that a journal goes through: restarts, retirement, crashes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.journals import (
    AT,
    DAY_S,
    MACHINE,
    RULES,
    RULES_TEXT,
    Play,
    crashed,
    go_on,
    keep_house,
    open_journal,
    recovered_of,
    tails_of,
    write,
)

from hookflash.adapters.journal import MemoryJournal, read_entries
from hookflash.adapters.journal.checking import check, repair
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.interchange import export, import_recordings
from hookflash.adapters.journal.recording import read_header, recording_lines
from hookflash.adapters.rules_files import names_of
from hookflash.engine.ports import Journal
from hookflash.engine.recovery import Recovered, recover
from hookflash.engine.rule_messages import Remark
from hookflash.machines.instants import Instant
from hookflash.machines.lines import kind_of
from hookflash.machines.records import (
    ActionsDone,
    Aside,
    Entry,
    InteractionState,
    Record,
    RulesAsked,
    RulesChange,
    Told,
)
from hookflash.machines.rules.ruleset import parse_rules

OTHER_RULES = parse_rules(RULES_TEXT.replace("3s", "4s"), "rules.toml", names_of())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    folder = tmp_path / "journal"
    folder.mkdir()
    return folder / "hookflash.db"


@pytest.fixture(params=["process", "power", "memory"])
def journal(request: pytest.FixtureRequest, path: Path) -> Iterator[Journal]:
    """A journal of each kind."""
    made: Journal = (
        MemoryJournal()
        if request.param == "memory"
        else open_journal(path, synced=request.param == "power")
    )
    yield made
    made.close()


def entries_of(path: Path) -> list[Record | Aside]:
    """Return records and asides of a journal or recording."""
    return [one for one in read_entries(path, MACHINE) if isinstance(one, Record | Aside)]


def folded(path: Path) -> Recovered:
    """Fold a journal or recording from its beginning."""
    header = read_header(path)
    definitions = Definitions(header, MACHINE, str(path))
    return recover(definitions, header, read_entries(path, MACHINE, definitions), str(path))


def ruled_play() -> Play:
    """A play with a record a second, whose rules are loaded with the journal."""
    return Play(every_s=1.0)


def begin(journal: Journal, play: Play) -> None:
    """Let the rules count."""
    journal.append([], [], None, play.load())


# --- the contract of both -------------------------------------------------------------------------


def test_what_rules_decided_is_kept_in_order(journal: Journal, path: Path) -> None:
    """Rulings in their records, and asides before the records of their turn."""
    play = ruled_play()
    begin(journal, play)
    for _ in range(30):
        asides = play.due()
        journal.append(*play.next(1), None, asides)
    journal.append([], [], None, play.due())

    assert journal.next_seq == 31
    found: list[Entry] = (
        list(journal.entries) if isinstance(journal, MemoryJournal) else list(entries_of(path))
    )
    assert found == play.entries
    kinds = [type(one) for one in found]
    assert {RulesChange, RulesAsked, ActionsDone, Record} == set(kinds)
    assert any(one.rules is not None for one in play.records)
    assert any(one.rules is None for one in play.records)


def test_asides_alone_are_kept(journal: Journal, path: Path) -> None:
    """Also with what monitors were told, and without a record."""
    play = ruled_play()
    begin(journal, play)
    for _ in range(9):
        journal.append(*play.next(1))
    asides = play.due()
    assert asides
    journal.append([], [], 9, asides)

    found = list(journal.entries) if isinstance(journal, MemoryJournal) else list(entries_of(path))
    assert found == play.entries


# --- restarts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["closed", "crashed"])
@pytest.mark.parametrize("segment_records", [4, 1000])
def test_the_memory_of_rules_survives_a_restart(path: Path, how: str, segment_records: int) -> None:
    """The snapshot has it, also where only an aside changed it; the fold agrees at each end."""
    play, waited = ruled_play(), 0
    for run in range(12):
        journal = open_journal(path, segment_records=segment_records)
        assert go_on(journal).interactions == play.known
        if run == 0:
            begin(journal, play)
        write(journal, play, run, batch=2)
        journal.append([], [], None, play.due())
        waited += any(one.rules.memory.waits for one in play.known.values() if one.rules)
        if how == "crashed":
            path = crashed(path)
        journal.close()
        assert folded(path).interactions == play.known
    journal = open_journal(path)
    found = recovered_of(journal)
    journal.close()

    assert found.interactions == play.known
    assert found.rules == play.asides[0][1]
    assert waited >= 3
    assert entries_of(path) == play.entries
    assert check(path).whole


async def test_the_snapshot_has_what_only_an_aside_changed(path: Path) -> None:
    """House is kept between the records and an aside: the next start reads no record again."""
    play = ruled_play()
    journal = open_journal(path, segment_records=6)
    begin(journal, play)
    write(journal, play, 12, batch=1)
    await keep_house(journal)
    asides = play.due()
    journal.append([], [], None, asides)
    journal.close()
    assert asides

    journal = open_journal(path)
    header, entries = journal.recovery()
    states = list(entries)
    assert header.first_seq == 13
    assert sum(isinstance(one, InteractionState) for one in states) == 3
    assert not any(isinstance(one, Record | RulesAsked | ActionsDone) for one in states)
    found = recover(journal.definitions, header, states, "journal")
    assert found.interactions == play.known
    assert found.rules == play.asides[0][1]
    journal.close()


def test_remarks_that_the_audit_log_lacks_are_found(path: Path) -> None:
    """An annotation is as good as journaled: recovery hands it to the audit log."""
    play = ruled_play()
    journal = open_journal(path)
    begin(journal, play)
    write(journal, play, 60, batch=1)
    path = crashed(path)
    journal.close()

    journal = open_journal(path)
    remarks = [one for one, _, _ in go_on(journal).ends if isinstance(one, Remark)]
    journal.close()
    assert ["held again"] * 3 == [one.text for one in remarks]
    assert {"rule:note"} == {one.actor for one in remarks}


def test_no_rules_count_any_more(path: Path) -> None:
    """That, too, is known after a restart, from the snapshot as from the lines."""
    play = ruled_play()
    journal = open_journal(path)
    begin(journal, play)
    write(journal, play, 7)
    journal.append([], [], None, play.load(None))
    journal.close()
    journal = open_journal(path)
    assert go_on(journal).rules is None
    write(journal, play, 7)
    journal.append([], [], None, play.load(OTHER_RULES))
    path = crashed(path)
    journal.close()
    journal = open_journal(path)
    found = go_on(journal).rules
    journal.close()
    assert found is not None
    assert (found.digest, found.text) == (OTHER_RULES.digest, OTHER_RULES.text)


@pytest.mark.parametrize("crashes", [False, True])
def test_what_rules_left_does_not_come_back_with_others(path: Path, *, crashes: bool) -> None:
    """A run without rules forgets what the snapshot has of interactions that nothing touched."""
    play = ruled_play()
    journal = open_journal(path)
    begin(journal, play)
    write(journal, play, 9, batch=1)
    journal.close()
    journal = open_journal(path)
    assert all(one.rules is not None for one in go_on(journal).interactions.values())
    journal.append([], [], None, play.load(None))
    for rules in (OTHER_RULES, None):
        path = crashed(path) if crashes else path
        journal.close()
        journal = open_journal(path)
        found = go_on(journal)
        assert found.interactions
        assert all(one.rules is None for one in found.interactions.values())
        if rules is not None:
            journal.append([], [], None, play.load(rules))
    journal.close()
    assert folded(path).interactions == found.interactions
    assert check(path).whole


# --- days, recordings and back --------------------------------------------------------------------


async def days_of(path: Path, *, middle: bool) -> Play:
    """Write a journal of four days; rules change at its beginning and, if asked, on two days."""
    play = Play(every_s=DAY_S / 8)
    for day in range(4):
        journal = open_journal(path)
        go_on(journal)
        if day == 0:
            begin(journal, play)
        write(journal, play, 4, batch=1)
        if middle and day in {1, 2}:
            journal.append([], [], None, play.load(OTHER_RULES if day == 1 else RULES))
        write(journal, play, 4, batch=1)
        journal.close()
    return play


async def retire_all(path: Path, play: Play, now: Instant) -> None:
    """Put all days of a journal but the present one into recordings."""
    journal = open_journal(path, keep_days=0, now=lambda: now)
    assert go_on(journal).interactions == play.known
    await keep_house(journal)
    journal.close()
    assert check(path).whole


@pytest.mark.parametrize("middle", [True, False])
async def test_days_and_recordings_make_the_same_journal(
    path: Path,
    tmp_path: Path,
    middle: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Retired by days, put together again, retired again: all have the same bytes."""
    play = await days_of(path, middle=middle)
    assert entries_of(path) == play.entries
    whole, again, second = (tmp_path / name for name in ("whole.jsonl", "again.db", "b.jsonl"))
    export(path, whole)
    import_recordings([whole], again)
    export(again, second)
    assert second.read_bytes() == whole.read_bytes()

    now = Instant(AT + round(3.9 * DAY_S * 1_000_000))
    await retire_all(path, play, now)
    days = sorted((path.parent / "recordings").iterdir())
    assert len(days) == 4
    rest, from_days = tmp_path / "rest.jsonl", tmp_path / "days.db"
    export(path, rest)
    import_recordings([*days, rest], from_days)
    export(from_days, second)
    assert second.read_bytes() == whole.read_bytes()
    assert folded(from_days).interactions == play.known

    await retire_all(from_days, play, now)
    for day in days:
        other = tmp_path / "recordings" / day.name.replace("hookflash", "days")
        assert other.read_bytes() == day.read_bytes()
        assert check(day).whole
        # Each part says by itself which rules count.
        assert "rules_change" == [kind_of(line) for _, line in recording_lines(day)][1]

    later = tmp_path / "later.db"
    import_recordings([*days[2:], rest], later)
    journal = open_journal(later)
    found = go_on(journal)
    journal.close()
    assert found.interactions == play.known
    assert found.rules is not None
    assert found.rules.digest == RULES.digest
    assert check(later).whole


async def test_a_part_can_be_folded_by_itself(path: Path) -> None:
    """It begins with states that have what rules remember."""
    play = await days_of(path, middle=True)
    now = Instant(AT + round(3.9 * DAY_S * 1_000_000))
    journal = open_journal(path, keep_days=1, now=lambda: now)
    go_on(journal)
    await keep_house(journal)
    journal.close()

    days = sorted((path.parent / "recordings").iterdir())
    known = [folded(day) for day in days]
    assert folded(path).interactions == play.known
    for before, day in zip(known, [*days[1:], path], strict=True):
        states = [one for one in read_entries(day, MACHINE) if isinstance(one, InteractionState)]
        assert before.interactions == {one.interaction.id: one.interaction for one in states}


# --- crashes --------------------------------------------------------------------------------------


def test_a_crash_at_any_line_loses_only_what_came_after(path: Path, tmp_path: Path) -> None:
    """The tail is cut at each line, and in it: the next run goes on with all that stands before."""
    play = ruled_play()
    journal = open_journal(path)
    begin(journal, play)
    write(journal, play, 24, batch=1, told=True)
    (tail,) = tails_of(path)
    content = tail.read_bytes()
    source = crashed(path)
    journal.close()

    starts = [0]
    while (end := content.find(b"\n", starts[-1])) >= 0:
        starts.append(end + 1)
    lines = content.splitlines(keepends=True)
    assert {"rules_change", "rules", "actions_done"} <= {kind_of(line) for line in lines}
    cuts = [
        *((at, 0) for at in range(1, len(lines) + 1)),
        *((at, 20) for at in range(1, len(lines))),
    ]
    for kept_lines, torn in cuts:
        folder = tmp_path / "cut"
        folder.mkdir()
        copy = folder / path.name
        copy.write_bytes(source.read_bytes())
        (folder / tail.name).write_bytes(content[: starts[kept_lines] + torn])
        journal = open_journal(copy)
        found = go_on(journal)
        expected = entries_up_to(play, kept_lines - 1, lines)
        assert found.records == sum(isinstance(one, Record) for one in expected)
        assert entries_of(copy) == expected
        # What follows from these entries is what the engine goes on with.
        assert found.interactions == folded(copy).interactions
        journal.close()
        assert check(copy).whole
        again = open_journal(copy)
        assert recovered_of(again).interactions == found.interactions
        again.close()
        for one in folder.iterdir():
            one.unlink()
        folder.rmdir()


def entries_up_to(play: Play, count: int, lines: list[bytes]) -> list[Record | Aside]:
    """Return the entries among the first *count* lines after the header."""
    told = sum(kind_of(line) == "told" for line in lines[1 : count + 1])
    return play.entries[: count - told]


def test_a_damaged_line_of_rules_is_found_and_cut_off(path: Path) -> None:
    """Each kind: verify names it, repair keeps what stands before it."""
    play = ruled_play()
    journal = open_journal(path)
    begin(journal, play)
    write(journal, play, 24, batch=1)
    source = crashed(path)
    journal.close()
    (tail,) = tails_of(source)
    content = tail.read_bytes()
    lines = content.splitlines(keepends=True)
    for kind in ("rules_change", "rules", "actions_done"):
        index = next(at for at, line in enumerate(lines) if kind_of(line) == kind)
        at = sum(map(len, lines[:index])) + len(lines[index]) // 2
        damaged = bytearray(content)
        damaged[at] ^= 1
        copy = crashed(source)
        (copied_tail,) = tails_of(copy)
        copied_tail.write_bytes(damaged)

        found = check(copy)
        assert not found.whole
        assert f"line {index}: was damaged" in str(found.findings)
        repair(copy)
        assert check(copy).whole
        assert entries_of(copy) == play.entries[: index - 1]


def test_a_damaged_snapshot_of_rules_is_passed_over(path: Path) -> None:
    """The records prove what it said, memory of rules included."""
    import sqlite3  # noqa: PLC0415 - for damage only

    play = ruled_play()
    journal = open_journal(path)
    begin(journal, play)
    write(journal, play, 24, batch=1)
    journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE interactions SET line = replace(line, '\"serial\"', '\"cereal\"')"
        )
    connection.close()

    journal = open_journal(path)
    found = go_on(journal)
    journal.close()
    assert found.interactions == play.known
    assert found.rules is not None


def test_what_was_told_stands_before_asides(path: Path) -> None:
    """One write has all three, and reading gives them in that order."""
    play = ruled_play()
    journal = open_journal(path)
    begin(journal, play)
    write(journal, play, 11, batch=1)
    asides = play.due()
    journal.append(*play.next(1), 5, asides)
    journal.close()
    last = list(read_entries(path, MACHINE))[-2 - len(asides) :]
    assert last[0] == Told(5)
    assert last[1:-1] == [aside for aside, _ in asides]
    assert last[-1] == play.records[-1]


@pytest.mark.parametrize("size", [400_000, 900_000, 1_000_000])
async def test_a_large_rules_file_is_no_trouble(path: Path, size: int) -> None:
    """It is in tails, cuts and the list of contents; beyond a line there is the digest only."""
    text = RULES_TEXT + '# a comment with "quotes" in it\n' * (size // 32)
    rules = parse_rules(text, "rules.toml", names_of())
    play = ruled_play()
    journal = open_journal(path, segment_records=5)
    journal.append([], [], None, play.load(rules))
    write(journal, play, 12, batch=1)
    await keep_house(journal)
    write(journal, play, 3, batch=1)
    path = crashed(path)
    journal.close()

    assert check(path).whole
    journal = open_journal(path)
    found = go_on(journal)
    journal.close()
    assert found.interactions == play.known
    assert found.rules is not None
    assert found.rules.digest == rules.digest
    assert found.rules.text == (rules.text if size < 1_000_000 else "")
    assert check(path).whole
