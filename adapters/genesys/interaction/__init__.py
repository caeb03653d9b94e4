"""The interaction protocol: tokens, control socket, metadata."""

from hookflash.adapters.genesys.interaction.gateway import InteractionGateway
from hookflash.adapters.genesys.interaction.settings import (
    InteractionGatewaySettings,
    Statistics,
)

__all__ = ["InteractionGateway", "InteractionGatewaySettings", "Statistics"]
