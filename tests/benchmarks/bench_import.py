"""Import of Genesys Cloud data and export of tables: per second of one core, and memory.

Conversations are made up: a customer, an IVR, a queue, and an agent with none to three holds, some
3.5 kB each. Every measurement is a process of its own, so that its memory is its own.

    python tests/benchmarks/bench_import.py [--conversations 20000] [--json]
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from hookflash.adapters.genesys.cloud.recorded.importing import import_recorded
from hookflash.adapters.tables.columns import TableName
from hookflash.adapters.tables.writing import TableFormat, write_table
from hookflash.machines.instants import Instant

CONVERSATIONS: Final = 20_000
BASE_MS: Final = 1_768_050_000_000
FORMATS: Final[tuple[TableFormat, ...]] = ("csv", "jsonl", "parquet")
TABLES: Final[tuple[TableName, ...]] = ("holds", "steps")

_CHANCE: Final = random.Random(1)


def _id() -> str:
    return str(UUID(int=_CHANCE.getrandbits(128)))


def _iso(ms: int) -> str:
    whole, rest = divmod(BASE_MS + ms, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def _segment(kind: str, start: int, length: int, **fields: Any) -> dict[str, Any]:
    ends = {"segmentStart": _iso(start), "segmentEnd": _iso(start + length)}
    return {"segmentType": kind, **ends, "conference": False, **fields}


def _metric(name: str, value: int, at: int) -> dict[str, Any]:
    return {"name": name, "value": value, "emitDate": _iso(at)}


def _other(purpose: str, now: int) -> dict[str, Any]:
    session = {
        "sessionId": _id(),
        "mediaType": "voice",
        "direction": "inbound",
        "provider": "Edge",
        "metrics": [_metric("nConnected", 1, now)],
        "segments": [_segment("interact", now, 9_000)],
    }
    return {"participantId": _id(), "purpose": purpose, "sessions": [session]}


def conversation(now: int, queue: str) -> dict[str, Any]:
    """Make a conversation that begins at an instant, in milliseconds."""
    others = [_other(purpose, now) for purpose in ("customer", "ivr", "acd")]
    start = now
    segments, metrics = [_segment("alert", now, 2_000, queueId=queue)], list[dict[str, Any]]()
    now += 2_000
    sums = {"interact": 0, "hold": 0}
    turns = [
        kind for _ in range(_CHANCE.choice((0, 0, 1, 1, 2, 3))) for kind in ("interact", "hold")
    ]
    for kind in [*turns, "interact"]:
        length = _CHANCE.randint(500, 300_000)
        segments.append(_segment(kind, now, length, queueId=queue))
        now, sums[kind] = now + length, sums[kind] + length
        metrics.append(_metric({"interact": "tTalk", "hold": "tHeld"}[kind], length, now))
    segments[-1]["disconnectType"] = "peer"
    segments.append(_segment("wrapup", now, 9_000, queueId=queue))
    metrics += [
        _metric("tTalkComplete", sums["interact"], now),
        _metric("tHeldComplete", sums["hold"], now),
        _metric("tAcw", 9_000, now + 9_000),
        _metric("tHandle", sum(sums.values()) + 9_000, now + 9_000),
    ]
    session = {
        "sessionId": _id(),
        "mediaType": "voice",
        "direction": "inbound",
        "provider": "Edge",
        "peerId": _id(),
        "edgeId": _id(),
        "activeSkillIds": [_id()],
        "metrics": metrics,
        "segments": segments,
    }
    agent = {"participantId": _id(), "purpose": "agent", "userId": _id(), "sessions": [session]}
    return {
        "conversationId": _id(),
        "conversationStart": _iso(start),
        "conversationEnd": _iso(now + 9_000),
        "divisionIds": [_id()],
        "participants": [*others, agent],
    }


def make(folder: Path, count: int) -> tuple[Path, Path]:
    """Write the same conversations as JSON Lines and as one page."""
    queues = [_id() for _ in range(12)]
    lines = [
        orjson.dumps(conversation(number * 2_000, queues[number % 12])) for number in range(count)
    ]
    as_lines, as_page = folder / "lines.json", folder / "page.json"
    as_lines.write_bytes(b"\n".join(lines) + b"\n")
    as_page.write_bytes(b'{"conversations":[' + b",".join(lines) + b"]}")
    return as_lines, as_page


def work(what: Sequence[str]) -> dict[str, Any]:
    """Do one measurement in this process."""
    started = time.process_time()
    if what[0] == "import":
        imported = import_recorded([Path(what[1])], Path(what[2]), created=Instant(0))
        done = {"conversations": imported.conversations, "records": imported.records}
        assert imported.flawless
    else:
        table, form = what[0].split("-")
        written = write_table(Path(what[1]), Path(what[2]), table, form)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        done = {"rows": written.rows}
    cpu_s = time.process_time() - started
    return {**done, "cpu_s": round(cpu_s, 2), "rss_mb": _most_memory_mb()}


def _most_memory_mb() -> int:
    """Return the most memory that this process had; `getrusage` would tell of its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (most_kb,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
    return int(most_kb) // 1024


def measure(*what: object) -> dict[str, Any]:
    """Do one measurement in a process of its own."""
    command = [sys.executable, __file__, "--work", *map(str, what)]
    done = subprocess.run(command, check=True, capture_output=True)
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def _printed(result: dict[str, Any]) -> Iterator[str]:
    for form in ("lines", "page"):
        one = result[f"import_{form}"]
        yield (
            f"import, {form:5}  {one['conversations'] / one['cpu_s']:>8,.0f} conversations/s,"
            f" {one['records'] / one['cpu_s']:>8,.0f} records/s, {one['rss_mb']} MB"
        )
    for table in TABLES:
        for form in FORMATS:
            one = result[f"{table}_{form}"]
            records = result["import_lines"]["records"]
            yield (
                f"export, {table} as {form:8} {records / one['cpu_s']:>8,.0f} records/s,"
                f" {one['rss_mb']} MB"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work is not None:
        sys.stdout.write(orjson.dumps(work(options.work)).decode())
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = folder / "recording.jsonl"
        result: dict[str, Any] = {}
        for path in make(folder, options.conversations):
            result[f"import_{path.stem}"] = measure("import", path, recording)
        for table in TABLES:
            for form in FORMATS:
                target = folder / f"table.{form}"
                result[f"{table}_{form}"] = measure(f"{table}-{form}", recording, target)
    text = orjson.dumps(result).decode() if options.json else "\n".join(_printed(result))
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
