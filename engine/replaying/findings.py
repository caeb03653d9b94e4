"""What a replay finds: divergences and damage, and the groups that equal divergences make."""

import re
from typing import Any, Final, Literal, final

from attrs import define, field, frozen

from hookflash.engine.replaying.comparing import Difference
from hookflash.machines.instants import Instant, from_text, to_text

GROUPS_MAX: Final = 1_000
"""Groups that are kept; divergences of further kinds are counted in the last one."""

EXAMPLES_MAX: Final = 3
"""Places that are named of each group."""

DAMAGES_MAX: Final = 1_000
"""Damages that are kept; further ones are counted."""

_SPREAD_MAX: Final = 20
"""Groups that differ in nothing but by how much times differ; beyond it that counts no longer."""

CauseKind = Literal[
    "damage",
    "earlier",
    "missing",
    "format",
    "definition",
    "policy",
    "rules",
    "guard",
    "effect",
    "timer",
    "unknown",
]
"""What explains a divergence: damage of the recording, which is told by itself; an earlier
divergence; a record that is missing although no number is; an older format, which does not hold its
definition; another definition, policy or rules; a guard that says otherwise; an effect that comes
out otherwise; a timer that fired and did not run; nothing that is known."""

FOLLOWS: Final[frozenset[CauseKind]] = frozenset({"damage", "earlier"})
"""Causes of divergences that only follow from something that is told already."""


@frozen
class Cause:
    """The nearest explanation of a divergence.

    Attributes:
        kind: What it is.
        text: The same in a sentence, with names and places.
    """

    kind: CauseKind
    text: str


@frozen(kw_only=True)
class Divergence:
    """A record that comes out otherwise than it was recorded, or what stands between records.

    Attributes:
        interaction_id: The interaction.
        seq: The number of the record; of the last one before it for what stands between records.
        place: Where it stands: file and line.
        at: The event's time; None for what has none.
        event: The event's name.
        source: The state before, as recorded.
        differences: Where it differs, at least one: `to`, `effects[1].timer.due_at`; each with what
            the recording has there and what comes out now, as JSON, None for nothing.
        cause: The nearest explanation.
        part: Which of several recordings it stands in, from 0.
    """

    interaction_id: str
    seq: int
    place: str
    at: Instant | None
    event: str
    source: str
    differences: tuple[Difference, ...]
    cause: Cause
    part: int = 0

    @property
    def field(self) -> str:
        """The first thing that differs."""
        return self.differences[0][0]

    @property
    def recorded(self) -> Any:  # noqa: ANN401 - JSON
        """What the recording has there; None for nothing."""
        return self.differences[0][1]

    @property
    def now(self) -> Any:  # noqa: ANN401 - JSON
        """What comes out there now; None for nothing."""
        return self.differences[0][2]

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "interactionId": self.interaction_id,
            "seq": self.seq,
            "place": self.place,
            "at": None if self.at is None else to_text(self.at),
            "event": self.event,
            "state": self.source,
            "differences": [
                {"field": field, "recorded": recorded, "now": now}
                for field, recorded, now in self.differences
            ],
            "cause": self.cause.kind,
            "explanation": self.cause.text,
        }


DamageKind = Literal["changed", "unreadable", "missing", "repeated", "misplaced", "incomplete"]
"""A line was changed after it was written; cannot be read; records are missing; stand twice; stand
at the wrong place; nothing tells how an interaction stood."""


@frozen(kw_only=True)
class Damage:
    """Something that is wrong with the recording itself.

    Attributes:
        kind: What.
        place: Where: file and line.
        seq: The record that it is about, or the first of several; None where that is not known.
        last: The last of several records; None for one.
        interaction_id: The interaction; None where that is not known, or it is about none.
        text: The same in words.
        part: Which of several recordings it is about, from 0.
    """

    kind: DamageKind
    place: str
    seq: int | None
    text: str
    last: int | None = None
    interaction_id: str | None = None
    part: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "damage": self.kind,
            "place": self.place,
            "seq": self.seq,
            "lastSeq": self.last,
            "interactionId": self.interaction_id,
            "message": self.text,
        }


@define
class Group:
    """Divergences that are alike but for ids, times and places.

    Attributes:
        examples: The first of them, at most `EXAMPLES_MAX`.
        count: How many there are.
    """

    examples: list[Divergence]
    count: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {"count": self.count, "examples": [one.to_json() for one in self.examples]}


_Key = tuple[Any, ...]


