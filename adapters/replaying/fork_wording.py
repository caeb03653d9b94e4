"""What came of a fork, in words for people and as JSON for programs."""

from collections.abc import Iterator
from typing import Any

from hookflash.adapters.replaying.forking import Branch
from hookflash.engine.replaying.forked import ForkedStep
from hookflash.machines.codec import RecordCodec
from hookflash.machines.instants import to_text
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import RecordedStep
from hookflash.machines.rules.explaining import explain

_WORDS = {
    "given": "given",
    "recorded": "recorded",
    "timer": "timer",
    "rule": "a rule",
    "asked": "rules",
}


def as_json(branch: Branch) -> dict[str, Any]:
    """Return the object that `--json` prints."""
    codec = RecordCodec(branch.machine)
    forked, end = branch.forked, branch.forked.ended_at
    return {
        "status": "success",
        "interactionId": forked.begun.id,
        "seq": branch.seq,
        "stateBefore": forked.begun.state,
        "steps": [_step_as_json(one, codec) for one in forked.steps],
        "state": forked.interaction.state,
        "pending": _pending(forked.interaction),
        "timers": _timers(forked.interaction),
        "evidenceEnds": None
        if not forked.ended
        else {
            "seq": end.entry.seq
            if end is not None and isinstance(end.entry, RecordedStep)
            else None,
            "place": None if end is None else end.place,
            "reason": forked.ended,
        },
    }


def _step_as_json(one: ForkedStep, codec: RecordCodec[Any]) -> dict[str, Any]:
    step = one.step
    return {
        "kind": one.kind,
        "seq": one.seq,
        "at": to_text(one.at),
        "event": one.name,
        "from": one.before.state,
        "to": one.after.state,
        "row": None if step is None else step.transition.line,
        "effects": [] if step is None else codec.written(step.effects),
        "timers": _timers(one.after),
        "rules": None if one.ruling is None else one.ruling.to_json(),
        "asRecorded": one.as_recorded,
    }


def _timers(interaction: Interaction[Any]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "owner": one.owner, "dueAt": to_text(one.due_at)}
        for one in interaction.timers
    ]


def _pending(interaction: Interaction[Any]) -> dict[str, Any] | None:
    pending = interaction.pending
    if pending is None:
        return None
    return {"action": pending.action, "correlationId": pending.correlation_id}


def as_lines(branch: Branch) -> Iterator[str]:
    """Say what came of it, line by line."""
    forked = branch.forked
    yield f"interaction {forked.begun.id}, before record {branch.seq}: {forked.begun.state}"
    codec = RecordCodec(branch.machine)
    for one in forked.steps:
        yield from _step_as_lines(one, codec)
    yield ""
    if not forked.ended:
        yield "all that was recorded of it after that could have happened so"
    else:
        end = forked.ended_at
        where = ""
        if end is not None and isinstance(end.entry, RecordedStep):
            name = branch.machine.event_name(end.entry.event)
            where = f" at record {end.entry.seq} ({end.place}), {name}"
        yield f"what was recorded is evidence no longer{where}: {forked.ended}"
    state = forked.interaction
    timers = [f"{one.name} due {to_text(one.due_at)}" for one in state.timers]
    pending = "" if state.pending is None else f", {state.pending.action} under way"
    yield f"then: {state.state}{pending}; timers: {', '.join(timers) or 'none'}"


def _step_as_lines(one: ForkedStep, codec: RecordCodec[Any]) -> Iterator[str]:
    target = "stays" if one.before.state == one.after.state else f"-> {one.after.state}"
    number = "" if one.seq is None else f" {one.seq}"
    mark = "" if one.as_recorded else "   (not as recorded)"
    yield (
        f"{to_text(one.at)}  {_WORDS[one.kind]}{number}: {one.name} in {one.before.state}"
        f"  {target}{mark}"
    )
    if one.step is not None:
        for effect in codec.written(one.step.effects):
            fields = {key: value for key, value in effect.items() if key != "type"}
            timer = fields.pop("timer", {})
            said = "  ".join(f"{key} {value}" for key, value in (timer | fields).items())
            yield f"    {effect['type']}  {said}"
    ruling = one.ruling
    if ruling is not None and ruling.trace is not None:
        for line in list(explain([ruling.trace]))[1:]:
            yield f"    {line.strip()}"
    for planned in () if ruling is None else ruling.actions:
        yield f"    {planned.action.rule}: {planned.action.text()}"
