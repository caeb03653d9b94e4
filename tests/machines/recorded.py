"""Hypothesis strategies for what recordings hold, made of the very classes that are recorded."""

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st

from hookflash.machines.conversion import FREE_TEXT
from hookflash.machines.instants import Instant
from hookflash.machines.redaction import redact

INSTANTS = st.integers(-(10**15), 200 * 10**15).map(Instant)
TEXTS = st.text(max_size=30)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
PRIMITIVES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(2**63), 2**63 - 1),
    float: NUMBERS,
    bool: st.booleans(),
    NoneType: st.none(),
    Instant: INSTANTS,
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of an annotation."""
    if hint in PRIMITIVES:
        return PRIMITIVES[hint]
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) in {Union, UnionType}:
        return st.one_of(*map(values_of, get_args(hint)))
    if get_origin(hint) is tuple and get_args(hint)[1:] != (...,):
        return st.tuples(*map(values_of, get_args(hint)))
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=3).map(tuple)
    return instances_of(hint)


def instances_of(cls: type, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for instances of an attrs class, free text as a recording has it."""
    return st.builds(
        cls,
        **{
            field.alias: values_of(field.type).map(
                lambda value, name=field.name: (
                    redact(value)  # type: ignore[misc]
                    if name in FREE_TEXT and isinstance(value, str)
                    else value
                )
            )
            for field in attrs.fields(attrs.resolve_types(cls))
            if field.name not in known
        },
        **known,
    )
