"""What is wrong with rules that load: `hookflash check` tells all of it.

Loading refuses what cannot be right. This finds what can hardly be meant: rules that never act,
twice the same, loops, actions that the machine always rejects.
"""

from collections.abc import Iterator

from attrs import evolve

from hookflash.machines.findings import Finding, RuleKind
from hookflash.machines.rules.actions import STATE_ACTIONS
from hookflash.machines.rules.loops import REQUESTS, firing_states, possible_loops
from hookflash.machines.rules.problems import Problem
from hookflash.machines.rules.ranges import can_hold
from hookflash.machines.rules.reading import read_contents
from hookflash.machines.rules.rule import Pattern, Rule
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.rules.vocabulary import Names
from hookflash.machines.spec import Spec

WAITED_FOR = frozenset({"CommandBusy"})
"""Rejections that the engine spares a command: it waits until the one before it has ended."""


def check_text(text: str, place: str, names: Names) -> tuple[Finding, ...]:
    """Find all that is wrong with a rules file, whether it loads or not.

    Args:
        text: The TOML text.
        place: Where it came from, for messages.
        names: The names that it may use.

    Returns:
        The findings in the order of the file; empty where all is well.

    Raises:
        SpecError: It is no TOML, or lacks something without which it means nothing.
    """
    contents, problems = read_contents(text, place, names)
    unreadable = next((one for one in problems if one.is_unreadable), None)
    if unreadable is not None:
        raise unreadable.error(len(problems) - 1)
    if contents is None:
        return tuple(_of_problem(problem) for problem in problems)
    return check_rules(parse_rules(text, place, names))


def check_rules(rules: Rules) -> tuple[Finding, ...]:
    """Find what can hardly be meant in rules that load; empty where all is well."""
    machine = rules.names.machine
    found: list[Finding] = []
    for rule in rules.rules:
        if rule.enabled:
            found += _unreachable(rules, rule, machine)
            found += _rejected(rules, rule, machine)
    found += _duplicates(rules)
    found += _contradictions(rules)
    for loop in possible_loops(rules.rules, machine):
        found.append(_loop(rules, loop))
    return tuple(sorted(found, key=lambda one: one.line or 0))


def _of_problem(problem: Problem) -> Finding:
    return Finding("rule_invalid", problem.place, problem.message, problem.advice, problem.line)


def _finding(  # noqa: PLR0917 - the parts of a finding
    rules: Rules, kind: RuleKind, rule: Rule, message: str, advice: str, line: int = 0
) -> Finding:
    at = line or rule.line
    place = f"{rules.place}: line {at}: rule {rule.name!r}"
    return Finding(kind, place, message, advice, at)


# --- rules that never act -----------------------------------------------------------------------


def _unreachable(rules: Rules, rule: Rule, machine: Spec) -> Iterator[Finding]:
    pattern = rule.trigger.pattern
    if pattern is not None and not _is_reachable(pattern, machine):
        yield _finding(
            rules,
            "rule_unreachable",
            rule,
            f"its trigger never comes: the machine has no step that is {pattern.text}",
            "see the decision table of the machine for the steps that there are",
        )
    elif not can_hold(rule, machine):
        yield _finding(
            rules,
            "rule_never_true",
            rule,
            "its condition is never true after its trigger: "
            f"{rule.condition.text if rule.condition else ''}",
            "variables of hold have values only while the caller is on hold; compare the clauses"
            " with the trigger and with each other",
        )


def _is_reachable(pattern: Pattern, machine: Spec) -> bool:
    """Say whether the machine has a step that is like the pattern, as far as rows tell."""
    if pattern.event is not None and any(name not in machine.events for name in pattern.event):
        return pattern.state_to is None and pattern.state_from is None
    if pattern.state_to is None and pattern.state_from is None:
        return True
    return any(
        row.target is not None
        and row.target != row.source
        and (pattern.event is None or row.event in pattern.event)
        and (
            pattern.state_to is None
            or (row.target in pattern.state_to and row.source not in pattern.state_to)
        )
        and (
            pattern.state_from is None
            or (row.source in pattern.state_from and row.target not in pattern.state_from)
        )
        for row in machine.rows
    )


# --- actions that come to nothing ---------------------------------------------------------------


def _rejected(rules: Rules, rule: Rule, machine: Spec) -> Iterator[Finding]:
    states = sorted(firing_states(rule, machine))
    for spec in rule.actions:
        event = REQUESTS.get(spec.name)
        if event is None or event not in machine.events or not states:
            continue
        reasons = [_why_in_vain(state, event, machine) for state in states]
        if all(reasons):
            where = " and ".join(states)
            yield _finding(
                rules,
                "action_rejected",
                rule,
                f"{spec.name!r} comes to nothing in state {where}: {reasons[0]}",
                "choose another action, or another trigger",
                spec.line,
            )


def _why_in_vain(state: str, event: str, machine: Spec) -> str:
    """Say why the machine never does what *event* asks for in *state*; empty where it may."""
    rows = machine.rows_of(state, event)
    if any(row.decision == "move" or row.error in WAITED_FOR for row in rows):
        return ""
    last = rows[-1]
    if last.decision == "reject":
        return f"it is rejected with {last.error}: {last.reason}"
    return last.reason if event != "limit_changed" else ""


# --- rules beside each other --------------------------------------------------------------------


def _duplicates(rules: Rules) -> Iterator[Finding]:
    seen: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules.rules:
        plain = evolve(rule, name="", description="", mode="single", enabled=True, shadow=False)
        key = (rule.trigger.text, rule.condition.text if rule.condition else "")
        earlier = next((one for one in seen.get(key, ()) if one == plain), None)
        if earlier is not None and rule.enabled:
            other = rules.rules[earlier.index]
            yield _finding(
                rules,
                "rule_duplicate",
                rule,
                f"it says the same as rule {other.name!r} in line {other.line}",
                "remove one of them",
            )
        seen.setdefault(key, []).append(plain)


def _contradictions(rules: Rules) -> Iterator[Finding]:
    """Find rules of which another always wins: the same trigger, and that one asks for no more."""
    first: dict[str, Rule] = {}
    for rule in rules.rules:
        changes = [spec for spec in rule.actions if spec.name in STATE_ACTIONS]
        if not changes or not rule.enabled or rule.shadow:
            continue
        key = f"{rule.trigger.text}/{rule.stay}/{rule.absence}"
        winner = first.get(key)
        if winner is not None:
            others = [spec for spec in winner.actions if spec.name in STATE_ACTIONS]
            if others[0] != changes[0]:
                yield _finding(
                    rules,
                    "rule_contradiction",
                    rule,
                    f"rule {winner.name!r} in line {winner.line} has the same trigger and always"
                    f" comes first with {others[0].name!r}: its {changes[0].name!r} never counts",
                    "give the first a condition, or change their order",
                )
        elif rule.condition is None and not rule.windows and rule.once_within_us is None:
            first[key] = rule


def _loop(rules: Rules, loop: tuple[Rule, ...]) -> Finding:
    names = " → ".join(repr(one.name) for one in (*loop, loop[0]))
    return _finding(
        rules,
        "rule_loop",
        loop[0],
        f"it may set itself off without end: {names}",
        "give one of them once_within, or a condition on event.actor",
    )
