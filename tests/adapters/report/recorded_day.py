"""A day of holds as a recording: made by stepping the machine, the same for the same seed."""

from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from attrs import define, evolve

from hookflash.adapters.specifications import load_machine
from hookflash.machines.codec import RecordCodec
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.interaction import Facts
from hookflash.machines.machine import Machine
from hookflash.machines.records import Record

BEGINS = from_text("2026-01-10T07:00:00Z")
DAY_S = 12 * 3600
REASONS = ("queueing", "consultation", "system_issue", "agent_break")
GROUPS = ("sg-sales", "sg-claims", "sg-service", "sg-support")


@define
class Life:
    """One interaction while it is made up: what happened to it so far."""

    machine: Machine[Any, Any]
    chance: Random
    at: int
    records: list[Record]
    interaction: Any

    def new_id(self) -> str:
        """Draw a correlation id."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def happens(self, name: str, after_s: float, *arguments: Any, **fields: Any) -> Any:
        """Let an event happen; return its record."""
        self.at += round(after_s * 1_000_000)
        event = self.machine.implementation.events[name](Instant(self.at), *arguments, **fields)
        step = self.machine.step(self.interaction, event)
        record = Record(
            0,
            self.interaction.id,
            event,
            self.interaction.state,
            step.interaction.state,
            step.effects,
            begins=not self.records,
        )
        self.records.append(record)
        self.interaction = step.interaction
        return record


def write_day(path: Path, interactions: int, *, seed: int = 1, prefix: str = "") -> int:
    """Write the recording of a day.

    Args:
        path: The file.
        interactions: How many there are, spread over the day.
        seed: Decides everything.
        prefix: What the ids of interactions begin with, in place of their own beginning.

    Returns:
        How many records it has.
    """
    machine = load_machine("hold")
    codec = RecordCodec(machine)
    lives = (_life(machine, Random(f"{seed} {number}"), prefix) for number in range(interactions))
    ordered = merge(*lives, key=lambda record: record.event.at)
    with path.open("wb") as file:
        file.write(encode_header(codec.new_header("gateway.test:443", BEGINS)))
        seq = 0
        for seq, record in enumerate(ordered, start=1):
            file.write(codec.encode(evolve(record, seq=seq)))
    return seq


def _life(machine: Machine[Any, Any], chance: Random, prefix: str) -> Iterator[Record]:
    number = str(UUID(int=chance.getrandbits(128), version=4))
    own_id = prefix + number[len(prefix) :]
    at = BEGINS + round(chance.random() * DAY_S * 1_000_000)
    life = Life(machine, chance, at, [], machine.start(own_id))
    facts = Facts("active", "org-1", chance.choice(GROUPS))
    life.happens("observed_active", 0, Instant(life.at - 20_000), "lookup", life.new_id(), facts)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        _one_hold(life, facts)
        life.at += round(chance.uniform(20, 400) * 1_000_000)
        if life.interaction.state != "active":
            break
    if life.interaction.state == "active" and chance.random() < 0.7:
        life.happens("observed_closed", 5, Instant(life.at + 5_000_000), "frame", "closed", None)
    return iter(life.records)


def _one_hold(life: Life, facts: Facts) -> None:
    chance, kind = life.chance, life.chance.random()
    held_s = min(1500.0, chance.lognormvariate(4.2, 0.9))
    if kind < 0.03:
        life.happens("observed_held", 1, Instant(life.at + 900_000), "frame", life.new_id())
    else:
        _command(life, "hold_requested", facts, refused=kind < 0.06, lost=0.06 < kind < 0.09)
    if life.interaction.state != "held":
        return
    hold = life.interaction.data.hold
    if kind > 0.97:
        life.happens("observed_closed", held_s / 4, Instant(life.at), "frame", "closed", None)
        return
    began = life.at
    if held_s > 720:
        life.at = hold.since + 720_000_000
        life.happens("warning_timer_fired", 0, hold.id, life.new_id())
    if held_s > 900:
        life.at = hold.limit_at
        life.happens("limit_timer_fired", 0, hold.id, life.new_id())
        _answered(life, lost=False, refused=False)
        return
    life.at = max(life.at, began + round(held_s * 1_000_000))
    _command(life, "unhold_requested", facts, refused=False, lost=chance.random() < 0.02)


def _command(life: Life, event: str, facts: Facts, *, refused: bool, lost: bool) -> None:
    fields: dict[str, Any] = {"priority": life.chance.randrange(10), "facts": facts}
    if event == "hold_requested":
        fields["reason"] = life.chance.choice(REASONS)
    life.happens(event, 0.001, life.new_id(), Instant(life.at), **fields)
    _answered(life, lost=lost, refused=refused)


def _answered(life: Life, *, lost: bool, refused: bool) -> None:
    frame = life.interaction.pending.correlation_id
    life.happens("sent", 0.0005, frame)
    latency_s = min(4.5, life.chance.lognormvariate(-3.0, 0.6))
    if refused:
        message = life.chance.choice(("agent is not on this interaction", "interaction is busy"))
        life.happens("refused", latency_s, frame, life.new_id(), "active", 409, message)
    elif lost:
        life.happens("ack_timer_fired", 5, frame, life.new_id())
        state = "observed_held" if life.interaction.state == "hold_pending" else "observed_active"
        asked = Instant(life.at + 1000)
        facts = Facts("", "org-1", "sg-sales")
        life.happens(state, 0.04, asked, "lookup", life.new_id(), facts=facts)
        if life.chance.random() < 0.5:
            life.happens("acknowledged", 0.8, frame)
    else:
        life.happens("acknowledged", latency_s, frame)
