"""Replaying a wire recording: settings, clock and parts as they were, and the comparison."""

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Final, cast, final

import trio
from attrs import evolve
from trio.testing import MockClock
from typed_settings.types import Secret

from hookflash.adapters.audit import MemoryAuditLog
from hookflash.adapters.composition import Parts, open_gateway, run_controller
from hookflash.adapters.journal import MemoryJournal
from hookflash.adapters.monitors import MonitorDesk
from hookflash.adapters.resuming import Resumed
from hookflash.adapters.settings import GatewaySettings, Settings
from hookflash.adapters.specifications import load_machine
from hookflash.adapters.wire.entries import (
    CommandEnded,
    CommandGiven,
    Received,
    Sent,
    WireEntry,
)
from hookflash.adapters.wire.journal_tap import TappedJournal
from hookflash.adapters.wire.lines import read_line
from hookflash.adapters.wire.opening import SETTINGS_KEPT, client_header
from hookflash.adapters.wire.playing.player import Player
from hookflash.adapters.wire.playing.script import Script, script_of
from hookflash.adapters.wire.playing.session import Session, wrong_beliefs
from hookflash.adapters.wire.playing.troubles import NO_TROUBLES, Troubles
from hookflash.adapters.wire.playing.verdict import (
    WireDifference,
    WireVerdict,
    differences_between,
    facts_of,
)
from hookflash.adapters.wire.reading import WireRecording, read_wire
from hookflash.adapters.wire.recorder import WireRecorder
from hookflash.engine.clock import SteadyClock
from hookflash.engine.controller import Controller
from hookflash.engine.migration import Kept
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.lines import dump_line
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Header
from hookflash.machines.states import STATE_KIND

SETTLE_S: Final = 120.0
"""How long everything gets to find its end after troubles: more than the longest rest of a link."""

UNLIMITED_S: Final = 86_400.0
"""The limit of holds where the recording does not know it: the longest that there is."""

_REPLAYED: Final = "replayed:443"

_GUESSED: Final = (
    "a gateway does not know what its clients were asked for: each new frame counts as a command,"
    " nothing is compared, and what counts is that the engine knows who is on hold"
)


def replay_wire(
    path: str | Path,
    *,
    troubles: Troubles = NO_TROUBLES,
    seed: int = 0,
    speed: float | None = None,
) -> WireVerdict:
    """Play a wire recording to the real adapter and engine, and compare what they do.

    Time is virtual: what took hours takes seconds. Nothing touches the network or a disk.

    Args:
        path: The recording.
        troubles: What goes wrong beside what was recorded. Then nothing is compared, and what
            counts is that every command ends once and that the engine knows who is on hold. So it
            is with the recording of a gateway, which does not know what its clients were asked
            for.
        seed: Decides when; the same seed gives the same run.
        speed: How many times faster than recorded it is played; None as fast as it goes.

    Returns:
        What came of it.

    Raises:
        MalformedRecord: It cannot be read, or a line of it is wrong; the message names the line.
    """
    recording = read_wire(path)
    if speed is None:
        clock = MockClock(autojump_threshold=0)
    else:
        clock = MockClock(rate=speed, autojump_threshold=math.inf)
    return trio.run(_replay, recording, troubles, seed, clock=clock)


async def _replay(recording: WireRecording, troubles: Troubles, seed: int) -> WireVerdict:
    header, script = recording.header, script_of(recording)
    settings = _settings_of(recording)
    machine = load_machine("hold", settings.hold)
    clock = SteadyClock(started_at=header.created, chance=Random(seed))  # noqa: S311 - ids
    kept = _kept_of(recording, script, machine)
    sink = _Lines()
    now_header = client_header(settings, machine, _REPLAYED, header.created)
    now_header = evolve(now_header, frame_bytes_max=header.frame_bytes_max)
    recorder = WireRecorder(sink, now_header, clock.now, bytes_max=1 << 40)
    async with trio.open_nursery() as nursery:
        player = Player(script, recorder, nursery)
        parts = Parts(
            machine,
            clock,
            open_gateway(
                settings,
                clock,
                network=player,
                chance=Random(seed),  # noqa: S311 - spreads pauses
                tap=player,
            ),
            TappedJournal(MemoryJournal(), recorder, settings.hold.all_reasons()),
            MemoryAuditLog(),
            MonitorDesk(),
            Resumed(kept=kept),
        )
        async with run_controller(settings, parts) as controller, trio.open_nursery() as given:
            session = Session(script, player, controller, troubles, seed, given)
            await session.run()
            judged = troubles or header.side == "gateway"
            wrong = await _settled(controller, player) if judged else ()
            # As the program did that was recorded: it ended, whatever was under way.
            given.cancel_scope.cancel()
        nursery.cancel_scope.cancel()
    seed_told = seed if troubles else None
    return _verdict(recording, script, sink.entries(), session, wrong, seed_told)


