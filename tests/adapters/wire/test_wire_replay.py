"""Wire recordings, played to the real adapter and engine."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from tests.support.wired import Story, busy_day, record_session
from tests.support.world import make_settings
from trio.testing import MockClock

from hookflash.adapters.simulator import (
    AckFaults,
    EndpointFaults,
    EndpointRefusal,
    Faults,
    ForeignFaults,
    FrameFaults,
    Simulator,
    SocketFaults,
)
from hookflash.adapters.wire.lines import read_line
from hookflash.adapters.wire.playing import Troubles, replay_wire
from hookflash.adapters.wire.playing.replaying import SETTLE_S
from hookflash.adapters.wire.playing.session import PATIENCE_US
from hookflash.engine.controller import Controller
from hookflash.machines.errors import HookflashError, MalformedRecord
from hookflash.machines.lines import dump_line
from hookflash.machines.policy import HoldPolicy

CALL = "11111111-1111-4111-8111-111111111111"
SESSIONS = Path(__file__).parent / "sessions"
FAULTS = Faults(
    acks=AckFaults(lost=0.1, late=0.1, duplicate=0.1, unexecuted=0.05),
    frames=FrameFaults(garbage=0.1),
    metadata=EndpointFaults(slow=0.1, refusals=(EndpointRefusal(status=503, share=0.1),)),
    sockets=SocketFaults(close_every=15),
    foreign=ForeignFaults(hold=0.05, unhold=0.05, close=0.02),
)


def record(path: Path, story: Story, **options: Any) -> Path:
    """Record a session on virtual time."""

    async def main() -> None:
        await record_session(path, story, **options)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return path


async def held_and_released(controller: Controller, _: Simulator) -> None:
    """One hold, one unhold."""
    await controller.hold(CALL, reason="queueing", priority=5, music="default")
    await trio.sleep(30)
    await controller.unhold(CALL, priority=7)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def rewritten(path: Path, lines: list[dict[str, Any]]) -> Path:
    """Write *lines* anew, with their numbers and checksums."""
    for n, line in enumerate(lines):
        line.pop("sum", None)
        if n:
            line["n"] = n
    path.write_bytes(b"".join(dump_line(line, "x") for line in lines))
    return path


@pytest.mark.parametrize("seed", range(4))
def test_a_day_with_faults_is_the_same_again(tmp_path: Path, seed: int) -> None:
    """Lost and late answers, cut sockets, refused lookups, agents: it comes out as before."""
    settings = make_settings(HoldPolicy(limit_s=60))
    path = record(
        tmp_path / "day.jsonl", busy_day(12, seed), settings=settings, faults=FAULTS, seed=seed
    )
    verdict = replay_wire(path)
    assert verdict.differences == ()
    assert verdict.same
    kinds = [line["kind"] for line in lines_of(path)]
    assert verdict.counts["frames"] == kinds.count("sent") > 12
    assert verdict.counts["messages"] == kinds.count("received")
    assert verdict.counts["requests"] == kinds.count("asked")
    assert verdict.counts["commands"] == kinds.count("command")
    assert verdict.counts["interactions"] == 12
    assert verdict.seconds > 60


@pytest.mark.parametrize(
    "troubles",
    [
        Troubles(lose_answers=0.3),
        Troubles(late_answers=6.0),
        Troubles(repeat_answers=0.5, garbage=0.5),
        Troubles(close_after=4),
        Troubles(lose_answers=0.3, late_answers=2.0, close_after=9, lose_lookups=0.3),
        Troubles(lose_answers=1.0),
    ],
    ids=["lost", "late", "repeated", "cut", "all", "silence"],
)
def test_nobody_is_forgotten_whatever_goes_wrong(tmp_path: Path, troubles: Troubles) -> None:
    """With faults in between each command ends once, and the engine is right in the end."""
    path = record(tmp_path / "day.jsonl", busy_day(10, 5), seed=5)
    verdict = replay_wire(path, troubles=troubles, seed=1)
    assert (verdict.wrong, verdict.unended) == ((), ())
    assert verdict.counts["faults"] > 0
    assert verdict.seed == 1
    assert verdict.same
    again = replay_wire(path, troubles=troubles, seed=1)
    assert again == verdict


def test_an_engine_that_is_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If doubts were never looked up, the verdict with lost answers would not be clean."""
    from hookflash.adapters.genesys.interaction.metadata import Metadata  # noqa: PLC0415 - patched

    path = record(tmp_path / "day.jsonl", busy_day(10, 5), seed=5)
    before = replay_wire(path, troubles=Troubles(lose_answers=1.0))
    assert before.same

    async def never(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    for name in ("look_up", "fetch", "ask"):
        if hasattr(Metadata, name):
            monkeypatch.setattr(Metadata, name, never)
    verdict = replay_wire(path, troubles=Troubles(lose_answers=1.0))
    assert not verdict.same


def test_a_gateway_s_recording_is_played_too(tmp_path: Path) -> None:
    """Its commands are guessed from frames; the engine knows in the end who is on hold."""
    record(
        tmp_path / "client.jsonl", busy_day(8, 2), seed=2, gateway_path=tmp_path / "gateway.jsonl"
    )
    verdict = replay_wire(tmp_path / "gateway.jsonl")
    assert verdict.same
    assert verdict.guessed
    assert "each new frame counts as a command" in verdict.notes[-1]
    assert verdict.counts["commands"] == 0
    assert verdict.counts["frames"] > 8


def test_a_repeated_unhold_of_a_gateway_s_recording_is_no_new_command(tmp_path: Path) -> None:
    """A client that lost the acknowledgement sends it again by itself."""
    faults = Faults(acks=AckFaults(unexecuted=1.0))

    async def story(controller: Controller, simulator: Simulator) -> None:
        simulator.put(CALL, state="held", held_for_s=5.0)
        with pytest.raises(HookflashError):
            await controller.unhold(CALL, priority=5)

    path = tmp_path / "gateway.jsonl"
    record(tmp_path / "client.jsonl", story, faults=faults, gateway_path=path)
    sent = [line for line in lines_of(path) if line["kind"] == "sent"]
    assert len(sent) == 2
    assert replay_wire(path).same
    assert replay_wire(tmp_path / "client.jsonl").differences == ()


# --- what differs ---------------------------------------------------------------------------------


def changed(tmp_path: Path, change: Any) -> Any:
    path = record(tmp_path / "day.jsonl", held_and_released)
    lines = lines_of(path)
    change(lines)
    return replay_wire(rewritten(path, lines))


def first(lines: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(line for line in lines if line["kind"] == kind)


def test_another_frame_is_named(tmp_path: Path) -> None:
    """With both sides, and the line of the recording."""

    def change(lines: list[dict[str, Any]]) -> None:
        first(lines, "sent")["frame"]["body"]["priority"] = 3

    (difference,) = changed(tmp_path, change).differences
    assert (difference.interaction_id, difference.what, difference.number) == (CALL, "frames", 1)
    assert '"priority":3' in difference.recorded
    assert '"priority":5' in difference.now
    assert difference.line > 1


def test_another_outcome_is_named(tmp_path: Path) -> None:
    """An answer that says something else has another outcome."""

    def change(lines: list[dict[str, Any]]) -> None:
        first(lines, "received")["frame"]["body"] = {
            "type": "error",
            "interactionId": CALL,
            "code": 409,
            "state": "active",
        }

    found = {one.what: one for one in changed(tmp_path, change).differences}
    assert found["outcomes"].recorded == "hold: confirmed, held"
    assert found["outcomes"].now == "hold: refused, active"
    assert found["frames"].now is None, "the unhold is not sent: nobody is on hold"


def test_a_lost_answer_is_named(tmp_path: Path) -> None:
    """Without it the outcome is looked up, which nothing was recorded of."""

    def change(lines: list[dict[str, Any]]) -> None:
        lines.remove(first(lines, "received"))

    found = {one.what: one for one in changed(tmp_path, change).differences}
    assert (found["lookups"].recorded, found["lookups"].now) == (None, "status 200")


def test_what_the_client_did_not_do_is_waited_for_and_named(tmp_path: Path) -> None:
    """A frame that was recorded and is not sent now, and what was answered to it."""

    def change(lines: list[dict[str, Any]]) -> None:
        lines.remove([line for line in lines if line["kind"] == "command"][1])

    verdict = changed(tmp_path, change)
    found = {one.what: one for one in verdict.differences}
    assert found["frames"].now is None
    assert found["outcomes"].recorded == "unhold: confirmed, active"
    assert found["outcomes"].now is None
    assert PATIENCE_US < SETTLE_S * 1_000_000


def test_a_change_of_the_policy_is_seen(tmp_path: Path) -> None:
    """Under a shorter limit the caller is released by it."""

    def change(lines: list[dict[str, Any]]) -> None:
        lines[0]["policy"]["limit_s"] = 10.0

    found = {one.what: one for one in changed(tmp_path, change).differences}
    assert found["frames"].now == '{"type":"unhold","priority":9}'
    assert found["outcomes"].now == "unhold by the limit: confirmed, active"


# --- what happens to a connection -----------------------------------------------------------------


def test_connections_fail_as_they_did(tmp_path: Path) -> None:
    """Refused and lost attempts, refused tokens, and a socket that the gateway closes."""

    async def story(controller: Controller, simulator: Simulator) -> None:
        await controller.hold(CALL, reason="queueing", priority=5)
        simulator.next_upgrade(status=503)
        simulator.next_upgrade(connection_lost=True)
        simulator.close_sockets(code=1012)
        await trio.sleep(60)
        simulator.stop_accepting()
        simulator.close_sockets(abrupt=True)
        await trio.sleep(20)
        simulator.resume()
        await trio.sleep(90)
        await controller.unhold(CALL, priority=5)

    path = record(tmp_path / "day.jsonl", story)
    kinds = [line["kind"] for line in lines_of(path)]
    assert {"refused", "failed", "closed"} <= set(kinds)
    verdict = replay_wire(path)
    assert verdict.differences == ()


def test_a_session_without_any_connection(tmp_path: Path) -> None:
    """Nothing was ever answered; the command ends as it did."""

    async def story(controller: Controller, simulator: Simulator) -> None:
        simulator.stop_accepting()
        with pytest.raises(HookflashError):
            await controller.hold(CALL, reason="queueing", priority=5)

    path = record(tmp_path / "day.jsonl", story)
    assert replay_wire(path).differences == ()


def test_commands_whose_words_were_not_kept_are_left_out(tmp_path: Path) -> None:
    """With a note that names the line."""
    policy = HoldPolicy(reasons=("call +49 171 5550123",))

    async def story(controller: Controller, _: Simulator) -> None:
        with pytest.raises(HookflashError):
            await controller.hold(CALL, reason="nonsense", priority=5)
        await controller.unhold(CALL, priority=5)

    path = record(tmp_path / "day.jsonl", story, settings=make_settings(policy))
    lines = lines_of(path)
    first(lines, "command")["reason"] = "?text 16"
    verdict = replay_wire(rewritten(path, lines))
    assert any("the command is not given" in note for note in verdict.notes)


def test_interactions_of_an_earlier_run_are_known(tmp_path: Path) -> None:
    """Their limit goes on where it was."""
    path = record(tmp_path / "day.jsonl", held_and_released)
    lines = lines_of(path)
    begun = lines[0]["created"]
    timers = [
        {"name": name, "owner": "id-1", "due_at": f"2026-01-10T13:0{minute}:00.000000Z"}
        for name, minute in (("warning", 1), ("limit", 2))
    ]
    hold = {
        "id": "id-1",
        "since": begun,
        "limit_at": timers[1]["due_at"],
        "on_limit": "release",
        "foreign": False,
        "watched": False,
        "reason": None,
        "limit_passed": False,
        "alarms": 0,
    }
    data: dict[str, Any] = {
        "changed_at": begun,
        "hold": hold,
        "earlier": [],
        "skill_group_id": "sg-1",
    }
    data |= {"failed_lookups": 0}
    known: dict[str, Any] = {
        "n": 1,
        "kind": "known",
        "at": begun,
        "interaction": {"id": CALL, "state": "held", "data": data, "timers": timers},
    }
    end = evolve_at(lines[-1], "2026-01-10T13:05:00.000000Z")
    verdict = replay_wire(rewritten(path, [lines[0], known, end]))
    found = {one.what: one for one in verdict.differences}
    assert found["outcomes"].now == "unhold by the limit: confirmed, active"


def evolve_at(line: dict[str, Any], at: str) -> dict[str, Any]:
    return {**line, "at": at, "dropped": 0}


def test_at_a_speed_of_its_own(tmp_path: Path) -> None:
    """Time passes as it did, only faster: the verdict is the same."""
    path = record(tmp_path / "day.jsonl", held_and_released)
    assert replay_wire(path, speed=1_000.0) == replay_wire(path)


def test_settings_that_make_no_sense_name_their_line(tmp_path: Path) -> None:
    """A header that somebody changed is an error, not a crash."""

    def wrong(settings: Any) -> Any:
        def change(lines: list[dict[str, Any]]) -> None:
            lines[0] |= settings

        return change

    for change in ({"settings": {"throttle": {"max_in_flight": "many"}}}, {"policy": {"x": 1}}):
        with pytest.raises(MalformedRecord, match="line 1"):
            changed(tmp_path, wrong(change))


# --- a recorded session as a test -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["lost-acknowledgement", "agents"])
def test_recorded_sessions_come_out_as_they_did(name: str) -> None:
    """Sessions of an earlier version are played by this one."""
    verdict = replay_wire(SESSIONS / f"{name}.jsonl")
    assert verdict.differences == ()
    assert verdict.notes == ()


def test_what_is_recorded_can_be_read_line_by_line() -> None:
    """Each line of a recorded session stands for itself."""
    for path in SESSIONS.glob("*.jsonl"):
        for n, line in enumerate(path.read_bytes().splitlines(keepends=True)):
            if n:
                assert evolve(read_line(line, n, "x")) == read_line(line, n, "x")
