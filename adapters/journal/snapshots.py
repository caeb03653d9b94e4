"""Which interactions have changed since the snapshot, and the lines that say how they stand now."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, final

from hookflash.adapters.journal.database import States
from hookflash.machines.codec import RecordCodec
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import InteractionState, Record

SLICE: Final = 32
"""How many interactions are written as lines before other tasks run: a third of a millisecond."""

_Standing = tuple[int, Interaction[Any], str | None]
"""The number of its last record, how it stands, and the definition that it names."""


@final
class Changes:
    """The interactions that changed in a part of the journal; None for those that are forgotten.

    By id in lower case: a UUID is the same in upper case.

    Args:
        anew: Whether all that the snapshot held before counts no longer.
    """

    def __init__(self, *, anew: bool = False) -> None:
        self.anew = anew
        self._by_id: dict[str, _Standing | None] = {}

    def __bool__(self) -> bool:
        return self.anew or bool(self._by_id)

    def take(self, records: Sequence[Record], after: Sequence[Interaction[Any]]) -> None:
        """Take up how interactions stand after *records*."""
        by_id = self._by_id
        for record, one in zip(records, after, strict=True):
            by_id[one.id.lower()] = record.seq, one, record.spec_hash

    def put(self, state: InteractionState) -> None:
        """Take up how one interaction stands."""
        self._by_id[state.interaction.id.lower()] = state.seq, state.interaction, state.spec_hash

    def forget(self, interaction_id: str) -> None:
        """Take up that an interaction is known no longer."""
        self._by_id[interaction_id.lower()] = None

    def written(self, codec: RecordCodec[Any]) -> Iterator[States | None]:
        """Write the lines, a slice at a time.

        Yields:
            None after each slice, and at the end what is to be put into the snapshot.

        Raises:
            MalformedRecord: An interaction cannot be written.
        """
        put: dict[str, bytes] = {}
        forgotten: list[str] = []
        for number, (interaction_id, standing) in enumerate(list(self._by_id.items()), start=1):
            if standing is None:
                forgotten.append(interaction_id)
            else:
                put[interaction_id] = codec.encode_state(InteractionState(*standing))
            if number % SLICE == 0:
                yield None
        yield States(put, forgotten, anew=self.anew)


def changes_of(states: Iterable[InteractionState], *, anew: bool) -> Changes:
    """Return *states* as changes."""
    changes = Changes(anew=anew)
    for state in states:
        changes.put(state)
    return changes
