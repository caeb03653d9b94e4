"""Documents as pages: one file, nothing but text and shapes in it, and drawings that are kept."""

import re
from html.parser import HTMLParser

import pytest
from tests.machines.documents.lamps import document_of, lamp
from tests.machines.documents.test_rules_documents import document_of as rules_document_of
from tests.machines.documents.test_rules_documents import rule

from hookflash.adapters.documents import drawings as made
from hookflash.adapters.documents.drawings import (
    Drawing,
    drawings_in,
    drawn,
    source_of,
    without_drawings,
)
from hookflash.adapters.documents.page import page
from hookflash.machines.documents import Document, Picture

LAMP = document_of(lamp())
EMPTY = Drawing("ab")


class _Page(HTMLParser):
    """What a page has: its ids, its links, what it would load, and whether its tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "a":
            self.links.append(given.get("href") or "")
        self.loads += [value or "" for name, value in attrs if name in {"src", "srcset", "data"}]
        self.loads += [tag] if tag in {"script", "link", "iframe", "object"} else []
        if tag not in {"meta", "br", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


def document(markdown: str) -> Document:
    """Return a document without pictures."""
    return Document("d", 'A "title" & more', markdown)


# --- pages ----------------------------------------------------------------------------------------


def test_a_page_needs_nothing_else() -> None:
    """No script, nothing to load, every link leads within, every tag is closed."""
    text = page(LAMP, [drawn(LAMP.pictures[0], 1)])
    read = _Page(text)
    assert [] == read.loads
    assert [] == read.open
    assert len(read.ids) == len(set(read.ids))
    assert {link[1:] for link in read.links} <= set(read.ids)
    assert all(link.startswith("#") for link in read.links)
    assert "url(" not in text
    assert "@import" not in text


def test_a_page_says_what_its_markdown_says() -> None:
    """Headings with anchors, a list of contents, tables with what the style has to know."""
    text = page(LAMP, [EMPTY])
    assert '<h3 id="event-pressed">Event <code>pressed</code></h3>' in text
    inner = '<li><a href="#event-pressed">Event <code>pressed</code></a></li>'
    assert inner in text
    assert '<details><summary><a href="#events">Events</a></summary>' in text
    assert '<li><a href="#decisions">Decisions</a></li>' in text
    assert '<table class="matrix">' in text
    assert '<td data-label="lit" class="decision stays">stays</td>' in text
    assert 'class="decision moves">→' in text
    assert 'class="decision rejects">rejected: <code>InvalidCommand</code>' in text
    assert 'class="decision late">ignored</td>' in text
    assert '<td data-label="in" class="list"><code>dark</code>, <code>broken</code></td>' in text
    assert '<table class="stacked">' in text
    assert '<div class="scroll" tabindex="0">\n<table class="">' in text


def test_a_page_lets_no_html_through() -> None:
    """Line breaks are all that Markdown may have of it."""
    text = page(document("# x\n\na<br>b <b>c</b> <script>d</script>\n\n<p onclick='x'>e</p>\n"), [])
    assert "a<br>b &lt;b&gt;c&lt;/b&gt; &lt;script&gt;d&lt;/script&gt;" in text
    assert "<pre><code>&lt;p onclick='x'&gt;e&lt;/p&gt;" in text
    assert "<title>A &quot;title&quot; &amp; more</title>" in text
    linked = page(document("# x\n\n[a](javascript:b)\n"), [])
    assert 'href="javascript' not in linked


def test_only_rules_bring_the_style_of_their_drawings() -> None:
    """The drawing of a machine has a style of its own."""
    assert ".hookflash-diagram .fill-ink" not in page(LAMP, [EMPTY])
    rules = rules_document_of(rule('trigger = { to = "held" }'))
    text = page(rules, [EMPTY])
    assert ".hookflash-diagram .fill-ink" in text
    assert "prefers-color-scheme: dark) { .hookflash-diagram {" in text


# --- drawings -------------------------------------------------------------------------------------


def test_the_drawing_of_a_machine_has_its_states() -> None:
    """As `hookflash diagram` draws it, with ids of its own."""
    drawing = drawn(LAMP.pictures[0], 3)
    assert {"dark", "lit", "broken"} == set(re.findall(r'data-state="(\w+)"', drawing.svg))
    assert 'id="drawing-3-state-lit"' in drawing.svg
    assert source_of(LAMP.pictures[0]) == drawing.source


def test_the_drawing_of_rules_has_shapes_and_words_only() -> None:
    """Nothing that runs, loads or leads anywhere; colours that follow the page."""
    (picture,) = rules_document_of(rule('trigger = { to = "held" }')).pictures
    svg = drawn(picture, 1).svg
    assert {"svg", "title", "g", "path", "polygon", "text", "polyline"} == set(
        re.findall(r"<(\w+)", svg)
    )
    assert '<title id="drawing-1">What sets these rules off' in svg
    assert 'class="fill-story"' in svg
    assert 'class="line-other"' in svg or "line-other" in svg
    assert not re.search(r"\bhref=|\bon\w+=|\bstyle=|<!--", svg)


def test_links_of_graphviz_are_taken_out() -> None:
    """What they hold stays."""
    raw = (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        b' viewBox="0 0 3 6"><g id="a"><a xlink:href="http://x.example"><text fill="#1f2328">w'
        b"</text></a><script>x</script></g></svg>"
    )
    svg = made.dressed(raw, "words", 1)
    assert '<g><text fill="#1f2328" class="fill-ink">w</text></g>' in svg
    assert 'width="4" height="8"' in svg


def test_a_drawing_is_known_by_what_it_was_drawn_from() -> None:
    """One that was changed by hand is none of ours; one that is left out keeps its source."""
    drawing = Drawing("ab12", "<svg>\n<g/>\n</svg>")
    text = f"before\n{drawing.figure()}\nbetween\n{EMPTY.figure()}\nafter"
    assert [drawing, EMPTY] == drawings_in(text)
    assert [Drawing("ab12"), EMPTY] == drawings_in(text.replace("<g/>", "<h/>"))
    assert text.replace(drawing.figure(), Drawing("ab12").figure()) == without_drawings(text)


def test_the_source_of_a_drawing_is_all_that_it_shows() -> None:
    """Another word, another source."""
    one = Picture("m", ("a", "b"), "words")
    assert source_of(one) == source_of(Picture("another text", ("a", "b"), "words"))
    others = [Picture("m", ("a", "c"), "words"), Picture("m", ("a", "b"), "other words")]
    assert 3 == len({source_of(picture) for picture in (one, *others)})


def test_the_reason_of_a_row_is_part_of_a_drawing() -> None:
    """It stands in the drawing, where the pointer is over an arrow."""
    (before,) = LAMP.pictures
    (after,) = document_of(lamp(("Its time is over.", "It has shone."))).pictures
    assert before.dots == after.dots
    assert source_of(before) != source_of(after)


@pytest.mark.parametrize("dark", ["@media (prefers-color-scheme: dark)", '[data-theme="dark"]'])
def test_drawings_are_light_and_dark(dark: str) -> None:
    """By the reader's system, or by what a page says."""
    style = made.drawing_style(dark)
    rules = "{ .hookflash-diagram {" if dark.startswith("@") else ".hookflash-diagram {"
    assert f"{dark} {rules} --hookflash-paper: #0d1117" in style
    assert style.count("{") == style.count("}")
