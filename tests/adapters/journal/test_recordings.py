"""Reading recordings: both formats, whatever definitions they name, in order, to the torn end."""

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
import structlog.testing

from hookflash.adapters import specifications
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.recording import (
    entries_of,
    read_entries,
    read_header,
    read_lines,
    read_recording,
    read_steps,
    recording_lines,
)
from hookflash.adapters.specifications import load_machine, machine_of_definition
from hookflash.machines.codec import RecordCodec
from hookflash.machines.effects import LookUp
from hookflash.machines.errors import JournalError, MalformedRecord, SpecError
from hookflash.machines.events import LinkRestored
from hookflash.machines.headers import (
    encode_definition_change,
    encode_header,
    encode_policy_change,
    encode_told,
)
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import (
    DefinitionChange,
    Header,
    InteractionState,
    PolicyChange,
    Record,
    RecordedStep,
    Told,
)

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
MACHINE = load_machine("hold")
CODEC = RecordCodec(MACHINE)
HEADER = CODEC.new_header("localhost:8443", AT)
FORMAT_1 = Path(__file__).parents[2] / "machines" / "recordings" / "format-1.jsonl"


def record(seq: int, **more: Any) -> Record:
    """Return a record with this number."""
    return Record(seq, ID, LinkRestored(AT), "held", "held", (LookUp(urgent=False),), **more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the recording is."""
    return tmp_path / "day.jsonl"


def write(path: Path, *records: Record, header: Header = HEADER) -> list[bytes]:
    """Write a recording; return its lines."""
    lines = [encode_header(header), *map(CODEC.encode, records)]
    path.write_bytes(b"".join(lines))
    return lines


# --- order ----------------------------------------------------------------------------------------


def test_a_recording_is_read_as_it_was_written(path: Path) -> None:
    """Header and records, with the machine given or that of the recording."""
    records = [record(1, begins=True), record(2), record(3, spec_hash=MACHINE.spec.digest)]
    write(path, *records)

    for machine in (None, MACHINE):
        header, found = read_recording(path, machine)
        assert header == read_header(path) == HEADER
        assert list(found) == records
    assert [place for place, _ in recording_lines(path)][-1] == f"{path}: line 4"


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ((0, 1, 3), "line 3: $.seq: 3 after 1 leaves a gap"),
        ((0, 1, 1), "line 3: $.seq: 1 after 1 repeats or goes back"),
        ((0, 2, 1), "line 2: $.seq: 2 after 0 leaves a gap"),
        ((0, 1, 2, 1), "line 4: $.seq: 1 after 2 repeats or goes back"),
    ],
)
def test_a_gap_or_repeat_is_a_finding(path: Path, order: tuple[int, ...], problem: str) -> None:
    """Lines that were removed or swapped are noticed, with the line's number."""
    lines = write(path, record(1), record(2), record(3))
    path.write_bytes(b"".join(lines[index] for index in order))

    with pytest.raises(MalformedRecord) as caught:
        list(read_recording(path, MACHINE)[1])
    assert problem in str(caught.value)
    with pytest.raises(MalformedRecord, match="removed, added or put in another order"):
        list(read_steps(path, MACHINE))


def test_a_part_begins_where_its_header_says(path: Path) -> None:
    """A part of a journal is a recording whose first record has a higher number."""
    part = attrs.evolve(HEADER, first_seq=7)
    write(path, record(7), record(8), header=part)
    assert [one.seq for one in read_recording(path)[1]] == [7, 8]

    write(path, record(1), header=part)
    with pytest.raises(MalformedRecord, match="1 after 6 repeats or goes back"):
        list(read_recording(path)[1])


def test_what_stands_between_records_has_no_number(path: Path) -> None:
    """Changes, states and what monitors were told come where they stand; records count on."""
    stricter = RecordCodec(MACHINE.with_policy(HoldPolicy(limit_s=60.0))).policy_fields()
    state = InteractionState(0, MACHINE.start("other"))
    between = [
        (state, CODEC.encode_state(state)),
        (record(1), CODEC.encode(record(1))),
        (Told(1), encode_told(Told(1))),
        (PolicyChange(AT, stricter), encode_policy_change(PolicyChange(AT, stricter))),
        (record(2), CODEC.encode(record(2))),
    ]
    path.write_bytes(encode_header(HEADER) + b"".join(line for _, line in between))

    assert list(read_entries(path, MACHINE)) == [entry for entry, _ in between]
    assert [one.seq for one in read_recording(path)[1]] == [1, 2]
    kinds = [type(entry) for entry in read_steps(path, None)]
    assert kinds == [InteractionState, RecordedStep, Told, PolicyChange, RecordedStep]


def test_steps_have_their_effects_as_written(path: Path) -> None:
    """Replay reads the effects as JSON."""
    write(path, record(1, begins=True), record(2))

    for step, seq in zip(read_steps(path, MACHINE), (1, 2), strict=True):
        assert isinstance(step, RecordedStep)
        assert (step.seq, step.event, step.begins) == (seq, record(seq).event, seq == 1)
        assert step.effects == CODEC.written(record(seq).effects)


def test_lines_are_read_as_they_are_taken() -> None:
    """From anywhere, and no further than they are asked for: also where there is no end."""
    lines = ((f"line {seq}", CODEC.encode(record(seq))) for seq in itertools.count(1))
    entries = entries_of(lines, HEADER, Definitions(HEADER, MACHINE, "all"))

    assert list(itertools.islice(entries, 3)) == [record(1), record(2), record(3)]


# --- damage ---------------------------------------------------------------------------------------


def test_a_damaged_line_is_named_by_its_number(path: Path) -> None:
    """A line that is no record ends the reading with its number; those before it are read."""
    lines = write(path, record(1), record(2), record(3))
    path.write_bytes(b"".join([*lines[:2], b"{}\n", *lines[3:]]))

    _, records = read_recording(path)
    assert next(records) == record(1)
    with pytest.raises(MalformedRecord, match=r"day\.jsonl: line 3: \$: `at` is missing"):
        next(records)


@pytest.mark.parametrize("spec_hash", [None, MACHINE.spec.digest])
def test_a_changed_line_is_noticed(path: Path, spec_hash: str | None) -> None:
    """Another state, or another definition, written into a line: the checksum does not fit."""
    lines = write(path, record(1), record(2, spec_hash=spec_hash))
    for old, new in (
        (b'"to":"held"', b'"to":"idle"'),
        (MACHINE.spec.digest[:8].encode(), b"0" * 8),
    ):
        path.write_bytes(lines[0] + lines[1] + lines[2].replace(old, new))
        if old in lines[2]:
            with pytest.raises(MalformedRecord, match=r"line 3: \$\.sum: the checksum does not"):
                list(read_entries(path, MACHINE))


STATE = InteractionState(0, MACHINE.start(ID))


@pytest.mark.parametrize(
    "line",
    [
        CODEC.encode(record(2)),
        CODEC.encode(record(2, spec_hash=MACHINE.spec.digest)),
        CODEC.encode_state(STATE),
        encode_told(Told(1)),
        encode_policy_change(PolicyChange(AT, {})),
    ],
)
def test_a_torn_last_line_is_left_out(path: Path, line: bytes) -> None:
    """Wherever it was torn, and the log says so; where only its newline is missing, it is read."""
    lines = write(path, record(1))
    whole = 2 if b'"seq":2' in line else 1
    for end in range(1, len(line)):
        path.write_bytes(b"".join(lines) + line[:end])
        with structlog.testing.capture_logs() as logged:
            records = [one for one in read_entries(path, MACHINE) if isinstance(one, Record)]
        torn = end < len(line) - 1
        assert len(records) == (1 if torn else whole)
        events = [(one["event"], one["place"]) for one in logged]
        assert events == [("recording.torn_line_left_out", f"{path}: line 3")] * torn


@pytest.mark.parametrize(
    "sizes", [(65_535, 1, 0, 1), (65_534, 5), (200_000, 3, 65_536), (2**20 - 1,)]
)
@pytest.mark.parametrize("end", [b"\n", b""])
def test_lines_of_any_length_are_whole(path: Path, sizes: tuple[int, ...], end: bytes) -> None:
    """Wherever the blocks end in which the file is read; carriage returns end no line."""
    lines = [b"x" * (size - 1) + b"\r\n" if size else b"\n" for size in sizes]
    lines = [line[-(2**20) :] for line in lines]
    lines[-1] = lines[-1][:-1] + end
    path.write_bytes(b"".join(lines))

    assert list(read_lines(path)) == [*enumerate(lines, start=1)]
    path.write_bytes(b"".join([*lines, b"\n" * (not end), b"x" * 2**20, b"\n"]))
    with pytest.raises(MalformedRecord, match=rf"line {len(lines) + 1}: has more than 1048576"):
        list(read_lines(path))


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    """Missing, empty, foreign and endless files are MalformedRecords with the path."""
    path = tmp_path / "x"
    with pytest.raises(MalformedRecord, match="cannot be read: No such file"):
        read_recording(path)
    path.write_bytes(b"")
    with pytest.raises(MalformedRecord, match="is empty"):
        list(read_entries(path, MACHINE))
    path.write_bytes(b"once upon a time\n")
    with pytest.raises(MalformedRecord, match="line 1: not JSON"):
        read_recording(path)
    path.write_bytes(b"x" * 2_000_000)
    with pytest.raises(MalformedRecord, match="line 1: has more than"):
        read_recording(path)


# --- format 1 -------------------------------------------------------------------------------------


def test_a_recording_of_format_1_is_read(path: Path) -> None:
    """With the shipped machine of its name, whose definition may be another one by now."""
    header, records = read_recording(FORMAT_1)
    found = list(records)
    steps = list(read_steps(FORMAT_1, MACHINE))

    assert (header.format, header.spec_hash[:8]) == (1, "e482ee22")
    assert [one.seq for one in found] == list(range(1, 54))
    assert found == [one for one in read_entries(FORMAT_1, None) if isinstance(one, Record)]
    assert isinstance(steps[13], PolicyChange)
    assert len(steps) == 54
    # A part of one is one too.
    lines = FORMAT_1.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"".join(lines[4:7]))
    assert [one.seq for one in read_recording(path)[1]] == [4, 5, 6]
    path.write_bytes(lines[0] + lines[4] + lines[6])
    with pytest.raises(MalformedRecord, match="6 after 4 leaves a gap"):
        list(read_recording(path)[1])


