"""Settings: what can be set, and from where it is loaded.

`load_settings` reads `hookflash.toml`, environment variables and options; `credentials_of` adds
what a command that connects needs beside: the secret, from wherever it is kept.
"""

from hookflash.adapters.settings.credentials import Credentials, credentials_of
from hookflash.adapters.settings.groups import (
    AuditSettings,
    CommandsSettings,
    GatewaySettings,
    JournalSettings,
    LogSettings,
    MetadataSettings,
    MonitorSettings,
    RecoverySettings,
    RulesSettings,
    Settings,
    ThrottleSettings,
    WireSettings,
)
from hookflash.adapters.settings.loading import load_settings

__all__ = [
    "AuditSettings",
    "CommandsSettings",
    "Credentials",
    "GatewaySettings",
    "JournalSettings",
    "LogSettings",
    "MetadataSettings",
    "MonitorSettings",
    "RecoverySettings",
    "RulesSettings",
    "Settings",
    "ThrottleSettings",
    "WireSettings",
    "credentials_of",
    "load_settings",
]
