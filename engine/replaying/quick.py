"""The short cut for records that come out as recorded: parsed, checked, stepped and compared.

It takes nothing for equal that `Follower.follow` does not. Where anything is out of the ordinary,
it stops, lets interactions stand as they did before that line, and leaves it to `Follower.follow`.
"""

from collections.abc import Sequence
from typing import Any, Final, final
from zlib import crc32

from hookflash.engine.replaying.differing import ran, timers_of
from hookflash.engine.replaying.known import GONE_MAX, Known, KnownInteractions
from hookflash.engine.replaying.stepping_by import Stepper
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction

_KEYS: Final = 8
"""Keys of a record that begins no interaction and has its checksum."""

_NEWLINE: Final = 10
_SUM_BYTES: Final = len(b',"sum":"00000000"}\n')
_EARLIER: Final = 1 - GONE_MAX

_Taken = tuple[
    Known, Interaction[Any], Known | None, tuple[Any, ...], int, tuple[Any, ...], Instant
]
"""A record that was stepped: its interaction, how it stood before and what had its place, its gone
timers and its last record then, 0 for one that begins here; the effects, and when."""


@final
class Quick:
    """Takes records of one definition and policy, the recording's own, without rules.

    Args:
        stepper: The machines, which are the same.
        known: The interactions, as they stand.
    """

    def __init__(self, stepper: Stepper, known: KnownInteractions) -> None:
        machine = stepper.tried
        by_class = timers_of(machine)
        events = machine.implementation.events
        self._machine = machine
        self._readers = {
            tag: (reader, by_class.get(events[tag], ""))
            for tag, reader in stepper.codec.event_readers.items()
        }
        self._comparers = stepper.comparers
        self._known = known

    def take(self, lines: Sequence[bytes], raws: Sequence[Any], position: int) -> int:
        """Take records from *position* on, as long as they come out as recorded.

        It is done in three rounds, each for all of them, because a processor is faster at one thing
        at a time: a fifth of the whole.

        Args:
            lines: The lines.
            raws: What they are as JSON; None for what is none.
            position: Which is the first.

        Returns:
            The position of the first line that it leaves alone.
        """
        if position:
            lines, raws = lines[position:], raws[position:]
        events = self._events(lines, raws)
        return position + self._steps(raws, events)

    def _events(self, lines: Sequence[bytes], raws: Sequence[Any]) -> list[tuple[Any, str]]:
        """Look at checksums, and make events: of as many as can be."""
        readers, found = self._readers, list[tuple[Any, str]]()
        add = found.append
        try:
            for line, raw in zip(lines, raws, strict=True):
                if raw["sum"] != f"{crc32(line[:-_SUM_BYTES]):08x}" or line[-1] != _NEWLINE:
                    break
                fields = raw["event"]
                read, timer = readers[fields["type"]]
                add((read(fields, raw["at"]), timer))
        except Exception:  # noqa: BLE001 - whatever a line may hold; it is looked at again
            return found
        return found

    def _steps(  # noqa: C901, PLR0911, PLR0912 - one loop without calls: it runs for every record
        self, raws: Sequence[Any], events: list[tuple[Any, str]]
    ) -> int:
        """Step as many as come out as recorded, and return how many these are."""
        known, step, start = self._known.by_key.get, self._machine.step, self._machine.start
        begin, comparers, plain, beginning = self._known.begin, self._comparers, _KEYS, _KEYS + 1
        index = 0
        try:
            for event, timer in events:
                raw = raws[index]
                interaction_id = raw["interaction"]
                one = known(interaction_id) or known(interaction_id.lower())
                size = len(raw)
                if size == plain:
                    if one is None or one.own is not None:
                        return index
                    before = one.interaction
                elif size == beginning and raw.get("begins") is True:
                    one, before = None, start(interaction_id)
                else:
                    return index
                timers = before.timers
                if before.state != raw["from"] or (
                    timer and not ran(timers, timer, event.owner, event.at)
                ):
                    return index
                made = step(before, event)
                after = made.interaction
                effects, recorded = made.effects, raw["effects"]
                if after.state != raw["to"] or len(effects) != len(recorded):
                    return index
                if effects:
                    at, at_text = event.at, raw["at"]
                    for effect, written in zip(effects, recorded):  # noqa: B905 - as long
                        if not comparers[effect.__class__](written, effect, at, at_text):
                            return index
                if one is None:
                    begin(Known(after, raw["seq"]))
                else:
                    if timers and after.timers is not timers:
                        one.gone = (*one.gone[_EARLIER:], timers)
                    one.interaction = after
                    one.seq = raw["seq"]
                index += 1
        except Exception:  # noqa: BLE001 - whatever a line may hold; it is looked at again
            return index
        return index
