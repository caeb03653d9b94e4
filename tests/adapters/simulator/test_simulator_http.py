"""Token endpoint, metadata and upgrade requests, as the protocol page has them."""

from collections.abc import Awaitable, Callable
from typing import Any

import h11
import pytest
import trio
import trio.testing
from trio_websocket import WebSocketConnection

from hookflash.adapters.simulator import Limits, Simulator, parse_faults

ONE = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a001"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = b"grant_type=client_credentials&client_id=me&client_secret=mine"

Ask = Callable[..., Awaitable[tuple[int, dict[str, str], dict[str, Any]]]]
Dial = Callable[[Simulator], trio.abc.Stream]
GetToken = Callable[..., Awaitable[str]]
OpenSocket = Callable[..., Awaitable[WebSocketConnection]]

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def bearer(token: str) -> dict[str, str]:
    """The header with a token."""
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_answer_has_the_four_fields(ask: Ask) -> None:
    """Default lifetime an hour, default scopes both."""
    status, headers, body = await ask(Simulator(), "POST", "/oauth/token", FORM, GOOD)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert len(body.pop("access_token")) > 20
    scope = "interaction:control interaction:read"
    assert body == {"token_type": "Bearer", "expires_in": 3600, "scope": scope}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (b"", "invalid_request"),
        (b"grant_type", "invalid_request"),
        (b"\xff=1", "invalid_request"),
        (b"client_id=me&client_secret=mine", "invalid_request"),
        (b"grant_type=client_credentials&client_id=me", "invalid_request"),
        (b"grant_type=password&client_id=me&client_secret=mine", "unsupported_grant_type"),
    ],
)
async def test_a_malformed_grant_is_400(ask: Ask, form: bytes, error: str) -> None:
    """With the error of OAuth."""
    status, _, body = await ask(Simulator(), "POST", "/oauth/token", FORM, form)
    assert (status, body["error"]) == (400, error)


async def test_a_token_request_is_a_posted_form(ask: Ask) -> None:
    """Anything else is refused."""
    simulator = Simulator()
    status, headers, _ = await ask(simulator, "GET", "/oauth/token")
    assert (status, headers["allow"]) == (405, "POST")
    status, _, body = await ask(simulator, "POST", "/oauth/token", {}, GOOD)
    assert (status, body["error"]) == (400, "invalid_request")


async def test_wrong_is_the_only_secret_that_is_refused(ask: Ask) -> None:
    """401, invalid_client."""
    form = GOOD.replace(b"mine", b"wrong")
    status, _, body = await ask(Simulator(), "POST", "/oauth/token", FORM, form)
    assert (status, body["error"]) == (401, "invalid_client")


async def test_the_faults_file_says_which_clients_are_accepted(ask: Ask) -> None:
    """Ids and secrets, and the refused secrets."""
    faults = parse_faults("[clients]\nids = ['me']\nsecrets = ['mine', 'wrong']")
    simulator = Simulator(faults)
    forms = {
        GOOD: 200,
        GOOD.replace(b"=me", b"=you"): 401,
        GOOD.replace(b"=mine", b"=yours"): 401,
        GOOD.replace(b"=mine", b"=wrong"): 401,
    }
    for form, expected in forms.items():
        status, _, _ = await ask(simulator, "POST", "/oauth/token", FORM, form)
        assert status == expected, form
    simulator.use_faults(parse_faults("[clients]\nrefused_secrets = []"))
    status, _, _ = await ask(
        simulator, "POST", "/oauth/token", FORM, GOOD.replace(b"=mine", b"=wrong")
    )
    assert status == 200


async def test_granted_scopes_are_those_asked_for_and_allowed(ask: Ask) -> None:
    """In the order of the request."""
    simulator = Simulator()
    form = GOOD + b"&scope=interaction%3Aread+admin"
    _, _, body = await ask(simulator, "POST", "/oauth/token", FORM, form)
    assert body["scope"] == "interaction:read"
    simulator.use_faults(parse_faults("[token]\nscopes = ['interaction:control']"))
    _, _, body = await ask(simulator, "POST", "/oauth/token", FORM, form)
    assert body["scope"] == ""


async def test_scope_and_expires_in_can_be_left_out(ask: Ask) -> None:
    """Both are optional in the protocol."""
    faults = parse_faults("[token]\nomit_scope = true\nomit_expires_in = true")
    _, _, body = await ask(Simulator(faults), "POST", "/oauth/token", FORM, GOOD)
    assert set(body) == {"access_token", "token_type"}


