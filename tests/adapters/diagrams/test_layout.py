"""Where Graphviz puts things: nothing hides anything else, the clearest arrangement is taken."""

import json
from typing import Any

import pytest
from tests.machines.diagrams.doors import door, traffic, walk

from hookflash.adapters.diagrams import graphviz
from hookflash.adapters.diagrams.worker import Layout, curve, text_rectangle
from hookflash.adapters.specifications import load_machine, shipped_machines
from hookflash.machines.diagrams import describe
from hookflash.machines.diagrams.dot import ARRANGEMENTS, Direction, to_dot
from hookflash.machines.diagrams.drawing import Drawing
from hookflash.machines.diagrams.writing import Detail


def drawn(drawing: Drawing, detail: Detail = "normal", direction: Direction = "TB") -> Layout:
    """Return where everything stands in a drawing that is made as users get it."""
    texts = [
        to_dot(drawing, detail, direction=direction, arrangement=arrangement)
        for arrangement in ARRANGEMENTS
    ]
    return Layout(json.loads(graphviz.draw(texts, "json")))


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("detail", ["brief", "normal", "full"])
@pytest.mark.parametrize("name", shipped_machines())
def test_nothing_overlaps(name: str, detail: Detail, direction: Direction) -> None:
    """No label lies on another, no line runs through a label or a state that is not its own."""
    assert drawn(describe(load_machine(name)), detail, direction).overlaps() == 0


def test_nothing_overlaps_with_figures() -> None:
    """Nor does it with traffic, with what is not in the definition, or in one interaction's way."""
    assert drawn(describe(door(), traffic())).overlaps() == 0
    way = walk(("shut", "pushed", "open"), ("open", "flown", "air"), ("air", "landed", "gone"))
    assert drawn(describe(door(), walk=way)).overlaps() == 0


def test_the_normal_path_leads_on() -> None:
    """From top to bottom its states stand below each other, from left to right side by side."""
    for direction, axis in (("TB", 1), ("LR", 0)):
        text = to_dot(describe(load_machine("connection")), direction=direction)  # type: ignore[arg-type]
        found = json.loads(graphviz.draw([text], "json"))
        places = {
            node["name"]: float(node["pos"].split(",")[axis])
            for node in found["objects"]
            if "pos" in node
        }
        order = ["disconnected", "refreshing", "connecting", "connected", "closed"]
        along = sorted(order, key=lambda name: places[name], reverse=direction == "TB")
        assert along == order


# --- what is measured -----------------------------------------------------------------------------


def laid_out(*edges: dict[str, Any]) -> Layout:
    """Return a layout of two states, each 72 points wide and high, and lines."""
    nodes = [
        {"_gvid": 0, "pos": "0,0", "width": "1", "height": "1"},
        {"_gvid": 1, "pos": "200,0", "width": "1", "height": "1"},
        {"_gvid": 2},
    ]
    return Layout({"objects": nodes, "edges": list(edges), "bb": "0,0,300,100"})


def line(*points: tuple[float, float], label: tuple[float, float] | None = None) -> dict[str, Any]:
    """Return a straight line between two points, with a label of 20 by 10 points at a third."""
    (x1, y1), (x2, y2) = points
    thirds = [(x1 + (x2 - x1) * n / 3, y1 + (y2 - y1) * n / 3) for n in range(4)]
    edge: dict[str, Any] = {
        "tail": 0,
        "head": 1,
        "pos": " ".join(f"{x},{y}" for x, y in thirds),
        "class": "arrow",
    }
    if label is not None:
        text = {"op": "T", "pt": list(label), "align": "l", "width": 20}
        edge["_ldraw_"] = [{"op": "F", "size": 10.0}, {"op": "c"}, text]
    return edge


def test_overlaps_are_counted() -> None:
    """Labels on each other, labels on states, lines through labels and through other states."""
    far = line((36, 300), (164, 300), label=(50, 310))
    assert laid_out(far).overlaps() == 0
    on_each_other = line((36, 400), (164, 400), label=(60, 312))
    assert laid_out(far, on_each_other).overlaps() == 1
    on_state = line((36, 400), (164, 400), label=(0, 0))
    assert laid_out(on_state).overlaps() == 1
    through_label = line((60, 290), (60, 360))
    assert laid_out(far, through_label).overlaps() == 1
    through_state = {**line((0, 0), (200, 0)), "tail": 2, "head": 3}
    assert laid_out(through_state).overlaps() == 2
    level = line((40, 315), (164, 315))
    assert laid_out(far, level).overlaps() == 1
    beside = line((55, 290), (55, 305))
    assert laid_out(far, beside).overlaps() == 0


def test_tangles_are_counted() -> None:
    """Lines that cross, that run close to each other, and whose ends are the same."""
    level = line((40, 50), (160, 50))
    assert laid_out(level, line((100, 0), (100, 100))).tangles()[0] == 1
    crossings, close = laid_out(level, line((40, 53), (160, 53))).tangles()
    assert crossings == 0
    assert close >= 8
    assert laid_out(level, line((40, 80), (160, 80))).tangles() == (0, 0)
    assert laid_out(level, line((40, 50), (160, 90))).clashes() == pytest.approx(1.0)
    assert laid_out(level, line((300, 50), (460, 90))).clashes() == 0


def test_detours_are_counted() -> None:
    """A straight line is none; a bent one is, and one of the normal path counts more."""
    assert laid_out(line((40, 50), (160, 50))).detours() == pytest.approx(0.0)
    bent = {"tail": 0, "head": 1, "pos": "s,0,0 0,0 0,100 100,100 100,0 e,100,0"}
    once = laid_out(bent).detours()
    assert once > 50
    assert laid_out({**bent, "class": "arrow story"}).detours() == pytest.approx(2 * once)
    assert laid_out(bent).cost() > laid_out(line((0, 0), (100, 0))).cost()


def test_curves_and_texts() -> None:
    """A curve begins and ends where its arrowheads do; a text's place depends on its alignment."""
    points = curve("s,1,1 e,9,9 2,2 4,4 6,6 8,8")
    assert points[0] == (1, 1)
    assert points[-1] == (9, 9)
    assert points[1] == (2, 2)
    assert text_rectangle([]) is None
    for align, left in (("l", 10.0), ("c", 0.0), ("r", -10.0)):
        found = text_rectangle([{"op": "T", "pt": [10, 0], "align": align, "width": 20}])
        assert found is not None
        assert found[0] == left
