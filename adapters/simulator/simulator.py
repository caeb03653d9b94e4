"""The simulator as tests and users see it: a server that is told what to do wrong, as prose."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack, final

from hookflash.adapters.simulator.chance import AckPlan, AnswerFault, AnswerPlan
from hookflash.adapters.simulator.commands import Command
from hookflash.adapters.simulator.endpoints import METADATA_PATH, SOCKET_PATH, TOKEN_PATH
from hookflash.adapters.simulator.faults import Faults
from hookflash.adapters.simulator.figures import Statistics
from hookflash.adapters.simulator.server import Server
from hookflash.adapters.simulator.world import Interaction


@final
class Simulator(Server):
    """A gateway that speaks the interaction protocol and misbehaves on request.

    All state is in memory and belongs to one trio run. Methods that are not `async` never wait.
    Constructor, `serve_stream` and `serve_tcp` are those of `Server`.
    """

    # --- looking at it ----------------------------------------------------------------------------

    def statistics(self) -> Statistics:
        """A frozen copy of all counts."""
        return self._gateway.world.statistics()

    def state_of(self, interaction_id: str) -> str:
        """The true state of an interaction.

        Raises:
            ValueError: The id is no UUID.
        """
        return self._gateway.ready().state_of(interaction_id)

    def interaction(self, interaction_id: str) -> Interaction:
        """All that is true of an interaction.

        Raises:
            ValueError: The id is no UUID.
        """
        return self._gateway.ready().interaction(interaction_id)

    def all_states(self) -> dict[str, str]:
        """The true state of every interaction mentioned so far, by its id in lower case."""
        return self._gateway.ready().all_states()

    def received(self, interaction_id: str | None = None) -> tuple[Command, ...]:
        """The last 10,000 valid commands in order of arrival, lost and refused ones included.

        Args:
            interaction_id: Only those of one interaction; None gives all.
        """
        commands = self._gateway.received
        if interaction_id is None:
            return tuple(commands)
        key = interaction_id.lower()
        return tuple(command for command in commands if command.interaction_id.lower() == key)

    @property
    def open_sockets(self) -> int:
        """How many control sockets are open."""
        return len(self._sockets)

    @property
    def faults(self) -> Faults:
        """What goes wrong at present."""
        return self._gateway.faults

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds; looked at again whenever anything happens here.

        For example `await simulator.until(lambda: simulator.statistics().holds == 2)`.

        Args:
            condition: Without arguments; over this simulator's state.
        """
        while not condition():
            await self._gateway.something()

    async def next_command(self, interaction_id: str | None = None) -> Command:
        """Wait for the next valid command.

        Args:
            interaction_id: Of this interaction; None takes any.

        Returns:
            The command, after it was carried out or not, as planned.
        """
        seen = self.statistics().commands
        key = None if interaction_id is None else interaction_id.lower()
        while True:
            await self._gateway.something()
            count = self.statistics().commands
            new = list(self._gateway.received)[-(count - seen) :] if count > seen else []
            seen = count
            for command in new:
                if key is None or command.interaction_id.lower() == key:
                    return command

    # --- the world changes ------------------------------------------------------------------------

    def put(
        self,
        interaction_id: str,
        *,
        state: str = "active",
        org_id: str = "org-1",
        skill_group_id: str = "sg-1",
        held_for_s: float = 0.0,
        unknown: bool = False,
    ) -> None:
        """Set all about an interaction, without telling anybody. Must be called under trio.

        Args:
            interaction_id: A UUID.
            state: Any word.
            org_id: Empty leaves it out of the metadata.
            skill_group_id: Empty leaves it out of the metadata.
            held_for_s: How long ago its hold began, in seconds; meaningless unless `held`.
            unknown: Whether the gateway claims not to know it: 404.

        Raises:
            ValueError: The id is no UUID.
        """
        self._gateway.ready().put(
            interaction_id,
            now_s=self._gateway.clock.now_s(),
            state=state,
            org_id=org_id,
            skill_group_id=skill_group_id,
            held_for_s=held_for_s,
            unknown=unknown,
        )

    def hold_by_agent(self, interaction_id: str) -> bool:
        """Somebody else holds the interaction, and all open sockets are told.

        Returns:
            Whether that changed anything; False for one that is held, has ended or is unknown.

        Raises:
            ValueError: The id is no UUID.
        """
        return self._gateway.change(interaction_id, "held")

    def unhold_by_agent(self, interaction_id: str) -> bool:
        """Somebody else takes the interaction off hold, and all open sockets are told.

        Returns:
            Whether that changed anything.

        Raises:
            ValueError: The id is no UUID.
        """
        return self._gateway.change(interaction_id, "active")

    def close(self, interaction_id: str, state: str = "closed") -> bool:
        """The interaction ends, and all open sockets are told.

        Args:
            interaction_id: A UUID.
            state: `closed` or `abandoned`.

        Returns:
            Whether that changed anything.

        Raises:
            ValueError: The id is no UUID.
        """
        return self._gateway.change(interaction_id, state)

    def expire_tokens(self) -> None:
        """Every token issued so far is refused from now on; open sockets live on."""
        self._gateway.desk.revoke_all()

    # --- misbehaviour -----------------------------------------------------------------------------

    def use_faults(self, faults: Faults) -> None:
        """Misbehave differently from now on, drawn from the same seed anew.

        Counts go on; interactions that the faults list are set as they say. Pings of open sockets
        stay as they are.
        """
        self._gateway.use_faults(faults, self.seed)

    def next_ack(
        self,
        interaction_id: str,
        *,
        lost: bool = False,
        delay_s: float = 0.0,
        refused: Mapping[str, Any] | None = None,
        with_state: bool = False,
        duplicate: int = 1,
        unexecuted: bool = False,
        wrong_type: str | None = None,
        withheld: bool = False,
    ) -> None:
        """Script the next command of an interaction; more calls script the commands after it.

        Args:
            interaction_id: A UUID.
            lost: Carried out, and never answered.
            delay_s: The answer comes so much later, in seconds; the command is carried out on
                receipt.
            refused: Not carried out; the members of the refusal's body, such as `{"code": 429,
                "retryAfter": 2}`. `type` is `error` unless given.
            with_state: The refusal tells the true state.
            duplicate: How often the answer comes, in all.
            unexecuted: Lost before it is carried out: no effect, no answer.
            wrong_type: The `type` of the answer instead of the command's; it is carried out.
            withheld: The answer is kept until `release_acks`.
        """
        plan = AckPlan(
            lost=lost,
            delay_s=delay_s,
            refused=refused,
            with_state=with_state,
            copies=duplicate,
            unexecuted=unexecuted,
            wrong_type=wrong_type,
            withheld=withheld,
        )
        self._gateway.scripts.add_ack(interaction_id, plan)

    def release_acks(self, interaction_id: str) -> int:
        """Send the withheld answers of an interaction, on the sockets their commands came from.

        Returns:
            How many there were.
        """
        return self._gateway.release(interaction_id)

    def next_metadata(
        self, interaction_id: str, *, state: str | None = None, **fault: Unpack[AnswerFault]
    ) -> None:
        """Script the next lookup of an interaction; more calls script the lookups after it.

        Args:
            interaction_id: A UUID.
            state: The state to claim instead of the true one; None tells the truth.
            **fault: What goes wrong; see `AnswerFault`.
        """
        self._gateway.scripts.add_answer(
            METADATA_PATH + interaction_id, AnswerPlan(state=state, **fault)
        )

    def next_token(self, **fault: Unpack[AnswerFault]) -> None:
        """Script the next token request; see `AnswerFault`."""
        self._gateway.scripts.add_answer(TOKEN_PATH, AnswerPlan(**fault))

    def next_upgrade(self, **fault: Unpack[AnswerFault]) -> None:
        """Script the next request for a control socket; see `AnswerFault`."""
        self._gateway.scripts.add_answer(SOCKET_PATH, AnswerPlan(**fault))

    def send_frame(self, frame: str | bytes) -> None:
        """Send a frame of any content on all open control sockets."""
        for socket in self._sockets:
            socket.push(frame)

    def close_sockets(self, *, abrupt: bool = False, code: int = 1001) -> None:
        """Close all open control sockets.

        Args:
            abrupt: Cut them without a closing handshake; what was not yet written is lost.
            code: The close code otherwise.
        """
        for socket in list(self._sockets):
            self._gateway.world.counts["sockets_closed_by_fault"] += 1
            socket.close(abrupt=abrupt, code=code)

    def freeze_sockets(self, for_s: float) -> None:
        """Let all open control sockets hang for so many seconds: no reading, writing or pong."""
        for socket in self._sockets:
            self._gateway.world.counts["half_opens"] += 1
            socket.freeze(for_s)

    def stop_accepting(self) -> None:
        """Turn away every new connection and request from now on; open control sockets live on."""
        self._accepting = False

    def resume(self) -> None:
        """Accept connections and requests again."""
        self._accepting = True

    def cut_connections(self) -> None:
        """Cut every open connection, control sockets included, as a crash of the gateway would."""
        for scope in list(self._connections):
            scope.cancel()
