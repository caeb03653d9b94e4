"""Lookups, row by row of the protocol page."""

import pytest
import trio
from tests.adapters.genesys.gateway_world import (
    START,
    CannedServer,
    World,
    answer,
    open_world,
    token_answer,
)
from trio.testing import MockClock

from hookflash.engine.ports import LookupAnswer
from hookflash.machines.errors import GatewayUnavailable, NotAuthorized, RateLimited
from hookflash.machines.instants import after
from hookflash.machines.interaction import Facts

ID = "4d8f0c2e-6b5a-4d93-9c55-3f8f0d4e7a11"
BODY = {
    "id": ID,
    "state": "held",
    "routingData": {"orgId": "org-1", "skillGroup": {"id": "sg-1", "name": "Sales"}},
    "heldSince": "2027-01-15T08:00:00.000Z",
    "news": [1],
}


async def _look_up(*answers: bytes) -> tuple[LookupAnswer, CannedServer]:
    server = CannedServer(token_answer(), *answers)
    async with open_world(running=False, serve=server.serve) as world:
        return await world.gateway.look_up(ID), server
    raise AssertionError("unreachable")


async def _fail(world: World, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        await world.gateway.look_up(ID)


async def test_reads_all_that_is_said(autojump_clock: MockClock) -> None:
    """State, org, skill group and start of the hold; members we do not know are no matter."""
    del autojump_clock
    found, server = await _look_up(answer(200, BODY))

    assert found == LookupAnswer("held", START, Facts("held", "org-1", "sg-1"), START)
    head = server.requests[1].decode()
    assert head.startswith(f"GET /api/v2/interactions/{ID} HTTP/1.1\r\n")
    assert "Authorization: Bearer tok-1\r\n" in head
    assert "Accept: application/json\r\n" in head


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        ({"state": "active"}, Facts("active")),
        ({"state": "active", "routingData": None}, Facts("active")),
        ({"state": "active", "routingData": {"orgId": "o"}}, Facts("active", "o")),
        ({"state": "active", "routingData": {"skillGroup": {"id": None}}}, Facts("active")),
        ({"state": "wrapup", "heldSince": "yesterday"}, Facts("wrapup")),
    ],
)
async def test_what_is_missing_is_none(body: dict[str, object], facts: Facts) -> None:
    """Eligibility decides about what is missing, not the reader."""
    found, _ = await _look_up(answer(200, body))

    assert (found.facts, found.state, found.held_since) == (facts, facts.state, None)


async def test_as_of_is_the_start_of_the_request(autojump_clock: MockClock) -> None:
    """An answer that took three seconds knows nothing of these."""
    del autojump_clock
    async with open_world(running=False) as world:
        world.simulator.next_metadata(ID, delay_s=3)
        await world.gateway.look_up(ID)
        world.simulator.next_metadata(ID, delay_s=3)
        found = await world.gateway.look_up(ID)

    assert found.as_of == after(START, 3.0)


async def test_404_is_a_state() -> None:
    """An interaction that the gateway does not know is an answer, not an error."""
    found, _ = await _look_up(answer(404, {"message": "?"}))

    assert (found.state, found.facts) == ("not_found", Facts(state="not_found"))


async def test_401_refreshes_once() -> None:
    """A revoked token is renewed and the lookup made again."""
    async with open_world(running=False) as world:
        await world.gateway.look_up(ID)
        world.simulator.expire_tokens()
        found = await world.gateway.look_up(ID)

    assert found.state == "active"
    assert world.simulator.statistics().tokens_issued == 2


async def test_401_on_a_fresh_token_is_an_error() -> None:
    """A second 401 is a clear error."""
    async with open_world(running=False) as world:
        world.simulator.next_metadata(ID, status=401)
        world.simulator.next_metadata(ID, status=401)
        await _fail(world, NotAuthorized, "does not accept a fresh token")

    assert world.simulator.statistics().metadata_requests == 2


async def test_403_names_the_scope() -> None:
    """403 is a clear error that names `interaction:read`, at once."""
    async with open_world(running=False) as world:
        world.simulator.next_metadata(ID, status=403)
        await _fail(world, NotAuthorized, "lacks interaction:read")

    assert world.simulator.statistics().metadata_requests == 1


