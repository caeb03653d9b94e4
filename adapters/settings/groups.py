"""What can be set: one attrs class per table of `hookflash.toml`, with its defaults and bounds.

The bounds stand here and nowhere else; `specs/config.schema.json` says the same in JSON Schema
for editors, and a test compares the two.
"""

import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen, validators
from typed_settings.types import Secret

from hookflash.machines.policy import HoldPolicy

Protocol = Literal["interaction", "genesys-cloud"]
"""The wire protocol that the gateway speaks."""

Durability = Literal["process", "power"]
"""What a journaled event survives: the end of the process, or the loss of power as well."""

Overdue = Literal["fire", "look_up"]
"""What becomes of timers that were due while nothing ran."""

LogLevel = Literal["debug", "info", "warning", "error", "critical"]

HTTPS_PORT = 443
DEFAULT_CONFIG_NAME = "hookflash.toml"
DEFAULT_JOURNAL_NAME = "hookflash.db"
DEFAULT_AUDIT_NAME = "hookflash-audit.jsonl"

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _number(default: float, low: float, high: float) -> Any:  # noqa: ANN401 - attrs.field is so
    return field(default=default, validator=[validators.ge(low), validators.le(high)])


def _is_host(_: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
    found = _HOST.fullmatch(value)
    if found is None:
        raise ValueError(f"{attribute.name!r} must be HOST or HOST:PORT, without https:// and path")
    if found["port"] is not None and not 1 <= int(found["port"]) <= 65_535:
        raise ValueError(f"{attribute.name!r} must name a port from 1 to 65535")


def _is_url(_: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"{attribute.name!r} must begin with https:// or http:// and name a host")


def _is_variable(_: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
    if not _VARIABLE.fullmatch(value):
        raise ValueError(f"{attribute.name!r} must be the name of an environment variable")


def _is_name(_: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
    if not (0 < len(value) <= 64 and value.isprintable()):
        raise ValueError(f"{attribute.name!r} must have 1 to 64 printable characters")


def _shown_url(value: str) -> str:
    # Webhook addresses often are secrets themselves: what follows the host is not shown.
    parts = urlsplit(value)
    return f"'{parts.scheme}://{parts.hostname}/…'"


@frozen(kw_only=True)
class GatewaySettings:
    """`[gateway]`: where the gateway is and who we are there.

    Numbers of the protocol page are the defaults: five reconnects after 2, 4, 8, 16 and 32 s, a
    ping every 30 s, requests that time out after 5 s.

    Attributes:
        protocol: Its wire protocol.
        host: HOST or HOST:PORT; None where nobody said it. The port is 443 unless given.
        ca_file: PEM file of the authority to trust instead of the system's; None trusts those.
        client_id: The OAuth client; None where nobody said it.
        client_secret: From the variable HOOKFLASH_CLIENT_SECRET only; None where it is not set.
        client_secret_file: File whose first line is the secret; None for none.
        region: The Genesys Cloud region; None for none. Unused by the `interaction` protocol.
        scope: The scopes asked for; a token that lacks `interaction:control` is refused.
        request_timeout_s: Seconds for one HTTP request, 0.1 to 300.
        reconnect_attempts: Attempts in a row to open a lost socket again, 1 to 100.
        reconnect_base_s: Pause before the first of them, 0.01 to 300 s; it doubles each time.
        reconnect_jitter: Whether the pauses are varied, so that many clients do not come at once.
        ping_every_s: Seconds between our pings, 1 to 3600.
    """

    protocol: Protocol = "interaction"
    host: str | None = field(default=None, validator=validators.optional(_is_host))
    ca_file: Path | None = None
    client_id: str | None = field(
        default=None, validator=validators.optional(validators.min_len(1))
    )
    client_secret: Secret[str] | None = None
    client_secret_file: Path | None = None
    region: str | None = None
    scope: str = "interaction:control interaction:read"
    request_timeout_s: float = _number(5.0, 0.1, 300.0)
    reconnect_attempts: int = _number(5, 1, 100)
    reconnect_base_s: float = _number(2.0, 0.01, 300.0)
    reconnect_jitter: bool = True
    ping_every_s: float = _number(30.0, 1.0, 3600.0)

    @property
    def address(self) -> tuple[str, int]:
        """Host name and port; an IPv6 address without its brackets.

        Raises:
            ValueError: No host is set.
        """
        if self.host is None:
            raise ValueError("no host is set")
        parts = urlsplit(f"https://{self.host}")
        return parts.hostname or self.host, parts.port or HTTPS_PORT


@frozen(kw_only=True)
class ThrottleSettings:
    """`[throttle]`: how fast commands leave, so that the gateway is not flooded.

    Attributes:
        max_commands_per_s: Frames per second; 0 sets no rate.
        max_in_flight: Frames sent and not yet answered, at most; 1 to 10,000.
    """

    max_commands_per_s: float = _number(0.0, 0.0, 100_000.0)
    max_in_flight: int = _number(256, 1, 10_000)


@frozen(kw_only=True)
class JournalSettings:
    """`[journal]`: the record of all that happened.

    Attributes:
        path: The file; `hookflash.db` beside the config file unless given.
        durability: What a journaled event survives before its effects leave.
        max_bytes: Size beyond which nothing is appended and the engine stops; 1 MiB to 1 TiB.
        keep_days: Whole UTC days before today that stay in it; older ones are put into recordings.
            0 keeps all; at most 36,500.
        recordings: The folder for these; None takes `recordings` beside the journal.
        keep_traces_days: Days for which what rules did stays in it, of days that are in recordings;
            0 keeps it for ever, at most 36,500. At most 100,000 lines of it, the oldest go first.
        segment_records: Records after which a part is put away and the snapshot brought forward,
            10 to 1,000,000.
    """

    path: Path = Path(DEFAULT_JOURNAL_NAME)
    durability: Durability = "process"
    max_bytes: int = _number(4 * 2**30, 2**20, 2**40)
    keep_days: int = _number(0, 0, 36_500)
    recordings: Path | None = None
    keep_traces_days: int = _number(400, 0, 36_500)
    segment_records: int = _number(20_000, 10, 1_000_000)


@frozen(kw_only=True)
class AuditSettings:
    """`[audit]`: the hash-chained log.

    Attributes:
        path: The file; `hookflash-audit.jsonl` beside the config file unless given.
    """

    path: Path = Path(DEFAULT_AUDIT_NAME)


@frozen(kw_only=True)
class WireSettings:
    """`[wire]`: the recording of what goes over the wire, redacted.

    Attributes:
        path: The file; None records nothing.
        max_bytes: Size at which the recording ends, while all else goes on; 64 KiB to 1 GiB.
        max_frame_bytes: Messages longer than this are only counted; 1 KiB to 512 KiB.
    """

    path: Path | None = None
    max_bytes: int = _number(2**28, 2**16, 2**30)
    max_frame_bytes: int = _number(2**16, 2**10, 2**19)


@frozen(kw_only=True)
class RecoverySettings:
    """`[recovery]`: how a start goes on with what an earlier run left.

    Attributes:
        overdue: What becomes of timers that were due meanwhile. `fire`: they fire at once.
            `look_up`: they wait until the gateway was asked about their interaction.
        overdue_wait_s: Seconds for which they wait at most, 0 to 600.
        background_per_s: Lookups of interactions on hold per second after a start or a reconnect,
            0.1 to 10,000; commands and doubts come before them.
    """

    overdue: Overdue = "fire"
    overdue_wait_s: float = _number(5.0, 0.0, 600.0)
    background_per_s: float = _number(100.0, 0.1, 10_000.0)


@frozen(kw_only=True)
class RulesSettings:
    """`[rules]`: the rules file.

    Attributes:
        path: The file; None runs no rules.
        watch_s: Seconds between looks at whether it has changed, 0.1 to 3600; 0 looks never, and
            only SIGHUP or `reload_rules` load it anew.
        call_timeout_s: Seconds that a function may take which a rule calls, 0.1 to 300.
    """

    path: Path | None = None
    watch_s: float = field(
        default=2.0,
        validator=validators.or_(
            validators.in_([0.0]), validators.and_(validators.ge(0.1), validators.le(3600.0))
        ),
    )
    call_timeout_s: float = _number(10.0, 0.1, 300.0)


@frozen(kw_only=True)
class MonitorSettings:
    """`[[monitor]]`: a webhook that is told about every outcome.

    Attributes:
        url: Where to post; begins with https:// or http://.
        secret_file: File whose first line signs what is posted; None for none.
        secret_variable: Environment variable with that secret instead; None for none.
        timeout_s: Seconds for one delivery, 0.1 to 300.
        name: The name under which rules may notify it; None takes the host.
        rules_only: Whether it is told only what rules say to it.
    """

    url: str = field(validator=_is_url, repr=_shown_url)
    secret_file: Path | None = None
    secret_variable: str | None = field(default=None, validator=validators.optional(_is_variable))
    timeout_s: float = _number(5.0, 0.1, 300.0)
    name: str | None = field(default=None, validator=validators.optional(_is_name))
    rules_only: bool = False


@frozen(kw_only=True)
class MetadataSettings:
    """`[metadata]`: lookups of interactions.

    Attributes:
        ttl_s: Seconds for which an answer is reused, 0 to 3600; the protocol's is 60.
        max_concurrent: Lookups under way at a time, 1 to 64: few are faster than many.
    """

    ttl_s: float = _number(60.0, 0.0, 3600.0)
    max_concurrent: int = _number(8, 1, 64)


@frozen(kw_only=True)
class CommandsSettings:
    """`[commands]`: how long callers wait and how many may queue.

    Attributes:
        deadline_s: Seconds after which a caller gets `OutcomeUnknown`; 0 waits as long as it takes.
        queue_per_interaction: Commands that may wait for their turn at one interaction, 1 to 1000.
        first_connection_timeout_s: Seconds after which one-shot commands give up on a first
            connection, 0.1 to 600.
    """

    deadline_s: float = _number(30.0, 0.0, 86_400.0)
    queue_per_interaction: int = _number(16, 1, 1000)
    first_connection_timeout_s: float = _number(15.0, 0.1, 600.0)


@frozen(kw_only=True)
class LogSettings:
    """`[log]`: what is logged to stderr.

    Attributes:
        level: The lowest level shown; None leaves it to the command.
    """

    level: LogLevel | None = None


@frozen(kw_only=True)
class Settings:
    """All settings of one process, checked. Secrets are masked when shown.

    Attributes:
        gateway: Where the gateway is and who we are there.
        hold: Limits and policies.
        throttle: How fast commands leave.
        journal: The record of all that happened.
        audit: The hash-chained log.
        wire: The recording of what goes over the wire.
        recovery: How a start goes on with what an earlier run left.
        rules: The rules file.
        monitors: The webhooks, `[[monitor]]` in the file.
        metadata: Lookups of interactions.
        commands: How long callers wait.
        log: What is logged.
        config_file: The file that was read, absolute; None where there was none.
    """

    gateway: GatewaySettings = GatewaySettings()
    hold: HoldPolicy = HoldPolicy()  # noqa: RUF009 - frozen, as all of these are
    throttle: ThrottleSettings = ThrottleSettings()
    journal: JournalSettings = JournalSettings()
    audit: AuditSettings = AuditSettings()
    wire: WireSettings = WireSettings()
    recovery: RecoverySettings = RecoverySettings()
    rules: RulesSettings = RulesSettings()
    monitors: tuple[MonitorSettings, ...] = ()
    metadata: MetadataSettings = MetadataSettings()
    commands: CommandsSettings = CommandsSettings()
    log: LogSettings = LogSettings()
    config_file: Path | None = None
