"""Importing: files of Genesys Cloud data in, one recording of the hold machine out."""

import os
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, frozen

from hookflash.adapters.genesys.cloud.recorded.details import Told
from hookflash.adapters.genesys.cloud.recorded.documents import read_document
from hookflash.adapters.genesys.cloud.recorded.findings import Finding, Tally
from hookflash.adapters.genesys.cloud.recorded.gathering import KEPT_MAX, Gathering, gathering
from hookflash.adapters.genesys.cloud.recorded.legs import latest
from hookflash.adapters.genesys.cloud.recorded.oracle import compare
from hookflash.adapters.genesys.cloud.recorded.reading import read_documents
from hookflash.adapters.genesys.cloud.recorded.resolving import resolve
from hookflash.adapters.genesys.cloud.recorded.stepping import Teller
from hookflash.adapters.genesys.cloud.recorded.stories import Story
from hookflash.adapters.journal.disk import REAL_DISK, write_all
from hookflash.adapters.journal.reading import is_journal
from hookflash.adapters.journal.recording import read_entries
from hookflash.adapters.specifications import load_machine
from hookflash.engine.ledger import holds_of
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.headers import encode_header, encode_told
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.policy import GroupPolicy, HoldPolicy
from hookflash.machines.records import Told as ToldLine

GATEWAY: Final = "genesys-cloud"
"""What the header names in the place of a gateway: nobody was connected to one."""

VOICE: Final = frozenset({"voice"})
"""The media that are imported unless others are named: only there does somebody hear music."""

_WRITTEN: Final = 4_096


@frozen
class Imported:
    """What an import did.

    Attributes:
        documents: Documents of Genesys Cloud in the files.
        conversations: Conversations in them.
        legs: Legs in the recording.
        records: Its records.
        holds: Its holds.
        held_us: Their lengths together, of those that ended, in microseconds.
        compared: Legs with holds whose lengths were compared with metrics.
        tally: All that is to be said of the input.
    """

    documents: int
    conversations: int
    legs: int
    records: int
    holds: int
    held_us: int
    compared: int
    tally: Tally

    @property
    def flawless(self) -> bool:
        """Whether nothing was skipped and nothing contradicts."""
        return not (self.tally.count_of("skipped") or self.tally.count_of("disagreement"))


@define
class _Counts:
    documents: int = 0
    conversations: int = 0
    legs: int = 0
    records: int = 0
    holds: int = 0
    held_us: int = 0
    compared: int = 0


def import_recorded(
    sources: Sequence[Path],
    target: Path,
    *,
    created: Instant,
    media: AbstractSet[str] | None = VOICE,
    policy: HoldPolicy | None = None,
    tolerance_us: int = 0,
    tell: Callable[[Finding], None] | None = None,
    kept_max: int = KEPT_MAX,
) -> Imported:
    """Make a recording of what files of Genesys Cloud data tell of agents' holds.

    The recording gets its name when it is whole and synced; a recording that had it is replaced.
    Then it is read once more, and what the ledger makes of it is compared with Genesys's figures.

    Args:
        sources: The files, of any kind and in any order; what is said twice counts once.
        target: The recording to write.
        created: What its header gives as its beginning.
        media: The media that are wanted, in small letters; None for all.
        policy: Limits, by queue where it has tables for some; None takes the defaults. Holds are
            only watched, whatever it says: nobody enforced anything.
        tolerance_us: By how much lengths may differ from Genesys's figures.
        tell: Called with each finding; None for nobody.
        kept_max: Conversations in memory; further ones wait in a temporary file.

    Raises:
        MalformedRecord: A file cannot be read; there is no recording then.
        ConfigurationError: *target* cannot be written, or is a journal.
    """
    _check_target(sources, target)
    machine = load_machine("hold", watching(policy or HoldPolicy()))
    counts, tally = _Counts(), Tally(tell)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.new")
    with gathering(kept_max) as gathered:
        for source in sources:
            _gather(source, gathered, counts, tally)
        try:
            stories = _stories(gathered, media, counts, tally)
            _write(unfinished, _lines(machine, created, stories, counts))
            unfinished.replace(target)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {target}: {error.strerror or error}",
                advice="name a file in a folder that you may write to, with room enough",
                source=str(target),
            ) from error
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        _compare(target, gathered, tolerance_us, counts, tally)
    return Imported(
        counts.documents,
        counts.conversations,
        counts.legs,
        counts.records,
        counts.holds,
        counts.held_us,
        counts.compared,
        tally,
    )


