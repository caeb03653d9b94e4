"""The pure state of the gateway."""

import uuid

import attrs
import pytest

from hookflash.adapters.simulator import Command, World
from hookflash.adapters.simulator.world import Refused, iso_time

ONE = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a001"


def hold(interaction_id: str = ONE) -> Command:
    """A hold with a fresh correlation id."""
    return Command("hold", interaction_id, str(uuid.uuid4()), 5, "queueing")


def unhold(interaction_id: str = ONE) -> Command:
    """An unhold with a fresh correlation id."""
    return Command("unhold", interaction_id, str(uuid.uuid4()), 5)


async def test_an_unmentioned_uuid_is_an_active_interaction() -> None:
    """Its org is org-1 and its skill group sg-1."""
    found = World().metadata(ONE)
    assert found == {
        "id": ONE,
        "state": "active",
        "routingData": {"orgId": "org-1", "skillGroup": {"id": "sg-1", "name": "Skill group 1"}},
    }


async def test_holds_and_unholds_change_the_state() -> None:
    """A hold begins at its time, an unhold ends it."""
    world = World()
    assert world.execute(hold(), 1_000.5) == "held"
    assert world.interaction(ONE).held_since_s == 1_000.5
    found = world.metadata(ONE)
    assert found is not None
    assert found["heldSince"] == "1970-01-01T00:16:40.500Z"
    assert world.execute(unhold(), 1_001.0) == "active"
    assert world.interaction(ONE).held_since_s is None
    assert world.all_states() == {ONE: "active"}


async def test_a_hold_of_a_held_one_is_counted_and_keeps_its_start() -> None:
    """It is a success nevertheless, and so is an unhold of an active one."""
    world = World()
    world.execute(hold(), 1.0)
    assert world.execute(hold(), 2.0) == "held"
    assert world.interaction(ONE).held_since_s == 1.0
    world.execute(unhold(), 3.0)
    assert world.execute(unhold(), 4.0) == "active"
    counts = world.statistics()
    assert (counts.holds, counts.holds_of_held) == (2, 1)
    assert (counts.unholds, counts.unholds_of_active) == (2, 1)


@pytest.mark.parametrize("state", ["closed", "abandoned"])
async def test_what_has_ended_refuses_with_its_state(state: str) -> None:
    """Neither commands nor other people change it any more."""
    world = World()
    assert world.change(ONE, state, 1.0)
    assert world.execute(hold(), 2.0) == Refused(409, f"interaction is {state}", state)
    assert not world.change(ONE, "held", 3.0)
    assert world.state_of(ONE) == state
    assert world.statistics().commands_ineligible == 1


async def test_an_unknown_interaction_has_no_metadata_and_refuses() -> None:
    """It is as if the gateway had never heard of it."""
    world = World()
    world.put(ONE, now_s=0.0, unknown=True)
    assert world.metadata(ONE) is None
    result = world.execute(hold(), 1.0)
    assert isinstance(result, Refused)
    assert (result.code, result.state) == (404, None)


async def test_org_and_skill_group_can_be_missing() -> None:
    """Empty ones are left out of the metadata, not null."""
    world = World()
    world.put(ONE, now_s=100.0, state="held", held_for_s=40.0, org_id="", skill_group_id="")
    assert world.metadata(ONE) == {
        "id": ONE,
        "state": "held",
        "routingData": {},
        "heldSince": iso_time(60.0),
    }


async def test_a_change_to_the_same_state_is_none() -> None:
    """Nobody is told, nothing is counted."""
    world = World()
    assert not world.change(ONE, "active", 1.0)
    assert world.statistics().foreign_changes == 0


async def test_ids_are_compared_without_regard_to_case() -> None:
    """And what is no UUID is an error."""
    world = World()
    world.execute(hold(ONE.upper()), 1.0)
    assert world.state_of(ONE) == "held"
    with pytest.raises(ValueError, match="not a UUID"):
        world.state_of("one")


async def test_reused_correlation_ids_are_counted() -> None:
    """Only the last 10,000 are remembered."""
    world = World()
    ids = [str(uuid.uuid4()) for _ in range(10_001)]
    for correlation_id in [*ids, ids[0], ids[-1]]:
        world.note_correlation(correlation_id)
    assert world.statistics().commands == 10_003
    assert world.statistics().reused_correlations == 1


async def test_statistics_are_a_frozen_copy() -> None:
    """Later counts do not change an earlier copy, and nobody can."""
    world = World()
    before = world.statistics()
    world.execute(hold(), 1.0)
    assert (before.holds, world.statistics().holds) == (0, 1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        before.holds = 7  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    assert [each.id for each in world.interactions()] == [ONE]
