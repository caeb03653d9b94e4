"""What one step of the hold machine costs, beside other state machine libraries.

    python tests/benchmarks/bench_step.py [--loops N] [--rounds N]

Each contestant takes one interaction round the loop hold requested, sent, acknowledged, unhold
requested, sent, acknowledged, asks the same guards, and builds the effects of these six steps,
objects of the same classes with the same contents, in the plainest way that the library allows.
Ours keeps in addition
what makes it replayable: it never changes an interaction but returns another one. The rounds are
interleaved, the best of each contestant counts, and only ratios of one run mean anything. The bare
table look-up is printed beside them: what is left when nothing is built.

Automat and python-statemachine are no dependencies of this project: install them to compare.
"""

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transitions

from hookflash.machines.effects import EndCommand, SendHold, SendUnhold, StartTimer, StopTimer
from hookflash.machines.events import Acknowledged, HoldRequested, Sent, UnholdRequested
from hookflash.machines.hold import IMPLEMENTATION
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Timer
from hookflash.machines.machine import Machine
from hookflash.machines.spec import parse_spec

HOLD_TOML = Path(__file__).resolve().parents[2] / "specs" / "hold.toml"
EVENTS: list[Any] = [
    HoldRequested(Instant(1), "id-1", Instant(1), "consultation", 5),
    Sent(Instant(2), "id-1"),
    Acknowledged(Instant(3), "id-1"),
    UnholdRequested(Instant(4), "id-2", Instant(4), 5),
    Sent(Instant(5), "id-2"),
    Acknowledged(Instant(6), "id-2"),
]
NAMES = ["hold_requested", "sent", "acknowledged", "unhold_requested", "sent", "acknowledged"]
ACK_US, WARNING_US, LIMIT_US = 5_000_000, 720_000_000, 900_000_000
GOALS = {"transitions": 1 / 5, "Automat": 1.0, "python-statemachine": 1 / 50}

ROWS = [
    ("hold_requested", "active", "hold_pending", "send_hold"),
    ("sent", "hold_pending", None, "start_ack"),
    ("acknowledged", "hold_pending", "held", "confirm_hold"),
    ("unhold_requested", "held", "unhold_pending", "send_unhold"),
    ("sent", "unhold_pending", None, "start_ack"),
    ("acknowledged", "unhold_pending", "active", "confirm_unhold"),
]
"""The loop: event, source, target (None stays), and what is done."""

GUARDS = {
    "hold_requested": ("not_eligible", None),
    "unhold_requested": ("not_eligible", None),
    "sent": (None, "is_current"),
    "acknowledged": ("answered_before", "is_current"),
}
"""Of each event: the guard of the row that is tried first and stays, and that of the loop's row."""

Loop = Callable[[int], None]


class Hold:
    """What the others work on: one interaction, changed in place, with the effects it asks for."""

    state = "active"

    def __init__(self) -> None:
        self.effects: tuple[Any, ...] = ()
        self.pending: Any = None
        self.hold_id = ""
        self.answered: tuple[str, ...] = ()

    def not_eligible(self, event: HoldRequested | UnholdRequested) -> bool:
        """Do the facts speak against the command?"""
        return event.facts is not None

    def is_current(self, event: Sent | Acknowledged) -> bool:
        """Is it about the pending frame?"""
        return self.pending is not None and self.pending.correlation_id == event.correlation_id

    def answered_before(self, event: Acknowledged) -> bool:
        """Is it a duplicate?"""
        return not self.is_current(event) and event.correlation_id in self.answered

    def send_hold(self, event: HoldRequested) -> None:
        """Hold requested."""
        self.pending = event
        self.effects = (SendHold(event.correlation_id, event.reason, event.priority),)

    def send_unhold(self, event: UnholdRequested) -> None:
        """Unhold requested."""
        self.pending = event
        self.effects = (SendUnhold(event.correlation_id, event.priority),)

    def start_ack(self, event: Sent) -> None:
        """Sent: the acknowledgement's timer starts."""
        timer = Timer("ack", event.correlation_id, Instant(event.at + ACK_US))
        self.effects = (StartTimer(timer),)

    def confirm_hold(self, event: Acknowledged) -> None:
        """Hold acknowledged: the limit's timers start."""
        self.hold_id = event.correlation_id
        self.effects = (
            StopTimer("ack"),
            StartTimer(Timer("warning", self.hold_id, Instant(event.at + WARNING_US))),
            StartTimer(Timer("limit", self.hold_id, Instant(event.at + LIMIT_US))),
            self._end(event, "hold", "held", self.pending.reason),
        )

    def confirm_unhold(self, event: Acknowledged) -> None:
        """Unhold acknowledged: all timers stop."""
        self.effects = (
            StopTimer("warning"),
            StopTimer("limit"),
            StopTimer("ack"),
            self._end(event, "unhold", "active", None),
        )

    def _end(self, event: Acknowledged, action: Any, state: str, reason: str | None) -> EndCommand:
        pending, self.pending = self.pending, None
        self.answered = (*self.answered, event.correlation_id)[-4:]
        return EndCommand(
            pending.correlation_id,
            pending.correlation_id,
            action,
            "confirmed",
            state,
            pending.requested_at,
            event.at,
            pending.actor,
            None,
            None,
            pending.priority,
            reason,
            None,
        )


