"""What rules did about an interaction, and why they did nothing, as text and as JSON."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from attrs import frozen

from hookflash.adapters.journal.traces import CommandEnd, Considered
from hookflash.adapters.rule_stories import EventKind, RuleStory, Shown, Story, rules_of, traces_of
from hookflash.machines.instants import Instant, to_text_ms
from hookflash.machines.records import RulesChange
from hookflash.machines.redaction import printable
from hookflash.machines.rules.actions import AnnotateAction
from hookflash.machines.rules.durations import about_text
from hookflash.machines.rules.explaining import reads_text, rule_lines
from hookflash.machines.rules.rule import Rule
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.ruling import PlannedAction, Ruling
from hookflash.machines.rules.trace import Verdict

_EVENTS_SHOWN: Final = 8
_PARTS_INDENT: Final = 17
"""Where the words of a clause, timer or action begin."""

_COUNTED: Final[dict[Verdict, str]] = {
    "acted": "acted",
    "shadow": "in shadow",
    "suppressed": "suppressed",
    "condition": "condition did not hold",
    "temporal": "temporal condition did not hold",
    "waiting": "began to wait",
    "cancelled": "wait ended early",
    "disabled": "disabled",
    "queued": "put off until its turn",
    "late": "too late",
}


@frozen
class Explained:
    """A story with the rules files in which missing texts may be found.

    Attributes:
        story: The story.
        files: The files.
    """

    story: Story
    files: tuple[Path, ...] = ()

    # --- text -------------------------------------------------------------------------------------

    def text(self) -> Iterator[str]:
        """Yield it as lines of text, without their ends."""
        story = self.story
        yield self._first_line()
        if story.before is not None:
            yield ""
            yield self._change_line(story.before, None, loaded=False)
        elif story.kept:
            yield ""
            yield "what is left of days that are in recordings: only what rules did"
        before = story.before
        for one in story.shown:
            yield ""
            if isinstance(one, RulesChange):
                yield self._change_line(one, before)
                before = one
            else:
                yield from _shown_lines(one, None if story.rule is None else story.rule.name)
        if story.rule is not None:
            yield ""
            yield from self._rule_text(story.rule)

    def _first_line(self) -> str:
        story = self.story
        said = _count(story.decisions, "decision")
        about = "" if story.rule is None else f" that name {printable(story.rule.name)!r}"
        line = f"{printable(story.interaction_id)}: {said} of rules{about}"
        shown = sum(isinstance(one, Shown) for one in story.shown)
        if shown < story.decisions:
            line += f", the last {shown} here; --last {story.decisions} shows all"
        return line

    def _change_line(
        self, change: RulesChange, before: RulesChange | None, *, loaded: bool = True
    ) -> str:
        at = to_text_ms(change.at)
        if not change.digest:
            return f"{at}  no rules count any more"
        rules = rules_of(change, self.files)
        digest = change.digest[:12]
        line = f"{at}  rules {digest} loaded" if loaded else f"rules {digest}, loaded {at}"
        if rules is None:
            return f"{line}: their text cannot be read any more"
        earlier = rules_of(before, self.files)
        if earlier is None:
            return f"{line}: {_names([rule.name for rule in rules.rules])}"
        return f"{line}: {rules.changes_from(earlier).text()}"

    # --- why not ----------------------------------------------------------------------------------

    def _rule_text(self, told: RuleStory) -> Iterator[str]:
        name, change = printable(told.name), self.story.in_force
        rules = rules_of(change, self.files)
        if change is None:
            why = "no rules count" if self.story.rules_changes else "no rules have been loaded"
            yield f"{name}: {why}, as far as this file tells"
            return
        since = f"since {to_text_ms(change.at)}"
        if rules is None:
            yield f"{name}: the text of the rules that count {since} cannot be read any more"
            yield from _verdict_lines(told)
            return
        rule = rules.rule(told.name)
        if rule is None:
            yield f"{name}: there is no such rule in those that count {since}"
            near = get_close_matches(told.name, [one.name for one in rules.rules], 1)
            yield f"      they are   {_names([one.name for one in rules.rules])}"
            if near:
                yield f"      like it    {near[0]}"
            return
        yield f"{name}, as it counts {since}, line {rule.line} of the file:"
        yield f"      waits for  {_trigger_of(rule)}"
        yield from _switch_lines(rule)
        if told.last is None:
            yield from _never_lines(told)
        else:
            yield from _verdict_lines(told)
        yield from self._now_lines(rule)

    def _now_lines(self, rule: Rule) -> Iterator[str]:
        memory = self.story.memory
        wait, run = memory.wait_of(rule.name), memory.run_of(rule.name)
        if wait is not None:
            kind = {"for": "the state to last", "absence": "what must not come"}.get(wait.kind)
            what = f" for {kind}" if kind else ""
            yield f"      now        it waits{what}, due {to_text_ms(wait.due_at)}"
        if run is not None:
            said = _count(run.commands, "command")
            yield f"      now        {said} of it under way since {to_text_ms(run.since)}"

    # --- JSON -------------------------------------------------------------------------------------

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield it as objects, one for each line of JSON; the last one is the summary."""
        story = self.story
        if story.before is not None:
            yield self._change_object(story.before)
        name = None if story.rule is None else story.rule.name
        for one in story.shown:
            if isinstance(one, RulesChange):
                yield self._change_object(one)
            else:
                yield _shown_object(one, name)
        if story.rule is not None:
            yield self._rule_object(story.rule)
        yield {
            "event": "summary",
            "status": "success",
            "interactionId": printable(story.interaction_id),
            "decisions": story.decisions,
            "shown": sum(isinstance(one, Shown) for one in story.shown),
            "kept": story.kept,
        }

    def _change_object(self, change: RulesChange) -> dict[str, Any]:
        rules = rules_of(change, self.files)
        return {
            "event": "rules",
            "at": to_text_ms(change.at),
            "digest": change.digest or None,
            "rules": None if rules is None else [one.name for one in rules.rules],
        }

    def _rule_object(self, told: RuleStory) -> dict[str, Any]:
        change = self.story.in_force
        rules = rules_of(change, self.files)
        rule = None if rules is None else rules.rule(told.name)
        wait = self.story.memory.wait_of(told.name)
        return {
            "event": "rule",
            "rule": told.name,
            "since": None if change is None else to_text_ms(change.at),
            "isThere": _is_there(change, rules, rule),
            "enabled": None if rule is None else rule.enabled,
            "shadow": None if rule is None else rule.shadow,
            "waitsFor": None if rule is None else _trigger_of(rule),
            "verdicts": dict(told.verdicts),
            "events": [_event_object(*found) for found in told.events.most_common(_EVENTS_SHOWN)],
            "waitsUntil": None if wait is None else to_text_ms(wait.due_at),
        }


