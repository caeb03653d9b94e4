"""SCXML and XState: valid, complete, and with the names of the definition."""

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import attrs
import pytest
from tests.machines.diagrams.doors import door_spec

from hookflash.adapters.specifications import load_machine, shipped_machines
from hookflash.machines.diagrams import to_scxml, to_xstate
from hookflash.machines.errors import SpecError
from hookflash.machines.spec import Spec

NAMESPACE = "{http://www.w3.org/2005/07/scxml}"

TOKEN = r"[\w-]+(\.[\w-]+)*"
ALLOWED: dict[str, tuple[set[str], dict[str, str], set[str]]] = {
    "scxml": (
        {"state", "parallel", "final", "datamodel", "script"},
        {
            "version": r"1\.0",
            "name": r"[\w-]+",
            "initial": r"[^\W\d][\w.-]*( [^\W\d][\w.-]*)*",
            "datamodel": r"[\w-]+",
        },
        {"version"},
    ),
    "state": (
        {
            "onentry",
            "onexit",
            "transition",
            "initial",
            "state",
            "parallel",
            "final",
            "history",
            "datamodel",
            "invoke",
        },
        {"id": r"[^\W\d][\w.-]*", "initial": r"[^\W\d][\w.-]*"},
        set(),
    ),
    "final": ({"onentry", "onexit", "donedata"}, {"id": r"[^\W\d][\w.-]*"}, set()),
    "transition": (
        {"raise", "if", "foreach", "log", "assign", "script", "send", "cancel"},
        {
            "event": rf"{TOKEN}( {TOKEN})*",
            "cond": r".+",
            "target": r"[^\W\d][\w.-]*( [^\W\d][\w.-]*)*",
            "type": "internal|external",
        },
        set(),
    ),
    "log": (set(), {"label": r".*", "expr": r".*"}, set()),
}
"""What the Recommendation (W3C SCXML 1.0, sections 3 and 4.7) allows of the elements that are used:
children, attributes with the values they may have, and attributes that there must be."""


def parsed(spec: Spec) -> ET.Element:
    """Return the SCXML document of a definition, parsed."""
    return ET.fromstring(to_scxml(spec))  # noqa: S314 - our own


def check_element(element: ET.Element) -> None:
    """Hold an element, and all in it, against the Recommendation."""
    assert element.tag.startswith(NAMESPACE)
    name = element.tag.removeprefix(NAMESPACE)
    children, attributes, needed = ALLOWED[name]
    assert needed <= set(element.attrib), name
    for key, value in element.attrib.items():
        assert re.fullmatch(attributes[key], value), f"{name}: {key}={value!r}"
    if name == "transition":
        assert {"event", "cond", "target"} & set(element.attrib), "must have one of them"
    assert not (element.text or "").strip()
    for child in element:
        assert child.tag.removeprefix(NAMESPACE) in children, f"{child.tag} in {name}"
        check_element(child)


@pytest.mark.parametrize("name", shipped_machines())
def test_scxml_is_valid(name: str) -> None:
    """It has only what the Recommendation allows, and its references lead somewhere."""
    root = parsed(load_machine(name).spec)
    check_element(root)
    ids = [element.attrib["id"] for element in root]
    assert len(ids) == len(set(ids))
    targets = {one.attrib["target"] for one in root.iter() if "target" in one.attrib}
    assert targets <= set(ids)
    assert root.attrib["initial"] in ids


@pytest.mark.parametrize("name", shipped_machines())
def test_exports_are_flat_and_have_the_machine_s_states(name: str) -> None:
    """States are exactly those of the machine; the root starts in the initial one."""
    spec = load_machine(name).spec
    root = parsed(spec)
    assert [element.attrib["id"] for element in root] == list(spec.states)
    assert root.attrib["initial"] == spec.initial
    config = json.loads(to_xstate(spec))
    assert list(config["states"]) == list(spec.states)
    assert config["initial"] == spec.initial
    assert config["id"] == name


