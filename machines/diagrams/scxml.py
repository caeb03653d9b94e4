"""Machines as SCXML: W3C's State Chart XML, which other engines run."""

import re
from collections.abc import Iterator
from typing import Final

from hookflash.machines.errors import SpecError
from hookflash.machines.spec import Row, Spec

_NAME: Final = re.compile(r"[^\W\d][\w-]*")
"""A name that may be an XML ID, an event and a variable of ECMAScript at once, but for the last's
`-`, which no guard may have."""

_GUARD: Final = re.compile(r"[^\W\d]\w*")


def to_scxml(spec: Spec) -> str:
    """Return the rows of a definition as an SCXML document that can be run.

    Rows are transitions in their order; those that stay have no target, so that nothing is left or
    entered anew. A guard is read from the event's data under its name, `_event.data.is_current`:
    whoever sends an event puts the values of the guards into it, because they depend on data that
    is not in the document. An effect is a `log` with the label `effect` and its name. A final state
    ends the run, as SCXML has it: what the machine answers in it is not in the document.

    Args:
        spec: The definition.

    Raises:
        SpecError: A name in it cannot stand in SCXML.
    """
    _check_names(spec)
    return "\n".join(_lines(spec)) + "\n"


def _check_names(spec: Spec) -> None:
    kinds = (
        ("state", spec.states, _NAME),
        ("event", spec.events, _NAME),
        ("guard", {guard for row in spec.rows for guard in row.guards}, _GUARD),
    )
    for kind, names, pattern in kinds:
        for name in sorted(names):
            if not pattern.fullmatch(name):
                raise SpecError(
                    f"{spec.place}: the {kind} {name!r} cannot be called so in SCXML",
                    advice="use letters, digits and `_`, beginning with a letter",
                    place=spec.place,
                )


def _lines(spec: Spec) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<!-- {_comment(spec.doc)} -->"
    yield (
        f'<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" name="{_escaped(spec.name)}"'
        f' initial="{spec.initial}" datamodel="ecmascript">'
    )
    for name, state in spec.states.items():
        yield f"  <!-- {_comment(state.doc)} -->"
        if state.final:
            yield f'  <final id="{name}"/>'
            continue
        yield f'  <state id="{name}">'
        for row in spec.rows:
            if row.source == name:
                yield from _transition(row)
        yield "  </state>"
    yield "</scxml>"


def _transition(row: Row) -> Iterator[str]:
    attributes = f'event="{row.event}"'
    if row.guards:
        condition = " && ".join(f"_event.data.{guard}" for guard in row.guards)
        attributes += f' cond="{_escaped(condition)}"'
    if row.target is not None:
        attributes += f' target="{row.target}"'
    yield f"    <!-- {row.decision}: {_comment(row.reason)} -->"
    if not row.effects:
        yield f"    <transition {attributes}/>"
        return
    yield f"    <transition {attributes}>"
    for effect in row.effects:
        # The names of effects are those of Python functions: nothing in them is to be escaped.
        yield f'      <log label="effect" expr="\'{effect}\'"/>'
    yield "    </transition>"


def _escaped(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text


def _comment(text: str) -> str:
    """Return *text* without what may not stand in a comment."""
    return " ".join(text.split()).replace("--", "\u2013").removesuffix("-")
