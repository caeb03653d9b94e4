"""Rules in words, for people who read neither TOML nor CEL."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from hookflash.machines.diagrams.words import duration_text
from hookflash.machines.documents.markdown import code, listed, prose
from hookflash.machines.rules.clauses import Clause
from hookflash.machines.rules.rule import ActionSpec, Mode, Pattern, Rule, Stay, Trigger, Window
from hookflash.machines.rules.templates import Template
from hookflash.machines.rules.variables import VARIABLES
from hookflash.machines.spec import Spec

NOUNS: Final = {
    "interaction.id": "the interaction's id",
    "interaction.state": "the state",
    "interaction.skill_group": "the skill group",
    "interaction.org": "the organisation",
    "interaction.age_s": "the time since the rules first heard of the interaction",
    "interaction.state_s": "the time in the present state",
    "interaction.holds": "the number of its holds (the one going on included)",
    "interaction.held_s": "the time on hold in all",
    "interaction.last_hold_s": "the length of the last hold that ended",
    "interaction.sample": "the number from 0 to 99 that is drawn from its id",
    "hold.id": "the hold's name",
    "hold.reason": "the hold's reason",
    "hold.elapsed_s": "the time since the hold began",
    "hold.limit_s": "the hold's limit",
    "hold.remaining_s": "the time until the hold's limit",
    "hold.share": "the share of the limit that has passed",
    "hold.on_limit": "what happens at the limit",
    "hold.alarms": "the number of alarms that the hold has raised",
    "hold.since": "the start of the hold",
    "hold.limit_at": "the moment at which the limit passes",
    "event.name": "the event",
    "event.actor": "who caused the event",
    "event.from": "the state before",
    "event.to": "the state after",
    "event.outcome": "the outcome of the command",
    "event.action": "what was done",
    "event.error": "the command's error",
    "event.notice": "the notice",
    "event.alarm": "the alarm",
    "event.at": "the moment of the event",
    "calendar.weekday": "the day of the week",
    "calendar.hour": "the hour",
    "calendar.minute": "the minute",
    "calendar.time": "the local time",
    "calendar.date": "the local date",
    "now": "the present moment",
}
"""What the variables of conditions are called in words; those that are true or false are below."""

CLAIMS: Final = {
    "interaction.on_hold": ("the caller is on hold", "the caller is not on hold"),
    "hold.foreign": ("somebody else made the hold", "the hold was made by hookflash"),
    "hold.watched": ("the hold is only watched", "the hold is more than watched"),
    "hold.limit_passed": ("the limit has passed", "the limit has not passed"),
    "calendar.open": ("it is within opening hours", "it is outside of opening hours"),
    "calendar.holiday": ("it is a holiday", "it is no holiday"),
}
"""What variables say that are true or false, and what their opposite says."""

_COMPARED: Final = re.compile(r"\s*([a-z_.]+)\s*(==|!=|<=|>=|<|>|\bin\b)\s*(.+?)\s*", re.DOTALL)
_SIGNS: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "in": "is one of",
}
_TEXTS: Final = re.compile(r"""(?:"([^"\\]*)"|'([^'\\]*)')""")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")

MODES: Final[dict[Mode, str]] = {
    "single": "While it waits, or its commands are under way, it is not triggered again.",
    "restart": "Triggered again while it waits, it begins to wait anew.",
    "queued": "Triggered again while it is busy, it takes its turn afterwards.",
}
_NOTICES: Final = {
    "warning": "the hold nears its limit",
    "limit_passed": "a hold that is only watched passes its limit",
}
_ALARMS: Final = {
    "hold_expired": "a hold is past its limit and waits for a decision",
    "release_failed": "a caller could not be released at the limit",
    "release_unconfirmed": "nothing is known yet of a release past the limit",
}


# --- what sets it off -----------------------------------------------------------------------------


