"""What a recording consists of: a header, then one record per step."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from hookflash.machines.instants import Instant

FORMAT = 1
"""Version of the recording's format; a change keeps a reader for every earlier one."""


@frozen
class Record:
    """One journaled step: an event, and all that followed from it.

    Attributes:
        seq: Its number in the journal, rising by one.
        interaction_id: The interaction.
        event: The event.
        source: The state before it.
        target: The state after it.
        effects: What was asked for, in order.
    """

    seq: int
    interaction_id: str
    event: Any
    source: str
    target: str
    effects: tuple[Any, ...]


@frozen
class RecordedStep:
    """A record whose effects are as the file has them; `RecordCodec.written` gives the like.

    Attributes:
        seq: Its number in the journal.
        interaction_id: The interaction.
        event: The event.
        source: The state before it.
        target: The state after it.
        effects: What was asked for, in order, as JSON objects with their `type`.
    """

    seq: int
    interaction_id: str
    event: Any
    source: str
    target: str
    effects: list[dict[str, Any]]


@frozen
class Header:
    """The first line of a recording: what the records after it were made by.

    Attributes:
        machine: The machine's name.
        spec_hash: SHA-256 of its definition.
        policy: The policy as the file has it; `RecordCodec.policy_of` makes its class of it.
        gateway: Host and port of the gateway.
        created: When the recording was begun.
        format: Version of the format.
    """

    machine: str
    spec_hash: str
    policy: Mapping[str, Any]
    gateway: str
    created: Instant
    format: int = FORMAT


@frozen
class PolicyChange:
    """A line between records: from here on another policy counts. It has no `seq` of its own.

    A journal outlives changes of the settings; without this line a replay could not know under
    which policy a step was taken.

    Attributes:
        at: When the journal was opened under it.
        policy: The policy as the file has it.
    """

    at: Instant
    policy: Mapping[str, Any]
