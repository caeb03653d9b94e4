"""Machine definitions: TOML text in, a checked `Spec` out.

A definition says what a machine is: its states, events, timers and rows. Guards and effects are
names, implemented and typed in the Python module that the definition names. This module parses the
text and refuses what cannot be right, naming the file, the line and the table. It reads no file:
whoever has the text hands it in.
"""

import tomllib
from collections.abc import Callable
from typing import Any, Literal

import cattrs
from attrs import field, fields, frozen

from hookflash.machines.errors import SpecError
from hookflash.machines.spec_checks import undecided, undefined_names
from hookflash.machines.spec_diagram import Diagram, TimerWords
from hookflash.machines.spec_text import (
    digest_of,
    first_problem,
    nearest,
    relocate,
    row_lines,
    table_lines,
)

Decision = Literal["move", "stay", "late", "ignore", "reject"]
"""What a row decides. Only the first two change anything that counts; `late` and `ignore` are
legal and counted, `reject` answers with an error."""

__all__ = [
    "Check",
    "Decision",
    "Event",
    "Migration",
    "Row",
    "Spec",
    "State",
    "TimerSpec",
    "nearest",
    "parse_spec",
    "read_spec",
]

_DECIDERS = ("target", "stay", "late", "ignore", "reject")


@frozen
class State:
    """A state: what it means, and how long an interaction may stay there.

    The last three are what `hookflash check` proves; running a machine takes no notice of them.
    A state that is neither initial nor final counts as one in which somebody waits.

    Attributes:
        doc: What it means.
        final: Whether an interaction ends there.
        lasts: Why it may last for ever without anything that ends it; None for a state in which
            somebody waits.
        watched_by: The timers, and the effects of `[check.answers]`, of which one must be under
            way whenever an interaction is in the state; empty for any that does something there.
        unless: Names of exceptions from that, which the samples explain.
    """

    doc: str
    final: bool = False
    lasts: str | None = None
    watched_by: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@frozen
class Event:
    """An event.

    Attributes:
        cls: The class that carries it.
        doc: What happened when it comes.
        origin: Who tells of it, for people and the generated documents; empty where nobody said.
            Running a machine takes no notice of it.
    """

    cls: str = field(metadata={"key": "class"})
    doc: str
    origin: str = field(default="", metadata={"key": "from"})


@frozen
class TimerSpec:
    """A timer: the event that its end gives, the setting that names its length, its meaning."""

    event: str
    duration: str
    doc: str


@frozen
class Migration:
    """How an interaction that began under an earlier definition goes on under this one.

    Attributes:
        earlier: The earlier definition: its SHA-256, or the beginning of it.
        doc: What changed, and why it is right to go on.
        states: What states of the earlier definition are called here; those not named keep theirs.
        carry: The name of the function that carries data and timers over; None where both fit.
    """

    earlier: str = field(metadata={"key": "from"})
    doc: str
    states: dict[str, str] = field(factory=dict[str, str])
    carry: str | None = None


@frozen
class Check:
    """What a definition tells `hookflash check`; running a machine takes no notice of it.

    Attributes:
        samples: The Python module with the sample events for exploring the machine; None where
            there is none, and only what the rows say can be checked.
        answers: Which events answer an effect, by the name of its class: whoever carries it out
            promises that one of them comes.
    """

    samples: str | None = None
    answers: dict[str, tuple[str, ...]] = field(factory=dict[str, tuple[str, ...]])


@frozen
class Row:
    """One row of a machine: in *source*, on *event*, where all *guards* hold.

    Attributes:
        source: The state.
        event: The event's name.
        guards: Names of the guards, all of which must hold; empty for a row that always does.
        target: The state to go to; None for a row that stays.
        decision: What the row decides.
        effects: Names of what is done, in order.
        reason: Why, in a sentence: for people, and for the generated documents.
        error: For a rejection the name of the error; None otherwise.
        counts: The counter that it adds to beside its decision; None for none.
        line: Where the row stands in the definition.
        index: The row's place among all rows, from 0; a row's name within one definition.
    """

    source: str
    event: str
    guards: tuple[str, ...]
    target: str | None
    decision: Decision
    effects: tuple[str, ...]
    reason: str
    error: str | None
    counts: str | None
    line: int
    index: int


