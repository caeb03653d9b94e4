"""Drawings of machines as SVG and PNG, and what a recording has to say in them.

The extra `docs` brings what draws. Mermaid, Graphviz's language, SCXML, XState and JSON are text
and need nothing: `hookflash.machines.diagrams`.
"""

from hookflash.adapters.diagrams.drawing import draw_png as draw_png
from hookflash.adapters.diagrams.drawing import draw_svg as draw_svg
from hookflash.adapters.diagrams.traffic import read_traffic as read_traffic
from hookflash.adapters.diagrams.traffic import read_walk as read_walk
