"""What rules do: the actions of a decision, which the engine carries out in their order."""

from typing import ClassVar, Literal

from attrs import frozen

from hookflash.machines.rules.facts import RULE_ACTOR

ActionName = Literal["hold", "unhold", "expire", "extend_limit", "notify", "annotate", "call"]

STATE_ACTIONS: frozenset[str] = frozenset({"hold", "unhold", "expire", "extend_limit"})
"""Actions that change the interaction: of two that differ on one event, only the first counts."""

COUNTED_ACTIONS: frozenset[str] = STATE_ACTIONS | {"call"}
"""Actions that may cause further events, and so count against the bound on loops."""

COMMANDS: frozenset[str] = frozenset({"hold", "unhold"})
"""Actions that end with an outcome."""


@frozen
class RuleAction:
    """An action: the part common to all.

    Attributes:
        rule: The name of the rule that wants it.
    """

    name: ClassVar[ActionName]
    rule: str

    @property
    def actor(self) -> str:
        """The actor under which commands, audit lines and events name it."""
        return RULE_ACTOR + self.rule

    def text(self) -> str:
        """Say what it is, for people."""
        return self.name

    def is_same(self, other: "RuleAction") -> bool:
        """Say whether *other* would do the same, whichever rule wants it."""
        return type(self) is type(other) and self.text() == other.text()


@frozen
class HoldAction(RuleAction):
    """Put the caller on hold.

    Attributes:
        reason: The hold reason.
        priority: Resume priority, 0 to 9.
        music: Hold music; None leaves it to the gateway.
        prompt: Hold prompt; None leaves it to the gateway.
    """

    name: ClassVar[ActionName] = "hold"
    reason: str
    priority: int
    music: str | None = None
    prompt: str | None = None

    def text(self) -> str:
        """Say what it is, for people."""
        return f"hold, reason {self.reason}, priority {self.priority}"


@frozen
class UnholdAction(RuleAction):
    """Take the caller off hold.

    Attributes:
        priority: Resume priority, 0 to 9.
        force: Release an expired hold although its policy asks for a decision: the rule is it.
    """

    name: ClassVar[ActionName] = "unhold"
    priority: int
    force: bool = False

    def text(self) -> str:
        """Say what it is, for people."""
        return f"unhold, priority {self.priority}{', forced' if self.force else ''}"


@frozen
class ExpireAction(RuleAction):
    """Let the hold count as past its limit now."""

    name: ClassVar[ActionName] = "expire"


@frozen
class ExtendLimitAction(RuleAction):
    """Give the hold another limit.

    Attributes:
        limit_s: The new limit, in seconds from the hold's start; what `LimitChanged` takes.
    """

    name: ClassVar[ActionName] = "extend_limit"
    limit_s: float

    def text(self) -> str:
        """Say what it is, for people."""
        return f"extend_limit to {self.limit_s:g} s"


@frozen
class NotifyAction(RuleAction):
    """Tell somebody.

    Attributes:
        to: The name of a monitor or a webhook.
        message: The message.
    """

    name: ClassVar[ActionName] = "notify"
    to: str
    message: str

    def text(self) -> str:
        """Say what it is, for people."""
        return f"notify {self.to}: {self.message}"


@frozen
class AnnotateAction(RuleAction):
    """Write a remark into the journal and the audit log.

    Attributes:
        remark: The remark.
    """

    name: ClassVar[ActionName] = "annotate"
    remark: str

    def text(self) -> str:
        """Say what it is, for people."""
        return f"annotate: {self.remark}"


@frozen
class CallAction(RuleAction):
    """Call a Python function that the embedding program registered.

    Attributes:
        function: The name under which it was registered.
        arguments: Its arguments by name, in the order of the file.
    """

    name: ClassVar[ActionName] = "call"
    function: str
    arguments: tuple[tuple[str, str | int | float | bool], ...] = ()

    def text(self) -> str:
        """Say what it is, for people."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments)
        return f"call {self.function}({given})"


Action = (
    HoldAction
    | UnholdAction
    | ExpireAction
    | ExtendLimitAction
    | NotifyAction
    | AnnotateAction
    | CallAction
)
ACTIONS: tuple[type[RuleAction], ...] = (
    HoldAction,
    UnholdAction,
    ExpireAction,
    ExtendLimitAction,
    NotifyAction,
    AnnotateAction,
    CallAction,
)
"""Every action that the engine can carry out."""
