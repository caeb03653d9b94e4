"""Which tests exercise which rows: as a file, and as a section of a document."""

import re

import pytest
from tests.machines.documents.lamps import document_of, lamp, section
from tests.machines.hold_world import ROOT, hold_spec

from hookflash.machines.documents import Traceability, TracedTest
from hookflash.machines.documents.traceability import names_of_rows, traced
from hookflash.machines.errors import SpecError

SPEC = lamp().spec
NAMES = names_of_rows(SPEC)
SINGLE = TracedTest("t/test_a.py::test_one", "It *shines*.", (NAMES[0], "gone rung 7"))
OTHER = TracedTest("t/test_b.py::test_two", "", (NAMES[0], NAMES[1]))
THIRD = TracedTest("t/test_b.py::test_three", "", (NAMES[1],))
ALL = TracedTest("t/test_b.py::test_all", "All of it.", None)
RANDOM = TracedTest("t/test_b.py::test_random", "Whatever.", (), random=True)
GONE = TracedTest("t/test_c.py::test_gone", "Of rows that are gone.", ("gone rung 7",))


def test_rows_are_named_by_state_event_and_place() -> None:
    """A name tells the rows of one pair apart, and nothing else changes it."""
    assert ["dark pressed 1", "dark pressed 2", "lit pressed 1"] == [NAMES[n] for n in range(3)]
    assert len(set(NAMES.values())) == len(SPEC.rows)


def test_a_file_comes_back_as_it_was_written() -> None:
    """In a line for each test."""
    before = Traceability({"lamp": (ALL, SINGLE, RANDOM), "door": ()})
    text = before.to_json()
    assert before == Traceability.from_json(text, "here")
    said = '{"says": "It *shines*.", "rows": ["dark pressed 1", "gone rung 7"]}'
    assert f'  "t/test_a.py::test_one": {said},\n' in text
    assert () == before.of("elsewhere")
    assert (ALL, SINGLE, RANDOM) == before.of("lamp")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": 2, "machines": {}}',
        '{"format": 1}',
        '{"format": 1, "machines": {"lamp": []}}',
        '{"format": 1, "machines": {"lamp": {"t": {"says": ""}}}}',
    ],
)
def test_what_is_no_such_file_is_refused(text: str) -> None:
    """With its place, and what to do."""
    with pytest.raises(SpecError, match=r"^here: does not say which tests") as caught:
        Traceability.from_json(text, "here")
    assert "record it again" in str(caught.value.advice)


def test_what_a_test_took_is_written_by_names() -> None:
    """All rows are `None`; what is drawn at random is not told."""
    rows = SPEC.rows
    assert ("dark pressed 1", "lit pressed 1") == traced(
        SPEC, "t", "", [rows[2], rows[0], rows[2]], random=False
    ).rows
    assert traced(SPEC, "t", "", rows, random=False).rows is None
    assert TracedTest("t", "", (), random=True) == traced(SPEC, "t", "", rows, random=True)


def test_the_document_tells_the_tests_of_each_row() -> None:
    """Those that take a few rows with the row, broad ones by their number, random ones apart."""
    tests = Traceability({"lamp": (SINGLE, ALL, RANDOM, OTHER, THIRD, GONE)})
    document = document_of(lamp(), traceability=tests)
    told = section(document, "### From rows to tests")
    pressed = "| [`pressed`](#event-pressed) | `dark` | `gentle` | →\u00a0`lit` | T1, T2, 1 broad |"
    assert pressed in told
    assert "| `dark` | otherwise | rejected: `InvalidCommand` | T2, T3, 1 broad |" in told
    listed = section(document, "### The tests")
    assert "In `t/test_a.py`:\n\n- T1 `test_one`: It `shines`." in listed
    assert "\n\nIn `t/test_b.py`:\n\n- T2 `test_two`\n- T3 `test_three`" in listed
    assert "test_gone" not in document.markdown
    rows = len(SPEC.rows)
    broad = section(document, "### Broad tests")
    assert f"- `test_all` in `t/test_b.py`, {rows} of {rows} rows: All of it." in broad
    assert "- `test_random` in `t/test_b.py`: Whatever." in section(
        document, "### Tests that walk at random"
    )


def test_a_row_without_a_test_stands_out() -> None:
    """And groups without tests are left out."""
    document = document_of(lamp(), traceability=Traceability({"lamp": (SINGLE,)}))
    assert "| late | **none** |" in section(document, "## Tests")
    assert "### Broad tests" not in document.markdown
    broad = document_of(lamp(), traceability=Traceability({"lamp": (ALL,)}))
    assert "### The tests" not in broad.markdown


def test_without_a_record_the_document_says_so() -> None:
    """Nothing is made up."""
    said = "Which tests exercise which rows was not recorded."
    for traceability in (None, Traceability({"door": (SINGLE,)})):
        assert said in section(document_of(lamp(), traceability=traceability), "## Tests")


def test_the_shipped_record_fits_the_shipped_machine() -> None:
    """Every row has a test, every name is one of a row, every test exists.

    That the tests take these rows is for those to see who record it: CI compares.
    """
    path = ROOT / "specs" / "traceability.json"
    tests = Traceability.from_json(path.read_text(encoding="utf-8"), str(path)).of("hold")
    names = set(names_of_rows(hold_spec()).values())
    taken = {row for test in tests if not test.random for row in test.rows or names}
    assert names == taken
    for test in tests:
        file, _, function = test.name.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {function}\(", source, re.MULTILINE), test.name
