"""Conditions that can never be true: asked at the bounds of what their variables can be.

Where a clause compares one variable with constants, the constants and their neighbours stand for
all values, so that the answer is a proof. Any other clause counts as one that may be true or false.
What is not decided within a bound counts as possible.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from typing import Any, Literal

from hookflash.machines.rules.clauses import Clause, Token, tokens_of
from hookflash.machines.rules.conditions import Condition, Leaf
from hookflash.machines.rules.expressions import compile_text, environment, result_of
from hookflash.machines.rules.loops import HOLDING, firing_states, states_after
from hookflash.machines.rules.rule import Rule
from hookflash.machines.rules.variables import VARIABLES
from hookflash.machines.spec import Spec

ASKED_MAX = 4096
"""Combinations of values that are asked for one group of clauses."""

_COMPARES = frozenset({"==", "!=", "<", "<=", ">", ">="})
_OTHER = "\x01another"
"""A text that no condition names."""

Truth = Literal["true", "false", "none", "maybe"]
Domain = Mapping[str, tuple[Any, ...]]
"""The values to ask for, by variable; None among them stands for no value."""


def can_hold(rule: Rule, machine: Spec) -> bool:
    """Say whether the rule's condition can be true when it is asked; True where in doubt."""
    condition = rule.condition
    if condition is None:
        return True
    if rule.absence is not None and rule.trigger.pattern is not None:
        states = states_after(rule.trigger.pattern, machine)
    else:
        states = firing_states(rule, machine)
    constants = _constants(condition)
    simple = {leaf.text: leaf for leaf in condition.leaves if _is_simple(leaf)}
    for state in sorted(states):
        domain = _domain(rule, condition, state, constants)
        parts = condition.tree.parts if condition.tree.join == "and" else (condition.tree,)
        if all(_group_can_hold(group, simple, domain) for group in _groups(parts, simple)):
            return True
    return not states


# --- what variables can be ----------------------------------------------------------------------


def _domain(
    rule: Rule, condition: Condition, state: str, constants: Mapping[str, tuple[Any, ...]]
) -> dict[str, tuple[Any, ...]]:
    fixed = {**_of_event(rule, state), **_of_state(state)}
    domain: dict[str, tuple[Any, ...]] = {}
    for name in condition.names:
        if name in fixed:
            domain[name] = fixed[name]
        elif name.startswith("hold.") and state not in HOLDING:
            domain[name] = (None,)
        else:
            domain[name] = _values(name, constants.get(name, ()), _least(rule, name))
    return domain


def _of_state(state: str) -> dict[str, tuple[Any, ...]]:
    return {"interaction.state": (state,), "interaction.on_hold": (state in HOLDING,)}


def _of_event(rule: Rule, state: str) -> dict[str, tuple[Any, ...]]:
    pattern = rule.trigger.pattern
    if pattern is None:
        empty = ("outcome", "action", "error", "notice", "alarm", "actor")
        known: dict[str, tuple[Any, ...]] = {f"event.{name}": ("",) for name in empty}
        return known | {"event.name": ("schedule",), "event.from": (state,), "event.to": (state,)}
    named = {
        "event.name": pattern.event,
        "event.from": pattern.state_from,
        "event.to": pattern.state_to,
        "event.outcome": pattern.outcome,
        "event.action": pattern.action,
        "event.notice": pattern.notice,
        "event.alarm": pattern.alarm,
        "event.actor": pattern.actor,
    }
    return {name: values for name, values in named.items() if values is not None}


def _least(rule: Rule, name: str) -> float | None:
    """Return the least that a time can be after the rule has waited; None for no more than ever."""
    if rule.stay is None or rule.stay.us is None:
        return None
    pattern = rule.trigger.pattern
    waited = rule.stay.us // 1_000_000
    if name == "interaction.state_s" and pattern and len(pattern.state_to or ()) == 1:
        return waited
    holds = pattern is not None and all(one in HOLDING for one in pattern.state_to or ())
    return waited if name == "hold.elapsed_s" and holds else None


def _values(name: str, constants: tuple[Any, ...], least: float | None) -> tuple[Any, ...]:
    """Return values that stand for all that the variable can be; None for no value."""
    variable = VARIABLES[name]
    none = () if name.startswith(("event.", "calendar.")) else (None,)
    if variable.choices:
        return (*variable.choices, *none)
    if variable.type == "string":
        texts = [one for one in constants if isinstance(one, str)]
        after = [one + "\x01" for one in texts]
        return (*dict.fromkeys(["", _OTHER, *texts, *after]), *none)
    if variable.type in {"int", "double"}:
        return (*_numbers(name, constants, least), *none)
    return none  # times are compared by clauses that are not simple


def _numbers(name: str, constants: tuple[Any, ...], least: float | None) -> list[Any]:
    variable = VARIABLES[name]
    low = variable.low if least is None else least
    step: Any = 1 if variable.type == "int" else 1e-6
    make = int if variable.type == "int" else float
    near: list[Any] = [make(0)]
    for one in (*constants, low, variable.high):
        if isinstance(one, int | float) and not isinstance(one, bool):
            near += [make(one) - step, make(one), make(one) + step]
    values = sorted(set(near))
    if variable.type == "double":
        values += [(one + other) / 2 for one, other in pairwise(values)]
    return [
        one
        for one in values
        if (low is None or one >= low) and (variable.high is None or one <= variable.high)
    ]


