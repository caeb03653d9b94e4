"""What happens in one run of the simulation, drawn from a seed before anything starts.

A plan is data: one that fails is made smaller by leaving things out of it and running it again.
"""

from random import Random
from typing import Literal

from attrs import evolve, field, frozen
from tests.simulation.disk import DiskFaults
from tests.simulation.network import NetworkFaults

from hookflash.adapters.simulator import Faults
from hookflash.adapters.simulator.faults import (
    AckFaults,
    AckRefusal,
    EndpointFaults,
    EndpointRefusal,
    ForeignFaults,
    FrameFaults,
    SocketFaults,
    TokenFaults,
)

CALLS = tuple(f"{n:08x}-0000-4000-8000-000000000000" for n in range(8))
COMMANDS_MAX = 24
LIVES_MAX = 4

Death = Literal["stop", "kill", "kill_in_operation", "power_cut"]


Trouble = Literal["cut", "partition", "foreign_hold", "foreign_unhold", "gateway_restart"]


@frozen
class PlannedCommand:
    """One command of a caller: when, on which interaction, and what."""

    pause_s: float
    interaction_id: str
    action: Literal["hold", "unhold"]
    priority: int
    deadline_s: float | None


@frozen
class PlannedTrouble:
    """What befalls the surroundings at one moment of a life."""

    at_s: float
    kind: Trouble
    interaction_id: str = CALLS[0]
    for_s: float = 0.0


@frozen
class Life:
    """One life of the process.

    Attributes:
        commands: What its callers ask for.
        troubles: What befalls it.
        disk: What its disk does.
        death: How it ends: stopped in order, killed at some moment or in the middle of an
            operation of the disk, or by a power cut.
        kill_after_s: When it is killed, after its last command.
        down_s: How long nothing runs afterwards.
        clock_set_s: By how much the wall clock is set before the next life.
    """

    commands: tuple[PlannedCommand, ...]
    troubles: tuple[PlannedTrouble, ...]
    disk: DiskFaults
    death: Death
    kill_after_s: float
    down_s: float
    clock_set_s: float


@frozen
class Plan:
    """All that a run consists of, but for the order in which trio runs tasks.

    Attributes:
        seed: Decides what is not in the plan: the schedule, and when each fault strikes.
        limit_s: The longest hold.
        on_limit: What happens then.
        durability: The journal's.
        overdue: What overdue timers do after a restart.
        segment_records: After how many records the journal begins another part.
        gateway: What the gateway does wrong.
        network: What the network does wrong.
        skew_s: By how much the process's wall clock is ahead of the gateway's.
        rules: Whether rules run.
        lives: The lives of the process; afterwards everything is well and it lives on.
    """

    seed: int
    limit_s: float
    on_limit: Literal["release", "expire"]
    durability: Literal["process", "power"]
    overdue: Literal["fire", "look_up"]
    segment_records: int
    gateway: Faults
    network: NetworkFaults
    skew_s: float
    lives: tuple[Life, ...] = field(factory=tuple)
    rules: bool = False

    @property
    def foreign(self) -> bool:
        """Whether somebody else acts on the interactions."""
        faults = self.gateway.foreign
        return bool(faults.hold or faults.unhold or faults.close) or any(
            trouble.kind.startswith("foreign") for life in self.lives for trouble in life.troubles
        )


def draw(seed: int) -> Plan:
    """Return the plan of *seed*."""
    chance = Random(seed)
    foreign = chance.random() < 0.4
    durability: Literal["process", "power"] = chance.choice(["process", "power"])
    plan = Plan(
        seed=seed,
        limit_s=chance.choice([10.0, 30.0, 900.0]),
        on_limit=chance.choice(["release", "expire"]),
        durability=durability,
        overdue=chance.choice(["fire", "look_up"]),
        segment_records=chance.choice([10, 25, 20_000]),
        gateway=_gateway(chance, foreign=foreign),
        network=_network(chance),
        skew_s=chance.choice([0.0, 0.0, chance.uniform(-20.0, 20.0)]),
    )
    lives = [
        _life(chance, foreign=foreign, durability=durability)
        for _ in range(chance.randrange(1, LIVES_MAX))
    ]
    # Drawn apart, so that seeds found before there were rules still mean the same otherwise.
    return evolve(plan, lives=tuple(lives), rules=Random(~seed).random() < 0.5)


