"""What rules leave behind, as JSON: written sparsely, read strictly, without a word of secrets.

Instants are texts as in all lines of a recording, and what is as by default is left out. Reading is
as strict as that of records and has the same two ways: a fast one, and one that says where in the
document something is wrong.
"""

import re
from typing import Any, TypeVar

from hookflash.machines.conversion import explain, make_converter
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.reading import reader_of
from hookflash.machines.redaction import redact

_SPARSE = make_converter(detailed=False, sparse=True)
_DETAILED = make_converter(detailed=True)

T = TypeVar("T")


def as_written(value: object) -> dict[str, Any]:
    """Return an attrs instance as what JSON can hold; what is as by default is left out."""
    written: dict[str, Any] = _SPARSE.unstructure(value)
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
    if written.__class__ is list:
        return [without_secrets(value) for value in written]
    return written
