"""Every error that hookflash raises on purpose.

One root, `HookflashError`. Each class says whose fault it is (`fault`), which exit code the
command line gives it (`exit_code`) and, in each instance, what to do (`advice`). The parts of the
message are attributes, so that a program need not parse text. All survive `copy` and `pickle`.
"""

from typing import Any, ClassVar, Literal, Self

Fault = Literal["caller", "gateway", "configuration", "world", "hookflash"]


class HookflashError(Exception):
    """The root of all errors of this package.

    Args:
        message: What went wrong, in one line, with the place in it where there is one.
        advice: What to do about it, in one sentence. Empty where the message says it already.
        **parts: What the message is made of; each becomes an attribute.
    """

    fault: ClassVar[Fault] = "hookflash"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, advice: str = "", **parts: Any) -> None:  # noqa: ANN401 - each class declares its own
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.parts = parts
        for name, value in parts.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.advice, self.parts)

    def __str__(self) -> str:
        return f"{self.message} ({self.advice})" if self.advice else self.message

    @classmethod
    def rebuilt(cls, message: str, advice: str, parts: dict[str, Any]) -> Self:
        """Make the error again from what `__reduce__` gave."""
        return cls(message, advice=advice, **parts)


def _rebuild(
    cls: type[HookflashError], message: str, advice: str, parts: dict[str, Any]
) -> HookflashError:
    return cls.rebuilt(message, advice, parts)


# --- what a user wrote --------------------------------------------------------------------------


class ConfigurationError(HookflashError):
    """A setting is missing, unknown or out of range; `source` names where it was given."""

    fault: ClassVar[Fault] = "configuration"
    exit_code = 2
    source: str


class SpecError(HookflashError):
    """A machine's definition is not usable; `place` names the file, the line and the table."""

    fault: ClassVar[Fault] = "configuration"
    exit_code = 2
    place: str


class MalformedRecord(HookflashError):
    """A line of a file or a frame of the wire is not what its schema says; `place` says where."""

    fault: ClassVar[Fault] = "world"
    exit_code = 2
    place: str


class JournalError(HookflashError):
    """Journal or audit log cannot be opened or written: locked, of another gateway, disk full."""

    fault: ClassVar[Fault] = "world"
    exit_code = 1
    path: str


# --- commands -----------------------------------------------------------------------------------


class CommandError(HookflashError):
    """A command did not end as asked.

    Attributes:
        interaction_id: The interaction that was meant.
        correlation_id: The id under which the command stands in journal and audit log; None where
            none was drawn.
        outcome: The outcome as the audit log has it.
        state: The state of the interaction after the command; None where it is not known.
        latency_s: Seconds from the caller's call to this answer; None where nothing was measured.
    """

    fault: ClassVar[Fault] = "caller"
    interaction_id: str
    correlation_id: str | None = None
    outcome: str = "refused"
    state: str | None = None
    latency_s: float | None = None


class InvalidCommand(CommandError):
    """A field of the command is not what the protocol allows; nothing was sent."""

    exit_code = 2
    outcome = "invalid"


class NotEligible(CommandError):
    """The interaction is closed, unknown, of another org, or its skill group is not allowed."""

    outcome = "ineligible"


class HoldRefused(CommandError):
    """The gateway refused the command, or a lookup proved that it was not carried out."""

    fault: ClassVar[Fault] = "gateway"


class MaximumHoldExceeded(CommandError):
    """The hold is past its limit and the policy asks for somebody's decision: use `force`."""

    outcome = "expired"


class CommandBusy(CommandError):
    """Another command of this interaction is under way and no more can be queued: try later."""


class RateLimited(CommandError):
    """The gateway's own rate limit refused the command: wait `retry_after_s` and ask again."""

    fault: ClassVar[Fault] = "gateway"
    retry_after_s: float | None = None


class OutcomeUnknown(CommandError):
    """The command was sent, but its deadline passed before its outcome was known.

    The engine goes on asking the gateway until it knows; look at the interaction's state later.
    """

    fault: ClassVar[Fault] = "gateway"
    exit_code = 4
    outcome = "unknown"


class GatewayUnavailable(CommandError):
    """The gateway could not be reached in time; nothing was sent."""

    fault: ClassVar[Fault] = "gateway"
    exit_code = 3
    outcome = "unavailable"


class NotAuthorized(GatewayUnavailable):
    """The gateway does not accept the credentials or the scopes (401, 403)."""

    fault: ClassVar[Fault] = "configuration"


COMMAND_ERRORS: dict[str, type[CommandError]] = {
    cls.__name__: cls
    for cls in (
        InvalidCommand,
        NotEligible,
        HoldRefused,
        MaximumHoldExceeded,
        CommandBusy,
        RateLimited,
        OutcomeUnknown,
        GatewayUnavailable,
        NotAuthorized,
    )
}
"""By name, as machines and recordings name them."""
