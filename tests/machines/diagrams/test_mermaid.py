"""Drawings for Mermaid; its own parser has a say in tests/interop."""

from tests.machines.diagrams.doors import door, traffic, walk

from hookflash.adapters.specifications import load_machine
from hookflash.machines.diagrams import describe, to_mermaid


def lines(text: str) -> list[str]:
    """Return the lines of a text without their indentation."""
    return [line.strip() for line in text.splitlines()]


def test_a_state_diagram() -> None:
    """It has the states with what they do, and one arrow for all that leads to the same state."""
    text = lines(to_mermaid(describe(door())))
    assert text[:4] == [
        "%% door  Opens a door, and shuts it again by itself.",
        "stateDiagram-v2",
        "direction TB",
        "[*] --> shut",
    ]
    assert "shut: shut" in text
    assert "shut: Nobody can pass." in text
    assert "shut --> open: (1) pushed / swing, start_timer" in text
    assert "open --> shut: (2) time_over (30 s to 10 min) [free] / swing" in text
    assert "open --> stuck: blocked" in text
    assert "gone --> [*]" in text
    assert any(line.startswith("any5 --> gone: removed in shut, open / ring<br/>") for line in text)
    assert "class shut,open story" in text


def test_other_directions_and_details() -> None:
    """It leads to the right where asked, and has only events in brief."""
    text = to_mermaid(describe(load_machine("hold")), "brief", direction="LR")
    assert "direction LR" in text
    assert "end_refused" not in text


def test_traffic_and_walks() -> None:
    """Figures are in it; what is not in the definition is marked; untaken arrows have no words."""
    text = lines(to_mermaid(describe(door(), traffic())))
    assert "class air stray" in text
    figures = "2,000 \u00b7 100 #37; \u00b7 last 13#58;00#58;02"
    assert f"shut --> open: {figures}<br/>(1) pushed / swing, start_timer" in text
    walked = lines(to_mermaid(describe(door(), walk=walk(("shut", "pushed", "open")))))
    assert "shut --> open: 1  pushed  13#58;00#58;01.000" in walked
    assert "open --> stuck" in walked


def test_no_path_no_classes() -> None:
    """Where nothing is special, there are no classes."""
    text = to_mermaid(describe(door("[diagram]\npath = []\n")))
    assert "classDef" not in text


def test_names_that_mermaid_has_a_use_for() -> None:
    """A state called as a word of its grammar, or with a blank, gets another id."""
    machine = door()
    renamed = walk(("shut", "pushed", "end"), ("end", "pushed", "half open"))
    text = lines(to_mermaid(describe(machine, walk=renamed)))
    assert "state5: end" in text
    assert "state6: half open" in text
    assert any(line.startswith("shut --> state5: 1  pushed") for line in text)
