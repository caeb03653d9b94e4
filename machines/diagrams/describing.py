"""From a machine to its drawing: which boxes and arrows there are."""

from collections.abc import Iterable, Iterator
from typing import Any

from hookflash.machines.conditions import unless_it_stays
from hookflash.machines.diagrams.drawing import Arrow, Box, Clock, Drawing, Line
from hookflash.machines.diagrams.figures import Flow, Key, Traffic, Walk
from hookflash.machines.diagrams.story import Story, story_of
from hookflash.machines.diagrams.words import duration_text
from hookflash.machines.machine import Machine
from hookflash.machines.spec import Row

FOLDED_FROM = 3
"""From so many states on, arrows that lead from all of them to a final one are drawn as one."""


def describe(
    machine: Machine[Any, Any], traffic: Traffic | None = None, walk: Walk | None = None
) -> Drawing:
    """Say what a drawing of *machine* shows.

    Args:
        machine: The machine; durations are those of its policy.
        traffic: What a recording says about it; None for what may happen only.
        walk: The way of one interaction; None for none.

    Returns:
        The drawing: every row of the definition is in exactly one arrow or one box. What happened
        and is not in the definition is there too, in boxes, arrows and `strays` of its own.
    """
    return _Describing(machine, traffic, walk).drawing()


class _Describing:
    def __init__(
        self, machine: Machine[Any, Any], traffic: Traffic | None, walk: Walk | None
    ) -> None:
        self.machine, self.spec = machine, machine.spec
        self.story: Story = story_of(machine.spec)
        self.traffic, self.walk = traffic, walk
        self.durations = {
            timer.event: duration_of(machine, name) for name, timer in machine.spec.timers.items()
        }
        self.strays = self._strays()

    def drawing(self) -> Drawing:
        boxes = tuple(self._box(name) for name in self.spec.states)
        arrows = list(self._arrows())
        return Drawing(
            self.spec,
            (*boxes, *self._unknown_boxes()),
            (*arrows, *self._stray_arrows(len(arrows))),
            self.story,
            self.traffic,
            self.walk,
        )

    # --- boxes ------------------------------------------------------------------------------------

    def _box(self, name: str) -> Box:
        state = self.spec.states[name]
        rows = [row for row in self.spec.rows if row.source == name and row.target is None]
        return Box(
            name,
            state.doc,
            initial=name == self.spec.initial,
            final=state.final,
            story=name in self.story.states,
            clocks=tuple(self._clocks(name)),
            lines=tuple(self._line([row]) for row in rows),
            strays=self._strays_between(name, name),
        )

    def _clocks(self, state: str) -> Iterator[Clock]:
        for name, timer in self.spec.timers.items():
            rows = self.spec.rows_of(state, timer.event)
            lines = [self._line([row]) for row in rows if _does_something(row)]
            if lines:
                duration = self.durations[timer.event]
                yield Clock(name, duration, timer.duration, timer.doc, tuple(lines))

    def _unknown_boxes(self) -> Iterator[Box]:
        names = (name for source, _, target in self.strays for name in (source, target))
        for name in dict.fromkeys(names):
            if name not in self.spec.states:
                yield Box(name, "", strays=self._strays_between(name, name), known=False)

    # --- arrows -----------------------------------------------------------------------------------

    def _arrows(self) -> Iterator[Arrow]:
        rows: dict[tuple[tuple[str, ...], str], list[Row]] = {}
        folded = {target: self._folded(target) for target in self.spec.states}
        for row in self.spec.rows:
            if row.target is not None:
                sources = folded[row.target] if row.source in folded[row.target] else (row.source,)
                rows.setdefault((sources, row.target), []).append(row)
        # The normal path first, in its order: whoever draws them one after the other tells it.
        ends = sorted(
            rows, key=lambda end: self.story.number(rows[end]) or len(self.story.hops) + 1
        )
        for number, (sources, target) in enumerate(ends, start=1):
            lines = tuple(self._merged(rows[sources, target]))
            yield Arrow(number, sources, target, lines)

    def _folded(self, target: str) -> tuple[str, ...]:
        """Return the states from which the arrows to a final state are drawn as one."""
        if not self.spec.states[target].final:
            return ()
        open_states = {name for name, state in self.spec.states.items() if not state.final}
        leading = [row for row in self.spec.rows if row.target == target]
        sources = {
            event: {row.source for row in leading if row.event == event}
            for event in self.spec.events
        }
        if len(open_states) < FOLDED_FROM or open_states not in sources.values():
            return ()
        apart = {row.source for row in leading if self.story.has(row)}
        if self.walk is not None:
            apart |= {hop.source for hop in self.walk.hops if hop.target == target}
        kept = tuple(name for name in self.spec.states if name in open_states - apart)
        return kept if len(kept) >= FOLDED_FROM else ()

    def _merged(self, rows: Iterable[Row]) -> Iterator[Line]:
        alike: dict[object, list[Row]] = {}
        for row in rows:
            key = row.event, row.guards, row.effects, self.story.has(row)
            alike.setdefault(key, []).append(row)
        lines = [self._line(rows) for rows in alike.values()]
        yield from sorted(lines, key=lambda line: line.story is None)

    def _line(self, rows: list[Row]) -> Line:
        duration = self.durations.get(rows[0].event)
        said = dict.fromkeys(one for row in rows for one in unless_it_stays(self.machine, row))
        words = " and ".join(said).replace("`", "")
        return Line(tuple(rows), self.story.number(rows), duration, words)

    # --- what only a recording has ----------------------------------------------------------------

    def _strays(self) -> dict[Key, Flow]:
        known = {(row.source, row.event, row.target or row.source) for row in self.spec.rows}
        found: dict[Key, Flow] = {}
        if self.traffic is not None:
            found.update(self.traffic.flows)
        elif self.walk is not None:
            for hop in self.walk.hops:
                count = found[hop.key].count if hop.key in found else 0
                found[hop.key] = Flow(count + 1, hop.at)
        return {key: flow for key, flow in found.items() if key not in known}

    def _strays_between(self, source: str, target: str) -> tuple[tuple[str, Flow], ...]:
        return tuple(
            (event, flow)
            for (one, event, two), flow in self.strays.items()
            if (one, two) == (source, target)
        )

    def _stray_arrows(self, number: int) -> Iterator[Arrow]:
        ends = dict.fromkeys((source, target) for source, _, target in self.strays)
        for source, target in ends:
            if source != target:
                number += 1
                strays = self._strays_between(source, target)
                yield Arrow(number, (source,), target, (), strays)


def duration_of(machine: Machine[Any, Any], timer: str) -> str:
    """Return how long *timer* takes under the machine's policy: `12 min`, `0.5 s to 30 s`."""
    policy = machine.policy
    words = machine.spec.diagram.timers.get(timer)
    length_s = float(getattr(policy, machine.spec.timers[timer].duration))
    if words is None:
        return duration_text(length_s)
    if words.share is not None:
        length_s *= float(getattr(policy, words.share))
    longest_s = length_s if words.longest is None else float(getattr(policy, words.longest))
    if longest_s <= length_s:
        return duration_text(length_s)
    return f"{duration_text(length_s)} to {duration_text(longest_s)}"


def _does_something(row: Row) -> bool:
    return row.target is not None or (row.decision == "stay" and bool(row.effects))
