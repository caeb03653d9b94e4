"""`doctor`: each check, what it says, and the exit code."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.support.command_line import CommandLine

CHECKS = (
    "config",
    "credentials",
    "connection",
    "tls",
    "token",
    "scopes",
    "clock",
    "metadata",
    "socket",
)


def test_all_is_well(hookflash: CommandLine) -> None:
    """One line per check, all ok; no command is sent and nothing is written."""
    before = hookflash.simulator.commands()
    ended = hookflash("doctor")

    assert ended.exit_code == 0
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["ok", name] for name in CHECKS
    ]
    assert hookflash.simulator.commands() == before
    assert list(Path().iterdir()) == []


def results(hookflash: CommandLine) -> tuple[int, dict[str, str], dict[str, str]]:
    """Run it; return its exit code, the results and the advice by check."""
    ended = hookflash("doctor", "--json")
    checks = ended.json["checks"]
    assert ended.json["status"] == ("failed" if ended.exit_code else "success")
    return (
        ended.exit_code,
        {check["check"]: check["result"] for check in checks},
        {check["check"]: check["advice"] or check["message"] for check in checks},
    )


def test_a_bad_config_ends_it_with_exit_code_2(hookflash: CommandLine) -> None:
    """What is wrong is told as one check."""
    Path("hookflash.toml").write_text("[hold]\nlimt_s = 5\n")
    exit_code, found, _ = results(hookflash)

    assert exit_code == 2
    assert found == {"config": "failed"}


def test_missing_credentials_skip_the_rest(hookflash: CommandLine) -> None:
    """Exit code 2, and how to give them."""
    hookflash.configure(CLIENT_SECRET=None)
    exit_code, found, advice = results(hookflash)

    assert exit_code == 2
    assert found["credentials"] == "failed"
    assert {found[name] for name in CHECKS[2:]} == {"skipped"}
    assert "HOOKFLASH_CLIENT_SECRET" in advice["credentials"]


@pytest.mark.parametrize(
    ("variables", "failed_check", "expected"),
    [
        ({"HOST": "localhost:1"}, "connection", "port"),
        ({"HOST": "no-such-host.invalid"}, "connection", "spelt"),
        ({"CA_FILE": None}, "tls", "ca_file"),
        ({"CLIENT_SECRET": "wrong"}, "token", "secret"),
    ],
)
def test_what_cannot_be_reached_is_exit_code_3(
    hookflash: CommandLine, variables: dict[str, str | None], failed_check: str, expected: str
) -> None:
    """The first check that fails is the cause, with advice; those before are ok."""
    hookflash.configure(**variables)
    exit_code, found, advice = results(hookflash)

    assert exit_code == 3
    assert found[failed_check] == "failed"
    place = CHECKS.index(failed_check)
    assert {found[name] for name in CHECKS[:place]} == {"ok"}
    assert expected in advice[failed_check]


def test_missing_scopes_are_named(hookflash: CommandLine, tmp_path: Path) -> None:
    """The token is given, but not for what is needed."""
    config = tmp_path / "hookflash.toml"
    config.write_text('[gateway]\nscope = "interaction:control"\n')
    exit_code, found, advice = results(hookflash)

    assert exit_code == 3
    assert found["scopes"] == "failed"
    assert found["metadata"] == "failed"
    assert "scope" in advice["scopes"]


def test_the_socket_is_closed_again(hookflash: CommandLine) -> None:
    """Nothing stays open at the gateway."""
    assert hookflash("doctor", "--host", hookflash.simulator.address.host).exit_code == 0
    one = str(uuid.uuid4())

    def closed() -> bool:
        return hookflash.simulator.ask(lambda simulator: simulator.open_sockets) == 0

    assert hookflash("status", one).exit_code == 0
    assert closed()


@pytest.mark.parametrize(
    ("check", "script", "expected"),
    [
        ("token", {"status": 503}, "503"),
        ("token", {"connection_lost": True}, ""),
    ],
)
def test_a_gateway_that_is_not_well_is_exit_code_3(
    hookflash: CommandLine, check: str, script: dict[str, Any], expected: str
) -> None:
    """What it answered is told."""
    hookflash.simulator.ask(lambda simulator: simulator.next_token(**script))
    ended = hookflash("doctor")

    assert ended.exit_code == 3
    (line,) = [line for line in ended.out.splitlines() if line.startswith("failed")]
    assert line.split()[1] == check
    assert expected in line


def test_a_socket_that_is_refused_is_told(hookflash: CommandLine) -> None:
    """The last check: all else is well."""
    for _ in range(6):
        hookflash.simulator.ask(lambda simulator: simulator.next_upgrade(status=403))
    ended = hookflash("doctor")

    assert ended.exit_code == 3
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 8 + ["failed"]
