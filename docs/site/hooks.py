# ruff: noqa: INP001 - MkDocs loads this by its path
"""What MkDocs has to be told: which files are pages, and what is different on the site.

The repository's documents keep their paths on the site, so their links need no change. Pages of the
API are made of the docstrings of the public names. Where Markdown has a picture as text for
Mermaid, the site has the drawing of the same document's page, because Mermaid would be a download.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import hookflash
from hookflash.adapters.diagrams.dressing import CLASS, DARK
from hookflash.adapters.documents.drawings import drawings_in
from hookflash.machines.diagrams.dot import COLOURS

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md", "specs/*.md")
FILES = ("LICENSE", "docs/pictures/*", "specs/*.json", "specs/*.toml")
SHIM = "vendor/iframe-worker/shim.js"
"""What lets the search run in pages that are opened from a disk."""

API = {
    "controller": (
        "Controller and results",
        "What embedding programs call, and what they get.",
        (
            *("open_controller", "Controller", "CommandResult", "InteractionSnapshot"),
            *("MetricsSnapshot", "blocking"),
        ),
    ),
    "settings": (
        "Settings and policies",
        "How a program is configured.",
        ("load_settings", "Settings", "HoldPolicy", "GroupPolicy"),
    ),
    "machines": (
        "Machines",
        "Machines as pure functions.",
        (
            *("load_machine", "shipped_machines", "Machine", "Step", "Interaction", "Hold"),
            "__version__",
        ),
    ),
    "rules": (
        "Rules",
        "Rules as a pure function.",
        (
            *("load_rules", "Rules", "Decision", "RuleFacts", "RuleEvent", "RuleTimerFired"),
            *("RuleMemory", "RulesDiff"),
        ),
    ),
    "errors": (
        "Errors",
        "What failed commands raise; each is a `HookflashError`.",
        tuple(
            name
            for name in hookflash.__all__
            if isinstance(getattr(hookflash, name), type)
            and issubclass(getattr(hookflash, name), hookflash.HookflashError)
        ),
    ),
}
"""The pages of the API: title, what they are about, the names."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Take the repository's documents for pages, and make those of the API."""
    for file in [one for one in files if one.abs_src_path and _is_ours(Path(one.abs_src_path))]:
        files.remove(file)
    for pattern in (*PAGES, *FILES):
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    for name, text in _api_pages():
        files.append(File.generated(config, f"api/{name}.md", content=text))
    files.append(File.generated(config, "assets/site.css", content=_style()))
    shim = str(Path(__file__).parent / SHIM)
    files.append(File.generated(config, f"assets/{SHIM}", abs_src_path=shim))
    return files


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(ROOT / "docs")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leave out what is for tests only, and put drawings in place of pictures as text."""
    del config, files
    markdown = re.sub(r"^<!-- test: .*? -->\n", "", markdown, flags=re.MULTILINE)
    if page.file.src_uri.startswith("specs/"):
        drawings = iter(_drawings_of(page.file))
        markdown = re.sub(
            r"^```mermaid\n.*?^```$",
            lambda _: f'<figure class="drawing">\n{next(drawings)}\n</figure>',
            markdown,
            flags=re.MULTILINE | re.DOTALL,
        )
    folder = (ROOT / page.file.src_uri).parent
    return re.sub(
        r'<img src="([\w./-]+\.svg)"[^>]*>', lambda found: _inlined(found, folder), markdown
    )


def _inlined(image: re.Match[str], folder: Path) -> str:
    """Return the drawing of a machine itself; other pictures stay what they are.

    In the page it follows the reader's choice of colours.
    """
    path = folder / image[1]
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return _in_one_piece(text) if f'class="{CLASS}"' in text else image[0]


def _in_one_piece(svg: str) -> str:
    """Return a drawing without empty lines: at one, Markdown would take HTML for ended."""
    return re.sub(r"\n\s*\n", "\n", svg).strip()


def _drawings_of(file: File) -> Iterator[str]:
    page = Path(str(file.abs_src_path)).with_suffix(".html")
    for drawing in drawings_in(page.read_text(encoding="utf-8")):
        if not drawing.svg:
            raise PluginError(f"{page}: a drawing is not as it was made; run `hookflash docs`")
        yield _in_one_piece(drawing.svg)


# --- the API --------------------------------------------------------------------------------------


def _api_pages() -> Iterator[tuple[str, str]]:
    told = [name for _, _, names in API.values() for name in names]
    if sorted(told) != sorted(hookflash.__all__):
        missing = sorted(set(hookflash.__all__) ^ set(told))
        raise PluginError(
            f"docs/site/hooks.py: the pages of the API and hookflash.__all__ differ: {missing}"
        )
    lines = [
        "# API reference",
        "",
        "Everything below is `hookflash.NAME`; nothing else is public.",
        "",
    ]
    for name, (title, about, names) in API.items():
        shown = ", ".join(f"[`{one}`]({name}.md#hookflash.{one})" for one in names)
        lines += [f"- [{title}]({name}.md): {shown}"]
        yield name, "\n".join(_api_page(title, about, names))
    yield "index", "\n".join(lines) + "\n"


def _api_page(title: str, about: str, names: tuple[str, ...]) -> Iterator[str]:
    yield f"# {title}"
    yield ""
    yield about
    yield ""
    for name in names:
        yield f"::: hookflash.{name}"
        yield ""


# --- how it looks ---------------------------------------------------------------------------------


def _style() -> str:
    """Return the style of the site: its own file, and the colours of drawings by the palette."""
    parts = [(Path(__file__).parent / "site.css").read_text(encoding="utf-8")]
    for scheme, colours in (("default", COLOURS), ("slate", DARK)):
        said = "; ".join(f"--hookflash-{role}: {colour}" for role, colour in colours.items())
        parts.append(f'[data-md-color-scheme="{scheme}"] .{CLASS} {{ {said} }}')
    return "\n".join(parts) + "\n"


__all__: list[Any] = ["on_files", "on_page_markdown"]
