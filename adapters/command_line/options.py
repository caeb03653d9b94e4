"""Options that several commands share, and the settings that come of them."""

from pathlib import Path
from typing import Annotated

from attrs import frozen
from cyclopts import Group, Parameter

from hookflash.adapters.command_line.output import tell
from hookflash.adapters.settings.groups import Settings
from hookflash.adapters.settings.loading import read_settings

_GATEWAY = Group("Gateway", sort_key=10)
_FILES = Group("Files", sort_key=20)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one line of JSON.")]
"""`--json`."""


@Parameter(name="*", group=_GATEWAY)
@frozen(kw_only=True)
class GatewayOptions:
    """Where the gateway is; each wins over its variable, and that over the config file."""

    config: Annotated[
        Path | None,
        Parameter(help="Config file. [HOOKFLASH_CONFIG, else hookflash.toml in this folder]"),
    ] = None
    protocol: Annotated[
        str | None, Parameter(help="Wire protocol: interaction. [HOOKFLASH_PROTOCOL]")
    ] = None
    host: Annotated[str | None, Parameter(help="HOST or HOST:PORT. [HOOKFLASH_HOST]")] = None
    ca_file: Annotated[
        str | None,
        Parameter(help="PEM file of the authority to trust. [HOOKFLASH_CA_FILE]"),
    ] = None
    client_id: Annotated[
        str | None,
        Parameter(
            help="OAuth client. Its secret is never an option: HOOKFLASH_CLIENT_SECRET,"
            " client_secret_file or the keyring give it. [HOOKFLASH_CLIENT_ID]"
        ),
    ] = None
    region: Annotated[str | None, Parameter(help="Genesys Cloud region. [HOOKFLASH_REGION]")] = None


@Parameter(name="*", group=_FILES)
@frozen(kw_only=True)
class RecordOptions:
    """Where is recorded what happens."""

    journal: Annotated[str | None, Parameter(help="Journal file. [HOOKFLASH_JOURNAL_PATH]")] = None
    audit: Annotated[str | None, Parameter(help="Audit log. [HOOKFLASH_AUDIT_PATH]")] = None
    record_wire: Annotated[
        str | None,
        Parameter(help="Record what goes over the wire, redacted. [HOOKFLASH_WIRE_PATH]"),
    ] = None


NO_GATEWAY_OPTIONS = GatewayOptions()
NO_RECORD_OPTIONS = RecordOptions()


def settings_of(gateway: GatewayOptions, records: RecordOptions = NO_RECORD_OPTIONS) -> Settings:
    """Load the settings with what the options say on top; warn of variables that nothing reads.

    Raises:
        ConfigurationError: As `load_settings`.
    """
    settings, warnings = read_settings(
        gateway.config,
        {
            "gateway.protocol": gateway.protocol,
            "gateway.host": gateway.host,
            "gateway.ca_file": gateway.ca_file,
            "gateway.client_id": gateway.client_id,
            "gateway.region": gateway.region,
            "journal.path": records.journal,
            "audit.path": records.audit,
            "wire.path": records.record_wire,
        },
        None,
    )
    for warning in warnings:
        tell(f"warning: {warning}")
    return settings
