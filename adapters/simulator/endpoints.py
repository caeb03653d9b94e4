"""The HTTP endpoints of the gateway: token, interaction metadata, upgrade to a control socket."""

from typing import Any, Final

import attrs
import trio

from hookflash.adapters.simulator import control
from hookflash.adapters.simulator.chance import AnswerPlan
from hookflash.adapters.simulator.commands import UUID_PATTERN
from hookflash.adapters.simulator.faults import EndpointFaults
from hookflash.adapters.simulator.gateway import Gateway
from hookflash.adapters.simulator.http_connection import Answer, HttpRequest, Limits
from hookflash.adapters.simulator.tokens import CONTROL_SCOPE, READ_SCOPE
from hookflash.engine.logs import get_logger

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path
SOCKET_PATH: Final = "/api/v2/interactions"
METADATA_PATH: Final = SOCKET_PATH + "/"

_MESSAGES: Final = {
    401: "the token is missing, unknown or expired",
    403: "insufficient permission",
    404: "not found",
    429: "too many requests",
}

log = get_logger("hookflash.simulator")


class Endpoints:
    """Answers HTTP requests.

    Args:
        gateway: What stands behind them.
        limits: How many control sockets there may be.
    """

    def __init__(self, gateway: Gateway, limits: Limits) -> None:
        self._gateway = gateway
        self._limits = limits

    async def respond(self, request: HttpRequest) -> Answer:
        """Answer one request; slow where a fault or script says so.

        What a late answer says was true on receipt, as with a gateway whose network is slow.
        """
        world = self._gateway.ready()
        if request.path == TOKEN_PATH:
            endpoint, answer = "token", await self._token(request)
        elif request.path == SOCKET_PATH:
            endpoint, answer = "upgrade", await self._upgrade(request)
        elif request.path.startswith(METADATA_PATH):
            endpoint, answer = "metadata", await self._metadata(request)
        elif request.path.startswith(control.CONTROL_PATH):
            endpoint, answer = "control", control.respond(self._gateway, request)
        else:
            world.counts["bad_requests"] += 1
            endpoint, answer = "unknown", _error(404)
        if answer.status >= 400 or answer.connection_lost:
            status = 0 if answer.connection_lost else answer.status
            log.debug("simulator.request.refused", endpoint=endpoint, status=status)
        self._gateway.happened()
        return answer

    def _plan(self, request: HttpRequest, counted_as: str, faults: EndpointFaults) -> AnswerPlan:
        """Count a request and return what is to become of it: as scripted, else as drawn."""
        gateway = self._gateway
        number = gateway.world.counts[counted_as]
        gateway.world.counts[counted_as] += 1
        # Drawn in any case: a script must not change what happens to later requests.
        drawn = gateway.chance.answer(faults, number)
        return gateway.scripts.take_answer(request.path) or drawn

    async def _token(self, request: HttpRequest) -> Answer:
        gateway = self._gateway
        counts, faults = gateway.world.counts, gateway.faults
        plan = self._plan(request, "token_requests", faults.token)
        if (refused := _refused(plan)) is not None:
            answer = refused
            if answer.status == 401:
                answer = attrs.evolve(answer, body={**answer.body, "error": "invalid_client"})
        elif request.method != "POST":
            answer = _error(405, allow="POST")
        elif not _is_form(request):
            body = {"error": "invalid_request", "error_description": "the body is no form"}
            answer = Answer(400, body)
        else:
            said = gateway.desk.answer(request.body, faults, gateway.clock.now_s())
            counts["tokens_issued"] += said.status == 200
            answer = Answer(said.status, said.body)
        return await _after(plan.delay_s, answer)

    async def _metadata(self, request: HttpRequest) -> Answer:
        gateway = self._gateway
        counts = gateway.world.counts
        plan = self._plan(request, "metadata_requests", gateway.faults.metadata)
        interaction_id = request.path.removeprefix(METADATA_PATH)
        answer = _refused(plan) or self._look_up(request, interaction_id, plan)
        counts["metadata_answers"] += answer.status == 200 and not answer.connection_lost
        return await _after(plan.delay_s, answer)

    def _look_up(self, request: HttpRequest, interaction_id: str, plan: AnswerPlan) -> Answer:
        if request.method != "GET":
            return _error(405, allow="GET")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else None
        scopes = self._gateway.desk.scopes_of(bearer, self._gateway.clock.now_s())
        if scopes is None:
            return _error(401)
        if READ_SCOPE not in scopes:
            return _missing_scope(READ_SCOPE)
        found: dict[str, Any] | None = None
        if UUID_PATTERN.match(interaction_id):
            found = self._gateway.world.metadata(interaction_id, state=plan.state)
        return _error(404, "unknown interaction") if found is None else Answer(200, found)

    async def _upgrade(self, request: HttpRequest) -> Answer:
        plan = self._plan(request, "upgrade_requests", self._gateway.faults.upgrade)
        answer = _refused(plan) or self._admit(request)
        return await _after(plan.delay_s, answer)

    def _admit(self, request: HttpRequest) -> Answer:
        if (wrong := _handshake_problem(request)) is not None:
            return wrong
        token = request.query_value("access_token")
        scopes = self._gateway.desk.scopes_of(token, self._gateway.clock.now_s())
        if scopes is None:
            return _error(401)
        if CONTROL_SCOPE not in scopes:
            return _missing_scope(CONTROL_SCOPE)
        if len(self._gateway.peers) >= self._limits.max_sockets:
            return _error(503, "too many control sockets")
        return Answer(upgrade=True)


def _handshake_problem(request: HttpRequest) -> Answer | None:
    """What trio-websocket would stumble over must be refused before it sees it."""
    if request.method != "GET":
        return _error(405, allow="GET")
    if not request.asks_for_websocket:
        return _error(426, "this is a WebSocket", ("Upgrade", "websocket"))
    if request.headers.get("sec-websocket-version") != "13":
        return _error(426, "WebSocket version 13 only", ("Sec-WebSocket-Version", "13"))
    tokens = [part.strip().lower() for part in request.headers.get("connection", "").split(",")]
    if request.body or "upgrade" not in tokens or "sec-websocket-key" not in request.headers:
        return _error(400, "incomplete WebSocket handshake")
    return None


async def _after(delay_s: float, answer: Answer) -> Answer:
    if delay_s > 0:
        await trio.sleep(delay_s)
    return answer


def _refused(plan: AnswerPlan) -> Answer | None:
    if plan.connection_lost:
        return Answer(connection_lost=True)
    if plan.status is None:
        return None
    if plan.retry_after_s is None:
        return _error(plan.status)
    # Retry-After is a whole number of seconds: rounded up, so that nobody comes too early.
    return _error(plan.status, "", ("Retry-After", str(-int(-plan.retry_after_s // 1))))


def _error(
    status: int, message: str = "", *headers: tuple[str, str], allow: str | None = None
) -> Answer:
    if allow is not None:
        headers = (*headers, ("Allow", allow))
    text = message or _MESSAGES.get(status, "refused")
    if status == 401:
        headers = (*headers, ("WWW-Authenticate", "Bearer"))
    return Answer(status, {"error": _code(status), "code": status, "message": text}, headers)


def _missing_scope(scope: str) -> Answer:
    message = f"{_MESSAGES[403]}: the token lacks the scope {scope}"
    return Answer(403, {"error": "insufficient_scope", "code": 403, "message": message})


def _code(status: int) -> str:
    return {400: "invalid_request", 401: "invalid_token", 403: "forbidden"}.get(status, "refused")


def _is_form(request: HttpRequest) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/x-www-form-urlencoded"
