"""`fork`: a recording goes on otherwise from some record."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import orjson
from attrs import frozen

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.replaying.blocks import blocks_of
from hookflash.adapters.replaying.choices import Request, choices_of, header_of
from hookflash.adapters.replaying.verifying import Choices, read_recorded_rules
from hookflash.adapters.specifications import load_machine
from hookflash.engine.replaying.following import Follower
from hookflash.engine.replaying.fork import Fork
from hookflash.engine.replaying.forked import Coming, Forked
from hookflash.engine.replaying.known import Known, KnownInteractions
from hookflash.engine.replaying.reading import Entry, LineReader
from hookflash.engine.replaying.sharing import Share
from hookflash.engine.replaying.stepping_by import NO_TRIAL, PolicySource, Steppers
from hookflash.engine.replaying.verdicts import RecordedRules
from hookflash.machines.codec import RecordCodec
from hookflash.machines.conversion import encode_instant
from hookflash.machines.errors import ConfigurationError, MalformedRecord, SpecError
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.lines import parse_object
from hookflash.machines.machine import Machine
from hookflash.machines.records import (
    ActionsDone,
    Header,
    InteractionState,
    Record,
    RecordedStep,
    RulesAsked,
    RulesChange,
)
from hookflash.machines.rule_lines import encode_aside
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired, facts_of
from hookflash.machines.rules.memory import NO_MEMORY
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.ruling import RuleState

COMING_MAX: Final = 10_000
"""Recorded entries of the interaction that a fork looks at."""

_REQUESTS: Final = frozenset({"hold_requested", "unhold_requested"})


@frozen
class Branch:
    """A fork that was taken.

    Attributes:
        seq: The record at which.
        forked: What came of it.
        machine: The machine that stepped it.
        rules: The rules that were asked; None for none.
        gateway: The recording's gateway.
        at: When.
    """

    seq: int
    forked: Forked
    machine: Machine[Any, Any]
    rules: Rules | None
    gateway: str
    at: Instant


def fork(request: Request, seq: int, event: str | None) -> Branch:
    """Follow a recording to the record *seq*, and go on otherwise from there.

    Args:
        request: The recording, one, and what takes over: a definition, a policy, rules.
        seq: The record. Everything before it stands.
        event: The event in its place, as JSON; None for what was recorded. What it leaves out is
            filled in: its time, ids that nobody used, the frame under way.

    Raises:
        ConfigurationError: There is no such record, or the event is none.
        SpecError: What takes over does not fit the interaction.
        HookflashError: The recording cannot be read or stepped.
    """
    if len(request.recordings) != 1:
        raise ConfigurationError(
            "option --fork: more than one recording is given",
            advice="name the one that has the record",
            source="option --fork",
        )
    choices = choices_of(request)
    point = _Point(request.recordings[0], seq, choices)
    trial = Steppers(point.definitions, point.header, choices.trial, load_machine)
    coming: list[Coming] = []
    for one in point.coming:
        trial.restore(one.counted)
        coming.append(Coming(one.entry, one.place, trial.of(one.spec_hash)))
    stepper = coming[0].stepper
    rules = choices.rules or point.rules.rules
    at = point.coming[0].at
    interaction = _fitting(point.known.own or point.known.interaction, stepper.tried)
    if choices.rules is not None:
        interaction = _adopted(interaction, point, choices.rules, at)
    draw = _drawn(interaction.id, seq)
    given = None
    if event is not None:
        given = _Given(event, interaction, stepper.codec, draw).made(seq, at)
    tries_rules = choices.rules is not None
    run = Fork(interaction, stepper, rules, point.known.org, draw, tries_rules=tries_rules)
    return Branch(seq, run.run(given, coming), stepper.tried, rules, point.header.gateway, at)


# --- the point ------------------------------------------------------------------------------------


@frozen
class _Recorded:
    """An entry at the fork or behind it, and what counted there."""

    entry: RecordedStep | RulesAsked
    place: str
    counted: tuple[str, PolicySource]

    @property
    def at(self) -> Instant:
        entry = self.entry
        at: Instant = entry.event.at if isinstance(entry, RecordedStep) else entry.at
        return at

    @property
    def spec_hash(self) -> str | None:
        return self.entry.spec_hash if isinstance(self.entry, RecordedStep) else None


class _Point:
    """A point of a recording: how its interaction stands there, and what was recorded after it.

    Attributes:
        header: The recording's header.
        definitions: What it holds.
        rules: The rules that count there.
        known: The interaction.
        coming: What was recorded of it from there on.
    """

    def __init__(self, path: Path, seq: int, choices: Choices) -> None:
        self._path = path
        self.header: Header = header_of(path)
        self.definitions = Definitions(self.header, choices.trial.machine, str(path))
        self._steppers = Steppers(self.definitions, self.header, NO_TRIAL, load_machine)
        self.rules = RecordedRules(read_recorded_rules)
        self._follower = Follower(self._steppers, self.rules, KnownInteractions())
        self.coming: list[_Recorded] = []
        interaction_id = choices.only or self._interaction_of(seq)
        self._follow(seq, interaction_id.lower())
        if not self.coming:
            raise self._no_such(seq)
        known = self._follower.known.get(interaction_id)
        first = self.coming[0].entry
        if known is None or (isinstance(first, RecordedStep) and first.begins):
            known = Known(self._steppers.present.tried.start(interaction_id))
        self.known = known

    def _no_such(self, seq: int) -> ConfigurationError:
        return ConfigurationError(
            f"option --fork: {self._path} has no record {seq}",
            advice="give the number of a record, `seq` in its line",
            source="option --fork",
        )

    def _interaction_of(self, seq: int) -> str:
        share = Share()
        for block in blocks_of(self._path):
            for line in block.lines:
                if share.look(line)[0] == seq:
                    found: Any = orjson.loads(line)["interaction"]
                    return str(found)
        raise self._no_such(seq)

    def _follow(self, seq: int, only: str) -> None:
        """Follow the interaction up to *seq*, and take up what was recorded after that."""
        share, reader = Share(only=only), LineReader(self._steppers)
        is_first = True
        for block in blocks_of(self._path):
            for index, line in enumerate(block.lines):
                if is_first or not share.look(line)[1]:
                    is_first = False
                    continue
                place = block.place(index)
                entry = reader.read(line, place).entry
                if entry is not None:
                    self._take(entry, place, seq)
                if len(self.coming) >= COMING_MAX:
                    return

    def _take(self, entry: Entry, place: str, seq: int) -> None:
        match entry:
            case RecordedStep() if entry.seq < seq:
                self._follower.follow(entry, place)
            case RecordedStep():
                self.coming.append(_Recorded(entry, place, self._steppers.state()))
            case RulesAsked() if self.coming:
                self.coming.append(_Recorded(entry, place, self._steppers.state()))
            case RulesAsked() | ActionsDone():
                if not self.coming:
                    self._follower.take_asked(entry, place, seq)
            case InteractionState():
                if not self.coming:
                    self._follower.take_state(entry, place)
            case RulesChange() if self.coming:
                pass
            case _:
                self._follower.take_change(entry, place)


def _fitting(interaction: Interaction[Any], machine: Machine[Any, Any]) -> Interaction[Any]:
    """Return the interaction as the machine that takes over can step it.

    Raises:
        SpecError: It has no counterpart there.
    """
    if interaction.state in machine.spec.states:
        return interaction
    raise SpecError(
        f"{machine.spec.place}: the interaction is in the state {interaction.state!r}, which this"
        " definition does not have",
        advice="fork where it is in a state that both have",
        place=machine.spec.place,
    )


def _adopted(
    interaction: Interaction[Any], point: _Point, rules: Rules, at: Instant
) -> Interaction[Any]:
    """Return the interaction under other rules, as a live engine carries it over."""
    kept = interaction.rules
    memory = NO_MEMORY if kept is None else kept.memory
    facts = facts_of(interaction, point.known.org)
    adopted = rules.adopt(facts, at, memory, point.rules.rules).memory
    waiting = () if kept is None else kept.open
    return attrs.evolve(interaction, rules=RuleState(adopted, waiting))


def _drawn(interaction_id: str, seq: int) -> Callable[[], str]:
    """Return what draws ids: the same ones each time, so that a fork comes out the same."""
    space, count = uuid.uuid5(uuid.NAMESPACE_OID, f"{interaction_id} {seq}"), 0

    def draw() -> str:
        nonlocal count
        count += 1
        return str(uuid.uuid5(space, str(count)))

    return draw


class _Given:
    """An event that somebody typed."""

    def __init__(
        self,
        text: str,
        interaction: Interaction[Any],
        codec: RecordCodec[Any],
        draw: Callable[[], str],
    ) -> None:
        self._text = text
        self._interaction = interaction
        self._codec = codec
        self._draw = draw

    def made(self, seq: int, at: Instant) -> Any:  # noqa: ANN401 - one of the machine's events
        """Return the event.

        Raises:
            ConfigurationError: It is none of the machine's.
        """
        try:
            event = parse_object(self._text)
        except ValueError as error:
            raise self._wrong(str(error)) from error
        if not isinstance(event.get("type"), str):
            raise self._wrong('has no `type`, as {"type": "link_lost"} has')
        when = str(event.pop("at", encode_instant(at)))
        cls = self._codec.machine.implementation.events.get(event["type"])
        if cls is not None:
            self._fill_in(event, cls, when)
        record: dict[str, Any] = {
            "seq": seq,
            "at": when,
            "interaction": self._interaction.id,
            "event": event,
            "from": "",
            "to": "",
            "effects": [],
        }
        try:
            return self._codec.decode_step(orjson.dumps(record), "option --event").event
        except MalformedRecord as error:
            raise self._wrong(error.message.removeprefix("option --event: ")) from error

    def _fill_in(self, event: dict[str, Any], cls: type[Any], at: str) -> None:
        """Add what was left out and follows from how the interaction stands."""
        pending = self._interaction.pending
        for field in attrs.fields(cls):
            name = field.name
            if name in event or name == "at":
                continue
            if name in {"requested_at", "as_of"}:
                event[name] = at
            elif name == "unused_id" or (name == "correlation_id" and event["type"] in _REQUESTS):
                event[name] = self._draw()
            elif name == "correlation_id" and pending is not None:
                event[name] = pending.correlation_id
            elif name == "owner":
                timers = {spec.event: key for key, spec in self._codec.machine.spec.timers.items()}
                timer = self._interaction.timer(timers.get(event["type"], ""))
                if timer is not None:
                    event[name] = timer.owner

    @staticmethod
    def _wrong(problem: str) -> ConfigurationError:
        return ConfigurationError(
            f"option --event: {problem}",
            advice="give an event as recordings have it",
            source="option --event",
        )


# --- the recording of a fork ----------------------------------------------------------------------


def recording_of(branch: Branch) -> Iterator[bytes]:
    """Yield the lines of a recording that begins with how the interaction stood at the fork."""
    codec = RecordCodec(branch.machine)
    forked = branch.forked
    yield encode_header(codec.new_header(branch.gateway, branch.at, branch.seq))
    if branch.rules is not None:
        yield encode_aside(RulesChange(branch.at, branch.rules.digest, branch.rules.text))
    yield codec.encode_state(InteractionState(branch.seq - 1, forked.begun))
    seq = branch.seq
    for one in forked.steps:
        if one.step is None:
            about: RuleEvent | RuleTimerFired = one.event
            assert one.ruling is not None, "rules were asked, and something came of it"  # noqa: S101
            yield encode_aside(RulesAsked(one.at, one.after.id, about, one.ruling))
            continue
        yield codec.encode(
            Record(
                seq,
                one.after.id,
                one.event,
                one.before.state,
                one.after.state,
                one.step.effects,
                begins=False,
                rules=one.ruling,
            )
        )
        seq += 1


def write_recording(branch: Branch, path: Path) -> int:
    """Write the recording of a fork, and return how many lines it has.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    lines = list(recording_of(branch))
    try:
        path.write_bytes(b"".join(lines))
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror}",
            advice="name a file in a folder that you may write to",
            source=str(path),
        ) from error
    return len(lines)
