"""What rules decided about one event, as the journal keeps it, and what that leaves of them.

A decision becomes a ruling when the engine has given each action an id. Whoever follows a journal
uses the same functions as the engine does, so that both know the same of every interaction.
"""

from collections.abc import Collection
from typing import Any, cast

import attrs
from attrs import frozen

from hookflash.machines.errors import MalformedRecord
from hookflash.machines.events import (
    CommandAbandoned,
    ExpireRequested,
    HoldRequested,
    LimitChanged,
    UnholdRequested,
)
from hookflash.machines.redaction import redact
from hookflash.machines.rules.actions import (
    ACTIONS,
    Action,
    AnnotateAction,
    CallAction,
    ExpireAction,
    ExtendLimitAction,
)
from hookflash.machines.rules.facts import RULES_LOADED, RuleEvent
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.trace import Trace
from hookflash.machines.rules.written import as_journaled, as_read, as_written, without_secrets

_COMMAND_EVENTS = (HoldRequested, UnholdRequested, CommandAbandoned)
_CLASSES: dict[str, type[Any]] = {cls.name: cls for cls in ACTIONS}


@frozen(weakref_slot=False)
class PlannedAction:
    """An action of a rule, with the name by which it is known for ever.

    Attributes:
        id: Drawn by the engine: the correlation id of a command, and the id by which whoever is
            told or called knows a repeat after a crash.
        action: The action.
    """

    id: str
    action: Action

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold; what is as by default is left out."""
        action = self.action
        written: dict[str, Any] = {"id": self.id, "action": action.name}
        written |= as_written(action)
        if isinstance(action, CallAction) and action.arguments:
            written["arguments"] = {name: _without_number(one) for name, one in action.arguments}
        return written

    def journaled(self) -> dict[str, Any]:
        """Return the same without anything that looks like a secret."""
        written: dict[str, Any] = without_secrets(self.to_json())
        return written

    @classmethod
    def from_json(cls, written: object, path: str = "$") -> "PlannedAction":
        """Return the action that `to_json` wrote.

        Args:
            written: What a file held.
            path: Where in the document it stands, for messages.

        Raises:
            MalformedRecord: *written* is no such thing; the message says where and why.
        """
        fields = _object(written, path, {"id", "action"}, None)
        action_id, name = fields.pop("id"), fields.pop("action")
        if not isinstance(action_id, str):
            raise _malformed(f"{path}.id", "expected text")
        if not isinstance(name, str) or name not in _CLASSES:
            raise _malformed(f"{path}.action", f"expected one of {', '.join(map(repr, _CLASSES))}")
        if name == CallAction.name and "arguments" in fields:
            arguments = _object(fields["arguments"], f"{path}.arguments", set(), None)
            fields["arguments"] = [list(item) for item in arguments.items()]
        action: Action = as_read(_CLASSES[name], fields, path, "action")
        return cls(action_id, action)


@frozen(weakref_slot=False)
class RuleState:
    """What the engine keeps of an interaction for its rules.

    Attributes:
        memory: What the rules remember.
        open: The actions that were decided on and are not known to have been carried out: after a
            crash they are taken up again.
        under: The digest of the rules that it was last carried over to; empty for not known.
        org: The interaction's organisation, as far as rules were told it; None for not known.
    """

    memory: RuleMemory = NO_MEMORY
    open: tuple[PlannedAction, ...] = ()
    under: str = attrs.field(default="", eq=False)
    org: str | None = attrs.field(default=None, eq=False)

    @property
    def waits(self) -> bool:
        """Whether something depends on it: a timer, a command under way, an open action.

        The next time of a schedule is none: it is found anew when the interaction is heard of.
        """
        memory = self.memory
        return bool(
            memory.runs
            or memory.queue
            or self.open
            or any(wait.kind != "schedule" for wait in memory.waits)
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        written: dict[str, Any] = {"memory": as_journaled(self.memory)}
        if self.open:
            written["open"] = [one.journaled() for one in self.open]
        if self.org is not None:
            written["org"] = redact(self.org)
        if self.under:  # a hash: what looks like a number in it is none
            written["under"] = self.under
        return written

    @classmethod
    def from_json(cls, written: object, path: str = "$") -> "RuleState":
        """Return the state that `to_json` wrote.

        Args:
            written: What a file held.
            path: Where in the document it stands, for messages.

        Raises:
            MalformedRecord: *written* is no such thing; the message says where and why.
        """
        known = _object(written, path, {"memory"}, {"open", "under", "org"})
        memory = RuleMemory.from_json(known["memory"], f"{path}.memory")
        under, org = known.get("under", ""), known.get("org")
        if not isinstance(under, str):
            raise _malformed(f"{path}.under", "expected text")
        if not isinstance(org, str | None):
            raise _malformed(f"{path}.org", "expected text")
        return cls(memory, _actions(known, "open", path), under, org)


@frozen(weakref_slot=False)
class Ruling:
    """What rules decided about one event.

    Attributes:
        memory: What they remember after it.
        trace: Why; None where no rule was concerned.
        actions: What is to be done, in order.
        org: The interaction's organisation, which the rules were told; None where it is not known.
        alarm: What somebody must look at, the bound on loops; empty for nothing.
    """

    memory: RuleMemory
    trace: Trace | None = None
    actions: tuple[PlannedAction, ...] = ()
    org: str | None = None
    alarm: str = ""

    @property
    def is_rare(self) -> bool:
        """Whether its trace is worth keeping longer than those that come with every event."""
        return bool(self.actions or self.alarm) or (self.trace is not None and self.trace.is_rare())

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold; what is empty is left out."""
        written: dict[str, Any] = {"memory": as_journaled(self.memory)}
        if self.trace is not None:
            written["trace"] = as_journaled(self.trace)
        if self.actions:
            written["actions"] = [one.journaled() for one in self.actions]
        if self.org is not None:
            written["org"] = redact(self.org)
        if self.alarm:
            written["alarm"] = redact(self.alarm)
        if self.is_rare:
            written["rare"] = True
        return written

    @classmethod
    def from_json(cls, written: object, path: str = "$") -> "Ruling":
        """Return the ruling that `to_json` wrote.

        Args:
            written: What a file held.
            path: Where in the document it stands, for messages.

        Raises:
            MalformedRecord: *written* is no such thing; the message says where and why.
        """
        known = _object(written, path, {"memory"}, {"trace", "actions", "org", "alarm", "rare"})
        org, alarm = known.get("org"), known.get("alarm", "")
        for name in known.keys() & {"org", "alarm"}:
            if not isinstance(known[name], str):
                raise _malformed(f"{path}.{name}", "expected text")
        if known.get("rare", True) is not True:
            raise _malformed(f"{path}.rare", "expected true; it is left out where it is not so")
        trace = None
        if "trace" in known:
            trace = Trace.from_json(known["trace"], f"{path}.trace")
        memory = RuleMemory.from_json(known["memory"], f"{path}.memory")
        return cls(memory, trace, _actions(known, "actions", path), org, alarm)


