"""Redaction at the edge of the world: the one function, where adapters look for it."""

from hookflash.machines.redaction import redact

__all__ = ["redact"]
