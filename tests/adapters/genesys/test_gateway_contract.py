"""The interaction gateway keeps the promises of the engine's port."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from attrs import define
from tests.adapters.genesys.gateway_contract import GatewayUnderTest, keep, promises
from tests.adapters.genesys.gateway_world import RecordingInbox, World, open_world
from trio.testing import MockClock

from hookflash.engine.ports import Gateway


@define
class _Subject:
    gateway: Gateway
    inbox: RecordingInbox
    world: World

    def lose_link(self) -> None:
        self.world.simulator.close_sockets(abrupt=True)

    def refuse_next(self, interaction_id: str) -> None:
        self.world.simulator.next_ack(interaction_id, refused={"code": 409}, with_state=True)

    def hold_by_agent(self, interaction_id: str) -> None:
        self.world.simulator.hold_by_agent(interaction_id)


@asynccontextmanager
async def _open() -> AsyncGenerator[GatewayUnderTest]:
    async with open_world() as world:
        yield _Subject(world.gateway, world.inbox, world)


@promises
async def test_keeps_its_promise(
    autojump_clock: MockClock, promise: Callable[[GatewayUnderTest], Awaitable[None]]
) -> None:
    """One promise of the contract, over memory streams to the simulator."""
    del autojump_clock
    await keep(promise, _open)
