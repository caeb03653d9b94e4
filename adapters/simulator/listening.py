"""Listening sockets on localhost, IPv4 and IPv6 on one port."""

import errno
from typing import Final

import trio

from hookflash.machines.errors import ConfigurationError

BACKLOG: Final = 1024
PORT_TRIES: Final = 16
"""A port that is free on 127.0.0.1 may be taken on ::1: how often another one is picked."""

_NO_IPV6: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


async def open_listeners(port: int) -> tuple[list[trio.SocketListener], int]:
    """Listen on 127.0.0.1 and, where there is IPv6, on ::1.

    Args:
        port: The TCP port; 0 picks one that is free on both.

    Returns:
        The listeners and the port.

    Raises:
        ConfigurationError: The port is taken or not allowed.
    """
    for attempt in range(PORT_TRIES):
        first = await _listen("127.0.0.1", port)
        actual_port: int = first.socket.getsockname()[1]
        listeners = [first]
        try:
            listeners.append(await _listen("::1", actual_port))
        except ConfigurationError as error:
            cause = error.__cause__
            if not (isinstance(cause, OSError) and cause.errno in _NO_IPV6):
                await first.aclose()
                if port == 0 and attempt < PORT_TRIES - 1:
                    continue
                raise
        return listeners, actual_port
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _listen(host: str, port: int) -> trio.SocketListener:
    try:
        (listener,) = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on port {port} of {host}: {error.strerror or error}",
            advice="choose another port, or 0 to pick a free one",
            source="--port",
        ) from error
    return listener
