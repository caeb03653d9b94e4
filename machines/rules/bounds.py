"""The bound on what rules may decide about one event: it has to fit into a line of the journal.

A file has a thousand rules at most and a rule ten actions, each with a message; all of them on one
event would be tens of megabytes. An engine that cannot journal what it does must stop, and one
file must not stop the limits of all interactions: what is too large is made smaller, and if that is
not enough, it counts for nothing, with an alarm.
"""

from collections.abc import Iterable
from typing import Final

import orjson
from attrs import evolve

from hookflash.machines.rules.memory import RuleMemory
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.rules.trace import RuleTrace, Trace

RULING_BYTES_MAX: Final = 262_144
"""A quarter of what a line of the journal may have: what several events left goes into one."""

_PARTS_LIGHT: Final = 64
"""Rules, actions, waits and triggers up to which nothing is measured, unless their texts are many.
Each has some 400 bytes without them."""

_CHARACTERS_LIGHT: Final = 8_192
"""Characters of texts whose length nobody knows beforehand, likewise; of up to four bytes each."""

_NAMED_MAX: Final = 100


def bounded(ruling: Ruling, before: RuleMemory) -> tuple[Ruling, bool]:
    """Return what may be journaled of a ruling.

    Args:
        ruling: What rules decided.
        before: What they remembered before.

    Returns:
        The ruling, and True; where it is too large without the details of its trace, and True; and
        where it is still too large, one that decides nothing and remembers what was before, with an
        alarm, and False: the timers of the decision count as little as the rest.
    """
    if _is_light(ruling) or _size_of(ruling) <= RULING_BYTES_MAX:
        return ruling, True
    trace = ruling.trace
    shorter = evolve(ruling, trace=None if trace is None else _in_short(trace))
    if _size_of(shorter) <= RULING_BYTES_MAX:
        return shorter, True
    count = len(ruling.actions)
    alarm = f"rules decided too much on one event, {count} actions among it: nothing of it was done"
    warned = None if shorter.trace is None else _with_warning(_undone(shorter.trace), alarm)
    return Ruling(before, warned, (), ruling.org, alarm), False


def _is_light(ruling: Ruling) -> bool:
    """Say whether it is small beyond doubt, at the price of a look at its parts."""
    traces = () if ruling.trace is None else ruling.trace.rules
    memory = ruling.memory
    parts = len(traces) + len(ruling.actions) + len(memory.waits) + len(memory.queue)
    if parts > _PARTS_LIGHT:
        return False
    remembered = sum(len(seen.pattern) + 28 * len(seen.at) for seen in memory.seen)
    return remembered + _weight(traces) <= _CHARACTERS_LIGHT


def _weight(traces: Iterable[RuleTrace]) -> int:
    weight = 0
    for trace in traces:
        weight += len(trace.trigger) + len(trace.why)
        for window in trace.temporal:
            weight += len(window.text)
        for action in trace.actions:
            weight += len(action.text)
        for clause in trace.clauses:
            weight += len(clause.text)
            for _, value in clause.reads:
                weight += len(value) if isinstance(value, str) else 8
    return weight


def _size_of(ruling: Ruling) -> int:
    return len(orjson.dumps(ruling.to_json()))


def _in_short(trace: Trace) -> Trace:
    """Return a trace that says only which rules came to what."""
    rules = tuple([RuleTrace(one.rule, "", one.verdict) for one in trace.rules[:_NAMED_MAX]])
    said = f"the trace of {len(trace.rules)} rules was too long for the journal: this is in short"
    return evolve(_with_warning(trace, said), rules=rules)


def _undone(trace: Trace) -> Trace:
    rules = [
        evolve(one, verdict="suppressed") if one.verdict == "acted" else one for one in trace.rules
    ]
    return evolve(trace, rules=tuple(rules))


def _with_warning(trace: Trace, said: str) -> Trace:
    return evolve(trace, warnings=(*trace.warnings[:_NAMED_MAX], said))
