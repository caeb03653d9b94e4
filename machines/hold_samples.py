"""Samples of the hold machine for `hookflash check`.

Every event comes in each variant that the machine tells apart; a sample's name is `event` or
`event:variant,variant`. Nothing is left out because it seems unlikely: an answer may overtake the
report of its frame's sending, come twice, or come for a command that has ended; a lookup may have
begun before what it is asked about.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from hookflash.machines import events as ev
from hookflash.machines.hold_data import HoldData, HoldInteraction
from hookflash.machines.hold_walkthroughs import WALKTHROUGHS
from hookflash.machines.hold_words import WORDS
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts, Pending
from hookflash.machines.policy import GroupPolicy, HoldPolicy
from hookflash.machines.proof_world import NOBODY, TICK, Asked, Sample, Samples, World

ELIGIBLE = Facts(state="active", org_id="org-1", skill_group_id="sg-1")
INELIGIBLE = Facts(state="abandoned", org_id="org-1", skill_group_id="sg-1")
OTHER_GROUP = Facts(state="held", org_id="org-1", skill_group_id="sg-2")

POLICIES = {
    "release": HoldPolicy(on_limit="release"),
    "expire": HoldPolicy(on_limit="expire"),
    "release, watch foreign holds": HoldPolicy(on_limit="release", foreign="watch"),
    "expire, watch foreign holds": HoldPolicy(on_limit="expire", foreign="watch"),
    "release, one group expires and is watched": HoldPolicy(
        policy=(GroupPolicy(skill_group="sg-2", on_limit="expire", foreign="watch"),)
    ),
}
"""What a policy may say about the limit; durations make no difference to which way it goes."""

# --- which frame, which moment ------------------------------------------------------------------


def frame_of(interaction: HoldInteraction, variants: list[str]) -> str | None:
    """Return the id of the frame that the variants mean; None where there is no such frame.

    Without a variant about frames it is the pending one, or nobody's where nothing is pending.
    """
    for wanted in ("earlier_hold", "earlier_unhold", "answered"):
        if wanted in variants:
            for frame in interaction.data.earlier[-1:]:
                said = "answered" if frame.answered else f"earlier_{frame.action}"
                if said == wanted:
                    return frame.correlation_id
            return None
    pending = interaction.pending
    return NOBODY if "unknown" in variants or pending is None else pending.correlation_id


def as_of(world: World, variants: list[str]) -> Instant | None:
    """Return since when what the variants mean is known; None where there is no such moment."""
    interaction: HoldInteraction = world.interaction
    if "old" in variants:
        changed_at = interaction.data.changed_at
        return Instant(changed_at - 1) if changed_at else None
    if "before_doubt" in variants:
        pending = interaction.pending
        doubt_since = pending.doubt_since if pending is not None else None
        return None if doubt_since is None else Instant(doubt_since - 1)
    return world.next_at


# --- the events ---------------------------------------------------------------------------------


def _requested(variants: list[str], world: World, *, hold: bool) -> Any:  # noqa: ANN401 - events
    at, own_id = world.next_at, world.unused_id
    facts = INELIGIBLE if "ineligible" in variants else ELIGIBLE
    if hold:
        return ev.HoldRequested(at, own_id, at, "consultation", 5, facts=facts)
    return ev.UnholdRequested(at, own_id, at, 5, "force" in variants, facts=facts)


def _of_frame(make: Callable[..., Any], variants: list[str], world: World) -> Any:  # noqa: ANN401 - events
    frame = frame_of(world.interaction, variants)
    return None if frame is None else make(world.next_at, frame)


def _refused(variants: list[str], world: World) -> Any:  # noqa: ANN401 - events
    frame = frame_of(world.interaction, variants)
    words = {"held": "held", "active": "active", "closed": "closed", "other": "ringing"}
    word = next((words[one] for one in variants if one in words), None)
    code = 429 if "429" in variants else None
    if frame is None:
        return None
    return ev.Refused(world.next_at, frame, world.unused_id, word, code)


def _observed_held(variants: list[str], world: World) -> Any:  # noqa: ANN401 - events
    known = as_of(world, variants)
    if known is None or ("other_group" in variants and not world.policy.policy):
        return None
    since = Instant(known - 60 * TICK) if "since" in variants else None
    source, facts = _source(variants)
    return ev.ObservedHeld(world.next_at, known, source, world.unused_id, since, facts)


def _observed_active(variants: list[str], world: World) -> Any:  # noqa: ANN401 - events
    known = as_of(world, variants)
    source, facts = _source(variants)
    if known is None:
        return None
    return ev.ObservedActive(world.next_at, known, source, world.unused_id, facts)


def _observed_closed(variants: list[str], world: World) -> Any:  # noqa: ANN401 - events
    known = as_of(world, variants)
    source, facts = _source(variants)
    return None if known is None else ev.ObservedClosed(world.next_at, known, source, facts=facts)


def _source(variants: list[str]) -> tuple[ev.Source, Facts | None]:
    if "frame" in variants:
        return "frame", None
    return "lookup", OTHER_GROUP if "other_group" in variants else ELIGIBLE


_MAKERS: dict[str, Callable[[list[str], World], Any]] = {
    "hold_requested": partial(_requested, hold=True),
    "unhold_requested": partial(_requested, hold=False),
    "expire_requested": lambda _, world: ev.ExpireRequested(world.next_at),
    "limit_changed": lambda _, world: ev.LimitChanged(world.next_at, 3600.0),
    "command_abandoned": lambda _, world: ev.CommandAbandoned(
        world.next_at, world.unused_id, "hold", world.next_at, "invalid", "InvalidCommand", "no"
    ),
    "sent": partial(_of_frame, ev.Sent),
    "not_sent": partial(_of_frame, ev.NotSent),
    "acknowledged": partial(_of_frame, ev.Acknowledged),
    "refused": _refused,
    "link_lost": lambda _, world: ev.LinkLost(world.next_at),
    "link_restored": lambda _, world: ev.LinkRestored(world.next_at),
    "lookup_failed": lambda _, world: ev.LookupFailed(world.next_at, "timed out"),
    "observed_held": _observed_held,
    "observed_active": _observed_active,
    "observed_closed": _observed_closed,
}

_REFUSED = (
    *("", ":held", ":active", ":closed", ":other", ":429", ":429,held", ":answered"),
    *(
        f":{frame}{word}"
        for frame in ("earlier_hold", "earlier_unhold")
        for word in ("", ",held", ",active", ",closed")
    ),
)
_LABELS = (
    *("hold_requested", "hold_requested:ineligible"),
    *("unhold_requested", "unhold_requested:force", "unhold_requested:ineligible"),
    *("expire_requested", "limit_changed", "command_abandoned"),
    *(f"sent{which}" for which in ("", ":earlier_hold", ":unknown")),
    *(f"not_sent{which}" for which in ("", ":earlier_hold", ":unknown")),
    *(f"acknowledged{which}" for which in ("", ":answered", ":unknown")),
    *("acknowledged:earlier_hold", "acknowledged:earlier_unhold"),
    *(f"refused{which}" for which in _REFUSED),
    *("link_lost", "link_restored", "lookup_failed"),
    *(
        f"{kind}:{source}{age}"
        for kind in ("observed_held", "observed_active", "observed_closed")
        for source in ("lookup", "frame")
        for age in ("", ",old", ",before_doubt")
    ),
    *("observed_held:lookup,other_group", "observed_held:frame,since"),
)


def _sample(label: str) -> Sample:
    name, _, rest = label.partition(":")
    return partial(_MAKERS[name], rest.split(",") if rest else [])


# --- what is owed, what makes a difference ------------------------------------------------------


def only_watched(interaction: HoldInteraction, _policy: HoldPolicy) -> bool:
    """Somebody else's hold, only watched, is past its limit: it was told, nothing is enforced."""
    hold = interaction.data.hold
    return hold is not None and hold.watched and hold.limit_passed