async def test_metadata_needs_a_token_with_the_read_scope(ask: Ask, get_token: GetToken) -> None:
    """401 without a good one, 403 that names the missing scope."""
    simulator = Simulator()
    path = f"/api/v2/interactions/{ONE}"
    for headers in ({}, bearer("unknown"), {"Authorization": "Basic bWU6bWluZQ=="}):
        status, answered, _ = await ask(simulator, "GET", path, headers)
        assert (status, answered["www-authenticate"]) == (401, "Bearer")
    control = await get_token(simulator, "interaction:control")
    status, _, body = await ask(simulator, "GET", path, bearer(control))
    assert status == 403
    assert "interaction:read" in body["message"]
    status, _, body = await ask(simulator, "GET", path, bearer(await get_token(simulator)))
    assert (status, body["id"], body["state"]) == (200, ONE, "active")


async def test_unknown_interactions_and_paths_are_404(ask: Ask, get_token: GetToken) -> None:
    """And a wrong method is 405."""
    simulator = Simulator(parse_faults(f"[[interactions]]\nid = '{ONE}'\nunknown = true"))
    token = bearer(await get_token(simulator))
    for path in (f"/api/v2/interactions/{ONE}", "/api/v2/interactions/one", "/elsewhere"):
        status, _, _ = await ask(simulator, "GET", path, token)
        assert status == 404
    status, _, _ = await ask(simulator, "POST", f"/api/v2/interactions/{ONE}", token)
    assert status == 405


async def test_listed_interactions_are_as_the_file_says(ask: Ask, get_token: GetToken) -> None:
    """State, org, skill group, and since when it is held."""
    faults = parse_faults(
        f"[[interactions]]\nid = '{ONE}'\nstate = 'held'\norg_id = 'org-2'\n"
        "skill_group_id = ''\nheld_for_s = 60"
    )
    simulator = Simulator(faults)
    token = bearer(await get_token(simulator))
    _, _, body = await ask(simulator, "GET", f"/api/v2/interactions/{ONE}", token)
    assert (body["state"], body["routingData"]) == ("held", {"orgId": "org-2"})
    assert body["heldSince"].endswith("Z")


async def test_tokens_expire(
    ask: Ask, get_token: GetToken, autojump_clock: trio.testing.MockClock
) -> None:
    """A second before the end of their life they are good, at its end they are not."""
    del autojump_clock
    simulator = Simulator(parse_faults("[token]\nlifetime_s = 60"))
    token = bearer(await get_token(simulator))
    path = f"/api/v2/interactions/{ONE}"
    await trio.sleep(59)
    assert (await ask(simulator, "GET", path, token))[0] == 200
    await trio.sleep(1)
    assert (await ask(simulator, "GET", path, token))[0] == 401


async def test_tokens_can_be_revoked(ask: Ask, get_token: GetToken) -> None:
    """All that were issued so far."""
    simulator = Simulator()
    token = bearer(await get_token(simulator))
    simulator.expire_tokens()
    assert (await ask(simulator, "GET", f"/api/v2/interactions/{ONE}", token))[0] == 401


async def test_connections_are_kept_alive(ask: Ask, dial: Dial) -> None:
    """Several requests on one connection, refused ones among them."""
    simulator = Simulator()
    stream = dial(simulator)
    statuses: list[int] = []
    for path in ("/elsewhere", "/oauth/token", "/api/v2/interactions"):
        statuses.append((await ask(simulator, "POST", path, FORM, GOOD, stream))[0])  # noqa: PERF401
    assert statuses == [404, 200, 405]
    assert simulator.statistics().connections == 1


async def test_pipelined_requests_are_answered_in_order(dial: Dial) -> None:
    """Also when the second comes in the same packet as the first."""
    stream = dial(Simulator())
    head = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
    await stream.send_all(head + head.replace(b"GET /a", b"HEAD /oauth/token"))
    received = b""
    while received.count(b"HTTP/1.1") < 2:
        received += bytes(await stream.receive_some())
    assert received.index(b"404") < received.index(b"405")


async def test_upgrades_need_a_token_with_the_control_scope(
    ask: Ask, get_token: GetToken, open_socket: OpenSocket
) -> None:
    """401 and 403 are real answers to the upgrade, before any WebSocket."""
    simulator = Simulator()
    path = "/api/v2/interactions"
    read = await get_token(simulator, "interaction:read")
    for query, expected in (
        ("", 401),
        ("?access_token=", 401),
        ("?access_token=unknown", 401),
        (f"?access_token={read}", 403),
    ):
        status, _, body = await ask(simulator, "GET", path + query, UPGRADE)
        assert status == expected
        assert (status == 403) == ("interaction:control" in body["message"])
    socket = await open_socket(simulator)
    assert simulator.open_sockets == 1
    await socket.aclose()
    assert (simulator.statistics().upgrade_requests, simulator.statistics().upgrades) == (5, 1)


