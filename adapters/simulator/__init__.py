"""The gateway of the interaction protocol as a program, for users to test their automation against.

`Simulator` serves real TLS on localhost (`serve_tcp`) or any trio stream (`serve_stream`), keeps
each interaction's state, and misbehaves as `Faults` say or as a test scripts it.
"""

from hookflash.adapters.simulator.certificates import ServerIdentity, make_identity
from hookflash.adapters.simulator.commands import Command
from hookflash.adapters.simulator.faults import (
    AckFaults,
    AckRefusal,
    ClientSettings,
    CommandSettings,
    EndpointFaults,
    EndpointRefusal,
    Faults,
    ForeignFaults,
    FrameFaults,
    InteractionSetting,
    SocketFaults,
    TokenFaults,
)
from hookflash.adapters.simulator.faults_file import load_faults, parse_faults
from hookflash.adapters.simulator.figures import Statistics
from hookflash.adapters.simulator.http_connection import Limits
from hookflash.adapters.simulator.server import Address
from hookflash.adapters.simulator.simulator import Simulator
from hookflash.adapters.simulator.world import Interaction, World

__all__ = [
    "AckFaults",
    "AckRefusal",
    "Address",
    "ClientSettings",
    "Command",
    "CommandSettings",
    "EndpointFaults",
    "EndpointRefusal",
    "Faults",
    "ForeignFaults",
    "FrameFaults",
    "Interaction",
    "InteractionSetting",
    "Limits",
    "ServerIdentity",
    "Simulator",
    "SocketFaults",
    "Statistics",
    "TokenFaults",
    "World",
    "load_faults",
    "make_identity",
    "parse_faults",
]