def wrapped(line: str, width: int | None) -> list[str]:
    """Return a line in pieces that fit the terminal; None for as it is.

    What cannot be shown, which only a file made by somebody else has, is replaced.
    """
    line = "".join(char if char.isprintable() else "\ufffd" for char in line)
    if width is None or len(line) <= width:
        return [line]
    indent = len(line) - len(line.lstrip())
    hanging = " " * (_PARTS_INDENT if indent == 6 else indent + 4)
    return wrap(line, max(width, 40), subsequent_indent=hanging, break_on_hyphens=False)


# --- the parts ------------------------------------------------------------------------------------


def _shown_lines(shown: Shown, rule: str | None) -> Iterator[str]:
    told, ruling = shown.considered, shown.ruling
    yield f"{to_text_ms(told.at)}  {_what(told)}{_changed(told)}"
    became: dict[str, list[str]] = {}
    for planned in ruling.actions:
        became.setdefault(planned.action.rule, []).append(_became(planned, shown))
    for trace in traces_of(told, rule):
        taken = sum(action.fate == "taken" for action in trace.actions)
        later = became.get(trace.rule, [])
        became[trace.rule] = later[taken:]
        yield from rule_lines(trace, later[:taken])
    for warning in _warnings(ruling):
        yield f"  ! {warning}"


def _warnings(ruling: Ruling) -> list[str]:
    told = [] if ruling.trace is None else list(ruling.trace.warnings)
    return [*told, ruling.alarm] if ruling.alarm and ruling.alarm not in told else told


def _what(told: Considered) -> str:
    if told.is_timer:
        return f"the timer of {told.event.removeprefix('rule:')} fired"
    return "other rules were loaded" if told.event == "rules_loaded" else told.event


def _changed(told: Considered) -> str:
    if told.source == told.target:
        return f": {told.target}" if told.target else ""
    return f": {told.source} → {told.target}"


def _became(planned: PlannedAction, shown: Shown) -> str:
    """Say what became of an action; empty where nothing tells of it."""
    end = shown.ended.get(planned.id)
    if end is not None:
        passed = about_text(max(0, end.at - shown.considered.at))
        return f"{_outcome(end)} {'at once' if passed == '0s' else f'after {passed}'}"
    return "carried out" if planned.id in shown.done else ""


