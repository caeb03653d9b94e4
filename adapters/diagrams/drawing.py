"""Drawings of machines as SVG and PNG."""

import sys
from typing import Any, Final

from hookflash.adapters.diagrams.dressing import dress
from hookflash.adapters.diagrams.graphviz import draw
from hookflash.machines.diagrams.describing import describe
from hookflash.machines.diagrams.dot import ARRANGEMENTS, Direction, to_dot
from hookflash.machines.diagrams.drawing import Drawing
from hookflash.machines.diagrams.figures import Traffic, Walk
from hookflash.machines.diagrams.writing import Detail
from hookflash.machines.machine import Machine

_TRIED: Final = ((40, len(ARRANGEMENTS)), (80, 4), (sys.maxsize, 1))
"""Up to so many arrows so many arrangements are tried: Graphviz needs seconds for each of 100. The
time itself is no measure, or a drawing would be another one on a slower machine."""


def draw_svg(
    machine: Machine[Any, Any],
    traffic: Traffic | None = None,
    path: Walk | None = None,
    *,
    detail: Detail = "normal",
    direction: Direction = "TB",
    id_prefix: str = "",
) -> str:
    """Draw a machine as SVG: one `<svg>` element that needs nothing else.

    States are `<g id="state-NAME" class="state …" data-state="NAME">`, with the further classes
    `story` (on the normal path), `initial`, `final`, `stray` (not in the definition) and `dim`
    (nothing of what is drawn was there). Arrows are `<g id="arrow-N" class="arrow …"
    data-source="…" data-target="…" data-rows="…">`; an arrow from any state has all its sources in
    `data-source`, and `data-rows` are the places of its rows among all rows (`Row.index`), both
    with blanks between. Colours are the variables `--hookflash-paper`, `-ink`, `-story` and so on
    of the class `hookflash-diagram`; they follow the reader's preference for dark pages unless the
    page sets them.

    Blocks for half a second or so, for minutes with hundreds of arrows; starts a process.

    Args:
        machine: The machine; durations are those of its policy.
        traffic: What a recording says about it (`read_traffic`); None for what may happen only.
        path: The way of one interaction (`read_walk`); None for none.
        detail: How much is written: `brief`, `normal` or `full`.
        direction: Which way the normal path leads: `TB` downwards, `LR` to the right.
        id_prefix: What all ids begin with; a page with several drawings needs one for each.

    Raises:
        ConfigurationError: pygraphviz is not installed; the advice names the extra.
    """
    drawing = describe(machine, traffic, path)
    return dress(draw(texts_of(drawing, detail, direction), "svg"), drawing, id_prefix)


def draw_png(
    machine: Machine[Any, Any],
    traffic: Traffic | None = None,
    path: Walk | None = None,
    *,
    detail: Detail = "normal",
    direction: Direction = "TB",
) -> bytes:
    """Draw a machine as PNG, on white; arguments and errors as for `draw_svg`."""
    drawing = describe(machine, traffic, path)
    return draw(texts_of(drawing, detail, direction), "png")


def texts_of(drawing: Drawing, detail: Detail, direction: Direction) -> list[str]:
    """Return what is worth trying to lay out, for Graphviz."""
    tried = next(count for arrows, count in _TRIED if len(drawing.arrows) <= arrows)
    return [
        to_dot(drawing, detail, direction=direction, arrangement=arrangement)
        for arrangement in ARRANGEMENTS[:tried]
    ]
