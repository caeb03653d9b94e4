"""What is looked at before a journal is opened: what is there, and whom it belongs to."""

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from hookflash.adapters.journal.database import Database
from hookflash.adapters.journal.disk import Disk
from hookflash.adapters.journal.locking import FileLock, place_error
from hookflash.adapters.journal.prologue import Prologue, read_prologue
from hookflash.adapters.journal.schema import explained
from hookflash.adapters.journal.tails import Tail, tail_paths, tails_after
from hookflash.machines.records import Header

_MAGIC = b"SQLite format 3\0"


def open_database(path: Path, new_header: Callable[[], str], *, sync: bool, disk: Disk) -> Database:
    """Open the database of the journal at *path*, or make it; the journal is locked.

    Args:
        path: The journal.
        new_header: Gives the header line of a new journal.
        sync: Whether a new one is to survive a loss of power.
        disk: Where it is.

    Raises:
        JournalError: There is something else, or only a part of a journal; or it was damaged.
    """
    with explained(path, "opened"):
        if path.exists():
            _check_file(path)
            return Database.open(path)
        left = [found for _, found in tail_paths(path)]
        left += [found for found in (path.with_name(path.name + "-wal"),) if found.exists()]
        if left:
            raise place_error(
                path,
                f"is missing, but {left[0].name} is there, which is a part of it",
                advice="put the database back, or move that file away too to begin another journal",
            )
    return Database.create(path, new_header(), 1, sync=sync, disk=disk)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise place_error(path, "is no regular file")
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start == _MAGIC:
        return
    if start.startswith(b"{"):
        raise place_error(
            path,
            "is a recording, as earlier versions kept their journal",
            advice=f"move it away, then take it over: `hookflash import jsonl FILE -o {path}`",
        )
    if not start:
        raise place_error(
            path,
            "is empty, which a journal never is",
            advice="put back a copy, or remove it to begin another journal",
        )
    raise place_error(path, "is no journal of hookflash", advice="name another file")


def check_belongs(found: Header, gateway: str, machine: str, path: Path) -> None:
    """Look whether a journal is one of this gateway and machine.

    Raises:
        JournalError: It belongs to another one.
    """
    if found.gateway != gateway:
        problem = f"belongs to the gateway {found.gateway!r}, not to {gateway!r}"
    elif found.machine != machine:
        problem = f"records the machine {found.machine!r}, not {machine!r}"
    else:
        return
    raise place_error(path, problem, advice="give another --journal path, or move this file away")


@frozen
class Opened:
    """A journal that was opened, locked, and looked through to its end.

    Attributes:
        lock: Its lock.
        database: Its database.
        tails: What an earlier run left beside it.
        position: The position of the next line.
        next_seq: The number of the next record.
        prologue: What counts there.
    """

    lock: FileLock
    database: Database
    tails: list[Tail]
    position: int
    next_seq: int
    prologue: Prologue

    def close(self) -> None:
        """Close it and give the lock back."""
        self.database.close()
        self.lock.close()


def open_locked(path: Path, fresh: Prologue, *, sync: bool, disk: Disk) -> Opened:
    """Lock and open the journal at *path*, or make it; cut off what a crash tore from its end.

    Args:
        path: The journal.
        fresh: What a new journal begins with; one that is there must be of the same gateway and
            machine.
        sync: Whether a new one is to survive a loss of power.
        disk: Where it is.

    Raises:
        JournalError: It is in use, of something else, damaged, or cannot be opened.
    """
    lock = FileLock.take(path)
    database = None
    try:
        database = open_database(path, lambda: fresh.text(1), sync=sync, disk=disk)
        contents = database.contents
        prologue = read_prologue(contents.header, str(path))
        check_belongs(prologue.first, fresh.first.gateway, fresh.first.machine, path)
        with explained(path, "opened"):
            tails = tails_after(path, contents, disk)
    except BaseException:
        if database is not None:
            database.close()
        lock.close()
        raise
    position, next_seq = contents.through + 1, contents.next_seq
    if tails:
        last = tails[-1]
        position, next_seq, prologue = last.through + 1, last.next_seq, last.prologue
    return Opened(lock, database, tails, position, next_seq, prologue)