def trigger_text(trigger: Trigger) -> str:
    """Say what makes a rule's turn come, as Markdown: `the interaction enters held`."""
    if trigger.pattern is not None:
        return pattern_text(trigger.pattern)
    schedule = trigger.schedule
    states = listed([code(state) for state in trigger.states], "or")
    if schedule is None or schedule.every_us is None:
        said, _, _ = trigger.text.partition(" in state ")
        return f"{prose(said)}, for interactions in {states}"
    return f"every {us_text(schedule.every_us)} while the interaction is in {states}"


def pattern_text(pattern: Pattern) -> str:
    """Say what an event must be like, as Markdown."""
    return " and ".join(_pattern_parts(pattern))


def _pattern_parts(pattern: Pattern) -> Iterator[str]:
    if pattern.state_to is not None:
        among = " from another state" if len(pattern.state_to) > 1 else ""
        yield f"the interaction enters {_one_of(pattern.state_to)}{among}"
    if pattern.state_from is not None:
        yield f"the interaction leaves {_one_of(pattern.state_from)}"
    if pattern.event is not None:
        yield f"the event {_one_of(pattern.event)} comes"
    action, actor = pattern.action, pattern.actor
    if pattern.outcome is not None:
        about = f" ({_one_of(action)})" if action is not None else ""
        of = f" of {_one_of(actor)}" if actor is not None else ""
        yield f"a command{about}{of} ends with the outcome {_one_of(pattern.outcome)}"
        action = actor = None
    if pattern.notice is not None:
        yield listed([_NOTICES[one] for one in pattern.notice], "or")
    if pattern.alarm is not None:
        yield "an alarm says that " + listed([_ALARMS[one] for one in pattern.alarm], "or")
    if action is not None:
        yield f"it is about {_one_of(action)}"
    if actor is not None:
        yield f"{_one_of(actor)} caused it"


def _one_of(names: tuple[str, ...]) -> str:
    return listed([code(name) for name in names], "or")


def stay_text(stay: Stay) -> str:
    """Say how long an entered state must last, as Markdown."""
    if stay.share is not None:
        return f"until {stay.share:.0%} of the hold's limit".replace("%", " %")
    return f"for {us_text(stay.us or 0)}"


def window_text(window: Window) -> str:
    """Say what a temporal condition on what was before asks, as Markdown."""
    what, last = pattern_text(window.pattern), us_text(window.last_us)
    match window.kind:
        case "within":
            return f"in the {last} before: {what}"
        case "not_within":
            return f"not in the {last} before: {what}"
        case _:  # count
            return f"at least {window.at_least} times in the last {last}: {what}"


def us_text(duration_us: int) -> str:
    """Return a duration in microseconds with its unit."""
    return duration_text(duration_us / 1e6)


# --- conditions -----------------------------------------------------------------------------------


def condition_lines(clause: Clause, indent: int = 0) -> Iterator[str]:
    """Say what a condition asks: lines of a nested list in Markdown."""
    margin = " " * indent
    match clause.join:
        case "leaf":
            yield f"{margin}- {leaf_text(clause.text)}"
        case "not" if clause.parts[0].join == "leaf":
            yield f"{margin}- {leaf_text(clause.parts[0].text, negated=True)}"
        case _:
            heads = {
                "and": "all of these hold:",
                "or": "at least one of these holds:",
                "not": "this does not hold:",
            }
            yield f"{margin}- {heads[clause.join]}"
            for part in clause.parts:
                yield from condition_lines(part, indent + 4)


def leaf_text(text: str, *, negated: bool = False) -> str:
    """Say what a clause asks, as Markdown; one that is not of a usual kind is shown as it is."""
    text = text.strip()
    while text.startswith("!"):
        text, negated = text[1:].strip(), not negated
    name = text.replace(" ", "")
    if name in CLAIMS:
        return CLAIMS[name][negated]
    match = _COMPARED.fullmatch(text)
    said = "" if match is None else _compared(match[1], match[2], match[3])
    if said:
        return f"it is not so that {said}" if negated else said
    return f"{'this does not hold: ' if negated else ''}{code(text)}{_explained(text)}"


