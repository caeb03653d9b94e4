"""What a command that connects needs: a host, a client id and a secret, from wherever it is kept."""

import importlib
from pathlib import Path
from typing import Any, Final, NewType

from attrs import field, frozen
from typed_settings.types import Secret

from hookflash.adapters.settings.groups import Settings
from hookflash.adapters.settings.loading import raise_problems
from hookflash.adapters.settings.sources import Problem, variable_of
from hookflash.machines.errors import ConfigurationError

KEYRING_SERVICE: Final = "hookflash"
"""The service under which the keyring has the secret; the user name is `CLIENT_ID@HOST`."""

SECRET_BYTES_MAX: Final = 65_536
"""A secret file that is larger was named by mistake."""

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
            given_by = f"{option}, {variable_of(f'gateway.{key}')} or [gateway] {key} in a config file"
            problems.append(Problem(f"[gateway] {key}", f"no {key} is set (give it by {given_by})"))
    secret: Secret[str] | None = None
    try:
        secret = gateway.client_secret or _from_file(settings) or _from_keyring(settings)
    except ConfigurationError as error:
        problems.append(Problem(error.source, str(error)))
    else:
        if secret is None:
            problems.append(Problem("[gateway] client_secret", _MISSING_SECRET))
    raise_problems(problems)
    assert gateway.client_id is not None  # noqa: S101 - a problem otherwise, raised above
    assert secret is not None  # noqa: S101 - the same
    host, port = gateway.address
    return Credentials(host=host, port=port, client_id=gateway.client_id, client_secret=secret)


_MISSING_SECRET = (
    "no client secret is set (give it by HOOKFLASH_CLIENT_SECRET, by a file that"
    " [gateway] client_secret_file names, or by the keyring: pip install 'hookflash[keyring]')"
)
