"""The journal: appends per second beside bare file and bare SQLite, putting away, recovery.

Records are those of callers who are put on hold, made by the machine itself. The limits below the
journal are measured with the very lines that it writes: a file that nothing but a write goes to,
and an SQLite database in WAL mode with one transaction for each batch.

    python tests/benchmarks/bench_journal.py [--records 20000] [--held 100000] [--json]
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import trio
from attrs import frozen

from hookflash.adapters.journal import SqliteJournal
from hookflash.adapters.specifications import load_machine
from hookflash.engine.recovery import recover
from hookflash.machines.codec import RecordCodec
from hookflash.machines.events import Acknowledged, HoldRequested, Sent
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import InteractionState, Record

RECORDS: Final = 20_000
HELD: Final = 100_000
BATCHES: Final = (1, 16)
ROUNDS: Final = 5
SYNCED_MAX: Final = 2_000
"""Batches that wait for the disk: each takes as long as the disk does."""

WAITING: Final = 16
"""Tasks that wait for the disk at the same time: as many as commands under way."""

GOAL_RECOVERY_S: Final = 5.0
STARTED: Final = from_text("2026-01-10T13:00:00Z")
MACHINE: Final = load_machine("hold")
ENCODE: Final = RecordCodec(MACHINE).encode


@frozen
class Made:
    """Records of callers who are put on hold, three of each; after each how its interaction is."""

    records: list[Record]
    after: list[Interaction[Any]]

    def batches(self, size: int) -> Iterator[tuple[list[Record], list[Interaction[Any]]]]:
        """Yield them in batches."""
        for start in range(0, len(self.records), size):
            yield self.records[start : start + size], self.after[start : start + size]


def make(count: int) -> Made:
    """Make *count* records; the steps of some dozens of interactions alternate."""
    records: list[Record] = []
    after: list[Interaction[Any]] = []
    while len(records) < count:
        under_way = [MACHINE.start(str(uuid4())) for _ in range(32)]
        correlation_ids = [str(uuid4()) for _ in under_way]
        for what in range(3):
            for index, before in enumerate(under_way):
                at = Instant(STARTED + len(records) * 1_000)
                event: Any = (
                    HoldRequested(at, correlation_ids[index], at, "consultation", 5)
                    if what == 0
                    else (Sent, Acknowledged)[what - 1](at, correlation_ids[index])
                )
                step = MACHINE.step(before, event)
                under_way[index] = now = step.interaction
                records.append(
                    Record(
                        len(records) + 1,
                        before.id,
                        event,
                        before.state,
                        now.state,
                        step.effects,
                        what == 0,
                    )
                )
                after.append(now)
    return Made(records[:count], after[:count])


@contextmanager
def folder() -> Generator[Path, None, None]:
    """A folder that goes when the context ends."""
    with tempfile.TemporaryDirectory(prefix="hookflash-bench-") as name:
        yield Path(name)


def open_journal(path: Path, **options: Any) -> SqliteJournal:
    """Open a journal of the hold machine."""
    return SqliteJournal.open(path, MACHINE, gateway="gateway:443", now=lambda: STARTED, **options)


def best_of(measure: Callable[[], float], rounds: int = ROUNDS) -> float:
    """Return the median of several rounds, in seconds."""
    return statistics.median(measure() for _ in range(rounds))


# --- appending ------------------------------------------------------------------------------------


def journal_s(made: Made, size: int, lines: Sequence[bytes] | None = None) -> float:
    """Append to the journal, durability `process`; with *lines* they need not be written first."""
    with folder() as name:
        journal = open_journal(name / "j.db", segment_records=10**6, lasting=False)
        if lines is not None:

            def made_before(record: Record) -> bytes:
                return lines[record.seq - 1]

            journal._encode = made_before  # pyright: ignore[reportPrivateUsage] - for this figure
        batches = list(made.batches(size))
        started = time.perf_counter()
        for records, after in batches:
            journal.append(records, after)
        taken = time.perf_counter() - started
        journal.close()
    return taken


def journal_synced_s(made: Made, size: int, waiting: int) -> float:
    """Append to the journal, durability `power`; so many tasks wait at a time."""

    async def append(journal: SqliteJournal, batches: Iterator[Any]) -> None:
        for records, after in batches:
            journal.append(records, after)
            await journal.sync()

    async def main(journal: SqliteJournal) -> float:
        batches = iter(list(made.batches(size)))
        started = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(waiting):
                nursery.start_soon(append, journal, batches)
        return time.perf_counter() - started

    with folder() as name:
        journal = open_journal(name / "j.db", segment_records=10**6, lasting=False, synced=True)
        taken = trio.run(main, journal)
        journal.close()
    return taken


def file_s(lines: Sequence[bytes], size: int, *, synced: bool) -> float:
    """Write the same lines to a bare file."""
    with folder() as name:
        fd = os.open(name / "f", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        batches = [b"".join(lines[start : start + size]) for start in range(0, len(lines), size)]
        started = time.perf_counter()
        for batch in batches:
            os.write(fd, batch)
            if synced:
                os.fdatasync(fd)
        taken = time.perf_counter() - started
        os.close(fd)
    return taken


def sqlite_s(lines: Sequence[bytes], size: int, *, synced: bool) -> float:
    """Insert the same lines into a bare SQLite database, a transaction for each batch."""
    with folder() as name:
        connection = sqlite3.connect(name / "s.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
        connection.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, line BLOB)")
        rows = [(None, line) for line in lines]
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        insert = "INSERT INTO records VALUES (?, ?)"
        started = time.perf_counter()
        for batch in batches:
            connection.execute("BEGIN")
            connection.executemany(insert, batch)
            connection.execute("COMMIT")
        taken = time.perf_counter() - started
        connection.close()
    return taken


def measure_process(made: Made) -> list[dict[str, Any]]:
    """Appends per second with durability `process`."""
    lines = [ENCODE(record) for record in made.records]
    found: list[dict[str, Any]] = []
    for size in BATCHES:
        count = len(lines) / size
        journal = best_of(partial(journal_s, made, size))
        unencoded = best_of(partial(journal_s, made, size, lines))
        bare_file = best_of(partial(file_s, lines, size, synced=False))
        bare_sqlite = best_of(partial(sqlite_s, lines, size, synced=False))
        found.append(
            {
                "durability": "process",
                "batch": size,
                "per_s": round(count / journal),
                "unencoded_per_s": round(count / unencoded),
                "file_per_s": round(count / bare_file),
                "sqlite_per_s": round(count / bare_sqlite),
                "to_file": round(bare_file / journal, 3),
                "to_sqlite": round(bare_sqlite / journal, 2),
                "unencoded_to_file": round(bare_file / unencoded, 2),
                "unencoded_to_sqlite": round(bare_sqlite / unencoded, 1),
            }
        )
    return found


def measure_power(made: Made) -> list[dict[str, Any]]:
    """Appends per second with durability `power`."""
    found: list[dict[str, Any]] = []
    for size in BATCHES:
        few = Made(made.records[: SYNCED_MAX * size], made.after[: SYNCED_MAX * size])
        lines = [ENCODE(record) for record in few.records]
        count = len(lines) / size
        alone = best_of(partial(journal_synced_s, few, size, 1), 3)
        grouped = best_of(partial(journal_synced_s, few, size, WAITING), 3)
        bare_file = best_of(partial(file_s, lines, size, synced=True), 3)
        bare_sqlite = best_of(partial(sqlite_s, lines, size, synced=True), 3)
        found.append(
            {
                "durability": "power",
                "batch": size,
                "waiting": WAITING,
                "per_s": round(count / grouped),
                "alone_per_s": round(count / alone),
                "file_per_s": round(count / bare_file),
                "sqlite_per_s": round(count / bare_sqlite),
                "to_file": round(bare_file / grouped, 2),
                "to_sqlite": round(bare_sqlite / grouped, 2),
                "alone_to_file": round(bare_file / alone, 2),
                "alone_to_sqlite": round(bare_sqlite / alone, 2),
            }
        )
    return found


# --- putting away ---------------------------------------------------------------------------------


def measure_putting_away(made: Made) -> dict[str, Any]:
    """What it costs to put one tail away beside a program that does its best meanwhile."""

    async def main(journal: SqliteJournal, tail: Path) -> tuple[float, int, int]:
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            journal.append(made.records[-1:], made.after[-1:])
            started = time.perf_counter()
            turns = 0
            while tail.exists():  # noqa: ASYNC240 - a look, as short as what is measured
                turns += await _turn()
            taken = time.perf_counter() - started
            nursery.cancel_scope.cancel()
        until, alone = time.perf_counter() + taken, 0
        while time.perf_counter() < until:
            alone += await _turn()
        return taken, turns, alone

    with folder() as name:
        path = name / "j.db"
        count = len(made.records) - 1
        journal = open_journal(path, segment_records=count)
        for records, after in Made(made.records[:-1], made.after[:-1]).batches(16):
            journal.append(records, after)
        (tail,) = name.glob("j.db.tail-*")
        size = tail.stat().st_size
        taken, turns, alone = trio.run(main, journal, tail)
        journal.close()
        kept = path.stat().st_size
    return {
        "records": count,
        "seconds": round(taken, 3),
        "us_each": round(taken / count * 1e6, 2),
        "engine_us_each": round(taken * max(0.0, 1 - turns / alone) / count * 1e6, 2),
        "bytes_each_in_tail": round(size / count),
        "bytes_each_in_database": round(kept / count),
    }


async def _turn() -> int:
    """Do what an engine does in a turn: compute a little, call the system, let others run."""
    for _ in range(8):
        for _ in range(400):
            pass
        os.stat(os.devnull)  # noqa: PTH116 - a call of the system, and nothing else
    await trio.lowlevel.checkpoint()
    return 1


# --- opening and recovery -------------------------------------------------------------------------


def measure_opening() -> dict[str, Any]:
    """Opening a new journal, one that was closed, and closing; in milliseconds."""
    new, again, close = list[float](), list[float](), list[float]()
    few = make(96)
    for _ in range(20):
        with folder() as name:
            started = time.perf_counter()
            journal = open_journal(name / "j.db")
            new.append(time.perf_counter() - started)
            journal.append(few.records, few.after)
            started = time.perf_counter()
            journal.close()
            close.append(time.perf_counter() - started)
            started = time.perf_counter()
            journal = open_journal(name / "j.db")
            again.append(time.perf_counter() - started)
            journal.close()
    return {
        name: round(statistics.median(taken) * 1000, 2)
        for name, taken in (("new_ms", new), ("again_ms", again), ("close_ms", close))
    }


def measure_recovery(held: int) -> dict[str, Any]:
    """Recovery of *held* callers on hold: after an end in peace, and after a crash."""
    made = make(held * 3)
    with folder() as name:
        path = name / "j.db"
        journal = open_journal(path)
        for records, after in made.batches(48):
            journal.append(records, after)
        journal.close()
        result: dict[str, Any] = {"held": held, "database_mb": round(path.stat().st_size / 2**20)}
        result["after_peace_s"] = round(best_of(partial(_recovered_s, path, held), 3), 2)
        # A tail file and a half, as when a process died under load while it put one away.
        journal = open_journal(path)
        _, entries = journal.recovery()
        journal.adopt([one for one in entries if isinstance(one, InteractionState)])
        more = make(30_000)
        offset = journal.next_seq - 1
        for records, after in more.batches(48):
            journal.append([_moved(record, offset) for record in records], after)
        crashed = name / "crashed"
        shutil.copytree(name, crashed, ignore=shutil.ignore_patterns("*.lock", "*-shm", "crashed"))
        journal.close()
        found = crashed / "j.db"
        result["after_crash_s"] = round(best_of(partial(_recovered_s, found, held + 10_000), 3), 2)
    return result


def _moved(record: Record, offset: int) -> Record:
    return Record(
        record.seq + offset,
        record.interaction_id,
        record.event,
        record.source,
        record.target,
        record.effects,
        record.begins,
    )


def _recovered_s(path: Path, held: int) -> float:
    """Recover in a process of its own, as a start does; return how long it took there."""
    command = [sys.executable, str(Path(__file__).absolute()), "--recover", str(path)]
    ended = subprocess.run(command, check=True, capture_output=True)
    seconds, found = orjson.loads(ended.stdout)
    assert found >= held, found
    return float(seconds)


def recover_here(path: Path) -> tuple[float, int]:
    """Recover; return how long it took, and how many interactions go on."""
    started = time.perf_counter()
    journal = open_journal(path)
    header, entries = journal.recovery()
    recovered = recover(journal.definitions, header, entries, str(path))
    found = recovered.open_interactions()
    return time.perf_counter() - started, len(found)


# --- printing -------------------------------------------------------------------------------------


def _printed(result: dict[str, Any]) -> Iterator[str]:
    yield "appends per second     journal    bare file  bare SQLite  of file  of SQLite"
    for row in result["appends"]:
        yield (
            f"{row['durability']:<8} batch of {row['batch']:>2} {row['per_s']:>11,}"
            f" {row['file_per_s']:>11,} {row['sqlite_per_s']:>11,}"
            f" {row['to_file']:>8.2f} {row['to_sqlite']:>10.2f}"
        )
        if row["durability"] == "process":
            yield (
                f"  without making the lines {row['unencoded_per_s']:,}"
                f" {row['unencoded_to_file']:>26.2f} {row['unencoded_to_sqlite']:>10.2f}"
            )
        else:
            yield (
                f"  by {row['waiting']} tasks; by one alone {row['alone_per_s']:,}"
                f" {row['alone_to_file']:>20.2f} {row['alone_to_sqlite']:>10.2f}"
            )
    away, opening, recovery = (result[key] for key in ("putting_away", "opening", "recovery"))
    yield (
        f"putting away           {away['us_each']:.2f} us a record, of which a busy engine loses"
        f" {away['engine_us_each']:.2f}"
    )
    yield (
        f"bytes a record         {away['bytes_each_in_tail']} in the tail,"
        f" {away['bytes_each_in_database']} in the database with its snapshot"
    )
    yield (
        f"opening                new {opening['new_ms']:.1f} ms, again"
        f" {opening['again_ms']:.1f} ms; closing {opening['close_ms']:.1f} ms"
    )
    state = "reached" if recovery["after_crash_s"] <= GOAL_RECOVERY_S else "MISSED"
    yield (
        f"recovery of {recovery['held']:,} held  {recovery['after_peace_s']:.2f} s after an end in"
        f" peace, {recovery['after_crash_s']:.2f} s after a crash;"
        f" goal <= {GOAL_RECOVERY_S:.0f} s {state}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--held", type=int, default=HELD)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--recover", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.recover is not None:
        sys.stdout.write(orjson.dumps(recover_here(options.recover)).decode() + "\n")
        return 0
    made = make(max(int(options.records), SYNCED_MAX * max(BATCHES)))
    fewer = Made(made.records[: options.records], made.after[: options.records])
    result = {
        "appends": [*measure_process(fewer), *measure_power(made)],
        "putting_away": measure_putting_away(fewer),
        "opening": measure_opening(),
        "recovery": measure_recovery(options.held),
    }
    text = orjson.dumps(result).decode() if options.json else "\n".join(_printed(result))
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
