"""What recovery reads of a journal: the snapshot, and what came after it."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, final

import attrs

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.prologue import read_prologue
from hookflash.adapters.journal.reading import JournalReader, Line
from hookflash.adapters.journal.recording import entries_of
from hookflash.adapters.journal.snapshots import Changes
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import JournalError, MalformedRecord
from hookflash.machines.headers import decode_header
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.lines import RECORD, kind_of, parse_line
from hookflash.machines.machine import Machine
from hookflash.machines.records import (
    ActionsDone,
    Entry,
    Header,
    InteractionState,
    Record,
    RulesAsked,
)
from hookflash.machines.rule_lines import RULES_KIND

_log = get_logger("hookflash.journal")

_DATED: Final = frozenset({RECORD, RULES_KIND})

UNTOLD_MAX: Final = 10_000
"""How many records before the snapshot are looked at for what monitors were not told."""


@final
class RecoveryInput:
    """One pass through what recovery needs; `close` it.

    Args:
        path: The journal, which nobody writes to meanwhile.
        machine: The machine of today.

    Attributes:
        header: What counted at the beginning.
        definitions: The definitions that were read so far, and the machines of them.
        from_records: Whether the snapshot was damaged, and everything is read from the beginning.
        standing: The interactions that were read so far: the number of the last record for those
            of which there is one after the snapshot, None for the others.

    Raises:
        JournalError: It was damaged.
    """

    def __init__(self, path: Path, machine: Machine[Any, Any]) -> None:
        self._path = path
        self.from_records = False
        self.standing: dict[str, int | None] = {}
        # The interactions that have something of rules in the snapshot, with their last record.
        self._ruled: dict[str, int] = {}
        with self._explained():
            self._reader = JournalReader(path)
            try:
                self._snapshot = self._reader.contents().snapshot
                self._lines = self._begin()
                place, line = next(self._lines)
                self.header: Header = decode_header(line, place)
            except BaseException:
                self._reader.close()
                raise
        self.definitions = Definitions(self.header, machine, str(path))

    def _begin(self) -> Iterator[Line]:
        lines = self._reader.from_snapshot()
        try:
            first = next(lines)
        except MalformedRecord as error:
            _log.warning("journal.snapshot_damaged", path=str(self._path), reason=error.message)
            self.from_records = True
            yield from self._reader.from_beginning()
            return
        yield first
        yield from lines

    def entries(self) -> Iterator[Entry]:
        """Yield what follows the header; may be called once.

        Raises:
            JournalError: It was damaged.
            SpecError: A definition that it names cannot be run.
        """
        in_snapshot = 0 if self.from_records else self._snapshot.rows
        last_seq = self.header.first_seq - 1
        with self._explained():
            for entry in entries_of(self._lines, self.header, self.definitions):
                if isinstance(entry, Record):
                    self.standing[entry.interaction_id.lower()] = last_seq = entry.seq
                elif isinstance(entry, RulesAsked | ActionsDone):
                    self.standing[entry.interaction_id.lower()] = last_seq
                elif isinstance(entry, InteractionState):
                    key = entry.interaction.id.lower()
                    self.standing[key] = None if in_snapshot else entry.seq
                    if in_snapshot and entry.interaction.rules is not None:
                        self._ruled[key] = entry.seq
                    in_snapshot = max(0, in_snapshot - 1)
                yield entry

    def untold(self) -> list[Record]:
        """Return records before the snapshot that monitors were perhaps not told about.

        To be called after `entries` were taken, which name the definitions; also after `close`.

        Raises:
            JournalError: They were damaged.
            SpecError: A definition that they name cannot be run.
        """
        if self.from_records:
            return []
        lines: list[Line] = []
        snapshot = self._snapshot
        with self._explained(), closing(JournalReader(self._path)) as reader:
            for block in reader.backwards_from(snapshot.through):
                found = [line for line in block if kind_of(line) == RECORD]
                lines = [(f"{self._path}: before the snapshot", line) for line in found] + lines
                if len(lines) >= UNTOLD_MAX or (found and _seq_of(found[0]) <= snapshot.told + 1):
                    break
            lines = [line for line in lines[-UNTOLD_MAX:] if _seq_of(line[1]) > snapshot.told]
            if not lines:
                return []
            counting = read_prologue(snapshot.header, str(self._path)).spec_hash
            header = attrs.evolve(self.header, spec_hash=counting, first_seq=_seq_of(lines[0][1]))
            entries = entries_of(lines, header, self.definitions)
            return [entry for entry in entries if isinstance(entry, Record)]

    def last_at(self) -> Instant:
        """Return the latest instant of the last records up to the snapshot; 0 where there is none.

        Raises:
            JournalError: They were damaged.
        """
        with self._explained():
            for block in self._reader.backwards_from(self._snapshot.through):
                instants = [_at_of(line) for line in block if kind_of(line) in _DATED]
                if instants:
                    return max(instants)
        return Instant(0)

    @contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except MalformedRecord as error:
            raise JournalError(
                error.message,
                advice=error.advice or f"`hookflash journal verify {self._path}` says more",
                path=str(self._path),
            ) from error

    def adopted(self, states: Iterable[InteractionState]) -> Changes:
        """Return what has changed since the snapshot, where the engine goes on with *states*.

        Args:
            states: How interactions stand. All others that were read are known no longer.
        """
        changes = Changes(anew=self.from_records)
        gone, ruled = self.standing, self._ruled
        self.standing, self._ruled = {}, {}
        for state in states:
            key = state.interaction.id.lower()
            seq = gone.pop(key, state.seq)
            if seq is None and state.interaction.rules is None:
                # No rules counted meanwhile: what the snapshot has of them must not come back
                # when others count.
                seq = ruled.get(key)
            if seq is not None:
                changes.put(attrs.evolve(state, seq=seq))
            elif self.from_records:
                changes.put(state)
        for interaction_id in gone:
            changes.forget(interaction_id)
        self.close()
        return changes

    def close(self) -> None:
        """Close it; a second call does nothing."""
        self._reader.close()


def _at_of(line: bytes) -> Instant:
    return from_text(parse_line(line)["at"])


def _seq_of(line: bytes) -> int:
    return int(parse_line(line)["seq"])


class Resumable:
    """What an earlier run left in a journal: the part of `SqliteJournal` that a start asks.

    Args:
        path: The journal.
        machine: The machine of today.
    """

    def __init__(self, path: Path, machine: Machine[Any, Any]) -> None:
        self.path = path
        self._machine = machine
        self._input: RecoveryInput | None = None

    @property
    def header(self) -> Header:
        """What counted at the beginning of what `recovery` reads.

        Raises:
            JournalError: As `recovery`.
        """
        return self._recovery_input().header

    @property
    def definitions(self) -> Definitions:
        """The definitions that the entries of `recovery` name, as far as they were read.

        Raises:
            JournalError: As `recovery`.
        """
        return self._recovery_input().definitions

    def recovery(self) -> tuple[Header, Iterator[Entry]]:
        """Read what an earlier run left: how interactions stood at the snapshot, and what followed.

        To be called once, before the first `append`. A damaged snapshot is passed over, and
        everything is read from the beginning instead; the log says so.

        Returns:
            What counted at the beginning, and the entries, read as they are taken.

        Raises:
            JournalError: Something was damaged or is missing; also while entries are taken.
        """
        found = self._recovery_input()
        return found.header, found.entries()

    def untold(self) -> list[Record]:
        """Return the records before the snapshot of which monitors may not have been told.

        `recovery` passes them over: their interactions stand in the snapshot. The latest ones, if
        there are more than `UNTOLD_MAX`; empty for a journal that was closed in peace.

        Raises:
            JournalError: As `recovery`.
        """
        return self._recovery_input().untold()

    def last_at(self) -> Instant:
        """Return when the last record up to the snapshot was made; 0 where there is none.

        Raises:
            JournalError: As `recovery`.
        """
        return self._recovery_input().last_at()

    def _recovery_input(self) -> RecoveryInput:
        if self._input is None:
            self._input = RecoveryInput(self.path, self._machine)
        return self._input

    def _close_input(self) -> None:
        if self._input is not None:
            self._input.close()
