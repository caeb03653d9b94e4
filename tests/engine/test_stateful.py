"""Engine, adapter and simulator against a model of what people did: any sequence, on virtual time.

A test case is a list of deeds. It is run on a mock clock; afterwards nothing goes wrong any more,
and what the engine believes must be what the simulator knows.
"""

from random import Random

import trio
import trio.lowlevel
import trio.testing
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.schedule import deterministic
from tests.support.world import World, make_settings, open_world

from hookflash.adapters.simulator import Faults
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import CommandError
from hookflash.machines.policy import HoldPolicy

CALLS = [f"{n:08x}-0000-4000-8000-00000000000a" for n in range(3)]
LIMIT_S = 30.0
ACK_TIMEOUT_S = 5.0
SETTLE_S = 300.0


@frozen
class Hold:
    call: str
    ack: str
    deadline_s: float | None


@frozen
class Unhold:
    call: str
    ack: str
    deadline_s: float | None


@frozen
class Pass:
    seconds: float


@frozen
class SomebodyElse:
    call: str
    does: str


@frozen
class Socket:
    what: str


Deed = Hold | Unhold | Pass | SomebodyElse | Socket

calls = st.sampled_from(CALLS)
acks = st.sampled_from(
    ["prompt", "lost", "unexecuted", "before", "at", "after", "twice", "refused", "refused_state"]
)
deadlines = st.sampled_from([None, 2.0, 30.0])
deeds = st.lists(
    st.one_of(
        st.builds(Hold, calls, acks, deadlines),
        st.builds(Unhold, calls, acks, deadlines),
        st.builds(Pass, st.sampled_from([0.0, 0.5, ACK_TIMEOUT_S, LIMIT_S * 0.8, LIMIT_S])),
        st.builds(SomebodyElse, calls, st.sampled_from(["hold", "unhold", "close"])),
        st.builds(Socket, st.sampled_from(["close", "cut", "down", "up"])),
    ),
    min_size=1,
    max_size=14,
)


def script(world: World, call: str, ack: str) -> None:
    """Script what becomes of the next command of *call*."""
    match ack:
        case "lost":
            world.simulator.next_ack(call, lost=True)
        case "unexecuted":
            world.simulator.next_ack(call, unexecuted=True)
        case "before" | "at" | "after":
            late_s = {"before": -0.001, "at": 0.0, "after": 0.001}[ack]
            world.simulator.next_ack(call, delay_s=ACK_TIMEOUT_S + late_s)
        case "twice":
            world.simulator.next_ack(call, duplicate=2)
        case "refused":
            world.simulator.next_ack(call, refused={"code": 503})
        case "refused_state":
            world.simulator.next_ack(call, refused={"code": 409}, with_state=True)
        case _:
            pass


async def command(world: World, deed: Hold | Unhold, outcomes: list[str]) -> None:
    script(world, deed.call, deed.ack)
    try:
        if isinstance(deed, Hold):
            result = await world.controller.hold(
                deed.call, reason="queueing", priority=5, deadline_s=deed.deadline_s
            )
        else:
            result = await world.controller.unhold(
                deed.call, priority=5, force=True, deadline_s=deed.deadline_s
            )
    except CommandError as error:
        outcomes.append(error.outcome)
    else:
        outcomes.append(result.outcome)


def interfere(world: World, deed: SomebodyElse | Socket) -> None:
    match deed:
        case SomebodyElse(call, "hold"):
            world.simulator.hold_by_agent(call)
        case SomebodyElse(call, "unhold"):
            world.simulator.unhold_by_agent(call)
        case SomebodyElse(call, _):
            world.simulator.close(call)
        case Socket("close"):
            world.simulator.close_sockets()
        case Socket("cut"):
            world.simulator.cut_connections()
        case Socket(what):
            world.network.down = what == "down"


async def live(deeds: list[Deed], policy: HoldPolicy, seed: int) -> None:
    async with open_world(settings=make_settings(policy), seed=seed) as world:
        outcomes: list[str] = []
        asked = 0
        async with trio.open_nursery() as nursery:
            for deed in deeds:
                if isinstance(deed, Pass):
                    await trio.sleep(deed.seconds)
                elif isinstance(deed, Hold | Unhold):
                    asked += 1
                    nursery.start_soon(command, world, deed, outcomes)
                    await trio.lowlevel.checkpoint()
                else:
                    interfere(world, deed)
            world.network.down = False
        world.simulator.use_faults(Faults())
        await trio.sleep(SETTLE_S)
        assert asked == len(outcomes)
        assert_settled(world, asked)


def assert_settled(world: World, asked: int) -> None:
    ends = [
        effect
        for record in world.records
        for effect in record.effects
        if isinstance(effect, EndCommand)
    ]
    assert len(ends) == len({end.command_id for end in ends})
    assert asked == sum(end.actor == "caller" for end in ends)
    assert len(ends) <= len(world.audit_lines)
    for snapshot in world.controller.interactions():
        truth = world.simulator.state_of(snapshot.id)
        believed = "held" if snapshot.state in {"held", "expired"} else snapshot.state
        assert truth == believed, (snapshot, truth)
        assert snapshot.pending is None
        if truth == "held" and world.controller.policy.on_limit == "release":
            assert snapshot.limit_at is not None
            assert world.controller.now() <= snapshot.limit_at


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(deeds, st.sampled_from(["release", "expire"]), st.integers(0, 3))
def test_whatever_people_do_the_engine_knows_the_truth(
    deeds: list[Deed], on_limit: str, seed: int
) -> None:
    """After any deeds the engine believes what is true, and every command ended once."""
    policy = HoldPolicy(limit_s=LIMIT_S, on_limit=on_limit)  # type: ignore[arg-type]
    with deterministic(Random(seed).randrange(2**32)):
        trio.run(live, deeds, policy, seed, clock=trio.testing.MockClock(autojump_threshold=0))
