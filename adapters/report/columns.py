"""What the page's scripts work on: columns of numbers, packed and compressed.

One JSON object, gzipped, in Base64, so that no text of a recording stands in the page as it is.
`scripts/recording.mjs` reads it; what is there:

- `base`: the first instant, in microseconds since 1970; all instants count from it, and durations
  are microseconds.
- `texts`, `states`, `steps`, `rows`, `marks`, `groups`, `outcomes`: what the others name by place.
- `interactions`: a column each of ids, states at the end, places of first steps and the like.
- `steps_at`, `seqs`, `kinds`, `shapes`, `lines`: the steps of all of them, one after the other.
- `holds`, `acks`: each hold and each acknowledgement, also of interactions that are not told.
"""

import gzip
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import orjson

from hookflash.adapters.report.chronicle import Chronicle, Told
from hookflash.adapters.report.history import History
from hookflash.adapters.report.texts import plain
from hookflash.adapters.report.words import BEGAN, ENDED, GRAVE, GROUPS, MARKS
from hookflash.machines.instants import Instant
from hookflash.machines.spec import Spec

FORMAT: Final = 1
"""Version of the columns, for the scripts."""

_Number = Callable[[str], int]
"""Gives a text its number."""

_MARK_NUMBERS: Final = {mark: number for number, mark in enumerate(MARKS)}
_LEVEL: Final = 6  # of gzip: 9 takes four times as long for 2 % less


def pack(columns: dict[str, Any]) -> str:
    """Return *columns* as JSON, gzipped, in Base64; the same for the same."""
    return b64encode(gzip.compress(orjson.dumps(columns), _LEVEL, mtime=0)).decode()


def columns_of(history: History, chronicle: Chronicle, spec: Spec, now_spec: str) -> dict[str, Any]:
    """Return the columns.

    Args:
        history: What the recording says.
        chronicle: What is told of it one by one.
        spec: The definition of its machine, the one that counted last.
        now_spec: The hash of today's shipped definition, to tell whether it is another one.
    """
    base = _base(history)
    told = sorted(chronicle.told.values(), key=lambda one: one.story.number)
    places = {one.story.number: place for place, one in enumerate(told)}
    columns = _vocabulary(chronicle, spec)
    number = chronicle.texts.number
    columns |= {
        "format": FORMAT,
        "base": base,
        "span": 0 if history.last_at is None else history.last_at - base,
        "other_definition": spec.digest != now_spec,
        "interactions": _interactions(told, base, number),
        "holds": _holds(history, places, base, number),
        "acks": {
            "i": [places.get(one[0], -1) for one in history.acks],
            "us": [one[1] for one in history.acks],
            # 1 for an unhold, 2 for one that came late
            "flags": [(not one[2]) + 2 * one[3] for one in history.acks],
        },
        **_steps(told),
        "left_out": {
            "interactions": len(history.stories) - len(told),
            "steps": sum(one.more + one.before for one in told),
            "holds": history.holds_count - len(history.holds),
            "acks": history.acks_count - len(history.acks),
            "records": history.records_not_followed,
        },
    }
    # Last: texts are added while the others are written.
    columns["texts"] = chronicle.texts.texts
    return columns


def _base(history: History) -> Instant:
    return Instant(0) if history.first_at is None else history.first_at


def _vocabulary(chronicle: Chronicle, spec: Spec) -> dict[str, Any]:
    number = chronicle.texts.number
    return {
        "states": [
            {"name": plain(name), "doc": plain(state.doc, 400), "final": state.final}
            for name, state in spec.states.items()
        ],
        "events": {plain(name): plain(event.doc, 400) for name, event in spec.events.items()},
        "steps": [[int(step[0]), *step[1:]] for step in chronicle.steps],
        "rows": [
            [
                row.decision,
                number(plain(row.reason, 400)),
                number(plain(row.error or "")),
                row.index,
            ]
            for row in chronicle.rows
        ],
        "marks": [
            {"short": short, "words": words, "group": group, "grave": mark in GRAVE}
            for mark, (group, short, words) in MARKS.items()
        ],
        "groups": GROUPS,
    }


def _interactions(told: Sequence[Told], base: Instant, number: _Number) -> dict[str, Any]:
    return {
        "id": [plain(one.story.id) for one in told],
        "begins": [one.at[0] - base if one.at else 0 for one in told],
        "start": [number(plain(one.state)) for one in told],
        "state": [number(plain(one.story.state)) for one in told],
        "group": [number(plain(one.story.skill_group or "")) for one in told],
        "steps": [len(one.at) for one in told],
        "before": [one.before for one in told],
        "more": [one.more for one in told],
        "marks": [_marks(one) for one in told],
        "references": [one.references for one in told],
        "traces": [[part for trace in one.traces for part in trace] for one in told],
    }


def _marks(told: Told) -> list[int]:
    """Return the marks of an interaction: each by its number, and the place of its step."""
    steps = [place for place, seq in enumerate(told.seq) if seq]
    if not steps:
        return []
    return [
        part
        for mark, record in told.story.places
        for part in (
            _MARK_NUMBERS[mark],
            steps[min(max(0, record - told.before), len(steps) - 1)],
        )
    ]


def _steps(told: Sequence[Told]) -> dict[str, orjson.Fragment]:
    return {
        "steps_at": _joined(_differences(one.at) for one in told),
        "seqs": _joined(_differences(one.seq, zero_stays=True) for one in told),
        "kinds": _joined(one.step for one in told),
        "shapes": _joined(one.shape for one in told),
        "lines": _joined(one.lines for one in told),
    }


def _differences(numbers: Sequence[int], *, zero_stays: bool = False) -> list[int]:
    """Return how far each is from the one before.

    Args:
        numbers: The numbers.
        zero_stays: The first counts from 0, and a 0 stays one and is left out of the counting; else
            the first is 0.
    """
    found: list[int] = []
    last = 0 if zero_stays or not numbers else numbers[0]
    for number in numbers:
        if zero_stays and not number:
            found.append(0)
            continue
        found.append(number - last)
        last = number
    return found


def _joined(columns: Iterable[Sequence[int]]) -> orjson.Fragment:
    """Return the numbers of all columns as one list in JSON: millions would fill the memory."""
    parts = (",".join(map(str, column)).encode() for column in columns if column)
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")


def _holds(
    history: History,
    places: dict[int, int],
    base: Instant,
    number: _Number,
) -> dict[str, Any]:
    def since_base(at: Instant | None) -> int | None:
        return None if at is None else at - base

    def text(value: str | None) -> int:
        return number(plain((value or "").replace("_", " ")))

    def who(actor: str) -> int:
        return text("somebody else" if actor == "foreign" else actor)

    holds = history.holds
    numbers = {key: story.number for key, story in history.stories.items()}
    return {
        "i": [places.get(numbers[one.interaction_id.lower()], -1) for one in holds],
        "since": [since_base(one.since) for one in holds],
        "until": [since_base(one.until) for one in holds],
        "limit": [since_base(one.limit_at) for one in holds],
        "passed": [int(one.limit_passed) for one in holds],
        "began": [text(BEGAN[one.began]) for one in holds],
        "ended": [text(ENDED[one.ended]) for one in holds],
        "reason": [text(one.reason) for one in holds],
        "by": [who(one.actor) for one in holds],
        "ended_by": [who(one.ended_by) for one in holds],
    }