@final
@define
class Groups:
    """Divergences in groups, in bounded memory.

    Attributes:
        count: How many divergences there are that do not just follow from something else.
        following: How many do.
        beyond: How many of them are in no group, because there are too many kinds.
    """

    count: int = 0
    following: int = 0
    beyond: int = 0
    _groups: dict[_Key, Group] = field(factory=dict[_Key, Group])
    _spread: dict[_Key, int] = field(factory=dict[_Key, int])

    def add(self, divergence: Divergence) -> None:
        """Take up one more divergence."""
        if divergence.cause.kind in FOLLOWS:
            self.following += 1
            return
        self.count += 1
        key = self._key(divergence)
        group = self._groups.get(key)
        if group is not None:
            group.count += 1
            if len(group.examples) < EXAMPLES_MAX:
                group.examples.append(divergence)
        elif len(self._groups) < GROUPS_MAX:
            self._groups[key] = Group([divergence])
        else:
            self.beyond += 1

    def merge(self, other: "Groups") -> None:
        """Take up what another replay of the same recordings has found of other interactions."""
        self.count += other.count
        self.following += other.following
        self.beyond += other.beyond
        for theirs in other.groups():
            key = self._key(theirs.examples[0])
            ours = self._groups.get(key)
            if ours is not None:
                ours.count += theirs.count
                both = sorted([*ours.examples, *theirs.examples], key=_position)
                ours.examples = both[:EXAMPLES_MAX]
            elif len(self._groups) < GROUPS_MAX:
                self._groups[key] = theirs
            else:
                self.beyond += theirs.count

    def groups(self) -> list[Group]:
        """Return the groups, in the order of the first divergence of each."""
        return sorted(self._groups.values(), key=lambda group: _position(group.examples[0]))

    def first(self) -> Divergence | None:
        """Return the first divergence; None where there is none."""
        groups = self.groups()
        return groups[0].examples[0] if groups else None

    def _key(self, one: Divergence) -> _Key:
        """Return what is alike in divergences of one group."""
        alike = tuple(
            (re.sub(r"\[\d+\]", "[]", path), _alike(recorded), _alike(now))
            for path, recorded, now in one.differences
        )
        rough = (one.event, one.source, one.cause.kind, _alike(one.cause.text), alike)
        apart = tuple(_apart(recorded, now) for _, recorded, now in one.differences)
        if not any(apart):
            return rough
        exact = (*rough, apart)
        if exact in self._spread:
            return exact
        already = self._spread.get(rough, 0)
        if already >= _SPREAD_MAX:
            return rough
        self._spread[rough] = already + 1
        self._spread[exact] = 1
        return exact


def _position(one: Divergence) -> tuple[int, int]:
    return one.part, one.seq


_VARYING = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # ids
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z"  # instants
    r"|\d+"  # numbers of records, and ids of other make
)


def _alike(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return *value* without what is another one in each record: ids and times."""
    if isinstance(value, str):
        return _VARYING.sub("…", value)
    if isinstance(value, dict):
        return tuple((key, _alike(part)) for key, part in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    if isinstance(value, list):
        return tuple(_alike(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    return value


def _apart(recorded: Any, now: Any) -> int | None:  # noqa: ANN401 - JSON
    """Return by how many milliseconds two times differ; None where these are no two times."""
    first, second = instant_of(recorded), instant_of(now)
    return None if first is None or second is None else round((second - first) / 1000)


def instant_of(value: Any) -> Instant | None:  # noqa: ANN401 - JSON
    """Return the instant that *value* is the text of; None where it is none."""
    if not isinstance(value, str) or len(value) != 27 or not value.endswith("Z"):
        return None
    try:
        return from_text(value)
    except ValueError:
        return None


@final
@define
class Damages:
    """What is wrong with recordings themselves, in bounded memory.

    Attributes:
        kept: The first ones, at most `DAMAGES_MAX`.
        count: How many there are.
    """

    kept: list[Damage] = field(factory=list[Damage])
    count: int = 0

    def add(self, damage: Damage) -> None:
        """Take up one more."""
        self.count += 1
        if len(self.kept) < DAMAGES_MAX:
            self.kept.append(damage)

    def merge(self, other: "Damages") -> None:
        """Take up what another replay has found."""
        self.count += other.count
        both = [*self.kept, *other.kept]
        self.kept = sorted(both, key=lambda one: (one.part, one.seq or 0))[:DAMAGES_MAX]

    def first(self) -> Damage | None:
        """Return the first one; None where there is none."""
        return self.kept[0] if self.kept else None


def shown(value: Any, at: Instant | None) -> str:  # noqa: ANN401 - JSON
    """Say what a side of a divergence is, for people.

    Args:
        value: What the recording has, or what comes out now.
        at: The time of the record; instants are shown beside it. None for none.
    """
    if value is None:
        return "nothing"
    instant = instant_of(value)
    if instant is not None and at is not None:
        seconds = (instant - at) / 1_000_000
        return f"{value} ({seconds:+.6g} s)"
    if isinstance(value, str):
        return repr(value) if value else "''"
    if value is True or value is False:
        return str(value).lower()
    return str(value)
