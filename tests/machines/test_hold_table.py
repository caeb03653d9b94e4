"""The design's table, cell by cell: each event in each state, under both policies.

Each block of the text below is an event; each of its lines names the states that decide alike, and
then the decision (`-> state` for a move) and the effects in order. Pending states stand twice: with
the acknowledgement still awaited, and in doubt, when it did not come in time.
"""

from collections.abc import Iterator

import pytest
from tests.machines.hold_world import PLAIN, new_world

from hookflash.machines.effects import (
    EndCommand,
    LookUp,
    NoteForeign,
    RaiseAlarm,
    StartTimer,
    StopTimer,
    Warn,
)
from hookflash.machines.hold_data import HoldData
from hookflash.machines.machine import Step

HELD = ("hold_requested", "sent", "acknowledged")
WAYS_INTO = {
    "active": (),
    "hold_pending": ("hold_requested", "sent"),
    "hold in doubt": ("hold_requested", "sent", "ack_timer_fired"),
    "held": HELD,
    "unhold_pending": (*HELD, "unhold_requested", "sent"),
    "unhold in doubt": (*HELD, "unhold_requested", "sent", "ack_timer_fired"),
    "expired": (*HELD, "expire_requested"),
    "closed": (*HELD, "observed_closed"),
}
SHORTHANDS = {
    "all": list(WAYS_INTO),
    "open": [state for state in WAYS_INTO if state != "closed"],
    "any pending": ["hold_pending", "hold in doubt", "unhold_pending", "unhold in doubt"],
}

TABLE = """
hold_requested
    active: -> hold_pending SendHold
    any pending: reject End:refused/CommandBusy
    held: stay End:already
    expired: reject End:expired/MaximumHoldExceeded
    closed: reject End:ineligible/NotEligible
hold_requested:ineligible
    active, held, expired, closed: reject End:ineligible/NotEligible
    any pending: reject End:refused/CommandBusy
unhold_requested
    active: stay End:already
    any pending: reject End:refused/CommandBusy
    held: -> unhold_pending SendUnhold
    expired/release: -> unhold_pending Stop:release SendUnhold Start:release
    expired/expire: reject End:expired/MaximumHoldExceeded
    closed: reject End:ineligible/NotEligible
unhold_requested:force
    active: stay End:already
    any pending: reject End:refused/CommandBusy
    held: -> unhold_pending SendUnhold
    expired: -> unhold_pending Stop:release SendUnhold Start:release
    closed: reject End:ineligible/NotEligible
expire_requested
    active, hold_pending, hold in doubt, unhold_pending, unhold in doubt, expired, closed: reject
    held: -> expired Stop:warning Stop:limit RaiseAlarm:hold_expired Start:release
limit_changed
    active, hold_pending, hold in doubt, expired, closed: reject
    held, unhold_pending, unhold in doubt: stay Start:warning Start:limit
command_abandoned
    all: stay End:invalid/InvalidCommand
sent
    active, held, expired, closed: late
    any pending: stay Start:ack
not_sent
    active, held, expired, closed: late
    hold_pending: -> active End:unavailable/GatewayUnavailable Stop:ack
    hold in doubt: -> active End:unavailable/GatewayUnavailable
    unhold_pending: -> held End:unavailable/GatewayUnavailable Stop:ack
    unhold in doubt: -> held End:unavailable/GatewayUnavailable
acknowledged
    active, held, expired, closed: late
    hold_pending: -> held Stop:ack Start:warning Start:limit End:confirmed
    hold in doubt: -> held Start:warning Start:limit End:confirmed
    unhold_pending: -> active Stop:warning Stop:limit Stop:ack End:confirmed
    unhold in doubt: -> active Stop:warning Stop:limit End:confirmed
refused
    active, held, expired, closed: late
    hold_pending, unhold_pending: stay Stop:ack LookUp
    hold in doubt, unhold in doubt: stay LookUp
refused:held
    active, held, expired, closed: late
    hold_pending: -> held Stop:ack Start:warning Start:limit End:confirmed_by_lookup
    hold in doubt: -> held Start:warning Start:limit End:confirmed_by_lookup
    unhold_pending: -> held End:refused/HoldRefused Stop:ack
    unhold in doubt: -> held End:refused/HoldRefused
refused:active
    active, held, expired, closed: late
    hold_pending: -> active End:refused/HoldRefused Stop:ack
    hold in doubt: -> active End:refused/HoldRefused
    unhold_pending: -> active Stop:warning Stop:limit Stop:ack End:confirmed_by_lookup
    unhold in doubt: -> active Stop:warning Stop:limit End:confirmed_by_lookup
refused:closed
    active, held, expired, closed: late
    hold_pending: -> closed Stop:ack End:ineligible/NotEligible
    hold in doubt: -> closed End:ineligible/NotEligible
    unhold_pending: -> closed Stop:warning Stop:limit Stop:ack End:ineligible/NotEligible
    unhold in doubt: -> closed Stop:warning Stop:limit End:ineligible/NotEligible
refused:429
    active, held, expired, closed: late
    hold_pending, unhold_pending: stay Stop:ack LookUp
    hold in doubt, unhold in doubt: stay LookUp
refused:429,held
    active, held, expired, closed: late
    hold_pending: stay Stop:ack LookUp
    hold in doubt: stay LookUp
    unhold_pending: -> held End:refused/RateLimited Stop:ack
    unhold in doubt: -> held End:refused/RateLimited
acknowledged:earlier_hold
    all: late
refused:earlier_hold
    all: late
ack_timer_fired
    active, hold in doubt, held, unhold in doubt, expired, closed: late
    hold_pending, unhold_pending: stay LookUp
ack_timer_fired:earlier
    all: late
link_lost
    all: stay
link_restored
    active, closed: stay
    any pending: stay LookUp
    held, expired: stay LookUp:throttled
lookup_failed
    open: stay Start:lookup
    closed: late
lookup_timer_fired
    all: late
observed_held
    active: -> held Start:warning Start:limit NoteForeign:hold
    hold_pending: -> held Stop:ack Start:warning Start:limit End:confirmed_by_lookup
    hold in doubt: -> held Start:warning Start:limit End:confirmed_by_lookup
    held, unhold_pending, expired, closed: stay
    unhold in doubt: stay SendUnhold
observed_held:frame
    active: -> held Start:warning Start:limit LookUp:throttled NoteForeign:hold
    hold_pending: -> held Stop:ack Start:warning Start:limit End:confirmed
    hold in doubt: -> held Start:warning Start:limit End:confirmed
    held, unhold_pending, unhold in doubt, expired, closed: stay
observed_held:lookup,old
    all: late
observed_active
    active, hold_pending: stay
    hold in doubt: -> active End:not_applied/HoldRefused
    held: -> active Stop:warning Stop:limit NoteForeign:unhold
    unhold_pending: -> active Stop:warning Stop:limit Stop:ack End:confirmed_by_lookup
    unhold in doubt: -> active Stop:warning Stop:limit End:confirmed_by_lookup
    expired: -> active Stop:release NoteForeign:unhold
    closed: late
observed_active:frame
    active, hold_pending, hold in doubt: stay
    held, unhold_pending, unhold in doubt, expired: stay LookUp
    closed: late
observed_active:frame,old
    all: late
observed_closed
    active: -> closed
    hold_pending: -> closed Stop:ack End:ineligible/NotEligible
    hold in doubt: -> closed End:ineligible/NotEligible
    held: -> closed Stop:warning Stop:limit
    unhold_pending: -> closed Stop:warning Stop:limit Stop:ack End:ineligible/NotEligible
    unhold in doubt: -> closed Stop:warning Stop:limit End:ineligible/NotEligible
    expired: -> closed Stop:release
    closed: stay
observed_closed:lookup,old
    all: late
warning_timer_fired
    active, hold_pending, hold in doubt, expired, closed: late
    held, unhold_pending, unhold in doubt: stay Warn:warning
warning_timer_fired:earlier
    all: late
limit_timer_fired
    active, hold_pending, hold in doubt, expired, closed: late
    held/release: -> unhold_pending Stop:warning SendUnhold Start:release
    held/expire: -> expired Stop:warning RaiseAlarm:hold_expired Start:release LookUp:throttled
    unhold_pending, unhold in doubt: stay Stop:warning Start:release
limit_timer_fired:earlier
    all: late
release_timer_fired
    active, hold_pending, hold in doubt, held, unhold_pending, unhold in doubt, closed: late
    expired/release: -> unhold_pending SendUnhold Start:release
    expired/expire: stay RaiseAlarm:hold_expired Start:release LookUp:throttled
release_timer_fired:earlier
    all: late
"""