def test_hold_starts_active_and_ends_closed() -> None:
    """The root starts in `active`, and `closed` is final."""
    spec = load_machine("hold").spec
    config = json.loads(to_xstate(spec))
    assert config["initial"] == "active"
    assert config["states"]["closed"]["type"] == "final"
    root = parsed(spec)
    assert root.find(f"{NAMESPACE}final[@id='closed']") is not None


def rows_of_scxml(spec: Spec) -> list[tuple[str, str, tuple[str, ...], str | None, list[str]]]:
    """Read the rows back out of an SCXML document."""
    rows: list[tuple[str, str, tuple[str, ...], str | None, list[str]]] = []
    for state in parsed(spec):
        for transition in state:
            guards = tuple(re.findall(r"_event\.data\.(\w+)", transition.attrib.get("cond", "")))
            effects = [log.attrib["expr"].strip("'") for log in transition]
            target = transition.attrib.get("target")
            rows.append((state.attrib["id"], transition.attrib["event"], guards, target, effects))
    return rows


def rows_of_xstate(spec: Spec) -> list[tuple[str, str, tuple[str, ...], str | None, list[str]]]:
    """Read the rows back out of an XState configuration."""
    rows: list[tuple[str, str, tuple[str, ...], str | None, list[str]]] = []
    for name, state in json.loads(to_xstate(spec))["states"].items():
        for event, transitions in state.get("on", {}).items():
            for one in transitions:
                guard: Any = one.get("guard", {"params": {"guards": []}})
                names = [guard] if isinstance(guard, str) else guard["params"]["guards"]
                guards = tuple(names)
                rows.append((name, event, guards, one.get("target"), one.get("actions", [])))
    return rows


@pytest.mark.parametrize("name", shipped_machines())
def test_no_row_is_lost(name: str) -> None:
    """Both have every row of every state that is not final, those of a pair in their order."""
    spec = load_machine(name).spec
    rows = [
        (row.source, row.event, row.guards, row.target, list(row.effects))
        for state in spec.states
        for event in spec.events
        for row in spec.rows_of(state, event)
        if not spec.states[state].final
    ]
    assert rows_of_xstate(spec) == rows
    by_pair = sorted(
        rows_of_scxml(spec),
        key=lambda row: (list(spec.states).index(row[0]), list(spec.events).index(row[1])),
    )
    assert by_pair == rows


def test_what_a_row_decides_is_told() -> None:
    """XState has the place, decision and error of each row in `meta`, and its reason."""
    config = json.loads(to_xstate(door_spec()))
    first = config["states"]["shut"]["on"]["pushed"][0]
    assert first["guard"] == "locked"
    assert first["meta"] == {"row": 0, "decision": "reject", "error": "NotEligible"}
    assert first["description"] == "it is locked"


def test_names_that_cannot_be_exported_are_refused() -> None:
    """A name that the format has no room for is an error with the place."""
    spec = door_spec()
    states = {"half open": spec.states["shut"], **spec.states}
    with pytest.raises(SpecError, match="'half open' cannot be called so in SCXML"):
        to_scxml(attrs.evolve(spec, states=states))
    guarded = attrs.evolve(spec.rows[0], guards=("is-locked",))
    with pytest.raises(SpecError, match="guard 'is-locked'"):
        to_scxml(attrs.evolve(spec, rows=(guarded,)))
    for name in ("half.open", "#open"):
        with pytest.raises(SpecError, match="cannot be called so in XState"):
            to_xstate(attrs.evolve(spec, states={name: spec.states["shut"]}))


def test_strange_text_is_no_markup() -> None:
    """Sentences with dashes, brackets and ampersands stay comments, and names stay names."""
    spec = attrs.evolve(door_spec(), doc="a --> b & <c> -", name='a"b&c')
    text = to_scxml(spec)
    assert "a \u2013> b & <c>" in text
    root = parsed(spec)
    assert root.attrib["name"] == 'a"b&c'
