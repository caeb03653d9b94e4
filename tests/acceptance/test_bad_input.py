"""Bad input, as a user would give it.

One line says what is wrong, with an exit code, and the gateway receives no command. Most run in
this process, against a real simulator over TLS; a few as the program itself.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import field, frozen
from tests.support.command_line import CommandLine, be_quiet, quiet_logs
from tests.support.simulator_thread import SimulatorThread, simulator_in_thread

from hookflash.adapters.simulator import make_identity

INTERACTION = "11111111-2222-4333-8444-555555555555"
HOLD = ("hold", INTERACTION, "--reason", "consultation", "--priority", "5")


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorThread]:
    """One simulator for all of them."""
    with quiet_logs(), simulator_in_thread(tmp_path_factory.mktemp("tls")) as serving:
        yield serving


@pytest.fixture
def hookflash(
    simulator: SimulatorThread,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[CommandLine]:
    """The command line, in an empty folder, with all that it needs in variables."""
    for name in [name for name in os.environ if name.startswith("HOOKFLASH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield CommandLine(simulator, capsys, monkeypatch)
    be_quiet()


@frozen(kw_only=True)
class Bad:
    """One bad input.

    Attributes:
        name: What is bad.
        exit_code: The exit code of the contract.
        said: What the line must say.
        arguments: The command.
        config: Content of hookflash.toml; None for no file.
        variables: Variables that differ; None takes one away.
        put: What is so about the interaction at the gateway.
        status: HTTP status with which the gateway answers lookups.
    """

    name: str
    exit_code: int
    said: tuple[str, ...]
    arguments: tuple[str, ...] = HOLD
    config: str | None = None
    variables: dict[str, str | None] = field(factory=dict[str, str | None])
    put: dict[str, str | bool] = field(factory=dict[str, str | bool])
    status: int | None = None


def hold(
    interaction_id: str = INTERACTION, reason: str = "consultation", priority: str = "5"
) -> tuple[str, ...]:
    """A hold with something different."""
    return ("hold", interaction_id, "--reason", reason, "--priority", priority)


CASES = (
    Bad(name="bad UUID", exit_code=2, said=("UUID",), arguments=hold("not-a-uuid")),
    Bad(
        name="unknown reason",
        exit_code=2,
        said=("lunch", "consultation"),
        arguments=hold(reason="lunch"),
    ),
    Bad(name="priority 10", exit_code=2, said=("'10'", "0 to 9"), arguments=hold(priority="10")),
    Bad(name="priority x", exit_code=2, said=("'x'", "0 to 9"), arguments=hold(priority="x")),
    Bad(name="priority -1", exit_code=2, said=("'-1'", "0 to 9"), arguments=hold(priority="-1")),
    Bad(
        name="all bad at once",
        exit_code=2,
        said=("UUID", "lunch", "'x'"),
        arguments=hold("not-a-uuid", "lunch", "x"),
    ),
    Bad(
        name="bad unhold",
        exit_code=2,
        said=("UUID", "'12'"),
        arguments=("unhold", "1234", "--priority", "12"),
    ),
    Bad(
        name="empty config",
        exit_code=2,
        said=("no host is set", "--host"),
        config="",
        variables={"HOST": None},
    ),
    Bad(
        name="unknown config key",
        exit_code=2,
        said=("hookflash.toml [hold] limt_s", "did you mean limit_s?"),
        config="[hold]\nlimt_s = 5\n",
    ),
    Bad(
        name="torn config",
        exit_code=2,
        said=("hookflash.toml", "line 2"),
        config="[hold]\nlimit_s = \n",
    ),
    Bad(
        name="limit out of range",
        exit_code=2,
        said=("hookflash.toml [hold] limit_s", "must be >= 1"),
        config="[hold]\nlimit_s = 0\n",
    ),
    Bad(
        name="bad variable",
        exit_code=2,
        said=("variable HOOKFLASH_THROTTLE_MAX_IN_FLIGHT",),
        variables={"THROTTLE_MAX_IN_FLIGHT": "x"},
    ),
    Bad(
        name="bad option",
        exit_code=2,
        said=("option --host",),
        arguments=(*HOLD, "--host", "https://localhost/"),
    ),
    Bad(
        name="missing secret",
        exit_code=2,
        said=("HOOKFLASH_CLIENT_SECRET", "client_secret_file", "keyring"),
        variables={"CLIENT_SECRET": None},
    ),
    Bad(
        name="missing CA file",
        exit_code=2,
        said=("ca_file", "none.pem"),
        variables={"CA_FILE": "none.pem"},
    ),
    Bad(name="wrong CA", exit_code=3, said=("not trusted", "ca_file"), variables={"CA_FILE": "?"}),
    Bad(
        name="wrong host name",
        exit_code=3,
        said=("certificate", "is not for"),
        variables={"HOST": "?"},
    ),
    Bad(
        name="unknown host",
        exit_code=3,
        said=("no-such-host.invalid", "cannot be resolved"),
        variables={
            "HOST": "no-such-host.invalid",
            "COMMANDS_FIRST_CONNECTION_TIMEOUT_S": "0.5",
        },
    ),
    Bad(
        name="port closed",
        exit_code=3,
        said=("localhost:1 cannot be connected to", "host and port"),
        variables={"HOST": "localhost:1", "COMMANDS_FIRST_CONNECTION_TIMEOUT_S": "0.5"},
    ),
    Bad(
        name="401",
        exit_code=3,
        said=("credentials", "401"),
        variables={"CLIENT_SECRET": "wrong"},
    ),
    Bad(name="403", exit_code=3, said=("403", "interaction:read"), status=403),
    Bad(name="404", exit_code=1, said=("404",), put={"unknown": True}),
    Bad(
        name="missing scope",
        exit_code=3,
        said=("scope interaction:control",),
        config='[gateway]\nscope = "interaction:read"\n',
    ),
    Bad(name="no skill group", exit_code=1, said=("skill group",), put={"skill_group_id": ""}),
    Bad(
        name="denied skill group",
        exit_code=1,
        said=("'sg-1'", "denied"),
        config='[[hold.policy]]\nskill_group = "sg-1"\ndeny = true\n',
    ),
    Bad(
        name="wrong org",
        exit_code=1,
        said=("'org-1'", "'org-2'"),
        variables={"HOLD_ORG_ID": "org-2"},
    ),
    Bad(name="closed", exit_code=1, said=("closed",), put={"state": "closed"}),
)


@pytest.mark.parametrize("bad", CASES, ids=[bad.name for bad in CASES])
def test_bad_input_is_one_line_and_sends_nothing(
    hookflash: CommandLine, tmp_path: Path, bad: Bad
) -> None:
    """Exactly one error line that says what is wrong; the exit code; no command received."""
    simulator = hookflash.simulator
    one = str(uuid.uuid4())
    arguments = [one if argument == INTERACTION else argument for argument in bad.arguments]
    variables = dict(bad.variables)
    if variables.get("CA_FILE") == "?":
        variables["CA_FILE"] = str(make_identity(tmp_path / "other").ca_file)
    if variables.get("HOST") == "?":
        # Reaches this machine as well, but no certificate is for it.
        variables["HOST"] = f"0.0.0.0:{simulator.address.port}"
    hookflash.configure(**variables)
    if bad.config is not None:
        Path("hookflash.toml").write_text(bad.config)
    if bad.put:
        simulator.ask(lambda gateway: gateway.put(one, **bad.put))  # type: ignore[arg-type]
    if bad.status is not None:
        simulator.ask(lambda gateway: gateway.next_metadata(one, status=bad.status))
    before = simulator.commands()

    ended = hookflash(*arguments)

    assert ended.exit_code == bad.exit_code, ended.err
    assert ended.out == ""
    for words in bad.said:
        assert words in ended.error
    assert len(ended.err.splitlines()) == 1
    assert "hush-hush" not in ended.error
    assert simulator.commands() == before


def test_bad_fields_are_audited(hookflash: CommandLine) -> None:
    """Every attempt has its line, also one of which nothing was sent."""
    hookflash(*hold("not-a-uuid", "lunch", "x"))
    hookflash("hold", INTERACTION, "--reason", "consultation", "--priority", "11")

    assert [line["outcome"] for line in hookflash.audit_lines()] == ["invalid", "invalid"]


@pytest.mark.parametrize("wants_json", [False, True])
def test_the_program_itself_says_it_in_one_line(
    hookflash: CommandLine, tmp_path: Path, *, wants_json: bool
) -> None:
    """As a process: nothing but that line on stderr, no traceback, nothing sent."""
    before = hookflash.simulator.commands()
    program = "from hookflash.adapters.command_line.main import run; run()"
    arguments = [*hold("not-a-uuid", "lunch", "x"), *(["--json"] if wants_json else [])]
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=tmp_path,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout.count("\n") == (1 if wants_json else 0)
    assert hookflash.simulator.commands() == before
