"""Facts and events out of the hold machine itself: what the engine tells rules after each step."""

from typing import Any

from tests.machines.rules.worlds import BEGIN, SECOND, one_rule, rules_of

from hookflash.adapters.rules_files import names_of
from hookflash.adapters.specifications import load_machine
from hookflash.machines import events as ev
from hookflash.machines.instants import Instant
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.facts import RuleEvent, RuleFacts, event_of, facts_of
from hookflash.machines.rules.memory import NO_MEMORY
from hookflash.machines.rules.schema import rules_schema, schema_text


def at(seconds: float) -> Instant:
    """Return an instant so long after the beginning."""
    return Instant(BEGIN + round(seconds * SECOND))


class Played:
    """The hold machine with rules beside it, asked after each step as the engine asks them."""

    def __init__(self, text: str, policy: HoldPolicy | None = None) -> None:
        self.rules = rules_of(text)
        self.machine = load_machine("hold", policy)
        self.interaction: Any = self.machine.start("interaction-1")
        self.memory = NO_MEMORY
        self.events: list[RuleEvent] = []

    def step(self, event: Any) -> Decision:
        """Step the machine and ask the rules."""
        before = self.interaction.state
        step = self.machine.step(self.interaction, event)
        self.interaction = step.interaction
        told = event_of(before, event, step)
        self.events.append(told)
        decision = self.rules.evaluate(facts_of(self.interaction, "org-1"), told, self.memory)
        self.memory = decision.memory
        return decision


def test_a_command_as_rules_see_it() -> None:
    """The request with its actor, the sending, the acknowledgement with the outcome."""
    played = Played(
        one_rule(
            "{ outcome = 'confirmed', action = 'hold', actor = 'caller' }",
            'condition = \'hold.reason == "consultation" && interaction.org == "org-1"\'',
        )
    )
    requested = ev.HoldRequested(at(0), "id-1", at(0), "consultation", 5)
    assert () == played.step(requested).actions
    assert () == played.step(ev.Sent(at(1), "id-1")).actions
    assert 1 == len(played.step(ev.Acknowledged(at(2), "id-1")).actions)
    assert [
        RuleEvent(at(0), "hold_requested", "active", "hold_pending", "caller"),
        RuleEvent(at(1), "sent", "hold_pending", "hold_pending"),
        RuleEvent(at(2), "acknowledged", "hold_pending", "held", "caller", "confirmed", "hold"),
    ] == played.events
    facts = facts_of(played.interaction)
    assert isinstance(facts, RuleFacts)
    assert (None, None) == (facts.org, facts.skill_group)
    assert facts.hold is played.interaction.data.hold


def test_holds_of_others_warnings_and_alarms() -> None:
    """Somebody else's hold has the actor `foreign`; notices and alarms are named."""
    policy = HoldPolicy(limit_s=100, on_limit="expire")
    played = Played(one_rule("{ alarm = 'hold_expired' }"), policy)
    played.step(ev.ObservedHeld(at(0), at(0), "frame", "id-1"))
    hold = played.interaction.data.hold
    played.step(ev.WarningTimerFired(at(80), hold.id, "id-2"))
    assert 1 == len(played.step(ev.LimitTimerFired(at(100), hold.id, "id-3")).actions)
    held, warned, expired = played.events
    assert ("foreign", "hold", "held") == (held.actor, held.action, held.state_to)
    assert ("warning", "") == (warned.notice, warned.alarm)
    assert ("hold_expired", "expired") == (expired.alarm, expired.state_to)


def test_a_refused_command_has_its_error() -> None:
    """An eligibility that fails is an outcome as any other."""
    played = Played(one_rule("{ outcome = 'expired' }"), HoldPolicy(on_limit="expire", limit_s=10))
    played.step(ev.ObservedHeld(at(0), at(0), "frame", "id-1"))
    hold = played.interaction.data.hold
    played.step(ev.LimitTimerFired(at(10), hold.id, "id-2"))
    decision = played.step(ev.UnholdRequested(at(11), "id-3", at(11), 5, actor="rule:other"))
    assert 1 == len(decision.actions)
    last = played.events[-1]
    assert ("rule:other", "expired", "unhold", "MaximumHoldExceeded") == (
        last.actor,
        last.outcome,
        last.action,
        last.error,
    )


def test_the_schema_is_written_as_the_file_has_it() -> None:
    """Indented JSON with an end of line."""
    text = schema_text(names_of())
    assert text.endswith("}\n")
    assert "Rules of hookflash" == rules_schema(names_of())["title"]