@frozen
class Spec:
    """A checked definition.

    Attributes:
        name: The machine's name.
        doc: What it is for.
        initial: The state that an instance starts in.
        implementation: The Python module with guards, effects, events and data.
        states: By name.
        events: By name.
        timers: By name.
        rows: All rows, one per (state, event, guards), in the order they are tried.
        place: Where the text came from, for messages.
        digest: SHA-256 of what the definition says; layout, comments, `diagram` and where events
            come from do not count.
        text: The definition itself, as it was given.
        lines: The lines of its tables, for messages: of `events.sent`, for instance.
        migrations: How interactions of earlier definitions go on.
        check: What it tells `hookflash check`.
        diagram: What it tells whoever draws it.
    """

    name: str
    doc: str
    initial: str
    implementation: str
    states: dict[str, State]
    events: dict[str, Event]
    timers: dict[str, TimerSpec]
    rows: tuple[Row, ...]
    place: str
    digest: str
    text: str = field(repr=False)
    lines: dict[str, int] = field(factory=dict[str, int])
    migrations: tuple[Migration, ...] = ()
    check: Check = Check()
    diagram: Diagram = field(factory=Diagram)

    def migration_from(self, digest: str) -> Migration | None:
        """Return how interactions of the definition *digest* go on; None where none is declared."""
        for migration in self.migrations:
            if digest.startswith(migration.earlier):
                return migration
        return None

    def where(self, table: str) -> str:
        """Return the place of *table*, `events.sent` for instance, with its line if known."""
        line = self.lines.get(table)
        return f"{self.place}: {table}" if line is None else f"{self.place}: line {line}: {table}"

    def rows_of(self, state: str, event: str) -> tuple[Row, ...]:
        """Return the rows for *event* in *state*, in the order they are tried."""
        return tuple(row for row in self.rows if row.source == state and row.event == event)


@frozen
class _RawRow:
    source: str | list[str]
    event: str | list[str]
    doc: str = ""
    guards: list[str] = field(factory=list[str])
    effects: list[str] = field(factory=list[str])
    target: str | None = None
    stay: str | None = None
    late: str | None = None
    ignore: str | None = None
    reject: str | None = None
    counts: str | None = None


@frozen
class _RawHead:
    name: str
    initial: str
    implementation: str
    doc: str


@frozen
class _RawSpec:
    machine: _RawHead
    states: dict[str, State]
    events: dict[str, Event]
    transitions: list[_RawRow]
    timers: dict[str, TimerSpec] = field(factory=dict[str, TimerSpec])
    migrations: list[Migration] = field(factory=list[Migration])
    check: Check = Check()
    diagram: Diagram = field(factory=Diagram)


_TABLES = (State, Event, TimerSpec, Migration, Check, Diagram, TimerWords, _RawRow, _RawHead)
_KEYS = sorted({f.metadata.get("key", f.name) for t in (*_TABLES, _RawSpec) for f in fields(t)})
"""All keys of a definition, to find the one that was meant."""


_entries: Callable[[Any], list[Any]] = list  # a list, of what nobody knows yet


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)

    def _text(value: Any, _: type) -> str:  # noqa: ANN401 - whatever the TOML held
        if not isinstance(value, str):
            raise TypeError(f"expected text, got {type(value).__name__}")
        return value

    def _one_or_many(value: Any, _: Any) -> str | list[str]:  # noqa: ANN401 - the same
        if isinstance(value, str):
            return value
        entries = _entries(value) if isinstance(value, list) else [value]
        if all(isinstance(entry, str) for entry in entries):
            return entries
        raise TypeError("expected a name or a list of names")

    def _many(value: Any, _: Any) -> tuple[str, ...]:  # noqa: ANN401 - the same
        names = _one_or_many(value, None)
        return (names,) if isinstance(names, str) else tuple(names)

    converter.register_structure_hook(str, _text)
    converter.register_structure_hook_func(lambda cls: cls == tuple[str, ...], _many)
    converter.register_structure_hook(str | list[str], _one_or_many)
    converter.register_structure_hook(
        Event,
        cattrs.gen.make_dict_structure_fn(
            Event,
            converter,
            _cattrs_forbid_extra_keys=True,
            cls=cattrs.gen.override(rename="class"),
            origin=cattrs.gen.override(rename="from"),
        ),
    )
    converter.register_structure_hook(
        Migration,
        cattrs.gen.make_dict_structure_fn(
            Migration,
            converter,
            _cattrs_forbid_extra_keys=True,
            earlier=cattrs.gen.override(rename="from"),
        ),
    )
    return converter


