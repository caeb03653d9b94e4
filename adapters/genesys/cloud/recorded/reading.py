"""Files of Genesys Cloud data, read document by document in bounded memory.

Two forms are told apart by the first lines: JSON Lines, where each line is a document, read with
orjson; and everything else that is JSON, read with ijson, which streams: a page of conversations
or a list is taken apart into its elements as they come, and documents may follow on each other
without newlines, as object stores keep them. Both may be compressed with gzip.
"""

import gzip
import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any, Final, cast

import ijson  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import orjson

from hookflash.adapters.genesys.cloud.recorded.findings import Finding
from hookflash.machines.errors import MalformedRecord

LINE_BYTES_MAX: Final = 33_554_432
"""Longest line of JSON Lines: a page of a thousand conversations has some 10 MB."""

DOCUMENT_BYTES_MAX: Final = 67_108_864
"""Bound on what is read between two documents of a stream."""

DEPTH_MAX: Final = 100
"""Bound on the nesting of a document; those of Genesys have some ten."""

_HEAD_BYTES: Final = 1_048_576
_HEAD_LINES: Final = 10
_BLOCK_BYTES: Final = 65_536
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_OTHER_BOMS: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CONTAINERS: Final[dict[str, type[Any]]] = {"start_map": dict, "start_array": list}
_ENDS: Final = frozenset({"end_map", "end_array"})
_LISTS: Final = frozenset({"conversations", "entities"})
"""Keys of the lists that pages have: those of analytics, and those of REST."""

Document = tuple[str, str, Any]
"""Where a document stands, its JSON path there, and its value."""


def read_documents(path: Path, findings: list[Finding]) -> Iterator[Document]:
    """Read the documents of a file, one after the other.

    Args:
        path: The file.
        findings: Takes what is to be said of lines that are no JSON.

    Raises:
        MalformedRecord: It cannot be read, is no JSON, or is larger in some way than its limits.
            The message names the place, and shows nothing of the content.
    """
    with _explained(path), _opened(path) as rest:
        head = rest.read(_HEAD_BYTES)
        if head.startswith(_OTHER_BOMS):
            raise _malformed(path, "is not UTF-8", "write it as UTF-8, with or without a mark")
        head = head.removeprefix(_BOM)
        if not head.strip():
            raise _malformed(path, "is empty")
        file = io.BufferedReader(_Whole(head, rest), _HEAD_BYTES)
        if _is_lines(head):
            yield from _read_lines(file, path, findings)
        else:
            yield from _read_stream(file, path)


class _Whole(io.RawIOBase):
    """A file whose first bytes were read already; it may be a pipe, which cannot go back."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        super().__init__()
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer, which 3.11 has no name for
        """Read some bytes into *buffer*; return how many, 0 at the end."""
        data = self._head[: len(buffer)]
        self._head = self._head[len(data) :]
        if not data:
            data = memoryview(self._rest.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes], None, None]:
    with path.open("rb", buffering=_HEAD_BYTES) as plain:
        if cast("Any", plain).peek(2)[:2] != _GZIP:
            yield plain
            return
        with io.BufferedReader(cast("Any", gzip.GzipFile(fileobj=plain)), _HEAD_BYTES) as unpacked:
            yield unpacked


@contextmanager
def _explained(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        problem = "its compressed data are damaged or cut off"
        raise _malformed(path, problem) from error
    except OSError as error:
        raise _malformed(path, f"cannot be read: {error.strerror or error}") from error


def _malformed(path: Path, problem: str, advice: str = "") -> MalformedRecord:
    return MalformedRecord(f"{path}: {problem}", advice=advice, place=str(path))


# --- JSON Lines -----------------------------------------------------------------------------------


def _is_lines(head: bytes) -> bool:
    """Tell whether the first line of JSON is a whole object: some programs put a banner before."""
    for line in head.split(b"\n", _HEAD_LINES)[:_HEAD_LINES]:
        if line.lstrip().startswith((b"{", b"[")):
            return _is_object(line)
    return False


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _read_lines(file: IO[bytes], path: Path, findings: list[Finding]) -> Iterator[Document]:
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        place = f"{path}: line {number}"
        if len(line) > LINE_BYTES_MAX:
            raise MalformedRecord(f"{place}: has more than {LINE_BYTES_MAX} bytes", place=place)
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if not line.strip():
                continue
            torn = not line.endswith(b"\n")
            words = f"{error.msg}, column {error.colno}"
            findings.append(Finding("torn_line" if torn else "not_json", place, words))
            continue
        yield place, "$", value


# --- any other JSON -------------------------------------------------------------------------------


class _Metered:
    """A file that refuses to go on when too much was read for one document.

    Attributes:
        left: Bytes that may still be read for it.
    """

    def __init__(self, file: IO[bytes], place: "_Place") -> None:
        self._file = file
        self._place = place
        self.left = DOCUMENT_BYTES_MAX

    def read(self, size: int = -1) -> bytes:
        """Read some bytes."""
        data = self._file.read(min(size, _BLOCK_BYTES) if size >= 0 else _BLOCK_BYTES)
        self.left -= len(data)
        if self.left < 0:
            raise self._place.error(f"has more than {DOCUMENT_BYTES_MAX} bytes")
        return data


class _Place:
    """Where in a stream the next document stands.

    Attributes:
        root: How many values stand before it on the topmost level.
        path: Its JSON path in its value.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.root = 0
        self.path = "$"

    @property
    def file(self) -> str:
        """The file; with the number of the value, where it is not the first."""
        return f"{self._path}: document {self.root + 1}" if self.root else str(self._path)

    def error(self, problem: str) -> MalformedRecord:
        """Return the error that says *problem* of what stands here."""
        place = f"{self.file}: {self.path}"
        return MalformedRecord(f"{place}: {problem}", place=place)


