"""The metrics: what was asked, what came of it, and how long it took.

State consistency rate: the share of all attempts that the gateway confirmed within 2,000 ms.
Timed-out, refused, expired and unavailable attempts count as attempts; invalid and ineligible ones
do not, because nothing was, or could have been, asked of the gateway. Confirmed are the outcomes
`confirmed`, `confirmed_by_lookup` and `already`: the last because the gateway's own, recent word
says that what was asked for is so; its latency is that of the command.
"""

from collections.abc import Mapping
from typing import Any, Final, final

from attrs import field, frozen
from hdrh.histogram import HdrHistogram  # pyright: ignore[reportMissingTypeStubs]

from hookflash.machines.interaction import Action

CONSISTENT_WITHIN_S: Final = 2.0
"""The protocol's 2,000 ms."""

SUCCESSES: Final = frozenset({"confirmed", "confirmed_by_lookup", "already"})
"""Outcomes of commands that ended as asked."""

NOT_ATTEMPTED: Final = frozenset({"invalid", "ineligible"})
"""Outcomes that the state consistency rate leaves out."""

_LATENCY_MAX_US: Final = 3_600_000_000
"""One hour: longer latencies count as this one."""

_SIGNIFICANT_DIGITS: Final = 3
"""Quantiles are exact to 0.1 %; the histogram has some 190 kB then, however much it counts."""


def percent_text(share: float) -> str:
    """Return *share*, 0 to 1, as the audit log has it: `NN.NN%`."""
    return f"{share * 100:.2f}%"


@frozen(kw_only=True)
class MetricsSnapshot:
    """The metrics at one moment. Counts are since the start of the process.

    Attributes:
        attempts: Commands that ended, with whatever outcome.
        confirmed: Ended by the gateway's acknowledgement, or by a frame of its own.
        confirmed_by_lookup: Ended by a lookup that proved that they were carried out.
        already: Nothing was sent, because what they asked for was so.
        refused: Refused by the gateway, or because another command was under way.
        not_applied: A lookup proved that they were not carried out.
        expired: Refused because the hold was past its limit.
        ineligible: The interaction may not be held or unheld.
        invalid: A field was not what the protocol allows.
        unavailable: Nothing could be sent.
        unknown: The outcome was not known when the program stopped.
        timed_out: Acknowledgements that did not come in time; their commands go on, and count
            under their outcome as well.
        holds: Attempts that were holds.
        unholds: Attempts that were unholds.
        foreign_holds: Holds that somebody else made.
        foreign_unholds: Unholds that somebody else made.
        late: Events that came late.
        duplicates: Answers that came more than once.
        unknown_answers: Answers to frames that nobody knows.
        lookups: Lookups that were answered.
        lookups_failed: Lookups that were not.
        warnings: Holds that neared their limit.
        alarms: Alarms about callers past the limit.
        clock_jumps: How often the machine was suspended or its clock was set.
        rule_actions: Actions that rules took.
        rule_failures: Evaluations of rules that failed: a bug of ours, named in the log.
        latency_average_s: Mean latency of the confirmed attempts, in seconds; None before the
            first.
        latency_p50_s: Their median; None before the first.
        latency_p99_s: What 99 of 100 did not exceed; None before the first.
        consistency_rate: Share of attempts confirmed within 2,000 ms, 0 to 1; 1 before the first.
        confirmed_share: Share of attempts confirmed at all, 0 to 1; 1 before the first.
        outcomes: Attempts by outcome, as the audit log has it.
    """

    attempts: int
    confirmed: int
    confirmed_by_lookup: int
    already: int
    refused: int
    not_applied: int
    expired: int
    ineligible: int
    invalid: int
    unavailable: int
    unknown: int
    timed_out: int
    holds: int
    unholds: int
    foreign_holds: int
    foreign_unholds: int
    late: int
    duplicates: int
    unknown_answers: int
    lookups: int
    lookups_failed: int
    warnings: int
    alarms: int
    clock_jumps: int
    rule_actions: int
    rule_failures: int
    latency_average_s: float | None
    latency_p50_s: float | None
    latency_p99_s: float | None
    consistency_rate: float
    confirmed_share: float
    outcomes: Mapping[str, int] = field(hash=False)

    @property
    def succeeded(self) -> int:
        """How many commands ended as asked."""
        return self.confirmed + self.confirmed_by_lookup + self.already

    def consistency_text(self) -> str:
        """Return the state consistency rate as `NN.NN%`."""
        return percent_text(self.consistency_rate)


