"""The victim: a program that embeds hookflash, gives commands, and is killed at any moment.

It imports everything, then waits for its plan on standard input, so that the harness can have the
next one ready: the restart after a kill takes no longer than the service itself needs. What it
knows goes to its diary, each line in one write to the file: that survives the kill.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, final

import orjson
import trio
from tests.crash.plan import Mode, Plan, calls_path, diary_path

from hookflash.adapters.command_line.logs import configure_logging
from hookflash.adapters.composition import open_controller
from hookflash.engine.controller import Controller
from hookflash.machines.errors import CommandError
from hookflash.machines.interaction import Action

SETTLE_S = 40.0
"""Longer than the longest chain of pauses of a victim's settings, by far."""

POLL_S = 0.02
PAUSE_S = 0.06
"""Mean pause between the bursts of a caller: monitors can follow, so that no queue overflows."""

QUIET_S = 0.3
"""How long nothing may be under way for a service to count as settled."""

LIMIT_AHEAD_US = 500_000
"""A service is not stopped as settled just before a limit passes."""


class Unsettled(Exception):
    """Something was still under way after the longest time that it may take."""


def say(line: str) -> None:
    """Tell the harness something."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


@final
class Lines:
    """A file of JSON lines that survives the kill: one write per line, at the end of the file."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, fields: Mapping[str, Any]) -> None:
        os.write(self._fd, orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE))


@final
class Victim:
    """One life."""

    def __init__(self, plan: Plan, controller: Controller, diary: Lines) -> None:
        self._plan = plan
        self._controller = controller
        self._diary = diary
        self._chance = Random(plan.seed)
        self._commands = 0

    def note(self, what: str, **more: Any) -> None:
        self._diary.write({"what": what, "at": time.time_ns() // 1000, **more})

    def note_open(self) -> None:
        """Write down what the service knows before it does anything: what it recovered."""
        known = [
            [one.id, one.state, one.held_since, one.limit_at, one.pending]
            for one in self._controller.interactions()
        ]
        self.note("open", now=self._controller.now(), known=known)

    async def live(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._note_connection)
            modes: dict[Mode, Callable[[], Any]] = {
                "storm": self._storm,
                "settle": self._settle,
                "drain": self._drain,
                "hold": self._hold_all,
                "watch": trio.sleep_forever,
            }
            await modes[self._plan.mode]()
            nursery.cancel_scope.cancel()

    async def _note_connection(self) -> None:
        await self._controller.wait_connected()
        self.note("connected")

    # --- a storm of commands ----------------------------------------------------------------------

    async def _storm(self) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(self._plan.concurrency):
                nursery.start_soon(self._worker)

    async def _worker(self) -> None:
        chance = self._chance
        while True:
            for _ in range(chance.randrange(1, 6)):
                await self._one_command()
            await trio.sleep(chance.expovariate(1 / PAUSE_S))

    async def _one_command(self) -> None:
        chance, plan = self._chance, self._plan
        kind = chance.random()
        call = chance.choice(plan.ours)
        if kind < 0.45:
            await self.command("hold", call, reason="queueing", deadline_s=self._deadline())
        elif kind < 0.90:
            force = chance.random() < 0.5
            await self.command("unhold", call, force=force, deadline_s=self._deadline())
        elif kind < 0.93:
            await self.command("hold", call, reason="lunch", deadline_s=None)
        elif kind < 0.96:
            await self.command("unhold", chance.choice(plan.touched), force=True, deadline_s=None)
        elif kind < 0.99:
            with trio.move_on_after(chance.uniform(0.0, 0.02)):
                await self.command("hold", call, reason="queueing", deadline_s=None)
        else:
            await self._crowd(call)

    async def _crowd(self, call: str) -> None:
        """More commands for one interaction than may wait: some are refused as busy."""

        async def one(action: Action, **options: Any) -> None:
            await self.command(action, call, **options)

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(partial(one, "hold", reason="queueing"))
                nursery.start_soon(partial(one, "unhold", force=True))

    def _deadline(self) -> float | None:
        return self._chance.choice([None, 30.0, 0.2, 0.01])

    async def command(self, action: Action, call: str, **options: Any) -> None:
        number = self._commands = self._commands + 1
        priority = self._chance.randrange(10)
        self.note("start", n=number, id=call, action=action)
        try:
            if action == "hold":
                result = await self._controller.hold(call, priority=priority, **options)
            else:
                result = await self._controller.unhold(call, priority=priority, **options)
        except CommandError as error:
            self.note("end", n=number, outcome=error.outcome, correlation=error.correlation_id)
        else:
            self.note("end", n=number, outcome=result.outcome, correlation=result.correlation_id)

    # --- the end of a round -----------------------------------------------------------------------

    async def _settle(self) -> None:
        """Ask about those that somebody else changed; then wait until nothing is under way."""
        await self._controller.wait_connected()
        async with trio.open_nursery() as nursery:
            for call in self._plan.touched:
                nursery.start_soon(partial(self.command, "unhold", call, force=True))
        await self._until(self._is_settled)

    async def _drain(self) -> None:
        """Decide about those past their limit; the limit releases the others."""
        await self._controller.wait_connected()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until, self._is_drained)
            while not self._is_drained():
                for one in self._controller.interactions():
                    if one.state == "expired" and one.pending is None:
                        await self.command("unhold", one.id, force=True)
                await trio.sleep(POLL_S)

    def _is_settled(self) -> bool:
        now = self._controller.now()
        return not any(
            one.pending is not None
            or (
                one.limit_at is not None
                and one.state == "held"
                and one.limit_at < now + LIMIT_AHEAD_US
            )
            for one in self._controller.interactions()
        )

    def _is_drained(self) -> bool:
        return not any(
            one.pending is not None or one.held_since is not None
            for one in self._controller.interactions()
        )

    async def _until(self, is_so: Callable[[], bool]) -> None:
        quiet_s = 0.0
        with trio.move_on_after(SETTLE_S):
            while quiet_s < QUIET_S:
                await trio.sleep(POLL_S)
                quiet_s = quiet_s + POLL_S if is_so() else 0.0
            self.note("settled")
            return
        self.note("unsettled", known=[repr(one) for one in self._controller.interactions()][:20])
        raise Unsettled

    # --- many holds -------------------------------------------------------------------------------

    async def _hold_all(self) -> None:
        calls = iter(self._plan.ours)

        async def hold_some() -> None:
            for call in calls:
                await self.command("hold", call, reason="queueing", deadline_s=None)

        async with trio.open_nursery() as nursery:
            for _ in range(self._plan.concurrency):
                nursery.start_soon(hold_some)
        self.note("all_held")
        say("all held")
        await trio.sleep_forever()


async def live(plan: Plan) -> None:
    """Open the service on its files and live as planned."""
    folder = Path(plan.folder)
    diary = Lines(diary_path(folder, plan.life))
    calls = Lines(calls_path(folder, plan.life))
    diary.write({"what": "go", "at": time.time_ns() // 1000})

    async def monitor(payload: Mapping[str, Any]) -> None:
        calls.write(
            {key: payload[key] for key in ("effectId", "event", "outcome", "correlationId")}
        )

    async with open_controller(plan.settings, monitors=[monitor]) as controller:
        victim = Victim(plan, controller, diary)
        victim.note_open()
        await victim.live()
    diary.write({"what": "stopped", "at": time.time_ns() // 1000})


def main() -> None:
    """Wait for the plan, then live."""
    configure_logging(None, default="error")
    say("ready")
    line = sys.stdin.buffer.readline()
    if line:
        trio.run(live, Plan.from_line(line))


if __name__ == "__main__":
    main()
