"""Where the values of a TOML text stand: lines and columns, which the parser does not tell.

The text has been parsed by `tomllib` before, so that this scanner may take for granted that it is
TOML. It walks headers, keys, inline tables and arrays, and notes the place of each value under its
path: `("rule", 0, "actions", 1, "message")`.
"""

import re

from attrs import field, frozen

Path = tuple[str | int, ...]
"""A value's place in the document: names of keys, and indices from 0 in arrays."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]\}\n#]+")
_FOLD = re.compile(r"(?:\\[ \t]*\r?\n[ \t\r\n]*)*")
_ESCAPES = {"U": 10, "u": 6, "x": 4}


@frozen
class Spot:
    """A place in the text.

    Attributes:
        line: The line, from 1.
        column: The column, from 1.
        offset: Characters before it in the whole text.
    """

    line: int
    column: int
    offset: int


@frozen
class Positions:
    """The places of a text's keys and values.

    Attributes:
        text: The text.
        keys: Where each key, or each table's header, stands.
        values: Where each value begins.
    """

    text: str
    keys: dict[Path, Spot]
    values: dict[Path, Spot]
    _starts: list[int] = field(alias="starts")

    def of(self, path: Path) -> Spot | None:
        """Return the place of the value at *path*, else of the nearest table or key around it."""
        while path:
            found = self.values.get(path) or self.keys.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return None

    def of_key(self, path: Path) -> Spot | None:
        """Return the place of the key at *path*, else what `of` returns."""
        return self.keys.get(path) or self.of(path)

    def inside(self, path: Path, index: int) -> Spot | None:
        """Return the place of the character *index* of the text that is the value at *path*.

        Args:
            path: The value's path; its value is a string.
            index: The character's index in the string as it was parsed, from 0.

        Returns:
            The place; that of the value's begin where it is no string.
        """
        spot = self.values.get(path)
        if spot is None:
            return self.of(path)
        return self._spot(_offset_in_string(self.text, spot.offset, index))

    def line_text(self, line: int) -> str:
        """Return the text of *line*, from 1, without its end."""
        return self.text.splitlines()[line - 1] if self.text else ""

    def _spot(self, offset: int) -> Spot:
        return _spot_of(self._starts, offset)


def _spot_of(starts: list[int], offset: int) -> Spot:
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if starts[middle] <= offset else (low, middle)
    return Spot(low + 1, offset - starts[low] + 1, offset)


def _offset_in_string(text: str, start: int, index: int) -> int:
    """Return the offset in *text* of a string's character *index*; *start* is its quote."""
    quote = text[start : start + 1]
    if quote not in {'"', "'"}:
        return start
    triple = text.startswith(quote * 3, start)
    at = start + (3 if triple else 1)
    if triple and text.startswith(("\n", "\r\n"), at):
        at += 1 if text[at] == "\n" else 2
    escapes = quote == '"'
    for _ in range(index):
        at += _width(text, at, escapes=escapes)
        at = _past_folds(text, at) if escapes and triple else at
    return at


def _width(text: str, at: int, *, escapes: bool) -> int:
    """Return how much of the text one character of a string takes."""
    if text.startswith("\r\n", at):
        return 2
    if not escapes or not text.startswith("\\", at):
        return 1
    return _ESCAPES.get(text[at + 1 : at + 2], 2)


def _past_folds(text: str, at: int) -> int:
    """Pass a backslash at the end of a line, with the blanks that it swallows."""
    folded = _FOLD.match(text, at)
    return at if folded is None else folded.end()


def scan(text: str) -> Positions:
    """Find the places of all keys and values of *text*, which `tomllib` has parsed."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    scanner = _Scanner(text, starts)
    scanner.document()
    return Positions(text, scanner.keys, scanner.values, starts)


class _Scanner:
    """Walks a text once."""

    def __init__(self, text: str, starts: list[int]) -> None:
        self.text = text
        self.starts = starts
        self.at = 0
        self.keys: dict[Path, Spot] = {}
        self.values: dict[Path, Spot] = {}
        self.counts: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self._blank() < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        spot = _spot_of(self.starts, self.at)
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        names = self._key()
        self.at += 2 if many else 1
        path: Path = ()
        for name in names[:-1]:
            path = (*path, name)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
        path = (*path, names[-1])
        if many:
            self.counts[path] = self.counts.get(path, 0) + 1
            self.keys.setdefault(path, spot)
            path = (*path, self.counts[path] - 1)
        self.keys.setdefault(path, spot)
        return path

    def _pair(self, table: Path) -> None:
        spot = _spot_of(self.starts, self.at)
        path = table
        for name in self._key():
            path = (*path, name)
            self.keys.setdefault(path, spot)
        self.keys[path] = spot
        self._space()
        self.at += 1  # the equals sign
        self._space()
        self._value(path)

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            self._space()
            bare = _BARE.match(self.text, self.at)
            if bare is not None:
                names.append(bare.group())
                self.at = bare.end()
            else:
                start = self.at
                self._string()
                names.append(self.text[start + 1 : self.at - 1])
            self._space()
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def _value(self, path: Path) -> None:
        self.values[path] = _spot_of(self.starts, self.at)
        opening = self.text[self.at : self.at + 1]
        if opening in {'"', "'"}:
            self._string()
        elif opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline(path)
        else:
            plain = _PLAIN.match(self.text, self.at)
            self.at = self.at + 1 if plain is None else plain.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while not self._closes("]"):
            self._value((*path, index))
            index += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while not self._closes("}"):
            self._pair(path)

    def _closes(self, bracket: str) -> bool:
        """Pass blanks and commas; say whether *bracket* came, and pass it."""
        while self._blank() < len(self.text) and self.text[self.at] == ",":
            self.at += 1
        if self.at >= len(self.text) or self.text[self.at] == bracket:
            self.at += 1
            return True
        return False

    def _string(self) -> None:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(mark)
        while self.at < len(self.text) and not self.text.startswith(mark, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(mark)
        while len(mark) == 3 and self.text.startswith(quote, self.at):
            self.at += 1  # quotes right before the closing three belong to the string

    def _space(self) -> int:
        match = _SPACE.match(self.text, self.at)
        assert match is not None, "it matches nothing too"  # noqa: S101
        self.at = match.end()
        return self.at

    def _blank(self) -> int:
        match = _BLANK.match(self.text, self.at)
        assert match is not None, "it matches nothing too"  # noqa: S101
        self.at = match.end()
        return self.at
