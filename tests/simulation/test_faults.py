"""Seeded fault simulation: anything may fail, nothing wrong may happen; then all must settle.

One seed decides everything: the schedule, the faults, the people at the gateway. A failure prints
the seed; `pytest tests/simulation --seed N` runs just that one again.
"""

from random import Random

import pytest
import trio
import trio.testing
from tests.support.schedule import deterministic
from tests.support.world import World, make_settings, open_world

from hookflash.adapters.simulator import Faults
from hookflash.adapters.simulator.faults import (
    AckFaults,
    AckRefusal,
    EndpointFaults,
    EndpointRefusal,
    ForeignFaults,
    FrameFaults,
    SocketFaults,
    TokenFaults,
)
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import CommandError
from hookflash.machines.policy import HoldPolicy

CALLS = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(12)]
COMMANDS = 60
SETTLE_S = 400.0
"""Faults have ended; the longest chain is a rest after giving up (60 s), a doubt, a resend, a
second doubt and a release pause (60 s), with lookups that back off up to 30 s between."""


def swarm(chance: Random, *, foreign: bool) -> Faults:
    """Draw what goes wrong in this run; each kind is off in about half of the runs."""

    def share(most: float) -> float:
        return chance.choice([0.0, chance.uniform(0.0, most)])

    return Faults(
        acks=AckFaults(
            lost=share(0.2),
            late=share(0.2),
            duplicate=share(0.3),
            unexecuted=share(0.15),
            refusals=(
                AckRefusal(share=share(0.1), code=429, retry_after_s=1.0),
                AckRefusal(share=share(0.1), code=500),
                AckRefusal(share=share(0.1), code=409, with_state=True),
            ),
        ),
        frames=FrameFaults(garbage=share(0.3), kinds=("not_json", "not_object", "unknown_shape")),
        sockets=SocketFaults(close_every=chance.choice([0, 7, 25]), abrupt=chance.random() < 0.5),
        foreign=ForeignFaults(hold=share(0.1), unhold=share(0.1), close=share(0.02))
        if foreign
        else ForeignFaults(),
        token=TokenFaults(lifetime_s=chance.choice([5.0, 3600.0])),
        metadata=EndpointFaults(
            slow=share(0.2),
            refusals=(
                EndpointRefusal(share=share(0.1), status=429, retry_after_s=1.0),
                EndpointRefusal(share=share(0.1), status=503),
            ),
        ),
        upgrade=EndpointFaults(refusals=(EndpointRefusal(share=share(0.2), status=503),)),
    )


async def command(world: World, call: str, chance: Random, outcomes: list[str]) -> None:
    deadline_s = chance.choice([None, 3.0, 30.0])
    try:
        if chance.random() < 0.5:
            result = await world.controller.hold(
                call, reason="queueing", priority=chance.randrange(10), deadline_s=deadline_s
            )
        else:
            result = await world.controller.unhold(
                call, priority=chance.randrange(10), force=True, deadline_s=deadline_s
            )
        outcomes.append(result.outcome)
    except CommandError as error:
        outcomes.append(error.outcome)


async def run(seed: int) -> None:
    chance = Random(seed)
    foreign = chance.random() < 0.5
    policy = HoldPolicy(
        limit_s=chance.choice([20.0, 900.0]), on_limit=chance.choice(["release", "expire"])
    )
    async with open_world(
        seed=seed,
        faults=swarm(chance, foreign=foreign),
        settings=make_settings(policy),
        connected=False,
    ) as world:
        outcomes: list[str] = []
        async with trio.open_nursery() as nursery:
            for _ in range(COMMANDS):
                nursery.start_soon(command, world, chance.choice(CALLS), chance, outcomes)
                await trio.sleep(chance.choice([0.0, 0.01, 1.0]))
                if chance.random() < 0.02:
                    world.simulator.cut_connections()
        check_safety(world, foreign=foreign)
        world.simulator.use_faults(Faults())
        await trio.sleep(SETTLE_S)
        check_safety(world, foreign=foreign)
        check_settled(world, outcomes)


def check_safety(world: World, *, foreign: bool) -> None:
    statistics = world.simulator.statistics()
    if not foreign:
        assert 0 == statistics.holds_of_held
        assert 0 == statistics.unholds_of_active
    assert 0 == statistics.reused_correlations
    assert 0 == statistics.invalid_commands
    ends = [
        effect.command_id
        for record in world.records
        for effect in record.effects
        if isinstance(effect, EndCommand)
    ]
    assert len(set(ends)) == len(ends), "a command ended twice"
    assert list(range(1, len(world.records) + 1)) == [record.seq for record in world.records]


def check_settled(world: World, outcomes: list[str]) -> None:
    assert COMMANDS == len(outcomes)
    ours = [line for line in world.audit_lines if line["actor"] == "caller"]
    assert COMMANDS == len(ours)
    assert len(world.audit_lines) == len(
        [t for t in world.told if t["event"] in {"hold", "unhold"}]
    )
    policy = world.controller.policy
    now = world.controller.now()
    for snapshot in world.controller.interactions():
        assert snapshot.pending is None, snapshot
        truth = world.simulator.state_of(snapshot.id)
        held = truth == "held"
        assert held == (snapshot.state in {"held", "expired"}), (snapshot, truth)
        if held and policy.on_limit == "release":
            assert snapshot.limit_at is not None
            assert now <= snapshot.limit_at, f"forgotten past the limit: {snapshot}"
        if held and policy.on_limit == "expire" and snapshot.limit_at is not None:
            assert now <= snapshot.limit_at or snapshot.state == "expired"


def test_faults_settle(simulation_seed: int) -> None:
    """Whatever goes wrong, nothing is done twice, and when it stops all settles."""
    with deterministic(simulation_seed):
        trio.run(run, simulation_seed, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("seed", [1, 2])
def test_same_seed_same_story(seed: int) -> None:
    """A seed decides everything: two runs of it tell the same story."""

    async def story() -> list[object]:
        chance = Random(seed)
        async with open_world(seed=seed, faults=swarm(chance, foreign=True)) as world:
            outcomes: list[str] = []
            async with trio.open_nursery() as nursery:
                for call in CALLS:
                    nursery.start_soon(command, world, call, chance, outcomes)
            return [(r.seq, r.interaction_id, r.event, r.source, r.target) for r in world.records]

    def told() -> list[object]:
        with deterministic(seed):
            return trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))

    assert told() == told()
