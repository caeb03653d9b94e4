"""What rules did about one interaction, gathered for whoever asks why and why not.

A journal is read once, from its beginning; what is kept in memory is the end of the story, and sums
of the rest.
"""

from collections import Counter, deque
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from attrs import define, field

from hookflash.adapters.journal.traces import CommandEnd, Considered, Told, read_story
from hookflash.adapters.rules_files import names_of
from hookflash.machines.errors import HookflashError
from hookflash.machines.instants import Instant
from hookflash.machines.records import ActionsDone, RulesChange
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.rules.ruling import Ruling
from hookflash.machines.rules.trace import RuleTrace, Verdict

CHANGES_MAX: Final = 50
"""Changes of rules that are kept between what is shown: files are not changed by the minute."""

EVENTS_MAX: Final = 1000
"""Kinds of events that are counted; a machine has some hundred with their states."""

EventKind = tuple[str, str, str]
"""An event's name, and the states before and after it."""


@define
class Shown:
    """Something about which rules decided.

    Attributes:
        considered: It.
        ruling: What they decided.
        ended: How its commands ended, by the ids of their actions, as far as that is known.
        done: The ids of its other actions that are known to have been carried out.
    """

    considered: Considered
    ruling: Ruling
    ended: dict[str, CommandEnd] = field(factory=dict[str, CommandEnd])
    done: set[str] = field(factory=set[str])


@define
class RuleStory:
    """What became of one rule since it counts.

    Attributes:
        name: Its name.
        verdicts: How often what became of it.
        last: When it was triggered last, and what became of it; None for never.
        last_idle: The same, of when it was triggered and did nothing.
        events: What happened to the interaction since the rules that count were loaded.
        considered: In how many decisions it was named, under whichever rules.
    """

    name: str
    verdicts: Counter[Verdict] = field(factory=Counter[Verdict])
    last: tuple[Instant, RuleTrace] | None = None
    last_idle: tuple[Instant, RuleTrace] | None = None
    events: Counter[EventKind] = field(factory=Counter[EventKind])
    considered: int = 0

    def begin_anew(self) -> None:
        """Take up that other rules count."""
        self.verdicts.clear()
        self.events.clear()
        self.last = self.last_idle = None

    def take(self, told: Considered) -> None:
        """Take up something that happened."""
        kind = told.event, told.source, told.target
        if not told.is_timer and (kind in self.events or len(self.events) < EVENTS_MAX):
            self.events[kind] += 1
        for trace in traces_of(told, self.name):
            self.considered += 1
            self.verdicts[trace.verdict] += 1
            self.last = told.at, trace
            if trace.verdict not in {"acted", "waiting", "queued"}:
                self.last_idle = told.at, trace


@define
class Story:
    """What rules did about one interaction.

    Attributes:
        interaction_id: The interaction, as it was asked for.
        is_known: Whether anything at all is known of it.
        shown: The last decisions, and the changes of rules between them, oldest first.
        decisions: How many decisions there are in all.
        before: The rules that counted at the first one that is shown; None where nothing says so.
        in_force: The rules that count now; None where none do, or nothing says so.
        rules_changes: How often rules were loaded.
        kept: How many decisions are left of days that are in recordings.
        last_at: When it was heard of last; None for never.
        memory: What the rules remember of it.
        rule: What became of the rule that was asked for; None where none was.
    """

    interaction_id: str
    is_known: bool = False
    shown: deque[Shown | RulesChange] = field(factory=deque[Shown | RulesChange])
    decisions: int = 0
    before: RulesChange | None = None
    in_force: RulesChange | None = None
    rules_changes: int = 0
    kept: int = 0
    last_at: Instant | None = None
    memory: RuleMemory = NO_MEMORY
    rule: RuleStory | None = None


def traces_of(told: Considered, rule: str | None) -> list[RuleTrace]:
    """Return what became of rules, of *rule* only if it is given."""
    trace = None if told.ruling is None else told.ruling.trace
    found = () if trace is None else trace.rules
    return [one for one in found if rule is None or one.rule == rule]


