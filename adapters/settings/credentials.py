"""What a command that connects needs: a host, a client id, a secret from wherever it is kept."""

import importlib
from pathlib import Path
from typing import Final

from attrs import frozen
from typed_settings.types import Secret

from hookflash.adapters.settings.groups import Settings
from hookflash.adapters.settings.loading import raise_problems
from hookflash.adapters.settings.sources import Problem, variable_of
from hookflash.machines.errors import ConfigurationError

KEYRING_SERVICE: Final = "hookflash"
"""The service under which the keyring has the secret; the user name is the client id."""

SECRET_BYTES_MAX: Final = 65_536
"""A secret file that is larger was named by mistake."""

CA_BYTES_MAX: Final = 4_194_304
"""Bundles of all public authorities have some 200 kB."""

SERVED_PROTOCOLS: Final = ("interaction",)
"""The protocols that this version speaks."""


@frozen(kw_only=True)
class Credentials:
    """Where to connect and as whom; the secret is masked when shown.

    Attributes:
        host: The host name.
        port: The TCP port.
        client_id: The OAuth client.
        client_secret: Its secret; `get_secret_value()` gives it.
    """

    host: str
    port: int
    client_id: str
    client_secret: Secret[str]


def credentials_of(settings: Settings) -> Credentials:
    """Return what is needed to connect; reads the secret's file or asks the keyring.

    The variable HOOKFLASH_CLIENT_SECRET wins over the file, the file over the keyring.

    Raises:
        ConfigurationError: Something is missing or cannot be read, one line each that says how to
            give it; or this version does not speak the protocol.
    """
    gateway = settings.gateway
    problems: list[Problem] = []
    if gateway.protocol not in SERVED_PROTOCOLS:
        text = f"this version does not speak the protocol {gateway.protocol} yet (use interaction)"
        problems.append(Problem("[gateway] protocol", text))
    for key, option in (("host", "--host HOST[:PORT]"), ("client_id", "--client-id ID")):
        if getattr(gateway, key) is None:
            variable = variable_of(f"gateway.{key}")
            text = f"no {key} is set (give it by {option}, {variable} or [gateway] {key} in a file)"
            problems.append(Problem(f"[gateway] {key}", text))
    if gateway.ca_file is not None and (reason := _objection(gateway.ca_file)):
        text = f"the file {gateway.ca_file} that ca_file names {reason}"
        problems.append(Problem("[gateway] ca_file", text))
    secret: Secret[str] | None = None
    try:
        secret = gateway.client_secret or _from_file(settings) or _from_keyring(settings)
    except ConfigurationError as error:
        problems.append(Problem(error.source, str(error)))
    else:
        if secret is None:
            text = f"no client secret is set ({_GIVE_IT_BY})"
            problems.append(Problem("[gateway] client_secret", text))
    raise_problems(problems)
    assert gateway.client_id is not None  # noqa: S101 - a problem otherwise, raised above
    assert secret is not None  # noqa: S101 - the same
    host, port = gateway.address
    return Credentials(host=host, port=port, client_id=gateway.client_id, client_secret=secret)


_GIVE_IT_BY = (
    "give it by HOOKFLASH_CLIENT_SECRET, by a file that [gateway] client_secret_file names,"
    " or by the keyring: pip install 'hookflash[keyring]'"
)


def _objection(ca_file: Path) -> str | None:
    """Say why the file cannot be one of certificates; None where it looks like one."""
    try:
        with ca_file.open("rb") as file:
            start = file.read(CA_BYTES_MAX)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if b"-----BEGIN " not in start:
        return "holds no certificate in PEM form"
    return None


def _from_file(settings: Settings) -> Secret[str] | None:
    path = settings.gateway.client_secret_file
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            text = file.read(SECRET_BYTES_MAX + 1).decode()
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        reason = "is no UTF-8 text"
    else:
        secret = text.partition("\n")[0].strip()
        if secret and len(text) <= SECRET_BYTES_MAX:
            return Secret(secret)
        reason = "has an empty first line" if not secret else "is too large to hold a secret"
    raise ConfigurationError(
        f"the client secret file {path} {reason}",
        advice="it must hold the secret in its first line",
        source="[gateway] client_secret_file",
    )


def _from_keyring(settings: Settings) -> Secret[str] | None:
    """Ask the keyring; None where it is not installed, or knows no secret of this client."""
    if settings.gateway.client_id is None:
        return None
    try:
        # An extra, named only here; on a server there often is no keyring to ask.
        keyring = importlib.import_module("keyring")
    except ModuleNotFoundError:
        return None
    try:
        secret = keyring.get_password(KEYRING_SERVICE, settings.gateway.client_id)
    except keyring.errors.NoKeyringError:
        return None
    except keyring.errors.KeyringError as error:
        raise ConfigurationError(
            f"the keyring did not give the client secret: {type(error).__name__}",
            advice="unlock it, or set HOOKFLASH_CLIENT_SECRET",
            source="keyring",
        ) from error
    return Secret(secret) if secret else None
