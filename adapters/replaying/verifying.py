"""`verify`: recordings are replayed, and what differs is said."""

import gc
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import orjson
from attrs import define, field, frozen

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.replaying.aside import AsideDatabase
from hookflash.adapters.replaying.blocks import Block, blocks_of
from hookflash.adapters.rules_files import names_of
from hookflash.adapters.specifications import load_machine
from hookflash.engine.replaying.changes import other_changes, row_changes
from hookflash.engine.replaying.findings import Damage, Divergence
from hookflash.engine.replaying.known import KnownInteractions
from hookflash.engine.replaying.outcome import Findings, Until
from hookflash.engine.replaying.reading import CHANGED
from hookflash.engine.replaying.replay import Replay
from hookflash.engine.replaying.sharing import Share
from hookflash.engine.replaying.stepping_by import NO_TRIAL, Steppers, Trial
from hookflash.engine.replaying.verdicts import RecordedRules
from hookflash.machines.errors import MalformedRecord, SpecError
from hookflash.machines.headers import decode_header
from hookflash.machines.lines import parse_object, sum_fits
from hookflash.machines.records import Header
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.spec import parse_spec


@frozen(kw_only=True)
class Choices:
    """How recordings are replayed.

    Attributes:
        trial: What they are tried under, in place of what they were recorded under.
        rules: Rules that are tried in place of those that counted; None for none.
        until: Where each replay ends; None at the end.
        only: The one interaction that is replayed; None for all.
    """

    trial: Trial = NO_TRIAL
    rules: Rules | None = None
    until: Until | None = None
    only: str | None = None


AS_RECORDED = Choices()
"""All of it, under what it was recorded under."""

_CHANGES_NAMED = 3

Told = Callable[[Divergence], None]
Progress = Callable[[int, int], None]
"""`progress(records, bytes_read)`: how far it has come in all recordings together."""


@define
class Verdict:
    """What came of replaying recordings.

    Attributes:
        findings: All that was found.
        seconds: How long it took.
        unreadable: Why it could not be read to its end; None where it was.
    """

    findings: Findings = field(factory=Findings)
    seconds: float = 0.0
    unreadable: MalformedRecord | None = None

    @property
    def same(self) -> bool:
        """Whether all is as recorded."""
        return self.findings.same and self.unreadable is None

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.findings.records / self.seconds if self.seconds else 0.0


