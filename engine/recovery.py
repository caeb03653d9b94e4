"""Recovery: what a journal proves about the interactions that were open when a process ended.

The journal's events are folded through the very step that runs live. Nothing is assumed: a command
whose frame may have left is looked up at the gateway, never sent again blindly, and timers run on
towards the deadlines that they had; overdue ones fire at once.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from hookflash.engine.ports import AuditEntry
from hookflash.machines.codec import RecordCodec
from hookflash.machines.effects import EndCommand, NoteForeign
from hookflash.machines.errors import JournalError
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import Header, PolicyChange, Record

NEVER = Instant(0)

ENDS_MAX = 10_000
"""How many of the latest ends are compared with the audit log: at most what one crash can lose,
which is what one turn of the dispatcher journals, with a wide margin."""

NO_RATE = 1.0
"""The state consistency rate where no attempt was counted: that of a new run."""


@define
class Recovered:
    """What a journal proves.

    Attributes:
        interactions: All that it speaks of, by id.
        ends: The latest ends of commands and foreign changes, oldest first.
        records: How many records were read.
        last_at: The instant of the last one; 0 where there was none.
    """

    interactions: dict[str, Interaction[Any]] = field(factory=dict[str, Interaction[Any]])
    ends: deque[AuditEntry] = field(factory=lambda: deque[AuditEntry](maxlen=ENDS_MAX))
    records: int = 0
    last_at: Instant = NEVER

    def open_interactions(self) -> list[Interaction[Any]]:
        """Return those that something depends on: on hold, or with a command under way."""
        return [one for one in self.interactions.values() if one.pending or one.timers]

    def missing_in_audit(self, last_correlation_id: str | None) -> list[AuditEntry]:
        """Return what the audit log lacks.

        Args:
            last_correlation_id: That of its last line; None where it has no line.

        Returns:
            The ends after that line. Empty where the line is not of this journal: then nothing
            can be said.
        """
        ends = list(self.ends)
        if last_correlation_id is None:
            return ends if len(ends) < ENDS_MAX else []
        for index, (end, _, _) in enumerate(ends):
            if end.correlation_id == last_correlation_id:
                return ends[index + 1 :]
        return []


def recover(
    codec: RecordCodec[Any], header: Header, entries: Iterable[Record | PolicyChange], place: str
) -> Recovered:
    """Fold a journal.

    Args:
        codec: The codec of the machine that runs now, which is that of the journal.
        header: The journal's header: the policy that counted at its beginning.
        entries: What follows the header.
        place: The journal's name, for messages.

    Raises:
        JournalError: A record does not follow from what came before it: the journal was changed,
            or written by another version.
        MalformedRecord: A policy in it is none of this machine.
    """
    machine = codec.machine.with_policy(codec.policy_of(header, place))
    recovered = Recovered()
    for entry in entries:
        if isinstance(entry, PolicyChange):
            machine = machine.with_policy(codec.policy_of(entry, place))
            continue
        known = recovered.interactions.get(entry.interaction_id)
        after = None if known is None else _follow(machine, known, entry)
        if after is None:
            # Never seen, or the engine had forgotten it, nothing depending on it, and began anew.
            after = _follow(machine, machine.start(entry.interaction_id), entry)
        if after is None:
            raise JournalError(
                f"{place}: record {entry.seq}: {entry.source} → {entry.target} does not follow from"
                " the records before it",
                advice="the journal was changed or is of another version; move it away to begin"
                " another",
                path=place,
            )
        recovered.interactions[entry.interaction_id] = after
        recovered.records += 1
        recovered.last_at = max(recovered.last_at, entry.event.at)
        for effect in entry.effects:
            if isinstance(effect, EndCommand | NoteForeign):
                recovered.ends.append((effect, entry.interaction_id, NO_RATE))
    return recovered


def _follow(
    machine: Machine[Any, Any], before: Interaction[Any], entry: Record
) -> Interaction[Any] | None:
    """Return the interaction after the record; None where the record does not follow from it."""
    if before.state != entry.source:
        return None
    after = machine.step(before, entry.event).interaction
    return after if after.state == entry.target else None
