"""What a recording says about a machine, as far as it can be drawn."""

from collections.abc import Collection, Mapping

from attrs import field, frozen

from hookflash.machines.instants import Instant, to_text_ms

Key = tuple[str, str, str]
"""The state before, the event's name, the state after."""


@frozen
class Flow:
    """How often one event led from one state to one state; that may be the same one.

    Attributes:
        count: How often.
        last_at: When it did last.
    """

    count: int
    last_at: Instant


@frozen
class Stay:
    """How long interactions were in a state.

    Attributes:
        visits: How often one came into the state, those that were in it from the beginning
            included.
        measured: Visits whose beginning and end are recorded; of these are the next two.
        p50_s: The time that half of them did not exceed, in seconds; None where none was measured.
        p95_s: The time that 95 of 100 did not exceed, in seconds; None as above.
        last_at: When an interaction was seen in it last.
    """

    visits: int
    measured: int
    p50_s: float | None
    p95_s: float | None
    last_at: Instant


@frozen
class Traffic:
    """What a recording says about all its interactions.

    Attributes:
        flows: What happened, by state, event and state. A recording does not say which of several
            rows for one event was taken, if they lead to the same state.
        stays: How long interactions were in each state that one was seen in.
        records: How many records there are.
        interactions: How many interactions are followed or were.
        first_at: When the first record was made; None where there is none.
        last_at: When the last was made; None where there is none.
        unmeasured: Visits that ended and are in no duration, because more interactions were open
            at once than are followed.
        strays_left_out: Records that fit neither the machine nor the limit for those that do not.
    """

    flows: Mapping[Key, Flow] = field(hash=False)
    stays: Mapping[str, Stay] = field(hash=False)
    records: int
    interactions: int
    first_at: Instant | None
    last_at: Instant | None
    unmeasured: int = 0
    strays_left_out: int = 0

    def left(self, state: str) -> int:
        """Return how often an interaction left *state* for another one."""
        return sum(
            flow.count
            for (source, _, target), flow in self.flows.items()
            if source == state != target
        )


@frozen
class Hop:
    """One step of an interaction's walk.

    Attributes:
        number: Which step of the interaction it is, from 1.
        source: The state before it.
        event: The event's name.
        target: The state after it.
        at: When.
    """

    number: int
    source: str
    event: str
    target: str
    at: Instant

    @property
    def key(self) -> Key:
        """Where it belongs in a drawing."""
        return self.source, self.event, self.target


@frozen
class Walk:
    """The way of one interaction through a machine.

    Attributes:
        interaction_id: The interaction.
        hops: Its steps in order, at most as many as whoever read them keeps.
        left_out: Further steps, which are not among `hops`.
    """

    interaction_id: str
    hops: tuple[Hop, ...]
    left_out: int = 0

    def steps(self, keys: Collection[Key]) -> tuple[int, ...]:
        """Return the numbers of the steps that belong to one of *keys*."""
        return tuple(hop.number for hop in self.hops if hop.key in keys)

    def moment_of(self, step: int) -> str:
        """Return when a step was taken, to the millisecond; with its day where that is another one.

        Args:
            step: Its number.
        """
        text = next(to_text_ms(hop.at) for hop in self.hops if hop.number == step)
        day, time = text[:10], text[11:-1]
        return time if to_text_ms(self.hops[0].at).startswith(day) else f"{day} {time}"
