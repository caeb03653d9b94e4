"""Access tokens: `POST /oauth/token`, cached, refreshed by one task at a time."""

import copy
from random import Random
from typing import Any, Final, cast, final
from urllib.parse import urlencode

import orjson
import trio
from attrs import define, field, frozen

from hookflash.adapters.genesys.interaction.requests import HttpRequests
from hookflash.adapters.genesys.interaction.retries import Retries
from hookflash.adapters.genesys.interaction.settings import Counters, InteractionGatewaySettings
from hookflash.adapters.http import HttpResponse
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Clock
from hookflash.machines.errors import GatewayUnavailable, HookflashError, NotAuthorized, RateLimited

CONTROL_SCOPE: Final = "interaction:control"
"""Without it there is no control socket."""

MARGIN_S: Final = 30.0
MARGIN_SHARE: Final = 0.2
"""A token is used until the lesser of the two before its end."""

RETRY_AFTER_DEFAULT_S: Final = 5.0
"""Pause after a 429 of the token endpoint without `Retry-After`."""

TOKEN_LENGTH_MAX: Final = 16_384
_RESPONSE_BYTES_MAX: Final = 65_536

log = get_logger("hookflash.gateway")


@frozen
class _Token:
    """A token and when to stop using it, in trio time; infinity means: until it is refused."""

    text: str = field(repr=False)
    good_until_s: float


@define
class _Refresh:
    """A refresh under way: those who come meanwhile wait for it and share what it brings."""

    done: trio.Event = field(factory=trio.Event)
    token: str | None = field(default=None, repr=False)
    error: HookflashError | None = None


