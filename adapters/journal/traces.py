"""What rules decided about one interaction, out of a journal or a recording.

A journal has millions of lines, and a handful of them are about the interaction: the others are
told by their bytes and not parsed. No definition is needed for that, so what was written under an
earlier one is read as well; nothing is stepped.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from hookflash.adapters.journal.kept import kept_lines
from hookflash.adapters.journal.reading import JournalReader, Line, is_journal
from hookflash.adapters.journal.recording import recording_lines
from hookflash.engine.logs import get_logger
from hookflash.machines.conversion import at_path, decode_instant
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.headers import decode_header
from hookflash.machines.instants import Instant
from hookflash.machines.lines import (
    RECORD,
    check_seq,
    dump_line,
    kind_of,
    malformed,
    parse_line,
)
from hookflash.machines.records import ActionsDone, RulesAsked, RulesChange
from hookflash.machines.rule_lines import (
    DONE_KIND,
    RULES_CHANGE_KIND,
    RULES_KIND,
    decode_aside,
    decode_rules_change,
)
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.ruling import RuleState, Ruling
from hookflash.machines.states import STATE_KIND

_log = get_logger("hookflash.journal")

_CHANGE: Final = b'"%s"' % RULES_CHANGE_KIND.encode()


@frozen
class CommandEnd:
    """How a command ended.

    Attributes:
        at: When.
        ids: The ids by which it is known: its own, and that of the frame that was sent last.
        action: What it asked for.
        actor: Who gave it.
        outcome: How it ended.
        error: The name of the error; empty for none.
        message: That error's text; empty for none.
    """

    at: Instant
    ids: tuple[str, str]
    action: str
    actor: str
    outcome: str
    error: str
    message: str


@frozen
class Considered:
    """Something that happened to an interaction, and what rules decided about it.

    Attributes:
        at: When.
        seq: The number of its record; None where it is none: a timer of a rule, an event of the
            rules file's own, other rules.
        event: The event's name; for a timer its name, `rule:` and the rule's.
        is_timer: Whether a timer of a rule is meant.
        source: The state before; empty where it is not known.
        target: The state after; empty where it is not known.
        ruling: What rules decided; None where they were not asked, or nothing came of it.
        ends: The commands that ended with it.
        kept: Whether it is left of a day that is in a recording.
    """

    at: Instant
    seq: int | None
    event: str
    is_timer: bool
    source: str
    target: str
    ruling: Ruling | None
    ends: tuple[CommandEnd, ...] = ()
    kept: bool = False


@frozen
class Standing:
    """How the interaction stood where the journal or recording begins, or a definition changed.

    Attributes:
        state: Its state.
        rules: What was kept for its rules; None for nothing.
    """

    state: str
    rules: RuleState | None


Told = Considered | Standing | ActionsDone | RulesChange
"""What is told of an interaction; the rules that counted are told as well."""


def read_rulings(path: str | Path, interaction_id: str) -> Iterator[Considered]:
    """Yield what rules decided about an interaction, oldest first.

    Args:
        path: A journal, also one that an engine is writing to, or a recording.
        interaction_id: The interaction, in any case.

    Raises:
        MalformedRecord: It cannot be read, or a line about the interaction was damaged.
    """
    for told in read_story(path, interaction_id):
        if isinstance(told, Considered) and told.ruling is not None:
            yield told


def read_story(path: str | Path, interaction_id: str) -> Iterator[Told]:
    """Yield all that is told of an interaction, oldest first, and the rules that counted.

    In bounded memory. What is kept of days that were put into recordings comes first; of these
    there is only what rules did.

    Args:
        path: As for `read_rulings`.
        interaction_id: The interaction, in any case.

    Raises:
        MalformedRecord: As for `read_rulings`.
    """
    path = Path(path)
    story = _Story(interaction_id)
    if not is_journal(path):
        yield from story.read(_checked(recording_lines(path)))
        return
    with closing(JournalReader(path)) as reader:
        last = 0
        while True:
            first = reader.contents().first
            for number, line in kept_lines(reader, interaction_id, last):
                yield from story.read(iter([line]), kept=True)
                last = number
            lines = reader.from_beginning()
            header = next(lines)
            if reader.contents().first == first:
                break
            # A day was put into a recording meanwhile: what it left is kept now.
        yield from story.read(_checked(_chained(header, lines)))


def _chained(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _checked(lines: Iterator[Line]) -> Iterator[Line]:
    """Yield what follows the header, which has to be one."""
    place, line = next(lines, ("", b""))
    if not place:
        raise MalformedRecord("it is empty: this is no recording and no journal", place="recording")
    decode_header(line, place)
    yield from lines


class _Story:
    """Reads the lines about one interaction."""

    def __init__(self, interaction_id: str) -> None:
        self._wanted = interaction_id.lower()
        self._state = ""
        self._kept = False
        # As it stands in a line; letters beyond ASCII have cases that bytes do not know.
        quoted = dump_line({"id": interaction_id.lower()}, "an id").partition(b',"sum"')[0][6:]
        self._bytes = quoted if interaction_id.isascii() else b""

    def read(self, lines: Iterator[Line], *, kept: bool = False) -> Iterator[Told]:
        self._kept = kept
        wanted = self._bytes
        for place, line in lines:
            if wanted in line or _CHANGE in line or wanted in line.lower():
                try:
                    told = self._told(line, place)
                except MalformedRecord:
                    if line.endswith(b"\n"):
                        raise
                    _log.warning("recording.torn_line_left_out", place=place)
                    return
                if told is not None:
                    yield told

    def _told(self, line: bytes, place: str) -> Told | None:
        kind = kind_of(line)
        if kind == RULES_CHANGE_KIND:
            return decode_rules_change(line, place)
        if kind in {RULES_KIND, DONE_KIND}:
            aside = decode_aside(line, kind, place)
            if isinstance(aside, RulesChange) or aside.interaction_id.lower() != self._wanted:
                return None
            return self._asked(aside) if isinstance(aside, RulesAsked) else aside
        if kind not in {RECORD, STATE_KIND}:
            return None
        try:
            raw = parse_line(line)
            if kind == STATE_KIND:
                return self._standing(raw["interaction"])
            return self._record(raw)
        except MalformedRecord as error:
            raise malformed(place, error.message) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise malformed(place, f"tells nothing of an interaction: {error}") from error

    def _standing(self, raw: dict[str, Any]) -> Standing | None:
        if raw["id"].lower() != self._wanted:
            return None
        self._state = _text(raw, "state", "$.interaction")
        rules = RuleState.from_json(raw["rules"], "$.interaction.rules") if "rules" in raw else None
        return Standing(self._state, rules)

    def _record(self, raw: dict[str, Any]) -> Considered | None:
        if raw["interaction"].lower() != self._wanted:
            return None
        self._state = _text(raw, "to")
        return Considered(
            decode_instant(raw["at"]),
            check_seq(raw["seq"]),
            _text(raw["event"], "type", "$.event"),
            False,  # noqa: FBT003 - it is a step of the machine
            _text(raw, "from"),
            self._state,
            Ruling.from_json(raw["rules"], "$.rules") if "rules" in raw else None,
            tuple(
                [
                    _end(one, f"$.effects[{index}]")
                    for index, one in enumerate(raw["effects"])
                    if one["type"] == "end_command"
                ]
            ),
            self._kept,
        )

    def _asked(self, asked: RulesAsked) -> Considered:
        about = asked.about
        source = target = self._state
        if isinstance(about, RuleEvent):
            source, target = about.state_from, about.state_to
        is_timer = isinstance(about, RuleTimerFired)
        return Considered(
            asked.at, None, about.name, is_timer, source, target, asked.ruling, (), self._kept
        )


def _end(raw: dict[str, Any], path: str) -> CommandEnd:
    return CommandEnd(
        decode_instant(raw["at"]),
        (_text(raw, "command_id", path), _text(raw, "correlation_id", path)),
        _text(raw, "action", path),
        _text(raw, "actor", path),
        _text(raw, "outcome", path),
        _text(raw, "error", path) if "error" in raw else "",
        _text(raw, "message", path) if "message" in raw else "",
    )


def _text(raw: dict[str, Any], key: str, path: str = "$") -> str:
    value = raw[key]
    if not isinstance(value, str):
        at_path(f"{path}.{key}", "expected text")
    return value
