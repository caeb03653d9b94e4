"""The gateway's side of a replay: answers as it was recorded, over streams in memory.

The client is the real one: it speaks HTTP and WebSocket to what is here, which serves it with the
parts that serve the simulator's clients. What the client does is learnt from the tap, which tells
it before it happens.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any, Final, Literal, cast, final

import orjson
import trio
from attrs import define, field
from trio.testing import memory_stream_pair
from trio_websocket import wrap_server_stream

from hookflash.adapters.simulator.endpoints import METADATA_PATH, SOCKET_PATH
from hookflash.adapters.simulator.http_connection import (
    Answer,
    HttpRequest,
    Limits,
    serve_requests,
)
from hookflash.adapters.simulator.sockets import ControlSocket
from hookflash.adapters.simulator.streams import UpgradedStream
from hookflash.adapters.wire.entries import (
    Answered,
    Asked,
    Garbage,
    Opening,
    OpeningFailed,
    OpeningRefused,
    Sent,
)
from hookflash.adapters.wire.placeholders import restored
from hookflash.adapters.wire.playing.script import Cue, Expected, Script, frame_of
from hookflash.adapters.wire.playing.truth import Truth
from hookflash.adapters.wire.recorder import RecordedSocket, WireRecorder
from hookflash.adapters.wire.tap import ExchangeTap, SocketTap
from hookflash.machines.errors import GatewayUnavailable

US_PER_S: Final = 1_000_000

HORIZON_US: Final = 30_000_000
"""How much earlier than recorded the client may do something that still counts as the same."""

_SILENT: Final = frozenset({"timeout", "cancelled"})
"""Requests that ended like this were not answered; all others were cut."""

_LIMITS: Final = Limits(idle_s=86_400.0, max_connections=1_000)


@define(eq=False)
class LiveSocket:
    """An attempt of the client at a control socket.

    Attributes:
        conn: Which of the recording it stands for; None where none does.
        decided: Set as soon as it is known what becomes of it.
        answer: What the gateway answers in place of a socket; None for a socket.
        problem: Why no connection comes about at all; None for one.
        socket: The socket, once it is open.
        opened: Set once it is open.
        over: Whether it has ended.
        messages: How many messages were sent on it.
    """

    conn: int | None
    decided: trio.Event = field(factory=trio.Event)
    answer: Answer | None = None
    problem: str | None = None
    socket: ControlSocket | None = None
    opened: trio.Event = field(factory=trio.Event)
    over: bool = False
    messages: int = 0


@define(eq=False)
class LiveExchange:
    """A request of the client; its answer is there as soon as `decided` is set."""

    exchange: int | None
    interaction_id: str
    silent: bool = False
    decided: trio.Event = field(factory=trio.Event)
    answer: Answer = field(factory=Answer)


@final
class Player:
    """Stands where the gateway is: a `Network` to the client and a `WireTap` beside it.

    Args:
        script: What is to happen.
        recorder: Writes down what happens.
        nursery: Where connections are served.

    Attributes:
        expected: What the client is to do yet.
        truth: How the interactions stand.
        arrived: The cues that the client did, with the time when; microseconds from the beginning.
        ids: The correlation ids of the client's frames, by those of the recording.
    """

    def __init__(self, script: Script, recorder: WireRecorder, nursery: trio.Nursery) -> None:
        self._script = script
        self._recorder = recorder
        self._nursery = nursery
        self._begin_s = trio.current_time()
        self._happened = trio.Event()
        self._opening: deque[LiveSocket] = deque()
        self._asked: dict[str, deque[LiveExchange]] = defaultdict(deque)
        self._sockets: dict[int, LiveSocket] = {}
        self._exchanges: dict[int, LiveExchange] = {}
        self._current: LiveSocket | None = None
        self.expected = Expected.of(script)
        self.truth = Truth()
        for known in script.known:
            self.truth.begin(str(known.interaction.get("id")), str(known.interaction.get("state")))
        self.arrived: dict[int, int] = {}
        self.ids: dict[str, str] = {}

    def elapsed_us(self) -> int:
        """Return for how long it has been playing."""
        return round((trio.current_time() - self._begin_s) * US_PER_S)

    async def wait_until(self, us: int) -> None:
        """Wait until so much of the time has passed; returns at once if it has."""
        await trio.sleep_until(self._begin_s + us / US_PER_S)

    async def arrival_of(self, cue: Cue, until_us: int) -> int | None:
        """Wait until the client did *cue*; return when, or None where it did not in time."""
        with trio.move_on_at(self._begin_s + until_us / US_PER_S):
            while cue.index not in self.arrived:
                await self._happened.wait()
        return self.arrived.get(cue.index)

    def socket_of(self, conn: int) -> LiveSocket | None:
        """Return the client's socket that stands for a recorded one; None for none.

        Where that one was cut, it is the one that the client opened since.
        """
        live = self._sockets.get(conn)
        if (live is None or live.over) and self._current is not None and not self._current.over:
            return self._current
        return live

    def exchange_of(self, exchange: int) -> LiveExchange | None:
        """Return the client's request that stands for a recorded one; None for none."""
        return self._exchanges.get(exchange)

    # --- what the client does: the tap ------------------------------------------------------------

    def opening(self) -> SocketTap:
        """The client wants a control socket."""
        cue = self._take(("opening",))
        conn = None if cue is None else cast("Opening", cue.entry).conn
        live = LiveSocket(conn)
        if conn is None:
            live.decided.set()
        else:
            self._sockets[conn] = live
        self._opening.append(live)
        return _Tapped(self._recorder.opening(), self, live)

    def asking(self, to: Literal["token", "lookup"], interaction_id: str | None) -> ExchangeTap:
        """The client makes a request."""
        name = interaction_id or ""
        cue = self._take(("asked", to, name.lower()))
        exchange = None if cue is None else cast("Asked", cue.entry).exchange
        live = LiveExchange(exchange, name)
        if exchange is None:
            live.answer = self._improvised(to, name)
            live.decided.set()
        else:
            self._exchanges[exchange] = live
            live.silent = self._script.unanswered.get(exchange) in _SILENT
        self._asked[name.lower()].append(live)
        return _TappedExchange(self._recorder.asking(to, interaction_id), self, live)

    def sent(self, live: LiveSocket, message: str | bytes) -> None:
        """The client writes a frame."""
        frame: dict[str, Any] = orjson.loads(message)
        found = frame_of(frame)
        if found is None:
            return
        action, interaction_id, correlation_id = found
        cue = self._take(("sent", action, interaction_id.lower()))
        if cue is not None:
            recorded = cast("Sent", cue.entry).frame or {}
            self.ids[recorded["correlationId"]] = correlation_id
            return
        state = self.truth.carry_out(action, interaction_id)
        body = {"type": action, "interactionId": interaction_id, "state": state}
        if live.socket is not None:
            live.socket.push(_text({"correlationId": correlation_id, "body": body}))

    def forget(self, live: LiveSocket | LiveExchange) -> None:
        """The client gave something up, maybe before it came here."""
        if isinstance(live, LiveSocket):
            if live in self._opening:
                self._opening.remove(live)
        elif live in self._asked[live.interaction_id.lower()]:
            self._asked[live.interaction_id.lower()].remove(live)

    def _take(self, key: tuple[str, ...]) -> Cue | None:
        now = self.elapsed_us()
        cue = self.expected.take(key, now + HORIZON_US)
        if cue is not None:
            self.arrived[cue.index] = now
            self._happened.set()
            self._happened = trio.Event()
        return cue

    def _improvised(self, to: str, interaction_id: str) -> Answer:
        if to == "lookup":
            return Answer(*self.truth.answer(interaction_id))
        scope = "interaction:control interaction:read"
        body = {"access_token": "replayed", "token_type": "Bearer", "expires_in": 3600}
        return Answer(200, {**body, "scope": scope})

    # --- what the gateway does: called in the order of the recording ------------------------------

    def decide_socket(self, conn: int, end: OpeningRefused | OpeningFailed | None) -> None:
        """Say what becomes of an attempt at a control socket; None opens it."""
        live = self._sockets.get(conn)
        if live is None or live.decided.is_set():
            return
        if isinstance(end, OpeningRefused):
            live.answer = Answer(end.status, {}, _retry_after(end.retry_after))
        elif end is not None:
            live.problem = end.problem
            live.answer = Answer(connection_lost=True)
        live.decided.set()

    def decide_exchange(self, exchange: int, answer: Answered | None) -> None:
        """Say what a request is answered with; None cuts it."""
        live = self._exchanges.get(exchange)
        if live is None or live.decided.is_set():
            return
        if answer is None:
            live.answer = Answer(connection_lost=True)
        else:
            body: Any = restored(answer.body or {})
            if answer.garbage is not None:
                body = "x" * answer.garbage.length  # JSON, and no object
            live.answer = Answer(answer.status, body, _retry_after(answer.retry_after))
        live.decided.set()

    def refuse_exchange(self, exchange: int, status: int) -> None:
        """Answer a request with an error in place of what was recorded."""
        live = self._exchanges.get(exchange)
        if live is not None and not live.decided.is_set():
            live.answer = Answer(status, {})
            live.decided.set()

    def frame_for(self, frame: dict[str, Any]) -> str | None:
        """Return a recorded message as this client is to get it.

        None for the answer to a frame that it did not send.
        """
        recorded = frame.get("correlationId")
        made: dict[str, Any] = restored(frame)
        if isinstance(recorded, str):
            if recorded in self.ids:
                made["correlationId"] = self.ids[recorded]
            elif recorded in self._recorded_ids():
                return None
        return _text(made)

    def _recorded_ids(self) -> frozenset[str]:
        found = getattr(self, "_sent_ids", None)
        if found is None:
            frames: list[Any] = [getattr(cue.entry, "frame", None) for cue in self._script.cues]
            of = [frame_of(frame) for frame in frames if frame is not None]
            found = self._sent_ids = frozenset([one[2] for one in of if one is not None])
        return found

    # --- connections: the network -----------------------------------------------------------------

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a stream to the gateway; see `Network.open_stream`."""
        del port, tls, server_name
        live = self._opening[-1] if self._opening else None
        if live is not None and live.conn is not None:
            end = self._script.refusals.get(live.conn)
            if isinstance(end, OpeningFailed) and end.problem not in _SILENT:
                await live.decided.wait()
                raise GatewayUnavailable(
                    f"{host} could not be connected to, as recorded", problem=end.problem
                )
        await trio.lowlevel.checkpoint()
        client, server = memory_stream_pair()
        self._nursery.start_soon(self._serve, server)
        return client

    async def _serve(self, stream: trio.abc.Stream) -> None:
        served: list[LiveSocket] = []

        async def respond(request: HttpRequest) -> Answer:
            if request.path == SOCKET_PATH:
                live = self._opening.popleft()
                served.append(live)
                await live.decided.wait()
                return live.answer or Answer(upgrade=True)
            return await self._respond(request)

        try:
            prefix = await serve_requests(stream, respond, lambda: None, _LIMITS)
            if prefix is not None:
                await self._serve_socket(stream, prefix, served[-1])
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client went away, as it may
        finally:
            await trio.aclose_forcefully(stream)

    async def _respond(self, request: HttpRequest) -> Answer:
        path = request.path
        key = path.removeprefix(METADATA_PATH).lower() if path.startswith(METADATA_PATH) else ""
        live = self._asked[key].popleft()
        if live.silent:
            await trio.sleep_forever()
        await live.decided.wait()
        return live.answer

    async def _serve_socket(self, stream: trio.abc.Stream, prefix: bytes, live: LiveSocket) -> None:
        wire = UpgradedStream(stream, prefix, max_unsent_bytes=_LIMITS.max_unsent_bytes)
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, wire, message_queue_size=256)
            websocket = await request.accept()
            await wire.flush()
            live.socket = ControlSocket(websocket, wire, _Deaf())
            live.opened.set()
            self._current = live
            try:
                await live.socket.run()
            finally:
                live.over = True
            nursery.cancel_scope.cancel()


@final
class _Tapped:
    """A control socket's tap, between the client and the recorder."""

    def __init__(self, recorded: RecordedSocket, player: Player, live: LiveSocket) -> None:
        self._recorded = recorded
        self._player = player
        self._live = live

    def opened(self) -> None:
        """Pass it on."""
        self._recorded.opened()

    def refused(self, status: int, headers: Mapping[str, str]) -> None:
        """Pass it on."""
        self._recorded.refused(status, headers)

    def failed(self, problem: str) -> None:
        """Pass it on."""
        self._player.forget(self._live)
        self._recorded.failed(problem)

    def sent(self, message: str | bytes) -> None:
        """Pass it on, and let the player answer."""
        self._recorded.sent(message)
        self._player.sent(self._live, message)

    def received(self, message: str | bytes) -> None:
        """Pass it on."""
        self._recorded.received(message)

    def closed(self, by: Literal["client", "gateway", "lost"], code: int | None) -> None:
        """Pass it on."""
        self._recorded.closed(by, code)


