"""A world around one interaction: events by short names, and what must hold after each step.

An event's name is `kind` or `kind:variant,variant`. `make_event` turns a name into an event that
fits the interaction at hand: `acknowledged` answers the pending frame, `acknowledged:earlier_hold`
the latest unanswered hold frame whose command has ended, and so on. Where there is no such frame
an id that nobody used stands in.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from hookflash.machines import effects as fx
from hookflash.machines import events as ev
from hookflash.machines.hold import IMPLEMENTATION
from hookflash.machines.hold_data import HoldData, HoldInteraction
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Facts, Pending, Timer
from hookflash.machines.machine import Machine, Step
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.spec import Spec, parse_spec

ROOT = Path(__file__).resolve().parents[2]
HOLD_TOML = ROOT / "specs" / "hold.toml"

HoldMachine = Machine[HoldData, HoldPolicy]

START = Instant(1_000_000_000)
SECOND = 1_000_000
STATES = ("active", "hold_pending", "held", "unhold_pending", "expired", "closed")
WITH_HOLD = frozenset({"held", "unhold_pending", "expired"})
PENDING = frozenset({"hold_pending", "unhold_pending"})

ELIGIBLE = Facts(state="active", org_id="org-1", skill_group_id="sg-1")
INELIGIBLE = Facts(state="abandoned", org_id="org-1", skill_group_id="sg-1")

POLICIES = {
    "release": HoldPolicy(on_limit="release"),
    "expire": HoldPolicy(on_limit="expire"),
    "release-watch": HoldPolicy(on_limit="release", foreign="watch"),
    "expire-watch": HoldPolicy(on_limit="expire", foreign="watch"),
}


@cache
def hold_spec() -> Spec:
    """Return the shipped definition."""
    return parse_spec(HOLD_TOML.read_text(encoding="utf-8"), "specs/hold.toml")


@cache
def hold_machine(policy: str = "release") -> HoldMachine:
    """Return the shipped machine under one of the policies above."""
    return Machine(hold_spec(), IMPLEMENTATION, POLICIES[policy])


# --- events by name -----------------------------------------------------------------------------

_TIMER_EVENTS: dict[str, Callable[..., ev.TimerFired]] = {
    "ack": ev.AckTimerFired,
    "lookup": ev.LookupTimerFired,
    "warning": ev.WarningTimerFired,
    "limit": ev.LimitTimerFired,
    "release": ev.ReleaseTimerFired,
}

PLAIN = (
    "hold_requested",
    "unhold_requested",
    "expire_requested",
    "limit_changed",
    "command_abandoned",
    "sent",
    "not_sent",
    "acknowledged",
    "refused",
    "ack_timer_fired",
    "link_lost",
    "link_restored",
    "lookup_failed",
    "lookup_timer_fired",
    "observed_held",
    "observed_active",
    "observed_closed",
    "warning_timer_fired",
    "limit_timer_fired",
    "release_timer_fired",
)
"""One name per event of the definition: the ordinary variant of each, observations by lookup."""

_OBSERVED = tuple(
    f"{kind}:{source}{age}"
    for kind in ("observed_held", "observed_active", "observed_closed")
    for source in ("lookup", "frame")
    for age in ("", ",old", ",before_doubt")
)
_REFUSED = (
    *(f"refused:{word}" for word in ("held", "active", "closed", "other")),
    "refused:429",
    "refused:429,held",
    *(
        f"refused:{frame}{word}"
        for frame in ("earlier_hold", "earlier_unhold")
        for word in ("", ",held", ",active", ",closed")
    ),
    "refused:answered",
)
VARIANTS = (
    *(name for name in PLAIN if not name.startswith("observed_")),
    "hold_requested:ineligible",
    "unhold_requested:ineligible",
    "unhold_requested:force",
    "sent:earlier_hold",
    "not_sent:earlier_hold",
    "acknowledged:earlier_hold",
    "acknowledged:earlier_unhold",
    "acknowledged:answered",
    "acknowledged:unknown",
    *_REFUSED,
    *_OBSERVED,
    "observed_held:frame,since",
    *(f"{name}_timer_fired:earlier" for name in _TIMER_EVENTS),
    *(f"{name}_timer_fired:early" for name in ("warning", "limit", "release")),
)
"""Every event in each variant that the machine could tell apart."""


def frame_id(interaction: HoldInteraction, options: list[str]) -> str:
    """Return the id of the frame that the options mean; the pending one where they name none."""
    for wanted in ("earlier_hold", "earlier_unhold", "answered", "unknown"):
        if wanted in options:
            for frame in reversed(interaction.data.earlier):
                if wanted == "answered" and frame.answered:
                    return frame.correlation_id
                if not frame.answered and wanted == f"earlier_{frame.action}":
                    return frame.correlation_id
            return "nobody's"
    pending = interaction.pending
    return pending.correlation_id if pending is not None else "nobody's"


def as_of(interaction: HoldInteraction, options: list[str], now: Instant) -> Instant:
    """Return since when the observation that the options mean is known to be true."""
    if "old" in options:
        return Instant(interaction.data.changed_at - 1)
    pending = interaction.pending
    if "before_doubt" in options and pending is not None and pending.doubt_since is not None:
        return Instant(pending.doubt_since - 1)
    return now


def make_event(  # noqa: C901, PLR0911, PLR0912 - one branch per event of the definition
    name: str, interaction: HoldInteraction, now: Instant, new_id: str
) -> Any:
    """Return the event that *name* means for *interaction*, taken up at *now*."""
    kind, _, rest = name.partition(":")
    options = rest.split(",") if rest else []
    facts = INELIGIBLE if "ineligible" in options else ELIGIBLE
    frame = frame_id(interaction, options)
    match kind:
        case "hold_requested":
            return ev.HoldRequested(now, new_id, now, "consultation", 5, facts=facts)
        case "unhold_requested":
            force = "force" in options
            return ev.UnholdRequested(now, new_id, now, 5, force, facts=facts)
        case "expire_requested":
            return ev.ExpireRequested(now)
        case "limit_changed":
            return ev.LimitChanged(now, 100_000.0)
        case "command_abandoned":
            return ev.CommandAbandoned(now, new_id, "hold", now, "invalid", "InvalidCommand", "no")
        case "sent":
            return ev.Sent(now, frame)
        case "not_sent":
            return ev.NotSent(now, frame)
        case "acknowledged":
            return ev.Acknowledged(now, frame)
        case "refused":
            words = {"held": "held", "active": "active", "closed": "closed", "other": "ringing"}
            word = next((words[option] for option in options if option in words), None)
            code = 429 if "429" in options else None
            return ev.Refused(now, frame, new_id, word, code)
        case "link_lost":
            return ev.LinkLost(now)
        case "link_restored":
            return ev.LinkRestored(now)
        case "lookup_failed":
            return ev.LookupFailed(now, "timed out")
        case _ if kind.startswith("observed_"):
            return _observation(kind, options, interaction, now, new_id)
        case _:
            return _timer_event(
                kind.removesuffix("_timer_fired"), options, interaction, now, new_id
            )


def _observation(
    kind: str, options: list[str], interaction: HoldInteraction, now: Instant, new_id: str
) -> Any:
    known = as_of(interaction, options, now)
    source: ev.Source = "frame" if "frame" in options else "lookup"
    facts = ELIGIBLE if source == "lookup" else None
    if kind == "observed_held":
        since = Instant(known - 60 * SECOND) if "since" in options else None
        return ev.ObservedHeld(now, known, source, new_id, since, facts)
    if kind == "observed_active":
        return ev.ObservedActive(now, known, source, new_id, facts)
    return ev.ObservedClosed(now, known, source, facts=facts)


def _timer_event(
    name: str, options: list[str], interaction: HoldInteraction, now: Instant, new_id: str
) -> ev.TimerFired:
    timer = interaction.timer(name)
    cls = _TIMER_EVENTS[name]
    if "earlier" in options or timer is None:
        return cls(now, "nobody's", new_id)
    if "early" in options:
        return cls(Instant(timer.due_at - 1), timer.owner, new_id)
    return cls(Instant(max(now, timer.due_at)), timer.owner, new_id)


# --- the world ----------------------------------------------------------------------------------


@frozen
class World:
    """An interaction, the time, and whether the gateway owes an answer to a lookup.

    Attributes:
        machine: The machine that steps it.
        interaction: The interaction.
        now: The time of the last event; the next one comes a second later.
        ids: How many ids were drawn.
        asked_at: When the lookup that the machine waits for was asked for; None for none.
    """

    machine: HoldMachine
    interaction: HoldInteraction
    now: Instant = START
    ids: int = 0
    asked_at: Instant | None = None

    def event(self, name: str) -> Any:
        """Return the event that *name* means here and now."""
        now = Instant(self.now + SECOND)
        return make_event(name, self.interaction, now, f"id-{self.ids + 1}")

    def step(self, name: str) -> "tuple[World, Step[HoldData]]":
        """Step the event that *name* means; return the world after it, checked, and the step."""
        return self.take(self.event(name))

    def take(self, event: Any) -> "tuple[World, Step[HoldData]]":
        """Step *event*; return the world after it, checked, and the step."""
        step = self.machine.step(self.interaction, event)
        asked_at = self.asked_at
        answered = isinstance(event, ev.LookupFailed) or (
            getattr(event, "source", None) == "lookup"
            and asked_at is not None
            and event.as_of >= asked_at
        )
        if answered:
            asked_at = None
        if any(isinstance(effect, fx.LookUp) for effect in step.effects):
            asked_at = event.at
        after = World(
            self.machine,
            step.interaction,
            Instant(max(self.now + SECOND, event.at)),
            self.ids + 1,
            asked_at,
        )
        check_step(self, event, step)
        check_world(after)
        return after, step

    def after(self, *names: str) -> "World":
        """Return the world after the events that *names* mean, one after the other."""
        world = self
        for name in names:
            world, _ = world.step(name)
        return world


def new_world(policy: str = "release") -> World:
    """Return a world with a fresh interaction."""
    machine = hold_machine(policy)
    return World(machine, machine.start("interaction-1"))


# --- what must hold -----------------------------------------------------------------------------


def check_world(world: World) -> None:
    """Check what holds in every state that can be reached."""
    interaction = world.interaction
    state, pending, hold = interaction.state, interaction.pending, interaction.data.hold
    timers = {timer.name: timer for timer in interaction.timers}
    assert len(timers) == len(interaction.timers), "at most one timer of a name"
    assert len(interaction.data.earlier) <= 4, "ended frames are bounded"
    assert (pending is not None) == (state in PENDING), "a command is pending in pending states"
    assert (hold is not None) == (state in WITH_HOLD), "a hold exists while a caller is held"
    if pending is not None:
        _check_pending(world, pending, timers)
    else:
        assert "ack" not in timers, "only a pending command waits for an acknowledgement"
    if hold is None:
        assert not {"warning", "limit", "release"} & set(timers), "no hold, no limit"
    else:
        for name in {"warning", "limit", "release"} & set(timers):
            assert timers[name].owner == hold.id, "the hold's timers are the hold's"
        if state == "expired":
            assert hold.limit_passed, "expired means past the limit"
            assert "release" in timers, "an expired hold is never forgotten"
            assert not {"warning", "limit"} & set(timers), "the limit has passed"
        else:
            being_released = state == "unhold_pending" and hold.limit_passed and not hold.watched
            assert ("release" in timers) == being_released, "a release past the limit is watched"
            assert ("limit" in timers) != hold.limit_passed, "the limit runs until it has passed"
            if "limit" in timers:
                assert timers["limit"].due_at == hold.limit_at, "the limit fires at the limit"
        if state == "held" and hold.limit_passed:
            assert hold.watched, "only a watched hold is left alone past its limit"
    if state == "closed":
        assert not timers, "nothing runs for an interaction that is over"


def _check_pending(world: World, pending: Pending, timers: dict[str, Timer]) -> None:
    action = "hold" if world.interaction.state == "hold_pending" else "unhold"
    assert pending.action == action, "the pending command is the state's"
    assert not (pending.action == "hold" and pending.resent), "a hold is never sent twice"
    unsent = pending.sent_at is None and pending.refusal is None
    if unsent:
        assert "ack" not in timers, "the acknowledgement's time runs from the sending"
        assert pending.doubt_since is None, "what was not sent is not in doubt"
    else:
        assert "ack" in timers or "lookup" in timers or world.asked_at is not None, (
            "a pending command always has a way out"
        )
    if "ack" in timers:
        assert timers["ack"].owner == pending.correlation_id, "the timer is the latest frame's"


def check_step(world: World, event: Any, step: Step[HoldData]) -> None:
    """Check what holds of every step."""
    before, after, row = world.interaction, step.interaction, step.transition
    assert after.id == before.id
    assert after.state == (row.target or before.state)
    assert (row.target is not None) == (row.decision == "move")
    if row.decision in {"late", "ignore", "reject"}:
        _check_nothing_counts(before, event, step)
    _check_commands(before, event, step)
    _check_timers(before, event, step)
    _check_frames(before, event, step)
    _check_foreign(before, step)
    assert after.data.changed_at >= before.data.changed_at, "knowledge never grows older"


def _check_nothing_counts(
    before: HoldInteraction,
    event: Any,
    step: Step[HoldData],
) -> None:
    after, row = step.interaction, step.transition
    kept = [
        timer
        for timer in before.timers
        if not (isinstance(event, ev.TimerFired) and timer.owner == event.owner)
    ]
    assert after.pending is before.pending
    assert evolve(after.data, earlier=()) == evolve(before.data, earlier=())
    assert [(f.correlation_id, f.action) for f in after.data.earlier] == [
        (f.correlation_id, f.action) for f in before.data.earlier
    ]
    kinds: set[type[Any]] = {type(effect) for effect in step.effects}
    if row.decision == "ignore":
        assert after is before
        assert not kinds
    elif row.decision == "reject":
        assert after is before
        assert kinds <= {fx.EndCommand}
    else:
        assert kinds <= {fx.LookUp, fx.StopTimer}
        if fx.LookUp not in kinds:
            assert not kinds
            assert set(kept) <= set(after.timers) <= set(before.timers)


def _check_commands(before: HoldInteraction, event: Any, step: Step[HoldData]) -> None:
    """Check that commands are conserved: each that comes in is pending or ends, exactly once."""
    came: list[str] = []
    if before.pending is not None:
        came.append(before.pending.command_id)
    if isinstance(event, ev.HoldRequested | ev.UnholdRequested | ev.CommandAbandoned):
        came.append(event.correlation_id)
    elif _released_by_limit(before, step):
        came.append(event.unused_id)
    ended = [effect for effect in step.effects if isinstance(effect, fx.EndCommand)]
    left = [effect.command_id for effect in ended]
    if step.interaction.pending is not None:
        left.append(step.interaction.pending.command_id)
    assert sorted(came) == sorted(left), "every command is pending or ends, exactly once"
    for end in ended:
        assumed = isinstance(event, ev.CommandAbandoned) and not (
            before.data.changed_at or before.pending
        )
        assert end.state == (None if assumed else step.interaction.state)
        assert (end.error is None) == (
            end.outcome in {"confirmed", "confirmed_by_lookup", "already"}
        ), "only a failure has an error"
        assert (end.error is None) == (end.message is None)


def _released_by_limit(before: HoldInteraction, step: Step[HoldData]) -> bool:
    pending = step.interaction.pending
    return before.pending is None and pending is not None and pending.actor == "limit"


def _check_timers(before: HoldInteraction, event: Any, step: Step[HoldData]) -> None:
    """Check that whoever follows the effects knows which timers run."""
    running = {timer.name: timer for timer in before.timers}
    if isinstance(event, ev.TimerFired):
        name = type(event).__name__.removesuffix("TimerFired").lower()
        timer = running.get(name)
        if timer is not None and timer.owner == event.owner and timer.due_at <= event.at:
            del running[name]
    for effect in step.effects:
        if isinstance(effect, fx.StopTimer):
            assert effect.name in running, "only what runs is stopped"
            del running[effect.name]
        elif isinstance(effect, fx.StartTimer):
            running[effect.timer.name] = effect.timer
    assert running == {timer.name: timer for timer in step.interaction.timers}


def _check_frames(before: HoldInteraction, event: Any, step: Step[HoldData]) -> None:
    sends = [e for e in step.effects if isinstance(e, fx.SendHold | fx.SendUnhold)]
    assert len(sends) <= 1, "one frame at a time"
    pending = step.interaction.pending
    for send in sends:
        assert pending is not None
        assert pending.correlation_id == send.correlation_id
        assert pending.sent_at is None, "a frame counts as sent when it was written"
        own = event.correlation_id if hasattr(event, "reason") else None
        drawn = getattr(event, "unused_id", getattr(event, "correlation_id", None))
        assert send.correlation_id in {own, drawn}, "its id came with the event"
        if isinstance(send, fx.SendHold):
            assert isinstance(event, ev.HoldRequested), "a hold is sent for its command only"
            assert before.state == "active"
    for effect in step.effects:
        if isinstance(effect, fx.Withdraw):
            assert before.pending is not None
            assert before.pending.sent_at is None, "what was written is not taken back"
            assert before.pending.correlation_id == effect.correlation_id


def _check_foreign(before: HoldInteraction, step: Step[HoldData]) -> None:
    notes = [effect for effect in step.effects if isinstance(effect, fx.NoteForeign)]
    assert len(notes) <= 1
    after = step.interaction
    for note in notes:
        assert note.state == after.state
        if note.action == "hold":
            assert before.state in {"active", "hold_pending"}
            assert after.data.hold is not None
            assert after.data.hold.foreign
            assert after.data.hold.id == note.correlation_id
        else:
            assert before.state in WITH_HOLD
            assert after.state == "active"
    if after.data.hold is not None and after.data.hold.foreign and before.data.hold is None:
        assert notes, "a foreign hold is written down"


# --- abstraction --------------------------------------------------------------------------------


def abstract(world: World, *, coarse: bool = False) -> tuple[Any, ...]:
    """Return what of *world* can make a difference to any named event, now or later.

    *coarse* forgets in which order earlier frames came, which matters only when one is forgotten.

    Ids are replaced by whose they are, instants by the few comparisons that the machine makes of
    them. Counters that only lengthen pauses are left out.
    """
    interaction = world.interaction
    data, pending, hold = interaction.data, interaction.pending, interaction.data.hold
    owners = {interaction.id: "interaction"}
    earlier = tuple((frame.action, frame.answered) for frame in data.earlier)
    if hold is not None:
        owners[hold.id] = "hold"
    if pending is not None:
        owners[pending.correlation_id] = "command"
    return (
        interaction.state,
        None if pending is None else _abstract_pending(pending, data),
        hold and (hold.on_limit, hold.foreign, hold.watched, hold.limit_passed),
        frozenset(earlier) if coarse else earlier,
        frozenset((timer.name, owners.get(timer.owner)) for timer in interaction.timers),
        data.skill_group_id,
        world.asked_at is not None,
        world.asked_at is not None and data.changed_at - 1 >= world.asked_at,
        world.asked_at is not None
        and pending is not None
        and pending.doubt_since is not None
        and pending.doubt_since - 1 >= world.asked_at,
    )


def _abstract_pending(pending: Pending, data: HoldData) -> tuple[Any, ...]:
    doubt = pending.doubt_since
    return (
        pending.action,
        pending.actor,
        pending.sent_at is not None,
        doubt is not None,
        # Is an observation from just before the doubt older than the last change or the sending?
        doubt is not None and doubt - 1 < max(data.changed_at, pending.sent_at or 0),
        pending.resent,
        pending.refusal and ("refused", pending.refusal.code),
        pending.contradicted_at is not None,
    )
