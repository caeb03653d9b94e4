"""The pieces of documents: Markdown that says what was meant, docstrings, types and values."""

from typing import TYPE_CHECKING, Any, Literal

import pytest
from attrs import frozen
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hookflash.machines.documents.docstrings import description, fields_of, parts, summary
from hookflash.machines.documents.markdown import (
    code,
    codes,
    counted,
    link,
    listed,
    prose,
    sentence,
    slug,
    table,
)
from hookflash.machines.documents.payloads import (
    classes_in,
    payload_of,
    said_by,
    type_text,
    value_text,
)
from hookflash.machines.documents.told import clock_text
from hookflash.machines.instants import Instant

if TYPE_CHECKING:
    from decimal import Decimal

_RENDER = MarkdownIt("commonmark", {"html": True}).enable("table")


def text_of(markdown: str) -> str:
    """Return what a reader of one paragraph sees; fails where there is more than text and code."""
    tokens = _RENDER.parse(markdown)
    assert ["paragraph_open", "inline", "paragraph_close"] == [one.type for one in tokens], markdown
    children = tokens[1].children or []
    assert {one.type for one in children} <= {"text", "code_inline"}, markdown
    return "".join(one.content for one in children)


# --- Markdown -------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
@example("__0__")
def test_whatever_is_said_is_shown_as_it_is(word: str) -> None:
    """No text is taken for a heading, a link, emphasis or HTML; only code keeps its meaning."""
    if "`" not in word and "*" not in word:
        assert f"x {word} x" == text_of(f"x {prose(word)} x")


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1))
def test_code_is_shown_as_it_is(text: str) -> None:
    """Also with backticks in it; blanks at its ends do not count."""
    said = " ".join(text.split())
    shown = text_of(f"x {code(text)} x") if said else "x  x"
    assert f"x {said} x" == shown


def test_code_in_a_text_stays_code() -> None:
    """Backticks in docstrings mean code, and so do arguments between asterisks."""
    assert r"Read `a_b` of `name` and \[x\]." == prose("Read `a_b` of *name*\n   and [x].")
    assert r"a \`b" == prose("a `b")
    assert r"snake_case and \_x\_" == prose("snake_case and _x_")
    assert "R&amp;D" == prose("R&D")


def test_a_pipe_ends_no_cell() -> None:
    """In a table a pipe is text, also within code."""
    lines = list(table(("a", "b"), [(code("x|y"), prose("1 | 2"))]))
    html = _RENDER.render("\n".join(lines))
    assert "<td><code>x|y</code></td>" in html
    assert "<td>1 | 2</td>" in html


def test_columns_without_anything_are_left_out() -> None:
    """A table has no empty columns, and no head without rows."""
    assert ["| a | c |", "| --- | --- |", "|  | 1 |", ""] == list(
        table(("a", "b", "c"), [("", "", "1")])
    )
    assert [] == list(table(("a",), []))


def test_words() -> None:
    """Sentences, numbers with nouns, lists, anchors."""
    assert "It is so." == sentence("it is so")
    assert "`x` is" + "." == sentence("`x` is")
    assert "" == sentence(" ")
    assert "So?" == sentence("so?")
    assert "no rows" == counted(0, "row")
    assert "1 row" == counted(1, "row")
    assert "1,200 policies" == counted(1200, "policy", "policies")
    assert "" == listed([])
    assert "a or b" == listed(["a", "b"], "or")
    assert "a, b and c" == listed(["a", "b", "c"])
    assert "event-hold_requested" == slug("Event `hold_requested`")
    assert "[x](#a-b)" == link("x", "A b")
    assert "" == code(" ")
    assert "none" == codes([], "none")
    assert "`a`, `b`" == codes(["a", "b"])


@pytest.mark.parametrize(
    ("at_us", "text"),
    [
        (0, "0 s"),
        (50_000, "0.05 s"),
        (5_050_000, "5 s"),
        (5_160_000, "5.2 s"),
        (960_000, "0.96 s"),
        (59_960_000, "1 min"),
        (60_100_000, "1 min 0.1 s"),
        (898_100_000, "14 min 58.1 s"),
        (3_602_000_000, "1 h 2 s"),
    ],
)
def test_times(at_us: int, text: str) -> None:
    """Exact where it matters, and never broken at the end of a line."""
    assert text.replace(" ", "\u00a0") == clock_text(at_us)


