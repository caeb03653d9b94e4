"""Playing a script: the gateway's part through the player, the commands through the controller."""

from typing import Any, Final, final

import trio
import trio.lowlevel

from hookflash.adapters.wire.entries import (
    Answered,
    Closed,
    CommandGiven,
    Opened,
    OpeningFailed,
    OpeningRefused,
    Received,
    Unanswered,
)
from hookflash.adapters.wire.placeholders import restored
from hookflash.adapters.wire.playing.player import LiveSocket, Player, made_garbage
from hookflash.adapters.wire.playing.script import CLIENT_SIDE, Cue, Script
from hookflash.adapters.wire.playing.troubles import Mischief, Troubles
from hookflash.engine.controller import Controller
from hookflash.machines.errors import HookflashError

PATIENCE_US: Final = 30_000_000
"""How much later than recorded the client may do something before it counts as not done."""

_NO_STATES: Final = frozenset({"closed", "abandoned", "not_found"})


@final
class Session:
    """Plays one script.

    The gateway does things at their recorded times, or later where the client is later with what
    they answer: everything comes after what was recorded before it.

    Args:
        script: What is to happen.
        player: The gateway's side.
        controller: The client, through which commands are given.
        troubles: What goes wrong beside it.
        seed: Decides when.
        nursery: Where commands wait for their outcomes.

    Attributes:
        missing: What the client did not do, in order.
        mischief: Draws what goes wrong.
    """

    def __init__(  # noqa: PLR0917 - its parts
        self,
        script: Script,
        player: Player,
        controller: Controller,
        troubles: Troubles,
        seed: int,
        nursery: trio.Nursery,
    ) -> None:
        self._script = script
        self._player = player
        self._controller = controller
        self._nursery = nursery
        self._late_us = 0
        self.mischief = Mischief(troubles, seed)
        self.missing: list[Cue] = []

    async def run(self) -> None:
        """Play all of it; returns when the last thing has happened."""
        for cue in self._script.cues:
            if isinstance(cue.entry, CLIENT_SIDE):
                await self._expect(cue)
                continue
            await self._player.wait_until(cue.at + self._late_us)
            await self._do(cue)

    async def _expect(self, cue: Cue) -> None:
        arrived = await self._player.arrival_of(cue, cue.at + self._late_us + PATIENCE_US)
        if arrived is None:
            self._player.expected.give_up(cue)
            self.missing.append(cue)
        else:
            self._late_us = max(0, arrived - cue.at)

    async def _do(self, cue: Cue) -> None:
        player = self._player
        match cue.entry:
            case CommandGiven() as entry:
                self._nursery.start_soon(self._give, entry)
            case Opened(conn=conn):
                player.decide_socket(conn, None)
            case OpeningFailed(problem="cancelled"):
                pass  # the client gave it up by itself, and will again
            case OpeningRefused(conn=conn) | OpeningFailed(conn=conn) as entry:
                player.decide_socket(conn, entry)
            case Received() as entry:
                await self._send(entry)
            case Closed() as entry:
                self._close(cue.index, entry)
            case Answered() as entry:
                self._answer(entry)
            case Unanswered(exchange=exchange):
                player.decide_exchange(exchange, None)
            case _:
                pass  # what the engine made of it, which is compared at the end

    async def _give(self, entry: CommandGiven) -> None:
        """Give a command and wait for its outcome, which the recorder writes down."""
        actor = "caller" if entry.actor == "caller" else "replay"
        priority = 0 if entry.priority is None else entry.priority
        try:
            if entry.action == "hold":
                await self._controller.hold(
                    entry.interaction,
                    reason=entry.reason or "",
                    priority=priority,
                    music=restored(entry.music),
                    prompt=restored(entry.prompt),
                    actor=actor,
                )
            else:
                await self._controller.unhold(
                    entry.interaction, priority=priority, force=entry.force, actor=actor
                )
        except HookflashError:
            pass  # its outcome as well

    def _answer(self, entry: Answered) -> None:
        live = self._player.exchange_of(entry.exchange)
        if live is not None and live.interaction_id:
            self._player.truth.told(live.interaction_id, entry.status, entry.body)
            if self.mischief.loses_lookup():
                self._player.refuse_exchange(entry.exchange, 503)
                return
        self._player.decide_exchange(entry.exchange, entry)

    async def _send(self, entry: Received) -> None:
        if entry.frame is not None:
            self._player.truth.heard(entry.frame)
        live = self._player.socket_of(entry.conn)
        if live is None or not await _is_open(live):
            return
        socket = live.socket
        assert socket is not None, "an open one has it"  # noqa: S101
        if entry.garbage is not None:
            socket.push(made_garbage(entry.garbage))
            return
        text = None if entry.frame is None else self._player.frame_for(entry.frame)
        if text is None:
            return
        if self.mischief.brings_garbage():
            socket.push("{]")
        if "correlationId" in (entry.frame or {}):
            late_s = self.mischief.late_s()
            for _ in range(self.mischief.copies()):
                socket.push(text, late_s)
        else:
            socket.push(text)
        live.messages += 1
        if self.mischief.cuts_after(live.messages):
            await trio.lowlevel.checkpoint()
            socket.close(abrupt=True)

    def _close(self, index: int, entry: Closed) -> None:
        live = self._player.socket_of(entry.conn)
        if live is None or live.socket is None or live.conn != entry.conn:
            return
        if entry.by == "gateway":
            live.socket.close(abrupt=False, code=entry.code or 1001)
        elif entry.by == "lost" or index < self._script.last_opening:
            # A client that left and came back had its reasons, which are not on the wire.
            live.socket.close(abrupt=True)


async def _is_open(live: LiveSocket) -> bool:
    """Wait until an attempt that is to succeed has; False where it is over already."""
    if not live.decided.is_set() or live.answer is not None or live.over:
        return False
    with trio.move_on_after(5):
        await live.opened.wait()
    return live.opened.is_set()


def wrong_beliefs(controller: Controller, truth: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return where the engine is wrong about who is on hold: interaction, truth, belief.

    A caller who is on hold and of whom nobody knows is one of them; whom the gateway has as not on
    hold, and the engine as held, is another.
    """
    wrong: list[tuple[str, str, str]] = []
    for interaction_id, state in sorted(truth.items()):
        snapshot: Any = controller.interaction(interaction_id)
        if snapshot is None and state == "held":
            wrong.append((interaction_id, state, "unknown"))
        if snapshot is None or snapshot.pending is not None:
            continue
        is_held, held_here = state == "held", snapshot.state in {"held", "expired"}
        if is_held != held_here and not (state in _NO_STATES and snapshot.state == "closed"):
            wrong.append((interaction_id, state, snapshot.state))
    return wrong
