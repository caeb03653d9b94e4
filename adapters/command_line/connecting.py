"""The first connection of one-shot commands: bounded, and with a reason where it fails."""

import trio

from hookflash.adapters.network import TcpNetwork
from hookflash.adapters.settings import Settings
from hookflash.engine.controller import Controller
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable

DIAGNOSIS_S = 2.0
"""How long may be looked for the reason once the time is over."""


async def wait_connected(controller: Controller, settings: Settings) -> None:
    """Wait for the first connection, for as long as the settings say.

    Raises:
        GatewayUnavailable: There is none; the message says why, as far as one more attempt tells.
        NotAuthorized: The gateway does not accept the credentials.
    """
    timeout_s = settings.commands.first_connection_timeout_s
    failure: GatewayUnavailable | None = None
    try:
        await controller.wait_connected(timeout_s)
    except GatewayUnavailable as error:
        failure = error
    if failure is None:
        return
    if failure.advice or (reason := await _reason(settings)) is None:
        raise failure
    raise GatewayUnavailable(
        f"no connection within {timeout_s:g} s: {reason.message}", advice=reason.advice
    ) from failure


async def _reason(settings: Settings) -> GatewayUnavailable | ConfigurationError | None:
    """Try once more and return what goes wrong; None where nothing does."""
    gateway = settings.gateway
    host, port = gateway.address
    network = TcpNetwork(None if gateway.ca_file is None else str(gateway.ca_file))
    with trio.move_on_after(DIAGNOSIS_S):
        try:
            stream = await network.open_stream(host, port, tls=True, server_name=host)
        except (GatewayUnavailable, ConfigurationError) as error:
            return error
        await trio.aclose_forcefully(stream)
    return None