@pytest.mark.parametrize(("retry_after_s", "pause_s"), [(None, 2.0), (7.0, 7.0)])
async def test_429_waits(
    autojump_clock: MockClock, retry_after_s: float | None, pause_s: float
) -> None:
    """429 waits as asked, 2 s by default."""
    del autojump_clock
    async with open_world(running=False) as world:
        await world.gateway.look_up(ID)
        started_s = trio.current_time()
        world.simulator.next_metadata(ID, status=429, retry_after_s=retry_after_s)
        await world.gateway.look_up(ID)

        assert trio.current_time() - started_s == pytest.approx(pause_s, abs=0.01)


async def test_429_is_bounded(autojump_clock: MockClock) -> None:
    """The third 429 is `RateLimited`, with the interaction's id."""
    del autojump_clock
    async with open_world(running=False) as world:
        for _ in range(3):
            world.simulator.next_metadata(ID, status=429)
        with pytest.raises(RateLimited, match="3 lookups") as caught:
            await world.gateway.look_up(ID)

    assert (caught.value.retry_after_s, caught.value.interaction_id) == (2.0, ID)


async def test_errors_are_tried_again(autojump_clock: MockClock) -> None:
    """A 5xx and a lost connection are retried, within three attempts."""
    del autojump_clock
    async with open_world(running=False) as world:
        world.simulator.next_metadata(ID, status=503)
        world.simulator.next_metadata(ID, connection_lost=True)
        found = await world.gateway.look_up(ID)

    assert found.state == "active"


async def test_errors_are_bounded(autojump_clock: MockClock) -> None:
    """Three failures are `GatewayUnavailable`; all are counted."""
    del autojump_clock
    async with open_world(running=False) as world:
        for _ in range(3):
            world.simulator.next_metadata(ID, status=500)
        await _fail(world, GatewayUnavailable, "answered a lookup with 500")

        assert world.gateway.statistics().lookups_failed == 1
        assert world.simulator.statistics().metadata_requests == 3


async def test_a_silent_gateway_times_out(autojump_clock: MockClock) -> None:
    """Each of three attempts waits 5 s."""
    del autojump_clock
    async with open_world(running=False) as world:
        await world.gateway.look_up(ID)
        for _ in range(3):
            world.simulator.next_metadata(ID, delay_s=60)
        started_s = trio.current_time()
        await _fail(world, GatewayUnavailable, "did not answer within 5 s")

        assert 16.5 <= trio.current_time() - started_s <= 17


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        (answer(200, raw=b"nonsense"), r"\$: no JSON"),
        (answer(200, [1]), r"\$: no object"),
        (answer(200, {}), r"@ \$\.state|state"),
        (answer(200, {"state": ""}), r"\$\.state"),
        (answer(200, {"state": 7}), r"\$\.state"),
        (answer(200, {"state": "a" * 1000}), r"\$\.state"),
        (answer(200, {"state": "active", "id": "other"}), r"\$\.id"),
        (answer(200, {"state": "active", "routingData": 5}), r"\$\.routing"),
        (answer(200, {"state": "active", "routingData": {"orgId": 5}}), r"\$\.routing.*org"),
        (
            answer(200, {"state": "active", "routingData": {"skillGroup": {"id": []}}}),
            r"skill_?[gG]roup\.id",
        ),
        (answer(418), "418"),
    ],
)
async def test_answers_that_make_no_sense_are_named(reply: bytes, place: str) -> None:
    """A malformed answer is `GatewayUnavailable` with its place, and not asked for again."""
    server = CannedServer(token_answer(), reply)
    async with open_world(running=False, serve=server.serve) as world:
        await _fail(world, GatewayUnavailable, place)

    assert len(server.requests) == 2


async def test_an_odd_id_cannot_leave_its_place() -> None:
    """Whatever an interaction is called, it stays one segment of the path."""
    server = CannedServer(token_answer(), answer(404))
    async with open_world(running=False, serve=server.serve) as world:
        await world.gateway.look_up("../../oauth?x=y\r\nEvil: 1")

    assert server.requests[1].split(b"\r\n")[0] == (
        b"GET /api/v2/interactions/..%2F..%2Foauth%3Fx%3Dy%0D%0AEvil%3A%201 HTTP/1.1"
    )


async def test_cancelling_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    """A cancelled lookup frees its connection; the next one works."""
    del autojump_clock
    async with open_world(running=False, http_connections_max=1) as world:
        world.simulator.next_metadata(ID, delay_s=60)
        with trio.move_on_after(1) as scope:
            await world.gateway.look_up(ID)

        assert scope.cancelled_caught
        assert (await world.gateway.look_up(ID)).state == "active"
