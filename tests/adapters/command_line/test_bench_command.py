"""`bench` against a real gateway."""

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from hookflash.adapters.simulator import AckFaults, AckRefusal, Faults

KEYS = [
    "commands",
    "ok",
    "failed",
    "seconds",
    "per_second",
    "p50_ms",
    "p99_ms",
    "cpu_s",
    "rss_mb",
]


def test_it_prints_its_figures_as_one_line(hookflash: CommandLine) -> None:
    """Two commands a pair, over interactions that nobody used before; all released at the end."""
    before = hookflash.simulator.ask(lambda simulator: set(simulator.all_states()))
    ended = hookflash(
        "bench", "--pairs", "30", "--concurrency", "4", "--interactions", "6", "--json"
    )

    assert ended.exit_code == 0
    assert list(ended.json) == KEYS
    assert (ended.json["commands"], ended.json["ok"], ended.json["failed"]) == (60, 60, 0)
    assert ended.json["per_second"] == pytest.approx(60 / ended.json["seconds"], rel=0.01)
    assert 0 < ended.json["p50_ms"] <= ended.json["p99_ms"]
    states = hookflash.simulator.ask(lambda simulator: simulator.all_states())
    used = {one: state for one, state in states.items() if one not in before}
    assert list(used.values()) == ["active"] * 6
    received = hookflash.simulator.ask(lambda simulator: simulator.received())
    for one in used:
        assert sum(command.interaction_id == one for command in received) == 10
    assert len(hookflash.audit_lines()) == 60
    assert "nothing enforces a hold limit" in ended.err
    assert not Path("hookflash.db").exists()


def test_people_get_three_lines(hookflash: CommandLine) -> None:
    """Rate, latency, cost."""
    ended = hookflash("bench", "--pairs", "2", "--concurrency", "9")

    assert [line.split(":")[0] for line in ended.out.splitlines()][1:] == ["latency", "cost"]
    assert ended.out.startswith("4 commands in ")


def test_failures_are_exit_code_1(hookflash: CommandLine) -> None:
    """The unhold is attempted all the same; the first message of each kind is told."""
    faults = Faults(acks=AckFaults(refusals=(AckRefusal(share=1.0, code=500, with_state=True),)))
    hookflash.simulator.ask(lambda simulator: simulator.use_faults(faults))
    try:
        ended = hookflash("bench", "--pairs", "3", "--concurrency", "1", "--json")
    finally:
        hookflash.simulator.ask(lambda simulator: simulator.use_faults(Faults()))

    assert ended.exit_code == 1
    # An unhold of one that was never held has nothing to do.
    assert (ended.json["commands"], ended.json["failed"]) == (6, 3)
    assert "failed: HoldRefused: hold failed" in ended.err


def test_no_connection_is_exit_code_3(hookflash: CommandLine) -> None:
    """Nothing is measured, and the line says why."""
    hookflash.configure(COMMANDS_FIRST_CONNECTION_TIMEOUT_S="0.2")
    ended = hookflash(
        "bench", "--pairs", "1", "--concurrency", "1", "--host", "localhost:1", "--json"
    )

    assert ended.exit_code == 3
    assert ended.json["error"] == "GatewayUnavailable"
    assert "localhost:1 cannot be connected to" in ended.error


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--pairs", "0"),
        ("--concurrency", "0"),
        ("--interactions", "0"),
        ("--concurrency", "10001"),
    ],
)
def test_numbers_out_of_range_are_refused(hookflash: CommandLine, option: str, value: str) -> None:
    """Before anything is connected."""
    given = {"--pairs": "1", "--concurrency": "1", option: value}
    ended = hookflash("bench", *(word for pair in given.items() for word in pair))

    assert ended.exit_code == 2
    assert f"option {option}: must be from 1 to" in ended.error
