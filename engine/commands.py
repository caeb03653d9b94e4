"""Commands: what callers ask for, checked before anything is sent, and what they get."""

import re
from typing import Any

import trio
from attrs import define, frozen

from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import COMMAND_ERRORS, HoldRefused, HookflashError, RateLimited
from hookflash.machines.events import HoldRequested, UnholdRequested
from hookflash.machines.instants import Instant, seconds_between
from hookflash.machines.interaction import Action, Facts
from hookflash.machines.rules.facts import RULE_ACTOR

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RESERVED_ACTORS = frozenset({"foreign", "limit"})
"""Who acts without a command of a caller: somebody else at the gateway, and the limit itself."""

_ACTOR_LENGTH_MAX = 128

_TEXT_LENGTH_MAX = 1024
"""Bound on hold music and prompt: names of resources, not documents."""


@frozen
class CommandResult:
    """A command that succeeded.

    Attributes:
        status: Always `success`; failures raise.
        outcome: `confirmed`, `confirmed_by_lookup` or `already`.
        latency_s: Seconds from the call to the answer.
        correlation_id: The id under which it stands in journal and audit log.
        interaction_id: The interaction.
        state: Its state after the command.
    """

    status: str
    outcome: str
    latency_s: float
    correlation_id: str
    interaction_id: str
    state: str


@define(eq=False)
class Command:
    """A command on its way through the engine.

    Attributes:
        action: What it asks for.
        interaction_id: The interaction.
        correlation_id: Its name, and the id of its first frame.
        requested_at: When the caller asked.
        priority: Resume priority, 0 to 9; None only for a command that is invalid for it.
        reason: The hold reason; None for an unhold.
        music: Hold music; None leaves it to the gateway.
        prompt: Hold prompt; None leaves it to the gateway.
        force: Release an expired hold whatever its policy.
        actor: Who asks.
        fed: Whether the machine has seen it.
        lookup_error: Why the last lookup that it waited for failed; None where none did.
        cause: Why the desk ended it unsent; None where it did not. It says more than the journal,
            from which the caller's error is made: what to do about it.
        ended: Its end; None while it is under way, and for good where a later run of the program
            will find out.
        done: Set when it ended, or when nobody here will learn how.
    """

    action: Action
    interaction_id: str
    correlation_id: str
    requested_at: Instant
    priority: int | None
    reason: str | None = None
    music: str | None = None
    prompt: str | None = None
    force: bool = False
    actor: str = "caller"
    fed: bool = False
    lookup_error: HookflashError | None = None
    cause: HookflashError | None = None
    ended: EndCommand | None = None
    done: trio.Event | None = None

    def request(self, at: Instant, facts: Facts | None) -> HoldRequested | UnholdRequested:
        """Return the event that gives the command to the machine."""
        priority = self.priority or 0
        if self.action == "hold":
            return HoldRequested(
                at,
                self.correlation_id,
                self.requested_at,
                self.reason or "",
                priority,
                self.music,
                self.prompt,
                self.actor,
                facts,
            )
        return UnholdRequested(
            at, self.correlation_id, self.requested_at, priority, self.force, self.actor, facts
        )

    def end(self, ended: EndCommand) -> None:
        """Note its end and wake the caller, if one waits."""
        self.ended = ended
        self.leave()

    def leave(self) -> None:
        """Wake the caller, if one waits, whether or not there is an end to tell."""
        if self.done is not None:
            self.done.set()


