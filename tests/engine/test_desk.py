"""The command desk: turns, bounds, and what callers are told when it does not come to sending."""

import uuid
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve
from tests.support.world import STARTED_AT, World, make_settings, open_world
from trio.testing import MockClock

from hookflash.adapters.simulator import Faults, Simulator
from hookflash.adapters.simulator.faults import EndpointFaults, EndpointRefusal
from hookflash.engine.commands import Command
from hookflash.machines.errors import (
    CommandBusy,
    CommandError,
    GatewayUnavailable,
    InvalidCommand,
    NotAuthorized,
    OutcomeUnknown,
    RateLimited,
)

CALL = "11111111-1111-4111-8111-111111111111"


async def hold(world: World, deadline_s: float | None = 30.0) -> None:
    await world.controller.hold(CALL, reason="consultation", priority=5, deadline_s=deadline_s)


class Callers:
    """Callers at the same time, and what each was told.

    Attributes:
        told: The errors; None for a success.
    """

    def __init__(self, world: World, nursery: trio.Nursery) -> None:
        self._world = world
        self._nursery = nursery
        self.told: list[CommandError | None] = []

    async def ask(self, deadline_s: float | None = 30.0) -> None:
        """Give a hold that goes on in the background, until all there is to do is to wait."""
        self._nursery.start_soon(self._hold, deadline_s)
        await trio.testing.wait_all_tasks_blocked()

    async def _hold(self, deadline_s: float | None) -> None:
        try:
            await hold(self._world, deadline_s)
        except CommandError as error:
            self.told.append(error)
        else:
            self.told.append(None)


async def test_only_so_many_wait_for_an_interaction(autojump_clock: MockClock) -> None:
    """One more is refused at once, as busy; those before it end as if it had not been."""
    settings = make_settings(queue_per_interaction=2)
    async with open_world(settings=settings) as world:
        world.simulator.next_ack(CALL, withheld=True)
        async with trio.open_nursery() as nursery:
            callers = Callers(world, nursery)
            for _ in range(3):
                await callers.ask()
            began_s = trio.current_time()
            with pytest.raises(CommandBusy, match="2 commands wait for this interaction") as caught:
                await hold(world)
            assert trio.current_time() == began_s
            world.simulator.release_acks(CALL)

        assert caught.value.interaction_id == CALL
        assert callers.told == [None, None, None]


async def test_whoever_waits_behind_another_is_told_so(autojump_clock: MockClock) -> None:
    """Its deadline passes while it waits for its turn: nothing of it was sent."""
    async with open_world() as world:
        world.simulator.next_ack(CALL, withheld=True)
        async with trio.open_nursery() as nursery:
            callers = Callers(world, nursery)
            await callers.ask()
            with pytest.raises(GatewayUnavailable, match=r"an earlier command .* did not end"):
                await hold(world, 1.0)
            world.simulator.release_acks(CALL)
        await trio.sleep(10)

        assert callers.told == [None]
        assert world.simulator.statistics().commands == 1
        assert [line["outcome"] for line in world.audit_lines] == ["unavailable", "confirmed"]


async def test_facts_that_do_not_come_in_time(autojump_clock: MockClock) -> None:
    """Nothing is sent for an interaction of which nothing is known."""
    async with open_world() as world:
        world.simulator.next_metadata(CALL, delay_s=3.0)
        with pytest.raises(GatewayUnavailable, match="did not tell the state in time"):
            await hold(world, 1.0)
        await trio.sleep(10)

        assert world.simulator.statistics().commands == 0


async def test_facts_that_cannot_be_read_are_told(autojump_clock: MockClock) -> None:
    """They are asked for again until the deadline; then the caller learns what the last one was."""
    async with open_world() as world:
        for _ in range(8):
            world.simulator.next_metadata(CALL, state="x" * 1000)
        with pytest.raises(GatewayUnavailable, match=r"\$\.state") as caught:
            await hold(world, 5.0)

        assert "did not tell the state in time; nothing was sent: " in caught.value.message
        assert caught.value.advice == "see whether host and port are those of the gateway"
        assert world.simulator.statistics().commands == 0


async def test_lookups_that_are_too_many_tell_when_to_come_back(autojump_clock: MockClock) -> None:
    """The gateway's pause reaches the caller, although nothing was sent."""
    async with open_world() as world:
        for _ in range(3):
            world.simulator.next_metadata(CALL, status=429, retry_after_s=4.0)
        with pytest.raises(RateLimited, match=r"\(wait 4 s\)") as caught:
            await hold(world)

        assert caught.value.retry_after_s == 4.0
        assert world.simulator.statistics().commands == 0


async def test_a_socket_that_is_not_open_in_time(autojump_clock: MockClock) -> None:
    """While nothing answers, a command without facts waits and is told why it was in vain."""
    simulator = Simulator(seed=1, started_at=STARTED_AT)
    simulator.stop_accepting()
    async with open_world(simulator=simulator, connected=False) as world:
        with pytest.raises(GatewayUnavailable, match=r"socket|nothing was sent"):
            await hold(world, 2.0)

        assert world.controller.link_state != "connected"
        assert [line["outcome"] for line in world.audit_lines] == ["unavailable"]


async def test_giving_up_what_has_ended_changes_nothing(autojump_clock: MockClock) -> None:
    """A deadline that passes at the very moment of the end."""
    async with open_world() as world:
        desk = world.controller._engine.desk  # pyright: ignore[reportPrivateUsage] - a race
        command = Command("hold", CALL, "c-1", world.clock.now(), 5, "consultation")
        desk.submit(command)
        await desk.idle()
        records = len(world.records)

        assert command.ended is not None
        assert desk.give_up(command)
        assert len(world.records) == records
        assert len(world.audit_lines) == 1