# --- docstrings -----------------------------------------------------------------------------------


@frozen
class Base:
    """A base.

    Attributes:
        at: When.
        kind: Which
            of two.

    And more.
        not_one: Of them.
    """

    at: Instant
    kind: Literal["a", "b"]


@frozen
class Derived(Base):
    """Derived.

    Attributes:
        kind: Which one.
    """

    inner: "tuple[Base, ...]" = ()
    other: Base | None = None


@frozen
class Bare:
    x: "int"


@frozen
class Unresolved:
    """Has a type that only type checkers know."""

    amount: "Decimal"


def over_two_lines() -> None:
    """Say something that
    goes on.

    And more.
    """  # noqa: D205 - that is what it is for


def test_summaries_and_parts() -> None:
    """The first paragraph, the attributes of all bases, nothing that was made up."""
    assert "Say something that goes on." == summary(over_two_lines)
    assert "Derived." == summary(Derived)
    assert "" == summary(Bare)
    assert "" == summary(lambda: None)
    assert "Exact where it matters, and never broken at the end of a line." == summary(test_times)
    assert {"at": "When.", "kind": "Which of two."} == parts(Base)
    assert {"at": "When.", "kind": "Which one."} == parts(Derived)


def test_descriptions() -> None:
    """All paragraphs, but neither sections nor the words for documents."""

    def guard() -> None:
        """It holds.

        More or less.

        If so: it holds
        """

    assert "It holds. More or less." == description(guard)
    assert "Say something that goes on. And more." == description(over_two_lines)
    assert "" == description(lambda: None)


def test_fields_and_the_classes_in_them() -> None:
    """Types are those that annotations mean, as far as they can be told."""
    assert ["Bare", "int"] == ["Bare", fields_of(Bare)[0].type.__name__]  # type: ignore[union-attr]
    assert "Decimal" == str(fields_of(Unresolved)[0].type)
    assert () == fields_of(int)
    assert (Base,) == classes_in(Derived)
    assert () == classes_in(int)
    fields = {one.name: one for one in payload_of(Derived)}
    assert ("`a` or `b`", "", "Which one.") == (
        fields["kind"].type,
        fields["kind"].default,
        fields["kind"].meaning,
    )
    assert ("list of `Base`", "empty") == (fields["inner"].type, fields["inner"].default)
    assert ("`Base` or none", "none") == (fields["other"].type, fields["other"].default)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (str, "text"),
        (Instant, "instant"),
        (Any, "anything"),
        (None, ""),
        (Literal[1, "x"], "`1` or `x`"),
        (int | str | None, "whole number or text or none"),
        (list[int], "list of whole number"),
        (Base, "`Base`"),
        ("decimal.Decimal", "`Decimal`"),
    ],
)
def test_types_in_words(hint: Any, text: str) -> None:
    """For readers who know no annotations."""
    assert text == type_text(hint)


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (None, "", "none"),
        (True, "", "true"),
        (False, "", "false"),
        (900.0, "limit_s", "15 min"),
        (0.8, "warn_at", "0.8"),
        (5, "attempts", "5"),
        ("", "", "empty"),
        ("x", "", "`x`"),
        ((), "", "empty"),
        (("a", 1), "", "`a`, 1"),
        (Bare(1), "", "`Bare`"),
    ],
)
def test_values_in_words(value: Any, name: str, text: str) -> None:
    """Durations have units, texts are code."""
    assert text == value_text(value, name)


def test_what_something_says_beside_its_name() -> None:
    """Moments, ids, defaults and parts of parts are left out."""

    @frozen
    class Said:
        at: Instant
        id: str
        name: str
        pause_s: float
        inner: Base
        usual: int = 3
        none: str | None = None

    made = Said(Instant(1), "id-1", "x", 2.5, Base(Instant(1), "a"), 3)
    assert "name `x`, pause s 2.5 s" == said_by(made, {"id-1"}.__contains__)
