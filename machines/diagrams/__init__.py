"""Drawings of machines: what there is to see, and as text for those who draw or run it.

Everything is made of the definition that runs: `describe` says which boxes and arrows there are,
the other modules write that down for Mermaid, Graphviz, SCXML engines, XState and programs.
"""

from hookflash.machines.diagrams.describing import describe as describe
from hookflash.machines.diagrams.dot import to_dot as to_dot
from hookflash.machines.diagrams.drawing import Arrow as Arrow
from hookflash.machines.diagrams.drawing import Box as Box
from hookflash.machines.diagrams.drawing import Clock as Clock
from hookflash.machines.diagrams.drawing import Drawing as Drawing
from hookflash.machines.diagrams.drawing import Line as Line
from hookflash.machines.diagrams.figures import Flow as Flow
from hookflash.machines.diagrams.figures import Hop as Hop
from hookflash.machines.diagrams.figures import Stay as Stay
from hookflash.machines.diagrams.figures import Traffic as Traffic
from hookflash.machines.diagrams.figures import Walk as Walk
from hookflash.machines.diagrams.mermaid import to_mermaid as to_mermaid
from hookflash.machines.diagrams.plain import to_json as to_json
from hookflash.machines.diagrams.scxml import to_scxml as to_scxml
from hookflash.machines.diagrams.xstate import to_xstate as to_xstate
