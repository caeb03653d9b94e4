"""What a victim is told to do, and where it writes what it did.

The harness and its victims are different processes: what they agree on stands here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import attrs
import orjson
from attrs import frozen
from typed_settings.types import Secret

from hookflash.adapters.settings import (
    AuditSettings,
    CommandsSettings,
    GatewaySettings,
    JournalSettings,
    MonitorSettings,
    Settings,
)
from hookflash.adapters.settings.groups import Durability
from hookflash.machines.policy import GroupPolicy, HoldPolicy

Mode = Literal["storm", "settle", "drain", "hold", "watch"]
"""`storm`: random commands until killed. `settle`: until nothing is under way. `drain`: until
nobody is held. `hold`: hold all interactions and wait to be killed. `watch`: give no commands."""

EXPIRE_GROUP = "sg-expire"
"""The skill group whose holds wait for a decision at their limit."""

WARN_AT = 0.7

WEBHOOK_LOG_NAME = "webhook.jsonl"


@frozen(kw_only=True)
class Plan:
    """One life of a victim.

    Attributes:
        mode: What it does.
        folder: Where journal, audit log, diaries and the logs of monitor calls are.
        host: HOST:PORT of the gateway.
        ca_file: The authority to trust.
        life: Its number, from 0.
        seed: Decides its commands.
        ours: The interactions that are held and unheld.
        touched: The interactions that somebody else changes; the victim never holds them.
        limit_s: The hold limit, in seconds.
        concurrency: Commands under way at a time.
        durability: That of the journal.
        segment_records: Records after which a part of the journal is put away.
        webhook: Address of a monitor that is told over HTTP; None for none.
    """

    mode: Mode
    folder: str
    host: str
    ca_file: str
    life: int
    seed: int
    ours: tuple[str, ...]
    touched: tuple[str, ...] = ()
    limit_s: float = 3.0
    concurrency: int = 16
    durability: Durability = "process"
    segment_records: int = 20_000
    webhook: str | None = None

    def to_line(self) -> bytes:
        """Return the plan as one line, for the victim's standard input."""
        return orjson.dumps(attrs.asdict(self), option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_line(cls, line: bytes) -> "Plan":
        """Return the plan that a line of `to_line` holds."""
        fields: dict[str, Any] = orjson.loads(line)
        fields["ours"] = tuple(fields["ours"])
        fields["touched"] = tuple(fields["touched"])
        return cls(**fields)

    @property
    def settings(self) -> Settings:
        """The settings of the service: short pauses, because its lives are short."""
        folder = Path(self.folder)
        return Settings(
            gateway=GatewaySettings(
                host=self.host,
                ca_file=Path(self.ca_file),
                client_id="victim",
                client_secret=Secret("good"),
                reconnect_base_s=0.05,
                reconnect_attempts=100,
            ),
            hold=policy(self.limit_s),
            journal=JournalSettings(
                path=journal_path(folder),
                durability=self.durability,
                segment_records=self.segment_records,
            ),
            audit=AuditSettings(path=audit_path(folder)),
            monitors=() if self.webhook is None else (MonitorSettings(url=self.webhook),),
            commands=CommandsSettings(queue_per_interaction=4),
        )


def policy(limit_s: float) -> HoldPolicy:
    """Return the policy of a victim; the harness steps the journal under the same."""
    return HoldPolicy(
        limit_s=limit_s,
        warn_at=WARN_AT,
        policy=(GroupPolicy(skill_group=EXPIRE_GROUP, on_limit="expire"),),
        ack_timeout_s=0.5,
        lookup_backoff_s=0.05,
        lookup_backoff_max_s=0.5,
        release_backoff_s=0.3,
        release_backoff_max_s=1.0,
    )


def journal_path(folder: Path) -> Path:
    """Where the journal is."""
    return folder / "journal.db"


def audit_path(folder: Path) -> Path:
    """Where the audit log is."""
    return folder / "audit.jsonl"


def diary_path(folder: Path, life: int) -> Path:
    """Where a life's diary is: what its commands were and how their callers saw them end."""
    return folder / f"diary-{life:04d}.jsonl"


def calls_path(folder: Path, life: int) -> Path:
    """Where a life's calls of the monitor are written."""
    return folder / f"calls-{life:04d}.jsonl"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a diary or a log of calls; none where there is no file.

    A last line that the kill tore is left out: one write may be cut short at the end of a page.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield orjson.loads(line)
