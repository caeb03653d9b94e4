"""Drawings for Graphviz: the text from which SVG and PNG are made too."""

from collections.abc import Iterator
from itertools import pairwise
from math import log10
from typing import Final, Literal

from attrs import frozen

from hookflash.machines.diagrams.dot_text import (
    COLOURS,
    FONTS,
    GAP,
    quoted,
    row,
    statement,
    table,
)
from hookflash.machines.diagrams.drawing import Arrow, Box, Drawing
from hookflash.machines.diagrams.writing import (
    Detail,
    Span,
    arrow_rows,
    box_parts,
    heading,
    legend,
)

__all__ = ["ARRANGEMENTS", "COLOURS", "Arrangement", "Direction", "to_dot"]

Direction = Literal["TB", "LR"]
"""From top to bottom, or from left to right."""

_START: Final = "__start"


@frozen
class Arrangement:
    """What Graphviz is asked for beside the drawing; which is best depends on the machine.

    Attributes:
        straight: Whether the normal path leaves states in the middle of one side and comes in the
            middle of the other.
        weight: How much more than another an arrow of the normal path is to be short and straight.
        grouped: Whether the states of the normal path are to stand in one line.
        backwards: Whether the arrows beside the normal path are told from the last to the first;
            what is told first tends to stand on the left.
    """

    straight: bool = True
    weight: int = 6
    grouped: bool = True
    backwards: bool = False


ARRANGEMENTS: Final = tuple(
    Arrangement(straight, weight, grouped, backwards)
    for straight in (True, False)
    for weight in (6, 1)
    for grouped in (True, False)
    for backwards in (False, True)
)
"""What is worth trying, the first first."""


def to_dot(
    drawing: Drawing,
    detail: Detail = "normal",
    *,
    direction: Direction = "TB",
    arrangement: Arrangement = ARRANGEMENTS[0],
) -> str:
    """Return *drawing* in the language of Graphviz.

    Args:
        drawing: What to draw.
        detail: How much is written.
        direction: Which way the normal path leads.
        arrangement: What Graphviz is asked for; it changes only where things stand.

    Returns:
        A graph for Graphviz's program `dot`. States have the id `state-NAME`, arrows `arrow-N`.
    """
    return "\n".join(_Dot(drawing, detail, direction, arrangement).lines()) + "\n"


