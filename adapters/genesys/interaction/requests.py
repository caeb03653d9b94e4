"""What the token source and the lookups ask of HTTP."""

from collections.abc import Mapping
from typing import Protocol

from hookflash.adapters.http import RESPONSE_BYTES_MAX, HttpResponse, Method


class HttpRequests(Protocol):
    """What makes requests: `HttpClient`, or what stands before one."""

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
        """Make one request and read its whole answer; see `HttpClient.request`."""
        ...
