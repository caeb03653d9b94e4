"""What recordings and journals have to say in a drawing."""

from pathlib import Path

import attrs
import pytest
import trio
from tests.support.journals import MACHINE, Play, keep_house, open_journal, write

from hookflash.adapters.diagrams import read_traffic, read_walk
from hookflash.adapters.diagrams.traffic import under_policy_of
from hookflash.adapters.journal.interchange import export
from hookflash.adapters.specifications import load_machine
from hookflash.machines.errors import ConfigurationError, MalformedRecord
from hookflash.machines.policy import HoldPolicy


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of three interactions, a part of it put away."""
    path = tmp_path / "hookflash.db"
    opened = open_journal(path, machine=MACHINE.with_policy(HoldPolicy(limit_s=60.0)))
    write(opened, Play(), 120)
    trio.run(keep_house, opened)
    opened.close()
    return path


def test_journals_and_recordings_say_the_same(journal: Path, tmp_path: Path) -> None:
    """A journal and the recording that is exported from it have the same traffic."""
    recording = tmp_path / "recording.jsonl"
    export(journal, recording)
    found = read_traffic(journal, MACHINE)
    assert found == read_traffic(recording, MACHINE)
    assert (found.records, found.interactions) == (120, 3)
    assert found.flows["active", "hold_requested", "hold_pending"].count == 21
    assert found.stays["held"].p50_s == pytest.approx(0.3, rel=0.05)


def test_the_way_of_one_interaction(journal: Path) -> None:
    """Its steps are there in order; an id that is not there is an error."""
    found = read_walk(journal, MACHINE, "B")
    assert [hop.event for hop in found.hops[:6]] == [
        *("hold_requested", "sent", "acknowledged", "unhold_requested", "sent", "acknowledged")
    ]
    with pytest.raises(ConfigurationError, match="no record of the interaction 'nobody'"):
        read_walk(journal, MACHINE, "nobody")


def test_durations_are_those_of_the_recording(journal: Path) -> None:
    """A machine under the policy of a recording has its limits."""
    assert under_policy_of(journal, MACHINE).policy.limit_s == 60.0


def test_what_another_definition_recorded_is_read(journal: Path) -> None:
    """A recording of an earlier definition is counted for the present one."""
    other = load_machine("hold")
    other.spec = attrs.evolve(other.spec, digest="0" * 64)
    assert read_traffic(journal, other) == read_traffic(journal, MACHINE)


def test_other_machines_are_refused(journal: Path, tmp_path: Path) -> None:
    """A recording of another machine, and what is none at all, are errors."""
    connection = load_machine("connection")
    with pytest.raises(MalformedRecord, match="records the machine 'hold', not 'connection'"):
        read_traffic(journal, connection)
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text("", encoding="utf-8")
    with pytest.raises(MalformedRecord, match="is empty"):
        read_traffic(nothing, MACHINE)
