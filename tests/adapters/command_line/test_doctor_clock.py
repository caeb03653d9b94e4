"""The doctor's look at the clock, and at answers that no gateway gives."""

import email.utils
import time

import pytest
import trio
import trio.testing
from attrs import frozen

from hookflash.adapters.doctor import Check, clock_skew_s, examine
from hookflash.adapters.settings import load_settings

ASKED_AT = 1_800_000_000.5


@pytest.mark.parametrize(
    ("theirs_s", "skew_s"), [(-61, 60.5), (-1, 0.5), (0, 0.0), (0.5, 0.0), (60.5, -60.0)]
)
def test_the_difference_is_what_is_certain(theirs_s: float, skew_s: float) -> None:
    """Dates have whole seconds, and the answer took half a second."""
    date = email.utils.formatdate(ASKED_AT + theirs_s, usegmt=True)

    assert clock_skew_s(date, ASKED_AT, ASKED_AT + 0.5) == skew_s


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_gateway_without_a_clock_gives_none(date: str) -> None:
    """The header is optional."""
    assert clock_skew_s(date, ASKED_AT, ASKED_AT) is None


@frozen
class OneAnswer:
    """A network on which whoever is asked gives one answer, whatever the question."""

    nursery: trio.Nursery
    answer: bytes

    async def open_stream(
        self, host: str, port: int, *, tls: bool, server_name: str
    ) -> trio.abc.Stream:
        """Open a connection to it."""
        await trio.lowlevel.checkpoint()
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self._serve, theirs)
        return ours

    async def _serve(self, stream: trio.abc.Stream) -> None:
        received = b""
        try:
            while b"grant_type" not in received:
                if not (some := await stream.receive_some()):
                    return
                received += some
            await stream.send_all(self.answer)
        except trio.BrokenResourceError:
            return


async def examined(date: str, body: bytes = b'{"access_token":"t"}') -> dict[str, Check]:
    """What the doctor finds where the token endpoint answers so."""
    answer = b"HTTP/1.1 200 OK\r\nDate: %b\r\nContent-Length: %d\r\n\r\n%b"
    settings = load_settings(
        overrides={"gateway": {"host": "h", "client_id": "c", "client_secret": "s"}}, environ={}
    )
    checks: list[Check] = []
    async with trio.open_nursery() as nursery:
        network = OneAnswer(nursery, answer % (date.encode(), len(body), body))
        await examine(settings, checks.append, network=network)
        nursery.cancel_scope.cancel()
    return {check.name: check for check in checks}


@pytest.mark.parametrize(("ahead_s", "expected"), [(-60, "behind"), (60, "ahead of")])
async def test_a_large_difference_is_a_failure(
    autojump_clock: trio.testing.MockClock, ahead_s: int, expected: str
) -> None:
    """With its direction and size, and what to do."""
    date = email.utils.formatdate(time.time() - ahead_s, usegmt=True)
    clock = (await examined(date))["clock"]

    assert (clock.result, clock.exit_code) == ("failed", 1)
    assert expected in clock.message
    assert "NTP" in clock.advice


async def test_a_small_difference_does_not_matter(autojump_clock: trio.testing.MockClock) -> None:
    """It is told all the same."""
    checks = await examined(email.utils.formatdate(time.time() - 3, usegmt=True))

    assert checks["clock"].result == "ok"
    assert "less than 10 s" in checks["clock"].message
    assert "does not say" in checks["scopes"].message


@pytest.mark.parametrize("body", [b"hello", b"[]"])
async def test_an_answer_that_is_no_token_is_a_failure(
    autojump_clock: trio.testing.MockClock, body: bytes
) -> None:
    """As from a web server that is no gateway."""
    assert (await examined("", body))["scopes"].result == "failed"
