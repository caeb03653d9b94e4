"""An audit log in memory: for programs that keep no file, and for tests."""

from collections import deque
from collections.abc import Sequence
from typing import Any, final

from hookflash.adapters.audit.chain import AuditChain
from hookflash.engine.ports import AuditEntry
from hookflash.machines.errors import JournalError

LINES_MAX = 10_000
"""How many lines are kept: some 20 MB; the oldest are forgotten beyond."""


@final
class MemoryAuditLog:
    """Keeps the newest lines; nothing survives the end of the process.

    Args:
        lines_max: How many are kept.
    """

    def __init__(self, *, lines_max: int = LINES_MAX) -> None:
        self._lines: deque[dict[str, Any]] = deque(maxlen=lines_max)
        self._chain = AuditChain()
        self._closed = False

    @property
    def lines(self) -> tuple[dict[str, Any], ...]:
        """The newest lines, oldest first, as the file would have them."""
        return tuple(self._lines)

    @property
    def seq(self) -> int:
        """The number of the last line; 0 for none."""
        return self._chain.seq

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Append a line for each entry, as `JsonLinesAuditLog.append` does.

        Raises:
            JournalError: It is closed.
        """
        if self._closed:
            raise JournalError("the audit log in memory is closed", path="memory")
        self._lines.extend([self._chain.add(*entry) for entry in entries])

    def miss(self) -> None:
        """Do nothing: nobody goes on with what is in memory."""

    def close(self) -> None:
        """Take no more lines; a second call does nothing."""
        self._closed = True
