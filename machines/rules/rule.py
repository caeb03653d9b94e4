"""A rule as it was read: its trigger, its conditions, what it does and how."""

from typing import Any, Literal

from attrs import Factory, field, frozen

from hookflash.machines.instants import Instant
from hookflash.machines.rules.actions import ActionName
from hookflash.machines.rules.calendar import Schedule
from hookflash.machines.rules.conditions import Condition
from hookflash.machines.rules.durations import duration_text
from hookflash.machines.rules.facts import RuleEvent, RuleFacts

Mode = Literal["single", "restart", "queued"]
"""What becomes of a trigger while the rule still waits or its commands are under way: it is
dropped, the wait begins anew, or it waits for its turn."""

IndexKey = tuple[str, str]
"""Under what a pattern is found: the kind and the value."""

_INDEXED = ("outcome", "notice", "alarm", "event", "state_to", "state_from")
"""What a pattern is found under: the first of these that it names, the rarest first."""

_WORDS = {"state_to": "to", "state_from": "from"}

Words = tuple[str, ...]


def _pattern_text(pattern: "Pattern") -> str:
    said: list[str] = []
    for name in (*_INDEXED, "action", "actor"):
        values: Words | None = getattr(pattern, name)
        if values is not None:
            said.append(f"{_WORDS.get(name, name)} {' or '.join(values)}")
    return ", ".join(said)


@frozen
class Pattern:
    """What an event must be like; each is a choice of values, None for any.

    Attributes:
        state_to: States that are entered; a step within them enters none.
        state_from: States that are left.
        event: Names of events.
        outcome: Outcomes of commands.
        action: What the command, or somebody else, did.
        notice: Notices.
        alarm: Alarms.
        actor: Who caused it.
        text: It, in words.
    """

    state_to: Words | None = None
    state_from: Words | None = None
    event: Words | None = None
    outcome: Words | None = None
    action: Words | None = None
    notice: Words | None = None
    alarm: Words | None = None
    actor: Words | None = None
    text: str = field(init=False, eq=False, default=Factory(_pattern_text, takes_self=True))

    def index_keys(self) -> tuple[IndexKey, ...]:
        """Return under what it is found."""
        for name in _INDEXED:
            values: Words | None = getattr(self, name)
            if values is not None:
                return tuple((name, value) for value in values)
        return ()

    def matches(self, event: RuleEvent) -> bool:
        """Say whether *event* is like this."""
        moved = event.state_from != event.state_to
        if self.state_to is not None and not (
            moved and event.state_to in self.state_to and event.state_from not in self.state_to
        ):
            return False
        if self.state_from is not None and not (
            moved and event.state_from in self.state_from and event.state_to not in self.state_from
        ):
            return False
        return (
            (self.event is None or event.name in self.event)
            and (self.outcome is None or event.outcome in self.outcome)
            and (self.action is None or event.action in self.action)
            and (self.notice is None or event.notice in self.notice)
            and (self.alarm is None or event.alarm in self.alarm)
            and (self.actor is None or event.actor in self.actor)
        )


def event_keys(event: RuleEvent) -> tuple[IndexKey, ...]:
    """Return under what the patterns are found that *event* may match."""
    keys: list[IndexKey] = [("event", event.name)]
    if event.state_from != event.state_to:
        keys += (("state_to", event.state_to), ("state_from", event.state_from))
    if event.outcome:
        keys.append(("outcome", event.outcome))
    if event.notice:
        keys.append(("notice", event.notice))
    if event.alarm:
        keys.append(("alarm", event.alarm))
    return tuple(keys)


@frozen
class Trigger:
    """What makes a rule's turn come; a pattern or a schedule.

    Attributes:
        pattern: What an event must be like; None for a schedule.
        schedule: When; None for a pattern.
        states: With a schedule: the states in which it counts.
        text: It, in words.
    """

    text: str
    pattern: Pattern | None = None
    schedule: Schedule | None = None
    states: Words = ()


@frozen
class Stay:
    """How long a state must last: a duration, or a share of the hold's limit.

    Attributes:
        us: The duration in microseconds; None for a share.
        share: The share; None for a duration.
    """

    us: int | None = None
    share: float | None = None

    def due_at(self, facts: RuleFacts, at: Instant) -> Instant:
        """Return when it is over for a state that was entered at *at*."""
        if self.share is None:
            return Instant(at + (self.us or 0))
        hold = facts.hold
        if hold is None:
            return at
        return Instant(hold.since + round((hold.limit_at - hold.since) * self.share))

    def text(self) -> str:
        """Say how long, as the file does."""
        return f"{self.share:.0%}" if self.share is not None else duration_text(self.us or 0)


@frozen
class Window:
    """A temporal condition on what was before.

    Attributes:
        kind: `within`: it happened in the time before the trigger; `not_within`: it did not;
            `count`: so often, the trigger included.
        pattern: What.
        last_us: The time, in microseconds.
        at_least: How often, for `count`.
    """

    kind: Literal["within", "not_within", "count"]
    pattern: Pattern
    last_us: int
    at_least: int = 1

    def text(self) -> str:
        """Say what it asks, in words."""
        often = f" at least {self.at_least} times" if self.kind == "count" else ""
        return f"{self.kind}: {self.pattern.text}{often} in the last {duration_text(self.last_us)}"


@frozen
class Absence:
    """A temporal condition on what is to come: it must not happen.

    Attributes:
        pattern: What must not happen.
        next_us: For how long after the trigger, in microseconds.
    """

    pattern: Pattern
    next_us: int

    def text(self) -> str:
        """Say what it asks, in words."""
        return f"not_within: {self.pattern.text} in the next {duration_text(self.next_us)}"


@frozen
class ActionSpec:
    """An action as the file has it.

    Attributes:
        name: Which.
        settings: Its settings; texts with placeholders are templates.
        line: Its line.
    """

    name: ActionName
    settings: dict[str, Any]
    line: int = field(default=0, eq=False)


@frozen
class Rule:
    """A rule.

    Attributes:
        name: Its name, unique in its file.
        trigger: What makes its turn come.
        actions: What it does, in order.
        description: What it is for.
        stay: How long the entered state must last; None for not at all.
        windows: Temporal conditions on what was before.
        absence: The temporal condition on what is to come; None for none.
        once_within_us: It acts at most once in that time; None for as often as it is triggered.
        condition: What must hold; None for nothing.
        mode: What becomes of a trigger while the rule is busy.
        enabled: Whether it counts at all.
        shadow: Whether it only says what it would do.
        index: Its place in the file, from 0.
        line: Its line.
    """

    name: str
    trigger: Trigger
    actions: tuple[ActionSpec, ...]
    description: str = ""
    stay: Stay | None = None
    windows: tuple[Window, ...] = ()
    absence: Absence | None = None
    once_within_us: int | None = None
    condition: Condition | None = field(default=None, eq=lambda one: one and one.text)
    mode: Mode = "single"
    enabled: bool = True
    shadow: bool = False
    index: int = field(default=0, eq=False)
    line: int = field(default=0, eq=False)

    def timer_name(self) -> str:
        """Return the name of its timer."""
        return f"rule:{self.name}"

    def waits(self) -> bool:
        """Say whether it waits after its trigger."""
        return self.stay is not None or self.absence is not None
