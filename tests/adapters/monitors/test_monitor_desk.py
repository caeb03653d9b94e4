"""The monitor desk: everybody is told, nobody is in anybody's way."""

import functools
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock, assert_no_checkpoints, wait_all_tasks_blocked

from hookflash.adapters.monitors import MonitorDesk, payload_of
from hookflash.adapters.monitors.desk import MONITORS_MAX
from hookflash.engine.ports import MonitorPayload, Monitors
from hookflash.engine.rule_messages import RuleCall, RuleNotice
from hookflash.machines.effects import EndCommand, NoteForeign, RaiseAlarm, Warn
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.instants import Instant, from_text

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CORRELATION = "0f8fad5b-d9cb-469f-a165-70867728950e"
ENDED = EndCommand(
    CORRELATION, CORRELATION, "hold", "confirmed", "held", Instant(AT - 12_000), AT, "caller"
)


@pytest.fixture
async def desk(nursery: trio.Nursery) -> AsyncIterator[MonitorDesk]:
    """A desk that runs, with a queue of four."""
    made = MonitorDesk(queue_max=4, timeout_s=5.0)
    await nursery.start(made.run)
    yield made
    nursery.cancel_scope.cancel()


class Heard:
    """An async monitor that keeps what it was told."""

    def __init__(self) -> None:
        self.payloads: list[MonitorPayload] = []

    async def __call__(self, payload: MonitorPayload) -> None:
        """Keep *payload*."""
        self.payloads.append(payload)


COMMON = {
    "interactionId": ID,
    "timestamp": "2026-11-22T18:22:01.123Z",
    "correlationId": CORRELATION,
    "effectId": "7/0",
}


@pytest.mark.parametrize(
    ("notice", "payload"),
    [
        (
            ENDED,
            {
                "event": "hold",
                "status": "success",
                "latencyMs": 12,
                "outcome": "confirmed",
                "actor": "caller",
            },
        ),
        (
            EndCommand(
                CORRELATION, CORRELATION, "unhold", "refused", "held", AT, AT, "rule", "HoldRefused"
            ),
            {
                "event": "unhold",
                "status": "failed",
                "latencyMs": 0,
                "outcome": "refused",
                "actor": "rule",
            },
        ),
        (
            NoteForeign(CORRELATION, "hold", "held", AT, AT),
            {
                "event": "hold",
                "status": "success",
                "latencyMs": 0,
                "outcome": "confirmed",
                "actor": "foreign",
            },
        ),
        (
            Warn(CORRELATION, "warning", AT, Instant(AT + 900_000_000), AT),
            {
                "event": "warning",
                "status": "warning",
                "latencyMs": 0,
                "outcome": "warning",
                "actor": "limit",
                "holdId": CORRELATION,
                "heldSince": "2026-11-22T18:22:01.123Z",
                "limitAt": "2026-11-22T18:37:01.123Z",
            },
        ),
        (
            RaiseAlarm(CORRELATION, "hold_expired", AT, AT, 2),
            {
                "event": "alarm",
                "status": "hold_expired",
                "latencyMs": 0,
                "outcome": "hold_expired",
                "actor": "limit",
                "holdId": CORRELATION,
                "heldSince": "2026-11-22T18:22:01.123Z",
                "count": 2,
            },
        ),
    ],
)
def test_payloads_are_those_of_the_protocol_page(notice: Any, payload: dict[str, Any]) -> None:
    """Every payload has the eight common keys; warnings and alarms add the hold's."""
    assert payload_of(notice, ID, "7/0") == COMMON | payload


async def test_plain_and_async_functions_are_called(desk: MonitorDesk) -> None:
    """Both kinds get each payload in order: a plain one in a thread, an async one as a task."""
    told: Monitors = desk
    plain: list[tuple[str, bool]] = []
    asynchronous = Heard()

    def note(payload: MonitorPayload) -> None:
        plain.append((payload["event"], threading.current_thread() is threading.main_thread()))

    desk.add(note)
    desk.add(asynchronous)
    with assert_no_checkpoints():
        told.tell(ENDED, ID, 7, 0)
        told.tell(Warn(CORRELATION, "warning", AT, AT, AT), ID, 7, 0)

    assert await desk.drain(5.0) == 0
    assert plain == [("hold", False), ("warning", False)]
    assert [payload["event"] for payload in asynchronous.payloads] == ["hold", "warning"]
    assert [(one.delivered, one.waiting) for one in desk.statistics()] == [(2, 0), (2, 0)]
    assert [one.name for one in desk.statistics()][1] == "Heard"


async def test_async_functions_in_disguise_are_awaited(desk: MonitorDesk) -> None:
    """A partial of an async function, and a plain one that returns its call, work as well."""
    heard = Heard()

    async def keep(into: Heard, payload: MonitorPayload) -> None:
        await into(payload)

    desk.add(functools.partial(keep, heard), name="partial")
    desk.add(lambda payload: keep(heard, payload), name="disguised")
    desk.tell(ENDED, ID, 7, 0)

    assert await desk.drain(5.0) == 0
    assert len(heard.payloads) == 2


