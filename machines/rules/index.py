"""Rules by what triggers them: what an event costs follows the rules that it concerns."""

from collections.abc import Mapping

from attrs import frozen

from hookflash.machines.rules.calendar import Calendar
from hookflash.machines.rules.rule import IndexKey, Pattern, Rule
from hookflash.machines.rules.vocabulary import Names


@frozen
class Watched:
    """Something that temporal conditions ask about.

    Attributes:
        pattern: What.
        depth: How many of its latest times are remembered.
    """

    pattern: Pattern
    depth: int


@frozen
class Index:
    """A set of rules, arranged for being asked.

    Attributes:
        by_name: The rules by their names.
        triggers: The rules by what triggers them, each list in the order of the file.
        watched: What temporal conditions ask about, in the same way.
        schedules: The rules whose turn comes by itself.
        final: The states that an interaction ends in.
        calendar: The calendar.
        limit_max_us: The longest limit of a hold, in microseconds.
    """

    by_name: Mapping[str, Rule]
    triggers: Mapping[IndexKey, tuple[Rule, ...]]
    watched: Mapping[IndexKey, tuple[Watched, ...]]
    schedules: tuple[Rule, ...]
    final: frozenset[str]
    calendar: Calendar
    limit_max_us: int


def index_of(rules: tuple[Rule, ...], calendar: Calendar, names: Names) -> Index:
    """Arrange rules for being asked."""
    triggers: dict[IndexKey, list[Rule]] = {}
    depths: dict[str, Watched] = {}
    for rule in rules:
        if rule.trigger.pattern is not None:
            for key in rule.trigger.pattern.index_keys():
                triggers.setdefault(key, []).append(rule)
        for window in rule.windows:
            known = depths.get(window.pattern.text)
            depth = window.at_least if known is None else max(window.at_least, known.depth)
            depths[window.pattern.text] = Watched(window.pattern, depth)
    watched: dict[IndexKey, list[Watched]] = {}
    for one in depths.values():
        for key in one.pattern.index_keys():
            watched.setdefault(key, []).append(one)
    return Index(
        {rule.name: rule for rule in rules},
        {key: tuple(found) for key, found in triggers.items()},
        {key: tuple(found) for key, found in watched.items()},
        tuple(rule for rule in rules if rule.trigger.schedule is not None and rule.enabled),
        frozenset(name for name, state in names.machine.states.items() if state.final),
        calendar,
        round(names.limit_max_s * 1_000_000),
    )