def ours() -> Loop:
    """Return the loop over our machine."""
    machine: Machine[Any, Any] = Machine(
        parse_spec(HOLD_TOML.read_text(encoding="utf-8"), "hold.toml"), IMPLEMENTATION
    )

    def loop(loops: int) -> None:
        step = machine.step
        interaction = machine.start("interaction-1")
        for _ in range(loops):
            for event in EVENTS:
                interaction = step(interaction, event).interaction

    return loop


def bare_table() -> Loop:
    """Return the loop over the table of our machine, without guards and effects."""
    spec = parse_spec(HOLD_TOML.read_text(encoding="utf-8"), "hold.toml")
    table: dict[type, dict[str, str]] = {}
    for event, name in zip(EVENTS, NAMES, strict=True):
        table[type(event)] = {
            state: next((row.target for row in spec.rows_of(state, name) if row.target), state)
            for state in spec.states
        }

    def loop(loops: int) -> None:
        state = "active"
        for _ in range(loops):
            for event in EVENTS:
                state = table[event.__class__][state]

    return loop


def with_transitions() -> Loop:
    """Return the loop over `transitions`: one shared machine, its events triggered by name."""
    machine: Any = transitions.Machine(
        model=None,
        states=["active", "hold_pending", "held", "unhold_pending"],
        initial="active",
        auto_transitions=False,
    )
    add = machine.add_transition
    for name, source, target, method in ROWS:
        refusing, needed = GUARDS[name]
        if refusing is not None:
            add(name, source, None, conditions=refusing)
        add(name, source, target, conditions=needed, after=method)
    triggers = [machine.events[name].trigger for name in NAMES]

    def loop(loops: int) -> None:
        model = Hold()
        pairs = list(zip(triggers, EVENTS, strict=True))
        for _ in range(loops):
            for trigger, event in pairs:
                trigger(model, event)

    return loop


