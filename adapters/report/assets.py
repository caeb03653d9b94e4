"""What the page is made of beside the recording: its template, style and scripts.

The scripts are modules of their own, so that they can be read and tested one by one. In the page
they are one: a page without network cannot import. Putting them together is no more than leaving
out the lines that import from each other and the word `export`, because every name stands in one of
them only; a module that declares a name twice is refused by every browser.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

_FOLDER: Final = "hookflash.adapters.report"

SCRIPTS: Final = (
    "format.mjs",
    "dom.mjs",
    "theme.mjs",
    "axes.mjs",
    "recording.mjs",
    "counting.mjs",
    "finding.mjs",
    "load.mjs",
    "lanes.mjs",
    "charts.mjs",
    "list.mjs",
    "diagram.mjs",
    "player.mjs",
    "main.mjs",
)
"""The modules, each after those that it imports from."""

LIBRARY: Final = "vendor/uplot/uPlot.iife.min.js"
LIBRARY_STYLE: Final = "vendor/uplot/uPlot.min.css"

_IMPORT: Final = re.compile(r"^import [^;]*?;\n", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=async function|function|const|class)", re.MULTILINE)


def asset(name: str) -> str:
    """Return the text of a file that ships with the report."""
    return files(_FOLDER).joinpath(name).read_text(encoding="utf-8")


@cache
def bundle() -> str:
    """Return the scripts of the page as one module."""
    return "\n".join(_modules())


def _modules() -> Iterator[str]:
    for name in SCRIPTS:
        yield _EXPORT.sub("", _IMPORT.sub("", asset(f"scripts/{name}"))).strip() + "\n"


def source_hash(text: str) -> str:
    """Return *text* as a Content Security Policy names it: `'sha256-…'`."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def policy(*, styles: list[str], scripts: list[str]) -> str:
    """Return the page's Content Security Policy: these styles and scripts, and nothing else.

    Nothing is loaded or sent anywhere, and no text becomes HTML (trusted types).
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(source_hash, scripts))}",
            f"style-src {' '.join(map(source_hash, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
