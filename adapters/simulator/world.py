"""The state of the gateway: interactions and counts. Pure and synchronous, without I/O or clock."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import attrs

from hookflash.adapters.simulator.commands import UUID_PATTERN, Command
from hookflash.adapters.simulator.figures import Statistics, fresh_counts

ENDED = frozenset(("closed", "abandoned"))
CORRELATIONS_REMEMBERED = 10_000


@attrs.define
class _Interaction:
    id: str
    state: str = "active"
    org_id: str = "org-1"
    skill_group_id: str = "sg-1"
    skill_group_name: str = "Skill group 1"
    held_since_s: float | None = None
    unknown: bool = False


@attrs.frozen
class Interaction:
    """An interaction at one moment.

    Attributes:
        id: Its UUID in lower case.
        state: `active`, `held`, `closed`, `abandoned` or what a setting says.
        org_id: Its organisation; empty where it has none.
        skill_group_id: Its skill group; empty where it has none.
        skill_group_name: The name of the skill group.
        held_since_s: Start of the current hold in seconds since the epoch; None when not held.
        unknown: Whether the gateway claims not to know it.
    """

    id: str
    state: str
    org_id: str
    skill_group_id: str
    skill_group_name: str
    held_since_s: float | None
    unknown: bool


@attrs.frozen
class Refused:
    """Why the world does not carry out a command.

    Attributes:
        code: 404 for an unknown interaction, 409 for one that has ended.
        message: The reason, for people.
        state: The interaction's state; None where it is unknown.
    """

    code: int
    message: str
    state: str | None


class World:
    """All interactions of a gateway, and what has been counted.

    Any UUID that was not mentioned before is an active interaction of org `org-1` in skill group
    `sg-1`. Ids are compared without regard to case.
    """

    def __init__(self) -> None:
        self._interactions: dict[str, _Interaction] = {}
        self._correlations: dict[str, None] = {}
        self.counts: dict[str, int] = fresh_counts()

    def put(
        self,
        interaction_id: str,
        *,
        now_s: float,
        state: str = "active",
        org_id: str = "org-1",
        skill_group_id: str = "sg-1",
        skill_group_name: str = "",
        held_for_s: float = 0.0,
        unknown: bool = False,
    ) -> None:
        """Set all about one interaction; nobody is told.

        Args:
            interaction_id: A UUID.
            now_s: The present, in seconds since the epoch.
            state: Any word.
            org_id: Empty for none.
            skill_group_id: Empty for none.
            skill_group_name: Empty makes one from the id.
            held_for_s: How long ago the hold began, in seconds; meaningless unless `held`.
            unknown: Whether lookups answer 404.

        Raises:
            ValueError: The id is no UUID.
        """
        key = _key(interaction_id)
        self._interactions[key] = _Interaction(
            id=key,
            state=state,
            org_id=org_id,
            skill_group_id=skill_group_id,
            skill_group_name=skill_group_name or _group_name(skill_group_id),
            held_since_s=now_s - held_for_s if state == "held" else None,
            unknown=unknown,
        )

    def execute(self, command: Command, now_s: float) -> str | Refused:
        """Carry out a command.

        Args:
            command: A valid one.
            now_s: The present, in seconds since the epoch: where a hold begins.

        Returns:
            The state after it, or why it was refused; a refused one changes nothing.
        """
        interaction = self._find(command.interaction_id.lower())
        if interaction.unknown:
            self.counts["commands_ineligible"] += 1
            return Refused(404, "unknown interaction", None)
        if interaction.state in ENDED:
            self.counts["commands_ineligible"] += 1
            return Refused(409, f"interaction is {interaction.state}", interaction.state)
        if command.type == "hold":
            self.counts["holds"] += 1
            if interaction.state == "held":
                self.counts["holds_of_held"] += 1
            else:
                interaction.state = "held"
                interaction.held_since_s = now_s
        else:
            self.counts["unholds"] += 1
            if interaction.state != "held":
                self.counts["unholds_of_active"] += 1
            interaction.state = "active"
            interaction.held_since_s = None
        return interaction.state

    def note_correlation(self, correlation_id: str) -> None:
        """Count a command, and whether its correlation id has been seen lately."""
        self.counts["commands"] += 1
        seen = self._correlations
        if correlation_id in seen:
            self.counts["reused_correlations"] += 1
            return
        seen[correlation_id] = None
        if len(seen) > CORRELATIONS_REMEMBERED:
            del seen[next(iter(seen))]

    def change(self, interaction_id: str, state: str, now_s: float) -> bool:
        """Let somebody else change the state of an interaction.

        Args:
            interaction_id: A UUID.
            state: The new state.
            now_s: The present, in seconds since the epoch: where a hold begins.

        Returns:
            Whether anything changed. What has ended or is unknown never changes.

        Raises:
            ValueError: The id is no UUID.
        """
        interaction = self._find(_key(interaction_id))
        if interaction.unknown or interaction.state in ENDED or interaction.state == state:
            return False
        interaction.state = state
        interaction.held_since_s = now_s if state == "held" else None
        self.counts["foreign_changes"] += 1
        return True

    def interaction(self, interaction_id: str) -> Interaction:
        """What is known of one interaction; a UUID not mentioned before becomes one.

        Raises:
            ValueError: The id is no UUID.
        """
        return _frozen(self._find(_key(interaction_id)))

    def state_of(self, interaction_id: str) -> str:
        """The state of one interaction.

        Raises:
            ValueError: The id is no UUID.
        """
        return self._find(_key(interaction_id)).state

    def all_states(self) -> dict[str, str]:
        """The state of every interaction mentioned so far, by its id in lower case."""
        return {key: interaction.state for key, interaction in self._interactions.items()}

    def interactions(self) -> Iterable[Interaction]:
        """Every interaction mentioned so far, in the order of mention."""
        return [_frozen(interaction) for interaction in self._interactions.values()]

    def statistics(self) -> Statistics:
        """A frozen copy of all counts."""
        return Statistics(**self.counts)

    def metadata(self, interaction_id: str, *, state: str | None = None) -> dict[str, Any] | None:
        """The metadata answer of an interaction.

        Args:
            interaction_id: A UUID.
            state: What to claim instead of the true state; None tells the truth.

        Returns:
            The JSON object of the answer; None where the gateway does not know the interaction.

        Raises:
            ValueError: The id is no UUID.
        """
        found = self._find(_key(interaction_id))
        if found.unknown:
            return None
        routing: dict[str, Any] = {}
        if found.org_id:
            routing["orgId"] = found.org_id
        if found.skill_group_id:
            routing["skillGroup"] = {"id": found.skill_group_id, "name": found.skill_group_name}
        claimed = state or found.state
        answer: dict[str, Any] = {"id": found.id, "state": claimed, "routingData": routing}
        if claimed == "held" and found.held_since_s is not None:
            answer["heldSince"] = iso_time(found.held_since_s)
        return answer

    def _find(self, key: str) -> _Interaction:
        interaction = self._interactions.get(key)
        if interaction is None:
            interaction = self._interactions[key] = _Interaction(key)
        return interaction


def iso_time(at_s: float) -> str:
    """A moment in ISO 8601, UTC, with milliseconds, from seconds since the epoch."""
    moment = datetime.fromtimestamp(at_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _frozen(interaction: _Interaction) -> Interaction:
    return Interaction(
        interaction.id,
        interaction.state,
        interaction.org_id,
        interaction.skill_group_id,
        interaction.skill_group_name,
        interaction.held_since_s,
        interaction.unknown,
    )


def _key(interaction_id: str) -> str:
    if not UUID_PATTERN.match(interaction_id):
        raise ValueError(f"not a UUID: {interaction_id!r}")
    return interaction_id.lower()


def _group_name(group_id: str) -> str:
    return f"Skill group {group_id.removeprefix('sg-')}" if group_id else ""
