"""A document as one HTML page that needs nothing else: no script, no network, light and dark."""

import html
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import takewhile
from string import Template
from typing import Final

from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

from hookflash.adapters.documents.drawings import Drawing, drawing_style
from hookflash.machines.documents.document import Document
from hookflash.machines.documents.markdown import slug

_FOLDER: Final = "hookflash.adapters.documents"

_MATRIX: Final = "Decisions"
"""The section whose table has decisions in all columns but the first."""

_DECISION: Final = "decision"
"""The column that has decisions in other tables."""

_STACKED_FROM: Final = 4
"""Tables with so many columns are written one cell below the other on narrow screens."""


@frozen
class Heading:
    """A heading of a page.

    Attributes:
        level: Its level, from 1.
        anchor: Its anchor.
        content: It, as HTML.
    """

    level: int
    anchor: str
    content: str


def page(document: Document, drawings: Sequence[Drawing]) -> str:
    """Return *document* as a page.

    Args:
        document: The document.
        drawings: What stands in place of its pictures, in their order.
    """
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = markdown.parse(document.markdown)
    headings = list(_headings(markdown, tokens))
    tokens = list(_with_drawings(_without_html(tokens), iter(drawings)))
    tokens = list(_with_tables(tokens))
    style = _asset("page.css").strip()
    if any(picture.drawing is None for picture in document.pictures):
        style = f"{style}\n{drawing_style()}"
    return Template(_asset("page.html")).substitute(
        title=html.escape(document.title),
        style=style,
        contents="\n".join(_contents(headings)),
        content=markdown.renderer.render(tokens, markdown.options, {}).strip(),
    )


@cache
def _asset(name: str) -> str:
    return files(_FOLDER).joinpath(name).read_text(encoding="utf-8")


# --- what is made of the Markdown -----------------------------------------------------------------


def _headings(markdown: MarkdownIt, tokens: Sequence[Token]) -> Iterator[Heading]:
    """Give each heading its anchor, and return it."""
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            inline = tokens[number + 1]
            anchor = slug(_text(inline))
            token.attrSet("id", anchor)
            content = markdown.renderer.render([inline], markdown.options, {})
            yield Heading(int(token.tag[1:]), anchor, content)


def _text(inline: Token) -> str:
    """Return the text of a piece of Markdown without its marks."""
    return "".join(
        child.content for child in inline.children or () if child.type in {"text", "code_inline"}
    )


def _without_html(tokens: Sequence[Token]) -> Iterator[Token]:
    """Let no HTML through but line breaks: whatever a document says is text."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "html_inline" and child.content != "<br>":
                child.type = "text"
        if token.type == "html_block":
            token.type = "code_block"
        yield token


def _with_drawings(tokens: Iterator[Token], drawings: Iterator[Drawing]) -> Iterator[Token]:
    """Put drawings in place of the pictures that Markdown has as text."""
    for token in tokens:
        if token.type == "fence" and token.info == "mermaid":
            yield Token("html_block", "", 0, content=f"{next(drawings).figure()}\n")
        else:
            yield token


def _with_tables(tokens: Sequence[Token]) -> Iterator[Token]:
    """Say of tables and their cells what the style has to know."""
    section, heads, column = "", list[str](), 0
    for number, token in enumerate(tokens):
        match token.type:
            case "heading_open" if token.tag == "h2":
                section = _text(tokens[number + 1])
            case "table_open":
                heads = []
                is_matrix = section == _MATRIX
                wide = sum(1 for one in _row(tokens, number) if one.type == "th_open")
                stacked = wide >= _STACKED_FROM and not is_matrix
                token.attrSet("class", "matrix" if is_matrix else "stacked" if stacked else "")
                yield Token("html_block", "", 0, content='<div class="scroll" tabindex="0">\n')
            case "tr_open":
                column = 0
            case "th_open":
                heads.append(_text(tokens[number + 1]))
            case "td_open":
                _dress_cell(token, heads, column, tokens[number + 1], is_matrix=section == _MATRIX)
                column += 1
            case _:
                pass
        yield token
        if token.type == "table_close":
            yield Token("html_block", "", 0, content="</div>\n")


def _row(tokens: Sequence[Token], start: int) -> Iterator[Token]:
    """Walk the first row of a table."""
    return takewhile(lambda token: token.type != "tr_close", tokens[start:])


def _dress_cell(
    cell: Token, heads: Sequence[str], column: int, inline: Token, *, is_matrix: bool
) -> None:
    cell.attrSet("data-label", heads[column])
    if heads[column] == _DECISION or (is_matrix and column):
        cell.attrSet("class", f"decision {_kind(_text(inline))}")
    elif column == 0 and "," in _text(inline):
        cell.attrSet("class", "list")


def _kind(decision: str) -> str:
    """Return what is foremost in a cell of decisions."""
    for mark, kind in (("→", "moves"), ("stays", "stays"), ("rejected", "rejects")):
        if mark in decision:
            return kind
    return "late"


def _contents(headings: Sequence[Heading]) -> Iterator[str]:
    """Return the lines of the list of contents: sections, and what stands in them."""
    yield "<ul>"
    for number, heading in enumerate(headings):
        if heading.level != 2:
            continue
        link = f'<a href="#{heading.anchor}">{heading.content}</a>'
        inner = list(_below(headings[number + 1 :]))
        if not inner:
            yield f"<li>{link}</li>"
            continue
        yield f"<li><details><summary>{link}</summary>"
        yield "<ul>"
        for one in inner:
            yield f'<li><a href="#{one.anchor}">{one.content}</a></li>'
        yield "</ul></details></li>"
    yield "</ul>"


def _below(headings: Sequence[Heading]) -> Iterator[Heading]:
    for heading in headings:
        if heading.level == 2:
            return
        yield heading
