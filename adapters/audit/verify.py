"""Verifying an audit log: the first line that is not as it was written, and why."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal, cast

import orjson
from attrs import frozen

from hookflash.adapters.audit.chain import FIRST_PREVIOUS_HASH, line_hash
from hookflash.adapters.journal.recording import read_lines

Problem = Literal["json", "hash", "chain", "seq"]
"""What is wrong with a line: no JSON object of the log's making; changed after it was written; not
hanging on the line before it; out of order."""

_BEGINNING: Final = b'{"timestamp":"'
"""What every line begins with, a torn one included."""


@frozen(kw_only=True)
class AuditReport:
    """What a verification found.

    That lines at the very end were removed cannot be seen in the file: compare `lines` or
    `last_hash` with what was noted elsewhere.

    Attributes:
        lines: How many lines are good, from the first on.
        last_hash: The hash of the last good line; 64 zeros for none.
        broken_line: The number of the first broken line, from 1; None where none is.
        problem: What is wrong with it; None where nothing is.
        reason: The same in a sentence; empty where nothing is wrong.
        torn_bytes: Length of a torn last line, which the next opening cuts aside; 0 for none.
    """

    lines: int
    last_hash: str
    broken_line: int | None = None
    problem: Problem | None = None
    reason: str = ""
    torn_bytes: int = 0

    @property
    def whole(self) -> bool:
        """Whether every line is as it was written; a torn last one is no break."""
        return self.broken_line is None

    def text(self) -> str:
        """Return the finding in one line, for people."""
        note = f"; a torn last line of {self.torn_bytes} bytes" if self.torn_bytes else ""
        if self.whole:
            return f"{self.lines} lines, the chain is whole{note}"
        return f"line {self.broken_line}: {self.reason}"


def verify(path: str | Path) -> AuditReport:
    """Verify the audit log at *path*, a line at a time; it may be written to meanwhile.

    Args:
        path: The file.

    Raises:
        MalformedRecord: The file cannot be read, or has a line longer than 1 MiB.
    """
    return verify_lines(line for _, line in read_lines(Path(path)))


def verify_lines(lines: Iterable[bytes]) -> AuditReport:
    """Verify *lines*, each with its newline, from the first of a log on."""
    good, last_hash = 0, FIRST_PREVIOUS_HASH
    for line in lines:
        if not line.endswith(b"\n") and (good or line.startswith(_BEGINNING[: len(line)])):
            return AuditReport(lines=good, last_hash=last_hash, torn_bytes=len(line))
        found = _check(line, good + 1, last_hash)
        if isinstance(found, tuple):
            problem, reason = found
            if problem == "json" and not good:
                reason += "; this is no audit log, or its beginning was replaced"
            return AuditReport(
                lines=good,
                last_hash=last_hash,
                broken_line=good + 1,
                problem=problem,
                reason=reason,
            )
        good, last_hash = good + 1, found
    return AuditReport(lines=good, last_hash=last_hash)


def _check(line: bytes, seq: int, last_hash: str) -> str | tuple[Problem, str]:
    """Return the hash of a good line, or what is wrong with it."""
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return "json", f"is not JSON: {error}"
    fields = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    if missing := [name for name in ("seq", "previousHash", "hash") if name not in fields]:
        return "json", f"has no {' and no '.join(missing)}, as every line of an audit log has"
    # The bytes themselves, not only what they mean: white space is a change as well.
    written = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    found = fields.pop("hash")
    if found != line_hash(fields) or written != line:
        return "hash", "was changed after it was written: its hash does not fit what it says"
    if fields.get("seq") != seq:
        return "seq", f"has the number {fields.get('seq')!r}; lines were removed, added or moved"
    if fields.get("previousHash") != last_hash:
        return "chain", "does not hang on the line before it: that one was replaced"
    return cast("str", found)
