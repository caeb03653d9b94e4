"""What a rule does when its turn has come: its actions, and what suppresses them."""

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from hookflash.machines.rules.actions import (
    COMMANDS,
    COUNTED_ACTIONS,
    STATE_ACTIONS,
    Action,
    AnnotateAction,
    CallAction,
    ExpireAction,
    ExtendLimitAction,
    HoldAction,
    NotifyAction,
    UnholdAction,
)
from hookflash.machines.rules.draft import Draft
from hookflash.machines.rules.durations import about_text, duration_text
from hookflash.machines.rules.rule import ActionSpec, Rule
from hookflash.machines.rules.templates import Template
from hookflash.machines.rules.trace import ActionTrace, Verdict
from hookflash.machines.rules.variables import Scene

COMMANDS_MAX = 10
COMMANDS_WINDOW_US = 60_000_000
"""All rules together give one interaction at most so many commands in so long: the bound on loops
that nobody saw at load. Nobody means to hold and unhold a caller five times in a minute."""


@frozen
class Acted:
    """What became of a rule's actions.

    Attributes:
        verdict: Whether one was taken.
        actions: Each, with its fate.
    """

    verdict: Verdict
    actions: tuple[ActionTrace, ...]


def act(draft: Draft, rule: Rule, scene: Scene) -> Acted:
    """Let the rule act; what it may do goes into the draft."""
    throttled = _throttled(draft, rule)
    fates: list[ActionTrace] = []
    commands = taken = 0
    for spec in rule.actions:
        action = _make(spec, rule, scene)
        if isinstance(action, str):
            fates.append(ActionTrace(spec.name, "suppressed", action))
            continue
        by = throttled or ("shadow" if rule.shadow else _objection(draft, action))
        if by:
            fates.append(ActionTrace(action.text(), "suppressed", by))
            continue
        fates.append(ActionTrace(action.text(), "taken"))
        taken += 1
        draft.actions.append(action)
        commands += action.name in COMMANDS
        if action.name in COUNTED_ACTIONS:
            times = (*draft.memory.commands_at, draft.at)[-COMMANDS_MAX:]
            draft.memory = evolve(draft.memory, commands_at=times)
    if rule.once_within_us is not None and not throttled and (taken or rule.shadow):
        draft.remember_acted(rule)
    if commands:
        draft.begin_commands(rule, commands)
    if taken:
        return Acted("acted", tuple(fates))
    is_shadow = rule.shadow and not throttled
    return Acted("shadow" if is_shadow else "suppressed", tuple(fates))


def _throttled(draft: Draft, rule: Rule) -> str:
    if rule.once_within_us is None:
        return ""
    last = draft.memory.acted_at(rule.name)
    if last is None or draft.at - last >= rule.once_within_us:
        return ""
    ago = about_text(draft.at - last)
    return f"once_within {duration_text(rule.once_within_us)}: it acted {ago} ago"


def _objection(draft: Draft, action: Action) -> str:
    """Say what speaks against an action; empty for nothing."""
    if action.name in STATE_ACTIONS:
        earlier = next((one for one in draft.actions if one.name in STATE_ACTIONS), None)
        if earlier is not None and earlier.is_same(action):
            return f"rule {earlier.rule!r}, which did the same before it"
        if earlier is not None:
            draft.warnings.append(
                f"rules {earlier.rule!r} and {action.rule!r} contradict each other:"
                f" {earlier.text()}; {action.text()}. The first in the file counts"
            )
            return f"rule {earlier.rule!r}, which contradicts it and stands before it"
    if action.name in COUNTED_ACTIONS:
        times = draft.memory.commands_at
        if len(times) >= COMMANDS_MAX and draft.at - times[0] < COMMANDS_WINDOW_US:
            window = duration_text(COMMANDS_WINDOW_US)
            said = f"rules gave {COMMANDS_MAX} commands within {window}: stopped"
            if said not in draft.warnings:
                draft.warnings.append(said)
            told = draft.memory.alarmed_at
            if told is None or draft.at - told >= COMMANDS_WINDOW_US:
                draft.alarm = said
                draft.memory = evolve(draft.memory, alarmed_at=draft.at)
            return f"the bound on loops: {COMMANDS_MAX} commands within {window}"
    return ""


def _make(spec: ActionSpec, rule: Rule, scene: Scene) -> Action | str:
    """Return the action, or why there is none."""
    return _MAKERS[spec.name](rule, spec.settings, scene)


def _hold(rule: Rule, settings: dict[str, Any], _: Scene) -> Action:
    return HoldAction(rule.name, **settings)


def _unhold(rule: Rule, settings: dict[str, Any], _: Scene) -> Action:
    return UnholdAction(rule.name, **settings)


def _expire(rule: Rule, _: dict[str, Any], __: Scene) -> Action:
    return ExpireAction(rule.name)


def _extend_limit(rule: Rule, settings: dict[str, Any], scene: Scene) -> Action | str:
    hold = scene.facts.hold
    if hold is None:
        return "the state: nobody is on hold"
    now_us: int = hold.limit_at - hold.since
    then_us = min(now_us + settings["by_us"], settings["up_to_us"])
    if then_us <= now_us:
        return f"the bound of the limit: it is {duration_text(now_us)} already"
    return ExtendLimitAction(rule.name, then_us / 1_000_000)


def _notify(rule: Rule, settings: dict[str, Any], scene: Scene) -> Action:
    return NotifyAction(rule.name, settings["to"], settings["message"].render(scene.value))


def _annotate(rule: Rule, settings: dict[str, Any], scene: Scene) -> Action:
    return AnnotateAction(rule.name, settings["text"].render(scene.value))


def _call(rule: Rule, settings: dict[str, Any], scene: Scene) -> Action:
    arguments = tuple(
        (name, value.render(scene.value) if isinstance(value, Template) else value)
        for name, value in settings["arguments"]
    )
    return CallAction(rule.name, settings["function"], arguments)


_MAKERS: dict[str, Callable[[Rule, dict[str, Any], Scene], Action | str]] = {
    "hold": _hold,
    "unhold": _unhold,
    "expire": _expire,
    "extend_limit": _extend_limit,
    "notify": _notify,
    "annotate": _annotate,
    "call": _call,
}
