"""What rules say to the world, beside commands."""

from attrs import frozen

from hookflash.machines.instants import Instant
from hookflash.machines.rules.facts import RULE_ACTOR


@frozen
class Remark:
    """A remark of a rule, for the audit log.

    Attributes:
        at: When the rule left it.
        correlation_id: Its id, that of the planned action.
        rule: The rule.
        text: The remark.
        state: The interaction's state.
    """

    at: Instant
    correlation_id: str
    rule: str
    text: str
    state: str

    @property
    def actor(self) -> str:
        """Who left it, as the audit log has it."""
        return RULE_ACTOR + self.rule


@frozen
class RuleNotice:
    """A message of a rule to somebody.

    Attributes:
        at: When the rule decided on it.
        id: Its id: whoever is told twice, because the process died in between, knows it by that.
        rule: The rule; empty for what concerns all of them.
        to: The name of the monitor; None for all of them.
        message: The message.
    """

    at: Instant
    id: str
    rule: str
    to: str | None
    message: str


@frozen
class RuleCall:
    """A call that a rule wants; a function that has a parameter `rule_call` is given it.

    Attributes:
        at: When the rule decided on it.
        id: Its id: after a crash the same call may come twice, with the same id.
        rule: The rule.
        interaction_id: The interaction.
        function: The name under which the function is registered.
    """

    at: Instant
    id: str
    rule: str
    interaction_id: str
    function: str
