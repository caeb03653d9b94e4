"""Drawings for Mermaid, which Markdown viewers draw themselves."""

import re
from collections.abc import Iterator
from typing import Final

from hookflash.machines.diagrams.dot import COLOURS, Direction
from hookflash.machines.diagrams.drawing import Arrow, Box, Drawing
from hookflash.machines.diagrams.writing import Detail, Row, arrow_rows, box_parts, heading, plain

_RESERVED: Final = frozenset(
    {
        *("as", "choice", "class", "classDef", "click", "default", "direction", "end", "fork"),
        *("hide", "history", "href", "join", "left", "note", "of", "right", "root", "scale"),
        *("state", "stateDiagram", "style"),
    }
)
"""Words that Mermaid's grammar has a use for; a state so called gets another id."""


def to_mermaid(drawing: Drawing, detail: Detail = "normal", *, direction: Direction = "TB") -> str:
    """Return *drawing* as a Mermaid state diagram.

    Mermaid gives the arrows of a state diagram no styles. So those of the normal path have the
    numbers of its steps, and stand first; its states are coloured.

    Args:
        drawing: What to draw.
        detail: How much is written.
        direction: Which way the normal path leads.
    """
    return "\n".join(_Mermaid(drawing, detail, direction).lines()) + "\n"


class _Mermaid:
    def __init__(self, drawing: Drawing, detail: Detail, direction: Direction) -> None:
        self.drawing = drawing
        self.detail: Detail = detail
        self.direction: Direction = direction
        self.ids = {
            box.name: _identifier(box.name, number)
            for number, box in enumerate(drawing.boxes, start=1)
        }

    def lines(self) -> Iterator[str]:
        drawing = self.drawing
        for row in heading(drawing):
            yield f"%% {plain(row)}"
        yield "stateDiagram-v2"
        yield f"    direction {self.direction}"
        yield f"    [*] --> {self.ids[drawing.spec.initial]}"
        for box in drawing.boxes:
            yield from self._box(box)
        for arrow in drawing.arrows:
            yield from self._arrow(arrow)
        for box in drawing.boxes:
            if box.final:
                yield f"    {self.ids[box.name]} --> [*]"
        yield from self._classes()

    def _box(self, box: Box) -> Iterator[str]:
        name = self.ids[box.name]
        # The first description is the title, the others stand below it.
        yield f"    {name}: {_text(box.name)}"
        for part in box_parts(self.drawing, box, self.detail):
            for row in part:
                yield f"    {name}: {_text(plain(row))}"

    def _arrow(self, arrow: Arrow) -> Iterator[str]:
        source = self.ids[arrow.sources[0]]
        if len(arrow.sources) > 1:
            source = f"any{arrow.number}"
            yield f"    {source}: any of {_text(', '.join(arrow.sources))}"
        rows = arrow_rows(self.drawing, arrow, self.detail)
        label = "<br/>".join(_text(text) for text in self._label(arrow, rows))
        yield f"    {source} --> {self.ids[arrow.target]}" + (f": {label}" if label else "")

    def _label(self, arrow: Arrow, rows: list[Row]) -> Iterator[str]:
        step = next((line.story for line in arrow.lines if line.story is not None), None)
        for row in rows:
            if step is not None and row[0].role == "story":
                yield f"({step}) {plain(row)}"
                step = None
            else:
                yield plain(row)

    def _classes(self) -> Iterator[str]:
        groups = {
            "story": [box for box in self.drawing.boxes if box.story and box.known],
            "stray": [box for box in self.drawing.boxes if not box.known],
        }
        for name, boxes in groups.items():
            if boxes:
                fill, colour = COLOURS[f"{name}box"], COLOURS[name]
                ids = ",".join(self.ids[box.name] for box in boxes)
                yield f"    classDef {name} fill:{fill},stroke:{colour},color:{COLOURS['ink']}"
                yield f"    class {ids} {name}"


def _identifier(name: str, number: int) -> str:
    plainly = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name not in _RESERVED
    return name if plainly else f"state{number}"


def _text(text: str) -> str:
    """Write what has a meaning in Mermaid by its number."""
    text = text.replace("\u00a0", " ").strip()
    return re.sub(r"[#;:<>&\"{}%`\\]", lambda found: f"#{ord(found[0])};", text)
