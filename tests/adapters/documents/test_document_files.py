"""Documents in files: written where they are stale, left alone where they are not."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve
from tests.machines.documents.lamps import LAMP, document_of, lamp
from tests.machines.documents.test_rules_documents import rule
from tests.machines.hold_world import ROOT

from hookflash.adapters.documents import (
    FORMATS,
    Format,
    Source,
    Written,
    bring_up_to_date,
    files,
    read_source,
    shipped_sources,
)
from hookflash.adapters.documents.drawings import Drawing, drawings_in, source_of
from hookflash.machines.documents import Document, Picture
from hookflash.machines.errors import ConfigurationError, SpecError

DOCUMENT = document_of(lamp())


def source(
    folder: Path, document: Callable[[], Document] = lambda: DOCUMENT, name: str = "lamp"
) -> Source:
    """Return a source that is made in memory."""
    return Source(name, folder, document)


def outcomes(written: Iterator[Written]) -> list[str]:
    """Return what became of files."""
    return [one.outcome for one in written]


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Draw without Graphviz, and count how often."""
    counted: list[int] = []

    def draw(picture: Picture, number: int) -> Drawing:
        counted.append(number)
        return Drawing(source_of(picture), f"<svg>{len(counted)}</svg>")

    monkeypatch.setattr(files, "drawn", draw)
    return counted


# --- writing and comparing ------------------------------------------------------------------------


