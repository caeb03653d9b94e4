"""The connection machine: the protocol's rules, and that there are never two sockets."""

from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve
from hypothesis import given
from hypothesis import strategies as st

from hookflash.machines import connection as c
from hookflash.machines.effects import StartTimer, StopTimer
from hookflash.machines.instants import Instant, seconds_between
from hookflash.machines.interaction import Timer
from hookflash.machines.machine import Machine
from hookflash.machines.spec import parse_spec

SPEC = Path(__file__).resolve().parents[2] / "specs" / "connection.toml"
AT = Instant(1_000_000)
HOUR = 3_600_000_000


def make_machine(**policy: Any) -> Machine[c.ConnectionData, c.ConnectionPolicy]:
    """Return the shipped machine under a policy without jitter."""
    spec = parse_spec(SPEC.read_text(encoding="utf-8"), "specs/connection.toml")
    return Machine(spec, c.IMPLEMENTATION, evolve(c.ConnectionPolicy(jitter=0.0), **policy))


MACHINE = make_machine()


@define
class Walk:
    """A machine on its way, and what it asked for last."""

    machine: Machine[c.ConnectionData, c.ConnectionPolicy] = MACHINE
    instance: Any = None
    effects: tuple[Any, ...] = ()
    decision: str = ""

    def take(self, *events: Any) -> "Walk":
        """Take *events* in turn; effects are those of the last."""
        self.instance = self.instance or self.machine.start("gateway")
        for event in events:
            if event in {RETRY, REST}:
                timer = next(iter(self.instance.timers), Timer("none", "none", AT))
                event = event(Instant(AT + HOUR), timer.owner)  # noqa: PLW2901 - the class stands for it
            step = self.machine.step(self.instance, event)
            self.instance, self.effects = step.interaction, step.effects
            self.decision = step.transition.decision
        return self

    @property
    def pause_s(self) -> float:
        """How long the timer that was just started runs."""
        (timer,) = [effect.timer for effect in self.effects if isinstance(effect, StartTimer)]
        return seconds_between(AT, timer.due_at)


START = c.StartRequested(AT)
TOKEN = c.TokenReady(AT)
OPENED = c.SocketOpened(AT)
FAILED = c.SocketFailed(AT, "no answer")
LOST = c.SocketLost(AT, "no pong")
RETRY = c.RetryTimerFired
REST = c.RestTimerFired
UNAUTHORIZED = c.UpgradeUnauthorized(AT)
FORBIDDEN = c.UpgradeRefused(AT, "NotAuthorized", "not permitted (403)", "grant it")
CLOSE = c.CloseRequested(AT)
CONNECTED = (START, TOKEN, OPENED)


def test_a_token_comes_before_the_socket() -> None:
    """A token that lasts is asked for first, then the socket is opened, then it is told."""
    assert Walk().take(START).effects == (c.FetchToken(),)
    assert Walk().take(START, TOKEN).effects == (c.OpenSocket(),)
    walk = Walk().take(*CONNECTED)
    assert (walk.instance.state, walk.effects) == ("connected", (c.TellUp(),))


def test_pauses_double_and_the_attempts_end() -> None:
    """Lost: 2, 4, 8, 16, 32 s; after five attempts waiting callers get a clear error."""
    walk = Walk().take(*CONNECTED, LOST)
    assert walk.effects[0] == c.TellDown("no pong")
    pauses = [walk.pause_s]
    pauses += [walk.take(RETRY, TOKEN, FAILED).pause_s for _ in range(4)]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0]

    walk.take(RETRY, TOKEN, FAILED)
    given_up, rest = walk.effects
    assert walk.instance.state == "resting"
    assert given_up == c.GiveUp(
        "GatewayUnavailable",
        "the control socket is not open after 5 attempts to reconnect: no answer",
        "see whether the gateway is well",
        60.0,
    )
    assert rest.timer.name == "rest"
    assert walk.pause_s == 60.0


def test_a_new_round_comes_by_itself() -> None:
    """After the rest everything counts from the start again."""
    walk = Walk().take(*CONNECTED, LOST, *[RETRY, TOKEN, FAILED] * 5, REST)
    assert walk.effects == (c.FetchToken(),)
    assert walk.take(TOKEN, FAILED).pause_s == 2.0


def test_attempts_count_afresh_after_a_success() -> None:
    """A success in between makes the next pause 2 s again."""
    walk = Walk().take(*CONNECTED, LOST, RETRY, TOKEN, FAILED, RETRY, TOKEN, OPENED, LOST)
    assert walk.pause_s == 2.0


def test_a_token_that_cannot_be_had_is_an_attempt() -> None:
    """A token endpoint that is away counts as the gateway being away."""
    walk = Walk().take(START, c.TokenFailed(AT, "down"))
    assert walk.pause_s == 2.0
    assert walk.take(RETRY, c.TokenFailed(AT, "down")).pause_s == 4.0
    walk.take(*[RETRY, c.TokenFailed(AT, "down")] * 4)
    assert walk.instance.state == "resting"


def test_refused_credentials_end_it_at_once() -> None:
    """Wrong credentials are told at once, with what to do."""
    walk = Walk().take(START, c.TokenRefused(AT, "NotAuthorized", "wrong secret", "correct it"))
    assert walk.effects[0] == c.GiveUp("NotAuthorized", "wrong secret", "correct it", 60.0)


def test_401_renews_the_token_once() -> None:
    """401 on the upgrade: refresh once, then a clear error."""
    walk = Walk().take(START, TOKEN, UNAUTHORIZED)
    assert (walk.instance.state, walk.effects) == ("refreshing", (c.FetchToken(renew=True),))
    walk.take(TOKEN, UNAUTHORIZED)
    assert walk.instance.state == "resting"
    assert walk.effects[0].error == "NotAuthorized"


