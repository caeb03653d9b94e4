"""Lines of JSON: written within a bound and with a checksum, read with words for what is wrong.

A line of a recording ends in the CRC-32 of what stands before it: `…,"sum":"1a2b3c4d"}` and a
newline, over all bytes up to and without the comma before `"sum"`. It tells a line that was damaged
on a disk or on its way from one that was written so. It is no seal against somebody who means it.
A line without the key is as good as one with it: other programs, and people, may write recordings.
"""

from collections.abc import Set as AbstractSet
from typing import Any, cast
from zlib import crc32

import orjson

from hookflash.machines.conversion import at_path
from hookflash.machines.errors import MalformedRecord

LINE_BYTES_MAX = 1_048_576
"""Bound on a line: a record of the shipped machines has some hundred bytes."""

RECORD = "record"
"""What `kind_of` says of a record, and of all that names no kind: records name none."""

SEQ_MAX = 2**63 - 1
"""Bound on a record's number: what databases have for whole numbers."""

_RECORD_START = b'{"seq":'
_KIND_START = b'{"kind":"'
_SUM_BYTES = len(b',"sum":"00000000"}')

_INT64 = range(-(2**63), 2**64)
"""What JSON libraries carry as whole numbers."""


def parse_object(line: bytes | str) -> dict[str, Any]:
    """Return the JSON object of *line*, without a look at its checksum.

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


def parse_line(line: bytes | str) -> dict[str, Any]:
    """Return the JSON object of *line* without its checksum, which fits if there is one.

    Raises:
        ValueError: It is none, or was changed; the text says so.
    """
    raw = parse_object(line)
    if "sum" in raw:
        del raw["sum"]
        if not sum_fits(line):
            at_path("$.sum", "the checksum does not fit: the line was changed or damaged")
    return raw


def sum_fits(line: bytes | str) -> bool:
    """Tell whether *line* ends in its checksum, at the place and in the form that it has to have.

    Args:
        line: A line of JSON, with or without its newline.
    """
    whole = (line if isinstance(line, bytes) else line.encode("utf-8", "replace")).rstrip()
    document = whole[:-_SUM_BYTES]
    return whole[-_SUM_BYTES:] == b',"sum":"%08x"}' % crc32(document)


def kind_of(line: bytes) -> str:
    """Return what *line* says it is, at the price of a look at its first bytes.

    Returns:
        `RECORD`, or the value of its key `kind`. What is no JSON object, or names no kind, counts
        as a record: reading it as one says what is wrong with it.
    """
    if line.startswith(_RECORD_START):
        return RECORD
    if line.startswith(_KIND_START):
        # Our own lines. One that is cut off or has an escape in it is refused by whoever reads it.
        return line[len(_KIND_START) :].partition(b'"')[0].decode("utf-8", "replace")
    try:
        kind = parse_object(line).get("kind", RECORD)
    except ValueError:
        return RECORD
    return kind if isinstance(kind, str) else RECORD


def dump_line(document: dict[str, Any], what: str, bytes_max: int = LINE_BYTES_MAX) -> bytes:
    """Return *document* as a line with its checksum, newline included.

    Args:
        document: What to write; not empty, and without a key `sum`.
        what: What it is, for messages.
        bytes_max: How long it may be.

    Raises:
        MalformedRecord: It cannot be written as JSON, or is longer.
    """
    try:
        written = orjson.dumps(document)
    except TypeError:
        # Half a surrogate pair in a text, or a number beyond 64 bits: rare, and not worth a look
        # at every record.
        try:
            written = orjson.dumps(_writable(document))
        except TypeError as error:
            raise malformed(what, f"cannot be written as JSON: {error}") from error
    written = written[:-1]
    line = b'%s,"sum":"%08x"}\n' % (written, crc32(written))
    if len(line) > bytes_max:
        raise malformed(what, f"has {len(line)} bytes; the most is {bytes_max}")
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


def check_keys(
    raw: dict[str, Any],
    wanted: AbstractSet[str],
    allowed: AbstractSet[str] = frozenset(),
    path: str = "$",
) -> None:
    """See that *raw* has all keys that are *wanted*, and no others than these and the *allowed*.

    Raises:
        ValueError: It has not; the text says where and what.
    """
    for name in sorted(wanted - raw.keys()):
        at_path(path, f"`{name}` is missing")
    for name in sorted(raw.keys() - wanted - allowed):
        at_path(path, f"unknown key {name[:64]!r}")


def check_seq(number: object, path: str = "$.seq") -> int:
    """Return *number* if it can be that of a record.

    Raises:
        ValueError: It cannot; the text says where.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= SEQ_MAX:
        at_path(path, f"expected a whole number from 0 to {SEQ_MAX}")
    return number


def check_spec(raw: dict[str, Any], digest: str) -> str | None:
    """Return the hash of the definition that a line names; None where it names none.

    Args:
        raw: The line.
        digest: That of the definition by which it is read.

    Raises:
        ValueError: It names another one, or has something else in its place.
    """
    if "spec" not in raw:
        return None
    named = raw["spec"]
    if not isinstance(named, str):
        at_path("$.spec", "expected text")
    if named != digest:
        at_path("$.spec", f"is of another definition, {named[:12]!r}; this is {digest[:12]!r}")
    return named


def unwritable(what: str, error: Exception) -> MalformedRecord:
    """Return the error that says why *what* cannot be written."""
    if isinstance(error, KeyError):
        problem = f"{getattr(error.args[0], '__name__', 'its event')} is no class of this machine"
    else:
        problem = f"cannot be written: {type(error).__name__}: {error}"
    return malformed(what, problem)


def malformed(place: str, problem: str) -> MalformedRecord:
    """Return the error that says *problem* of what stands at *place*."""
    return MalformedRecord(f"{place}: {problem}", place=place)
