"""The process that draws: Graphviz lays several arrangements out, and the clearest one is taken.

Run as a program, never imported by what calls it: a mistake in Graphviz ends this process only, the
fonts are settled by its environment, and a drawing that takes too long can be ended. It imports
nothing of hookflash. It reads one JSON object from stdin, `{"format": "svg", "candidates": ["…"]}`,
and writes the drawing to stdout.
"""

import json
import sys
from importlib import import_module
from itertools import combinations, pairwise
from math import dist
from typing import Any

Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]

_SAMPLES = 8
"""Points on each piece of a curve."""

_NEAR = 8.0
"""Lines that run closer to each other than that, in points, look like one."""

_APART = 12.0
"""Ends of lines that are closer to each other than that, in points, look like one."""

_STORY_WEIGHT = 2

_ASCENT, _DESCENT = 0.8, 0.25
"""How far a font's letters reach above and below their line, as shares of its size."""


class Edge:
    """A line with its label.

    Args:
        edge: What Graphviz's format `json` says of it.
    """

    def __init__(self, edge: dict[str, Any]) -> None:
        self.ends = {edge["tail"], edge["head"]}
        self.weight = _STORY_WEIGHT if "story" in edge.get("class", "").split() else 1
        self.line = curve(edge["pos"])
        self.label = text_rectangle(edge.get("_ldraw_", []))
        xs, ys = zip(*self.line, strict=True)
        self.covers: Rectangle = min(xs), min(ys), max(xs), max(ys)

    def within(self, rectangle: Rectangle) -> list[int]:
        """Return the places of its points from which it leads on in or near *rectangle*."""
        left, low, right, high = rectangle
        near = left - _NEAR, low - _NEAR, right + _NEAR, high + _NEAR
        return [
            place
            for place, (a, b) in enumerate(pairwise(self.line))
            if _touch((min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])), near)
        ]


class Layout:
    """Where Graphviz put what, as far as it matters for what is clear.

    Args:
        found: What Graphviz gives in its format `json`.
    """

    def __init__(self, found: dict[str, Any]) -> None:
        self.nodes = {
            node["_gvid"]: _node_rectangle(node)
            for node in found.get("objects", [])
            if "pos" in node
        }
        self.edges = [Edge(edge) for edge in found.get("edges", [])]
        _, _, self.width, self.height = (float(part) for part in found["bb"].split(","))

    def overlaps(self) -> int:
        """Count what hides something: labels on labels, lines through labels and states."""
        count = 0
        for number, edge in enumerate(self.edges):
            for position, other in enumerate(self.edges):
                count += position > number and _overlap(edge.label, other.label)
                count += position != number and _enters(edge, other.label)
            for node, rectangle in self.nodes.items():
                count += _overlap(edge.label, rectangle)
                count += node not in edge.ends and _enters(edge, rectangle)
        return count

    def tangles(self) -> tuple[int, int]:
        """Count where lines cross, and points of lines that are hard to tell from another line."""
        crossings = close = 0
        for one, two in combinations(self.edges, 2):
            places, others = one.within(two.covers), two.within(one.covers)
            for place in places:
                point = one.line[place]
                close += any(dist(point, two.line[other]) < _NEAR for other in others)
                crossings += sum(_cross(one.line, place, two.line, other) for other in others)
        return crossings, close

    def clashes(self) -> float:
        """Say how many ends of lines are hard to tell from another end; 1 for two that are one."""
        return sum(
            max(0.0, 1 - dist(end, other) / _APART)
            for one, two in combinations(self.edges, 2)
            for end in (one.line[0], one.line[-1])
            for other in (two.line[0], two.line[-1])
        )

    def detours(self) -> float:
        """Return how much longer the lines are than straight ones, in points.

        The normal path counts more: it is what is to be seen first.
        """
        return sum(
            edge.weight
            * (sum(map(dist, edge.line, edge.line[1:])) - dist(edge.line[0], edge.line[-1]))
            for edge in self.edges
        )

    def cost(self) -> float:
        """Say how unclear it is; the less, the better."""
        crossings, close = self.tangles()
        clutter = 1000 * self.overlaps() + 15 * crossings + 8 * close + 60 * self.clashes()
        return clutter + self.detours() / 20 + self.width * self.height / 1e5


