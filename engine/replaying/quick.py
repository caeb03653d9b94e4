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
        self._machine = machine
        self._timers = timers_of(machine)
        self._readers = stepper.codec.event_readers
        self._comparers = stepper.comparers
        self._known = known

    def take(self, lines: Sequence[bytes], raws: Sequence[Any], position: int) -> int:
        """Take records from *position* on, as long as they come out as recorded.

        It is done in rounds, each for all of them, because a processor is faster at one thing at a
        time: a fifth of the whole.

        Args:
            lines: The lines.
            raws: What they are as JSON; None for what is none.
            position: Which is the first.

        Returns:
            The position of the first line that it leaves alone.
        """
        if position:
            lines, raws = lines[position:], raws[position:]
        return position + self._stepped(raws, self._events(raws, self._intact(lines, raws)))

    @staticmethod
    def _intact(lines: Sequence[bytes], raws: Sequence[Any]) -> int:
        """Return how many lines are as they were written, up to the first that is not."""
        try:
            # Only the last line of a file can be without its newline, and fits no checksum then.
            wanted = [raw["sum"] for raw in raws]
        except (KeyError, TypeError):
            wanted = [raw.get("sum") if raw.__class__ is dict else None for raw in raws]
        actual = [f"{crc32(line[:-_SUM_BYTES]):08x}" for line in lines]
        if wanted == actual:
            return len(lines)
        return next(i for i, (a, b) in enumerate(zip(wanted, actual, strict=True)) if a != b)

    def _events(self, raws: Sequence[Any], count: int) -> list[Any]:
        """Make the events of the first *count* records, or of as many as can be."""
        readers = self._readers
        if count < len(raws):
            raws = raws[:count]
        try:
            return [readers[(event := raw["event"])["type"]](event, raw["at"]) for raw in raws]
        except Exception:  # noqa: BLE001 - whatever a line may hold; it is looked at again
            return self._events_one_by_one(raws)

    def _events_one_by_one(self, raws: Sequence[Any]) -> list[Any]:
        found = list[Any]()
        try:
            for raw in raws:
                event = raw["event"]
                found.append(self._readers[event["type"]](event, raw["at"]))
        except Exception:  # noqa: BLE001 - as above
            return found
        return found

    def _stepped(  # noqa: C901, PLR0911, PLR0912 - one loop without calls: it runs for each record
        self, raws: Sequence[Any], events: list[Any]
    ) -> int:
        """Step as many as come out as recorded, and return how many these are."""
        known, step, begin = self._known.by_key.get, self._machine.step, self._known.begin
        comparers, timer_of = self._comparers, self._timers.get
        index = -1
        try:
            for index, event in enumerate(events):
                raw = raws[index]
                one = known(raw["interaction"])
                begins = len(raw) != _KEYS
                if begins:
                    if len(raw) != _KEYS + 1 or raw.get("begins") is not True:
                        return index
                    before = self._machine.start(raw["interaction"])
                else:
                    if one is None:
                        one = known(raw["interaction"].lower())
                    if one is None or one.own is not None:
                        return index
                    before = one.interaction
                if before.state != raw["from"]:
                    return index
                timers = before.timers
                timer = timer_of(event.__class__)
                if timer is not None and not ran(timers, timer, event.owner, event.at):
                    return index
                made = step(before, event)
                after, effects, recorded = made.interaction, made.effects, raw["effects"]
                if after.state != raw["to"] or len(effects) != len(recorded):
                    return index
                if effects:
                    at, at_text = event.at, raw["at"]
                    for effect, written in zip(effects, recorded):  # noqa: B905 - just as many
                        if not comparers[effect.__class__](written, effect, at, at_text):
                            return index
                if begins or one is None:
                    begin(Known(after, raw["seq"]))
                    continue
                if timers and after.timers is not timers:
                    one.gone = (*one.gone[_EARLIER:], timers)
                one.interaction = after
                one.seq = raw["seq"]
        except Exception:  # noqa: BLE001 - as above
            return index
        return len(events)
