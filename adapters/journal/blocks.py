"""Blocks of lines: what the database keeps in one row."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from hookflash.machines.errors import MalformedRecord

BLOCK_BYTES: Final = 262_144
"""Lines in one block, before compression: some five hundred. Larger ones compress no better."""


def pack(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Make blocks of lines.

    Args:
        chunks: Whole lines, in pieces of any size.

    Yields:
        The number of lines in a block, and the block.
    """
    waiting, size = list[bytes](), 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= BLOCK_BYTES:
            yield _packed(b"".join(waiting))
            waiting, size = [], 0
    if size:
        yield _packed(b"".join(waiting))


def _packed(lines: bytes) -> tuple[int, bytes]:
    return lines.count(b"\n"), zlib.compress(lines, 1)


def unpack(row: tuple[Any, ...], place: str) -> bytes:
    """Return the lines of a block.

    Args:
        row: Its columns `lines`, `sum` and `data`.
        place: Where it stands, for messages.

    Raises:
        MalformedRecord: It was damaged.
    """
    lines, expected_sum, data = row
    if not isinstance(data, bytes) or zlib.crc32(data) != expected_sum:
        raise MalformedRecord(f"{place}: was damaged: the checksum does not fit", place=place)
    try:
        found = zlib.decompress(data)
    except zlib.error as error:
        raise MalformedRecord(f"{place}: was damaged: {error}", place=place) from error
    if found.count(b"\n") != lines or not found.endswith(b"\n"):
        raise MalformedRecord(f"{place}: was damaged: it has not {lines} lines", place=place)
    return found
