"""Lookups: `GET /api/v2/interactions/{id}`."""

from random import Random
from typing import Any, Final, final
from urllib.parse import quote

import cattrs
import orjson
import trio
from attrs import frozen

from hookflash.adapters.genesys.interaction.codec import ID_LENGTH_MAX, instant_of
from hookflash.adapters.genesys.interaction.requests import HttpRequests
from hookflash.adapters.genesys.interaction.retries import Retries
from hookflash.adapters.genesys.interaction.settings import Counters, InteractionGatewaySettings
from hookflash.adapters.genesys.interaction.token import TokenSource
from hookflash.adapters.http import HttpResponse
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Clock, LookupAnswer
from hookflash.machines.errors import (
    CommandError,
    GatewayUnavailable,
    HookflashError,
    NotAuthorized,
    RateLimited,
)
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts

READ_SCOPE: Final = "interaction:read"
"""Without it there is no metadata."""

RETRY_AFTER_DEFAULT_S: Final = 2.0
"""Pause after a 429 of the metadata endpoint without `Retry-After`."""

_RESPONSE_BYTES_MAX: Final = 1_048_576

log = get_logger("hookflash.gateway")


@frozen
class _SkillGroup:
    id: str | None = None


@frozen
class _RoutingData:
    org_id: str | None = None
    skill_group: _SkillGroup | None = None


@frozen
class _Metadata:
    state: str
    id: str | None = None
    routing_data: _RoutingData | None = None
    held_since: Any = None


def _make_converter(*, detailed: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=detailed)

    def _text(value: Any, _: type) -> str:  # noqa: ANN401 - any JSON
        if not isinstance(value, str):
            raise TypeError(f"expected text, got {type(value).__name__}")
        if len(value) > ID_LENGTH_MAX:
            raise ValueError(f"expected at most {ID_LENGTH_MAX} characters, got {len(value)}")
        return value

    converter.register_structure_hook(str, _text)
    for cls, names in (
        (_SkillGroup, {}),
        (_RoutingData, {"org_id": "orgId", "skill_group": "skillGroup"}),
        (_Metadata, {"routing_data": "routingData", "held_since": "heldSince"}),
    ):
        renamed: Any = {
            name: cattrs.gen.override(rename=wire_name) for name, wire_name in names.items()
        }
        hook = cattrs.gen.make_dict_structure_fn(
            cls, converter, _cattrs_detailed_validation=detailed, **renamed
        )
        converter.register_structure_hook(cls, hook)
    return converter


_FAST: Final = _make_converter(detailed=False)
_DETAILED: Final = _make_converter(detailed=True)
"""The second says where it went wrong, and takes its time for it."""


