"""The interactions that a replay follows, in bounded memory.

A recording may speak of millions of interactions, and of any of them again at any time. Those that
nothing has happened to for longest are put aside where there is room (`Aside`), and are fetched
when they come again: nothing is forgotten, and nothing is guessed.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol, final

from attrs import define

from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.rules.memory import RuleMemory

IN_MEMORY_MAX: Final = 16_384
"""Interactions that are kept in memory: some 30 MB."""

_PUT_ASIDE: Final = IN_MEMORY_MAX // 4
"""How many are put aside at a time: sorting them out costs less than fetching one."""

GONE_MAX: Final = 3
"""How many earlier sets of timers are remembered: a timer that was stopped while its event waited
in the mailbox fires all the same."""


@define(eq=False)
class Known:
    """An interaction that is followed.

    Attributes:
        interaction: How it stands, by the machine that it is tried under.
        seq: The number of its last record.
        own: How it stands by the recording's own machine, where it is tried under another one and
            that makes a difference; None for the same.
        gone: The sets of timers that ran before the present one, the oldest first.
        org: Its organisation as the last lookup gave it, for its rules; None while not known.
        whole: Whether it is known from its beginning; of others earlier timers are not known.
        doubted: The record after which it is not sure any more how it stands; 0 for none.
        memory: What rules that are tried remember of it; None for nothing yet.
        fired: What timers of such rules did that is not found in the recording yet: the rule, what
            it did, and when.
    """

    interaction: Interaction[Any]
    seq: int = 0
    own: Interaction[Any] | None = None
    gone: tuple[tuple[Timer, ...], ...] = ()
    org: str | None = None
    whole: bool = True
    doubted: int = 0
    memory: RuleMemory | None = None
    fired: tuple[tuple[str, tuple[str, ...], int], ...] = ()


class Aside(Protocol):
    """Where interactions are put that nothing has happened to for long."""

    def put(self, interactions: Iterable[tuple[str, Known]]) -> None:
        """Put interactions aside, by their keys, in place of those that have the same."""
        ...

    def fetch(self, key: str) -> Known | None:
        """Return an interaction; None where it was not put aside."""
        ...

    def all(self) -> Iterator[tuple[str, Known]]:
        """Yield all that were put aside, with their keys, as they were when they were."""
        ...


@final
class KnownInteractions:
    """All interactions that are followed.

    Args:
        aside: Where those are put for which there is no room; None keeps all.
        in_memory_max: How many are kept in memory.

    Attributes:
        by_key: Those in memory, by id in lower case: a UUID is the same in upper case.
        count: How many there are in all, as far as that was counted: those that begin anew count
            once more.
    """

    def __init__(self, aside: Aside | None = None, in_memory_max: int = IN_MEMORY_MAX) -> None:
        self._aside = aside
        self._max = in_memory_max
        self._any_aside = False
        self.by_key: dict[str, Known] = {}
        self.count = 0

    def get(self, interaction_id: str) -> Known | None:
        """Return the interaction; None where it is not known."""
        key = interaction_id.lower()
        known = self.by_key.get(key)
        if known is None and self._any_aside and self._aside is not None:
            known = self._aside.fetch(key)
            if known is not None:
                self.by_key[key] = known
        return known

    def begin(self, known: Known) -> Known:
        """Take up an interaction in place of what was known of it."""
        self.count += 1
        self.by_key[known.interaction.id.lower()] = known
        return known

    def make_room(self) -> None:
        """Put aside those that nothing has happened to for longest, if there are too many."""
        if len(self.by_key) <= self._max or self._aside is None:
            return
        oldest = sorted(self.by_key.items(), key=lambda item: item[1].seq)[:_PUT_ASIDE]
        self._aside.put(oldest)
        self._any_aside = True
        for key, _ in oldest:
            del self.by_key[key]

    def forget_all(self) -> None:
        """Forget all: another recording begins that has nothing to do with this one."""
        self.by_key.clear()
        self._any_aside = False

    def __iter__(self) -> Iterator[Known]:
        """Yield those in memory."""
        return iter(self.by_key.values())

    def all(self) -> Iterator[Known]:
        """Yield all, those first that were put aside."""
        if self._any_aside and self._aside is not None:
            yield from (known for key, known in self._aside.all() if key not in self.by_key)
        yield from self.by_key.values()
