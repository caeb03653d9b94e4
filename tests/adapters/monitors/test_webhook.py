"""The webhook: what it sends, when it tries again, and what it keeps to itself."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
import trio
from attrs import frozen
from trio.testing import MockClock

from hookflash.adapters.http import HttpClient
from hookflash.adapters.monitors import MonitorDesk, Webhook, WebhookSettings
from hookflash.adapters.monitors.payload import payload_of
from hookflash.adapters.monitors.webhook import (
    PostingClient,
    idempotency_key,
    retry_after_s,
    signature,
)
from hookflash.engine.ports import Notice
from hookflash.machines.effects import EndCommand, RaiseAlarm, Warn
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable
from hookflash.machines.instants import from_text

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
ENDED = EndCommand(CORRELATION, CORRELATION, "hold", "confirmed", "held", AT, AT, "caller")
PAYLOAD = payload_of(ENDED, ID, "7/0")
URL = "https://quality.example/hooks/t0ken"


@frozen
class Answer:
    """A scripted answer."""

    status: int
    headers: Mapping[str, str]


class ScriptedClient:
    """A client that answers from a script, and keeps what it was asked."""

    def __init__(self, *script: int | Answer | str) -> None:
        self.script = list(script)
        self.asked: list[dict[str, Any]] = []
        self.times: list[float] = []

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout_s: float = 5.0,
        response_bytes_max: int = 1,
    ) -> Answer:
        """Answer as the script says."""
        await trio.lowlevel.checkpoint()
        self.times.append(trio.current_time())
        self.asked.append(
            {
                "method": method,
                "url": url,
                "headers": dict(headers or {}),
                "content": content,
                "bounds": (timeout_s, response_bytes_max),
            }
        )
        answer = self.script.pop(0)
        if isinstance(answer, str):
            raise GatewayUnavailable(f"{url} is gone", problem=answer)
        return Answer(answer, {}) if isinstance(answer, int) else answer


def webhook(client: ScriptedClient, **settings: Any) -> Webhook:
    """Return a webhook over *client*."""
    known: dict[str, Any] = {"url": URL, "secret": "k3y"}
    made = WebhookSettings(**(known | settings))
    return Webhook(made, client, now=lambda: AT, chance=Random(1))


def test_the_real_client_fits() -> None:
    """What the webhook needs of a client is what ours has; the type checkers see to it."""
    fits: type[PostingClient] = HttpClient

    assert fits is HttpClient


async def test_a_payload_is_posted_signed() -> None:
    """Body, signature, timestamp and key are as documented."""
    client = ScriptedClient(204)
    await webhook(client)(PAYLOAD)
    (asked,) = client.asked

    assert (asked["method"], asked["url"]) == ("POST", URL)
    assert json.loads(asked["content"]) == PAYLOAD
    headers = asked["headers"]
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == CORRELATION
    assert headers["X-Hookflash-Timestamp"] == str(AT // 1_000_000)
    signed = headers["X-Hookflash-Timestamp"].encode() + b"." + asked["content"]
    digest = hmac.new(b"k3y", signed, hashlib.sha256).hexdigest()
    assert headers["X-Hookflash-Signature"] == f"sha256={digest}"
    assert signature("k3y", headers["X-Hookflash-Timestamp"], asked["content"]).endswith(digest)
    assert asked["bounds"] == (5.0, 65_536)


async def test_without_a_secret_nothing_is_signed() -> None:
    """The signature is left out, the rest is there."""
    client = ScriptedClient(200)
    await webhook(client, secret=None)(PAYLOAD)

    assert "X-Hookflash-Signature" not in client.asked[0]["headers"]


@pytest.mark.parametrize("trouble", [500, 503, 429, 408, "lost", "timeout"])
async def test_what_may_pass_is_tried_again(
    autojump_clock: MockClock,
    trouble: int | str,
) -> None:
    """Trouble of the other side or of the way there is met with longer and longer pauses."""
    client = ScriptedClient(trouble, trouble, trouble, 200)
    await webhook(client)(PAYLOAD)

    assert [asked["content"] for asked in client.asked] == [client.asked[0]["content"]] * 4
    assert {asked["headers"]["Idempotency-Key"] for asked in client.asked} == {CORRELATION}
    pauses = [
        later - earlier for earlier, later in zip(client.times, client.times[1:], strict=False)
    ]
    for pause, least in zip(pauses, (0.5, 1.0, 2.0), strict=True):
        assert least <= pause <= least * 1.25


@pytest.mark.parametrize(("asked_for", "least"), [("3", 3.0), ("900", 10.0), ("soon", 0.5)])
async def test_a_retry_after_counts_within_the_bound(
    autojump_clock: MockClock,
    asked_for: str,
    least: float,
) -> None:
    """The receiver's own pause is kept, up to the longest."""
    client = ScriptedClient(Answer(429, {"retry-after": asked_for}), 200)
    await webhook(client, backoff_max_s=10.0)(PAYLOAD)

    assert least <= client.times[1] - client.times[0] <= least * 1.25