@final
class Metrics:
    """Counts, in bounded memory; every call takes a microsecond or so. Not thread-safe.

    Latencies go into an HdrHistogram: 0.8 µs a value, and never more memory.
    """

    def __init__(self) -> None:
        self._outcomes: dict[str, int] = {}
        self._actions: dict[Action, int] = {"hold": 0, "unhold": 0}
        self._foreign: dict[Action, int] = {"hold": 0, "unhold": 0}
        self._counted = 0
        self._confirmed = 0
        self._consistent = 0
        self._latency_sum_s = 0.0
        self._latencies: Any = HdrHistogram(1, _LATENCY_MAX_US, _SIGNIFICANT_DIGITS)
        self._late = self._duplicates = self._unknown_answers = self._timed_out = 0
        self._lookups = self._lookups_failed = self._warnings = self._alarms = 0
        self._clock_jumps = self._rule_actions = self._rule_failures = 0

    # --- what the engine calls --------------------------------------------------------------------

    def command_ended(self, action: Action, outcome: str, latency_s: float) -> None:
        """Count a command that ended.

        Args:
            action: What it asked for.
            outcome: As the audit log has it.
            latency_s: Seconds from the caller's call to the outcome; below zero counts as zero.
        """
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1
        self._actions[action] += 1
        if outcome in NOT_ATTEMPTED:
            return
        self._counted += 1
        if outcome not in SUCCESSES:
            return
        self._confirmed += 1
        latency_s = max(latency_s, 0.0)
        if latency_s <= CONSISTENT_WITHIN_S:
            self._consistent += 1
        self._latency_sum_s += latency_s
        self._latencies.record_value(min(round(latency_s * 1_000_000), _LATENCY_MAX_US))

    def timed_out(self) -> None:
        """Count an acknowledgement that did not come in time."""
        self._timed_out += 1

    def foreign(self, action: Action) -> None:
        """Count a hold or unhold that somebody else made."""
        self._foreign[action] += 1

    def late(self) -> None:
        """Count an event that came late."""
        self._late += 1

    def duplicate(self) -> None:
        """Count an answer that came more than once."""
        self._duplicates += 1

    def unknown_answer(self) -> None:
        """Count an answer to a frame that nobody knows."""
        self._unknown_answers += 1

    def lookup(self, *, ok: bool) -> None:
        """Count a lookup that was answered, or was not."""
        if ok:
            self._lookups += 1
        else:
            self._lookups_failed += 1

    def warning(self) -> None:
        """Count a hold that neared its limit."""
        self._warnings += 1

    def alarm(self) -> None:
        """Count an alarm."""
        self._alarms += 1

    def clock_jump(self) -> None:
        """Count a jump of the machine's clock."""
        self._clock_jumps += 1

    def rule_acted(self) -> None:
        """Count an action that a rule took."""
        self._rule_actions += 1

    def rule_failed(self) -> None:
        """Count an evaluation of rules that failed."""
        self._rule_failures += 1

    # --- what is read -----------------------------------------------------------------------------

    def consistency_rate(self) -> float:
        """Return the state consistency rate so far, 0 to 1; 1 where there was no attempt."""
        return self._consistent / self._counted if self._counted else 1.0

    def consistency_text(self) -> str:
        """Return the state consistency rate as `NN.NN%`."""
        return percent_text(self.consistency_rate())

    def snapshot(self) -> MetricsSnapshot:
        """Return the metrics as they are now; takes a millisecond or two for the quantiles."""
        counts = self._outcomes
        return MetricsSnapshot(
            attempts=sum(counts.values()),
            confirmed=counts.get("confirmed", 0),
            confirmed_by_lookup=counts.get("confirmed_by_lookup", 0),
            already=counts.get("already", 0),
            refused=counts.get("refused", 0),
            not_applied=counts.get("not_applied", 0),
            expired=counts.get("expired", 0),
            ineligible=counts.get("ineligible", 0),
            invalid=counts.get("invalid", 0),
            unavailable=counts.get("unavailable", 0),
            unknown=counts.get("unknown", 0),
            timed_out=self._timed_out,
            holds=self._actions["hold"],
            unholds=self._actions["unhold"],
            foreign_holds=self._foreign["hold"],
            foreign_unholds=self._foreign["unhold"],
            late=self._late,
            duplicates=self._duplicates,
            unknown_answers=self._unknown_answers,
            lookups=self._lookups,
            lookups_failed=self._lookups_failed,
            warnings=self._warnings,
            alarms=self._alarms,
            clock_jumps=self._clock_jumps,
            rule_actions=self._rule_actions,
            rule_failures=self._rule_failures,
            latency_average_s=self._latency_sum_s / self._confirmed if self._confirmed else None,
            latency_p50_s=self._quantile_s(50.0),
            latency_p99_s=self._quantile_s(99.0),
            consistency_rate=self.consistency_rate(),
            confirmed_share=self._confirmed / self._counted if self._counted else 1.0,
            outcomes=dict(counts),
        )

    def _quantile_s(self, percent: float) -> float | None:
        if not self._confirmed:
            return None
        return float(self._latencies.get_value_at_percentile(percent)) / 1_000_000
