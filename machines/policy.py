"""The policy of the hold machine: limits, what happens at them, and who may be held at all."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from attrs import field, frozen, validators

from hookflash.machines.instants import microseconds
from hookflash.machines.interaction import Facts

OnLimit = Literal["release", "expire"]
"""At the limit: release the caller, or wait for somebody's decision and keep raising alarms."""

Foreign = Literal["enforce", "watch"]
"""Holds that somebody else made: under the same limit, or only warned about."""

DEFAULT_REASONS = ("queueing", "consultation", "system_issue", "agent_break")
"""The protocol's hold reasons."""

LIMIT_MAX_S = 86_400.0
"""One day: longer than any hold that anybody means."""

_REASON_LENGTH_MAX = 64


def _between(low: float, high: float) -> Callable[[Any, Any, Any], Any]:
    return validators.and_(validators.ge(low), validators.le(high))


@frozen(kw_only=True)
class GroupPolicy:
    """What differs for one skill group; None leaves the general setting.

    Attributes:
        skill_group: The skill group's id.
        deny: Whether its interactions may not be held or unheld by command.
        limit_s: Maximum hold, 1 to 86,400 s.
        warn_at: Share of the limit at which the warning comes, 0 to 1.
        on_limit: What happens at the limit.
        foreign: Whether holds of others are under the limit.
        reasons: The hold reasons allowed.
    """

    skill_group: str
    deny: bool = False
    limit_s: float | None = field(
        default=None,
        validator=validators.optional(_between(1.0, LIMIT_MAX_S)),
    )
    warn_at: float | None = field(
        default=None,
        validator=validators.optional(_between(0.0, 1.0)),
    )
    on_limit: OnLimit | None = field(
        default=None, validator=validators.optional(validators.in_(("release", "expire")))
    )
    foreign: Foreign | None = field(
        default=None, validator=validators.optional(validators.in_(("enforce", "watch")))
    )
    reasons: tuple[str, ...] | None = None


@frozen
class Terms:
    """The terms of a hold: what a policy says about the holds of one skill group.

    Attributes:
        limit_us: Maximum hold, in whole microseconds.
        warning_us: From the start to the warning, in whole microseconds.
        warn_at: Share of the limit at which the warning comes.
        on_limit: What happens at the limit.
        watches_foreign: Whether holds of others are only warned about.
    """

    limit_us: int
    warning_us: int
    warn_at: float
    on_limit: OnLimit
    watches_foreign: bool


def _reasons(_: object, __: object, value: tuple[str, ...]) -> None:
    if not value or any(not reason or len(reason) > _REASON_LENGTH_MAX for reason in value):
        raise ValueError("`reasons` needs at least one reason of 1 to 64 characters")


