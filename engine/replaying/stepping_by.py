"""By which machines records are stepped: the recording's own, and those that are to be tried."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, final

import attrs
from attrs import frozen

from hookflash.engine.replaying.comparing import Comparer, comparers_of
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError, MalformedRecord, SpecError
from hookflash.machines.machine import Machine
from hookflash.machines.records import DefinitionChange, Header, PolicyChange

PolicySource = Header | PolicyChange | DefinitionChange
"""What a recording's policy is read from."""


class Definitions(Protocol):
    """The definitions that a recording holds."""

    def learn(self, change: DefinitionChange) -> None:
        """Take up a definition that stands further down than the header."""
        ...

    def codec(self, spec_hash: str, place: str | None = None) -> RecordCodec[Any]:
        """Return the codec for records that were stepped by a definition.

        Raises:
            MalformedRecord: The recording does not hold it.
            SpecError: Today's code cannot run it.
        """
        ...

    def machine(self, spec_hash: str, policy: PolicySource) -> Machine[Any, Any]:
        """Return the machine of a definition under a policy that the recording holds.

        Raises:
            JournalError: Today's code cannot run it, or the recording does not hold it.
            MalformedRecord: The policy is none of it.
        """
        ...


@frozen(kw_only=True)
class Trial:
    """What a recording is tried under, in place of what it was recorded under.

    Attributes:
        machine: The machine; None for the recording's own definitions.
        policy: The policy, of the machine's class; None for the recording's own ones.
    """

    machine: Machine[Any, Any] | None = None
    policy: Any = None

    @property
    def is_another(self) -> bool:
        """Whether it is anything else than what was recorded."""
        return self.machine is not None or self.policy is not None


NO_TRIAL = Trial()
"""A recording is replayed under what it was recorded under."""


@frozen
class Stepper:
    """The machines of one definition and policy.

    Attributes:
        codec: Reads the records.
        own: The machine that recorded them, with the implementation of today; None where that
            cannot be run any more.
        tried: The machine by which they are judged; *own* unless something else is to be tried.
        comparers: Compare effects with recorded ones.
    """

    codec: RecordCodec[Any]
    own: Machine[Any, Any] | None
    tried: Machine[Any, Any]
    comparers: Mapping[type, Comparer]


@final
class Steppers:
    """The machines that step a recording, which may change its definition and policy as it goes.

    Args:
        definitions: What the recording holds.
        header: Its header.
        trial: What it is tried under.
        shipped: Returns the machine that is shipped under a name today.

    Attributes:
        spec_hash: The definition that counts.
        policy: Where the policy stands that counts.
        notices: What is to be known about how it is stepped, in sentences, each once.

    Raises:
        SpecError: There is no machine to step it by.
        MalformedRecord: Its policy is none of its machine.
    """

    def __init__(
        self,
        definitions: Definitions,
        header: Header,
        trial: Trial,
        shipped: Callable[[str], Machine[Any, Any]],
    ) -> None:
        self._definitions = definitions
        self._trial = trial
        self._shipped = shipped
        self._name = header.machine
        self._made: dict[str, Stepper] = {}
        self._comparers: dict[str, Mapping[type, Comparer]] = {}
        self.spec_hash = header.spec_hash
        self.policy: PolicySource = header
        self.notices: dict[str, None] = {}
        if trial.machine is not None and trial.machine.name != header.machine:
            raise SpecError(
                f"{trial.machine.spec.place}: is the machine {trial.machine.name!r}; the recording"
                f" is of {header.machine!r}",
                advice="try a definition of the machine that recorded it",
                place=trial.machine.spec.place,
            )
        self.present = self.of(None)

    def of(self, spec_hash: str | None) -> Stepper:
        """Return the machines for records of a definition.

        Args:
            spec_hash: The definition; None for the one that counts.

        Raises:
            SpecError: There is none to step it by.
            MalformedRecord: The recording does not hold the definition, or the policy is none.
        """
        digest = spec_hash or self.spec_hash
        stepper = self._made.get(digest)
        if stepper is None:
            stepper = self._made[digest] = self._make(digest)
        return stepper

    def policy_changed(self, change: PolicyChange) -> None:
        """Take up that another policy counts."""
        self.policy = change
        self._made.clear()
        self.present = self.of(None)

    def definition_changed(self, change: DefinitionChange) -> None:
        """Take up that another definition counts, and another policy."""
        self._definitions.learn(change)
        self.spec_hash = change.spec_hash
        self.policy = change
        self._made.clear()
        self.present = self.of(None)

    def state(self) -> tuple[str, PolicySource]:
        """Return what counts, for `restore`."""
        return self.spec_hash, self.policy

    def restore(self, state: tuple[str, PolicySource]) -> None:
        """Let count what counted when `state` was asked."""
        if state != (self.spec_hash, self.policy):
            self.spec_hash, self.policy = state
            self._made.clear()
            self.present = self.of(None)

    def _make(self, digest: str) -> Stepper:
        own: Machine[Any, Any] | None = None
        problem = ""
        try:
            own = self._definitions.machine(digest, self.policy)
        except JournalError as error:
            problem = error.message
        machine = self._trial.machine or own
        if machine is None:
            machine = self._shipped(self._name)
            self.notices[f"{problem}; it is stepped by {_named(machine)}"] = None
        try:
            codec = self._definitions.codec(digest)
        except (SpecError, MalformedRecord):
            codec = RecordCodec(machine)
        if self._trial.policy is not None:
            machine = _under(machine, self._trial.policy)
        elif machine is not own:
            policy = RecordCodec(machine).policy_of(self.policy, self._name)
            machine = _under(machine, policy)
        if digest not in self._comparers:
            self._comparers[digest] = comparers_of(codec)
        return Stepper(codec, own, machine, self._comparers[digest])


