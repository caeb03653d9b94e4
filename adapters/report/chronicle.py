"""What is told of interactions one by one: each step in some tens of bytes, in bounded memory.

A page cannot hold everything. Where there is no room, interactions are let go to which nothing
worth telling happened, the oldest first: what somebody opens a report for is kept longest.
"""

from array import array
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, final

from attrs import define, field

from hookflash.adapters.report.stories import Story
from hookflash.adapters.report.texts import DURATION, INSTANT, REFERENCE, Line, Texts, plain
from hookflash.adapters.report.words import effect_line, event_lines
from hookflash.engine.ledger import HOLDING, PENDING
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.records import Record, RulesAsked
from hookflash.machines.rules.explaining import explain
from hookflash.machines.rules.facts import RuleEvent
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.spec import Row

TOLD_MAX: Final = 50_000
"""Interactions that are told one by one: what a browser still opens in some seconds."""

STEPS_MAX: Final = 1_000_000
"""Steps of all of them together: some 100 MB here, and 25 MB of page."""

STEPS_EACH_MAX: Final = 300
"""Steps of one of them; an ordinary hold and unhold has eight."""

LINES_MAX: Final = 15
"""Lines about an event, and about what was asked for; more are counted."""

TRACE_LINES_MAX: Final = 80
TRACE_LINE_LENGTH_MAX: Final = 400
"""Bounds on what rules say about one event: their own bound is hundreds of rules."""

_LOOKED_AT_MAX: Final = 64
"""How many interactions are looked at to find one to let go."""

_HOLES: Final = (DURATION, INSTANT, REFERENCE)

Step = tuple[bool, int, int, int, int]
"""Whether rules were asked beside the machine, the event, the states before and after, and the row
that decided: all of them numbers of texts, but the row, which is one of `Chronicle.rows` or -1."""


@define
class Told:
    """The steps of one interaction, in columns.

    Attributes:
        story: The interaction.
        before: How many of its records came earlier and were let go.
        state: Its state before the first step.
        at: The instant of each.
        seq: The number of its record; 0 where rules were asked beside the machine.
        step: Its place in `Chronicle.steps`.
        shape: How many lines there are about the event, times 16, and about what was asked for.
        lines: The lines of all, each the number of its text and what fills its holes; instants
            count from the step's own, references are places in `references`.
        references: Correlation ids.
        traces: What rules said: the place of the step, and the number of the text.
        more: How many later steps are left out.
    """

    story: Story
    before: int
    state: str
    at: "array[int]" = field(factory=lambda: array("q"))
    seq: "array[int]" = field(factory=lambda: array("q"))
    step: "array[int]" = field(factory=lambda: array("i"))
    shape: "array[int]" = field(factory=lambda: array("B"))
    lines: "array[int]" = field(factory=lambda: array("q"))
    references: list[str] = field(factory=list[str])
    traces: list[tuple[int, int]] = field(factory=list[tuple[int, int]])
    more: int = 0


