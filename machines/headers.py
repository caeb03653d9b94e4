"""The lines of a recording that are no records: its header, and changes of the policy."""

from typing import Any

from attrs import frozen

from hookflash.machines.conversion import at_path, encode_instant, explain, make_converter
from hookflash.machines.instants import Instant
from hookflash.machines.lines import dump_line, malformed, parse_object
from hookflash.machines.records import FORMAT, Header, PolicyChange

KIND = "recording"
"""What a recording's header says it is."""

POLICY_KIND = "policy"
"""What the line says that stands where another policy begins to count."""


@frozen
class _RawHeader:
    format: int
    kind: str
    machine: str
    spec_hash: str
    policy: dict[str, Any]
    gateway: str
    created: Instant


@frozen
class _RawPolicyChange:
    kind: str
    at: Instant
    policy: dict[str, Any]


_CONVERTER = make_converter(detailed=True)


def encode_header(header: Header) -> bytes:
    """Return the line of *header*, newline included.

    Raises:
        MalformedRecord: Its policy holds what JSON does not have.
    """
    document = {
        "format": header.format,
        "kind": KIND,
        "machine": header.machine,
        "spec_hash": header.spec_hash,
        "policy": dict(header.policy),
        "gateway": header.gateway,
        "created": encode_instant(header.created),
    }
    return dump_line(document, "the header")


def decode_header(line: bytes | str, place: str) -> Header:
    """Return the header of a recording.

    Args:
        line: The file's first line.
        place: Where it stands, for messages.

    Raises:
        MalformedRecord: It is no such header, or of a later format.
    """
    try:
        raw = parse_object(line)
        if raw.get("kind") != KIND:
            at_path("$.kind", f"expected {KIND!r}: this is no recording and no journal")
        if raw.get("format") != FORMAT:
            at_path(
                "$.format",
                f"expected {FORMAT}: the recording was made by a version of its own time",
            )
        explain(_CONVERTER, raw, _RawHeader, "$")
        found = _CONVERTER.structure(raw, _RawHeader)
    except ValueError as error:
        raise malformed(place, str(error)) from error
    return Header(
        found.machine, found.spec_hash, found.policy, found.gateway, found.created, found.format
    )


def encode_policy_change(change: PolicyChange) -> bytes:
    """Return the line of *change*, newline included."""
    document = {
        "kind": POLICY_KIND,
        "at": encode_instant(change.at),
        "policy": dict(change.policy),
    }
    return dump_line(document, "a change of policy")


def is_policy_change(line: bytes | str) -> bool:
    """Tell whether *line* may be a change of policy: a record never begins like this."""
    start = f'{{"kind":"{POLICY_KIND}"'
    return line.startswith(start.encode() if isinstance(line, bytes) else start)  # type: ignore[arg-type]


def decode_policy_change(line: bytes | str, place: str) -> PolicyChange:
    """Return the change of policy of *line*.

    Raises:
        MalformedRecord: It is none.
    """
    try:
        raw = parse_object(line)
        explain(_CONVERTER, raw, _RawPolicyChange, "$")
        found = _CONVERTER.structure(raw, _RawPolicyChange)
    except ValueError as error:
        raise malformed(place, str(error)) from error
    return PolicyChange(found.at, found.policy)