class _Dot:
    def __init__(
        self, drawing: Drawing, detail: Detail, direction: Direction, arrangement: Arrangement
    ) -> None:
        self.drawing = drawing
        self.detail: Detail = detail
        self.direction: Direction = direction
        self.arrangement = arrangement
        counts = [flow.count for arrow in drawing.arrows if (flow := drawing.flow(arrow.keys))]
        self.count_max = max(counts, default=0)

    def lines(self) -> Iterator[str]:
        drawing = self.drawing
        yield f"digraph {quoted(drawing.spec.name)} {{"
        yield from self._defaults()
        yield from self._start()
        for box in drawing.boxes:
            yield self._box(box)
        story = [arrow for arrow in drawing.arrows if arrow.story]
        others = [arrow for arrow in drawing.arrows if not arrow.story]
        for arrow in (*story, *(reversed(others) if self.arrangement.backwards else others)):
            yield from self._arrow(arrow)
        yield from self._ends()
        yield "}"

    def _defaults(self) -> Iterator[str]:
        drawing = self.drawing
        yield statement(
            "graph",
            rankdir=self.direction,
            bgcolor=COLOURS["paper"],
            pad="0.25",
            nodesep="0.45",
            ranksep="0.5",
            fontname=FONTS,
            labelloc="t",
            labeljust="l",
            label=table([row(one) for one in (*heading(drawing), legend(drawing, self.detail))], 2),
        )
        yield statement("node", shape="box", fontname=FONTS, fontsize="11", margin="0.12,0.08")
        yield statement("edge", fontname=FONTS, fontsize="10", arrowsize="0.8")

    def _start(self) -> Iterator[str]:
        ink = COLOURS["ink"]
        yield statement(
            quoted(_START),
            id="start",
            class_="start",
            shape="circle",
            style="filled",
            label="",
            width="0.16",
            fixedsize="true",
            color=ink,
            fillcolor=ink,
            tooltip="start",
        )
        ends = f"{quoted(_START)} -> {quoted(self.drawing.spec.initial)}"
        yield statement(
            ends, id="arrow-start", class_="start", color=ink, tooltip="start", weight="9"
        )

    def _ends(self) -> Iterator[str]:
        """Put a final state that only arrows from any state lead to beside the end of the story."""
        states = self.drawing.story.states
        # Of a circle the last state is the one from which it leads back.
        last = states[-2] if states and states[-1] == states[0] else next(reversed(states), None)
        for box in self.drawing.boxes:
            leading = [arrow for arrow in self.drawing.arrows if arrow.target == box.name]
            if last and leading and all(len(arrow.sources) > 1 for arrow in leading):
                yield f"  {{rank=same; {quoted(last)}; {quoted(box.name)}}}"

    # --- boxes ------------------------------------------------------------------------------------

    def _box(self, box: Box) -> str:
        drawing = self.drawing
        dim = drawing.is_live and not drawing.visited(box.name)
        edge, fill = _colours_of(box, dim=dim, walked=drawing.walk is not None)
        rows = [row((Span(box.name, "name", bold=True),), dim=dim, centred=True)]
        for number, part in enumerate(box_parts(drawing, box, self.detail)):
            is_doc = part[0][0].role == "doc"
            if number > 0 or not is_doc:
                rows.append(GAP)
            rows += [row(one, dim=dim, centred=is_doc) for one in part]
        return statement(
            quoted(box.name),
            id=f"state-{box.name}",
            class_=_names(
                state=True,
                story=box.story,
                initial=box.initial,
                final=box.final,
                stray=not box.known,
                dim=dim,
            ),
            style="rounded,filled",
            color=COLOURS[edge],
            fillcolor=COLOURS[fill],
            penwidth="2" if box.story and not dim else "1.2",
            peripheries="2" if box.final else "1",
            group="story" if box.story and self.arrangement.grouped else "",
            tooltip=f"{box.name}: {box.doc or 'not in the definition'}",
            label=table(rows, 1),
        )

    # --- arrows -----------------------------------------------------------------------------------

    def _arrow(self, arrow: Arrow) -> Iterator[str]:
        drawing = self.drawing
        dim = drawing.is_live and not drawing.happened(arrow.keys)
        source = arrow.sources[0]
        if len(arrow.sources) > 1:
            source = f"__any_{arrow.number}"
            yield self._any_state(source, arrow, dim=dim)
        attributes = {
            "class": _names(arrow=True, story=arrow.story, stray=not arrow.lines, dim=dim),
            "color": COLOURS[self._colour(arrow, dim=dim)],
            "style": "solid" if arrow.story else "dashed" if arrow.lines else "dotted",
            "penwidth": self._width(arrow, dim=dim),
            "weight": str(self.arrangement.weight) if arrow.story else "1",
            "tooltip": f"{', '.join(arrow.sources)} to {arrow.target}",
            **self._ports(arrow),
        }
        rows = [row(one, dim=dim) for one in arrow_rows(drawing, arrow, self.detail)]
        if rows:
            # The outer table keeps the words away from the line.
            attributes["label"] = table([f"<TR><TD>{table(rows, 1)}</TD></TR>"], 4)
        ends = f"{quoted(source)} -> {quoted(arrow.target)}"
        yield statement(ends, id=f"arrow-{arrow.number}", **attributes)

    def _colour(self, arrow: Arrow, *, dim: bool) -> str:
        if dim:
            return "faint"
        if not arrow.lines:
            return "stray"
        if self.drawing.walk is not None:
            return "walk"
        return "story" if arrow.story else "other"

    def _ports(self, arrow: Arrow) -> dict[str, str]:
        """Let the normal path lead straight on; what leads back goes round."""
        states = self.drawing.story.states
        ends = arrow.sources[0], arrow.target
        leads_on = arrow.story and ends in pairwise(states) and arrow.target != states[0]
        if not (leads_on and self.arrangement.straight):
            return {}
        out, into = ("s", "n") if self.direction == "TB" else ("e", "w")
        return {"tailport": out, "headport": into}

    def _any_state(self, name: str, arrow: Arrow, *, dim: bool) -> str:
        others = len(arrow.sources) < sum(not box.final for box in self.drawing.boxes if box.known)
        return statement(
            quoted(name),
            id=f"any-{arrow.number}",
            class_=_names(any=True, dim=dim),
            style="rounded,dashed",
            label="any other state" if others else "any state",
            fontcolor=COLOURS["faint" if dim else "muted"],
            color=COLOURS["faint" if dim else "edge"],
            tooltip=", ".join(arrow.sources),
        )

    def _width(self, arrow: Arrow, *, dim: bool) -> str:
        if dim:
            return "1"
        flow = self.drawing.flow(arrow.keys)
        if flow is not None:
            # Ten times as many are one step wider: the rare ones stay visible.
            return f"{max(1.0, 4.0 - log10(self.count_max / flow.count)):.1f}"
        return "2.4" if arrow.story or self.drawing.walk is not None else "1.2"


def _colours_of(box: Box, *, dim: bool, walked: bool) -> tuple[str, str]:
    if not box.known:
        return "stray", "straybox"
    if dim:
        return "faint", "paper"
    if walked:
        return "walk", "walkbox"
    return ("story", "storybox") if box.story else ("edge", "box")


def _names(**classes: bool) -> str:
    return " ".join(name for name, holds in classes.items() if holds)
