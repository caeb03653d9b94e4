"""What rules leave behind, as JSON: written sparsely, read strictly, without a word of secrets.

Instants are texts as in all lines of a recording, and what is as by default is left out. Reading is
as strict as that of records and has the same two ways: a fast one, and one that says where in the
document something is wrong.
"""

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs

from hookflash.machines.conversion import explain, make_converter
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.reading import reader_of
from hookflash.machines.redaction import redact

KNOWN_WORDS = frozenset(
    {
        *("rule", "name", "state", "state_from", "state_to", "kind", "owner", "pattern"),
        *("action", "outcome", "notice", "alarm", "interaction", "hold_id"),
    }
)
"""Texts that are words of the definition or of a rules file, which refuses those that look like a
secret, or ids, which stand in every line. All others are redacted."""


_DETAILED = make_converter(detailed=True)

T = TypeVar("T")


def as_written(value: object) -> dict[str, Any]:
    """Return an attrs instance as what JSON can hold; what is as by default is left out."""
    written: dict[str, Any] = _SPARSE.unstructure(value)
    return written


def as_journaled(value: object) -> dict[str, Any]:
    """Return the same as `without_secrets(as_written(value))`, in half the time, for a line."""
    written: dict[str, Any] = _SAFE.unstructure(value)
    return written


def as_read(cls: type[T], written: object, path: str, what: str) -> T:
    """Return what `as_written` wrote of a *cls*.

    Args:
        cls: An attrs class.
        written: What a file held.
        path: Its JSON path, for messages.
        what: What it is, for the error's place.

    Raises:
        MalformedRecord: *written* is no such thing; the message says where and why.
    """
    try:
        made: T = reader_of(cls)(written)
    except Exception as error:
        try:
            explain(_DETAILED, written, cls, path)
        except ValueError as said:
            raise MalformedRecord(str(said), place=what) from error
        raise MalformedRecord(f"{path}: is no {what}", place=what) from error
    return made


_HARMLESS = re.compile(
    r"""(?x)
    [A-Za-z_.\#-]*
    | \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z
    | [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}
    """
)
"""Names, instants and UUIDs: most texts of a document, in which `redact` finds nothing."""


def without_secrets(written: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return what is to be written with all texts redacted: messages may have anything in them."""
    if written.__class__ is str:
        return written if _HARMLESS.fullmatch(written) else redact(written)
    if written.__class__ is dict:
        return {key: without_secrets(value) for key, value in written.items()}
    if written.__class__ is list or written.__class__ is tuple:
        return [without_secrets(value) for value in written]
    return written


def _hook_of(attribute: "attrs.Attribute[Any]") -> Callable[[Any], Any] | None:
    has_text = _has_text(attribute.type) and attribute.name not in KNOWN_WORDS
    return without_secrets if has_text else None


def _has_text(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    """Say whether a value may be a text or a list with texts; classes write themselves."""
    if get_origin(hint) is Literal:
        return False
    return hint is str or any(map(_has_text, get_args(hint)))


_SPARSE = make_converter(detailed=False, sparse=True)
_SAFE = make_converter(detailed=False, sparse=True, hook_of=_hook_of)
