"""What a recording has to say in a drawing: read once, line by line."""

from pathlib import Path
from typing import Any

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.recording import read_header, read_steps
from hookflash.engine.traffic import traffic_of, walk_of
from hookflash.machines.codec import RecordCodec
from hookflash.machines.diagrams.figures import Traffic, Walk
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.machine import Machine
from hookflash.machines.records import Header


def read_traffic(recording: str | Path, machine: Machine[Any, Any]) -> Traffic:
    """Count what a recording says about *machine*, in one pass and in bounded memory.

    Blocks: some 10 µs a record.

    Args:
        recording: A recording or journal; it may be written to meanwhile.
        machine: The machine that is drawn. What the recording has and it does not, because an
            earlier definition made it, is counted as well and marked in the drawing.

    Raises:
        MalformedRecord: It cannot be read, was damaged, or is of another machine.
        SpecError: Its records were made by a definition that cannot be read any more.
    """
    definitions = _definitions(recording, machine)
    return traffic_of(read_steps(recording, machine, definitions), machine)


def read_walk(recording: str | Path, machine: Machine[Any, Any], interaction_id: str) -> Walk:
    """Read the way of one interaction out of a recording.

    Args:
        recording: A recording or journal; it may be written to meanwhile.
        machine: The machine that is drawn.
        interaction_id: The interaction.

    Raises:
        MalformedRecord: As for `read_traffic`.
        SpecError: As for `read_traffic`.
        ConfigurationError: It has no record of the interaction.
    """
    definitions = _definitions(recording, machine)
    walk = walk_of(read_steps(recording, machine, definitions), machine, interaction_id)
    if walk is None:
        raise ConfigurationError(
            f"{recording}: has no record of the interaction {interaction_id!r}",
            advice="see whether the id is whole; a part of a journal has only its own days",
            source="interaction",
        )
    return walk


def under_policy_of(recording: str | Path, machine: Machine[Any, Any]) -> Machine[Any, Any]:
    """Return *machine* under the policy that a recording begins with: its durations are those.

    Raises:
        MalformedRecord: The recording cannot be read, is of another machine, or its policy is none
            of this machine's.
    """
    header = _header(recording, machine)
    policy = RecordCodec(machine).policy_of(header, str(recording))
    return machine.with_policy(policy)


def _definitions(recording: str | Path, machine: Machine[Any, Any]) -> Definitions:
    return Definitions(_header(recording, machine), machine, str(recording))


def _header(recording: str | Path, machine: Machine[Any, Any]) -> Header:
    header = read_header(recording)
    if header.machine != machine.name:
        raise MalformedRecord(
            f"{recording}: records the machine {header.machine!r}, not {machine.name!r}",
            advice="draw the machine that it records",
            place=str(recording),
        )
    return header
