"""Tokens, row by row of the protocol's table."""

from email.utils import formatdate

import pytest
import trio
from attrs import define
from tests.adapters.genesys.gateway_world import (
    SECRET,
    START,
    CannedServer,
    StreamNetwork,
    answer,
    make_tokens,
    token_answer,
)
from trio.testing import MockClock

from hookflash.adapters.genesys.interaction.settings import Counters
from hookflash.adapters.genesys.interaction.token import TokenSource
from hookflash.engine.clock import SteadyClock
from hookflash.machines.errors import GatewayUnavailable, NotAuthorized, RateLimited


@define
class _Desk:
    source: TokenSource
    counters: Counters
    server: CannedServer
    network: StreamNetwork


def _open(nursery: trio.Nursery, *answers: bytes) -> _Desk:
    server = CannedServer(*answers)
    network = StreamNetwork(nursery, server.serve)
    source, counters = make_tokens(network, SteadyClock(started_at=START))
    return _Desk(source, counters, server, network)


async def test_asks_with_the_protocols_form(nursery: trio.Nursery) -> None:
    """The request is form-encoded, with grant type, id, secret and scope."""
    desk = _open(nursery, token_answer())

    assert await desk.source.get() == "tok-1"

    head, _, body = desk.server.requests[0].decode().partition("\r\n\r\n")
    assert head.startswith("POST /oauth/token HTTP/1.1\r\n")
    assert "content-type: application/x-www-form-urlencoded" in head.lower()
    assert "host: gateway.test" in head.lower()
    assert body == (
        f"grant_type=client_credentials&client_id=client&client_secret={SECRET}"
        "&scope=interaction%3Acontrol+interaction%3Aread"
    )


@pytest.mark.parametrize(("expires_in", "used_for_s"), [(3600, 3570.0), (100, 80.0), (10, 8.0)])
async def test_is_used_until_the_margin(
    nursery: trio.Nursery, autojump_clock: MockClock, expires_in: int, used_for_s: float
) -> None:
    """A token is cached until 30 s or a fifth of its life before its end, whichever is less."""
    del autojump_clock
    desk = _open(nursery, token_answer(expires_in=expires_in), token_answer(access_token="tok-2"))
    await desk.source.get()

    await trio.sleep(used_for_s - 0.01)
    assert await desk.source.get() == "tok-1"

    await trio.sleep(0.02)
    assert desk.source.current() is None
    assert await desk.source.get() == "tok-2"


async def test_without_expiry_is_used_until_refused(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A missing `expires_in` means: use until refused; a missing `scope` is no error."""
    del autojump_clock
    desk = _open(nursery, token_answer(expires_in=None), token_answer(access_token="tok-2"))
    await desk.source.get()

    await trio.sleep(80_000)
    assert desk.source.current() == "tok-1"

    desk.source.drop("another")
    assert desk.source.current() == "tok-1"
    desk.source.drop("tok-1")
    assert await desk.source.get() == "tok-2"


async def test_one_refresh_serves_all_who_ask(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Ten tasks that ask at once cause one request."""
    del autojump_clock
    desk = _open(nursery, token_answer())
    got: list[str] = []

    async def ask() -> None:
        got.append(await desk.source.get())

    async with trio.open_nursery() as asking:
        for _ in range(10):
            asking.start_soon(ask)

    assert (got, desk.counters.token_requests) == (["tok-1"] * 10, 1)


async def test_a_cancelled_refresh_is_taken_over(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """When the refreshing task is cancelled, one of the waiting goes on, and only one."""
    del autojump_clock
    desk = _open(nursery, answer(429, headers={"Retry-After": "5"}), token_answer())
    got: list[str] = []

    async def ask() -> None:
        got.append(await desk.source.get())

    async with trio.open_nursery() as asking:
        with trio.move_on_after(1):
            async with trio.open_nursery() as cancelled:
                cancelled.start_soon(ask)
                await trio.testing.wait_all_tasks_blocked()
                for _ in range(3):
                    asking.start_soon(ask)

    assert (got, desk.counters.token_requests) == (["tok-1"] * 3, 2)


async def test_a_failed_refresh_fails_for_all_who_waited(nursery: trio.Nursery) -> None:
    """Those who waited share the error, each with an exception of its own."""
    desk = _open(nursery, answer(401))
    errors: list[NotAuthorized] = []

    async def ask() -> None:
        with pytest.raises(NotAuthorized) as caught:
            await desk.source.get()
        errors.append(caught.value)

    async with trio.open_nursery() as asking:
        for _ in range(5):
            asking.start_soon(ask)

    assert desk.counters.token_requests == 1
    assert len({id(error) for error in errors}) == 5
    assert len({str(error) for error in errors}) == 1


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({}, 5.0),
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "100000"}, 60.0),
        ({"Retry-After": "soon"}, 5.0),
        ({"Retry-After": formatdate(START / 1e6 + 7, usegmt=True)}, 7.0),
        ({"Retry-After": formatdate(START / 1e6 - 7, usegmt=True)}, 0.0),
    ],
)
async def test_429_waits_as_asked(
    nursery: trio.Nursery, autojump_clock: MockClock, headers: dict[str, str], pause_s: float
) -> None:
    """`Retry-After` is seconds or a date, 5 s when it is missing, and bounded."""
    del autojump_clock
    desk = _open(nursery, answer(429, headers=headers), token_answer())

    assert await desk.source.get() == "tok-1"

    assert desk.server.times[1] - desk.server.times[0] == pytest.approx(pause_s, abs=0.01)


