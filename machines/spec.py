"""Machine definitions: TOML text in, a checked `Spec` out.

A definition says what a machine is: its states, events, timers and rows. Guards and effects are
names, implemented and typed in the Python module that the definition names. This module parses the
text and refuses what cannot be right, naming the file, the line and the table. It reads no file:
whoever has the text hands it in.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable
from typing import Any, Literal, cast

import cattrs
from attrs import field, fields, frozen

from hookflash.machines.errors import SpecError

Decision = Literal["move", "stay", "late", "ignore", "reject"]
"""What a row decides. Only the first two change anything that counts; `late` and `ignore` are
legal and counted, `reject` answers with an error."""

_DECIDERS = ("target", "stay", "late", "ignore", "reject")


@frozen
class State:
    """A state: what it means, and whether an interaction ends there."""

    doc: str
    final: bool = False


@frozen
class Event:
    """An event: the class that carries it, and what happened when it comes."""

    cls: str = field(metadata={"key": "class"})
    doc: str


@frozen
class TimerSpec:
    """A timer: the event that its end gives, the setting that names its length, its meaning."""

    event: str
    duration: str
    doc: str


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
        digest: SHA-256 of what the definition says; layout and comments do not count.
        lines: The lines of its tables, for messages: of `events.sent`, for instance.
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
    lines: dict[str, int] = field(factory=dict[str, int])

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


_TABLES: tuple[Any, ...] = (State, Event, TimerSpec, _RawRow, _RawHead, _RawSpec)
_KEYS = {f.metadata.get("key", f.name) for table in _TABLES for f in fields(table)}
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

    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(str | list[str], _one_or_many)
    converter.register_structure_hook(
        Event,
        cattrs.gen.make_dict_structure_fn(
            Event,
            converter,
            _cattrs_forbid_extra_keys=True,
            cls=cattrs.gen.override(rename="class"),
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
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{place}: not TOML: {error}", place=place) from error
    try:
        raw = _CONVERTER.structure(document, _RawSpec)
    except Exception as error:
        problem = _first_problem(cattrs.transform_error(error, path=""))
        raise SpecError(f"{place}: {_relocate(problem, text)}", place=place) from error
    spec = Spec(
        name=raw.machine.name,
        doc=raw.machine.doc,
        initial=raw.machine.initial,
        implementation=raw.machine.implementation,
        states=raw.states,
        events=raw.events,
        timers=raw.timers,
        rows=tuple(_expand(raw, _row_lines(text), place)),
        place=place,
        digest=_digest(document),
        lines=_table_lines(text),
    )
    _check_names(spec)
    _check_pairs(spec)
    return spec


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(document).encode()).hexdigest()


def _canonical(value: Any) -> str:  # noqa: ANN401 - any TOML value
    """Write *value* with sorted keys, so that only what is said counts, not how."""
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return "{" + ",".join(f"{key!r}:{_canonical(table[key])}" for key in sorted(table)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, _entries(value))) + "]"
    return repr(value)


def _row_lines(text: str) -> list[int]:
    """Return the line of each `[[transitions]]` header: TOML's parser does not tell."""
    header = re.compile(r"^\s*\[\[\s*transitions\s*\]\]")
    return [n for n, line in enumerate(text.splitlines(), start=1) if header.match(line)]


def _table_lines(text: str) -> dict[str, int]:
    """Return the lines of tables, `[events.sent]` or, below `[events]`, `sent = {`."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            table = header.group(1)
            lines.setdefault(table, number)
        elif key := re.match(r"\s*([\w-]+)\s*=\s*\{", line):
            lines.setdefault(f"{table}.{key.group(1)}", number)
    return lines


def _first_problem(problems: list[str]) -> str:
    """Return the problem to name: an unknown key first, with the key that may have been meant."""
    for problem in problems:
        if match := re.match(r"extra fields found \(([\w-]+).*\)", problem):
            key, place = match.group(1), problem[match.end() :]
            return f"unknown key {key!r}{place}{nearest(key, sorted(_KEYS))}"
    return problems[0]


def _relocate(problem: str, text: str) -> str:
    """Add the line to a problem in a row or table, and write its keys as TOML does."""
    problem = re.sub(r"\['([^']*)'\]", r".\1", problem).replace(".cls", ".class")
    lines = _table_lines(text)
    lines |= {f"transitions[{n}]": line for n, line in enumerate(_row_lines(text))}
    match = re.search(r"@ \.(\w+(?:\[\d+\]|\.[\w-]+)?)", problem)
    table = match.group(1) if match else ""
    line = lines.get(table, lines.get(table.partition(".")[0]))
    return problem if line is None else f"line {line}: {problem}"


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


def nearest(name: str, known: list[str]) -> str:
    """Return "; did you mean …" for the known name that is most like *name*; empty for none."""
    import difflib  # noqa: PLC0415 - only wanted for a message

    found = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; known: {', '.join(sorted(known))}"


def _check_names(spec: Spec) -> None:
    if spec.initial not in spec.states:
        raise SpecError(
            f"{spec.where('machine')}.initial: no state {spec.initial!r}"
            + nearest(spec.initial, list(spec.states)),
            place=f"{spec.where('machine')}.initial",
        )
    for row in spec.rows:
        for kind, name, known in (
            ("source state", row.source, spec.states),
            ("event", row.event, spec.events),
            ("target state", row.target, spec.states),
        ):
            if name is not None and name not in known:
                where = f"{spec.place}: line {row.line}"
                raise SpecError(
                    f"{where}: {kind} {name!r} does not exist{nearest(name, list(known))}",
                    place=where,
                )
    for name, timer in spec.timers.items():
        if timer.event not in spec.events:
            where = f"{spec.where(f'timers.{name}')}.event"
            raise SpecError(
                f"{where}: event {timer.event!r} does not exist"
                + nearest(timer.event, list(spec.events)),
                place=where,
            )


def _check_pairs(spec: Spec) -> None:
    """See that every (state, event) is decided, by rows of which each can be reached."""
    for state in spec.states:
        for event in spec.events:
            rows = spec.rows_of(state, event)
            if not rows:
                raise SpecError(
                    f"{spec.place}: state {state!r} does not decide about event {event!r}",
                    advice="add a row with target, stay, late, ignore or reject, and the reason",
                    place=f"{spec.place}: {state}/{event}",
                )
            _check_rows(spec, rows)


def _check_rows(spec: Spec, rows: tuple[Row, ...]) -> None:
    seen: dict[frozenset[str], Row] = {}
    for row in rows:
        for guards, earlier in seen.items():
            if guards <= frozenset(row.guards):
                raise SpecError(
                    f"{spec.place}: lines {earlier.line} and {row.line}: two rows compete for"
                    f" event {row.event!r} in state {row.source!r}: the second can never be taken",
                    advice="give the first a guard that the second does not have, or remove one",
                    place=f"{spec.place}: line {row.line}",
                )
        seen[frozenset(row.guards)] = row
    last = rows[-1]
    if last.guards:
        raise SpecError(
            f"{spec.place}: line {last.line}: event {last.event!r} in state {last.source!r} is not"
            f" decided when the guards {', '.join(last.guards)} do not hold",
            advice="add a last row without guards",
            place=f"{spec.place}: line {last.line}",
        )
