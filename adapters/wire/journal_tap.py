"""A journal that also writes commands and their outcomes into a wire recording.

What goes over the wire follows from what callers asked for, which never goes over it. The journal
sees both: the commands as the machine saw them, and how they ended.
"""

from collections.abc import Sequence
from typing import Any, final

import trio

from hookflash.adapters.wire.entries import CommandEnded, CommandGiven, ForeignChange
from hookflash.adapters.wire.placeholders import placeholder
from hookflash.adapters.wire.recorder import WireRecorder
from hookflash.adapters.wire.redaction import keep_uuid, keep_word
from hookflash.engine.ports import Journal
from hookflash.machines.effects import EndCommand, NoteForeign
from hookflash.machines.events import CommandAbandoned, HoldRequested, UnholdRequested
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Action, Interaction
from hookflash.machines.records import Aside, InteractionState, Record
from hookflash.machines.rules.facts import RULE_ACTOR

_GIVEN = (HoldRequested, UnholdRequested, CommandAbandoned)
_ENDED = (EndCommand, NoteForeign)


def actor_word(actor: str) -> str:
    """Return who acted, without a name: `caller`, `limit`, `rule` or `other`."""
    if actor in {"caller", "limit"}:
        return actor
    return "rule" if actor.startswith(RULE_ACTOR) else "other"


def entries_of(
    record: Record, now: Instant, reasons: frozenset[str]
) -> list[CommandGiven | CommandEnded | ForeignChange]:
    """Return what *record* says of commands and their outcomes, as wire recordings have it.

    Invalid commands are left out: nothing of them goes over the wire, and what was typed may be
    anything.
    """
    found: list[CommandGiven | CommandEnded | ForeignChange] = []
    event = record.event
    if isinstance(event, CommandAbandoned) and event.outcome == "invalid":
        return found
    interaction_id = keep_uuid(record.interaction_id)
    if isinstance(event, _GIVEN):
        found.append(_given(event, interaction_id, now, reasons))
    for effect in record.effects:
        if effect.__class__ is EndCommand:
            actor = actor_word(effect.actor)
            found.append(
                CommandEnded(
                    now,
                    effect.command_id,
                    effect.action,
                    interaction_id,
                    effect.outcome,
                    actor,
                    effect.state,
                )
            )
        elif effect.__class__ is NoteForeign:
            found.append(ForeignChange(now, effect.action, interaction_id, effect.state))
    return found


def _given(
    event: HoldRequested | UnholdRequested | CommandAbandoned,
    interaction_id: str,
    now: Instant,
    reasons: frozenset[str],
) -> CommandGiven:
    action: Action = "unhold"
    reason: str | None = None
    music: str | None = None
    prompt: str | None = None
    if isinstance(event, CommandAbandoned):
        action, reason = event.action, event.reason
    elif isinstance(event, HoldRequested):
        action, reason = "hold", event.reason
        music, prompt = placeholder(event.music), placeholder(event.prompt)
    return CommandGiven(
        now,
        event.correlation_id,
        action,
        interaction_id,
        event.requested_at,
        actor_word(event.actor),
        event.priority,
        None if reason is None else keep_word(reasons)(reason),
        music,
        prompt,
        isinstance(event, UnholdRequested) and event.force,
    )


@final
class TappedJournal:
    """A journal; see `hookflash.engine.ports.Journal` for what it promises.

    Args:
        journal: Where all goes.
        recorder: Gets what it says of commands.
        reasons: The hold reasons that are known words.
    """

    def __init__(
        self, journal: Journal, recorder: WireRecorder, reasons: tuple[str, ...] = ()
    ) -> None:
        self._journal = journal
        self._recorder = recorder
        self._reasons = frozenset(reasons)

    @property
    def next_seq(self) -> int:
        """The number that the next record gets."""
        return self._journal.next_seq

    @property
    def synced(self) -> bool:
        """Whether effects have to wait for `sync`."""
        return self._journal.synced

    def append(
        self,
        records: Sequence[Record],
        after: Sequence[Interaction[Any]],
        told_through: int | None = None,
        asides: Sequence[tuple[Aside, InteractionState | None]] = (),
    ) -> None:
        """Append to the journal; then write down what there is about commands.

        Raises:
            JournalError: As the journal says; nothing was written down then.
        """
        self._journal.append(records, after, told_through, asides)
        recorder = self._recorder
        if not recorder.recording:
            return
        for record in records:
            if record.event.__class__ in _GIVEN or any(
                effect.__class__ in _ENDED for effect in record.effects
            ):
                for entry in entries_of(record, recorder.now(), self._reasons):
                    recorder.note(entry)

    def forget(self, interaction_id: str) -> None:
        """Pass it on."""
        self._journal.forget(interaction_id)

    async def sync(self) -> None:
        """Pass it on."""
        await self._journal.sync()

    def sync_now(self) -> None:
        """Pass it on."""
        self._journal.sync_now()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Pass it on."""
        await self._journal.run(task_status=task_status)

    def close(self) -> None:
        """Pass it on; the recorder is closed by whoever opened it."""
        self._journal.close()
