"""What a journal tells, stepped again: the ground of all checks.

`read_journal` is the one place that knows how a journal is kept.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from tests.crash.plan import journal_path, policy

from hookflash.adapters.journal import read_entries
from hookflash.adapters.journal.recovering import RecoveryInput
from hookflash.adapters.specifications import load_machine
from hookflash.engine.ports import Notice
from hookflash.engine.recovery import Recovered, notices_of, recover
from hookflash.machines.effects import (
    EndCommand,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    SendUnhold,
    Warn,
)
from hookflash.machines.errors import HookflashError
from hookflash.machines.hold_data import Hold, HoldData
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import Record

HoldMachine = Machine[Any, Any]

NoticeKey = tuple[str, str, str, str]
"""What names a call of a monitor: effect id, event, outcome and correlation id of its payload."""


def read_journal(path: Path, machine: HoldMachine) -> Iterable[Record]:
    """Return all records of the journal at *path*, oldest first; none where there is no journal.

    Raises:
        HookflashError: The journal cannot be read.
    """
    if not path.exists():
        return []
    return (entry for entry in read_entries(path, machine) if isinstance(entry, Record))


def recover_journal(path: Path, machine: HoldMachine) -> Recovered:
    """Return what the service itself recovers: from the last snapshot on, not from the beginning.

    Raises:
        HookflashError: The journal cannot be read, or does not follow from itself.
    """
    if not path.exists():
        return Recovered()
    found = RecoveryInput(path, machine)
    recovered = recover(found.definitions, found.header, found.entries(), str(path))
    for record in reversed(found.untold()):
        recovered.untold.extendleft(reversed(notices_of(record)))
    recovered.drop_told()
    return recovered


@frozen
class HoldEnd:
    """A hold that is over, or that somebody was alarmed about.

    Attributes:
        interaction_id: Whose hold.
        since: When it began.
        known_at: When the service learned of it.
        limit_at: When its limit passed, or would have.
        at: When it ended, or when the first alarm was raised.
    """

    interaction_id: str
    since: Instant
    known_at: Instant
    limit_at: Instant
    at: Instant


@define
class Story:
    """A journal, read and stepped.

    Attributes:
        records: All records.
        interactions: Each interaction as it stands at the end, by id.
        steps: Each interaction as it stood after each of its records, with the record's instant.
        ends: The ends of commands and the foreign changes, in order, with their interaction.
        notices: What monitors were to be told, in order.
        recovered_untold: The effect ids of what the next life will tell monitors, perhaps again.
        frames: The correlation ids of all frames that were to be sent.
        hold_ends: The holds that are over.
        known_at: When the service learned of each hold, by the hold's name.
        broken: What is wrong with the journal itself.
    """

    records: list[Record] = field(factory=list[Record])
    interactions: dict[str, Interaction[HoldData]] = field(factory=dict[str, Interaction[HoldData]])
    steps: dict[str, list[tuple[Instant, Interaction[HoldData]]]] = field(
        factory=dict[str, list[tuple[Instant, Interaction[HoldData]]]]
    )
    ends: list[tuple[EndCommand | NoteForeign, str]] = field(
        factory=list[tuple[EndCommand | NoteForeign, str]]
    )
    notices: list[NoticeKey] = field(factory=list[NoticeKey])
    recovered_untold: set[str] = field(factory=set[str])
    frames: list[str] = field(factory=list[str])
    hold_ends: list[HoldEnd] = field(factory=list[HoldEnd])
    known_at: dict[str, Instant] = field(factory=dict[str, Instant])
    broken: list[str] = field(factory=list[str])

    def open_interactions(self) -> list[Interaction[HoldData]]:
        """Return those that something depends on: a command under way, or a running timer."""
        return [one for one in self.interactions.values() if one.pending or one.timers]

    def open_holds(self) -> list[tuple[str, Hold]]:
        """Return the holds that are going on and that nobody was alarmed about."""
        return [
            (one.id, one.data.hold)
            for one in self.interactions.values()
            if one.data.hold is not None and one.data.hold.alarms == 0
        ]


def read_story(folder: Path, limit_s: float) -> Story:
    """Read the journal in *folder* and step it; what is wrong with it stands in the story."""
    machine: HoldMachine = load_machine("hold", policy(limit_s))
    story = Story()
    path = journal_path(folder)
    try:
        for record in read_journal(path, machine):
            _take(story, machine, record)
            if story.broken:
                return story
        recovered = recover_journal(path, machine)
    except HookflashError as error:
        story.broken.append(f"journal: {str(error).replace(str(path), path.name)}")
        return story
    story.recovered_untold = {f"{seq}/{index}" for seq, index, _, _ in recovered.untold}
    told = {one.id: one for one in story.open_interactions()}
    if told != {one.id: one for one in recovered.open_interactions()}:
        story.broken.append("journal: the service recovers something else than the records tell")
    return story


def _take(story: Story, machine: HoldMachine, record: Record) -> None:
    if story.records and record.seq != story.records[-1].seq + 1:
        story.broken.append(f"journal: record {record.seq} after {story.records[-1].seq}")
    story.records.append(record)
    known = story.interactions.get(record.interaction_id)
    before = machine.start(record.interaction_id) if record.begins else known
    if before is None or record.begins is None or before.state != record.source:
        story.broken.append(f"journal: record {record.seq} does not follow from {known}")
        return
    if record.begins and known is not None and (known.pending or known.timers):
        story.broken.append(f"journal: record {record.seq} forgets {known}")
        return
    step = machine.step(before, record.event)
    if step.interaction.state != record.target or step.effects != record.effects:
        story.broken.append(f"journal: record {record.seq} is not what follows from {known}")
        return
    after = step.interaction
    story.interactions[record.interaction_id] = after
    story.steps.setdefault(record.interaction_id, []).append((record.event.at, after))
    _note_hold(story, record, before.data.hold, after.data.hold)
    for index, effect in enumerate(record.effects):
        if isinstance(effect, EndCommand | NoteForeign):
            story.ends.append((effect, record.interaction_id))
        if isinstance(effect, EndCommand | NoteForeign | Warn | RaiseAlarm):
            story.notices.append((f"{record.seq}/{index}", *_shown(effect)))
        elif isinstance(effect, SendHold | SendUnhold):
            story.frames.append(effect.correlation_id)


def _note_hold(story: Story, record: Record, before: Hold | None, after: Hold | None) -> None:
    at = record.event.at
    if after is not None:
        story.known_at.setdefault(after.id, at)
    if before is None or before.alarms > 0:
        return
    if after is None or after.id != before.id or after.alarms > 0:
        known_at = story.known_at[before.id]
        story.hold_ends.append(
            HoldEnd(record.interaction_id, before.since, known_at, before.limit_at, at)
        )


def _shown(notice: Notice) -> tuple[str, str, str]:
    match notice:
        case EndCommand():
            return notice.action, notice.outcome, notice.correlation_id
        case NoteForeign():
            return notice.action, "confirmed", notice.correlation_id
        case Warn():
            return "warning", notice.notice, notice.hold_id
        case RaiseAlarm():
            return "alarm", notice.alarm, notice.hold_id