@frozen(kw_only=True)
class HoldPolicy:
    """The settings that the hold machine reads; durations in seconds.

    Attributes:
        limit_s: Maximum hold, 1 to 86,400 s. The protocol's own is 900 s.
        warn_at: Share of the limit at which the warning comes, 0 to 1.
        on_limit: What happens at the limit.
        foreign: Whether holds of others are under the limit.
        reasons: The hold reasons allowed.
        org_id: The organisation that interactions must belong to; None accepts any.
        allow: Skill groups that may be held; empty allows all that are not denied.
        deny: Skill groups that may not.
        policy: What differs for single skill groups; the first that fits counts.
        ack_timeout_s: How long an acknowledgement is waited for; 5 s is the protocol's.
        lookup_backoff_s: First pause after a failed lookup; it doubles up to
        lookup_backoff_max_s: the longest.
        release_backoff_s: First pause before an expired hold is released again or alarmed about
            again; it doubles up to
        release_backoff_max_s: the longest.
    """

    limit_s: float = field(default=900.0, validator=_between(1.0, LIMIT_MAX_S))
    warn_at: float = field(default=0.8, validator=_between(0.0, 1.0))
    on_limit: OnLimit = field(default="release", validator=validators.in_(("release", "expire")))
    foreign: Foreign = field(default="enforce", validator=validators.in_(("enforce", "watch")))
    reasons: tuple[str, ...] = field(default=DEFAULT_REASONS, validator=_reasons)
    org_id: str | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    policy: tuple[GroupPolicy, ...] = ()
    ack_timeout_s: float = field(default=5.0, validator=_between(0.01, 3600.0))
    lookup_backoff_s: float = field(default=0.5, validator=_between(0.01, 3600.0))
    lookup_backoff_max_s: float = field(default=30.0, validator=_between(0.01, 3600.0))
    release_backoff_s: float = field(default=5.0, validator=_between(0.01, 3600.0))
    release_backoff_max_s: float = field(default=60.0, validator=_between(0.01, 3600.0))

    def group(self, skill_group_id: str | None) -> GroupPolicy | None:
        """Return what differs for the skill group; None where nothing does or it is unknown."""
        for group in self.policy:
            if group.skill_group == skill_group_id:
                return group
        return None

    def terms_of(self, skill_group_id: str | None) -> Terms:
        """Return the terms of the skill group's holds; the general ones where nothing differs."""
        return self._group_terms.get(skill_group_id, self._general_terms)

    @cached_property
    def ack_timeout_us(self) -> int:
        """`ack_timeout_s` in whole microseconds."""
        return microseconds(self.ack_timeout_s)

    @cached_property
    def _general_terms(self) -> Terms:
        return self._terms(None)

    @cached_property
    def _group_terms(self) -> dict[str | None, Terms]:
        # The first table of a skill group counts: later ones must not replace it.
        return {group.skill_group: self._terms(group) for group in reversed(self.policy)}

    def _terms(self, group: GroupPolicy | None) -> Terms:
        limit_s, warn_at, on_limit, foreign = (
            self.limit_s,
            self.warn_at,
            self.on_limit,
            self.foreign,
        )
        if group is not None:
            limit_s = limit_s if group.limit_s is None else group.limit_s
            warn_at = warn_at if group.warn_at is None else group.warn_at
            on_limit = on_limit if group.on_limit is None else group.on_limit
            foreign = foreign if group.foreign is None else group.foreign
        return Terms(
            microseconds(limit_s),
            microseconds(limit_s * warn_at),
            warn_at,
            on_limit,
            foreign == "watch",
        )

    def reasons_of(self, skill_group_id: str | None) -> tuple[str, ...]:
        """Return the hold reasons that the skill group allows."""
        group = self.group(skill_group_id) if self.policy else None
        return self.reasons if group is None or group.reasons is None else group.reasons

    def all_reasons(self) -> tuple[str, ...]:
        """Return every reason that is allowed somewhere, in order: the first check of a command."""
        groups = [reason for group in self.policy for reason in group.reasons or ()]
        return tuple(dict.fromkeys([*self.reasons, *groups]))

    def objection(  # noqa: PLR0911 - one return for each cause
        self, facts: Facts | None, reason: str | None
    ) -> str | None:
        """Say why a command may not be carried out on an interaction with these facts.

        Args:
            facts: What the gateway said; None where the requester vouches for it.
            reason: The hold reason; None for an unhold.

        Returns:
            The objection in a sentence, one of its own for each cause; None where there is none.
        """
        if facts is None:
            return None
        if facts.state == "not_found":
            return "the gateway does not know the interaction (404)"
        if facts.state in {"closed", "abandoned"}:
            return f"the interaction is {facts.state}"
        if self.org_id is not None and facts.org_id != self.org_id:
            return f"the interaction belongs to organisation {facts.org_id!r}, not {self.org_id!r}"
        group_id = facts.skill_group_id
        if not group_id:
            return "the interaction has no skill group (routingData.skillGroup.id is missing)"
        group = self.group(group_id)
        if group_id in self.deny or (group is not None and group.deny):
            return f"the skill group {group_id!r} is denied by policy"
        if self.allow and group_id not in self.allow:
            return f"the skill group {group_id!r} is not among those that the policy allows"
        if reason is not None and reason not in self.reasons_of(group_id):
            return f"the skill group {group_id!r} does not allow the hold reason {reason!r}"
        return None