def curve(position: str) -> list[Point]:
    """Return points along an edge, from what Graphviz says of its position."""
    points: list[Point] = []
    for piece in position.split(";"):
        start: list[Point] = []
        end: list[Point] = []
        controls: list[Point] = []
        for word in piece.split():
            kind, rest = (word[0], word[2:]) if word[1] == "," and word[0] in "es" else ("", word)
            x, y = (float(part) for part in rest.split(","))
            {"s": start, "e": end, "": controls}[kind].append((x, y))
        points += start
        for first in range(0, len(controls) - 3, 3):
            points += _bezier(*controls[first : first + 4])
        points += end
    return points


def _bezier(a: Point, b: Point, c: Point, d: Point) -> list[Point]:
    points: list[Point] = []
    for number in range(_SAMPLES + 1):
        t = number / _SAMPLES
        weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3)
        pairs = list(zip(weights, (a, b, c, d), strict=True))
        points.append((sum(w * p[0] for w, p in pairs), sum(w * p[1] for w, p in pairs)))
    return points


def text_rectangle(operations: list[dict[str, Any]]) -> Rectangle | None:
    """Return what the text of a label covers; None for no text."""
    size, found = 10.0, list[Rectangle]()
    for operation in operations:
        if operation["op"] == "F":
            size = operation["size"]
        elif operation["op"] == "T":
            x, y = operation["pt"]
            width = operation["width"]
            x -= {"l": 0.0, "c": width / 2, "r": width}[operation["align"]]
            found.append((x, y - _DESCENT * size, x + width, y + _ASCENT * size))
    if not found:
        return None
    left, low, right, high = zip(*found, strict=True)
    return min(left), min(low), max(right), max(high)


def _node_rectangle(node: dict[str, Any]) -> Rectangle:
    x, y = (float(part) for part in node["pos"].split(","))
    half_width, half_height = float(node["width"]) * 36, float(node["height"]) * 36
    return x - half_width, y - half_height, x + half_width, y + half_height


def _overlap(one: Rectangle | None, two: Rectangle | None) -> bool:
    if one is None or two is None:
        return False
    return min(one[2], two[2]) > max(one[0], two[0]) and min(one[3], two[3]) > max(one[1], two[1])


def _touch(one: Rectangle, two: Rectangle) -> bool:
    """Tell whether two rectangles, which may be no wider than a line, have a point in common."""
    return one[0] <= two[2] and two[0] <= one[2] and one[1] <= two[3] and two[1] <= one[3]


def _enters(edge: Edge, rectangle: Rectangle | None) -> bool:
    if rectangle is None or not _touch(edge.covers, rectangle):
        return False
    return any(_meets(a, b, rectangle) for a, b in pairwise(edge.line))


def _meets(a: Point, b: Point, rectangle: Rectangle) -> bool:
    """Tell whether the straight line from *a* to *b* touches a rectangle (Liang and Barsky)."""
    left, low, right, high = rectangle
    begin, end = 0.0, 1.0
    for start, step, least, most in (
        (a[0], b[0] - a[0], left, right),
        (a[1], b[1] - a[1], low, high),
    ):
        if step == 0.0:
            if not least <= start <= most:
                return False
            continue
        near, far = sorted(((least - start) / step, (most - start) / step))
        begin, end = max(begin, near), min(end, far)
    return begin <= end


def _cross(one: list[Point], place: int, two: list[Point], other: int) -> bool:
    """Tell whether the pieces that begin at these places of two lines cross."""
    a, b, c, d = one[place], one[place + 1], two[other], two[other + 1]
    # A point on the other line counts as left of it: a crossing there is one, and not two or none.
    parts_two = _is_left(a, b, c) != _is_left(a, b, d)
    return parts_two and _is_left(c, d, a) != _is_left(c, d, b)


def _is_left(a: Point, b: Point, c: Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0


def layout_of(text: str) -> Layout:
    """Let Graphviz lay *text* out."""
    return Layout(json.loads(_drawn(text, "json")))


def _drawn(text: str, form: str) -> bytes:
    graphviz: Any = import_module("pygraphviz")
    # Never into a BytesIO: pygraphviz 2.0.4 then ends the process by a segmentation fault.
    drawn: bytes = graphviz.AGraph(string=text).draw(None, format=form, prog="dot")
    return drawn


def main() -> None:
    """Read what to draw from stdin, draw it to stdout."""
    asked = json.loads(sys.stdin.buffer.read())
    candidates: list[str] = asked["candidates"]
    best = candidates[0]
    if len(candidates) > 1:
        best = min(candidates, key=lambda text: layout_of(text).cost())
    sys.stdout.buffer.write(_drawn(best, asked["format"]))


if __name__ == "__main__":
    main()