def shown(step: Step[HoldData]) -> str:
    """Return a step as the table writes it."""
    row = step.transition
    words = [row.decision if row.target is None else f"-> {row.target}"]
    for effect in step.effects:
        match effect:
            case StartTimer():
                words.append(f"Start:{effect.timer.name}")
            case StopTimer():
                words.append(f"Stop:{effect.name}")
            case EndCommand():
                error = f"/{effect.error}" if effect.error else ""
                words.append(f"End:{effect.outcome}{error}")
            case LookUp():
                words.append("LookUp" if effect.urgent else "LookUp:throttled")
            case NoteForeign():
                words.append(f"NoteForeign:{effect.action}")
            case RaiseAlarm():
                words.append(f"RaiseAlarm:{effect.alarm}")
            case Warn():
                words.append(f"Warn:{effect.notice}")
            case _:
                words.append(type(effect).__name__)
    return " ".join(words)


def cells() -> Iterator[tuple[str, str, str, str]]:
    """Yield event, state, policy and what is expected, for each cell of the table."""
    event = ""
    for line in TABLE.strip().splitlines():
        if not line.startswith(" "):
            event = line
            continue
        states, _, expected = line.strip().partition(": ")
        for entry in SHORTHANDS.get(states, states.split(", ")):
            state, _, policy = entry.partition("/")
            for each in (policy,) if policy else ("release", "expire"):
                yield event, state, each, expected


@pytest.mark.parametrize(("event", "state", "policy", "expected"), list(cells()))
def test_cell(event: str, state: str, policy: str, expected: str) -> None:
    """The event does in that state what the table says."""
    _, step = new_world(policy).after(*WAYS_INTO[state]).step(event)
    assert shown(step) == expected


def test_every_cell_is_there() -> None:
    """Each event of the definition stands in the table, in each state and under both policies."""
    written = {(event, state, policy) for event, state, policy, _ in cells()}
    assert written >= {
        (event, state, policy)
        for event in PLAIN
        for state in WAYS_INTO
        for policy in ("release", "expire")
    }