def _raise(_: MonitorPayload) -> None:
    raise ValueError("token=s3cr3t")


def _exit(_: MonitorPayload) -> None:
    raise SystemExit(3)


async def _raise_async(_: MonitorPayload) -> None:
    raise OSError("token=s3cr3t")


async def test_a_monitor_that_raises_is_counted(
    desk: MonitorDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others are told all the same; the error's text may hold anything, and is not logged."""
    heard = Heard()
    for monitor in (_raise, _exit, _raise_async, heard):
        desk.add(monitor)
    desk.tell(ENDED, ID, 7, 0)
    desk.tell(ENDED, ID, 7, 0)

    assert await desk.drain(5.0) == 0
    assert [(one.failed, one.delivered) for one in desk.statistics()] == [
        (2, 0),
        (2, 0),
        (2, 0),
        (0, 2),
    ]
    assert "s3cr3t" not in "".join(capsys.readouterr())


async def test_a_monitor_that_changes_its_payload_changes_only_its_own(desk: MonitorDesk) -> None:
    """Each monitor has a payload of its own."""
    heard = Heard()

    async def spoil(payload: Any) -> None:
        payload.clear()

    desk.add(spoil)
    desk.add(heard)
    desk.tell(ENDED, ID, 7, 0)

    await desk.drain(5.0)
    assert heard.payloads[0]["event"] == "hold"


async def test_an_async_monitor_that_hangs_is_cancelled(
    autojump_clock: MockClock,
    desk: MonitorDesk,
) -> None:
    """After its time it is given up and counted; others were told at once."""
    heard_at: list[float] = []
    started = trio.current_time()

    async def hang(_: MonitorPayload) -> None:
        await trio.sleep_forever()

    async def note(_: MonitorPayload) -> None:
        heard_at.append(trio.current_time() - started)

    desk.add(hang)
    desk.add(note)
    desk.tell(ENDED, ID, 7, 0)
    desk.tell(ENDED, ID, 7, 0)

    assert await desk.drain(60.0) == 0
    assert trio.current_time() - started == pytest.approx(10.0)
    assert heard_at == [0.0, 0.0]
    assert desk.statistics()[0].timed_out == 2


async def test_a_plain_monitor_that_hangs_is_left_alone(desk: MonitorDesk) -> None:
    """It keeps one thread, not one per payload; what is for it is given up, others are told."""
    release = threading.Event()
    calls: list[int] = []
    heard = Heard()

    def hang(_: MonitorPayload) -> None:
        calls.append(1)
        release.wait(10.0)

    desk.add(hang, timeout_s=0.01)
    desk.add(heard)
    for _ in range(3):
        desk.tell(ENDED, ID, 7, 0)

    assert await desk.drain(5.0) == 0
    assert len(calls) == 1
    assert desk.statistics()[0].timed_out == 3
    assert len(heard.payloads) == 3
    release.set()


async def test_a_full_queue_drops_and_counts(desk: MonitorDesk) -> None:
    """Beyond its bound a queue takes no more; another monitor's is not touched."""
    gate = trio.Event()
    heard = Heard()

    async def wait(_: MonitorPayload) -> None:
        await gate.wait()

    desk.add(wait)
    await wait_all_tasks_blocked()
    for _ in range(10):
        desk.tell(ENDED, ID, 7, 0)
    desk.add(heard)
    desk.tell(ENDED, ID, 7, 0)

    assert await desk.drain(0.0) > 0
    gate.set()
    await desk.drain(5.0)
    slow, fast = desk.statistics()
    assert slow.delivered + slow.dropped == 11
    assert slow.dropped >= 6
    assert (fast.delivered, fast.dropped) == (1, 0)


async def test_what_is_told_before_running_waits(nursery: trio.Nursery) -> None:
    """Monitors may be added and told before the desk runs, and by nobody at all."""
    desk = MonitorDesk()
    desk.tell(ENDED, ID, 7, 0)
    heard = Heard()
    desk.add(heard)
    desk.tell(ENDED, ID, 7, 0)
    await nursery.start(desk.run)

    assert await desk.drain(5.0) == 0
    assert len(heard.payloads) == 1
    nursery.cancel_scope.cancel()


async def test_draining_has_an_end(
    autojump_clock: MockClock,
    desk: MonitorDesk,
) -> None:
    """Draining gives up in time and says how many payloads are left."""

    async def hang(_: MonitorPayload) -> None:
        await trio.sleep_forever()

    desk.add(hang, timeout_s=100.0)
    desk.tell(ENDED, ID, 7, 0)

    assert await desk.drain(1.0) == 1


def test_monitors_are_bounded() -> None:
    """So many monitors, and only what can be called."""
    desk = MonitorDesk()
    with pytest.raises(ConfigurationError, match="must be callable"):
        desk.add("print")  # type: ignore[arg-type]
    for _ in range(MONITORS_MAX):
        desk.add(Heard())
    with pytest.raises(ConfigurationError, match="64 monitors already"):
        desk.add(Heard())


async def test_what_an_earlier_run_left_is_told_first_and_not_dropped(
    nursery: trio.Nursery,
) -> None:
    """However much it is: it does not compete with the queue for what happens now."""
    told: list[str] = []

    async def note(payload: MonitorPayload) -> None:
        await trio.lowlevel.checkpoint()
        told.append(payload["effectId"])

    desk = MonitorDesk(queue_max=2)
    desk.add(note)
    desk.retell((seq, 0, ID, ENDED) for seq in range(1, 101))
    assert 0 == desk.told_through
    await nursery.start(desk.run)
    desk.tell(ENDED, ID, 101, 0)

    assert 0 == await desk.drain(5.0)
    assert [f"{seq}/0" for seq in range(1, 102)] == told
    assert 101 == desk.told_through
    assert 0 == desk.statistics()[0].dropped
    nursery.cancel_scope.cancel()


def test_without_monitors_everything_counts_as_told() -> None:
    """A monitor that is added later is not told what happened before."""
    desk = MonitorDesk()
    desk.retell([(3, 0, ID, ENDED)])
    assert 3 == desk.told_through
    desk.tell(ENDED, ID, 4, 0)
    assert 4 == desk.told_through


# --- what rules say -------------------------------------------------------------------------------

NOTICE = RuleNotice(AT, CORRELATION, "late", "supervisor", "call +1 202 555 0143 now")
RULE_CALL = RuleCall(AT, CORRELATION, "late", ID, "count")


class Done:
    """Counts how often something was done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        """Count."""
        self.times += 1


async def test_a_rule_tells_whom_it_names(desk: MonitorDesk) -> None:
    """Monitors of that name get the message, without telephone numbers; the others nothing."""
    one, two, other, done = Heard(), Heard(), Heard(), Done()
    desk.add(one, name="supervisor", rules_only=True)
    desk.add(two, name="supervisor")
    desk.add(other)
    desk.notify(NOTICE, ID, done)
    desk.tell(ENDED, ID, 7, 0)
    await desk.drain(1)
    assert {
        "event": "rule",
        "interactionId": ID,
        "status": "message",
        "latencyMs": 0,
        "timestamp": "2026-11-22T18:22:01.123Z",
        "correlationId": CORRELATION,
        "outcome": "message",
        "actor": "rule:late",
        "effectId": CORRELATION,
        "message": "call [number] now",
    } == one.payloads[0]
    assert (1, 2, 1) == (len(one.payloads), len(two.payloads), len(other.payloads))
    assert 1 == done.times, "when both have heard it"
    assert 7 == desk.told_through


async def test_a_rule_that_names_nobody_is_done(desk: MonitorDesk) -> None:
    """There is nobody to wait for; the log says so."""
    done = Done()
    desk.notify(NOTICE, ID, done)
    desk.call(RULE_CALL, {}, done)
    assert 2 == done.times


async def test_all_hear_that_rules_were_stopped(desk: MonitorDesk) -> None:
    """An alarm about rules is for everybody."""
    one, two, done = Heard(), Heard(), Done()
    desk.add(one, rules_only=True)
    desk.add(two)
    desk.notify(RuleNotice(AT, CORRELATION, "", None, "stopped"), ID, done)
    await desk.drain(1)
    assert ("stopped", "rules") == (one.payloads[0]["status"], two.payloads[0]["actor"])


async def test_what_finds_no_room_is_done(autojump_clock: MockClock) -> None:
    """A message or call that is dropped is not waited for."""
    desk, done = MonitorDesk(queue_max=1), Done()
    desk.add(Heard(), name="supervisor")
    desk.add_function("count", print)
    for _ in range(2):
        desk.notify(NOTICE, ID, done)
        desk.call(RULE_CALL, {}, done)
    assert 2 == done.times


async def test_functions_get_the_arguments_of_the_rule(autojump_clock: MockClock) -> None:
    """By name; async ones, objects and those that want to know for whom."""
    seen: list[Any] = []

    async def count(by: int) -> None:
        seen.append(by)

    class Counter:
        async def __call__(self, by: int, rule_call: RuleCall) -> None:
            seen.append((by, rule_call.interaction_id))

    async def broken() -> None:
        raise ValueError("of the program")

    desk, done = MonitorDesk(timeout_s=5.0), Done()
    desk.add_function("count", count)
    desk.add_function("counter", Counter())
    desk.add_function("broken", broken, timeout_s=1.0)
    desk.add_function("forever", trio.sleep_forever, timeout_s=1.0)
    assert ["count", "counter", "broken", "forever"] == desk.function_names()
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.run)
        for name, arguments in (
            ("count", {"by": 2}),
            ("counter", {"by": 3}),
            ("broken", {}),
            ("count", {"what": 1}),
            ("forever", {}),
        ):
            desk.call(evolve(RULE_CALL, function=name), arguments, done)
        await desk.drain(10)
        nursery.cancel_scope.cancel()
    assert {2, (3, ID)} == set(seen)
    assert 5 == done.times


def test_functions_that_cannot_be_called_are_refused() -> None:
    """Names are unique, and what is no function is none."""
    desk = MonitorDesk()
    desk.add_function("count", print)
    for name, function in (("count", print), ("other", 17), ("type", type)):
        with pytest.raises(ConfigurationError):
            desk.add_function(name, function)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - what programs may do
