"""`replay`: exit codes, what is printed, and stepping in a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, final

import orjson
import pytest
from tests.support.recordings import RULES, Day, Edited, faults_of_a_day, record_day

from hookflash.adapters.command_line import replay as replay_module
from hookflash.adapters.command_line.main import execute


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A small day under rules."""
    path = tmp_path_factory.mktemp("day") / "day.jsonl"
    return record_day(path, callers=15, faults=faults_of_a_day(), rules=RULES)


@pytest.fixture
def changed(day: Day, tmp_path: Path) -> Path:
    """The same with an effect that was changed, and a record that is missing."""
    edited = Edited(day, tmp_path)
    index = day.find(lambda raw: bool(raw["effects"]) and raw["effects"][0]["type"] == "send_hold")
    edited.change(index, lambda raw: raw["effects"][0].update(priority=77))
    del edited.lines[100]
    return edited.write()


class Ended:
    """A command that ran: what it printed and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        self.code = execute(["replay", *map(str, arguments)])
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> Any:
        """Its one line of JSON."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


def test_the_same(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, with how much was replayed and how fast."""
    ended = Ended(capsys, day.path)
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(
        r"same: \d+ records of 15 interactions; [\d.]+ s, [\d,]+ records/s\n", ended.out
    )
    found = Ended(capsys, day.path, "--json").json
    assert (found["status"], found["same"], found["first"], found["groups"]) == (
        "success",
        True,
        None,
        [],
    )
    assert found["perSecond"] > 0


def test_something_differs(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, with the first difference: interaction, record, expected and found."""
    ended = Ended(capsys, changed)
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert re.fullmatch(
        r"first difference: interaction [-\w]+, record \d+ \(.*: line \d+\)", lines[0]
    )
    assert lines[1:4] == [
        "  effects[0].priority",
        "    expected (recorded)  77",
        f"    found (now)          {lines[3].split()[-1]}",
    ]
    assert "damage: 1" in ended.out
    assert "is missing before this line" in ended.out
    assert "divergences: 1 of 1 kind" in ended.out
    assert "`send_hold` comes out otherwise" in ended.out
    assert lines[-1].startswith("different: ")


def test_something_differs_for_programs(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` the same as one object."""
    ended = Ended(capsys, changed, "--json")
    assert ended.code == 1
    found = ended.json
    assert found["status"] == "failed"
    assert found["first"]["field"] == "effects[0].priority"
    assert found["first"]["expected"] == 77
    assert found["first"]["found"] != 77
    assert {"interactionId", "seq", "place", "explanation"} < found["first"].keys()
    assert (found["divergences"], found["damages"]) == (1, 1)
    assert found["damage"][0]["damage"] == "missing"
    (group,) = found["groups"]
    assert group["examples"][0]["differences"][0]["recorded"] == 77


def test_all_divergences(day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--all` each is listed: in words, or as a line of JSON each and the whole at the end."""
    config = tmp_path / "hookflash.toml"
    config.write_text("[hold]\nack_timeout_s = 9\n", "utf-8")
    ended = Ended(capsys, day.path, "--policy", config, "--all")
    count = ended.out.count("the policy differs: ack_timeout_s 5 became 9\n")
    listed = Ended(capsys, day.path, "--policy", config, "--all", "--json").out.splitlines()
    whole = json.loads(listed[-1])
    assert ended.code == 1
    assert len(listed) - 1 == whole["divergences"]
    assert count >= whole["divergences"] > 10
    assert {"seq", "differences", "cause"} < json.loads(listed[0]).keys()


def test_damage_only(day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged recording is different; the first difference is the damage."""
    edited = Edited(day, tmp_path)
    edited.lines[50] = edited.lines[50].replace(b'"to"', b'"tp"', 1)
    path = edited.write()
    ended = Ended(capsys, path)
    assert ended.code == 1
    assert ended.out.startswith("first difference: ")
    assert "byte " in ended.out
    found = Ended(capsys, path, "--json").json
    assert found["first"]["field"] is None
    assert "checksum" in found["first"]["explanation"]


@pytest.mark.parametrize("content", [None, b"", b"nonsense\n"])
def test_what_cannot_be_read(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line."""
    path = tmp_path / "x.jsonl"
    if content is not None:
        path.write_bytes(content)
    ended = Ended(capsys, path)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith(f"error: {path}")
    assert ended.err.count("\n") == 1


def test_a_second_one_that_cannot_be_read(
    day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found before is told, and the exit code is 2."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"nonsense\n")
    ended = Ended(capsys, day.path, path)
    assert ended.code == 2
    assert "cannot be read further" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no file is given"),
        (["day", "--until", "soon"], "neither a record's number nor a time"),
        (["day", "--event", "{}"], "go with --fork"),
        (["day", "-o", "x"], "go with --fork"),
        (["day", "--step"], "needs a terminal"),
        (["day", "day", "--step"], "more than one recording"),
        (["day", "--workers", "0"], "--workers"),
        (["day", "--spec", "nothing"], "no shipped machine is called 'nothing'"),
        (["day", "--rules", "nothing.toml"], "nothing.toml"),
    ],
)
def test_usage(
    day: Day, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not go together is refused with exit code 2 and one line."""
    ended = Ended(capsys, *(day.path if one == "day" else one for one in arguments))
    assert ended.code == 2
    assert said in ended.err


def test_progress_is_told(
    day: Day, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it takes long, stderr says how far it is."""
    monkeypatch.setattr(replay_module, "_TOLD_EVERY_S", -1.0)
    ended = Ended(capsys, day.path)
    assert re.search(r"^[\d,]+ records, 100%, [\d,]+ records/s$", ended.err, re.MULTILINE)


def test_a_fork(day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would follow is printed, and written as a recording that replays."""
    raw = day.raw(day.find(lambda raw: raw["to"] == "held" and raw["from"] == "hold_pending"))
    out = tmp_path / "fork.jsonl"
    event = '{"type": "refused", "state": "active"}'
    ended = Ended(capsys, day.path, "--fork", raw["seq"], "--event", event, "-o", out)
    assert ended.code == 0
    assert "given: refused in hold_pending  -> active" in ended.out
    assert f"{out}: " in ended.err
    assert Ended(capsys, out).code == 0
    found = Ended(capsys, day.path, "--fork", raw["seq"], "--event", event, "--json").json
    assert found["steps"][0]["to"] == "active"


# --- stepping -------------------------------------------------------------------------------------


@final
class Terminal:
    """A command in a terminal of its own, 80 columns by 24 rows."""

    def __init__(self, *arguments: str) -> None:
        self._fd, end = pty.openpty()
        self.resize(24, 80)
        sized = {"COLUMNS", "LINES"}  # whoever runs the tests may say another size
        inherited = {name: one for name, one in os.environ.items() if name not in sized}
        program = "import sys; from hookflash.adapters.command_line.main import execute"
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{program}; sys.exit(execute(sys.argv[1:]))", *arguments],
            stdin=end,
            stdout=end,
            stderr=end,
            env={**inherited, "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(end)
        self.shown = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def until(self, wanted: str, within_s: float = 20.0) -> str:
        """Wait until *wanted* is shown; return all that was since somebody waited last."""
        deadline = time.monotonic() + within_s
        while wanted not in _plain(self.shown):
            left = deadline - time.monotonic()
            assert left > 0, f"{wanted!r} is not in {_plain(self.shown)[-3000:]!r}"
            if select.select([self._fd], [], [], left)[0]:
                try:
                    self.shown += os.read(self._fd, 65_536).decode("utf-8", "replace")
                except OSError:  # the program has ended
                    break
        assert wanted in _plain(self.shown), _plain(self.shown)
        shown, self.shown = self.shown, ""
        return _plain(shown)

    def exit_code(self) -> int:
        """Wait for the end of the program."""
        with suppress(OSError):
            while os.read(self._fd, 65_536):
                pass
        return self._process.wait(20)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


@pytest.fixture
def terminal(day: Day) -> Iterator[Terminal]:
    """The day, stepped through."""
    found = Terminal("replay", str(day.path), "--step")
    yield found
    found.close()


def test_stepping(day: Day, terminal: Terminal) -> None:
    """Keys go forth and back, to refusals, divergences and records, and quit."""
    numbers = [orjson.loads(line).get("seq") for line in day.lines[1:]]
    seqs = [number for number in numbers if number is not None]
    shown = terminal.until("q quit")
    assert f"record {seqs[0]}" in shown
    assert "state     " in shown
    assert "timers    " in shown
    terminal.press("n")
    assert f"record {seqs[1]}" in terminal.until("q quit")
    terminal.press("\x1b[C")
    assert f"record {seqs[2]}" in terminal.until("q quit")
    terminal.press("\x1b[D")
    assert f"record {seqs[1]}" in terminal.until("q quit")
    terminal.press("p")
    terminal.until("q quit")
    terminal.press("p")
    terminal.until("the first record")
    terminal.press("g")
    terminal.press("1")
    terminal.press("29")
    terminal.press("\x7f")
    terminal.until("go to record 12█")
    terminal.press("\r")
    assert "record 12" in terminal.until("q quit")
    terminal.press("g")
    terminal.press("\x1b")
    terminal.until("q quit")
    terminal.press("r")
    terminal.until("q quit")
    terminal.press("j")
    terminal.press("k")
    terminal.press("d")
    terminal.until("no further divergence: this is the last record")
    terminal.press("n")
    terminal.until("the last record")
    terminal.press("g9999999\r")
    terminal.until("there is no such record")
    terminal.resize(30, 100)
    terminal.until("there is no such record")
    terminal.press("q")
    assert terminal.exit_code() == 0


def test_stepping_through_a_journal(tmp_path: Path, day: Day) -> None:
    """A journal is written out first, and Ctrl-C ends it like q."""
    journal = tmp_path / "day.db"
    assert execute(["import", "jsonl", str(day.path), "-o", str(journal)]) == 0
    terminal = Terminal(
        "replay", str(journal), "--step", "--interaction", day.raw(5)["interaction"]
    )
    terminal.until("q quit")
    terminal.press("\x03")
    assert terminal.exit_code() == 0
    terminal.close()
