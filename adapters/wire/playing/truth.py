"""How the interactions stand at the recorded gateway, as far as its messages say."""

from typing import Any, Final, final

from hookflash.adapters.wire.placeholders import restored

_HELD: Final = frozenset({"held", "unhold_pending", "expired"})
"""The engine's states in which a caller counts as on hold."""

_AFTER: Final = {"hold": "held", "unhold": "active"}
"""The state that a command which was carried out leads to."""


@final
class Truth:
    """Follows the messages of a gateway, delivered or not, and answers as it would.

    What a recording has no answer to is answered from here: a client that does something else than
    was recorded meets a gateway that goes on making sense.
    """

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._metadata: dict[str, dict[str, Any]] = {}

    @property
    def states(self) -> dict[str, str]:
        """The states of all interactions that were heard of, by their ids in lower case."""
        return dict(self._states)

    def begin(self, interaction_id: str, state: str) -> None:
        """Take up how an interaction stood at the beginning, by the engine's own state of it."""
        if state in _HELD:
            self._states[interaction_id.lower()] = "held"

    def heard(self, frame: dict[str, Any]) -> None:
        """Take up a message of the control socket."""
        body: Any = frame.get("body")
        inner: dict[str, Any] = body if isinstance(body, dict) else {}  # pyright: ignore[reportUnknownVariableType] - JSON
        interaction_id = inner.get("interactionId", frame.get("interactionId"))
        state = inner.get("state", frame.get("state")) or _AFTER.get(str(inner.get("type")))
        if isinstance(interaction_id, str) and isinstance(state, str):
            self._states[interaction_id.lower()] = state

    def told(self, interaction_id: str, status: int, body: dict[str, Any] | None) -> None:
        """Take up the answer to a lookup."""
        key = interaction_id.lower()
        if status == 404:
            self._states[key] = "not_found"
        elif status == 200 and body is not None and isinstance(body.get("state"), str):
            self._states[key] = body["state"]
            self._metadata[key] = body

    def carry_out(self, action: str, interaction_id: str) -> str:
        """Carry out a command of which nothing was recorded; return the state after it."""
        state = _AFTER[action]
        self._states[interaction_id.lower()] = state
        return state

    def answer(self, interaction_id: str) -> tuple[int, dict[str, Any]]:
        """Return status and body of the answer to a lookup of which nothing was recorded."""
        key = interaction_id.lower()
        state = self._states.get(key, "active")
        if state == "not_found":
            return 404, {"error": "refused", "code": 404, "message": "not found"}
        known = restored(self._metadata.get(key, {}))
        body: dict[str, Any] = {"id": interaction_id, **known, "state": state}
        if state != "held":
            body.pop("heldSince", None)
        return 200, body