def gather(path: Path, interaction_id: str, *, rule: str | None = None, last: int = 50) -> Story:
    """Read what rules did about an interaction.

    Args:
        path: A journal, also one that an engine is writing to, or a recording.
        interaction_id: The interaction, in any case.
        rule: Only what concerns this rule; None for all.
        last: How many decisions are kept at the end.

    Raises:
        MalformedRecord: It cannot be read, or a line about the interaction was damaged.
    """
    return _Gathering(interaction_id, rule, last).run(read_story(path, interaction_id))


class _Gathering:
    def __init__(self, interaction_id: str, rule: str | None, last: int) -> None:
        self._story = Story(interaction_id, rule=None if rule is None else RuleStory(rule))
        self._rule = rule
        self._last = last
        self._count = 0
        self._changes = 0
        self._waiting: dict[str, Shown] = {}

    def run(self, told: Iterable[Told]) -> Story:
        story = self._story
        for one in told:
            if isinstance(one, RulesChange):
                self._change(one)
                continue
            story.is_known = True
            if isinstance(one, Considered):
                self._considered(one)
            elif isinstance(one, ActionsDone):
                for action_id in one.ids:
                    if (shown := self._waiting.get(action_id)) is not None:
                        shown.done.add(action_id)
            else:
                story.memory = NO_MEMORY if one.rules is None else one.rules.memory
        return story

    def _change(self, change: RulesChange) -> None:
        story = self._story
        # A part of a journal begins with the line of the change that counts there.
        if story.in_force is not None and story.in_force == change:
            return
        if story.in_force is None or not change.digest:
            story.memory = NO_MEMORY  # without rules nothing of theirs is remembered
        story.in_force = change if change.digest else None
        story.rules_changes += 1
        if self._count:
            story.shown.append(change)
            self._changes += 1
        else:
            story.before = story.in_force
        if story.rule is not None:
            story.rule.begin_anew()
        if self._changes > CHANGES_MAX:
            self._forget_a_change()

    def _forget_a_change(self) -> None:
        """Leave out the oldest change of those between what is shown."""
        shown = self._story.shown
        del shown[next(index for index, one in enumerate(shown) if isinstance(one, RulesChange))]
        self._changes -= 1

    def _considered(self, told: Considered) -> None:
        story = self._story
        story.last_at = told.at
        if told.ruling is not None:
            story.memory = told.ruling.memory
        for end in told.ends:
            for action_id in end.ids:
                if (shown := self._waiting.get(action_id)) is not None:
                    shown.ended[action_id] = end
        if story.rule is not None:
            story.rule.take(told)
        if told.ruling is not None and self._is_shown(told, told.ruling):
            self._show(Shown(told, told.ruling))

    def _is_shown(self, told: Considered, ruling: Ruling) -> bool:
        if self._rule is None:
            return ruling.trace is not None or bool(ruling.alarm)
        return bool(traces_of(told, self._rule))

    def _show(self, shown: Shown) -> None:
        story = self._story
        story.decisions += 1
        story.kept += shown.considered.kept
        story.shown.append(shown)
        self._count += 1
        for planned in shown.ruling.actions:
            self._waiting[planned.id] = shown
        if self._count > self._last:
            self._forget(story.shown.popleft())
            while isinstance(story.shown[0], RulesChange):
                self._forget(story.shown.popleft())

    def _forget(self, gone: Shown | RulesChange) -> None:
        if isinstance(gone, RulesChange):
            self._story.before = gone if gone.digest else None
            self._changes -= 1
            return
        self._count -= 1
        for planned in gone.ruling.actions:
            self._waiting.pop(planned.id, None)


@lru_cache(maxsize=CHANGES_MAX + 1)
def rules_of(change: RulesChange | None, files: tuple[Path, ...] = ()) -> Rules | None:
    """Return the rules that a change brought.

    Args:
        change: The change; None gives None.
        files: Rules files to be looked into where the line has not the text, or not as it was; the
            one of that digest counts.

    Returns:
        The rules; None where they cannot be read: secrets in the text were redacted, it was too
        long for a line, or this version refuses it.
    """
    if change is None or not change.digest:
        return None
    texts = [change.text]
    for file in files:
        try:
            texts.insert(0, file.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            continue
    for text in texts:
        try:
            rules = parse_rules(text, "rules of the journal", names_of())
        except HookflashError:
            continue
        if text is change.text or rules.digest == change.digest:
            return rules
    return None
