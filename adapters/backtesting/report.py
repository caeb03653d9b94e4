"""What a backtest found: one JSON document, and the same for people."""

from collections.abc import Iterator, Sequence
from typing import Any

from hookflash.engine.backtesting.tally import Example, Key, Tally

_SHOWN = 2
"""Examples that people are shown of each difference; the document has more."""

_FATES = ("same", "moved", "added", "removed", "beyond")
_FIGURES = (
    "holds_changed",
    "saved_us",
    "longer_us",
    "longer_at_most_us",
    "limits_passed_avoided",
    "limits_passed_caused",
)


def document_of(tally: Tally, recordings: Sequence[str]) -> dict[str, Any]:
    """Return what was counted as one document, the same for the same counts.

    Args:
        tally: What was counted.
        recordings: The recordings, as examples name them.
    """
    return {
        "status": "same" if is_same(tally) else "different",
        "recordings": list(recordings),
        "events": tally.of("events"),
        "interactions": tally.of("interactions"),
        "holds": tally.of("holds"),
        "total": _figures(tally, "total"),
        "rules": _rules(tally, recordings),
        "groups": _groups(tally),
        "steps": _steps(tally, recordings),
        "examples": _examples(tally, ("hold",), recordings),
        "evidence": {
            "interactions_left": tally.of("evidence", "interactions_left"),
            "records_beyond": tally.of("evidence", "records_beyond"),
            "holds_beyond": tally.of("evidence", "holds_beyond"),
            "holds_unmeasured": tally.of("evidence", "holds_unmeasured"),
            "records_unlike": tally.of("unlike"),
            "interactions_forgotten": tally.of("forgotten"),
        },
    }


def is_same(tally: Tally) -> bool:
    """Say whether nothing would have been otherwise."""
    if tally.of("total", "holds_changed") or tally.under("step"):
        return False
    return not any(
        count and key[2] in {"moved", "added", "removed"}
        for key, count in tally.under("rule").items()
    )


def _figures(tally: Tally, *prefix: str) -> dict[str, float | int]:
    found: dict[str, float | int] = {}
    for name in _FIGURES:
        count = tally.of(*prefix, name)
        if name.endswith("_us"):
            found[name.removesuffix("_us") + "_s"] = round(count / 1_000_000, 3)
        else:
            found[name] = count
    return found


def _rules(tally: Tally, recordings: Sequence[str]) -> list[dict[str, Any]]:
    pairs = sorted({key[:2] for key in tally.under("rule")})
    found: list[dict[str, Any]] = []
    for rule, kind in pairs:
        entry: dict[str, Any] = {"rule": rule, "action": kind}
        for fate in _FATES:
            entry[fate] = tally.of("rule", rule, kind, fate)
        entry["later_s"] = round(tally.of("rule", rule, kind, "later_us") / 1_000_000, 3)
        entry["examples"] = [
            {"what": fate, **example}
            for fate in ("moved", "added", "removed")
            for example in _examples(tally, ("rule", rule, kind, fate), recordings)
        ]
        found.append(entry)
    return found


def _groups(tally: Tally) -> list[dict[str, Any]]:
    pairs = sorted({key[:2] for key in tally.under("group")})
    return [
        {
            "skill_group": group,
            "reason": reason,
            "holds": tally.of("group", group, reason, "holds"),
            **_figures(tally, "group", group, reason),
        }
        for group, reason in pairs
    ]


def _steps(tally: Tally, recordings: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "source": key[0],
            "event": key[1],
            "recorded": key[2],
            "now": key[3],
            "count": count,
            "examples": _examples(tally, ("step", *key), recordings),
        }
        for key, count in sorted(tally.under("step").items(), key=lambda one: (-one[1], one[0]))
    ]


def _examples(tally: Tally, key: Key, recordings: Sequence[str]) -> list[dict[str, Any]]:
    return [_example(one, recordings) for one in tally.examples.get(key, ())]


def _example(example: Example, recordings: Sequence[str]) -> dict[str, Any]:
    return {
        "recording": recordings[example.part],
        "seq": example.seq,
        "interactionId": example.interaction_id,
        "at": example.at,
        "text": example.text,
    }


# --- for people -----------------------------------------------------------------------------------


