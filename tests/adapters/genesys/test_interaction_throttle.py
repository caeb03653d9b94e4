"""The throttle: order, bounds, rate, window and pauses."""

import math

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from hookflash.adapters.genesys.interaction.throttle import Throttle
from hookflash.engine.ports import Frame
from hookflash.machines.effects import SendHold, SendUnhold
from hookflash.machines.errors import CommandBusy


def make(
    queued_max: int = 1000, in_flight_max: int = 1000, per_s: float = 0.0, ack_timeout_s: float = 5
) -> Throttle:
    """Return a throttle that holds nothing back unless told to."""
    return Throttle(
        queued_max=queued_max,
        in_flight_max=in_flight_max,
        per_s=per_s,
        ack_timeout_s=ack_timeout_s,
    )


def hold(name: str, priority: int = 5) -> Frame:
    """Return a hold frame called *name*."""
    return Frame("i", SendHold(name, "queueing", priority), priority)


def unhold(name: str, priority: int = 5) -> Frame:
    """Return an unhold frame called *name*."""
    return Frame("i", SendUnhold(name, priority), priority)


def drain(throttle: Throttle, now_s: float = 0.0) -> list[str]:
    """Take all that may leave now."""
    names: list[str] = []
    while (frame := throttle.take(now_s)) is not None:
        names.append(frame.command.correlation_id)
    return names


def test_order() -> None:
    """Unholds before holds, higher priority first, first come first among equals."""
    throttle = make()
    for frame in (hold("h1"), hold("h9", 9), unhold("u0", 0), hold("h2"), unhold("u5"), hold("h3")):
        throttle.put(frame)

    assert drain(throttle) == ["u5", "u0", "h9", "h1", "h2", "h3"]


def test_the_queue_is_bounded() -> None:
    """One frame too many is `CommandBusy`, with its ids; a withdrawal makes room."""
    throttle = make(queued_max=2)
    throttle.put(hold("a"))
    throttle.put(hold("b"))
    with pytest.raises(CommandBusy) as caught:
        throttle.put(hold("c"))

    assert (caught.value.correlation_id, caught.value.interaction_id) == ("c", "i")
    assert throttle.withdraw("a")
    throttle.put(hold("d"))
    assert drain(throttle) == ["b", "d"]


def test_withdraw() -> None:
    """A waiting frame can be taken back once; a taken or unknown one cannot."""
    throttle = make()
    throttle.put(hold("a"))
    throttle.put(hold("b"))

    assert throttle.withdraw("a")
    assert not throttle.withdraw("a")
    assert drain(throttle) == ["b"]
    assert not throttle.withdraw("b")
    assert not throttle.withdraw("c")


def test_withdrawn_frames_do_not_pile_up() -> None:
    """While the socket is away, frames that come and go leave nothing behind."""
    throttle = make()
    throttle.put(hold("kept"))
    for number in range(10_000):
        throttle.put(hold(str(number)))
        throttle.withdraw(str(number))

    assert len(throttle._heap) < 1000  # pyright: ignore[reportPrivateUsage] - nobody else can tell
    assert drain(throttle) == ["kept"]


def test_the_rate_is_even() -> None:
    """Ten a second means one each tenth of a second, and no burst after idling."""
    throttle = make(per_s=10)
    for number in range(5):
        throttle.put(hold(str(number)))

    taken = [now_s / 100 for now_s in range(100) if throttle.take(now_s / 100) is not None]

    assert taken == pytest.approx([0, 0.08, 0.18, 0.28, 0.38], abs=0.011)
    for number in range(5, 10):
        throttle.put(hold(str(number)))
    assert drain(throttle, 60.0) == ["5"]


def test_the_window() -> None:
    """Frames in flight are bounded until they are answered or time out."""
    throttle = make(in_flight_max=2)
    for name in "abcd":
        throttle.put(hold(name))

    assert drain(throttle, 0.0) == ["a", "b"]
    assert throttle.ready_at(1.0) == 5.0
    throttle.answered("b")
    throttle.answered("unknown")
    assert drain(throttle, 1.0) == ["c"]
    assert drain(throttle, 4.9) == []
    assert drain(throttle, 5.0) == ["d"]
    assert throttle.in_flight == 2
    throttle.forget_in_flight()
    assert throttle.in_flight == 0


def test_a_pause() -> None:
    """Nothing leaves during a pause; a shorter one does not shorten it."""
    throttle = make()
    throttle.put(unhold("a"))
    throttle.pause(7.0)
    throttle.pause(3.0)

    assert drain(throttle, 6.9) == []
    assert throttle.ready_at(0.0) == 7.0
    assert drain(throttle, 7.0) == ["a"]
    assert throttle.ready_at(8.0) == math.inf


@pytest.mark.parametrize("cause", ["put", "answered", "pause over"])
async def test_waiting(nursery: trio.Nursery, autojump_clock: MockClock, cause: str) -> None:
    """The writer wakes when a frame comes, a window opens, or a pause ends."""
    del autojump_clock
    throttle = make(in_flight_max=1, ack_timeout_s=1000)
    if cause != "put":
        throttle.put(hold("a"))
    if cause == "answered":
        throttle.put(hold("b"))
        throttle.take(0.0)
    if cause == "pause over":
        throttle.pause(trio.current_time() + 3)

    async def later() -> None:
        await trio.sleep(3)
        if cause == "put":
            throttle.put(hold("a"))
        elif cause == "answered":
            throttle.answered("a")

    started_s = trio.current_time()
    nursery.start_soon(later)
    await throttle.wait()

    assert trio.current_time() - started_s == pytest.approx(3.0)
    assert throttle.take(trio.current_time()) is not None


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.booleans())),
)
def test_nothing_is_lost_or_doubled(frames: list[tuple[bool, int, bool]]) -> None:
    """Each frame that is not withdrawn leaves exactly once, in the promised order."""
    throttle = make()
    expected: list[tuple[int, int, int]] = []
    for number, (is_unhold, priority, _) in enumerate(frames):
        throttle.put((unhold if is_unhold else hold)(str(number), priority))
    for number, (is_unhold, priority, withdrawn) in enumerate(frames):
        if withdrawn:
            assert throttle.withdraw(str(number))
        else:
            expected.append((0 if is_unhold else 1, -priority, number))

    assert drain(throttle) == [str(number) for _, _, number in sorted(expected)]
