"""The interaction gateway: the engine's `Gateway` over the interaction protocol."""

from random import Random
from typing import final

import attrs
import trio

from hookflash.adapters.genesys.interaction import codec
from hookflash.adapters.genesys.interaction.codec import Expected
from hookflash.adapters.genesys.interaction.link import Link
from hookflash.adapters.genesys.interaction.metadata import Metadata
from hookflash.adapters.genesys.interaction.settings import (
    Counters,
    InteractionGatewaySettings,
    Statistics,
)
from hookflash.adapters.genesys.interaction.throttle import Throttle
from hookflash.adapters.genesys.interaction.token import TokenSource
from hookflash.adapters.genesys.interaction.watching import watched_http
from hookflash.adapters.http import HttpClient
from hookflash.adapters.network import Network, TcpNetwork, split_host
from hookflash.adapters.wire.tap import WireTap
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import (
    Clock,
    Frame,
    FrameAcknowledged,
    FrameRefused,
    FrameWritten,
    Inbox,
    LinkDown,
    LinkGivenUp,
    LinkUp,
    LookupAnswer,
    StateSeen,
)
from hookflash.machines.effects import SendHold
from hookflash.machines.interaction import Action

RATE_LIMIT_PAUSE_S = 1.0
"""No frame leaves for so long after a refusal with code 429 that names no time."""

_MALFORMED_LOGGED_ALL = 10
_MALFORMED_LOGGED_EVERY = 1000
"""The first few are logged each, then one in a thousand: garbage must not fill a disk."""

log = get_logger("hookflash.gateway")


