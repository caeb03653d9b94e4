"""`docs`: the documents of machines and rules files, written or compared."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line

if TYPE_CHECKING:
    from hookflash.adapters.documents import Written


def docs(
    *files: str,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    check: Annotated[bool, Parameter(negative="")] = False,
    format: Literal["markdown", "html", "both"] = "both",  # noqa: A002 - the option's name
    json: Json = False,
) -> int:
    """Write the documents of machines and rules files, in Markdown and as pages.

    A file that is what it should be is left alone. Pages with a new drawing need the extra `docs`.
    In a checkout, without any arguments, the pictures of shipped machines are brought up to date
    as well.

    Args:
        files: Shipped machines (`hold`, `connection`), definitions, rules files; without any all
            shipped machines.
        out: The folder to write into; beside each definition without it.
        check: Write nothing; exit code 1 where a document is missing or stale.
        format: Which files to write.
        json: Print one line of JSON.
    """
    from hookflash.adapters.documents import (  # noqa: PLC0415 - see package
        FORMATS,
        bring_up_to_date,
        read_source,
        shipped_sources,
    )

    sources = [read_source(file) for file in dict.fromkeys(files)] or shipped_sources()
    formats = FORMATS if format == "both" else (format,)
    written: list[Written] = []
    brought = bring_up_to_date(sources, out, formats=formats, check=check)
    if not files and out is None and format == "both":
        from hookflash.adapters.generated import bring_drawings_up_to_date  # noqa: PLC0415 - see package

        brought = chain(brought, bring_drawings_up_to_date(check=check))
    for one in brought:
        written.append(one)
        if not json:
            print_line(f"{_shown(one.path)}: {one.outcome}")
    failed = any(one.outcome in {"stale", "missing"} for one in written)
    if json:
        print_json(
            {
                "status": "failed" if failed else "success",
                "documents": [{"path": str(one.path), "outcome": one.outcome} for one in written],
            }
        )
    elif failed:
        print_line("to do: run `hookflash docs` with the same arguments, but without --check")
    return 1 if failed else 0


def _shown(path: Path) -> Path:
    """Return *path* as it is shown: relative where it lies below the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
