"""The gateway behind the wire: commands meet the world, faults and scripts. It never waits."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Protocol

import orjson
import trio

from hookflash.adapters.simulator.chance import AckPlan, Chance
from hookflash.adapters.simulator.commands import (
    Command,
    InvalidFrame,
    parse_command,
    refusal,
    state_update,
    success,
)
from hookflash.adapters.simulator.faults import Faults, GarbageKind
from hookflash.adapters.simulator.scripts import Scripts
from hookflash.adapters.simulator.tokens import TokenDesk
from hookflash.adapters.simulator.world import Refused, World, iso_time

COMMANDS_KEPT: Final = 10_000
"""How many received commands are kept for tests to look at."""


class Peer(Protocol):
    """A control socket, as far as the gateway needs one."""

    commands: int

    def push(self, frame: str | bytes, delay_s: float = 0.0) -> None:
        """Send a frame, so many seconds later."""
        ...

    def close(self, *, abrupt: bool) -> None:
        """End the socket."""
        ...

    def freeze(self, for_s: float) -> None:
        """Let the socket hang for so many seconds."""
        ...


class WallClock:
    """The time of day, moved by trio's clock: a mock clock moves it too.

    Args:
        started_at: The time of day at first use; None takes the real one.
    """

    def __init__(self, started_at: datetime | None = None) -> None:
        self._started_at_s = None if started_at is None else started_at.timestamp()
        self._offset_s: float | None = None

    def now_s(self) -> float:
        """Seconds since the epoch. Must be called under trio."""
        if self._offset_s is None:
            started_at_s = time.time() if self._started_at_s is None else self._started_at_s
            self._offset_s = started_at_s - trio.current_time()
        return self._offset_s + trio.current_time()


class Gateway:
    """Everything about the gateway that is not bytes.

    Args:
        faults: What goes wrong.
        seed: Decides when it does.
        ack_delay_s: How long every answer to a command takes, in seconds.
        started_at: The time of day at the start; None takes the real one.
    """

    def __init__(
        self, faults: Faults, seed: int, *, ack_delay_s: float, started_at: datetime | None
    ) -> None:
        self.world = World()
        self.desk = TokenDesk()
        self.scripts = Scripts()
        self.clock = WallClock(started_at)
        self.ack_delay_s = ack_delay_s
        self.peers: dict[Peer, None] = {}
        self.received: deque[Command] = deque(maxlen=COMMANDS_KEPT)
        self._withheld: dict[str, list[tuple[Peer, str, int]]] = {}
        self._happened: trio.Event | None = None
        self._interactions_put = False
        self.use_faults(faults, seed)

    def use_faults(self, faults: Faults, seed: int) -> None:
        """Misbehave differently from now on; interactions that are listed are set anew."""
        self.faults = faults
        self.chance = Chance(faults, seed)
        self._hold_reasons = frozenset(faults.commands.hold_reasons)
        foreign = faults.foreign
        self._foreign_shares = (foreign.hold, foreign.unhold, foreign.close)
        self._interactions_put = False

    def ready(self) -> World:
        """The world, with the listed interactions in it. Must be called under trio."""
        if not self._interactions_put:
            self._interactions_put = True
            now_s = self.clock.now_s()
            for setting in self.faults.interactions:
                self.world.put(
                    setting.id,
                    now_s=now_s,
                    state=setting.state,
                    org_id=setting.org_id,
                    skill_group_id=setting.skill_group_id,
                    skill_group_name=setting.skill_group_name,
                    held_for_s=setting.held_for_s,
                    unknown=setting.unknown,
                )
        return self.world

    # --- what happens is told to whoever waits for it ---------------------------------------------

    def happened(self) -> None:
        """Wake those who wait in `something`."""
        if self._happened is not None:
            self._happened.set()
            self._happened = None

    async def something(self) -> None:
        """Wait until anything happens at the gateway."""
        if self._happened is None:
            self._happened = trio.Event()
        await self._happened.wait()

    # --- sockets ----------------------------------------------------------------------------------

    def on_frame(self, socket: Peer, frame: str | bytes) -> None:
        """Take a frame from a control socket, carry it out and answer."""
        world = self.ready()
        try:
            command = parse_command(frame, self._hold_reasons)
        except InvalidFrame as problem:
            world.counts["invalid_commands"] += 1
            extra = {"code": 400, "message": problem.message}
            socket.push(refusal(problem.correlation_id, extra), self.ack_delay_s)
            self.happened()
            return
        world.note_correlation(command.correlation_id)
        self.received.append(command)
        socket.commands += 1
        plan = self.chance.ack()
        garbage = self.chance.garbage()
        foreign = [self.chance.happens(share) for share in self._foreign_shares]
        plan = self.scripts.take_ack(command.interaction_id) or plan
        if garbage is not None:
            self._send_garbage(socket, garbage)
        self._carry_out(socket, command, plan)
        if True in foreign:
            self._act_as_somebody_else(command.interaction_id, foreign)
        self._misbehave_as_socket(socket)
        self.happened()

    def on_overflow(self) -> None:
        """Count a socket whose client does not read."""
        self.world.counts["sockets_overflowed"] += 1

    def on_undelivered(self, count: int) -> None:
        """Count frames whose socket was gone before they could leave."""
        self.world.counts["acks_undeliverable"] += count

    def release(self, interaction_id: str) -> int:
        """Send the answers that were withheld for an interaction; returns how many there were."""
        released = self._withheld.pop(interaction_id.lower(), [])
        for socket, answer, copies in released:
            for _ in range(copies):
                socket.push(answer)
        return len(released)

    def change(self, interaction_id: str, state: str) -> bool:
        """Let somebody else change a state, and tell all open sockets; False changed nothing."""
        if not self.ready().change(interaction_id, state, self.clock.now_s()):
            return False
        self._tell(interaction_id, self.peers)
        self.happened()
        return True

    def _carry_out(self, socket: Peer, command: Command, plan: AckPlan) -> None:
        world, counts = self.world, self.world.counts
        interaction_id = command.interaction_id
        if plan.unexecuted:
            counts["commands_unexecuted"] += 1
            return
        if plan.refused is not None:
            counts["commands_refused"] += 1
            state = world.state_of(interaction_id) if plan.with_state else None
            extra = plan.refused
        else:
            before = world.state_of(interaction_id) if len(self.peers) > 1 else None
            result = world.execute(command, self.clock.now_s())
            if not isinstance(result, Refused):
                if before is not None and before != result:
                    self._tell(interaction_id, [peer for peer in self.peers if peer is not socket])
                if plan.wrong_type is not None:
                    counts["acks_wrong_type"] += 1
                elif not plan.lost:
                    counts["acks"] += plan.copies
                self._answer(socket, command, success(command, result, plan.wrong_type), plan)
                return
            state = result.state
            extra = {"code": result.code, "message": result.message}
        answer = refusal(command.correlation_id, extra, interaction_id=interaction_id, state=state)
        self._answer(socket, command, answer, plan)

    def _answer(self, socket: Peer, command: Command, answer: str, plan: AckPlan) -> None:
        counts = self.world.counts
        if plan.lost:
            counts["acks_lost"] += 1
            return
        if plan.copies > 1:
            counts["acks_duplicated"] += plan.copies - 1
        if plan.withheld:
            counts["acks_withheld"] += 1
            waiting = self._withheld.setdefault(command.interaction_id.lower(), [])
            waiting.append((socket, answer, plan.copies))
            return
        if plan.delay_s > 0:
            counts["acks_late"] += 1
        for _ in range(plan.copies):
            socket.push(answer, self.ack_delay_s + plan.delay_s)

    def _tell(self, interaction_id: str, peers: Iterable[Peer]) -> None:
        interaction = self.world.interaction(interaction_id)
        since_s = interaction.held_since_s
        frame = state_update(
            interaction.id,
            interaction.state,
            None if since_s is None else iso_time(since_s),
            in_body=self.faults.frames.updates_in_body,
        )
        for peer in peers:
            self.world.counts["state_updates"] += 1
            peer.push(frame)

    def _act_as_somebody_else(self, interaction_id: str, drawn: list[bool]) -> None:
        for state, happens in zip(
            ("held", "active", self.faults.foreign.close_state), drawn, strict=True
        ):
            if happens:
                self.change(interaction_id, state)

    def _misbehave_as_socket(self, socket: Peer) -> None:
        sockets = self.faults.sockets
        if sockets.half_open_every and socket.commands % sockets.half_open_every == 0:
            self.world.counts["half_opens"] += 1
            socket.freeze(sockets.half_open_s)
        if sockets.close_every and socket.commands % sockets.close_every == 0:
            self.world.counts["sockets_closed_by_fault"] += 1
            socket.close(abrupt=sockets.abrupt)

    def _send_garbage(self, socket: Peer, kind: GarbageKind) -> None:
        self.world.counts["garbage_frames"] += 1
        socket.push(garbage_frame(kind, self.faults.frames.too_large_bytes))


def garbage_frame(kind: GarbageKind, too_large_bytes: int) -> str | bytes:
    """A frame that no protocol knows.

    Args:
        kind: In which way.
        too_large_bytes: Size of a `too_large` frame in bytes.
    """
    if kind == "binary":
        return bytes(range(256))
    if kind == "not_json":
        return '{"correlationId": "torn in the mid'
    if kind == "not_object":
        return '["correlationId", 1, null]'
    shape: dict[str, Any] = {"weather": {"state": "unknown shape"}}
    if kind == "too_large":
        shape["padding"] = ""
        shape["padding"] = "x" * max(0, too_large_bytes - len(orjson.dumps(shape)))
    return orjson.dumps(shape).decode()