@pytest.mark.parametrize("trouble", [301, 400, 401, 404, "too_large", "request"])
async def test_what_will_not_pass_is_not_tried_again(trouble: int | str) -> None:
    """Refusals and redirects fail at once; the error names the host and nothing secret."""
    client = ScriptedClient(trouble)
    with pytest.raises(GatewayUnavailable) as caught:
        await webhook(client)(PAYLOAD)

    assert len(client.asked) == 1
    assert "quality.example" in str(caught.value)
    assert "t0ken" not in str(caught.value)


async def test_attempts_have_an_end(
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After the last attempt it is given up, loudly and without secrets, within its time."""
    client = ScriptedClient(500, 500, 500)
    hook = webhook(client, attempts_max=3)
    started = trio.current_time()
    with pytest.raises(GatewayUnavailable, match=r"status 500 \(attempt 3\)"):
        await hook(PAYLOAD)

    assert trio.current_time() - started <= hook.settings.longest_s
    # Where it goes depends on whether something has configured the logs of this process.
    logged = "".join(capsys.readouterr()) + caplog.text
    assert "webhook.given_up" in logged
    for secret in ("t0ken", "k3y"):
        assert secret not in logged
        assert secret not in repr(hook.settings)


async def test_the_desk_tells_the_webhook(nursery: trio.Nursery) -> None:
    """A webhook is a monitor like any other, named by its host."""
    client = ScriptedClient(200)
    hook = webhook(client)
    desk = MonitorDesk()
    desk.add(hook, timeout_s=hook.settings.longest_s)
    await nursery.start(desk.run)
    desk.tell(ENDED, ID, 7, 0)

    assert await desk.drain(5.0) == 0
    (one,) = desk.statistics()
    assert (one.name, one.delivered) == ("webhook quality.example", 1)
    nursery.cancel_scope.cancel()


def test_each_payload_has_its_own_key() -> None:
    """A hold, its warning and each of its alarms are not taken for one another."""
    notices: list[Notice] = [
        ENDED,
        Warn(CORRELATION, "warning", AT, AT, AT),
        Warn(CORRELATION, "limit_passed", AT, AT, AT),
        RaiseAlarm(CORRELATION, "hold_expired", AT, AT, 1),
        RaiseAlarm(CORRELATION, "hold_expired", AT, AT, 2),
    ]
    keys = [idempotency_key(payload_of(notice, ID, "7/0")) for notice in notices]

    assert len(set(keys)) == len(keys)
    assert all(key.startswith(CORRELATION) for key in keys)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0.0),
        ("7", 7.0),
        ("", 0.0),
        ("-1", 0.0),
        ("x" * 99, 0.0),
        ("Sun, 22 Nov 2026 18:22:11 GMT", 9.876544),
        ("Sun, 22 Nov 2020 18:22:11 GMT", 0.0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(value: str | None, seconds: float) -> None:
    """Both forms of RFC 9110 are read; anything else asks for nothing."""
    assert retry_after_s(value, AT) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"url": "http://quality.example/t0ken"}, "is not encrypted"),
        ({"url": "ftp://quality.example/t0ken"}, "is neither https nor http"),
        ({"url": "https:///t0ken"}, "names no host"),
        ({"url": "https://[t0ken"}, "is no address"),
        ({"url": URL, "secret": ""}, "secret is empty"),
    ],
)
def test_settings_of_no_use_are_refused(settings: dict[str, Any], problem: str) -> None:
    """Nothing is sent in the clear, and no error shows the URL."""
    with pytest.raises(ConfigurationError, match=problem) as caught:
        WebhookSettings(**settings)
    assert "t0ken" not in str(caught.value)


def test_this_very_machine_needs_no_encryption() -> None:
    """A receiver on the same host may be told over http."""
    assert WebhookSettings(url="http://127.0.0.1:9000/").host == "127.0.0.1"
