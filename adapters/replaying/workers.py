"""Several processes replay one recording, each a share of its interactions."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from heapq import merge
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from attrs import frozen

from hookflash.adapters.replaying.choices import Request, choices_of
from hookflash.adapters.replaying.verifying import Progress, Verdict, verify
from hookflash.engine.replaying.findings import Divergence
from hookflash.engine.replaying.sharing import Share
from hookflash.machines.errors import HookflashError

WORKERS_MAX: Final = 64

_TOLD_EVERY_S: Final = 0.2
_LOOKED_EVERY_S: Final = 0.5


@frozen
class _Told:
    """What a process says: how far it has come, or what came of it."""

    index: int
    records: int = 0
    bytes_read: int = 0
    outcome: Verdict | HookflashError | None = None


def verify_with(
    request: Request,
    workers: int,
    *,
    listing: Path | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Replay what *request* asks for with several processes; as `verify`, and the same findings.

    Args:
        request: What to replay.
        workers: How many processes; 1 replays in this one.
        listing: A file to write all divergences to, as JSON lines in their order; None for none.
        progress: Called now and then; None for nobody.

    Raises:
        HookflashError: As `verify`.
    """
    begun = time.monotonic()
    with TemporaryDirectory(prefix="hookflash-replay-") as folder:
        parts = [Path(folder) / f"{index}.jsonl" for index in range(workers)]
        if workers == 1:
            verdict = _share(request, Share(), parts[0] if listing else None, progress)
        else:
            verdict = _together(request, parts, progress, lists=listing is not None)
        if listing is not None:
            _write(listing, parts)
    verdict.seconds = time.monotonic() - begun
    return verdict


def _share(
    request: Request, share: Share, listing: Path | None, progress: Progress | None
) -> Verdict:
    """Replay one share in this process."""
    choices = choices_of(request)
    only = None if choices.only is None else choices.only.lower()
    share = Share(share.index, share.of, only)
    if listing is None:
        return verify(request.recordings, choices, share=share, progress=progress)
    with listing.open("wb") as file:

        def told(one: Divergence) -> None:
            line = orjson.dumps([one.part, one.seq, one.to_json()], default=str)
            file.write(line + b"\n")

        return verify(request.recordings, choices, share=share, told=told, progress=progress)


def _together(
    request: Request, parts: Sequence[Path], progress: Progress | None, *, lists: bool
) -> Verdict:
    # Not by a fork: whoever calls may have threads, and nothing of this process is needed there.
    context = multiprocessing.get_context("spawn")
    queue: Queue[_Told] = context.Queue()
    processes = [
        context.Process(
            target=_run,
            args=(request, Share(index, len(parts)), path if lists else None, queue),
            daemon=True,
        )
        for index, path in enumerate(parts)
    ]
    for process in processes:
        process.start()
    try:
        outcomes = _outcomes(queue, processes, progress)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return _merged(outcomes)


def _outcomes(
    queue: "Queue[_Told]", processes: Sequence[Any], progress: Progress | None
) -> list[Verdict]:
    """Wait until all processes have ended.

    Raises:
        HookflashError: One of them failed.
    """
    from queue import Empty  # noqa: PLC0415 - only here

    latest = [_Told(index) for index in range(len(processes))]
    outcomes: dict[int, Verdict] = {}
    while len(outcomes) < len(processes):
        try:
            told = queue.get(timeout=_LOOKED_EVERY_S)
        except Empty:
            dead = [
                index
                for index, process in enumerate(processes)
                if index not in outcomes and not process.is_alive()
            ]
            if dead and queue.empty():
                raise _died(processes[dead[0]].exitcode) from None
            continue
        if isinstance(told.outcome, HookflashError):
            raise told.outcome
        if told.outcome is not None:
            outcomes[told.index] = told.outcome
            continue
        latest[told.index] = told
        if progress is not None:
            progress(sum(one.records for one in latest), min(one.bytes_read for one in latest))
    return [outcomes[index] for index in range(len(processes))]


def _died(code: int | None) -> HookflashError:
    return HookflashError(
        f"a process of the replay ended with code {code}",
        advice="try again with fewer workers: there may be too little memory",
    )


def _run(request: Request, share: Share, listing: Path | None, queue: "Queue[_Told]") -> None:
    """Replay a share: what a process does."""
    last = 0.0

    def progress(records: int, bytes_read: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _TOLD_EVERY_S:
            last = now
            queue.put(_Told(share.index, records, bytes_read))

    try:
        outcome: Verdict | HookflashError = _share(request, share, listing, progress)
    except HookflashError as error:
        outcome = error
    queue.put(_Told(share.index, outcome=outcome))


def _merged(verdicts: Sequence[Verdict]) -> Verdict:
    first, *others = verdicts
    total = first.findings
    for other in others:
        found = other.findings
        total.records += found.records
        total.interactions += found.interactions
        total.groups.merge(found.groups)
        total.damages.merge(found.damages)
        total.notices |= found.notices
        total.ended |= found.ended
        first.unreadable = first.unreadable or other.unreadable
    return first


def _write(listing: Path, parts: Sequence[Path]) -> None:
    """Put the divergences of all shares into one file, in their order."""

    def read(path: Path) -> Iterator[list[Any]]:
        with path.open("rb") as file:
            yield from map(orjson.loads, file)

    with listing.open("wb") as file:
        found = merge(*map(read, filter(Path.exists, parts)), key=lambda one: (one[0], one[1]))
        file.writelines(orjson.dumps(one[2]) + b"\n" for one in found)