def test_401_may_renew_again_after_a_success() -> None:
    """A success in between allows another renewal."""
    walk = Walk().take(START, TOKEN, UNAUTHORIZED, TOKEN, OPENED, LOST, RETRY, TOKEN, UNAUTHORIZED)
    assert walk.effects == (c.FetchToken(renew=True),)


def test_403_ends_it_at_once() -> None:
    """403 on the upgrade is told at once."""
    walk = Walk().take(START, TOKEN, FORBIDDEN)
    assert walk.effects[0] == c.GiveUp("NotAuthorized", "not permitted (403)", "grant it", 60.0)


def test_jitter_lengthens_by_the_share_it_is_given() -> None:
    """The machine has no chance of its own: the event brings it."""
    machine = make_machine(jitter=0.5)
    for chance, pause_s in ((0.0, 2.0), (0.5, 2.5), (1.0, 3.0)):
        walk = Walk(machine).take(*CONNECTED, c.SocketLost(AT, "", chance))
        assert walk.pause_s == pause_s


def test_the_gateway_may_ask_for_a_longer_pause() -> None:
    """A `Retry-After` lengthens a pause and never shortens it."""
    for retry_after_s, pause_s in ((30.0, 30.0), (1.0, 2.0)):
        event = c.SocketFailed(AT, "503", 0.0, retry_after_s)
        assert Walk().take(START, TOKEN, event).pause_s == pause_s


@pytest.mark.parametrize("attempts", [10, 1000])
def test_pauses_have_a_longest(attempts: int) -> None:
    """However long the row is, the pause stays within its bound."""
    walk = Walk(make_machine(attempts_max=1000)).take(START)
    for _ in range(attempts):
        walk.take(TOKEN, FAILED, RETRY)
    if attempts < 1000:
        assert walk.take(TOKEN, FAILED).pause_s == 32.0
    else:
        assert walk.take(TOKEN, FAILED).instance.state == "resting"


def test_a_policy_without_attempts_rests_at_once() -> None:
    """With no attempts allowed, a loss is told and the rest begins."""
    walk = Walk(make_machine(attempts_max=0)).take(*CONNECTED, LOST)
    assert [type(effect) for effect in walk.effects] == [c.TellDown, c.GiveUp, StartTimer]


def test_a_timer_of_an_earlier_pause_is_late() -> None:
    """A pause ends only by its own timer."""
    walk = Walk().take(*CONNECTED, LOST, RETRY, TOKEN, FAILED)
    later = Instant(AT + HOUR)
    assert walk.take(c.RetryTimerFired(later, "pause-1")).decision == "late"
    assert walk.take(c.RetryTimerFired(AT, "pause-2")).decision == "late"
    assert walk.take(c.RetryTimerFired(later, "pause-2")).decision == "move"


def test_closing_is_possible_everywhere() -> None:
    """Close stops pauses, closes a socket, and is the end."""
    assert Walk().take(*CONNECTED, CLOSE).effects == (c.CloseSocket(),)
    assert Walk().take(*CONNECTED, LOST, CLOSE).effects == (StopTimer("retry"),)
    walk = Walk().take(START, CLOSE)
    assert (walk.instance.state, walk.effects) == ("closed", ())
    assert walk.take(START).decision == "late"


@pytest.mark.parametrize(
    "policy", [{"backoff_s": 0}, {"jitter": 1.5}, {"attempts_max": -1}, {"rest_s": 0}]
)
def test_policies_are_checked(policy: dict[str, Any]) -> None:
    """A setting out of range is refused where it is made."""
    with pytest.raises(ValueError, match=next(iter(policy))):
        c.ConnectionPolicy(**policy)


EVENTS = st.sampled_from(
    [
        START,
        TOKEN,
        c.TokenRefused(AT, "NotAuthorized", "no"),
        c.TokenFailed(AT, "down", 0.5),
        OPENED,
        FAILED,
        UNAUTHORIZED,
        FORBIDDEN,
        LOST,
        RETRY,
        REST,
        c.RetryTimerFired(AT, "pause-1"),
        c.RestTimerFired(AT, "pause-2"),
        CLOSE,
    ]
)


@given(st.lists(EVENTS, max_size=60), st.integers(0, 3))
def test_there_are_never_two_sockets(events: list[Any], attempts_max: int) -> None:
    """Whatever comes in whatever order, a socket is opened only where none can be open."""
    walk = Walk(MACHINE.with_policy(c.ConnectionPolicy(attempts_max=attempts_max)))
    open_sockets = 0
    for event in events:
        before = walk.instance.state if walk.instance else "disconnected"
        walk.take(event)
        if before in {"connecting", "connected"} and walk.instance.state not in {
            "connecting",
            "connected",
        }:
            open_sockets -= 1
        open_sockets += sum(isinstance(effect, c.OpenSocket) for effect in walk.effects)
        assert 0 <= open_sockets <= 1
        assert (open_sockets == 1) == (walk.instance.state in {"connecting", "connected"})
        running = {timer.name for timer in walk.instance.timers}
        expected = {"backing_off": {"retry"}, "resting": {"rest"}}
        assert walk.decision in {"late", "ignore", "stay", "move"}
        assert running == expected.get(walk.instance.state, set())
        waits = [e for e in walk.effects if isinstance(e, c.FetchToken | c.OpenSocket | StartTimer)]
        assert len(waits) <= 1
