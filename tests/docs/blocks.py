"""Fenced blocks out of Markdown, with what the comment above each says about its test.

A block is preceded by a comment such as `<!-- test: needs-simulator -->`. Its first word that is no
modifier is the mode; `tests/docs/test_snippets.py` says what each mode does. Modifiers:

- `continue-previous`: runs in the folder and the namespace of the block before it;
- `exit=N`: the exit code that each command must have.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
CONTINUE = "continue-previous"

_FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})\s*(?P<language>[\w+-]*)\s*$")
_COMMENT = re.compile(r"^<!--\s*test:\s*(?P<words>.*?)\s*-->$")


@frozen
class Block:
    """A fenced block.

    Attributes:
        path: The file that it stands in.
        line: The line of its fence, from 1.
        language: What its fence says.
        words: The words of its comment; empty where it has none.
        text: What stands between the fences.
    """

    path: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def mode(self) -> str:
        """The mode; empty for none."""
        modes = [word for word in self.words if word != CONTINUE and "=" not in word]
        return modes[0] if modes else ""

    @property
    def argument(self) -> str:
        """The word after the mode; empty for none."""
        modes = [word for word in self.words if word != CONTINUE and "=" not in word]
        return modes[1] if len(modes) > 1 else ""

    @property
    def continues(self) -> bool:
        """Whether it goes on where the block before it ended."""
        return CONTINUE in self.words

    @property
    def exit_code(self) -> int:
        """The exit code that its commands must have."""
        return next((int(word[5:]) for word in self.words if word.startswith("exit=")), 0)


def documents() -> list[Path]:
    """Return the documents that users read."""
    return [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def blocks_of(path: Path) -> Iterator[Block]:
    """Read the fenced blocks of a document, in order."""
    fence, language, start = "", "", 0
    words: tuple[str, ...] = ()
    comment: tuple[str, ...] = ()
    inside: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if fence:
            if line.strip() == fence:
                yield Block(path, start, language, words, "\n".join(inside) + "\n")
                fence, inside = "", []
            else:
                inside.append(line)
            continue
        opening = _FENCE.match(line)
        said = _COMMENT.match(line)
        if opening:
            fence, language, start = opening["fence"], opening["language"], number
            words, comment = comment, ()
        elif said:
            comment = tuple(said["words"].split())
        elif line.strip():
            comment = ()
    assert not fence, f"{path}:{start}: the block is never closed"


def chains_of(path: Path) -> Iterator[list[Block]]:
    """Group the blocks of a document: each with those that continue it."""
    chain: list[Block] = []
    for block in blocks_of(path):
        if chain and not block.continues:
            yield chain
            chain = []
        chain.append(block)
    if chain:
        yield chain


def prose_of(path: Path) -> str:
    """Return a document without its fenced blocks."""
    kept: list[str] = []
    fence = ""
    for line in path.read_text("utf-8").splitlines():
        opening = _FENCE.match(line)
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opening:
            fence = opening["fence"]
        else:
            kept.append(line)
    return "\n".join(kept)
