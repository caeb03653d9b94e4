"""Loading a definition: what is refused, with which place in the message, and what counts."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.machines.hold_world import HOLD_TOML, hold_spec

from hookflash.machines.errors import SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Implementation, Machine, named
from hookflash.machines.spec import Spec, parse_spec
from hookflash.machines.spec_text import digest_of

DOOR = """\
# A door that shuts itself.
[machine]
name = "door"
initial = "shut"
implementation = "doors"
doc = "A door."

[states.shut]
doc = "It is shut."
[states.open]
doc = "It is open."

[events]
pushed = { class = "Pushed", doc = "Somebody pushed." }
spring_fired = { class = "SpringFired", doc = "The spring pulls." }

[timers]
spring = { event = "spring_fired", duration = "spring_s", doc = "How long it stays open." }

[[transitions]]
source = "shut"
event = "pushed"
guards = ["unlocked"]
effects = ["start_spring"]
target = "open"
doc = "It opens."

[[transitions]]
source = "shut"
event = "pushed"
reject = "NotEligible"
doc = "it is locked"

[[transitions]]
source = "open"
event = "pushed"
stay = "It is open."

[[transitions]]
source = "open"
event = "spring_fired"
target = "shut"
doc = "It shuts."

[[transitions]]
source = "shut"
event = "spring_fired"
late = "It is shut."
"""

DOORS = """
from attrs import frozen
from hookflash.machines.machine import Implementation, named

@frozen
class Pushed:
    at: int
    key: bool = True

@frozen
class SpringFired:
    at: int
    owner: str
    unused_id: str

@frozen
class DoorData:
    opened: int = 0

@frozen
class DoorPolicy:
    spring_s: float = 2.0

def unlocked(interaction, event, policy):
    return event.key

def start_spring(draft, event):
    draft.data = DoorData(draft.data.opened + 1)
    draft.start_timer("spring", "door", event.at + round(draft.policy.spring_s * 1_000_000))

IMPLEMENTATION = Implementation(
    events={"pushed": Pushed, "spring_fired": SpringFired},
    guards=named(unlocked),
    effects=named(start_spring),
    data=DoorData,
    policy=DoorPolicy,
)
"""


@pytest.fixture
def doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Write a user's module outside the package and import it."""
    (tmp_path / "doors.py").write_text(DOORS, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "doors", raising=False)
    import doors  # type: ignore[import-not-found]  # noqa: PLC0415 - written just now

    module: ModuleType = doors
    return module


def changed(*changes: tuple[str, str]) -> str:
    """Return the door's definition with each first text replaced by the second."""
    text = DOOR
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    return text