def _gateway(chance: Random, *, foreign: bool) -> Faults:
    """Draw what the gateway does wrong; each kind is off in about half of the runs."""

    def share(most: float) -> float:
        return chance.choice([0.0, chance.uniform(0.0, most)])

    return Faults(
        acks=AckFaults(
            lost=share(0.2),
            late=share(0.2),
            duplicate=share(0.4),
            duplicate_count=chance.choice([2, 3]),
            unexecuted=share(0.15),
            refusals=(
                AckRefusal(share=share(0.1), code=429, retry_after_s=1.0),
                AckRefusal(share=share(0.1), code=500),
                AckRefusal(share=share(0.1), code=409, with_state=True),
            ),
        ),
        frames=FrameFaults(garbage=share(0.3), kinds=("not_json", "not_object", "unknown_shape")),
        sockets=SocketFaults(
            close_every=chance.choice([0, 7, 25]),
            abrupt=chance.random() < 0.5,
            half_open_every=chance.choice([0, 0, 11]),
        ),
        foreign=ForeignFaults(hold=share(0.1), unhold=share(0.1), close=share(0.02))
        if foreign
        else ForeignFaults(),
        token=TokenFaults(
            lifetime_s=chance.choice([5.0, 3600.0]),
            refusals=(EndpointRefusal(share=share(0.1), status=503),),
        ),
        metadata=EndpointFaults(
            slow=share(0.2),
            refusals=(
                EndpointRefusal(share=share(0.1), status=429, retry_after_s=1.0),
                EndpointRefusal(share=share(0.1), status=503),
                EndpointRefusal(share=share(0.1), status=401),
                EndpointRefusal(share=share(0.05), connection_lost=True),
            ),
        ),
        upgrade=EndpointFaults(
            slow=share(0.2), refusals=(EndpointRefusal(share=share(0.2), status=503),)
        ),
    )


def _network(chance: Random) -> NetworkFaults:
    return NetworkFaults(
        delay_s=chance.choice([0.0, 0.02, 0.5]),
        silent=chance.choice([0.0, 0.1]),
        refused=chance.choice([0.0, 0.2]),
        hang_s=chance.choice([0.0, 3.0]),
    )


def _life(chance: Random, *, foreign: bool, durability: str) -> Life:
    commands = tuple(
        PlannedCommand(
            pause_s=chance.choice([0.0, 0.0, 0.01, 0.3, 2.0]),
            interaction_id=chance.choice(CALLS),
            action=chance.choice(["hold", "hold", "unhold"]),
            priority=chance.randrange(10),
            deadline_s=chance.choice([None, 3.0, 30.0]),
        )
        for _ in range(chance.randrange(2, COMMANDS_MAX))
    )
    deaths: list[Death] = ["stop", "kill", "kill_in_operation", "kill_in_operation"]
    cuts: list[Death] = ["power_cut", "power_cut"]
    if durability == "power":
        deaths += cuts
    death = chance.choice(deaths)
    span_s = sum(command.pause_s for command in commands) + 5.0
    kinds: list[Trouble] = ["cut", "partition", "gateway_restart"]
    others: list[Trouble] = ["foreign_hold", "foreign_unhold"]
    if foreign:
        kinds += others
    troubles = tuple(
        PlannedTrouble(
            at_s=chance.uniform(0.0, span_s),
            kind=chance.choice(kinds),
            interaction_id=chance.choice(CALLS),
            for_s=chance.choice([1.0, 8.0, 45.0]),
        )
        for _ in range(chance.choice([0, 0, 1, 3]))
    )
    full = chance.random() < 0.1
    return Life(
        commands=commands,
        troubles=troubles,
        disk=DiskFaults(
            kill_at=chance.randrange(1, 120) if death == "kill_in_operation" else None,
            full_from=chance.randrange(1, 150) if full else None,
            full_for=chance.randrange(1, 6),
            sync_s=chance.choice([0.0, 0.005, 0.2]),
            sync_fails_at=chance.randrange(1, 150) if chance.random() < 0.1 else None,
        ),
        death=death,
        kill_after_s=chance.choice([0.0, 0.01, 1.0, 12.0]),
        down_s=chance.choice([0.0, 1.0, 20.0]),
        clock_set_s=chance.choice([0.0, 0.0, 0.0, -600.0, 15.0, 3600.0]),
    )
