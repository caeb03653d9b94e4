"""A gateway under test, its simulator, and an inbox that remembers: the parts the tests share."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any, TypeVar, final
from uuid import uuid4

import orjson
import trio
import trio.testing
from attrs import define, field

from hookflash.adapters.genesys.interaction import InteractionGateway, InteractionGatewaySettings
from hookflash.adapters.genesys.interaction.settings import Counters
from hookflash.adapters.genesys.interaction.token import TokenSource
from hookflash.adapters.http import HttpClient
from hookflash.adapters.network import Network
from hookflash.adapters.simulator import Simulator
from hookflash.engine.clock import SteadyClock
from hookflash.engine.ports import Frame, FrameAcknowledged, FrameRefused, News
from hookflash.machines.connection import ConnectionPolicy
from hookflash.machines.effects import SendHold, SendUnhold
from hookflash.machines.errors import GatewayUnavailable
from hookflash.machines.instants import Instant

SECRET = "shibboleth-7f3a"
START = Instant(1_800_000_000_000_000)
Serve = Callable[[trio.abc.Stream], Awaitable[None]]
NewsT = TypeVar("NewsT")


@final
class StreamNetwork:
    """Memory streams to whatever serves them.

    Attributes:
        refused: Refuse to open any stream.
        opened: When streams were opened, in trio time.
    """

    def __init__(self, nursery: trio.Nursery, serve: Serve) -> None:
        self._nursery = nursery
        self._serve = serve
        self.refused = False
        self.problem = "refused"
        self.opened: list[float] = []
        self.attempts: list[float] = []
        self.wrap: Callable[[trio.abc.Stream], trio.abc.Stream] = lambda stream: stream

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a stream, unless refused."""
        del host, port, tls, server_name
        await trio.lowlevel.checkpoint()
        self.attempts.append(trio.current_time())
        if self.refused:
            raise GatewayUnavailable("the network is down", problem=self.problem)
        client, server = trio.testing.memory_stream_pair()
        self.opened.append(trio.current_time())
        self._nursery.start_soon(self._serve, server)
        return self.wrap(client)


@final
class RecordingInbox:
    """Remembers all that it is told, and when.

    Attributes:
        news: What was told, in order.
        known: The correlation ids whose answers are taken up; None takes all.
    """

    def __init__(self) -> None:
        self.news: list[News] = []
        self.times: list[float] = []
        self.known: set[str] | None = None
        self._changed = trio.Event()

    def tell(self, news: News) -> bool:
        """Remember *news*."""
        if (
            self.known is not None
            and isinstance(news, FrameAcknowledged | FrameRefused)
            and news.correlation_id not in self.known
        ):
            return False
        self.news.append(news)
        self.times.append(trio.current_time())
        self._changed.set()
        self._changed = trio.Event()
        return True

    def all_of(self, cls: type[NewsT]) -> list[NewsT]:
        """Return all news of a class."""
        return [news for news in self.news if isinstance(news, cls)]

    async def next_of(self, cls: type[NewsT], count: int = 1) -> NewsT:
        """Wait until there were *count* news of a class; return the last of them."""
        while len(found := self.all_of(cls)) < count:
            await self._changed.wait()
        return found[count - 1]


@define
class World:
    """What a test works with."""

    nursery: trio.Nursery
    simulator: Simulator
    network: StreamNetwork
    inbox: RecordingInbox
    gateway: InteractionGateway
    clock: SteadyClock
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    interaction_id: str = field(factory=lambda: str(uuid4()))

    def hold(self, interaction_id: str | None = None, *, priority: int = 5) -> str:
        """Send a hold and return its correlation id."""
        correlation_id = self.clock.new_id()
        command = SendHold(correlation_id, "consultation", priority)
        self.gateway.send(Frame(interaction_id or self.interaction_id, command, priority))
        return correlation_id

    def unhold(self, interaction_id: str | None = None, *, priority: int = 5) -> str:
        """Send an unhold and return its correlation id."""
        correlation_id = self.clock.new_id()
        command = SendUnhold(correlation_id, priority)
        self.gateway.send(Frame(interaction_id or self.interaction_id, command, priority))
        return correlation_id

    async def run(self) -> None:
        """Run the gateway until `scope` is cancelled."""
        with self.scope:
            await self.gateway.run(self.inbox)


def settings(**changes: Any) -> InteractionGatewaySettings:
    """Return settings for a test: no jitter, so that times are what the protocol says."""
    values: dict[str, Any] = {
        "host": "gateway.test",
        "client_id": "client",
        "client_secret": SECRET,
        "reconnect": ConnectionPolicy(jitter=0.0),
    }
    return InteractionGatewaySettings(**{**values, **changes})


@asynccontextmanager
async def open_world(
    *, running: bool = True, serve: Serve | None = None, **changes: Any
) -> AsyncGenerator[World]:
    """Open a gateway over memory streams to a simulator, or to *serve*.

    Args:
        running: Whether the gateway runs already.
        serve: What serves the streams; None is the simulator.
        **changes: Settings.
    """
    simulator = Simulator(seed=1)
    async with trio.open_nursery() as nursery:
        network = StreamNetwork(nursery, serve or simulator.serve_stream)
        clock = SteadyClock(started_at=START, chance=Random(1))
        gateway = InteractionGateway(settings(**changes), clock, network, Random(1))
        world = World(nursery, simulator, network, RecordingInbox(), gateway, clock)
        if running:
            nursery.start_soon(world.run)
        yield world
        nursery.cancel_scope.cancel()


def make_tokens(
    network: Network, clock: SteadyClock, **changes: Any
) -> tuple[TokenSource, Counters]:
    """Return a token source of its own, and its counts."""
    counters = Counters()
    source = TokenSource(
        HttpClient(network),
        "https://gateway.test",
        settings=settings(**changes),
        clock=clock,
        chance=Random(1),
        counters=counters,
    )
    return source, counters


# --- a server that says what it is told to --------------------------------------------------------


@final
class CannedServer:
    """Answers HTTP requests with what it was given, in order; the last answer repeats.

    Attributes:
        requests: The requests, head and body.
        times: When they came, in trio time.
    """

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []
        self.times: list[float] = []

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection; an empty answer hangs up."""
        buffered = b""
        async with stream:
            while True:
                while b"\r\n\r\n" not in buffered:
                    received = await stream.receive_some()
                    if not received:
                        return
                    buffered += received
                head, _, rest = buffered.partition(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                while len(rest) < length:
                    rest += await stream.receive_some()
                self.requests.append(head + b"\r\n\r\n" + rest[:length])
                self.times.append(trio.current_time())
                buffered = rest[length:]
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                if not answer:
                    return
                await stream.send_all(answer)


def answer(
    status: int, body: Any = None, headers: Mapping[str, str] | None = None, *, raw: bytes = b""
) -> bytes:
    """Return an HTTP answer with a JSON body, or a raw one."""
    content = raw or (b"" if body is None else orjson.dumps(body))
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def token_answer(**changes: Any) -> bytes:
    """Return the answer of a token endpoint; a change to None leaves the member out."""
    body = {"access_token": "tok-1", "token_type": "bearer", "expires_in": 3600, **changes}
    return answer(200, {name: value for name, value in body.items() if value is not None})
