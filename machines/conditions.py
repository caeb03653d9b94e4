"""Under which conditions a row is taken, in words: for documents and pictures.

A guard's docstring may say how that is told, whichever way the guard answers::

    If so: the policy is `release`
    If not: the policy is `expire`

"Otherwise" says nothing where a row stands apart from those that are tried before it. What it
stands for follows from their guards; nobody has to write it down for a row.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from hookflash.machines.machine import Machine
from hookflash.machines.spec import Row

_SAID = re.compile(r"^If (so|not): (.+)$", re.MULTILINE)


@frozen
class GuardWords:
    """How a guard is told.

    Attributes:
        so: Where it holds; None where nobody said.
        otherwise: Where it does not; None where nobody said.
    """

    so: str | None
    otherwise: str | None


def words_of(guard: Any) -> GuardWords:  # noqa: ANN401 - any function
    """Return what a guard's docstring says under `If so:` and `If not:`."""
    said = dict(_SAID.findall(inspect.getdoc(guard) or ""))
    return GuardWords(said.get("so"), said.get("not"))


def conditions_of(machine: Machine[Any, Any], row: Row) -> tuple[str, ...]:
    """Return under which conditions *row* is taken, in words; names of guards are in backticks.

    They are those of its own guards, and that none of the rows before it is taken. A row before it
    that is late or ignored does not count: its event is about something that is over.
    """
    own = (_so(machine, guard) for guard in row.guards)
    return tuple(dict.fromkeys((*own, *_not_before(machine, row))))


def choice_of(machine: Machine[Any, Any], row: Row) -> tuple[str, ...]:
    """Return the conditions that choose *row* among those that are neither late nor ignored.

    Its own guards are left out where all that comes after it is late or ignored: then they ask
    only whether the event is about something that goes on.
    """
    rows = machine.spec.rows_of(row.source, row.event)
    if any(_counts(one) for one in rows[rows.index(row) + 1 :]):
        return conditions_of(machine, row)
    return tuple(_not_before(machine, row))


def unless_it_stays(machine: Machine[Any, Any], row: Row) -> tuple[str, ...]:
    """Return what a row without guards takes for granted where rows before it stay.

    Only what guards have words for. A picture without it would tell that the event is enough.
    """
    if row.guards:
        return ()
    before = [one for one in _before(machine, row) if one.decision == "stay"]
    guards = dict.fromkeys(guard for one in before for guard in one.guards)
    said = (words_of(machine.implementation.guards[guard]).otherwise for guard in guards)
    return tuple(one for one in said if one is not None)


def _counts(row: Row) -> bool:
    return row.decision not in {"late", "ignore"}


def _before(machine: Machine[Any, Any], row: Row) -> list[Row]:
    """Return the rows tried before *row*, without those about something that is over."""
    rows = machine.spec.rows_of(row.source, row.event)
    return [one for one in rows[: rows.index(row)] if _counts(one)]


def _not_before(machine: Machine[Any, Any], row: Row) -> Iterator[str]:
    """Say that no row before *row* is taken: each by the guards that *row* does not have itself.

    For a row that has guards, only what they have words for is said: which rows leave no others
    over cannot be seen from their names.
    """
    open_guards = [frozenset(one.guards) - set(row.guards) for one in _before(machine, row)]
    for guards in _least(guards for guards in open_guards if guards):
        if len(guards) > 1:
            named = [guard for guard in machine.implementation.guards if guard in guards]
            yield f"not both: {' and '.join(_so(machine, guard) for guard in named)}"
            continue
        (guard,) = guards
        said = words_of(machine.implementation.guards[guard]).otherwise
        if said is not None:
            yield said
        elif not row.guards:
            yield f"not `{guard}`"


def _least(found: Iterable[frozenset[str]]) -> Iterator[frozenset[str]]:
    """Walk the sets that have no other one of them in them, each once."""
    sets = tuple(dict.fromkeys(found))
    return (one for one in sets if not any(other < one for other in sets))


def _so(machine: Machine[Any, Any], guard: str) -> str:
    return words_of(machine.implementation.guards[guard]).so or f"`{guard}`"
