"""Interactions as bytes, and back just as they were."""

from pathlib import Path

import pytest
from attrs import define, evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from tests.machines.recorded import instances_of
from tests.support.journals import Play
from tests.support.recordings import Day

from hookflash.adapters.journal.recording import read_recording
from hookflash.adapters.replaying.aside import AsideDatabase
from hookflash.adapters.replaying.packing import Packer
from hookflash.engine.replaying.known import Known
from hookflash.machines.hold_data import HoldData
from hookflash.machines.interaction import Interaction, Pending, Timer
from hookflash.machines.rules.memory import RuleMemory
from hookflash.machines.rules.ruling import RuleState

INTERACTIONS = st.builds(
    Interaction,
    st.text(max_size=40),
    st.text(max_size=10),
    instances_of(HoldData),
    st.none() | instances_of(Pending),
    st.lists(instances_of(Timer), max_size=3).map(tuple),
    st.none() | st.builds(RuleState, instances_of(RuleMemory), st.just(())),
)


@given(INTERACTIONS)
def test_any_interaction(interaction: Interaction[HoldData]) -> None:
    """It comes back equal, and of the very classes."""
    packer = Packer()
    back = packer.unpack(packer.pack(interaction))
    assert back == interaction
    assert type(back.data) is HoldData
    assert packer.pack(back) == packer.pack(interaction)


def test_a_class_that_does_more() -> None:
    """A class with private attributes and converters is made as it is meant to be."""

    @frozen
    class Data:
        _secret: tuple[int, ...]
        text: str = "x"

        def __attrs_post_init__(self) -> None:
            assert self._secret

    @define
    class Plain:
        data: Data

    packer = Packer()
    assert packer.unpack(packer.pack(Plain(Data((1, 2))))) == Plain(Data((1, 2)))


def test_what_cannot_be_packed() -> None:
    """Anything else is refused, by its class."""
    with pytest.raises(TypeError, match="set is no attrs class"):
        Packer().pack({1})


def test_interactions_put_aside() -> None:
    """What is put aside is fetched as it was, the latest of several."""
    play = Play(ids=[f"caller-{number}" for number in range(50)])
    play.next(300)
    known = {key: Known(one, seq=7, org="o") for key, one in play.known.items()}
    with AsideDatabase() as aside:
        aside.put(known.items())
        aside.put([("caller-1", evolve(known["caller-1"], seq=9))])
        first = aside.fetch("caller-1")
        assert first is not None
        assert (first.seq, first.interaction) == (9, known["caller-1"].interaction)
        assert aside.fetch("nobody") is None
        assert {key: one.interaction for key, one in aside.all()} == play.known


def test_nothing_of_a_recording_is_lost(day: Day, ruled_day: Day, tmp_path: Path) -> None:
    """Events and effects of a day, rules included, come back as they were."""
    packer = Packer()
    for one in (day, ruled_day):
        for record in read_recording(one.path)[1]:
            assert packer.unpack(packer.pack(record)) == record
