"""Drawings as JSON: all that they show, for programs."""

import json
from typing import Any

from hookflash.machines.diagrams.drawing import Arrow, Box, Drawing, Line
from hookflash.machines.diagrams.figures import Flow
from hookflash.machines.instants import to_text


def to_json(drawing: Drawing) -> str:
    """Return *drawing* as JSON, everything that a definition decides included.

    Args:
        drawing: What to write; figures of a recording and the way of an interaction are in it where
            the drawing has them. Durations are in seconds.
    """
    return json.dumps(as_dict(drawing), indent=2, ensure_ascii=False) + "\n"


def as_dict(drawing: Drawing) -> dict[str, Any]:
    """Return *drawing* as the object that `to_json` writes."""
    spec, story = drawing.spec, drawing.story
    return {
        "machine": spec.name,
        "doc": spec.doc,
        "spec_hash": spec.digest,
        "initial": spec.initial,
        "story": {
            "declared": story.declared,
            "hops": [{"from": one, "event": event, "to": two} for one, event, two in story.hops],
        },
        "events": {name: event.doc for name, event in spec.events.items()},
        "timers": {
            name: {"event": timer.event, "setting": timer.duration, "doc": timer.doc}
            for name, timer in spec.timers.items()
        },
        "states": [_box(drawing, box) for box in drawing.boxes],
        "arrows": [_arrow(drawing, arrow) for arrow in drawing.arrows],
        "traffic": _traffic(drawing),
        "path": _walk(drawing),
    }


def _box(drawing: Drawing, box: Box) -> dict[str, Any]:
    stay = None if drawing.traffic is None else drawing.traffic.stays.get(box.name)
    return {
        "name": box.name,
        "doc": box.doc,
        "initial": box.initial,
        "final": box.final,
        "story": box.story,
        "in_definition": box.known,
        "timers": [
            {"name": clock.name, "duration": clock.duration, "rows": _indexes(clock.lines)}
            for clock in box.clocks
        ],
        "rows": [_line(drawing, line) for line in box.lines],
        "not_in_definition": [_stray(event, flow) for event, flow in box.strays],
        "traffic": None
        if stay is None
        else {
            "visits": stay.visits,
            "measured": stay.measured,
            "p50_s": stay.p50_s,
            "p95_s": stay.p95_s,
            "last_at": to_text(stay.last_at),
        },
    }


def _arrow(drawing: Drawing, arrow: Arrow) -> dict[str, Any]:
    flow = drawing.flow(arrow.keys)
    left = 0
    if drawing.traffic is not None:
        left = sum(drawing.traffic.left(source) for source in arrow.sources)
    return {
        "number": arrow.number,
        "from": list(arrow.sources),
        "to": arrow.target,
        "story": arrow.story,
        "rows": [_line(drawing, line) for line in arrow.lines],
        "not_in_definition": [_stray(event, flow) for event, flow in arrow.strays],
        "traffic": None
        if flow is None
        else {**_flow(flow), "share": flow.count / left if left else None},
        "steps": list(drawing.steps(arrow.keys)),
    }


def _line(drawing: Drawing, line: Line) -> dict[str, Any]:
    flow = drawing.flow(line.keys)
    return {
        "rows": [row.index for row in line.rows],
        "from": list(line.sources),
        "event": line.event,
        "guards": list(line.guards),
        "effects": list(line.effects),
        "decision": line.decision,
        "error": line.rows[0].error,
        "reason": line.rows[0].reason,
        "duration": line.duration,
        "story": line.story,
        "traffic": None if flow is None else _flow(flow),
        "steps": list(drawing.steps(line.keys)),
    }


def _stray(event: str, flow: Flow) -> dict[str, Any]:
    return {"event": event, **_flow(flow)}


def _flow(flow: Flow) -> dict[str, Any]:
    return {"count": flow.count, "last_at": to_text(flow.last_at)}


def _indexes(lines: tuple[Line, ...]) -> list[int]:
    return [row.index for line in lines for row in line.rows]


def _traffic(drawing: Drawing) -> dict[str, Any] | None:
    traffic = drawing.traffic
    if traffic is None:
        return None
    return {
        "records": traffic.records,
        "interactions": traffic.interactions,
        "first_at": None if traffic.first_at is None else to_text(traffic.first_at),
        "last_at": None if traffic.last_at is None else to_text(traffic.last_at),
        "unmeasured": traffic.unmeasured,
        "strays_left_out": traffic.strays_left_out,
    }


def _walk(drawing: Drawing) -> dict[str, Any] | None:
    walk = drawing.walk
    if walk is None:
        return None
    return {
        "interaction": walk.interaction_id,
        "left_out": walk.left_out,
        "steps": [
            {
                "number": hop.number,
                "from": hop.source,
                "event": hop.event,
                "to": hop.target,
                "at": to_text(hop.at),
            }
            for hop in walk.hops
        ],
    }
