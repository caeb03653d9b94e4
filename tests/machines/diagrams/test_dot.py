"""Drawings in the language of Graphviz; that Graphviz takes them is tested where it draws them."""

import re

from tests.machines.diagrams.doors import door, traffic, walk

from hookflash.adapters.specifications import load_machine
from hookflash.machines.diagrams import describe, to_dot
from hookflash.machines.diagrams.dot import ARRANGEMENTS, Arrangement
from hookflash.machines.diagrams.dot_text import COLOURS, quoted, statement


def attributes(text: str, start: str) -> dict[str, str]:
    """Return the attributes of the statement that begins with *start*, other than its label."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"  {start} [")]
    return dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line.partition(", label=<")[0]))


def test_states_and_arrows_have_names_and_classes() -> None:
    """States are `state-NAME`, arrows `arrow-N`; their classes say what they are."""
    text = to_dot(describe(load_machine("hold")))
    assert attributes(text, '"active"')["id"] == "state-active"
    assert attributes(text, '"active"')["class"] == "state story initial"
    assert attributes(text, '"closed"')["class"] == "state final"
    assert attributes(text, '"closed"')["peripheries"] == "2"
    story = attributes(text, '"active" -> "hold_pending"')
    assert (story["id"], story["class"], story["style"]) == ("arrow-1", "arrow story", "solid")
    other = attributes(text, '"held" -> "expired"')
    assert (other["class"], other["style"]) == ("arrow", "dashed")


def test_the_normal_path_is_set_apart() -> None:
    """Its states and arrows have colours of their own, and its arrows are wider."""
    text = to_dot(describe(door()))
    assert attributes(text, '"shut"')["fillcolor"] == COLOURS["storybox"]
    assert attributes(text, '"stuck"')["fillcolor"] == COLOURS["box"]
    assert attributes(text, '"shut" -> "open"')["color"] == COLOURS["story"]
    assert attributes(text, '"open" -> "stuck"')["color"] == COLOURS["other"]
    wide, thin = (
        float(attributes(text, ends)["penwidth"])
        for ends in ('"shut" -> "open"', '"open" -> "stuck"')
    )
    assert wide > thin


def test_an_arrow_from_any_state_has_a_box_of_its_own() -> None:
    """It stands beside the end of the normal path, and says whether it is for all states."""
    text = to_dot(describe(door()))
    assert 'label="any state"' in text
    assert '{rank=same; "open"; "gone"}' in text
    connection = to_dot(describe(load_machine("connection")))
    assert 'label="any other state"' in connection
    assert "rank=same" not in connection  # `closed` is the end of the normal path itself
    assert "rank=same" not in to_dot(describe(door("[diagram]\npath = []\n")))


def test_what_happened_and_what_never_did() -> None:
    """What never happened is faint; what is not in the definition is red; often is wide."""
    text = to_dot(describe(door(), traffic()))
    assert attributes(text, '"stuck"')["class"] == "state dim"
    assert attributes(text, '"open" -> "stuck"')["color"] == COLOURS["faint"]
    assert attributes(text, '"air"')["class"] == "state stray"
    assert attributes(text, '"open" -> "air"')["class"] == "arrow stray"
    assert attributes(text, '"open" -> "air"')["style"] == "dotted"
    assert attributes(text, '"open" -> "air"')["color"] == COLOURS["stray"]
    assert attributes(text, '"shut" -> "open"')["penwidth"] == "4.0"
    assert attributes(text, '"open" -> "air"')["penwidth"] == "1.3"


def test_a_walk_has_a_colour_of_its_own() -> None:
    """States and arrows of a way are blue; the others faint, and their arrows without words."""
    text = to_dot(describe(door(), walk=walk(("shut", "pushed", "open"))))
    assert attributes(text, '"shut"')["fillcolor"] == COLOURS["walkbox"]
    assert attributes(text, '"stuck"')["color"] == COLOURS["faint"]
    assert attributes(text, '"shut" -> "open"')["color"] == COLOURS["walk"]
    (line,) = [line for line in text.splitlines() if line.startswith('  "open" -> "stuck"')]
    assert "label" not in line
    (pill,) = [line for line in text.splitlines() if "any state" in line]
    assert 'class="any dim"' in pill


def test_arrangements_say_the_same() -> None:
    """They differ in what Graphviz is asked for, not in what is drawn."""
    drawing = describe(load_machine("hold"))
    texts = {to_dot(drawing, arrangement=arrangement) for arrangement in ARRANGEMENTS}
    assert len(texts) == len(ARRANGEMENTS)
    asked = re.compile(r', (?:tailport|headport|weight|group)="\w*"')
    assert len({tuple(sorted(asked.sub("", text).splitlines())) for text in texts}) == 1
    right = to_dot(drawing, direction="LR", arrangement=Arrangement(straight=True))
    assert attributes(right, '"active" -> "hold_pending"')["tailport"] == "e"
    assert "tailport" not in attributes(right, '"unhold_pending" -> "active"')


def test_details_differ() -> None:
    """The more detail, the more is written."""
    drawing = describe(load_machine("hold"))
    brief, normal, full = (to_dot(drawing, detail) for detail in ("brief", "normal", "full"))
    assert len(brief) < len(normal) < len(full)
    assert "send_hold" not in brief
    assert "send_hold" in normal
    assert "refusal_says_held" in normal
    assert "NotEligible" in full


def test_strange_text_is_escaped() -> None:
    """What has a meaning in the language is escaped, in quotes and in tables."""
    assert quoted('a "b"\\N\nc') == '"a \\"b\\"\\\\N c"'
    assert statement("x", tooltip="<TABLE>", class_="a") == '  x [tooltip="<TABLE>", class="a"]'
    odd = door().spec.text.replace("Nobody can pass.", "Nobody < 3 & nothing > 4.")
    assert "Nobody" in odd
    machine = door()
    state = machine.spec.states["shut"]
    machine.spec.states["shut"] = type(state)('Nobody <b> & "pass".')
    text = to_dot(describe(machine))
    assert 'Nobody&#160;&lt;b&gt;&#160;&amp;&#160;"pass".' in text