@final
class InteractionGateway:
    """The engine's `Gateway` over the interaction protocol: see there for what it promises.

    Belongs to one trio run. `run` is running while anything else is used; it may be run again
    after it ended.

    Args:
        settings: Host, credentials, bounds.
        clock: Time.
        network: Opens connections; None is the real network with the settings' `ca_file`.
        chance: For pauses; None draws a seed.
        tap: Is told what goes over the wire; None for nobody.

    Raises:
        ConfigurationError: The host is none.
    """

    def __init__(
        self,
        settings: InteractionGatewaySettings,
        clock: Clock,
        network: Network | None = None,
        chance: Random | None = None,
        tap: WireTap | None = None,
    ) -> None:
        host, port = split_host(settings.host)
        shown = f"[{host}]" if ":" in host else host
        self._name = f"{shown}:{port}"
        self._settings = settings
        self._network = network or TcpNetwork(settings.ca_file, settings.connect_timeout_s)
        self._counters = counters = Counters()
        chance = chance or Random()  # noqa: S311 - spreads pauses, guards nothing
        self._http = HttpClient(self._network, connections_max=settings.http_connections_max)
        http = watched_http(self._http, tap)
        base_url = f"https://{self._name}"
        self._tokens = TokenSource(
            http, base_url, settings=settings, clock=clock, chance=chance, counters=counters
        )
        self._metadata = Metadata(
            http,
            base_url,
            self._tokens,
            settings=settings,
            clock=clock,
            chance=chance,
            counters=counters,
        )
        self._throttle = Throttle(
            queued_max=settings.frames_queued_max,
            in_flight_max=settings.max_in_flight,
            per_s=settings.max_commands_per_s,
            ack_timeout_s=settings.ack_timeout_s,
        )
        self._link = Link(
            self._name,
            host,
            port,
            settings=settings,
            network=self._network,
            tokens=self._tokens,
            throttle=self._throttle,
            clock=clock,
            chance=chance,
            counters=counters,
            listener=self,
            tap=tap,
        )
        self._expected: dict[str, Expected] = {}
        self._being_written: set[str] = set()
        self._inbox: Inbox | None = None

    @property
    def name(self) -> str:
        """Host and port."""
        return self._name

    async def run(
        self, inbox: Inbox, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the control socket open and report what it brings, until cancelled."""
        self._inbox = inbox
        task_status.started()
        try:
            await self._link.run()
        finally:
            self._inbox = None
            with trio.move_on_after(self._settings.close_timeout_s, shield=True):
                await self._http.aclose()

    def send(self, frame: Frame) -> None:
        """Queue *frame*; it leaves when the socket is open and the throttle lets it.

        Raises:
            CommandBusy: The queue of waiting frames is full; nothing was queued.
        """
        self._throttle.put(frame)

    def withdraw(self, correlation_id: str) -> bool:
        """Take a queued frame back; False where it was written, or may have been."""
        if not self._throttle.withdraw(correlation_id):
            return False
        self._counters.frames_withdrawn += 1
        return True

    async def look_up(self, interaction_id: str) -> LookupAnswer:
        """Ask for the interaction's state now; bounded retries inside.

        Raises:
            NotAuthorized: 401 or 403 after one refresh of the token.
            RateLimited: 429, and the bounded attempts are used up.
            GatewayUnavailable: It could not be reached, or its answer could not be read.
        """
        return await self._metadata.look_up(interaction_id)

    def statistics(self) -> Statistics:
        """Return a snapshot of what happened since the gateway was made."""
        counts = attrs.asdict(self._counters)
        return Statistics(
            connected=self._link.state == "connected",
            state=self._link.state,
            frames_queued=self._throttle.queued,
            frames_in_flight=self._throttle.in_flight,
            reconnects=max(self._counters.connections - 1, 0),
            **counts,
        )

    # --- what the link tells ----------------------------------------------------------------------

    def on_link(self, news: LinkUp | LinkDown | LinkGivenUp) -> None:
        """Pass the link's news on."""
        self._tell(news)

    def on_writing(self, frame: Frame) -> None:
        """Register a frame before it leaves, so that no answer can overtake it."""
        command, expected = frame.command, self._expected
        correlation_id = command.correlation_id
        action: Action = "hold" if isinstance(command, SendHold) else "unhold"
        expected[correlation_id] = Expected(action, frame.interaction_id)
        self._being_written.add(correlation_id)
        remembered = self._settings.answers_remembered_max + self._settings.max_in_flight
        if len(expected) > remembered:
            del expected[next(iter(expected))]

    def on_written(self, correlation_id: str) -> None:
        """Report a frame as written, unless its answer was quicker and did so."""
        if correlation_id in self._being_written:
            self._being_written.discard(correlation_id)
            self._tell(FrameWritten(correlation_id))

    def on_message(self, message: str | bytes) -> None:
        """Read a message and pass on what it says."""
        news = codec.decode(message, self._expected, self._settings.message_bytes_max)
        if isinstance(news, FrameAcknowledged):
            self._on_answer(news, message)
        elif isinstance(news, StateSeen):
            self._counters.states_seen += 1
            self._tell(news)
        elif isinstance(news, FrameRefused):
            if news.code == 429:
                pause_s = RATE_LIMIT_PAUSE_S if news.retry_after_s is None else news.retry_after_s
                pause_s = min(pause_s, self._settings.retry_after_max_s)
                self._throttle.pause(trio.current_time() + pause_s)
                log.warning("gateway.throttled", pause_s=pause_s)
            self._on_answer(news, message)
        elif isinstance(news, codec.UnknownAnswer):
            self._on_unknown_answer(news.seen)
        else:
            self._on_malformed(news.reason)

    def _on_answer(self, news: FrameAcknowledged | FrameRefused, message: str | bytes) -> None:
        correlation_id = news.correlation_id
        if self._being_written:
            self.on_written(correlation_id)
        self._throttle.answered(correlation_id)
        if self._tell(news):
            if isinstance(news, FrameAcknowledged):
                self._counters.answers += 1
            else:
                self._counters.refusals += 1
            return
        self._on_unknown_answer(codec.decode_state(message))

    def _on_unknown_answer(self, seen: StateSeen | None) -> None:
        self._counters.unknown_answers += 1
        log.debug("gateway.answer.unknown", says_state=seen is not None)
        if seen is not None:
            self._counters.states_seen += 1
            self._tell(seen)

    def _on_malformed(self, reason: str) -> None:
        self._counters.malformed_messages += 1
        count = self._counters.malformed_messages
        if count <= _MALFORMED_LOGGED_ALL or count % _MALFORMED_LOGGED_EVERY == 0:
            log.warning("gateway.message.malformed", reason=reason, count=count)

    def _tell(
        self,
        news: FrameWritten
        | FrameAcknowledged
        | FrameRefused
        | StateSeen
        | LinkUp
        | LinkDown
        | LinkGivenUp,
    ) -> bool:
        return self._inbox is not None and self._inbox.tell(news)
