"""Backtests of recordings on disk, through the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import trio
from distributed import LocalCluster
from tests.adapters.report.recorded_day import write_day
from tests.support.world import World, open_world

from hookflash.adapters.backtesting.cluster import run_on_cluster
from hookflash.adapters.backtesting.running import order_of, run
from hookflash.adapters.command_line.main import execute
from hookflash.adapters.specifications import load_machine
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import GatewayUnavailable
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import from_text
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Record
from hookflash.machines.rule_lines import encode_aside

CALL = "11111111-1111-4111-8111-111111111111"
RULES = """
[[rule]]
name = "tell"
trigger = { to = ["held", "unhold_pending", "expired"] }
for = "5m"
actions = [ { action = "notify", to = "supervisor", message = "{interaction.id}" } ]

[[rule]]
name = "let-go"
trigger = { to = ["held", "unhold_pending", "expired"] }
for = "8m"
condition = 'interaction.skill_group == "sg-sales"'
actions = [ { action = "unhold", priority = 8 } ]
"""

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded day."""
    path = tmp_path_factory.mktemp("day") / "day.jsonl"
    write_day(path, 300, seed=3)
    return path


@pytest.fixture
def backtest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run the command with --json; returns its exit code and the document."""
    monkeypatch.chdir(tmp_path)
    Path("rules.toml").write_text(RULES, "utf-8")
    Path("later.toml").write_text(RULES.replace("8m", "10m"), "utf-8")
    Path("sooner.toml").write_text(RULES.replace("5m", "4m").replace("8m", "3m"), "utf-8")

    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = execute(["backtest", *map(str, arguments), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def rule(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["rules"] if one["rule"] == name)
    return found


def test_the_same_rules_would_have_done_the_same(backtest: Run, day: Path) -> None:
    """Exit code 0, and nothing but what is the same."""
    code, found = backtest(day, "--rules", "rules.toml", "--against", "rules.toml")
    assert (0, "same", 0) == (code, found["status"], found["total"]["holds_changed"])
    assert 0 < rule(found, "tell")["same"]
    assert 0 == rule(found, "tell")["moved"] == rule(found, "let-go")["added"]


def test_other_thresholds(backtest: Run, day: Path) -> None:
    """A message moves by a minute; releases come, with the seconds that they would have saved."""
    code, found = backtest(day, "--rules", "sooner.toml", "--against", "rules.toml")
    assert (1, "different") == (code, found["status"])
    told = rule(found, "tell")
    assert 0 < told["moved"]
    assert -60 == pytest.approx(told["later_s"] / told["moved"], abs=1)
    assert 0 < rule(found, "let-go")["added"]
    assert 0 < found["total"]["saved_s"]
    assert 0 == found["total"]["longer_at_most_s"]
    assert 0 < found["evidence"]["interactions_left"]
    example = rule(found, "let-go")["examples"][0]
    assert (str(day), "let-go") == (example["recording"], rule(found, "let-go")["rule"])
    back = backtest(day, "--rules", "rules.toml", "--against", "sooner.toml")[1]
    assert back["total"]["longer_s"] == pytest.approx(found["total"]["saved_s"])


def test_processes_share_the_work(backtest: Run, day: Path) -> None:
    """Two come to the very same document as one."""
    arguments = (day, "--rules", "sooner.toml", "--against", "rules.toml")
    assert backtest(*arguments) == backtest(*arguments, "--workers", "2")


def test_other_limits(backtest: Run, day: Path) -> None:
    """A shorter limit saves and lets limits pass; a longer one adds at most."""
    Path("short.toml").write_text("[hold]\nlimit_s = 240\n", "utf-8")
    Path("long.toml").write_text("[hold]\nlimit_s = 3600\n", "utf-8")
    _, short = backtest(day, "--policy", "short.toml")
    assert 0 < short["total"]["limits_passed_caused"] <= short["total"]["holds_changed"]
    assert 0 < short["total"]["saved_s"]
    _, long = backtest(day, "--policy", "long.toml")
    assert long["total"]["limits_passed_avoided"] == long["total"]["holds_changed"] > 0
    assert 0 == long["total"]["saved_s"] < long["total"]["longer_at_most_s"]
    Path("deny.toml").write_text('[hold]\ndeny = ["sg-sales"]\n', "utf-8")
    _, denied = backtest(day, "--policy", "deny.toml")
    assert any("ineligible" in one["now"] for one in denied["steps"])


def test_another_definition(backtest: Run, day: Path) -> None:
    """The step that would have been otherwise is named, with what was recorded and what comes."""
    text = load_machine("hold").spec.text
    row = 'effects = ["confirm_unhold"]\n'
    assert row in text
    changed = text.replace(row, 'effects = ["confirm_unhold", "look_up"]\n')
    Path("mine.toml").write_text(changed, "utf-8")
    code, found = backtest(day, "--spec", "mine.toml")
    assert 1 == code
    first = found["steps"][0]
    assert ("unhold_pending", "acknowledged") == (first["source"], first["event"])
    assert "look_up" not in first["recorded"]
    assert "look_up" in first["now"]
    assert 0 == backtest(day, "--spec", "hold")[0]


def test_for_people(backtest: Run, day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same in words, with where the recording stops being evidence."""
    code = execute(["backtest", str(day), "--rules", "sooner.toml", "--against", "rules.toml"])
    out = capsys.readouterr().out
    assert 1 == code
    for words in ("shorter by", "earlier on average", "let-go: unhold", "stops being evidence"):
        assert words in out
    assert 0 == execute(["backtest", str(day), "--rules", "rules.toml", "--against", "rules.toml"])
    assert "nothing would have been otherwise" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing is to be tried"),
        (["--against", "rules.toml", "--policy", "x.toml"], "compares two rules files"),
        (["--rules", "missing.toml"], "missing.toml"),
        (["--rules", "rules.toml", "--workers", "0"], "--workers"),
        (["--policy", "missing.toml"], "missing.toml"),
        (["--spec", "missing"], "missing"),
    ],
)
def test_what_cannot_be_asked(
    backtest: Run,
    day: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    """Exit code 2 and one line."""
    assert 2 == execute(["backtest", str(day), *arguments])
    assert words in capsys.readouterr().err


def test_what_cannot_be_read(backtest: Run, day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged line is named; so is a file that is none."""
    data = bytearray(day.read_bytes())
    data[len(data) // 2] ^= 1
    Path("damaged.jsonl").write_bytes(data)
    assert 2 == execute(["backtest", "damaged.jsonl", "--rules", "rules.toml"])
    assert "damaged.jsonl: line " in capsys.readouterr().err
    Path("empty.jsonl").write_bytes(b"")
    assert 2 == execute(["backtest", "empty.jsonl", "--rules", "rules.toml"])


def write_recording(world: World, path: Path) -> None:
    """Write what a world's journal has as a recording."""
    codec = RecordCodec(load_machine("hold", HoldPolicy(limit_s=900)))
    with path.open("wb") as file:
        file.write(encode_header(codec.new_header("g:1", from_text("2026-01-10T13:00:00Z"))))
        for entry in world.journal.entries:
            if isinstance(entry, Record):
                file.write(codec.encode(entry))
            else:
                file.write(encode_aside(entry))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - records and asides


async def record(path: Path, rules: str) -> None:
    """Record holds under rules that ran."""
    async with open_world(HoldPolicy(limit_s=900), rules=rules) as world:
        for number, group in enumerate(("sg-sales", "sg-1", "sg-sales")):
            call = CALL[:-1] + str(number)
            world.simulator.put(call, skill_group_id=group)
            await world.controller.hold(call, reason="consultation", priority=5)
        await trio.sleep(1000)
        write_recording(world, path)


async def test_rules_that_ran_are_compared_with(
    backtest: Run, autojump_clock: trio.abc.Clock
) -> None:
    """Without --against: what rules did at the time. The same rules do the same."""
    await record(Path("ran.jsonl"), RULES)
    code, same = backtest("ran.jsonl", "--rules", "rules.toml")
    assert (0, 3, 2) == (code, rule(same, "tell")["same"], rule(same, "let-go")["same"])
    code, sooner = backtest("ran.jsonl", "--rules", "sooner.toml")
    assert 1 == code
    assert 2 == rule(sooner, "let-go")["moved"]
    assert 600 == pytest.approx(sooner["total"]["saved_s"], abs=1)
    _, longer = backtest("ran.jsonl", "--rules", "later.toml")
    assert 0 == longer["total"]["saved_s"] == longer["total"]["longer_s"]
    assert 840 == pytest.approx(longer["total"]["longer_at_most_s"], abs=1), "until the limit"
    assert 1 == rule(longer, "tell")["same"] - 2


def test_a_cluster_that_is_not_there(
    backtest: Run, day: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Dask it says which extra to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert 2 == execute(["backtest", str(day), "--rules", "rules.toml", "--dask", "tcp://x:1"])
    assert "hookflash[dask]" in capsys.readouterr().err


def test_a_cluster_counts_the_same(day: Path, tmp_path: Path) -> None:
    """Byte for byte what one process counts: two workers, processes of their own."""
    rules, against = tmp_path / "new.toml", tmp_path / "old.toml"
    rules.write_text(RULES.replace("8m", "3m"), "utf-8")
    against.write_text(RULES, "utf-8")
    order = order_of((str(day),), rules=rules, against=against)
    cluster: Any = LocalCluster
    with cluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
        counted = run_on_cluster(order, local.scheduler_address)
    assert orjson.dumps(run(order).to_json()) == orjson.dumps(counted.to_json())


def test_a_cluster_that_does_not_answer(day: Path, tmp_path: Path) -> None:
    """It says what to look at."""
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES, "utf-8")
    order = order_of((str(day),), rules=rules)
    with pytest.raises(GatewayUnavailable, match="cannot be reached"):
        run_on_cluster(order, "tcp://127.0.0.1:1", connect_timeout_s=0.2)