def ruled(
    state: RuleState | None,
    event: object,
    ruling: Ruling | None,
    *,
    final: bool,
    under: str = "",
) -> RuleState | None:
    """Return what is kept for the rules of an interaction after an event.

    Args:
        state: What was kept before; None for nothing.
        event: The event: one of the machine's, or what rules were asked about beside it.
        ruling: What rules decided; None where they were not asked or nothing came of it.
        final: Whether the interaction is in a state that it does not leave.
        under: The digest of the rules that count.

    Returns:
        What is kept now; None for nothing. The same object where nothing changed.
    """
    if state is not None and state.open:
        state = _without_begun(state, event)
    if ruling is not None:
        still, org = ((), None) if state is None else (state.open, state.org)
        if state is not None and not _is_loading(event):
            under = state.under  # it was not carried over yet
        # A remark is part of the journal as soon as it stands there.
        new = tuple(one for one in ruling.actions if not isinstance(one.action, AnnotateAction))
        org = org if ruling.org is None else ruling.org
        state = RuleState(ruling.memory, (*still, *new), under, org)
    if final and state is not None:
        return state if state.open else None  # the bound on loops goes on counting
    return state


def _is_loading(event: object) -> bool:
    return isinstance(event, RuleEvent) and event.name == RULES_LOADED


def carried_out(state: RuleState | None, ids: Collection[str]) -> RuleState | None:
    """Return *state* without the open actions that have the *ids*."""
    if state is None:
        return None
    still = tuple(one for one in state.open if one.id not in ids)
    return state if len(still) == len(state.open) else attrs.evolve(state, open=still)


def _without_begun(state: RuleState, event: object) -> RuleState:
    """Leave out the open action that *event* gives to the machine."""
    if isinstance(event, _COMMAND_EVENTS):
        return carried_out(state, {event.correlation_id}) or state
    if isinstance(event, ExpireRequested | LimitChanged):
        kind = ExpireAction if isinstance(event, ExpireRequested) else ExtendLimitAction
        for one in state.open:
            if isinstance(one.action, kind) and one.action.actor == event.actor:
                return carried_out(state, {one.id}) or state
    return state


def _without_number(argument: str | float) -> str | float:
    """Return an argument of a call; a whole number that could be dialled is redacted as a text."""
    if argument.__class__ is int and (shown := redact(str(argument))) != str(argument):
        return shown
    return argument


def _object(
    written: object, path: str, required: set[str], optional: set[str] | None
) -> dict[str, Any]:
    """Return a copy of the object that *written* has to be; *optional* None allows any key."""
    if not isinstance(written, dict):
        raise _malformed(path, "expected an object")
    found = dict(cast("dict[str, Any]", written))
    for name in sorted(required - found.keys()):
        raise _malformed(path, f"`{name}` is missing")
    for name in sorted(set[str]() if optional is None else found.keys() - required - optional):
        raise _malformed(path, f"unknown key {name[:64]!r}")
    return found


def _actions(known: dict[str, Any], name: str, path: str) -> tuple[PlannedAction, ...]:
    written = known.get(name, [])
    if not isinstance(written, list):
        raise _malformed(f"{path}.{name}", "expected a list")
    listed: list[Any] = written  # pyright: ignore[reportUnknownVariableType] - JSON
    return tuple(
        [
            PlannedAction.from_json(one, f"{path}.{name}[{index}]")
            for index, one in enumerate(listed)
        ]
    )


def _malformed(path: str, problem: str) -> MalformedRecord:
    return MalformedRecord(f"{path}: {problem}", place="ruling")