async def test_facts_that_are_refused_end_all_that_wait_for_them(
    autojump_clock: MockClock,
) -> None:
    """403 stays 403: every waiting command learns it, long before its deadline."""
    refused = EndpointFaults(refusals=(EndpointRefusal(status=403, share=1.0),))
    async with open_world(faults=Faults(metadata=refused)) as world:
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            callers = Callers(world, nursery)
            for _ in range(3):
                nursery.start_soon(callers.ask)

        assert trio.current_time() - began_s < 5
        assert [type(error) for error in callers.told] == [NotAuthorized] * 3
        assert world.simulator.statistics().commands == 0
        assert [line["outcome"] for line in world.audit_lines] == ["unavailable"] * 3


async def test_attempts_that_are_used_up_end_all_that_wait(autojump_clock: MockClock) -> None:
    """A frame that waits for the socket is taken back; later commands learn it at once."""
    settings = make_settings()
    settings = evolve(settings, gateway=evolve(settings.gateway, reconnect_attempts=3))
    async with open_world(settings=settings) as world:
        await hold(world)
        await world.controller.unhold(CALL, priority=5)
        world.network.down = True
        world.simulator.close_sockets()
        await trio.sleep(0.1)
        async with trio.open_nursery() as nursery:
            callers = Callers(world, nursery)
            await callers.ask(None)
            await callers.ask(None)
            assert callers.told == []
        began_s = trio.current_time()
        with pytest.raises(GatewayUnavailable):
            await hold(world)

        assert trio.current_time() - began_s < 0.1
        assert [type(error) for error in callers.told] == [GatewayUnavailable] * 2
        assert world.controller.link_state == "given_up"
        assert world.simulator.statistics().commands == 2
        assert len(world.audit_lines) == 5


@pytest.mark.parametrize("known", [False, True])
async def test_what_is_unsent_can_be_given_up(autojump_clock: MockClock, *, known: bool) -> None:
    """With a reason or with what it waited for; what was sent goes on."""
    reason = NotAuthorized("no more", advice="ask somebody") if known else None
    async with open_world() as world:
        world.simulator.next_ack(CALL, withheld=True)
        async with trio.open_nursery() as nursery:
            callers = Callers(world, nursery)
            await callers.ask()
            await callers.ask()
            world.controller.give_up_unsent(reason)
            await trio.testing.wait_all_tasks_blocked()
            (error,) = callers.told
            world.simulator.release_acks(CALL)

        assert callers.told == [error, None]
        assert isinstance(error, GatewayUnavailable)
        assert (type(error) is NotAuthorized, error.advice == "ask somebody") == (known, known)
        assert ("an earlier command" in error.message) != known
        assert [line["outcome"] for line in world.audit_lines] == ["unavailable", "confirmed"]
        assert [error.correlation_id] == [
            line["correlationId"] for line in world.audit_lines if line["outcome"] == "unavailable"
        ]


@pytest.mark.parametrize("call", [None, 7, uuid.UUID(CALL)])
async def test_ids_are_text(autojump_clock: MockClock, call: Any) -> None:
    """One rule for all that takes an id: anything else is refused, with what to give instead."""
    async with open_world() as world:
        ask = world.controller
        with pytest.raises(
            InvalidCommand, match=f"must be a UUID as text, is of type {type(call).__name__}"
        ):
            await ask.hold(call, reason="queueing", priority=1)
        with pytest.raises(InvalidCommand, match="must be a UUID as text"):
            await ask.unhold(call, priority=1)
        with pytest.raises(InvalidCommand, match=r"must be a UUID as text.*str\(\)"):
            await ask.look_up(call)
        with pytest.raises(InvalidCommand, match=r"must be a UUID as text.*str\(\)"):
            ask.interaction(call)
        with pytest.raises(InvalidCommand, match="no UUID"):
            await ask.look_up("+49 30 1234567")

        assert ask.interaction("no-uuid") is None
        assert ask.interactions() == []
        assert world.simulator.statistics().metadata_requests == 0
        assert [line["outcome"] for line in world.audit_lines] == ["invalid", "invalid"]


async def test_an_invalid_command_leaves_no_interaction(autojump_clock: MockClock) -> None:
    """It is journaled and audited, and nothing is kept or sent for it."""
    async with open_world() as world:
        with pytest.raises(InvalidCommand):
            await world.controller.hold(CALL, reason="lunch", priority=5)

        assert world.controller.interaction(CALL) is None
        assert [line["outcome"] for line in world.audit_lines] == ["invalid"]
        assert world.simulator.statistics().metadata_requests == 0


@pytest.mark.parametrize("resumes", [False, True])
async def test_the_end_gives_up_what_is_under_way(
    autojump_clock: MockClock, *, resumes: bool
) -> None:
    """What was not sent is audited as such; what was, as unknown, unless a later run goes on.

    Whoever still waits learns it in either case.
    """
    told: list[CommandError | None] = []
    async with trio.open_nursery() as nursery:
        async with open_world(resumes=resumes) as world:
            world.simulator.next_ack(CALL, withheld=True)
            callers = Callers(world, nursery)
            await callers.ask(None)
            await callers.ask(None)
            told = callers.told
        outcomes = [line["outcome"] for line in world.audit_lines]

    assert outcomes == (["unavailable"] if resumes else ["unknown", "unavailable"])
    assert {type(error) for error in told} == {GatewayUnavailable, OutcomeUnknown}
