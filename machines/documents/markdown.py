"""Markdown in pieces: headings, tables, lists, and text that is shown as it was written.

The Markdown is GitHub's; so are the anchors of its headings. Text that comes from a definition or a
docstring can do nothing but be read: only its `code` in backticks keeps a meaning.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

_CODE = re.compile(r"(`+)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_MEANT = re.compile(r"([\\*_\[\]<>~#$`])")
_ARGUMENT = re.compile(r"(?<![\w*])\*(\w+)\*(?![\w*])")


def prose(text: str) -> str:
    """Return *text* as one paragraph in which only code in backticks keeps a meaning.

    Names of arguments, which docstrings have between asterisks, count as code.
    """
    text = " ".join(_ARGUMENT.sub(r"`\1`", text).split())
    pieces: list[str] = []
    end = 0
    for match in _CODE.finditer(text):
        pieces += (_escaped(text[end : match.start()]), code(match.group(2).strip()))
        end = match.end()
    return "".join([*pieces, _escaped(text[end:])])


def _escaped(text: str) -> str:
    # An underscore within a word means nothing and is left alone: names stay legible.
    text = text.replace("&", "&amp;")
    text = _MEANT.sub(lambda found: "\\" + found[1] if found[1] != "_" else "_", text)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def code(text: str) -> str:
    """Return *text* as code, whatever is in it; empty for nothing."""
    text = " ".join(text.split())
    if not text:
        return ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if "`" in text else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def codes(names: Iterable[str], none: str = "") -> str:
    """Return names as code with commas between; *none* where there are none."""
    return ", ".join(code(name) for name in names) or none


def sentence(text: str) -> str:
    """Return *text* as a sentence: begun with a capital, ended with a full stop."""
    text = text.strip()
    if not text:
        return ""
    if not text.startswith("`"):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…", ":")) else f"{text}."


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link(text: str, heading: str) -> str:
    """Return a link to the heading of the same document; *text* is Markdown already."""
    return f"[{text}](#{slug(heading)})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a table, with an empty line behind it; no lines where it has no rows.

    Columns in which all cells are empty are left out, but for the first.
    """
    kept = [tuple(row) for row in rows]
    if not kept:
        return
    columns = [
        number for number in range(len(head)) if number == 0 or any(row[number] for row in kept)
    ]
    yield _cells([head[number] for number in columns])
    yield _cells(["---"] * len(columns))
    for row in kept:
        yield _cells([row[number] for number in columns])
    yield ""


def _cells(cells: Iterable[str]) -> str:
    # Tables are taken apart before anything else: a pipe is one wherever it stands, in code too.
    written = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(written)} |"


def bullets(items: Iterable[str], indent: int = 0) -> Iterator[str]:
    """Return the lines of a list, without an empty line behind it."""
    for item in items:
        yield f"{' ' * indent}- {item}"


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun: `1 row`, `12 rows`, `no rows`."""
    noun = one if number == 1 else several or f"{one}s"
    return f"{number:,} {noun}" if number else f"no {noun}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return words with commas, and *last* before the last one."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
