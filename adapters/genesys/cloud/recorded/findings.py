"""What an import has to say about its input: every thing that was left out has a name and a place.

Nothing is dropped in silence. What happens often and is as it should be is counted; what is wrong
with the data is counted and named.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, Literal, final

from attrs import define, field, frozen

Kind = Literal["passed_over", "note", "skipped", "disagreement"]
"""`passed_over`: is no part of a recording of holds, or was there already. `note`: was taken in,
with something to know about it. `skipped`: was left out because it makes no sense. `disagreement`:
the data contradict each other, or contradict our ledger. The last two are exit code 1."""

REASONS: Final[dict[str, tuple[Kind, str]]] = {
    "heartbeat": ("passed_over", "a heartbeat or pong of the socket"),
    "system_message": ("passed_over", "a message about the socket itself"),
    "reply": ("passed_over", "an answer to a subscription"),
    "other_topic": ("passed_over", "an event of a topic that tells of no hold"),
    "other_metric": ("passed_over", "a metric that says nothing about holds"),
    "other_participant": ("passed_over", "a participant that is no agent"),
    "other_media": ("passed_over", "an agent's leg in another medium, without a hold"),
    "digital_hold": ("passed_over", "an agent's leg in another medium, with holds"),
    "never_connected": ("passed_over", "an agent's leg that was never connected"),
    "only_sums": ("passed_over", "a leg of which only sums are known, and no time"),
    "duplicate": ("passed_over", "a leg that says what was read of it before"),
    "stale_snapshot": ("passed_over", "a snapshot older than one before it"),
    "unknown_purpose": ("note", "an unknown purpose, taken for an agent because it has a user"),
    "unknown_segment_type": ("note", "an unknown type of segment, taken for one without hold"),
    "unknown_state": ("note", "an unknown state, which says nothing about a hold"),
    "unknown_media": ("note", "a leg whose medium is not said, taken in"),
    "end_inferred": ("note", "a hold without an end, over when the next thing begins"),
    "end_uncertain": (
        "note",
        "a hold whose end has no time: put at the latest time known then",
    ),
    "hold_goes_on": ("note", "a hold that goes on where the data end"),
    "overlapping_holds": ("note", "holds of one leg that overlap, taken for one"),
    "not_compared": ("note", "a leg with holds but without metrics to compare them with"),
    "torn_line": ("note", "a last line that was cut off"),
    "not_json": ("skipped", "a line that is no JSON"),
    "not_an_object": ("skipped", "something else in the place of an object"),
    "unknown_document": ("skipped", "an object of no known kind"),
    "missing": ("skipped", "something that has to be there is missing"),
    "wrong_type": ("skipped", "a value of another type than it has to have"),
    "odd_id": ("skipped", "an id that cannot be one"),
    "odd_time": ("skipped", "a time that cannot be one"),
    "odd_number": ("skipped", "a number that cannot be one"),
    "backwards": ("skipped", "something that ends before it begins"),
    "too_many": ("skipped", "more of something than is taken in"),
    "hold_of_other_participant": ("skipped", "a hold of a participant that is no agent"),
    "segments_differ": ("disagreement", "the segments say other holds than our ledger"),
    "held_differs": ("disagreement", "tHeld says other holds than our ledger"),
    "held_complete_differs": ("disagreement", "tHeldComplete is another sum than our ledger's"),
    "handle_differs": ("disagreement", "tHandle is not what its parts and our ledger make"),
    "held_total_differs": ("disagreement", "heldDurationMs is another sum than our ledger's"),
    "sources_differ": ("disagreement", "two sources tell of one leg what cannot both be"),
}
"""What each reason is, by its name."""

PLACES_MAX: Final = 10
"""Places named for each reason in the summary; `--findings` writes all."""


@frozen
class Finding:
    """One thing to say about the input.

    Attributes:
        reason: One of `REASONS`.
        place: File and line, or file and JSON path; for a disagreement the conversation.
        words: What it is in particular, with figures; empty where the reason says it all.
    """

    reason: str
    place: str
    words: str = ""

    @property
    def kind(self) -> Kind:
        """How grave it is."""
        return REASONS[self.reason][0]


@final
@define
class Tally:
    """Counts findings by their reasons, and keeps the first places of each.

    Attributes:
        counts: How many there are of each reason.
        first: The first `PLACES_MAX` of each reason.
        tell: Called with each finding; None for nobody.
    """

    tell: Callable[[Finding], None] | None = None
    counts: Counter[str] = field(factory=Counter[str])
    first: dict[str, list[Finding]] = field(factory=dict[str, list[Finding]])

    def take(self, findings: Iterable[Finding]) -> None:
        """Take up *findings*."""
        for finding in findings:
            self.counts[finding.reason] += 1
            kept = self.first.setdefault(finding.reason, [])
            if len(kept) < PLACES_MAX:
                kept.append(finding)
            if self.tell is not None:
                self.tell(finding)

    def count_of(self, kind: Kind) -> int:
        """Return how many findings of a kind there are."""
        return sum(count for reason, count in self.counts.items() if REASONS[reason][0] == kind)