# --- clauses ------------------------------------------------------------------------------------


def _is_simple(leaf: Leaf) -> bool:
    """Say whether a clause compares one variable with constants, or is a variable."""
    kinds = [_kind(token) for token in _folded(tokens_of(leaf.text))]
    if "other" in kinds:
        return False
    shape = " ".join(kinds)
    return shape in _SHAPES or _IN_LIST.fullmatch(shape) is not None


_SHAPES = frozenset(
    ["variable", "constant", "variable compares constant", "constant compares variable"]
)
_IN_LIST = re.compile(r"variable in \[( constant( , constant)*)? \]")


def _kind(token: Token) -> str:
    if token.kind in {"string", "number"} or token.text in {"true", "false"}:
        return "constant"
    if token.kind == "path" and token.text != "in":
        variable = VARIABLES.get(token.text)
        return "other" if variable is None or variable.type == "timestamp" else "variable"
    if token.text in _COMPARES:
        return "compares"
    return token.text if token.text in {"in", "[", "]", ","} else "other"


def _folded(tokens: list[Token]) -> list[Token]:
    """Leave out `!` and brackets, and the signs of negative numbers; other signs stay."""
    kept: list[Token] = []
    before = ""
    for number, token in enumerate(tokens):
        follows = tokens[number + 1 : number + 2]
        is_sign_of_number = (
            token.text == "-"
            and (before == "" or before in {"[", ",", "("} or before in _COMPARES)
            and bool(follows)
            and follows[0].kind == "number"
        )
        if not is_sign_of_number and token.text not in {"!", "(", ")"}:
            kept.append(token)
        before = token.text
    return kept


def _constants(condition: Condition) -> dict[str, tuple[Any, ...]]:
    """Return the constants of the clauses that name a variable, by the variable."""
    found: dict[str, tuple[Any, ...]] = {}
    for leaf in condition.leaves:
        values = tuple(_literals(tokens_of(leaf.text)))
        for name in leaf.names:
            found[name] = (*found.get(name, ()), *values)
    return found


def _literals(tokens: list[Token]) -> Iterator[Any]:
    for number, token in enumerate(tokens):
        if token.kind in {"string", "number"}:
            negative = number > 0 and tokens[number - 1].text == "-"
            yield result_of(compile_text(("-" if negative else "") + token.text))[0]


def _groups(parts: tuple[Clause, ...], simple: Mapping[str, Leaf]) -> list[tuple[Clause, ...]]:
    """Return the clauses in groups that share no variable."""
    groups: list[tuple[set[str], list[Clause]]] = []
    for part in parts:
        names = {name for one in part.leaves() for name in _names(one, simple)}
        joined: list[Clause] = [part]
        kept: list[tuple[set[str], list[Clause]]] = []
        for others, clauses in groups:
            if others & names:
                names |= others
                joined = clauses + joined
            else:
                kept.append((others, clauses))
        groups = [*kept, (names, joined)]
    return [tuple(clauses) for _, clauses in groups]


def _names(clause: Clause, simple: Mapping[str, Leaf]) -> tuple[str, ...]:
    leaf = simple.get(clause.text)
    return () if leaf is None else leaf.names


def _group_can_hold(group: tuple[Clause, ...], simple: Mapping[str, Leaf], domain: Domain) -> bool:
    leaves = [leaf for part in group for leaf in part.leaves()]
    names = list(dict.fromkeys(name for leaf in leaves for name in _names(leaf, simple)))
    combinations = 1
    for name in names:
        combinations *= len(domain[name])
    if combinations > ASKED_MAX:
        return True
    for values in product(*(domain[name] for name in names)):
        data = {n: value for n, value in zip(names, values, strict=True) if value is not None}
        activation = environment().Activation(data=data)
        truths = [_truth(part, simple, activation) for part in group]
        if all(truth in {"true", "maybe"} for truth in truths):
            return True
    return False


def _truth(clause: Clause, simple: Mapping[str, Leaf], activation: Any) -> Truth:  # noqa: ANN401 - the library's
    """Return what a clause is; `none` stands for no value, as the library counts it."""
    if clause.join == "leaf":
        leaf = simple.get(clause.text)
        if leaf is None:
            return "maybe"
        value, why = result_of(leaf.expression, activation)
        return "none" if why else "true" if value is True else "false"
    inner: list[Truth] = [_truth(part, simple, activation) for part in clause.parts]
    if clause.join == "not":
        opposites: dict[Truth, Truth] = {"true": "false", "false": "true"}
        return opposites.get(inner[0], inner[0])
    decisive: Truth = "true" if clause.join == "or" else "false"
    if decisive in inner:
        return decisive
    either: tuple[Truth, Truth] = ("maybe", "none") if clause.join == "or" else ("none", "maybe")
    for one in either:
        if one in inner:
            return one
    return inner[0]
