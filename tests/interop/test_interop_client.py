"""An independent Node.js controller meets our simulator over TLS sockets, unchanged."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio

from hookflash.adapters.simulator import AckFaults, Faults, FrameFaults, SocketFaults, TokenFaults

Serve = Callable[..., Awaitable[Any]]
Run = Callable[..., Awaitable[Any]]

HOLD = ("--reason=consultation", "--priority=7")


async def test_hold_and_unhold(serve_simulator: Serve, run_controller: Run) -> None:
    """A hold and its unhold are carried out and acknowledged with the new state."""
    simulator, address = await serve_simulator()
    interaction = str(uuid4())

    held = await run_controller(address, "hold", interaction, *HOLD)
    state_between = simulator.state_of(interaction)
    released = await run_controller(address, "unhold", interaction, "--priority=3")

    assert (held.code, held.messages) == (0, "")
    assert held.result["status"] == "success"
    assert held.result["state"] == state_between == "held"
    assert (released.code, released.result["state"]) == (0, "active")
    assert simulator.state_of(interaction) == "active"
    hold, unhold = simulator.received(interaction)
    assert (hold.hold_reason, hold.priority) == ("consultation", 7)
    assert hold.correlation_id == held.result["correlationId"]
    assert unhold.priority == 3


async def test_optional_fields_arrive(serve_simulator: Serve, run_controller: Run) -> None:
    """Hold music and prompt arrive as they were given, and nothing where they were not."""
    simulator, address = await serve_simulator()
    first, second = str(uuid4()), str(uuid4())

    await run_controller(address, "hold", first, *HOLD, "--music=Greensleeves", "--prompt=Bitte …")
    await run_controller(address, "hold", second, *HOLD)

    with_music, without = simulator.received()
    assert (with_music.hold_music, with_music.hold_prompt) == ("Greensleeves", "Bitte …")
    assert (without.hold_music, without.hold_prompt) == (None, None)


async def test_fifty_pairs(serve_simulator: Serve, run_controller: Run, tmp_path: Path) -> None:
    """Fifty pairs over one socket and one token all succeed, one lookup and one ack each."""
    simulator, address = await serve_simulator()

    ended = await run_controller(address, "bench", "--pairs=50", "--concurrency=10")

    assert ended.code == 0, ended.messages
    assert set(ended.result) == {
        "commands",
        "ok",
        "failed",
        "seconds",
        "per_second",
        "p50_ms",
        "p99_ms",
        "cpu_s",
        "rss_mb",
    }
    assert [ended.result[key] for key in ("commands", "ok", "failed")] == [100, 100, 0]
    figures = simulator.statistics()
    assert (figures.holds, figures.unholds, figures.acks) == (50, 50, 100)
    assert (figures.tokens_issued, figures.upgrades, figures.metadata_answers) == (1, 1, 100)
    assert (figures.holds_of_held, figures.unholds_of_active) == (0, 0)
    assert len(set(simulator.all_states().values())) == 1
    assert len((tmp_path / "node-audit.log").read_text().splitlines()) == 100


async def test_pairs_on_few_interactions(serve_simulator: Serve, run_controller: Run) -> None:
    """Pairs on the same interaction never overlap."""
    simulator, address = await serve_simulator()

    ended = await run_controller(
        address, "bench", "--pairs=30", "--concurrency=10", "--interactions=3"
    )

    assert ended.result["ok"] == 60
    figures = simulator.statistics()
    assert (figures.holds_of_held, figures.unholds_of_active) == (0, 0)
    assert len(simulator.all_states()) == 3


async def test_misbehaviour_that_harms_nothing(serve_simulator: Serve, run_controller: Run) -> None:
    """Duplicate acks, garbage frames and server pings harm an independent client no more than ours.

    The token's answer leaves out what the protocol lets it leave out.
    """
    faults = Faults(
        acks=AckFaults(duplicate=1.0, duplicate_count=3),
        frames=FrameFaults(garbage=1.0, kinds=("not_json", "not_object", "unknown_shape")),
        sockets=SocketFaults(ping_every_s=0.01, pong_within_s=5.0),
        token=TokenFaults(omit_expires_in=True, omit_scope=True),
    )
    simulator, address = await serve_simulator(faults)

    ended = await run_controller(address, "bench", "--pairs=20", "--concurrency=5")

    assert (ended.code, ended.result["ok"]) == (0, 40), ended.messages
    figures = simulator.statistics()
    assert (figures.acks_duplicated, figures.garbage_frames) == (80, 40)
    assert figures.upgrades == 1


async def test_invalid_is_not_sent(serve_simulator: Serve, run_controller: Run) -> None:
    """The controller checks its fields itself: nothing reaches the gateway."""
    simulator, address = await serve_simulator()

    ended = await run_controller(address, "hold", str(uuid4()), "--reason=lunch", "--priority=10")

    assert (ended.code, ended.result["outcome"]) == (2, "invalid")
    assert simulator.statistics().commands == 0
    assert simulator.statistics().invalid_commands == 0


@pytest.mark.parametrize("state", ["closed", "abandoned"])
async def test_ended_interactions_are_ineligible(
    serve_simulator: Serve, run_controller: Run, state: str
) -> None:
    """The metadata says that an interaction is over, in words that an independent client knows."""
    simulator, address = await serve_simulator()
    interaction = str(uuid4())
    simulator.put(interaction, state=state)

    ended = await run_controller(address, "hold", interaction, *HOLD)

    assert (ended.code, ended.result["outcome"]) == (1, "ineligible")
    assert ended.result["state"] == state
    assert simulator.statistics().commands == 0


async def test_unknown_and_groupless_interactions(
    serve_simulator: Serve, run_controller: Run
) -> None:
    """404 and a missing skill group are told apart."""
    simulator, address = await serve_simulator()
    unknown, groupless = str(uuid4()), str(uuid4())
    simulator.put(unknown, unknown=True)
    simulator.put(groupless, skill_group_id="")

    first = await run_controller(address, "hold", unknown, *HOLD)
    second = await run_controller(address, "hold", groupless, *HOLD)

    assert (first.result["outcome"], second.result["outcome"]) == ("ineligible", "ineligible")
    assert "does not know it" in first.messages
    assert "no skill group" in second.messages


async def test_refusals(serve_simulator: Serve, run_controller: Run) -> None:
    """A refusal is told with its code, and with the state where the gateway gives one."""
    simulator, address = await serve_simulator()
    limited, refused = str(uuid4()), str(uuid4())
    simulator.next_ack(limited, refused={"code": 429, "retryAfter": 2})
    simulator.next_ack(refused, refused={"code": 409, "message": "not now"}, with_state=True)

    first = await run_controller(address, "hold", limited, *HOLD)
    second = await run_controller(address, "hold", refused, *HOLD)

    assert (first.code, first.result["outcome"], first.result["state"]) == (1, "refused", None)
    assert "429" in first.messages
    assert (second.code, second.result["state"]) == (1, "active")
    assert "409 not now" in second.messages
    assert simulator.state_of(limited) == simulator.state_of(refused) == "active"


async def test_lost_and_late_acks_time_out_after_five_seconds(
    serve_simulator: Serve, run_controller: Run
) -> None:
    """An ack that is lost or late leaves the outcome unknown after 5 s, and the caller held."""
    simulator, address = await serve_simulator()
    lost, late = str(uuid4()), str(uuid4())
    simulator.next_ack(lost, lost=True)
    simulator.next_ack(late, delay_s=5.2)
    ended: dict[str, Any] = {}

    async def hold(interaction: str) -> None:
        ended[interaction] = await run_controller(address, "hold", interaction, *HOLD)

    async with trio.open_nursery() as both:
        both.start_soon(hold, lost)
        both.start_soon(hold, late)

    for interaction in (lost, late):
        assert (ended[interaction].code, ended[interaction].result["outcome"]) == (4, "unknown")
        assert 5_000 <= ended[interaction].result["latencyMs"] < 7_000
        assert simulator.state_of(interaction) == "held"


async def test_tokens_and_limits_over_http(serve_simulator: Serve, run_controller: Run) -> None:
    """A 401 of the metadata refreshes the token once; a 429 is waited for and tried again."""
    simulator, address = await serve_simulator()
    interaction = str(uuid4())
    simulator.next_token(status=503)
    simulator.next_metadata(interaction, status=401)
    simulator.next_metadata(interaction, status=429, retry_after_s=0)

    ended = await run_controller(address, "hold", interaction, *HOLD)

    assert ended.code == 0, ended.messages
    figures = simulator.statistics()
    assert (figures.token_requests, figures.tokens_issued) == (3, 2)
    assert figures.metadata_requests == 3


@pytest.mark.parametrize(
    ("faults", "secret", "words"),
    [
        (None, "wrong", "refused the credentials"),
        (TokenFaults(scopes=("interaction:read",)), "good", "lacks the scope interaction:control"),
    ],
)
async def test_not_authorized(
    serve_simulator: Serve,
    run_controller: Run,
    faults: TokenFaults | None,
    secret: str,
    words: str,
) -> None:
    """A wrong secret and a missing scope are refused before a control socket opens."""
    simulator, address = await serve_simulator(Faults(token=faults or TokenFaults()))

    ended = await run_controller(address, "hold", str(uuid4()), *HOLD, secret=secret)

    assert ended.code == 3
    assert words in ended.messages
    assert simulator.statistics().upgrades == 0


async def test_metadata_needs_its_scope(serve_simulator: Serve, run_controller: Run) -> None:
    """Without `interaction:read` a command fails with 403, although the socket is open."""
    faults = Faults(token=TokenFaults(scopes=("interaction:control",)))
    simulator, address = await serve_simulator(faults)

    ended = await run_controller(address, "hold", str(uuid4()), *HOLD)

    assert (ended.code, ended.result["outcome"]) == (3, "unavailable")
    assert "interaction:read" in ended.messages
    assert simulator.statistics().commands == 0


async def test_sockets_that_close_are_opened_again(
    serve_simulator: Serve, run_controller: Run
) -> None:
    """A client that reconnects finds its way back; what was under way is unknown to it."""
    faults = Faults(sockets=SocketFaults(close_every=10, abrupt=False))
    simulator, address = await serve_simulator(faults)

    ended = await run_controller(address, "bench", "--pairs=20", "--concurrency=1")

    assert ended.code == 1
    assert ended.result["commands"] == 40
    assert ended.result["ok"] >= 30
    assert simulator.statistics().upgrades >= 4
    assert simulator.statistics().invalid_commands == 0
