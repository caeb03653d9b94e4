"""Wire recordings on the command line: what `replay` shows, and what goes with it."""

import json
from pathlib import Path

import pytest

from hookflash.adapters.command_line.main import execute
from hookflash.adapters.command_line.replay_wire import as_lines
from hookflash.adapters.wire.playing import Troubles, WireDifference, WireVerdict, troubles_of
from hookflash.adapters.wire.playing.session import wrong_beliefs
from hookflash.adapters.wire.playing.truth import Truth
from hookflash.machines.errors import ConfigurationError

SESSION = Path(__file__).parent / "sessions" / "agents.jsonl"
CALL = "11111111-1111-4111-8111-111111111111"


def test_a_recording_that_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """What was played, and the verdict."""
    assert execute(["replay", str(SESSION)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert "2 interactions, 1 commands, 2 frames, 5 messages, 4 requests in 945.0 s" in first
    assert last == "same"


def test_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    assert execute(["replay", str(SESSION), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["frames"], told["differences"]) == (True, 2, [])


def test_with_faults_the_seed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """One that was drawn on stderr, so that the run can be had again."""
    faults = ["--fault", "lose-answers=0.5", "--fault", "close-after=2"]
    assert execute(["replay", str(SESSION), *faults]) == 0
    shown = capsys.readouterr()
    seed = shown.err.strip().removeprefix("seed ")
    assert f"faults, seed {seed}" in shown.out
    assert "every command ended, and it is known who is on hold" in shown.out
    assert execute(["replay", str(SESSION), *faults, "--seed", seed]) == 0
    assert capsys.readouterr().out == shown.out


def test_a_difference_is_exit_code_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A recording that was cut off has a note, and what is missing in it comes as extra."""
    path = tmp_path / "cut.jsonl"
    path.write_bytes(b"".join(SESSION.read_bytes().splitlines(keepends=True)[:-10]))
    code = execute(["replay", str(path)])
    shown = capsys.readouterr().out
    assert "is the last one, and no end" in shown
    assert code in {0, 1}
    path.write_bytes(SESSION.read_bytes().replace(b'"n":3', b'"n":4'))
    assert execute(["replay", str(path)]) == 2
    assert "line 4" in capsys.readouterr().err


def test_what_a_terminal_shows_of_a_bad_verdict() -> None:
    """Both sides of each difference, what the engine is wrong about, and which command hangs."""
    verdict = WireVerdict(
        "day.jsonl",
        (
            WireDifference(CALL, "frames", 2, "a", None, 7),
            WireDifference("", "link", 1, None, "opened", 0),
        ),
        ((CALL, "held", "active"),),
        ((CALL, "hold"),),
        dict.fromkeys(
            ("interactions", "commands", "frames", "messages", "requests", "faults"), 1_000
        ),
        3_600.0,
        seed=4,
        notes=("day.jsonl: line 3: cut off",),
    )
    assert not verdict.same
    assert as_lines(verdict)[1:] == [
        "1000 faults, seed 4",
        "note: day.jsonl: line 3: cut off",
        f"{CALL}: frames, number 2 (line 7)",
        "  recorded  a",
        "  now       nothing more",
        "the connection: link, number 1",
        "  recorded  nothing more",
        "  now       opened",
        f"{CALL}: the gateway has it held, the engine active",
        f"{CALL}: a hold has not exactly one outcome",
        "4 differences",
    ]
    assert verdict.to_json()["wrong"] == [
        {"interaction": CALL, "gateway": "held", "engine": "active"}
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--rules", "x.toml"], "is a wire recording: only --speed"),
        (["--workers", "2"], "is a wire recording"),
        (["--speed", "0"], "option --speed: must be from 0.01 to 10000, is 0"),
        (["--fault", "nonsense=1"], "'nonsense' is no fault (the faults are lose-answers"),
        (["--fault", "garbage=much"], "'garbage=much': expected a number"),
        (["--fault", "garbage=2"], "'garbage=2': expected a number from 0 to 1"),
        (["--fault", "close-after=1.5"], "expected a number from 0 to 1e+06"),
        (["--fault", "late-answers=nan"], "expected a number from 0 to 3600"),
    ],
)
def test_wrong_options(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what would be right."""
    assert execute(["replay", str(SESSION), *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_options_that_need_a_wire_recording(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A recording of interactions has no wire."""
    path = tmp_path / "day.jsonl"
    path.write_text('{"format":2,"kind":"recording"}\n', "utf-8")
    for option in (["--speed", "2"], ["--fault", "garbage=1"], ["--seed", "1"]):
        assert execute(["replay", str(path), *option]) == 2
        assert "go with a wire recording" in capsys.readouterr().err


def test_faults_by_their_names() -> None:
    """As many as there are."""
    assert not Troubles()
    assert troubles_of(["close-after=3", "lose_answers=0.5", "late-answers=2.5"]) == Troubles(
        close_after=3, lose_answers=0.5, late_answers=2.5
    )
    with pytest.raises(ConfigurationError):
        troubles_of(["=1"])


def test_what_a_gateway_would_say() -> None:
    """Of what it was heard to say; an interaction that it never spoke of is active."""
    truth = Truth()
    truth.heard({"body": {"type": "hold", "interactionId": CALL.upper()}})
    assert truth.answer(CALL)[1]["state"] == "held"
    truth.told(CALL, 200, {"id": CALL, "state": "held", "heldSince": "x", "routingData": {}})
    truth.heard({"type": "state_update", "interactionId": CALL, "state": "active"})
    assert truth.answer(CALL) == (200, {"id": CALL, "state": "active", "routingData": {}})
    truth.told(CALL, 404, None)
    assert truth.answer(CALL)[0] == 404
    assert truth.answer("other") == (200, {"id": "other", "state": "active"})
    truth.heard({"body": []})
    truth.begin("kept", "active")
    truth.begin("kept", "expired")
    assert truth.states == {CALL: "not_found", "kept": "held"}


def test_who_is_forgotten() -> None:
    """A caller on hold whom the engine does not know, or has as not on hold."""

    class Believing:
        def interaction(self, interaction_id: str) -> object:
            return None if interaction_id == "unknown" else Snapshot(interaction_id)

    class Snapshot:
        pending: str | None = None

        def __init__(self, interaction_id: str) -> None:
            state, _, pending = interaction_id.partition("+")
            self.state, self.pending = state, pending or None

    truth = {"unknown": "held", "active": "held", "held": "held", "active+hold": "held"}
    wrong = wrong_beliefs(Believing(), truth)  # type: ignore[arg-type]  # all that is asked of it
    assert wrong == [("active", "held", "active"), ("unknown", "held", "unknown")]
    assert wrong_beliefs(Believing(), {"held": "active"}) == [("held", "active", "held")]  # type: ignore[arg-type]
    assert wrong_beliefs(Believing(), {"closed": "closed"}) == []  # type: ignore[arg-type]
