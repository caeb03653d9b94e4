"""Broken definitions, at least one for each finding: the proof names what is wrong, and where.

The first line of each file in `broken_specs` says what is to be found in it, and at which lines.
"""

import re
from pathlib import Path
from typing import get_args

import pytest
from tests.machines.broken_specs import parking

from hookflash.machines.errors import SpecError
from hookflash.machines.findings import Finding, Kind
from hookflash.machines.proof import Report, prove
from hookflash.machines.spec import parse_spec, read_spec

FOLDER = Path(__file__).parent / "broken_specs"
FILES = sorted(FOLDER.glob("*.toml"))
MODULES = {"unknown_module.toml", "unknown_samples.toml"}
"""Broken in a way that only whoever imports modules can find; the command's tests do."""


def report_on(path: Path) -> Report:
    """Prove what can be proved of a definition in the folder."""
    spec = read_spec(path.read_text("utf-8"), path.name)
    samples = parking.SAMPLES if spec.check.samples else None
    return prove(spec, parking.IMPLEMENTATION, samples, worlds_max=300)


def expected(path: Path) -> set[tuple[str, int]]:
    """Return what a file says is to be found in it."""
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith("# expects: ")
    return {(kind, int(line)) for kind, line in re.findall(r"(\w+) at line (\d+)", first)}


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name not in MODULES], ids=lambda path: path.stem
)
def test_what_is_wrong_is_found_where_it_is(path: Path) -> None:
    """All of it, nothing else, in the order of the file; each place names the file and the line."""
    report = report_on(path)

    assert {(one.kind, one.line) for one in report.findings} == expected(path)
    lines = [one.line or 0 for one in report.findings]
    assert lines == sorted(lines)
    for finding in report.findings:
        assert re.match(rf"{path.name}: lines? [\d and]*\b{finding.line}\b", finding.place)
        assert "\n" not in finding.message
        assert finding.advice or finding.kind in {"unknown_name", "step_fails"}
        check_path(finding)


def check_path(finding: Finding) -> None:
    """See that a path begins at the beginning and hangs together."""
    if finding.kind in {"unwatched", "step_fails"}:
        assert finding.path
    for earlier, later in zip(finding.path, finding.path[1:], strict=False):
        assert earlier.target == later.source
    if finding.path:
        assert finding.path[0].source == "free"
        assert finding.policy == "default"


def test_there_is_a_broken_definition_for_every_finding() -> None:
    """Nothing can be found that no file shows."""
    shown = {kind for path in FILES for kind, _ in expected(path)}
    assert shown == set(get_args(Kind))


def test_what_does_not_load_is_refused_with_the_first_finding() -> None:
    """Loading and proving use the same words."""
    for name in ("unknown_name", "undecided_pair", "undecided_by_guards", "competing_rows"):
        path = FOLDER / f"{name}.toml"
        first = report_on(path).findings[0]
        with pytest.raises(SpecError) as caught:
            parse_spec(path.read_text("utf-8"), path.name)
        assert str(caught.value) == str(first.error())
        assert caught.value.place == first.place


def test_a_sound_definition_is_explored_to_its_end() -> None:
    """No finding, and the report says how much was seen and what it rests on."""
    report = report_on(FOLDER / "sound.toml")

    assert report.findings == ()
    assert report.unexplored == ""
    assert report.explored is not None
    assert report.explored.policies == ("default",)
    assert report.explored.rows_taken == len(report.spec.rows)
    assert 5 < report.explored.worlds < report.explored.steps
    assert report.assumptions == ("each RingBack is answered by ring_answered or ring_failed",)


def test_the_shortest_path_is_shown() -> None:
    """A call that was rung twice is forgotten: each step with its event, states and row."""
    (finding,) = report_on(FOLDER / "unwatched_timer_idle.toml").findings

    assert finding.message == (
        "somebody waits in 'parked' and may be forgotten: recall runs, and does nothing by the row"
        " of line 56"
    )
    assert [(step.event, step.source, step.target, step.line) for step in finding.path] == [
        ("park_requested", "free", "parked", 35),
        ("recall_timer_fired", "parked", "ringing", 48),
        ("ring_failed", "ringing", "parked", 81),
        ("recall_timer_fired", "parked", "ringing", 48),
        ("ring_failed", "ringing", "parked", 81),
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unknown_name", "names that do not exist come first"),
        ("competing_rows", "what is found here keeps it from running"),
        ("unknown_exception", "what is found here keeps it from running"),
    ],
)
def test_what_cannot_run_is_not_explored(name: str, said: str) -> None:
    """The report says so, and why."""
    report = report_on(FOLDER / f"{name}.toml")
    assert report.explored is None
    assert report.unexplored.startswith(said)


def test_rows_alone_are_checked_without_samples_or_module() -> None:
    """What needs neither guards nor effects is found; the rest is said to be open."""
    text = (FOLDER / "dead_end.toml").read_text("utf-8")
    without = text.replace('[check]\nsamples = "parking"\n', "")
    assert without != text
    spec = read_spec(without, "dead_end.toml")
    for implementation in (parking.IMPLEMENTATION, None):
        report = prove(spec, implementation, None)
        assert [one.kind for one in report.findings] == ["dead_end"]
        assert report.unexplored.startswith("it names no samples")


def test_found_by_the_caller_stands_among_the_rest() -> None:
    """A module that cannot be imported is the caller's to find."""
    before = Finding("unknown_name", "x: line 2: machine", "no module", line=2)
    spec = read_spec((FOLDER / "dead_end.toml").read_text("utf-8"), "x")
    report = prove(spec, None, None, before=[before])
    assert [one.kind for one in report.findings] == ["unknown_name", "dead_end"]
    assert report.explored is None