def with_automat() -> Loop:  # noqa: C901 - a machine, not a branch
    """Return the loop over Automat's `MethodicalMachine`; its outputs ask the guards."""
    import automat  # noqa: PLC0415 - no dependency of ours

    library: Any = automat

    class Automaton(Hold):
        m: Any = library.MethodicalMachine()

        @m.state(initial=True)  # type: ignore[untyped-decorator]
        def active(self) -> None:
            """Not held."""

        @m.state()  # type: ignore[untyped-decorator]
        def hold_pending(self) -> None:
            """Being held."""

        @m.state()  # type: ignore[untyped-decorator]
        def held(self) -> None:
            """Held."""

        @m.state()  # type: ignore[untyped-decorator]
        def unhold_pending(self) -> None:
            """Being released."""

        @m.input()  # type: ignore[untyped-decorator]
        def hold_requested(self, event: Any) -> None:
            """Hold requested."""

        @m.input()  # type: ignore[untyped-decorator]
        def unhold_requested(self, event: Any) -> None:
            """Unhold requested."""

        @m.input()  # type: ignore[untyped-decorator]
        def sent(self, event: Any) -> None:
            """Sent."""

        @m.input()  # type: ignore[untyped-decorator]
        def acknowledged(self, event: Any) -> None:
            """Acknowledged."""

        @m.output()  # type: ignore[untyped-decorator]
        def out_send_hold(self, event: Any) -> None:
            if not self.not_eligible(event):
                self.send_hold(event)

        @m.output()  # type: ignore[untyped-decorator]
        def out_send_unhold(self, event: Any) -> None:
            if not self.not_eligible(event):
                self.send_unhold(event)

        @m.output()  # type: ignore[untyped-decorator]
        def out_sent(self, event: Any) -> None:
            if self.is_current(event):
                self.start_ack(event)

        @m.output()  # type: ignore[untyped-decorator]
        def out_held(self, event: Any) -> None:
            if not self.answered_before(event) and self.is_current(event):
                self.confirm_hold(event)

        @m.output()  # type: ignore[untyped-decorator]
        def out_active(self, event: Any) -> None:
            if not self.answered_before(event) and self.is_current(event):
                self.confirm_unhold(event)

        none: Any = list
        active.upon(hold_requested, enter=hold_pending, outputs=[out_send_hold], collector=none)
        hold_pending.upon(sent, enter=hold_pending, outputs=[out_sent], collector=none)
        hold_pending.upon(acknowledged, enter=held, outputs=[out_held], collector=none)
        held.upon(unhold_requested, enter=unhold_pending, outputs=[out_send_unhold], collector=none)
        unhold_pending.upon(sent, enter=unhold_pending, outputs=[out_sent], collector=none)
        unhold_pending.upon(acknowledged, enter=active, outputs=[out_active], collector=none)

    def loop(loops: int) -> None:
        model: Any = Automaton()
        pairs = [(getattr(model, name), event) for name, event in zip(NAMES, EVENTS, strict=True)]
        for _ in range(loops):
            for put, event in pairs:
                put(event)

    return loop


def with_automat_typed() -> Loop:  # noqa: C901 - a machine, not a branch
    """Return the loop over Automat's newer, typed builder."""
    from typing import Protocol  # noqa: PLC0415 - for this contestant only

    import automat  # noqa: PLC0415 - no dependency of ours

    class Inputs(Protocol):
        def hold_requested(self, event: Any) -> None:
            """Hold requested."""

        def unhold_requested(self, event: Any) -> None:
            """Unhold requested."""

        def sent(self, event: Any) -> None:
            """Sent."""

        def acknowledged(self, event: Any) -> None:
            """Acknowledged."""

    builder: Any = automat.TypeMachineBuilder(Inputs, Hold)
    state = {
        name: builder.state(name) for name in ("active", "hold_pending", "held", "unhold_pending")
    }

    def add(source: str, put: Any, target: str, output: Callable[[Hold, Any], None]) -> None:
        def requested(_: Inputs, core: Hold, event: Any) -> None:
            if not core.not_eligible(event):
                output(core, event)

        def sent(_: Inputs, core: Hold, event: Any) -> None:
            if core.is_current(event):
                output(core, event)

        def acknowledged(_: Inputs, core: Hold, event: Any) -> None:
            if not core.answered_before(event) and core.is_current(event):
                output(core, event)

        outputs = {Inputs.sent: sent, Inputs.acknowledged: acknowledged}
        out = outputs.get(put, requested)

        state[source].upon(put).to(state[target])(out)

    add("active", Inputs.hold_requested, "hold_pending", Hold.send_hold)
    add("hold_pending", Inputs.sent, "hold_pending", Hold.start_ack)
    add("hold_pending", Inputs.acknowledged, "held", Hold.confirm_hold)
    add("held", Inputs.unhold_requested, "unhold_pending", Hold.send_unhold)
    add("unhold_pending", Inputs.sent, "unhold_pending", Hold.start_ack)
    add("unhold_pending", Inputs.acknowledged, "active", Hold.confirm_unhold)
    factory = builder.build()

    def loop(loops: int) -> None:
        model = factory(Hold())
        pairs = [(getattr(model, name), event) for name, event in zip(NAMES, EVENTS, strict=True)]
        for _ in range(loops):
            for put, event in pairs:
                put(event)

    return loop


