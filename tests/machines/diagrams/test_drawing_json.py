"""Drawings as JSON: all that they show."""

import json

import pytest
from tests.machines.diagrams.doors import door, traffic, walk

from hookflash.adapters.specifications import load_machine, shipped_machines
from hookflash.machines.diagrams import describe, to_json


@pytest.mark.parametrize("name", shipped_machines())
def test_all_rows_are_there(name: str) -> None:
    """Each row of the definition is in a state or on an arrow."""
    machine = load_machine(name)
    said = json.loads(to_json(describe(machine)))
    lines = [line for part in (*said["states"], *said["arrows"]) for line in part["rows"]]
    assert sorted(row for line in lines for row in line["rows"]) == list(
        range(len(machine.spec.rows))
    )
    assert said["spec_hash"] == machine.spec.digest
    assert (said["traffic"], said["path"]) == (None, None)
    assert [state["name"] for state in said["states"]] == list(machine.spec.states)


def test_parts_of_a_drawing() -> None:
    """States have timers, arrows their events; the normal path is there."""
    said = json.loads(to_json(describe(door())))
    assert said["initial"] == "shut"
    assert said["story"] == {
        "declared": True,
        "hops": [
            {"from": "shut", "event": "pushed", "to": "open"},
            {"from": "open", "event": "time_over", "to": "shut"},
        ],
    }
    opened = said["states"][1]
    assert opened["timers"] == [{"name": "close", "duration": "30 s to 10 min", "rows": [5, 6]}]
    assert said["arrows"][0]["from"] == ["shut"]
    assert said["arrows"][0]["rows"][0]["effects"] == ["swing", "start_timer"]
    assert said["arrows"][0]["rows"][0]["story"] == 1
    assert said["timers"]["close"]["setting"] == "open_s"


def test_figures() -> None:
    """Counts, shares, stays and what is not in the definition are there."""
    said = json.loads(to_json(describe(door(), traffic())))
    assert said["traffic"]["records"] == 4025
    assert said["traffic"]["first_at"] == "2026-01-10T13:00:00.000000Z"
    shut = said["states"][0]
    assert shut["traffic"]["p95_s"] == 180.0
    assert shut["not_in_definition"] == [
        {"event": "flown", "count": 5, "last_at": "2026-01-10T13:00:07.000000Z"}
    ]
    arrow = said["arrows"][0]
    assert arrow["traffic"] == {
        "count": 2000,
        "last_at": "2026-01-10T13:00:02.000000Z",
        "share": 1.0,
    }
    stuck = next(state for state in said["states"] if state["name"] == "stuck")
    assert stuck["traffic"] is None
    empty = json.loads(to_json(describe(door(), traffic(first_at=None, last_at=None, flows={}))))
    assert empty["traffic"]["last_at"] is None
    alone = {("stuck", "blocked", "stuck"): next(iter(traffic().flows.values()))}
    said = json.loads(to_json(describe(door(), traffic(flows=alone))))
    (arrow,) = [one for one in said["arrows"] if one["traffic"]]
    assert arrow["traffic"]["share"] is None


def test_a_way() -> None:
    """The steps of one interaction are there, and where they were drawn."""
    said = json.loads(to_json(describe(door(), walk=walk(("shut", "pushed", "open"), left_out=2))))
    assert said["path"]["interaction"] == "door-1"
    assert said["path"]["left_out"] == 2
    assert said["path"]["steps"][0]["at"] == "2026-01-10T13:00:01.000000Z"
    assert said["arrows"][0]["steps"] == [1]
