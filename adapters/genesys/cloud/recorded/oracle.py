"""Genesys's own figures, held against what our hold ledger makes of the recording.

Measured on real conversations: there is one tHeld for each hold segment and it is as long; one
tHeldComplete, which is their sum; and tHandle is tTalkComplete, tHeldComplete and tAcw together,
for outbound calls tDialing and tContacting as well.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from hookflash.adapters.genesys.cloud.recorded.findings import Finding
from hookflash.adapters.genesys.cloud.recorded.stories import Figures

SHOWN_MAX: Final = 8
"""Lengths shown in a finding."""


@frozen
class Counted:
    """What the ledger says of the holds of one leg.

    Attributes:
        ended_us: The lengths of those that ended.
        going_on: How many have not ended.
    """

    ended_us: tuple[int, ...]
    going_on: int = 0

    @property
    def sum_us(self) -> int:
        """Their lengths together."""
        return sum(self.ended_us)


def compare(
    figures: Figures, counted: Counted, place: str, tolerance_us: int
) -> tuple[bool, list[Finding]]:
    """Compare Genesys's figures for a leg with the ledger's.

    A sum is compared where all its holds have ended. A hold without its tHeld is no contradiction,
    because that may come later than the data; a tHeld without its hold is one.

    Args:
        figures: Genesys's.
        counted: The ledger's.
        place: The interaction, for messages.
        tolerance_us: By how much two lengths may differ, and two sums per hold, in microseconds.

    Returns:
        Whether there was anything of Genesys's own metrics to compare with, and what differs.
    """
    ours, found = counted.ended_us, list[Finding]()
    sums_us = tolerance_us * max(1, len(ours))
    if figures.segments_us is not None and (
        _unmatched(figures.segments_us, ours, tolerance_us) or len(figures.segments_us) > len(ours)
    ):
        words = f"segments {_lengths(figures.segments_us)}; ledger {_lengths(ours)}"
        found.append(Finding("segments_differ", place, words))
    held_us = tuple(value * 1000 for value in figures.held_ms or ())
    if _unmatched(held_us, ours, tolerance_us):
        words = f"tHeld {_lengths(held_us)}; ledger {_lengths(ours)}"
        found.append(Finding("held_differs", place, words))
    if not counted.going_on:
        sums = (
            ("held_complete_differs", "tHeldComplete", figures.held_complete_ms, counted.sum_us),
            ("held_total_differs", "heldDurationMs", figures.held_total_ms, counted.sum_us),
        )
        for reason, name, theirs_ms, ours_us in sums:
            if theirs_ms is not None and abs(theirs_ms * 1000 - ours_us) > sums_us:
                words = f"{name} {_ms(theirs_ms * 1000)}; ledger {_ms(ours_us)}"
                found.append(Finding(reason, place, words))
        found += _compare_handle(figures, counted, place, sums_us)
    metrics = (figures.held_ms, figures.held_complete_ms, figures.handle_ms, figures.held_total_ms)
    return any(value is not None for value in metrics), found


# --- the parts ------------------------------------------------------------------------------------


def _compare_handle(
    figures: Figures, counted: Counted, place: str, tolerance_us: int
) -> list[Finding]:
    if figures.handle_ms is None or figures.handle_rest_ms is None:
        return []
    ours_us = figures.handle_rest_ms * 1000 + counted.sum_us
    if abs(figures.handle_ms * 1000 - ours_us) <= tolerance_us:
        return []
    words = (
        f"tHandle {_ms(figures.handle_ms * 1000)}; talk, after-call work and dialing"
        f" {_ms(figures.handle_rest_ms * 1000)} and ledger {_ms(counted.sum_us)}"
    )
    return [Finding("handle_differs", place, words)]


def _unmatched(theirs: Sequence[int], ours: Sequence[int], tolerance_us: int) -> bool:
    """Tell whether one of *theirs* has no counterpart of its own in *ours*."""
    if not tolerance_us:
        return bool(Counter(theirs) - Counter(ours))
    left = sorted(ours)
    for length in sorted(theirs):
        match = next((one for one in left if abs(one - length) <= tolerance_us), None)
        if match is None:
            return True
        left.remove(match)
    return False


def _lengths(lengths_us: Sequence[int]) -> str:
    shown = [_ms(length) for length in sorted(lengths_us)[:SHOWN_MAX]]
    more = len(lengths_us) - len(shown)
    return f"{', '.join(shown) or 'none'}{f' and {more} more' if more > 0 else ''}"


def _ms(length_us: int) -> str:
    whole, rest = divmod(length_us, 1000)
    return f"{whole} ms" if not rest else f"{length_us / 1000:.3f} ms"
