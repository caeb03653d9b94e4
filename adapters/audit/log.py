"""The audit log as a file of JSON Lines."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast, final

import attrs
import orjson

from hookflash.adapters.audit.chain import AuditChain
from hookflash.adapters.journal.append_file import BYTES_MAX, AppendFile
from hookflash.adapters.journal.disk import REAL_DISK, Disk
from hookflash.engine.ports import AuditEntry
from hookflash.machines.errors import JournalError

_LATEST_BYTES = 16 * 2**20
"""How much of the log's end a start looks at: some 25,000 lines, more than recovery compares."""


@final
class JsonLinesAuditLog:
    """An audit log in a file; `open` it, and close it with `close`."""

    def __init__(self, file: AppendFile, chain: AuditChain) -> None:
        self._file = file
        self._chain = chain
        self._write: Callable[[bytes], None] = file.append
        self._behind = False

    @classmethod
    def open(
        cls, path: str | Path, *, bytes_max: int = BYTES_MAX, disk: Disk = REAL_DISK
    ) -> "JsonLinesAuditLog":
        """Open the audit log at *path* to go on with its chain, or begin one there.

        A torn last line is cut aside into `PATH.torn`. The chain is not verified here: a long log
        would take seconds; `verify` does it.

        Args:
            path: The file. Its folder must exist.
            bytes_max: Size beyond which nothing is appended.
            disk: Where it is.

        Raises:
            JournalError: Another process has it open (named by its id), it cannot be opened, or
                its last line is none of an audit log.
        """
        file = AppendFile.open(path, bytes_max=bytes_max, disk=disk)
        try:
            chain = _chain_of(file)
        except BaseException:
            file.close()
            raise
        return cls(file, chain)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def seq(self) -> int:
        """The number of the last line; 0 for none."""
        return self._chain.seq

    def latest_ids(self) -> set[str]:
        """Return the correlation ids of the latest lines, as many as a start has to look at.

        Raises:
            JournalError: They cannot be read.
        """
        found: set[str] = set()
        for line in self._file.end(_LATEST_BYTES).splitlines():
            try:
                found.add(str(orjson.loads(line)["correlationId"]))
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue  # cut in the middle, or damaged: `verify` says more
        return found

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Append a line for each entry in one write; when it returns they survive the process.

        Args:
            entries: What ended, with its outcome; the interaction; the state consistency rate.

        Raises:
            JournalError: The lines could not be written; the log is as it was before.
        """
        if not entries:
            return
        chain = attrs.evolve(self._chain)
        lines = [
            orjson.dumps(chain.add(*entry), option=orjson.OPT_APPEND_NEWLINE) for entry in entries
        ]
        try:
            self._write(lines[0] if len(lines) == 1 else b"".join(lines))
        except BaseException:
            self._behind = True
            raise
        self._chain = chain

    def sync(self) -> None:
        """Wait until all that was to be appended is on the disk. Blocks: call it in a thread.

        Raises:
            JournalError: The disk reports an error, or lines are missing: the journal has to keep
                at hand what they are derived from.
        """
        if self._behind:
            raise JournalError(
                f"{self.path}: lines could not be written; the next start appends them",
                path=str(self.path),
            )
        self._file.sync()

    def miss(self) -> None:
        """Take up that lines are missing: `sync` says so until the next start has appended them."""
        self._behind = True

    def close(self) -> None:
        """Close the file and give its lock back; a second call does nothing."""
        self._file.close()


def _chain_of(file: AppendFile) -> AuditChain:
    line = file.last_line()
    if not line:
        return AuditChain()
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        fields = None
    known = cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}
    seq, last_hash = known.get("seq"), known.get("hash")
    if not isinstance(seq, int) or not isinstance(last_hash, str):
        raise JournalError(
            f"{file.path}: the last line is none of an audit log",
            advice="see what `hookflash audit verify` says; move the file away to begin another",
            path=str(file.path),
        )
    return AuditChain(seq, last_hash)
