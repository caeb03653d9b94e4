"""Telling a tap what the simulator answers; see `hookflash.adapters.wire.tap`."""

from urllib.parse import unquote

import orjson

from hookflash.adapters.simulator.endpoints import METADATA_PATH, SOCKET_PATH, TOKEN_PATH
from hookflash.adapters.simulator.http_connection import Answer, HttpRequest, Respond
from hookflash.adapters.wire.tap import ExchangeTap, SocketTap, WireTap


class WatchedEndpoints:
    """Answers the requests of one connection, and tells what went over the wire.

    Args:
        respond: Answers them.
        tap: Is told; None for nobody.

    Attributes:
        socket: Who is told of the control socket that the connection turns into; None for nobody.
    """

    def __init__(self, respond: Respond, tap: WireTap | None) -> None:
        self._respond = respond
        self._tap = tap
        self.socket: SocketTap | None = None

    async def respond(self, request: HttpRequest) -> Answer:
        """Answer one request; what is no part of the protocol is not told."""
        tap = self._tap
        if tap is None:
            return await self._respond(request)
        if request.path == SOCKET_PATH:
            return await self._upgrade(request, tap)
        if request.path == TOKEN_PATH:
            return await self._exchange(request, tap.asking("token", None))
        if request.path.startswith(METADATA_PATH):
            interaction_id = unquote(request.path.removeprefix(METADATA_PATH))
            return await self._exchange(request, tap.asking("lookup", interaction_id))
        return await self._respond(request)

    async def _upgrade(self, request: HttpRequest, tap: WireTap) -> Answer:
        self.socket = socket = tap.opening()
        answer = await self._respond(request)
        if answer.connection_lost:
            socket.failed("lost")
        elif not answer.upgrade:
            socket.refused(answer.status, _headers_of(answer))
        return answer

    async def _exchange(self, request: HttpRequest, exchange: ExchangeTap) -> Answer:
        answer = await self._respond(request)
        if answer.connection_lost:
            exchange.failed("lost")
        else:
            body = orjson.dumps(answer.body)
            exchange.answered(answer.status, _headers_of(answer), body)
        return answer


def _headers_of(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers}