def test_format_1_does_not_hold_its_definition() -> None:
    """Its records are read; whether they can be stepped is known for the same definition only."""
    header = read_header(FORMAT_1)
    definitions = Definitions(header, MACHINE, "old.jsonl")

    assert definitions.codec(header.spec_hash).machine is MACHINE
    assert definitions.machine(MACHINE.spec.digest, header).policy.limit_s == 80.0
    with pytest.raises(JournalError, match=r"another definition .*e482ee222052.* does not hold"):
        definitions.machine(header.spec_hash, header)
    with pytest.raises(SpecError, match="no shipped machine is called 'door'"):
        Definitions(attrs.evolve(header, machine="door"), None, "old.jsonl")


# --- definitions ----------------------------------------------------------------------------------


DOOR = """
[machine]
name = "door"
initial = "shut"
implementation = "door_of_recordings"
doc = "A door."
[states.shut]
doc = "Shut."
[events]
knocked = { class = "Knocked", doc = "Somebody knocked." }
[[transitions]]
source = "shut"
event = "knocked"
stay = "Nobody is in."
"""
BELL = DOOR.replace("shut", "closed").replace(
    "[[transitions]]",
    """rung = { class = "Rung", doc = "Somebody rang." }
[[transitions]]
source = "closed"
event = "rung"
stay = "Nobody is in."
[[transitions]]""",
)