def with_python_statemachine() -> Loop:  # noqa: C901 - a machine, not a branch
    """Return the loop over python-statemachine, which keeps the name `event` to itself."""
    import statemachine  # noqa: PLC0415 - no dependency of ours

    library: Any = statemachine

    class Chart(library.StateMachine):  # type: ignore[misc]
        active = library.State(initial=True)
        hold_pending = library.State()
        held = library.State()
        unhold_pending = library.State()
        hold_requested = active.to.itself(internal=True, cond="may_not_eligible") | active.to(
            hold_pending, on="on_send_hold"
        )
        sent = hold_pending.to.itself(
            internal=True, cond="may_is_current", on="on_start_ack"
        ) | unhold_pending.to.itself(internal=True, cond="may_is_current", on="on_start_ack")
        acknowledged = (
            hold_pending.to.itself(internal=True, cond="may_answered_before")
            | hold_pending.to(held, cond="may_is_current", on="on_confirm_hold")
            | unhold_pending.to.itself(internal=True, cond="may_answered_before")
            | unhold_pending.to(active, cond="may_is_current", on="on_confirm_unhold")
        )
        unhold_requested = held.to.itself(internal=True, cond="may_not_eligible") | held.to(
            unhold_pending, on="on_send_unhold"
        )

        def may_not_eligible(self, data: Any) -> Any:
            return self.model.not_eligible(data)

        def may_is_current(self, data: Any) -> Any:
            return self.model.is_current(data)

        def may_answered_before(self, data: Any) -> Any:
            return self.model.answered_before(data)

        def on_send_hold(self, data: Any) -> None:
            self.model.send_hold(data)

        def on_start_ack(self, data: Any) -> None:
            self.model.start_ack(data)

        def on_confirm_hold(self, data: Any) -> None:
            self.model.confirm_hold(data)

        def on_send_unhold(self, data: Any) -> None:
            self.model.send_unhold(data)

        def on_confirm_unhold(self, data: Any) -> None:
            self.model.confirm_unhold(data)

    def loop(loops: int) -> None:
        model: Any = Hold()
        model.state = None
        chart: Any = Chart(model)
        pairs = [(getattr(chart, name), event) for name, event in zip(NAMES, EVENTS, strict=True)]
        for _ in range(loops):
            for put, event in pairs:
                put(data=event)

    return loop


CONTESTANTS: dict[str, tuple[Callable[[], Loop], int]] = {
    "hookflash": (ours, 1),
    "bare table": (bare_table, 1),
    "transitions": (with_transitions, 1),
    "Automat": (with_automat, 1),
    "Automat, typed": (with_automat_typed, 1),
    "python-statemachine": (with_python_statemachine, 10),
}
"""The contestants, and by how much their loops are shortened because they are slow."""


def measured(loops: int, rounds: int) -> dict[str, float]:
    """Return the microseconds per step of each contestant that is installed, best of all rounds."""
    made: dict[str, tuple[Loop, int]] = {}
    for name, (make, divisor) in CONTESTANTS.items():
        try:
            made[name] = (make(), divisor)
        except ImportError:
            print(f"{name:<20} not installed")  # noqa: T201 - a script
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (loop, divisor) in made.items():
            count = max(1, loops // divisor)
            gc.collect()
            begun = time.perf_counter()
            loop(count)
            per_step = (time.perf_counter() - begun) / (count * len(EVENTS)) * 1e6
            best[name] = min(per_step, best.get(name, per_step))
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="cost of one step, beside other libraries")
    parser.add_argument("--loops", type=int, default=3000, help="loops of six steps per round")
    parser.add_argument(
        "--rounds", type=int, default=15, help="interleaved rounds; the best counts"
    )
    arguments = parser.parse_args()
    best = measured(arguments.loops, arguments.rounds)
    for name, per_step in best.items():
        ratio = best["hookflash"] / per_step
        goal = GOALS.get(name.partition(",")[0])
        verdict = ""
        if goal is not None:
            verdict = f"  goal {goal:.2f}: {'reached' if ratio <= goal else 'missed'}"
        print(f"{name:<20} {per_step:8.3f} us/step  hookflash/this {ratio:7.3f}{verdict}")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