def verify(
    recordings: Sequence[str | Path],
    choices: Choices = AS_RECORDED,
    *,
    share: Share | None = None,
    told: Told | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Replay recordings through the very step that runs live, and compare.

    Those that follow on each other, as the parts of a journal do, are replayed as one.

    Args:
        recordings: Recordings and journals, in order.
        choices: What they are tried under, and how much of them.
        share: The interactions that are taken; None for what *choices* say.
        told: Called with each divergence as it is found; None for nobody.
        progress: Called after each block of lines; None for nobody.

    Returns:
        What was found. Memory is bounded whatever their size.

    Raises:
        SpecError: There is no machine to step a recording by, or no such policy for it.
        MalformedRecord: The first recording cannot be read at all.
    """
    begun = time.monotonic()
    verdict = Verdict()
    with AsideDatabase() as aside, without_collections():
        pass_ = _Pass(verdict, choices, share, KnownInteractions(aside), told, progress)
        for part, recording in enumerate(recordings):
            try:
                pass_.take(Path(recording), part)
            except MalformedRecord as error:
                if part == 0 and not pass_.begun:
                    raise
                verdict.unreadable = error
                break
    verdict.seconds = time.monotonic() - begun
    return verdict


@contextmanager
def without_collections() -> Generator[None, None, None]:
    """Look for no garbage meanwhile: a replay makes none that refers to itself.

    Looking costs a tenth of the time, the more the more interactions are known.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@final
@define
class _Pass:
    """One pass through recordings.

    `replay` is the one of the present recording, `header` and `rules` are of the one before.
    """

    verdict: Verdict
    choices: Choices
    share: Share | None
    known: KnownInteractions
    told: Told | None
    progress: Progress | None
    begun: bool = False
    rules: RecordedRules | None = None
    before: Header | None = None
    following: int | None = None
    bytes_before: int = 0

    def take(self, path: Path, part: int) -> None:
        """Replay one recording."""
        blocks = blocks_of(path)
        first = next(blocks, None)
        if first is None:
            raise MalformedRecord(
                f"{path}: is empty: this is no recording and no journal", place=str(path)
            )
        header, damage = read_header(first.lines[0], first.place(0), part)
        replay = self._replay(header, path, part)
        self.begun = True
        if damage is not None:
            replay.findings.damages.add(damage)
        if not self.choices.trial.is_another and (differs := shipped_differs(header)):
            replay.findings.notices[differs] = None
        try:
            self._run(replay, first, blocks)
        finally:
            self._add(replay.finish())
            self.before, self.following = header, replay.order.following
            self.bytes_before += path.stat().st_size if path.exists() else 0

    def _run(self, replay: Replay, first: Block, blocks: Iterator[Block]) -> None:
        rest = Block(first.lines[1:], lambda index: first.place(index + 1), first.bytes_read)
        records = self.verdict.findings.records
        block: Block | None = rest
        while block is not None and replay.take(block.lines, block.place):
            if self.progress is not None:
                done = records + replay.findings.records
                self.progress(done, self.bytes_before + block.bytes_read)
            block = next(blocks, None)

    def _replay(self, header: Header, path: Path, part: int) -> Replay:
        choices = self.choices
        follows = (
            self.before is not None
            and self.rules is not None
            and (self.before.gateway, self.before.machine) == (header.gateway, header.machine)
            and header.format > 1
            and header.first_seq == self.following
        )
        if not follows:
            self.known.forget_all()
            self.rules = RecordedRules(read_recorded_rules)
        assert self.rules is not None, "made above"  # noqa: S101
        machine = choices.trial.machine
        definitions = Definitions(header, machine, str(path))
        steppers = Steppers(definitions, header, choices.trial, load_machine)
        return Replay(
            steppers,
            self.rules,
            self.known,
            first_seq=None if header.format == 1 else header.first_seq,
            tried_rules=choices.rules,
            until=choices.until,
            share=self.share or Share(only=_lower(choices.only)),
            part=part,
            told=self.told,
        )

    def _add(self, found: Findings) -> None:
        total = self.verdict.findings
        total.records += found.records
        total.interactions += found.interactions
        total.groups.merge(found.groups)
        total.damages.merge(found.damages)
        total.notices |= found.notices
        total.ended |= found.ended


def _lower(interaction_id: str | None) -> str | None:
    return None if interaction_id is None else interaction_id.lower()


def read_header(line: bytes, place: str, part: int = 0) -> tuple[Header, Damage | None]:
    """Return the header of a recording, and what is wrong with it if it can be read all the same.

    Raises:
        MalformedRecord: It cannot.
    """
    try:
        return decode_header(line, place), None
    except MalformedRecord:
        if sum_fits(line) or b'"sum"' not in line:
            raise
        try:
            raw: dict[str, Any] = parse_object(line)
            raw.pop("sum", None)
            header = decode_header(orjson.dumps(raw), place)
        except ValueError:
            header = None
        if header is None:
            raise
        return header, Damage(kind="changed", place=place, seq=None, text=CHANGED, part=part)


def read_recorded_rules(text: str, place: str) -> Rules:
    """Read rules that a recording holds; the monitors and functions of that day are not known.

    Raises:
        SpecError: Today's code cannot read them.
    """
    return parse_rules(text, place, names_of())


def shipped_differs(header: Header) -> str:
    """Say how the definition that is shipped today differs from the recording's; empty for not."""
    if header.definition is None:
        return ""
    try:
        shipped = load_machine(header.machine).spec
        place = f"{header.machine}: definition {header.spec_hash[:12]}"
        recorded = parse_spec(header.definition, place)
    except SpecError:
        return ""
    if shipped.digest == header.spec_hash:
        return ""
    changes = row_changes(recorded, shipped)
    words = [one.text(recorded, shipped) for one in changes] + other_changes(recorded, shipped)
    said = "; ".join(words[:_CHANGES_NAMED]) or "in its words only"
    more = f"; and {len(words) - _CHANGES_NAMED} more" if len(words) > _CHANGES_NAMED else ""
    return (
        f"{shipped.place} differs today from the definition that recorded it, which is what it is"
        f" replayed by: {said}{more}; `--spec shipped` tries today's"
    )
