"""The journal: an append-only tail in front of an SQLite database.

`append` writes one batch of lines to the newest tail file, and nothing else: that is what an engine
can afford before each effect. In the background tails are put into the database, together with a
snapshot of the interactions, so that a start reads what came after it only. A journal that was
closed in peace is the database alone.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, final

import trio

from hookflash.adapters.journal.append_file import BYTES_MAX
from hookflash.adapters.journal.disk import REAL_DISK, Disk
from hookflash.adapters.journal.keeper import Keeper
from hookflash.adapters.journal.limits import Limits, Retention, Traces
from hookflash.adapters.journal.locking import followed, place_error
from hookflash.adapters.journal.opening import Opened, open_locked
from hookflash.adapters.journal.prologue import Prologue
from hookflash.adapters.journal.recovering import Resumable
from hookflash.adapters.journal.snapshots import Changes, changes_of
from hookflash.adapters.journal.syncing import InThread, OneThread, Syncing
from hookflash.adapters.journal.tail_writer import TailWriter
from hookflash.adapters.journal.tails import Tail
from hookflash.engine.logs import get_logger
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError
from hookflash.machines.headers import (
    encode_definition_change,
    encode_policy_change,
    encode_told,
)
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import (
    Aside,
    DefinitionChange,
    InteractionState,
    PolicyChange,
    Record,
    RulesChange,
    Told,
)
from hookflash.machines.rule_lines import encode_aside

_log = get_logger("hookflash.journal")

SEGMENT_RECORDS: Final = 20_000
"""Records in a tail file before the next one is begun: a second of full load, a tenth of a second
of putting away, and half a second of recovery."""

SEGMENT_BYTES: Final = 16 * 2**20
"""Bytes in a tail file, likewise."""

_TRY_AGAIN: Final = 1_000
"""Records until a new tail file is tried again, where it could not be made."""


@final
class SqliteJournal(Resumable):
    """A journal at a path; `open` it, and `close` it.

    All calls but `run` and `sync` are synchronous, and none is for several threads.

    Args:
        opened: The journal.
        codec: Writes its lines.
        limits: What it is opened with.
        now: Tells the time.
        disk: Where it is.
        in_thread: Calls what blocks; None takes a thread for syncing and one for the rest.

    Attributes:
        path: Its database. Beside it stand its tail files, its lock, and what crashes tore.
        synced: Whether effects have to wait for `sync`.
    """

    def __init__(
        self,
        opened: Opened,
        codec: RecordCodec[Any],
        limits: Limits,
        *,
        now: Callable[[], Instant],
        disk: Disk = REAL_DISK,
        in_thread: InThread | None = None,
    ) -> None:
        super().__init__(opened.database.path, codec.machine)
        self.synced = limits.synced
        self._opened = opened
        self._codec = codec
        self._encode = codec.encode
        self._limits = limits
        self._now = now
        self._closed = False
        self._tail = TailWriter(
            self.path,
            opened.position,
            opened.next_seq,
            opened.prologue,
            records_max=limits.segment_records,
            bytes_max=SEGMENT_BYTES,
            disk=disk,
        )
        self._syncing = Syncing(
            self._tail.file,
            lambda: self._tail.position,
            strict=limits.synced,
            in_thread=in_thread or OneThread(),
            disk=disk,
        )
        self._keeper = Keeper(
            opened.database,
            codec,
            limits.retention,
            now=now,
            is_away=self._syncing.put_away,
            in_thread=in_thread or OneThread(),
            disk=disk,
        )
        for left in opened.tails:
            self._keeper.hand_over(left, None)
        # In a new journal there is nothing that only recovery could tell.
        is_new = opened.position == 1 and opened.next_seq == 1
        self._changes = Changes() if is_new else None
        self._bytes_max = -1 if self._is_foreign else limits.retention.bytes_max

    @classmethod
    def open(
        cls,
        path: str | Path,
        machine: Machine[Any, Any],
        *,
        gateway: str,
        now: Callable[[], Instant],
        bytes_max: int = BYTES_MAX,
        synced: bool = False,
        segment_records: int = SEGMENT_RECORDS,
        keep_days: int | None = None,
        recordings: Path | None = None,
        keep_traces_days: int | None = 400,
        lasting: bool = True,
        disk: Disk = REAL_DISK,
        in_thread: InThread | None = None,
    ) -> "SqliteJournal":
        """Open the journal at *path* to go on with it, or begin one there.

        What a crash tore from its end is cut aside into `PATH.torn`. Where the machine's policy is
        not the one that the journal was last written under, a line says so. Where its definition is
        another one, `change_definition` has to come before the first record.

        After that: `recovery` tells what the journal proves, and `adopt` takes up with which
        interactions the engine goes on.

        Args:
            path: The file. Its folder must exist.
            machine: The machine whose steps are recorded.
            gateway: Host and port of the gateway: a journal belongs to one.
            now: Tells the time, for headers and for what is old.
            bytes_max: Size of all of it beyond which nothing is appended.
            synced: Whether effects have to wait for `sync`.
            segment_records: Records in a tail file before the next one is begun.
            keep_days: Whole UTC days before today that are kept in the database; older ones are put
                into recordings. None keeps all.
            recordings: The folder for these; None takes `recordings` beside the journal.
            keep_traces_days: How long what rules did in older days stays in the database; None for
                ever.
            lasting: Whether it is to be the database alone after `close`. False for one that is
                thrown away then.
            disk: Where it is.
            in_thread: Calls what blocks; None takes a thread for syncing and one for the rest.

        Raises:
            JournalError: Another process has it open (named by its id); it belongs to another
                gateway or machine; it was damaged, and how to go on; or it cannot be opened or
                written.
        """
        path = followed(path)
        codec = RecordCodec(machine)
        folder = recordings or path.parent / "recordings"
        retention = Retention(bytes_max, keep_days, folder, Traces(keep_traces_days))
        limits = Limits(retention, segment_records, synced=synced, lasting=lasting)
        fresh = Prologue(codec.new_header(gateway, now()))
        opened = open_locked(path, fresh, sync=synced and lasting, disk=disk)
        try:
            journal = cls(opened, codec, limits, now=now, disk=disk, in_thread=in_thread)
        except BaseException:
            opened.close()
            raise
        try:
            journal._note_policy()
        except BaseException:
            journal.close()
            raise
        return journal

    def _note_policy(self) -> None:
        fields = self._codec.policy_fields()
        if not self._is_foreign and self._tail.prologue.policy != fields:
            change = PolicyChange(self._now(), fields)
            self._tail.note(change, encode_policy_change(change), 1)
            _log.info("journal.policy_changed", path=str(self.path))

    @property
    def _is_foreign(self) -> bool:
        return self._tail.prologue.spec_hash != self._codec.machine.spec.digest

    # --- what the journal proves ------------------------------------------------------------------

    def adopt(self, states: Iterable[InteractionState]) -> None:
        """Take up with which interactions the engine goes on, after `recovery`.

        What else the journal speaks of is not known any more: a record that `begins` it comes
        first. Without this call the snapshot stays where it is, and the next start reads more.

        Args:
            states: How they stand; the `seq` of one that has no record after the snapshot does not
                matter.
        """
        if self._input is None and self._changes is not None:
            return  # a new journal, of which nobody read anything
        changes = self._recovery_input().adopted(states)
        self._changes = Changes() if self._keeper.adopt(changes) else changes

    def change_definition(
        self, change: DefinitionChange, states: Sequence[InteractionState]
    ) -> None:
        """Write down that another definition counts from here on, and what it made of interactions.

        In place of `adopt`, after `recovery` and before the first `append`. All of it is in the
        journal when this returns, or nothing; it survives a loss of power.

        Args:
            change: The definition, which is that of the machine, and its policy.
            states: How the interactions stand with which the engine goes on.

        Raises:
            JournalError: It could not be written; the journal is as it was before.
        """
        if self._tail.lines:
            self._roll()
        lines = [encode_definition_change(change), *map(self._codec.encode_state, states)]
        prologue = self._tail.prologue
        self._tail.change_definition(change, lines)
        self._syncing.replace(self._tail.file)
        used = {one.spec_hash for one in states if one.spec_hash is not None}
        self._tail.prologue = prologue.after(change).without_unused(used)
        self._changes = changes_of(states, anew=True)
        self._bytes_max = self._limits.retention.bytes_max
        self._roll()

    def before_putting_away(self, call: Callable[[], None]) -> None:
        """Have *call* called in the thread before a part is put away and the snapshot moves on.

        What is derived from records has to be on the disk before a recovery passes them over.
        Where *call* raises a `JournalError`, the part stays and is tried again.
        """
        self._keeper.before_putting_away(call)

    # --- the port ---------------------------------------------------------------------------------

    @property
    def next_seq(self) -> int:
        """The number that the next record gets."""
        return self._tail.next_seq

    def append(
        self,
        records: Sequence[Record],
        after: Sequence[Interaction[Any]],
        told_through: int | None = None,
        asides: Sequence[tuple[Aside, InteractionState | None]] = (),
    ) -> None:
        """Append *asides* and *records* in one write; then they survive the end of the process.

        Raises:
            JournalError: They could not be written; the journal is as it was before.
            MalformedRecord: One of them cannot be written as a line; none was.
        """
        tail = self._tail
        lines = list(map(self._encode, records))
        if asides:
            lines[:0] = [encode_aside(aside) for aside, _ in asides]
        if told_through is not None:
            lines.insert(0, encode_told(Told(told_through)))
        if not lines:
            return
        self._make_room(records)
        data = lines[0] if len(lines) == 1 else b"".join(lines)
        if self._keeper.bytes + tail.file.size + len(data) > self._bytes_max:
            raise self._refusal(tail.file.size)
        tail.append(data, len(lines), len(records))
        if told_through is not None:
            tail.told = told_through
        for aside, state in asides:
            if isinstance(aside, RulesChange):
                tail.prologue = tail.prologue.after(aside)
            elif state is not None and self._changes is not None:
                self._changes.put(state)
        if self._changes is not None:
            self._changes.take(records, after)

    def _make_room(self, records: Sequence[Record]) -> None:
        """See that *records* follow on the last one, and begin a new tail where one is due."""
        tail = self._tail
        if records:
            first, last = records[0], records[-1]
            if first.seq != tail.next_seq or last.seq != first.seq + len(records) - 1:
                raise place_error(
                    self.path,
                    f"records {first.seq} to {last.seq} do not follow {tail.next_seq - 1}",
                )
            if tail.is_full(first.event.at):
                self._roll(first.event.at)
        elif tail.is_too_large():
            self._roll()

    def _refusal(self, size: int) -> JournalError:
        if self._closed:
            return place_error(self.path, "is closed")
        if self._is_foreign:
            return place_error(self.path, "is of another definition, and no change of it is noted")
        return place_error(
            self.path,
            f"has {self._keeper.bytes + size} bytes and may have"
            f" {self._limits.retention.bytes_max} at most",
            advice="raise [journal] max_bytes, or set [journal] keep_days",
        )

    def forget(self, interaction_id: str) -> None:
        """Take up that the engine knows this interaction no longer: the next record begins it."""
        if self._changes is not None:
            self._changes.forget(interaction_id)

    async def sync(self) -> None:
        """Wait until all that was appended is on the disk; many appends share one wait.

        Cancellation: what was appended may or may not be on the disk.

        Raises:
            JournalError: The disk reports an error; none of the waiting effects may leave.
        """
        await self._syncing.wait()

    def sync_now(self) -> None:
        """As `sync`, but block: for the end of the program."""
        self._syncing.now()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep house until cancelled: put tails away, bring the snapshot forward, retire old days.

        What fails is logged and tried again with the next tail; nothing is lost by it.

        Cancellation: what is under way in the thread ends first.
        """
        task_status.started()
        await self._keeper.run()

    def _roll(self, at: Instant | None = None) -> None:
        """Begin a new tail file, and have the one before put away."""
        try:
            tail = self._tail.roll(at)
        except JournalError as error:
            _log.warning("journal.tail_goes_on", reason=str(error))
            self._tail.roll_later(_TRY_AGAIN)
            return
        self._hand_over(tail)
        self._syncing.begin(self._tail.file)

    def _hand_over(self, tail: Tail) -> None:
        self._keeper.hand_over(tail, self._changes)
        if self._changes is not None:
            self._changes = Changes()

    def close(self) -> None:
        """Put all away into the database, and close it; a second call does nothing.

        Blocks, for a tenth of a second as a rule. Where putting away fails the tail files stay, and
        the next run puts them away.
        """
        if self._closed:
            return
        self._closed = True
        self._bytes_max = -1
        self._close_input()
        try:
            if self._limits.lasting:
                if self._tail.lines:
                    self._hand_over(self._tail.finished())
                else:
                    self._tail.discard()
                self._keeper.finish(self._changes)
        finally:
            self._syncing.close()
            self._opened.close()
