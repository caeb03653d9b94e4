"""The newest tail file of a journal: the one that is appended to."""

import os
from pathlib import Path
from typing import final

from hookflash.adapters.journal.append_file import AppendFile
from hookflash.adapters.journal.disk import Disk
from hookflash.adapters.journal.locking import place_error
from hookflash.adapters.journal.prologue import Prologue, lines_of
from hookflash.adapters.journal.tails import DAY, Tail, day_of, tail_path
from hookflash.engine.logs import get_logger
from hookflash.machines.errors import JournalError
from hookflash.machines.instants import Instant
from hookflash.machines.records import DefinitionChange, PolicyChange

_log = get_logger("hookflash.journal")

_NEVER = 2**63


@final
class TailWriter:
    """Appends lines, and begins a new file where one is full or a UTC day ends.

    A turn of the engine is never split: a few records of the first moments of a day may stand in
    the file of the day before.

    Args:
        journal: The journal.
        position: The position of the next line.
        next_seq: The number of the next record.
        prologue: What counts there.
        records_max: Records in one file.
        bytes_max: Bytes in one file.
        disk: Where the files are.

    Attributes:
        file: The file.
        position: The position of the next line.
        next_seq: The number of the next record.
        prologue: What counts there.
        told: Up to which record monitors were told, as this file says; None where it says nothing.

    Raises:
        JournalError: No file can be made.
    """

    def __init__(
        self,
        journal: Path,
        position: int,
        next_seq: int,
        prologue: Prologue,
        *,
        records_max: int,
        bytes_max: int,
        disk: Disk,
    ) -> None:
        self.position = position
        self.next_seq = next_seq
        self.prologue = prologue
        self._journal = journal
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._disk = disk
        self._take(self._begin(tail_path(journal, position)))

    def _begin(self, path: Path) -> AppendFile:
        file = AppendFile.begin(path, disk=self._disk)
        try:
            file.append(self._header())
        except JournalError:
            file.close()
            self._remove(path)
            raise
        return file

    def _header(self) -> bytes:
        # The definition that counts is all that the lines of one file need.
        return lines_of(self.prologue.without_unused(()).text(self.next_seq))[0]

    def _take(self, file: AppendFile) -> None:
        self.file = file
        self._first_position = self.position
        self._first_seq = self.next_seq
        self.told: int | None = None
        self._seq_full = self.next_seq + self._records_max
        self._bytes_full = self._bytes_max
        self._day: int | None = None
        self._day_ends = 0

    def is_full(self, at: Instant) -> bool:
        """Tell whether a record of the instant *at* is to stand in another file."""
        if at >= self._day_ends:
            if self._day is not None:
                return True
            self._begin_day(at)
        return self.next_seq >= self._seq_full or self.file.size >= self._bytes_full

    def is_too_large(self) -> bool:
        """Tell whether lines that are no records are to stand in another file."""
        return self.file.size >= self._bytes_full

    def _begin_day(self, at: Instant) -> None:
        self._day = day_of(at)
        self._day_ends = (self._day + 1) * DAY

    def append(self, data: bytes, lines: int, records: int) -> None:
        """Append *data*, which has that many lines and, among them, records.

        Raises:
            JournalError: It could not be written; the file is as it was before.
        """
        self.file.append(data)
        self.position += lines
        self.next_seq += records

    def note(self, change: PolicyChange, data: bytes, lines: int) -> None:
        """Append the lines of *change*.

        Raises:
            JournalError: As `append`.
        """
        self.append(data, lines, 0)
        self.prologue = self.prologue.after(change)

    @property
    def lines(self) -> int:
        """How many lines the file has after its header."""
        return self.position - self._first_position

    def finished(self) -> Tail:
        """Return the file as it is, as one that is appended to no longer."""
        return Tail(
            self.file.path,
            self._first_position,
            self.lines,
            self.file.size,
            self._day,
            self._first_seq,
            self.next_seq,
            self.prologue,
            self.told,
        )

    def roll(self, at: Instant | None) -> Tail:
        """Begin a new file, and return the one before; it stays open.

        Args:
            at: The instant of its first record; None where that is not known.

        Raises:
            JournalError: No file can be made; the old one goes on.
        """
        tail = self.finished()
        self._take(self._begin(tail_path(self._journal, self.position)))
        if at is not None:
            self._begin_day(at)
        return tail

    def roll_later(self, records: int) -> None:
        """Go on with the file for so many more records."""
        self._seq_full = self.next_seq + records
        self._bytes_full = _NEVER
        self._day_ends = _NEVER

    def change_definition(self, change: DefinitionChange, lines: list[bytes]) -> None:
        """Put *lines*, of which *change* is the first, into the file, which has none: all or none.

        Raises:
            JournalError: They could not be written.
        """
        unfinished = self._journal.with_name(self._journal.name + ".new")
        self._remove(unfinished)
        file = AppendFile.begin(unfinished, disk=self._disk)
        try:
            file.append(b"".join((self._header(), *lines)))
            file.sync()
            self._disk.replace(unfinished, self.file.path)
            self._disk.sync_folder(self._journal.parent)
        except (OSError, JournalError) as error:
            file.close()
            self._remove(unfinished)
            if isinstance(error, JournalError):
                raise
            raise place_error(self._journal, f"cannot be written: {error.strerror}") from error
        file.path = self.file.path
        self.file = file
        self.position += len(lines)
        self.prologue = self.prologue.after(change)

    def discard(self) -> None:
        """Close and remove the file: nothing is in it."""
        self.file.close()
        self._remove(self.file.path)

    def _remove(self, path: Path) -> None:
        try:
            self._disk.remove(path)
        except OSError as error:
            _log.warning("journal.file_left", path=str(path), reason=os.strerror(error.errno or 0))
