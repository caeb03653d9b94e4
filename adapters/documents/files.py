"""Documents in files: compared with what is there, and written where they are stale."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from attrs import frozen

from hookflash.adapters.documents.drawings import (
    Drawing,
    drawings_in,
    drawn,
    source_of,
    without_drawings,
)
from hookflash.adapters.documents.page import page
from hookflash.adapters.documents.sources import Source
from hookflash.machines.documents import Document
from hookflash.machines.errors import ConfigurationError

Format = Literal["markdown", "html"]
Outcome = Literal["current", "stale", "missing", "written"]

FORMATS: Final[tuple[Format, ...]] = ("markdown", "html")
_ENDINGS: Final[dict[Format, str]] = {"markdown": ".md", "html": ".html"}
_MARKS: Final = ("by `hookflash docs`", "by <code>hookflash docs</code>")
"""What stands in every document that we made: anything else is not ours to replace."""


@frozen
class Written:
    """What became of a file.

    Attributes:
        path: The file.
        outcome: `current`: it is what it should be; `stale` or `missing`: it is not, and was not
            to be written; `written`: now it is.
    """

    path: Path
    outcome: Outcome


def bring_up_to_date(
    sources: Sequence[Source],
    folder: Path | None = None,
    *,
    formats: Sequence[Format] = FORMATS,
    check: bool = False,
) -> Iterator[Written]:
    """Write the documents of some sources where they are not what they should be.

    Blocks: some seconds for a machine that is explored, and half a second for a drawing that is
    drawn anew.

    Args:
        sources: What they are made of.
        folder: Where they stand; None for beside each source. It is made where it is missing.
        formats: Which files each document has.
        check: Only compare, write nothing.

    Yields:
        What became of each file, as soon as it is known.

    Raises:
        SpecError: A source cannot be used.
        ConfigurationError: A file cannot be written, or is none of ours; two documents would have
            one name; a drawing has to be made and pygraphviz is not installed.
    """
    _refuse_twins(sources, folder)
    for source in sources:
        document = source.document()
        for form in formats:
            path = (folder or source.folder) / f"{source.name}{_ENDINGS[form]}"
            bring = _markdown if form == "markdown" else _html
            yield bring(document, path, check=check)


def _refuse_twins(sources: Sequence[Source], folder: Path | None) -> None:
    seen: set[tuple[Path, str]] = set()
    for source in sources:
        key = (folder or source.folder).resolve(), source.name
        if key in seen:
            raise ConfigurationError(
                f"two documents would be called {source.name!r} in {folder or source.folder}",
                advice="write them into different folders",
                source="option --out",
            )
        seen.add(key)


def _markdown(document: Document, path: Path, *, check: bool) -> Written:
    before = _read(path)
    if before == document.markdown:
        return Written(path, "current")
    if check:
        return Written(path, "missing" if before is None else "stale")
    _write(path, document.markdown, before)
    return Written(path, "written")


def _html(document: Document, path: Path, *, check: bool) -> Written:
    before = _read(path)
    known = {} if before is None else {one.source: one for one in drawings_in(before) if one.svg}
    sources = [source_of(picture) for picture in document.pictures]
    wanted = page(document, [Drawing(source) for source in sources])
    is_current = (
        before is not None
        and without_drawings(before) == wanted
        and all(source in known for source in sources)
    )
    if is_current:
        return Written(path, "current")
    if check:
        return Written(path, "missing" if before is None else "stale")
    drawings = [
        known.get(source) or drawn(picture, number)
        for number, (source, picture) in enumerate(
            zip(sources, document.pictures, strict=True), start=1
        )
    ]
    _write(path, page(document, drawings), before)
    return Written(path, "written")


def _read(path: Path) -> str | None:
    """Return the text of a file; None where there is none."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot("read", path, error) from error


def _write(path: Path, text: str, before: str | None) -> None:
    """Write a file in one step."""
    if before is not None and not any(mark in before for mark in _MARKS):
        raise ConfigurationError(
            f"{path} is there and was not made by `hookflash docs`",
            advice="move it away, or name another folder with -o",
            source="option --out",
        )
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(text.encode())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise _cannot("write", path, error) from error


def _cannot(what: str, path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot {what} {path}: {error.strerror or error}",
        advice="name a folder that you may write to with -o",
        source="option --out",
    )
