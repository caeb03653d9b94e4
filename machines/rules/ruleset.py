"""A set of rules, ready to be asked: indexed by what triggers them."""

import hashlib
from functools import cached_property

from attrs import field, frozen

from hookflash.machines.instants import Instant
from hookflash.machines.rules.calendar import Calendar
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.evaluation import adopt, evaluate
from hookflash.machines.rules.facts import RuleEvent, RuleFacts, RuleTimerFired
from hookflash.machines.rules.index import Index, index_of
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.reading import read_contents
from hookflash.machines.rules.rule import Rule
from hookflash.machines.rules.vocabulary import Names


@frozen
class RulesDiff:
    """What differs between two sets of rules.

    Attributes:
        added: Names of rules that are new.
        removed: Names of rules that are gone.
        changed: Names of rules that say something else than before.
        further: What else of the file is another: its calendar, its events.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    further: tuple[str, ...] = ()

    def text(self) -> str:
        """Say it in one line."""
        parts = (
            f"{word} {', '.join(names)}"
            for word, names in (
                ("added", self.added),
                ("removed", self.removed),
                ("changed", (*self.changed, *self.further)),
            )
            if names
        )
        return "; ".join(parts) or "nothing changed"


@frozen
class Rules:
    """A set of rules.

    Attributes:
        rules: The rules, in the order of the file; what one file says first counts first.
        calendar: Its calendar.
        events: Events of its own, with what each means.
        names: The names that it was read with.
        place: Where it came from.
        digest: SHA-256 of its text.
        text: Its text.
    """

    rules: tuple[Rule, ...] = field(repr=False)
    calendar: Calendar = field(repr=False)
    events: dict[str, str] = field(repr=False)
    names: Names = field(repr=False)
    place: str
    digest: str
    text: str = field(repr=False, eq=False)

    def evaluate(
        self,
        facts: RuleFacts,
        event: RuleEvent | RuleTimerFired,
        memory: RuleMemory = NO_MEMORY,
    ) -> Decision:
        """Say what follows from an event; the same for the same facts, event and memory.

        Args:
            facts: What is known of the interaction after the event.
            event: What happened: a step of the machine, an event of the file's own, or a timer
                that an earlier decision started.
            memory: What the last decision about this interaction returned.

        Returns:
            The decision. Nothing was done; whoever asked carries out its actions and timers, and
            hands its memory in with the next event.
        """
        return evaluate(self._index, facts, event, memory)

    def adopt(
        self,
        facts: RuleFacts,
        at: Instant,
        memory: RuleMemory,
        previous: "Rules | None" = None,
    ) -> Decision:
        """Carry an interaction over to these rules, after they were loaded or loaded anew.

        Waits of rules that are gone, disabled or changed end; rules that are new or changed and
        wait for a state to last begin to wait in it, counting from the beginning of the hold.

        Args:
            facts: What is known of the interaction.
            at: Now.
            memory: What the rules remember of it.
            previous: The rules before; None where there were none.

        Returns:
            A decision without actions.
        """
        known = {} if previous is None else {rule.name: rule for rule in previous.rules}
        same = frozenset(rule.name for rule in self.rules if known.get(rule.name) == rule)
        return adopt(self._index, facts, at, memory, same)

    @property
    def has_schedules(self) -> bool:
        """Whether the turn of some rule comes by itself, whatever happens."""
        return bool(self._index.schedules)

    def rule(self, name: str) -> Rule | None:
        """Return the rule called *name*; None where there is none."""
        return self._index.by_name.get(name)

    def changes_from(self, previous: "Rules") -> RulesDiff:
        """Return what differs from *previous*."""
        before = {rule.name: rule for rule in previous.rules}
        now = {rule.name: rule for rule in self.rules}
        return RulesDiff(
            tuple(name for name in now if name not in before),
            tuple(name for name in before if name not in now),
            tuple(name for name in now if name in before and now[name] != before[name]),
            tuple(
                name
                for name, one, other in (
                    ("[calendar]", self.calendar, previous.calendar),
                    ("[events]", self.events, previous.events),
                )
                if one != other
            ),
        )

    @cached_property
    def _index(self) -> Index:
        return index_of(self.rules, self.calendar, self.names)


def parse_rules(text: str, place: str, names: Names) -> Rules:
    """Parse and check a rules file.

    Args:
        text: The TOML text.
        place: Where it came from, for messages: usually the file's path.
        names: The names that it may use: the machine's, monitors, functions, reasons.

    Returns:
        The rules.

    Raises:
        SpecError: Something in it is wrong; the message has the first problem with its line and a
            caret below the place, and counts the others. Nothing of the file is in force.
    """
    contents, problems = read_contents(text, place, names)
    if contents is None:
        raise problems[0].error(len(problems) - 1)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Rules(contents.rules, contents.calendar, contents.events, names, place, digest, text)
