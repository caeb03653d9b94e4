"""The blocking facade: from plain code, from several threads, and from an asyncio program."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.simulator_thread import simulator_in_thread

import hookflash


def test_hold_and_unhold_from_plain_code(tmp_path: Path) -> None:
    """Blocking calls give what the trio calls give; monitors and figures work."""
    told: list[str] = []
    with (
        simulator_in_thread(tmp_path / "tls") as live,
        hookflash.blocking.open_controller(live.settings(tmp_path)) as controller,
    ):
        controller.wait_connected(10)
        controller.add_monitor(lambda payload: told.append(payload["event"]))
        call = str(uuid4())
        held = controller.hold(call, reason="consultation", priority=5)
        snapshot = controller.interaction(call)
        assert snapshot is not None
        assert "held" == held.state == snapshot.state == controller.look_up(call).state
        assert [call] == [one.id for one in controller.interactions()]
        assert "confirmed" == controller.unhold(call, priority=5).outcome
        assert 2 == controller.metrics().attempts
    assert ["hold", "unhold"] == told


def test_errors_reach_the_caller_as_they_are(tmp_path: Path) -> None:
    """No exception group, no wrapper: the error that was raised."""
    with (
        simulator_in_thread(tmp_path / "tls") as live,
        hookflash.blocking.open_controller(live.settings(tmp_path)) as controller,
        pytest.raises(hookflash.InvalidCommand, match="0 to 9"),
    ):
        controller.hold(str(uuid4()), reason="consultation", priority=99)


def test_an_error_in_the_context_is_not_wrapped(tmp_path: Path) -> None:
    """What the program raises inside the context leaves it unchanged."""
    with (
        simulator_in_thread(tmp_path / "tls") as live,
        pytest.raises(KeyError, match="mine"),
        hookflash.blocking.open_controller(live.settings(tmp_path)),
    ):
        raise KeyError("mine")


def test_many_threads_share_one_controller(tmp_path: Path) -> None:
    """Calls from several threads are carried out side by side."""
    with (
        simulator_in_thread(tmp_path / "tls") as live,
        hookflash.blocking.open_controller(live.settings(tmp_path)) as controller,
        ThreadPoolExecutor(8) as pool,
    ):
        calls = [str(uuid4()) for _ in range(40)]

        def pair(call: str) -> str:
            controller.hold(call, reason="queueing", priority=1)
            return controller.unhold(call, priority=1).outcome

        assert {"confirmed"} == set(pool.map(pair, calls))
        assert 80 == live.commands()
    assert 1 == threading.active_count() or all(
        thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()
    )


def test_from_an_asyncio_program(tmp_path: Path) -> None:
    """An asyncio program calls through threads; its loop is never blocked."""

    async def program() -> list[str]:
        with hookflash.blocking.open_controller(live.settings(tmp_path)) as controller:
            results = await asyncio.gather(
                *(
                    asyncio.to_thread(controller.hold, str(uuid4()), reason="queueing", priority=2)
                    for _ in range(5)
                )
            )
            return [result.outcome for result in results]

    with simulator_in_thread(tmp_path / "tls") as live:
        assert ["confirmed"] * 5 == asyncio.run(program())
