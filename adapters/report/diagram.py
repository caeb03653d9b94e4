"""The state diagrams of the page: one with the traffic of its recording, one for the player.

The extra `docs` draws them. Without it the shipped drawing of the hold machine is shown, without
figures, where the recording is of that very definition; the tables beside it have all of them.
"""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Literal
from xml.etree import ElementTree as ET

from attrs import frozen

from hookflash.adapters.diagrams import draw_svg
from hookflash.adapters.diagrams.dressing import CLASS, DARK
from hookflash.adapters.specifications import load_machine
from hookflash.engine.logs import get_logger
from hookflash.machines.diagrams.dot import COLOURS
from hookflash.machines.diagrams.figures import Traffic
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.machine import Machine

SHIPPED: Final = "hold.svg"
"""The drawing in `specs/` that ships; `python -m hookflash.adapters.generated` keeps it current."""

Origin = Literal["drawn", "shipped", "none"]

_log = get_logger("hookflash.report")

_SVG: Final = "{http://www.w3.org/2000/svg}"
_ELEMENTS: Final = frozenset(
    {"svg", "g", "title", "desc", "path", "polygon", "polyline", "ellipse", "text", "tspan"}
)
_ATTRIBUTES: Final = frozenset(
    {
        *("aria-labelledby", "class", "cx", "cy", "d", "data-rows", "data-source", "data-state"),
        *("data-target", "fill", "font-size", "font-weight", "height", "id", "points", "role"),
        *("rx", "ry", "stroke", "stroke-dasharray", "stroke-width", "text-anchor", "transform"),
        *("viewBox", "width", "x", "y"),
    }
)
"""What a drawing may have in the page: nothing that runs, loads or leads anywhere."""

_DURATION: Final = re.compile(r"\s\([^()]*\d[^()]*\)$")


@frozen
class Diagrams:
    """The drawings of a page.

    Attributes:
        page: With the traffic on it; empty for none.
        player: The one that the player works on; empty for none.
        style: Their style rules, for the light and the dark page.
        origin: Where they come from.
    """

    page: str
    player: str
    style: str
    origin: Origin


def diagrams_of(machine: Machine[Any, Any], traffic: Traffic) -> Diagrams:
    """Return the drawings of a machine with its traffic. Blocks for up to a second.

    Args:
        machine: The machine of the recording.
        traffic: What the recording says about it.
    """
    try:
        page = draw_svg(machine, traffic, detail="brief", direction="LR")
        player = _drawn_for_player(machine)
    except ConfigurationError as error:
        if error.source != "pygraphviz":
            raise
        _log.info("report.diagram_not_drawn", reason=error.message)
        return _shipped(machine)
    return Diagrams(_for_page(page), _for_page(player), _style_of(page), "drawn")


def shipped_drawing() -> str:
    """Draw what ships: the hold machine, without traffic.

    Raises:
        ConfigurationError: pygraphviz is not installed.
    """
    return draw_svg(load_machine("hold"), detail="brief")


def _drawn_for_player(machine: Machine[Any, Any]) -> str:
    return _kept_drawing(machine.spec.text, repr(machine.policy), _Same(machine))


class _Same:
    """A machine, for a cache whose other keys tell machines apart."""

    def __init__(self, machine: Machine[Any, Any]) -> None:
        self.machine = machine

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=8)
def _kept_drawing(definition: str, policy: str, same: _Same) -> str:
    del definition, policy  # they tell the machines apart
    return draw_svg(same.machine, detail="brief")


def _shipped(machine: Machine[Any, Any]) -> Diagrams:
    if machine.spec.digest != load_machine("hold").spec.digest:
        return Diagrams("", "", "", "none")
    text = files("hookflash").joinpath("specs", SHIPPED).read_text(encoding="utf-8")
    plain = _for_page(text, durations=False)
    return Diagrams(plain, plain, _style_of(text), "shipped")


# --- what gets into the page ----------------------------------------------------------------------


def _for_page(svg: str, *, durations: bool = True) -> str:
    """Return a drawing with nothing in it but shapes and words.

    Args:
        svg: The drawing.
        durations: False takes out how long timers take: the drawing is of another policy.
    """
    # Ours, made of text that is escaped; entities are none, or ElementTree refuses them.
    root = ET.fromstring(svg)  # noqa: S314 - see above
    _clean(root)
    if not durations:
        _leave_durations_out(root)
    ET.register_namespace("", _SVG[1:-1])
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element) -> None:
    for name in list(element.attrib):
        if name not in _ATTRIBUTES:
            del element.attrib[name]
    for child in list(element):
        if child.tag.removeprefix(_SVG) in _ELEMENTS:
            _clean(child)
        else:
            element.remove(child)


def _leave_durations_out(root: ET.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if "fill-clock" in child.attrib.get("class", ""):
                parent.remove(child)
            elif child.text is not None and child.tag in {f"{_SVG}text", f"{_SVG}tspan"}:
                child.text = _DURATION.sub("", child.text)


def _style_of(svg: str) -> str:
    """Return the style rules of a drawing, and its colours where somebody chose light or dark."""
    rules = "\n".join(re.findall(r"<style>(.*?)</style>", svg, re.DOTALL))
    chosen = "\n".join(
        f':root[data-theme="{theme}"] .{CLASS} {{ '
        + "; ".join(f"--hookflash-{role}: {colour}" for role, colour in colours.items())
        + " }"
        for theme, colours in (("light", COLOURS), ("dark", DARK))
    )
    return f"{rules}\n{chosen}\n"
