"""The byte stream under the socket, and the arithmetic of retries."""

from random import Random

import pytest
import trio
import trio.testing
from tests.adapters.genesys.gateway_world import START
from trio.testing import MockClock

from hookflash.adapters.genesys.interaction.retries import BACKOFF_MAX_S, Retries
from hookflash.adapters.genesys.interaction.wire import Wire


async def test_corked_bytes_leave_together() -> None:
    """What is sent while corked waits for the flush, in order."""
    client, server = trio.testing.memory_stream_pair()
    wire = Wire(client)
    wire.corked = True
    await wire.send_all(b"a")
    await wire.send_all(b"b")
    with pytest.raises(trio.TooSlowError), trio.fail_after(0):
        await server.receive_some()
    wire.corked = False
    await wire.send_all(b"c")

    assert await server.receive_some() == b"abc"


async def test_two_flushes_at_once_keep_the_order(autojump_clock: MockClock) -> None:
    """A flush that finds another under way waits for it, then sends what is left."""
    del autojump_clock
    client, server = trio.testing.lockstep_stream_pair()
    wire = Wire(client)
    received = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.send_all, b"first ")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(wire.send_all, b"second")
        await trio.testing.wait_all_tasks_blocked()
        while len(received) < 12:
            received += await server.receive_some(4)

    assert received == b"first second"


async def test_a_cancelled_flush_breaks_the_wire(autojump_clock: MockClock) -> None:
    """Part of a frame may have left: nothing may follow it, waiting flushes included."""
    del autojump_clock
    client, _ = trio.testing.lockstep_stream_pair()
    wire = Wire(client)

    async def fail_while_waiting() -> None:
        await trio.sleep(0.5)
        with pytest.raises(trio.BrokenResourceError):
            await wire.flush()

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            nursery.start_soon(fail_while_waiting)
            await wire.send_all(b"x")
    with pytest.raises(trio.BrokenResourceError):
        await wire.send_all(b"y")


async def test_the_end_is_told() -> None:
    """An end, a break and a close each set `ended`."""
    client, server = trio.testing.memory_stream_pair()
    wire = Wire(client)
    await server.aclose()
    assert await wire.receive_some() == b""
    assert wire.ended.is_set()

    client, _ = trio.testing.memory_stream_pair()
    wire = Wire(client)
    await client.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await wire.receive_some()
    assert wire.ended.is_set()
    with pytest.raises(trio.BrokenResourceError, match="closed"):
        await wire.send_all(b"x")

    client, _ = trio.testing.memory_stream_pair()
    wire = Wire(client)
    await wire.wait_send_all_might_not_block()
    await wire.aclose()
    assert wire.ended.is_set()


def test_backoff_doubles_within_its_bound() -> None:
    """From half a second, a quarter more at most, and never longer than the bound."""
    retries, chance = Retries(attempts_max=10), Random(1)
    for attempt in range(1, 11):
        base = min(0.5 * 2 ** (attempt - 1), BACKOFF_MAX_S)
        assert base <= retries.backoff(attempt, chance) <= 1.25 * base


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [
        (None, 5.0),
        ("", 5.0),
        (" 3 ", 3.0),
        ("1.5", 1.5),
        ("-3", 5.0),
        ("1e3", 5.0),
        ("٣", 5.0),
        ("9" * 400, 60.0),
        ("Fri, 15 Jan 2027 08:00:07 -0000", 7.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_retry_after(header: str | None, pause_s: float) -> None:
    """Seconds or a date; anything else is the default; all within the bound."""
    assert Retries().after(header, 5.0, START) == pytest.approx(pause_s)
