"""Traces as text: why a rule acted, and why it did not."""

import json
from collections.abc import Iterable, Iterator, Sequence

from hookflash.machines.instants import to_text_ms
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.trace import ClauseTrace, RuleTrace, TimerTrace, Trace, Verdict

_VERDICTS: dict[Verdict, str] = {
    "acted": "acted",
    "shadow": "would have acted, but is in shadow",
    "suppressed": "did not act: suppressed",
    "condition": "did not act: its condition did not hold",
    "temporal": "did not act: a temporal condition did not hold",
    "waiting": "waits",
    "cancelled": "waits no more",
    "disabled": "did not act: it is disabled",
    "queued": "waits for its turn",
    "late": "did not act: too late",
}
_VALUES = {True: "true ", False: "false", None: "none "}


def explain(
    traces: Iterable[Trace], *, rules: Rules | None = None, rule: str | None = None
) -> Iterator[str]:
    """Write traces as lines of text, oldest first as they come.

    Args:
        traces: The traces.
        rules: The rules, to say of those that a trace does not name what they wait for; None
            leaves them out.
        rule: Only this rule; None for all. Traces that do not concern it are left out, unless
            *rules* tell why it was not triggered.

    Yields:
        Lines without their ends.
    """
    for trace in traces:
        concerned = [one for one in trace.rules if rule is None or one.rule == rule]
        others = list(_not_triggered(trace, rules, rule))
        warnings = trace.warnings if rule is None or concerned else ()
        if not concerned and not others and not warnings:
            continue
        yield f"{to_text_ms(trace.at)}  {trace.interaction}  {trace.event}"
        for one in concerned:
            yield from rule_lines(one)
        yield from others
        yield from (f"  ! {warning}" for warning in warnings)


def _not_triggered(trace: Trace, rules: Rules | None, rule: str | None) -> Iterator[str]:
    named = {one.rule for one in trace.rules}
    for one in () if rules is None else rules.rules:
        if one.name not in named and (rule is None or one.name == rule):
            yield f"  {one.name}: not triggered: its trigger is {one.trigger.text}"


def rule_lines(trace: RuleTrace, became: Sequence[str] = ()) -> Iterator[str]:
    """Write what became of one rule as lines of text.

    Args:
        trace: What became of it.
        became: What became of its actions later, in words, of those that were taken, in order;
            empty for those of which nothing is known.

    Yields:
        Lines without their ends.
    """
    later = iter(became)
    why = f": {trace.why}" if trace.why else ""
    yield f"  {trace.rule}: {_VERDICTS[trace.verdict]}{why}"
    if trace.trigger:
        yield f"      trigger    {trace.trigger}"
    for window in trace.temporal:
        yield f"      {_VALUES[window.holds]}      {window.text}: {window.found}"
    for clause in trace.clauses:
        yield f"      {_VALUES[clause.value]}      {clause.text}{reads_text(clause)}"
    for timer in trace.timers:
        yield f"      timer      {_timer(timer)}"
    for action in trace.actions:
        by = f" by {action.by}" if action.by else ""
        then = next(later, "") if action.fate == "taken" else ""
        yield f"      action     {action.text}: {action.fate}{by}{f'; {then}' if then else ''}"


def reads_text(clause: ClauseTrace) -> str:
    """Write what a clause read, and why it has no value; empty for nothing."""
    said = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in clause.reads]
    if clause.why:
        said.append(clause.why)
    return f"    ({'; '.join(said)})" if said else ""


def _timer(timer: TimerTrace) -> str:
    why = f": {timer.why}" if timer.why else ""
    return f"{timer.change}, due {to_text_ms(timer.due_at)}{why}"
