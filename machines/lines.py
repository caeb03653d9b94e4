"""Lines of JSON: written within a bound, and read with words for what is wrong."""

from typing import Any, cast

import orjson

from hookflash.machines.conversion import at_path
from hookflash.machines.errors import MalformedRecord

LINE_BYTES_MAX = 1_048_576
"""Bound on a line: a record of the shipped machines has some hundred bytes."""

_INT64 = range(-(2**63), 2**64)
"""What JSON libraries carry as whole numbers."""


def parse_object(line: bytes | str) -> dict[str, Any]:
    """Return the JSON object of *line*.

    Raises:
        ValueError: It is none; the text says why.
    """
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if not line.strip():
            raise ValueError("the line is empty") from None
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        at_path("$", "expected an object")
    return cast("dict[str, Any]", raw)


def dump_line(document: dict[str, Any], what: str) -> bytes:
    """Return *document* as a line, newline included.

    Args:
        document: What to write.
        what: What it is, for messages.

    Raises:
        MalformedRecord: It cannot be written as JSON, or has more than `LINE_BYTES_MAX`.
    """
    try:
        line = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Half a surrogate pair in a text, or a number beyond 64 bits: rare, and not worth a look
        # at every record.
        try:
            line = orjson.dumps(_writable(document), option=orjson.OPT_APPEND_NEWLINE)
        except TypeError as error:
            raise malformed(what, f"cannot be written as JSON: {error}") from error
    if len(line) > LINE_BYTES_MAX:
        raise malformed(what, f"has {len(line)} bytes; the most is {LINE_BYTES_MAX}")
    return line


def _writable(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return *value* with what JSON in UTF-8 cannot carry replaced by text that it can."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {_writable(key): _writable(part) for key, part in fields.items()}
    if isinstance(value, list | tuple):
        return [_writable(part) for part in cast("list[Any]", value)]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and value not in _INT64:
        return str(value)
    return value


def malformed(place: str, problem: str) -> MalformedRecord:
    """Return the error that says *problem* of what stands at *place*."""
    return MalformedRecord(f"{place}: {problem}", place=place)
