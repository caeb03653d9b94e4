"""Files in the repository that are made from the code: write them, or see that they are current.

`python -m hookflash.adapters.generated` writes them, with `--check` it exits 1 where one is stale.
For those who change hookflash; an installed package has no use for it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from hookflash.adapters.diagrams import draw_svg
from hookflash.adapters.documents import Written, bring_up_to_date, shipped_sources
from hookflash.adapters.report.diagram import SHIPPED, shipped_drawing
from hookflash.adapters.rules_files import names_of
from hookflash.adapters.specifications import load_machine
from hookflash.adapters.tables.columns import tables_text
from hookflash.adapters.wire.schema import wire_schema_text
from hookflash.machines.rules.schema import schema_text as rules_schema_text
from hookflash.machines.schema import schema_text

_ROOT = Path(__file__).resolve().parent.parent
_SPECS = _ROOT / "specs"
_PICTURES = _ROOT / "docs" / "pictures"


def drawings() -> dict[Path, str]:
    """Return the text of each drawing of a shipped machine by its path."""
    return {
        _SPECS / SHIPPED: shipped_drawing(),
        _PICTURES / "hold-machine.svg": draw_svg(load_machine("hold"), detail="brief"),
        _PICTURES / "connection-machine.svg": draw_svg(load_machine("connection"), detail="brief"),
    }


def bring_drawings_up_to_date(*, check: bool = False) -> Iterator[Written]:
    """Write the drawings of shipped machines where they are not what they should be.

    In a checkout only: an installed package has no folder for pictures, and its own are current.

    Args:
        check: Only compare, write nothing.

    Yields:
        What became of each file.
    """
    for path, text in drawings().items() if _PICTURES.is_dir() else ():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            yield Written(path, "current")
        elif check:
            yield Written(path, "stale" if path.is_file() else "missing")
        else:
            path.write_text(text, encoding="utf-8")
            yield Written(path, "written")


def generated_files() -> dict[Path, str]:
    """Return the text of each generated file by its path."""
    return {
        _SPECS / "recording.schema.json": schema_text(load_machine("hold")),
        _SPECS / "rules.schema.json": rules_schema_text(names_of()),
        _SPECS / "tables.json": tables_text(),
        _SPECS / "wire.schema.json": wire_schema_text(),
        **drawings(),
    }


def stale_files() -> list[Path]:
    """Return those that are missing or not what would be written now; documents last."""
    stale = [
        path
        for path, text in generated_files().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    documents = bring_up_to_date(shipped_sources(), check=True)
    return [*stale, *(one.path for one in documents if one.outcome != "current")]


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit code."""
    stale = stale_files()
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"stale: {path}; run python -m hookflash.adapters.generated\n")
        return 1 if stale else 0
    texts = generated_files()
    for path in stale:
        if path in texts:
            path.write_text(texts[path], encoding="utf-8")
    if any(path not in texts for path in stale):
        list(bring_up_to_date(shipped_sources()))
    for path in stale:
        sys.stderr.write(f"written: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