def watching(policy: HoldPolicy) -> HoldPolicy:
    """Return *policy* with holds of others only watched, in all skill groups."""
    groups: tuple[GroupPolicy, ...] = tuple(
        evolve(group, foreign="watch") for group in policy.policy
    )
    return evolve(policy, foreign="watch", policy=groups)


def _check_target(sources: Sequence[Path], target: Path) -> None:
    """See that neither a journal nor what is read is lost by writing a recording in its place."""
    if not target.exists():
        return
    is_source = any(source.exists() and target.samefile(source) for source in sources)
    if is_source or is_journal(target):
        raise ConfigurationError(
            f"{target} is {'what is read' if is_source else 'a journal'}",
            advice="import writes a recording: name another file",
            source=str(target),
        )


# --- in -------------------------------------------------------------------------------------------


def _gather(source: Path, gathered: Gathering, counts: _Counts, tally: Tally) -> None:
    """Take up all that one file tells."""
    clock: Instant | None = None
    understood = False
    findings: list[Finding] = []
    for place, path, value in read_documents(source, findings):
        for told in read_document(value, place, path, findings):
            understood = True
            counts.documents += not told.is_page
            clock = latest(clock, told.clock)
            if told.conversation:
                _date(told, clock, f"{place}: {path}", findings)
                gathered.add(told.conversation, told.legs, findings)
        if findings:
            tally.take(findings)
            findings.clear()
    tally.take(findings)
    if not understood:
        raise MalformedRecord(
            f"{source}: has no Genesys Cloud data in it",
            advice="docs/importing.md names the kinds of files that can be imported",
            place=str(source),
        )


def _date(told: Told, clock: Instant | None, place: str, findings: list[Finding]) -> None:
    """Give sightings the latest time that the file has named; leave those without any out."""
    for leg in told.legs:
        if clock is not None:
            leg.sightings = [evolve(one, clock=max(one.clock, clock)) for one in leg.sightings]
        elif any(one.at is None for one in leg.sightings):
            findings.append(Finding("missing", place, "no time in it, nor before it"))
            leg.sightings = [one for one in leg.sightings if one.at is not None]


# --- out ------------------------------------------------------------------------------------------


def _lines(
    machine: Machine[Any, HoldPolicy],
    created: Instant,
    stories: Iterator[tuple[Instant, list[Story]]],
    counts: _Counts,
) -> Iterator[bytes]:
    codec = RecordCodec(machine)
    yield encode_header(codec.new_header(GATEWAY, created))
    for record in Teller(machine).tell(stories):
        counts.records += 1
        yield codec.encode(record)
    if counts.records:
        # What happened long ago is no news for monitors, should a journal be made of it.
        yield encode_told(ToldLine(counts.records))


def _stories(
    gathered: Gathering, media: AbstractSet[str] | None, counts: _Counts, tally: Tally
) -> Iterator[tuple[Instant, list[Story]]]:
    for first_at, conversation in gathered.conversations():
        counts.conversations += 1
        findings: list[Finding] = []
        stories = resolve(conversation, media, findings)
        tally.take(findings)
        for story in stories:
            counts.legs += 1
            gathered.put_figures(story.interaction, story.figures)
        yield first_at, stories


def _write(path: Path, lines: Iterator[bytes]) -> None:
    fd = REAL_DISK.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        waiting: list[bytes] = []
        for line in lines:
            waiting.append(line)
            if len(waiting) >= _WRITTEN:
                write_all(REAL_DISK, fd, b"".join(waiting))
                waiting.clear()
        write_all(REAL_DISK, fd, b"".join(waiting))
        REAL_DISK.sync(fd)
    finally:
        REAL_DISK.close(fd)


# --- the oracle -----------------------------------------------------------------------------------


def _compare(
    target: Path, gathered: Gathering, tolerance_us: int, counts: _Counts, tally: Tally
) -> None:
    """Read the recording as anybody would, and compare its holds with Genesys's figures."""
    for hold in holds_of(read_entries(target, None)):
        counts.holds += 1
        counts.held_us += hold.held_us or 0
        gathered.put_hold(hold)
    for interaction, figures, counted in gathered.compared():
        was_compared, findings = compare(figures, counted, interaction, tolerance_us)
        if counted.ended_us or counted.going_on:
            if was_compared:
                counts.compared += 1
            else:
                findings.append(Finding("not_compared", interaction))
        tally.take(findings)
