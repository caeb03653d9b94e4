"""What a replay found, in words for people and as JSON for programs."""

from collections.abc import Iterator
from typing import Any, Final

from hookflash.adapters.replaying.verifying import Verdict
from hookflash.engine.replaying.findings import Damage, Divergence, Group, shown
from hookflash.machines.instants import from_text

GROUPS_SHOWN: Final = 20
DAMAGES_SHOWN: Final = 20
_VALUE_LENGTH_MAX: Final = 160
_DIFFERENCES_SHOWN: Final = 6


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return the object that `--json` prints."""
    found = verdict.findings
    return {
        "status": "success" if verdict.same else "failed",
        "same": verdict.same,
        "records": found.records,
        "interactions": found.interactions,
        "first": first_as_json(verdict),
        "divergences": found.groups.count,
        "following": found.groups.following,
        "groups": [group.to_json() for group in found.groups.groups()],
        "groupsBeyond": found.groups.beyond,
        "damages": found.damages.count,
        "damage": [one.to_json() for one in found.damages.kept],
        "notices": list(found.notices),
        "ended": found.ended,
        "unreadable": None if verdict.unreadable is None else str(verdict.unreadable),
        "seconds": round(verdict.seconds, 3),
        "perSecond": round(verdict.per_second),
    }


def first_as_json(verdict: Verdict) -> dict[str, Any] | None:
    """Return the first difference of all; None for none."""
    damage, divergence = verdict.findings.damages.first(), verdict.findings.groups.first()
    if divergence is not None and (damage is None or _before(divergence, damage)):
        return {
            "interactionId": divergence.interaction_id,
            "seq": divergence.seq,
            "place": divergence.place,
            "field": divergence.field,
            "expected": divergence.recorded,
            "found": divergence.now,
            "explanation": divergence.cause.text,
        }
    if damage is None:
        return None
    return {
        "interactionId": damage.interaction_id,
        "seq": damage.seq,
        "place": damage.place,
        "field": None,
        "expected": None,
        "found": None,
        "explanation": damage.text,
    }


def _before(divergence: Divergence, damage: Damage) -> bool:
    return (divergence.part, divergence.seq) < (damage.part, damage.seq or 0)


def as_lines(verdict: Verdict) -> Iterator[str]:
    """Say what was found, line by line."""
    found = verdict.findings
    for notice in found.notices:
        yield f"note: {notice}"
    yield from _first(verdict)
    yield from _damages(verdict)
    yield from _groups(verdict)
    if verdict.unreadable is not None:
        yield f"cannot be read further: {verdict.unreadable}"
    counted = f"{found.records:,} records of {found.interactions:,} interactions"
    speed = f"{verdict.seconds:.1f} s, {verdict.per_second:,.0f} records/s"
    until = ", up to where it was to end" if found.ended else ""
    yield f"{'same' if verdict.same else 'different'}: {counted}{until}; {speed}"


def _first(verdict: Verdict) -> Iterator[str]:
    first = first_as_json(verdict)
    if first is None:
        return
    who = f"interaction {first['interactionId']}, " if first["interactionId"] else ""
    yield f"first difference: {who}record {first['seq']} ({first['place']})"
    divergence = verdict.findings.groups.first()
    if first["field"] is not None and divergence is not None:
        at = divergence.at
        yield f"  {first['field']}"
        yield f"    expected (recorded)  {_short(shown(first['expected'], at))}"
        yield f"    found (now)          {_short(shown(first['found'], at))}"
    yield f"  {first['explanation']}"


def _damages(verdict: Verdict) -> Iterator[str]:
    damages = verdict.findings.damages
    if not damages.count:
        return
    yield ""
    following = verdict.findings.groups.following
    follow = f"; {following:,} divergences follow from it" if following else ""
    yield f"damage: {damages.count:,}{follow}"
    for one in damages.kept[:DAMAGES_SHOWN]:
        yield f"  {one.place}: {one.text}"
    if damages.count > DAMAGES_SHOWN:
        yield f"  and {damages.count - DAMAGES_SHOWN:,} more"


def _groups(verdict: Verdict) -> Iterator[str]:
    groups = verdict.findings.groups
    if not groups.count:
        return
    every = groups.groups()
    kinds = f"{len(every):,} {'kind' if len(every) == 1 else 'kinds'}"
    yield ""
    yield f"divergences: {groups.count:,} of {kinds}"
    for group in every[:GROUPS_SHOWN]:
        yield from _group(group)
    if len(every) > GROUPS_SHOWN or groups.beyond:
        yield f"  and {len(every) - GROUPS_SHOWN:,} kinds more: --all lists every divergence"


def _group(group: Group) -> Iterator[str]:
    first = group.examples[0]
    event = f"{first.event} in {first.source}" if first.event else first.source
    yield f"  {group.count:,} x {event}: {first.cause.text}"
    yield from differences_as_lines(first, "      ")
    places = [f"record {one.seq} ({one.place})" for one in group.examples]
    more = ", …" if group.count > len(places) else ""
    yield f"      at {', '.join(places)}{more}"


def differences_as_lines(one: Divergence, indent: str) -> Iterator[str]:
    """Say where a record differs."""
    for field, recorded, now in one.differences[:_DIFFERENCES_SHOWN]:
        then, today = _short(shown(recorded, one.at)), _short(shown(now, one.at))
        yield f"{indent}{field}: {then} is now {today}"
    beyond = len(one.differences) - _DIFFERENCES_SHOWN
    if beyond > 0:
        yield f"{indent}and {beyond} more"


def divergence_as_lines(raw: dict[str, Any]) -> Iterator[str]:
    """Say what one divergence of a listing is.

    Args:
        raw: It as `Divergence.to_json` gives it.
    """
    event = f"{raw['event']} in {raw['state']}" if raw["event"] else raw["state"]
    yield f"record {raw['seq']} ({raw['place']}), interaction {raw['interactionId']}: {event}"
    at = None if raw["at"] is None else from_text(raw["at"])
    for one in raw["differences"]:
        then, today = _short(shown(one["recorded"], at)), _short(shown(one["now"], at))
        yield f"    {one['field']}: {then} is now {today}"
    yield f"    {raw['explanation']}"


def _short(text: str) -> str:
    return text if len(text) <= _VALUE_LENGTH_MAX else text[: _VALUE_LENGTH_MAX - 1] + "…"
