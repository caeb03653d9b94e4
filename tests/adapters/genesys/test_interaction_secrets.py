"""Tokens and secrets reach no log and no error, not even at debug level."""

import io
import logging
import traceback
from collections.abc import Iterator
from typing import cast

import pytest
import structlog
import trio
from tests.adapters.genesys.gateway_world import (
    SECRET,
    CannedServer,
    answer,
    open_world,
    token_answer,
)
from trio.testing import MockClock
from trio_websocket import wrap_server_stream

from hookflash.engine.ports import FrameAcknowledged, LinkDown, LinkGivenUp, LinkUp
from hookflash.machines.errors import HookflashError

TOKEN = "tok-9b1c/Zx+secret=="


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All that any library logs at debug level, and all that structlog gets."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    before = structlog.get_config()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(text),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )
    yield text
    structlog.configure(**before)
    root.removeHandler(handler)
    root.setLevel(level)


def _check(text: str) -> None:
    for secret in (SECRET, TOKEN, "9b1c", "access_token="):
        assert secret not in text


async def test_a_working_day_logs_no_secret(
    autojump_clock: MockClock, everything_logged: io.StringIO
) -> None:
    """Token, upgrade, command, lookup, loss and reconnect: nothing secret is in any log."""
    del autojump_clock
    async with open_world() as world:
        world.hold()
        await world.inbox.next_of(FrameAcknowledged)
        await world.gateway.look_up(world.interaction_id)
        token = world.gateway._tokens.current()  # pyright: ignore[reportPrivateUsage] - to look for it
        world.simulator.send_frame(f'{{"weather": "access_token={token}"}}')
        world.simulator.close_sockets()
        await world.inbox.next_of(LinkDown)
        await world.inbox.next_of(LinkUp, 2)

    text = everything_logged.getvalue()
    assert token
    assert token not in text
    assert "gateway.link.up" in text
    assert "trio-websocket" in text or "received" in text
    _check(text)


@pytest.mark.parametrize(
    "replies",
    [
        (answer(401, {"message": f"bad {SECRET}"}),),
        (token_answer(access_token=TOKEN), answer(403, {"message": f"token {TOKEN}"})),
        (token_answer(access_token=TOKEN), answer(401), token_answer(access_token=TOKEN)),
        (token_answer(access_token=TOKEN), answer(500, {"url": f"/x?access_token={TOKEN}"})),
        (token_answer(access_token=TOKEN), b"nonsense\r\n\r\n"),
        (token_answer(access_token=TOKEN), b""),
        (answer(200, {"access_token": TOKEN, "expires_in": TOKEN}),),
    ],
)
async def test_no_error_holds_a_secret(
    autojump_clock: MockClock, everything_logged: io.StringIO, replies: tuple[bytes, ...]
) -> None:
    """However the gateway fails, errors, tracebacks and logs stay clean."""
    del autojump_clock
    server = CannedServer(*replies)
    async with open_world(serve=server.serve) as world:
        given_up = await world.inbox.next_of(LinkGivenUp)
        with pytest.raises(HookflashError) as caught:
            await world.gateway.look_up(world.interaction_id)

    for error in (given_up.error, caught.value):
        _check(str(error) + repr(error) + error.advice)
        _check("".join(traceback.format_exception(error, limit=None)))
    _check(everything_logged.getvalue())


async def test_the_goodbye_of_a_gateway_is_made_harmless(autojump_clock: MockClock) -> None:
    """A close reason is the gateway's own text: it comes through without secrets."""
    del autojump_clock
    desk = CannedServer(token_answer())
    streams = 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal streams
        streams += 1
        if streams == 1:
            await desk.serve(stream)
            return
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, cast("trio.SocketStream", stream))
            websocket = await request.accept()
            await websocket.aclose(1008, "access_token=abc.def expired, call +1 555 0109999")

    async with open_world(serve=serve) as world:
        down = await world.inbox.next_of(LinkDown)

    assert "code 1008" in down.reason
    assert "abc.def" not in down.reason
    assert "0109999" not in down.reason