def _under(machine: Machine[Any, Any], policy: Any) -> Machine[Any, Any]:  # noqa: ANN401 - the machine's
    if type(policy) is not type(machine.policy):
        raise SpecError(
            f"machine {machine.name!r}: a {type(policy).__name__} is no policy of it",
            advice="try a policy of the machine that recorded it",
            place=machine.spec.place,
        )
    return machine if policy == machine.policy else machine.with_policy(policy)


def _named(machine: Machine[Any, Any]) -> str:
    return f"{machine.spec.place} ({machine.spec.digest[:12]})"


def policy_differences(recorded: Any, now: Any) -> dict[str, str]:  # noqa: ANN401 - any policies
    """Return what differs between two policies of one class: by setting, in words."""
    if type(recorded) is not type(now):
        return {}
    found: dict[str, str] = {}
    for field in _fields(recorded):
        before, after = getattr(recorded, field.name), getattr(now, field.name)
        if before != after:
            found[field.name] = "; ".join(_changed(field.name, before, after))
    return found


def _changed(name: str, before: Any, after: Any) -> Iterator[str]:  # noqa: ANN401 - settings
    """Say how a setting changed; of tables which of them did, and what in it."""
    if not (isinstance(before, tuple) and isinstance(after, tuple)):
        yield f"{name} {_value(before)} became {_value(after)}"
        return
    first, second = _by_name(before), _by_name(after)  # pyright: ignore[reportUnknownArgumentType] - a policy's tables
    if first is None or second is None:
        yield f"{name} {_value(before)} became {_value(after)}"
        return
    for key in dict.fromkeys([*first, *second]):
        where = f"{name}[{key}]"
        if key not in first or key not in second:
            yield f"{where} is {'new' if key not in first else 'gone'}"
            continue
        old, new = first[key], second[key]
        for field in _fields(old):
            one, other = getattr(old, field.name), getattr(new, field.name)
            if one != other:
                yield f"{where}.{field.name} {_value(one)} became {_value(other)}"


def _by_name(tables: tuple[Any, ...]) -> dict[Any, Any] | None:
    """Return tables of a policy by their first field; None where they are something else."""
    found: dict[Any, Any] = {}
    for table in tables:
        if not attrs.has(table.__class__):
            return None
        found.setdefault(getattr(table, _fields(table)[0].name), table)
    return found


def _fields(value: Any) -> Any:  # noqa: ANN401 - an attrs class's
    return attrs.fields(value.__class__)


def _value(value: Any) -> str:  # noqa: ANN401 - a setting
    return f"{value:g}" if isinstance(value, float) else repr(value)