def still_owed(asked: Asked, event: Any, after: HoldInteraction) -> bool:  # noqa: ANN401 - any event
    """Tell whether a lookup, or word of what became of a frame, is still owed.

    A lookup that began before it was asked for answers another question. A frame whose command
    has ended owes nothing that anybody waits for.
    """
    pending = after.pending
    match event:
        case ev.LookupFailed():
            answered = True
        case ev.ObservedHeld() | ev.ObservedActive() | ev.ObservedClosed():
            answered = event.source == "lookup" and event.as_of >= asked.at
        case _:
            answered = False
    frame = getattr(asked.effect, "correlation_id", None)
    if frame is None:
        return not answered
    reported = isinstance(event, ev.Sent | ev.NotSent) and event.correlation_id == frame
    return not reported and pending is not None and pending.correlation_id == frame


def view(world: World) -> tuple[Any, ...]:
    """Return what of *world* can make a difference to any sample, now or later.

    Ids are replaced by whose they are, instants by the few comparisons that the machine makes of
    them. Left out are counters that only lengthen pauses; earlier frames but the last, which no
    sample mentions, and that one too once the pending frame was sent, for it takes its place; and
    that a timer is overdue, after which only the event of an earlier setting cannot come.
    """
    interaction: HoldInteraction = world.interaction
    data, pending, hold = interaction.data, interaction.pending, interaction.data.hold
    lookup = world.asked.get("LookUp")
    doubt_since = pending.doubt_since if pending is not None else None
    owners = {interaction.id: "interaction"}
    if hold is not None:
        owners[hold.id] = "hold"
    if pending is not None:
        owners[pending.correlation_id] = "command"
    return (
        interaction.state,
        None if pending is None else _view_of_pending(pending, data),
        hold and (hold.on_limit, hold.foreign, hold.watched, hold.limit_passed),
        None
        if pending is not None and (pending.sent_at or pending.refusal)
        else tuple("answered" if old.answered else old.action for old in data.earlier[-1:]),
        frozenset((timer.name, owners.get(timer.owner)) for timer in interaction.timers),
        data.skill_group_id,
        frozenset(world.asked),
        lookup is not None and data.changed_at - 1 >= lookup.at,
        lookup is not None and doubt_since is not None and doubt_since - 1 >= lookup.at,
    )


def _view_of_pending(pending: Pending, data: HoldData) -> tuple[Any, ...]:
    doubt_since = pending.doubt_since
    return (
        pending.action,
        pending.actor == "limit",
        pending.sent_at is not None,
        doubt_since is not None,
        # Is an observation from just before the doubt older than the last change or the sending?
        doubt_since is not None and doubt_since - 1 < max(data.changed_at, pending.sent_at or 0),
        pending.resent,
        pending.refusal is not None,
        pending.contradicted_at is not None,
    )


SAMPLES = Samples(
    events={label: _sample(label) for label in _LABELS},
    policies=POLICIES,
    view=view,
    exceptions={"only_watched": only_watched},
    still_owed=still_owed,
    walkthroughs=WALKTHROUGHS,
    words=WORDS,
)
