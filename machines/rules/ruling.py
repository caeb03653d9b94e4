"""What rules decided about one event, as the journal keeps it, and what that leaves of them.

A decision becomes a ruling when the engine has given each action an id. Whoever follows a journal
uses the same functions as the engine does, so that both know the same of every interaction.
"""

from collections.abc import Collection, Iterable
from typing import Any

import attrs
import cattrs
from attrs import frozen
from cattrs.gen import make_dict_unstructure_fn

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
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.trace import Trace

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
        """Return it as what JSON can hold; what is as a rule is left out."""
        written: dict[str, Any] = {"id": self.id, "action": self.action.name}
        written |= _CONVERTER.unstructure(self.action)
        if isinstance(self.action, CallAction):
            written["arguments"] = dict(self.action.arguments)
        return written

    @classmethod
    def from_json(cls, written: Any) -> "PlannedAction":  # noqa: ANN401 - what a file held
        """Return the action that `to_json` wrote.

        Raises:
            MalformedRecord: *written* is no such thing.
        """
        try:
            fields = dict(written)
            action_id, kind = fields.pop("id"), _CLASSES[fields.pop("action")]
            if kind is CallAction:
                fields["arguments"] = tuple(dict(fields.get("arguments", {})).items())
            action: Action = _CONVERTER.structure(fields, kind)
        except Exception as error:
            # What the converter raises depends on what is wrong: groups, keys, types.
            raise _malformed() from error
        if not isinstance(action_id, str):
            raise _malformed()
        return cls(action_id, action)


@frozen(weakref_slot=False)
class RuleState:
    """What the engine keeps of an interaction for its rules.

    Attributes:
        memory: What the rules remember.
        open: The actions that were decided on and are not known to have been carried out: after a
            crash they are taken up again.
    """

    memory: RuleMemory = NO_MEMORY
    open: tuple[PlannedAction, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether something depends on it: a timer, a command under way, an open action."""
        memory = self.memory
        return bool(memory.waits or memory.runs or memory.queue or self.open)

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        written: dict[str, Any] = {"memory": self.memory.to_json()}
        if self.open:
            written["open"] = [one.to_json() for one in self.open]
        return without_secrets(written)

    @classmethod
    def from_json(cls, written: Any) -> "RuleState":  # noqa: ANN401 - what a file held
        """Return the state that `to_json` wrote.

        Raises:
            MalformedRecord: *written* is no such thing.
        """
        known = _object(written, {"memory"}, {"open"})
        return cls(RuleMemory.from_json(known["memory"]), _actions(known.get("open", ())))


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
        written: dict[str, Any] = {"memory": self.memory.to_json()}
        if self.trace is not None:
            written["trace"] = self.trace.to_json()
        if self.actions:
            written["actions"] = [one.to_json() for one in self.actions]
        if self.org is not None:
            written["org"] = self.org
        if self.alarm:
            written["alarm"] = self.alarm
        if self.is_rare:
            written["rare"] = True
        return without_secrets(written)

    @classmethod
    def from_json(cls, written: Any) -> "Ruling":  # noqa: ANN401 - what a file held
        """Return the ruling that `to_json` wrote.

        Raises:
            MalformedRecord: *written* is no such thing.
        """
        known = _object(written, {"memory"}, {"trace", "actions", "org", "alarm", "rare"})
        trace, org, alarm = known.get("trace"), known.get("org"), known.get("alarm", "")
        if not (isinstance(org, str | None) and isinstance(alarm, str)):
            raise _malformed()
        return cls(
            RuleMemory.from_json(known["memory"]),
            None if trace is None else Trace.from_json(trace),
            _actions(known.get("actions", ())),
            org,
            alarm,
        )


def ruled(
    state: RuleState | None,
    event: Any,
    ruling: Ruling | None,
    *,
    final: bool,
) -> RuleState | None:
    """Return what is kept for the rules of an interaction after an event.

    Args:
        state: What was kept before; None for nothing.
        event: The event: one of the machine's, or what rules were asked about beside it.
        ruling: What rules decided; None where they were not asked or nothing came of it.
        final: Whether the interaction is in a state that it does not leave.

    Returns:
        What is kept now; None for nothing. The same object where nothing changed.
    """
    if state is not None and state.open:
        state = _without_begun(state, event)
    if ruling is not None:
        still = () if state is None else state.open
        # A remark is part of the journal as soon as it stands there.
        new = tuple(one for one in ruling.actions if not isinstance(one.action, AnnotateAction))
        state = RuleState(ruling.memory, (*still, *new))
    if final and state is not None and not state.waits:
        return None
    return state


def carried_out(state: RuleState | None, ids: Collection[str]) -> RuleState | None:
    """Return *state* without the open actions that have the *ids*."""
    if state is None:
        return None
    still = tuple(one for one in state.open if one.id not in ids)
    return state if len(still) == len(state.open) else attrs.evolve(state, open=still)


def _without_begun(state: RuleState, event: Any) -> RuleState:  # noqa: ANN401 - any event
    """Leave out the open action that *event* gives to the machine."""
    if isinstance(event, _COMMAND_EVENTS):
        return carried_out(state, {event.correlation_id}) or state
    if isinstance(event, ExpireRequested | LimitChanged):
        kind = ExpireAction if isinstance(event, ExpireRequested) else ExtendLimitAction
        for one in state.open:
            if isinstance(one.action, kind) and one.action.actor == event.actor:
                return carried_out(state, {one.id}) or state
    return state


def without_secrets(written: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return what is to be written with all texts redacted: messages may have anything in them."""
    if written.__class__ is str:
        return redact(written)
    if written.__class__ is dict:
        return {key: without_secrets(value) for key, value in written.items()}
    if written.__class__ is list or written.__class__ is tuple:
        return [without_secrets(value) for value in written]
    return written


def _object(written: Any, required: set[str], optional: set[str]) -> dict[str, Any]:  # noqa: ANN401 - the same
    if not isinstance(written, dict):
        raise _malformed()
    found: dict[str, Any] = written  # pyright: ignore[reportUnknownVariableType] - JSON
    if not required <= found.keys() <= required | optional:
        raise _malformed()
    return found


def _actions(written: Any) -> tuple[PlannedAction, ...]:  # noqa: ANN401 - the same
    if not isinstance(written, list | tuple):
        raise _malformed()
    items: Iterable[Any] = written  # pyright: ignore[reportUnknownVariableType] - JSON
    return tuple(PlannedAction.from_json(one) for one in items)


def _malformed() -> MalformedRecord:
    return MalformedRecord("this is nothing that rules decided", place="ruling")


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for cls in ACTIONS:
        converter.register_unstructure_hook(
            cls, make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True)
        )

    def _same(value: Any, _: Any) -> Any:  # noqa: ANN401 - texts, numbers and truths stay as they are
        if isinstance(value, str | int | float | bool):
            return value
        raise TypeError("expected a text, a number or a truth")

    converter.register_structure_hook(str | int | float | bool, _same)
    return converter


_CONVERTER = _make_converter()
