"""The names that rules use: outcomes, notices, and those that their surroundings give."""

from attrs import frozen

from hookflash.machines.policy import LIMIT_MAX_S
from hookflash.machines.spec import Spec

OUTCOMES = (
    "confirmed",
    "confirmed_by_lookup",
    "already",
    "refused",
    "not_applied",
    "ineligible",
    "invalid",
    "expired",
    "unavailable",
    "unknown",
)
"""The outcomes of the audit log."""

NOTICES = ("warning", "limit_passed")
ALARMS = ("release_failed", "release_unconfirmed", "hold_expired")
COMMANDS = ("hold", "unhold")


@frozen
class Names:
    """The names that a rules file may use.

    Attributes:
        machine: The definition of the machine: its states and events.
        monitors: Names of monitors and webhooks that `notify` may name; None where they are not
            known, as for a file that is checked by itself.
        functions: Names of functions that `call` may name; None as for monitors.
        reasons: Hold reasons that the policy allows; None as for monitors.
        limit_max_s: The longest limit that `extend_limit` may set, in seconds from a hold's start.
    """

    machine: Spec
    monitors: frozenset[str] | None = None
    functions: frozenset[str] | None = None
    reasons: frozenset[str] | None = None
    limit_max_s: float = LIMIT_MAX_S
