"""A changed byte of a line is found by the line's checksum."""

from hypothesis import given
from hypothesis import strategies as st

from hookflash.engine.replaying.mending import mend
from hookflash.machines.lines import dump_line, sum_fits

LINE = dump_line({"seq": 7, "text": "Grüße, and some more of it", "list": [1, 2, {"a": None}]}, "x")


@given(st.integers(0, len(LINE) - 2), st.integers(1, 255))
def test_any_byte_is_found(index: int, change: int) -> None:
    """Whichever byte is changed, and however: the line comes out as it was written."""
    changed = bytearray(LINE)
    changed[index] ^= change
    mended = mend(bytes(changed))
    assert mended is not None
    assert mended.line == LINE
    assert (mended.index, mended.was, mended.found) == (index, LINE[index], changed[index])
    assert f"byte {index + 1} was" in mended.text


@given(st.binary(max_size=60))
def test_what_is_no_line_is_left_alone(data: bytes) -> None:
    """Bytes without the ending of a line are not mended into something."""
    assert mend(data) is None


@given(st.lists(st.tuples(st.integers(0, len(LINE) - 20), st.integers(1, 255)), min_size=2))
def test_several_changes_are_hardly_taken_for_one(changes: list[tuple[int, int]]) -> None:
    """Where more was changed, a line that comes out fits its checksum all the same."""
    changed = bytearray(LINE)
    for index, change in changes:
        changed[index] ^= change
    mended = mend(bytes(changed))
    assert mended is None or sum_fits(mended.line)