@attrs.frozen
class Knocked:
    """An event of both definitions."""

    at: Instant


@attrs.frozen
class Rung:
    """An event of the later one."""

    at: Instant


@attrs.frozen
class DoorPolicy:
    """Its settings, and its data."""

    open_s: float = 1.0


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], RecordCodec[Any]]:
    """Make the codec of a definition of the door; its implementation is loaded."""
    module: Any = ModuleType("door_of_recordings")
    module.IMPLEMENTATION = Implementation(
        {"knocked": Knocked, "rung": Rung}, {}, {}, DoorPolicy, DoorPolicy
    )
    monkeypatch.setitem(sys.modules, "door_of_recordings", module)
    monkeypatch.setattr(specifications, "_kept_machines", {})
    return lambda text: RecordCodec(machine_of_definition(text, "door.toml"))


def test_records_are_read_by_the_definition_that_counted(
    path: Path, door: Callable[[str], RecordCodec[Any]]
) -> None:
    """That of the header, of the last change, or the one that a line names, whatever is given."""
    old, new = door(DOOR), door(BELL)
    digest = old.machine.spec.digest
    change = DefinitionChange(AT, new.machine.spec.digest, BELL, {"open_s": 2.0})
    shut = Record(1, "front", Knocked(AT), "shut", "shut", ())
    rung = Record(2, "back", Rung(AT), "closed", "closed", (), begins=True)
    late = attrs.evolve(shut, seq=3, spec_hash=digest)
    known = InteractionState(1, old.machine.start("front"), digest)
    moved = InteractionState(2, new.machine.start("back"))
    entries = [shut, change, known, rung, late, moved, attrs.evolve(rung, seq=4)]
    path.write_bytes(
        encode_header(old.new_header("h:1", AT))
        + old.encode(shut)
        + encode_definition_change(change)
        + old.encode_state(known)
        + new.encode(rung)
        + old.encode(late)
        + new.encode_state(moved)
        + new.encode(attrs.evolve(rung, seq=4))
    )

    for machine in (None, old.machine, new.machine, MACHINE):
        assert list(read_entries(path, machine)) == entries
        steps = [one for one in read_steps(path, machine) if isinstance(one, RecordedStep)]
        assert [type(step.event) for step in steps] == [Knocked, Rung, Knocked, Rung]
    header = read_header(path)
    definitions = Definitions(header, new.machine, "day.jsonl")
    list(read_entries(path, None, definitions))
    assert definitions.machine(digest, header).spec.digest == digest
    assert definitions.machine(digest, change).policy == DoorPolicy(2.0)
    assert definitions.machine(change.spec_hash, header).policy == DoorPolicy()