@final
class TokenSource:
    """Gives a token that lasts to whoever asks.

    Args:
        http: Makes the requests.
        base_url: `https://HOST[:PORT]`.
        settings: Credentials, scope, time-outs, attempts.
        clock: For `Retry-After` dates.
        chance: For pauses.
        counters: Counts requests.
    """

    def __init__(
        self,
        http: HttpRequests,
        base_url: str,
        *,
        settings: InteractionGatewaySettings,
        clock: Clock,
        chance: Random,
        counters: Counters,
    ) -> None:
        self._http = http
        self._url = f"{base_url}/oauth/token"
        self._place = base_url.removeprefix("https://")
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._counters = counters
        self._retries = Retries(
            settings.request_attempts_max, settings.retry_backoff_s, settings.retry_after_max_s
        )
        self._token: _Token | None = None
        self._refresh: _Refresh | None = None

    def current(self) -> str | None:
        """Return the cached token; None where there is none or it is near its end."""
        token = self._token
        if token is None or trio.current_time() >= token.good_until_s:
            return None
        return token.text

    def drop(self, token: str) -> None:
        """Forget *token*: it was answered with 401. A newer one stays."""
        if self._token is not None and self._token.text == token:
            self._token = None

    async def get(self) -> str:
        """Return a token that lasts, refreshing it if need be.

        Whoever comes during a refresh waits for it and shares its result or its error. Where the
        refreshing task is cancelled, one of the waiting goes on.

        Raises:
            NotAuthorized: The credentials or the granted scopes will not do; not tried again.
            RateLimited: 429, and the attempts are used up.
            GatewayUnavailable: No token could be had, and the attempts are used up.
            ConfigurationError: `ca_file` cannot be read.
        """
        while True:
            if (token := self.current()) is not None:
                return token
            if self._refresh is None:
                return await self._lead()
            refresh = self._refresh
            await refresh.done.wait()
            if refresh.token is not None:
                # Even one that lasts no time at all serves those who waited for it.
                return refresh.token
            if refresh.error is not None:
                # A copy: one exception raised by many tasks would gather all their tracebacks.
                error = copy.copy(refresh.error)
                raise error from refresh.error.__cause__

    async def _lead(self) -> str:
        refresh = self._refresh = _Refresh()
        try:
            token = await self._request_with_retries()
        except HookflashError as error:
            refresh.error = error
            raise
        else:
            self._token = token
            refresh.token = token.text
            return token.text
        finally:
            self._refresh = None
            refresh.done.set()

    async def _request_with_retries(self) -> _Token:
        attempt = 1
        while True:
            try:
                response = await self._request()
                if (pause_s := self._pause(response, attempt)) is None:
                    return self._read(response)
            except GatewayUnavailable as error:
                if error.parts.get("problem") not in {"timeout", "lost", "refused", "name"}:
                    raise
                if attempt >= self._retries.attempts_max:
                    raise
                pause_s = self._retries.backoff(attempt, self._chance)
            log.info("gateway.token.retry", attempt=attempt, pause_s=round(pause_s, 3))
            await trio.sleep(pause_s)
            attempt += 1

    async def _request(self) -> HttpResponse:
        settings = self._settings
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "scope": settings.scope,
        }
        self._counters.token_requests += 1
        return await self._http.request(
            "POST",
            self._url,
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            content=urlencode(form).encode("ascii"),
            timeout_s=settings.token_timeout_s,
            response_bytes_max=_RESPONSE_BYTES_MAX,
        )

    def _pause(self, response: HttpResponse, attempt: int) -> float | None:
        """Return the pause before the next attempt; None for an answer that is to be read."""
        status = response.status
        last = attempt >= self._retries.attempts_max
        if status == 429:
            pause_s = self._retries.after(
                response.headers.get("retry-after"), RETRY_AFTER_DEFAULT_S, self._clock.now()
            )
            if last:
                raise RateLimited(
                    f"the token endpoint of {self._place} refused {attempt} requests:"
                    " too many (429)",
                    advice=f"wait {pause_s:g} s, and see who else uses this client id",
                    retry_after_s=pause_s,
                )
            return pause_s
        if status >= 500:
            if last:
                raise GatewayUnavailable(
                    f"the token endpoint of {self._place} answered {attempt} requests with errors,"
                    f" the last with {status}",
                    advice="see whether the gateway is well",
                    problem="status",
                )
            return self._retries.backoff(attempt, self._chance)
        return None

    def _read(self, response: HttpResponse) -> _Token:
        if response.status in {400, 401, 403}:
            raise NotAuthorized(
                f"the token endpoint of {self._place} does not accept the credentials"
                f" ({response.status})",
                advice="see whether client id, client secret and scope are right",
            )
        if response.status != 200:
            raise GatewayUnavailable(
                f"the token endpoint of {self._place} answered with {response.status}",
                advice="see whether host and port are right",
                problem="status",
            )
        return self._parse(response.body)

    def _parse(self, body: bytes) -> _Token:
        try:
            document: Any = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise self._malformed("$: no JSON") from None
        if not isinstance(document, dict):
            raise self._malformed("$: no object")
        document = cast("dict[str, Any]", document)
        text = document.get("access_token")
        if not isinstance(text, str) or not 0 < len(text) <= TOKEN_LENGTH_MAX:
            raise self._malformed("$.access_token: no text of a length that makes sense")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise self._malformed("$.access_token: holds characters that no token has")
        scope = document.get("scope")
        if isinstance(scope, str) and CONTROL_SCOPE not in scope.split():
            raise NotAuthorized(
                f"the token lacks the scope {CONTROL_SCOPE}",
                advice="grant the scope to this client id, and ask for it (setting `scope`)",
                scope=CONTROL_SCOPE,
            )
        if scope is not None and not isinstance(scope, str):
            raise self._malformed("$.scope: no text")
        expires_in = document.get("expires_in")
        if expires_in is None:
            return _Token(text, float("inf"))
        if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
            raise self._malformed("$.expires_in: no number")
        margin_s = min(MARGIN_S, MARGIN_SHARE * expires_in)
        return _Token(text, trio.current_time() + max(expires_in - margin_s, 0.0))

    def _malformed(self, what: str) -> GatewayUnavailable:
        return GatewayUnavailable(
            f"the token endpoint of {self._place} gave an answer that cannot be read: {what}",
            advice="see whether host and port are right",
            problem="malformed",
        )
