"""Machines for XState: the JSON that its `createMachine` takes."""

import json
from typing import Any

from hookflash.machines.errors import SpecError
from hookflash.machines.spec import Row, Spec


def to_xstate(spec: Spec) -> str:
    """Return the rows of a definition as a configuration that XState 5 runs.

    Rows are transitions in their order; those that stay have no target. Guards and actions are
    names, to be implemented by whoever runs it: `createMachine(config, {guards, actions})`. Where a
    row has several guards, its guard is `{"type": "and", "params": {"guards": [...]}}`, because the
    JSON of XState has no word for that; one function called `and`, which looks whether all of them
    hold, serves all rows. A final state ends the run, as XState has it: what the machine answers in
    it is not in the configuration.

    Args:
        spec: The definition.

    Raises:
        SpecError: The name of a state cannot be one in XState, where a point parts states.
    """
    for name in spec.states:
        if "." in name or name.startswith("#"):
            raise SpecError(
                f"{spec.place}: the state {name!r} cannot be called so in XState",
                advice="use letters, digits and `_`",
                place=spec.place,
            )
    config = {
        "id": spec.name,
        "description": spec.doc,
        "initial": spec.initial,
        "states": {name: _state(spec, name) for name in spec.states},
    }
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


def _state(spec: Spec, name: str) -> dict[str, Any]:
    state = spec.states[name]
    if state.final:
        return {"type": "final", "description": state.doc}
    return {
        "description": state.doc,
        "on": {
            event: [_transition(row) for row in spec.rows_of(name, event)] for event in spec.events
        },
    }


def _transition(row: Row) -> dict[str, Any]:
    transition: dict[str, Any] = {}
    if len(row.guards) == 1:
        transition["guard"] = row.guards[0]
    elif row.guards:
        transition["guard"] = {"type": "and", "params": {"guards": list(row.guards)}}
    if row.target is not None:
        transition["target"] = row.target
    if row.effects:
        transition["actions"] = list(row.effects)
    meta: dict[str, Any] = {"row": row.index, "decision": row.decision}
    if row.error is not None:
        meta["error"] = row.error
    return {**transition, "description": row.reason, "meta": meta}
