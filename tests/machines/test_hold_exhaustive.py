"""Exhaustive tests: every short sequence of events, and every state that can be reached at all.

Replaying 20 ** 5 sequences one by one would take minutes and check the same steps again and again.
Instead sequences are merged when they lead to worlds that no later event can tell apart (see
`abstract`): layer by layer, each such world is stepped by the whole alphabet once, with all checks
of `check_step` and `check_world`, and carries along how many sequences lead to it. At the end these
numbers must add up to all sequences of that length: none was left out. That merged worlds do
behave alike is tested too.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from tests.machines.hold_world import PENDING, PLAIN, POLICIES, VARIANTS, World, abstract, new_world

Key = tuple[Any, ...]

WITHOUT_EARLIER = tuple(
    name for name in VARIANTS if ":earlier_" not in name and ":answered" not in name
)
"""All but the answers of ended frames: these change nothing but what is known of such frames."""


def fine(world: World) -> Key:
    """Merge what no event can tell apart."""
    return abstract(world)


def without_earlier(world: World) -> Key:
    """Merge what no event can tell apart that is no answer of an ended frame."""
    key = list(abstract(world, coarse=True))
    key[3] = None
    return tuple(key)


def covered(policy: str, alphabet: Iterable[str], length: int) -> int:
    """Step all sequences of *length* events; return how many these are."""
    names = tuple(alphabet)
    start = new_world(policy)
    layer: dict[Key, tuple[World, int]] = {fine(start): (start, 1)}
    for _ in range(length):
        following: dict[Key, tuple[World, int]] = {}
        for world, sequences in layer.values():
            for name in names:
                after, _ = world.step(name)
                key = fine(after)
                known, count = following.get(key, (after, 0))
                following[key] = (known, count + sequences)
        layer = following
    return sum(sequences for _, sequences in layer.values())


@pytest.mark.parametrize("policy", POLICIES)
def test_all_sequences_of_plain_events(policy: str) -> None:
    """All 20 ** 5 sequences of five events keep what the machine promises."""
    assert covered(policy, PLAIN, 5) == len(PLAIN) ** 5


@pytest.mark.parametrize("policy", POLICIES)
def test_all_sequences_of_variants(policy: str) -> None:
    """All sequences of four events in every variant keep what the machine promises."""
    assert covered(policy, VARIANTS, 4) == len(VARIANTS) ** 4


@pytest.mark.parametrize("policy", ["release", "expire-watch"])
def test_worlds_that_are_merged_behave_alike(policy: str) -> None:
    """Two ways into the same abstract state: every event takes the same row, to the same state."""
    start = new_world(policy)
    ways: dict[Key, list[World]] = defaultdict(list, {fine(start): [start]})
    layer = [start]
    for _ in range(4):
        following: list[World] = []
        for world in layer:
            for name in VARIANTS:
                after, _ = world.step(name)
                found = ways[fine(after)]
                if not found:
                    following.append(after)
                if len(found) < 3:
                    found.append(after)
        layer = following
    compared = 0
    for first, *others in ways.values():
        for name in VARIANTS if others else ():
            after, step = first.step(name)
            for other in others:
                other_after, other_step = other.step(name)
                assert other_step.transition is step.transition, name
                assert fine(other_after) == fine(after), name
                compared += 1
    assert compared > 1000


def reachable(
    policy: str, alphabet: Iterable[str], key: Callable[[World], Key]
) -> dict[Key, tuple[World, dict[str, Key]]]:
    """Return every world that can be reached, with where each event leads."""
    names = tuple(alphabet)
    start = new_world(policy)
    found: dict[Key, tuple[World, dict[str, Key]]] = {key(start): (start, {})}
    waiting = [key(start)]
    while waiting:
        world, ways = found[waiting.pop()]
        for name in names:
            after, _ = world.step(name)
            ways[name] = key(after)
            if ways[name] not in found:
                found[ways[name]] = (after, {})
                waiting.append(ways[name])
    return found


GATEWAY_ANSWERS: dict[str, Callable[[Any], bool]] = {
    "sent": lambda world: unanswered(world) and world.interaction.pending.sent_at is None,
    "ack_timer_fired": lambda world: world.interaction.timer("ack") is not None,
    "lookup_timer_fired": lambda world: world.interaction.timer("lookup") is not None,
    "limit_timer_fired": lambda world: world.interaction.timer("limit") is not None,
    "release_timer_fired": lambda world: world.interaction.timer("release") is not None,
    "observed_held:lookup": lambda world: world.asked_at is not None,
    "observed_active:lookup": lambda world: world.asked_at is not None,
}
"""What happens by itself: the socket takes frames, timers fire, lookups are answered. No caller
does anything, and no acknowledgement ever comes."""


def unanswered(world: World) -> bool:
    """Tell whether a command is pending that was not refused."""
    pending = world.interaction.pending
    return pending is not None and pending.refusal is None


def states_on_the_way(
    found: dict[Key, tuple[World, dict[str, Key]]], goal: Callable[[World], bool]
) -> set[Key]:
    """Return the worlds from which one with *goal* is reached by what happens by itself."""
    arrived = {key for key, (world, _) in found.items() if goal(world)}
    growing = True
    while growing:
        more = {
            key
            for key, (world, ways) in found.items()
            if key not in arrived
            and any(ways[name] in arrived for name, may in GATEWAY_ANSWERS.items() if may(world))
        }
        arrived |= more
        growing = bool(more)
    return arrived


@pytest.mark.parametrize("policy", POLICIES)
def test_no_reachable_state_is_without_a_way_out(policy: str) -> None:
    """However it got there: a command ends, and a hold past its limit is released, by itself."""
    found = reachable(policy, WITHOUT_EARLIER, without_earlier)
    settled = states_on_the_way(found, lambda world: world.interaction.state not in PENDING)
    assert settled == set(found), "every pending command ends without any acknowledgement"
    released = states_on_the_way(found, lambda world: world.interaction.data.hold is None)
    for key, (world, _) in found.items():
        hold = world.interaction.data.hold
        if hold is not None and hold.on_limit == "release" and not hold.watched:
            assert key in released, "a caller under the policy `release` is released by itself"
        elif world.interaction.state == "expired":
            assert world.interaction.timer("release") is not None, "somebody is reminded for ever"
    states = {world.interaction.state for world, _ in found.values()}
    assert states == {"active", "hold_pending", "held", "unhold_pending", "expired", "closed"}


@pytest.mark.parametrize("policy", POLICIES)
def test_closed_is_final(policy: str) -> None:
    """Nothing leads out of `closed`."""
    for world, ways in reachable(policy, WITHOUT_EARLIER, without_earlier).values():
        if world.interaction.state == "closed":
            assert {key[0] for key in ways.values()} == {"closed"}
