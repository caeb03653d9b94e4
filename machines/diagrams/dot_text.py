"""Statements and labels in the language of Graphviz, and the colours of a drawing."""

from collections.abc import Iterable
from typing import Final

from hookflash.machines.diagrams.writing import Role, Row, Span

COLOURS: Final = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "muted": "#57606a",
    "faint": "#afb8c1",
    "box": "#f6f8fa",
    "edge": "#8c959f",
    "story": "#1a7f37",
    "storybox": "#eafbef",
    "other": "#bc4c00",
    "clock": "#8250df",
    "figure": "#0550ae",
    "stray": "#cf222e",
    "straybox": "#ffebe9",
    "walk": "#0969da",
    "walkbox": "#ddf4ff",
}
"""What has which colour; each colour stands for one thing, so that a page can restyle it."""

FONTS: Final = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"
"""A font for the layout that is at least as wide as those that a browser may take instead."""

_STYLES: Final[dict[Role, tuple[str, int]]] = {
    "clock": ("clock", 10),
    "doc": ("muted", 11),
    "does": ("ink", 10),
    "effect": ("muted", 10),
    "faint": ("faint", 10),
    "figure": ("figure", 10),
    "name": ("ink", 15),
    "other": ("other", 10),
    "story": ("story", 11),
    "stray": ("stray", 10),
    "walk": ("walk", 11),
}
"""The colour and the size of each kind of text, in points."""

GAP: Final = '<TR><TD HEIGHT="5"></TD></TR>'
"""A row that parts others."""


def statement(what: str, **attributes: str) -> str:
    """Return a statement about *what*.

    Args:
        what: A node or edge, quoted, or `graph`, `node`, `edge`.
        **attributes: Its attributes; a `_` at the end of a name is left out. A label that is a
            table is written as it is, all else in quotes.
    """
    pairs: list[str] = []
    for key, value in attributes.items():
        is_table = key == "label" and value.startswith("<TABLE")
        pairs.append(f"{key.rstrip('_')}={f'<{value}>' if is_table else quoted(value)}")
    return f"  {what} [{', '.join(pairs)}]"


def table(rows: Iterable[str], padding: int) -> str:
    """Return *rows* as a table without lines."""
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}">'
        f"{''.join(rows)}</TABLE>"
    )


def row(spans: Row, *, dim: bool = False, centred: bool = False) -> str:
    """Return a row of a table; faint where *dim*."""
    text = "".join(_span(span, dim=dim) for span in spans if span.text)
    return f'<TR><TD ALIGN="{"CENTER" if centred else "LEFT"}">{text}</TD></TR>'


def _span(span: Span, *, dim: bool) -> str:
    colour, size = _STYLES[span.role]
    # Graphviz swallows blanks at the ends of a piece, other than those that do not break.
    text = _escaped(span.text).replace(" ", "&#160;")
    text = f"<B>{text}</B>" if span.bold else text
    return f'<FONT COLOR="{COLOURS["faint" if dim else colour]}" POINT-SIZE="{size}">{text}</FONT>'


def quoted(text: str) -> str:
    """Return *text* in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _escaped(text: str) -> str:
    # A backslash begins an escape in tables too.
    for character, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\\", "\\\\")):
        text = text.replace(character, written)
    return text
