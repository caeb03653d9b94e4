"""How long things take in the demo, and the settings that follow from it."""

from pathlib import Path

from attrs import frozen
from typed_settings.types import Secret

from hookflash.adapters.settings import (
    AuditSettings,
    CommandsSettings,
    GatewaySettings,
    JournalSettings,
    Settings,
)
from hookflash.machines.policy import GroupPolicy, HoldPolicy


@frozen
class Pace:
    """Durations of the demo, in seconds.

    A limit is at least 1 s, as the settings want it; an acknowledgement is waited for long enough
    for a busy machine.

    Attributes:
        act_s: In which the interactions of one act begin.
        play_s: In which those begin that play through both acts.
        hold_min_s: Of an ordinary hold.
        hold_max_s: Of an ordinary hold.
        ack_s: What every acknowledgement takes.
        ack_timeout_s: How long one is waited for.
        late_s: By how much a late one comes later.
        limit_s: Of the skill groups with a short limit.
        decision_s: Until somebody decides about an expired hold.
        agent_s: Until somebody at a desk does something.
        reconnect_s: First pause before a lost socket is opened again.
        patience_s: How long anything is waited for that must come.
        look_s: How often it is looked whether it came.
    """

    act_s: float
    play_s: float
    hold_min_s: float
    hold_max_s: float
    ack_s: float
    ack_timeout_s: float
    late_s: float
    limit_s: float
    decision_s: float
    agent_s: float
    reconnect_s: float
    patience_s: float
    look_s: float

    @classmethod
    def at(cls, speed: float) -> "Pace":
        """Return the pace at *speed* times that of the demo as it is meant to be watched."""
        ack_timeout_s = max(0.25, 1.0 / speed)
        return cls(
            act_s=3.5 / speed,
            play_s=11.0 / speed,
            hold_min_s=1.5 / speed,
            hold_max_s=4.5 / speed,
            ack_s=0.04 / speed,
            ack_timeout_s=ack_timeout_s,
            late_s=ack_timeout_s + max(0.5, 1.0 / speed),
            limit_s=max(1.0, 4.0 / speed),
            decision_s=1.5 / speed,
            agent_s=1.5 / speed,
            reconnect_s=max(0.05, 1.5 / speed),
            patience_s=max(20.0, 20.0 / speed),
            look_s=max(0.01, 0.05 / speed),
        )

    def policy(self, *, strict: str, decided: str, denied: str) -> HoldPolicy:
        """Return the policy of the demo.

        Args:
            strict: The skill group whose holds are released at a short limit.
            decided: The one whose holds expire there and wait for a decision.
            denied: The one whose callers may not be held.
        """
        return HoldPolicy(
            # No hold of the play is meant to reach this one.
            limit_s=max(60.0, 4 * self.patience_s),
            ack_timeout_s=self.ack_timeout_s,
            lookup_backoff_s=0.2,
            release_backoff_s=max(0.2, self.decision_s * 2 / 3),
            policy=(
                GroupPolicy(skill_group=strict, limit_s=self.limit_s, on_limit="release"),
                GroupPolicy(skill_group=decided, limit_s=self.limit_s, on_limit="expire"),
                GroupPolicy(skill_group=denied, deny=True),
            ),
        )

    def settings(
        self, policy: HoldPolicy, *, host: str, ca_file: Path, journal: Path, audit: Path
    ) -> Settings:
        """Return the settings of the demo: no file and no variable has a say in them.

        Args:
            policy: From `policy`.
            host: Where the simulator serves, HOST:PORT.
            ca_file: The authority of its certificate.
            journal: Where the journal is kept.
            audit: Where the audit log is written.
        """
        return Settings(
            gateway=GatewaySettings(
                host=host,
                ca_file=ca_file,
                client_id="demo",
                client_secret=Secret("not a secret: the simulator takes any"),
                reconnect_base_s=self.reconnect_s,
            ),
            hold=policy,
            journal=JournalSettings(path=journal),
            audit=AuditSettings(path=audit),
            commands=CommandsSettings(deadline_s=self.patience_s),
        )
