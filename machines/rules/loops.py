"""Rules that set each other off: what their actions cause, and whose triggers that matches.

What a command causes when all goes well is known from the machine; what a called function causes
is not, and is bounded only at run time.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hookflash.machines.instants import Instant
from hookflash.machines.rules.expressions import environment, result_of
from hookflash.machines.rules.facts import RULE_ACTOR, RuleEvent
from hookflash.machines.rules.rule import IndexKey, Pattern, Rule, event_keys
from hookflash.machines.rules.vocabulary import OUTCOMES
from hookflash.machines.spec import Spec

REQUESTS: Mapping[str, str] = {
    "hold": "hold_requested",
    "unhold": "unhold_requested",
    "expire": "expire_requested",
    "extend_limit": "limit_changed",
}
"""The event that each action gives to the machine."""

HOLDING = ("held", "unhold_pending", "expired")
"""The states in which there is a hold."""

_WAYS: Mapping[str, tuple[str, str, str]] = {
    "hold": ("active", "hold_pending", "held"),
    "unhold": ("held", "unhold_pending", "active"),
}
"""The states that a command goes through when all goes well."""

_ANY = Instant(0)

Node = tuple[Rule, str]
"""A rule and the state in which it acts."""


def firing_states(rule: Rule, machine: Spec) -> frozenset[str]:
    """Return the states in which an interaction may be when the rule acts."""
    everywhere = frozenset(machine.states)
    if rule.trigger.schedule is not None:
        return frozenset(rule.trigger.states)
    if rule.absence is not None or rule.trigger.pattern is None:
        return everywhere
    return states_after(rule.trigger.pattern, machine)


def states_after(pattern: Pattern, machine: Spec) -> frozenset[str]:
    """Return the states in which an interaction may be after an event like this."""
    states = frozenset(machine.states)
    if pattern.state_to is not None:
        states &= frozenset(pattern.state_to)
    if pattern.state_from is not None:
        states &= {
            row.target
            for row in machine.rows
            if row.target is not None
            and row.source in pattern.state_from
            and row.target not in pattern.state_from
        }
    own = [name for name in pattern.event or () if name not in machine.events]
    if pattern.event is not None and not own:
        states &= {
            row.source if row.target is None else row.target
            for row in machine.rows
            if row.event in pattern.event
        }
    if pattern.notice is not None or pattern.alarm is not None:
        states &= frozenset(HOLDING)
    return states


def takes_effect(action: str, state: str, machine: Spec) -> bool:
    """Say whether the machine does in *state* what *action* asks for, if nothing speaks against."""
    rows = machine.rows_of(state, REQUESTS[action])
    wanted = "stay" if action == "extend_limit" else "move"
    return any(row.decision == wanted for row in rows)


def certain_loop(rules: tuple[Rule, ...], machine: Spec) -> tuple[Rule, ...]:
    """Return rules that set each other off for ever, in their order; empty where there are none.

    Only rules count whose trigger is all that they ask for, and only what a command causes when
    all goes well. Each rule is looked at in the state in which the one before leaves the caller.
    """
    candidates = tuple(rule for rule in rules if _is_unconditional(rule))
    index = _index(candidates)
    nodes = [(rule, state) for rule in candidates for state in sorted(firing_states(rule, machine))]
    return _cycle(nodes, lambda rule, state: _sets_off(index, rule, state, machine))


def _sets_off(
    index: Mapping[IndexKey, list[Rule]], rule: Rule, state: str, machine: Spec
) -> list[Node]:
    """Return the rules that *rule* sets off when it acts in *state*, and in which state."""
    found: dict[str, Node] = {}
    for action in _changes(rule):
        if takes_effect(action, state, machine) and state in _WAYS.get(action, (state,)):
            events = _course(rule, action)
            after = events[-1].state_to
            for event in events:
                for other in _matching(index, event):
                    if other.stay is None or _stays(events[-1], other):
                        found.setdefault(other.name, (other, after))
    return list(found.values())


def possible_loops(rules: tuple[Rule, ...], machine: Spec) -> Iterator[tuple[Rule, ...]]:
    """Find rules that may set each other off for ever, one loop for each rule at most.

    A rule that waits and is set off by a failure tries again after a while, as it is meant to.
    """
    candidates = tuple(rule for rule in rules if rule.enabled and rule.once_within_us is None)
    index = _index(candidates)

    def followers(rule: Rule, _: str) -> list[Node]:
        return [
            (other, "")
            for other in _distinct(
                other
                for event, fails in _possible(rule, machine)
                for other in _matching(index, event)
                if not (fails and _waits(other)) and _may_hold(event, other)
            )
        ]

    seen: set[str] = set()
    for rule in candidates:
        if rule.name not in seen:
            loop = _cycle([(rule, "")], followers, through=rule)
            seen.update(one.name for one in loop)
            if loop:
                yield loop


def _is_unconditional(rule: Rule) -> bool:
    return (
        rule.enabled
        and not rule.shadow
        and rule.condition is None
        and not rule.windows
        and rule.absence is None
        and rule.once_within_us is None
    )


def _changes(rule: Rule) -> Iterator[str]:
    return (spec.name for spec in rule.actions if spec.name in REQUESTS)


def _course(rule: Rule, action: str) -> list[RuleEvent]:
    actor = RULE_ACTOR + rule.name
    if action in _WAYS:
        before, pending, after = _WAYS[action]
        return [
            RuleEvent(_ANY, REQUESTS[action], before, pending, actor),
            RuleEvent(_ANY, "sent", pending, pending),
            RuleEvent(_ANY, "acknowledged", pending, after, actor, "confirmed", action),
        ]
    if action == "expire":
        return [RuleEvent(_ANY, "expire_requested", "held", "expired", actor, alarm="hold_expired")]
    return [RuleEvent(_ANY, "limit_changed", "held", "held", actor)]


def _index(rules: tuple[Rule, ...]) -> dict[IndexKey, list[Rule]]:
    index: dict[IndexKey, list[Rule]] = {}
    for rule in rules:
        for key in () if rule.trigger.pattern is None else rule.trigger.pattern.index_keys():
            index.setdefault(key, []).append(rule)
    return index


def _matching(index: Mapping[IndexKey, list[Rule]], event: RuleEvent) -> Iterator[Rule]:
    for key in event_keys(event):
        for rule in index.get(key, ()):
            if rule.trigger.pattern is not None and rule.trigger.pattern.matches(event):
                yield rule


def _distinct(rules: Iterator[Rule]) -> list[Rule]:
    return list({rule.name: rule for rule in rules}.values())


def _stays(last: RuleEvent, other: Rule) -> bool:
    """Say whether the state that the rule waits in is the one that all ends in."""
    pattern = other.trigger.pattern
    return pattern is not None and last.state_to in (pattern.state_to or ())


def _waits(rule: Rule) -> bool:
    """Say whether the rule lets a time of its own pass before it acts."""
    return rule.absence is not None or (rule.stay is not None and rule.stay.us is not None)


def _possible(rule: Rule, machine: Spec) -> Iterator[tuple[RuleEvent, bool]]:
    """Walk everything that the rule's actions may cause, and whether it is a failure."""
    states = firing_states(rule, machine)
    actor = RULE_ACTOR + rule.name
    for action in _changes(rule):
        if any(takes_effect(action, state, machine) for state in states):
            yield from ((event, False) for event in _course(rule, action))
            if action == "unhold":
                forced = RuleEvent(_ANY, "unhold_requested", "expired", "unhold_pending", actor)
                yield forced, False
            yield from ((event, True) for event in _failures(action, actor))


