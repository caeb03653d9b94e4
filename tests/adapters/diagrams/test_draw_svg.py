"""SVG and PNG: self-contained, with names for everything, the same on every machine."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import attrs
import pytest
from tests.machines.diagrams.doors import door, traffic, walk

from hookflash.adapters.diagrams import draw_png, draw_svg, graphviz
from hookflash.adapters.diagrams.drawing import texts_of
from hookflash.adapters.diagrams.dressing import CLASS, DARK, anchor
from hookflash.adapters.specifications import load_machine, shipped_machines
from hookflash.machines.diagrams import describe
from hookflash.machines.diagrams.dot import ARRANGEMENTS, COLOURS
from hookflash.machines.errors import ConfigurationError

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    """Return a drawing, parsed."""
    return ET.fromstring(svg)  # noqa: S314 - our own


def groups(root: ET.Element, word: str) -> dict[str, ET.Element]:
    """Return the groups of a class by their ids."""
    found = (group for group in root.iter(f"{SVG}g"))
    return {g.attrib["id"]: g for g in found if word in g.attrib.get("class", "").split()}


def words(element: ET.Element) -> Iterator[str]:
    """Yield the rows of text in an element."""
    for text in element.iter(f"{SVG}text"):
        yield "".join(text.itertext()).replace("\u00a0", " ")


@pytest.mark.parametrize("name", shipped_machines())
def test_states_and_arrows_are_named(name: str) -> None:
    """Each state is `state-NAME`, each arrow `arrow-N` with its ends and rows."""
    machine = load_machine(name)
    root = parsed(draw_svg(machine))
    states, arrows = groups(root, "state"), groups(root, "arrow")
    names = {key: state.attrib["data-state"] for key, state in states.items()}
    assert names == {f"state-{name}": name for name in machine.spec.states}
    drawn = describe(machine).arrows
    assert set(arrows) == {f"arrow-{arrow.number}" for arrow in drawn}
    for arrow in drawn:
        group = arrows[f"arrow-{arrow.number}"]
        assert group.attrib["data-source"].split() == list(arrow.sources)
        assert group.attrib["data-target"] == arrow.target
        assert group.attrib["data-rows"].split() == [str(row.index) for row in arrow.rows]
        assert ("story" in group.attrib["class"].split()) == arrow.story


def test_it_needs_nothing_else() -> None:
    """It has no script, no link and loads nothing."""
    svg = draw_svg(load_machine("hold"))
    assert svg.startswith("<svg ")
    assert svg.rstrip().endswith("</svg>")
    urls = set(re.findall(r"https?://[^\s\"'<]+", svg))
    assert urls == {"http://www.w3.org/2000/svg"}
    tags = {element.tag.removeprefix(SVG) for element in parsed(svg).iter()}
    assert tags <= {
        *("svg", "g", "title", "desc", "style", "path", "polygon", "polyline", "ellipse"),
        *("text", "tspan"),
    }


def test_it_can_be_heard() -> None:
    """It has a title and a description, and each part has a title of its own."""
    root = parsed(draw_svg(load_machine("hold")))
    assert root.attrib["role"] == "img"
    title, desc = root.attrib["aria-labelledby"].split()
    found = {element.attrib.get("id"): element for element in root}
    assert found[title].text == "The machine hold"
    assert "The normal path begins in active, on hold_requested to hold_pending" in str(
        found[desc].text
    )
    assert "It ends in closed." in str(found[desc].text)
    expired = groups(root, "state")["state-expired"].find(f"{SVG}title")
    assert expired is not None
    assert str(expired.text).startswith("expired: The limit passed")
    arrow = groups(root, "arrow")["arrow-1"].find(f"{SVG}title")
    assert arrow is not None
    assert "hold_requested / send_hold: The command is sent;" in str(arrow.text)
    other = parsed(draw_svg(door("[diagram]\npath = []\n")))
    assert "normal path" not in "".join(str(one.text) for one in other.iter(f"{SVG}desc"))


def test_colours_follow_the_page() -> None:
    """All that is drawn has classes for its colours, for light pages and for dark ones."""
    root = parsed(draw_svg(load_machine("hold")))
    assert root.attrib["class"] == CLASS
    (style,) = [element.text for element in root.iter(f"{SVG}style")]
    assert style is not None
    assert "@media (prefers-color-scheme: dark)" in style
    for role in COLOURS:
        assert f"--hookflash-{role}: {DARK[role]}" in style
    for rule in re.findall(r"^\s*([^@{}]+?) \{", style, re.MULTILINE):
        assert rule.startswith(f".{CLASS}"), "no rule reaches beyond the drawing"
    for element in root.iter():
        for attribute, kind in (("fill", "fill"), ("stroke", "line")):
            colour = element.attrib.get(attribute, "none")
            if colour != "none":
                role = next(role for role, value in COLOURS.items() if value == colour)
                assert f"{kind}-{role}" in element.attrib["class"].split()


def test_several_drawings_on_one_page() -> None:
    """With a prefix no id of one drawing is one of another's."""
    one, two = (draw_svg(door(), id_prefix=prefix) for prefix in ("a-", "b-"))
    ids = [set(re.findall(r' id="([^"]*)"', svg)) for svg in (one, two)]
    assert not ids[0] & ids[1]
    assert 'id="a-state-shut"' in one
    assert 'aria-labelledby="a-diagram-title a-diagram-desc"' in one


