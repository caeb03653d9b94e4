"""Our command line meets an independent Node.js server, with the peculiarities of servers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest

HOLD = ("--reason=consultation", "--priority=7")
UNHOLD = ("--priority=3",)
WITHIN_S = 30.0

QUIRKS = (
    "extra-fields",
    "bare-acks",
    "number-priorities",
    "server-pings",
    "token-without-scope",
    "token-without-expiry",
    "upper-case-ids",
    "state-updates",
    "state-updates-in-body",
    "fragments",
    "pretty-json",
    "connection-close",
    "chatter",
    "refuse-first-token-use",
)
"""Those of `server.mjs` with which every command must succeed."""


class Server(Protocol):
    """The Node.js server."""

    host: str
    ca_file: Path

    def order(self, do: str, **members: object) -> Mapping[str, Any]:
        """Give one of the orders listed in `server.mjs`, and return its answer."""
        ...

    def report(self) -> Mapping[str, Any]:
        """What the server received, and how everything stands there."""
        ...


class Finished(Protocol):
    """A command that has ended."""

    code: int
    result: Mapping[str, Any]
    messages: str


Hookflash = Callable[..., Finished]


def _frames(server: Server) -> list[dict[str, Any]]:
    return [json.loads(text) for text in server.report()["received"]]


def test_hold_status_unhold(node_server: Server, hookflash: Hookflash) -> None:
    """Our frames are those of the protocol to the letter, and their answers are believed."""
    interaction = str(uuid4())

    held = hookflash("hold", interaction, *HOLD)
    seen = hookflash("status", interaction)
    released = hookflash("unhold", interaction, *UNHOLD)

    assert held.code == 0, held.messages
    assert held.result["outcome"] == released.result["outcome"] == "confirmed"
    assert (held.result["state"], released.result["state"]) == ("held", "active")
    assert (seen.code, seen.result["state"]) == (0, "held")
    assert (seen.result["orgId"], seen.result["skillGroup"]) == ("org-1", "sg-1")
    hold, unhold = _frames(node_server)
    assert UUID(hold.pop("correlationId")).version == 4
    assert UUID(unhold.pop("correlationId")).version == 4
    assert hold == {
        "command": "send",
        "body": {
            "type": "hold",
            "interactionId": interaction,
            "holdReason": "consultation",
            "priority": 7,
        },
    }
    assert unhold == {
        "command": "send",
        "body": {"type": "unhold", "interactionId": interaction, "priority": 3},
    }
    assert node_server.report()["invalid"] == []


def test_optional_fields(node_server: Server, hookflash: Hookflash) -> None:
    """Hold music and prompt are sent as they were given."""
    done = hookflash("hold", str(uuid4()), *HOLD, "--music=Greensleeves", "--prompt=Bitte …")

    assert done.code == 0, done.messages
    (frame,) = _frames(node_server)
    assert frame["body"]["holdMusic"] == "Greensleeves"
    assert frame["body"]["holdPrompt"] == "Bitte …"


def test_hold_as_a_process_of_its_own(node_server: Server, tmp_path: Path) -> None:
    """As a user has it: one line of JSON on stdout, exit code 0."""
    code = "from hookflash.adapters.command_line.main import run; run()"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HOOKFLASH_")},
        "HOOKFLASH_CLIENT_SECRET": "good",
    }
    options = ["--host", node_server.host, "--ca-file", str(node_server.ca_file), "--client-id=me"]
    command = [sys.executable, "-c", code, "hold", str(uuid4()), *HOLD, *options, "--json"]

    ended = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=environment,
        text=True,
        timeout=WITHIN_S,
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["outcome"] == "confirmed"
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize("quirk", QUIRKS)
def test_quirks(node_server: Server, hookflash: Hookflash, quirk: str) -> None:
    """Twenty pairs succeed whatever a server adds, leaves out or spells differently."""
    node_server.order("reset", quirks=[quirk])

    done = hookflash("bench", "--pairs=20", "--concurrency=5", "--interactions=10")

    assert (done.code, done.result["ok"], done.result["failed"]) == (0, 40, 0), done.messages
    report = node_server.report()
    assert len(report["received"]) == 40
    assert report["invalid"] == []
    assert set(report["states"].values()) == {"active"}
    assert report["sockets"] == 1


def test_all_quirks_together(node_server: Server, hookflash: Hookflash) -> None:
    """Peculiarities come together, too."""
    node_server.order("reset", quirks=QUIRKS)
    interaction = str(uuid4())

    held = hookflash("hold", interaction, *HOLD)
    seen = hookflash("status", interaction)
    released = hookflash("unhold", interaction, *UNHOLD)
    bench = hookflash("bench", "--pairs=20", "--concurrency=5", "--interactions=4")

    assert (held.code, held.result["state"]) == (0, "held"), held.messages
    assert seen.result["state"] == "held"
    assert (released.code, released.result["state"]) == (0, "active"), released.messages
    assert (bench.code, bench.result["ok"]) == (0, 40), bench.messages
    assert node_server.report()["invalid"] == []


def test_server_pings_are_answered(node_server: Server, hookflash: Hookflash) -> None:
    """A server that cuts whoever does not answer its pings keeps us."""
    node_server.order("reset", quirks=["server-pings"])
    interaction = str(uuid4())
    node_server.order("next", interactionId=interaction, delayMs=300)

    done = hookflash("hold", interaction, *HOLD)

    assert done.code == 0, done.messages
    assert node_server.report()["pongs"] >= 3


@pytest.mark.parametrize("state", [None, "active"])
def test_refused(node_server: Server, hookflash: Hookflash, state: str | None) -> None:
    """A refusal fails the command, whether it names the state or the state must be asked for."""
    interaction = str(uuid4())
    refusal = {"code": 409, "message": "not now", **({"state": state} if state else {})}
    node_server.order("next", interactionId=interaction, refuse=refusal)

    done = hookflash("hold", interaction, *HOLD)

    assert done.code == 1
    assert (done.result["status"], done.result["outcome"]) == ("failed", "refused")
    assert (done.result["error"], done.result["state"]) == ("HoldRefused", "active")
    assert "not now" in done.messages
    lookups = node_server.report()["lookups"]
    assert lookups == (1 if state else 2)


def test_refused_hold_of_a_held_one(node_server: Server, hookflash: Hookflash) -> None:
    """A refusal that says `held` proves that the caller is held, whoever did it."""
    interaction = str(uuid4())
    refusal = {"code": 409, "message": "held already", "state": "held"}
    node_server.order("next", interactionId=interaction, refuse=refusal)

    done = hookflash("hold", interaction, *HOLD)

    assert done.result["state"] == "held"


@pytest.mark.parametrize("refusal", [{"code": 429}, {"code": "429", "retryAfter": 2.5}])
def test_rate_limited(
    node_server: Server, hookflash: Hookflash, refusal: Mapping[str, object]
) -> None:
    """The gateway's rate limit is an error of its own."""
    interaction = str(uuid4())
    node_server.order("next", interactionId=interaction, refuse=refusal)

    done = hookflash("hold", interaction, *HOLD)

    assert (done.code, done.result["error"]) == (1, "RateLimited")
    assert node_server.report()["states"][interaction] == "active"


