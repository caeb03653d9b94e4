"""The simulator's own endpoints: for tests in any language, beside the gateway's protocol.

`GET /simulator/statistics` tells all counts; `GET /simulator/interactions/{id}` the true state of
one interaction; `POST /simulator/interactions/{id}` with `{"state": "held"}`, `"active"` or
`"closed"` changes it as somebody else would, and all control sockets are told. No token is needed:
a simulator listens on this machine only.
"""

import json
from typing import Final, cast

import attrs

from hookflash.adapters.simulator.commands import UUID_PATTERN
from hookflash.adapters.simulator.gateway import Gateway
from hookflash.adapters.simulator.http_connection import Answer, HttpRequest

CONTROL_PATH: Final = "/simulator/"

_STATISTICS_PATH: Final = CONTROL_PATH + "statistics"
_INTERACTION_PATH: Final = CONTROL_PATH + "interactions/"
_STATES: Final = ("held", "active", "closed", "abandoned")


def respond(gateway: Gateway, request: HttpRequest) -> Answer:
    """Answer a request to one of the simulator's own endpoints."""
    if request.path == _STATISTICS_PATH and request.method == "GET":
        return Answer(200, attrs.asdict(gateway.world.statistics()))
    interaction_id = request.path.removeprefix(_INTERACTION_PATH)
    if request.path.startswith(_INTERACTION_PATH) and UUID_PATTERN.match(interaction_id):
        if request.method == "GET":
            return Answer(200, _shown(gateway, interaction_id))
        if request.method == "POST":
            return _change(gateway, interaction_id, request.body)
    return Answer(404, {"message": "see hookflash.adapters.simulator.control"})


def _change(gateway: Gateway, interaction_id: str, body: bytes) -> Answer:
    try:
        asked: object = json.loads(body)
    except ValueError:
        asked = None
    state = cast("dict[str, object]", asked).get("state") if isinstance(asked, dict) else None
    if not isinstance(state, str) or state not in _STATES:
        return Answer(400, {"message": f"`state` must be one of {', '.join(_STATES)}"})
    changed = gateway.change(interaction_id, state)
    return Answer(200, {**_shown(gateway, interaction_id), "changed": changed})


def _shown(gateway: Gateway, interaction_id: str) -> dict[str, object]:
    found = gateway.world.interaction(interaction_id)
    return {"id": interaction_id, "state": found.state}
