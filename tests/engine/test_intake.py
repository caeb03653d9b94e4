"""The intake by itself: whose answer it is, and what is an event at all."""

from collections import deque
from typing import Any, Final

import pytest
import trio
from attrs import define, field
from tests.support.world import open_world

from hookflash.adapters.journal import MemoryJournal
from hookflash.adapters.specifications import load_machine
from hookflash.engine.clock import SteadyClock
from hookflash.engine.dispatcher import Dispatcher
from hookflash.engine.instances import Instance, Instances
from hookflash.engine.intake import CLOSED_STATES, Intake
from hookflash.engine.lookups import Lookups, LookupSettings
from hookflash.engine.metrics import Metrics
from hookflash.engine.ports import (
    Frame,
    FrameAcknowledged,
    FrameRefused,
    FrameWritten,
    Inbox,
    LookupAnswer,
    StateSeen,
)
from hookflash.engine.rulings import Rulings
from hookflash.machines.events import (
    LookupFailed,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    Refused,
)
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Facts

CALL: Final = "11111111-1111-4111-8111-111111111111"
OTHER: Final = "22222222-2222-4222-8222-222222222222"
MACHINE: Final = load_machine("hold")
FACTS: Final = Facts("active", "org-1", "sg-1")
STARTED: Final = Instant(1_700_000_000_000_000)


