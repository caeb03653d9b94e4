"""What adapters tell whoever wants to know what goes over the wire.

A tap is given to the gateway by composition; without one nothing is called and nothing wrapped, so
that it costs nothing. None of these methods may wait or raise. They get messages as they are,
secrets included: what of them may be kept is for the tap to decide.
"""

from collections.abc import Mapping
from typing import Final, Literal, Protocol

LOST_CODE: Final = 1006
"""The code of a socket that ended without a goodbye; it is never sent (RFC 6455, 7.4.1)."""


class SocketTap(Protocol):
    """Is told of one control socket, from the attempt to open it to its end."""

    def opened(self) -> None:
        """It is open."""
        ...

    def refused(self, status: int, headers: Mapping[str, str]) -> None:
        """The gateway answered with *status* instead; the names of *headers* are in lower case."""
        ...

    def failed(self, problem: str) -> None:
        """There was no answer; *problem* is a word of `Network.open_stream`'s, or `cancelled`."""
        ...

    def sent(self, message: str | bytes) -> None:
        """The client's *message* is about to be written, or was received where the gateway is."""
        ...

    def received(self, message: str | bytes) -> None:
        """The gateway's *message* was received, or is about to be written where that is."""
        ...

    def closed(self, by: Literal["client", "gateway", "lost"], code: int | None) -> None:
        """It is open no longer; *code* is that of the goodbye, None where there was none."""
        ...


class ExchangeTap(Protocol):
    """Is told what became of one HTTP request: one of these, once."""

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """It was answered; the names of *headers* are in lower case."""
        ...

    def failed(self, problem: str) -> None:
        """It was not; *problem* is a word of `HttpClient.request`'s, or `cancelled`."""
        ...


class WireTap(Protocol):
    """Is told of all that a gateway adapter does on the wire."""

    def opening(self) -> SocketTap:
        """A control socket is asked for."""
        ...

    def asking(self, to: Literal["token", "lookup"], interaction_id: str | None) -> ExchangeTap:
        """A request is made; *interaction_id* is whom a lookup asks about."""
        ...
