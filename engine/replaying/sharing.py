"""Who replays what, where several processes replay one recording: a share of its interactions.

Each reads all lines and looks at most of them no further than for the interaction: that is a tenth
of the work. Interactions have nothing to do with each other, so the shares come to the same
findings as one replay of all.
"""

from typing import Final, final
from zlib import crc32

from attrs import frozen

from hookflash.machines.lines import parse_object

_SEQ: Final = b'{"seq":'
_INTERACTION: Final = b'"interaction":"'
_HEAD_BYTES: Final = 96
"""Where the interaction stands in lines of our own: behind a number and an instant."""


@final
@frozen
class Share:
    """The interactions that one of several replays takes.

    Attributes:
        index: Which of them it is, from 0.
        of: How many there are.
        only: The one interaction, in lower case, that is replayed at all; None for all.
    """

    index: int = 0
    of: int = 1
    only: str | None = None

    @property
    def is_all(self) -> bool:
        """Whether it is everything."""
        return self.of == 1 and self.only is None

    def look(self, line: bytes) -> tuple[int | None, bool]:
        """Look at a line.

        Returns:
            The number of its record, None for a line that is none or cannot be read; and whether it
            is one for this replay. What concerns no interaction is one for all.
        """
        start = line.find(_INTERACTION, 0, _HEAD_BYTES)
        if start < 0 or not line.startswith(_SEQ):
            return self._look_closely(line)
        start += len(_INTERACTION)
        written = line[start : line.find(b'"', start)]
        if b"\\" in written or not written.isascii():
            return self._look_closely(line)
        try:
            return int(line[7 : line.find(b",", 8)]), self._is_ours(written.lower())
        except ValueError:
            return None, True

    def reports(self, line: bytes) -> bool:
        """Say whether this replay tells what is wrong with a line that it looked at.

        What is one for all is told by the first only.
        """
        return self.index == 0 or not self.is_for_all(line)

    def is_for_all(self, line: bytes) -> bool:
        """Say whether a line concerns no interaction, as far as that can be read."""
        return all(Share(index, 2).look(line)[1] for index in range(2))

    def _look_closely(self, line: bytes) -> tuple[int | None, bool]:
        try:
            raw = parse_object(line)
        except ValueError:
            return None, True
        seq, found = raw.get("seq"), raw.get("interaction")
        if isinstance(found, dict):
            found = found.get("id")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - JSON
        number = seq if isinstance(seq, int) and "kind" not in raw else None
        if not isinstance(found, str):
            return number, True
        return number, self._is_ours(found.lower().encode("utf-8", "replace"))

    def _is_ours(self, key: bytes) -> bool:
        if self.only is not None and key != self.only.encode("utf-8", "replace"):
            return False
        return self.of == 1 or crc32(key) % self.of == self.index
