"""Recovery: what a journal proves about the interactions that were open when a process ended.

The journal is folded through the very step that runs live, from the last snapshot on. Nothing is
assumed: a command whose frame may have left is looked up at the gateway, never sent again blindly,
and timers run on towards the deadlines that they had.
"""

from collections import deque
from collections.abc import Collection, Iterable
from typing import Any, Protocol

from attrs import define, evolve, field

from hookflash.engine.ports import AuditEntry, Notice
from hookflash.engine.rule_messages import Remark
from hookflash.machines.effects import EndCommand, NoteForeign, RaiseAlarm, Warn
from hookflash.machines.errors import JournalError
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import (
    ActionsDone,
    Aside,
    DefinitionChange,
    Entry,
    Header,
    InteractionState,
    PolicyChange,
    Record,
    RulesAsked,
    RulesChange,
    Told,
)
from hookflash.machines.rules.actions import AnnotateAction
from hookflash.machines.rules.ruling import Ruling, carried_out, ruled

NEVER = Instant(0)

ENDS_MAX = 10_000
"""How many of the latest ends are compared with the audit log, and notices with what monitors were
told: at most what one crash can lose, which is what one turn of the dispatcher journals and what
waits in a monitor's queue, with a wide margin."""

NO_RATE = 1.0
"""The state consistency rate where no attempt was counted: that of a new run."""

_NOTICES = (EndCommand, NoteForeign, Warn, RaiseAlarm)

UntoldNotice = tuple[int, int, str, Notice]
"""A notice with the number of its record, its place in it, and the interaction."""


class MachineSource(Protocol):
    """Makes the machines by which a journal's records were stepped."""

    def learn(self, change: DefinitionChange) -> None:
        """Take up a definition that the journal holds further down than its header."""
        ...

    def machine(
        self, spec_hash: str, policy: Header | PolicyChange | DefinitionChange
    ) -> Machine[Any, Any]:
        """Return the machine of a definition that the journal names, under a policy that it holds.

        Raises:
            JournalError: The definition cannot be run by this version any more.
        """
        ...


@define
class Recovered:
    """What a journal proves.

    Attributes:
        interactions: All that it speaks of, by id in lower case: a UUID is the same in upper case.
        definitions: The definition under which an interaction goes on, by id in lower case, where
            that is not the one that the journal names last.
        spec_hash: The definition that the journal names last; empty for no journal.
        ends: The latest ends of commands and foreign changes, oldest first.
        told_through: The record up to which monitors were told; 0 where nothing says so.
        untold: The notices that monitors may not have been told, oldest first.
        rules: The rules that counted last; None where none ever did.
        records: How many records were read.
        last_at: The instant of the last one; 0 where there was none.
    """

    interactions: dict[str, Interaction[Any]] = field(factory=dict[str, Interaction[Any]])
    definitions: dict[str, str] = field(factory=dict[str, str])
    spec_hash: str = ""
    ends: deque[AuditEntry] = field(factory=lambda: deque[AuditEntry](maxlen=ENDS_MAX))
    untold: deque[UntoldNotice] = field(factory=lambda: deque[UntoldNotice](maxlen=ENDS_MAX))
    told_through: int = 0
    rules: RulesChange | None = None
    records: int = 0
    last_at: Instant = NEVER

    def drop_told(self) -> None:
        """Leave out of `untold` what monitors were told."""
        while self.untold and self.untold[0][0] <= self.told_through:
            self.untold.popleft()

    def open_interactions(self) -> list[Interaction[Any]]:
        """Return those that something depends on: on hold, with a command under way, or waited for.

        In the order in which their timers are due, those without one first.
        """
        waiting = [one for one in self.interactions.values() if not _is_idle(one)]
        return sorted(waiting, key=_first_due)

    def idle_interactions(self) -> list[Interaction[Any]]:
        """Return those that nothing depends on, in the order in which they were heard of."""
        return [one for one in self.interactions.values() if _is_idle(one)]

    def missing_in_audit(self, audited: Collection[str]) -> list[AuditEntry]:
        """Return what the audit log lacks: the ends after the newest one that it has.

        Args:
            audited: The correlation ids of its latest lines. Those of other programs, which wrote
                to it meanwhile, may be among them.

        Returns:
            All that was read where it has none of them, because a snapshot is made only of what
            was audited. Empty where more was read than could be kept: then it cannot be said.
        """
        ends = list(self.ends)
        for index in range(len(ends) - 1, -1, -1):
            if ends[index][0].correlation_id in audited:
                return ends[index + 1 :]
        return [] if len(ends) == ENDS_MAX else ends


def notices_of(record: Record) -> list[UntoldNotice]:
    """Return what monitors are told because of *record*."""
    return [
        (record.seq, index, record.interaction_id, effect)
        for index, effect in enumerate(record.effects)
        if isinstance(effect, _NOTICES)
    ]


def _is_idle(interaction: Interaction[Any]) -> bool:
    rules = interaction.rules
    return not (interaction.pending or interaction.timers or (rules is not None and rules.waits))


def _first_due(interaction: Interaction[Any]) -> Instant:
    rules = interaction.rules
    due = [timer.due_at for timer in interaction.timers]
    if rules is not None:
        due += [wait.due_at for wait in rules.memory.waits]
    return min(due, default=NEVER)


def recover(
    machines: MachineSource, header: Header, entries: Iterable[Entry], place: str
) -> Recovered:
    """Fold a journal.

    Args:
        machines: Makes the machines that the journal names.
        header: The journal's header: definition and policy that counted at its beginning.
        entries: What follows the header.
        place: The journal's name, for messages.

    Raises:
        JournalError: A record does not follow from what came before it: the journal was changed,
            or written by another version. Or a definition that it names cannot be run.
        MalformedRecord: A policy in it is none of its machine.
    """
    return _Fold(machines, header, place).run(entries)


