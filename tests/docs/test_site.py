"""The documentation site: all documents are on it, and no network is needed to read it."""

import re
import subprocess
import sys
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from tests.docs.blocks import ROOT

import hookflash

SITE = ROOT / "docs" / "site"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site strictly, as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    program = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    done = subprocess.run(
        program, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert 0 == done.returncode, done.stderr
    return folder


def hooks() -> ModuleType:
    """Import what MkDocs imports by its path."""
    found = spec_from_file_location("site_hooks", SITE / "hooks.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_every_document_has_its_place_on_the_site() -> None:
    """The navigation names each once; MkDocs itself warns of what is missing there."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = re.findall(r"([\w./-]+\.md)$", text.partition("\nnav:")[2], re.MULTILINE)
    pages = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")]
    pages += [path.relative_to(ROOT).as_posix() for path in (ROOT / "specs").glob("*.md")]
    assert set(pages) <= set(nav)
    assert len(nav) == len(set(nav))


def test_every_public_name_is_in_the_api_reference(built: Path) -> None:
    """With its docstring; the pages are made of the code."""
    names = [name for _, _, names in hooks().API.values() for name in names]
    assert sorted(hookflash.__all__) == sorted(names)
    text = "".join(path.read_text(encoding="utf-8") for path in (built / "api").glob("*.html"))
    for name in names:
        assert f'id="hookflash.{name}"' in text, name


def test_no_page_loads_anything_from_elsewhere(built: Path) -> None:
    """Scripts, styles, fonts and pictures are all in the folder."""
    pages = list(built.rglob("*.html"))
    assert len(pages) > 15
    for path in pages:
        text = path.read_text(encoding="utf-8")
        loads = re.findall(r"<(?:script|img|iframe|source)[^>]* src=\"?([^\s\">]+)", text)
        loads += [
            target
            for link in re.findall(r"<link[^>]*>", text)
            if not re.search(r"rel=\"?(?:next|prev|canonical)", link)
            for target in re.findall(r"href=\"?([^\s\">]+)", link)
        ]
        assert loads
        for target in loads:
            assert not re.match(r"(?:[a-z]+:)?//", target), f"{path.name}: {target}"
    for path in [*built.rglob("*.css"), *built.rglob("*.js")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:url\(|@import )['\"]?(?:https?:)?//", text), path.name
    assert not list(built.rglob("hooks.py"))


def test_pictures_are_drawings_in_the_page(built: Path) -> None:
    """Mermaid would have to be loaded; a drawing in the page follows the reader's colours."""
    text = (built / "specs" / "hold.html").read_text(encoding="utf-8")
    assert "stateDiagram" not in text
    assert 1 == text.count('class="hookflash-diagram"')
    assert 'class="hookflash-diagram"' in (built / "index.html").read_text(encoding="utf-8")
    assert "<!-- test:" not in (built / "docs" / "embedding.html").read_text(encoding="utf-8")


def test_the_search_can_run_from_a_disk(built: Path) -> None:
    """Its index is a script, and what browsers lack there comes along."""
    assert (built / "search" / "search_index.js").is_file()
    text = (built / "index.html").read_text(encoding="utf-8")
    assert "assets/vendor/iframe-worker/shim.js" in text
    assert (built / "assets" / "vendor" / "iframe-worker" / "shim.js").is_file()


def test_bundled_files_are_those_of_their_package() -> None:
    """Unchanged; the hashes stand beside them."""
    text = (SITE / "vendor" / "README.md").read_text(encoding="utf-8")
    hashes = dict(re.findall(r"^\| `([\w./-]+)` \| `([0-9a-f]{64})` \|$", text, re.MULTILINE))
    found = {
        path.relative_to(SITE / "vendor").as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in (SITE / "vendor").rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert hashes == found
