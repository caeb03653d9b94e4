"""`replay` of wire recordings: the real adapter meets the recorded gateway again."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from hookflash.adapters.command_line.output import print_json, print_line, tell
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from hookflash.adapters.wire.playing import WireVerdict

_SPEED_MIN: Final = 0.01
_SPEED_MAX: Final = 10_000.0
_SHOWN_MAX: Final = 20


def wired(recordings: Sequence[Path]) -> bool:
    """Tell whether one of the files is a wire recording, by its first line."""
    from hookflash.adapters.wire.reading import is_wire  # noqa: PLC0415 - see package

    return any(is_wire(path) for path in recordings)


def any_given(values: Iterable[object]) -> bool:
    """Tell whether one of the options was given."""
    return any(value is not None for value in values)


def replay_wired(
    path: Path, *, speed: float | None, faults: Sequence[str], seed: int | None, json: bool
) -> int:
    """Replay a wire recording, and tell what came of it.

    Raises:
        ConfigurationError: An option is wrong.
        MalformedRecord: The recording cannot be read.
    """
    from hookflash.adapters.command_line.logs import (  # noqa: PLC0415 - see package
        configure_logging,
        level_of_environment,
    )
    from hookflash.adapters.wire.playing import replay_wire, troubles_of  # noqa: PLC0415 - see package

    if speed is not None and not _SPEED_MIN <= speed <= _SPEED_MAX:
        raise ConfigurationError(
            f"option --speed: must be from {_SPEED_MIN} to {_SPEED_MAX:g}, is {speed:g}",
            source="option --speed",
        )
    # What the replayed client logs is told by the verdict.
    configure_logging(level_of_environment(), default="critical")
    troubles = troubles_of(faults)
    drawn = SystemRandom().randrange(2**31) if seed is None else seed
    if troubles and seed is None:
        tell(f"seed {drawn}")
    verdict = replay_wire(path, troubles=troubles, seed=drawn if troubles else 0, speed=speed)
    if json:
        print_json(verdict.to_json())
    else:
        for line in as_lines(verdict):
            print_line(line)
    return 0 if verdict.same else 1


def as_lines(verdict: "WireVerdict") -> list[str]:
    """Return what a terminal shows."""
    counts = verdict.counts
    played = ("interactions", "commands", "frames", "messages", "requests")
    told = ", ".join(f"{counts[name]:,} {name}" for name in played)
    lines = [f"{verdict.path}: {told} in {verdict.seconds:,.1f} s"]
    if verdict.seed is not None:
        lines.append(f"{counts['faults']} faults, seed {verdict.seed}")
    lines += [f"note: {note}" for note in verdict.notes[:_SHOWN_MAX]]
    for one in verdict.differences[:_SHOWN_MAX]:
        place = f" (line {one.line})" if one.line else ""
        lines += [
            f"{one.interaction_id or 'the connection'}: {one.what}, number {one.number}{place}",
            f"  recorded  {one.recorded or 'nothing more'}",
            f"  now       {one.now or 'nothing more'}",
        ]
    lines += [
        f"{interaction}: the gateway has it {truth}, the engine {belief}"
        for interaction, truth, belief in verdict.wrong[:_SHOWN_MAX]
    ]
    lines += [
        f"{interaction}: a {action} has not exactly one outcome"
        for interaction, action in verdict.unended[:_SHOWN_MAX]
    ]
    more = len(verdict.differences) + len(verdict.wrong) + len(verdict.unended)
    if verdict.same:
        compared = verdict.seed is None and not verdict.guessed
        lines.append("same" if compared else "every command ended, and it is known who is on hold")
    else:
        lines.append(f"{more} differences")
    return lines
