"""A small machine for tests of drawings, and figures of a recording of it."""

from typing import Any

from attrs import frozen

from hookflash.machines.diagrams.figures import Flow, Hop, Stay, Traffic, Walk
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.spec import Spec, parse_spec

DOOR = """
[machine]
name = "door"
initial = "shut"
implementation = "doors"
doc = "Opens a door, and shuts it again by itself."

[states.shut]
doc = "Nobody can pass."
[states.open]
doc = "Whoever comes may pass, until the time is over."
[states.stuck]
doc = "Something stands in the way."
[states.gone]
doc = "The door was taken away."
final = true

[events]
pushed = { class = "Pushed", doc = "Somebody pushes." }
blocked = { class = "Blocked", doc = "It does not move." }
time_over = { class = "TimeOver", doc = "It was open long enough." }
removed = { class = "Removed", doc = "Somebody takes it away." }

[timers]
close = { event = "time_over", duration = "open_s", doc = "From the opening to the shutting." }

%s
[[transitions]]
source = "shut"
event = "pushed"
guards = ["locked"]
reject = "NotEligible"
doc = "it is locked"

[[transitions]]
source = "shut"
event = "pushed"
target = "open"
effects = ["swing", "start_timer"]
doc = "It swings open."

[[transitions]]
source = "open"
event = "pushed"
effects = ["start_timer"]
stay = "It stays open for longer."

[[transitions]]
source = ["stuck", "gone"]
event = "pushed"
ignore = "Nothing moves."

[[transitions]]
source = "open"
event = "time_over"
guards = ["free"]
target = "shut"
effects = ["swing"]
doc = "It swings shut."

[[transitions]]
source = "open"
event = "time_over"
effects = ["start_timer"]
stay = "Somebody stands in it: it is tried again."

[[transitions]]
source = ["shut", "stuck", "gone"]
event = "time_over"
late = "It is not open any more."

[[transitions]]
source = "open"
event = "blocked"
target = "stuck"
doc = "It does not shut."

[[transitions]]
source = "stuck"
event = "blocked"
target = "stuck"
effects = ["ring"]
doc = "It rings once more."

[[transitions]]
source = ["shut", "gone"]
event = "blocked"
stay = "That is what it is for."

[[transitions]]
source = ["shut", "open"]
event = "removed"
target = "gone"
effects = ["ring"]
doc = "It is carried away."

[[transitions]]
source = "stuck"
event = "removed"
target = "gone"
doc = "It is carried away, with what stands in it."

[[transitions]]
source = "gone"
event = "removed"
stay = "It is gone already."
"""

STORY = """
[diagram]
path = ["shut", "pushed", "open", "time_over", "shut"]

[diagram.timers]
close = { share = "patience", longest = "longest_s" }

"""

AT = from_text("2026-01-10T13:00:00Z")


@frozen
class DoorPolicy:
    """The settings of a door."""

    open_s: float = 60.0
    patience: float = 0.5
    longest_s: float = 600.0


def door_spec(extra: str = STORY) -> Spec:
    """Return the definition, with *extra* tables."""
    return parse_spec(DOOR % extra, "door.toml")


def _never_called(*_: Any) -> bool:
    raise AssertionError("drawings call nothing")


def door(extra: str = STORY, policy: DoorPolicy | None = None) -> Machine[Any, Any]:
    """Return the machine; its guards and effects are never called."""
    spec = door_spec(extra)
    names: dict[str, Any] = {
        name: _never_called for row in spec.rows for name in (*row.guards, *row.effects)
    }
    implementation = Implementation(
        events={name: type(event.cls, (), {}) for name, event in spec.events.items()},
        guards=names,
        effects=names,
        data=dict,
        policy=DoorPolicy,
    )
    return Machine(spec, implementation, policy)


def after(seconds: float) -> Instant:
    """Return a moment some seconds after one o'clock."""
    return Instant(AT + round(seconds * 1_000_000))


def traffic(**changes: Any) -> Traffic:
    """Return what a recording of some doors says: two open, one shuts, one flies."""
    said: dict[str, Any] = {
        "flows": {
            ("shut", "pushed", "shut"): Flow(3, after(1)),
            ("shut", "pushed", "open"): Flow(2000, after(2)),
            ("open", "pushed", "open"): Flow(7, after(3)),
            ("open", "time_over", "shut"): Flow(1999, after(4)),
            ("open", "removed", "gone"): Flow(1, after(5)),
            ("open", "flown", "air"): Flow(4, after(6)),
            ("shut", "flown", "shut"): Flow(5, after(7)),
            ("air", "landed", "air"): Flow(6, after(8)),
        },
        "stays": {
            "shut": Stay(2000, 1990, 5.0, 180.0, after(7)),
            "open": Stay(2000, 0, None, None, after(6)),
            "gone": Stay(1, 0, None, None, after(5)),
            "air": Stay(1, 0, None, None, after(8)),
        },
        "records": 4025,
        "interactions": 12,
        "first_at": AT,
        "last_at": after(8),
        **changes,
    }
    return Traffic(**said)


def walk(*hops: tuple[str, str, str], left_out: int = 0) -> Walk:
    """Return the way of one door, a second between two steps."""
    steps = (Hop(n, *hop, after(n)) for n, hop in enumerate(hops, start=1))
    return Walk("door-1", tuple(steps), left_out)