def lines_of(document: dict[str, Any]) -> Iterator[str]:
    """Yield the same for people."""
    yield (
        f"{document['events']:,} records, {document['interactions']:,} interactions,"
        f" {document['holds']:,} holds in {len(document['recordings'])} recordings"
    )
    if document["status"] == "same":
        yield "nothing would have been otherwise"
    yield from _total_lines(document)
    yield from _rule_lines(document)
    yield from _step_lines(document)
    yield from _group_lines(document)
    yield from _evidence_lines(document["evidence"])


def _total_lines(document: dict[str, Any]) -> Iterator[str]:
    total = document["total"]
    if not total["holds_changed"]:
        return
    yield ""
    yield f"holds that would have been otherwise: {total['holds_changed']:,}"
    yield f"  shorter by {_duration(total['saved_s'])} in all"
    if total["longer_at_most_s"]:
        yield (
            f"  longer by {_duration(total['longer_s'])} at least,"
            f" {_duration(total['longer_at_most_s'])} at most"
        )
    yield (
        f"  limits that would not have passed: {total['limits_passed_avoided']:,};"
        f" that would have: {total['limits_passed_caused']:,}"
    )
    for example in document["examples"][:_SHOWN]:
        yield f"  e.g. {_example_text(example)}"


def _rule_lines(document: dict[str, Any]) -> Iterator[str]:
    if not document["rules"]:
        return
    yield ""
    width = max(len(f"{one['rule']}: {one['action']}") for one in document["rules"])
    yield f"{'rule: action':<{width}}  {'same':>8} {'moved':>8} {'added':>8} {'removed':>8}"
    for one in document["rules"]:
        name = f"{one['rule']}: {one['action']}"
        counts = " ".join(f"{one[fate]:>8,}" for fate in ("same", "moved", "added", "removed"))
        yield f"{name:<{width}}  {counts}"
        if one["moved"]:
            mean = one["later_s"] / one["moved"]
            word = "later" if mean > 0 else "earlier"
            yield f"  moved by {_duration(abs(mean))} {word} on average"
        for what in ("moved", "added", "removed"):
            examples = [example for example in one["examples"] if example["what"] == what]
            for example in examples[:_SHOWN]:
                yield f"  {what}: {_example_text(example)}"


def _step_lines(document: dict[str, Any]) -> Iterator[str]:
    if document["steps"]:
        yield ""
        yield "steps that would have been otherwise:"
    for one in document["steps"]:
        yield f"  {one['count']:,} x {one['event']} in {one['source']}"
        yield f"    recorded {one['recorded']}"
        yield f"    now      {one['now']}"
        for example in one["examples"][:1]:
            yield f"    e.g. {_example_text(example)}"


def _group_lines(document: dict[str, Any]) -> Iterator[str]:
    changed = [one for one in document["groups"] if one["holds_changed"]]
    if not changed:
        return
    yield ""
    yield f"{'skill group, reason':<40} {'holds':>8} {'changed':>8} {'shorter':>12} {'longer':>12}"
    for one in changed:
        name = f"{one['skill_group']}, {one['reason']}"
        longer = one["longer_at_most_s"]
        most = f"<= {_duration(longer)}" if longer else "-"
        yield (
            f"{name[:40]:<40} {one['holds']:>8,} {one['holds_changed']:>8,}"
            f" {_duration(one['saved_s']):>12} {most:>12}"
        )


def _evidence_lines(evidence: dict[str, int]) -> Iterator[str]:
    said = {
        "interactions_left": "interactions in which something would have been done that was not,"
        " or the other way round: what was recorded of them after that is no evidence",
        "records_beyond": "records beyond that point, which were not judged",
        "holds_beyond": "holds beyond that point, likewise",
        "holds_unmeasured": "holds of which the recording does not have beginning or end",
        "records_unlike": "records that do not follow from those before them: `hookflash replay`"
        " says more",
        "interactions_forgotten": "interactions that were forgotten for want of room",
    }
    counted = {name: count for name, count in evidence.items() if count}
    if counted:
        yield ""
        yield "where the recording stops being evidence:"
    for name, count in counted.items():
        yield f"  {count:,} {said[name]}"


def _example_text(example: dict[str, Any]) -> str:
    return (
        f"{example['interactionId']} record {example['seq']} of {example['recording']}:"
        f" {example['text']}"
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"
