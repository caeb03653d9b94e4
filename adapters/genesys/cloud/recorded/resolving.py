"""What is known of the legs of a conversation in the end, from all that was said of them.

Segments have the last word on holds; where there are none, tHeld gives the length of each, and
snapshots the rest. Nothing is made up: an end that nobody names stays open, or is put where the
next best time is, and that is written down.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from attrs import evolve

from hookflash.adapters.genesys.cloud.recorded.findings import Finding
from hookflash.adapters.genesys.cloud.recorded.legs import Conversation, Leg, Metric, latest
from hookflash.adapters.genesys.cloud.recorded.sightings import Seen, look_through
from hookflash.adapters.genesys.cloud.recorded.stories import Figures, Hold, Story
from hookflash.machines.instants import Instant, to_text_ms

SAME_US: Final = 2_000_000
"""Two sources that name the start of one hold this far apart mean the same: EventBridge's times
have seconds only, and the hold's start in a snapshot is written by another part of the platform
than its segment."""


def resolve(
    conversation: Conversation, media: AbstractSet[str] | None, findings: list[Finding]
) -> list[Story]:
    """Return the stories of the legs of a conversation.

    Args:
        conversation: What was said of it.
        media: The media that are wanted, in small letters; None for all.
        findings: Takes what is to be said of it.
    """
    stories: list[Story] = []
    for leg in _linked(conversation.legs, findings):
        if leg.media is None:
            findings.append(Finding("unknown_media", leg.place))
        elif media is not None and leg.media not in media:
            reason = "digital_hold" if _has_holds(leg) else "other_media"
            findings.append(Finding(reason, leg.place, leg.media))
            continue
        story = _story_of(conversation.id, leg, findings)
        if story is not None:
            stories.append(story)
    return stories


# --- which legs are one ---------------------------------------------------------------------------


def _linked(legs: Sequence[Leg], findings: list[Finding]) -> list[Leg]:
    """Put legs of which one source named the session and another the participant together."""
    linked = [leg for leg in legs if leg.session is not None]
    for leg in legs:
        if leg.session is not None:
            continue
        own = [one for one in linked if one.participant is not None]
        found = [one for one in own if one.participant == leg.participant and _fits(one, leg)]
        if not found and leg.user is not None:
            nameless = [one for one in linked if one.participant is None]
            found = [one for one in nameless if one.user == leg.user and _fits(one, leg)]
        if len(found) == 1:
            found[0].add(leg, findings)
        else:
            linked.append(leg)
    return linked


def _fits(one: Leg, other: Leg) -> bool:
    return one.media is None or other.media is None or one.media == other.media


def _has_holds(leg: Leg) -> bool:
    return bool(
        (leg.account is not None and leg.account.holds)
        or any(one.held for one in leg.sightings)
        or any(metric.name == "tHeld" for metric in leg.metrics)
        or leg.held_total_ms
    )


# --- the story of one -----------------------------------------------------------------------------


def _story_of(conversation: str, leg: Leg, findings: list[Finding]) -> Story | None:
    seen = look_through(leg.sightings)
    findings += [Finding("stale_snapshot", leg.place)] * seen.stale
    account = leg.account
    # What events say of the beginning is that of the alert; an account knows better.
    begins = [leg.begin, seen.begin] if account is None else [account.begin or seen.begin]
    ends = leg.end or seen.ended
    end = ends if account is None else account.end or ends
    holds = _without_overlaps(leg, _holds_of(leg, seen, findings), findings)
    holds = _with_total(leg, holds)
    for hold in holds:
        if not hold.exact and hold.end is not None and (account is None):
            words = f"the hold of {to_text_ms(hold.start)}"
            findings.append(Finding("end_uncertain", leg.place, words))
    times = [time for time in (*begins, *(hold.start for hold in holds)) if time is not None]
    if not times or (leg.unconnected and not holds):
        _say_without_times(leg, findings)
        return None
    if end is not None:
        end = max([end, *times, *(hold.end for hold in holds if hold.end is not None)])
    elif holds and holds[-1].end is None:
        findings.append(Finding("hold_goes_on", leg.place, f"since {to_text_ms(holds[-1].start)}"))
    horizon = latest(end, latest(seen.last_at, None if account is None else account.horizon))
    known = [*times, *(hold.end for hold in holds if hold.end is not None)]
    return Story(
        f"{conversation}/{leg.session or leg.participant}",
        leg.place,
        min(times),
        end,
        max([*known, *([horizon] if horizon is not None else [])]),
        tuple(holds),
        leg.queue,
        leg.org,
        _figures_of(leg),
    )


def _say_without_times(leg: Leg, findings: list[Finding]) -> None:
    has_sums = bool(leg.metrics) or bool(leg.held_total_ms)
    only_sums = leg.account is None and has_sums and not leg.unconnected
    findings.append(Finding("only_sums" if only_sums else "never_connected", leg.place))


def _holds_of(leg: Leg, seen: Seen, findings: list[Finding]) -> list[Hold]:
    measured = [
        Hold(Instant(metric.date - metric.value_ms * 1000), metric.date)
        for metric in leg.metrics
        if metric.name == "tHeld" and metric.date is not None
    ]
    if leg.account is None:
        return _refined(seen.holds, measured)
    holds = [Hold(one.start, one.end, one.queue, one.exact) for one in leg.account.holds]
    holds = [
        evolve(hold, end=_end_elsewhere(hold, [*measured, *seen.holds]))
        if hold.end is None
        else hold
        for hold in holds
    ]
    for other in seen.holds:
        if any(_overlap(other, hold) for hold in holds):
            continue
        if other.start >= leg.account.horizon - SAME_US:
            holds.append(other)
        else:
            words = f"seen on hold at {to_text_ms(other.start)}, when no segment says so"
            findings.append(Finding("sources_differ", leg.place, words))
    return holds


def _refined(seen: Sequence[Hold], measured: Sequence[Hold]) -> list[Hold]:
    """Give each hold that was seen the length that was measured, and add those not seen."""
    left, holds = list(measured), list[Hold]()
    for hold in seen:
        same = [one for one in left if abs(one.start - hold.start) <= SAME_US]
        if same:
            left.remove(same[0])
        holds.append(same[0] if same else hold)
    return [*holds, *left]


def _end_elsewhere(hold: Hold, others: Sequence[Hold]) -> Instant | None:
    """Return the end of a hold that went on in its account, as another source names it."""
    for other in others:
        if abs(other.start - hold.start) <= SAME_US and other.end is not None:
            return max(other.end, hold.start)
    return None


def _overlap(one: Hold, other: Hold) -> bool:
    return (other.end is None or one.start <= other.end + SAME_US) and (
        one.end is None or other.start <= one.end + SAME_US
    )


def _without_overlaps(leg: Leg, holds: Sequence[Hold], findings: list[Finding]) -> list[Hold]:
    """Return the holds by their starts; those that overlap are made one."""
    apart: list[Hold] = []
    for hold in sorted(holds, key=lambda one: (one.start, one.end is None, one.end or one.start)):
        last = apart[-1] if apart else None
        if last is None or (last.end is not None and hold.start >= last.end):
            apart.append(hold)
            continue
        end = None if last.end is None or hold.end is None else max(last.end, hold.end)
        apart[-1] = evolve(last, end=end, exact=False)
        findings.append(Finding("overlapping_holds", leg.place, f"at {to_text_ms(hold.start)}"))
    return apart


def _with_total(leg: Leg, holds: list[Hold]) -> list[Hold]:
    """Give the one hold whose end is not known the length that the total leaves for it."""
    open_ones = [number for number, hold in enumerate(holds) if not hold.exact]
    if leg.held_total_ms is None or leg.account is not None or len(open_ones) != 1:
        return holds
    number = open_ones[0]
    rest_us = leg.held_total_ms * 1000 - sum(
        hold.end - hold.start for hold in holds if hold.exact and hold.end is not None
    )
    end = Instant(holds[number].start + rest_us)
    following = holds[number + 1].start if number + 1 < len(holds) else leg.end
    if rest_us < 0 or (following is not None and end > following):
        return holds
    return [*holds[:number], evolve(holds[number], end=end, exact=True), *holds[number + 1 :]]


def _figures_of(leg: Leg) -> Figures:
    account = leg.account
    segments_us = None
    if account is not None:
        segments_us = tuple(
            one.end - one.start for one in account.holds if one.exact and one.end is not None
        )
    held = tuple(_values_of(leg.metrics, "tHeld"))
    talk = _sum_of(leg.metrics, "tTalkComplete")
    rest = (
        None
        if talk is None
        else talk
        + sum(_sum_of(leg.metrics, name) or 0 for name in ("tAcw", "tDialing", "tContacting"))
    )
    return Figures(
        segments_us,
        held or None,
        _sum_of(leg.metrics, "tHeldComplete"),
        _sum_of(leg.metrics, "tHandle"),
        rest,
        leg.held_total_ms,
    )


def _sum_of(metrics: Sequence[Metric], name: str) -> int | None:
    values = _values_of(metrics, name)
    return sum(values) if values else None


def _values_of(metrics: Sequence[Metric], name: str) -> list[int]:
    """Return the values of a metric as the best source has them, which tells of all."""
    found = [metric for metric in metrics if metric.name == name]
    best = max((metric.rank for metric in found), default=0)
    return [metric.value_ms for metric in found if metric.rank == best]
