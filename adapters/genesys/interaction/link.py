"""The supervisor of the control socket: runs the connection machine and does what it says."""

from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, Final, Protocol, TypeVar, cast, final

import h11
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError
from wsproto.utilities import ProtocolError

from hookflash.adapters.genesys.interaction.retries import Retries
from hookflash.adapters.genesys.interaction.session import Session, open_websocket
from hookflash.adapters.genesys.interaction.settings import Counters, InteractionGatewaySettings
from hookflash.adapters.genesys.interaction.throttle import Throttle
from hookflash.adapters.genesys.interaction.token import CONTROL_SCOPE, TokenSource
from hookflash.adapters.genesys.interaction.watching import WatchedSocket
from hookflash.adapters.genesys.interaction.wire import Wire
from hookflash.adapters.network import Network
from hookflash.adapters.wire.tap import WireTap
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Clock, Frame, LinkDown, LinkGivenUp, LinkUp
from hookflash.machines import connection
from hookflash.machines.connection import ConnectionData, ConnectionPolicy
from hookflash.machines.effects import StartTimer, StopTimer
from hookflash.machines.errors import (
    COMMAND_ERRORS,
    ConfigurationError,
    GatewayUnavailable,
    HookflashError,
    NotAuthorized,
)
from hookflash.machines.interaction import Timer
from hookflash.machines.machine import Machine
from hookflash.machines.spec import Spec, parse_spec

SPEC: Final = "specs/connection.toml"

_WEBSOCKET_ERRORS: tuple[type[Exception], ...] = (
    ConnectionClosed,
    HandshakeError,
    ProtocolError,
    h11.ProtocolError,
)
"""What trio-websocket and its parsers raise out of its nursery, refusals aside."""

log = get_logger("hookflash.gateway")


@cache
def _spec() -> Spec:
    return parse_spec(files("hookflash").joinpath(SPEC).read_text(encoding="utf-8"), SPEC)


def connection_machine(policy: ConnectionPolicy) -> Machine[ConnectionData, ConnectionPolicy]:
    """Return the shipped connection machine under *policy*."""
    return Machine(_spec(), connection.IMPLEMENTATION, policy)


class Listener(Protocol):
    """What the link tells its gateway. None of these may wait or raise."""

    def on_link(self, news: LinkUp | LinkDown | LinkGivenUp) -> None:
        """The link's own state changed."""
        ...

    def on_message(self, message: str | bytes) -> None:
        """A message came."""
        ...

    def on_writing(self, frame: Frame) -> None:
        """The write of *frame* is about to begin."""
        ...

    def on_written(self, correlation_id: str) -> None:
        """The write of the frame has begun, and ended or failed."""
        ...


RefusedT = TypeVar("RefusedT", bound=connection.Refused)

Act = connection.FetchToken | connection.OpenSocket | connection.CloseSocket | StartTimer | None
"""The one thing of a step that takes time."""


