"""Loading settings: precedence, paths, and one line for each thing that is wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hookflash.adapters.settings import Settings, load_settings
from hookflash.adapters.settings.loading import read_settings
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.policy import GroupPolicy

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a config file, in a folder that is not the current one."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def write_config(text: str) -> Path:
        path = tmp_path / "hookflash.toml"
        path.write_text(text)
        return path

    return write_config


def problems(config: Path | None, **given: dict[str, object]) -> list[str]:
    """Load, and return what is wrong, one line each."""
    environ = {name: str(value) for name, value in given.get("environ", {}).items()}
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config, given.get("overrides"), environ)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_an_empty_file_gives_the_defaults(write: Write, tmp_path: Path) -> None:
    """Nothing needs to be set; journal and audit log lie beside the config file."""
    settings = load_settings(write(""), environ={})

    assert settings.hold == Settings().hold
    assert settings.gateway.host is None
    assert settings.throttle.max_commands_per_s == 0
    assert settings.throttle.max_in_flight == 256
    assert settings.journal.path == tmp_path / "hookflash.db"
    assert settings.audit.path == tmp_path / "hookflash-audit.jsonl"
    assert settings.config_file == tmp_path / "hookflash.toml"


def test_without_any_file_paths_are_those_of_the_current_folder(write: Write) -> None:
    """No config file is no error."""
    del write
    settings = load_settings(environ={})

    assert settings.config_file is None
    assert settings.journal.path == Path.cwd() / "hookflash.db"


def test_the_file_of_the_current_folder_is_read(write: Write) -> None:
    """`hookflash.toml` counts where nobody names another file."""
    Path("hookflash.toml").write_text("[hold]\nlimit_s = 7\n")
    named = write("[hold]\nlimit_s = 8\n")

    assert load_settings(environ={}).hold.limit_s == 7
    assert load_settings(environ={"HOOKFLASH_CONFIG": str(named)}).hold.limit_s == 8
    assert load_settings(named, environ={"HOOKFLASH_CONFIG": "nowhere.toml"}).hold.limit_s == 8


def test_option_wins_over_variable_over_file(write: Write) -> None:
    """The three sources, and what is not given leaves the next."""
    config = write('[gateway]\nhost = "file"\nclient_id = "file"\nregion = "file"\n')
    environ = {"HOOKFLASH_HOST": "variable", "HOOKFLASH_CLIENT_ID": "variable"}
    overrides = {"gateway.host": "option", "gateway.client_id": None}

    gateway = load_settings(config, overrides, environ).gateway

    assert (gateway.host, gateway.client_id, gateway.region) == ("option", "variable", "file")


def test_every_scalar_setting_has_a_variable(write: Write) -> None:
    """Variables name table and key; those of the gateway only the key."""
    environ = {
        "HOOKFLASH_PROTOCOL": "genesys-cloud",
        "HOOKFLASH_CA_FILE": "ca.pem",
        "HOOKFLASH_REGION": "eu",
        "HOOKFLASH_RECONNECT_JITTER": "off",
        "HOOKFLASH_HOLD_LIMIT_S": "12.5",
        "HOOKFLASH_HOLD_REASONS": "one, two",
        "HOOKFLASH_THROTTLE_MAX_IN_FLIGHT": "3",
        "HOOKFLASH_JOURNAL_DURABILITY": "power",
        "HOOKFLASH_LOG_LEVEL": "debug",
        "HOOKFLASH_RULES_PATH": "",
        "HOOKFLASH_PORT": "tcp://10.0.0.1:80",
    }
    settings = load_settings(write(""), environ=environ)

    assert settings.gateway.protocol == "genesys-cloud"
    assert settings.gateway.ca_file == Path.cwd() / "ca.pem"
    assert settings.gateway.region == "eu"
    assert settings.gateway.reconnect_jitter is False
    assert settings.hold.limit_s == 12.5
    assert settings.hold.reasons == ("one", "two")
    assert settings.throttle.max_in_flight == 3
    assert settings.journal.durability == "power"
    assert settings.log.level == "debug"
    assert settings.rules.path is None


def test_relative_paths_are_relative_to_who_names_them(write: Write, tmp_path: Path) -> None:
    """In the file to the file, in an option to the current folder."""
    config = write('[gateway]\nca_file = "tls/ca.pem"\n[journal]\npath = "x.db"\n')
    settings = load_settings(config, {"audit.path": "a.jsonl"}, {})

    assert settings.gateway.ca_file == tmp_path / "tls" / "ca.pem"
    assert settings.journal.path == tmp_path / "x.db"
    assert settings.audit.path == Path.cwd() / "a.jsonl"


def test_policies_and_monitors_are_lists_of_tables(write: Write, tmp_path: Path) -> None:
    """`[[hold.policy]]` and `[[monitor]]`."""
    config = write(
        '[[hold.policy]]\nskill_group = "a"\nlimit_s = 60\non_limit = "expire"\n'
        '[[hold.policy]]\nskill_group = "b"\ndeny = true\nreasons = ["queueing"]\n'
        '[[monitor]]\nurl = "https://example.org/hook"\nsecret_file = "hook.secret"\n'
    )
    settings = load_settings(config, environ={})

    assert settings.hold.policy == (
        GroupPolicy(skill_group="a", limit_s=60.0, on_limit="expire"),
        GroupPolicy(skill_group="b", deny=True, reasons=("queueing",)),
    )
    assert settings.monitors[0].url == "https://example.org/hook"
    assert settings.monitors[0].secret_file == tmp_path / "hook.secret"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[hold]\nlimit = 3", "[hold] limit: unknown key (did you mean limit_s?)"),
        ("[journl]", "journl: unknown key (did you mean journal?)"),
        ("stray = 1", "stray: unknown key (did you mean "),
        ("config_file = 'x'", "config_file: unknown key"),
        (
            "[[hold.policy]]\nskill_group = 'a'\nlimits = 1",
            "[[hold.policy]] #1 limits: unknown key (did you mean limit_s?)",
        ),
        ("[[monitor]]\nurl = 'https://a'\nurk = 1", "[[monitor]] #1 urk: unknown key"),
        ("[hold]\nlimit_s = 0", "[hold] limit_s: must be >= 1.0, is 0.0"),
        ("[hold]\nlimit_s = 86401", "[hold] limit_s: must be <= 86400.0"),
        ("[hold]\nlimit_s = '5'", "[hold] limit_s: must be a number, is '5'"),
        ("[hold]\nlimit_s = nan", "[hold] limit_s: must be a number, is nan"),
        ("[hold]\nlimit_s = true", "[hold] limit_s: must be a number, is True"),
        ("[hold]\nwarn_at = 1.5", "[hold] warn_at: must be <= 1.0"),
        ("[hold]\non_limit = 'x'", "[hold] on_limit: must be one of release, expire, is 'x'"),
        ("[hold]\nreasons = []", "[hold] reasons: `reasons` needs at least one"),
        ("[hold]\nreasons = 'x'", "[hold] reasons: must be a list"),
        ("[hold]\nreasons = [1]", "[hold] reasons: each item must be text, is 1"),
        ("[[hold.policy]]\nlimit_s = 5", "[[hold.policy]] #1: needs the key skill_group"),
        (
            "[[hold.policy]]\nskill_group = 'a'\nlimit_s = 0",
            "[[hold.policy]] #1 limit_s: must be >= 1.0",
        ),
        ("[hold]\npolicy = [1]", "[[hold.policy]] #1: must be a table, is 1"),
        ("hold = 5", "hold: must be a table [hold], is 5"),
        ("[throttle]\nmax_in_flight = 1.5", "max_in_flight: must be a whole number, is 1.5"),
        ("[gateway]\nhost = 'https://h'", "[gateway] host: must be HOST or HOST:PORT"),
        ("[gateway]\nhost = 'h:0'", "[gateway] host: must name a port from 1 to 65535"),
        ("[gateway]\nca_file = ''", "[gateway] ca_file: must be a path, is ''"),
        ("[gateway]\nca_file = 'a\\u0000b'", "[gateway] ca_file: must be a path, has a zero"),
        ("[gateway]\nreconnect_jitter = 1", "reconnect_jitter: must be true or false, is 1"),
        ("[[monitor]]\nurl = 'ftp://a'", "[[monitor]] #1 url: must begin with https://"),
        (
            "[[monitor]]\nurl = 'https://a'\nsecret_variable = '1 x'",
            "secret_variable: must be the name of an environment variable",
        ),
        ("[hold\nlimit_s = 3", "is no valid TOML: Expected"),
        ("\n[hold]\nlimit_s = ", "(at line 3, its end)"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_place(
    write: Write, text: str, expected: str
) -> None:
    """One line: the file, the table, the key and why."""
    config = write(text.replace("'a\\u0000b'", '"a\\u0000b"'))

    (line,) = problems(config)

    assert line.startswith(f"file {config} ")
    assert expected in line


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HOOKFLASH_THROTTLE_MAX_IN_FLIGHT", "x", "must be a whole number, is 'x'"),
        ("HOOKFLASH_HOLD_LIMIT_S", "x", "must be a number, is 'x'"),
        ("HOOKFLASH_HOLD_LIMIT_S", "0", "must be >= 1.0, is 0.0"),
        ("HOOKFLASH_RECONNECT_JITTER", "perhaps", "must be true or false, is 'perhaps'"),
        ("HOOKFLASH_PROTOCOL", "sip", "must be one of interaction, genesys-cloud, is 'sip'"),
        ("HOOKFLASH_LOG_LEVEL", "loud", "must be one of debug, info"),
    ],
)
def test_a_bad_variable_is_named(write: Write, name: str, value: str, expected: str) -> None:
    """The variable is to blame, not the file."""
    (line,) = problems(write(""), environ={name: value})

    assert line.startswith(f"variable {name}: {expected}")


def test_a_variable_that_nothing_reads_is_warned_about(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the nearest one; others may share the prefix, so that it is no error."""
    config = write('[[monitor]]\nurl = "https://a.test/"\nsecret_variable = "HOOKFLASH_HOOK"\n')
    platform = {
        "HOOKFLASH_SERVICE_HOST": "10.0.0.1",
        "HOOKFLASH_SERVICE_PORT": "8443",
        "HOOKFLASH_SERVICE_PORT_HTTPS": "8443",
        "HOOKFLASH_PORT": "tcp://10.0.0.1:8443",
        "HOOKFLASH_PORT_8443_TCP": "tcp://10.0.0.1:8443",
        "HOOKFLASH_SIMULATOR_PORT_8443_TCP_ADDR": "10.0.0.1",
    }
    ours = {
        "HOOKFLASH_HOST": "localhost",
        "HOOKFLASH_CONFIG": str(config),
        "HOOKFLASH_CLIENT_SECRET": "hush",
        "HOOKFLASH_LOG_LEVEL": "info",
        "HOOKFLASH_HOOK": "hush",
        "HOOKFLASH_LIMIT": "",
    }
    _, warnings = read_settings(None, None, {**platform, **ours, "OTHER": "x"})
    assert warnings == ()

    environ = {"HOOKFLASH_HSOT": "hush", "HOOKFLASH_PORT": "8443"}
    settings, warnings = read_settings(config, None, environ)
    assert settings.gateway.host is None
    assert warnings == (
        "variable HOOKFLASH_HSOT is unknown and ignored (did you mean HOOKFLASH_HOST?)",
        "variable HOOKFLASH_PORT is unknown and ignored (did you mean HOOKFLASH_HOST?)",
    )
    logged: list[str] = []

    class Logger:
        def warning(self, event: str, *, reason: str) -> None:
            logged.append(f"{event} {reason}")

    def get_logger(name: str) -> Logger:
        assert name == "hookflash.settings"
        return Logger()

    # Where logs go depends on what other tests have configured.
    monkeypatch.setattr("hookflash.engine.logs.get_logger", get_logger)
    load_settings(config, environ=environ)
    assert 2 == len(logged)
    assert "did you mean HOOKFLASH_HOST" in str(logged)
    assert "hush" not in str(logged)