LAST_ROW = '[[transitions]]\nsource = "shut"\nevent = "spring_fired"\nlate = "It is shut."\n'
LOCKED_ROW = 'reject = "NotEligible"\ndoc = "it is locked"\n'
REFUSED = {
    "torn": ((("[states.open]", "[states.open"),), r"door\.toml: not TOML: .*line 10"),
    "unknown key of a row": ((('late = "', 'lat = "'),), r"line 45: unknown key 'lat'.*'late'"),
    "unknown key of a state": (
        (('doc = "It is shut."', 'doc = "It is shut."\nfinel = true'),),
        r"line 8: unknown key 'finel' @ \.states\.shut; did you mean 'final'",
    ),
    "unknown key of an event": ((("class =", "clas ="),), r"line 14: unknown key 'clas'.*'class'"),
    "unknown table": ((("[machine]", "x = 1\n[machine]"),), r"unknown key 'x'"),
    "missing key": ((('initial = "shut"\n', ""),), r"line 2: required field missing @ \.machine"),
    "missing key of a row": ((('event = "pushed"\n', ""),), r"line 20: required .*\.event"),
    "no text": ((('class = "Pushed"', "class = 3"),), r"line 14: .*expected str @ .*\.class"),
    "no name": ((('source = "shut"', "source = [3]"),), r"line 20: invalid .*\.source"),
    "missing doc of a state": ((('doc = "It is shut."', ""),), r"line 8: required .*\.doc"),
    "missing doc of an event": (((', doc = "The spring pulls."', ""),), r"line 15: required .*doc"),
    "missing doc of a row": ((('doc = "It opens."', ""),), r"line 20: .*needs a sentence in `doc`"),
    "missing doc of a rejection": (
        ((LOCKED_ROW, 'reject = "NotEligible"\n'),),
        r"line 28: .*needs a sentence in `doc`",
    ),
    "empty reason": ((('late = "It is shut."', 'late = ""'),), r"line 45: .*sentence in `late`"),
    "both target and stay": (
        (('doc = "It opens."', 'doc = "It opens."\nstay = "no"'),),
        r"line 20: .*exactly one of target, stay, .*has \['target', 'stay'\]",
    ),
    "nothing decided": ((('stay = "It is open."', 'doc = "x"'),), r"line 34: .*exactly one of"),
    "unknown state": (
        (('source = "open"', 'source = "opn"'),),
        r"line 34: source state 'opn'.*'open'",
    ),
    "unknown target": ((('target = "open"', 'target = "opn"'),), r"line 20: target state .*'open'"),
    "unknown event": (
        (('event = "pushed"', 'event = "pushd"'),),
        r"line 20: event 'pushd'.*'pushed'",
    ),
    "unknown initial": (
        (('initial = "shut"', 'initial = "shot"'),),
        r"line 2: machine\.initial: .*'shut'",
    ),
    "unknown event of a timer": (
        (('event = "spring_fired", ', 'event = "spring", '),),
        r"line 18: timers\.spring\.event: event 'spring'.*'spring_fired'",
    ),
    "undecided pair": (
        ((LAST_ROW, ""),),
        r"state 'shut' does not decide about event 'spring_fired' \(add a row",
    ),
    "no sources": (
        (('source = "open"', "source = []"),),
        r"state 'open' does not decide about .*'pushed'",
    ),
    "competing rows": (
        (('event = "pushed"\nreject', 'event = "pushed"\nguards = ["unlocked"]\nreject'),),
        r"lines 20 and 28: two rows compete for event 'pushed' in state 'shut'",
    ),
    "unguarded before another": (
        (('guards = ["unlocked"]\n', ""),),
        r"lines 20 and 27: two rows compete",
    ),
    "last row guarded": (
        (('event = "pushed"\nreject', 'event = "pushed"\nguards = ["oiled"]\nreject'),),
        r"line 28: event 'pushed' in state 'shut' is not decided when the guards oiled do not hold",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    """What cannot be right is refused, in one line, with its place."""
    changes, message = REFUSED[case]
    with pytest.raises(SpecError, match=message) as caught:
        parse_spec(changed(*changes), "door.toml")
    assert caught.value.place.startswith("door.toml")
    assert "\n" not in str(caught.value)


UNRESOLVED = {
    "guard": (
        ('guards = ["unlocked"]', 'guards = ["unlockd"]'),
        r"line 20: guard 'unlockd'.*'unlocked'",
    ),
    "effect": (('["start_spring"]', '["start_sprig"]'), r"line 20: effect .*'start_spring'"),
    "class": (
        ('class = "Pushed"', 'class = "Pushd"'),
        r"line 14: events\.pushed\.class: .*'Pushed'",
    ),
    "event": (
        ("pushed = {", "pulled = {"),
        r"line 14: events\.pulled\.class: event class 'Pushed'",
    ),
    "setting": (('"spring_s"', '"sprng_s"'), r"line 18: timers\.spring\.duration: .*'spring_s'"),
    "error": (
        ('reject = "NotEligible"', 'reject = "NotEligble"'),
        r"line 28: error .*'NotEligible'",
    ),
}


@pytest.mark.parametrize("case", UNRESOLVED)
def test_unresolved_name(case: str, doors: ModuleType) -> None:
    """A name that the module does not have is refused, with line and the nearest name."""
    change, message = UNRESOLVED[case]
    text = changed(change)
    if case == "event":
        text = text.replace('event = "pushed"', 'event = "pulled"')
    spec = parse_spec(text, "door.toml")
    with pytest.raises(SpecError, match=message) as caught:
        Machine(spec, doors.IMPLEMENTATION)
    assert caught.value.place.startswith("door.toml: line")


def test_a_users_own_machine_loads_and_steps(doors: ModuleType) -> None:
    """A definition and a module outside the package run as the shipped machines do."""
    machine: Machine[Any, Any] = Machine(parse_spec(DOOR, "door.toml"), doors.IMPLEMENTATION)
    door = machine.start("door-1")
    assert machine.step(door, doors.Pushed(1, key=False)).transition.error == "NotEligible"
    step = machine.step(door, doors.Pushed(1))
    assert (step.interaction.state, step.interaction.data.opened) == ("open", 1)
    (timer,) = step.interaction.timers
    assert timer.due_at == 2_000_001
    again = machine.step(step.interaction, doors.Pushed(2)).interaction
    assert again is step.interaction
    event = machine.timer_event(timer, timer.due_at, "x")
    shut = machine.step(again, event).interaction
    assert (shut.state, shut.timers) == ("shut", ())


def test_a_timer_set_anew_is_replaced(doors: ModuleType) -> None:
    """Starting a timer that runs replaces it; the event of its earlier setting stops nothing."""
    implementation: Implementation = doors.IMPLEMENTATION
    text = changed(('stay = "It is open."', 'effects = ["start_spring"]\nstay = "It is open."'))
    machine: Machine[Any, Any] = Machine(parse_spec(text, "door.toml"), implementation)
    first = machine.step(machine.start("door-1"), doors.Pushed(1)).interaction
    second = machine.step(first, doors.Pushed(10)).interaction
    assert [timer.due_at for timer in second.timers] == [2_000_010]
    early = machine.timer_event(first.timers[0], Instant(2_000_001), "x")
    assert machine.step(second, early).interaction.timers == second.timers


def test_a_move_needs_no_effects(doors: ModuleType) -> None:
    """A row may only move; the interaction is a new one, all else is kept."""
    text = changed(('effects = ["start_spring"]\n', ""))
    machine: Machine[Any, Any] = Machine(parse_spec(text, "door.toml"), doors.IMPLEMENTATION)
    door = machine.start("door-1")
    step = machine.step(door, doors.Pushed(1))
    assert step.interaction == attrs.evolve(door, state="open")
    assert step.effects == ()


def test_the_digest_is_of_what_is_said() -> None:
    """Comments, layout and the order of keys do not count; what is said does."""
    digest = parse_spec(DOOR, "door.toml").digest
    same = [
        DOOR.replace("# A door that shuts itself.\n", ""),
        DOOR.replace("\n\n", "\n\n\n# more\n"),
        changed(('name = "door"\ninitial = "shut"', 'initial = "shut"\nname = "door"')),
        changed(('source = "shut"', "source = 'shut'  # inside")),
    ]
    assert {parse_spec(text, "elsewhere.toml").digest for text in same} == {digest}
    other = [
        changed(('doc = "A door."', 'doc = "A gate."')),
        changed(('source = "shut"', 'source = ["shut"]')),
        changed(('"spring_s"', '"other_s"')),
    ]
    assert digest not in {parse_spec(text, "door.toml").digest for text in other}


def test_unusual_layout_is_read() -> None:
    """Rows written as an inline array have no lines; the message says what it knows."""
    head, _, _ = DOOR.partition("[[transitions]]")
    rows = 'transitions = [{ source = "shut", event = "pushed", target = "open" }]\n'
    with pytest.raises(SpecError, match=r"line 0: transitions\[0\]: needs a sentence"):
        parse_spec(rows + head, "door.toml")


def test_where_without_a_line() -> None:
    """A definition that was not read from tables of its own names the table alone."""
    spec: Spec = attrs.evolve(parse_spec(DOOR, "door.toml"), lines={})
    assert spec.where("events.pushed") == "door.toml: events.pushed"


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_damaged_definition_is_refused_or_read(data: st.DataObject) -> None:
    """Whatever is cut out of a definition or put in: a `Spec` or a `SpecError`, nothing else."""
    start = data.draw(st.integers(0, len(DOOR)))
    length = data.draw(st.integers(0, 30))
    put = data.draw(st.text(alphabet='[]{}="\n a3,.#', max_size=8))
    try:
        spec = parse_spec(DOOR[:start] + put + DOOR[start + length :], "door.toml")
    except SpecError as error:
        assert error.place.startswith("door.toml")  # noqa: PT017 - either way is right
    else:
        assert spec.rows


def test_named_gives_functions_their_names() -> None:
    """`named` is how a module lists its guards and effects."""
    assert named(parse_spec, changed) == {"parse_spec": parse_spec, "changed": changed}


def test_the_shipped_definition_is_documented() -> None:
    """Every state, event, timer and row of the hold machine has its sentence."""
    spec = hold_spec()
    docs = [state.doc for state in spec.states.values()]
    docs += [event.doc for event in spec.events.values()]
    docs += [timer.doc for timer in spec.timers.values()]
    assert all(doc.endswith(".") for doc in docs)
    assert all(len(row.reason) > 10 for row in spec.rows)
    assert [name for name, state in spec.states.items() if state.final] == ["closed"]
    lines = HOLD_TOML.read_text(encoding="utf-8").splitlines()
    for row in spec.rows:
        assert re.match(r"\[\[transitions\]\]", lines[row.line - 1])


@pytest.mark.parametrize("events", [None, "nothing", {"ring": "nothing", "rung": {"class": "X"}}])
def test_a_hash_is_had_of_whatever_a_file_says(events: object) -> None:
    """Before anybody looked at what it means; only where events come from is left out."""
    document: dict[str, Any] = {} if events is None else {"events": events}
    assert digest_of(document) == digest_of({**document, "diagram": {"path": []}})
    assert digest_of(document) != digest_of({**document, "machine": {}})