@final
class Chronicle:
    """Takes records up one by one and keeps what the page tells of them.

    Attributes:
        texts: The texts that the steps name.
        steps: The different steps that there were.
        rows: The rows that decided, with the definition of each.
        told: What is told, by the number of the interaction.
    """

    def __init__(self) -> None:
        self.texts = Texts()
        self.steps: list[Step] = []
        self.rows: list[Row] = []
        self.told: dict[int, Told] = {}
        self._step_numbers: dict[Step, int] = {}
        self._row_numbers: dict[tuple[str, int], int] = {}
        self._waiting: deque[int] = deque()
        self._count = 0

    def take(
        self, story: Story, record: Record, machine: Machine[Any, Any], row: Row | None
    ) -> None:
        """Take the next record.

        Args:
            story: The interaction, which has taken it up already.
            record: The record.
            machine: By whose definition it was stepped.
            row: The row that decided; None where it is not known.
        """
        told = self._room(story, record.source, story.records - 1)
        if told is None:
            return
        row_number = -1 if row is None else self._row_number(machine.spec.digest, row)
        named = self._named
        event = named(machine.event_name(record.event))
        step = False, event, named(record.source), named(record.target), row_number
        self._add_step(told, step)
        told.at.append(record.event.at)
        told.seq.append(record.seq)
        said, asked = event_lines(record.event), [effect_line(one) for one in record.effects]
        self._add_lines(told, record.event.at, said, asked)
        if record.rules is not None:
            self._add_trace(told, record.rules)

    def take_asked(self, story: Story, asked: RulesAsked) -> None:
        """Take up that rules were asked about something that is no step of the machine."""
        told = self._room(story, story.state, story.records)
        if told is None:
            return
        about = asked.about
        name = "rule_event" if isinstance(about, RuleEvent) else "rule_timer_fired"
        state = self._named(story.state)
        self._add_step(told, (True, self._named(name), state, state, -1))
        told.at.append(asked.at)
        told.seq.append(0)
        self._add_lines(told, asked.at, [Line(plain(about.name).replace("_", " "))], [])
        self._add_trace(told, asked.ruling)

    def take_state(self, story: Story) -> None:
        """Take up that an interaction is on hold, or under a command, before its first record."""
        if story.number not in self.told and len(self.told) < TOLD_MAX:
            self.told[story.number] = Told(story, story.records, story.state)
            self._waiting.append(story.number)

    # --- room -------------------------------------------------------------------------------------

    def _room(self, story: Story, state: str, before: int) -> Told | None:
        """Return where the next step of *story* goes; None where there is no room for it."""
        told = self.told.get(story.number)
        if told is None:
            if len(self.told) >= TOLD_MAX and not self._let_go():
                return None
            told = self.told[story.number] = Told(story, before, state)
            self._waiting.append(story.number)
        if len(told.at) >= STEPS_EACH_MAX or (self._count >= STEPS_MAX and not self._let_go(told)):
            told.more += 1
            return None
        self._count += 1
        return told

    def _let_go(self, wanted: Told | None = None) -> bool:
        """Let an interaction go to which nothing happened; say whether there was one."""
        for _ in range(min(_LOOKED_AT_MAX, len(self._waiting))):
            number = self._waiting.popleft()
            told = self.told[number]
            if told.story.marks:
                continue  # it stays, whatever happens to it now
            if told is wanted or told.story.state in HOLDING or told.story.state in PENDING:
                self._waiting.append(number)
                continue
            del self.told[number]
            self._count -= len(told.at)
            return True
        return False

    # --- the parts --------------------------------------------------------------------------------

    def _add_step(self, told: Told, step: Step) -> None:
        found = self._step_numbers.get(step)
        if found is None:
            found = self._step_numbers[step] = len(self.steps)
            self.steps.append(step)
        told.step.append(found)

    def _named(self, name: str) -> int:
        return self.texts.number(plain(name))

    def _row_number(self, digest: str, row: Row) -> int:
        key = digest, row.index
        found = self._row_numbers.get(key)
        if found is None:
            found = self._row_numbers[key] = len(self.rows)
            self.rows.append(row)
        return found

    def _add_lines(self, told: Told, at: Instant, said: list[Line], asked: list[Line]) -> None:
        said, asked = _bounded(said), _bounded(asked)
        told.shape.append(len(said) * 16 + len(asked))
        for line in (*said, *asked):
            number, figures = self.texts.line(line)
            told.lines.append(number)
            holes = (char for char in line.text if char in _HOLES)
            for hole, figure in zip(holes, figures, strict=False):
                told.lines.append(self._filling(told, at, hole, figure))

    @staticmethod
    def _filling(told: Told, at: Instant, hole: str, figure: int | str) -> int:
        if hole == REFERENCE:
            told.references.append(plain(figure))
            return len(told.references) - 1
        return int(figure) - at if hole == INSTANT else int(figure)

    def _add_trace(self, told: Told, ruling: Ruling) -> None:
        lines = [] if ruling.trace is None else list(explain([ruling.trace]))[1:]
        if ruling.alarm:
            lines.append(f"  ! {ruling.alarm}")
        if lines:
            told.traces.append((len(told.at) - 1, self.texts.number(_cut(lines))))


def _bounded(lines: list[Line]) -> list[Line]:
    if len(lines) <= LINES_MAX:
        return lines
    return [*lines[: LINES_MAX - 1], Line(f"and {len(lines) - LINES_MAX + 1} more")]


def _cut(lines: Iterable[str]) -> str:
    cut = [plain(line, TRACE_LINE_LENGTH_MAX) for line in lines]
    if len(cut) > TRACE_LINES_MAX:
        cut[TRACE_LINES_MAX - 1 :] = [f"and {len(cut) - TRACE_LINES_MAX + 1} more lines"]
    return "\n".join(cut)
