"""The certificates that the simulator serves with: an authority made on the spot.

The authority and the server's key live in memory only; what a client needs, the authority's public
certificate, is written as `ca.pem` into a folder of the user's choice.
"""

import ssl
import tempfile
from pathlib import Path

import attrs
import trustme

from hookflash.machines.errors import ConfigurationError

HOST_NAMES = ("localhost", "127.0.0.1", "::1")
"""What the server's certificate is valid for."""


@attrs.frozen
class ServerIdentity:
    """Who the simulator is towards its clients.

    Attributes:
        context: The TLS context of the server, at least TLS 1.2.
        ca_file: The PEM file with the authority that clients have to trust.
    """

    context: ssl.SSLContext
    ca_file: Path


def make_identity(tls_dir: Path | None = None) -> ServerIdentity:
    """Make an authority and a certificate for localhost, and write `ca.pem`.

    Args:
        tls_dir: The folder for `ca.pem`, created when missing; an older `ca.pem` in it is replaced
            in one step. None makes a fresh temporary folder, which is left to the caller to delete.

    Returns:
        The server's TLS context and the path of `ca.pem`. No private key is left on disk.

    Raises:
        ConfigurationError: The folder cannot be made or written; `source` names it.
    """
    authority = trustme.CA(organization_name="hookflash simulator")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert(*HOST_NAMES).configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    folder = Path(tempfile.mkdtemp(prefix="hookflash-tls-")) if tls_dir is None else Path(tls_dir)
    ca_file = folder / "ca.pem"
    unfinished = folder / "ca.pem.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(authority.cert_pem.bytes())
        unfinished.replace(ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {ca_file}: {error.strerror or error}",
            advice="name a folder for the certificate that you may write to",
            source=str(folder),
        ) from error
    return ServerIdentity(context, ca_file)
