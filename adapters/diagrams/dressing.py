"""Graphviz's SVG made fit for pages: names for what is drawn, colours that a page may change."""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

from hookflash.machines.diagrams.dot import COLOURS
from hookflash.machines.diagrams.drawing import Arrow, Drawing

_SVG: Final = "{http://www.w3.org/2000/svg}"
_XLINK: Final = "{http://www.w3.org/1999/xlink}"
_XML_SPACE: Final = "{http://www.w3.org/XML/1998/namespace}space"

CLASS: Final = "hookflash-diagram"
"""The class of the whole drawing; all its style rules begin with it."""

DARK: Final = {
    "paper": "#0d1117",
    "ink": "#f0f6fc",
    "muted": "#9ea7b3",
    "faint": "#4b535d",
    "box": "#161b22",
    "edge": "#6e7681",
    "story": "#3fb950",
    "storybox": "#12261a",
    "other": "#f0883e",
    "clock": "#bc8cff",
    "figure": "#79c0ff",
    "stray": "#ff7b72",
    "straybox": "#3d1518",
    "walk": "#58a6ff",
    "walkbox": "#0c2d6b",
}
"""The colours where the reader prefers dark pages; `COLOURS` has those for light ones."""

_FAMILY: Final = "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif"
"""First those that are as wide as what Graphviz measured; all others are narrower."""

_GENERAL: Final = {"node", "edge", "graph"}
"""Classes that Graphviz gives by itself."""

_ROLES: Final = {colour: role for role, colour in COLOURS.items()}
_CENTRED: Final = {("ink", "15.00"), ("muted", "11.00")}
"""Colour and size of a state's name and meaning, which stand in the middle of its box."""


def dress(raw: bytes, drawing: Drawing, id_prefix: str = "") -> str:
    """Return Graphviz's SVG of *drawing* as one `<svg>` that needs nothing else.

    Args:
        raw: What Graphviz drew.
        drawing: What it shows.
        id_prefix: What all ids begin with: pages with several drawings need one for each.
    """
    # Graphviz's own output, made of text that is escaped: no entities to be afraid of.
    root = ET.fromstring(raw)  # noqa: S314 - see above
    ET.register_namespace("", _SVG[1:-1])
    _Dressing(root, drawing, id_prefix).apply()
    return ET.tostring(root, encoding="unicode") + "\n"


def anchor(name: str) -> str:
    """Return *name* as it stands in ids: unusual characters are written by their numbers."""
    return re.sub(r"[^\w.-]", lambda found: f"x{ord(found[0]):x}", name)


class _Dressing:
    def __init__(self, root: ET.Element, drawing: Drawing, prefix: str) -> None:
        self.root, self.drawing, self.prefix = root, drawing, prefix
        self.arrows = {f"arrow-{arrow.number}": arrow for arrow in drawing.arrows}
        self.boxes = {f"state-{box.name}": box for box in drawing.boxes}

    def apply(self) -> None:
        for element in self.root.iter():
            _recolour(element)
        self._name_root()
        for group in self.root.iter(f"{_SVG}g"):
            _unlink(group)
            _join_texts(group)
            self._name_group(group)

    def _name_root(self) -> None:
        root, drawing, prefix = self.root, self.drawing, self.prefix
        width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
        root.attrib.update(
            {
                # Graphviz thinks in points, pages in pixels.
                "width": f"{width * 4 / 3:.0f}",
                "height": f"{height * 4 / 3:.0f}",
                "class": CLASS,
                "role": "img",
                "aria-labelledby": f"{prefix}diagram-title {prefix}diagram-desc",
            }
        )
        title = ET.Element(f"{_SVG}title", {"id": f"{prefix}diagram-title"})
        title.text = f"The machine {drawing.spec.name}"
        desc = ET.Element(f"{_SVG}desc", {"id": f"{prefix}diagram-desc"})
        desc.text = in_words(drawing)
        style = ET.Element(f"{_SVG}style")
        style.text = "\n".join(_rules())
        root[0:0] = [title, desc, style]

    def _name_group(self, group: ET.Element) -> None:
        name = group.attrib.get("id", "")
        title = group.find(f"{_SVG}title")
        classes = [
            word for word in group.attrib.get("class", "").split() if word not in {"node", "edge"}
        ]
        group.attrib["class"] = " ".join(classes)
        if title is not None and name == "graph0":
            group.remove(title)
            group.attrib.pop("id")
            return
        arrow, box = self.arrows.get(name), self.boxes.get(name)
        if box is not None:
            group.attrib["data-state"] = box.name
            _centre(group)
        if arrow is not None:
            group.attrib["data-source"] = " ".join(arrow.sources)
            group.attrib["data-target"] = arrow.target
            group.attrib["data-rows"] = " ".join(str(row.index) for row in arrow.rows)
            if title is not None:
                title.text = "\n".join(_told(arrow, self.drawing))
        group.attrib["id"] = self.prefix + anchor(name)


