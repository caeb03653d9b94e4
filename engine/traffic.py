"""Traffic: what a recording says about a machine, counted in one pass and in bounded memory.

Only states, events and times of the records count; no machine is stepped. So a recording that an
earlier definition made is read as well, and shows what today's definition would not do.
"""

from collections.abc import Iterable
from typing import Any, Final, final

from hdrh.histogram import HdrHistogram  # pyright: ignore[reportMissingTypeStubs]

from hookflash.machines.diagrams.figures import Flow, Hop, Key, Stay, Traffic, Walk
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.records import InteractionState, Record, RecordedStep

FOLLOWED_MAX: Final = 200_000
"""Interactions whose state and its beginning are remembered at a time: some 60 MB. How long further
ones stay is not measured; what they do is counted all the same."""

STRAYS_MAX: Final = 200
"""Kinds of steps that are not in the definition and are counted; more is no drawing any more."""

HOPS_MAX: Final = 500
"""Steps of one interaction that are kept."""

_STAY_MAX_MS: Final = 31 * 86_400_000
"""A month: longer stays count as this long."""

_SIGNIFICANT_DIGITS: Final = 2
"""Quantiles are exact to 1 %; the histogram of a state has some 40 kB then."""

Step = Record | RecordedStep


@final
class TrafficCounter:
    """Counts what happened: `take` each entry of a recording in order, then ask for `traffic`.

    Memory is bounded: one histogram for each state, one count for each kind of step, and some 300
    bytes for each interaction that is followed.

    Args:
        machine: The machine that the figures are for; it names the events.
        followed_max: Interactions that are followed at a time.
    """

    def __init__(self, machine: Machine[Any, Any], *, followed_max: int = FOLLOWED_MAX) -> None:
        spec = machine.spec
        self._names = {event.cls: name for name, event in spec.events.items()}
        self._finals = {name for name, state in spec.states.items() if state.final}
        self._known = {(row.source, row.event, row.target or row.source) for row in spec.rows}
        self._followed_max = followed_max
        self._flows: dict[Key, list[int]] = {}
        self._visits: dict[str, int] = {}
        self._last_at: dict[str, Instant] = {}
        self._stays: dict[str, Any] = {}
        # The state of each interaction that is followed, and since when; None for not known.
        self._followed: dict[str, tuple[str, Instant | None]] = {}
        self._records = self._interactions = self._unmeasured = self._left_out = 0
        self._strays = 0
        self._first_at: Instant | None = None
        self._at: Instant | None = None

    def take(self, entry: object) -> None:
        """Take the next entry; what is neither a record nor a state tells nothing."""
        if isinstance(entry, InteractionState):
            self._take_state(entry)
        elif isinstance(entry, Record | RecordedStep):
            self._take_step(entry)

    def traffic(self) -> Traffic:
        """Return what was counted so far."""
        return Traffic(
            flows={key: Flow(count, Instant(at)) for key, (count, at) in self._flows.items()},
            stays={state: self._stay(state) for state in self._visits},
            records=self._records,
            interactions=self._interactions,
            first_at=self._first_at,
            last_at=self._at,
            unmeasured=self._unmeasured,
            strays_left_out=self._left_out,
        )

    # --- the parts --------------------------------------------------------------------------------

    def _take_state(self, entry: InteractionState) -> None:
        """Take up an interaction that was known before the recording: how it stands."""
        interaction = entry.interaction
        name = interaction.id.lower()
        followed = self._followed.get(name)
        if followed is None:
            self._enter(name, interaction.state, None)
            self._interactions += 1
        elif followed[0] != interaction.state:
            # A change of definition carried it over.
            self._enter(name, interaction.state, None)

    def _take_step(self, record: Step) -> None:
        at: Instant = record.event.at
        if self._first_at is None:
            self._first_at = at
        self._at = at
        self._records += 1
        name, source, target = record.interaction_id.lower(), record.source, record.target
        followed = self._followed.get(name)
        if followed is None or record.begins:
            # Of those that are not followed only the beginning tells that they are new.
            if followed is not None or record.begins or len(self._followed) < self._followed_max:
                self._interactions += 1
                self._visit(source)
            self._follow(name, source, None)
        elif followed[0] != source:
            self._enter(name, source, None)
        self._count((source, self._name_of(record.event), target), at)
        self._last_at[source] = at
        if source != target:
            self._leave(name, source, at)
            self._enter(name, target, at)
        self._last_at[target] = at

    def _name_of(self, event: object) -> str:
        cls = type(event).__name__
        return self._names.get(cls, cls)

    def _count(self, key: Key, at: Instant) -> None:
        flow = self._flows.get(key)
        if flow is not None:
            flow[0] += 1
            flow[1] = at
            return
        if key not in self._known:
            if self._strays >= STRAYS_MAX:
                self._left_out += 1
                return
            self._strays += 1
        self._flows[key] = [1, at]

    def _visit(self, state: str) -> None:
        self._visits[state] = self._visits.get(state, 0) + 1

    def _enter(self, name: str, state: str, at: Instant | None) -> None:
        self._visit(state)
        self._follow(name, state, at)

    def _follow(self, name: str, state: str, at: Instant | None) -> None:
        if name not in self._followed and len(self._followed) >= self._followed_max:
            # Those that have ended are not waited for any more; the others are not given up.
            ended = [one for one, (where, _) in self._followed.items() if where in self._finals]
            for one in ended:
                del self._followed[one]
            if not ended:
                return
        self._followed[name] = (state, at)

    def _leave(self, name: str, state: str, at: Instant) -> None:
        followed = self._followed.get(name)
        if followed is None:
            self._unmeasured += 1
            return
        since = followed[1]
        if since is None:
            return
        stays: Any = self._stays.get(state)
        if stays is None:
            stays = self._stays[state] = HdrHistogram(1, _STAY_MAX_MS, _SIGNIFICANT_DIGITS)
        # Clocks may be set back; a histogram knows nothing below one.
        stays.record_value(min(max((at - since) // 1000, 1), _STAY_MAX_MS))

    def _stay(self, state: str) -> Stay:
        stays = self._stays.get(state)
        visits, last_at = self._visits[state], self._last_at.get(state, Instant(0))
        if stays is None:
            return Stay(visits, 0, None, None, last_at)
        p50_s, p95_s = (float(stays.get_value_at_percentile(at)) / 1000 for at in (50.0, 95.0))
        return Stay(visits, int(stays.get_total_count()), p50_s, p95_s, last_at)


def traffic_of(entries: Iterable[object], machine: Machine[Any, Any]) -> Traffic:
    """Return what *entries*, those of a recording in order, say about *machine*."""
    counter = TrafficCounter(machine)
    for entry in entries:
        counter.take(entry)
    return counter.traffic()


def walk_of(
    entries: Iterable[object], machine: Machine[Any, Any], interaction_id: str
) -> Walk | None:
    """Return the way of one interaction through *machine*.

    Args:
        entries: Those of a recording, in order.
        machine: The machine; it names the events.
        interaction_id: The interaction; capital and small letters count as the same.

    Returns:
        Its way, in its first `HOPS_MAX` steps; None where the entries have no record of it.
    """
    names = {event.cls: name for name, event in machine.spec.events.items()}
    wanted = interaction_id.lower()
    hops: list[Hop] = []
    left_out = 0
    for entry in entries:
        if not isinstance(entry, Record | RecordedStep) or entry.interaction_id.lower() != wanted:
            continue
        if len(hops) >= HOPS_MAX:
            left_out += 1
            continue
        cls = type(entry.event).__name__
        number = len(hops) + 1
        hops.append(Hop(number, entry.source, names.get(cls, cls), entry.target, entry.event.at))
    return Walk(interaction_id, tuple(hops), left_out) if hops else None