def test_a_bad_option_is_named(write: Write) -> None:
    """By the name that the command line gives it, else by its dotted path."""
    overrides: dict[str, object] = {
        "gateway": {"host": "a b"},
        "hold.limit_s": -1,
        "hold.limt_s": 1,
    }
    lines = problems(write(""), overrides=overrides)

    assert lines == [
        "option --host: must be HOST or HOST:PORT, without https:// and path",
        "option hold.limit_s: must be >= 1.0, is -1.0",
        "option hold.limt_s: unknown setting (did you mean hold.limit_s?)",
    ]


def test_all_problems_are_told_at_once(write: Write) -> None:
    """Of all sources, also where a better source would have won."""
    config = write("[hold]\nlimit_s = 0\nlimt = 1\n[audit]\npath = 5\n")
    environ: dict[str, object] = {"HOOKFLASH_HOLD_WARN_AT": "2"}

    lines = problems(config, environ=environ, overrides={"hold.limit_s": 60})

    assert len(lines) == 4
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config, environ={})
    assert caught.value.parts["problems"] == tuple(str(caught.value).splitlines())


def test_a_secret_in_the_file_is_refused_and_not_repeated(write: Write) -> None:
    """The message says where it belongs, not what it was."""
    (line,) = problems(write('[gateway]\nclient_secret = "hush-hush"\n'))

    assert "HOOKFLASH_CLIENT_SECRET" in line
    assert "client_secret_file" in line
    assert "hush-hush" not in line


