"""What a journal's database says of its contents: one sealed line in its table `contents`.

Lines of the journal are counted from 1, whatever they say: their number is their *position*. A
record's `seq` counts records only. The line is written in the same transaction as what it speaks
of, so that rows which were lost, doubled or brought back are noticed.
"""

from typing import Any, Final

from attrs import asdict, frozen

from hookflash.machines.conversion import explain, make_converter
from hookflash.machines.lines import LINE_BYTES_MAX, dump_line, malformed, parse_line, sum_fits

_CONVERTER = make_converter(detailed=True)

_BYTES_MAX: Final = 16 * LINE_BYTES_MAX
"""Bound on a sealed line: it has what counts twice, each time as a text within a text, and the text
of a rules file alone may fill a line of the journal."""


@frozen
class Snapshot:
    """How the known interactions stood after some line; one row of `interactions` for each.

    Attributes:
        through: The position of that line; 0 for before the first.
        next_seq: The number of the next record after it.
        rows: How many there are.
        total: The sum of the CRC-32 of their lines.
        told: Up to which record monitors had been told there; 0 for none.
        header: What counted there, as the lines of a `Prologue`.
    """

    through: int
    next_seq: int
    rows: int
    total: int
    told: int
    header: str


@frozen
class Contents:
    """What the database holds.

    Attributes:
        first: The position of the first line in it; lines before it were put into recordings.
        through: The position of the last line in it; `first` - 1 for none.
        next_seq: The number of the next record after that line.
        told: Up to which record monitors had been told there; 0 for none.
        header: What counts after that line, as the lines of a `Prologue`.
        snapshot: The snapshot that recovery begins with.
    """

    first: int
    through: int
    next_seq: int
    told: int
    header: str
    snapshot: Snapshot

    def sealed(self) -> bytes:
        """Return the line that says this."""
        return dump_line(
            {"kind": "contents", **asdict(self)}, "the contents of the journal", _BYTES_MAX
        )


@frozen
class Cut:
    """A place at which the journal can be cut in two: what stands there stands on its own.

    Attributes:
        position: The position of the first line after it.
        day: The UTC day of the first record after it, in days since 1970-01-01; None while there is
            none.
        header: What counts there, as the lines of a `Prologue`.
        states: How many lines tell how the interactions stood that were known there.
        parts: In how many blocks of `cut_states` these lines are.
    """

    position: int
    day: int | None
    header: str
    states: int
    parts: int

    def sealed(self) -> bytes:
        """Return the line that says this."""
        return dump_line({"kind": "cut", **asdict(self)}, "a cut of the journal", _BYTES_MAX)


def read_contents(line: object, place: str) -> Contents:
    """Return what *line* says of a database.

    Raises:
        MalformedRecord: It was damaged.
    """
    found: Contents = _read(line, "contents", Contents, place)
    return found


def read_cut(line: object, place: str) -> Cut:
    """Return the cut that *line* speaks of.

    Raises:
        MalformedRecord: It was damaged.
    """
    found: Cut = _read(line, "cut", Cut, place)
    return found


def _read(line: object, kind: str, cls: type[Any], place: str) -> Any:  # noqa: ANN401 - an instance of cls
    if not isinstance(line, bytes):
        raise malformed(place, "is no line at all")
    try:
        raw = parse_line(line)
        whole = raw.pop("kind", None) == kind and sum_fits(line)
        explain(_CONVERTER, raw, cls, "$")
        found = _CONVERTER.structure(raw, cls)
    except ValueError as error:
        raise malformed(place, str(error)) from error
    if not whole:
        raise malformed(place, f"is no sealed line of {kind}")
    return found