def in_words(drawing: Drawing) -> str:
    """Return what a drawing shows in some sentences, for those who cannot see it."""
    spec, hops = drawing.spec, drawing.story.hops
    said = [spec.doc, f"States: {', '.join(box.name for box in drawing.boxes)}."]
    if hops:
        way = "".join(f", on {event} to {target}" for _, event, target in hops)
        said.append(f"The normal path begins in {hops[0][0]}{way}.")
    finals = [box.name for box in drawing.boxes if box.final]
    if finals:
        said.append(f"It ends in {', '.join(finals)}.")
    return " ".join(said)


def _told(arrow: Arrow, drawing: Drawing) -> Iterator[str]:
    yield f"{', '.join(arrow.sources)} \u2192 {arrow.target}"
    flow = drawing.flow(arrow.keys)
    if flow is not None:
        yield f"{flow.count:,} times"
    for line in arrow.lines:
        guards = f" [{' & '.join(line.guards)}]" if line.guards else ""
        effects = f" / {', '.join(line.effects)}" if line.effects else ""
        yield f"{line.event}{guards}{effects}: {line.rows[0].reason}"


def _rules() -> Iterator[str]:
    scope = f".{CLASS}"
    light = "; ".join(f"--hookflash-{role}: {colour}" for role, colour in COLOURS.items())
    dark = "; ".join(f"--hookflash-{role}: {colour}" for role, colour in DARK.items())
    yield f"{scope} {{ {light}; max-width: 100%; height: auto; font-family: {_FAMILY} }}"
    yield f"@media (prefers-color-scheme: dark) {{ {scope} {{ {dark} }} }}"
    for role, colour in COLOURS.items():
        yield f"{scope} .fill-{role} {{ fill: var(--hookflash-{role}, {colour}) }}"
        yield f"{scope} .line-{role} {{ stroke: var(--hookflash-{role}, {colour}) }}"
    # Words stay legible where a line runs close by.
    yield (
        f"{scope} .arrow text {{ paint-order: stroke; stroke: var(--hookflash-paper, #fff);"
        " stroke-width: 3px; stroke-linejoin: round }"
    )


# --- Graphviz's elements --------------------------------------------------------------------------


def _recolour(element: ET.Element) -> None:
    """Give what is drawn a class for each of its colours, which stay for viewers without CSS."""
    element.attrib.pop(_XML_SPACE, None)
    element.attrib.pop("font-family", None)
    classes: list[str] = []
    for attribute, prefix in (("fill", "fill"), ("stroke", "line")):
        role = _ROLES.get(element.attrib.get(attribute, ""))
        if role is not None:
            classes.append(f"{prefix}-{role}")
    if classes:
        element.attrib["class"] = " ".join([*element.attrib.get("class", "").split(), *classes])


def _unlink(group: ET.Element) -> None:
    """Take out the link that Graphviz makes of a tooltip; the tooltip becomes a title."""
    for inner in list(group):
        link = inner.find(f"{_SVG}a")
        if inner.tag == f"{_SVG}g" and link is not None:
            title = group.find(f"{_SVG}title")
            if title is not None:
                title.text = link.attrib.get(f"{_XLINK}title", title.text)
            place = list(group).index(inner)
            group.remove(inner)
            group[place:place] = list(link)


def _join_texts(group: ET.Element) -> None:
    """Make one text of the pieces of a row: in another font they still follow each other."""
    last: ET.Element | None = None
    for element in list(group):
        if element.tag != f"{_SVG}text":
            last = None
            continue
        if last is not None and last.attrib["y"] == element.attrib["y"]:
            last.append(_as_span(element))
            group.remove(element)
            continue
        if element.text is not None and element.text != element.text.lstrip():
            element.text = element.text.replace(" ", "\u00a0")
        last = element


def _as_span(text: ET.Element) -> ET.Element:
    kept = {
        name: value
        for name, value in text.attrib.items()
        if name in {"fill", "class", "font-size", "font-weight"}
    }
    # A text's weight is its spans' too, unless they say otherwise.
    span = ET.Element(f"{_SVG}tspan", {"font-weight": "normal", **kept})
    said = text.text or ""
    indented = len(said) - len(said.lstrip(" \u00a0"))
    span.text = "\u00a0" * indented + said[indented:]
    return span


def _centre(group: ET.Element) -> None:
    """Put the name and the meaning of a state in the middle, in whatever font they are shown."""
    outline = group.find(f"{_SVG}path")
    middle = None if outline is None else _middle(outline.attrib["d"])
    for text in group.iter(f"{_SVG}text"):
        role = _ROLES.get(text.attrib.get("fill", ""), "")
        if middle is not None and len(text) == 0 and (role, text.attrib["font-size"]) in _CENTRED:
            text.attrib.update({"text-anchor": "middle", "x": f"{middle:.2f}"})


def _middle(path: str) -> float:
    numbers = [float(x) for x in re.findall(r"(-?[\d.]+),-?[\d.]+", path)]
    return (min(numbers) + max(numbers)) / 2