def result_of(
    ended: EndCommand, interaction_id: str, cause: HookflashError | None = None
) -> CommandResult:
    """Return what the caller gets for a command that ended.

    Args:
        ended: Its end.
        interaction_id: The interaction.
        cause: The error for which the desk ended it; None where there is none.

    Raises:
        CommandError: The error that the end names, with its parts.
    """
    latency_s = seconds_between(ended.requested_at, ended.at)
    if ended.error is None:
        return CommandResult(
            "success",
            ended.outcome,
            latency_s,
            ended.correlation_id,
            interaction_id,
            ended.state or "",  # never empty: a success knows the state
        )
    cls = COMMAND_ERRORS.get(ended.error, HoldRefused)
    parts: dict[str, Any] = {
        "interaction_id": interaction_id,
        "correlation_id": ended.correlation_id,
        "outcome": ended.outcome,
        "state": ended.state,
        "latency_s": latency_s,
    }
    advice = "" if cause is None else cause.advice
    if ended.error == "RateLimited":
        wait_s = ended.retry_after_s
        if wait_s is None and isinstance(cause, RateLimited):
            wait_s = cause.retry_after_s
        parts["retry_after_s"] = wait_s
        if wait_s is not None:
            advice = f"wait {wait_s:g} s"
    raise cls(f"{ended.action} failed: {ended.message or ended.outcome}", advice=advice, **parts)


def problems_of(
    *,
    interaction_id: object,
    priority: object,
    reason: object = None,
    reasons: tuple[str, ...] | None = None,
    music: object = None,
    prompt: object = None,
    force: object = False,
    actor: object = "caller",
    deadline_s: object = None,
) -> list[str]:
    """Name every field of a command that the protocol does not allow, and why.

    Args:
        interaction_id: Must be a UUID as text.
        priority: Must be a whole number from 0 to 9; no text, no 5.0, no bool.
        reason: Must be one of *reasons*, where these are given.
        reasons: The hold reasons allowed; None for an unhold, which has no reason.
        music: Text, or None.
        prompt: Text, or None.
        force: Must be a bool.
        actor: Text, and none of the names that the engine itself uses.
        deadline_s: Seconds, more than 0; or None.

    Returns:
        One sentence per bad field; empty where all are good.
    """
    problems: list[str] = []
    if (wrong_id := id_problem(interaction_id)) is not None:
        problems.append(wrong_id)
    if priority_of(priority) is None:
        problems.append(f"the priority {_shown(priority)} is no whole number from 0 to 9")
    if not isinstance(force, bool):
        problems.append(f"force must be True or False, is {_shown(force)}")
    if reasons is not None and (not isinstance(reason, str) or reason not in reasons):
        problems.append(f"the reason {_shown(reason)} is not one of {', '.join(reasons)}")
    for name, text in (("music", music), ("prompt", prompt)):
        if text is not None and not _is_text(text, _TEXT_LENGTH_MAX):
            problems.append(
                f"the hold {name} is no text of 1 to {_TEXT_LENGTH_MAX} printable characters"
            )
    if not _is_text(actor, _ACTOR_LENGTH_MAX):
        problems.append(f"the actor is no text of 1 to {_ACTOR_LENGTH_MAX} printable characters")
    elif is_reserved(actor):
        problems.append(f"the actor {_shown(actor)} is the engine's own")
    if deadline_s is not None and not _is_duration(deadline_s):
        problems.append(f"the deadline {_shown(deadline_s)} is no number of seconds above 0")
    return problems


def is_reserved(actor: object) -> bool:
    """Tell an actor that only the engine names."""
    return actor in RESERVED_ACTORS or (isinstance(actor, str) and actor.startswith(RULE_ACTOR))


def _is_text(value: object, length_max: int) -> bool:
    """Tell text that can be written anywhere: no control characters, no lone surrogates."""
    return isinstance(value, str) and 0 < len(value) <= length_max and value.isprintable()


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def id_problem(interaction_id: object) -> str | None:
    """Say why something is no interaction id, without repeating it; None where it is one."""
    if not isinstance(interaction_id, str):
        kind = type(interaction_id).__name__
        return f"the interaction id must be a UUID as text, is of type {kind}"
    return None if _UUID.fullmatch(interaction_id) else "the interaction id is no UUID"


def priority_of(value: object) -> int | None:
    """Return *value* as a resume priority; None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9:
        return value
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
