"""A condition that can be asked: compiled once, evaluated as a whole and clause by clause."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from hookflash.machines.rules.clauses import Clause, split
from hookflash.machines.rules.expressions import (
    Fault,
    NotCompiled,
    compile_text,
    environment,
    names_in,
    result_of,
)
from hookflash.machines.rules.limits import beyond_bounds, wrong_literals
from hookflash.machines.rules.trace import ClauseTrace, make_clause_trace


@frozen
class Leaf:
    """A clause that has no parts.

    Attributes:
        text: Its text.
        expression: It, compiled.
        names: The variables that it reads.
    """

    text: str
    expression: Any
    names: tuple[str, ...]


@frozen
class Answer:
    """What a condition said.

    Attributes:
        holds: Whether it is fulfilled. One that has no value is not.
        clauses: Each clause with its value.
    """

    holds: bool
    clauses: tuple[ClauseTrace, ...]


@frozen
class Condition:
    """A condition.

    Attributes:
        text: Its text.
        names: The variables that it reads.
        expression: It, compiled.
        tree: Its clauses.
        leaves: The clauses that have no parts, in the order of the text.
        is_conjunction: Whether all clauses must hold.
    """

    text: str
    names: tuple[str, ...]
    expression: Any
    tree: Clause
    leaves: tuple[Leaf, ...]
    is_conjunction: bool

    def ask(self, value_of: Callable[[str], Any]) -> Answer:
        """Evaluate it.

        Args:
            value_of: Gives the value of a variable by its name; None where it has none. A clause
                that needs one without a value has no value either.
        """
        data: dict[str, Any] = {}
        for name in self.names:
            value = value_of(name)
            if value is not None:
                data[name] = value
        activation = environment().Activation(data=data)
        value, _ = result_of(self.expression, activation)
        holds = value is True
        if holds and self.is_conjunction:
            return Answer(True, tuple([_true(leaf, data) for leaf in self.leaves]))  # noqa: FBT003
        return Answer(holds, tuple([_traced(leaf, data, activation) for leaf in self.leaves]))

    def holds_for(self, data: Mapping[str, Any]) -> bool:
        """Say whether it holds for these values; variables not among them have none."""
        value, _ = result_of(self.expression, environment().Activation(data=dict(data)))
        return value is True


def _true(leaf: Leaf, data: Mapping[str, Any]) -> ClauseTrace:
    return make_clause_trace(leaf.text, True, _shown(leaf, data))  # noqa: FBT003 - its value


def _traced(leaf: Leaf, data: Mapping[str, Any], activation: Any) -> ClauseTrace:  # noqa: ANN401 - the library's
    value, why = result_of(leaf.expression, activation)
    if why:
        missing = [name for name in leaf.names if name not in data]
        why = f"{', '.join(missing)}: no value" if missing else why
    return make_clause_trace(
        leaf.text, value if isinstance(value, bool) else None, _shown(leaf, data), why
    )


def _shown(leaf: Leaf, data: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    names = leaf.names
    if len(names) == 1 and names[0] in data:  # nearly always; a loop costs three times as much
        return ((names[0], _plain(data[names[0]])),)
    return tuple([(name, _plain(data[name])) for name in names if name in data])


_SCALARS = (str, int, float)


def _plain(value: Any) -> Any:  # noqa: ANN401 - what JSON can hold
    return value if isinstance(value, _SCALARS) else value.isoformat()


def read_condition(
    text: str, choices: Mapping[str, tuple[str, ...]]
) -> tuple[Condition | None, list[Fault]]:
    """Compile a condition.

    Args:
        text: Its text.
        choices: All values that a variable can have, for those of which they are known.

    Returns:
        The condition and nothing, or None and what is wrong with it.
    """
    fault = beyond_bounds(text)
    if fault is not None:
        return None, [fault]
    try:
        expression = compile_text(text)
        kind = str(expression.return_type().name()).lower()
        if kind != "bool":
            return None, [
                Fault(
                    f"a condition must be true or false; this is of type {kind}",
                    0,
                    "compare it with something",
                )
            ]
        faults = list(wrong_literals(text, choices))
        if faults:
            return None, faults
        return _condition(text, expression), []
    except NotCompiled as error:
        return None, [error.fault]


def _condition(text: str, expression: Any) -> Condition:  # noqa: ANN401 - the library's
    tree = split(text)
    result_of(expression)  # the library makes its program now, not with the first event
    leaves = tuple(
        Leaf(one.text, compiled := compile_text(one.text), names_in(compiled))
        for one in tree.leaves()
    )
    is_conjunction = tree.join == "leaf" or (
        tree.join == "and" and all(part.join == "leaf" for part in tree.parts)
    )
    return Condition(text, names_in(expression), expression, tree, leaves, is_conjunction)