class NoGateway:
    """A gateway that is asked nothing: what was to be asked stays queued."""

    @property
    def name(self) -> str:
        return "gateway.test:443"

    async def run(
        self, inbox: Inbox, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        pytest.fail("nothing runs")

    def send(self, frame: Frame) -> None:
        pytest.fail("nothing is to be sent")

    def withdraw(self, correlation_id: str) -> bool:
        return False

    async def look_up(self, interaction_id: str) -> LookupAnswer:
        pytest.fail("nothing runs")


def nothing(*_: Any) -> None:
    """Take whatever comes."""


@define
class Desk:
    """An intake, and the parts that it works on; nothing takes turns."""

    interactions_max: int = 10
    clock: SteadyClock = field(factory=lambda: SteadyClock(started_at=STARTED))
    metrics: Metrics = field(factory=Metrics)
    instances: Instances = field(init=False)
    lookups: Lookups = field(init=False)
    intake: Intake = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.instances = Instances(MACHINE, self.interactions_max, nothing)
        self.lookups = Lookups(
            NoGateway(),
            LookupSettings(),
            answered=nothing,
            failed=nothing,
        )
        self.intake = Intake(
            instances=self.instances,
            dispatcher=Dispatcher(
                MACHINE.spec.digest,
                MemoryJournal(),
                Rulings(lambda: "id", Metrics()),
                carry=nothing,
                turned=nothing,
                told=lambda: 0,
                gave_up=nothing,
                flooded=nothing,
            ),
            lookups=self.lookups,
            clock=self.clock,
            metrics=self.metrics,
            correlations_max=3,
            facts_ttl_s=60.0,
        )

    def start(self, interaction_id: str = CALL) -> Instance:
        return self.instances.get_or_start(interaction_id)

    @property
    def unknown(self) -> int:
        return self.metrics.snapshot().unknown_answers


def posted(instance: Instance) -> list[Any]:
    return list(instance.mailbox or deque[Any]())


async def test_answers_to_frames_that_nobody_knows_are_counted() -> None:
    """Of frames never sent, forgotten beyond the bound, or of an interaction forgotten since."""
    desk = Desk(interactions_max=1)
    instance = desk.start()
    for name in ("a", "b", "c", "d"):
        desk.intake.register(name, instance)

    assert not desk.intake.written(FrameWritten("a"))
    assert not desk.intake.acknowledged(FrameAcknowledged("never"))
    assert not desk.intake.refused(FrameRefused("never", "held", 429))
    assert desk.unknown == 3
    assert desk.intake.written(FrameWritten("b"))
    assert desk.intake.acknowledged(FrameAcknowledged("d"))
    assert len(posted(instance)) == 2

    idle = Desk(interactions_max=1)
    idle.intake.register("a", idle.start())
    idle.start(OTHER)
    assert not idle.intake.acknowledged(FrameAcknowledged("a"))
    assert idle.unknown == 1


async def test_a_refusal_comes_with_all_its_parts() -> None:
    """State, code, words and pause reach the machine as the gateway gave them."""
    desk = Desk()
    instance = desk.start()
    desk.intake.register("a", instance)

    assert desk.intake.refused(FrameRefused("a", "closed", 409, "it is over", 2.5))
    (event,) = posted(instance)
    assert isinstance(event, Refused)
    parts = (event.correlation_id, event.state, event.code, event.message, event.retry_after_s)
    assert parts == ("a", "closed", 409, "it is over", 2.5)


async def test_a_state_of_nobody_is_forgotten_unless_somebody_is_on_hold() -> None:
    """Only a hold is something to remember."""
    desk = Desk()
    for state in ("active", "closed", "dancing"):
        desk.intake.seen(StateSeen(CALL, state))
    assert desk.instances.get(CALL) is None

    desk.intake.seen(StateSeen(CALL, "held", Instant(STARTED - 5)))
    instance = desk.instances.get(CALL)
    assert instance is not None
    (event,) = posted(instance)
    assert isinstance(event, ObservedHeld)
    assert (event.source, event.held_since) == ("frame", STARTED - 5)


async def test_a_hold_that_does_not_fit_in_any_more_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full engine goes on; somebody is told."""
    desk = Desk(interactions_max=1)
    desk.start().lookup = "asking"
    desk.intake.seen(StateSeen(OTHER, "held"))

    assert desk.instances.get(OTHER) is None
    assert [entry.message.split()[0] for entry in caplog.records] == ["interactions.full"]


@pytest.mark.parametrize(
    ("state", "cls"),
    [
        ("held", ObservedHeld),
        ("active", ObservedActive),
        *((state, ObservedClosed) for state in sorted(CLOSED_STATES)),
        ("dancing", None),
    ],
)
async def test_what_states_are(state: str, cls: type | None) -> None:
    """Four words and what a lookup that finds none says; any other is no event."""
    desk = Desk()
    instance = desk.start()
    desk.intake.seen(StateSeen(CALL, state))
    told = desk.intake.answered(instance, LookupAnswer(state, STARTED, FACTS))

    assert told == (cls is not None)
    assert [type(event) for event in posted(instance)] == ([] if cls is None else [cls, cls])
    assert instance.facts == FACTS
    assert instance.facts_until == after(STARTED, 60.0)


async def test_a_slow_answer_serves_those_who_waited_for_it() -> None:
    """Older than its life when it comes, it is good for a moment all the same."""
    desk = Desk()
    instance = desk.start()
    now = desk.clock.now()
    desk.intake.answered(instance, LookupAnswer("active", Instant(STARTED - 10**9), FACTS))

    assert now < instance.facts_until < after(now, 1.0)


@pytest.mark.parametrize(("asks_again", "failed"), [(False, True), (True, False)])
async def test_a_state_that_decides_nothing_is_a_failed_lookup(
    *, asks_again: bool, failed: bool
) -> None:
    """For a machine that waits for it, unless the gateway is being asked once more anyway."""
    desk = Desk()
    instance = desk.start()
    instance.machine_asks = True
    instance.ask_again = asks_again

    assert not desk.intake.answered(instance, LookupAnswer("dancing", STARTED, FACTS))
    assert instance.machine_asks != failed
    events = posted(instance)
    assert [type(event) for event in events] == ([LookupFailed] if failed else [])
    assert not failed or "'dancing'" in events[0].reason


async def test_after_a_reconnect_all_but_the_ended_are_looked_up(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Somebody may have held an idle one meanwhile; one that has ended stays as it is."""
    async with open_world() as world:
        for one in (CALL, OTHER):
            await world.controller.hold(one, reason="consultation", priority=5)
            await world.controller.unhold(one, priority=5)
        world.simulator.close(OTHER)
        await trio.sleep(1)
        before = world.simulator.statistics().metadata_requests
        world.network.down = True
        world.simulator.close_sockets()
        await trio.sleep(0.1)
        world.simulator.hold_by_agent(CALL)
        world.network.down = False
        await trio.sleep(10)

        assert world.state(CALL) == "held"
        assert world.state(OTHER) == "closed"
        assert world.simulator.statistics().metadata_requests == before + 1
