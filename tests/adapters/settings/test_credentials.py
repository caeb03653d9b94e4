"""Credentials: what is missing is said with how to give it; the secret comes from three places."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from hookflash.adapters.settings import Settings, credentials_of, load_settings
from hookflash.machines.errors import ConfigurationError


class FakeKeyring(ModuleType):
    """Stands in for the optional package: real keyrings ask the user."""

    def __init__(self, secrets: dict[tuple[str, str], str], failure: str = "") -> None:
        super().__init__("keyring")
        base = type("KeyringError", (Exception,), {})
        self.errors = SimpleNamespace(
            KeyringError=base,
            NoKeyringError=type("NoKeyringError", (base,), {}),
            KeyringLocked=type("KeyringLocked", (base,), {}),
        )
        self._secrets = secrets
        self._failure = failure

    def get_password(self, service: str, user: str) -> str | None:
        """Answer, or fail as a locked or missing keyring does."""
        if self._failure:
            raise getattr(self.errors, self._failure)
        return self._secrets.get((service, user))


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test asks a real keyring, or reads a config file that happens to lie about."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.chdir(tmp_path)


def settings(**gateway: object) -> Settings:
    """Settings with a host and a client id."""
    given = {"host": "example.org", "client_id": "me", **gateway}
    return load_settings(overrides={"gateway": given}, environ={})


def test_all_that_is_missing_is_told_with_how_to_give_it() -> None:
    """One line each for host, client id and secret."""
    with pytest.raises(ConfigurationError) as caught:
        credentials_of(load_settings(environ={}))

    host, client_id, secret = str(caught.value).splitlines()
    assert "no host is set" in host
    assert "--host" in host
    assert "HOOKFLASH_HOST" in host
    assert "HOOKFLASH_CLIENT_ID" in client_id
    assert "HOOKFLASH_CLIENT_SECRET" in secret
    assert "client_secret_file" in secret
    assert "hookflash[keyring]" in secret


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    """The secret of the environment is taken; the file is not even read."""
    credentials = credentials_of(
        settings(client_secret="from-variable", client_secret_file=tmp_path / "missing")
    )

    assert credentials.client_secret.get_secret_value() == "from-variable"
    assert (credentials.host, credentials.port, credentials.client_id) == ("example.org", 443, "me")
    assert "from-variable" not in repr(credentials)


def test_the_first_line_of_the_file_is_the_secret(tmp_path: Path) -> None:
    """Whatever ends the line."""
    path = tmp_path / "secret"
    path.write_bytes(b"from-file\r\nsecond line")

    credentials = credentials_of(settings(client_secret_file=path))

    assert credentials.client_secret.get_secret_value() == "from-file"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file"),
        (b"", "has an empty first line"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"x" * 65_537, "is too large"),
    ],
)
def test_an_unusable_secret_file_is_named(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """With its path and why, without its content."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=expected) as caught:
        credentials_of(settings(client_secret_file=path))

    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_keyring_is_asked_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the service hookflash and the client id."""
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring({("hookflash", "me"): "from-ring"}))

    assert credentials_of(settings()).client_secret.get_secret_value() == "from-ring"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ("NoKeyringError", "no client secret is set"),
        ("KeyringLocked", "the keyring did not give the client secret: KeyringLocked"),
        ("", "no client secret is set"),
    ],
)
def test_a_keyring_that_does_not_answer_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, failure: str, expected: str
) -> None:
    """None installed, a locked one, and one that does not know the client."""
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring({}, failure))

    with pytest.raises(ConfigurationError, match=expected):
        credentials_of(settings())


def test_a_protocol_of_a_later_version_is_refused() -> None:
    """Settings may name it, but nothing connects with it yet."""
    with pytest.raises(ConfigurationError, match="does not speak the protocol genesys-cloud"):
        credentials_of(settings(protocol="genesys-cloud", client_secret="x"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "cannot be read: No such file"), (b"\x30\x82", "holds no certificate in PEM form")],
)
def test_a_ca_file_that_is_none_is_told_before_anything_connects(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """Missing, or in another form."""
    path = tmp_path / "ca.der"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=expected) as caught:
        credentials_of(settings(client_secret="x", ca_file=path))

    assert str(path) in str(caught.value)


def test_a_ca_file_of_certificates_is_taken(tmp_path: Path) -> None:
    """What is in it is the handshake's concern."""
    path = tmp_path / "ca.pem"
    path.write_text("# ours\n-----BEGIN CERTIFICATE-----\n")

    assert credentials_of(settings(client_secret="x", ca_file=path)).host == "example.org"
