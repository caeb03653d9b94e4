"""The webhook: a quality monitor on the other side of an HTTPS connection."""

import email.utils
import hashlib
import hmac
import random
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol, final
from urllib.parse import urlsplit

import orjson
import trio
from attrs import field, frozen, validators

from hookflash.engine.logs import get_logger
from hookflash.engine.ports import MonitorPayload
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable
from hookflash.machines.instants import Instant

_log = get_logger("hookflash.monitors.webhook")

_RETRIED: Final = frozenset({408, 429})
_USELESS_AGAIN: Final = frozenset({"request", "too_large"})
"""Words of `HttpClient` for what another attempt would only meet again."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_RESPONSE_BYTES_MAX: Final = 65_536
"""What is answered is not read: enough for any error page that is worth a look."""

_JITTER: Final = 0.25
"""Pauses vary by this share, so that many hosts do not come back at the same moment."""


PostMethod = Literal["POST"]


class Response(Protocol):
    """An answer, as far as it matters here."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case name."""
        ...


class PostingClient(Protocol):
    """What the webhook needs of an HTTP client; `hookflash.adapters.http.HttpClient` has it."""

    async def request(
        self,
        method: PostMethod,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout_s: float = 5.0,
        response_bytes_max: int = _RESPONSE_BYTES_MAX,
    ) -> Response:
        """Make one request; GatewayUnavailable where there was no answer."""
        ...


@frozen(kw_only=True)
class WebhookSettings:
    """Where and how a webhook is told.

    Attributes:
        url: An https address; http only for this very machine. It may hold a secret and is never
            logged; its host is.
        secret: The key of the signature; None leaves the signature out.
        timeout_s: Seconds for one attempt.
        attempts_max: How often one payload is tried.
        backoff_s: Pause before the second attempt; it doubles up to
        backoff_max_s: the longest. A `Retry-After` counts instead, up to the same bound.
    """

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    timeout_s: float = field(default=5.0, validator=[validators.gt(0.0), validators.le(300.0)])
    attempts_max: int = field(default=5, validator=[validators.ge(1), validators.le(20)])
    backoff_s: float = field(default=0.5, validator=[validators.gt(0.0)])
    backoff_max_s: float = field(default=30.0, validator=[validators.gt(0.0)])

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot be used safely.

        Raises:
            ConfigurationError: The URL is none, not encrypted, or the secret is empty.
        """
        problem = _problem_of(self.url)
        if problem:
            raise ConfigurationError(f"the webhook's URL {problem}", source="webhook url")
        if self.secret is not None and not self.secret:
            raise ConfigurationError(
                "the webhook's secret is empty",
                advice="leave it out to send without a signature",
                source="webhook secret",
            )

    @property
    def host(self) -> str:
        """The host, for logs."""
        return urlsplit(self.url).hostname or ""

    @property
    def longest_s(self) -> float:
        """Seconds that one payload may take with all its attempts and pauses."""
        pauses = (self.attempts_max - 1) * self.backoff_max_s * (1 + _JITTER)
        return self.attempts_max * self.timeout_s + pauses


def _problem_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "is no address"
    if not host:
        return "names no host"
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "is not encrypted; use https"
    if parts.scheme not in {"http", "https"}:
        return "is neither https nor http"
    return None


@final
class Webhook:
    """A quality monitor that posts each payload as JSON.

    Give it to `MonitorDesk.add` with `timeout_s=settings.longest_s`; the desk's queue bounds what
    waits. Each request carries

    - `Idempotency-Key`: the same for each attempt at one payload, and begins with its
      `correlationId`;
    - `X-Hookflash-Timestamp`: seconds since the epoch, when the attempt was made;
    - `X-Hookflash-Signature`: `sha256=` and the hexadecimal HMAC-SHA-256, under the secret, of the
      timestamp, a full stop, and the body. Receivers compare it and refuse old timestamps.

    Tried again are 5xx, 408, 429 and lost connections; redirects are not followed.

    Args:
        settings: Where and how.
        client: Makes the requests.
        now: Tells the wall time, for the timestamp.
        chance: Varies the pauses; None takes one seeded by the operating system.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        client: PostingClient,
        *,
        now: Callable[[], Instant],
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self._client = client
        self._now = now
        # Pauses must be unlike each other, not unguessable.
        self._chance = chance or random.Random()  # noqa: S311
        self.__qualname__ = f"webhook {settings.host}"

    async def __call__(self, payload: MonitorPayload) -> None:
        """Post *payload*, again and again within the bounds.

        Cancellation: whether the receiver got it is not known.

        Raises:
            GatewayUnavailable: It was refused, or all attempts failed.
        """
        settings = self.settings
        body = orjson.dumps(payload)
        key = idempotency_key(payload)
        attempt = 1
        while True:
            problem, pause_s = await self._attempt(body, key)
            if problem is None:
                return
            if pause_s is None or attempt == settings.attempts_max:
                break
            _log.info("webhook.retried", host=settings.host, attempt=attempt, problem=problem)
            backoff_s = settings.backoff_s * 2 ** (attempt - 1)
            pause_s = min(max(pause_s, backoff_s), settings.backoff_max_s)
            await trio.sleep(pause_s * self._chance.uniform(1.0, 1.0 + _JITTER))
            attempt += 1
        _log.error("webhook.given_up", host=settings.host, attempts=attempt, problem=problem)
        raise GatewayUnavailable(
            f"the webhook at {settings.host} was not told: {problem} (attempt {attempt})"
        )

    async def _attempt(self, body: bytes, key: str) -> tuple[str | None, float | None]:
        """Make one attempt.

        Returns:
            What went wrong, None for nothing; and the least seconds to wait before the next
            attempt, None where another one is of no use.
        """
        timestamp = str(self._now() // 1_000_000)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "X-Hookflash-Timestamp": timestamp,
        }
        if self.settings.secret is not None:
            headers["X-Hookflash-Signature"] = signature(self.settings.secret, timestamp, body)
        try:
            response = await self._client.request(
                "POST",
                self.settings.url,
                headers=headers,
                content=body,
                timeout_s=self.settings.timeout_s,
                response_bytes_max=_RESPONSE_BYTES_MAX,
            )
        except GatewayUnavailable as error:
            problem = str(error.parts.get("problem", "unavailable"))
            return f"no answer ({problem})", None if problem in _USELESS_AGAIN else 0.0
        if 200 <= response.status < 300:
            return None, None
        problem = f"status {response.status}"
        if response.status < 500 and response.status not in _RETRIED:
            return problem, None
        return problem, retry_after_s(response.headers.get("retry-after"), self._now())


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `X-Hookflash-Signature`; receivers compute the same.

    Args:
        secret: The key that both sides know.
        timestamp: The value of `X-Hookflash-Timestamp`.
        body: The request's body as it came.
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def idempotency_key(payload: MonitorPayload) -> str:
    """Return what names *payload* for its receiver: a repeated one is the same.

    A hold's warnings and alarms carry the hold's correlation id too: these add what they are.
    """
    key = str(payload["correlationId"])
    if payload["event"] in {"hold", "unhold"}:
        return key
    return f"{key}:{payload['event']}:{payload['status']}:{payload.get('count', 1)}"


def retry_after_s(value: str | None, now: Instant) -> float:
    """Return the seconds that a `Retry-After` asks for; 0 for none or one that says nothing.

    Args:
        value: Seconds or an HTTP date (RFC 9110, section 10.2.3).
        now: The wall time.
    """
    if value is None:
        return 0.0
    text = value.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, at.timestamp() - now / 1_000_000)