def test_duplicate_acks(node_server: Server, hookflash: Hookflash) -> None:
    """An acknowledgement that comes three times counts once."""
    interaction = str(uuid4())
    node_server.order("next", interactionId=interaction, copies=3)

    done = hookflash("hold", interaction, *HOLD)

    assert (done.code, done.result["outcome"]) == (0, "confirmed")


def test_lost_ack(node_server: Server, hookflash: Hookflash) -> None:
    """A hold whose ack is lost is confirmed by a lookup after the 5 s of the protocol."""
    interaction = str(uuid4())
    node_server.order("next", interactionId=interaction, lose=True)

    done = hookflash("hold", interaction, *HOLD)

    assert (done.code, done.result["outcome"]) == (0, "confirmed_by_lookup"), done.messages
    assert 5_000 <= done.result["latencyMs"] < 7_000
    assert len(node_server.report()["received"]) == 1


@pytest.mark.parametrize(
    "facts",
    [{"state": "closed"}, {"state": "abandoned"}, {"unknown": True}, {"skillGroup": None}],
    ids=str,
)
def test_ineligible(node_server: Server, hookflash: Hookflash, facts: Mapping[str, object]) -> None:
    """What the metadata says is enough to send nothing."""
    interaction = str(uuid4())
    node_server.order("set", interactionId=interaction, **facts)

    done = hookflash("hold", interaction, *HOLD)

    assert (done.code, done.result["outcome"]) == (1, "ineligible")
    assert done.result["error"] == "NotEligible"
    assert node_server.report()["received"] == []


def test_held_already(node_server: Server, hookflash: Hookflash) -> None:
    """A hold of one that somebody else holds succeeds without a frame."""
    interaction = str(uuid4())
    node_server.order("set", interactionId=interaction, state="held")

    done = hookflash("hold", interaction, *HOLD)

    assert (done.code, done.result["outcome"]) == (0, "already")
    assert node_server.report()["received"] == []


def test_not_authorized(
    node_server: Server, hookflash: Hookflash, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong secret, and a token that may only read."""
    node_server.order("reset", quirks=["read-only-scope"])
    read_only = hookflash("hold", str(uuid4()), *HOLD)
    monkeypatch.setenv("HOOKFLASH_CLIENT_SECRET", "wrong")
    wrong = hookflash("hold", str(uuid4()), *HOLD)

    assert (read_only.code, read_only.result["error"]) == (3, "NotAuthorized")
    assert "interaction:control" in read_only.messages
    assert (wrong.code, wrong.result["error"]) == (3, "NotAuthorized")
    assert node_server.report()["sockets"] == 0
