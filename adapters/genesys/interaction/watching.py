"""Telling a tap what goes over the wire; see `hookflash.adapters.wire.tap`."""

from collections.abc import Callable, Mapping
from typing import Final, final
from urllib.parse import unquote

from hookflash.adapters.genesys.interaction.codec import encode
from hookflash.adapters.genesys.interaction.requests import HttpRequests
from hookflash.adapters.http import RESPONSE_BYTES_MAX, HttpResponse, Method
from hookflash.adapters.wire.tap import LOST_CODE, SocketTap, WireTap
from hookflash.engine.ports import Frame
from hookflash.machines.errors import GatewayUnavailable

_LOOKUP_PATH: Final = "/api/v2/interactions/"


@final
class WatchedSocket:
    """One attempt at a control socket as the link tells of it; silent where nobody listens.

    Args:
        tap: Who listens; None for nobody.
    """

    def __init__(self, tap: WireTap | None) -> None:
        self._tap = None if tap is None else tap.opening()
        self._open = False

    def opened(self) -> None:
        """Tell that it is open."""
        self._open = True
        if self._tap is not None:
            self._tap.opened()

    def refused(self, status: int, headers: Mapping[str, str]) -> None:
        """Tell that the gateway gave another answer."""
        if (tap := self._ended()) is not None:
            tap.refused(status, headers)

    def failed(self, problem: str) -> None:
        """Tell that it did not open, or that it is open no longer without a goodbye."""
        was_open = self._open
        if (tap := self._ended()) is None:
            return
        if was_open:
            tap.closed("lost", None)
        else:
            tap.failed(problem)

    def closed(self, code: int | None) -> None:
        """Tell that the gateway closed it with *code*; None or 1006 for one that was lost."""
        if (tap := self._ended()) is not None:
            lost = code is None or code == LOST_CODE
            tap.closed("lost" if lost else "gateway", None if lost else code)

    def left(self) -> None:
        """Tell that we are done with it; where nothing was told of its end it was our doing."""
        was_open = self._open
        if (tap := self._ended()) is None:
            return
        if was_open:
            tap.closed("client", None)
        else:
            tap.failed("cancelled")

    def on_message(self, listener: Callable[[str | bytes], None]) -> Callable[[str | bytes], None]:
        """Return what is to be called with messages in place of *listener*."""
        tap = self._tap
        if tap is None:
            return listener

        def watched(message: str | bytes) -> None:
            tap.received(message)
            listener(message)

        return watched

    def on_writing(self, listener: Callable[[Frame], None]) -> Callable[[Frame], None]:
        """Return what is to be called with frames about to be written in place of *listener*."""
        tap = self._tap
        if tap is None:
            return listener

        def watched(frame: Frame) -> None:
            tap.sent(encode(frame.interaction_id, frame.command))
            listener(frame)

        return watched

    def _ended(self) -> SocketTap | None:
        """Return who is to be told of the end, once."""
        tap, self._tap = self._tap, None
        self._open = False
        return tap


@final
class WatchedHttp:
    """Makes requests, and tells what went over the wire.

    Args:
        http: Makes them.
        tap: Is told.
    """

    def __init__(self, http: HttpRequests, tap: WireTap) -> None:
        self._http = http
        self._tap = tap

    async def request(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout_s: float = 5.0,
        response_bytes_max: int = RESPONSE_BYTES_MAX,
    ) -> HttpResponse:
        """Make a request, as `HttpClient.request` promises."""
        _, found, interaction_id = url.partition(_LOOKUP_PATH)
        tap = self._tap
        exchange = (
            tap.asking("lookup", unquote(interaction_id)) if found else tap.asking("token", None)
        )
        problem: str | None = "cancelled"
        try:
            response = await self._http.request(
                method,
                url,
                headers=headers,
                content=content,
                timeout_s=timeout_s,
                response_bytes_max=response_bytes_max,
            )
            problem = None
        except GatewayUnavailable as error:
            problem = str(error.parts.get("problem", "unknown"))
            raise
        finally:
            if problem is not None:
                exchange.failed(problem)
        exchange.answered(response.status, response.headers, response.body)
        return response


def watched_http(http: HttpRequests, tap: WireTap | None) -> HttpRequests:
    """Return *http* itself, or what makes its requests and tells *tap*; None for nobody."""
    return http if tap is None else WatchedHttp(http, tap)