def _failures(action: str, actor: str) -> Iterator[RuleEvent]:
    if action not in _WAYS:
        return
    before, pending, _ = _WAYS[action]
    for outcome in OUTCOMES:
        name = "refused" if outcome == "refused" else "observed_active"
        yield RuleEvent(_ANY, name, pending, before, actor, outcome, action)
        yield RuleEvent(_ANY, REQUESTS[action], before, before, actor, outcome, action)


def _may_hold(event: RuleEvent, other: Rule) -> bool:
    if other.condition is None:
        return True
    value, _ = result_of(
        other.condition.expression, environment().Activation(data=_known(event, other))
    )
    return value is not False  # what is not known leaves it open


def _known(event: RuleEvent, rule: Rule) -> dict[str, Any]:
    """Return the variables whose values the event alone gives."""
    known: dict[str, Any] = {
        "event.name": event.name,
        "event.actor": event.actor,
        "event.from": event.state_from,
        "event.to": event.state_to,
        "event.outcome": event.outcome,
        "event.action": event.action,
        "event.alarm": event.alarm,
        "event.notice": event.notice,
    }
    if not rule.waits():
        known["interaction.state"] = event.state_to
        known["interaction.on_hold"] = event.state_to in HOLDING
    return known


def _cycle(
    starts: list[Node],
    followers: Callable[[Rule, str], list[Node]],
    through: Rule | None = None,
) -> tuple[Rule, ...]:
    """Return a cycle reached from *starts*, or through one rule; empty where there is none."""
    done: set[tuple[str, str]] = set()
    for start in starts:
        path: list[Node] = []
        stack: list[tuple[Node, int]] = [(start, 0)]
        while stack:
            node, depth = stack.pop()
            del path[depth:]
            names = [(rule.name, state) for rule, state in path]
            name = (node[0].name, node[1])
            if name in names:
                found = tuple(rule for rule, _ in path[names.index(name) :])
                if through is None or found[0] is through:
                    return found
            elif name not in done:
                done.add(name)
                path.append(node)
                stack += ((other, depth + 1) for other in reversed(followers(*node)))
    return ()
