r"""The lines of a recording that are no records and no states: its header, and what stands between.

A header, in one line; those of format 1 have neither `first_seq` nor `definition`::

    {"format": 2, "kind": "recording", "machine": "hold", "spec_hash": "…", "policy": {…},
     "gateway": "host:port", "created": "2026-11-22T18:22:01.123456Z", "first_seq": 1,
     "definition": "[machine]\nname = …", "sum": "1a2b3c4d"}

Between the records::

    {"kind": "policy", "at": "…", "policy": {…}, "sum": "…"}
    {"kind": "definition", "at": "…", "spec_hash": "…", "policy": {…}, "definition": "…", "sum": …}
    {"kind": "told", "through": 7, "sum": "…"}

What concerns rules is in `rule_lines`. All of them are rare: they are read with words for what is
wrong, not fast.
"""

from typing import Any, TypeVar

from attrs import frozen

from hookflash.machines.conversion import at_path, encode_instant, explain, make_converter
from hookflash.machines.instants import Instant
from hookflash.machines.lines import check_seq, dump_line, malformed, parse_line
from hookflash.machines.records import (
    FORMAT,
    Aside,
    DefinitionChange,
    Header,
    PolicyChange,
    Told,
)
from hookflash.machines.rule_lines import ASIDE_KINDS, decode_aside

KIND = "recording"
"""What a recording's header says it is."""

POLICY_KIND = "policy"
"""What the line says that stands where another policy begins to count."""

DEFINITION_KIND = "definition"
"""What the line says that stands where another definition begins to count."""

TOLD_KIND = "told"
"""What the line says that tells how far the monitors were told."""


@frozen
class _RawHeader1:
    format: int
    kind: str
    machine: str
    spec_hash: str
    policy: dict[str, Any]
    gateway: str
    created: Instant


@frozen
class _RawHeader(_RawHeader1):
    first_seq: int
    definition: str


@frozen
class _RawPolicyChange:
    kind: str
    at: Instant
    policy: dict[str, Any]


@frozen
class _RawDefinitionChange(_RawPolicyChange):
    spec_hash: str
    definition: str


@frozen
class _RawTold:
    kind: str
    through: int


_CONVERTER = make_converter(detailed=True)


def encode_header(header: Header) -> bytes:
    """Return the line of *header*, newline included.

    Raises:
        MalformedRecord: Its policy holds what JSON does not have, or it is a header of format 1,
            which is read but not written any more.
    """
    if header.definition is None:
        raise malformed("the header", f"has no definition, which format {FORMAT} wants")
    document = {
        "format": FORMAT,
        "kind": KIND,
        "machine": header.machine,
        "spec_hash": header.spec_hash,
        "policy": dict(header.policy),
        "gateway": header.gateway,
        "created": encode_instant(header.created),
        "first_seq": header.first_seq,
        # Last, because it has many kilobytes, and people look at the beginnings of lines.
        "definition": header.definition,
    }
    return dump_line(document, "the header")


def decode_header(line: bytes | str, place: str) -> Header:
    """Return the header of a recording, of this format or an earlier one.

    Args:
        line: The file's first line.
        place: Where it stands, for messages.

    Raises:
        MalformedRecord: It is no such header, was changed, or is of a later format.
    """
    try:
        raw = parse_line(line)
        if raw.get("kind") != KIND:
            at_path("$.kind", f"expected {KIND!r}: this is no recording and no journal")
        version = raw.get("format")
        if version.__class__ is not int or version not in {1, FORMAT}:
            at_path(
                "$.format",
                f"expected {FORMAT} or earlier: the recording was made by a later version",
            )
        if version == 1:
            found = _structured(raw, _RawHeader1)
            definition, first_seq = None, 1
        else:
            found = _structured(raw, _RawHeader)
            definition, first_seq = found.definition, check_seq(found.first_seq, "$.first_seq")
    except ValueError as error:
        raise malformed(place, str(error)) from error
    return Header(
        found.machine,
        found.spec_hash,
        found.policy,
        found.gateway,
        found.created,
        found.format,
        definition,
        first_seq,
    )


def encode_policy_change(change: PolicyChange) -> bytes:
    """Return the line of *change*, newline included.

    Raises:
        MalformedRecord: Its policy holds what JSON does not have.
    """
    document = {
        "kind": POLICY_KIND,
        "at": encode_instant(change.at),
        "policy": dict(change.policy),
    }
    return dump_line(document, "a change of policy")


def decode_policy_change(line: bytes | str, place: str) -> PolicyChange:
    """Return the change of policy of *line*.

    Raises:
        MalformedRecord: It is none, or was changed.
    """
    found = _decoded(line, place, POLICY_KIND, _RawPolicyChange)
    return PolicyChange(found.at, found.policy)


def encode_definition_change(change: DefinitionChange) -> bytes:
    """Return the line of *change*, newline included.

    Raises:
        MalformedRecord: Its policy holds what JSON does not have.
    """
    document = {
        "kind": DEFINITION_KIND,
        "at": encode_instant(change.at),
        "spec_hash": change.spec_hash,
        "policy": dict(change.policy),
        "definition": change.definition,
    }
    return dump_line(document, "a change of definition")


def decode_definition_change(line: bytes | str, place: str) -> DefinitionChange:
    """Return the change of definition of *line*; whether its text fits its hash is not looked at.

    Raises:
        MalformedRecord: It is none, or was changed.
    """
    found = _decoded(line, place, DEFINITION_KIND, _RawDefinitionChange)
    return DefinitionChange(found.at, found.spec_hash, found.definition, found.policy)


def encode_told(told: Told) -> bytes:
    """Return the line of *told*, newline included."""
    return dump_line({"kind": TOLD_KIND, "through": told.through}, "what monitors were told")


def decode_told(line: bytes | str, place: str) -> Told:
    """Return what *line* says of how far monitors were told.

    Raises:
        MalformedRecord: It says nothing of that, or was changed.
    """
    found = _decoded(line, place, TOLD_KIND, _RawTold)
    try:
        return Told(check_seq(found.through, "$.through"))
    except ValueError as error:
        raise malformed(place, str(error)) from error


def decode_between(
    line: bytes | str, kind: str, place: str
) -> PolicyChange | DefinitionChange | Told | Aside:
    """Return what *line* says, which is neither a header nor a record nor a state.

    Args:
        line: The line.
        kind: What `kind_of` says of it.
        place: Where it stands, for messages.

    Raises:
        MalformedRecord: It is of no such kind, or was changed.
    """
    if kind == POLICY_KIND:
        return decode_policy_change(line, place)
    if kind == DEFINITION_KIND:
        return decode_definition_change(line, place)
    if kind == TOLD_KIND:
        return decode_told(line, place)
    if kind in ASIDE_KINDS:
        return decode_aside(line, kind, place)
    if kind == KIND:
        raise malformed(place, "$.kind: a second header; each recording is a file of its own")
    raise malformed(place, f"$.kind: unknown kind {kind[:64]!r}")


_RawT = TypeVar("_RawT")


def _decoded(line: bytes | str, place: str, kind: str, cls: type[_RawT]) -> _RawT:
    try:
        raw = parse_line(line)
        if raw.get("kind") != kind:
            at_path("$.kind", f"expected {kind!r}")
        return _structured(raw, cls)
    except ValueError as error:
        raise malformed(place, str(error)) from error


def _structured(raw: dict[str, Any], cls: type[_RawT]) -> _RawT:
    explain(_CONVERTER, raw, cls, "$")
    return _CONVERTER.structure(raw, cls)
