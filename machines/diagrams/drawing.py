"""What a drawing of a machine shows: boxes, arrows, and what is written in and on them."""

from attrs import frozen

from hookflash.machines.diagrams.figures import Flow, Key, Traffic, Walk
from hookflash.machines.diagrams.story import Story
from hookflash.machines.instants import Instant, to_text
from hookflash.machines.spec import Decision, Row, Spec


@frozen
class Line:
    """Rows that say the same of one event: with the same guards, and the same effects.

    Attributes:
        rows: These rows; more than one only where they start from different states.
        story: Which step of the normal path it is, from 1; None where it is none.
        duration: For the event of a timer, how long that takes; None for any other.
        unless_it_stays: What it takes for granted where it has no guards, and its event is not
            always enough: rows before it may stay. In words; empty for nothing.
    """

    rows: tuple[Row, ...]
    story: int | None = None
    duration: str | None = None
    unless_it_stays: str = ""

    @property
    def event(self) -> str:
        """The event's name."""
        return self.rows[0].event

    @property
    def guards(self) -> tuple[str, ...]:
        """Names of the guards that must hold."""
        return self.rows[0].guards

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of what is done."""
        return self.rows[0].effects

    @property
    def decision(self) -> Decision:
        """What is decided."""
        return self.rows[0].decision

    @property
    def sources(self) -> tuple[str, ...]:
        """The states that it starts from."""
        return tuple(dict.fromkeys(row.source for row in self.rows))

    @property
    def keys(self) -> tuple[Key, ...]:
        """Where traffic counts it, each once."""
        return tuple(
            dict.fromkeys((row.source, row.event, row.target or row.source) for row in self.rows)
        )


@frozen
class Clock:
    """A timer in a state where its end does something.

    Attributes:
        name: Its name.
        duration: How long it takes.
        setting: The policy's setting that says so.
        doc: What it is for.
        lines: What its end does there, leaving and staying.
    """

    name: str
    duration: str
    setting: str
    doc: str
    lines: tuple[Line, ...]


@frozen
class Box:
    """A state.

    Attributes:
        name: Its name.
        doc: What it means; empty for one that the definition does not have.
        initial: Whether an instance starts in it.
        final: Whether an instance ends in it.
        story: Whether the normal path leads through it.
        clocks: The timers that do something in it.
        lines: What it does on events without leaving it, in the order of the definition: `stay`,
            `late`, `ignore`, `reject`.
        strays: Events that a recording has in it, and that the definition does not let it stay at.
        known: Whether the definition has it.
    """

    name: str
    doc: str
    initial: bool = False
    final: bool = False
    story: bool = False
    clocks: tuple[Clock, ...] = ()
    lines: tuple[Line, ...] = ()
    strays: tuple[tuple[str, Flow], ...] = ()
    known: bool = True

    def deciding(self, *decisions: Decision) -> tuple[Line, ...]:
        """Return the lines with one of *decisions*."""
        return tuple(line for line in self.lines if line.decision in decisions)


@frozen
class Arrow:
    """All rows that lead from one state to another, or from any state to a final one.

    Attributes:
        number: Its number in the drawing, from 1.
        sources: Where it starts: one state, or several for an arrow from any state.
        target: Where it leads.
        lines: The rows; empty for an arrow that only a recording has.
        strays: Events that a recording has and the definition does not let lead there.
    """

    number: int
    sources: tuple[str, ...]
    target: str
    lines: tuple[Line, ...]
    strays: tuple[tuple[str, Flow], ...] = ()

    @property
    def story(self) -> bool:
        """Whether the normal path leads over it."""
        return any(line.story is not None for line in self.lines)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All its rows."""
        return tuple(row for line in self.lines for row in line.rows)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Where traffic counts it, each once."""
        known = (key for line in self.lines for key in line.keys)
        strays = (
            (source, event, self.target) for source in self.sources for event, _ in self.strays
        )
        return tuple(dict.fromkeys([*known, *strays]))


@frozen
class Drawing:
    """All that a drawing shows.

    Attributes:
        spec: The definition.
        boxes: Its states in order; after them those that only a recording has.
        arrows: What leads from one to another.
        story: The normal path.
        traffic: What a recording says; None where none is drawn.
        walk: The way of one interaction; None where none is drawn.
    """

    spec: Spec
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    story: Story
    traffic: Traffic | None = None
    walk: Walk | None = None

    @property
    def is_live(self) -> bool:
        """Whether it tells of what happened, and not only of what may."""
        return self.traffic is not None or self.walk is not None

    @property
    def day(self) -> str:
        """The UTC day on which all that is drawn happened, `2026-01-10`; empty for several."""
        moments: list[Instant] = []
        if self.traffic is not None and self.traffic.first_at is not None:
            moments += [self.traffic.first_at, self.traffic.last_at or self.traffic.first_at]
        days = {to_text(at)[:10] for at in moments}
        return days.pop() if len(days) == 1 else ""

    def flow(self, keys: tuple[Key, ...]) -> Flow | None:
        """Return what happened under *keys* together; None where nothing did, or none is drawn."""
        if self.traffic is None:
            return None
        flows = self.traffic.flows
        found = [flows[key] for key in keys if key in flows]
        if not found:
            return None
        return Flow(sum(flow.count for flow in found), max(flow.last_at for flow in found))

    def steps(self, keys: tuple[Key, ...]) -> tuple[int, ...]:
        """Return the numbers of the steps of the walk that are drawn under *keys*."""
        return () if self.walk is None else self.walk.steps(keys)

    def happened(self, keys: tuple[Key, ...]) -> bool:
        """Tell whether anything of what is drawn happened under *keys*."""
        return bool(self.flow(keys) or self.steps(keys))

    def visited(self, state: str) -> bool:
        """Tell whether anything of what is drawn was in *state*."""
        if self.traffic is not None and state in self.traffic.stays:
            return True
        return self.walk is not None and any(
            state in {hop.source, hop.target} for hop in self.walk.hops
        )