def _outcome(end: CommandEnd) -> str:
    why = f" ({end.error}{f': {end.message}' if end.message else ''})" if end.error else ""
    return f"{end.outcome}{why}"


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:_EVENTS_SHOWN])
    return shown + (f" and {len(names) - _EVENTS_SHOWN} more" if names[_EVENTS_SHOWN:] else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _trigger_of(rule: Rule) -> str:
    parts = [rule.trigger.text]
    if rule.stay is not None:
        parts.append(f"for {rule.stay.text()}")
    return ", ".join(parts)


def _switch_lines(rule: Rule) -> Iterator[str]:
    if not rule.enabled:
        yield "      disabled   enabled = false: it does nothing, whatever happens"
    elif rule.shadow:
        yield "      shadow     shadow = true: it says what it would do, and does nothing"


def _never_lines(told: RuleStory) -> Iterator[str]:
    yield "      never      it was not triggered"
    if not told.events:
        yield "      came       nothing, since these rules count"
    for kind, count in told.events.most_common(_EVENTS_SHOWN):
        yield f"      came       {_event_text(kind)}{f', {count} times' if count > 1 else ''}"
    more = len(told.events) - _EVENTS_SHOWN
    if more > 0:
        yield f"      came       and {_count(more, 'other kind')} of events"


def _verdict_lines(told: RuleStory) -> Iterator[str]:
    counted = [f"{_COUNTED[one]} {count}" for one, count in told.verdicts.most_common()]
    triggered = _count(sum(told.verdicts.values()), "time")
    if counted:
        yield f"      so far     {triggered}: {', '.join(counted)}"
    if told.last_idle is None:
        return
    at, trace = told.last_idle
    yield f"      last idle  {to_text_ms(at)}{_why_idle(trace.why)}"
    for window in trace.temporal:
        if not window.holds:
            yield f"      false      {window.text}: {window.found}"
    for clause in trace.clauses:
        if clause.value is not True:
            value = "none " if clause.value is None else "false"
            yield f"      {value}      {clause.text}{reads_text(clause)}"
    for action in trace.actions:
        if action.fate == "suppressed":
            yield f"      suppressed {action.text}: by {action.by}"


def _why_idle(why: str) -> str:
    return f", {why}" if why else ""


def _event_text(kind: EventKind) -> str:
    name, source, target = kind
    if source == target:
        return f"{name}: {target}" if target else name
    return f"{name}: {source} → {target}"


def _event_object(kind: EventKind, count: int) -> dict[str, Any]:
    name, source, target = kind
    return {"name": name, "from": source or None, "to": target or None, "count": count}


def _is_there(change: RulesChange | None, rules: Rules | None, rule: Rule | None) -> bool | None:
    """Say whether the rule is among those that count; None where that cannot be said."""
    return rule is not None if change is None or rules is not None else None


def _shown_object(shown: Shown, rule: str | None) -> dict[str, Any]:
    told, ruling = shown.considered, shown.ruling
    return {
        "event": "decision",
        "at": to_text_ms(told.at),
        "seq": told.seq,
        "about": told.event,
        "isTimer": told.is_timer,
        "from": told.source or None,
        "to": told.target or None,
        "kept": told.kept,
        "rules": [_trace_object(trace) for trace in _written_traces(ruling, rule)],
        "actions": [
            _action_object(one, shown) for one in ruling.actions if rule in {None, one.action.rule}
        ],
        "warnings": _warnings(ruling),
    }


def _written_traces(ruling: Ruling, rule: str | None) -> list[dict[str, Any]]:
    written = {} if ruling.trace is None else ruling.trace.to_json()
    found: list[dict[str, Any]] = written.get("rules", [])
    return [one for one in found if rule in {None, one["rule"]}]


def _trace_object(trace: dict[str, Any]) -> dict[str, Any]:
    for clause in trace.get("clauses", ()):
        clause["reads"] = dict(clause.get("reads", ()))
    return trace


def _action_object(planned: PlannedAction, shown: Shown) -> dict[str, Any]:
    end = shown.ended.get(planned.id)
    return {
        **planned.to_json(),
        "outcome": None if end is None else end.outcome,
        "error": None if end is None else end.error or None,
        "endedAt": _ended_at(end),
        "isDone": _is_done(planned, shown) or None,
    }


def _is_done(planned: PlannedAction, shown: Shown) -> bool:
    is_remark = isinstance(planned.action, AnnotateAction)  # done as soon as it is in the journal
    return is_remark or planned.id in shown.ended or planned.id in shown.done


def _ended_at(end: CommandEnd | None) -> str | None:
    at: Instant | None = None if end is None else end.at
    return None if at is None else to_text_ms(at)
