"""Texts of the page: each is kept once, and nothing of what people type gets in as it came.

A text may have holes, which the page fills in with figures of the record: so that "due in 5 s" is
one text however many timers are started. A hole is a control character, and those are taken out of
everything that comes from outside.
"""

from collections.abc import Mapping
from typing import Any, Final, final

from attrs import frozen

from hookflash.machines.redaction import redact

DURATION: Final = "\x01"
"""A hole for a duration, in microseconds."""

INSTANT: Final = "\x02"
"""A hole for an instant."""

REFERENCE: Final = "\x03"
"""A hole for a correlation id: its place among the references."""

STRONG: Final = "\x04"
"""Stands first in a text that matters more than those around it; no hole."""

TEXT_LENGTH_MAX: Final = 200
"""A longer text is cut: the recording has it whole."""

TEXTS_MAX: Final = 100_000
"""Different texts that a page has; an ordinary one has some hundreds."""

TEXTS_LENGTH_MAX: Final = 20_000_000
"""Characters that they have together."""

LEFT_OUT: Final = "(left out: this page has too many different texts)"
"""What stands in place of those beyond."""

_CONTROLS: Final[Mapping[int, Any]] = {
    **dict.fromkeys((*range(32), *range(127, 160)), "�"),
    # What turns the direction of writing around could make a page say something else.
    **dict.fromkeys((*range(8234, 8239), *range(8294, 8298)), "�"),
}


def plain(value: object, length_max: int = TEXT_LENGTH_MAX) -> str:
    """Return *value* for people: numbers to dial and secrets taken out, cut, on one line."""
    found = redact(str(value))
    if len(found) > length_max:
        found = found[: length_max - 1] + "…"
    return found if found.isprintable() else found.translate(_CONTROLS)


@frozen
class Line:
    """A text with what fills its holes.

    Attributes:
        text: The text.
        figures: One for each hole, in order: microseconds, or for `REFERENCE` the id itself.
    """

    text: str
    figures: tuple[int | str, ...] = ()


@final
class Texts:
    """Texts by number, each kept once, in bounded memory.

    Attributes:
        texts: Those that there are, by number.
    """

    def __init__(self) -> None:
        self.texts: list[str] = ["", LEFT_OUT]
        self._numbers: dict[str, int] = {"": 0, LEFT_OUT: 1}
        self._length = 0

    def number(self, text: str) -> int:
        """Return the number of *text*, or of `LEFT_OUT` where there is no room for it."""
        found = self._numbers.get(text)
        if found is None:
            if len(self.texts) >= TEXTS_MAX or self._length + len(text) > TEXTS_LENGTH_MAX:
                return 1
            found = self._numbers[text] = len(self.texts)
            self.texts.append(text)
            self._length += len(text)
        return found

    def line(self, line: Line) -> tuple[int, tuple[int | str, ...]]:
        """Return the number of the text of *line* and what fills its holes."""
        number = self.number(line.text)
        return number, () if number == 1 else line.figures
