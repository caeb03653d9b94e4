"""The audit logs: one contract for all, the chain, and what verification finds."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookflash.adapters.audit import (
    JsonLinesAuditLog,
    MemoryAuditLog,
    verify,
    verify_lines,
)
from hookflash.engine.ports import AuditLog
from hookflash.engine.rule_messages import Remark
from hookflash.machines.effects import EndCommand, NoteForeign
from hookflash.machines.errors import JournalError, MalformedRecord
from hookflash.machines.instants import Instant, from_text

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "3d813cbb-47fb-32ba-91df-831e1593ac29"
ENDED = EndCommand(
    CORRELATION,
    CORRELATION,
    "hold",
    "confirmed",
    "held",
    Instant(AT - 12_345),
    AT,
    "caller",
    priority=5,
    reason="consultation",
)
FAILED = attrs.evolve(
    ENDED,
    command_id=OTHER,
    action="unhold",
    outcome="refused",
    state="held",
    error="RateLimited",
    message="slow down, says +49 30 1234567",
    reason=None,
    requested_at=Instant(AT - 5_000),
    retry_after_s=2.0,
)
FOREIGN = NoteForeign(CORRELATION, "hold", "held", AT, Instant(AT - 1_000_000))
REMARK = Remark(AT, OTHER, "call-back", "call +49 30 1234567 back", "held")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "audit.jsonl"


@pytest.fixture(params=["file", "memory"])
def log(request: pytest.FixtureRequest, path: Path) -> Iterator[AuditLog]:
    """A log of either kind."""
    made: AuditLog = JsonLinesAuditLog.open(path) if request.param == "file" else MemoryAuditLog()
    yield made
    made.close()


def lines_of(log: AuditLog, path: Path) -> list[dict[str, Any]]:
    """Return what the log holds."""
    if isinstance(log, MemoryAuditLog):
        return list(log.lines)
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- the contract of both -------------------------------------------------------------------------


def test_a_line_says_what_the_protocol_page_says(log: AuditLog, path: Path) -> None:
    """Keys, spelling and units are those of the protocol page, and ours beside them."""
    log.append([(ENDED, ID, 1.0)])
    (line,) = lines_of(log, path)

    assert len(line.pop("hash")) == 64
    assert line == {
        "timestamp": "2026-11-22T18:22:01.123Z",
        "interactionId": ID,
        "action": "hold",
        "status": "success",
        "metadata": {
            "reason": "consultation",
            "priority": 5,
            "latencyMs": 12.345,
            "consistencyRate": "100.00%",
            "state": "held",
        },
        "consistencyRate": "100.00%",
        "correlationId": CORRELATION,
        "actor": "caller",
        "outcome": "confirmed",
        "seq": 1,
        "previousHash": "0" * 64,
    }


def test_a_failed_command_says_why(log: AuditLog, path: Path) -> None:
    """Error, message and both names of a repeated command are there; numbers are not."""
    log.append([(FAILED, ID, 2 / 3)])
    (line,) = lines_of(log, path)

    assert line["status"] == "failed"
    assert line["outcome"] == "refused"
    assert line["consistencyRate"] == "66.67%"
    assert line["metadata"] == {
        "priority": 5,
        "latencyMs": 5,
        "consistencyRate": "66.67%",
        "state": "held",
        "error": "RateLimited",
        "message": "slow down, says [number]",
        "retryAfterS": 2,
        "commandId": OTHER,
    }


def test_a_foreign_hold_is_no_command(log: AuditLog, path: Path) -> None:
    """What somebody else did has the actor `foreign` and no latency."""
    log.append([(FOREIGN, ID, 1.0)])
    (line,) = lines_of(log, path)

    assert (line["actor"], line["action"], line["status"]) == ("foreign", "hold", "success")
    assert line["metadata"]["latencyMs"] == 0
    assert line["metadata"]["since"] == "2026-11-22T18:22:00.123Z"


def test_a_remark_is_noted(log: AuditLog, path: Path) -> None:
    """What a rule remarks is a line of its own, redacted and of bounded length."""
    log.append([(REMARK, ID, 1.0)])
    long = "no end to it " * 100
    log.append([(attrs.evolve(REMARK, rule="x" * 64, text=long), "typed", 1.0)])
    line, other = lines_of(log, path)

    assert len(line.pop("hash")) == 64
    assert line == {
        "timestamp": "2026-11-22T18:22:01.123Z",
        "interactionId": ID,
        "action": "annotate",
        "status": "success",
        "metadata": {
            "priority": None,
            "latencyMs": 0,
            "consistencyRate": "100.00%",
            "state": "held",
            "message": "call [number] back",
        },
        "consistencyRate": "100.00%",
        "correlationId": OTHER,
        "actor": "rule:call-back",
        "outcome": "noted",
        "seq": 1,
        "previousHash": "0" * 64,
    }
    assert other["actor"] == "rule:" + "x" * 64
    assert len(other["metadata"]["message"]) == 512


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("call-17", "call-17"),
        ("030 1234567", "[number]"),
        ("x" * 100, "x" * 63 + "…"),
        ("a\ud800b", "a?b"),
        (ID.upper(), ID.upper()),
    ],
)
def test_invalid_ids_stay_recognisable(log: AuditLog, path: Path, typed: str, shown: str) -> None:
    """An id that is none is written redacted and shortened."""
    log.append([(attrs.evolve(ENDED, outcome="invalid", error="InvalidCommand"), typed, 1.0)])
    (line,) = lines_of(log, path)

    assert line["interactionId"] == shown


def test_lines_hang_on_each_other(log: AuditLog, path: Path) -> None:
    """Each line carries the hash of the one before, computed as documented."""
    for ended in (ENDED, FAILED, FOREIGN):
        log.append([(ended, ID, 0.5)])
    previous = "0" * 64
    for number, line in enumerate(lines_of(log, path), start=1):
        found = line.pop("hash")
        canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

        assert line["previousHash"] == previous
        assert line["seq"] == number
        assert found == hashlib.sha256(canonical.encode()).hexdigest()
        previous = found


def test_a_closed_log_takes_nothing(log: AuditLog) -> None:
    """Closing twice is fine; appending afterwards is an error."""
    log.close()
    log.close()

    with pytest.raises(JournalError, match="closed"):
        log.append([(ENDED, ID, 1.0)])


# --- memory ---------------------------------------------------------------------------------------


def test_memory_is_bounded() -> None:
    """The oldest lines are forgotten beyond the bound; the chain goes on."""
    log = MemoryAuditLog(lines_max=1)
    log.append([(ENDED, ID, 1.0)])
    log.append([(ENDED, ID, 1.0)])

    assert log.seq == 2
    assert [line["seq"] for line in log.lines] == [2]


# --- files ----------------------------------------------------------------------------------------


def written(path: Path, count: int) -> list[bytes]:
    """Write a log of *count* lines and return them."""
    log = JsonLinesAuditLog.open(path)
    for number in range(count):
        log.append([((ENDED, FAILED, FOREIGN)[number % 3], ID, 1.0)])
    log.close()
    return path.read_bytes().splitlines(keepends=True)


def test_the_chain_goes_on_after_another_opening(path: Path) -> None:
    """Number and hash rise through all openings of a file only its owner may read."""
    for _ in range(3):
        written(path, 2)

    report = verify(path)
    assert report.whole
    assert report.lines == 6
    assert report.text() == "6 lines, the chain is whole"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_is_cut_aside_and_the_chain_goes_on(path: Path) -> None:
    """A torn last line is a note, not a break, and goes to `PATH.torn` at the next opening."""
    lines = written(path, 2)
    path.write_bytes(lines[0] + lines[1][:40])
    report = verify(path)
    assert report.whole
    assert (report.lines, report.torn_bytes) == (1, 40)
    assert "torn last line of 40 bytes" in report.text()

    written(path, 1)
    assert verify(path).lines == 2
    assert path.with_name("audit.jsonl.torn").read_bytes() == lines[1][:40] + b"\n"


def test_a_second_process_is_refused_by_name(path: Path) -> None:
    """One engine per audit log; the holder is named by its process id."""
    log = JsonLinesAuditLog.open(path)
    assert log.path == path
    with pytest.raises(JournalError, match=f"in use by process {os.getpid()}"):
        JsonLinesAuditLog.open(path)
    log.close()


def test_a_line_that_cannot_be_written_leaves_the_chain(path: Path) -> None:
    """After a failed write the next line hangs on the last one that is in the file."""
    size = len(written(path, 1)[0])
    log = JsonLinesAuditLog.open(path, bytes_max=size + 10)
    with pytest.raises(JournalError, match="at most"):
        log.append([(ENDED, ID, 1.0)])
    with pytest.raises(JournalError, match="the next start appends them"):
        log.sync()
    log.close()

    written(path, 1)
    assert verify(path).lines == 2


@pytest.mark.parametrize("last", [b"{}\n", b"[]\n", b"x\n", b'{"seq":"1","hash":5}\n'])
def test_a_file_of_something_else_is_refused(path: Path, last: bytes) -> None:
    """Nothing is appended to what is no audit log, and the lock is given back."""
    path.write_bytes(last)
    for _ in range(2):
        with pytest.raises(JournalError, match="the last line is none of an audit log"):
            JsonLinesAuditLog.open(path)
    assert path.read_bytes() == last


# --- verification ---------------------------------------------------------------------------------


def test_an_empty_log_is_whole(path: Path) -> None:
    """No lines, nothing to doubt."""
    path.write_bytes(b"")

    assert verify(path).whole
    assert verify(path).last_hash == "0" * 64
    with pytest.raises(MalformedRecord, match="cannot be read"):
        verify(path.with_name("other"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a letter\n", "line 1: is not JSON: "),
        (b"[]\n", "line 1: has no seq and no previousHash and no hash, as every line"),
        (b'{"a":1}\n', "line 1: has no seq and no previousHash and no hash, as every line"),
        (b'{"seq":1,"previousHash":"x"}\n', "line 1: has no hash, as every line"),
        (b"\x89PNG\r", "line 1: is not JSON: "),
    ],
)
def test_a_file_of_something_else_is_called_so(path: Path, content: bytes, said: str) -> None:
    """Not changed, not torn: no audit log at all, as far as can be seen."""
    path.write_bytes(content)
    report = verify(path)

    assert (report.broken_line, report.problem, report.torn_bytes) == (1, "json", 0)
    assert report.text().startswith(said)
    assert report.text().endswith("; this is no audit log, or its beginning was replaced")


def test_a_first_line_that_was_torn_is_no_break(path: Path) -> None:
    """However little of it is there."""
    (line,) = written(path, 1)
    for length in (1, 5, 100):
        report = verify_lines([line[:length]])
        assert (report.whole, report.torn_bytes) == (True, length)


def test_the_first_broken_line_is_named(path: Path) -> None:
    """Number and cause of the first line that is not as it was written."""
    lines = written(path, 4)
    changed = lines[1].replace(b'"held"', b'"gone"')
    forged = json.loads(changed)
    del forged["hash"]
    canonical = json.dumps(forged, sort_keys=True, separators=(",", ":"))
    forged["hash"] = hashlib.sha256(canonical.encode()).hexdigest()
    resealed = json.dumps(forged, separators=(",", ":")).encode() + b"\n"

    def found(*found_lines: bytes) -> tuple[int | None, str | None]:
        report = verify_lines(found_lines)
        return report.broken_line, report.problem

    assert found(*lines) == (None, None)
    assert found(lines[0], changed, *lines[2:]) == (2, "hash")
    assert found(lines[0], lines[1].replace(b",", b", ", 1)) == (2, "hash")
    assert found(lines[0], resealed, *lines[2:]) == (3, "chain")
    assert found(lines[0], *lines[2:]) == (2, "seq")
    assert found(*lines[1:]) == (1, "seq")
    assert found(lines[0], b"}\n") == (2, "json")
    assert found(lines[0], b"[]\n") == (2, "json")
    assert verify_lines([lines[0], changed]).text().startswith("line 2: was changed")
    assert "no audit log" not in verify_lines([lines[0], b"}\n"]).text()


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_change_of_a_byte_goes_unseen(path: Path, data: st.DataObject) -> None:
    """Whichever byte is changed, the chain is broken; at the very end it is torn."""
    if not path.exists():
        written(path, 3)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))

    report = verify_lines(bytes(content).splitlines(keepends=True))
    assert not report.whole or report.torn_bytes


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.integers(0, 5), second=st.integers(0, 5))
def test_no_swap_or_removal_goes_unseen(path: Path, first: int, second: int) -> None:
    """Lines that change places, or are removed before the end, break the chain."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else written(path, 6)
    swapped = list(lines)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    removed = [line for index, line in enumerate(lines) if index != first]

    assert verify_lines(swapped).whole == (first == second)
    assert verify_lines(removed).whole == (first == 5)