def test_documents_are_written_and_then_current(tmp_path: Path) -> None:
    """Markdown and a page; the second time nothing is to be done."""
    written = list(bring_up_to_date([source(tmp_path)]))
    assert [
        Written(tmp_path / "lamp.md", "written"),
        Written(tmp_path / "lamp.html", "written"),
    ] == written
    assert DOCUMENT.markdown == (tmp_path / "lamp.md").read_text(encoding="utf-8")
    assert ["current", "current"] == outcomes(bring_up_to_date([source(tmp_path)], check=True))
    assert ["current", "current"] == outcomes(bring_up_to_date([source(tmp_path)]))
    assert ["lamp.html", "lamp.md"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    """What is missing stays missing, what is stale stays stale."""
    assert ["missing", "missing"] == outcomes(bring_up_to_date([source(tmp_path)], check=True))
    assert [] == list(tmp_path.iterdir())
    list(bring_up_to_date([source(tmp_path)]))
    other = evolve(DOCUMENT, markdown=DOCUMENT.markdown.replace("It shines", "It is bright"))
    changed = source(tmp_path, lambda: other)
    assert ["stale", "stale"] == outcomes(bring_up_to_date([changed], check=True))
    assert DOCUMENT.markdown == (tmp_path / "lamp.md").read_text(encoding="utf-8")


def test_another_folder_is_made(tmp_path: Path) -> None:
    """The source's own folder is left alone."""
    out = tmp_path / "new" / "folder"
    list(bring_up_to_date([source(tmp_path)], out, formats=["markdown"]))
    assert ["lamp.md"] == [path.name for path in out.iterdir()]
    assert ["new"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("form", FORMATS)
def test_one_format_alone(tmp_path: Path, form: Format) -> None:
    """Nobody needs both."""
    assert 1 == len(list(bring_up_to_date([source(tmp_path)], formats=[form])))
    assert 1 == len(list(tmp_path.iterdir()))


# --- drawings -------------------------------------------------------------------------------------


def test_a_drawing_is_kept_while_what_it_shows_is_the_same(
    tmp_path: Path, drawn: list[int]
) -> None:
    """Another sentence in the page draws nothing anew; another version of Graphviz would."""
    list(bring_up_to_date([source(tmp_path)]))
    other = evolve(DOCUMENT, markdown=DOCUMENT.markdown.replace("Its time", "The time"))
    changed = source(tmp_path, lambda: other)
    assert ["written"] == outcomes(bring_up_to_date([changed], formats=["html"]))
    assert [1] == drawn
    (drawing,) = drawings_in((tmp_path / "lamp.html").read_text(encoding="utf-8"))
    assert "<svg>1</svg>" == drawing.svg


def test_a_drawing_of_something_else_is_drawn_anew(tmp_path: Path, drawn: list[int]) -> None:
    """What it shows changed, and nothing else."""
    list(bring_up_to_date([source(tmp_path)]))
    (picture,) = DOCUMENT.pictures
    other = evolve(DOCUMENT, pictures=(evolve(picture, dots=("digraph { a }",)),))
    changed = source(tmp_path, lambda: other)
    assert ["current", "stale"] == outcomes(bring_up_to_date([changed], check=True))
    assert ["current", "written"] == outcomes(bring_up_to_date([changed]))
    assert [1, 1] == drawn


def test_a_drawing_that_was_changed_by_hand_is_drawn_anew(tmp_path: Path, drawn: list[int]) -> None:
    """It would say something that nobody drew."""
    list(bring_up_to_date([source(tmp_path)]))
    path = tmp_path / "lamp.html"
    path.write_text(path.read_text(encoding="utf-8").replace("<svg>1<", "<svg>9<"), "utf-8")
    assert ["current", "stale"] == outcomes(bring_up_to_date([source(tmp_path)], check=True))
    assert ["current", "written"] == outcomes(bring_up_to_date([source(tmp_path)]))
    assert [1, 1] == drawn


def test_the_shipped_pages_show_what_would_be_drawn() -> None:
    """The drawing in each shipped page has the states and arrows of its definition."""
    for one in shipped_sources():
        text = (one.folder / f"{one.name}.html").read_text(encoding="utf-8")
        (drawing,) = drawings_in(text)
        assert drawing.svg
        states = re.findall(r'data-state="(\w+)"', drawing.svg)
        headings = re.findall(r'<h3 id="state-(\w+)"', text)
        assert sorted(headings) == sorted(states)


# --- what is not ours -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lamp.md", "lamp.html"])
def test_a_file_that_is_not_ours_is_never_replaced(tmp_path: Path, name: str) -> None:
    """Somebody wrote it; the message says what to do."""
    (tmp_path / name).write_text("# My lamp\n", "utf-8")
    with pytest.raises(ConfigurationError, match="was not made by `hookflash docs`") as caught:
        list(bring_up_to_date([source(tmp_path)]))
    assert "-o" in str(caught.value.advice)
    assert "# My lamp\n" == (tmp_path / name).read_text(encoding="utf-8")


def test_two_documents_of_one_name_are_refused(tmp_path: Path) -> None:
    """The second would replace the first; in folders of their own both are fine."""
    one, two = source(tmp_path / "a"), source(tmp_path / "b")
    with pytest.raises(ConfigurationError, match="two documents would be called 'lamp'"):
        list(bring_up_to_date([one, two], tmp_path))
    assert 2 == len(list(bring_up_to_date([one, two], formats=["markdown"])))


def test_files_that_cannot_be_read_or_written_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, and nothing half written is left."""
    (tmp_path / "lamp.md").mkdir()
    with pytest.raises(ConfigurationError, match=r"cannot read .*lamp\.md"):
        list(bring_up_to_date([source(tmp_path)]))
    out = tmp_path / "out"
    list(bring_up_to_date([source(tmp_path)], out, formats=["html"]))

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        list(bring_up_to_date([source(tmp_path)], out, formats=["markdown"]))
    assert ["lamp.html"] == [path.name for path in out.iterdir()]


# --- sources --------------------------------------------------------------------------------------


def test_shipped_machines_stand_in_their_folder() -> None:
    """By their names; their documents are beside them."""
    sources = {one.name: one for one in shipped_sources()}
    assert {"connection", "hold"} <= set(sources)
    assert (sources["hold"].folder / "hold.toml").is_file()
    document = sources["connection"].document()
    assert "The machine connection" == document.title
    assert "specs/connection.toml" in document.markdown


def test_a_definition_of_ones_own(tmp_path: Path) -> None:
    """With its module and its tests beside it; the document has no path of this machine."""
    folder = Path(__file__).parents[2] / "machines" / "documents"
    module = (folder / "lamps.py").read_text(encoding="utf-8")
    (tmp_path / "lamps.py").write_text(module, "utf-8")
    path = tmp_path / "lamp.toml"
    path.write_text(LAMP.replace('[check]\nsamples = "lamps"', "[check]"), "utf-8")
    one = read_source(str(path))
    assert ("lamp", tmp_path) == (one.name, one.folder)
    document = one.document()
    assert "The definition is `lamp.toml`" in document.markdown
    assert str(tmp_path) not in document.markdown
    assert "was not recorded" in document.markdown
    record = '{"format": 1, "machines": {"lamp": {"t.py::test": {"says": "", "rows": "all"}}}}'
    (tmp_path / "traceability.json").write_text(record, "utf-8")
    assert "`test` in `t.py`" in one.document().markdown
    (tmp_path / "traceability.json").write_bytes(b"\xff")
    with pytest.raises(SpecError, match=r"traceability\.json: cannot be read: it is not UTF-8"):
        one.document()


def test_a_record_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason that the system gives."""
    (tmp_path / "connection.toml").write_bytes((ROOT / "specs" / "connection.toml").read_bytes())
    (tmp_path / "traceability.json").write_text("{}", "utf-8")
    one = read_source(str(tmp_path / "connection.toml"))
    real = Path.read_text

    def refuse(self: Path, encoding: str | None = None) -> str:
        if self.name == "traceability.json":
            raise OSError(13, "Permission denied")
        return real(self, encoding)

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SpecError, match="cannot be read: Permission denied"):
        one.document()


def test_a_rules_file_is_told_from_a_machine(tmp_path: Path) -> None:
    """By its list of rules; what is no TOML is taken for a machine, which says so."""
    path = tmp_path / "calls.toml"
    path.write_text(rule('trigger = { to = "held" }'), "utf-8")
    document = read_source(str(path)).document()
    assert "The rules calls" == document.title
    assert "The rules file is `calls.toml`" in document.markdown
    path.write_text("[[", "utf-8")
    with pytest.raises(SpecError, match="not TOML"):
        read_source(str(path)).document()
    path.write_text(rule('trigger = { to = "gone" }'), "utf-8")
    with pytest.raises(SpecError, match=re.escape(str(path))):
        read_source(str(path)).document()
