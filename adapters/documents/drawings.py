"""The drawings in pages: made by Graphviz once, and kept as long as what they show is the same.

Two versions of Graphviz draw the same machine with other numbers. So a page says of each drawing
what it was drawn from, and its own hash: whether it is current can be told without drawing it, and
it is drawn anew only when there is something else to see.
"""

import re
from hashlib import sha256
from typing import Final
from xml.etree import ElementTree as ET

from attrs import frozen

from hookflash.adapters.diagrams.dressing import CLASS, DARK, dress
from hookflash.adapters.diagrams.graphviz import draw
from hookflash.machines.diagrams.dot import COLOURS
from hookflash.machines.diagrams.plain import to_json
from hookflash.machines.documents.document import Picture

_SVG: Final = "{http://www.w3.org/2000/svg}"
_FIGURE: Final = re.compile(
    r'<figure class="drawing" data-drawn-from="(?P<source>[0-9a-f]*)"'
    r' data-drawing="(?P<hash>[0-9a-f]*)">\n(?P<svg>.*?)\n</figure>',
    re.DOTALL,
)
_ROLES: Final = {colour: role for role, colour in COLOURS.items()}
_KEPT: Final = frozenset(
    {"cx", "cy", "d", "fill", "font-size", "font-weight", "points", "rx", "ry", "stroke"}
    | {"stroke-dasharray", "stroke-width", "text-anchor", "transform", "viewBox", "x", "y"}
)
"""Attributes of Graphviz's shapes and words; all others are left out."""
_SHAPES: Final = frozenset({"svg", "g", "path", "polygon", "polyline", "ellipse", "text"})
_FAMILY: Final = "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif"


@frozen
class Drawing:
    """A drawing as a page has it.

    Attributes:
        source: The hash of what it was drawn from; see `source_of`.
        svg: It, as one `<svg>` element; empty where the page is only compared.
    """

    source: str
    svg: str = ""

    def figure(self) -> str:
        """Return it as it stands in a page."""
        made = sha256(self.svg.encode()).hexdigest() if self.svg else ""
        return (
            f'<figure class="drawing" data-drawn-from="{self.source}" data-drawing="{made}">\n'
            f"{self.svg}\n</figure>"
        )


def source_of(picture: Picture) -> str:
    """Return the hash of what a picture is drawn from.

    The drawing of a machine has more in it than Graphviz is told: the reasons of its rows.
    """
    more = "" if picture.drawing is None else to_json(picture.drawing)
    return sha256("\n".join((picture.words, *picture.dots, more)).encode()).hexdigest()


def drawings_in(page: str) -> list[Drawing]:
    """Return the drawings of a page that are as they were drawn, and empty ones for the others."""
    return [
        Drawing(
            match["source"],
            match["svg"] if sha256(match["svg"].encode()).hexdigest() == match["hash"] else "",
        )
        for match in _FIGURE.finditer(page)
    ]


def without_drawings(page: str) -> str:
    """Return a page without its drawings; what they were drawn from stays."""
    return _FIGURE.sub(lambda match: Drawing(match["source"]).figure(), page)


def drawn(picture: Picture, number: int) -> Drawing:
    """Draw a picture. Blocks for half a second or so.

    Args:
        picture: The picture.
        number: Which of its page's it is, from 1: ids begin with it.

    Raises:
        ConfigurationError: pygraphviz is not installed; the advice names the extra.
    """
    raw = draw(picture.dots, "svg")
    if picture.drawing is None:
        return Drawing(source_of(picture), dressed(raw, picture.words, number))
    return Drawing(source_of(picture), dress(raw, picture.drawing, f"drawing-{number}-").strip())


def dressed(raw: bytes, words: str, number: int) -> str:
    """Return Graphviz's SVG with nothing in it but shapes and words, in colours of the page.

    Args:
        raw: What Graphviz drew.
        words: What it shows.
        number: Which drawing of the page it is.
    """
    # Graphviz's own output, made of text that is escaped: no entities to be afraid of.
    root = ET.fromstring(raw)  # noqa: S314 - see above
    _clean(root)
    width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
    # Graphviz thinks in points, pages in pixels.
    root.attrib["width"], root.attrib["height"] = f"{width * 4 / 3:.0f}", f"{height * 4 / 3:.0f}"
    root.attrib.update({"class": CLASS, "role": "img", "aria-labelledby": f"drawing-{number}"})
    title = ET.Element(f"{_SVG}title", {"id": f"drawing-{number}"})
    title.text = words
    root.insert(0, title)
    ET.register_namespace("", _SVG[1:-1])
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element) -> None:
    for name in list(element.attrib):
        if name not in _KEPT:
            del element.attrib[name]
    classes: list[str] = []
    for attribute, prefix in (("fill", "fill"), ("stroke", "line")):
        role = _ROLES.get(element.attrib.get(attribute, ""))
        if role is not None:
            classes.append(f"{prefix}-{role}")
    if classes:
        element.attrib["class"] = " ".join(classes)
    for child in list(element):
        if child.tag == f"{_SVG}a":
            place = list(element).index(child)
            element.remove(child)
            element[place:place] = list(child)
    for child in list(element):
        if child.tag.removeprefix(_SVG) in _SHAPES:
            _clean(child)
        else:
            element.remove(child)


def drawing_style(dark: str = "@media (prefers-color-scheme: dark)") -> str:
    """Return the style rules of the drawings of a page.

    Args:
        dark: When the page is dark: a media rule, or a selector of what surrounds the drawing.
    """
    scope = f".{CLASS}"
    light = "; ".join(f"--hookflash-{role}: {colour}" for role, colour in COLOURS.items())
    darkly = "; ".join(f"--hookflash-{role}: {colour}" for role, colour in DARK.items())
    inner = f"{scope} {{ {darkly} }}"
    return "\n".join(
        (
            f"{scope} {{ {light}; max-width: 100%; height: auto; font-family: {_FAMILY} }}",
            f"{dark} {{ {inner} }}" if dark.startswith("@") else f"{dark} {inner}",
            *(
                f"{scope} .{prefix}-{role} {{ {attribute}: var(--hookflash-{role}) }}"
                for role in COLOURS
                for prefix, attribute in (("fill", "fill"), ("line", "stroke"))
            ),
        )
    )
