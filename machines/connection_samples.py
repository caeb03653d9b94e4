"""Samples of the connection machine for `hookflash check`."""

from collections.abc import Hashable
from typing import Any

from hookflash.machines import connection as c
from hookflash.machines.connection_walkthroughs import WALKTHROUGHS, WORDS
from hookflash.machines.interaction import Interaction
from hookflash.machines.proof_world import Samples, World

POLICIES = {
    "two attempts": c.ConnectionPolicy(attempts_max=2),
    "no attempts": c.ConnectionPolicy(attempts_max=0),
}
"""Attempts that can be used up, and none: their number and the pauses make no difference else."""


def view(world: World) -> Hashable:
    """Return what of *world* can make a difference: the pauses are only counted for their names."""
    connection: Interaction[c.ConnectionData] = world.interaction
    return (
        connection.state,
        connection.data.attempts,
        connection.data.renewed,
        frozenset(timer.name for timer in connection.timers),
        frozenset(world.asked),
    )


def _token_refused(world: World) -> Any:  # noqa: ANN401 - an event
    return c.TokenRefused(world.next_at, "NotAuthorized", "not accepted (401)", "correct it")


def _upgrade_refused(world: World) -> Any:  # noqa: ANN401 - an event
    return c.UpgradeRefused(world.next_at, "NotAuthorized", "not permitted (403)", "grant it")


SAMPLES = Samples(
    events={
        "start_requested": lambda world: c.StartRequested(world.next_at),
        "close_requested": lambda world: c.CloseRequested(world.next_at),
        "token_ready": lambda world: c.TokenReady(world.next_at),
        "token_refused": _token_refused,
        "token_failed": lambda world: c.TokenFailed(world.next_at, "no answer"),
        "socket_opened": lambda world: c.SocketOpened(world.next_at),
        "socket_failed": lambda world: c.SocketFailed(world.next_at, "no answer"),
        "socket_lost": lambda world: c.SocketLost(world.next_at, "no pong"),
        "upgrade_unauthorized": lambda world: c.UpgradeUnauthorized(world.next_at),
        "upgrade_refused": _upgrade_refused,
    },
    policies=POLICIES,
    view=view,
    walkthroughs=WALKTHROUGHS,
    words=WORDS,
)