@final
class _TappedExchange:
    """A request's tap, between the client and the recorder."""

    def __init__(self, recorded: ExchangeTap, player: Player, live: LiveExchange) -> None:
        self._recorded = recorded
        self._player = player
        self._live = live

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Pass it on."""
        self._recorded.answered(status, headers, body)

    def failed(self, problem: str) -> None:
        """Pass it on."""
        self._player.forget(self._live)
        self._recorded.failed(problem)


class _Deaf:
    """Hears nothing of a control socket: the tap told it all."""

    def on_frame(self, socket: ControlSocket, frame: str | bytes) -> None:
        """Do nothing."""

    def on_overflow(self) -> None:
        """Do nothing."""

    def on_undelivered(self, count: int) -> None:
        """Do nothing."""


def made_garbage(garbage: Garbage) -> str | bytes:
    """Return something of that kind and length that is no message."""
    match garbage.kind:
        case "binary":
            return b"\xff" * garbage.length
        case "not_object":
            return "[" + " " * max(0, garbage.length - 2) + "]"
        case _:
            return "x" * garbage.length


def _retry_after(value: str | None) -> tuple[tuple[str, str], ...]:
    return () if value is None else (("Retry-After", value),)


def _text(document: dict[str, Any]) -> str:
    return orjson.dumps(document).decode()
