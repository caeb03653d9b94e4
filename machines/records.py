"""What a recording consists of: a header, then one record per step."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.ruling import Ruling

FORMAT = 2
"""Version of the recording's format; a change keeps a reader for every earlier one. 2 added the
checksum of each line, the definition in the header, what stands at the beginning of a part of a
journal, and which records begin an interaction."""


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
        begins: Whether the engine knew nothing of the interaction before; what an earlier part of
            the journal says of it counts no longer. None in recordings of format 1, which do not
            say it.
        spec_hash: The definition by which it was stepped, where that is not the one named last
            before it: an interaction may finish under the definition that it began under. None
            for the one named last.
        rules: What rules decided about it; None where nothing came of asking them.
    """

    seq: int
    interaction_id: str
    event: Any
    source: str
    target: str
    effects: tuple[Any, ...]
    begins: bool | None = False
    spec_hash: str | None = None
    rules: Ruling | None = None


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
        begins: As in `Record`.
        spec_hash: As in `Record`.
        rules: As in `Record`, as the JSON object that the file has.
    """

    seq: int
    interaction_id: str
    event: Any
    source: str
    target: str
    effects: list[dict[str, Any]]
    begins: bool | None = False
    spec_hash: str | None = None
    rules: Mapping[str, Any] | None = None


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
        definition: The text of the machine's definition; None in recordings of format 1.
        first_seq: The number of the first record: more than 1 in a part of a journal.
    """

    machine: str
    spec_hash: str
    policy: Mapping[str, Any]
    gateway: str
    created: Instant
    format: int = FORMAT
    definition: str | None = None
    first_seq: int = 1


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


@frozen
class DefinitionChange:
    """A line between records: from here on another definition of the machine counts.

    Attributes:
        at: When the journal was opened under it.
        spec_hash: SHA-256 of the definition.
        definition: Its text.
        policy: The policy as the file has it.
    """

    at: Instant
    spec_hash: str
    definition: str
    policy: Mapping[str, Any]


@frozen
class InteractionState:
    """A line that tells how an interaction stands; whatever was said of it before counts no longer.

    A part of a journal begins with one for each interaction that the engine knew at that point, so
    that it can be read without what came before; after a change of definition they tell what the
    declared migration made of the open interactions.

    Attributes:
        seq: The number of its last record.
        interaction: The interaction, with its pending command and timers.
        spec_hash: The definition that it is to be stepped by, where that is not the one named
            last; None for the one named last.
    """

    seq: int
    interaction: Interaction[Any]
    spec_hash: str | None = None


@frozen
class Told:
    """A line between records: the outcome of what monitors were to be told.

    Attributes:
        through: Monitors were told, or given up on, for all records up to this number.
    """

    through: int


@frozen
class RulesChange:
    """A line between records: from here on other rules count.

    Attributes:
        at: When they were loaded.
        digest: SHA-256 of the text that was loaded; empty where no rules count any more.
        text: The text of the file; what looks like a secret in it is written as in other free text.
    """

    at: Instant
    digest: str
    text: str


@frozen
class RulesAsked:
    """A line between records: rules were asked about something that is no step of the machine.

    Attributes:
        at: When.
        interaction_id: The interaction.
        about: A timer of theirs that fired, an event of the file's own, or a `rules_loaded`, which
            carried the interaction over to other rules.
        ruling: What they decided.
    """

    at: Instant
    interaction_id: str
    about: RuleEvent | RuleTimerFired
    ruling: Ruling


@frozen
class ActionsDone:
    """A line between records: actions of rules were carried out, those that no record shows.

    Attributes:
        interaction_id: The interaction.
        ids: Their ids.
    """

    interaction_id: str
    ids: tuple[str, ...]


Aside = RulesChange | RulesAsked | ActionsDone
"""What the engine writes between records."""

Entry = Record | PolicyChange | DefinitionChange | InteractionState | Told | Aside
"""What may follow the header of a recording."""