class _Fold:
    """A journal being read: how everything stands after the entry that was read last."""

    def __init__(self, machines: MachineSource, header: Header, place: str) -> None:
        self._machines = machines
        self._place = place
        self._spec_hash = header.spec_hash
        self._policy: Header | PolicyChange | DefinitionChange = header
        self._stepped_by: dict[str, Machine[Any, Any]] = {}
        self._recovered = Recovered(spec_hash=header.spec_hash)

    def run(self, entries: Iterable[Entry]) -> Recovered:
        recovered = self._recovered
        for entry in entries:
            match entry:
                case Record():
                    self._record(entry)
                case InteractionState():
                    key = entry.interaction.id.lower()
                    recovered.interactions[key] = entry.interaction
                    self._goes_on_under(key, entry.spec_hash)
                case RulesAsked() | RulesChange() | ActionsDone():
                    self._aside(entry)
                case Told():
                    recovered.told_through = max(recovered.told_through, entry.through)
                case PolicyChange():
                    self._policy = entry
                    self._stepped_by.clear()
                case DefinitionChange():
                    self._machines.learn(entry)
                    self._spec_hash = recovered.spec_hash = entry.spec_hash
                    self._policy = entry
                    self._stepped_by.clear()
        recovered.drop_told()
        if recovered.rules is None or not recovered.rules.digest:
            self._forget_rules()
        return recovered

    def _forget_rules(self) -> None:
        """Take up that no rules count: nothing of theirs waits any more."""
        interactions = self._recovered.interactions
        for key, one in interactions.items():
            if one.rules is not None:
                interactions[key] = evolve(one, rules=None)

    def _goes_on_under(self, key: str, spec_hash: str | None) -> None:
        if spec_hash is None or spec_hash == self._spec_hash:
            self._recovered.definitions.pop(key, None)
        else:
            self._recovered.definitions[key] = spec_hash

    def _machine(self, spec_hash: str) -> Machine[Any, Any]:
        machine = self._stepped_by.get(spec_hash)
        if machine is None:
            machine = self._machines.machine(spec_hash, self._policy)
            self._stepped_by[spec_hash] = machine
        return machine

    def _record(self, record: Record) -> None:
        recovered, key = self._recovered, record.interaction_id.lower()
        machine = self._machine(record.spec_hash or self._spec_hash)
        known = None if record.begins else recovered.interactions.get(key)
        after = None if known is None else _follow(machine, known, record)
        if after is None and record.begins is not False:
            # Never seen, or forgotten by the engine, nothing depending on it. Recordings of
            # format 1 do not say which.
            after = _follow(machine, machine.start(record.interaction_id), record)
        if after is None:
            raise JournalError(
                f"{self._place}: record {record.seq}: {record.source} → {record.target} does not"
                " follow from the records before it",
                advice="the journal was changed, or a part of it is missing; move it away to begin"
                " another, and keep it: `hookflash journal verify` says more",
                path=self._place,
            )
        if record.rules is not None or after.rules is not None:
            final = machine.spec.states[after.state].final
            under = "" if recovered.rules is None else recovered.rules.digest
            rules = ruled(after.rules, record.event, record.rules, final=final, under=under)
            after = evolve(after, rules=rules)
        recovered.interactions[key] = after
        self._goes_on_under(key, record.spec_hash)
        recovered.records += 1
        recovered.last_at = max(recovered.last_at, record.event.at)
        recovered.untold.extend(notices_of(record))
        for effect in record.effects:
            if isinstance(effect, EndCommand | NoteForeign):
                recovered.ends.append((effect, record.interaction_id, NO_RATE))
        if record.rules is not None:
            self._remarks(record.rules, after, record.event.at)

    def _aside(self, aside: Aside) -> None:
        """Take up what concerns rules and is no part of a record."""
        recovered = self._recovered
        if isinstance(aside, RulesChange):
            if not (aside.digest and recovered.rules is not None and recovered.rules.digest):
                self._forget_rules()
            recovered.rules = aside
            return
        key = aside.interaction_id.lower()
        known = recovered.interactions.get(key)
        if known is None:
            return
        if isinstance(aside, RulesAsked):
            self._asked(aside, key, known)
        else:
            rules = carried_out(known.rules, aside.ids)
            recovered.interactions[key] = evolve(known, rules=rules)

    def _asked(self, asked: RulesAsked, key: str, known: Interaction[Any]) -> None:
        recovered = self._recovered
        recovered.last_at = max(recovered.last_at, asked.at)
        machine = self._machine(recovered.definitions.get(key, self._spec_hash))
        final = machine.spec.states[known.state].final
        under = "" if recovered.rules is None else recovered.rules.digest
        rules = ruled(known.rules, asked.about, asked.ruling, final=final, under=under)
        recovered.interactions[key] = known = evolve(known, rules=rules)
        self._remarks(asked.ruling, known, asked.at)

    def _remarks(self, ruling: Ruling, interaction: Interaction[Any], at: Instant) -> None:
        """Take up what the audit log is to have of a ruling."""
        for planned in ruling.actions:
            action = planned.action
            if isinstance(action, AnnotateAction):
                remark = Remark(at, planned.id, action.rule, action.remark, interaction.state)
                self._recovered.ends.append((remark, interaction.id, NO_RATE))


def _follow(
    machine: Machine[Any, Any], before: Interaction[Any], record: Record
) -> Interaction[Any] | None:
    """Return the interaction after the record; None where the record does not follow from it."""
    if before.state != record.source:
        return None
    after = machine.step(before, record.event).interaction
    return after if after.state == record.target else None