@final
class Metadata:
    """Asks the gateway for the state of interactions. Nothing is cached here.

    Args:
        http: Makes the requests.
        base_url: `https://HOST[:PORT]`.
        tokens: Gives the tokens.
        settings: Time-outs and attempts.
        clock: For `as_of`.
        chance: For pauses.
        counters: Counts lookups.
    """

    def __init__(
        self,
        http: HttpRequests,
        base_url: str,
        tokens: TokenSource,
        *,
        settings: InteractionGatewaySettings,
        clock: Clock,
        chance: Random,
        counters: Counters,
    ) -> None:
        self._http = http
        self._base = f"{base_url}/api/v2/interactions/"
        self._place = base_url.removeprefix("https://")
        self._tokens = tokens
        self._timeout_s = settings.lookup_timeout_s
        self._clock = clock
        self._chance = chance
        self._counters = counters
        self._retries = Retries(
            settings.request_attempts_max, settings.retry_backoff_s, settings.retry_after_max_s
        )
        self._headers: dict[str, str] = {}
        self._headers_of = ""

    async def look_up(self, interaction_id: str) -> LookupAnswer:
        """Ask for the interaction's state now, as `Gateway.look_up` promises."""
        self._counters.lookups += 1
        try:
            return await self._look_up(interaction_id)
        except HookflashError as error:
            self._counters.lookups_failed += 1
            if isinstance(error, CommandError):
                error.parts.setdefault("interaction_id", interaction_id)
                error.interaction_id = interaction_id
            raise

    async def _look_up(self, interaction_id: str) -> LookupAnswer:
        url = self._base + quote(interaction_id, safe="")
        attempt, renewed = 1, False
        while True:
            token = self._tokens.current() or await self._tokens.get()
            as_of = self._clock.now()
            try:
                response = await self._http.request(
                    "GET",
                    url,
                    headers=self._with_token(token),
                    timeout_s=self._timeout_s,
                    response_bytes_max=_RESPONSE_BYTES_MAX,
                )
            except GatewayUnavailable as error:
                if (
                    attempt >= self._retries.attempts_max
                    or error.parts.get("problem") not in {"timeout", "lost", "refused", "name"}
                ):  # fmt: skip
                    raise
                pause_s = self._retries.backoff(attempt, self._chance)
            else:
                if response.status == 200:
                    return self._read(response.body, interaction_id, as_of)
                if response.status == 404:
                    return LookupAnswer("not_found", as_of, Facts(state="not_found"))
                if response.status == 401 and not renewed:
                    renewed = True
                    self._tokens.drop(token)
                    continue
                pause_s = self._pause(response, attempt)
            log.info("gateway.lookup.retry", attempt=attempt, pause_s=round(pause_s, 3))
            await trio.sleep(pause_s)
            attempt += 1

    def _with_token(self, token: str) -> dict[str, str]:
        if token is not self._headers_of:
            self._headers_of = token
            self._headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
        return self._headers

    def _pause(self, response: HttpResponse, attempt: int) -> float:
        """Return the pause before the next attempt, or raise where there is to be none."""
        status = response.status
        last = attempt >= self._retries.attempts_max
        if status == 429:
            pause_s = self._retries.after(
                response.headers.get("retry-after"), RETRY_AFTER_DEFAULT_S, self._clock.now()
            )
            if last:
                raise RateLimited(
                    f"{self._place} refused {attempt} lookups: too many (429)",
                    advice=f"wait {pause_s:g} s",
                    retry_after_s=pause_s,
                )
            return pause_s
        if status >= 500 and not last:
            return self._retries.backoff(attempt, self._chance)
        if status == 401:
            raise NotAuthorized(
                f"{self._place} does not accept a fresh token for lookups (401)",
                advice="see whether token endpoint and gateway belong together",
            )
        if status == 403:
            raise NotAuthorized(
                f"{self._place} does not permit lookups (403): the token lacks {READ_SCOPE}",
                advice=f"grant the scope {READ_SCOPE} to this client id, and ask for it",
                scope=READ_SCOPE,
            )
        raise GatewayUnavailable(
            f"{self._place} answered a lookup with {status}",
            advice="see whether the gateway is well",
            problem="status",
        )

    def _read(self, body: bytes, interaction_id: str, as_of: Instant) -> LookupAnswer:
        try:
            document: Any = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise self._malformed("$: no JSON") from None
        try:
            found = _FAST.structure(document, _Metadata)
        except Exception as error:
            raise self._malformed(_where(document)) from error
        if not found.state:
            raise self._malformed("$.state: empty")
        if found.id is not None and found.id.lower() != interaction_id.lower():
            raise self._malformed("$.id: another interaction than was asked for")
        routing = found.routing_data
        group = None if routing is None else routing.skill_group
        facts = Facts(
            state=found.state,
            org_id=None if routing is None else routing.org_id,
            skill_group_id=None if group is None else group.id,
        )
        return LookupAnswer(found.state, as_of, facts, instant_of(found.held_since))

    def _malformed(self, what: str) -> GatewayUnavailable:
        return GatewayUnavailable(
            f"{self._place} answered a lookup with what cannot be read: {what}",
            advice="see whether host and port are those of the gateway",
            problem="malformed",
        )


def _where(document: Any) -> str:  # noqa: ANN401 - any JSON
    """Name the place of the first problem in *document*."""
    if not isinstance(document, dict):
        return "$: no object"
    try:
        _DETAILED.structure(document, _Metadata)
    except Exception as error:  # noqa: BLE001 - cattrs gives groups of whatever went wrong inside
        return cattrs.transform_error(error, path="$")[0]
    return "$"  # pragma: no cover - both converters refuse the same
