"""The lines of a recording from any place in it on: for going back."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from hookflash.adapters.journal.interchange import export
from hookflash.adapters.journal.reading import is_journal
from hookflash.engine.replaying.tour import Spot
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.lines import LINE_BYTES_MAX


@final
class SpottedLines:
    """The lines of a recording.

    Args:
        path: The file.
        name: How it is named in messages.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def after(self, spot: Spot) -> Iterator[tuple[bytes, str, Spot]]:
        """Yield lines, each with its place for messages and the spot behind it.

        Raises:
            MalformedRecord: The file cannot be read, or a line is too long.
        """
        offset, number = spot
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                while line := file.readline(LINE_BYTES_MAX + 1):
                    place = f"{self._name}: line {number}"
                    if len(line) > LINE_BYTES_MAX:
                        raise MalformedRecord(
                            f"{place}: has more than {LINE_BYTES_MAX} bytes", place=place
                        )
                    offset, number = offset + len(line), number + 1
                    yield line, place, (offset, number)
        except OSError as error:
            raise MalformedRecord(
                f"{self._name}: cannot be read: {error.strerror}", place=self._name
            ) from error


@contextmanager
def spotted(path: Path) -> Generator[SpottedLines, None, None]:
    """Open a recording, or a journal: that is written out first, into a temporary file.

    Raises:
        MalformedRecord: It cannot be read, or a journal was damaged.
    """
    try:
        journal = is_journal(path)
    except OSError as error:
        raise MalformedRecord(
            f"{path}: cannot be read: {error.strerror}", place=str(path)
        ) from error
    if not journal:
        yield SpottedLines(path, str(path))
        return
    with TemporaryDirectory(prefix="hookflash-replay-") as folder:
        copy = Path(folder) / "recording.jsonl"
        export(path, copy)
        yield SpottedLines(copy, str(path))