def test_a_definition_that_is_not_there_is_named(
    path: Path, door: Callable[[str], RecordCodec[Any]]
) -> None:
    """A line that names one that does not stand before it is refused, with its place."""
    old, new = door(DOOR), door(BELL)
    digest = new.machine.spec.digest
    rung = Record(1, "back", Rung(AT), "closed", "closed", (), spec_hash=digest)
    header = old.new_header("h:1", AT)
    path.write_bytes(encode_header(header) + new.encode(rung))

    assert list(read_entries(path, new.machine)) == [rung]
    with pytest.raises(MalformedRecord, match=f"line 2: the definition '{digest[:12]}' is not in"):
        list(read_entries(path, None))
    with pytest.raises(JournalError, match="is not in the recording"):
        Definitions(header, None, "x").machine(digest, header)


def test_a_definition_has_the_text_of_its_hash(
    path: Path, door: Callable[[str], RecordCodec[Any]]
) -> None:
    """Another text under a hash is refused: the recording would be read by the wrong rules."""
    header = attrs.evolve(door(DOOR).new_header("h:1", AT), definition=BELL)
    path.write_bytes(encode_header(header))

    with pytest.raises(MalformedRecord, match="with the text of another one"):
        read_recording(path)


def test_a_definition_of_no_use_matters_only_where_it_is_needed(
    path: Path, door: Callable[[str], RecordCodec[Any]]
) -> None:
    """One that today's code cannot run is an error of the first record that needs it."""
    old = door(DOOR)
    gone = DOOR.replace("knocked", "kicked")
    change = DefinitionChange(AT, "0" * 64, gone, {})
    lines = [
        encode_header(old.new_header("h:1", AT)),
        encode_definition_change(change),
        encode_told(Told(0)),
    ]
    path.write_bytes(b"".join(lines))
    assert list(read_entries(path, None)) == [change, Told(0)]

    path.write_bytes(b"".join(lines) + b'{"seq":1}\n')
    with pytest.raises(SpecError, match=r"day\.jsonl: definition 000000000000.*'Knocked' does not"):
        list(read_entries(path, None))


def test_a_recording_does_not_decide_what_is_imported(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that nobody has loaded is not loaded because a file names it."""
    (tmp_path / "imported_by_nobody.py").write_text("raise SystemExit('it was run')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    text = DOOR.replace("door_of_recordings", "imported_by_nobody")
    path.write_bytes(encode_header(attrs.evolve(HEADER, definition=text)))

    with pytest.raises(SpecError, match="which is not loaded, and a recording does not decide"):
        read_recording(path)
    assert "imported_by_nobody" not in sys.modules


def test_machines_of_definitions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of a journal holds its definition; it is parsed once, and some are kept."""
    text = MACHINE.spec.text
    machine = machine_of_definition(text, "a")

    assert machine_of_definition(text, "b") is machine
    assert machine_of_definition(text, "b", HoldPolicy(limit_s=9)).policy.limit_s == 9
    assert machine.spec.digest == MACHINE.spec.digest
    monkeypatch.setattr(specifications, "_KEPT_MAX", 1)
    machine_of_definition(text + "\n", "c")
    assert machine_of_definition(text, "d") is not machine


def test_other_spellings_of_lines_are_read(path: Path) -> None:
    """Programs and people may write recordings: spaces, another order of keys, no checksum."""
    lines = write(path, record(1, begins=True), record(2, spec_hash=MACHINE.spec.digest))
    told = {"through": 1, "kind": "told"}
    documents = [json.loads(line) for line in lines] + [told]
    for document in documents:
        document.pop("sum", None)
    path.write_text(
        "".join(
            json.dumps(dict(reversed(list(one.items()))), indent=None) + "\n" for one in documents
        )
    )

    assert list(read_entries(path, None)) == [
        record(1, begins=True),
        record(2, spec_hash=MACHINE.spec.digest),
        Told(1),
    ]


def test_a_state_is_read_by_its_machine(path: Path) -> None:
    """A state that the definition does not know is refused, with its line."""
    asleep: Interaction[Any] = attrs.evolve(MACHINE.start(ID), state="asleep")
    path.write_bytes(encode_header(HEADER) + CODEC.encode_state(InteractionState(1, asleep)))

    with pytest.raises(MalformedRecord, match=r"line 2: \$\.interaction\.state: no state of"):
        list(read_entries(path, Machine(MACHINE.spec, MACHINE.implementation)))
