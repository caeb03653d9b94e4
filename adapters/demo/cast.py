"""Who plays in the demo and when: drawn from the seed, before anything starts."""

from random import Random
from typing import Final, Literal

from attrs import frozen

from hookflash.adapters.demo.pace import Pace
from hookflash.engine.clock import SteadyClock

Role = Literal[
    "ordinary",
    "lost ack",
    "lost ack, unhold",
    "lost unhold",
    "lost hold",
    "late ack",
    "duplicate ack",
    "refused",
    "released at limit",
    "expires",
    "foreign hold",
    "foreign unhold",
    "hangs up",
    "denied group",
    "already over",
    "cut off",
    "waits for socket",
]
"""What becomes of an interaction."""

HOW_MANY: Final[dict[Role, int]] = {
    "ordinary": 10,
    "lost ack": 3,
    "lost ack, unhold": 2,
    "lost unhold": 2,
    "lost hold": 1,
    "late ack": 3,
    "duplicate ack": 3,
    "refused": 2,
    "released at limit": 3,
    "expires": 2,
    "foreign hold": 2,
    "foreign unhold": 2,
    "hangs up": 2,
    "denied group": 1,
    "already over": 1,
    "cut off": 2,
    "waits for socket": 2,
}
"""The cast: 43 interactions."""

FREE: Final = frozenset[Role](
    {"ordinary", "released at limit", "expires", "denied group", "already over"}
)
"""Roles that the loss of the control socket does not spoil; they play whenever they like."""

OUTAGE: Final = frozenset[Role]({"cut off", "waits for socket"})
"""Roles that play while the socket is lost."""

GENERAL, STRICT, DECIDED, DENIED = "sg-service", "sg-sales", "sg-claims", "sg-legal"
"""Skill groups: of the general policy; with a short limit that releases; with one that expires and
waits for a decision; and one whose callers may not be held."""

_GROUPS: Final[dict[Role, str]] = {
    "released at limit": STRICT,
    "foreign hold": STRICT,
    "expires": DECIDED,
    "denied group": DENIED,
}
_REASONS: Final = ("queueing", "consultation", "system_issue", "agent_break")


@frozen
class Part:
    """One interaction and what becomes of it.

    Attributes:
        id: The interaction.
        role: What becomes of it.
        skill_group: Its skill group.
        act: 1 before the socket is lost, 2 after it; roles that are free play through both.
        start_s: When it begins, from the beginning of its act.
        hold_s: How long its caller is held, where nothing else ends the hold.
        reason: The hold reason.
        priority: The resume priority.
    """

    id: str
    role: Role
    skill_group: str
    act: Literal[1, 2]
    start_s: float
    hold_s: float
    reason: str
    priority: int


def draw_cast(seed: int, pace: Pace) -> tuple[Part, ...]:
    """Return the cast that *seed* draws; the same seed and pace give the same.

    Args:
        seed: Any whole number.
        pace: How long things take.
    """
    chance = Random(f"cast {seed}")  # noqa: S311 - a play, not a secret
    ids = SteadyClock(chance=chance)
    roles: list[Role] = [role for role, count in HOW_MANY.items() for _ in range(count)]
    chance.shuffle(roles)
    played: dict[Role, int] = {}
    parts: list[Part] = []
    for role in roles:
        # Of each role that has two, one plays in each act, whatever is drawn.
        if role not in played:
            played[role] = chance.randrange(2)
        played[role] += 1
        late_start = role in FREE and role != "expires"
        span_s = pace.play_s if late_start else pace.act_s
        parts.append(
            Part(
                ids.new_id(),
                role,
                _GROUPS.get(role, GENERAL),
                1 if role in FREE or played[role] % 2 else 2,
                chance.uniform(0.0, span_s),
                chance.uniform(pace.hold_min_s, pace.hold_max_s),
                chance.choice(_REASONS),
                chance.randrange(10),
            )
        )
    return tuple(sorted(parts, key=lambda part: (part.act, part.start_s)))
