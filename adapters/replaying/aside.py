"""Where a replay puts interactions that nothing has happened to for long: a temporary database."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import final

from hookflash.adapters.replaying.packing import Packer
from hookflash.engine.replaying.known import Known

_CACHE_KB = 4_096


@final
class AsideDatabase:
    """Keeps interactions on the disk, in a file without a name that ends with the process.

    A context manager; `close` it otherwise.
    """

    def __init__(self) -> None:
        self._packer = Packer()
        # An empty name is SQLite's for a database in a temporary file, deleted as it is opened.
        self._connection = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KB}"):
            self._connection.execute(f"PRAGMA {setting}")
        self._connection.execute(
            "CREATE TABLE aside (key TEXT PRIMARY KEY, known BLOB NOT NULL) WITHOUT ROWID"
        )

    def __enter__(self) -> "AsideDatabase":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; what was put aside is gone."""
        self._connection.close()

    def put(self, interactions: Iterable[tuple[str, Known]]) -> None:
        """Put interactions aside, in place of those with the same keys."""
        rows: list[tuple[str, bytes]] = []
        for key, known in interactions:
            # Timers that ran before fire late by moments only.
            known.gone = ()
            rows.append((key, self._packer.pack(known)))
        rows.sort()
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR REPLACE INTO aside VALUES (?, ?)", rows)
        self._connection.execute("COMMIT")

    def fetch(self, key: str) -> Known | None:
        """Return an interaction; None where it was not put aside."""
        row = self._connection.execute("SELECT known FROM aside WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._known(row[0])

    def all(self) -> Iterator[tuple[str, Known]]:
        """Yield all that were put aside, with their keys."""
        for key, packed in self._connection.execute("SELECT key, known FROM aside"):
            yield key, self._known(packed)

    def _known(self, packed: bytes) -> Known:
        known: Known = self._packer.unpack(packed)
        return known
