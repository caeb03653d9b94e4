"""Which byte of a line was changed: its checksum tells, as long as it was one only.

A CRC-32 is linear: what a changed byte does to it depends on the byte's difference and on how many
bytes follow, not on the rest of the line. So the difference between the checksum that a line has
and the one that it should have is wound back byte by byte, until it is what one byte can make. A
line of some hundred bytes fits a wrong place by chance once in some ten thousand times.
"""

from typing import Final
from zlib import crc32

from attrs import frozen

from hookflash.machines.lines import sum_fits

_POLYNOMIAL: Final = 0xEDB88320
_SUM_BYTES: Final = len(b',"sum":"00000000"}\n')
_SUM_START: Final = b',"sum":"'


@frozen
class Mended:
    """A line as it was before one byte of it was changed.

    Attributes:
        line: The line as it was written.
        index: Where the byte stands in it, from 0.
        was: The byte as it was written.
        found: The byte that stands there now.
    """

    line: bytes
    index: int
    was: int
    found: int

    @property
    def text(self) -> str:
        """Say it in words."""
        before, after = bytes([self.was]), bytes([self.found])
        around = self.line[max(0, self.index - 12) : self.index + 13].decode("utf-8", "replace")
        return (
            f"byte {self.index + 1} was {_shown(before)} and is {_shown(after)},"
            f" in …{around.strip()}…"
        )


def mend(line: bytes) -> Mended | None:
    """Return *line* as it was written, if one changed byte explains its checksum.

    Args:
        line: A line of our own, with its newline, that does not fit its checksum.

    Returns:
        The line; None where more was changed, or it does not end as a line does.
    """
    if len(line) <= _SUM_BYTES or line[-_SUM_BYTES:-11] != _SUM_START or line[-3:] != b'"}\n':
        return _mend_ending(line)
    document, written = line[:-_SUM_BYTES], line[-11:-3]
    actual = crc32(document)
    in_sum = _mend_sum(line, written, b"%08x" % actual)
    if in_sum is not None:
        return in_sum
    try:
        wanted = int(written, 16)
    except ValueError:
        return None
    found = _changed_byte(document, actual ^ wanted)
    return None if found is None else _mended(line, *found)


def _mend_sum(line: bytes, written: bytes, actual: bytes) -> Mended | None:
    """Return the line if it is its checksum of which one digit was changed."""
    wrong = [index for index in range(8) if written[index] != actual[index]]
    if len(wrong) != 1:
        return None
    index = len(line) - 11 + wrong[0]
    return _mended(line, index, actual[wrong[0]])


def _mend_ending(line: bytes) -> Mended | None:
    """Return the line if one byte around its checksum was changed."""
    if len(line) <= _SUM_BYTES:
        return None
    ending = b'%s%s"}\n' % (_SUM_START, line[-11:-3])
    wrong = [
        index for index in range(1, _SUM_BYTES + 1) if line[-index] != ending[_SUM_BYTES - index]
    ]
    if len(wrong) != 1:
        return None
    mended = _mended(line, len(line) - wrong[0], ending[_SUM_BYTES - wrong[0]])
    return mended if sum_fits(mended.line) else None


def _mended(line: bytes, index: int, was: int) -> Mended:
    return Mended(line[:index] + bytes([was]) + line[index + 1 :], index, was, line[index])


def _table() -> list[int]:
    table: list[int] = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()
_BACK = {entry >> 24: index for index, entry in enumerate(_TABLE)}
"""The index of the entry with a given highest byte: each has another one."""
_BYTE_OF = {entry: index for index, entry in enumerate(_TABLE) if index}
"""The difference of a last byte, by what it makes of the checksum."""


def _changed_byte(document: bytes, difference: int) -> tuple[int, int] | None:
    """Return where a byte was changed and what it was, if one explains *difference*."""
    for index in range(len(document) - 1, -1, -1):
        delta = _BYTE_OF.get(difference)
        if delta is not None:
            return index, document[index] ^ delta
        entry = _BACK[difference >> 24]
        difference = (((difference ^ _TABLE[entry]) << 8) | entry) & 0xFFFFFFFF
    return None


def _shown(byte: bytes) -> str:
    return repr(byte)[1:] if byte.isascii() else f"0x{byte.hex()}"
