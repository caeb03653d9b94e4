"""The journal as a file of JSON Lines: the recording format, written live."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

from hookflash.adapters.journal.append_file import BYTES_MAX, AppendFile
from hookflash.adapters.journal.recording import read_lines
from hookflash.engine.logs import get_logger
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError
from hookflash.machines.headers import (
    decode_header,
    decode_policy_change,
    encode_header,
    encode_policy_change,
    is_policy_change,
)
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.records import Header, PolicyChange, Record

_log = get_logger("hookflash.journal")


@final
class JsonLinesJournal:
    """A journal in a file; `open` it, and close it with `close`.

    Attributes:
        header: Its first line.
    """

    def __init__(
        self,
        file: AppendFile,
        codec: RecordCodec[Any],
        header: Header,
        next_seq: int,
        *,
        synced: bool = False,
    ) -> None:
        self.header = header
        self._synced = synced
        self._file = file
        self._encode = codec.encode
        self._next_seq = next_seq

    @classmethod
    def open(
        cls,
        path: str | Path,
        machine: Machine[Any, Any],
        *,
        gateway: str,
        now: Callable[[], Instant],
        bytes_max: int = BYTES_MAX,
        synced: bool = False,
    ) -> "JsonLinesJournal":
        """Open the journal at *path* to go on with it, or begin one there.

        A torn last line is cut aside into `PATH.torn`. Where the machine's policy is not the one
        that the journal was last written under, a line says so, and a replay follows it.

        Args:
            path: The file. Its folder must exist.
            machine: The machine whose steps are recorded.
            gateway: Host and port of the gateway: a journal belongs to one.
            now: Tells the time, for the header.
            bytes_max: Size beyond which nothing is appended.
            synced: Whether what is appended survives a loss of power as well: each append waits
                for the disk, once for all records of it.

        Raises:
            JournalError: Another process has it open (named by its id); it belongs to another
                gateway, another machine or another definition of this one; or it cannot be opened
                or written.
            MalformedRecord: Its first or last line is damaged; see what the message says, or move
                the file away and begin another one.
        """
        codec = RecordCodec(machine)
        file = AppendFile.open(path, bytes_max=bytes_max)
        try:
            first = file.first_line()
            if not first:
                header = codec.new_header(gateway, now())
                file.append(encode_header(header))
                return cls(file, codec, header, 1, synced=synced)
            header = decode_header(first, f"{path}: line 1")
            _check_belongs(header, codec.new_header(gateway, now()), file.path)
            next_seq, policy = _end_of(file.path, codec, header)
            fields = codec.policy_fields()
            if policy != fields:
                file.append(encode_policy_change(PolicyChange(now(), fields)))
                _log.info("journal.policy_changed", path=str(path))
        except BaseException:
            file.close()
            raise
        return cls(file, codec, header, next_seq, synced=synced)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def next_seq(self) -> int:
        """The number that the next record gets."""
        return self._next_seq

    def append(self, records: Sequence[Record]) -> None:
        """Append *records* in one write; when it returns they survive what they should survive.

        Raises:
            JournalError: They could not be written; the file is as it was before.
            MalformedRecord: One of them cannot be written as a line; none was.
        """
        if not records:
            return
        first, last = records[0].seq, records[-1].seq
        if first != self._next_seq or last != first + len(records) - 1:
            raise JournalError(
                f"{self.path}: records {first} to {last} do not follow {self._next_seq - 1}",
                path=str(self.path),
            )
        encode = self._encode
        self._file.append(
            encode(records[0]) if len(records) == 1 else b"".join(map(encode, records))
        )
        if self._synced:
            self._file.sync()
        self._next_seq = last + 1

    def sync(self) -> None:
        """Wait until all that was appended is on the disk. Blocks: call it in a thread.

        Raises:
            JournalError: The disk reports an error.
        """
        self._file.sync()

    def close(self) -> None:
        """Close the file and give its lock back; a second call does nothing."""
        self._file.close()


def _check_belongs(found: Header, wanted: Header, path: Path) -> None:
    advice = "give another --journal path, or move this file away"
    if found.gateway != wanted.gateway:
        problem = f"belongs to the gateway {found.gateway!r}, not to {wanted.gateway!r}"
    elif found.machine != wanted.machine:
        problem = f"records the machine {found.machine!r}, not {wanted.machine!r}"
    elif found.spec_hash != wanted.spec_hash:
        problem = (
            f"was written by another definition of the machine {found.machine!r}"
            f" ({found.spec_hash[:12]}, now {wanted.spec_hash[:12]})"
        )
        advice = "go on with the version that wrote it, or move this file away and begin another"
    else:
        return
    raise JournalError(f"{path}: {problem}", advice=advice, path=str(path))


def _end_of(path: Path, codec: RecordCodec[Any], header: Header) -> tuple[int, object]:
    """Return the number that the next record gets, and the policy that counts at the end.

    Every line is looked at, because a change of the policy may stand anywhere; only the last
    record is decoded. Recovery decodes them all anyway.
    """
    policy: object = header.policy
    last: tuple[int, bytes] | None = None
    for number, line in read_lines(path):
        if is_policy_change(line):
            policy = decode_policy_change(line, f"{path}: line {number}").policy
        elif number > 1:
            last = number, line
    if last is None:
        return 1, policy
    number, line = last
    return codec.decode(line, f"{path}: line {number}").seq + 1, policy
