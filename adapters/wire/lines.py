"""The lines of a wire recording: how they are written and read.

JSON Lines with a checksum each, as recordings have them (`hookflash.machines.lines`). The first
line is the header; all lines after it have a number `n` that rises by one, a `kind` and an instant
`at`, of the engine's clock. docs/wire.md describes them, specs/wire.schema.json is their schema.

Reading is strict: an unknown key, kind or word is an error that names the line and the place in it.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from hookflash.adapters.wire.entries import CLASSES, Garbage, Known, WireEntry, WireHeader
from hookflash.adapters.wire.placeholders import is_placeholder
from hookflash.machines.conversion import at_path, encode_instant, explain, make_converter
from hookflash.machines.instants import Instant
from hookflash.machines.lines import dump_line, malformed, parse_line

FORMAT: Final = 1
KIND: Final = "wire"
"""What the header says that the file is."""

PROTOCOL: Final = "interaction"
"""The protocol whose messages this format knows."""

_STRICT = make_converter(detailed=True)
_FAST = make_converter(detailed=False)
for _converter in (_STRICT, _FAST):
    _converter.register_structure_hook(
        Garbage, lambda value, _: Garbage(value["is"], value["length"])
    )
GARBAGE_KINDS: Final = frozenset({"long", "binary", "not_json", "not_object"})
_WHOLE_NUMBERS: Final = ("conn", "exchange", "status", "code", "lines", "dropped")

EntryT = TypeVar("EntryT")


def write_header(header: WireHeader) -> bytes:
    """Return the line of *header*, newline included.

    Raises:
        MalformedRecord: It cannot be written as JSON.
    """
    document: dict[str, Any] = {"format": FORMAT, "kind": KIND, "protocol": PROTOCOL}
    document |= _STRICT.unstructure(header)
    return dump_line(document, "the header of a wire recording")


def write_line(n: int, kind: str, at: Instant, fields: Mapping[str, Any]) -> bytes:
    """Return a line, newline included.

    Args:
        n: Its number.
        kind: One of `CLASSES`.
        at: Its instant.
        fields: What else it says; fields that are None are left out by whoever calls this.

    Raises:
        MalformedRecord: It cannot be written as JSON.
    """
    return dump_line({"n": n, "kind": kind, "at": encode_instant(at), **fields}, "a line")


def read_header(line: bytes, place: str) -> WireHeader:
    """Return the header.

    Raises:
        MalformedRecord: It is none, was changed, or is of a later format.
    """
    try:
        raw = parse_line(line)
        if raw.pop("kind", None) != KIND:
            at_path("$.kind", f"expected {KIND!r}: this is no wire recording")
        version = raw.pop("format", None)
        if version.__class__ is not int or version != FORMAT:
            at_path("$.format", f"expected {FORMAT}: it was made by a later version")
        if raw.pop("protocol", None) != PROTOCOL:
            at_path("$.protocol", f"expected {PROTOCOL!r}")
        return _structured(raw, WireHeader)
    except ValueError as error:
        raise malformed(place, str(error)) from error


def read_line(line: bytes, n: int, place: str) -> WireEntry:
    """Return what a line after the header says.

    Args:
        line: The line.
        n: The number that it must have.
        place: Where it stands, for messages.

    Raises:
        MalformedRecord: It is none, was changed, or does not follow on the one before it.
    """
    try:
        raw = parse_line(line)
        number = raw.pop("n", None)
        if number.__class__ is not int:
            at_path("$.n", "expected a whole number")
        if number != n:
            at_path("$.n", f"expected {n}, got {number}: lines are missing, repeated or swapped")
        kind = raw.pop("kind", None)
        cls = CLASSES.get(kind) if isinstance(kind, str) else None
        if cls is None:
            at_path("$.kind", f"unknown kind {str(kind)[:64]!r}")
        entry: WireEntry = _structured(raw, cls)
    except ValueError as error:
        raise malformed(place, str(error)) from error
    return entry


def _structured(raw: dict[str, Any], cls: type[EntryT]) -> EntryT:
    _check(raw)
    if cls is Known and raw.get("interaction").__class__ is not dict:
        at_path("$.interaction", "expected an object")
    try:
        return _FAST.structure(raw, cls)
    except Exception:  # noqa: BLE001 - cattrs gives groups of whatever went wrong inside
        explain(_STRICT, raw, cls, "$")
        raise ValueError(f"$: no {cls.__name__}") from None


def _check(raw: dict[str, Any]) -> None:
    """See to what the converter takes lightly."""
    for name in ("frame", "body"):
        if name in raw and raw[name].__class__ is not dict:
            at_path(f"$.{name}", "expected an object")
    for name in _WHOLE_NUMBERS:
        if name in raw and (raw[name].__class__ is not int or not 0 <= raw[name] < 1 << 53):
            at_path(f"$.{name}", "expected a whole number")
    for name in ("music", "prompt"):
        if name in raw and not is_placeholder(raw[name]):
            at_path(f"$.{name}", "expected a placeholder")
    garbage: Any = raw.get("garbage")
    if "garbage" in raw and not (
        garbage.__class__ is dict
        and garbage.keys() == {"is", "length"}
        and garbage["is"].__class__ is str
        and garbage["is"] in GARBAGE_KINDS
        and garbage["length"].__class__ is int
        and 0 <= garbage["length"] < 1 << 53
    ):
        at_path("$.garbage", f"expected `is`, of {sorted(GARBAGE_KINDS)}, and `length`")


def fields_of(entry: WireEntry) -> dict[str, Any]:
    """Return what *entry* says beside its kind and instant, as its line has it."""
    written: dict[str, Any] = _STRICT.unstructure(entry)
    written.pop("at")
    garbage = getattr(entry, "garbage", None)
    if garbage is not None:
        written["garbage"] = {"is": garbage.kind, "length": garbage.length}
    return written