def _compared(name: str, sign: str, value: str) -> str:
    """Return a comparison in words; empty where its value is of no usual kind."""
    noun = NOUNS.get(name)
    if name in CLAIMS and sign in {"==", "!="} and value in {"true", "false"}:
        return CLAIMS[name][(value == "true") != (sign == "==")]
    if noun is None:
        return ""
    if sign == "in":
        inner = value.strip()
        if not (inner.startswith("[") and inner.endswith("]")):
            return ""
        values = [_value(name, one) for one in _elements(inner[1:-1])]
        return f"{noun} is {listed(values, 'or')}" if values and all(values) else ""
    if value in {'""', "''"} and sign in {"==", "!="}:
        return f"{noun} is {'not ' if sign == '!=' else ''}empty"
    written = _value(name, value)
    return f"{noun} {_SIGNS[sign]} {written}" if written else ""


def _elements(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")]


def _value(name: str, value: str) -> str:
    """Return a literal in words, as Markdown; empty for anything else."""
    if match := _TEXTS.fullmatch(value):
        return code(match[1] if match[1] is not None else match[2])
    if _NUMBER.fullmatch(value):
        if name.endswith("_s"):
            return duration_text(float(value))
        if name == "hold.share":
            return f"{float(value) * 100:g} %"
        return value
    return NOUNS.get(value, "")


def _explained(text: str) -> str:
    """Say what the variables in a clause mean; empty where it has none."""
    names = [name for name in VARIABLES if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text)]
    if not names:
        return ""
    said = "; ".join(f"{code(name)}: {prose(VARIABLES[name].doc)}" for name in names)
    return f" ({said.removesuffix('.')})"


# --- actions --------------------------------------------------------------------------------------


def action_text(action: ActionSpec) -> str:  # noqa: PLR0911 - one return for each kind
    """Say what an action does, as Markdown."""
    said = action.settings
    match action.name:
        case "hold":
            media = "".join(
                f", {key} {code(said[key])}" for key in ("music", "prompt") if said.get(key)
            )
            return (
                f"puts the caller on hold: reason {code(said['reason'])},"
                f" priority {said['priority']}{media}"
            )
        case "unhold":
            force = ", also where the policy asks for a decision" if said["force"] else ""
            return f"takes the caller off hold{force}: priority {said['priority']}"
        case "expire":
            return "lets the hold count as past its limit now"
        case "extend_limit":
            by, up_to = us_text(said["by_us"]), us_text(said["up_to_us"])
            return f"gives the hold {by} more, up to {up_to} from its start"
        case "notify":
            return f"tells {code(said['to'])}: {_quoted(said['message'])}"
        case "annotate":
            return f"writes into the journal and the audit log: {_quoted(said['text'])}"
        case _:  # call
            given = ", ".join(
                f"{code(name)} = {_argument(value)}" for name, value in said["arguments"]
            )
            return f"calls {code(said['function'])}{' with ' + given if given else ''}"


def _quoted(template: Template) -> str:
    return f"“{prose(template.text)}”"


def _argument(value: Any) -> str:  # noqa: ANN401 - a template, or what JSON can hold
    return _quoted(value) if isinstance(value, Template) else code(json.dumps(value))


def is_quiet(rule: Rule) -> str:
    """Say why a rule does nothing: switched off, or in shadow; empty for one that acts."""
    if not rule.enabled:
        return "It is switched off."
    return "It is in shadow: it only says what it would do." if rule.shadow else ""


def unknown_events(rule: Rule, machine: Spec) -> tuple[str, ...]:
    """Return the events of a rule's trigger that are the file's own."""
    pattern = rule.trigger.pattern
    names = () if pattern is None or pattern.event is None else pattern.event
    return tuple(name for name in names if name not in machine.events)