async def _settled(controller: Controller, player: Player) -> tuple[tuple[str, str, str], ...]:
    """Wait until all is known again, and return where the engine is wrong then."""
    await trio.sleep(SETTLE_S)
    return tuple(wrong_beliefs(controller, player.truth.states))


def _verdict(  # noqa: PLR0917 - all that is known
    recording: WireRecording,
    script: Script,
    now: tuple[WireEntry, ...],
    session: Session,
    wrong: tuple[tuple[str, str, str], ...],
    seed: int | None,
) -> WireVerdict:
    differences: tuple[WireDifference, ...] = ()
    unended: tuple[tuple[str, str], ...] = ()
    notes = script.notes
    if recording.header.side == "gateway":
        notes = (*notes, _GUESSED)
    if seed is None and recording.header.side == "client":
        differences = differences_between(facts_of(recording.entries), facts_of(now))
    else:
        unended = _unended(now)
    return WireVerdict(
        str(recording.path),
        differences,
        wrong,
        unended,
        _counts(recording.entries) | {"faults": session.mischief.done},
        (recording.entries[-1].at - recording.header.created) / 1e6 if recording.entries else 0.0,
        seed,
        notes,
        guessed=recording.header.side == "gateway",
    )


def _unended(entries: tuple[WireEntry, ...]) -> tuple[tuple[str, str], ...]:
    """Return the commands that did not end exactly once."""
    ends = Counter(one.command for one in entries if isinstance(one, CommandEnded))
    return tuple(
        (one.interaction, one.action)
        for one in entries
        if isinstance(one, CommandGiven) and ends[one.command] != 1
    )


def _counts(entries: tuple[WireEntry, ...]) -> dict[str, int]:
    kinds = Counter(type(one) for one in entries)
    named: set[str] = set()
    for one in entries:
        interaction = getattr(one, "interaction", None)
        if isinstance(interaction, str):
            named.add(interaction.lower())
    asked = sum(count for kind, count in kinds.items() if kind.__name__ == "Asked")
    return {
        "frames": kinds[Sent],
        "messages": kinds[Received],
        "requests": asked,
        "commands": kinds[CommandGiven],
        "interactions": len(named),
    }


def _settings_of(recording: WireRecording) -> Settings:
    """Return the settings that decide what goes over the wire, as they were.

    Raises:
        MalformedRecord: They are none.
    """
    header = recording.header
    gateway = GatewaySettings(
        host=_REPLAYED, client_id="replayed", client_secret=Secret("none"), reconnect_jitter=False
    )
    settings = Settings(gateway=gateway, hold=_policy_of(recording))
    try:
        for table, names in SETTINGS_KEPT.items():
            given: Mapping[str, Any] = (header.settings or {}).get(table, {})
            known = {name: given[name] for name in names if name in given}
            if known:
                changed: Any = evolve(getattr(settings, table), **known)
                settings = evolve(settings, **{table: changed})
    except (TypeError, ValueError, AttributeError) as error:
        raise MalformedRecord(
            f"{recording.path}: line 1: $.settings: {error}", place=f"{recording.path}: line 1"
        ) from error
    return settings


def _policy_of(recording: WireRecording) -> HoldPolicy:
    header = recording.header
    if header.policy is None:
        return HoldPolicy(limit_s=UNLIMITED_S, reasons=header.reasons or HoldPolicy().reasons)
    codec = RecordCodec(load_machine("hold"))
    source = Header("hold", "", header.policy, header.gateway, header.created, definition="")
    return cast("HoldPolicy", codec.policy_of(source, f"{recording.path}: line 1"))


def _kept_of(
    recording: WireRecording, script: Script, machine: Machine[Any, HoldPolicy]
) -> tuple[Kept, ...]:
    """Return the interactions that were known at the beginning, as the engine goes on with them."""
    codec = RecordCodec(machine)
    kept: list[Kept] = []
    for one in script.known:
        place = recording.place(recording.entries.index(one))
        line = dump_line({"kind": STATE_KIND, "seq": 0, "interaction": one.interaction}, place)
        kept.append(Kept(codec.decode_state(line, place).interaction))
    return tuple(kept)


@final
class _Lines:
    """Keeps the lines of a recording in memory."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    @property
    def problem(self) -> str | None:
        """There is none."""
        return None

    def put(self, line: bytes) -> bool:
        """Keep it."""
        self._lines.append(line)
        return True

    def close(self) -> bool:
        """Nothing is lost."""
        return True

    def entries(self) -> tuple[WireEntry, ...]:
        """Return what was written after the header."""
        return tuple(
            [read_line(line, n, f"now: line {n + 1}") for n, line in enumerate(self._lines) if n]
        )