def test_what_is_written_is_readable() -> None:
    """Each row is one text, whatever its parts; names stand in the middle of their boxes."""
    root = parsed(draw_svg(door()))
    shut = groups(root, "state")["state-shut"]
    assert list(words(shut))[:2] == ["shut", "Nobody can pass."]
    name = next(shut.iter(f"{SVG}text"))
    assert name.attrib["text-anchor"] == "middle"
    opened = groups(root, "state")["state-open"]
    assert "close 30 s to 10 min" in list(words(opened))
    arrow = groups(root, "arrow")["arrow-1"]
    assert list(words(arrow)) == ["pushed / swing, start_timer"]
    (text,) = arrow.iter(f"{SVG}text")
    assert [span.attrib["font-weight"] for span in text] == ["normal"]


def test_traffic_and_walks() -> None:
    """What never happened is `dim`, what is not in the definition is `stray`."""
    root = parsed(draw_svg(door(), traffic()))
    states, arrows = groups(root, "state"), groups(root, "arrow")
    assert "dim" in states["state-stuck"].attrib["class"].split()
    assert "stray" in states["state-air"].attrib["class"].split()
    assert "2,000 \u00b7 100 % \u00b7 last 13:00:02" in list(words(arrows["arrow-1"]))
    title = arrows["arrow-1"].find(f"{SVG}title")
    assert title is not None
    assert "2,000 times" in str(title.text)
    way = parsed(draw_svg(door(), path=walk(("shut", "pushed", "open"))))
    assert "dim" not in groups(way, "arrow")["arrow-1"].attrib["class"].split()
    assert "1  pushed  13:00:01.000" in list(words(groups(way, "arrow")["arrow-1"]))


def test_strange_names_and_texts() -> None:
    """Names with blanks and sentences with markup come out as they are."""
    machine = door()
    doc = 'Nobody <b>can</b> & "pass" \\N.'
    states = {name: attrs.evolve(state, doc=doc) for name, state in machine.spec.states.items()}
    machine.spec = attrs.evolve(machine.spec, states=states, doc=doc)
    odd = walk(("shut", "pushed", 'half "open" \\G'))
    root = parsed(draw_svg(machine, path=odd))
    (state,) = [g for g in groups(root, "state").values() if "stray" in g.attrib["class"]]
    assert state.attrib["data-state"] == 'half "open" \\G'
    assert state.attrib["id"] == "state-halfx20x22openx22x20x5cG"
    assert anchor("a b") == "ax20b"
    assert list(words(groups(root, "state")["state-shut"]))[1] == doc


def test_it_is_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two drawings are equal, and so is one on a machine without any fonts."""
    machine = door()
    svg, png = draw_svg(machine), draw_png(machine)
    assert draw_svg(machine) == svg
    no_fonts = tmp_path / "fonts.conf"
    no_fonts.write_text('<?xml version="1.0"?><fontconfig></fontconfig>', encoding="utf-8")
    monkeypatch.setenv("FONTCONFIG_FILE", str(no_fonts))
    assert draw_svg(machine) == svg
    assert draw_png(machine) == png


@pytest.mark.parametrize("name", shipped_machines())
def test_png(name: str) -> None:
    """A PNG has the size of the drawing, at 96 dots per inch."""
    png = draw_png(load_machine(name), detail="brief", direction="LR")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    root = parsed(draw_svg(load_machine(name), detail="brief", direction="LR"))
    assert abs(width - int(root.attrib["width"])) <= 2
    assert abs(height - int(root.attrib["height"])) <= 2


def test_large_machines_are_not_tried_for_minutes() -> None:
    """The more arrows there are, the fewer arrangements are tried."""
    drawing = describe(load_machine("hold"))
    tried = [
        len(texts_of(attrs.evolve(drawing, arrows=drawing.arrows * times), "brief", "TB"))
        for times in (1, 5, 10)
    ]
    assert tried == [len(ARRANGEMENTS), 4, 1]


def test_without_pygraphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is missing the error says which one to install, and what does without."""
    found = importlib.util.find_spec

    def missing(name: str, *rest: Any) -> Any:
        return None if name == "pygraphviz" else found(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    with pytest.raises(ConfigurationError, match="needs pygraphviz") as caught:
        draw_svg(door())
    assert "hookflash[docs]" in caught.value.advice
    assert "mermaid" in caught.value.advice
    assert caught.value.source == "pygraphviz"


def test_graphviz_that_fails() -> None:
    """What Graphviz does not take is an error, and ends no more than its own process."""
    with pytest.raises(ConfigurationError, match="Graphviz failed"):
        graphviz.draw(["digraph {"], "svg")


def test_graphviz_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drawing has a time limit."""
    monkeypatch.setattr(graphviz, "TIMEOUT_S", 0.001)
    with pytest.raises(ConfigurationError, match="did not draw the machine within"):
        graphviz.draw(["digraph {}"], "svg")
