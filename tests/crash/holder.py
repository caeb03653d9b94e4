"""The holder: a service that is killed while it holds many callers must not forget one of them."""

import time
from pathlib import Path
from random import Random

import trio
from attrs import evolve, field, frozen
from tests.crash.invariants import Evidence, after_kill, at_gateway, read_diary
from tests.crash.plan import Plan
from tests.crash.processes import GatewayProcess, VictimProcess, gateway_process
from tests.crash.story import Story, read_story

from hookflash.machines.instants import Instant

GRACE_S = 2.0
POLL_S = 0.05
HOLDING_S = 60.0


@frozen(kw_only=True)
class Case:
    """When the holder is killed and when it comes back.

    Attributes:
        holds: How many callers it holds.
        limit_s: Their limit, in seconds.
        kill_after_s: Seconds from the last hold to the kill.
        down_s: Seconds from the kill to the restart.
    """

    holds: int = 1000
    limit_s: float = 10.0
    kill_after_s: float = 3.0
    down_s: float = 1.5

    @property
    def overdue(self) -> bool:
        """Whether limits pass while nobody is there."""
        return self.kill_after_s + self.down_s > self.limit_s


IN_TIME = Case()
OVERDUE = Case(kill_after_s=0.5, down_s=11.0)


@frozen(kw_only=True)
class Outcome:
    """What became of the callers; in seconds.

    Attributes:
        held_for_max_s: The longest hold, from its acknowledgement to its release.
        connected_to_released_s: From the connection after the restart to the last release.
        go_to_connected_s: From the restart to the connection, recovery included.
        broken: What is not as it must be.
    """

    held_for_max_s: float
    connected_to_released_s: float
    go_to_connected_s: float
    broken: list[str] = field(factory=list[str])

    def text(self) -> str:
        """Return the outcome in one line."""
        return (
            f"longest hold {self.held_for_max_s:.2f} s; restart to connection"
            f" {self.go_to_connected_s:.2f} s, connection to last release"
            f" {self.connected_to_released_s:.2f} s; invariants broken: {len(self.broken)}"
        )


async def kill_holder(case: Case, folder: Path, seed: int) -> Outcome:
    """Hold, kill, restart, and see how long the callers were held.

    Raises:
        CrashTestError: A program did not start or ended by itself.
    """
    chance = Random(seed)
    calls = tuple(
        f"{chance.getrandbits(32):08x}-0000-4000-8000-{n:012x}" for n in range(case.holds)
    )
    files = folder / "files"
    files.mkdir()
    async with gateway_process(folder, seed=seed, faults="", ack_ms=0.0) as gateway:
        plan = Plan(
            mode="hold",
            folder=str(files),
            host=gateway.host,
            ca_file=str(gateway.ca_file),
            life=0,
            seed=seed,
            ours=calls,
            limit_s=case.limit_s,
            concurrency=50,
        )
        ended_at = [await _hold_and_be_killed(plan, case, folder)]
        standby = await VictimProcess.start(folder / "victims.log")
        try:
            await standby.ready()
            await trio.sleep(max(0.0, case.down_s - (_now() - ended_at[0]) / 1e6))
            await _watch_until_released(standby, evolve(plan, mode="watch", life=1), case, gateway)
        finally:
            await standby.end()
        ended_at.append(_now())
        truth = await gateway.truth(calls)
    diaries = [read_diary(files, life) for life in (0, 1)]
    evidence = Evidence(files, read_story(files, case.limit_s), diaries, ended_at)
    # So much at once may be more than a monitor's queue bears: the campaign looks at monitors.
    broken = after_kill(evidence, None, frozenset())
    broken += at_gateway(truth, len(evidence.story.frames))
    held = [call for call, state in truth.states.items() if state != "active"]
    broken += [f"gateway: {call} is {truth.states[call]}" for call in held]
    return _outcome(case, evidence, broken)


async def _hold_and_be_killed(plan: Plan, case: Case, folder: Path) -> Instant:
    holder = await VictimProcess.start(folder / "victims.log")
    try:
        await holder.ready()
        await holder.begin(plan)
        with trio.fail_after(HOLDING_S):
            await holder.line()
        await holder.kill_after(case.kill_after_s)
        return _now()
    finally:
        await holder.end()


async def _watch_until_released(
    victim: VictimProcess, plan: Plan, case: Case, gateway: GatewayProcess
) -> None:
    """Let the service run until the gateway has released all, or for too long."""
    await victim.begin(plan)
    with trio.move_on_after(case.limit_s + 2 * GRACE_S):
        while (await gateway.truth()).statistics["unholds"] < case.holds:  # noqa: ASYNC110 - another process
            await trio.sleep(POLL_S)
    # The last acknowledgements are on their way.
    await victim.kill_after(0.5)


def _outcome(case: Case, evidence: Evidence, broken: list[str]) -> Outcome:
    story: Story = evidence.story
    again = {line["what"]: line["at"] for line in evidence.diaries[1]}
    connected_at = again.get("connected", evidence.ended_at[1])
    released = story.hold_ends
    if len(released) != case.holds:
        broken.append(f"holds: {len(released)} of {case.holds} came to an end")
    held_for_s = max(((end.at - end.since) / 1e6 for end in released), default=0.0)
    last_s = (max((end.at for end in released), default=connected_at) - connected_at) / 1e6
    if not case.overdue and held_for_s > case.limit_s + GRACE_S:
        broken.append(f"holds: one lasted {held_for_s:.2f} s, its limit is {case.limit_s} s")
    if case.overdue and last_s > GRACE_S:
        broken.append(f"holds: an overdue one was released {last_s:.2f} s after the connection")
    return Outcome(
        held_for_max_s=held_for_s,
        connected_to_released_s=last_s,
        go_to_connected_s=(connected_at - again["go"]) / 1e6,
        broken=broken,
    )


def _now() -> Instant:
    return Instant(time.time_ns() // 1000)
