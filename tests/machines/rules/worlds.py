"""What the tests of rules share: rules out of text, and an interaction on made-up time."""

from functools import cache
from typing import Any

from attrs import evolve

from hookflash.adapters.rules_files import names_of
from hookflash.machines.hold_data import Hold
from hookflash.machines.instants import Instant
from hookflash.machines.rules.facts import RuleEvent, RuleFacts
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.rules.scenario import Scenario
from hookflash.machines.rules.vocabulary import Names

SECOND = 1_000_000
MINUTE = 60 * SECOND
BEGIN = Instant(1_793_613_600_000_000)
"""Monday, 2 November 2026, 10:00 UTC."""

NOTE = "actions = [ { action = 'annotate', text = 'noted' } ]"


@cache
def names() -> Names:
    """The names of the hold machine."""
    return names_of()


def rules_of(text: str, **changes: Any) -> Rules:
    """Parse rules."""
    return parse_rules(text, "rules.toml", evolve(names(), **changes))


def one_rule(trigger: str, *parts: str, actions: str = NOTE, name: str = "one") -> str:
    """Return the text of a rule."""
    lines = ["[[rule]]", f"name = '{name}'", f"trigger = {trigger}", *parts, actions, ""]
    return "\n".join(lines)


def scene(text: str, **given: Any) -> Scenario:
    """Return an interaction with rules."""
    return Scenario(rules_of(text), BEGIN, **given)


def pass_time(scenario: Scenario, seconds: float) -> None:
    """Let time pass."""
    scenario.run_until(Instant(scenario.at + round(seconds * SECOND)))


def done(scenario: Scenario) -> list[str]:
    """What the rules did, with the seconds from the beginning."""
    return [
        f"{(one.at - BEGIN) / SECOND:g} {one.action.rule}: {one.action.text()}"
        for one in scenario.taken
    ]


def held(**changes: Any) -> RuleFacts:
    """Return the facts of an interaction on hold since the beginning."""
    hold = Hold(
        "hold-1",
        BEGIN,
        Instant(BEGIN + 900 * SECOND),
        "release",
        changes.pop("foreign", False),
        reason=changes.pop("reason", "consultation"),
    )
    return RuleFacts("interaction-1", "held", hold, **changes)


def confirmed(at: int = BEGIN) -> RuleEvent:
    """Return the event by which a hold begins."""
    return RuleEvent(
        Instant(at), "acknowledged", "hold_pending", "held", "caller", "confirmed", "hold"
    )
