"""The simulator's own endpoints, for tests in any language."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hookflash.adapters.simulator import Simulator

CALL = "33333333-3333-4333-8333-333333333333"
Ask = Callable[..., Awaitable[tuple[int, dict[str, str], dict[str, Any]]]]


async def test_statistics_are_told_over_http(ask: Ask) -> None:
    """All counts, under their names."""
    simulator = Simulator(seed=1)
    status, _, body = await ask(simulator, "GET", "/simulator/statistics")

    assert 200 == status
    assert 0 == body["holds_of_held"] == body["commands"]


async def test_an_interaction_is_changed_as_somebody_else_would(ask: Ask) -> None:
    """The state changes, and a second time it does not."""
    simulator = Simulator(seed=1)
    path = f"/simulator/interactions/{CALL}"
    body = json.dumps({"state": "held"}).encode()
    first = await ask(simulator, "POST", path, {"content-type": "application/json"}, body)
    second = await ask(simulator, "POST", path, {"content-type": "application/json"}, body)
    seen = await ask(simulator, "GET", path)

    assert (200, {"id": CALL, "state": "held", "changed": True}) == (first[0], first[2])
    assert {"id": CALL, "state": "held", "changed": False} == second[2]
    assert {"id": CALL, "state": "held"} == seen[2]
    assert "held" == simulator.state_of(CALL)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"state": "flying"}', b"{"])
async def test_an_unknown_state_is_refused(ask: Ask, body: bytes) -> None:
    """A body that names no state changes nothing."""
    simulator = Simulator(seed=1)
    status, _, answer = await ask(simulator, "POST", f"/simulator/interactions/{CALL}", {}, body)

    assert 400 == status
    assert "held" in answer["message"]
    assert "active" == simulator.state_of(CALL)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/simulator/"),
        ("PUT", f"/simulator/interactions/{CALL}"),
        ("GET", "/simulator/interactions/x"),
    ],
)
async def test_other_paths_are_not_found(ask: Ask, method: str, path: str) -> None:
    """What is not served is 404."""
    assert 404 == (await ask(Simulator(seed=1), method, path))[0]