_CONVERTER = _make_converter()


def parse_spec(text: str, place: str) -> Spec:
    """Parse and check a definition.

    Args:
        text: The TOML text.
        place: Where it came from, for messages: usually the file's path.

    Returns:
        The definition, with every (state, event) pair decided.

    Raises:
        SpecError: The text is no TOML, lacks a key, has an unknown one, names a state or event
            that does not exist, leaves a pair undecided, or has rows that compete. Correct the
            place that the message names.
    """
    spec = read_spec(text, place)
    for finding in (*undefined_names(spec), *undecided(spec)):
        raise finding.error()
    return spec


def read_spec(text: str, place: str) -> Spec:
    """Parse a definition without asking whether it makes a machine.

    For whoever wants to tell all that is wrong with it; others use `parse_spec`.

    Args:
        text: The TOML text.
        place: Where it came from, for messages.

    Returns:
        The definition as it is written. It may name what does not exist and leave pairs undecided.

    Raises:
        SpecError: The text is no TOML, lacks a key, or has an unknown one.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{place}: not TOML: {error}", place=place) from error
    try:
        raw = _CONVERTER.structure(document, _RawSpec)
    except Exception as error:
        problem = first_problem(cattrs.transform_error(error, path=""), _KEYS)
        raise SpecError(f"{place}: {relocate(problem, text)}", place=place) from error
    return Spec(
        name=raw.machine.name,
        doc=raw.machine.doc,
        initial=raw.machine.initial,
        implementation=raw.machine.implementation,
        states=raw.states,
        events=raw.events,
        timers=raw.timers,
        rows=tuple(_expand(raw, row_lines(text), place)),
        place=place,
        digest=digest_of(document),
        text=text,
        lines=table_lines(text),
        migrations=tuple(raw.migrations),
        check=raw.check,
        diagram=raw.diagram,
    )


def _expand(raw: _RawSpec, lines: list[int], place: str) -> list[Row]:
    rows: list[Row] = []
    for number, entry in enumerate(raw.transitions):
        line = lines[number] if number < len(lines) else 0
        where = f"{place}: line {line}: transitions[{number}]"
        given = [key for key in _DECIDERS if getattr(entry, key) is not None]
        if len(given) != 1:
            raise SpecError(
                f"{where}: needs exactly one of {', '.join(_DECIDERS)}; has {given or 'none'}",
                place=where,
            )
        decider = given[0]
        text: str = getattr(entry, decider)
        if not (entry.doc or (text and decider not in {"target", "reject"})):
            key = "doc" if decider in {"target", "reject"} else decider
            raise SpecError(f"{where}: needs a sentence in `{key}`", place=where)
        sources = [entry.source] if isinstance(entry.source, str) else entry.source
        events = [entry.event] if isinstance(entry.event, str) else entry.event
        for source in sources:
            for event in events:
                rows.append(
                    Row(
                        source=source,
                        event=event,
                        guards=tuple(entry.guards),
                        target=text if decider == "target" else None,
                        decision="move" if decider == "target" else decider,  # type: ignore[arg-type]
                        effects=tuple(entry.effects),
                        reason=entry.doc or text,
                        error=text if decider == "reject" else None,
                        counts=entry.counts,
                        line=line,
                        index=len(rows),
                    )
                )
    return rows
