"""Replaying wire recordings through the real adapter and engine."""

from hookflash.adapters.wire.playing.replaying import replay_wire as replay_wire
from hookflash.adapters.wire.playing.troubles import Troubles as Troubles
from hookflash.adapters.wire.playing.troubles import troubles_of as troubles_of
from hookflash.adapters.wire.playing.verdict import WireDifference as WireDifference
from hookflash.adapters.wire.playing.verdict import WireVerdict as WireVerdict
