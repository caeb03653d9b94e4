"""hookflash: hold orchestration for contact centres on Genesys Cloud.

Every caller on hold is an explicit state machine; nobody is forgotten on hold, and every hold can
be explained afterwards. The names below are the whole public surface; heavy parts are imported
when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hookflash.machines.errors import (
    CommandBusy,
    CommandError,
    ConfigurationError,
    GatewayUnavailable,
    HoldRefused,
    HookflashError,
    InvalidCommand,
    JournalError,
    MalformedRecord,
    MaximumHoldExceeded,
    NotAuthorized,
    NotEligible,
    OutcomeUnknown,
    RateLimited,
    SpecError,
)

if TYPE_CHECKING:
    from hookflash.adapters import blocking
    from hookflash.adapters.composition import open_controller
    from hookflash.adapters.rules_files import load_rules
    from hookflash.adapters.settings import Settings, load_settings
    from hookflash.adapters.specifications import load_machine, shipped_machines
    from hookflash.engine.commands import CommandResult
    from hookflash.engine.controller import Controller
    from hookflash.engine.metrics import MetricsSnapshot
    from hookflash.engine.snapshots import InteractionSnapshot
    from hookflash.machines.hold_data import Hold
    from hookflash.machines.interaction import Interaction
    from hookflash.machines.machine import Machine, Step
    from hookflash.machines.policy import GroupPolicy, HoldPolicy
    from hookflash.machines.rules.decision import Decision
    from hookflash.machines.rules.facts import RuleEvent, RuleFacts, RuleTimerFired
    from hookflash.machines.rules.memory import RuleMemory
    from hookflash.machines.rules.ruleset import Rules, RulesDiff

_LAZY = {
    "Controller": "hookflash.engine.controller",
    "CommandResult": "hookflash.engine.commands",
    "Decision": "hookflash.machines.rules.decision",
    "GroupPolicy": "hookflash.machines.policy",
    "Hold": "hookflash.machines.hold_data",
    "HoldPolicy": "hookflash.machines.policy",
    "Interaction": "hookflash.machines.interaction",
    "InteractionSnapshot": "hookflash.engine.snapshots",
    "Machine": "hookflash.machines.machine",
    "MetricsSnapshot": "hookflash.engine.metrics",
    "RuleEvent": "hookflash.machines.rules.facts",
    "RuleFacts": "hookflash.machines.rules.facts",
    "RuleMemory": "hookflash.machines.rules.memory",
    "RuleTimerFired": "hookflash.machines.rules.facts",
    "Rules": "hookflash.machines.rules.ruleset",
    "RulesDiff": "hookflash.machines.rules.ruleset",
    "Settings": "hookflash.adapters.settings",
    "Step": "hookflash.machines.machine",
    "load_machine": "hookflash.adapters.specifications",
    "load_rules": "hookflash.adapters.rules_files",
    "load_settings": "hookflash.adapters.settings",
    "open_controller": "hookflash.adapters.composition",
    "shipped_machines": "hookflash.adapters.specifications",
}

__version__ = "0.1.0"

__all__ = [
    "CommandBusy",
    "CommandError",
    "CommandResult",
    "ConfigurationError",
    "Controller",
    "Decision",
    "GatewayUnavailable",
    "GroupPolicy",
    "Hold",
    "HoldPolicy",
    "HoldRefused",
    "HookflashError",
    "Interaction",
    "InteractionSnapshot",
    "InvalidCommand",
    "JournalError",
    "Machine",
    "MalformedRecord",
    "MaximumHoldExceeded",
    "MetricsSnapshot",
    "NotAuthorized",
    "NotEligible",
    "OutcomeUnknown",
    "RateLimited",
    "RuleEvent",
    "RuleFacts",
    "RuleMemory",
    "RuleTimerFired",
    "Rules",
    "RulesDiff",
    "Settings",
    "SpecError",
    "Step",
    "__version__",
    "blocking",
    "load_machine",
    "load_rules",
    "load_settings",
    "open_controller",
    "shipped_machines",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attributes are of any type
    if name == "blocking":
        return import_module("hookflash.adapters.blocking")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'hookflash' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