async def test_429_gives_up_after_three(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """The third 429 is a clear error that says how long to wait."""
    del autojump_clock
    desk = _open(nursery, answer(429, headers={"Retry-After": "3"}))

    with pytest.raises(RateLimited, match=r"gateway\.test.* 3 requests: too many") as caught:
        await desk.source.get()

    assert (caught.value.retry_after_s, desk.counters.token_requests) == (3.0, 3)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_wrong_credentials_are_not_tried_again(nursery: trio.Nursery, status: int) -> None:
    """400 and 401 are a clear error without a second attempt."""
    desk = _open(nursery, answer(status))

    with pytest.raises(NotAuthorized, match="does not accept the credentials") as caught:
        await desk.source.get()

    assert desk.counters.token_requests == 1
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("failure", [answer(500), answer(503), b""])
async def test_errors_are_tried_again_with_growing_pauses(
    nursery: trio.Nursery, autojump_clock: MockClock, failure: bytes
) -> None:
    """5xx and lost connections are retried within the same three attempts."""
    del autojump_clock
    desk = _open(nursery, failure, failure, token_answer())

    assert await desk.source.get() == "tok-1"

    first, second, third = desk.server.times
    assert 0.5 <= second - first <= 0.63
    assert 1.0 <= third - second <= 1.26


@pytest.mark.parametrize("failure", [answer(502), b""])
async def test_errors_give_up_after_three(
    nursery: trio.Nursery, autojump_clock: MockClock, failure: bytes
) -> None:
    """After three attempts there is a clear error."""
    del autojump_clock
    desk = _open(nursery, failure)

    with pytest.raises(GatewayUnavailable, match=r"gateway\.test"):
        await desk.source.get()

    assert desk.counters.token_requests == 3


async def test_a_silent_endpoint_times_out(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Each of three attempts waits 5 s."""
    del autojump_clock

    async def say_nothing(stream: trio.abc.Stream) -> None:
        while await stream.receive_some():
            pass

    source, counters = make_tokens(
        StreamNetwork(nursery, say_nothing), SteadyClock(started_at=START)
    )
    started_s = trio.current_time()

    with pytest.raises(GatewayUnavailable, match="did not answer within 5 s"):
        await source.get()

    assert counters.token_requests == 3
    assert 16.5 <= trio.current_time() - started_s <= 17


async def test_a_missing_scope_is_named(nursery: trio.Nursery) -> None:
    """A token without `interaction:control` is a clear error that names it."""
    desk = _open(nursery, token_answer(scope="interaction:read"))

    with pytest.raises(NotAuthorized, match="lacks the scope interaction:control"):
        await desk.source.get()


async def test_scopes_may_come_in_any_order(nursery: trio.Nursery) -> None:
    """The scope is a list of words."""
    desk = _open(nursery, token_answer(scope="other interaction:read interaction:control"))

    assert await desk.source.get() == "tok-1"


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        (answer(200, raw=b"{"), r"\$: no JSON"),
        (answer(200, []), r"\$: no object"),
        (token_answer(access_token=None), r"\$\.access_token"),
        (token_answer(access_token=7), r"\$\.access_token"),
        (token_answer(access_token="a b"), r"\$\.access_token"),
        (token_answer(access_token="ä"), r"\$\.access_token"),
        (token_answer(expires_in="soon"), r"\$\.expires_in"),
        (token_answer(expires_in=True), r"\$\.expires_in"),
        (token_answer(scope=["interaction:control"]), r"\$\.scope"),
        (answer(302, headers={"Location": "/"}), "302"),
    ],
)
async def test_answers_that_make_no_sense_are_named(
    nursery: trio.Nursery, reply: bytes, place: str
) -> None:
    """A malformed answer is a clear error with its place, and not tried again."""
    desk = _open(nursery, reply)

    with pytest.raises(GatewayUnavailable, match=place):
        await desk.source.get()

    assert desk.counters.token_requests == 1
