"""Holds as snapshots show them: by differences between one and the next.

A snapshot names the start of a hold that is going on, but never the end of one. Where the time of
receipt was written down, a hold was over by then; else it was over no earlier than the latest time
that the file had named till then, and ends there for want of a better one.
"""

from collections.abc import Iterable

from attrs import define, evolve, field

from hookflash.adapters.genesys.cloud.recorded.legs import Sighting
from hookflash.adapters.genesys.cloud.recorded.stories import Hold
from hookflash.machines.instants import Instant


@define
class Seen:
    """What the snapshots of a leg show. `take` them in the order of their times.

    Attributes:
        holds: Its holds, by their starts; the last one without an end where it goes on.
        ended: When it was seen to be over; None where it was not.
        begin: The first time at which it was seen going on; None for never.
        stale: How many snapshots were older than one before them.
        last_at: The time of the last one; None for none.
    """

    holds: list[Hold] = field(factory=list[Hold])
    ended: Instant | None = None
    begin: Instant | None = None
    stale: int = 0
    last_at: Instant | None = None
    _going_on: Hold | None = None

    def take(self, one: Sighting) -> None:
        """Take the next snapshot."""
        self.last_at = one.known_at
        if self.ended is not None:
            self.stale += not one.ended
            return
        if self.begin is None and not one.ended:
            self.begin = one.since or one.known_at
        if one.ended:
            self.ended = one.known_at
        elif one.held:
            self._take_held(one, one.since or one.known_at)
        elif self._going_on is not None:
            hold, self._going_on = self._going_on, None
            exact = hold.exact and one.at is not None
            self.holds.append(Hold(hold.start, max(one.known_at, hold.start), exact=exact))

    def finish(self) -> None:
        """Note the hold that goes on after the last snapshot."""
        if self._going_on is not None:
            self.holds.append(self._going_on)
            self._going_on = None

    def _take_held(self, one: Sighting, start: Instant) -> None:
        hold = self._going_on
        if (self.holds and start <= self.holds[-1].start) or (
            hold is not None and one.since is not None and start < hold.start
        ):
            self.stale += 1
        elif hold is None:
            self._end_last_by(start)
            self._going_on = Hold(start, exact=one.since is not None)
        elif one.since is not None and start > hold.start:
            # Another hold: nobody saw the end of the one before.
            self.holds.append(Hold(hold.start, start, exact=False))
            self._going_on = Hold(start)

    def _end_last_by(self, start: Instant) -> None:
        """See that the last hold ends before the next: its end was seen later than it was."""
        last = self.holds[-1] if self.holds else None
        if last is not None and last.end is not None and start < last.end:
            self.holds[-1] = evolve(last, end=start)


def look_through(sightings: Iterable[Sighting]) -> Seen:
    """Return what *sightings* show, which are in the order of their file."""
    in_order = list(sightings)
    if all(one.at is not None for one in in_order):
        in_order.sort(key=lambda one: one.known_at)
    seen = Seen()
    for one in in_order:
        seen.take(one)
    seen.finish()
    return seen
