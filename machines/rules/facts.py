"""What rules are told: the facts about an interaction, and what has just happened to it."""

from typing import Any

from attrs import frozen

from hookflash.machines.effects import EndCommand, NoteForeign, RaiseAlarm, Warn
from hookflash.machines.hold_data import Hold, HoldInteraction
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Step
from hookflash.machines.making import maker
from hookflash.machines.redaction import redact

RULES_LOADED = "rules_loaded"
"""The event that carries an interaction over to other rules."""

RULE_ACTOR = "rule:"
"""What the actor of a rule's command begins with; the rule's name follows."""


@frozen(weakref_slot=False)
class RuleFacts:
    """What is known of an interaction when its rules are asked.

    Attributes:
        id: The gateway's id of it.
        state: A state of the machine.
        hold: The hold that is going on; None where nobody is held.
        skill_group: The skill group's id; None while it is not known.
        org: The organisation's id; None while it is not known.
    """

    id: str
    state: str
    hold: Hold | None = None
    skill_group: str | None = None
    org: str | None = None


@frozen(weakref_slot=False)
class RuleEvent:
    """What has just happened: one step of the machine with all that it brought.

    Attributes:
        at: When.
        name: The event's name in the machine's definition, or one of the file's `[events]`.
        state_from: The state before; empty where the event is about none.
        state_to: The state after.
        actor: Who caused it; empty where nobody did.
        outcome: The outcome of the command that ended with it; empty where none did.
        action: What that command asked for.
        error: The name of the error that its caller got.
        notice: `warning` or `limit_passed`, where the machine gave one; else empty.
        alarm: `release_failed`, `release_unconfirmed` or `hold_expired`, where the machine raised
            one; else empty.
    """

    at: Instant
    name: str
    state_from: str = ""
    state_to: str = ""
    actor: str = ""
    outcome: str = ""
    action: str = ""
    error: str = ""
    notice: str = ""
    alarm: str = ""


@frozen(weakref_slot=False)
class RuleTimerFired:
    """A timer that a decision started is due.

    Attributes:
        at: When the engine took it up; not before it was due.
        name: The timer's name.
        owner: The timer's owner; that of a timer set anew meanwhile is another.
    """

    at: Instant
    name: str
    owner: str


make_rule_facts = maker(RuleFacts)
make_rule_event = maker(RuleEvent)
"""These make the same as the classes, in less time; the engine makes both after every step."""


def facts_of(interaction: HoldInteraction, org: str | None = None) -> RuleFacts:
    """Return the facts about an interaction of the hold machine.

    Args:
        interaction: The interaction, after the step that the rules are asked about.
        org: Its organisation, where a lookup gave it.
    """
    data = interaction.data
    return make_rule_facts(
        interaction.id, interaction.state, data.hold, data.skill_group_id or None, org
    )


def event_of(before: str, event: Any, step: Step[Any]) -> RuleEvent:  # noqa: ANN401 - any machine's
    """Return what a step of the hold machine was, as rules see it.

    Args:
        before: The state before the step.
        event: The event that was stepped.
        step: What it did.

    Returns:
        The event with the outcome, the notice and the alarm among its effects. Where one step
        ended a command and told of somebody else's hold, the command counts.
    """
    # As recordings have it, so that a replay puts the same question.
    actor: str = redact(getattr(event, "actor", ""))
    outcome, action, error, notice, alarm = "", "", "", "", ""
    for effect in step.effects:
        kind: Any = effect.__class__
        if kind is EndCommand:
            outcome, error = effect.outcome, effect.error or ""
            action, actor = effect.action, redact(effect.actor)
        elif kind is NoteForeign and not outcome:
            action, actor = effect.action, "foreign"
        elif kind is Warn:
            notice = effect.notice
        elif kind is RaiseAlarm:
            alarm = effect.alarm
    return make_rule_event(
        event.at,
        step.transition.event,
        before,
        step.interaction.state,
        actor,
        outcome,
        action,
        error,
        notice,
        alarm,
    )
