"""Going on with what an earlier run left in the journal."""

import gc
from collections import deque
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import field, frozen

from hookflash.adapters.journal import SqliteJournal
from hookflash.engine.logs import get_logger
from hookflash.engine.migration import Kept, carry_over
from hookflash.engine.ports import AuditEntry, Clock
from hookflash.engine.recovery import Recovered, UntoldNotice, notices_of, recover
from hookflash.machines.codec import RecordCodec
from hookflash.machines.machine import Machine
from hookflash.machines.records import DefinitionChange, InteractionState

_log = get_logger("hookflash.resuming")

_NAMED_MAX = 20


@frozen
class Resumed:
    """What an earlier run left.

    Attributes:
        recovered: What the journal proves.
        kept: The open interactions, as they go on.
    """

    recovered: Recovered = field(factory=Recovered)
    kept: Sequence[Kept] = ()

    @property
    def untold(self) -> Sequence[UntoldNotice]:
        """The notices that monitors may not have been told, oldest first."""
        return self.recovered.untold

    def kept_of(self, only: Collection[str] | None) -> list[Kept]:
        """Return those of `kept` whose ids are among *only*; all for None."""
        wanted = None if only is None else {one.lower() for one in only}
        return [one for one in self.kept if wanted is None or one.interaction.id.lower() in wanted]

    def missing_in_audit(self, audited: Collection[str]) -> list[AuditEntry]:
        """Return what the audit log lacks; see `Recovered.missing_in_audit`."""
        return self.recovered.missing_in_audit(audited)


def resume(journal: SqliteJournal, machine: Machine[Any, Any], clock: Clock) -> Resumed:
    """Read what an earlier run left, and prepare journal and clock to go on with it.

    Args:
        journal: The open journal.
        machine: The machine that runs today.
        clock: The clock of this run; goes on after the last record.

    Raises:
        JournalError: The journal was changed or damaged, or open interactions of an earlier
            definition can neither be carried over nor finish.
        SpecError: A declared migration does not fit.
    """
    with _without_collection():
        header, entries = journal.recovery()
        recovered = recover(journal.definitions, header, entries, str(journal.path))
    before = [notice for record in journal.untold() for notice in notices_of(record)]
    recovered.untold = deque([*before, *recovered.untold], maxlen=recovered.untold.maxlen)
    recovered.drop_told()
    clock.continue_after(max(recovered.last_at, journal.last_at()))
    codec = RecordCodec(machine)
    today = machine.spec.digest
    change = DefinitionChange(clock.now(), today, machine.spec.text, codec.policy_fields())
    kept = carry_over(recovered, machine, journal.definitions, change)
    states = [_state(one, journal.next_seq - 1) for one in kept]
    if recovered.spec_hash == today:
        journal.adopt(states)
    else:
        journal.change_definition(change, states)
    if recovered.interactions:
        _log.info(
            "journal.recovered",
            records=recovered.records,
            open=len(kept),
            interactions=[one.interaction.id for one in kept[:_NAMED_MAX]],
        )
    return Resumed(recovered, kept)


@contextmanager
def _without_collection() -> Generator[None, None, None]:
    """Look for no garbage meanwhile.

    Of what is read everything stays, and looking through 100,000 interactions again and again
    would take a third of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _state(kept: Kept, seq: int) -> InteractionState:
    earlier = None if kept.machine is None else kept.machine.spec.digest
    return InteractionState(seq, kept.interaction, earlier)
