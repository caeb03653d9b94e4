"""The short cut for records that come out as recorded: parsed, checked, stepped and compared.

It takes nothing for equal that `Follower.follow` does not, and changes nothing before it has looked
at all of a record. Where anything is out of the ordinary, it stops and leaves the line to that.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, final
from zlib import crc32

from hookflash.engine.replaying.differing import TimerNames, ran
from hookflash.engine.replaying.known import GONE_MAX, Known, KnownInteractions
from hookflash.engine.replaying.stepping_by import Stepper
from hookflash.machines.machine import Machine

_KEYS: Final = 8
"""Keys of a record that begins no interaction and has its checksum."""

_SUM_BYTES: Final = len(b',"sum":"00000000"}\n')
_EARLIER: Final = 1 - GONE_MAX


@final
class Quick:
    """Takes records of one definition and policy, the recording's own, without rules.

    Args:
        stepper: The machines, which are the same.
        known: The interactions, as they stand.
        timer_names: Returns the timers of a machine by the classes of their events.
    """

    def __init__(
        self,
        stepper: Stepper,
        known: KnownInteractions,
        timer_names: Callable[[Machine[Any, Any]], TimerNames],
    ) -> None:
        machine = stepper.tried
        by_class = timer_names(machine).by_class
        events = machine.implementation.events
        self._machine = machine
        self._readers = {
            tag: (reader, by_class.get(events[tag], ""))
            for tag, reader in stepper.codec.event_readers.items()
        }
        self._comparers = stepper.comparers
        self._known = known

    def take(  # noqa: C901, PLR0911, PLR0912 - one loop without calls: it runs for every record
        self, lines: Sequence[bytes], raws: Sequence[Any], position: int
    ) -> int:
        """Take records from *position* on, as long as they come out as recorded.

        Args:
            lines: The lines.
            raws: What they are as JSON; None for what is none.
            position: Which is the first.

        Returns:
            The position of the first line that it leaves alone.
        """
        known, readers, comparers = self._known.by_key.get, self._readers, self._comparers
        step, start, begin = self._machine.step, self._machine.start, self._known.begin
        try:
            for position in range(position, len(lines)):  # noqa: B020, PLR1704 - it is returned
                raw, line = raws[position], lines[position]
                if raw["sum"] != f"{crc32(line[:-_SUM_BYTES]):08x}" or line[-1] != 10:
                    return position
                fields, at_text = raw["event"], raw["at"]
                read, timer = readers[fields["type"]]
                event = read(fields, at_text)
                one = known(raw["interaction"]) or known(raw["interaction"].lower())
                begins = len(raw) != _KEYS
                if begins:
                    if len(raw) != _KEYS + 1 or raw.get("begins") is not True:
                        return position
                    before = start(raw["interaction"])
                elif one is None or one.own is not None:
                    return position
                else:
                    before = one.interaction
                if before.state != raw["from"]:
                    return position
                timers = before.timers
                if timer and not ran(timers, timer, event.owner, event.at):
                    return position
                made = step(before, event)
                after = made.interaction
                recorded, effects = raw["effects"], made.effects
                if after.state != raw["to"] or len(recorded) != len(effects):
                    return position
                at = event.at
                for effect, written in zip(effects, recorded, strict=True):
                    if not comparers[effect.__class__](written, effect, at, at_text):
                        return position
                if begins or one is None:
                    one = begin(Known(after))
                elif timers and after.timers is not timers:
                    one.gone = (*one.gone[_EARLIER:], timers)
                one.interaction = after
                one.seq = raw["seq"]
        except Exception:  # noqa: BLE001 - whatever a line may hold; it is looked at again
            return position
        return len(lines)
