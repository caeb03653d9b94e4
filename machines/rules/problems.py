"""What is wrong with a rules file: each problem with its place, and the line with a caret."""

from attrs import field, frozen

from hookflash.machines.errors import SpecError
from hookflash.machines.rules.positions import Path, Positions, Spot

_EXCERPT_MAX = 120


@frozen
class Problem:
    """One thing that makes a rules file unusable.

    Attributes:
        place: File, line and column.
        message: What is wrong there, in one line.
        advice: What to do about it.
        line: The line; None where the whole file is meant.
        column: The column; None as for the line.
        excerpt: The line with a caret under the place; empty where there is none to show.
        rule: The rule's name; None where no rule is meant.
        is_unreadable: Whether the file is no TOML or lacks something that it must have, so that
            what it means cannot be told.
    """

    place: str
    message: str
    advice: str = ""
    line: int | None = None
    column: int | None = None
    excerpt: str = ""
    rule: str | None = None
    is_unreadable: bool = False

    def error(self, further: int = 0) -> SpecError:
        """Return the error that loading raises for it; *further* problems are only counted."""
        text = f"{self.place}: {self.message}"
        advice = self.advice
        if further:
            others = "1 more problem" if further == 1 else f"{further} more problems"
            advice = f"{advice}; {others}: see hookflash check" if advice else f"{others} in it"
        if self.excerpt:
            text = f"{text}\n{self.excerpt}\n"
        return SpecError(text, advice=advice, place=self.place, line=self.line, column=self.column)


def excerpt_of(line_text: str, spot: Spot) -> str:
    """Return the line with a caret below the place."""
    shown, column = line_text, spot.column
    if len(shown) > _EXCERPT_MAX:
        start = max(0, column - _EXCERPT_MAX // 2)
        shown, column = shown[start : start + _EXCERPT_MAX], column - start
    number = str(spot.line)
    pad = "".join(one if one == "\t" else " " for one in shown[: column - 1])
    return f"  {number} | {shown}\n  {' ' * len(number)} | {pad}^"


@frozen
class Problems:
    """Collects the problems of one file.

    Attributes:
        place: The file's name, for messages.
        positions: Where its values stand.
        found: The problems, in the order they were found.
    """

    place: str
    positions: Positions
    found: list[Problem] = field(factory=list[Problem])

    def add(
        self,
        path: Path,
        message: str,
        advice: str = "",
        *,
        rule: str | None = None,
        index: int | None = None,
        key: bool = False,
        is_unreadable: bool = False,
    ) -> None:
        """Note a problem.

        Args:
            path: The path of the value that is wrong.
            message: What is wrong with it.
            advice: What to do.
            rule: The rule's name.
            index: Where in the value, if it is a text: the index of the character.
            key: Whether the key itself is wrong, not its value.
            is_unreadable: Whether something is missing without which it means nothing.
        """
        positions = self.positions
        if index is not None:
            spot = positions.inside(path, index)
        else:
            spot = positions.of_key(path) if key else positions.of(path)
        what = message if rule is None else f"rule {rule!r}: {message}"
        if spot is None:
            self.found.append(
                Problem(self.place, what, advice, rule=rule, is_unreadable=is_unreadable)
            )
            return
        self.found.append(
            Problem(
                f"{self.place}: line {spot.line}, column {spot.column}",
                what,
                advice,
                spot.line,
                spot.column,
                excerpt_of(positions.line_text(spot.line), spot),
                rule,
                is_unreadable,
            )
        )
