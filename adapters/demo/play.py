"""The play: what callers, agents and the gateway do. What comes of it is the engine's affair."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, final

import trio

from hookflash.adapters.demo.cast import FREE, HOW_MANY, OUTAGE, Part, Role
from hookflash.adapters.demo.pace import Pace
from hookflash.adapters.simulator import Simulator
from hookflash.engine.controller import Controller
from hookflash.machines.errors import CommandError

Tell = Callable[[str], None]
"""Told, in a sentence, what somebody beside hookflash does."""

RESTING: Final = frozenset({"active", "closed"})


@final
class Play:
    """Plays a cast against a simulator through a controller.

    Args:
        controller: An open one.
        simulator: The gateway that it talks to.
        cast: Who plays.
        pace: How long things take.
        tell: Told what others do.

    Attributes:
        done: The interactions whose part is over.
    """

    def __init__(
        self,
        controller: Controller,
        simulator: Simulator,
        cast: tuple[Part, ...],
        pace: Pace,
        tell: Tell,
    ) -> None:
        self._controller = controller
        self._simulator = simulator
        self._cast = cast
        self._pace = pace
        self._tell = tell
        self.done: set[str] = set()
        roles: dict[Role, Callable[[Part], Awaitable[None]]] = {
            "ordinary": self._ordinary,
            "lost ack": self._lost_ack,
            "lost ack, unhold": self._lost_unhold_ack,
            "lost unhold": self._lost_unhold,
            "lost hold": self._lost_hold,
            "late ack": self._late_ack,
            "duplicate ack": self._duplicate_ack,
            "refused": self._refused,
            "released at limit": self._released_at_limit,
            "expires": self._expires,
            "foreign hold": self._foreign_hold,
            "foreign unhold": self._foreign_unhold,
            "hangs up": self._hangs_up,
            "denied group": self._not_eligible,
            "already over": self._already_over,
            "cut off": self._ordinary,
            "waits for socket": self._ordinary,
        }
        assert roles.keys() == HOW_MANY.keys(), "every role can be played"  # noqa: S101
        self._roles = roles

    def prepare(self) -> None:
        """Set the simulator's interactions up; it tells nobody."""
        for part in self._cast:
            state = "closed" if part.role == "already over" else "active"
            self._simulator.put(part.id, state=state, skill_group_id=part.skill_group)

    async def run(self) -> None:
        """Play both acts, with the loss of the socket between them, until all is quiet."""
        async with trio.open_nursery() as throughout:
            for part in self._cast:
                if part.role in FREE:
                    throughout.start_soon(self._play, part)
            await self._play_act(1)
            await self._lose_socket()
            await self._play_act(2)
        await self._quiet()

    async def _play_act(self, act: int) -> None:
        async with trio.open_nursery() as nursery:
            for part in self._cast:
                if part.act == act and part.role not in FREE | OUTAGE:
                    nursery.start_soon(self._play, part)

    async def _play(self, part: Part) -> None:
        await trio.sleep(part.start_s)
        await self._roles[part.role](part)
        self.done.add(part.id)

    async def _lose_socket(self) -> None:
        """Cut the socket while commands are under way, and give further ones while it is away."""
        under_way = [part for part in self._cast if part.role == "cut off"]
        later = [part for part in self._cast if part.role == "waits for socket"]
        simulator, controller = self._simulator, self._controller

        async def begin(part: Part) -> None:
            await self._roles[part.role](part)
            self.done.add(part.id)

        async with trio.open_nursery() as nursery:
            for part in under_way:
                simulator.next_ack(part.id, withheld=True)
                nursery.start_soon(begin, part)
            with trio.move_on_after(self._pace.patience_s):
                await simulator.until(lambda: all(simulator.received(one.id) for one in under_way))
            self._tell("the gateway cuts the control socket while commands are under way")
            simulator.close_sockets(abrupt=True)
            await self._until(lambda: controller.link_state != "connected")
            for part in later:
                nursery.start_soon(begin, part)
            await self._until(lambda: controller.link_state == "connected")

    async def _quiet(self) -> None:
        """Wait until no command is under way and engine and gateway agree; bounded."""

        def is_quiet() -> bool:
            for part in self._cast:
                known = self._controller.interaction(part.id)
                if known is None or known.pending is not None:
                    return False
                if known.state != self._simulator.state_of(part.id):
                    return False
            return True

        await self._until(is_quiet)

    # --- roles ------------------------------------------------------------------------------------

    async def _ordinary(self, part: Part) -> None:
        await self._hold(part)
        await trio.sleep(part.hold_s)
        await self._unhold(part)

    async def _lost_ack(self, part: Part) -> None:
        self._simulator.next_ack(part.id, lost=True)
        await self._ordinary(part)

    async def _lost_unhold_ack(self, part: Part) -> None:
        await self._hold(part)
        self._simulator.next_ack(part.id, lost=True)
        await trio.sleep(part.hold_s)
        await self._unhold(part)

    async def _lost_unhold(self, part: Part) -> None:
        await self._hold(part)
        self._simulator.next_ack(part.id, unexecuted=True)
        await trio.sleep(part.hold_s)
        await self._unhold(part)

    async def _lost_hold(self, part: Part) -> None:
        self._simulator.next_ack(part.id, unexecuted=True)
        await self._hold(part)

    async def _late_ack(self, part: Part) -> None:
        self._simulator.next_ack(part.id, delay_s=self._pace.late_s)
        await self._hold(part)
        await trio.sleep(max(part.hold_s, self._pace.late_s))
        await self._unhold(part)

    async def _duplicate_ack(self, part: Part) -> None:
        self._simulator.next_ack(part.id, duplicate=2)
        await self._ordinary(part)

    async def _refused(self, part: Part) -> None:
        refusal = {"code": 409, "message": "the agent is not on this interaction"}
        self._simulator.next_ack(part.id, refused=refusal, with_state=part.priority % 2 == 0)
        await self._hold(part)

    async def _released_at_limit(self, part: Part) -> None:
        await self._hold(part)
        await self._until(lambda: self._state(part) in RESTING)

    async def _expires(self, part: Part) -> None:
        await self._hold(part)
        await self._until(lambda: self._state(part) == "expired")
        await self._unhold(part)
        await trio.sleep(self._pace.decision_s)
        self._tell(f"somebody decides that {short(part.id)} is to be released")
        await self._unhold(part, force=True)

    async def _foreign_hold(self, part: Part) -> None:
        self._tell(f"an agent holds {short(part.id)} by hand")
        self._simulator.hold_by_agent(part.id)
        await self._until(lambda: self._state(part) == "held")
        await self._until(lambda: self._state(part) in RESTING)

    async def _foreign_unhold(self, part: Part) -> None:
        await self._hold(part)
        await trio.sleep(self._pace.agent_s)
        self._tell(f"an agent takes {short(part.id)} off hold by hand")
        self._simulator.unhold_by_agent(part.id)
        await self._until(lambda: self._state(part) in RESTING)

    async def _hangs_up(self, part: Part) -> None:
        await self._hold(part)
        await trio.sleep(part.hold_s)
        self._tell(f"the caller of {short(part.id)} hangs up while on hold")
        self._simulator.close(part.id)
        await self._until(lambda: self._state(part) in RESTING)

    async def _not_eligible(self, part: Part) -> None:
        await self._hold(part)

    async def _already_over(self, part: Part) -> None:
        await self._hold(part)

    # --- the parts --------------------------------------------------------------------------------

    def _state(self, part: Part) -> str:
        known = self._controller.interaction(part.id)
        return "unknown" if known is None else known.state

    async def _hold(self, part: Part) -> None:
        # Many commands are meant to fail; the audit log has each, and is what counts.
        with suppress(CommandError):
            await self._controller.hold(
                part.id, reason=part.reason, priority=part.priority, actor="demo"
            )

    async def _unhold(self, part: Part, *, force: bool = False) -> None:
        with suppress(CommandError):
            await self._controller.unhold(
                part.id, priority=part.priority, force=force, actor="demo"
            )

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds, or patience ends: what is missing then is found out."""
        with trio.move_on_after(self._pace.patience_s):
            while not condition():  # noqa: ASYNC110 - the controller tells of no single change
                await trio.sleep(self._pace.look_s)


def short(interaction_id: str) -> str:
    """Return the first eight characters of an id: enough to tell dozens apart."""
    return interaction_id[:8]
