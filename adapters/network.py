"""Connections to the world: TCP, and TLS that says why it failed.

The one place where sockets are opened. The TLS handshake is done here and not left to the protocol
libraries, because those report a certificate that is not trusted as a timeout, without its cause.
Tests put memory streams in place of `TcpNetwork`.
"""

import ssl
from typing import Final, Protocol, final

import trio

from hookflash.machines.errors import ConfigurationError, GatewayUnavailable

CONNECT_TIMEOUT_S: Final = 5.0
"""For name resolution, TCP and TLS together: the protocol's request timeout."""

_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
"""What OpenSSL says when the other side answers the handshake in another language."""

_CERTIFICATE_EXPIRED: Final = 10
_CERTIFICATE_NOT_YET_VALID: Final = 9
_HOST_NAME_MISMATCH: Final = frozenset({62, 64})
"""OpenSSL's `X509_V_ERR_…` numbers; 62 for a name, 64 for an IP address."""


class Network(Protocol):
    """What the adapters ask of the network."""

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a connection; whoever asked closes it.

        Args:
            host: A name or an IP address.
            port: The TCP port.
            tls: Whether to do a TLS handshake before returning.
            server_name: The name that the certificate must bear; unused without TLS.

        Cancellation: nothing is left behind.

        Raises:
            GatewayUnavailable: There is no connection. `parts["problem"]` says why in a word:
                `name`, `refused`, `timeout`, `lost`, `certificate`, `not_tls` or `tls`. Only
                `certificate` is of no use to try again before somebody acted.
            ConfigurationError: The file of `ca_file` cannot be read.
        """
        ...


def split_host(host: str, default_port: int = 443) -> tuple[str, int]:
    """Split `HOST[:PORT]`; an IPv6 address with a port stands in brackets.

    Raises:
        ConfigurationError: It is empty, contains what no host does, or its port is no port.
    """
    name, port = host.strip(), str(default_port)
    if name.startswith("["):
        name, _, rest = name[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif name.count(":") == 1:
        name, _, port = name.partition(":")
    if not name or not set(name).isdisjoint("/@?# \t\r\n[]") or not name.isascii():
        raise ConfigurationError(
            f"gateway.host: {host[:80]!r} is no host",
            advice="write HOST or HOST:PORT, without https://",
            source="gateway.host",
        )
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65_536:
        raise ConfigurationError(
            f"gateway.host: {port[:20]!r} in {host[:80]!r} is no port",
            advice="write HOST:PORT with a port from 1 to 65535",
            source="gateway.host",
        )
    return name, int(port)


@final
class TcpNetwork:
    """The real network.

    Args:
        ca_file: PEM file with the authorities to trust instead of the system's; None trusts those.
        timeout_s: How long opening may take in all, in seconds.
    """

    def __init__(self, ca_file: str | None = None, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self.ca_file = ca_file
        self.timeout_s = timeout_s
        self._context: ssl.SSLContext | None = None

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a connection, as `Network.open_stream` promises."""
        place = f"{host}:{port}"
        # Before anything is open: a bad file must not cost a connection.
        context = self._make_context() if tls else None
        try:
            with trio.fail_after(self.timeout_s):
                stream = await self._open_tcp(host, port, place)
                if context is None:
                    return stream
                return await self._shake_hands(stream, context, server_name, place)
        except trio.TooSlowError as error:
            raise GatewayUnavailable(
                f"{place} did not answer within {self.timeout_s:g} s",
                advice="see whether the host is right and reachable from here",
                problem="timeout",
            ) from error

    async def _open_tcp(self, host: str, port: int, place: str) -> trio.SocketStream:
        try:
            return await trio.open_tcp_stream(host, port)
        except trio.socket.gaierror as error:
            raise GatewayUnavailable(
                f"the host name {host!r} cannot be resolved: {error.strerror}",
                advice="see whether it is spelt right (setting `host`) and the name server answers",
                problem="name",
            ) from error
        except (OSError, UnicodeError) as error:
            raise GatewayUnavailable(
                f"{place} cannot be connected to: {getattr(error, 'strerror', None) or error}",
                advice="see whether host and port are right (setting `host`) and the service runs",
                problem="refused",
            ) from error

    async def _shake_hands(
        self, transport: trio.SocketStream, context: ssl.SSLContext, server_name: str, place: str
    ) -> trio.SSLStream[trio.SocketStream]:
        stream = trio.SSLStream(
            transport, context, server_hostname=server_name, https_compatible=True
        )
        try:
            await stream.do_handshake()
        except (trio.BrokenResourceError, ssl.SSLError) as error:
            await trio.aclose_forcefully(transport)
            raise _tls_error(error, place, server_name, self.ca_file) from error
        except BaseException:
            await trio.aclose_forcefully(transport)
            raise
        return stream

    def _make_context(self) -> ssl.SSLContext:
        # Made once and late: reading the system's authorities takes tens of milliseconds.
        if self._context is None:
            try:
                context = ssl.create_default_context(cafile=self.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise ConfigurationError(
                    f"ca_file: {self.ca_file!r} cannot be read as PEM:"
                    f" {getattr(error, 'strerror', None) or error}",
                    advice="name a PEM file with the certificate of the gateway's authority",
                    source="ca_file",
                ) from error
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return self._context


def _tls_error(
    error: BaseException, place: str, server_name: str, ca_file: str | None
) -> GatewayUnavailable:
    """Say what went wrong in a handshake; trio wraps OpenSSL's own error as the cause."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _certificate_error(cause, place, server_name, ca_file)
    if isinstance(cause, ssl.SSLError):
        if cause.reason in _NOT_TLS:
            return GatewayUnavailable(
                f"{place} does not speak TLS",
                advice="see whether this is the port for https (setting `host`)",
                problem="not_tls",
            )
        return GatewayUnavailable(
            f"the TLS handshake with {place} failed: {cause.reason or 'unknown reason'}",
            advice="see whether the service supports TLS 1.2 or later",
            problem="tls",
        )
    return GatewayUnavailable(
        f"{place} broke the connection off during the TLS handshake",
        advice="see whether this is the port for https (setting `host`) and the service is well",
        problem="lost",
    )


def _certificate_error(
    cause: ssl.SSLCertVerificationError, place: str, server_name: str, ca_file: str | None
) -> GatewayUnavailable:
    if cause.verify_code in _HOST_NAME_MISMATCH:
        text = f"the certificate of {place} is not for {server_name!r}"
        advice = (
            "use the name that the certificate bears (setting `host`); `ca_file` does not matter"
        )
    elif cause.verify_code == _CERTIFICATE_EXPIRED:
        text = f"the certificate of {place} has expired"
        advice = "have it renewed and compare the clocks; another `ca_file` does not help"
    elif cause.verify_code == _CERTIFICATE_NOT_YET_VALID:
        text = f"the certificate of {place} is not valid yet"
        advice = "compare the clocks; another `ca_file` does not help"
    else:
        trusted = f"the authorities in {ca_file!r}" if ca_file else "the system's authorities"
        text = f"the certificate of {place} is not trusted by {trusted}: {cause.verify_message}"
        advice = "set `ca_file` to the PEM file of the authority that issued it"
    return GatewayUnavailable(text, advice=advice, problem="certificate")
