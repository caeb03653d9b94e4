"""The table `[diagram]` of a definition: what it may say, and what it makes no difference to."""

import pytest
from tests.machines.diagrams.doors import STORY, door, door_spec

from hookflash.machines.errors import SpecError
from hookflash.machines.spec_diagram import Diagram, TimerWords


def test_it_is_read() -> None:
    """The normal path and what is said of timers are part of the definition."""
    diagram = door_spec().diagram
    assert diagram.path == ("shut", "pushed", "open", "time_over", "shut")
    assert diagram.timers == {"close": TimerWords(share="patience", longest="longest_s")}
    assert door_spec("").diagram == Diagram()


def test_the_hash_takes_no_notice_of_it() -> None:
    """How a machine is drawn makes no difference to what it does: recordings stay its own."""
    assert door_spec(STORY).digest == door_spec("").digest
    other = door_spec("[check]\nanswers = {}\n")
    assert other.digest != door_spec("").digest


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ('["shutt"]', "no state 'shutt'; did you mean 'shut'?"),
        ('["shut", "pushed"]', "ends with 'pushed', which is to be a state"),
        ('["shut", "blocked", "open"]', "no row leads from 'shut' on 'blocked' to 'open'"),
    ],
)
def test_a_path_that_is_none_is_refused(path: str, problem: str) -> None:
    """Loading names the place and what is wrong with the path."""
    with pytest.raises(SpecError, match=r"line 27: diagram\.path: ") as caught:
        door_spec(f"[diagram]\npath = {path}\n")
    assert problem in caught.value.message


def test_unknown_timers_and_settings_are_refused() -> None:
    """A timer or setting that does not exist is an error, with the nearest name."""
    with pytest.raises(SpecError, match="timer 'closed' does not exist"):
        door_spec("[diagram.timers]\nclosed = {}\n")
    with pytest.raises(SpecError, match="setting 'patients' does not exist"):
        door('[diagram.timers]\nclose = { share = "patients" }\n')
    with pytest.raises(SpecError, match="setting 'longest' does not exist"):
        door('[diagram.timers]\nclose = { longest = "longest" }\n')