def _read_stream(file: IO[bytes], path: Path) -> Iterator[Document]:
    place = _Place(path)
    metered = _Metered(file, place)
    events = ijson.basic_parse(cast("Any", metered), multiple_values=True, buf_size=_BLOCK_BYTES)
    try:
        for value in _Splitter(events, place).documents():
            yield place.file, place.path, value
            metered.left = DOCUMENT_BYTES_MAX
    except ijson.JSONError as error:
        raise place.error(f"is no JSON: {_words_of(error)}") from error
    except UnicodeDecodeError as error:
        raise place.error("is no JSON: not UTF-8") from error


def _words_of(error: Exception) -> str:
    """Return what the parser says is wrong, without the piece of the file that it shows."""
    said: Any = error.args[0] if error.args else ""
    text = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
    words = text.partition("\n")[0].strip()
    return words if words.isascii() and len(words) < 120 else "it cannot be parsed"


class _Splitter:
    """Puts documents together out of the parser's events: elements of lists and pages one by one.

    Args:
        events: The parser's.
        place: Is moved along.
    """

    def __init__(self, events: Iterator[tuple[str, Any]], place: _Place) -> None:
        self._events = events
        self._place = place

    def documents(self) -> Iterator[Any]:
        """Yield the documents."""
        for event, value in self._events:
            self._place.path = "$"
            if event == "start_array":
                yield from self._elements("$")
            elif event == "start_map":
                yield from self._page()
            else:
                yield value
            self._place.root += 1

    def _elements(self, path: str) -> Iterator[Any]:
        for number in count():
            event, value = next(self._events, ("end_array", None))
            if event == "end_array":
                return
            self._place.path = f"{path}[{number}]"
            yield self._value(event, value)

    def _page(self) -> Iterator[Any]:
        """Yield the elements of a page's list, then the page without them; or the whole object."""
        page: dict[str, Any] = {}
        key = ""
        for event, value in self._events:
            if event == "map_key":
                key = value
            elif event == "end_map":
                self._place.path = "$"
                yield page
                return
            elif event == "start_array" and key in _LISTS:
                yield from self._elements(f"$.{key}")
                self._place.path = "$"
                page[key] = []
            else:
                page[key] = self._value(event, value)

    def _value(self, event: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return the value that begins with *event*."""
        if event not in _CONTAINERS:
            return value
        whole: Any = _CONTAINERS[event]()
        top, above, key = whole, list[Any](), ""
        for kind, part in self._events:
            if kind == "map_key":
                key = part
                continue
            if kind in _ENDS:
                if not above:
                    break
                top = above.pop()
                continue
            make = _CONTAINERS.get(kind)
            inner = part if make is None else make()
            if top.__class__ is list:
                top.append(inner)
            else:
                top[key] = inner
            if make is not None:
                if len(above) >= DEPTH_MAX:
                    raise self._place.error(f"is nested deeper than {DEPTH_MAX}")
                above.append(top)
                top = inner
        return whole