@pytest.mark.parametrize(
    ("method", "changes", "expected"),
    [
        ("POST", {}, 405),
        ("GET", {"Upgrade": "h2c"}, 426),
        ("GET", {"Sec-WebSocket-Version": "8"}, 426),
        ("GET", {"Connection": "keep-alive"}, 400),
    ],
)
async def test_incomplete_handshakes_are_refused(
    ask: Ask, method: str, changes: dict[str, str], expected: int
) -> None:
    """Before the WebSocket library sees them."""
    status, _, _ = await ask(Simulator(), method, "/api/v2/interactions", {**UPGRADE, **changes})
    assert status == expected


async def test_a_connection_lives_on_after_a_refused_upgrade(ask: Ask, dial: Dial) -> None:
    """The next request on it is answered."""
    simulator = Simulator()
    stream = dial(simulator)
    assert (await ask(simulator, "GET", "/api/v2/interactions", UPGRADE, b"", stream))[0] == 401
    assert (await ask(simulator, "GET", "/elsewhere", {}, b"", stream))[0] == 404


async def test_too_many_sockets_are_503(
    open_socket: OpenSocket, ask: Ask, get_token: GetToken
) -> None:
    """The limit is a setting."""
    simulator = Simulator(limits=Limits(max_sockets=1))
    await open_socket(simulator)
    path = f"/api/v2/interactions?access_token={await get_token(simulator)}"
    assert (await ask(simulator, "GET", path, UPGRADE))[0] == 503


async def test_what_is_no_http_or_too_large_is_refused(ask: Ask, dial: Dial) -> None:
    """400, 413 and 431, and the connection is closed."""
    simulator = Simulator(limits=Limits(max_head_bytes=500, max_body_bytes=100))
    stream = dial(simulator)
    await stream.send_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    assert b"400" in bytes(await stream.receive_some())
    assert await stream.receive_some() == b""
    assert (await ask(simulator, "POST", "/oauth/token", FORM, b"x" * 101))[0] == 413
    assert (await ask(simulator, "GET", "/" + "x" * 1000))[0] == 431
    assert simulator.statistics().bad_requests == 3


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(dial: Dial) -> None:
    """Expect: 100-continue."""
    stream = dial(Simulator())
    head = h11.Request(
        method="POST",
        target="/oauth/token",
        headers=[
            ("Host", "localhost"),
            ("Expect", "100-continue"),
            ("Content-Length", str(len(GOOD))),
            *FORM.items(),
        ],
    )
    client = h11.Connection(h11.CLIENT)
    await stream.send_all(client.send(head) or b"")
    assert b"100" in bytes(await stream.receive_some())
    await stream.send_all(GOOD)
    assert b"200" in bytes(await stream.receive_some())


async def test_idle_connections_are_closed(
    dial: Dial, autojump_clock: trio.testing.MockClock
) -> None:
    """After 120 seconds, also in the middle of a request."""
    del autojump_clock
    stream = dial(Simulator())
    await stream.send_all(b"GET /elsewhere HT")
    started_s = trio.current_time()
    assert await stream.receive_some() == b""
    assert trio.current_time() - started_s == pytest.approx(120.0)


async def test_too_many_connections_are_turned_away(dial: Dial) -> None:
    """They are closed at once and counted."""
    simulator = Simulator(limits=Limits(max_connections=1))
    dial(simulator)
    await trio.testing.wait_all_tasks_blocked()
    assert await dial(simulator).receive_some() == b""
    assert simulator.statistics().connections_dropped == 1


async def test_nothing_that_is_logged_holds_a_token(
    logged: list[dict[str, Any]], open_socket: OpenSocket, get_token: GetToken, ask: Ask
) -> None:
    """Neither a query nor a header reaches the log."""
    simulator = Simulator()
    token = await get_token(simulator)
    socket = await open_socket(simulator, token)
    await socket.aclose()
    simulator.expire_tokens()
    await ask(simulator, "GET", f"/api/v2/interactions?access_token={token}", UPGRADE)
    events = {line["event"] for line in logged}
    assert {"simulator.socket.opened", "simulator.request.refused"} <= events
    assert token not in repr(logged)
    assert "access_token" not in repr(logged)
