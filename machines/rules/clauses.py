"""The text of a condition taken apart: its tokens, and its clauses joined by `&&`, `||` and `!`.

Whether the text is right is the library's business. This only finds where clauses begin and end,
by the grammar of CEL (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax), so
that a trace can give the value of each.
"""

import re
from collections.abc import Iterator
from typing import Literal

from attrs import frozen

_STRING = (
    r"(?:[bB][rR]|[rR][bB]|[bB])?"
    r"(?:[rR](?:'''[\s\S]*?'''|\"\"\"[\s\S]*?\"\"\"|'[^'\n]*'|\"[^\"\n]*\")"
    r"|'''(?:\\[\s\S]|[^\\])*?'''|\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\""
    r"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
)
_TOKEN = re.compile(
    rf"(?P<blank>(?:\s|//[^\n]*)+)|(?P<string>{_STRING})"
    r"|(?P<path>\.?[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)"
    r"|(?P<number>(?:0[xX][0-9A-Fa-f]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)[uU]?)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[\s\S])"
)
_OPENING, _CLOSING = "([{", ")]}"

Join = Literal["and", "or", "not", "leaf"]


@frozen
class Token:
    """A token.

    Attributes:
        kind: `string`, `path` (a name with its dots), `number` or `sign`.
        text: Its text; blanks within a path are left out.
        start: The index of its first character.
        end: The index behind its last.
        depth: How many brackets are open around it; a bracket counts as outside of itself.
    """

    kind: str
    text: str
    start: int
    end: int
    depth: int


@frozen
class Clause:
    """A clause of a condition.

    Attributes:
        text: Its text, as it stands in the condition.
        start: Where it begins.
        join: How its parts make it: all must hold, one must, the one must not; `leaf` for none.
        parts: The clauses in it.
    """

    text: str
    start: int
    join: Join = "leaf"
    parts: "tuple[Clause, ...]" = ()

    def leaves(self) -> "Iterator[Clause]":
        """Walk the clauses that have no parts, in order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a condition, blanks and comments left out."""
    tokens: list[Token] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "sign"
        if kind == "blank":
            continue
        word = match.group()
        if kind == "path":
            word = "".join(word.split())
        if kind == "sign" and word in _CLOSING:
            depth = max(0, depth - 1)
        tokens.append(Token(kind, word, match.start(), match.end(), depth))
        if kind == "sign" and word in _OPENING:
            depth += 1
    return tokens


def nesting_of(tokens: list[Token]) -> int:
    """Return how deep brackets and signs before a value are nested."""
    deepest = signs = 0
    for token in tokens:
        signs = signs + 1 if token.kind == "sign" and token.text in "!-" else 0
        deepest = max(deepest, token.depth + signs)
    return deepest


def split(text: str) -> Clause:
    """Return the clauses of a condition; its brackets must be balanced."""
    return _clause(text, tokens_of(text))


def _clause(text: str, tokens: list[Token]) -> Clause:
    while _is_wrapped(tokens):
        tokens = tokens[1:-1]
    if not tokens:
        return Clause(text, 0)
    start, end = tokens[0].start, tokens[-1].end
    depth = min(token.depth for token in tokens)
    top = [token for token in tokens if token.kind == "sign" and token.depth == depth]
    if not any(token.text == "?" for token in top):
        for sign, join in (("||", "or"), ("&&", "and")):
            parts = _parts(tokens, sign, depth)
            if len(parts) > 1 and all(parts):
                return Clause(
                    text[start:end],
                    start,
                    "or" if join == "or" else "and",
                    tuple(_clause(text, part) for part in parts),
                )
        if tokens[0].text == "!" and _is_wrapped(tokens[1:]):
            return Clause(text[start:end], start, "not", (_clause(text, tokens[1:]),))
    return Clause(text[start:end], start)


def _is_wrapped(tokens: list[Token]) -> bool:
    """Say whether one pair of parentheses stands around all."""
    if len(tokens) < 3 or tokens[0].text != "(" or tokens[-1].text != ")":
        return False
    return all(token.depth > tokens[0].depth for token in tokens[1:-1])


def _parts(tokens: list[Token], sign: str, depth: int) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "sign" and token.text == sign and token.depth == depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
