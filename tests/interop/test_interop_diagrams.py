"""What is exported means the same elsewhere: other engines run it, other parsers take it."""

import contextlib
import io
import json
import subprocess
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from statemachine.io.scxml.processor import SCXMLProcessor  # type: ignore[import-untyped, unused-ignore]
from tests.interop.conftest import HERE, WITHIN_S
from tests.interop.random_walks import Stride, Walker

from hookflash.adapters.specifications import load_machine, shipped_machines
from hookflash.machines.diagrams import (
    Walk,
    describe,
    to_mermaid,
    to_scxml,
    to_xstate,
)
from hookflash.machines.diagrams.figures import Hop
from hookflash.machines.diagrams.writing import Detail
from hookflash.machines.instants import Instant

SEQUENCES = 1_000
LENGTH = 30
WALKS_MAX = 30_000
"""So many are tried until every row that moves was taken; those that took a new one are kept."""

Path = list[tuple[str, list[str]]]
"""The state after each event, and what was done."""


@cache
def walks_of(name: str) -> list[list[Stride]]:
    """Return random walks through a shipped machine; every row that moves is among them."""
    walker = Walker(name, seed=20_261_123)
    moves = {row.index for row in walker.machine.spec.rows if row.target is not None}
    walks: list[list[Stride]] = []
    for _ in range(WALKS_MAX):
        found = len(walker.taken)
        walk = walker.walk(LENGTH)
        if len(walks) < SEQUENCES or len(walker.taken) > found:
            walks.append(walk)
        elif moves <= walker.taken:
            break
    assert moves <= walker.taken, sorted(moves - walker.taken)
    return walks


def expected(name: str, walk: list[Stride]) -> Path:
    """Return what another engine is to do; in final states it does nothing any more."""
    states = load_machine(name).spec.states
    return [
        (stride.target, [] if states[stride.source].final else list(stride.effects))
        for stride in walk
    ]


def in_node(node: str, script: str, asked: object) -> Any:
    """Run a script under Node.js, and return what it answers."""
    ended = subprocess.run(
        [node, str(HERE / script)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=4 * WITHIN_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def in_xstate(
    node: str, name: str, config: dict[str, Any], walks: list[list[Stride]]
) -> list[Path]:
    """Return the ways that XState takes through a configuration of a shipped machine."""
    spec = load_machine(name).spec
    asked = {
        "config": config,
        "guards": sorted({guard for row in spec.rows for guard in row.guards}),
        "effects": sorted({effect for row in spec.rows for effect in row.effects}),
        "sequences": [
            [{"event": stride.event, "guards": stride.guards} for stride in walk] for walk in walks
        ],
    }
    ways: list[list[tuple[str, list[str]]]] = in_node(node, "xstate.mjs", asked)
    return [[(state, done) for state, done in way] for way in ways]


def in_scxml(name: str, walk: list[Stride], start: Callable[[], Any]) -> Path:
    """Return the way that an SCXML engine takes."""
    path: Path = []
    machine = start()
    for stride in walk:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            machine.send(stride.event, **stride.guards)
        (state,) = machine.configuration_values
        done = [line.removeprefix("effect: ").strip("'") for line in said.getvalue().splitlines()]
        path.append((state, done))
    return path


@pytest.mark.parametrize("name", shipped_machines())
def test_xstate_goes_the_same_way(node: str, name: str) -> None:
    """XState takes the export through the states of our `step`, with the same effects."""
    walks = walks_of(name)
    ways = in_xstate(node, name, json.loads(to_xstate(load_machine(name).spec)), walks)
    for number, (walk, way) in enumerate(zip(walks, ways, strict=True)):
        assert way == expected(name, walk), f"sequence {number}: {walk}"


@pytest.mark.parametrize("name", shipped_machines())
def test_an_scxml_engine_goes_the_same_way(name: str) -> None:
    """An engine for SCXML takes the export through the states of our `step`, the same effects."""
    processor: Any = SCXMLProcessor()
    processor.parse_scxml(name, to_scxml(load_machine(name).spec))
    for number, walk in enumerate(walks_of(name)):
        way = in_scxml(name, walk, processor.start)
        assert way == expected(name, walk), f"sequence {number}: {walk}"


def test_a_wrong_export_is_noticed(node: str) -> None:
    """The comparison has teeth: where the rows stand in another order, XState goes other ways."""
    walks = walks_of("hold")[:20]
    config = json.loads(to_xstate(load_machine("hold").spec))
    for state in config["states"].values():
        for rows in state.get("on", {}).values():
            rows.reverse()
    ways = in_xstate(node, "hold", config, walks)
    assert ways != [expected("hold", walk) for walk in walks]


def test_mermaid_parses_every_drawing(node: str) -> None:
    """Mermaid's own parser takes each shipped machine in each detail, and ways of interactions."""
    details: tuple[Detail, ...] = ("brief", "normal", "full")
    texts = [
        to_mermaid(describe(load_machine(name)), detail)
        for name in shipped_machines()
        for detail in details
    ]
    hops = (
        Hop(1, "active", "hold_requested", "hold_pending", Instant(0)),
        Hop(2, "hold_pending", "end of; days: <now>", "resting", Instant(1)),
    )
    walk = Walk("0b3c1d52-0a61-4c8f-9c7c-2c8d7c0d0001", hops)
    texts.append(to_mermaid(describe(load_machine("hold"), walk=walk)))
    results = in_node(node, "mermaid.mjs", texts)
    assert results == [["stateDiagram", None]] * len(texts)
    ((kind, problem),) = in_node(node, "mermaid.mjs", ["stateDiagram-v2\n a -> b"])
    assert kind is None
    assert problem