@final
class Link:
    """Keeps one control socket open, as the connection machine says.

    Args:
        name: The gateway's name, for logs.
        host: Where it is.
        port: Its port.
        settings: Bounds and the reconnect policy.
        network: Opens connections.
        tokens: Gives tokens.
        throttle: Gives the frames to be written.
        clock: Time.
        chance: Chance: the machine has none of its own.
        counters: Counts connections and losses.
        listener: Is told what happens.
        tap: Is told what goes over the wire; None for nobody.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        *,
        settings: InteractionGatewaySettings,
        network: Network,
        tokens: TokenSource,
        throttle: Throttle,
        clock: Clock,
        chance: Random,
        counters: Counters,
        listener: Listener,
        tap: WireTap | None = None,
    ) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._settings = settings
        self._network = network
        self._tokens = tokens
        self._throttle = throttle
        self._clock = clock
        self._chance = chance
        self._counters = counters
        self._listener = listener
        self._tap = tap
        self._machine = connection_machine(settings.reconnect)
        self._connection = self._machine.start(name)
        self._token = ""
        self._retries = Retries(retry_after_max_s=settings.retry_after_max_s)

    @property
    def state(self) -> str:
        """The state of the connection machine."""
        return self._connection.state

    async def run(self) -> None:
        """Keep the socket open until cancelled, then close it within its bound."""
        self._connection = self._machine.start(self._name)
        event: Any = connection.StartRequested(self._clock.now())
        try:
            while True:
                match self._step(event):
                    case connection.FetchToken(renew=renew):
                        event = await self._fetch_token(renew=renew)
                    case connection.OpenSocket():
                        event = await self._use_socket()
                    case StartTimer(timer=timer):
                        event = await self._pause(timer)
                    case act:
                        raise AssertionError(f"{act} is nothing to wait for")
        finally:
            self._step(connection.CloseRequested(self._clock.now()))

    def _step(self, event: Any) -> Act:  # noqa: ANN401 - any of the machine's events
        """Step the machine, tell what is to be told, and return what is to be done."""
        step = self._machine.step(self._connection, event)
        self._connection = step.interaction
        log.debug("gateway.link.step", event_name=self._machine.event_name(event), state=self.state)
        if isinstance(event, connection.TokenFailed | connection.SocketFailed):
            # It was not open, but whoever waits for it should learn why.
            self._listener.on_link(LinkDown(event.reason))
        act: Act = None
        for effect in step.effects:
            match effect:
                case connection.TellUp():
                    self._counters.connections += 1
                    log.info("gateway.link.up", gateway=self._name)
                    self._listener.on_link(LinkUp())
                case connection.TellDown(reason=reason):
                    self._counters.losses += 1
                    self._throttle.forget_in_flight()
                    log.warning("gateway.link.down", gateway=self._name, reason=reason)
                    self._listener.on_link(LinkDown(reason))
                case connection.GiveUp():
                    self._tell_given_up(effect)
                case StopTimer():
                    pass  # its pause was cancelled, or it would not have come to this
                case _:
                    act = effect
        return act

    def _tell_given_up(self, effect: connection.GiveUp) -> None:
        self._counters.give_ups += 1
        log.error(
            "gateway.link.given_up",
            gateway=self._name,
            error=effect.error,
            reason=effect.reason,
            advice=effect.advice,
            next_round_in_s=effect.rest_s,
        )
        error = COMMAND_ERRORS[effect.error](effect.reason, advice=effect.advice)
        self._listener.on_link(LinkGivenUp(error))

    async def _pause(self, timer: Timer) -> Any:  # noqa: ANN401 - the timer's event
        await trio.sleep_until(self._clock.deadline_of(timer.due_at))
        return self._machine.timer_event(timer, max(self._clock.now(), timer.due_at), "")

    async def _fetch_token(
        self, *, renew: bool
    ) -> connection.TokenReady | connection.TokenRefused | connection.TokenFailed:
        if renew:
            self._tokens.drop(self._token)
        try:
            self._token = await self._tokens.get()
        except HookflashError as error:
            if _is_final(error):
                return self._refused(connection.TokenRefused, error)
            return connection.TokenFailed(
                self._clock.now(),
                error.message,
                self._chance.random(),
                error.parts.get("retry_after_s"),
            )
        return connection.TokenReady(self._clock.now())

    async def _use_socket(self) -> Any:  # noqa: ANN401 - one of the machine's events
        """Open the socket, work with it until it is lost; nothing of it is left after that."""
        watched = WatchedSocket(self._tap)
        try:
            return await self._use_watched(watched)
        finally:
            watched.left()

    async def _use_watched(self, watched: WatchedSocket) -> Any:  # noqa: ANN401 - one of the machine's events
        try:
            stream = await self._network.open_stream(
                self._host, self._port, tls=True, server_name=self._host
            )
        except (GatewayUnavailable, ConfigurationError) as error:
            watched.failed(str(error.parts.get("problem", "unknown")))
            if _is_final(error):
                return self._refused(connection.UpgradeRefused, error)
            return self._failed(error.message)
        wire = Wire(stream)
        event: Any = None
        try:
            async with trio.open_nursery() as nursery:
                event = await self._converse(nursery, wire, watched)
                nursery.cancel_scope.cancel()
        except* ConnectionRejected as rejections:
            event = self._rejected(_first(rejections), watched)
        except* trio.TooSlowError:
            watched.failed("timeout")
            event = self._failed(
                f"{self._name} did not answer the upgrade within"
                f" {self._settings.upgrade_timeout_s:g} s"
            )
        except* (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            watched.failed("lost")
            event = event or self._failed(f"{self._name} hung up")
        except* _WEBSOCKET_ERRORS as errors:
            watched.failed("lost")
            kind = type(_first(errors)).__name__
            event = event or self._failed(f"{self._name} broke the WebSocket protocol ({kind})")
        finally:
            await trio.aclose_forcefully(wire)
        return event

    async def _converse(self, nursery: trio.Nursery, wire: Wire, watched: WatchedSocket) -> Any:  # noqa: ANN401 - one of the machine's events
        settings = self._settings
        host_header = self._name.removesuffix(":443")  # the port that needs no naming
        websocket = await open_websocket(nursery, wire, self._token, settings, host_header)
        session = Session(
            websocket,
            wire,
            self._throttle,
            settings,
            self._counters,
            on_message=watched.on_message(self._listener.on_message),
            on_writing=watched.on_writing(self._listener.on_writing),
            on_written=self._listener.on_written,
        )
        watched.opened()
        try:
            self._step(connection.SocketOpened(self._clock.now()))
            reason = await session.run()
        except trio.Cancelled:
            # Cancelled from outside, or because trio-websocket's reader crashed.
            with trio.move_on_after(settings.close_timeout_s, shield=True) as scope:
                await session.say_goodbye(scope)
            raise
        closed = websocket.closed
        watched.closed(None if closed is None else int(closed.code))
        return self._failed(reason)

    def _failed(self, reason: str, retry_after_s: float | None = None) -> connection.Failed:
        lost = self.state == "connected"
        cls = connection.SocketLost if lost else connection.SocketFailed
        return cls(self._clock.now(), reason, self._chance.random(), retry_after_s)

    def _refused(self, cls: type[RefusedT], error: HookflashError) -> RefusedT:
        name = "NotAuthorized" if isinstance(error, NotAuthorized) else "GatewayUnavailable"
        return cls(self._clock.now(), name, error.message, error.advice)

    def _rejected(self, rejection: ConnectionRejected, watched: WatchedSocket) -> Any:  # noqa: ANN401 - one of the machine's events
        status, now = rejection.status_code, self._clock.now()
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in rejection.headers or ()
        }
        watched.refused(status, headers)
        if status == 401:
            return connection.UpgradeUnauthorized(now)
        if status == 403:
            return connection.UpgradeRefused(
                now,
                "NotAuthorized",
                f"{self._name} does not permit a control socket (403)",
                f"grant the scope {CONTROL_SCOPE} to this client id",
            )
        retry_after_s = None
        if (retry_after := headers.get("retry-after")) is not None:
            retry_after_s = self._retries.after(retry_after, 0.0, now)
        return self._failed(f"{self._name} answered the upgrade with {status}", retry_after_s)


def _is_final(error: HookflashError) -> bool:
    """Tell whether an attempt is of no use before somebody changed something."""
    return (
        isinstance(error, NotAuthorized | ConfigurationError)
        or error.parts.get("problem") == "certificate"
    )


def _first(group: BaseExceptionGroup[Any]) -> Any:  # noqa: ANN401 - whatever the group holds
    """Return the first exception in *group* and the groups in it."""
    found: Any = group.exceptions[0]
    return _first(cast("Any", found)) if isinstance(found, BaseExceptionGroup) else found
