"""Running a backtest: a share of the interactions in each process, and the sum of what they count.

A share is a function of what is asked and of its number, and gives whole numbers: in one process,
in several, and on a cluster the sum is the same.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final, cast, final

import attrs
from attrs import define, frozen

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.replaying.blocks import Block, blocks_of
from hookflash.adapters.rules_files import names_of, read_rules
from hookflash.adapters.specifications import load_machine
from hookflash.engine.backtesting.backtest import Backtest, Question
from hookflash.engine.backtesting.tally import Tally, merged
from hookflash.engine.replaying.reading import LineReader
from hookflash.engine.replaying.sharing import Share
from hookflash.engine.replaying.stepping_by import NO_TRIAL, Stepper, Steppers
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import decode_header
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import (
    DefinitionChange,
    Header,
    InteractionState,
    PolicyChange,
    RecordedStep,
    RulesAsked,
)
from hookflash.machines.rules.ruleset import Rules, parse_rules

WORKERS_MAX: Final = 64
"""Processes on one machine."""

Text = tuple[str, str]
"""The text of a file, and its name for messages."""


@frozen(kw_only=True)
class Order:
    """What is to be done, in a form that goes to other processes.

    Attributes:
        recordings: Recordings and journals, in order; those that follow on each other, as the parts
            of a journal do, count as one.
        rules: The rules that are tried; None for none.
        against: The rules that they are compared with; None for what rules did at the time.
        policy: The policy that is tried; None for the recorded one.
        machine: The name or path of the definition that is tried; None for the recorded one.
    """

    recordings: tuple[str, ...]
    rules: Text | None = None
    against: Text | None = None
    policy: HoldPolicy | None = None
    machine: str | None = None

    def question(self) -> Question:
        """Return what is asked.

        Raises:
            SpecError: The rules or the definition cannot be used.
        """
        return Question(
            rules=_rules(self.rules),
            against=_rules(self.against),
            policy=self.policy,
            machine=None if self.machine is None else load_machine(self.machine),
        )


def _rules(text: Text | None) -> Rules | None:
    return None if text is None else parse_rules(*text, names_of())


def run(order: Order, *, workers: int = 1) -> Tally:
    """Carry out a backtest on this machine.

    Args:
        order: What is asked.
        workers: How many processes share it, 1 to `WORKERS_MAX`.

    Returns:
        What was counted; the same for any number of workers.

    Raises:
        MalformedRecord: A recording cannot be read; `hookflash replay` says all that is wrong.
        SpecError: The rules or the definition cannot be used.
    """
    order.question()  # what is wrong with it is said once, and here
    if workers == 1:
        return run_share(order, 0, 1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        written = pool.map(_written_share, [order] * workers, range(workers), [workers] * workers)
        return merged(map(Tally.from_json, written))


def _written_share(order: Order, index: int, of: int) -> dict[str, Any]:
    return run_share(order, index, of).to_json()


def run_share(order: Order, index: int, of: int) -> Tally:
    """Carry out a share of a backtest.

    Args:
        order: What is asked.
        index: Which share, from 0.
        of: How many there are.

    Raises:
        MalformedRecord: As `run`.
        SpecError: As `run`.
    """
    reading = _Reading(Backtest(order.question()), Share(index, of))
    for part, recording in enumerate(order.recordings):
        reading.take(Path(recording), part)
    tally = reading.backtest.finish()
    if index == 0:
        tally.add("events", by=reading.events)
    return tally


@final
@define
class _Reading:
    backtest: Backtest
    share: Share
    before: Header | None = None
    following: int | None = None
    events: int = 0

    def take(self, path: Path, part: int) -> None:
        blocks = blocks_of(path)
        first = next(blocks, None)
        if first is None:
            raise MalformedRecord(f"{path}: is empty: this is no recording", place=str(path))
        header = decode_header(first.lines[0], first.place(0))
        follows = (
            self.before is not None
            and (self.before.gateway, self.before.machine) == (header.gateway, header.machine)
            and header.first_seq == self.following
        )
        self.before, self.following = header, header.first_seq
        self.backtest.begin_part(part, follows=follows)
        steppers = Steppers(Definitions(header, None, str(path)), header, NO_TRIAL, load_machine)
        taking = _Taking(self.backtest, steppers, LineReader(steppers, part))
        for block in _without_first(first, blocks):
            for number, line in enumerate(block.lines):
                seq, ours = self.share.look(line)
                if seq is not None and line.startswith(b'{"seq"'):
                    self.events += 1
                    self.following = seq + 1
                if ours:
                    taking.take(line, block.place(number))


def _without_first(first: Block, rest: Iterator[Block]) -> Iterator[Block]:
    place: Callable[[int], str] = first.place
    yield Block(first.lines[1:], lambda index: place(index + 1), first.bytes_read)
    yield from rest


@final
@define
class _Taking:
    """Gives the entries of one recording to a backtest."""

    backtest: Backtest
    steppers: Steppers
    reader: LineReader
    tried: tuple[Stepper, Machine[Any, Any]] | None = None

    def take(self, line: bytes, place: str) -> None:
        found = self.reader.read(line, place)
        if found.damage is not None:
            raise MalformedRecord(
                f"{found.damage.place}: {found.damage.text}",
                advice="`hookflash replay` says all that is wrong with it",
                place=found.damage.place,
            )
        match found.entry:
            case RecordedStep():
                stepper = self.steppers.of(found.entry.spec_hash)
                machine = stepper.own or stepper.tried
                self.backtest.take_record(found.entry, machine, self._tried(stepper, machine))
            case RulesAsked():
                self.backtest.take_asked(found.entry)
            case InteractionState():
                self.backtest.take_state(found.entry)
            case PolicyChange():
                self.steppers.policy_changed(found.entry)
            case DefinitionChange():
                self.steppers.definition_changed(found.entry)
            case _:
                pass

    def _tried(self, stepper: Stepper, machine: Machine[Any, Any]) -> Machine[Any, Any] | None:
        question = self.backtest.question
        if not question.tries_steps:
            return None
        if self.tried is None or self.tried[0] is not stepper:
            base = question.machine or machine
            policy = question.policy if question.policy is not None else machine.policy
            made = base.with_policy(cast("HoldPolicy", policy))
            self.tried = stepper, made
        return self.tried[1]


def order_of(
    recordings: tuple[str, ...],
    *,
    rules: Path | None = None,
    against: Path | None = None,
    policy: HoldPolicy | None = None,
    machine: str | None = None,
) -> Order:
    """Return the order for files; their texts go with it.

    Raises:
        SpecError: A rules file cannot be read.
    """
    return attrs.evolve(
        Order(recordings=recordings, policy=policy, machine=machine),
        rules=_text_of(rules),
        against=_text_of(against),
    )


def _text_of(path: Path | None) -> Text | None:
    return None if path is None else (read_rules(path), str(path))