def test_secrets_are_masked(write: Write) -> None:
    """Neither the client's secret nor a webhook's address is shown."""
    config = write('[[monitor]]\nurl = "https://user:hush@example.org/hush?token=hush"\n')
    settings = load_settings(config, environ={"HOOKFLASH_CLIENT_SECRET": "hush-hush"})

    assert "hush-hush" not in repr(settings).replace("hookflash", "")
    assert "token" not in repr(settings)
    assert "https://example.org/…" in repr(settings)
    assert settings.gateway.client_secret is not None
    assert settings.gateway.client_secret.get_secret_value() == "hush-hush"


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_named_file_must_exist(write: Write, *, by_variable: bool) -> None:
    """Who named it is told."""
    missing = write("").with_name("missing.toml")
    environ: dict[str, object] = {"HOOKFLASH_CONFIG": str(missing)} if by_variable else {}

    (line,) = problems(None if by_variable else missing, environ=environ)

    named_by = "variable HOOKFLASH_CONFIG" if by_variable else "option --config"
    assert line == f"config file {missing} does not exist (named by {named_by})"


def test_a_file_that_is_no_file_or_no_text_is_refused(write: Write) -> None:
    """A folder, and bytes that are no UTF-8, with their line."""
    config = write("")
    (line,) = problems(config.parent)
    assert "cannot be read: Is a directory" in line

    config.write_bytes(b'[gateway]\nhost = "\xff"\n')
    (line,) = problems(config)
    assert line == f"file {config} is no UTF-8 text (line 2)"


def test_the_process_environment_is_the_default(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the shell exports counts."""
    for name in [name for name in os.environ if name.startswith("HOOKFLASH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOOKFLASH_HOST", "exported:8443")
    settings = load_settings(write(""))

    assert settings.gateway.address == ("exported", 8443)


@pytest.mark.parametrize(
    ("host", "address"),
    [("h", ("h", 443)), ("h:1", ("h", 1)), ("[::1]:8443", ("::1", 8443)), ("[::1]", ("::1", 443))],
)
def test_the_address_is_taken_apart(write: Write, host: str, address: tuple[str, int]) -> None:
    """Name and port, 443 unless given."""
    assert load_settings(write(""), {"gateway.host": host}, {}).gateway.address == address


def test_no_address_without_a_host() -> None:
    """It is a mistake of the program to ask for it."""
    with pytest.raises(ValueError, match="no host"):
        _ = Settings().gateway.address
